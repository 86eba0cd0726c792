"""Your own arrays: `x_train`, `y_train`, `x_test` and `y_test` in one .npz file; `x_val` and `y_val` if you have them.

    contents(Path("signals.npz")).shape      # reads the headers and the labels, nothing else

The rule that says what the axes of x mean (N samples); `channels` says it otherwise:

    (N, F)                 F flat features
    (N, H, W) uint8        grey images          -> (1, H, W)
    (N, C, L) float        signals with C channels and L steps; channels last: (N, L, C) -> (C, L)
    (N, C, H, W)           images; if axis 1 is not 1, 3 or 4 and the last one is, (N, H, W, C) -> (C, H, W)
    more axes              as they are; channels last: the last axis becomes the first

uint8 always means value / 255; floats are stored as float32, and float64 whose values float32 cannot tell apart are
standardised first or refused (`precision`). What y is, its type and shape say (`task_by_values`), or the spec's `task`;
each task reads and checks its own targets. `group_train`, `group_test` (and `group_val`) say which samples belong
together, `weight_train` (and `weight_val`) what each counts for in training. Knows no other options; must not import
torch when it only describes.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from archsearch.data.groups import numbered
from archsearch.data.npz_beside import GROUP, WEIGHT, has_beside, names_beside, read_beside
from archsearch.data.npz_file import opened_npz, read_header, reading_npz, wrong_file
from archsearch.data.registry import Contents
from archsearch.errors import SpecError
from archsearch.task import TASKS, Task, UnfitTargets, task_by_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from archsearch.data.samples import SourcePart

    AnyArray = NDArray[Any]

ARRAY_NAMES = ("x_train", "y_train", "x_test", "y_test")
VALIDATION = ("x_val", "y_val")
_LIKE_VALIDATION = re.compile(
    r"[xy]_?(?:val|valid|validation|dev|holdout)|(?:val|valid|validation|dev|holdout)_?[xy]", re.IGNORECASE
)
CHANNELS = (1, 3, 4)
_READ_AT_ONCE = 2**26  # bytes: what takes less than a tenth of a second to read

ChannelAxis = Literal["first", "last"] | None  # the axis of the channels; None: by the rule


def contents(path: Path, channels: ChannelAxis = None, task: str | None = None) -> Contents:
    """Describe the file at `path`; SpecError: arrays that are no data or not of the task; DamagedFileError: broken."""
    import numpy as np

    with opened_npz(path) as archive:
        present = _present(archive)
        missing = [name for name in ARRAY_NAMES if name not in present]
        if missing:
            raise wrong_file(path, f"holds {', '.join(present) or 'nothing'}; {', '.join(missing)} is missing")
        names = _names(path, present)
        headers = {name: read_header(archive, name) for name in names}
        for part in (name[2:] for name in names if name[0] == "y"):  # before anything large is unpacked
            _same_count(path, f"x_{part}", headers[f"x_{part}"][0], f"y_{part}", headers[f"y_{part}"][0])
        what, targets = _targets(path, archive, [name for name in names if name[0] == "y"], task)
        groups, weights = read_beside(path, archive, {part: len(y) for part, y in targets.items()})
    shapes = {part: _sample_shape(path, f"x_{part}", *headers[f"x_{part}"], channels) for part in targets}
    for part in targets:
        first, other = headers["x_train"], headers[f"x_{part}"]
        if shapes[part] != shapes["train"] or (other[1] == "uint8") != (first[1] == "uint8"):
            kinds = [f"{name} {headers[name][1]} {headers[name][0]}" for name in ("x_train", f"x_{part}")]
            raise wrong_file(path, f"{' and '.join(kinds)} are not samples of one kind")
    per_class = {
        part: tuple(int(n) for n in np.bincount(y, minlength=what.groups)) if what.groups > 1 else ()
        for part, y in targets.items()
    }
    return Contents(
        shape=shapes["train"],
        class_names=what.names(),
        train=len(targets["train"]),
        test=len(targets["test"]),
        train_per_class=per_class["train"],
        test_per_class=per_class["test"],
        dtype="uint8" if headers["x_train"][1] == "uint8" else "float32",
        validation=len(targets.get("val", ())),
        validation_per_class=per_class.get("val", ()),
        wide=any(headers[name][1] == "float64" for name in headers if name[0] == "x"),
        task=what.name,
        outputs=what.outputs,
        group_names=numbered(groups)[0] if groups else (),
        weighted=bool(weights),
    )


def task_of_file(path: Path) -> str | None:
    """Name the task that the file's targets are for by themselves, None where they may be several things."""
    with opened_npz(path) as archive:
        try:
            return task_by_values("y_train", _array(archive, "y_train"))
        except UnfitTargets:
            return None


