"""What is minimised, and what validation and test loss are measured by: the losses, a class each.

    CrossEntropy(weight="balanced").fitted(y_train, 10).function()(outputs, labels)      # a scalar tensor

Field names are torch's. To add a loss: a class here and its place in `AnyLoss`. Only `fitted`, `function` and what they
call touch torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field

from archsearch.plain import Fraction, NonNegativeFloat, PositiveFloat
from archsearch.spec.loss_base import LossBase, LossFunction, OpenFraction, Weights
from archsearch.spec.loss_functions import as_outputs, balanced_classes, balanced_labels, focal_loss, like, pinball_loss
from archsearch.spec.onekey import OneKey, has_defaults

if TYPE_CHECKING:
    from torch import Tensor

# -- classes and labels ------------------------------------------------------------------------------------------------


class CrossEntropy(LossBase):
    """Log-softmax and negative log-likelihood in one: wants logits."""

    kind: ClassVar[str] = "cross_entropy"
    wants = "logits"
    tasks = ("classification",)

    label_smoothing: Fraction = Field(
        default=0.0,
        description="Share of the target that is spread over all classes, at least 0 and below 1.",
        examples=[0.1],
    )
    weight: Weights = Field(
        default=None,
        description="What each class counts, or `balanced`: samples / (classes * samples of the class), of those that "
        "are trained on; by default all alike.",
        examples=["balanced", [1.0, 5.0]],
    )

    def function(self) -> LossFunction:
        """Give torch's cross-entropy."""
        import torch.nn.functional as F

        return (
            (lambda outputs, labels: F.cross_entropy(outputs, labels, label_smoothing=self.label_smoothing))
            if self.weight is None
            else (
                lambda outputs, labels: F.cross_entropy(
                    outputs, labels, like(outputs, self.weight), label_smoothing=self.label_smoothing
                )
            )
        )

    def misfit(self, task: str, outputs: int) -> str | None:
        """Say where there is not a weight for each class."""
        return _miscounted("weight", self.weight, outputs, "classes")

    def fitted(self, targets: Tensor, outputs: int) -> Self:
        """Count the classes for `balanced`."""
        return self._with_weight(balanced_classes(targets, outputs)) if self.weight == "balanced" else self

    def _with_weight(self, weight: tuple[float, ...]) -> Self:
        return self.model_copy(update={"weight": weight})


class Nll(LossBase):
    """Negative log-likelihood: wants log-probabilities (`log_softmax` last)."""

    kind: ClassVar[str] = "nll"
    wants = "log_probabilities"
    tasks = ("classification",)

    def function(self) -> LossFunction:
        """Give torch's negative log-likelihood."""
        import torch.nn.functional as F

        return F.nll_loss


class Focal(LossBase):
    """Cross-entropy, or bce, that counts what is right and sure already for less (Lin et al. 2017): wants logits."""

    kind: ClassVar[str] = "focal"
    wants = "logits"
    tasks = ("classification", "binary", "multilabel")

    gamma: NonNegativeFloat = Field(
        default=2.0,
        description="How much less: the loss of a sample times (1 - probability of what is true) to this power.",
        examples=[1.0],
    )
    alpha: OpenFraction | None = Field(
        default=None,
        description="What a label that is there counts, one that is not 1 minus it (binary, multilabel); by default "
        "both alike.",
        examples=[0.25],
    )

    def function(self) -> LossFunction:
        """Give the focal loss: over softmax where targets are classes, over the sigmoid of each output elsewhere."""
        return lambda outputs, targets: focal_loss(outputs, targets, self.gamma, self.alpha)

    def misfit(self, task: str, outputs: int) -> str | None:
        """Say that classes have no alpha."""
        if task == "classification" and self.alpha is not None:
            return "alpha is for binary and multilabel; of classes there is cross_entropy with weight"
        return None


class Bce(LossBase):
    """Binary cross-entropy of each output with its sigmoid in it: wants logits."""

    kind: ClassVar[str] = "bce"
    wants = "logits"
    tasks = ("binary", "multilabel")

    pos_weight: Weights = Field(
        default=None,
        description="What a label that is there counts against one that is not: a number, one for each label, or "
        "`balanced`: how many are not for each that is, of the samples that are trained on; by default 1.",
        examples=["balanced", 3.0],
    )

    def function(self) -> LossFunction:
        """Give torch's binary cross-entropy with logits, the mean over samples and labels."""
        import torch.nn.functional as F

        return (
            (lambda outputs, targets: F.binary_cross_entropy_with_logits(outputs, as_outputs(outputs, targets)))
            if self.pos_weight is None
            else (
                lambda outputs, targets: F.binary_cross_entropy_with_logits(
                    outputs, as_outputs(outputs, targets), pos_weight=like(outputs, self.pos_weight)
                )
            )
        )

    def misfit(self, task: str, outputs: int) -> str | None:
        """Say where there is not a weight for each label."""
        one = self.pos_weight is not None and len(self.pos_weight) == 1
        return None if one else _miscounted("pos_weight", self.pos_weight, outputs, "labels")

    def fitted(self, targets: Tensor, outputs: int) -> Self:
        """Count the labels for `balanced`."""
        if self.pos_weight != "balanced":
            return self
        return self.model_copy(update={"pos_weight": balanced_labels(targets, outputs)})


def _miscounted(field: str, weights: object, outputs: int, what: str) -> str | None:
    if not isinstance(weights, tuple) or len(weights) == outputs:
        return None
    return f"{field} has {len(weights)} number{'s' * (len(weights) != 1)}, and there are {outputs} {what}"


