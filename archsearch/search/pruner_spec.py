"""When a trial of a search is stopped early, as a search file says it: `pruner: {halving: {first: 0.125}}`.

    Halving(first=0.25).rungs(3)           # after 0.25, 0.5, 1 and 2 epochs

What stops by it is made in `sampling/samplers.py`.
"""

from __future__ import annotations

import itertools
import math
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from archsearch.plain import NonNegative, Positive
from archsearch.spec.onekey import Kind, OneKey


class Screen(Kind):
    """After a fixed number of epochs keep the best fraction, and train only those to the end."""

    kind: ClassVar[str] = "screen"

    epochs: Positive = Field(default=1, description="Epochs after which trials are compared.", examples=[2])
    keep: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.3, description="Fraction of the trials that is trained to the end.", examples=[0.5]
    )
    startup_trials: NonNegative = Field(default=4, description="First trials that are never stopped.", examples=[10])

    def rungs(self, epochs: int) -> tuple[int, ...]:
        """Give after how many epochs trials of so many are compared."""
        return (self.epochs,) if self.epochs < epochs else ()


class Median(Kind):
    """Stop a trial whose best value so far is worse than the median of the others at the same epoch."""

    kind: ClassVar[str] = "median"

    warmup_epochs: NonNegative = Field(default=1, description="Epochs before which no trial is stopped.", examples=[2])
    startup_trials: NonNegative = Field(default=5, description="First trials that are never stopped.", examples=[10])


def _is_first_rung(value: float) -> float:
    if value >= 1 and value == round(value):
        return value
    if 1 / 64 <= value < 1 and math.log2(value) == round(math.log2(value)):
        return value
    raise PydanticCustomError(
        "first_rung",
        "expected whole epochs, or 0.5, 0.25, 0.125 and so on down to 0.015625 of the first one, which doubled often "
        "enough is the whole of it",
    )


class Halving(Kind):
    """Keep the best fraction of those that came so far, whenever a trial has been trained twice as long as before.

    Successive halving that never waits and never takes up again what it stopped (Li et al. 2020, "ASHA", as a stopping
    rule).
    """

    kind: ClassVar[str] = "halving"

    first: Annotated[float, Field(gt=0), AfterValidator(_is_first_rung)] = Field(
        default=0.125,
        description="Epochs after which trials are compared for the first time; 0.125 is an eighth of the first one.",
        examples=[0.25, 1],
    )
    keep: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.6, description="Fraction of the trials that goes on from each comparison.", examples=[0.5]
    )
    startup_trials: NonNegative = Field(
        default=4, description="First trials at each comparison that are never stopped.", examples=[10]
    )

    def rungs(self, epochs: int) -> tuple[float, ...]:
        """Give after how many epochs trials of so many are compared.

        >>> Halving().rungs(6)
        (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
        """
        doubled = itertools.takewhile(lambda rung: rung < epochs, (self.first * 2**n for n in itertools.count()))
        return tuple(doubled)


class Hyperband(Kind):
    """Successive halving in several brackets (Li et al. 2018); made for hundreds of trials."""

    kind: ClassVar[str] = "hyperband"

    min_epochs: Positive = Field(
        default=1, description="Epochs that every trial is trained at the least.", examples=[2]
    )
    reduction_factor: Annotated[int, Field(ge=2, le=10)] = Field(
        default=3, description="One of this many trials goes on at each step.", examples=[4]
    )


class NoPruning(Kind):
    """Train every trial to the end."""

    kind: ClassVar[str] = "none"


AnyPruner = Screen | Halving | Median | Hyperband | NoPruning
Pruner = Annotated[AnyPruner, OneKey("pruner")]
