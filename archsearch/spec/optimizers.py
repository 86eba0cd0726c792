"""The optimisers: what is written of each, which rates are usual, and torch's own that it makes.

    Sgd(lr=0.1, momentum=0.9).build(model.parameters(), "cpu")

Field names are torch's. To add one: a class here and its place in `AnyOptimizer`. Only `build` touches torch.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, ClassVar, Self, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from archsearch.plain import Fraction, NonNegativeFloat, PositiveFloat
from archsearch.spec.onekey import Kind, OneKey

if TYPE_CHECKING:
    import torch
    from torch.nn import Parameter


class OptimizerBase(Kind):
    """What every optimiser says of itself.

    Learning rates outside of `usual_rate` are remarked on, and `a_usual_rate` is advised instead. The range is generous
    on both sides: published recipes lie well inside.
    """

    usual_rate: ClassVar[tuple[float, float]]
    a_usual_rate: ClassVar[float]

    lr: PositiveFloat

    @abstractmethod
    def build(self, parameters: Iterable[Parameter], device: str) -> torch.optim.Optimizer:
        """Make torch's optimiser of these parameters, fused where torch can."""


def can_fuse(device: str) -> bool:
    """Say whether torch has fused steps on a device."""
    return device in ("cpu", "cuda")


class Sgd(OptimizerBase):
    """Stochastic gradient descent, with momentum if asked for."""

    kind: ClassVar[str] = "sgd"
    usual_rate: ClassVar[tuple[float, float]] = (1e-4, 2.0)
    a_usual_rate: ClassVar[float] = 0.01

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

    def build(self, parameters: Iterable[Parameter], device: str) -> torch.optim.Optimizer:
        """Make torch's optimiser of these parameters."""
        import torch

        from archsearch.spec.eager_optimizer import eager

        return eager(torch.optim.SGD)(parameters, **self.model_dump(), fused=can_fuse(device))


class Adam(OptimizerBase):
    """Adam (Kingma & Ba 2015); weight_decay is added to the gradient."""

    kind: ClassVar[str] = "adam"
    usual_rate: ClassVar[tuple[float, float]] = (1e-6, 0.03)
    a_usual_rate: ClassVar[float] = 1e-3

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

    def build(self, parameters: Iterable[Parameter], device: str) -> torch.optim.Optimizer:
        """Make torch's optimiser of these parameters."""
        import torch

        from archsearch.spec.eager_optimizer import eager

        return eager(torch.optim.Adam)(parameters, **self.model_dump(), fused=can_fuse(device))


class AdamW(OptimizerBase):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    kind: ClassVar[str] = "adamw"
    usual_rate: ClassVar[tuple[float, float]] = (1e-6, 0.03)
    a_usual_rate: ClassVar[float] = 1e-3

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

    def build(self, parameters: Iterable[Parameter], device: str) -> torch.optim.Optimizer:
        """Make torch's optimiser of these parameters."""
        import torch

        from archsearch.spec.eager_optimizer import eager

        return eager(torch.optim.AdamW)(parameters, **self.model_dump(), fused=can_fuse(device))


class RmsProp(OptimizerBase):
    """RMSprop (Hinton 2012)."""

    kind: ClassVar[str] = "rmsprop"
    usual_rate: ClassVar[tuple[float, float]] = (1e-6, 0.03)
    a_usual_rate: ClassVar[float] = 1e-3

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

    def build(self, parameters: Iterable[Parameter], device: str) -> torch.optim.Optimizer:
        """Make torch's optimiser of these parameters."""
        import torch

        from archsearch.spec.eager_optimizer import eager

        return eager(torch.optim.RMSprop)(parameters, **self.model_dump())


AnyOptimizer = Sgd | Adam | AdamW | RmsProp
Optimizer = Annotated[AnyOptimizer, OneKey("optimizer")]
OPTIMIZER_KINDS: tuple[type[OptimizerBase], ...] = get_args(AnyOptimizer)
