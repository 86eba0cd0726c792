"""Load a data set as memory-mapped tensors; what is not on disk yet is fetched, decoded and resized once.

    data = load(DataSpec(name="mnist", size=(32, 32)))
    data.x_train.shape          # (60000, 1, 32, 32) uint8, meaning value / 255

`normalize`, `validation`, `train_limit` and `augment` are training's business and not applied here, but that float64
values that float32 cannot tell apart are standardised here where they will be normalised.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from archsearch.data import embedded, fetch, location, raw, store, vision
from archsearch.data.facts import DataFacts, survey
from archsearch.data.folds import in_fold
from archsearch.data.library import import_torchvision
from archsearch.data.own import OWN_SOURCES, own_path
from archsearch.data.registry import DATASETS, OWN_DATA, Contents, Downloaded
from archsearch.data.samples import SourcePart, chunks, first_per_class, fit_images
from archsearch.errors import DamagedFileError, SpecError
from archsearch.files import seal
from archsearch.spec.dataset import DataSpec

PREPARATION_VERSION = 1  # raise it whenever the same raw files and options give other tensors
OWN_DATA_VERSION = 2  # the same for your own data: 2 knows transparency, EXIF, a validation part, wide floats


@dataclass(frozen=True)
class Dataset:
    """x is uint8 (meaning value / 255) or float32, y the targets (labels int64); memory-mapped, to be read only.

    `groups_train` and `groups_test` (int64, N) are numbers into `facts.group_names`, `weights_train` (float32, N) what
    each training sample counts for; None where the source says nothing of them.
    `fingerprint` (SHA-256) depends on the values, types and shapes of these tensors and on nothing else.
    """

    facts: DataFacts
    fingerprint: str
    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    groups_train: Tensor | None = None
    groups_test: Tensor | None = None
    weights_train: Tensor | None = None


def load(spec: DataSpec, *, data_dir: Path | None = None, say: Callable[[str], None] | None = None) -> Dataset:
    """Load what `spec` names, with the test part of `spec.fold`; `say` gets a line when something takes a while.

    Raises SpecError for options that do not fit, UnavailableError if files cannot be had or written, DamagedFileError
    for a raw or prepared file that is not what it should be: such a file is never used.
    """
    if spec.fold is not None:
        return in_fold(load(spec.whole, data_dir=data_dir, say=say), spec)
    contents, described = survey(spec)
    root = location.data_dir(data_dir)
    source = _identity(spec, root, say)
    options: list[object] = [described.shape, spec.grayscale, spec.limit]
    if spec.name in OWN_DATA:
        options += [OWN_DATA_VERSION, spec.background, spec.channels, spec.normalize and contents.wide]
        options += [said] if (said := spec.of_source().model_dump(mode="json", exclude={"name", "path"})) else []
    if described.task.name != "classification":  # said by silence: what was prepared before there were others stays
        options.append(described.task.name)
    key = seal([PREPARATION_VERSION, spec.name, options, source])[:16]
    target = root / "prepared" / f"{spec.name}-{key}"
    if not target.exists():
        parts = _parts(spec, described, root, say)
        if say is not None:
            say(f"Preparing {spec.name} ({described.train + described.test} samples of {described.shape}) ...")
        store.write_prepared(target, _arrays(spec, contents, described, parts), _about(described))
    stored = store.read(target)
    arrays = stored.arrays
    _must_fit(target, arrays, described, contents)
    facts = dataclasses.replace(described, train=len(arrays["y_train"]), test=len(arrays["y_test"]))
    return Dataset(facts, stored.fingerprint, **arrays)


def _must_fit(folder: Path, arrays: dict[str, Tensor], facts: DataFacts, contents: Contents) -> None:
    """Raise DamagedFileError for a prepared folder whose tensors are not those of the data that it is called after."""
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if tuple(x.shape[1:]) != facts.shape or str(x.dtype) != f"torch.{contents.dtype}":
            said = f"x_{part}.npy is {str(x.dtype).removeprefix('torch.')} {tuple(x.shape)}"
            raise store.not_used(folder, f"{said}, and samples are {contents.dtype} {facts.shape}")
        if misfit := facts.task.misfit(y, len(y)):
            raise store.not_used(folder, f"the {part} part has {misfit}")


def is_here(spec: DataSpec, *, data_dir: Path | None = None) -> bool:
    """Say whether `load` would find what `spec` names without a download."""
    entry = DATASETS.get(spec.name)
    if entry is None:
        return own_path(spec).exists()
    return not isinstance(entry, Downloaded) or not raw.missing_files(entry, location.data_dir(data_dir))


def to_float(x: Tensor) -> Tensor:
    """uint8 -> float32 in [0, 1] (value / 255); float32 as it is."""
    if x.dtype == torch.float32:
        return x
    if x.dtype != torch.uint8:
        raise TypeError(f"expected uint8 or float32, got {x.dtype}")
    return x.to(torch.float32).div_(255)


def _identity(spec: DataSpec, root: Path, say: Callable[[str], None] | None) -> object:
    """Digests that stand for the raw content; raw files that are there are checked on the way."""
    entry = DATASETS.get(spec.name)
    if entry is None:
        return OWN_SOURCES[spec.name].digest(spec)
    if not isinstance(entry, Downloaded):
        return entry.digest
    found = raw.digests(spec.name, entry, root)
    if found is None:
        fetch.get(spec.name, data_dir=root, say=say)
        found = raw.digests(spec.name, entry, root)
    return found


def _parts(
    spec: DataSpec, facts: DataFacts, root: Path, say: Callable[[str], None] | None
) -> tuple[SourcePart, SourcePart]:
    entry = DATASETS.get(spec.name)
    if entry is None:
        return OWN_SOURCES[spec.name].parts(spec, facts.shape, facts.task.name)
    if not isinstance(entry, Downloaded):
        return embedded.parts(entry)
    if raw.missing_files(entry, root):
        fetch.get(spec.name, data_dir=root, say=say)
    return vision.parts(entry, root)


def _arrays(
    spec: DataSpec, contents: Contents, facts: DataFacts, parts: tuple[SourcePart, SourcePart]
) -> dict[str, store.NewArray]:
    arrays = {}
    counts = (contents.train + contents.validation, contents.test)
    for part, name, promised in zip(parts, ("train", "test"), counts, strict=True):
        if misfit := facts.task.misfit(part.y, promised):
            raise DamagedFileError(
                f"{spec.name}: the {name} part has {misfit}; it was not used. Get the raw files again."
            )
        own = contents.train if name == "train" else promised  # behind it stands a validation part of the source's own
        groups = facts.task.classes_of(part.y)
        rows = torch.cat([first_per_class(groups[:own], spec.limit), own + first_per_class(groups[own:], spec.limit)])
        x_type = "|u1" if contents.dtype == "uint8" else "<f4"
        samples = _fitted(spec, facts, part, rows)
        if name == "train":
            samples = _not_all_alike(spec, samples)
        arrays[f"x_{name}"] = store.NewArray(x_type, (len(rows), *facts.shape), samples)
        arrays[f"y_{name}"] = store.NewArray(facts.task.stored, (len(rows), *facts.task.target_shape), [part.y[rows]])
        if part.groups is not None:
            arrays[f"groups_{name}"] = store.NewArray("<i8", (len(rows),), [part.groups[rows]])
        if part.weights is not None and name == "train":
            arrays["weights_train"] = store.NewArray("<f4", (len(rows),), [part.weights[rows]])
    return arrays


def _fitted(spec: DataSpec, facts: DataFacts, part: SourcePart, rows: Tensor) -> Iterator[Tensor]:
    for x in chunks(part, rows, math.prod(facts.shape)):
        source = OWN_SOURCES.get(spec.name)
        fits = source is not None and source.fits  # its images are, one by one as they are decoded
        fitted = x if fits else fit_images(x, grayscale=spec.grayscale, size=spec.size)
        if tuple(fitted.shape[1:]) != facts.shape:
            raise DamagedFileError(
                f"{spec.name}: samples have the shape {tuple(fitted.shape[1:])} instead of {facts.shape}; "
                "they were not used. Get the raw files again."
            )
        yield fitted


def _not_all_alike(spec: DataSpec, samples: Iterator[Tensor]) -> Iterator[Tensor]:
    """Pass training samples on; raise SpecError at their end if all of them were the same."""
    first: Tensor | None = None
    number, alike = 0, True
    for x in samples:
        first = x[:1].clone() if first is None else first
        alike = alike and bool((x == first).all())
        number += len(x)
        yield x
    if alike and number > 1:
        hint = " Is what they show in their transparency? Set data.background." if spec.name == "folder" else ""
        raise SpecError(
            f"{spec.name}: all {number:,} training samples are the same: there is nothing to learn.{hint}",
            ("data", "path" if spec.path is not None else "name"),
        )


def _about(facts: DataFacts) -> dict[str, object]:
    version = import_torchvision().__version__
    told = dataclasses.asdict(facts) | {"task": facts.task.name, "classes": facts.classes}
    return {"facts": told, "preparation": PREPARATION_VERSION, "torchvision": version}
