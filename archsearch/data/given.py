"""Samples that someone hands to a trained network: image files, folders, arrays. Made as the training made its own.

    given = images_given(image_files(["cat.jpg", "photos/"]), inputs, spec.data)
    x = given.part.read(rows)               # stored samples (N, *shape), as `Inputs` describes them
    given.remarks()                         # ['2 of 3 images are resized to 32x32 (the first: cat.jpg, 100x80)']

An image of another size or mode is converted, and `remarks` says so once it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from archsearch.data import npz
from archsearch.data.facts import describe
from archsearch.data.folder import images_below, named_folders
from archsearch.data.folder import listing as folder_listing
from archsearch.data.images import ENDINGS, ImageHeader, ImageSource, decode, image_changes, look, of_images
from archsearch.data.inputs import Inputs
from archsearch.data.own import arrays_file, images_of, own_path
from archsearch.data.precision import AnyArray, not_finite
from archsearch.data.prepare import load
from archsearch.data.registry import DATASETS
from archsearch.data.samples import SourcePart, first_per_class, fit_images
from archsearch.errors import UsageError
from archsearch.spec.dataset import WHITE, DataSpec
from archsearch.spec.nearest import nearest
from archsearch.wording import count_of, listed

UNKNOWN = -1  # the label of a sample that has none
_ENDINGS = f"endings read are {', '.join(sorted(ENDINGS))}"


@dataclass(slots=True)
class Conversions:
    """What was done to samples as they were read: the headers of images, and the names of those that were changed."""

    looks: list[ImageHeader] = field(default_factory=list)
    resized: list[str] = field(default_factory=list)
    made_grey: list[str] = field(default_factory=list)
    made_coloured: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class GivenSamples:
    """Samples with their names; `part.y` holds UNKNOWN where a sample has no label. `done` fills as they are read."""

    names: tuple[str, ...]
    part: SourcePart
    inputs: Inputs
    spec: DataSpec
    done: Conversions

    def __len__(self) -> int:
        return len(self.names)

    def remarks(self) -> list[str]:
        """Say in a sentence each what was done to the samples that were read."""
        done, total = self.done, len(self)
        kinds = (
            (done.resized, f"resized to {sizes_text(self.inputs.shape[1:])}"),
            (done.made_grey, "made grey"),
            (done.made_coloured, "read as red, green and blue, all three the same"),
        )
        said = [
            f"{of_images(len(names), total)} {'is' if len(names) == 1 else 'are'} {what} (the first: {names[0]})"
            for names, what in kinds
            if names
        ]
        return [*done.other, *said, *image_changes(done.looks, self.spec.background or WHITE)]


def batches_of(given: GivenSamples, at_once: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield samples and labels of so many rows at once."""
    for rows in torch.split(torch.arange(len(given)), at_once):
        yield given.part.read(rows), given.part.y[rows]


def sizes_text(sizes: Sequence[int]) -> str:
    """Write the sizes of axes: 3x32x32."""
    return "x".join(map(str, sizes))


# -- images ------------------------------------------------------------------------------------------------------------


def image_files(names: Sequence[str]) -> list[Path]:
    """Give the image files that are named, and all below the folders that are, in the order of their names.

    Raises `UsageError` for what is not there and for a folder without an image.
    """
    if missing := [name for name in names if not Path(name).exists()]:
        raise UsageError(f"there is no file or folder {listed(missing)}")
    found: list[Path] = []
    for path in map(Path, names):
        if not path.is_dir():
            found.append(path)
            continue
        images = images_below(path)
        if not images:
            raise UsageError(f"{path} holds no image; {_ENDINGS}")
        found += images
    return found


def images_given(
    files: Sequence[ImageSource], inputs: Inputs, spec: DataSpec, labels: Sequence[int] | Tensor | None = None
) -> GivenSamples:
    """Take images as samples of a training on `spec`; raises `UsageError` where its network reads no images.

    Reading raises `DamagedFileError` for a file that is no image, `SpecError` for one of more than 8 bits a channel.
    """
    _reads_images(inputs, spec)
    done = Conversions()

    def read(rows: Tensor) -> Tensor:
        images = torch.empty((len(rows), *inputs.shape), dtype=torch.uint8)
        for place, row in enumerate(rows.tolist()):
            images[place] = _image(files[row], inputs, spec, done)
        return images

    if labels is None:
        labels = [UNKNOWN] * len(files)
    y = labels if isinstance(labels, Tensor) else torch.tensor(labels, dtype=torch.int64)
    return GivenSamples(tuple(str(file) for file in files), SourcePart(y, read), inputs, spec, done)


