"""What every loss says of itself, and the weights of classes and labels; the losses are in `losses.py`.

Knows fields and functions; only `fitted` and `function` of a loss touch torch.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, WithJsonSchema, model_serializer
from pydantic_core import PydanticCustomError

from archsearch.spec.onekey import Kind

if TYPE_CHECKING:
    from torch import Tensor

LossFunction = Callable[["Tensor", "Tensor"], "Tensor"]

OpenFraction = Annotated[float, Field(gt=0, lt=1)]
MOST_WEIGHTS = 100_000


def _weights(value: object) -> object:
    if value is None or value == "balanced":
        return value
    given: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
    numbers = all(isinstance(one, (int, float)) and not isinstance(one, bool) and 0 < one < 1e9 for one in given)
    if not numbers or not 0 < len(given) <= MOST_WEIGHTS:
        raise PydanticCustomError("weights", "expected balanced, or numbers above 0: [1, 2.5]")
    return tuple(float(one) for one in given)


# `balanced` until the training part is known, then a number for each class or label.
Weights = Annotated[
    Literal["balanced"] | tuple[float, ...] | None,
    BeforeValidator(_weights),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["balanced", None]},
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}, "minItems": 1},
            ]
        }
    ),
]


class LossBase(Kind):
    """What every loss says of itself; `wants` is what the network is to give it, "" for anything.

    `tasks` are those that it is for, None for every one. `link` is what makes predictions of the network's outputs:
    "exp" where these are logarithms.
    """

    wants: ClassVar[Literal["logits", "log_probabilities", "like_labels", ""]] = ""
    tasks: ClassVar[tuple[str, ...] | None] = None
    link: ClassVar[Literal["", "exp"]] = ""

    @abstractmethod
    def function(self) -> LossFunction:
        """Give the function (outputs (N, outputs), targets (N, ...)) -> mean loss, a scalar tensor."""

    def misfit(self, task: str, outputs: int) -> str | None:
        """Say what of it does not go with a task of so many outputs, None where all does."""
        return None

    def refuses(self, targets: Tensor) -> str | None:
        """Say which training targets (N, ...) it cannot be computed on, None where it can."""
        return None

    def fitted(self, targets: Tensor, outputs: int) -> Self:
        """Give it with what it takes from the training targets (N, ...) in numbers."""
        return self

    @model_serializer(mode="wrap")
    def _only_what_is_set(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is None: fields younger than the first release, whose run ids stay as they are."""
        written: dict[str, Any] = write(self)
        return {key: value for key, value in written.items() if value is not None}
