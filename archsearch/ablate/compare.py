"""Verdicts for any numbers: a file with a variant (or factors), a seed and a value for each run.

    values = read_values(Path("accuracies.csv"))
    compared = compare(values, "lenet5", values.family(margin=0.001))

A row with an empty value is a run that failed: it is left out of the pairs and stated. A value that is no number, a
second row for the same variant and seed, and a variant that shares no seed with the baseline are errors with the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from archsearch.ablate.columns import Entries, Reading, TableEntry, table_entries
from archsearch.ablate.design.cell import Cell, Factor
from archsearch.ablate.design.factorial import LinearModel, Moved, estimators, fit
from archsearch.ablate.judging import of_kind
from archsearch.ablate.moved import RunKey, moved_too
from archsearch.ablate.numerals import Numeral, as_fraction, read_number
from archsearch.ablate.questions import Question, effect_label
from archsearch.ablate.repeated import names_missing, repeated
from archsearch.ablate.schedule import contrast_of
from archsearch.ablate.sheet import MOST_PROBLEMS, Sheet, read_sheet
from archsearch.ablate.units import PlacedNumber, ReadUnit, unit_of
from archsearch.errors import Problem, SpecError, UsageError
from archsearch.spec.text.sentences import short, unknown
from archsearch.stats.effect import Effect, Family, Seed, Verdicts
from archsearch.stats.spread import spreads
from archsearch.stats.verdict import exclusions, judge, judge_contrasts

_FRACTION_MARGIN = 0.001  # 0.1 percentage points, as everywhere


class Compared(Verdicts):
    """The verdicts on a file. Of several factors: main effects and interactions, and the linear model beside them."""

    factors: tuple[str, ...] = ()
    model: LinearModel | None = None


@dataclass(frozen=True, slots=True)
class Measurements:
    """What a file holds: a value per variant and seed, in the file's order; `source` is what errors call the file.

    Per cent have become fractions. `factors` are the factor columns, `levels` those of each variant; `notes` say how
    the file was read. `settings` are the other settings of runs that a tracker kept.
    """

    source: str
    runs: dict[str, dict[Seed, float | None]]
    measured: ReadUnit = field(default_factory=lambda: ReadUnit("own"))
    metric: str = "value"
    minimize: bool = False
    factors: tuple[str, ...] = ()
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    settings: Mapping[RunKey, Mapping[str, str]] = field(default_factory=dict)

    @property
    def unit(self) -> Literal["points", "own"]:
        """Fractions and per cent are compared in percentage points, all else in the metric's own unit."""
        return self.measured.family

    def family(self, *, margin: float | None = None, alpha: float = 0.05, screen: bool = False) -> Family:
        """Make the family; `margin` is in the unit of the file. The default is 0.1 points, and none of another unit."""
        if margin is None:
            margin = _FRACTION_MARGIN if self.unit == "points" else 0.0
        elif self.measured.percent:
            margin = as_fraction(repr(margin))
        return Family(
            metric=self.metric,
            direction="minimize" if self.minimize else "maximize",
            alpha=alpha,
            margin=margin,
            screen=screen,
            unit=self.unit,
        )

    def baseline(self, name: str) -> str:
        """Find a variant by its name; of several factors by its levels, in any order: relu,wide or width=wide,act=relu.

        Raises `SpecError` with the closest name for one that is not there.
        """
        if name in self.runs or not self.factors:
            found = [name] if name in self.runs else []
        else:
            parts = [part.strip() for part in name.replace("+", ",").split(",")]
            found = [variant for variant, levels in self.levels.items() if self._fits(parts, levels)]
        if len(found) != 1:
            raise SpecError(Problem(self.source, unknown("variant", name, self.runs)))
        return found[0]

    def _fits(self, parts: list[str], levels: tuple[str, ...]) -> bool:
        named = {f"{factor}={level}" for factor, level in zip(self.factors, levels, strict=True)}
        return len(parts) == len(levels) and (set(parts) == named or tuple(parts) == levels)


def read_values(path: Path, reading: Reading | None = None) -> Measurements:
    """Read a file of numbers; raise `SpecError` with all its problems as `file:line`."""
    return sheet_values(read_sheet(path), reading or Reading())


