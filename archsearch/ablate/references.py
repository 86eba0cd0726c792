"""What an ablation file names: specs, data sets, numbers of training samples; what is none is refused once.

    variants: tuple[Reference, ...]          # "lenet5", "mine.yaml"

A union of pydantic's would say of each of its kinds why a value is none of it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from archsearch.spec.dataset import TrainLimit, part_of_training
from archsearch.spec.fields import SpecName, Text


def _spec_by_name(value: object) -> object:
    """Refuse what names no spec, before pydantic says it of each kind of text."""
    if isinstance(value, dict):
        raise PydanticCustomError(
            "reference",
            "expected the name of a spec, or a file; a spec with changes (extends, edits) is a file of its own",
        )
    if not isinstance(value, str):
        raise PydanticCustomError("reference", "expected the name of a spec, or a file")
    return value


def _data_by_name(value: object) -> object:
    if not isinstance(value, (str, dict)):
        raise PydanticCustomError(
            "data_set", "expected the name of a data set, or its keys such as {name: digits, validation: 0.1}"
        )
    return value


def _size_or_all(value: object) -> object:
    if isinstance(value, bool) or not (value == "all" or isinstance(value, (int, float))):
        raise PydanticCustomError("train_size", "expected a number of samples, a fraction between 0 and 1, or all")
    return value if value == "all" else part_of_training(value)


Reference = Annotated[SpecName | Text, BeforeValidator(_spec_by_name)]
DataOf = Annotated[SpecName | dict[str, Any], Field(union_mode="left_to_right"), BeforeValidator(_data_by_name)]
TrainSize = Annotated[Literal["all"] | TrainLimit, Field(union_mode="left_to_right"), BeforeValidator(_size_or_all)]
