"""Tracked runs to the rows of a sheet: what stands for each run, which are left out, and that is said.

    chosen = rows_of("mlflow:demo", runs, Reading(factors=("norm",)), Tracking(take="max"))
    chosen.sheet, chosen.reading, chosen.notes

A run that did not end well, or has no value, stays as a row without one, so that its pair is stated as missing; unless
another run of the same settings and seed came to a value. A run without the settings that are asked for is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from archsearch.ablate.columns import SEEDS, Reading, seed_of
from archsearch.ablate.moved import canonical, own_to_each
from archsearch.ablate.sheet import Sheet, SheetRow
from archsearch.ablate.tracked.named import settings_by
from archsearch.ablate.tracked.runs import Take, TrackedRun
from archsearch.errors import Problem, SpecError, UsageError
from archsearch.spec.text.sentences import short, unknown
from archsearch.wording import count_of

_WORDS: dict[Take, str] = {"last": "last", "max": "largest", "min": "smallest"}
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Tracking:
    """What is told of tracked runs.

    `take` says which value of a history stands for its run; `only` are settings (NAME=VALUE) of the runs that are read;
    `run_name` is a pattern with the settings that the names of runs hold; `newest` takes the run that was begun last
    where several have the same settings and seed.
    """

    take: Take = "last"
    only: tuple[str, ...] = ()
    run_name: str | None = None
    newest: bool = False


@dataclass(frozen=True, slots=True)
class ChosenRuns:
    """The rows, the columns to read them by, and what to say of it."""

    sheet: Sheet
    reading: Reading
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    run: TrackedRun
    levels: tuple[str, ...]
    pair: str
    value: float | None

    @property
    def key(self) -> tuple[object, ...]:
        return (*map(canonical, self.levels), seed_of(self.pair))


def rows_of(source: str, runs: Sequence[TrackedRun], reading: Reading, tracking: Tracking) -> ChosenRuns:
    """Choose and order the runs; raise `SpecError` with what there is where a setting or a metric is not."""
    notes: list[str] = []
    runs = sorted(runs, key=lambda run: (run.started, run.name))
    if tracking.run_name is not None:
        runs = _named(source, runs, tracking.run_name, notes)
    for one in tracking.only:
        runs = _only(source, runs, one, notes)
    factors = _factors(source, runs, reading)
    pair = _pair(source, runs, reading.seed)
    metric = _metric_of(source, runs, reading.value)
    rows = _with_settings(runs, factors, pair, metric, tracking.take, notes)
    if not rows:
        having = ", ".join(map(short, (*factors, pair)))
        raise SpecError(Problem(source, f"no run has all of {having}; {_settings_there(runs)}"))
    rows = _once(rows, metric, tracking, notes)
    notes.append(f"the {_WORDS[tracking.take]} {short(metric)} of each run stands for it; --take chooses")
    notes += _remarks(rows, factors, pair, metric)
    read = replace(
        reading,
        variant=factors[0] if len(factors) == 1 else None,
        factors=factors if len(factors) > 1 else (),
        seed=pair,
        value=metric,
    )
    return ChosenRuns(_sheet(source, rows, factors, pair, metric), read, tuple(notes))


# -- which runs --------------------------------------------------------------------------------------------------------


def _named(source: str, runs: Sequence[TrackedRun], pattern: str, notes: list[str]) -> list[TrackedRun]:
    found = [(run, settings_by(pattern, run.name)) for run in runs]
    others = [run for run, settings in found if settings is None]
    if len(others) == len(runs):
        names = ", ".join(short(run.name) for run in runs[:_MOST_NAMED])
        raise SpecError(Problem(source, f"--run-name {pattern}: no run is called so; there are: {names}"))
    if others:
        notes.append(f"left out, as --run-name does not fit: {_names(others)}")
    return [replace(run, settings={**run.settings, **told}) for run, told in found if told is not None]


def _only(source: str, runs: Sequence[TrackedRun], told: str, notes: list[str]) -> list[TrackedRun]:
    name, mark, value = told.partition("=")
    if not mark or not name.strip():
        raise UsageError(f"--only {told}: write a setting and its value, as in lr=0.001")
    name = _known(source, "--only", "setting", name.strip(), _settings(runs))
    kept = [run for run in runs if canonical(run.settings.get(name, "")) == canonical(value)]
    if not kept:
        there = ", ".join(_values(runs, name))
        raise SpecError(Problem(source, f"--only {told}: no run has this value; there are: {there}"))
    notes.append(f"{len(kept)} of {count_of(len(runs), 'run')} have {name}={value}")
    return kept


def _with_settings(
    runs: Sequence[TrackedRun], factors: Sequence[str], pair: str, metric: str, take: Take, notes: list[str]
) -> list[_Row]:
    written: dict[tuple[str, str], str] = {}  # 1e-3 and 0.001 are one level, called as it is first
    rows = []
    for name in (*factors, pair):
        without = [run for run in runs if not run.settings.get(name)]
        if without and len(without) < len(runs):
            notes.append(f"left out, as they have no {short(name)}: {_names(without)}")
        runs = [run for run in runs if run.settings.get(name)]
    for run in runs:
        texts = [run.settings[factor] for factor in factors]
        levels = tuple(
            written.setdefault((factor, canonical(text)), text) for factor, text in zip(factors, texts, strict=True)
        )
        value = run.metrics[metric](take) if not run.status and metric in run.metrics else None
        finite = value is not None and math.isfinite(value)
        rows.append(_Row(run, levels, run.settings[pair], value if finite else None))
    _say_lost([row.run for row in rows if row.value is None], metric, notes)
    return rows


def _say_lost(lost: Sequence[TrackedRun], metric: str, notes: list[str]) -> None:
    reasons: dict[str, list[TrackedRun]] = {}
    for run in lost:
        no_value = f"no {short(metric)}" if metric not in run.metrics else f"its {short(metric)} is not finite"
        reasons.setdefault(run.status or no_value, []).append(run)
    notes += [f"without a value ({reason}): {_names(of)}" for reason, of in reasons.items()]


def _once(rows: Sequence[_Row], metric: str, tracking: Tracking, notes: list[str]) -> list[_Row]:
    """Leave out the runs without a value that were run again, and with `newest` all but the newest of each."""
    with_value = {row.key for row in rows if row.value is not None}
    failed: set[tuple[object, ...]] = set()
    kept = []
    for row in rows:
        if row.value is not None:
            kept.append(row)
        elif row.key not in with_value | failed:
            failed.add(row.key)
            kept.append(row)
    if not tracking.newest:
        return kept
    newest = {row.key: row for row in kept}  # rows stand in the order in which the runs were begun
    if dropped := [row.run for row in kept if newest[row.key] is not row]:
        notes.append(f"left out, as a newer run has the same settings: {_names(dropped)}")
    return [row for row in kept if newest[row.key] is row]


def _remarks(rows: Sequence[_Row], factors: Sequence[str], pair: str, metric: str) -> list[str]:
    """Say which settings every run has of its own, and which runs may not have ended where that is not known."""
    used = {*factors, pair}
    own = own_to_each({n: v for n, v in row.run.settings.items() if n not in used} for row in rows)
    said = [f"every run has another {', '.join(map(short, own[:_MOST_NAMED]))}"] if own else []
    steps = [(row.run, row.run.steps[metric]) for row in rows if metric in row.run.steps and row.value is not None]
    most = max((step for _, step in steps), default=0.0)
    if fewer := [run for run, step in steps if step < most]:
        said.append(f"fewer steps of {short(metric)} than {most:g}, so perhaps not ended: {_names(fewer)}")
    return said


# -- which settings and metrics ----------------------------------------------------------------------------------------


def _factors(source: str, runs: Sequence[TrackedRun], reading: Reading) -> tuple[str, ...]:
    if reading.variant is not None and reading.factors:
        raise UsageError("give --variant, or --factor for each setting that is compared, not both")
    told = reading.factors or ((reading.variant,) if reading.variant is not None else ())
    if not told:
        raise SpecError(Problem(source, f"say with --factor NAME which setting is compared; {_settings_there(runs)}"))
    if not _settings(runs):
        raise SpecError(Problem(source, _settings_there(runs)))
    found = tuple(_known(source, "--factor", "setting", name, _settings(runs)) for name in told)
    if len(set(found)) < len(found):
        raise UsageError(f"--factor {found[0]}: name each setting once")
    return found


def _pair(source: str, runs: Sequence[TrackedRun], told: str | None) -> str:
    there = _settings(runs)
    if told is not None:
        return _known(source, "--pair", "setting", told, there)
    found = [name for name in there if name.rpartition(".")[2].lower() in SEEDS]
    if len(found) == 1:
        return found[0]
    several = f"several could be the seed: {', '.join(map(short, found))}; " if found else ""
    raise SpecError(
        Problem(source, f"say with --pair NAME which setting is the seed; {several}{_settings_there(runs)}")
    )


def _metric_of(source: str, runs: Sequence[TrackedRun], told: str | None) -> str:
    there = list(dict.fromkeys(name for run in runs for name in run.metrics))
    if told is not None:
        return _known(source, "--metric", "metric", told, there)
    if len(there) == 1:
        return there[0]
    if not there:
        raise SpecError(Problem(source, "no run has a metric"))
    raise SpecError(Problem(source, f"say with --metric NAME what is compared; there are: {_listed(there)}"))


def _known(source: str, option: str, what: str, name: str, there: Sequence[str]) -> str:
    """Find a name, whatever its case; a nested one by its end too, where that is clear."""
    for found in (
        [one for one in there if one == name],
        [one for one in there if one.lower() == name.lower()],
        [one for one in there if one.rpartition(".")[2] == name],
    ):
        if len(found) == 1:
            return found[0]
    said = unknown(what, name, there) if there else f"no run has a {what}"
    raise SpecError(Problem(source, f"{option}: {said}"))


def _settings(runs: Sequence[TrackedRun]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in run.settings))


def _settings_there(runs: Sequence[TrackedRun]) -> str:
    """Name the settings that vary, with values; where none does, those that there are."""
    values = {name: _values(runs, name) for name in _settings(runs)}
    vary = {name: of for name, of in values.items() if len(of) > 1}
    if not values:
        return "the runs have no settings; --run-name '{norm}_s{seed}' reads them from their names, such as " + (
            short(runs[0].name) if runs else "none"
        )
    if not vary:
        return f"there are: {_listed(list(values))}"
    shown = [f"{short(n)} ({', '.join(of[:3])}{', ...' if len(of) > 3 else ''})" for n, of in vary.items()]
    return f"these vary: {', '.join(shown[:12])}{', ...' if len(shown) > 12 else ''}"


def _values(runs: Sequence[TrackedRun], name: str) -> list[str]:
    first: dict[str, str] = {}
    for run in runs:
        if text := run.settings.get(name, ""):
            first.setdefault(canonical(text), text)
    return [short(text, 20) for text in first.values()]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(short, names[:20])) + (", ..." if len(names) > 20 else "")


def _names(runs: Sequence[TrackedRun]) -> str:
    more = f" and {len(runs) - _MOST_NAMED} more" if len(runs) > _MOST_NAMED else ""
    return ", ".join(short(run.name) for run in runs[:_MOST_NAMED]) + more


# -- the sheet ---------------------------------------------------------------------------------------------------------


def _sheet(source: str, rows: Sequence[_Row], factors: Sequence[str], pair: str, metric: str) -> Sheet:
    others = _other_settings((row.run for row in rows), {*factors, pair, metric})
    cells = [
        (
            *row.levels,
            row.pair,
            "" if row.value is None else repr(float(row.value)),
            *(row.run.settings.get(name, "") for name in others),
        )
        for row in rows
    ]
    return Sheet(
        source,
        (*factors, pair, metric, *others),
        tuple(SheetRow(at, one, row.run.name) for at, (one, row) in enumerate(zip(cells, rows, strict=True), 1)),
        tracked=True,
    )


def _other_settings(runs: Iterable[TrackedRun], used: set[str]) -> list[str]:
    return [name for name in dict.fromkeys(name for run in runs for name in run.settings) if name not in used]
