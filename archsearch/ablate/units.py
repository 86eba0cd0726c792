"""In which unit the values of a file are: fractions, per cent, or the metric's own. Never a silent guess.

    measured = unit_of(numbers, "test_acc", Reading())
    measured.family, measured.percent, measured.notes

The rule (docs/statistics.md): told by `--unit`; else per cent where a per cent sign stands with the values or in the
column's name, or where a column that is called an accuracy holds values above 1 and up to 100; else fractions where
such a column holds values from 0 to 1; else the metric's own, which for a name that says nothing is stated.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from archsearch.ablate.columns import FRACTIONS, OWN, SMALLER, Reading, is_called
from archsearch.ablate.numerals import Numeral
from archsearch.errors import Problem, SpecError

_GAP = 10.0  # fractions and per cent of one metric lie about a factor of 100 apart; values of one unit seldom 10
_ALIKE = 3.0
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class PlacedNumber:
    """A number with its place."""

    where: str
    line: int
    number: Numeral


@dataclass(frozen=True, slots=True)
class Measured:
    """How values are read: `percent` says that the file's are per cent and become fractions; what to say of it."""

    family: Literal["points", "own"]
    percent: bool = False
    notes: tuple[str, ...] = ()


def unit_of(numbers: Sequence[PlacedNumber], column: str, reading: Reading) -> Measured:
    """Decide the unit of a file; raise `SpecError` with the rows where several are mixed."""
    signed = [one for one in numbers if one.number.percent]
    if signed and len(signed) < len(numbers):
        raise _signs_differ(numbers, signed)
    if reading.unit is not None:
        return _as_told(numbers, reading.unit, bool(signed))
    own, smaller = is_called(column, OWN), is_called(column, SMALLER)
    named_percent = "%" in column or is_called(column, ("percent", "pct"))
    notes = []
    if smaller and not reading.minimize:
        notes.append(f"{column}: larger values are taken as better; --minimize says that smaller ones are")
    if signed:
        return Measured("points", True, tuple(notes))
    if not own and not named_percent:
        _refuse_mixture(numbers)
    values = [one.number.value for one in numbers]
    small, up_to_100 = all(0 <= v <= 1 for v in values), all(0 <= v <= 100 for v in values)
    accuracy = is_called(column, FRACTIONS) and not own
    if values and up_to_100 and (named_percent or (accuracy and not small)):
        return Measured(
            "points", True, (f"{column}: read as per cent; --unit own reads the numbers as they are", *notes)
        )
    if values and small and accuracy:
        return Measured("points")
    if values and up_to_100 and not own and not reading.minimize:
        unit, what = ("fraction", "fractions, as of accuracies") if small else ("percent", "per cent")
        notes.append(f"{column}: the unit is not known; --unit {unit} says that the values are {what}")
    return Measured("own", False, tuple(notes))


def _as_told(numbers: Sequence[PlacedNumber], unit: str, signed: bool) -> Measured:
    if unit == "own":
        return Measured("own")
    if unit == "fraction" and signed:
        one = numbers[0]
        raise SpecError(Problem(one.where, "the value has a per cent sign, and --unit fraction was given"))
    most, what = (1.0, "a fraction from 0 to 1") if unit == "fraction" else (100.0, "per cent from 0 to 100")
    wrong = [one for one in numbers if not 0 <= one.number.written <= most]
    if wrong:
        raise SpecError(
            [Problem(one.where, f"{one.number.written:g} is not {what}, as --unit says") for one in wrong[:_MOST_NAMED]]
        )
    return Measured("points", unit == "percent")


def _signs_differ(numbers: Sequence[PlacedNumber], signed: Sequence[PlacedNumber]) -> SpecError:
    without = [one for one in numbers if not one.number.percent]
    few, has = (signed, "has a") if len(signed) <= len(without) else (without, "has no")
    other = (without if few is signed else signed)[0]
    others = "without" if few is signed else "with"
    words = f"the value {has} per cent sign, line {other.line} is {others} one; write all values alike"
    return SpecError([Problem(one.where, words) for one in few[:_MOST_NAMED]])


def _refuse_mixture(numbers: Sequence[PlacedNumber]) -> None:
    """Refuse fractions and per cent of one metric: two groups a factor of 100 apart."""
    values = [one.number.value for one in numbers]
    small = [one for one in numbers if 0 < one.number.value <= 1]
    large = [one for one in numbers if 1 < one.number.value <= 100]
    if not small or not large or not all(0 <= value <= 100 for value in values):
        return
    gap = min(one.number.value for one in large) / max(one.number.value for one in small)
    middle = statistics.median(one.number.value for one in large) / statistics.median(one.number.value for one in small)
    if gap < _GAP or not 100 / _ALIKE <= middle <= 100 * _ALIKE:
        return
    few, word, other = (small, "a fraction", "per cent")
    if len(large) < len(small):
        few, word, other = large, "per cent", "a fraction"
    partner = (large if few is small else small)[0]
    raise SpecError(
        [
            Problem(
                one.where,
                f"{one.number.value:g} looks like {word}, {partner.number.value:g} in line {partner.line} like "
                f"{other}; write all values alike, or --unit own if they are neither",
            )
            for one in few[:_MOST_NAMED]
        ]
    )
