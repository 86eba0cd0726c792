"""`archsearch plan`: what will an ablation take, and what can it show?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsearch.cli import ablation_options, options
from archsearch.cli.programs import allow_cells

if TYPE_CHECKING:
    from archsearch.ablate.planned import Ablation
    from archsearch.experiment import Experiment


def plan(
    study: ablation_options.AblationName = None,
    from_: ablation_options.From = None,
    to: ablation_options.To = None,
    effect: Annotated[
        float | None,
        typer.Option("--effect", help="Say how many seeds find this difference; percentage points for accuracies."),
    ] = None,
    command: ablation_options.CommandOption = None,
    baseline: ablation_options.BaselineValues = None,
    factor: ablation_options.FactorLevels = None,
    metric: ablation_options.MetricSources = None,
    maximize: ablation_options.MaximizeMetric = None,
    minimize: ablation_options.MinimizeMetric = None,
    folder: ablation_options.FolderOption = None,
    margin: ablation_options.MarginOption = None,
    trust: options.TrustOption = False,
    design: ablation_options.DesignOption = None,
    seeds: ablation_options.SeedsOption = None,
    control: ablation_options.Control = False,
    screen: ablation_options.ScreenOption = False,
    calibrate: Annotated[
        bool, typer.Option("--calibrate/--no-calibrate", help="Time a few batches of cells that never ran here.")
    ] = True,
    pilot: Annotated[
        bool, typer.Option("--pilot", help="Train three runs of the baseline first: how far do its seeds spread?")
    ] = False,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Of a finished study: which metric sees the same effect with fewer seeds?")
    ] = False,
    storage: options.StorageOption = None,
    workers: Annotated[str, typer.Option("--workers", help="Processes, one thread each; auto: one per core.")] = "auto",
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Plan an ablation: cells, runs, time, the smallest effect that can be found. Only --pilot trains.

    Examples:  archsearch plan documented --effect 0.1      archsearch plan --from lenet5 --to lenet_best --pilot
               archsearch plan documented --metrics
    """
    from archsearch.ablate.planned import plan_ablation

    if metrics:
        _show_metrics(study, storage, runs_dir, json=json)
        return
    line = ablation_options.Line(command, baseline, factor, metric, maximize, minimize, folder, margin)
    declared = ablation_options.declared_by(
        study,
        from_,
        to,
        line=line,
        command="plan",
        design=design,
        seeds=seeds,
        control=control,
        screen=screen,
    )
    planned = plan_ablation(declared)
    if pilot:
        allow_cells(planned, study, trust)
        _pilot(planned, runs_dir, data_dir)
    show_plan(planned, effect, runs_dir, calibrate=calibrate, workers=options.workers(workers), json=json)


def _show_metrics(study: str | None, storage: str | None, runs_dir: Path, *, json: bool) -> None:
    """Compare the metrics of an ablation that has run."""
    from archsearch.ablate.sensitivity import sensitivity
    from archsearch.cli import console
    from archsearch.cli.another_metric import finished_ablation
    from archsearch.errors import UsageError

    if study is None:
        raise UsageError("--metrics needs the name of an ablation that has run (archsearch status)")
    found = sensitivity(finished_ablation(study, storage, runs_dir, "--metrics"), runs_dir)
    if json:
        console.print_json(found.model_dump(mode="json"))
    else:
        console.print_sensitivity(found)


def _pilot(planned: Ablation, runs_dir: Path, data_dir: Path | None) -> None:
    """Train the first runs of the baseline, or find them in the cache."""
    from archsearch.ablate.pilot import pilot_seeds, run_pilot
    from archsearch.cli import console

    seeds = pilot_seeds(planned)
    baseline = planned.kind.plan(planned.cells[0].spec)
    said = ", ".join(map(str, seeds))
    console.note(f"pilot: {planned.baseline} with the seeds {said}, runs that the ablation finds in the cache")
    for seed in seeds:
        with console.RunBar(baseline, seed) as watch:
            run_pilot(planned, seed, runs_dir, data_dir, watch)


def show_plan(
    planned: Ablation, effect: float | None, runs_dir: Path, *, calibrate: bool, workers: int | None, json: bool
) -> None:
    """Forecast a planned ablation and print it; `effect` as on the command line."""
    import os

    from archsearch.ablate.forecast import foresee
    from archsearch.cli import console

    count = workers or os.cpu_count() or 1

    def measure(experiment: Experiment) -> float | None:
        from archsearch.experiment_plan import ExperimentPlan

        if not isinstance(experiment, ExperimentPlan):
            return None  # a program is timed by its own runs only
        from archsearch.train.calibrate import seconds_of_run

        console.note(f"timing a few batches of {experiment.name} ...")
        return seconds_of_run(experiment, threads=1 if count > 1 else None)

    if effect is not None and planned.family.unit == "points":
        effect /= 100
    forecast = foresee(planned, runs_dir, effect=effect, workers=count, measure=measure if calibrate else None)
    if json:
        console.print_json(forecast.model_dump(mode="json"))
    else:
        console.note_plan(planned)
        console.print_forecast(forecast, planned)
