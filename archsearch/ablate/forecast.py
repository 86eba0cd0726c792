"""What an ablation will take and what it can show, said before anything runs.

    forecast = foresee(ablation, runs_dir=Path("runs"), effect=0.001)
    forecast.to_run, forecast.seconds, forecast.plan.smallest_effect

Reads the runs that are kept: which are there already, how long they took, how far the baseline's seeds spread. Imports
no torch; where no run of a cell was kept, `measure` may time it (`train.calibrate`, which does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from archsearch.ablate.planned import Ablation, PlannedCell, promise
from archsearch.data.facts import training_count
from archsearch.errors import UsageError
from archsearch.experiment_plan import ExperimentPlan, plan_experiment
from archsearch.plain import Plain
from archsearch.stats import intervals
from archsearch.stats.power import Plan
from archsearch.train.identity import experiment_key
from archsearch.train.kept import Kept, kept_runs, read_kept
from archsearch.train.result import holds

LEAST_FOR_SD = 3  # seeds from which a spread is measured
# SDs of one run's accuracy over seeds: from large test sets that are nearly solved to a few hundred test samples.
_SPREADS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02)


class CellForecast(Plain):
    """One cell: its runs, how many of them are kept already, and the seconds of one (None: not known)."""

    name: str
    parameters: int
    macs: int
    runs: int
    cached: int
    seconds: float | None
    seconds_from: str


class Possible(Plain):
    """What would follow from a spread over seeds; see `Plan`."""

    seed_sd: float
    smallest_effect: float | None
    seeds_for_effect: int | None


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
    plan: Plan


def foresee(
    ablation: Ablation,
    runs_dir: Path,
    *,
    effect: float | None = None,
    workers: int = 1,
    measure: Callable[[ExperimentPlan], float] | None = None,
) -> Forecast:
    """Forecast an ablation. `effect` is in the metric's own unit; raises `UsageError` for one that is no difference."""
    if effect is not None and not 0 < abs(effect) < float("inf"):
        raise UsageError(f"--effect {effect:g}: give a difference other than 0, in the metric's own unit")
    kept = kept_runs(runs_dir)
    plans = {cell.name: plan_experiment(cell.spec) for cell in ablation.cells}
    mine = {name: _runs_of(plan, kept) for name, plan in plans.items()}
    known: dict[str, tuple[float, str]] = {}
    for cell in ablation.cells:
        key = experiment_key(plans[cell.name])
        if key not in known and (found := _seconds(plans[cell.name], mine[cell.name], workers, measure)):
            known[key] = found
    known = _by_work(plans, known)
    cells = []
    for cell in ablation.cells:
        seeds = {one.seed for one in mine[cell.name]}
        seconds, source = known.get(experiment_key(plans[cell.name]), (None, ""))
        cells.append(_cell(cell, sum(seed in seeds for seed in cell.run_seeds), seconds, source))
    spread, ci95, spread_from = _seed_sd(ablation, mine[ablation.cells[0].name])
    left = [(one.runs - one.cached, one.seconds) for one in cells]
    total = None
    if all(seconds is not None or not count for count, seconds in left):
        total = sum(count * (seconds or 0.0) for count, seconds in left) / max(1, workers)
    runs, cached = sum(one.runs for one in cells), sum(one.cached for one in cells)
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
        plan=promise(ablation, spread, effect),
    )


def with_measured_spread(ablation: Ablation, runs_dir: Path) -> Ablation:
    """Plan with the spread over seeds that kept runs of the baseline have, where there are enough of them."""
    kept = _runs_of(plan_experiment(ablation.cells[0].spec), kept_runs(runs_dir))
    spread, _, _ = _seed_sd(ablation, kept)
    if ablation.plan is None or spread is None or spread == ablation.plan.seed_sd:
        return ablation
    return ablation.model_copy(update={"plan": promise(ablation, spread)})


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
    plan: ExperimentPlan, kept: list[Kept], workers: int, measure: Callable[[ExperimentPlan], float] | None
) -> tuple[float, str] | None:
    """Take what kept runs took. Several workers have one thread each: a run with more did the work of so many."""
    took = [
        float(one.result["seconds"])
        * (one.result["environment"]["threads"] if workers > 1 and one.device == "cpu" else 1)
        for one in kept
        if one.result.get("status") == "completed"
    ]
    if took:
        return intervals.mean(took), f"{len(took)} kept runs"
    return (measure(plan), "timed batches") if measure is not None else None


def _by_work(
    plans: Mapping[str, ExperimentPlan], known: Mapping[str, tuple[float, str]]
) -> dict[str, tuple[float, str]]:
    """Estimate the cells that nothing is known of from those that took time, by their multiply-accumulates."""
    by_key = {experiment_key(plan): plan for plan in plans.values()}
    rates = [seconds / _work(by_key[key]) for key, (seconds, _) in known.items()]
    if not rates:
        return {}
    rate = intervals.mean(rates)
    guessed = {key: (rate * _work(plan), "multiply-accumulates") for key, plan in by_key.items()}
    return guessed | dict(known)


def _work(plan: ExperimentPlan) -> float:
    """Count the multiply-accumulates of training, forward passes only: the rest is proportional."""
    samples = training_count(plan.spec.data, plan.facts.train)
    return float(max(1, plan.network.macs) * samples * plan.spec.train.epochs)


def _seed_sd(ablation: Ablation, kept: list[Kept]) -> tuple[float | None, tuple[float, float] | None, str]:
    """Measure the spread of the baseline over seeds, with its 95 % interval, where enough of its runs are kept."""
    metric = ablation.family.metric
    by_seed = {
        one.seed: one.result.get(metric) for one in kept if holds(one.result, one.result.get("spec", {}), metric)
    }
    values = [float(value) for value in by_seed.values() if value is not None]
    if len(values) < LEAST_FOR_SD:
        return None, None, f"not known: {len(values)} of {LEAST_FOR_SD} runs of {ablation.baseline} are kept"
    sd = intervals.standard_deviation(values)
    if not sd:
        return None, None, f"not known: {len(values)} kept seeds of {ablation.baseline} all gave the same value"
    return sd, intervals.spread_interval(values), f"measured on {len(values)} kept seeds of {ablation.baseline}"


def _possible(ablation: Ablation, effect: float | None) -> tuple[Possible, ...]:
    """Say what would follow from each spread of a range."""
    if ablation.family.unit != "points" or ablation.purpose == "screen":
        return ()
    plans = [(spread, promise(ablation, spread, effect)) for spread in _SPREADS]
    return tuple(
        Possible(seed_sd=spread, smallest_effect=plan.smallest_effect, seeds_for_effect=plan.seeds_for_effect)
        for spread, plan in plans
    )


# -- runs that are kept ------------------------------------------------------------------------------------------------


def _runs_of(plan: ExperimentPlan, kept: dict[str, list[Path]]) -> list[Kept]:
    """Read the kept runs of a cell; the device and engine of its spec, where it names them, must be theirs."""
    train = plan.spec.train
    found = []
    for one in read_kept(kept.get(experiment_key(plan), [])):
        fits_device = train.device in ("auto", one.device)
        fits_engine = train.engine in ("auto", one.engine)
        if fits_device and fits_engine:
            found.append(one)
    return found