def sheet_values(sheet: Sheet, reading: Reading) -> Measurements:
    """Find the runs and their values in a sheet; raise `SpecError` with all its problems."""
    entries = table_entries(sheet, reading)
    problems = names_missing(entries) + repeated(sheet, entries)
    numbers, wrong = _numbers(sheet, entries)
    if problems or wrong:
        raise SpecError((problems + wrong)[:MOST_PROBLEMS])
    if not entries.rows:
        raise SpecError(Problem(sheet.source, "has no rows below the header"))
    measured = unit_of([one for one in numbers if one is not None], entries.column, reading)
    runs: dict[str, dict[Seed, float | None]] = {}
    for entry, placed in zip(entries.rows, numbers, strict=True):
        runs.setdefault(entry.variant, {})[entry.seed] = _scaled(placed, entry, measured)
    return Measurements(
        sheet.source,
        runs,
        measured,
        entries.metric,
        reading.minimize,
        entries.factors,
        {entry.variant: entry.levels for entry in entries.rows},
        (*entries.notes, *measured.notes),
        _settings(sheet, entries) if sheet.tracked else {},
    )


def _settings(sheet: Sheet, entries: Entries) -> dict[RunKey, dict[str, str]]:
    columns = [(at, name) for at, name in enumerate(sheet.columns) if at not in entries.used]
    return {
        (entry.variant, entry.seed): {name: row.cells[at] for at, name in columns}
        for entry, row in zip(entries.rows, sheet.rows, strict=True)
    }


def _scaled(placed: PlacedNumber | None, entry: TableEntry, measured: ReadUnit) -> float | None:
    if placed is None:
        return None
    if measured.family == "own":
        return placed.number.written
    if measured.percent and not placed.number.percent:  # of what has the sign, the reader made a fraction
        return as_fraction(entry.text.replace(",", ".").replace("\u2212", "-").strip())
    return placed.number.value


def _numbers(sheet: Sheet, entries: Entries) -> tuple[list[PlacedNumber | None], list[Problem]]:
    """Read every value; decimal points and commas in one file are an error, as one of them means thousands."""
    found: list[PlacedNumber | None] = []
    problems = []
    first: dict[str, PlacedNumber] = {}
    for one in entries.rows:
        number: Numeral | str | None = read_number(one.text, comma=not sheet.commas) if one.text else None
        if number is None:
            found.append(None)
        elif isinstance(number, str):
            problems.append(Problem(one.where, number))
        else:
            placed = PlacedNumber(one.where, one.line, number)
            found.append(placed)
            if number.mark:
                first.setdefault(number.mark, placed)
                if len(first) == 2 and number.mark != next(iter(first)):
                    sign, other = ("comma", "point") if number.mark == "," else ("point", "comma")
                    line = next(iter(first.values())).line
                    problems.append(Problem(one.where, f"a decimal {sign}, and line {line} has a decimal {other}"))
    return found, problems


# -- verdicts ----------------------------------------------------------------------------------------------------------


def compare(values: Measurements, baseline: str, family: Family) -> Compared:
    """Judge every variant against the baseline, or the effects of several factors around it.

    Raises `SpecError` where runs cannot be paired.
    """
    baseline = values.baseline(baseline)
    if len(values.runs) == 1:
        raise SpecError(Problem(values.source, f"holds {short(baseline)!r} only; there is nothing to compare it with"))
    if len(values.factors) > 1:
        return _factorial(values, baseline, family)
    alone = [name for name, runs in values.runs.items() if not set(runs) & set(values.runs[baseline])]
    if alone:
        raise SpecError(
            [
                Problem(
                    values.source, f"{short(name)!r} shares no seed with {short(baseline)!r}; pairs have the same seed"
                )
                for name in alone[:MOST_PROBLEMS]
            ]
        )
    judged = judge(values.runs, baseline, family)
    effects = tuple(_with_moved(effect, values, [(effect.variant, baseline)]) for effect in judged.effects)
    return Compared(**{**dict(judged), "effects": effects}, factors=values.factors)