def _targets(
    path: Path, archive: zipfile.ZipFile, names: Sequence[str], task: str | None
) -> tuple[Task, dict[str, AnyArray]]:
    """Read all targets, by part, as their task has them; raise SpecError for what is not of it."""
    try:
        kind = TASKS[task or task_by_values(names[0], _array(archive, names[0]))]
        read = {name: kind.read(name, _array(archive, name)) for name in names}
        return kind.of(read), {name[2:]: y for name, y in read.items()}
    except UnfitTargets as reason:
        raise wrong_file(path, str(reason)) from None


def unused(path: Path) -> list[str]:
    """Say which arrays the file holds that are not read."""
    with opened_npz(path) as archive:
        present = _present(archive)
        read = _names(path, present)
        others = [name for name in present if name not in (*read, *names_beside(path, present, _parts_read(read)))]
    said = [f"{len(others)} other array{'s' * (len(others) > 1)} ({', '.join(others[:8])})"] if others else []
    meant = [name for name in others if _LIKE_VALIDATION.fullmatch(name)]
    if meant and VALIDATION[0] not in present:
        said.append(
            f"a validation part is read where it is called {' and '.join(VALIDATION)}, not {' and '.join(meant)}"
        )
    return said


def parts(path: Path, channels: ChannelAxis, task: str, *, normalize: bool = False) -> tuple[SourcePart, SourcePart]:
    """Read train (with the validation part behind it) and test, with targets of a task.

    Raises SpecError for values that are not finite, and for float64 values that fall together as float32: with
    `normalize` their columns are standardised first, in float64, which leaves what training normalises the same.
    """
    import numpy as np
    import torch

    from archsearch.data.samples import in_memory

    with reading_npz(path), np.load(path, allow_pickle=False) as archive:
        names = _names(path, archive.files)
        arrays: dict[str, NDArray[Any]] = {name: archive[name] for name in names}
        beside = {name: archive[name] for name in names_beside(path, archive.files, _parts_read(names))}
    x = {name: _channels_first(array, channels) for name, array in arrays.items() if name[0] == "x"}
    if any(array.dtype != np.uint8 for array in x.values()):
        x = _as_float32(path, x, normalize)
    groups = {}
    if has_beside(GROUP, beside):
        groups = numbered({part: beside[f"{GROUP}_{part}"] for part in _parts_read(names)})[1]
    found = []
    for held in (("train", "val") if "x_val" in x else ("train",), ("test",)):
        values = np.concatenate([x[f"x_{part}"] for part in held]) if len(held) > 1 else x[f"x_{held[0]}"]
        y = np.concatenate([TASKS[task].read(f"y_{part}", arrays[f"y_{part}"]) for part in held])
        of_groups = torch.from_numpy(np.concatenate([groups[part] for part in held])) if groups else None
        weights = None
        if has_beside(WEIGHT, beside) and "train" in held:
            weights = torch.from_numpy(np.concatenate([beside[f"{WEIGHT}_{part}"] for part in held]).astype(np.float32))
        found.append(in_memory(torch.from_numpy(np.ascontiguousarray(values)), torch.from_numpy(y), of_groups, weights))
    return found[0], found[1]


