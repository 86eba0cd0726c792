"""What a column of a table holds, found in its training rows, and how its cells become features.

    column = fitted(table, "mass", training, ColumnRules())   # FeatureColumn(name="mass", fill=4050.0, ...)
    column.features                                            # ("mass", "mass is missing")
    column.encode(cells)                                       # (N, 2) float64

Numbers are themselves, what is missing the median of the training rows, with a feature that says so; words are one
feature for each category of the training rows. Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from archsearch.data.table.read import DataTable, import_polars
from archsearch.errors import Problem
from archsearch.plain import Plain
from archsearch.wording import count_of, listed

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

MOST_CATEGORIES = 1000
FEW_ROWS = 20  # below so many rows any words may be categories
_SHARE_OF_NUMBERS = 0.5  # where more of the cells are numbers, another cell is a slip and no category
_FLAGS = ("false", "true")
_MISSING = "is missing"

CellKind = Literal["number", "category"]


@dataclass(frozen=True, slots=True)
class ColumnRules:
    """What the spec says of columns: those that are categories whatever they look like, and what is refused."""

    categorical: tuple[str, ...] = ()
    refuse_missing: bool = False
    refuse_unseen: bool = False


class FeatureColumn(Plain):
    """How the cells of a column become features; kept beside the weights of what was trained on them.

    `fill` is what a missing number becomes, the median; `flagged` says that a feature tells what is missing. `scale` is
    the mean and deviation that numbers are taken less and over, where float32 would make different ones the same.
    """

    name: str
    kind: CellKind
    categories: tuple[str, ...] = ()
    fill: float | None = None
    flagged: bool = False
    scale: tuple[float, float] | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Name the features."""
        own = (self.name,) if self.kind == "number" else tuple(f"{self.name}={each}" for each in self.categories)
        return (*own, f"{self.name} {_MISSING}") if self.flagged else own

    def encode(self, cells: pl.Series) -> NDArray[np.float64]:
        """Give the features (N, number of features) of cells: numbers, or text for categories; null is missing."""
        import numpy as np

        found = np.zeros((len(cells), len(self.features)))
        missing = cells.is_null().to_numpy()
        if self.kind == "number":
            values = cells.fill_null(self.fill or 0.0).to_numpy()
            found[:, 0] = values if self.scale is None else (values - self.scale[0]) / self.scale[1]
        else:
            place = {word: number for number, word in enumerate(self.categories)}
            codes = cells.replace_strict(place, default=None, return_dtype=import_polars().Int64)
            known = codes.is_not_null().to_numpy()
            found[known, codes.drop_nulls().to_numpy()] = 1.0
        if self.flagged:
            found[missing, -1] = 1.0
        return found


# -- cells -------------------------------------------------------------------------------------------------------------


def as_numbers(table: DataTable, name: str) -> pl.Series:
    """Give a column as float64, null where a cell is missing or no number; true and false are 1 and 0."""
    polars = import_polars()
    cells = table.frame[name]
    if cells.dtype == polars.String:
        found = cells.cast(polars.Float64, strict=False)
        if table.separator and table.separator != "," and found.null_count() > cells.null_count():
            found = with_commas(cells)
        if found.null_count() == len(found):
            flags = cells.str.to_lowercase().replace_strict(_FLAGS, [0.0, 1.0], default=None)
            return flags.cast(polars.Float64)
        return found
    if cells.dtype == polars.Boolean or cells.dtype.is_numeric():
        return cells.cast(polars.Float64, strict=False).fill_nan(None)
    return polars.Series(name, [None] * len(cells), dtype=polars.Float64)


def with_commas(cells: pl.Series) -> pl.Series:
    """Read numbers with a decimal comma, and points between thousands: 1.234,5; others as they are."""
    polars = import_polars()
    thousands = r"^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$"
    plain = polars.when(cells.str.contains(thousands)).then(cells.str.replace_all(".", "", literal=True))
    text = polars.select(plain.otherwise(cells).str.replace(",", ".", literal=True)).to_series()
    return text.cast(polars.Float64, strict=False).rename(cells.name)


def as_words(table: DataTable, name: str) -> pl.Series:
    """Give a column as text: numbers of Parquet as they are written, whole ones without a point."""
    polars = import_polars()
    cells = table.frame[name]
    if cells.dtype.is_float() and (cells.drop_nulls().floor() == cells.drop_nulls()).all():
        cells = cells.fill_nan(None).cast(polars.Int64)
    return cells.cast(polars.String)


def words_in_order(words: Sequence[str]) -> tuple[str, ...]:
    """Sort words, numbers by their size."""
    try:
        return tuple(sorted(words, key=float))
    except ValueError:
        return tuple(sorted(words))


