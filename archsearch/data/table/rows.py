"""Which rows of a table are of which part, which belong together, and what each counts for.

    rows = part_rows(spec, table, y, groups)       # {"train": [0, 1, 2, 3, 5, ...], "test": [4, 9, ...]}

A column says the parts (`data.part`), else the 5th, 10th, 15th, ... row of each class is for testing; with a group
column whole groups are. Must not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archsearch.data.groups import bad_weight, shared_group
from archsearch.data.table.columns import as_numbers, as_words
from archsearch.data.table.read import DataTable, import_polars
from archsearch.errors import Problem, SpecError
from archsearch.spec.dataset import DataSpec
from archsearch.wording import count_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

PART_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_EVERY = 5  # the 5th, 10th, 15th, ... row of each class, or group, is for testing where no column says the parts


def groups_of(spec: DataSpec, table: DataTable) -> NDArray[Any] | None:
    """Give the group of each row, a whole number or a word.

    Raises `SpecError` with the place where it is missing, and for one group in all rows.
    """
    import numpy as np

    if spec.group is None:
        return None
    words = as_words(table, spec.group)
    if words.null_count():
        row = int(words.is_null().arg_true()[0])
        raise SpecError(Problem(table.place(row, spec.group), "the group is missing"), ("data", "group"))
    numbers = as_numbers(table, spec.group)
    whole = not numbers.null_count() and bool((numbers.floor() == numbers).all())
    if whole and table.separator:  # 01 and 1 are two words of a CSV
        whole = bool((numbers.cast(import_polars().Int64).cast(import_polars().String) == words).all())
    found: NDArray[Any] = numbers.to_numpy().astype(np.int64) if whole else words.to_numpy().astype(str)
    if len(np.unique(found)) < 2:
        raise SpecError(
            Problem(
                f"{table.path}:{spec.group}",
                f"is {found[0]} in all rows; groups are of use from two on: leave data.group out, or name another "
                "column",
            ),
            ("data", "group"),
        )
    return found


def groups_fault(
    spec: DataSpec, table: DataTable, groups: NDArray[Any] | None, rows: dict[str, Rows]
) -> SpecError | None:
    """Give the error for a group column with a group in two parts."""
    if groups is None:
        return None
    if shared := shared_group({part: groups[at] for part, at in rows.items()}):
        group, (first, second) = shared[0], shared[1]
        way_out = "" if spec.part is None or spec.name != "table" else ", or leave data.part out and groups stay whole"
        one, other = (table.place(int(rows[part][at]), str(spec.group)) for part, at in shared[1].items())
        return SpecError(
            Problem(
                other,
                f"group {group} is in the {second} part here and in the {first} part at {one}: one is judged on what "
                f"the other knows; keep each group in one part{way_out}",
            ),
            ("data", "group"),
        )
    return None


def weights_of(spec: DataSpec, table: DataTable) -> NDArray[Any] | None:
    """Give the weights of all rows; raise `SpecError` with the place for one that cannot be such."""
    if spec.weight is None:
        return None
    weights = as_numbers(table, spec.weight)
    if weights.null_count():
        row = int(weights.is_null().arg_true()[0])
        raise SpecError(Problem(table.place(row, spec.weight), "is no weight: no number"), ("data", "weight"))
    found: NDArray[Any] = weights.to_numpy()
    if fault := bad_weight(found):
        at, said = fault
        where = f"{table.path}:{spec.weight}" if at is None else table.place(at, spec.weight)
        raise SpecError(Problem(where, said), ("data", "weight"))
    return found


# -- parts -------------------------------------------------------------------------------------------------------------


def part_rows(spec: DataSpec, table: DataTable, y: NDArray[Any], groups: NDArray[Any] | None) -> dict[str, Rows]:
    """Give the rows of train, test and, where a column says so, val, in the order of the file."""
    import numpy as np

    if spec.part is None:
        test = _every_fifth(y if groups is None else _by_appearance(groups), alone=groups is not None)
        found = {"train": np.flatnonzero(~test), "test": np.flatnonzero(test)}
        if not len(found["test"]):
            few = count_of(len(table), "row") if groups is None else count_of(len(np.unique(groups)), "group")
            raise SpecError(
                f"{table.path} has {few}: every fifth is for testing; say the parts by a column: data.part",
                ("data", "path"),
            )
        return found
    words = as_words(table, spec.part).str.to_lowercase().to_list()
    strange = next((row for row, word in enumerate(words) if word not in PART_WORDS), None)
    if strange is not None:
        said = "is missing" if words[strange] is None else f"{words[strange]} is no part"
        raise SpecError(
            Problem(table.place(strange, spec.part), f"{said}; parts are train, val and test"),
            ("data", "part"),
        )
    parts = np.array([PART_WORDS.get(word, "") for word in words])
    found = {part: np.flatnonzero(parts == part) for part in ("train", "val", "test")}
    if missing := [part for part in ("train", "test") if not len(found[part])]:
        raise SpecError(
            Problem(f"{table.path}:{spec.part}", f"has no row of {missing[0]}; a table needs train and test (and val)"),
            ("data", "part"),
        )
    return {part: at for part, at in found.items() if len(at)}


def _by_appearance(groups: NDArray[Any]) -> NDArray[Any]:
    """Number groups by the row that they first stand in."""
    import numpy as np

    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse.reshape(-1)]


def _every_fifth(y: NDArray[Any], *, alone: bool) -> NDArray[np.bool_]:
    """Mark the 5th, 10th, ... row of each class (numbers: of all), or with `alone` the rows of each 5th number."""
    import numpy as np

    test: NDArray[np.bool_] = (y if alone else np.arange(len(y))) % _EVERY == _EVERY - 1
    if alone or y.ndim == 2:
        return test
    test = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        test[np.flatnonzero(y == label)[_EVERY - 1 :: _EVERY]] = True
    return test
