"""Which data a network is trained on, as data: the `data:` part of a spec.

    DataSpec.model_validate({"name": "mnist", "size": 32, "validation": 10000})

Knows the options, not the data sets: those stand in `archsearch/data/registry.py`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from archsearch.spec.fields import LARGEST, Pair, Plain, Positive, SpecName, Text
from archsearch.spec.onekey import Kind, OneKey


class Shift(Kind):
    """Move each image by up to `pixels` in both directions; what comes in is 0."""

    kind: ClassVar[str] = "shift"

    pixels: Positive = Field(
        default=2, description="Most pixels that an image is moved, in each direction.", examples=[4]
    )


class Rotate(Kind):
    """Turn each image by up to `degrees` either way (bilinear); what comes in is 0."""

    kind: ClassVar[str] = "rotate"

    degrees: Annotated[float, Field(gt=0, le=180)] = Field(
        default=10.0, description="Most degrees that an image is turned, either way.", examples=[15.0]
    )


class Flip(Kind):
    """Mirror half of the images, left to right or top to bottom."""

    kind: ClassVar[str] = "flip"

    direction: Literal["horizontal", "vertical"] = Field(
        default="horizontal",
        description="horizontal: left and right change places; vertical: top and bottom.",
        examples=["vertical"],
    )


class Crop(Kind):
    """Pad each image by `padding` pixels of 0 and cut a random part of the original size."""

    kind: ClassVar[str] = "crop"

    padding: Positive = Field(default=4, description="Pixels of 0 added on every side before the cut.", examples=[2])


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


class DataSpec(Plain):
    """The `data:` part of a spec; `path` is for your own data (npz, folder) only."""

    name: SpecName = Field(
        description="The data set: one by its name, or your own as npz or folder.", examples=["mnist", "folder"]
    )
    path: Text | None = Field(
        default=None,
        description="The file (npz) or folder of your own data, from the current folder.",
        examples=["data/leaves.npz"],
    )
    size: Pair | None = Field(
        default=None,
        description="Height and width in pixels that images are resized to; by default as they come.",
        examples=[32, [28, 32]],
    )
    grayscale: bool = Field(
        default=False, description="Whether colour images are made grey: one channel instead of three.", examples=[True]
    )
    normalize: bool = Field(
        default=False,
        description="Whether each channel is shifted and scaled to mean 0 and deviation 1 of the training data.",
        examples=[True],
    )
    validation: Validation = Field(
        default=0,
        description="Held out of the training data to watch and select on: a fraction, or a number of samples.",
        examples=[0.1, 5000],
    )
    limit: Positive | None = Field(
        default=None,
        description="Most samples that are used of each part, training and test; by default all.",
        examples=[1000],
    )
    augment: Annotated[tuple[Augmentation, ...], Field(strict=False)] = Field(
        default=(),
        description="Random changes of the training images, in this order, new in every epoch; none by default.",
        examples=[["flip", {"shift": {"pixels": 2}}]],
    )

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