def _reads_images(inputs: Inputs, spec: DataSpec) -> None:
    way_out = "give them as an array x in an .npz file"
    if len(inputs.shape) != 3 or inputs.shape[0] not in (1, 3):
        raise UsageError(f"the network reads samples of {sizes_text(inputs.shape)}, no images; {way_out}")
    if inputs.stored == "float32" and spec.name not in DATASETS:
        raise UsageError(
            f"the network was trained on arrays of decimal numbers, and an image does not say in which range; {way_out}"
        )


def _image(path: ImageSource, inputs: Inputs, spec: DataSpec, done: Conversions) -> Tensor:
    """Read one image as the training would have: (C, H, W) uint8."""
    header = look(path)
    grey, size = inputs.shape[0] == 1, (inputs.shape[1], inputs.shape[2])
    # where coloured training images were made grey, grey ones went the same way: by red, green and blue
    pixels = decode(path, grey=grey and header.grey and not spec.grayscale, ground=spec.background or WHITE)
    done.looks.append(header)
    if tuple(pixels.shape[1:]) != size:
        done.resized.append(f"{path}, {sizes_text(pixels.shape[1:])}")
    if grey and not header.grey:
        done.made_grey.append(str(path))
    if not grey and header.grey:
        done.made_coloured.append(str(path))
    return fit_images(pixels[None], grayscale=grey and len(pixels) == 3, size=size)[0]


def labelled_images(folder: Path, inputs: Inputs, spec: DataSpec) -> GivenSamples:
    """Take a folder with a sub-folder for each class, or its `test/` where it has one beside `train/`.

    Raises `UsageError` for a folder that is no class of the network's; a class may be absent.
    """
    top = folder / "test" if (folder / "test").is_dir() and (folder / "train").is_dir() else folder
    names, classes = named_folders(top), inputs.class_names
    if strange := [name for name in names if name not in classes]:
        close = nearest(strange[0], classes)
        hint = f" (did you mean {close}?)" if close else ""
        raise UsageError(
            f"{top} has the {'folder' if len(strange) == 1 else 'folders'} {listed(strange)}{hint}; the network's "
            f"classes are {listed(classes)}"
        )
    files, labels = [], []
    for name in names:
        images = images_below(top / name)
        files += images
        labels += [classes.index(name)] * len(images)
    if not files:
        raise UsageError(f"{top} holds no image in folders called as the classes ({listed(classes)}); {_ENDINGS}")
    given = images_given(files, inputs, spec, labels)
    if absent := [name for number, name in enumerate(classes) if number not in set(labels)]:
        given.done.other.append(f"no image of {count_of(len(absent), 'class')}: {listed(absent)}")
    return given


# -- arrays ------------------------------------------------------------------------------------------------------------


def arrays_given(path: Path, inputs: Inputs, spec: DataSpec, *, labelled: bool) -> GivenSamples:
    """Take the samples of an .npz file: `x` or `x_test`, and with `labelled` their `y` or `y_test`.

    Raises `SpecError` or `UsageError` for arrays that are not what the network reads, `DamagedFileError` for a file
    that cannot be read.
    """
    channels = spec.channels if spec.name in ("npz", "python", "huggingface") else None
    x, y, name = npz.samples(path, channels, task=inputs.task, labelled=labelled)
    if y is not None:
        _are_targets(path, y, inputs)
    values = _as_stored(f"{path}: {name}", _grey(x, inputs, spec), inputs, spec)
    labels = torch.full((len(values),), UNKNOWN) if y is None else torch.from_numpy(y)
    return _of_tensors(f"{path}: {name}", name, values, labels, inputs, spec)


def _are_targets(path: Path, y: AnyArray, inputs: Inputs) -> None:
    task = inputs.what()
    if task.groups > 1 and not 0 <= int(y.min()) <= int(y.max()) < task.groups:
        raise UsageError(
            f"{path}: labels run from {int(y.min())} to {int(y.max())}; the network has {task.said}, and "
            f"labels from 0 to {task.groups - 1}"
        )
    if y.shape[1:] != task.target_shape:
        raise UsageError(f"{path}: the targets are {y.shape[1]} for each sample; the network has {task.said}")


def _grey(x: AnyArray, inputs: Inputs, spec: DataSpec) -> AnyArray:
    """Take decimal (N, H, W) of the network's height and width as grey images, as uint8 without channels is."""
    images = len(inputs.shape) == 3 and inputs.shape[0] in (1, 3) and spec.channels != "last"
    return x[:, None] if images and x.shape[1:] == inputs.shape[1:] else x


def _of_tensors(what: str, name: str, x: Tensor, y: Tensor, inputs: Inputs, spec: DataSpec) -> GivenSamples:
    done = Conversions()
    values = _fitted(what, x, inputs, done)
    names = tuple(f"{name}[{row}]" for row in range(len(values)))
    return GivenSamples(names, SourcePart(y, lambda rows: values[rows]), inputs, spec, done)


