"""Read the metrics that a run gives: from JSON, from a table, from its output, or as measured.

    found = read_metrics(spec, Places(run_dir, folder, stdout, stderr, since), seconds=1.2, peak_memory=10**8)
    found.metrics, found.problems

A metric that is absent, is no number or is given twice is a problem: the run failed, with the file or the pattern said.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archsearch.program.check import shares_results
from archsearch.program.output import last_match
from archsearch.program.program_spec import MetricSource, ProgramSpec, is_fraction
from archsearch.spec.text.sentences import short, unknown

_MOST_BYTES = 200_000_000  # of a file that is read whole
_ENDS = ",;)]}'\""


class _AbsentError(Exception):
    """A metric cannot be read; the message says why."""


FileState = tuple[int, int, int] | None


def state_of(path: Path) -> FileState:
    """Give what changes when a file is written: time, size, inode; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


@dataclass(frozen=True, slots=True)
class Places:
    """Where a run's files are: its own folder, the folder it ran in, its outputs.

    `before` says what the files of its metrics were in the folder it ran in before it began, by `state_of`.
    """

    run_dir: Path
    folder: Path
    stdout: Path
    stderr: Path
    before: Mapping[str, FileState]


@dataclass(slots=True)
class ReadMetrics:
    """The metrics that were read, and what is wrong with the others."""

    metrics: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_metrics(spec: ProgramSpec, places: Places, seconds: float, peak_memory: int) -> ReadMetrics:
    """Read every metric of a program that has ended."""
    found = ReadMetrics()
    measured = {"seconds": seconds, "peak_memory": float(peak_memory)}
    for name, source in spec.metrics.items():
        try:
            value, said = (
                (measured[source.measured], "") if source.measured is not None else _given(spec, source, places)
            )
            found.metrics[name] = _in_its_unit(spec, name, source, value, said)
        except _AbsentError as error:
            found.problems.append(f"{name}: {error}")
    return found


def _given(spec: ProgramSpec, source: MetricSource, places: Places) -> tuple[float, str]:
    if source.last is not None:
        return _last(source, places)
    path = file_of(spec, source.json_file or source.csv or "", places)
    where = source.json_file or source.csv or ""
    if source.json_file is not None:
        value = _in_json(path, where, source.key or "")
        return _number(value, f"{where}: {source.key}"), str(value)
    value = _in_table(path, where, source.column or "", source.row)
    return _number(value, f"{where}: column {source.column}"), value


def file_of(spec: ProgramSpec, name: str, places: Places) -> Path:
    """Find a file that the run has written: in its own folder, else, where all runs write there, in the program's."""
    own, shared = places.run_dir / name, places.folder / name
    if own.is_file():
        return own
    if not shared.is_file():
        looked = f"in {{run_dir}} ({places.run_dir})" if not shares_results(spec) else f"in {places.folder}"
        raise _AbsentError(f"{name} was not written {looked}")
    if not shares_results(spec):
        raise _AbsentError(
            f"{name} was written in {places.folder}, which all runs share, and not in {{run_dir}}; "
            "let it be written there"
        )
    if state_of(shared) == places.before.get(name):
        raise _AbsentError(f"{name} in {places.folder} is older than the run, which did not write it")
    return shared


# -- output ------------------------------------------------------------------------------------------------------------


def _last(source: MetricSource, places: Places) -> tuple[float, str]:
    assert source.last is not None
    pattern = re.compile(source.last)
    outputs = {"stdout": places.stdout, "stderr": places.stderr}
    looked = [source.output] if source.output is not None else list(outputs)
    found = {name: match for name in looked if (match := last_match(outputs[name], pattern)) is not None}
    if not found:
        raise _AbsentError(f"nothing in its {' or '.join(looked)} matches {source.last}")
    texts = {match.text for match in found.values()}
    if len(texts) > 1:
        raise _AbsentError(
            f"{source.last} is given twice, {' and '.join(f'{short(m.text)} in {name}' for name, m in found.items())}; "
            "say which with output"
        )
    match = next(iter(found.values()))
    if len(set(match.every)) > 1:
        raise _AbsentError(
            f"{source.last} is given twice in one line, {' and '.join(map(short, match.every))}: "
            f"{short(match.line, 120)}; make the pattern say which"
        )
    text = match.text.rstrip(_ENDS)
    return _number(text, f"{source.last} in {short(match.line, 120)!r}"), text


# -- files -------------------------------------------------------------------------------------------------------------


