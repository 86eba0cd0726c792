"""The schedules: what is written of each, and what it multiplies the learning rate by.

    Cosine(warmup_epochs=1).factor(epoch=2.5, epochs=6)
    Plateau(patience=1).reduced([0.9, 0.8, 0.8, 0.8])       # 0.1: two epochs without an improvement

Field names are torch's. To add one: a class here and its place in `AnySchedule`. Imports no torch.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from archsearch.metrics import WATCHED, direction_of
from archsearch.plain import Fraction, NonNegative, NonNegativeFloat, Positive
from archsearch.spec.loss_base import OpenFraction
from archsearch.spec.onekey import Kind, OneKey

if TYPE_CHECKING:
    Watched = str
else:
    Watched = Literal[WATCHED]

WarmupEpochs = Annotated[
    NonNegativeFloat,
    Field(
        description="Epochs in which the learning rate rises linearly to its full value; may be a fraction.",
        examples=[1.0, 0.5],
    ),
]

Gamma = Annotated[
    float, Field(gt=0, le=1, description="What the learning rate is multiplied by at each drop.", examples=[0.5])
]


class ScheduleBase(Kind):
    """What every schedule says of itself; one with the field `warmup_epochs` begins with a linear rise.

    `watches` names what it follows on the validation data after each epoch, "" for nothing.
    """

    @property
    def watches(self) -> str:
        """Name the metric that it follows, "" where it depends on the epoch alone."""
        return ""

    @abstractmethod
    def factor(self, epoch: float, epochs: int) -> float:
        """Give what the learning rate is multiplied by after `epoch` of `epochs` epochs, but for a warm-up."""

    def reduced(self, seen: Sequence[float | None]) -> float:
        """Give what it is multiplied by besides, after epochs in which the watched metric was `seen`."""
        return 1.0

    def idle(self, epochs: int) -> str | None:
        """Say what of it can never change the rate within so many epochs, None where all of it may."""
        return None


class Constant(ScheduleBase):
    """One learning rate throughout, after a linear warm-up."""

    kind: ClassVar[str] = "constant"

    warmup_epochs: WarmupEpochs = 0.0

    def factor(self, epoch: float, epochs: int) -> float:
        """Give 1: nothing changes."""
        return 1.0


class Step(ScheduleBase):
    """The learning rate times `gamma` after every `step_size` epochs."""

    kind: ClassVar[str] = "step"

    step_size: Positive = Field(description="Epochs from one drop of the learning rate to the next.", examples=[10])
    gamma: Gamma = 0.1
    warmup_epochs: WarmupEpochs = 0.0

    def factor(self, epoch: float, epochs: int) -> float:
        """Give gamma to the power of the drops so far."""
        return float(self.gamma ** (int(epoch + 1e-9) // self.step_size))

    def idle(self, epochs: int) -> str | None:
        """Say that the training ends before the first drop."""
        return f"step_size {self.step_size} is not reached" if self.step_size >= epochs else None


class MultiStep(ScheduleBase):
    """The learning rate times `gamma` after each of the epochs in `milestones`."""

    kind: ClassVar[str] = "multi_step"

    milestones: Annotated[tuple[Positive, ...], Field(strict=False)] = Field(
        description="Epochs after which the learning rate drops, in rising order.",
        examples=[[30, 60, 80]],
        json_schema_extra={"minItems": 1},
    )
    gamma: Gamma = 0.1
    warmup_epochs: WarmupEpochs = 0.0

    @model_validator(mode="after")
    def _in_rising_order(self) -> Self:
        if not self.milestones:
            raise PydanticCustomError("milestones", "milestones must name at least one epoch")
        for one, next_ in pairwise(self.milestones):
            if next_ <= one:
                raise PydanticCustomError(
                    "milestones",
                    "milestones are epochs in rising order, and {next_} stands after {one}",
                    {"next_": next_, "one": one},
                )
        return self

    def factor(self, epoch: float, epochs: int) -> float:
        """Give gamma to the power of the drops so far."""
        return float(self.gamma ** bisect_right(self.milestones, epoch + 1e-9))

    def idle(self, epochs: int) -> str | None:
        """Name the milestones that the training does not pass."""
        late = [str(one) for one in self.milestones if one >= epochs]
        return (
            f"milestone{'s' * (len(late) > 1)} {', '.join(late)} {'are' if len(late) > 1 else 'is'} not passed"
            if late
            else None
        )


class Exponential(ScheduleBase):
    """The learning rate times `gamma` after every epoch."""

    kind: ClassVar[str] = "exponential"

    gamma: Annotated[float, Field(gt=0, le=1)] = Field(
        description="What the learning rate is multiplied by after every epoch.", examples=[0.95]
    )
    warmup_epochs: WarmupEpochs = 0.0

    def factor(self, epoch: float, epochs: int) -> float:
        """Give gamma to the power of the whole epochs so far."""
        return float(self.gamma ** int(epoch + 1e-9))


class Cosine(ScheduleBase):
    """Half a cosine from the learning rate down to `final_fraction` of it (Loshchilov & Hutter 2017)."""

    kind: ClassVar[str] = "cosine"

    final_fraction: Fraction = Field(
        default=0.0, description="Fraction of the learning rate that is left at the end.", examples=[0.01]
    )
    warmup_epochs: WarmupEpochs = 0.0

    def factor(self, epoch: float, epochs: int) -> float:
        """Give half a cosine, which begins where the warm-up ends."""
        return _half_cosine(1.0, self.final_fraction, (epoch - self.warmup_epochs) / (epochs - self.warmup_epochs))


class OneCycle(ScheduleBase):
    """Up from lr / div_factor to lr, then down to lr / (div_factor * final_div_factor), cosine both (Smith 2018)."""

    kind: ClassVar[str] = "one_cycle"

    pct_start: OpenFraction = Field(
        default=0.3, description="Fraction of the training in which the learning rate rises.", examples=[0.2]
    )
    div_factor: Annotated[float, Field(ge=1)] = Field(
        default=25.0, description="The training begins with the learning rate divided by this.", examples=[10.0]
    )
    final_div_factor: Annotated[float, Field(ge=1)] = Field(
        default=1e4, description="The training ends with the first learning rate divided by this.", examples=[1000.0]
    )

    def factor(self, epoch: float, epochs: int) -> float:
        """Give half a cosine up to the peak at `pct_start`, then half a cosine down."""
        done, low = epoch / epochs, 1.0 / self.div_factor
        if done < self.pct_start:
            return _half_cosine(low, 1.0, done / self.pct_start)
        return _half_cosine(1.0, low / self.final_div_factor, (done - self.pct_start) / (1 - self.pct_start))


class Plateau(ScheduleBase):
    """The learning rate times `gamma` whenever a validation metric has not improved for `patience` epochs and one."""

    kind: ClassVar[str] = "plateau"

    monitor: Watched = Field(
        default=WATCHED[0],
        description="What is watched on the validation data after each epoch; by default the main metric of the "
        "data's task.",
        examples=["val_loss"],
    )
    gamma: Gamma = 0.1
    patience: NonNegative = Field(
        default=10,
        description="Epochs without an improvement that are let pass; at the next one the learning rate drops.",
        examples=[3],
    )
    threshold: NonNegativeFloat = Field(
        default=1e-4,
        description="Smallest change that counts as an improvement: a share of the best value so far, or with "
        "threshold_mode: abs in the unit of what is watched.",
        examples=[0.001],
    )
    threshold_mode: Literal["rel", "abs"] = Field(
        default="rel", description="What threshold is: a share of the best value, or a difference.", examples=["abs"]
    )
    cooldown: NonNegative = Field(
        default=0, description="Epochs after a drop in which none is counted as bad.", examples=[2]
    )
    final_fraction: Fraction = Field(
        default=0.0, description="Fraction of the learning rate that it never falls below.", examples=[0.01]
    )
    warmup_epochs: WarmupEpochs = 0.0

    @property
    def watches(self) -> str:
        """Name the metric that it follows."""
        return self.monitor

    @property
    def sign(self) -> int:
        """Give 1 where more of what is watched is better, -1 where less is."""
        return 1 if direction_of(self.monitor) == "maximize" else -1

    def factor(self, epoch: float, epochs: int) -> float:
        """Give 1: what changes follows from what was seen."""
        return 1.0

    def reduced(self, seen: Sequence[float | None]) -> float:
        """Give gamma to the power of the drops so far, by the rules of torch's ReduceLROnPlateau."""
        left, best, bad, resting = 1.0, -self.sign * math.inf, 0, 0
        for value in seen:
            enough = best * (1 + self.sign * self.threshold)
            if self.threshold_mode == "abs":
                enough = best + self.sign * self.threshold
            if value is not None and self.sign * value > self.sign * enough:
                best, bad = value, 0
            else:
                bad += 1
            if resting > 0:
                resting, bad = resting - 1, 0
            if bad > self.patience:
                left, resting, bad = max(left * self.gamma, self.final_fraction), self.cooldown, 0
        return left

    def idle(self, epochs: int) -> str | None:
        """Say that its patience is longer than what may be bad: all but the first epoch and the last."""
        return f"patience {self.patience} does not run out" if self.patience >= epochs - 2 else None


def _half_cosine(start: float, end: float, done: float) -> float:
    """Go from start to end along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * min(max(done, 0.0), 1.0))) / 2


AnySchedule = Constant | Step | Cosine | OneCycle | MultiStep | Exponential | Plateau
Schedule = Annotated[AnySchedule, OneKey("schedule")]
SCHEDULE_KINDS: tuple[type[ScheduleBase], ...] = get_args(AnySchedule)
