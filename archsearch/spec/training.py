"""How a network is trained, as data: optimiser, schedule, loss, and the rest of the `train:` part of a spec.

    TrainSpec.model_validate({"epochs": 6, "batch_size": 600, "optimizer": {"adam": {"lr": 1e-3}}})

Field names are torch's. What the words do stands in `archsearch/train/`, one table each.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from archsearch.spec.fields import Fraction, NonNegativeFloat, Plain, Positive, PositiveFloat
from archsearch.spec.onekey import Kind, OneKey

Share = Annotated[float, Field(gt=0, lt=1)]


class Sgd(Kind):
    """Stochastic gradient descent, with momentum if asked for."""

    kind: ClassVar[str] = "sgd"

    lr: PositiveFloat
    momentum: Fraction = 0.0
    nesterov: bool = False
    weight_decay: NonNegativeFloat = 0.0

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise PydanticCustomError("nesterov", "nesterov needs a momentum above 0")
        return self


class Adam(Kind):
    """Adam (Kingma & Ba 2015); weight_decay is added to the gradient."""

    kind: ClassVar[str] = "adam"

    lr: PositiveFloat = 1e-3
    betas: Annotated[tuple[Fraction, Fraction], Field(strict=False)] = (0.9, 0.999)
    eps: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = 0.0


class AdamW(Kind):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    kind: ClassVar[str] = "adamw"

    lr: PositiveFloat = 1e-3
    betas: Annotated[tuple[Fraction, Fraction], Field(strict=False)] = (0.9, 0.999)
    eps: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = 1e-2


class RmsProp(Kind):
    """RMSprop (Hinton 2012)."""

    kind: ClassVar[str] = "rmsprop"

    lr: PositiveFloat = 1e-2
    alpha: Fraction = 0.99
    eps: PositiveFloat = 1e-8
    momentum: Fraction = 0.0
    weight_decay: NonNegativeFloat = 0.0


AnyOptimizer = Sgd | Adam | AdamW | RmsProp
Optimizer = Annotated[AnyOptimizer, OneKey("optimizer")]


class Constant(Kind):
    """One learning rate throughout, after a linear warm-up."""

    kind: ClassVar[str] = "constant"

    warmup_epochs: NonNegativeFloat = 0.0


class Step(Kind):
    """The learning rate times `gamma` after every `step_size` epochs."""

    kind: ClassVar[str] = "step"

    step_size: Positive
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    warmup_epochs: NonNegativeFloat = 0.0


class Cosine(Kind):
    """Half a cosine from the learning rate down to `final_fraction` of it (Loshchilov & Hutter 2017)."""

    kind: ClassVar[str] = "cosine"

    final_fraction: Fraction = 0.0
    warmup_epochs: NonNegativeFloat = 0.0


class OneCycle(Kind):
    """Up from lr / div_factor to lr, then down to lr / (div_factor * final_div_factor), cosine both (Smith 2018)."""

    kind: ClassVar[str] = "one_cycle"

    pct_start: Share = 0.3
    div_factor: Annotated[float, Field(ge=1)] = 25.0
    final_div_factor: Annotated[float, Field(ge=1)] = 1e4


AnySchedule = Constant | Step | Cosine | OneCycle
Schedule = Annotated[AnySchedule, OneKey("schedule")]


class CrossEntropy(Kind):
    """Log-softmax and negative log-likelihood in one: wants logits."""

    kind: ClassVar[str] = "cross_entropy"

    label_smoothing: Fraction = 0.0


class Nll(Kind):
    """Negative log-likelihood: wants log-probabilities (`log_softmax` last)."""

    kind: ClassVar[str] = "nll"


class Mse(Kind):
    """Mean squared error against the one-hot label, over all outputs."""

    kind: ClassVar[str] = "mse"


class L1(Kind):
    """Mean absolute error against the one-hot label, over all outputs."""

    kind: ClassVar[str] = "l1"


AnyLoss = CrossEntropy | Nll | Mse | L1
Loss = Annotated[AnyLoss, OneKey("loss")]

# What `val_loss` and `test_loss` are measured by: one function for all that is compared, whatever each was trained on.
EvalLoss = Literal["cross_entropy", "nll", "mse", "l1"]
EVAL_LOSS: EvalLoss = "cross_entropy"


class EarlyStopping(Plain):
    """Stop when the validation value has not improved for `patience` epochs; the best epoch's weights are kept."""

    monitor: Literal["val_accuracy", "val_loss"] = "val_accuracy"
    patience: Positive
    min_delta: NonNegativeFloat = 0.0


class TrainSpec(Plain):
    """The `train:` part of a spec."""

    epochs: Positive
    batch_size: Positive = 128
    optimizer: Optimizer = Field(default_factory=Adam)
    schedule: Schedule = Field(default_factory=Constant)
    loss: Loss = Field(default_factory=CrossEntropy)
    eval_loss: EvalLoss = EVAL_LOSS
    clip_grad_norm: PositiveFloat | None = None
    early_stopping: EarlyStopping | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"
    engine: Literal["auto", "torch", "native"] = "auto"

    @model_serializer(mode="wrap")
    def _default_eval_loss_by_silence(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave the default `eval_loss` out: what was written and hashed before there was a choice stays the same."""
        written: dict[str, Any] = write(self)
        if self.eval_loss == EVAL_LOSS:
            written.pop("eval_loss", None)
        return written

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


def minimises_eval_loss(loss: AnyLoss, eval_loss: EvalLoss) -> bool:
    """Say whether training minimises the very function that validation and test loss are measured by."""
    smoothed = isinstance(loss, CrossEntropy) and loss.label_smoothing > 0
    return type(loss).kind == eval_loss and not smoothed


def loss_words(loss: AnyLoss) -> str:
    """Name a training loss in words: `cross_entropy with label smoothing 0.1`."""
    smoothing = loss.label_smoothing if isinstance(loss, CrossEntropy) else 0.0
    return type(loss).kind + (f" with label smoothing {smoothing:g}" if smoothing else "")


OPTIMIZER_KINDS: tuple[type[Kind], ...] = get_args(AnyOptimizer)
SCHEDULE_KINDS: tuple[type[Kind], ...] = get_args(AnySchedule)
LOSS_KINDS: tuple[type[Kind], ...] = get_args(AnyLoss)
