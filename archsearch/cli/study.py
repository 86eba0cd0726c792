"""`archsearch study`: search."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options


def study(
    study: Annotated[str, typer.Argument(metavar="[STUDY]", help="A study: a name or a file.")] = "lenet",
    trials: Annotated[int | None, typer.Option("--trials", min=1, help="How many trials in all.")] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.0, help="Take no new trial after so many seconds.")
    ] = None,
    workers: Annotated[str, typer.Option("--workers", help="Processes, one thread each; auto: one per core.")] = "auto",
    storage: options.Storage = None,
    name: Annotated[str | None, typer.Option("--name", help="The study's name, if not the file's.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The seed of the sampling.")] = 0,
    sampler: Annotated[str | None, typer.Option("--sampler", help="How to sample, if not as the study says.")] = None,
    confirm: Annotated[
        int | None, typer.Option("--confirm", min=0, help="How many of the best to train again on fresh seeds.")
    ] = None,
    confirm_seeds: Annotated[int | None, typer.Option("--confirm-seeds", min=2, help="On how many.")] = None,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Search around a network: sample, train, keep the best, confirm it on fresh seeds. Called again, it goes on.

    Examples:  archsearch study --trials 50      archsearch study digits --workers 2
    """
    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other
    from archsearch.cli.report import write_at_end
    from archsearch.errors import NothingCompletedError, UsageError
    from archsearch.search.search_file import load_study

    refuse_other(study, "search", "study")
    loaded = load_study(study)
    if loaded.note:
        console.note(loaded.note)

    from archsearch.experiment_plan import plan_experiment
    from archsearch.search.sampling.samplers import SAMPLERS
    from archsearch.search.search import Settings, choose_sampler, search, winner_spec
    from archsearch.spec.lint.rules import lint
    from archsearch.spec.text.sentences import unknown
    from archsearch.study.pool import worker_count

    if sampler is not None and sampler not in (*SAMPLERS, "auto"):
        raise UsageError(f"--sampler: {unknown('sampler', sampler, ['auto', *SAMPLERS])}")
    total = trials or loaded.spec.trials
    if (sampler or loaded.spec.sampler) == "auto":
        console.note("sampler {}: {}".format(*choose_sampler(loaded, total)))
    settings = Settings(
        trials=trials,
        seconds=timeout if timeout is not None else math.inf,
        workers=worker_count(options.workers(workers)),
        storage=storage,
        name=name,
        seed=seed,
        sampler=sampler,
        confirm=confirm,
        confirm_seeds=confirm_seeds,
        runs_dir=runs_dir,
        data_dir=data_dir,
    )
    with console.StudyPanel(loaded.spec.name) as panel:
        report = search(loaded, settings, panel.look)
    if json:
        console.print_json(console.study_json(report))
    else:
        console.print_study(report, runs_dir)
    best = winner_spec(report, report.study)
    looked_at = plan_experiment(best or loaded.space.base)
    where = str(runs_dir / report.study / "best.yaml") if best else loaded.space.base.name
    console.note_lint(where, lint(looked_at.spec, looked_at.network, searched=True))
    write_at_end("study", report.study, storage, runs_dir, data_dir)
    if report.best is None:
        raise NothingCompletedError(f"{report.study}: no trial completed")
