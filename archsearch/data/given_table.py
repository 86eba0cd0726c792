"""A table that someone hands to a trained network: its columns become features as those of the training did.

    given = table_given(Path("new.csv"), inputs, spec.data, labelled=False)

Knows the columns that were kept beside the weights, and not the table of the training.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from archsearch.data.given import UNKNOWN, Conversions, GivenSamples
from archsearch.data.inputs import Inputs
from archsearch.data.own import table_of
from archsearch.data.samples import SourcePart, first_per_class
from archsearch.data.table.columns import FeatureColumn
from archsearch.data.table.described import cells_of, encoded
from archsearch.data.table.read import DataTable, read_table
from archsearch.data.table.target import Meant, targets_of
from archsearch.errors import Problem, SpecError, UsageError
from archsearch.spec.dataset import DataSpec
from archsearch.spec.nearest import nearest
from archsearch.wording import count_of, listed

_MOST_PROBLEMS = 20


def table_test_part(other: DataSpec, inputs: Inputs, spec: DataSpec) -> GivenSamples | None:
    """Take the test rows of the table that another spec is trained on, None where that is no table.

    Raises what `table_given` raises.
    """
    found = table_of(other)
    if found is None:
        return None
    table, described, targets = found
    given = _rows_given(table, inputs, spec, targets)
    rows = torch.from_numpy(described.rows["test"])
    rows = rows[first_per_class(inputs.what().strata(given.part.y[rows]), other.limit)]
    part = SourcePart(given.part.y[rows], lambda some: given.part.read(rows[some]))
    return replace(given, names=tuple(given.names[row] for row in rows.tolist()), part=part)


def table_given(path: Path, inputs: Inputs, spec: DataSpec, *, labelled: bool) -> GivenSamples:
    """Take the rows of a table, with `labelled` their targets too.

    Raises `UsageError` where the network reads no table or a column is absent, `SpecError` with the places of cells
    that cannot be read, `DamagedFileError` for a broken file.
    """
    if not inputs.columns:
        raise _reads_no_table(path, spec)
    return _rows_given(read_table(path, spec.encoding), inputs, spec, tuple(spec.target or ()) if labelled else ())


def _reads_no_table(path: Path, spec: DataSpec) -> UsageError:
    return UsageError(
        f"{path} is a table, and the network was trained on {spec.name}; give the samples as it reads them"
    )


def _rows_given(table: DataTable, inputs: Inputs, spec: DataSpec, targets: tuple[str, ...]) -> GivenSamples:
    path = table.path
    if not inputs.columns:
        raise _reads_no_table(path, spec)
    wanted = (*(column.name for column in inputs.columns), *targets)
    if absent := [name for name in wanted if name not in table.columns]:
        close = nearest(absent[0], table.columns)
        hint = f" (did you mean {close}?)" if close else ""
        raise UsageError(f"{path} has no column {listed(absent)}{hint}; the network reads {listed(wanted)}")
    cells = {column.name: cells_of(table, column) for column in inputs.columns}
    done = Conversions()
    problems: list[Problem] = []
    for column in inputs.columns:
        problems += _problems(table, column, spec)
        done.other += _said(table, column)
    if problems:
        raise SpecError(problems[:_MOST_PROBLEMS])

    def read(rows: Tensor) -> Tensor:
        return torch.from_numpy(encoded(inputs.columns, cells, rows.numpy()))

    y = torch.full((len(table),), UNKNOWN)
    if targets:
        y = torch.from_numpy(targets_of(table, targets, Meant(inputs.task, inputs.class_names)))
    names = tuple(f"row {number}" for number in range(1, len(table) + 1))
    return GivenSamples(names, SourcePart(y, read), inputs, spec, done)


def _problems(table: DataTable, column: FeatureColumn, spec: DataSpec) -> Iterator[Problem]:
    """Yield the first cell of a column that is no number, is missing or of no known category where that is refused."""
    written, cells = table.frame[column.name], cells_of(table, column)
    strange = cells.is_null() & written.is_not_null()
    if column.kind == "number" and strange.any():
        row = int(strange.arg_true()[0])
        yield Problem(table.place(row, column.name), f"{written[row]!r} is no number; mend it, or leave the cell empty")
    if spec.missing == "refuse" and cells.is_null().any():
        yield Problem(table.place(int(cells.is_null().arg_true()[0]), column.name), "is missing; data.missing: refuse")
    if spec.unseen == "refuse" and column.kind == "category":
        unseen = cells.is_not_null() & ~cells.is_in(list(column.categories))
        if unseen.any():
            row = int(unseen.arg_true()[0])
            known = listed(column.categories)
            yield Problem(table.place(row, column.name), f"{cells[row]!r} was in no training row; known are {known}")


def _said(table: DataTable, column: FeatureColumn) -> Iterator[str]:
    cells = cells_of(table, column)
    if count := int(cells.null_count()):
        of_words = "missing" if column.flagged else "no category"
        what = f"the median of the training, {column.fill:g}" if column.kind == "number" else of_words
        yield f"{column.name}: {count_of(count, 'cell')} missing, read as {what}"
    if column.kind == "category":
        unseen = cells.drop_nulls().filter(~cells.drop_nulls().is_in(list(column.categories)))
        if len(unseen):
            yield (
                f"{column.name}: {count_of(len(unseen), 'cell')} of no category of the training (the first: "
                f"{unseen[0]}), read as none"
            )