def _in_json(path: Path, name: str, key: str) -> Any:
    try:
        _hold(path)
        tree = json.loads(path.read_bytes(), object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        raise _AbsentError(f"{name} is not JSON: {error}") from None
    except OSError as error:
        raise _AbsentError(f"{name} cannot be read: {error.strerror}") from None
    return _at(tree, key, name)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it is written, so that a key that stands there twice is seen."""


def _at(tree: Any, key: str, name: str) -> Any:
    dotted = isinstance(tree, _Pairs) and any(one == key for one, _ in tree)  # a key that has dots itself
    parts = [key] if dotted else key.split(".")
    for depth, part in enumerate(parts):
        here = ".".join(parts[:depth]) or "its top level"
        if isinstance(tree, _Pairs):
            values = [value for one, value in tree if one == part]
            if not values:
                raise _AbsentError(f"{name}: {here}: {unknown('key', part, dict(tree))}")
            if len(values) > 1:
                raise _AbsentError(f"{name}: {'.'.join(parts[: depth + 1])} is given twice")
            [tree] = values
        elif isinstance(tree, list) and part.lstrip("-").isdigit() and -len(tree) <= int(part) < len(tree):
            tree = tree[int(part)]
        else:
            raise _AbsentError(f"{name}: there is no {part} in {here}, which is {_kind(tree)}")
    return tree


def _kind(tree: Any) -> str:
    return f"a list of {len(tree)}" if isinstance(tree, list) else f"{short(str(tree))!r}"


def _in_table(path: Path, name: str, column: str, row: str) -> str:
    rows = table_rows(path, name, (column,))
    if not rows:
        raise _AbsentError(f"{name} has no row with a value under {column}")
    return rows[0 if row == "first" else -1][column]


def table_rows(path: Path, name: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Give the rows of a table that hold all of these columns; a last line that is not complete yet is left out.

    A column that is only filled now and then (as Lightning's logger writes them) gives the rows that have it.
    """
    try:
        _hold(path)
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise _AbsentError(f"{name} cannot be read: {error.strerror}") from None
    lines = text.splitlines()
    if not lines:
        raise _AbsentError(f"{name} is empty")
    separator = max(",;\t", key=lines[0].count)
    header = [word.strip() for word in next(csv.reader(lines[:1], delimiter=separator))]
    for column in columns:
        if column not in header:
            raise _AbsentError(f"{name}: {unknown('column', column, header)}")
        if header.count(column) > 1:
            raise _AbsentError(f"{name}: the column {column} is given twice")
    rows = [dict(zip(header, map(str.strip, row), strict=False)) for row in csv.reader(lines[1:], delimiter=separator)]
    return [row for row in rows if all(row.get(column) for column in columns)]


def _hold(path: Path) -> None:
    if path.stat().st_size > _MOST_BYTES:
        raise _AbsentError(f"{path.name} has more than {_MOST_BYTES:,} bytes")


# -- numbers -----------------------------------------------------------------------------------------------------------


def finite_number(value: Any, where: str) -> float:
    """Read a number that a program gave, as itself or as text; raise `ValueError` for what is none, naming `where`."""
    text = value.strip() if isinstance(value, str) else value
    try:
        if isinstance(text, (list, bool)) or text is None or (isinstance(text, str) and "_" in text):
            raise ValueError  # Python reads 1_0 as 10, which no program means by it
        number = float(text.removesuffix("%") if isinstance(text, str) else text)
    except OverflowError:
        raise ValueError(f"{where} is too large to compute with: {short(str(text))}") from None
    except (TypeError, ValueError):
        shown = "keys with values" if isinstance(text, _Pairs) else short(text) if isinstance(text, str) else repr(text)
        raise ValueError(f"{where} is no number: {short(shown)}") from None
    if not math.isfinite(number):
        raise ValueError(f"{where} is {number}, which is no number that can be compared")
    return number


def _number(value: Any, where: str) -> float:
    try:
        return finite_number(value, where)
    except ValueError as error:
        raise _AbsentError(str(error)) from None


def _in_its_unit(spec: ProgramSpec, name: str, source: MetricSource, value: float, said: str) -> float:
    """Give a value as it is kept: a percentage as a fraction, scaled where the file says so."""
    if source.unit == "percent":
        value = value / 100
    elif said.strip().endswith("%") and is_fraction(spec, name):
        raise _AbsentError(
            f"{said.strip()} is a percentage; unit: percent reads it as {value / 100:g}, unit: own keeps {value:g} "
            f"({_on_the_line(name)})"
        )
    value *= source.scale or 1.0
    if is_fraction(spec, name) and not 0 <= value <= 1:
        told = value * 100 if source.unit == "percent" else value
        raise _AbsentError(
            f"{told:g} is no {'percentage' if source.unit == 'percent' else 'fraction between 0 and 1'}; "
            f"unit: percent reads {told:g} as {told / 100:g}, unit: own keeps it as it is "
            f"({_on_the_line(name)})"
        )
    return value


def _on_the_line(name: str) -> str:
    return f"with --metric, {name}:percent:..."