def samples(
    path: Path, channels: ChannelAxis = None, *, task: str, labelled: bool
) -> tuple[AnyArray, AnyArray | None, str]:
    """Read `x` or `x_test`, channels first and its type as it is, with `labelled` its targets too; say which it was.

    Raises SpecError for arrays that are no samples or targets of the task, DamagedFileError for a broken file.
    """
    import numpy as np

    with opened_npz(path) as archive:
        present = _present(archive)
        name = next((name for name in ("x", "x_test") if name in present and _has_labels(name, present, labelled)), "")
        if not name:
            wanted = "x and y, or x_test and y_test" if labelled else "x, or x_test"
            raise wrong_file(path, f"holds {', '.join(present) or 'nothing'}; expected {wanted}")
        _sample_shape(path, name, *read_header(archive, name), channels)
        of_labels = name.replace("x", "y")
        if labelled:
            _same_count(path, name, read_header(archive, name)[0], of_labels, read_header(archive, of_labels)[0])
        try:
            labels = TASKS[task].read(of_labels, _array(archive, of_labels)) if labelled else None
        except UnfitTargets as reason:
            raise wrong_file(path, str(reason)) from None
    with reading_npz(path), np.load(path, allow_pickle=False) as arrays:
        x = _channels_first(arrays[name], channels)
    return x, labels, name


def inputs(path: Path, channels: ChannelAxis = None) -> dict[str, AnyArray]:
    """Read the arrays of samples by name, their channels first."""
    import numpy as np

    with reading_npz(path), np.load(path, allow_pickle=False) as archive:
        names = [name for name in _names(path, archive.files) if name[0] == "x"]
        return {name: _channels_first(archive[name], channels) for name in names}


def _same_count(path: Path, x: str, of_x: tuple[int, ...], y: str, of_y: tuple[int, ...]) -> None:
    if of_x and of_y and of_x[0] != of_y[0]:
        each = "labels" if len(of_y) == 1 else "targets"
        raise wrong_file(path, f"{x} has {of_x[0]} samples and {y} {of_y[0]} {each}")


def _has_labels(name: str, present: Sequence[str], labelled: bool) -> bool:
    return not labelled or name.replace("x", "y") in present


def scales(path: Path, channels: ChannelAxis = None) -> tuple[tuple[int, float, float], ...]:
    """Give the columns that `parts` standardises before they become float32, each with its mean and deviation."""
    from archsearch.data.precision import Narrowing

    x = inputs(path, channels).values()
    return tuple((column, *scale) for column, scale in Narrowing(*x).scale.items())


def refuse_not_finite(path: Path, channels: ChannelAxis = None) -> None:
    """Raise `SpecError` for values of x that are not finite; arrays above 64 MiB are left for `parts` to read.

    Said of a file as it is (size and time of change) once in a process: each experiment of a study has the same one.
    """
    state = path.stat()
    if fault := _not_finite(path, channels, state.st_mtime_ns, state.st_size):
        raise wrong_file(path, fault)


@lru_cache(maxsize=8)
def _not_finite(path: Path, channels: ChannelAxis, changed: int, size: int) -> str:
    import numpy as np

    from archsearch.data.precision import not_finite

    with opened_npz(path) as archive:
        for name in (name for name in _names(path, _present(archive)) if name[0] == "x"):
            shape, dtype = read_header(archive, name)
            if not dtype.startswith("float") or math.prod(shape) * np.dtype(dtype).itemsize > _READ_AT_ONCE:
                continue
            with np.errstate(over="ignore"):
                narrow = _channels_first(_array(archive, name), channels).astype(np.float32)
            if fault := not_finite(name, narrow):
                return fault
    return ""


