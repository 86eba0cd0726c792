"""When training stops before its last epoch, as data: the `early_stopping:` part of a spec.

    EarlyStopping.model_validate({"monitor": "val_f1_macro", "patience": 3}).better        # maximize

What is watched is a metric of the table on the validation data, or a function of somebody's file over the validation
data's targets and outputs: `monitor: my_metrics.py:cost`. Executes nothing; `experiment_plan.py` finds the file.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from archsearch.metrics import (
    METRICS,
    WATCHED,
    Direction,
    OwnMetric,
    bare_name,
    direction_of,
    is_own,
    part_of,
    usual_direction,
)
from archsearch.plain import NonNegativeFloat, Plain, Positive
from archsearch.spec.nearest import nearest

_MOST_NAMES = 8  # of metrics, in a message


def _is_watched(value: str) -> str:
    """Give the name with its part, `val_f1_macro` for `f1_macro`; refuse what is no metric, or of another part."""
    bare = bare_name(value)
    if is_own(bare) or bare in METRICS:
        if (part := part_of(value)) not in (None, "val"):
            raise PydanticCustomError(
                "watched",
                "early stopping watches validation data, and {value} is of {part} data; write {bare}",
                {"value": value, "part": part, "bare": f"val_{bare}"},
            )
        if is_own(bare) or f"val_{bare}" in WATCHED:
            return f"val_{bare}"
    close = nearest(value, WATCHED) or nearest(f"val_{value}", WATCHED)
    such = repr(close) if close is not None else ", ".join(repr(name) for name in WATCHED[:_MOST_NAMES])
    raise PydanticCustomError("watched", "expected a metric of the validation data, such as {such}", {"such": such})


Monitor = Annotated[
    str,
    AfterValidator(_is_watched),
    WithJsonSchema({"anyOf": [{"type": "string", "enum": [*WATCHED]}, {"type": "string"}]}),
]


class EarlyStopping(Plain):
    """Stop when the validation value has not improved for `patience` epochs; the best epoch's weights are kept."""

    monitor: Monitor = Field(
        default=WATCHED[0],
        description="What is watched on the validation data after each epoch: a metric, or a function of your own over "
        "targets and outputs (FILE.py:NAME).",
        examples=["val_loss", "my_metrics.py:cost"],
    )
    patience: Positive = Field(description="Epochs without an improvement after which training stops.", examples=[5])
    min_delta: NonNegativeFloat = Field(
        default=0.0,
        description="Smallest change that counts as an improvement, in the unit of what is watched.",
        examples=[0.001],
    )
    direction: Direction | None = Field(
        default=None,
        description="Which way a function of your own is better; by default what its name says (error: less).",
        examples=["minimize"],
    )
    own: OwnMetric | None = Field(
        default=None,
        description="The file of a function of your own as it was when the spec was resolved; by default it is looked "
        "for beside the spec.",
        examples=[{"name": "my_metrics.py:cost", "path": "/home/ann/my_metrics.py", "digest": "0" * 64}],
    )

    @property
    def better(self) -> Direction:
        """Say which way what is watched is better."""
        return self.direction or direction_of(self.monitor)

    @property
    def function(self) -> str | None:
        """Name the function of somebody's file that is watched, None where it is a metric of the table."""
        bare = bare_name(self.monitor)
        return bare if is_own(bare) else None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.function is None:
            known = direction_of(self.monitor)
            if self.direction not in (None, known):
                better = "more" if known == "maximize" else "less"
                raise PydanticCustomError(
                    "direction",
                    "{better} of {metric} is better; take direction out, it is for functions of your own",
                    {"better": better, "metric": bare_name(self.monitor)},
                )
        elif self.direction is None and usual_direction(self.function.rpartition(":")[2]) is None:
            raise PydanticCustomError(
                "direction",
                "whether more of {function} is better is not known; add direction: maximize, or minimize",
                {"function": self.function},
            )
        return self

    @model_serializer(mode="wrap")
    def _younger_by_silence(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is younger than 0.1.0 and not set: what was written and hashed before it stays the same."""
        written: dict[str, Any] = write(self)
        return {key: value for key, value in written.items() if key not in ("direction", "own") or value is not None}