# -- numbers -----------------------------------------------------------------------------------------------------------


class Mse(LossBase):
    """Mean squared error, over all outputs; of classes against the one-hot label."""

    kind: ClassVar[str] = "mse"
    wants = "like_labels"

    def function(self) -> LossFunction:
        """Give the mean squared distance from the targets."""
        import torch.nn.functional as F

        return lambda outputs, labels: F.mse_loss(outputs, as_outputs(outputs, labels))


class L1(LossBase):
    """Mean absolute error, over all outputs; of classes against the one-hot label."""

    kind: ClassVar[str] = "l1"
    wants = "like_labels"

    def function(self) -> LossFunction:
        """Give the mean absolute distance from the targets."""
        import torch.nn.functional as F

        return lambda outputs, labels: F.l1_loss(outputs, as_outputs(outputs, labels))


class Huber(LossBase):
    """Half the squared error up to `delta`, beyond it delta times (the absolute error - delta / 2) (Huber 1964)."""

    kind: ClassVar[str] = "huber"
    wants = "like_labels"
    tasks = ("regression",)

    delta: PositiveFloat = Field(
        default=1.0, description="Error from which on the loss is linear, in the unit of the outputs.", examples=[0.5]
    )

    def function(self) -> LossFunction:
        """Give torch's Huber loss."""
        import torch.nn.functional as F

        return lambda outputs, targets: F.huber_loss(outputs, as_outputs(outputs, targets), delta=self.delta)


class SmoothL1(LossBase):
    """Squared error / (2 beta) up to `beta`, beyond it the absolute error - beta / 2 (Girshick 2015)."""

    kind: ClassVar[str] = "smooth_l1"
    wants = "like_labels"
    tasks = ("regression",)

    beta: PositiveFloat = Field(
        default=1.0, description="Error from which on the loss is linear, in the unit of the outputs.", examples=[0.5]
    )

    def function(self) -> LossFunction:
        """Give torch's smooth L1 loss."""
        import torch.nn.functional as F

        return lambda outputs, targets: F.smooth_l1_loss(outputs, as_outputs(outputs, targets), beta=self.beta)


class Quantile(LossBase):
    """Pinball loss: what minimises it is the quantile of the target (Koenker & Bassett 1978)."""

    kind: ClassVar[str] = "quantile"
    wants = "like_labels"
    tasks = ("regression",)

    quantile: OpenFraction = Field(description="Which quantile is predicted, between 0 and 1.", examples=[0.9])

    def function(self) -> LossFunction:
        """Give the pinball loss, the mean over samples and targets."""
        return lambda outputs, targets: pinball_loss(outputs, targets, self.quantile)


class PoissonNll(LossBase):
    """Negative log-likelihood of counts; the network gives the logarithm of the rate, what is predicted is the rate."""

    kind: ClassVar[str] = "poisson_nll"
    tasks = ("regression",)
    link = "exp"

    def function(self) -> LossFunction:
        """Give torch's Poisson loss of log rates, without the term of the target alone."""
        import torch.nn.functional as F

        return lambda outputs, targets: F.poisson_nll_loss(outputs, as_outputs(outputs, targets))

    def refuses(self, targets: Tensor) -> str | None:
        """Say that there are targets below 0."""
        low = float(targets.min())
        return f"poisson_nll is for counts, 0 and above, and the targets begin at {low:g}" if low < 0 else None


# -- the table ---------------------------------------------------------------------------------------------------------

AnyLoss = CrossEntropy | Nll | Mse | L1 | Focal | Bce | Huber | SmoothL1 | Quantile | PoissonNll
Loss = Annotated[AnyLoss, OneKey("loss")]
LOSS_KINDS: tuple[type[LossBase], ...] = get_args(AnyLoss)

# What `val_loss` and `test_loss` are measured by: one function for all that is compared, whatever each was trained on.
MEASURING = tuple(kind.kind for kind in LOSS_KINDS if has_defaults(kind) and not kind.link)
if TYPE_CHECKING:
    EvalLoss = str
else:  # the losses stand in one table; Pydantic and the JSON Schema list them from it
    EvalLoss = Literal[MEASURING]
EVAL_LOSS: EvalLoss = "cross_entropy"


def loss_called(name: EvalLoss) -> LossBase:
    """Give the loss of that name as it is without any field."""
    return next(kind for kind in LOSS_KINDS if kind.kind == name).model_validate({})


def losses_for(task: str, own: tuple[str, ...] | None) -> tuple[str, ...]:
    """Name the losses of a task: its `own`, or all that are for it."""
    if own is not None:
        return own
    return tuple(kind.kind for kind in LOSS_KINDS if kind.tasks is None or task in kind.tasks)


def minimises_eval_loss(loss: AnyLoss, eval_loss: EvalLoss) -> bool:
    """Say whether training minimises the very function that validation and test loss are measured by."""
    return loss.kind == eval_loss and loss == type(loss).model_validate({})


def loss_words(loss: AnyLoss) -> str:
    """Name a training loss in words: `cross_entropy with label smoothing 0.1`."""
    usual = {name: field.default for name, field in type(loss).model_fields.items()}
    said = [
        f"{key.replace('_', ' ')} {_value_words(value)}"
        for key, value in loss.model_dump().items()
        if value != usual[key]
    ]
    return loss.kind + (f" with {' and '.join(said)}" if said else "")


def _value_words(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(f"{one:g}" for one in value)
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)
