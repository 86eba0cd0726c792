"""A table as a data set: which rows are of which part, how its columns become features, what is said of that.

    described = describe_table(spec)               # SpecError with the places of all that is wrong
    described.contents, described.columns, described.remarks
    train, test = table_parts(spec)                # what is stored

A description is kept for this process as long as the file does not change; must not import torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsearch.data.groups import numbered
from archsearch.data.registry import Contents
from archsearch.data.table.columns import ColumnRules, FeatureColumn, as_numbers, as_words, fitted
from archsearch.data.table.read import DataTable, read_table
from archsearch.data.table.rows import groups_fault, groups_of, part_rows, weights_of
from archsearch.data.table.target import TARGET, Meant, column_named, meant_by, targets_fault, targets_of
from archsearch.errors import Problem, SpecError
from archsearch.files import expanded
from archsearch.spec.dataset import DataSpec
from archsearch.wording import count_of, listed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from archsearch.data.samples import SourcePart

    Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DescribedTable:
    """What a table holds: the columns that become features, the targets, and the rows of each part.

    `remarks` are a sentence each for what a person ought to know of how it is read.
    """

    contents: Contents
    columns: tuple[FeatureColumn, ...]
    meant: Meant
    rows: dict[str, Rows]
    remarks: tuple[str, ...]


def describe_table(spec: DataSpec) -> DescribedTable:
    """Describe the table of a spec; raises `SpecError` and `DamagedFileError` as reading does."""
    path = expanded(spec.path or "", ("data", "path")).absolute()
    try:
        stat = path.stat()
        state = (stat.st_mtime_ns, stat.st_size)
    except OSError:
        state = (0, 0)
    return _described(spec.model_copy(update={"path": str(path)}).of_source(), state)


@lru_cache(maxsize=8)
def _described(spec: DataSpec, state: tuple[int, int]) -> DescribedTable:
    return describe_rows(spec, read_table(Path(spec.path or ""), spec.encoding))


def describe_rows(spec: DataSpec, table: DataTable) -> DescribedTable:
    """Describe a table that is read already."""
    targets = target_columns(spec, table)
    meant = meant_by(table, targets, spec.task)
    y = targets_of(table, targets, meant)
    groups = groups_of(spec, table)
    rows = part_rows(spec, table, y, groups)
    if fault := targets_fault(y, rows["train"], meant, targets):
        raise SpecError(Problem(f"{table.path}:{', '.join(targets)}", fault), TARGET)
    if (wrong := groups_fault(spec, table, groups, rows)) is not None:
        raise wrong
    weights_of(spec, table)
    columns, said = _columns(spec, table, targets, rows["train"])
    names = numbered({"all": groups})[0] if groups is not None else ()
    shape, drawn = (sum(len(each.features) for each in columns),), spec.part is None
    return DescribedTable(
        contents=contents_of(meant, shape, y, rows, names, spec.weight, drawn=drawn),
        columns=columns,
        meant=meant,
        rows=rows,
        remarks=tuple(_remarks(spec, table, columns, rows, meant, said)),
    )


def contents_of(
    meant: Meant,
    shape: tuple[int, ...],
    y: NDArray[Any],
    rows: dict[str, Rows],
    groups: tuple[str, ...],
    weight: str | None,
    dtype: Any = "float32",
    *,
    drawn: bool = False,
) -> Contents:
    """Describe samples with targets `y` and the rows of each part; `drawn`: no column says which these are."""
    import numpy as np

    per_class: dict[str, tuple[int, ...]] = {}
    if y.ndim == 1:
        per_class = {
            part: tuple(int(n) for n in np.bincount(y[at], minlength=len(meant.names))) for part, at in rows.items()
        }
    return Contents(
        shape=shape,
        class_names=meant.names,
        train=len(rows["train"]),
        test=len(rows["test"]),
        train_per_class=per_class.get("train", ()),
        test_per_class=per_class.get("test", ()),
        dtype=dtype,
        validation=len(rows.get("val", ())),
        validation_per_class=per_class.get("val", ()),
        task=meant.task,
        outputs=1 if meant.task == "binary" else len(meant.names),
        group_names=groups,
        weighted=weight is not None,
        drawn=drawn,
    )


# -- columns that are no features --------------------------------------------------------------------------------------


def target_columns(spec: DataSpec, table: DataTable) -> tuple[str, ...]:
    """Give the target columns; raise `SpecError` where the spec names none, or one twice."""
    if not spec.target:
        some = ", ".join(table.columns[:12])
        raise SpecError(f"say which column of {table.path} is to be predicted: data.target ({some})", TARGET)
    beside = {"group": spec.group, "weight": spec.weight, "part": spec.part}
    for key, name in beside.items():
        if name is not None:
            column_named(table, name, key)
            if name in spec.target:
                raise SpecError(f"{name} cannot be both target and {key}", ("data", key))
    for key in ("ignore", "categorical"):
        for name in getattr(spec, key) or ():
            column_named(table, name, key)
    return spec.target


# -- features ----------------------------------------------------------------------------------------------------------


def _columns(
    spec: DataSpec, table: DataTable, targets: Sequence[str], training: Rows
) -> tuple[tuple[FeatureColumn, ...], dict[str, str]]:
    """Fit all columns that are features, and say why others tell nothing; raise `SpecError` with all problems."""
    rules = rules_of(spec)
    out = {*targets, *(spec.ignore or ()), *(name for name in (spec.group, spec.weight, spec.part) if name), ""}
    found: list[FeatureColumn] = []
    problems, said = [], {}
    for name in table.columns:
        if name in out:
            continue
        one = fitted(table, name, training, rules)
        if isinstance(one, FeatureColumn):
            found.append(one)
        elif isinstance(one, Problem):
            problems.append(one)
        else:
            said[name] = one
    if problems:
        raise SpecError(problems[:20], ("data",))
    if not found:
        raise SpecError(f"{table.path} has no column to predict {', '.join(targets)} by.", ("data", "path"))
    return tuple(found), said


def rules_of(spec: DataSpec) -> ColumnRules:
    """Take from a spec what it says of columns."""
    return ColumnRules(tuple(spec.categorical or ()), spec.missing == "refuse", spec.unseen == "refuse")


def _remarks(
    spec: DataSpec,
    table: DataTable,
    columns: Sequence[FeatureColumn],
    rows: dict[str, Rows],
    meant: Meant,
    said: dict[str, str],
) -> Iterator[str]:
    numbers = [one for one in columns if one.kind == "number"]
    words = [one for one in columns if one.kind == "category"]
    if numbers:
        yield f"{count_of(len(numbers), 'column')} of numbers: {listed([one.name for one in numbers])}"
    if words:
        each = [f"{one.name} ({len(one.categories)})" for one in words]
        yield f"{count_of(len(words), 'column')} of categories, a feature for each: {listed(each)}"
    if meant.why:
        yield f"target {', '.join(spec.target or ())}: {meant.why}"
    if spec.part is None:
        classes = meant.task in ("classification", "binary")
        rows_said = "each fifth row of each class" if classes else "each fifth row"
        yield f"test part: {f'each fifth group of {spec.group}' if spec.group else rows_said}"
    elif "val" in rows:
        yield f"validation part: {len(rows['val']):,} rows of {spec.part}, the same for every seed"
    yield from _gaps(table, columns)
    yield from _strangers(table, words, rows)
    if scaled := [one.name for one in columns if one.scale is not None]:
        yield f"standardised before they become float32, which has too few digits for them: {listed(scaled)}"
    if said:
        yield f"not used: {listed([f'{name} {why}' for name, why in said.items()])}"


def _gaps(table: DataTable, columns: Sequence[FeatureColumn]) -> Iterator[str]:
    missing = {}
    for one in columns:
        cells = as_numbers(table, one.name) if one.kind == "number" else table.frame[one.name]
        if cells.null_count():
            missing[one.name] = cells.null_count()
    if missing:
        said = listed([f"{name} {count:,}" for name, count in missing.items()])
        yield f"missing cells: {said}; numbers become the median of the training rows, and a feature says where"


def _strangers(table: DataTable, columns: Sequence[FeatureColumn], rows: dict[str, Rows]) -> Iterator[str]:
    for one in columns:
        for part, at in rows.items():
            cells = as_words(table, one.name).gather(at).drop_nulls()
            unseen = cells.filter(~cells.is_in(list(one.categories)))
            if len(unseen):
                yield (
                    f"{one.name}: {count_of(len(unseen), 'cell')} of the {part} part in no category of training "
                    f"(the first: {unseen[0]}): all its features are 0 there"
                )


# -- what is stored ----------------------------------------------------------------------------------------------------


def table_parts(spec: DataSpec) -> tuple[SourcePart, SourcePart]:
    """Read train (with the validation part behind it) and test: float32 (N, features) and their targets."""
    table = read_table(expanded(spec.path or "", ("data", "path")).absolute(), spec.encoding)
    return parts_of_rows(describe_table(spec), spec, table)


def parts_of_rows(described: DescribedTable, spec: DataSpec, table: DataTable) -> tuple[SourcePart, SourcePart]:
    """Read train (with the validation part behind it) and test of a table that is described."""
    import numpy as np
    import torch

    from archsearch.data.samples import SourcePart

    cells = {one.name: cells_of(table, one) for one in described.columns}
    y = targets_of(table, target_columns(spec, table), described.meant)
    groups, weights = groups_of(spec, table), weights_of(spec, table)
    numbers = None if groups is None else numbered({"all": groups})[1]["all"]

    def part(at: Rows) -> SourcePart:
        def read(rows: torch.Tensor) -> torch.Tensor:
            return torch.from_numpy(encoded(described.columns, cells, at[rows.numpy()]))

        return SourcePart(
            torch.from_numpy(y[at]),
            read,
            None if numbers is None else torch.from_numpy(numbers[at]),
            None if weights is None else torch.from_numpy(weights[at].astype(np.float32)),
        )

    rows = described.rows
    own = rows["train"] if "val" not in rows else np.concatenate([rows["train"], rows["val"]])
    return part(own), part(rows["test"])


def cells_of(table: DataTable, column: FeatureColumn) -> Any:
    """Give the cells of a column as it reads them."""
    return as_numbers(table, column.name) if column.kind == "number" else as_words(table, column.name)


def encoded(columns: Sequence[FeatureColumn], cells: dict[str, Any], rows: Rows) -> NDArray[np.float32]:
    """Give the features (N, features) of rows."""
    import numpy as np

    return np.concatenate([one.encode(cells[one.name].gather(rows)) for one in columns], axis=1).astype(np.float32)
