"""Your own images: a folder with one sub-folder per class, in `train/` and `test/` or directly at the top.

    contents(Path("flowers")).class_names       # ('daisy', 'rose'): sub-folders in the order of their names

`val/` (or `valid/`, `validation/`) beside `train/` and `test/` is the validation part. Without `train/` and `test/`,
the 5th, 10th, 15th, ... image of each class (by file name) is for testing. Images are read once, as grey if the first
one is grey and as RGB otherwise. What lies there and is not read, `unused` counts.
Knows no options but size, grayscale and background; must not import torch when it only describes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archsearch.data.images import ENDINGS, ImageSource, decode, height_and_width, image_changes, look, readable, wrong
from archsearch.data.registry import Contents
from archsearch.errors import SpecError

if TYPE_CHECKING:
    from torch import Tensor

    from archsearch.data.samples import SourcePart

_VALIDATION = ("val", "valid", "validation")

Files = tuple[tuple[Path, int], ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Where each image lies: (file, class index), in the order of classes and names."""

    class_names: tuple[str, ...]
    train: Files
    test: Files
    validation: Files = ()
    drawn: bool = False  # the test part is every fifth image: there is no test/

    @property
    def images(self) -> Files:
        """Give all that is read, in the order in which it is stored."""
        return self.train + self.validation + self.test


def listing(path: Path) -> Listing:
    """List the images below `path`; raises SpecError if that is not one folder per class."""
    if not path.is_dir():
        raise wrong(path, "is a file" if path.exists() else "does not exist", "expected a folder of images")
    names = named_folders(path)
    if "train" in names or "test" in names:
        found = _given_parts(path, names)
    else:
        train: list[tuple[Path, int]] = []
        test: list[tuple[Path, int]] = []
        for label, images in enumerate(_per_class(path, names)):
            if len(images) < 5:
                raise wrong(
                    path / names[label], f"has {len(images)} images", "a test part of 20 % needs 5 of each class"
                )
            for rank, image in enumerate(images):
                (test if rank % 5 == 4 else train).append((image, label))
        found = Listing(tuple(names), tuple(train), tuple(test), drawn=True)
    if len(found.class_names) < 2:
        raise wrong(path, f"has {len(found.class_names)} class folders", "a data set needs at least two")
    return found


def _given_parts(path: Path, names: Sequence[str]) -> Listing:
    held_out = [name for name in _VALIDATION if name in names]
    if not {"train", "test"} <= set(names):
        hint = f"; {held_out[0]}/ is read as the validation part, not as test/" if held_out else ""
        raise wrong(path, f"has {', '.join(names)}", f"a split needs both train/ and test/{hint}")
    if len(held_out) > 1:
        raise wrong(path, f"has {' and '.join(held_out)}", "one of them can be the validation part; rename the others")
    classes = named_folders(path / "train")
    for part in ("test", *held_out):
        if odd := sorted(set(classes) ^ set(named_folders(path / part))):
            raise wrong(path, f"train/ and {part}/ differ in {', '.join(odd)}", "both need the same class folders")
    train, test, *validation = (_images(path / part, classes) for part in ("train", "test", *held_out))
    return Listing(tuple(classes), train, test, validation[0] if validation else ())


def contents(path: Path, *, grayscale: bool = False, ground: tuple[int, int, int] | None = None) -> Contents:
    """Describe the folder by its names and the header of the first image.

    `grayscale` and a `ground` for transparent images read every header: one coloured image makes all coloured, and a
    ground without any transparent image is refused.
    """
    found = listing(path)
    shape = sample_shape([image for image, _ in found.images], path, grayscale=grayscale, ground=ground)
    train, test, validation = (
        tuple(sum(label == k for _, label in part) for k in range(len(found.class_names)))
        for part in (found.train, found.test, found.validation)
    )
    return Contents(
        shape=shape,
        class_names=found.class_names,
        train=len(found.train),
        test=len(found.test),
        train_per_class=train,
        test_per_class=test,
        validation=len(found.validation),
        validation_per_class=validation if found.validation else (),
        drawn=found.drawn,
    )


_BACKGROUND = ("data", "background")


def sample_shape(
    images: Sequence[ImageSource], path: Path, *, grayscale: bool, ground: tuple[int, int, int] | None
) -> tuple[int, int, int]:
    """Give the shape of the first image, grey if it is; `path` is the folder that errors name."""
    height, width = height_and_width(images[0])
    grey = look(images[0]).grey
    if grayscale or ground is not None:
        looks = [look(image) for image in images]
        if ground is not None and not any(one.transparent for one in looks):
            raise SpecError(f"background does nothing: no image in {path} has transparency. Remove it.", _BACKGROUND)
        grey = grey if not grayscale else all(one.grey for one in looks)
    if grey and ground is not None and len(set(ground)) > 1:
        raise SpecError(
            f"background {list(ground)} is coloured, and the images in {path} are grey; use white, black or one level "
            "from 0 to 255.",
            _BACKGROUND,
        )
    return 1 if grey else 3, height, width


def digest(path: Path) -> str:
    """Hash names and contents of all images."""
    total = hashlib.sha256()
    hash_images(total.update, [image for image, _ in listing(path).images], path)
    return total.hexdigest()