def _with_moved(effect: Effect, values: Measurements, sides: Sequence[tuple[str, str]]) -> Effect:
    """Note what else moved in the pairs of an effect, where the settings of the runs are known."""
    pairs = [((level, seed), (base, seed)) for level, base in sides for seed in effect.seeds]
    said = moved_too(values.settings, pairs)
    return effect.model_copy(update={"notes": (*effect.notes, said)}) if said else effect


def _factorial(values: Measurements, baseline: str, family: Family) -> Compared:
    """Ask what a factorial asks: each level averaged over the other factors, and each two beyond their sum."""
    base = values.levels[baseline]
    names = {variant: _cell(values, variant, base) for variant in values.runs}
    factors = [
        Factor(name, tuple(dict.fromkeys(levels[at] for levels in values.levels.values() if levels[at] != base[at])))
        for at, name in enumerate(values.factors)
    ]
    still = [factor.name for factor in factors if not factor.levels]
    if still:
        raise SpecError(Problem(values.source, f"the factor {short(still[0])!r} has one level only; leave it out"))
    by_cell = {cell.name: values.runs[variant] for variant, cell in names.items()}
    estimated = estimators(list(names.values()), factors)
    asked = [
        Question(
            name=one.name,
            against=baseline,
            label=_label(one.moved, values.factors, base),
            kind="effect" if len(one.moved) == 1 else "interaction",
            weights=one.weights,
            aliases=one.aliases,
        )
        for one in estimated
    ]
    effects = judge_contrasts(by_cell, [contrast_of(question) for question in asked], family)
    if not any(effect.n for effect in effects):
        raise SpecError(Problem(values.source, "no seed was run with all combinations; pairs have the same seed"))
    return Compared(
        baseline=baseline,
        family=family,
        effects=tuple(
            _with_moved(of_kind(effect, question), values, _sides(values, base, one.moved))
            for effect, question, one in zip(effects, asked, estimated, strict=True)
        ),
        exclusions=exclusions(values.runs, baseline),
        spreads=spreads(values.runs),
        factors=values.factors,
        model=_model(values, names, factors),
    )


def _sides(values: Measurements, base: tuple[str, ...], moved: Moved) -> list[tuple[str, str]]:
    """Give the pairs of variants that differ by one level only, that of a main effect; of an interaction none."""
    if len(moved) > 1:
        return []
    ((factor, level),) = moved
    at = values.factors.index(factor)
    variants = {levels: variant for variant, levels in values.levels.items()}
    partners = {levels: (*levels[:at], base[at], *levels[at + 1 :]) for levels in variants if levels[at] == level}
    return [(variants[own], variants[other]) for own, other in partners.items() if other in variants]


def _label(moved: Moved, columns: tuple[str, ...], base: tuple[str, ...]) -> str:
    """Say a term with its levels: "act=relu instead of tanh, averaged over the other factors"."""
    words = [f"{factor}={level}" for factor, level in moved]
    if len(moved) == 1:
        words = [f"{words[0]} instead of {base[columns.index(moved[0][0])]}"]
    return effect_label(*words)


def _cell(values: Measurements, variant: str, base: tuple[str, ...]) -> Cell:
    levels = zip(values.factors, values.levels[variant], base, strict=True)
    return Cell(tuple((factor, level) for factor, level, before in levels if level != before))


def _model(values: Measurements, names: Mapping[str, Cell], factors: list[Factor]) -> LinearModel | None:
    observed: dict[Cell, dict[Seed, float]] = {
        cell: {seed: value for seed, value in values.runs[variant].items() if value is not None}
        for variant, cell in names.items()
    }
    try:
        return fit({cell: runs for cell, runs in observed.items() if runs}, factors)
    except UsageError:
        return None


def likely_baseline(values: Measurements) -> str:
    """Give the variant that is called a baseline, else the first of the file."""
    called = [name for name in values.runs if name.lower() in ("baseline", "base", "control", "reference")]
    return called[0] if called else next(iter(values.runs))


__all__ = ["Compared", "Measurements", "Reading", "compare", "likely_baseline", "read_values", "sheet_values"]
