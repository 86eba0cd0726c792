"""`archsearch ablate`: which change mattered, and is it more than noise?"""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsearch.cli import ablation_options, options
from archsearch.cli.another_metric import Another
from archsearch.cli.early import begin_with, nursery_of
from archsearch.cli.elsewhere import AddressOption, Elsewhere, OnOption, OnOptions, looking
from archsearch.cli.programs import allow_cells, share_gpus, write_program_beside

if TYPE_CHECKING:
    from archsearch.ablate.ablation_file import Declared
    from archsearch.ablate.record import AblationReport


def ablate(
    context: typer.Context,
    study: ablation_options.AblationName = None,
    from_: ablation_options.From = None,
    to: ablation_options.To = None,
    write: Annotated[
        Path | None,
        typer.Option("--write", help="With --from and --to, or --command: write the files to edit, and run nothing."),
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
    gpus: options.GpusOption = None,
    artifacts: options.ArtifactsOption = None,
    design: ablation_options.DesignOption = None,
    seeds: ablation_options.SeedsOption = None,
    control: ablation_options.Control = False,
    screen: ablation_options.ScreenOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run, as `archsearch plan`.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.0, help="Take no new run after so many seconds.")
    ] = None,
    workers: Annotated[str, typer.Option("--workers", help="Processes, one thread each; auto: one per core.")] = "auto",
    on: OnOption = None,
    address: AddressOption = None,
    on_option: OnOptions = None,
    storage: options.StorageOption = None,
    name: Annotated[str | None, typer.Option("--name", help="The study's name, if not the file's.")] = None,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    log: options.Log = None,
    form: Annotated[
        ablation_options.EffectsFormat, typer.Option("--format", help="How the effects are printed.")
    ] = ablation_options.EffectsFormat.text,
    json: options.Json = False,
) -> None:
    """Compare changes with a baseline on the same seeds, and say which one mattered. Called again, it goes on.

    Examples:  archsearch ablate documented      archsearch ablate --from lenet5 --to lenet_best --dry-run
               archsearch ablate documented --metric f1_macro      (when it has run: by another metric)
               archsearch ablate --command 'python train.py --seed {seed} --norm {norm}' --baseline norm=batch
                 --factor norm=layer,none --metric 'acc:last:acc=(\\S+)'
    """
    from archsearch.cli.logged import check_log, log_at_end

    check_log(log)
    asked = Another.asked(study, command, metric, maximize, minimize)
    elsewhere = Elsewhere(on, address, on_option, workers)
    jobs = "" if write or dry_run or asked else "archsearch.ablate.jobs"
    nursery = nursery_of(context, jobs, elsewhere, storage, runs_dir)  # before what this process imports itself

    from archsearch.ablate.planned import plan_ablation
    from archsearch.cli import console
    from archsearch.cli.report import write_at_end
    from archsearch.errors import NothingCompletedError

    if asked is not None:
        asked.refuse_beside(
            design=design, seeds=seeds, control=control, screen=screen, margin=margin, write=write, on=on
        )
        report = asked.report(name, storage, runs_dir, once=trust)
        _print(report, form, json=json)
        return
    line = ablation_options.Line(command, baseline, factor, metric, maximize, minimize, folder, margin)
    declared = ablation_options.declared_by(
        study,
        from_,
        to,
        line=line,
        name=name,
        command="ablate",
        design=design,
        seeds=seeds,
        control=control,
        screen=screen,
    )
    begin_with(nursery, declared.kind.name)
    planned = plan_ablation(declared)  # before it is written: what is written can be run
    if write is not None:
        _write(declared, write)
        return
    if dry_run:
        from archsearch.cli.plan import show_plan

        show_plan(planned, None, runs_dir, calibrate=True, workers=options.workers(workers), json=json)
        return
    called = name or planned.name
    if elsewhere.printed_job(called, artifacts, gpus):
        return
    allow_cells(planned, study, trust)
    share_gpus(gpus)
    console.note_plan(planned)

    from archsearch.ablate.ablation import ablate as run
    from archsearch.ablate.forecast import with_measured_spread
    from archsearch.study.lifecycle import Settings

    settings = Settings(
        seconds=timeout if timeout is not None else math.inf,
        workers=elsewhere.count(),
        storage=storage,
        name=name,
        runs_dir=runs_dir,
        data_dir=data_dir,
        elsewhere=on is not None,
        artifacts=artifacts,
    )
    with elsewhere.placed(settings, called) as check, console.AblationPanel(called, planned.runs) as panel:
        report = run(with_measured_spread(planned, runs_dir), settings, looking(panel.look, check), nursery)
    _note(report, storage, runs_dir)
    _print(report, form, json=json)
    log_at_end(log, report.study, settings.url)
    write_at_end("ablation", report.study, storage, runs_dir, data_dir, artifacts, nursery)
    if not report.runs.completed:
        raise NothingCompletedError(f"{report.study}: no run completed")


def _print(report: AblationReport, form: ablation_options.EffectsFormat, *, json: bool) -> None:
    from archsearch.cli import console

    if json or form == ablation_options.EffectsFormat.json:
        console.print_json(report.model_dump(mode="json"))
    elif form == ablation_options.EffectsFormat.text:
        console.print_ablation(report)
    else:
        from archsearch.ablate.table import effects_table

        print(effects_table(report, form.value), end="")


def _write(declared: Declared, path: Path) -> None:
    from archsearch.ablate.write import ablation_yaml
    from archsearch.cli import console
    from archsearch.errors import UsageError
    from archsearch.files import write_whole

    if path.exists():
        raise UsageError(f"--write: {path} exists; choose another file")
    if declared.kind.name == "program":
        declared = _with_program_file(declared, path)
    write_whole(path, ablation_yaml(declared, path).encode())
    console.note(f"wrote {path}; edit it, then: archsearch ablate {shlex.quote(str(path))}")


def _with_program_file(declared: Declared, path: Path) -> Declared:
    """Write the program beside the ablation's file, and give the ablation with that file as its baseline."""
    from dataclasses import replace

    beside = write_program_beside(declared.baseline, path)
    return replace(declared, spec=declared.spec.model_copy(update={"baseline": str(beside)}))


def _note(report: AblationReport, storage: str | None, runs_dir: Path) -> None:
    """Leave the verdicts in the storage as the study's note, where the dashboard is installed."""
    from archsearch.report.dashboard import note_verdicts
    from archsearch.study.dashboard import is_installed
    from archsearch.study.lifecycle import study_there
    from archsearch.study.storage import default_url, open_storage

    study = study_there(report.study, open_storage(storage or default_url(runs_dir)), "ablation")
    if study is not None and is_installed():
        note_verdicts(study, report)