def hash_images(add: Callable[[bytes], None], images: Sequence[Path], path: Path) -> None:
    """Add the contents of images, and their names below a folder, to a hash: by its `update`."""
    for image in images:
        with readable(image), image.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        add(f"{content}  {image.relative_to(path).as_posix()}\n".encode("utf-8", "surrogateescape"))


def parts(
    path: Path,
    shape: tuple[int, ...],
    *,
    grayscale: bool,
    size: tuple[int, int] | None,
    ground: tuple[int, int, int],
) -> tuple[SourcePart, SourcePart]:
    """Read train (with the validation part behind it) and test.

    `shape` is the shape of every sample after `grayscale` and `size`.
    """
    import torch

    found = listing(path)

    def part(files: Files) -> SourcePart:
        y = torch.tensor([label for _, label in files], dtype=torch.int64)
        return images_part([file for file, _ in files], y, shape, grayscale=grayscale, size=size, ground=ground)

    return part(found.train + found.validation), part(found.test)


def images_part(
    files: Sequence[ImageSource],
    y: Tensor,
    shape: tuple[int, ...],
    *,
    grayscale: bool,
    size: tuple[int, int] | None,
    ground: tuple[int, int, int],
) -> SourcePart:
    """Make a part of image files with targets `y` (N, ...); they are decoded when they are read."""
    import torch

    from archsearch.data.samples import SourcePart, fit_images

    grey = shape[0] == 1 and not grayscale

    def read(rows: Tensor) -> Tensor:
        images = torch.empty((len(rows), *shape), dtype=torch.uint8)
        for position, row in enumerate(rows.tolist()):
            decoded = decode(files[row], grey=grey, ground=ground)
            image = fit_images(decoded[None], grayscale=grayscale, size=size)[0]
            if image.shape != images.shape[1:]:
                raise wrong(
                    files[row], f"is {image.shape[-2]}x{image.shape[-1]} where the first is {shape[-2]}x{shape[-1]}",
                    "images of different sizes need `size: [height, width]`",
                )  # fmt: skip
            images[position] = image
        return images

    return SourcePart(y, read)


def said_of_images(path: Path, ground: tuple[int, int, int]) -> list[str]:
    """Say what reading does to the images, by their headers."""
    return image_changes([look(image) for image, _ in listing(path).images], ground)


def unused(path: Path) -> list[str]:
    """Say what lies below `path` and is not read, with counts; hidden files and folders are passed over."""
    read = {image for image, _ in listing(path).images}
    homes = {image.parent for image in read}
    nested: Counter[str] = Counter()
    elsewhere: Counter[str] = Counter()
    endings: Counter[str] = Counter()
    beside = 0
    for file in _all_files(path):
        place = file.parent.relative_to(path).as_posix() + "/"
        if file in read:
            continue
        if file.suffix.lower() not in ENDINGS:
            endings[file.suffix.lower() or "no ending"] += 1
        elif file.parent == path:
            beside += 1
        else:
            (nested if any(home in file.parents for home in homes) else elsewhere)[place] += 1
    counts = (
        (nested.total(), "image", f"in folders inside class folders ({_places(nested)})"),
        (elsewhere.total(), "image", f"in other folders ({_places(elsewhere)})"),
        (beside, "image", "beside the folders"),
        (endings.total(), "file", f"of other kinds ({_places(endings)})"),
    )
    return [f"{_count(number, what)} {where}" for number, what, where in counts if number]


_MOST_PLACES = 6


def _places(numbers: Counter[str]) -> str:
    """Write the places with their numbers, in the order of their names; those after the sixth by their count."""
    words = [f"{place} {number:,}" for place, number in sorted(numbers.items())]
    more = f", {len(words) - _MOST_PLACES} more" if len(words) > _MOST_PLACES else ""
    return ", ".join(words[:_MOST_PLACES]) + more


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _all_files(path: Path) -> Iterator[Path]:
    for entry in sorted(path.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from () if entry.is_symlink() and path.is_relative_to(entry.resolve()) else _all_files(entry)
        else:
            yield entry


def images_below(path: Path) -> list[Path]:
    """Give all image files below a folder, at any depth; what is hidden is passed over."""
    return [file for file in _all_files(path) if file.suffix.lower() in ENDINGS]


def named_folders(path: Path) -> list[str]:
    """Give the names of the folders in a folder, in their order; what is hidden is passed over."""
    return sorted(entry.name for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _per_class(path: Path, classes: Sequence[str]) -> Iterator[list[Path]]:
    for name in classes:
        entries = (path / name).iterdir()
        images = sorted(
            (entry for entry in entries if entry.suffix.lower() in ENDINGS and not entry.name.startswith(".")),
            key=lambda entry: entry.name,
        )
        if not images:
            below = sum(file.suffix.lower() in ENDINGS for file in _all_files(path / name))
            hint = f"; the {_count(below, 'image')} in folders below it are not read, move them up" if below else ""
            raise wrong(path / name, "holds no image", f"endings read are {', '.join(sorted(ENDINGS))}{hint}")
        yield images


def _images(path: Path, classes: Sequence[str]) -> Files:
    return tuple((image, label) for label, images in enumerate(_per_class(path, classes)) for image in images)
