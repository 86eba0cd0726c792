"""Which columns of a sheet hold the variant, the seed and the value: as told, or by the names that people use.

    entries = entries_of(sheet, Reading(variant="model", value="test_acc"))
    entries.rows[0].variant, entries.rows[0].seed, entries.rows[0].text

A sheet is long (a row for each run) or wide (a column for each seed, or beside that of the seeds one for each variant).
Several factor columns make one variant of each combination of their levels. What a number is, is `numerals.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

from archsearch.ablate.numerals import read_number
from archsearch.ablate.sheet import Sheet
from archsearch.errors import Problem, SpecError, UsageError
from archsearch.spec.text.sentences import short, unknown
from archsearch.stats.effect import Seed

FileUnit = Literal["fraction", "percent", "own"]
VARIANT_WORDS = (
    "variant", "model", "method", "name", "config", "configuration", "arch", "architecture", "network", "algorithm",
    "system", "approach", "condition", "treatment", "setting",
)  # fmt: skip
SEEDS = ("seed", "random_seed", "random_state", "rng_seed", "repeat", "repetition", "replicate", "rep", "run", "fold")
FRACTIONS = (
    "accuracy", "acc", "f1", "auc", "auroc", "precision", "recall", "sensitivity", "specificity", "iou", "miou",
    "jaccard", "dice", "top1", "top5", "map",
)  # fmt: skip
SMALLER = (  # of which smaller values are better
    "loss", "nll", "bce", "mse", "rmse", "mae", "mape", "brier", "ece", "perplexity", "ppl", "fid", "wer", "cer",
    "error", "err", "regret", "cost", "time", "runtime", "walltime", "seconds", "secs", "sec", "ms", "milliseconds",
    "minutes", "hours", "latency", "duration", "parameters", "params", "macs", "flops", "memory", "bytes",
)  # fmt: skip
OWN = (*SMALLER, "count", "epochs", "steps")  # never a fraction of anything
_PLAIN = ("value", "score", "metric", "result")
_WIDE = re.compile(r"(?:(?:seed|run|rep|repeat|replicate|fold|s|r)[ _=:#-]*)?([0-9]{1,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is told of a sheet: its columns (None: by their names), its unit, and whether smaller values are better."""

    variant: str | None = None
    factors: tuple[str, ...] = ()
    seed: str | None = None
    value: str | None = None
    unit: FileUnit | None = None
    minimize: bool = False


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One run as it stands in the sheet; `where` is its place, `run` what a tracker calls it."""

    where: str
    line: int
    variant: str
    levels: tuple[str, ...]
    seed_text: str
    text: str
    run: str = ""

    @property
    def stands(self) -> str:
        """Say where the run stands, for a sentence about another one."""
        return f"is the run {self.run}" if self.run else f"stands in line {self.line}"

    @property
    def seed(self) -> Seed:
        """Read a seed as a number where it is a whole one, so that 1, 01 and 1.0 are the same seed."""
        return seed_of(self.seed_text)


@dataclass(frozen=True, slots=True)
class Entries:
    """All runs of a sheet, the values' column, what was measured, the factor columns, and how it was read.

    `used` are the places of the columns that are read, where a row is a run; none where a row is several.
    """

    rows: tuple[TableEntry, ...]
    column: str
    metric: str
    factors: tuple[str, ...]
    notes: tuple[str, ...]
    used: tuple[int, ...] = ()


def seed_of(text: str) -> Seed:
    """Read a seed: a whole number however it is written, else the text."""
    if len(text) > 18:
        return text
    try:
        number = Decimal(text) if re.fullmatch(r"[0-9.+eE-]+", text) else None
    except InvalidOperation:
        return text
    if number is None or abs(number) >= 10**18 or number != number.to_integral_value():
        return text
    return int(number)


def table_entries(sheet: Sheet, reading: Reading) -> Entries:
    """Find the columns and give the runs; raise `SpecError` where it is not clear which they are."""
    if reading.variant is not None and reading.factors:
        raise UsageError("give --variant, or --factor for each factor column, not both")
    wide = [] if reading.seed or reading.value else _wide(sheet, reading)
    if wide:
        return _of_wide(sheet, reading, wide)
    if columns := _variants_side_by_side(sheet, reading):
        return _of_columns(sheet, reading, columns)
    value = _value(sheet, reading)
    seed = _one(sheet, "seed", reading.seed, SEEDS, {value})
    named = _variant(sheet, reading, {value, seed})
    metric = _metric(sheet.columns[value])
    rows = tuple(
        TableEntry(
            sheet.where(row),
            row.line,
            *_name(sheet, named, row.cells, reading),
            row.cells[seed],
            row.cells[value],
            row.run,
        )
        for row in sheet.rows
    )
    told = (reading.variant or reading.factors, reading.seed, reading.value)
    usual = [
        (role, sheet.columns[at])
        for role, at, said in zip(("variant", "seed", "value"), (named[0], seed, value), told, strict=True)
        if not said and sheet.columns[at].lower() != role
    ]
    notes = [f"{role} is read from the column {short(name)!r}" for role, name in usual]
    used = (value, seed, *named)
    return Entries(rows, sheet.columns[value], metric, reading.factors, (*notes, *_comments(sheet)), used)


def _comments(sheet: Sheet) -> tuple[str, ...]:
    count = sheet.comments
    return (f"{count} line{'s' * (count != 1)} left out that begin{'s' * (count == 1)} with #",) if count else ()


# -- wide sheets -------------------------------------------------------------------------------------------------------


def _wide(sheet: Sheet, reading: Reading) -> list[int]:
    """Give the columns that are seeds by their names; none where the sheet has a column of seeds."""
    if any(_plain(name) in SEEDS for name in sheet.columns):
        return []
    chosen = {_plain(name) for name in (reading.variant, *reading.factors) if name}
    found = [at for at, name in enumerate(sheet.columns) if _WIDE.fullmatch(name) and _plain(name) not in chosen]
    return found if len(found) >= 2 else []


def _of_wide(sheet: Sheet, reading: Reading, wide: Sequence[int]) -> Entries:
    others = [at for at in range(len(sheet.columns)) if at not in wide]
    if not reading.variant and not reading.factors and len(others) == 1:
        named = others  # whatever it is called
    else:
        named = _variant(sheet, reading, set(wide))
    seeds = {at: _seed_of_column(sheet.columns[at]) for at in wide}
    twice = [at for at in wide if list(seeds.values()).count(seeds[at]) > 1]
    if twice:
        raise SpecError(Problem(sheet.source, f"several columns are seed {seeds[twice[0]]}; name each once"))
    rows = tuple(
        TableEntry(
            f"{sheet.where(row)}: {sheet.columns[at]}",
            row.line,
            *_name(sheet, named, row.cells, reading),
            seeds[at],
            row.cells[at],
        )
        for row in sheet.rows
        for at in wide
    )
    name = sheet.columns[named[0]]
    column = f"the column {short(name)!r}" if name else "the column without a name"
    note = f"a column for each of {len(wide)} seeds; variant is read from {column}"
    return Entries(rows, "value", "value", reading.factors, (note, *_comments(sheet)))


def _seed_of_column(name: str) -> str:
    found = _WIDE.fullmatch(name)
    assert found is not None
    return found[1]


def _variants_side_by_side(sheet: Sheet, reading: Reading) -> list[int]:
    """Give the columns that are variants: all numbers beside the seeds, none of them named after a metric."""
    names = [_plain(name) for name in sheet.columns]
    if reading.variant or reading.factors or reading.value or any(name in VARIANT_WORDS for name in names):
        return []
    seeds = [at for at, name in enumerate(names) if name in SEEDS]
    if reading.seed is not None:
        seeds = [_told(sheet, "seed", reading.seed)]
    others = [at for at, name in enumerate(sheet.columns) if at not in seeds and name]
    measured = any(is_called(sheet.columns[at], (*FRACTIONS, *_PLAIN, *OWN)) for at in others)
    if len(seeds) != 1 or len(others) < 2 or measured or not all(_holds_numbers(sheet, at) for at in others):
        return []
    return [*seeds, *others]


def _of_columns(sheet: Sheet, reading: Reading, columns: Sequence[int]) -> Entries:
    seed, *variants = columns
    twice = [sheet.columns[at] for at in variants if [sheet.columns[n] for n in variants].count(sheet.columns[at]) > 1]
    if twice:
        raise SpecError(Problem(sheet.source, f"several columns are called {short(twice[0])!r}; name each once"))
    rows = tuple(
        TableEntry(
            f"{sheet.where(row)}: {sheet.columns[at]}",
            row.line,
            sheet.columns[at],
            (sheet.columns[at],),
            row.cells[seed],
            row.cells[at],
        )
        for at in variants
        for row in sheet.rows
    )
    note = f"a column for each of {len(variants)} variants; seed is read from the column {short(sheet.columns[seed])!r}"
    return Entries(rows, "value", "value", reading.factors, (note, *_comments(sheet)))


def _holds_numbers(sheet: Sheet, at: int) -> bool:
    """Say whether a column holds a number and nothing else; empty cells are runs that failed."""
    texts = [row.cells[at] for row in sheet.rows if row.cells[at]]
    return bool(texts) and not any(isinstance(read_number(one, comma=not sheet.commas), str) for one in texts)


# -- which column is which ---------------------------------------------------------------------------------------------


def _value(sheet: Sheet, reading: Reading) -> int:
    if reading.value is not None:
        return _told(sheet, "value", reading.value)
    for words in (("value",), (*FRACTIONS, *_PLAIN), OWN):
        found = [at for at, name in enumerate(sheet.columns) if is_called(name, words)]
        if len(found) == 1:
            return found[0]
        if found:
            raise _not_clear(sheet, "value", found)
    told = {name.lower() for name in (reading.variant, reading.seed, *reading.factors) if name}
    left = [
        at for at, name in enumerate(sheet.columns)
        if name and name.lower() not in told and _plain(name) not in (*VARIANT_WORDS, *SEEDS)
        and _holds_numbers(sheet, at)
    ]  # fmt: skip
    if len(left) == 1:
        return left[0]
    raise _not_clear(sheet, "value", [])


def _variant(sheet: Sheet, reading: Reading, taken: set[int]) -> list[int]:
    if reading.factors:
        found = [_told(sheet, "factor", name) for name in reading.factors]
        if len(set(found)) < len(found) or set(found) & taken:
            raise UsageError("--factor: each factor is a column of its own, beside those of the seed and the value")
        return found
    return [_one(sheet, "variant", reading.variant, VARIANT_WORDS, taken)]


def _one(sheet: Sheet, role: str, told: str | None, usual: Sequence[str], taken: set[int]) -> int:
    if told is not None:
        at = _told(sheet, role, told)
        if at in taken:
            raise UsageError(f"--{role} {told}: this column is the value or the seed already")
        return at
    names = [_plain(name) for name in sheet.columns]
    exact = [at for at, name in enumerate(names) if name == role and at not in taken]
    found = exact or [at for at, name in enumerate(names) if name in usual and at not in taken]
    if len(found) != 1:
        raise _not_clear(sheet, role, found)
    return found[0]


def _told(sheet: Sheet, role: str, name: str) -> int:
    """Find a column by the name that was given, whatever its case."""
    found = [at for at, column in enumerate(sheet.columns) if column == name]
    found = found or [at for at, column in enumerate(sheet.columns) if column.lower() == name.lower()]
    if not found:
        raise SpecError(Problem(sheet.source, f"--{role}: {unknown('column', name, filter(None, sheet.columns))}"))
    if len(found) > 1:
        raise SpecError(Problem(sheet.source, f"--{role} {short(name)}: {len(found)} columns have this name"))
    return found[0]


def _not_clear(sheet: Sheet, role: str, found: Sequence[int]) -> SpecError:
    names = [short(sheet.columns[at]) for at in found] or [short(name) for name in sheet.columns if name]
    shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    factors = ", or --factor NAME for each of several factor columns" if role == "variant" else ""
    if found:
        words = f"several columns could hold the {role}: {shown}"
    else:
        words = f"no column is called {role}; there are: {shown}"
    return SpecError(Problem(sheet.source, f"{words}; say which with --{role} NAME{factors}"))


def is_called(column: str, names: Sequence[str]) -> bool:
    """Say whether a column is called so: val_loss, "Test Loss [nats]" and testLoss are all a loss."""
    endings = tuple({"accuracy", "acc", "loss", "error"} & set(names))
    return any(word in names or word.endswith(endings) for word in re.split(r"[^a-z0-9]+", column.lower()) if word)


def _plain(name: str) -> str:
    """Write a column's name in small letters and single underscores, without a unit in brackets."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"[(\[].*[)\]]", "", name.lower())).strip("_")


def _metric(name: str) -> str:
    """Name what was measured after its column."""
    return short(re.sub(r"\s*[(\[]\s*%\s*[)\]]\s*$", "", name).strip() or "value")


def _name(sheet: Sheet, named: Sequence[int], cells: tuple[str, ...], reading: Reading) -> tuple[str, tuple[str, ...]]:
    """Name a variant: its cell, or `factor=level` for each factor column. "" where a cell is empty."""
    levels = tuple(cells[at] for at in named)
    if not reading.factors:
        return levels[0], levels
    if not all(levels):
        return "", levels
    return "+".join(f"{sheet.columns[at]}={level}" for at, level in zip(named, levels, strict=True)), levels
