"""Read a number as people write one, and nothing else.

    read_number("97,4 %", comma=True)        # Numeral(0.974, 97.4, percent=True): per cent come out as fractions

A sign, digits, one decimal point or comma, an exponent, a per cent sign. What Python or a spreadsheet would take beyond
that (`1_000`, `nan`, `inf`, `0x10`, a comma that could stand between thousands) is refused with what to write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from archsearch.spec.text.sentences import short

LARGEST_NUMBER = 1e100  # squares of sums of more would overflow
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:[.,\u00a0\u202f' ][0-9]{3})*[.,][0-9]{3}(?:[.,][0-9]*)?")


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number as it was written: its value (per cent as a fraction), and what stood there without its sign."""

    value: float
    written: float  # 97.4 of "97.4 %", of which the value is 0.974
    percent: bool
    mark: str  # the decimal sign: "." or "," or ""


def read_number(text: str, *, comma: bool) -> Numeral | str:
    """Read a number; give a sentence where it is none. `comma` says that commas separate no cells of the file."""
    plain = text.strip().replace("\u2212", "-")
    percent = plain.endswith("%")
    plain = plain.removesuffix("%").rstrip()
    if not _NUMBER.fullmatch(plain):
        if plain.count(",") + plain.count(".") > 1 and _THOUSANDS.fullmatch(plain):
            return f"the value {short(text)!r} has signs between thousands; write it without them"
        return f"the value {short(text)!r} is not a number; leave it empty if the run failed"
    mark = "," if "," in plain else "." if "." in plain else ""
    if mark == "," and not comma and _THOUSANDS.fullmatch(plain):
        return f"the value {short(text)!r} could be meant with a decimal comma or with thousands; write a point"
    if len(plain) > 400:
        return f"the value {short(text)!r} has too many digits"
    number = float(plain.replace(",", "."))
    if not abs(number) <= LARGEST_NUMBER:
        return f"the value {short(text)} is too large to compute with"
    value = as_fraction(plain.replace(",", ".")) if percent else number
    return Numeral(value, number, percent, mark)


def as_fraction(percents: str) -> float:
    """Take a hundredth in decimal: 97.41 becomes the very number that 0.9741 is."""
    return float(Decimal(percents).scaleb(-2))
