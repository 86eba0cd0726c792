"""Which data a network is trained on, as data: the `data:` part of a spec.

    DataSpec.model_validate({"name": "mnist", "size": 32, "validation": 10000})

Knows the options, not the data sets: those stand in `archsearch/data/registry.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

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

from archsearch.plain import LARGEST, Plain, Positive
from archsearch.spec.augmentations import Augmentation
from archsearch.spec.fields import Pair, SpecName, Text
from archsearch.spec.folds import Fold


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


def part_of_training(value: object) -> object:
    """Take a number of training samples, or a fraction of them; a validator of pydantic's."""
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
    BeforeValidator(part_of_training),
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


def _one_or_several(value: object) -> object:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def _written_names(names: tuple[str, ...] | None) -> str | list[str] | None:
    return None if names is None else names[0] if len(names) == 1 else list(names)


_A_NAME: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 2000}
ColumnNames = Annotated[
    tuple[Text, ...],
    Field(min_length=1),
    BeforeValidator(_one_or_several),
    PlainSerializer(_written_names),
    WithJsonSchema({"anyOf": [_A_NAME, {"type": "array", "items": _A_NAME, "minItems": 1}]}),
]

OWN_KINDS = ("npz", "folder", "table", "python", "huggingface")
ARRAY_KINDS = ("npz", "python", "huggingface")  # those that may be arrays, of which `channels` says an axis


class Splits(Plain):
    """Which split of a data set is which part; a split that is not named is not used."""

    train: Text = Field(description="The split that is trained on.", examples=["train"])
    test: Text | None = Field(
        default=None, description="The split for testing; by default every fifth row of train.", examples=["validation"]
    )
    validation: Text | None = Field(default=None, description="The split for validation.", examples=["dev"])

    @model_serializer(mode="wrap")
    def _only_what_is_set(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value is not None}

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        named = [name for name in (self.train, self.test, self.validation) if name is not None]
        if len(set(named)) < len(named):
            raise PydanticCustomError("splits", "a split can be one part only; name each once")
        return self


