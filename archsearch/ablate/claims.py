"""The claims of a paper in a table: a row for each pair of numbers, or a row for each method.

    claims_of(read_sheet(Path("claims.csv")), defaults)

Pairs: columns `ours` and `theirs`, and as far as they are known `name`, `their_name`, `test_size`, `seeds`,
`their_seeds`, `sd`, `their_sd`. Methods: a column of names and one of accuracies, and `test_size`, `seeds`, `sd`; the
first one (or the one that is named) is compared with each of the others. A cell may hold a mean with its SD:
97.4 ± 0.2. Accuracies are per cent where a number above 1 or a per cent sign says so, in the whole table alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archsearch.ablate.columns import FRACTIONS, VARIANT_WORDS, is_called
from archsearch.ablate.numerals import Numeral, as_fraction, read_number
from archsearch.ablate.sheet import MOST_PROBLEMS, Sheet, SheetRow
from archsearch.errors import Problem, SpecError, UsageError
from archsearch.stats.claim import PublishedClaim

_PAIR = ("ours", "theirs")
_COUNTS = ("test_size", "seeds", "their_seeds")
_SDS = ("sd", "their_sd")
_PLUS_MINUS = re.compile(r"\s*(?:±|\+/?-|\\pm)\s*")


@dataclass(frozen=True, slots=True)
class ClaimDefaults:
    """What the command line says where the table does not: as it was written, None where it says nothing."""

    test_size: int | None = None
    seeds: int | None = None
    their_seeds: int | None = None
    sd: str | None = None
    their_sd: str | None = None


@dataclass(frozen=True, slots=True)
class _Words:
    """One claim as it is written: numbers as texts, and where they stand."""

    where: str
    cells: Mapping[str, str]


def claim_of(ours: str, theirs: str, defaults: ClaimDefaults) -> PublishedClaim:
    """Read one claim from the command line; raise `SpecError` for what is no number."""
    return _read([_Words("", {"ours": ours, "theirs": theirs})], defaults)[0]


def claims_of(sheet: Sheet, defaults: ClaimDefaults, ours: str | None = None) -> list[PublishedClaim]:
    """Read the claims of a table; `ours` names the method that is compared with the others.

    Raises `SpecError` with every cell that cannot be, and for a table without the columns.
    """
    columns = {
        name.lower().strip().replace(" ", "_").replace("-", "_"): place for place, name in enumerate(sheet.columns)
    }
    if not sheet.rows:
        raise SpecError(Problem(sheet.source, "has no rows"))
    if set(_PAIR) <= set(columns):
        if ours is not None:
            raise UsageError("--ours names a method of a table of methods; this one has ours and theirs")
        known = (*_PAIR, "name", "their_name", *_COUNTS, *_SDS)
        rows = [_Words(sheet.where(row), _cells(row, columns, known)) for row in sheet.rows]
    else:
        rows = _of_methods(sheet, columns, ours)
    return _read(rows, defaults)


def _cells(row: SheetRow, columns: Mapping[str, int], known: Sequence[str]) -> dict[str, str]:
    return {name: row.cells[columns[name]] for name in known if name in columns and row.cells[columns[name]]}


def _of_methods(sheet: Sheet, columns: Mapping[str, int], ours: str | None) -> list[_Words]:
    name = next((place for column, place in columns.items() if is_called(column, VARIANT_WORDS)), None)
    value = next((place for column, place in columns.items() if is_called(column, FRACTIONS)), None)
    if name is None or value is None:
        raise SpecError(
            Problem(
                sheet.source,
                f"has the columns {', '.join(sheet.columns)}; expected ours and theirs, or a column of methods "
                "(method) and one of accuracies (accuracy)",
            )
        )
    methods = {row.cells[name]: row for row in sheet.rows}
    if len(methods) < len(sheet.rows) or len(methods) < 2:
        raise SpecError(Problem(sheet.source, "a table of methods has a row for each, and at least two"))
    chosen = next(iter(methods)) if ours is None else ours
    if chosen not in methods:
        raise UsageError(f"--ours {chosen}: there is no such method; there are {', '.join(methods)}")
    mine = _cells(methods[chosen], columns, ("test_size", "seeds", "sd"))
    found = []
    for other, row in methods.items():
        if other == chosen:
            continue
        theirs = _cells(row, columns, ("test_size", "seeds", "sd"))
        cells = {**theirs, **mine, "ours": methods[chosen].cells[value], "theirs": row.cells[value]}
        cells |= {"name": chosen, "their_name": other}
        cells |= {f"their_{key}": theirs[key] for key in ("seeds", "sd") if key in theirs}
        if "seeds" in theirs and "seeds" not in mine:
            del cells["seeds"]
        if "sd" in theirs and "sd" not in mine:
            del cells["sd"]
        found.append(_Words(sheet.where(row), cells))
    return found


# -- numbers -----------------------------------------------------------------------------------------------------------


def _read(rows: Sequence[_Words], defaults: ClaimDefaults) -> list[PublishedClaim]:
    """Read all numbers, decide once whether they are per cent, and make the claims."""
    problems: list[Problem] = []
    numbers = [_numbers(row, defaults, problems) for row in rows]
    counts = [_counts(row, defaults, problems) for row in rows]
    if problems:
        raise SpecError(problems[:MOST_PROBLEMS])
    percent = any(row[key].percent or row[key].value > 1 for row in numbers for key in _PAIR)
    found = []
    for row, values, whole in zip(rows, numbers, counts, strict=True):
        shares = {
            key: one.value if one.percent or not percent else as_fraction(repr(one.value))
            for key, one in values.items()
        }
        wrong = [
            Problem(row.where, f"{key} is {values[key].written:g}, no accuracy: a fraction from 0 to 1, or per cent")
            for key in _PAIR
            if not 0 <= shares[key] <= 1
        ]
        wrong += [
            Problem(row.where, f"{key} is {values[key].written:g}; a standard deviation is not negative")
            for key in _SDS
            if key in shares and shares[key] < 0
        ]
        problems += wrong
        if not wrong:
            names = {key: row.cells[key] for key in ("name", "their_name") if key in row.cells}
            found.append(PublishedClaim.model_validate({**shares, **whole, **names}))
    if problems:
        raise SpecError(problems[:MOST_PROBLEMS])
    return found


def _numbers(row: _Words, defaults: ClaimDefaults, problems: list[Problem]) -> dict[str, Numeral]:
    """Read the accuracies and SDs of a row; an SD that stands with its mean is the one that counts."""
    texts: dict[str, str] = {}
    for key, sd in zip(_PAIR, _SDS, strict=True):
        mean, *spread = _PLUS_MINUS.split(row.cells.get(key, ""), maxsplit=1)
        texts[key] = mean
        told = spread[0] if spread else row.cells.get(sd, getattr(defaults, sd))
        if told:
            texts[sd] = f"{told}%" if mean.rstrip().endswith("%") and "%" not in told else told
        if spread and spread[0].endswith("%") and "%" not in mean:  # 97.4 ± 0.2 %
            texts[key] = f"{mean}%"
    found = {}
    for key, text in texts.items():
        number = read_number(text, comma=True)
        if isinstance(number, str):
            problems.append(Problem(row.where, f"{key}: {number.partition(';')[0]}"))
        else:
            found[key] = number
    return found


def _share(number: Numeral, *, percent: bool) -> float:
    return as_fraction(repr(number.value)) if percent and not number.percent else number.value


def _counts(row: _Words, defaults: ClaimDefaults, problems: list[Problem]) -> dict[str, int]:
    found: dict[str, int] = {}
    for key in _COUNTS:
        text = row.cells.get(key)
        if text is None:
            if (value := getattr(defaults, key)) is not None:
                found[key] = value
            continue
        plain = text.replace(",", "").replace("_", "").replace(" ", "")
        if not plain.isdigit() or not 1 <= int(plain) < 2**31:
            problems.append(Problem(row.where, f"{key} is {text!r}; expected a whole number from 1 on"))
        else:
            found[key] = int(plain)
    if "test_size" not in found:
        problems.append(Problem(row.where, "how many test images? give --test-size, or a column test_size"))
    if "seeds" in found and "their_seeds" not in found:
        found["their_seeds"] = found["seeds"]
    return found