def _as_float32(path: Path, x: dict[str, NDArray[Any]], normalize: bool) -> dict[str, NDArray[Any]]:
    import numpy as np

    from archsearch.data.precision import Lost, Narrowing, fallen_together, not_finite

    for name, array in x.items():
        with np.errstate(over="ignore"):
            fault = not_finite(name, array.astype(np.float32))
        if fault:
            raise wrong_file(path, fault)
    narrow = Narrowing(*x.values())

    def say(lost: tuple[Lost, ...], way_out: str) -> SpecError:
        one, unit = lost[0], "column" if x["x_train"].ndim == 2 else "channel"
        more = f" (and {len(lost) - 1} more {unit}s)" if len(lost) > 1 else ""
        what = f"{unit} {one.column} of x{more}: {one.wide:,} distinct float64 values become {one.narrow:,} as float32"
        return SpecError(f"{path}: {what}. {way_out}", ("data", "path"), reason=f"{path}: {what}")

    if narrow.lost and not normalize:
        raise say(narrow.lost, "Set data.normalize: true (done in float64), or take an offset off in the file.")
    done = {name: narrow.as_float32(array) for name, array in x.items()}
    for one in narrow.lost:  # values in tight groups far apart stay together whatever the scale
        scaled = [narrow.standardised(array, one.column)[:, None] for array in x.values()]
        if still := fallen_together(scaled):
            lost = (Lost(one.column, still[0].wide, still[0].narrow),)
            raise say(lost, "Normalising does not keep them apart: spread them in the file, such as by rank.")
    return dict(done)


def _present(archive: zipfile.ZipFile) -> list[str]:
    return [name.removesuffix(".npy") for name in archive.namelist()]


def _names(path: Path, present: Sequence[str]) -> tuple[str, ...]:
    """Give the arrays that are read: those of the validation part are, where the file has both."""
    held_out = [name for name in VALIDATION if name in present]
    if len(held_out) == 1:
        raise wrong_file(path, f"holds {held_out[0]} alone; a validation part is x_val and y_val")
    return (*ARRAY_NAMES[:2], *held_out, *ARRAY_NAMES[2:])


def _parts_read(names: Iterable[str]) -> list[str]:
    return [name[2:] for name in names if name[0] == "y"]


def _sample_shape(path: Path, name: str, shape: tuple[int, ...], dtype: str, channels: ChannelAxis) -> tuple[int, ...]:
    if dtype not in ("uint8", "float16", "float32", "float64"):
        kinds = "uint8 (meaning value / 255) or float32 (float64 for large numbers)"
        if dtype in ("int32", "uint32", "int64", "uint64"):
            kinds = "float64 (float32 tells whole numbers apart up to 16,777,216 only), or uint8 (meaning value / 255)"
        raise wrong_file(path, f"{name} is {dtype}; convert it to {kinds}")
    if len(shape) < 2 or math.prod(shape) == 0:
        raise wrong_file(
            path, f"{name} has the shape {shape}; samples along the first axis and at least one value each"
        )
    grey = dtype == "uint8" and len(shape) == 3
    if channels is not None and (grey or len(shape) == 2):
        kind = "grey images, (N, height, width)" if grey else "flat features, (N, features)"
        way_out = " Remove it, or store signals as float32." if grey else " Remove it."
        raise SpecError(
            f"channels: {channels} is for arrays with an axis of channels; {name} {dtype} {shape} are {kind}.{way_out}",
            ("data", "channels"),
        )
    if grey:
        return (1, *shape[1:])
    if _channels_last(shape, channels):
        return (shape[-1], *shape[1:-1])
    return shape[1:]


def _array(archive: zipfile.ZipFile, name: str) -> AnyArray:
    import numpy as np

    _, dtype = read_header(archive, name)  # checks it before memory is asked for
    if dtype == "object":
        raise UnfitTargets(f"{name} is object; targets are numbers")
    with archive.open(f"{name}.npy") as file:
        found: AnyArray = np.lib.format.read_array(file, allow_pickle=False)
    return found


def _channels_first(x: NDArray[Any], channels: ChannelAxis) -> NDArray[Any]:
    """Give the samples with their channels along axis 1."""
    import numpy as np

    if x.dtype == np.uint8 and x.ndim == 3:
        return x[:, None]
    return np.moveaxis(x, -1, 1) if _channels_last(x.shape, channels) else x


def _channels_last(shape: tuple[int, ...], channels: ChannelAxis) -> bool:
    if channels is not None:
        return channels == "last"
    return len(shape) == 4 and shape[1] not in CHANNELS and shape[3] in CHANNELS
