"""How a network is trained, as data: optimiser, schedule, loss, and the rest of the `train:` part of a spec.

    TrainSpec.model_validate({"epochs": 6, "batch_size": 600, "optimizer": {"adam": {"lr": 1e-3}}})

Field names are torch's. To add a schedule: a class here and its place in `AnySchedule`; optimisers are in
`optimizers.py`, losses in `losses.py`. Imports no torch.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from archsearch.plain import Fraction, NonNegativeFloat, Plain, Positive, PositiveFloat
from archsearch.spec.early_stopping import EarlyStopping
from archsearch.spec.fields import written_default
from archsearch.spec.loss_base import OpenFraction
from archsearch.spec.losses import EVAL_LOSS, LOSS_KINDS, CrossEntropy, EvalLoss, Loss
from archsearch.spec.onekey import Kind, OneKey, one_of
from archsearch.spec.optimizers import OPTIMIZER_KINDS, Adam, Optimizer


class ScheduleBase(Kind):
    """What every schedule says of itself; one with the field `warmup_epochs` begins with a linear rise."""

    @abstractmethod
    def factor(self, epoch: float, epochs: int) -> float:
        """Give what the learning rate is multiplied by after `epoch` of `epochs` epochs, but for a warm-up."""


class Constant(ScheduleBase):
    """One learning rate throughout, after a linear warm-up."""

    kind: ClassVar[str] = "constant"

    warmup_epochs: NonNegativeFloat = Field(
        default=0.0,
        description="Epochs in which the learning rate rises linearly to its full value; may be a fraction.",
        examples=[1.0, 0.5],
    )

    def factor(self, epoch: float, epochs: int) -> float:
        """Give 1: nothing changes."""
        return 1.0


class Step(ScheduleBase):
    """The learning rate times `gamma` after every `step_size` epochs."""

    kind: ClassVar[str] = "step"

    step_size: Positive = Field(description="Epochs from one drop of the learning rate to the next.", examples=[10])
    gamma: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.1, description="What the learning rate is multiplied by at each drop.", examples=[0.5]
    )
    warmup_epochs: NonNegativeFloat = Field(
        default=0.0,
        description="Epochs in which the learning rate rises linearly to its full value; may be a fraction.",
        examples=[1.0, 0.5],
    )

    def factor(self, epoch: float, epochs: int) -> float:
        """Give gamma to the power of the drops so far."""
        return float(self.gamma ** (int(epoch + 1e-9) // self.step_size))


class Cosine(ScheduleBase):
    """Half a cosine from the learning rate down to `final_fraction` of it (Loshchilov & Hutter 2017)."""

    kind: ClassVar[str] = "cosine"

    final_fraction: Fraction = Field(
        default=0.0, description="Fraction of the learning rate that is left at the end.", examples=[0.01]
    )
    warmup_epochs: NonNegativeFloat = Field(
        default=0.0,
        description="Epochs in which the learning rate rises linearly to its full value; may be a fraction.",
        examples=[1.0, 0.5],
    )

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


def _half_cosine(start: float, end: float, done: float) -> float:
    """Go from start to end along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * min(max(done, 0.0), 1.0))) / 2


AnySchedule = Constant | Step | Cosine | OneCycle
Schedule = Annotated[AnySchedule, OneKey("schedule")]
SCHEDULE_KINDS: tuple[type[ScheduleBase], ...] = get_args(AnySchedule)


class TrainSpec(Plain):
    """The `train:` part of a spec."""

    epochs: Positive = Field(description="Passes over the training data.", examples=[10])
    batch_size: Positive = Field(default=128, description="Samples in one step of the optimizer.", examples=[64])
    optimizer: Optimizer = Field(
        default_factory=Adam,
        description=f"How weights are changed: {one_of(OPTIMIZER_KINDS)}, with its fields.",
        examples=[{"sgd": {"lr": 0.1, "momentum": 0.9}}],
        json_schema_extra=written_default("adam"),
    )
    schedule: Schedule = Field(
        default_factory=Constant,
        description=f"How the learning rate changes while training: {one_of(SCHEDULE_KINDS)}.",
        examples=[{"cosine": {"warmup_epochs": 1}}],
        json_schema_extra=written_default("constant"),
    )
    loss: Loss = Field(
        default_factory=CrossEntropy,
        description=f"What is minimised: {one_of(LOSS_KINDS)}; by default that of the data's task, cross_entropy of "
        "classes, bce of binary and multilabel data, mse of regression.",
        examples=["mse"],
        json_schema_extra=written_default("cross_entropy"),
    )
    eval_loss: EvalLoss = Field(
        default=EVAL_LOSS,
        description="What val_loss and test_loss are measured by, whatever is minimised, so that runs compare; by "
        "default the loss of the data's task.",
        examples=["mse"],
    )
    clip_grad_norm: PositiveFloat | None = Field(
        default=None,
        description="Largest norm of the gradient of all weights; a larger one is scaled down. By default no limit.",
        examples=[1.0],
    )
    early_stopping: EarlyStopping | None = Field(
        default=None,
        description="When to stop before the last epoch; needs validation data. By default never.",
        examples=[{"patience": 5}],
    )
    average: Annotated[int, Field(ge=2)] | None = Field(
        default=None,
        description="Epochs at the end over whose weights the mean is taken, one point after each; the run is measured "
        "by that mean, its batch norms by the training data under it. By default the last epoch's weights are kept.",
        examples=[3],
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto", description="Where to train; `auto` takes a GPU if there is one.", examples=["cpu"]
    )
    precision: Literal["fp32", "tf32", "bf16"] = Field(
        default="fp32",
        description="Numbers used in training: full single precision, tf32 or bf16 where the device has them.",
        examples=["bf16"],
    )
    engine: Literal["auto", "torch", "native"] = Field(
        default="auto",
        description="What computes: torch, our own kernels (small networks on a CPU), or whichever is faster.",
        examples=["torch"],
    )

    @model_serializer(mode="wrap")
    def _younger_by_silence(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is younger than 0.1.0 and not set: what was written and hashed before it stays the same."""
        written: dict[str, Any] = write(self)
        if self.eval_loss == EVAL_LOSS:
            written.pop("eval_loss", None)
        if self.average is None:
            written.pop("average", None)
        return written

    @model_validator(mode="after")
    def _averages_what_is_trained(self) -> Self:
        if self.average is not None and self.average > self.epochs:
            raise PydanticCustomError(
                "average",
                "average {average} takes more than the {epochs} epochs that are trained; use at most {epochs}",
                {"average": self.average, "epochs": self.epochs},
            )
        if self.average is not None and self.early_stopping is not None:
            raise PydanticCustomError(
                "average_and_early_stopping",
                "average keeps the mean of the last epochs' weights and early_stopping those of the best epoch; "
                "use one of them",
            )
        return self

    @model_validator(mode="after")
    def _warmup_ends(self) -> Self:
        warmup = getattr(self.schedule, "warmup_epochs", 0.0)
        if warmup >= self.epochs:
            raise PydanticCustomError(
                "warmup",
                "warmup_epochs {warmup} leaves nothing of {epochs} epochs; use a smaller warm-up or more epochs",
                {"warmup": warmup, "epochs": self.epochs},
            )
        return self
