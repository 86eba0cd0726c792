"""Published results of an experiment: `documented: {test_accuracy: 0.9753}`, by the names of the table of metrics.

    spec.documented.values          # {"test_accuracy": 0.9753}

Which of them an experiment has is decided by its data: `experiment_plan.py` looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, create_model, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from archsearch.metrics import learned, metric_of, title_of
from archsearch.plain import Plain

_EXAMPLES = {"test_accuracy": 0.9753, "test_rmse": 55.4}
_Share = Annotated[float, Field(ge=0, le=1)]


class _Published(Plain):
    """Published results of this experiment, to be reproduced; fractions, not per cent."""

    @property
    def values(self) -> dict[str, float]:
        """Give what was published by its name, `test_accuracy`, in the order of the table."""
        named = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: value for name, value in named if value is not None}

    @model_validator(mode="after")
    def _says_something(self) -> _Published:
        if not self.values:
            raise PydanticCustomError("documented", "names no value; write one, such as test_accuracy: 0.9753")
        return self

    @model_serializer(mode="wrap")
    def _what_is_said(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in write(self).items() if value is not None}


def _published(name: str) -> Any:
    row = metric_of(name)
    share = row is not None and row.written == "percent"
    words = f"The published {title_of(name)}{', as a fraction' * share}."
    example = _EXAMPLES.get(name, 0.9 if share else 0.5)
    return (_Share if share else float) | None, Field(default=None, description=words, examples=[example])


if TYPE_CHECKING:
    Documented = _Published
else:  # a key for each metric of test data that the table has
    Documented = create_model(
        "Documented",
        __base__=_Published,
        __module__=__name__,
        __doc__=_Published.__doc__,
        **{name: _published(name) for name in learned("test")},
    )
