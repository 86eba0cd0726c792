"""What an ablation will take and what it can show, said before anything runs.

    forecast = foresee(ablation, runs_dir=Path("runs"), effect=0.001)
    forecast.to_run, forecast.seconds, forecast.plan.smallest_effect

Reads the runs that are kept: which are there already, how long they took, how far the baseline's seeds spread. Imports
no torch; where no run of a cell was kept, `measure` may time it (`train.calibrate`, which does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from archsearch.ablate.planned import Ablation, PlannedCell, promise
from archsearch.errors import UsageError
from archsearch.experiment import Experiment
from archsearch.kinds.kind import ExperimentKind, KeptRun
from archsearch.plain import Plain
from archsearch.stats import intervals
from archsearch.stats.expected_looks import expected_stops
from archsearch.stats.power import Plan, difference_sd

LEAST_FOR_SD = 3  # seeds from which a spread is measured
# SDs of one run's accuracy over seeds: from large test sets that are nearly solved to a few hundred test samples.
_SPREADS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02)


Case = Literal["nothing differs", "at the margin", "at the effect", "in SDs"]


class CellForecast(Plain):
    """One cell: its runs, how many of them are kept already, and the seconds of one (None: not known)."""

    name: str
    parameters: int | None
    macs: int | None
    runs: int
    cached: int
    seconds: float | None
    seconds_from: str


class Possible(Plain):
    """What would follow from a spread over seeds; see `Plan`."""

    seed_sd: float
    smallest_effect: float | None
    seeds_for_effect: int | None


class Expected(Plain):
    """What a design with planned looks will take where all comparisons have one effect, in its unit or in SDs.

    The SDs are those of a paired difference.

    `runs` are all of them, the screens among them; `decided` is the share of the comparisons that will be.
    """

    case: Case
    effect: float | None
    in_sds: float
    runs: int
    decided: float


class Forecast(Plain):
    """What an ablation will take (`seconds` with so many workers) and what it can show.

    `seed_sd` is the spread of the baseline's kept runs, with the 95 % interval that so few of them leave; where it is
    not known, `possible` says what would follow from a range of spreads (of accuracies; a loss has no usual range).
    """

    study: str
    design: str
    baseline: str
    cells: Annotated[tuple[CellForecast, ...], Field(strict=False)]
    runs: int
    cached: int
    to_run: int
    workers: int
    seconds: float | None
    seed_sd: float | None
    seed_sd_ci95: tuple[float, float] | None
    seed_sd_from: str
    possible: Annotated[tuple[Possible, ...], Field(strict=False)]
    plan: Plan | None  # None where there is one run a cell: nothing can be shown of noise
    expected: Annotated[tuple[Expected, ...], Field(strict=False)] = ()


def foresee(
    ablation: Ablation,
    runs_dir: Path,
    *,
    effect: float | None = None,
    workers: int = 1,
    measure: Callable[[Experiment], float | None] | None = None,
) -> Forecast:
    """Forecast an ablation. `effect` is in the metric's own unit; raises `UsageError` for one that is no difference."""
    if effect is not None and not 0 < abs(effect) < float("inf"):
        raise UsageError(f"--effect {effect:g}: give a difference other than 0, in the metric's own unit")
    kind = ablation.kind
    plans = {cell.name: kind.plan(ablation.spec_at(cell.name, cell.seeds[0])) for cell in ablation.cells}
    mine = _kept(ablation, [cell.name for cell in ablation.cells], runs_dir)
    keys = {name: kind.question(plan) for name, plan in plans.items()}
    known: dict[str, tuple[float, str]] = {}
    for name, key in keys.items():
        if key not in known and (found := _seconds(plans[name], mine[name], workers, measure)):
            known[key] = found
    known = _by_work(kind, {key: plans[name] for name, key in keys.items()}, known)
    cells = []
    for cell in ablation.cells:
        seeds = {one.seed for one in mine[cell.name]}
        seconds, source = known.get(keys[cell.name], (None, ""))
        cells.append(_cell(cell, sum(seed in seeds for seed in cell.run_seeds), seconds, source))
    spread, ci95, spread_from = _seed_sd(ablation, mine[ablation.cells[0].name])
    left = [(one.runs - one.cached, one.seconds) for one in cells]
    total = None
    if all(seconds is not None or not count for count, seconds in left):
        total = sum(count * (seconds or 0.0) for count, seconds in left) / max(1, workers)
    runs, cached = sum(one.runs for one in cells), sum(one.cached for one in cells)
    plan = None if ablation.plan is None and len(ablation.seeds) == 1 else promise(ablation, spread, effect)
    return Forecast(
        study=ablation.name,
        design=ablation.design,
        baseline=ablation.baseline,
        cells=tuple(cells),
        runs=runs,
        cached=cached,
        to_run=runs - cached,
        workers=workers,
        seconds=total,
        seed_sd=spread,
        seed_sd_ci95=ci95,
        seed_sd_from=spread_from,
        possible=_possible(ablation, effect) if spread is None else (),
        plan=plan,
        expected=() if plan is None else _expected(ablation, plan),
    )


def with_measured_spread(ablation: Ablation, runs_dir: Path) -> Ablation:
    """Plan with the spread over seeds that kept runs of the baseline have, where there are enough of them."""
    name = ablation.cells[0].name
    spread, _, _ = _seed_sd(ablation, _kept(ablation, [name], runs_dir)[name])
    if ablation.plan is None or spread is None or spread == ablation.plan.seed_sd:
        return ablation
    return ablation.model_copy(update={"plan": promise(ablation, spread)})


