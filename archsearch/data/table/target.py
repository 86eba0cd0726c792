"""The target columns of a table: which task they make, and their values as targets.

    meant = meant_by(table, ("species",), task=None)
    meant.task, meant.names                       # ('classification', ('Adelie', 'Chinstrap', 'Gentoo'))
    targets_of(table, ("species",), meant)        # (N,) int64

Words are classes; numbers are classes where they are few whole ones, else the numbers that regression predicts.
Several columns are labels where they hold no and yes, else several numbers. `data.task` says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archsearch.data.table.columns import FEW_ROWS, MOST_CATEGORIES, as_numbers, as_words, words_in_order
from archsearch.data.table.read import DataTable, import_polars
from archsearch.errors import Problem, SpecError
from archsearch.spec.nearest import nearest
from archsearch.wording import count_of, listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_WHOLE = 20  # so many different whole numbers are classes, more are numbers
TARGET = ("data", "target")
_NO_YES = (("0", "1"), ("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"))


@dataclass(frozen=True, slots=True)
class Meant:
    """What target columns are: a word of `TASKS`, what the classes, labels or numbers are called, and the reason."""

    task: str
    names: tuple[str, ...]
    why: str = ""


def column_named(table: DataTable, name: str, key: str) -> None:
    """Raise `SpecError` at `data.<key>` where the table has no such column, with the nearest name."""
    if name in table.columns:
        return
    close = nearest(name, table.columns)
    known = ", ".join(table.columns[:12]) + (f" and {len(table.columns) - 12} more" if len(table.columns) > 12 else "")
    hint = f" Did you mean {close}?" if close else ""
    raise SpecError(f"{table.path} has no column {name}.{hint} There are {known}.", ("data", key))


def meant_by(table: DataTable, columns: Sequence[str], task: str | None) -> Meant:
    """Say what the target columns are; raise `SpecError` with the place for cells that cannot be targets."""
    for name in columns:
        column_named(table, name, "target")
        _all_there(table, name)
    if task == "regression":
        for name in columns:
            _must_be_numbers(table, name)
        return Meant("regression", tuple(columns))
    if task == "multilabel" or (task is None and len(columns) > 1 and all(_says_no_or_yes(table, c) for c in columns)):
        for name in columns:
            _must_say_no_or_yes(table, name)
        return Meant("multilabel", tuple(columns))
    if len(columns) > 1:
        if task is not None:
            raise SpecError(f"{task} has one target, and data.target names {len(columns)}", TARGET)
        for name in columns:
            _must_be_numbers(table, name)
        return Meant("regression", tuple(columns))
    return _of_one(table, columns[0], task)


def _of_one(table: DataTable, name: str, task: str | None) -> Meant:
    numbers = as_numbers(table, name)
    distinct = _in_their_order(table, name)
    if task is None and not numbers.null_count():
        whole = bool((numbers.floor() == numbers).all())
        if not whole or len(distinct) > MOST_WHOLE:
            return Meant("regression", (name,))
        why = f"{len(distinct)} different whole numbers are classes; data.task: regression takes them as numbers"
        return _classes(table, name, "classification", distinct, why if len(distinct) > 2 else "")
    return _classes(table, name, task or "classification", distinct, "")


def _in_their_order(table: DataTable, name: str) -> tuple[str, ...]:
    """Give the different words of a column: in the order that its type has them in, else sorted."""
    words = [str(word) for word in as_words(table, name).unique().to_list()]
    cells = table.frame[name]
    if cells.dtype == import_polars().Enum:
        return tuple(word for word in cells.dtype.categories.to_list() if word in set(words))
    return words_in_order(words)


def _classes(table: DataTable, name: str, task: str, distinct: tuple[str, ...], why: str) -> Meant:
    if len(distinct) < 2:
        raise SpecError(
            Problem(f"{table.path}:{name}", f"is {distinct[0]} in all {len(table):,} rows; there is nothing to learn"),
            TARGET,
        )
    if task == "binary" and len(distinct) != 2:
        raise SpecError(
            Problem(
                f"{table.path}:{name}", f"has {len(distinct):,} different values, and binary tells two apart; "
                "data.task: classification takes more",
            ),
            TARGET,
        )  # fmt: skip
    if len(distinct) > MOST_CATEGORIES or (len(table) > FEW_ROWS and len(distinct) > len(table) / 2):
        raise SpecError(
            Problem(
                f"{table.path}:{name}", f"{len(distinct):,} different values in {len(table):,} rows are no classes"
            ),
            TARGET,
        )
    return Meant(task, distinct, why)


def _all_there(table: DataTable, name: str) -> None:
    missing = table.frame[name].is_null()
    if table.frame[name].dtype.is_float():
        missing = missing | table.frame[name].is_nan().fill_null(True)
    if count := int(missing.sum()):
        row = int(missing.arg_true()[0])
        more = f" (and in {count_of(count - 1, 'more row')})" if count > 1 else ""
        raise SpecError(
            Problem(table.place(row, name), f"the target is missing{more}; take such rows out, or fill them in"), TARGET
        )


def _must_be_numbers(table: DataTable, name: str) -> None:
    import numpy as np

    numbers = as_numbers(table, name)
    wrong = ~np.isfinite(numbers.fill_null(np.nan).to_numpy())
    if wrong.any():
        row = int(wrong.argmax())
        raise SpecError(
            Problem(
                table.place(row, name), f"{table.frame[name][row]!r} is no number, and regression predicts numbers"
            ),
            TARGET,
        )


def no_or_yes(table: DataTable, name: str) -> Any:
    """Give a column of no and yes as 0.0 and 1.0, null where a cell is neither."""
    words = as_words(table, name).str.to_lowercase()
    value = {pair[at]: float(at) for pair in _NO_YES for at in (0, 1)} | {"0.0": 0.0, "1.0": 1.0}
    return words.replace_strict(list(value), list(value.values()), default=None)


def _says_no_or_yes(table: DataTable, name: str) -> bool:
    return not no_or_yes(table, name).null_count()


def _must_say_no_or_yes(table: DataTable, name: str) -> None:
    labels = no_or_yes(table, name)
    if labels.null_count():
        row = int(labels.is_null().arg_true()[0])
        raise SpecError(
            Problem(
                table.place(row, name), f"{table.frame[name][row]!r} is no label; labels are 0 and 1, no and yes, or "
                "false and true, a column for each",
            ),
            TARGET,
        )  # fmt: skip


def targets_of(table: DataTable, columns: Sequence[str], meant: Meant) -> NDArray[Any]:
    """Give the targets of all rows: labels int64 (N,), labels uint8 (N, L), or numbers float32 (N, T).

    Raises `SpecError` with the place for a class that is none of `meant.names`.
    """
    import numpy as np

    if meant.task == "regression":
        return np.stack([as_numbers(table, name).to_numpy() for name in columns], axis=1).astype(np.float32)
    if meant.task == "multilabel":
        return np.stack([no_or_yes(table, name).to_numpy() for name in columns], axis=1).astype(np.uint8)
    words = as_words(table, columns[0])
    codes = words.replace_strict(list(meant.names), list(range(len(meant.names))), default=None)
    if codes.null_count():
        row = int(codes.is_null().arg_true()[0])
        close = nearest(str(words[row]), meant.names)
        hint = f" (did you mean {close}?)" if close else ""
        raise SpecError(
            Problem(
                table.place(row, columns[0]), f"{words[row]} is no class{hint}; the classes are {listed(meant.names)}"
            ),
            TARGET,
        )
    labels: NDArray[Any] = codes.to_numpy().astype(np.int64)
    return labels


def targets_fault(y: NDArray[Any], training: NDArray[Any], meant: Meant, columns: Sequence[str]) -> str | None:
    """Say why the targets of the training rows teach nothing: a class, a label or a number that never changes."""
    import numpy as np

    own = y[training]
    if own.ndim == 1:
        counts = np.bincount(own, minlength=len(meant.names))
        absent = [name for name, count in zip(meant.names, counts, strict=True) if not count]
        return f"no training row is of the class {absent[0]}; each class needs one" if absent else None
    for name, column in zip(columns, own.T, strict=True):
        if column.min() == column.max():
            return f"{name} is {column[0]:g} in all {len(own):,} training rows; there is nothing to learn"
    return None
