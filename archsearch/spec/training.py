"""How a network is trained, as data: optimiser, schedule, loss, and the rest of the `train:` part of a spec.

    TrainSpec.model_validate({"epochs": 6, "batch_size": 600, "optimizer": {"adam": {"lr": 1e-3}}})

Field names are torch's. What the words do stands in `archsearch/train/`, one table each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from archsearch.metrics import WATCHED
from archsearch.plain import Fraction, NonNegativeFloat, Plain, Positive, PositiveFloat
from archsearch.spec.fields import written_default
from archsearch.spec.onekey import Kind, OneKey

Share = Annotated[float, Field(gt=0, lt=1)]


class Sgd(Kind):
    """Stochastic gradient descent, with momentum if asked for."""

    kind: ClassVar[str] = "sgd"

    lr: PositiveFloat = Field(description="Learning rate; the schedule multiplies it.", examples=[0.1])
    momentum: Fraction = Field(
        default=0.0, description="Share of the last step that is taken again, at least 0 and below 1.", examples=[0.9]
    )
    nesterov: bool = Field(
        default=False,
        description="Whether the gradient is taken ahead of the step (Nesterov); needs a momentum.",
        examples=[True],
    )
    weight_decay: NonNegativeFloat = Field(
        default=0.0, description="Times the weights, added to the gradient: L2 regularisation.", examples=[0.0005]
    )

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise PydanticCustomError("nesterov", "nesterov needs a momentum above 0")
        return self


class Adam(Kind):
    """Adam (Kingma & Ba 2015); weight_decay is added to the gradient."""

    kind: ClassVar[str] = "adam"

    lr: PositiveFloat = Field(default=1e-3, description="Learning rate; the schedule multiplies it.", examples=[0.001])
    betas: Annotated[tuple[Fraction, Fraction], Field(strict=False)] = Field(
        default=(0.9, 0.999),
        description="Decay rates of the running means of the gradient and of its square.",
        examples=[[0.9, 0.98]],
    )
    eps: PositiveFloat = Field(
        default=1e-8,
        description="Added to the root of the mean square, so that nothing is divided by zero.",
        examples=[1e-07],
    )
    weight_decay: NonNegativeFloat = Field(
        default=0.0, description="Times the weights, added to the gradient: L2 regularisation.", examples=[0.0005]
    )


class AdamW(Kind):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    kind: ClassVar[str] = "adamw"

    lr: PositiveFloat = Field(default=1e-3, description="Learning rate; the schedule multiplies it.", examples=[0.001])
    betas: Annotated[tuple[Fraction, Fraction], Field(strict=False)] = Field(
        default=(0.9, 0.999),
        description="Decay rates of the running means of the gradient and of its square.",
        examples=[[0.9, 0.98]],
    )
    eps: PositiveFloat = Field(
        default=1e-8,
        description="Added to the root of the mean square, so that nothing is divided by zero.",
        examples=[1e-07],
    )
    weight_decay: NonNegativeFloat = Field(
        default=1e-2,
        description="Times learning rate and weights, taken off the weights in every step.",
        examples=[0.05],
    )


class RmsProp(Kind):
    """RMSprop (Hinton 2012)."""

    kind: ClassVar[str] = "rmsprop"

    lr: PositiveFloat = Field(default=1e-2, description="Learning rate; the schedule multiplies it.", examples=[0.001])
    alpha: Fraction = Field(
        default=0.99, description="Decay rate of the running mean of the squared gradient.", examples=[0.9]
    )
    eps: PositiveFloat = Field(
        default=1e-8,
        description="Added to the root of the mean square, so that nothing is divided by zero.",
        examples=[1e-07],
    )
    momentum: Fraction = Field(
        default=0.0, description="Share of the last step that is taken again, at least 0 and below 1.", examples=[0.9]
    )
    weight_decay: NonNegativeFloat = Field(
        default=0.0, description="Times the weights, added to the gradient: L2 regularisation.", examples=[0.0005]
    )


AnyOptimizer = Sgd | Adam | AdamW | RmsProp
Optimizer = Annotated[AnyOptimizer, OneKey("optimizer")]


class Constant(Kind):
    """One learning rate throughout, after a linear warm-up."""

    kind: ClassVar[str] = "constant"

    warmup_epochs: NonNegativeFloat = Field(
        default=0.0,
        description="Epochs in which the learning rate rises linearly to its full value; may be a fraction.",
        examples=[1.0, 0.5],
    )


class Step(Kind):
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


class Cosine(Kind):
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


class OneCycle(Kind):
    """Up from lr / div_factor to lr, then down to lr / (div_factor * final_div_factor), cosine both (Smith 2018)."""

    kind: ClassVar[str] = "one_cycle"

    pct_start: Share = Field(
        default=0.3, description="Fraction of the training in which the learning rate rises.", examples=[0.2]
    )
    div_factor: Annotated[float, Field(ge=1)] = Field(
        default=25.0, description="The training begins with the learning rate divided by this.", examples=[10.0]
    )
    final_div_factor: Annotated[float, Field(ge=1)] = Field(
        default=1e4, description="The training ends with the first learning rate divided by this.", examples=[1000.0]
    )


AnySchedule = Constant | Step | Cosine | OneCycle
Schedule = Annotated[AnySchedule, OneKey("schedule")]


class CrossEntropy(Kind):
    """Log-softmax and negative log-likelihood in one: wants logits."""

    kind: ClassVar[str] = "cross_entropy"

    label_smoothing: Fraction = Field(
        default=0.0,
        description="Share of the target that is spread over all classes, at least 0 and below 1.",
        examples=[0.1],
    )


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


if TYPE_CHECKING:
    Watched = str
else:
    Watched = Literal[WATCHED]


class EarlyStopping(Plain):
    """Stop when the validation value has not improved for `patience` epochs; the best epoch's weights are kept."""

    monitor: Watched = Field(
        default=WATCHED[0],
        description="What is watched on the validation data after each epoch.",
        examples=["val_loss"],
    )
    patience: Positive = Field(description="Epochs without an improvement after which training stops.", examples=[5])
    min_delta: NonNegativeFloat = Field(
        default=0.0,
        description="Smallest change that counts as an improvement, in the unit of what is watched.",
        examples=[0.001],
    )


class TrainSpec(Plain):
    """The `train:` part of a spec."""

    epochs: Positive = Field(description="Passes over the training data.", examples=[10])
    batch_size: Positive = Field(default=128, description="Samples in one step of the optimizer.", examples=[64])
    optimizer: Optimizer = Field(
        default_factory=Adam,
        description="How weights are changed: sgd, adam, adamw or rmsprop, with its fields.",
        examples=[{"sgd": {"lr": 0.1, "momentum": 0.9}}],
        json_schema_extra=written_default("adam"),
    )
    schedule: Schedule = Field(
        default_factory=Constant,
        description="How the learning rate changes while training: constant, step, cosine or one_cycle.",
        examples=[{"cosine": {"warmup_epochs": 1}}],
        json_schema_extra=written_default("constant"),
    )
    loss: Loss = Field(
        default_factory=CrossEntropy,
        description="What is minimised: cross_entropy, nll, mse or l1.",
        examples=["mse"],
        json_schema_extra=written_default("cross_entropy"),
    )
    eval_loss: EvalLoss = Field(
        default=EVAL_LOSS,
        description="What val_loss and test_loss are measured by, whatever is minimised, so that runs compare.",
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