def _kept(ablation: Ablation, cells: Sequence[str], runs_dir: Path) -> Mapping[str, Sequence[KeptRun]]:
    """Give the kept runs of each cell; with a split those of its own pairs, each on its part of the samples."""
    kind = ablation.kind
    if ablation.split is None:
        return kind.kept({name: kind.plan(ablation.cell(name).spec) for name in cells}, runs_dir)
    parts = {
        (name, pair): kind.plan(ablation.spec_at(name, pair)) for name in cells for pair in ablation.cell(name).seeds
    }
    there = kind.kept({f"{pair}: {name}": plan for (name, pair), plan in parts.items()}, runs_dir)
    return {
        name: [one for of, pair in parts if of == name for one in there[f"{pair}: {name}"] if one.seed == pair]
        for name in cells
    }


def _cell(cell: PlannedCell, cached: int, seconds: float | None, source: str) -> CellForecast:
    return CellForecast(
        name=cell.name,
        parameters=cell.parameters,
        macs=cell.macs,
        runs=len(cell.seeds),
        cached=cached,
        seconds=seconds,
        seconds_from=source,
    )


def _seconds(
    plan: Experiment, kept: Sequence[KeptRun], workers: int, measure: Callable[[Experiment], float | None] | None
) -> tuple[float, str] | None:
    """Take what kept runs took. Several workers have one thread each: a run with more did the work of so many."""
    took = [one.seconds * (one.threads if workers > 1 else 1) for one in kept if one.seconds is not None]
    if took:
        return intervals.mean(took), f"{len(took)} kept runs"
    timed = measure(plan) if measure is not None else None
    return None if timed is None else (timed, "timed batches")


def _by_work(
    kind: ExperimentKind, plans: Mapping[str, Experiment], known: Mapping[str, tuple[float, str]]
) -> dict[str, tuple[float, str]]:
    """Estimate the cells that nothing is known of from those that took time: by their work, or as long as those."""
    work = {key: kind.work(plan) for key, plan in plans.items()}
    rates = [seconds / (work[key] or 1.0) for key, (seconds, _) in known.items()]
    if not rates:
        return {}
    rate = intervals.mean(rates)
    guessed = {
        key: (rate * (of or 1.0), "multiply-accumulates" if of is not None else "other cells")
        for key, of in work.items()
    }
    return guessed | dict(known)


def _seed_sd(ablation: Ablation, kept: Sequence[KeptRun]) -> tuple[float | None, tuple[float, float] | None, str]:
    """Measure the spread of the baseline over seeds, with its 95 % interval, where enough of its runs are kept."""
    metric = ablation.family.metric
    by_seed = {one.seed: one.metrics.get(metric) for one in kept}
    values = [float(value) for value in by_seed.values() if value is not None]
    word = f"{ablation.pair_word}s"
    of = ablation.baseline + (f" {ablation.blocks[0].where}" if ablation.blocks else "")
    if len(values) < LEAST_FOR_SD:
        return None, None, f"not known: {len(values)} of {LEAST_FOR_SD} runs of {of} are kept"
    sd = intervals.standard_deviation(values)
    if not sd:
        return None, None, f"not known: {len(values)} kept {word} of {of} all gave the same value"
    return sd, intervals.spread_interval(values), f"measured on {len(values)} kept {word} of {of}"


def _possible(ablation: Ablation, effect: float | None) -> tuple[Possible, ...]:
    """Say what would follow from each spread of a range."""
    if ablation.family.unit != "points" or ablation.purpose == "screen":
        return ()
    plans = [(spread, promise(ablation, spread, effect)) for spread in _SPREADS]
    return tuple(
        Possible(seed_sd=spread, smallest_effect=plan.smallest_effect, seeds_for_effect=plan.seeds_for_effect)
        for spread, plan in plans
    )


def _expected(ablation: Ablation, plan: Plan) -> tuple[Expected, ...]:
    """Say what the looks will save: for effects of the metric's unit where its spread is known, else for SDs."""
    if not ablation.looks:
        return ()
    if plan.seed_sd is None:
        return tuple(_expect(ablation, "in SDs", None, in_sds, 0.0) for in_sds in (0.0, 0.5, 1.0, 2.0))
    sd, margin = difference_sd(plan.seed_sd, plan.correlation), ablation.family.margin
    cases: list[tuple[Case, float | None]] = [("nothing differs", 0.0), ("at the margin", margin or None)]
    cases.append(("at the effect", plan.smallest_effect if plan.effect is None else abs(plan.effect)))
    return tuple(
        _expect(ablation, case, effect, effect / sd, margin / sd) for case, effect in cases if effect is not None
    )


def _expect(ablation: Ablation, case: Case, effect: float | None, in_sds: float, margin: float) -> Expected:
    stops = expected_stops(ablation.looks, len(ablation.claims), in_sds, margin=margin, alpha=ablation.family.alpha)
    runs = 0.0
    for cell in ablation.cells:
        asks = [column for column, question in enumerate(ablation.claims) if cell.name in question.weights]
        runs += float(stops.seeds[:, asks].max(axis=1).mean()) if asks else len(cell.seeds)
    return Expected(case=case, effect=effect, in_sds=in_sds, runs=round(runs), decided=round(stops.decided, 3))
