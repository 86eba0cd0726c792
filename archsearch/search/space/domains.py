"""What one open value may be: a range of whole numbers, a range of floats, or one of some choices.

    IntRange(6, 150, log=True).values()       # 6, 7, ..., 150
    Choice(("tanh", "relu")).optuna()         # the Optuna distribution

Optuna is imported by `optuna()` only.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archsearch.wording import yaml_word

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class IntRange:
    """Whole numbers from low to high, both included; `step` and `log` as in Optuna."""

    low: int
    high: int
    log: bool = False
    step: int = 1

    @property
    def count(self) -> int | None:
        """How many values there are."""
        return (self.high - self.low) // self.step + 1

    def values(self) -> Iterator[Value]:
        """Yield every value in order."""
        yield from range(self.low, self.high + 1, self.step)

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        return self.low <= value <= self.high and (value - self.low) % self.step == 0

    def draw(self, generator: random.Random) -> Value:
        """Draw a value, each as likely as the others."""
        return generator.randrange(self.low, self.high + 1, self.step)

    def optuna(self) -> BaseDistribution:
        """Give the Optuna distribution."""
        from optuna.distributions import IntDistribution

        return IntDistribution(self.low, self.high, log=self.log, step=self.step)

    def __str__(self) -> str:
        return f"{self.low} to {self.high}" + (f" step {self.step}" if self.step != 1 else "") + " log" * self.log


@dataclass(frozen=True, slots=True)
class FloatRange:
    """Numbers from low to high; without a step there are infinitely many."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def count(self) -> int | None:
        """How many values there are; None for infinitely many."""
        if self.low == self.high:
            return 1
        return None if self.step is None else int((self.high - self.low) / self.step + 1e-9) + 1

    def values(self) -> Iterator[Value]:
        """Yield every value in order; of infinitely many the lowest stands for all."""
        for k in range(self.count or 1):
            yield self.low + k * (self.step or 0.0)

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not self.low <= value <= self.high:
            return False
        steps = (value - self.low) / self.step if self.step else 0.0
        return abs(steps - round(steps)) < 1e-9

    def draw(self, generator: random.Random) -> Value:
        """Draw a value; on a log scale if the range is."""
        if self.step is not None:
            return self.low + self.step * generator.randrange(self.count or 1)
        if self.log:
            return math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        return generator.uniform(self.low, self.high)

    def optuna(self) -> BaseDistribution:
        """Give the Optuna distribution."""
        from optuna.distributions import FloatDistribution

        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}" + (f" step {self.step:g}" if self.step else "") + " log" * self.log


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some labels: scalars stand for themselves, layers for what the space keeps under that label."""

    labels: tuple[Value, ...]

    @property
    def count(self) -> int | None:
        """How many values there are."""
        return len(self.labels)

    def values(self) -> Iterator[Value]:
        """Yield every label in order."""
        yield from self.labels

    def __contains__(self, value: object) -> bool:
        return any(value == label and type(value) is type(label) for label in self.labels)

    def draw(self, generator: random.Random) -> Value:
        """Draw a label, each as likely as the others."""
        return generator.choice(self.labels)

    def optuna(self) -> BaseDistribution:
        """Give the Optuna distribution."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.labels)

    def __str__(self) -> str:
        """Write it as what a study is known by has it: another text would be another study."""
        return ", ".join(str(label) for label in self.labels)


Domain = IntRange | FloatRange | Choice


def domain_text(domain: Domain) -> str:
    """Write what a value may be for people, as files have it.

    >>> domain_text(Choice((None, True, 3))), domain_text(IntRange(1, 4))
    ('null, true, 3', '1 to 4')
    """
    return ", ".join(map(yaml_word, domain.labels)) if isinstance(domain, Choice) else str(domain)
