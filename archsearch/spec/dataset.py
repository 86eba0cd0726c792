"""Which data a network is trained on, as data: the `data:` part of a spec.

    DataSpec.model_validate({"name": "mnist", "size": 32, "validation": 10000})

Knows the options, not the data sets: those stand in `archsearch/data/registry.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from archsearch.spec.fields import LARGEST, Pair, Plain, Positive, SpecName, Text
from archsearch.spec.onekey import Kind, OneKey


class Shift(Kind):
    """Move each image by up to `pixels` in both directions; what comes in is 0."""

    kind: ClassVar[str] = "shift"

    pixels: Positive = 2


class Rotate(Kind):
    """Turn each image by up to `degrees` either way (bilinear); what comes in is 0."""

    kind: ClassVar[str] = "rotate"

    degrees: Annotated[float, Field(gt=0, le=180)] = 10.0


class Flip(Kind):
    """Mirror half of the images, left to right or top to bottom."""

    kind: ClassVar[str] = "flip"

    direction: Literal["horizontal", "vertical"] = "horizontal"


class Crop(Kind):
    """Pad each image by `padding` pixels of 0 and cut a random part of the original size."""

    kind: ClassVar[str] = "crop"

    padding: Positive = 4


AnyAugmentation = Shift | Rotate | Flip | Crop
Augmentation = Annotated[AnyAugmentation, OneKey("augmentation")]
AUGMENTATION_KINDS: tuple[type[Kind], ...] = get_args(AnyAugmentation)


def _fraction_or_count(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PydanticCustomError("validation", "expected a fraction between 0 and 1 or a number of samples")
    if isinstance(value, float) and value == 0:
        return 0
    if not (0 < value < 1 if isinstance(value, float) else 0 <= value <= LARGEST):
        raise PydanticCustomError(
            "validation", "must be a fraction between 0 and 1 (0.1) or a number of samples (5000)"
        )
    return value


Validation = Annotated[
    int | float,
    BeforeValidator(_fraction_or_count),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}]}
    ),
]


def _part_of_training(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PydanticCustomError("train_limit", "expected a number of samples or a fraction between 0 and 1")
    if not (0 < value < 1 if isinstance(value, float) else 1 <= value <= LARGEST):
        raise PydanticCustomError(
            "train_limit",
            "must be a number of samples (500) or a fraction between 0 and 1 (0.25); leave it out for all of them",
        )
    return value


TrainLimit = Annotated[
    int | float,
    BeforeValidator(_part_of_training),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}]}
    ),
]

_COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0)}
WHITE = _COLOURS["white"]


def _read_colour(value: object) -> tuple[int, int, int]:
    if isinstance(value, str) and value in _COLOURS:
        return _COLOURS[value]
    levels: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value] * 3
    whole = all(isinstance(level, int) and not isinstance(level, bool) and 0 <= level <= 255 for level in levels)
    if len(levels) != 3 or not whole:
        raise PydanticCustomError(
            "background", "expected white, black, a grey level from 0 to 255, or [red, green, blue] from 0 to 255"
        )
    return (levels[0], levels[1], levels[2])


def write_colour(value: tuple[int, int, int]) -> str | int | list[int]:
    """Write (255, 255, 255) as white, (128, 128, 128) as 128: how a person would."""
    for name, colour in _COLOURS.items():
        if value == colour:
            return name
    return value[0] if len(set(value)) == 1 else list(value)


_LEVEL = {"type": "integer", "minimum": 0, "maximum": 255}
Colour = Annotated[
    tuple[int, int, int],
    BeforeValidator(_read_colour),
    PlainSerializer(write_colour),
    WithJsonSchema(
        {"anyOf": [{"enum": [*_COLOURS]}, _LEVEL, {"type": "array", "items": _LEVEL, "minItems": 3, "maxItems": 3}]}
    ),
]


class DataSpec(Plain):
    """The `data:` part of a spec; `path` is for your own data (npz, folder) only."""

    name: SpecName
    path: Text | None = None
    size: Pair | None = None
    grayscale: bool = False
    normalize: bool = False
    validation: Validation = 0
    limit: Positive | None = None
    augment: Annotated[tuple[Augmentation, ...], Field(strict=False)] = ()
    train_limit: Annotated[
        TrainLimit | None,
        Field(
            description="how many training samples are used, a number or a fraction, of each class its share; "
            "validation and test samples stay what they are",
            examples=[500, 0.25],
        ),
    ] = None
    background: Annotated[
        Colour | None,
        Field(
            description="what images with transparency are laid on (folder): white, black, a grey level or "
            "[red, green, blue], 0 to 255; white where nothing is said",
            examples=["black", 128, [255, 240, 200]],
        ),
    ] = None
    channels: Annotated[
        Literal["first", "last"] | None,
        Field(
            description="which axis of x holds the channels (npz): first is (N, channels, ...), last is (N, ..., "
            "channels); where nothing is said, first, but last for images whose last axis is 1, 3 or 4",
            examples=["last"],
        ),
    ] = None

    @model_serializer(mode="wrap")
    def _only_what_is_set(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Say keys younger than the first release by silence where they are not set: older run ids stay as they are."""
        written: dict[str, Any] = handler(self)
        return {key: value for key, value in written.items() if value is not None or key not in _YOUNGER}

    @model_validator(mode="after")
    def _path_for_own_data(self) -> Self:
        own = self.name in ("npz", "folder")
        if own and self.path is None:
            raise PydanticCustomError("path", "{name} needs a path", {"name": self.name})
        if not own and self.path is not None:
            raise PydanticCustomError(
                "path", "path goes with npz and folder only; {name} is found by its name", {"name": self.name}
            )
        return self


_YOUNGER = frozenset({"train_limit", "background", "channels"})