# -- what a column is --------------------------------------------------------------------------------------------------


def cells_kind(table: DataTable, name: str, rules: ColumnRules) -> CellKind | Problem:
    """Say whether a column holds numbers or categories, by all of its cells; or what is wrong with it, and where."""
    polars = import_polars()
    cells = table.frame[name]
    if name in rules.categorical:
        return "category"
    if cells.dtype in (polars.Categorical, polars.Enum):
        return "category"
    if cells.dtype == polars.Boolean or cells.dtype.is_numeric():
        return "number"
    if cells.dtype != polars.String:
        return Problem(
            f"{table.path}:{name}",
            f"is {cells.dtype}, neither numbers nor words; write it as a number, or leave it out: "
            f"data.ignore: [{name}]",
        )
    numbers = as_numbers(table, name)
    said = len(cells) - cells.null_count()
    no_numbers = numbers.null_count() - cells.null_count()
    if no_numbers == 0:
        return "number"
    if said - no_numbers <= _SHARE_OF_NUMBERS * said:
        return "category"
    row = int((numbers.is_null() & cells.is_not_null()).arg_true()[0])
    more = f" (and {no_numbers - 1:,} more)" if no_numbers > 1 else ""
    return Problem(
        table.place(row, name),
        f"{cells[row]!r} is no number{more}, and {said - no_numbers:,} of {said:,} cells are; mend it, leave the cell "
        f"empty, or say data.categorical: [{name}]",
    )


def fitted(
    table: DataTable, name: str, training: NDArray[np.int64], rules: ColumnRules
) -> FeatureColumn | Problem | str:
    """Find out how a column becomes features; a sentence says why it tells nothing, a `Problem` what is wrong.

    `training` are the rows that decide: their median, their categories, and whether something is missing in them.
    """
    kind = cells_kind(table, name, rules)
    if isinstance(kind, Problem):
        return kind
    cells = as_numbers(table, name) if kind == "number" else as_words(table, name)
    if rules.refuse_missing and cells.null_count():
        row = int(cells.is_null().arg_true()[0])
        return Problem(
            table.place(row, name),
            f"is missing ({count_of(cells.null_count(), 'cell')} of {name} in all), and data.missing refuses that",
        )
    own = cells.gather(training)
    flagged = 0 < own.null_count() < len(own)
    found = own.drop_nulls()
    if not len(found):
        return "has nothing in the training rows"
    if kind == "number":
        return _fitted_number(table, name, cells, found, flagged)
    words = words_in_order(found.unique().to_list())
    if len(words) < 2 and not flagged:
        return f"is {words[0]} throughout"
    if len(words) > MOST_CATEGORIES or (len(found) > FEW_ROWS and len(words) > len(found) / 2):
        return Problem(
            f"{table.path}:{name}",
            f"{len(words):,} different words in {len(found):,} training rows are no categories; leave the column out: "
            f"data.ignore: [{name}]",
        )
    if rules.refuse_unseen and (unseen := _unseen(cells, words)) is not None:
        return Problem(
            table.place(unseen, name),
            f"{cells[unseen]!r} is in no training row, and data.unseen refuses that; {name} is {listed(words)} there",
        )
    return FeatureColumn(name=name, kind="category", categories=words, flagged=flagged)


def _fitted_number(
    table: DataTable, name: str, cells: pl.Series, found: pl.Series, flagged: bool
) -> FeatureColumn | Problem | str:
    import numpy as np

    from archsearch.data.precision import Narrowing, fallen_together

    wrong = ~np.isfinite(cells.fill_null(0.0).to_numpy()) | (np.abs(cells.fill_null(0.0).to_numpy()) > 3e38)
    if wrong.any():
        row = int(wrong.argmax())
        return Problem(table.place(row, name), f"{cells[row]:g} is not finite as float32; mend it, or leave it empty")
    values = found.to_numpy()
    if values.min() == values.max() and not flagged:
        return f"is {values[0]:g} throughout"
    fill = float(np.median(values))
    scale = None
    if (narrow := Narrowing(values[:, None])).lost:
        scale = narrow.scale[0]
        if still := fallen_together([narrow.standardised(values[:, None], 0)[:, None]]):
            return Problem(
                f"{table.path}:{name}",
                f"{still[0].wide:,} distinct numbers become {still[0].narrow:,} as float32, also where they are "
                "standardised; spread them, such as by rank",
            )
    return FeatureColumn(name=name, kind="number", fill=fill, flagged=flagged, scale=scale)


def _unseen(cells: pl.Series, words: Sequence[str]) -> int | None:
    rows = (cells.is_not_null() & ~cells.is_in(list(words))).arg_true()
    return int(rows[0]) if len(rows) else None
