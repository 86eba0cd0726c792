"""Verdicts for any numbers: a CSV with the columns variant, seed, value.

    values = read_values(Path("accuracies.csv"))
    verdicts = compare(values, "lenet5", Family(margin=0.001))

A row with an empty value, `nan` or `inf` is a run that failed: it is left out of the pairs and stated. A value that is
no number, a second row for the same variant and seed, and a variant that shares no seed with the baseline are errors.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from archsearch.errors import LimitError, Problem, SpecError
from archsearch.spec.text.sentences import short, unknown
from archsearch.stats.effect import Family, Seed, Verdicts
from archsearch.stats.verdict import judge

COLUMNS = ("variant", "seed", "value")
MOST_BYTES = 50_000_000
_MOST_PROBLEMS = 50
_LARGEST = 1e100  # squares of sums of more would overflow


@dataclass(frozen=True, slots=True)
class Values:
    """What a file holds: a value per variant and seed, in the file's order; `source` is what errors call the file."""

    source: str
    runs: dict[str, dict[Seed, float | None]]

    @property
    def unit(self) -> Literal["points", "own"]:
        """Fractions are written in percentage points; what leaves 0 to 1 is written as it is."""
        finite = [v for runs in self.runs.values() for v in runs.values() if v is not None and math.isfinite(v)]
        return "points" if finite and all(0 <= value <= 1 for value in finite) else "own"


def read_values(path: Path) -> Values:
    """Read a CSV; raise `SpecError` with all its problems as `file:line`."""
    source = str(path)
    runs: dict[str, dict[Seed, float | None]] = {}
    lines: dict[tuple[str, Seed], int] = {}
    problems: list[Problem] = []
    for line, row in _rows(_text(path), source):
        where = f"{source}:{line}"
        variant, seed, value = (row[column] for column in COLUMNS)
        if not variant or not seed:
            problems.append(Problem(where, f"the {'variant' if not variant else 'seed'} is empty"))
            continue
        key = (variant, _seed(seed))
        if key in lines:
            problems.append(
                Problem(where, f"{short(variant)!r} with seed {short(seed)} stands in line {lines[key]} already")
            )
            continue
        lines[key] = line
        try:
            number = float(value) if value else None
            if number is not None and _LARGEST < abs(number) < math.inf:
                problems.append(Problem(where, f"the value {short(value)} is too large to compute with"))
            runs.setdefault(variant, {})[key[1]] = number
        except ValueError:
            problems.append(
                Problem(where, f"the value {short(value)!r} is not a number; leave it empty if the run failed")
            )
    if problems:
        raise SpecError(problems[:_MOST_PROBLEMS])
    if not runs:
        raise SpecError(Problem(source, "has no rows below the header"))
    return Values(source, runs)


def compare(values: Values, baseline: str, family: Family) -> Verdicts:
    """Judge every variant against the baseline; raise `SpecError` where they cannot be paired."""
    if baseline not in values.runs:
        raise SpecError(Problem(values.source, unknown("variant", baseline, values.runs)))
    if len(values.runs) == 1:
        raise SpecError(Problem(values.source, f"holds {short(baseline)!r} only; there is nothing to compare it with"))
    alone = [name for name, runs in values.runs.items() if not set(runs) & set(values.runs[baseline])]
    if alone:
        raise SpecError(
            [
                Problem(
                    values.source, f"{short(name)!r} shares no seed with {short(baseline)!r}; pairs have the same seed"
                )
                for name in alone[:_MOST_PROBLEMS]
            ]
        )
    return judge(values.runs, baseline, family)


def _text(path: Path) -> str:
    source = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise SpecError(Problem(source, f"cannot be read: {getattr(error, 'strerror', None) or error}")) from None
    if len(data) > MOST_BYTES:
        raise LimitError(Problem(source, f"has more than {MOST_BYTES:,} bytes"))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SpecError(Problem(f"{source}:{line}", "is not UTF-8; save it as UTF-8")) from None


def _rows(text: str, source: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row with its line; other columns are ignored."""
    reader = csv.reader(text.splitlines())
    header: list[str] = []
    try:
        for cells in reader:
            words = [cell.strip() for cell in cells]
            if not any(words):
                continue
            if not header:
                header = [word.lower() for word in words]
                _check_header(header, f"{source}:{reader.line_num}")
                continue
            if len(words) != len(header):
                where = f"{source}:{reader.line_num}"
                raise SpecError(Problem(where, f"{len(words)} cells, the header has {len(header)}"))
            yield reader.line_num, dict(zip(header, words, strict=True))
    except csv.Error as error:
        raise SpecError(Problem(f"{source}:{reader.line_num}", f"not CSV: {error}")) from None
    if not header:
        raise SpecError(Problem(source, f"is empty; its first line must be {','.join(COLUMNS)}"))


def _check_header(header: list[str], where: str) -> None:
    missing = [column for column in COLUMNS if header.count(column) != 1]
    if missing:
        raise SpecError(
            Problem(where, f"the header needs {', '.join(COLUMNS)}, each once; look at {', '.join(missing)}")
        )


def _seed(text: str) -> Seed:
    """Read a seed as a number where it is one, so that 1 and 01 are the same seed."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else short(text)
