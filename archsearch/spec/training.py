"""How a network is trained, as data: optimiser, schedule, loss, and the rest of the `train:` part of a spec.

    TrainSpec.model_validate({"epochs": 6, "batch_size": 600, "optimizer": {"adam": {"lr": 1e-3}}})

Field names are torch's. Optimisers are in `optimizers.py`, schedules in `schedules.py`, losses in `losses.py`. Imports
no torch.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from archsearch.plain import Fraction, Plain, Positive, PositiveFloat
from archsearch.spec.early_stopping import EarlyStopping
from archsearch.spec.fields import written_default
from archsearch.spec.loss_base import OpenFraction
from archsearch.spec.losses import EVAL_LOSS, LOSS_KINDS, CrossEntropy, EvalLoss, Loss
from archsearch.spec.onekey import one_of
from archsearch.spec.optimizers import OPTIMIZER_KINDS, Adam, Optimizer
from archsearch.spec.schedules import SCHEDULE_KINDS, Constant, Schedule


class TrainSpec(Plain):
    """The `train:` part of a spec."""

    _YOUNGER: ClassVar[tuple[str, ...]] = (
        "eval_loss",
        "average",
        "ema",
        "accumulate",
        "sampler",
        "label_noise",
        "mixup",
        "cutmix",
    )

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
    ema: OpenFraction | None = Field(
        default=None,
        description="Decay of an exponential moving average of the weights, taken after each step of the optimizer; "
        "the run is measured by it, after every epoch and at the end, and keeps it. By default there is none.",
        examples=[0.999],
    )
    accumulate: Positive = Field(
        default=1,
        description="Batches whose gradients are averaged to one step of the optimizer, each counting by its samples.",
        examples=[4],
    )
    sampler: Literal["random", "balanced"] = Field(
        default="random",
        description="What an epoch draws: random, every sample once; balanced, as many samples with replacement, each "
        "class as often as any other.",
        examples=["balanced"],
    )
    label_noise: Fraction = Field(
        default=0.0,
        description="Share of the labels that are trained on, at least 0 and below 1, that are made wrong on purpose: "
        "another class, drawn evenly. Validation and test data stay as they are.",
        examples=[0.1],
    )
    mixup: PositiveFloat | None = Field(
        default=None,
        description="Alpha of the Beta distribution that says how far two samples of a batch are blended, and what "
        "they are to be with them; with cutmix too, each batch is mixed by one of both. By default no sample is.",
        examples=[0.2],
    )
    cutmix: PositiveFloat | None = Field(
        default=None,
        description="Alpha of the Beta distribution that says how much of an image shows a part of another one. By "
        "default none does.",
        examples=[1.0],
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        default="auto", description="Where to train; `auto` takes a GPU if there is one.", examples=["cpu"]
    )
    precision: Literal["fp32", "tf32", "bf16", "fp16"] = Field(
        default="fp32",
        description="Numbers used in training: full single precision, tf32, bf16 or fp16 where the device has them; "
        "with fp16 the loss is scaled, so that small gradients do not vanish.",
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
        for name in self._YOUNGER:
            if getattr(self, name) == type(self).model_fields[name].default:
                written.pop(name, None)
        return written

    @property
    def watches(self) -> dict[str, str]:
        """Give what is followed on the validation data and decides how training goes on, by the field that asks."""
        found = {} if self.early_stopping is None else {"early_stopping": self.early_stopping.monitor}
        return found | ({"schedule": self.schedule.watches} if self.schedule.watches else {})

    @model_validator(mode="after")
    def _averages_what_is_trained(self) -> Self:
        if self.average is not None and self.average > self.epochs:
            raise PydanticCustomError(
                "average",
                "average {average} takes more than the {epochs} epochs that are trained; use at most {epochs}",
                {"average": self.average, "epochs": self.epochs},
            )
        if self.average is not None and self.ema is not None:
            raise PydanticCustomError(
                "average_and_ema",
                "average keeps the mean of the last epochs' weights and ema their moving average; use one of them",
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