# -- data sets ---------------------------------------------------------------------------------------------------------


def other_test_part(
    other: DataSpec,
    inputs: Inputs,
    spec: DataSpec,
    *,
    data_dir: Path | None = None,
    say: Callable[[str], None] | None = None,
) -> GivenSamples:
    """Take the test part of what another spec is trained on, prepared as the training on `spec` prepared its own.

    Only which data, and how many of each class, are the other spec's business. Raises `UsageError` where the classes
    are others, and what `load` raises.
    """
    if (file := arrays_file(other)) is not None:
        return _limited(arrays_given(file, inputs, spec, labelled=True), other.limit)
    if (images := images_of(other)) is not None:
        _same_classes(other.name, images.contents.class_names, inputs)
        rows = images.rows["test"]
        shown = [images.files[row] for row in rows.tolist()]
        return _limited(images_given(shown, inputs, spec, torch.from_numpy(images.y[rows])), other.limit)
    if other.name == "folder":
        listing = folder_listing(own_path(other))
        _same_classes(other.name, listing.class_names, inputs)
        files, labels = zip(*listing.test, strict=True)
        return _limited(images_given(files, inputs, spec, labels), other.limit)
    source = DataSpec(name=other.name, limit=other.limit)
    _same_classes(other.name, describe(source).class_names, inputs)  # before anything is downloaded
    data = load(source, data_dir=data_dir, say=say)
    return _of_tensors(f"{other.name}: x_test", "x_test", data.x_test, data.y_test, inputs, spec)


def _same_classes(name: str, classes: Sequence[str], inputs: Inputs) -> None:
    if tuple(classes) != inputs.class_names:
        raise UsageError(
            f"{name} has the {count_of(len(classes), 'class')} {listed(classes)}, and the network "
            f"{inputs.what().said}: {listed(inputs.class_names)}; they must be the same, in the same order"
        )


def _limited(given: GivenSamples, limit: int | None) -> GivenSamples:
    kept = first_per_class(given.part.y, limit)
    part = SourcePart(given.part.y[kept], lambda rows: given.part.read(kept[rows]))
    return replace(given, names=tuple(given.names[row] for row in kept.tolist()), part=part)


def _as_stored(what: str, x: AnyArray, inputs: Inputs, spec: DataSpec) -> Tensor:
    """Give the values as the training stored its own: uint8, or float32 in its scale."""
    from_0_to_1 = inputs.stored == "uint8" or (spec.name in DATASETS and len(inputs.shape) == 3)
    if x.dtype == np.uint8:
        if not from_0_to_1:
            raise UsageError(f"{what} is uint8, and the network was trained on float32: give values of the same scale")
        return torch.from_numpy(np.ascontiguousarray(x))
    low, high = float(x.min()), float(x.max())
    if from_0_to_1 and not (low >= 0 and high <= 1):
        raise UsageError(
            f"{what} runs from {low:g} to {high:g}, and the network reads values from 0 to 1; give uint8 (meaning "
            "value / 255), or divide"
        )
    with np.errstate(over="ignore"):
        narrow = x.astype(np.float32)
    for column, mean, deviation in inputs.scaled if x.shape[1:] == inputs.shape else ():
        narrow[:, column] = ((x[:, column].astype(np.float64) - mean) / deviation).astype(np.float32)
    if fault := not_finite(what, narrow):
        raise UsageError(fault)
    return torch.from_numpy(np.ascontiguousarray(narrow))


def _fitted(what: str, x: Tensor, inputs: Inputs, done: Conversions) -> Tensor:
    """Make images of another size or number of channels fit; raise `UsageError` for samples of another kind."""
    shape = inputs.shape
    if tuple(x.shape[1:]) == shape:
        return x
    if not (x.dim() == 4 and len(shape) == 3 and {x.shape[1], shape[0]} <= {1, 3}):
        raise UsageError(f"{what} has samples of {sizes_text(x.shape[1:])}, and the network reads {sizes_text(shape)}")
    first, *others = (f"{what}[{row}]" for row in range(len(x)))
    if tuple(x.shape[2:]) != shape[1:]:
        done.resized = [f"{first}, {sizes_text(x.shape[2:])}", *others]
    if x.shape[1] > shape[0]:
        done.made_grey = [first, *others]
    if x.shape[1] < shape[0]:
        done.made_coloured = [first, *others]
        x = x.expand(-1, shape[0], -1, -1)
    return fit_images(x, grayscale=x.shape[1] > shape[0], size=(shape[1], shape[2]))
