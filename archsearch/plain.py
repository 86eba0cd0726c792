"""`Plain`, the base of every part of a spec and of every result that goes to JSON, and the numbers these are made of.

    class Thing(Plain):
        size: Positive
        share: Fraction = 0.5

`seconds_said` reads such a number from a variable of the environment. Knows nothing of specs, statistics or files.
"""

from __future__ import annotations

import os
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from archsearch.errors import UsageError

LARGEST = 2**31 - 1  # torch's sizes are larger, but nothing a person means is


class Plain(BaseModel):
    """Frozen, strict data: unknown keys are refused, nothing is converted but whole numbers to floats.

    `other_keys` names keys that a file may have beside the fields, since they are read before the fields are.
    """

    other_keys: ClassVar[tuple[str, ...]] = ()

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True)


Positive = Annotated[int, Field(gt=0, le=LARGEST)]
NonNegative = Annotated[int, Field(ge=0, le=LARGEST)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegativeFloat = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


def seconds_said(variable: str, usual: float, more: str = "") -> float:
    """Give the seconds that a variable of the environment says, else the usual; raise `UsageError` for no number.

    `more` stands in the sentence before the usual.
    """
    text = os.environ.get(variable)
    if text is None:
        return usual
    try:
        seconds = float(text)
        if 0 <= seconds < float("inf"):
            return seconds
    except ValueError:
        pass
    raise UsageError(f"{variable}: {text!r} is no number of seconds; {more}the usual is {usual:g}")
