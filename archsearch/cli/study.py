"""`archsearch study`: search."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsearch.cli import ablation_options, options, search_line
from archsearch.cli.another_metric import Another
from archsearch.cli.early import begin_with, nursery_of
from archsearch.cli.elsewhere import AddressOption, Elsewhere, OnOption, OnOptions, looking
from archsearch.cli.programs import allow_own, allow_programs, share_gpus, watched_functions

if TYPE_CHECKING:
    from archsearch.experiment import Experiment
    from archsearch.search.search import SearchSettings
    from archsearch.search.search_file import SearchFile

DEFAULT = "lenet"


def study(
    context: typer.Context,
    study: Annotated[
        str | None, typer.Argument(metavar="[STUDY]", help="A study: a name or a file; lenet if none is given.")
    ] = None,
    trials: Annotated[int | None, typer.Option("--trials", min=1, help="How many trials in all.")] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.0, help="Take no new trial after so many seconds.")
    ] = None,
    workers: Annotated[str, typer.Option("--workers", help="Processes, one thread each; auto: one per core.")] = "auto",
    on: OnOption = None,
    address: AddressOption = None,
    on_option: OnOptions = None,
    storage: options.StorageOption = None,
    name: Annotated[str | None, typer.Option("--name", help="The study's name, if not the file's.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The seed of the sampling.")] = 0,
    sampler: Annotated[str | None, typer.Option("--sampler", help="How to sample, if not as the study says.")] = None,
    confirm: Annotated[
        int | None,
        typer.Option("--confirm", min=0, help="How many of the best to train again on fresh seeds."),
    ] = None,
    confirm_seeds: Annotated[
        int | None, typer.Option("--confirm-seeds", min=2, help="On how many, all of them; by default they race.")
    ] = None,
    confirm_budget: Annotated[
        float | None,
        typer.Option(
            "--confirm-budget",
            min=0.0,
            help="What the race may cost, as a share of the search's own work; 1/3 if not given.",
        ),
    ] = None,
    command: ablation_options.CommandOption = None,
    space: search_line.SpaceOption = None,
    baseline: ablation_options.BaselineValues = None,
    metric: ablation_options.MetricSources = None,
    maximize: ablation_options.MaximizeMetric = None,
    minimize: ablation_options.MinimizeMetric = None,
    folder: ablation_options.FolderOption = None,
    write: Annotated[
        Path | None, typer.Option("--write", help="With --command: write the files to edit, and run nothing.")
    ] = None,
    trust: options.TrustOption = False,
    gpus: options.GpusOption = None,
    artifacts: options.ArtifactsOption = None,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    log: options.Log = None,
    json: options.Json = False,
) -> None:
    """Search around a network or a program: sample, run, keep the best, confirm it on fresh seeds. It goes on when
    called again.

    Examples:  archsearch study --trials 50      archsearch study digits --workers 2
               archsearch study --command 'python train.py --seed {seed} --lr {lr}' --space 'lr=float:1e-4..1e-1:log'
                 --metric 'acc:last:acc=(\\S+)'
    """
    from archsearch.cli.logged import check_log, log_at_end

    check_log(log)
    asked = Another.asked(study, command, metric, maximize, minimize)
    elsewhere = Elsewhere(on, address, on_option, workers)
    jobs = "" if write or asked else "archsearch.search.jobs"
    nursery = nursery_of(context, jobs, elsewhere, storage, runs_dir)  # before what this process imports itself

    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other
    from archsearch.cli.report import write_at_end
    from archsearch.errors import NothingCompletedError, UsageError
    from archsearch.program.program_spec import ProgramSpec
    from archsearch.search.search_file import load_study

    if asked is not None:
        asked.refuse_beside(trials=trials, confirm=confirm, space=space, write=write, baseline=baseline, on=on)
        judged = asked.study_report(name, storage, runs_dir, once=trust)
        if json:
            console.print_json(console.study_json(judged))
        else:
            console.print_study(judged, runs_dir)
        return
    reference = study or DEFAULT
    line = search_line.SearchLine(command, space, baseline, metric, maximize, minimize, folder)
    line.refuse_without_command()
    if line.command is not None:
        if study is not None:
            raise UsageError("--command stands for the file: give one of them")
        loaded, reference = line.declared(name, trials), ""
    else:
        if study is not None:
            refuse_other(study, "search", "study")
        loaded = load_study(reference)
    if write is not None:
        search_line.write_files(loaded, write)
        return
    if elsewhere.printed_job(name or loaded.spec.name, artifacts, gpus):
        return
    begin_with(nursery, loaded.kind.name)
    if loaded.note:
        console.note(loaded.note)

    from archsearch.experiment_plan import ExperimentPlan, lint_plan
    from archsearch.search.sampling.samplers import SAMPLERS
    from archsearch.search.search import SearchSettings, search, winner_spec
    from archsearch.search.space.nothing_fits import refuse_where_nothing_fits
    from archsearch.spec.text.sentences import unknown

    if sampler is not None and sampler not in (*SAMPLERS, "auto"):
        raise UsageError(f"--sampler: {unknown('sampler', sampler, ['auto', *SAMPLERS])}")
    if confirm_seeds is not None and confirm_budget is not None:
        raise UsageError("--confirm-seeds gives all the same number of seeds, --confirm-budget is a race's: keep one")
    refuse_where_nothing_fits(loaded, reference)
    share_gpus(gpus)
    settings = SearchSettings(
        trials=trials,
        seconds=timeout if timeout is not None else math.inf,
        workers=elsewhere.count(),
        storage=storage,
        name=name,
        seed=seed,
        sampler=sampler,
        confirm=confirm,
        confirm_seeds=confirm_seeds,
        confirm_budget=confirm_budget,
        runs_dir=runs_dir,
        data_dir=data_dir,
        elsewhere=on is not None,
        artifacts=artifacts,
    )
    if isinstance(loaded.space.base, ProgramSpec):
        allow_programs([loaded.space.base], study, trust)
    planned = loaded.kind.spec_of(loaded.kind.plan(loaded.space.baseline))
    allow_own([*loaded.own, *watched_functions([planned])], trust)
    if not _announced(loaded, settings, bare=study is None and command is None, json=json):
        return
    called = name or loaded.spec.name
    with elsewhere.placed(settings, called) as check, console.StudyPanel(called) as panel:
        report = search(loaded, settings, looking(panel.look, check), nursery)
    if json:
        console.print_json(console.study_json(report))
    else:
        console.print_study(report, runs_dir)
    best = winner_spec(report, report.study)
    looked_at = loaded.kind.plan(best or loaded.space.baseline)
    where = str(runs_dir / report.study / "best.yaml") if best else loaded.space.base.name
    if isinstance(looked_at, ExperimentPlan):
        console.note_lint(where, lint_plan(looked_at, searched=True))
    log_at_end(log, report.study, settings.url)
    write_at_end("study", report.study, storage, runs_dir, data_dir, artifacts, nursery)
    if report.best is None:
        raise NothingCompletedError(f"{report.study}: no trial completed")


def _note_put_aside(loaded: SearchFile) -> None:
    """Say how many configurations do not fit where all are gone through: these are never sampled, nor counted later."""
    from archsearch.cli import console
    from archsearch.search.space.count import EXACT_UP_TO, count_space
    from archsearch.search.space.total import total_of

    if total_of(loaded.space) > EXACT_UP_TO or not (misfits := (counted := count_space(loaded.space)).misfits):
        return
    aside, total = counted.checked - counted.feasible, counted.checked
    often = f"; most often: {misfits[0].reason}" if len(misfits) > 1 else f": {misfits[0].reason}"
    console.note(f"{aside:,} of {total:,} configurations are put aside, as they do not fit{often}")


def _announced(loaded: SearchFile, settings: SearchSettings, *, bare: bool, json: bool) -> bool:
    """Say which sampler is used; where no study was named also what will run and how long, and ask on a terminal."""
    from archsearch.cli import console
    from archsearch.search.outlook import outlook

    def measure(experiment: Experiment) -> float | None:
        from archsearch.experiment_plan import ExperimentPlan

        if not isinstance(experiment, ExperimentPlan):
            return None  # a program is timed by its own runs only
        from archsearch.train.calibrate import seconds_of_run

        return seconds_of_run(experiment, 0.5, threads=1 if settings.workers > 1 else None)

    ahead = outlook(loaded, settings, measure if bare else None)
    wanted = settings.sampler or loaded.spec.sampler
    if wanted == "auto" or wanted != ahead.sampler:
        console.note(f"sampler {ahead.sampler}: {ahead.why}")
    if ahead.sampler == "brute_force":
        _note_put_aside(loaded)
    if not bare:
        return True
    console.note_outlook(loaded, ahead, settings)
    if json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    if typer.confirm("Go on?", default=True, err=True):
        return True
    console.note("nothing was run; `archsearch list` names the studies that there are")
    return False