class DataSpec(Plain):
    """The `data:` part of a spec; `path` is for your own data (`OWN_KINDS`) only."""

    name: SpecName = Field(
        description="The data set: one by its name, or your own as npz, folder, table, python or huggingface.",
        examples=["mnist", "folder"],
    )
    path: Text | None = Field(
        default=None,
        description="The file (npz, table, python) or folder (folder, huggingface) of your own data, from the spec's "
        "folder.",
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
        description="Most samples of each class that are used of each part, training and test; by default all.",
        examples=[1000],
    )
    augment: Annotated[tuple[Augmentation, ...], Field(strict=False)] = Field(
        default=(),
        description="Random changes of the training images, in this order, new in every epoch; none by default.",
        examples=[["flip", {"shift": {"pixels": 2}}]],
    )
    train_limit: TrainLimit | None = Field(
        default=None,
        description="How many training samples are used, a number or a fraction, of each class its share; validation "
        "and test samples stay what they are; by default all.",
        examples=[500, 0.25],
    )
    background: Colour | None = Field(
        default=None,
        description="What images with transparency are laid on (folder): white, black, a grey level or [red, green, "
        "blue], 0 to 255; by default white.",
        examples=["black", 128, [255, 240, 200]],
    )
    channels: Literal["first", "last"] | None = Field(
        default=None,
        description="Which axis of x holds the channels (npz): first is (N, channels, ...), last is (N, ..., channels);"
        " by default first, but last for images whose last axis is 1, 3 or 4.",
        examples=["last"],
    )
    fold: Fold | None = Field(
        default=None,
        description="Which part of the samples is the test part, as the runs of an ablation with `split` have it; by "
        "default the data set's own.",
        examples=[{"of": 5, "number": 0}],
    )

    task: SpecName | None = Field(
        default=None,
        description="What the targets are: classification, binary, multilabel or regression; by default what the data "
        "say by themselves (npz: whole numbers are classes, 0 and 1 in several columns labels, floats numbers).",
        examples=["binary"],
    )
    normalize_targets: bool = Field(
        default=False,
        description="Whether targets of regression are shifted and scaled to mean 0 and deviation 1 of the training "
        "data while training; metrics and predictions stay in their own unit.",
        examples=[True],
    )
    target: ColumnNames | None = Field(
        default=None,
        description="The column that is to be predicted, or several (table).",
        examples=["species", ["height", "mass"]],
    )
    part: Text | None = Field(
        default=None,
        description="The column that says train, val or test of each row; by default every fifth row of each class is "
        "for testing.",
        examples=["split"],
    )
    group: Text | None = Field(
        default=None,
        description="The column that says which rows belong together (subject, place): a group is never in two parts.",
        examples=["subject"],
    )
    weight: Text | None = Field(
        default=None,
        description="The column that says what each row counts for in training: 0 or more.",
        examples=["weight"],
    )
    ignore: ColumnNames | None = Field(
        default=None, description="The columns that are left out, such as names and numbers of rows.", examples=["id"]
    )
    categorical: ColumnNames | None = Field(
        default=None,
        description="The columns of numbers that are categories, such as codes; words are so by themselves.",
        examples=["zip"],
    )
    missing: Literal["flag", "refuse"] | None = Field(
        default=None,
        description="What missing cells of a table are: flag (the default: the median of the training rows, and a "
        "feature that says so) or refuse (an error).",
        examples=["refuse"],
    )
    unseen: Literal["unknown", "refuse"] | None = Field(
        default=None,
        description="What a category is that no training row has: unknown (the default: all features of its column are "
        "0) or refuse (an error).",
        examples=["refuse"],
    )
    encoding: Text | None = Field(
        default=None,
        description="The encoding of a CSV, where it is not UTF-8 and has no mark that says so.",
        examples=["cp1252"],
    )
    labels: Text | None = Field(
        default=None,
        description="A table with a row for each image (folder): its file, and its label, labels or numbers.",
        examples=["labels.csv"],
    )
    function: Text | None = Field(
        default=None,
        description="The function of a Python file that gives the data (python); `data: my_data.py:load` is short for "
        "all of it.",
        examples=["load"],
    )

    input: Text | None = Field(
        default=None,
        description="The column of images or arrays that a network reads (huggingface); by default the only one, and "
        "without any such all columns but the target.",
        examples=["image"],
    )
    splits: Splits | None = Field(
        default=None,
        description="Which split is which part (huggingface); by default those called train, validation and test.",
        examples=[{"train": "train", "test": "validation"}],
    )

    def of_source(self) -> DataSpec:
        """Give the spec with what says how a source is read, and nothing of what is done with its samples later."""
        return DataSpec(**{key: getattr(self, key) for key in OF_SOURCE})

    @model_serializer(mode="wrap")
    def _only_what_is_set(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Say keys younger than the first release by silence where they are not set: older run ids stay as they are."""
        written: dict[str, Any] = handler(self)
        return {key: value for key, value in written.items() if value not in (None, False) or key not in _YOUNGER}

    @model_validator(mode="after")
    def _path_for_own_data(self) -> Self:
        own = self.name in OWN_KINDS
        if own and self.path is None:
            raise PydanticCustomError("path", "{name} needs a path", {"name": self.name})
        if not own and self.path is not None:
            raise PydanticCustomError(
                "path", "path goes with your own data only; {name} is found by its name", {"name": self.name}
            )
        return self

    @property
    def whole(self) -> DataSpec:
        """Give the same data with their own test part: what is loaded, and divided into folds after that."""
        return self.model_copy(update={"fold": None}) if self.fold is not None else self


# Keys of tables, and of images with a table beside them.
TABLE_KEYS = ("target", "part", "group", "weight", "ignore", "categorical", "missing", "unseen", "encoding")
LABEL_KEYS = ("target", "part", "group", "weight", "ignore", "encoding")  # those of a table beside images
COLUMN_KEYS = ("input", "splits")  # those of data sets of Hugging Face
OF_SOURCE = ("name", "path", "task", *TABLE_KEYS, "labels", "function", *COLUMN_KEYS)
OF_A_KIND = (*OF_SOURCE[1:], "channels", "background")  # mean something for one kind of source only
_YOUNGER = frozenset({"train_limit", "background", "channels", "normalize_targets", "fold", *OF_SOURCE[2:]})
