"""`archsearch confirm`: is the winner of a search real?"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options
from archsearch.cli.elsewhere import AddressOption, Elsewhere, OnOption, OnOptions, looking
from archsearch.cli.programs import allow_own, allow_programs, share_gpus, watched_functions


def confirm(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="A search that is done: its name, or its file.")],
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", min=2, help="Go on to the look with so many seeds in all; else to the next one."),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.0, help="Take no new run after so many seconds.")
    ] = None,
    workers: Annotated[str, typer.Option("--workers", help="Processes, one thread each; auto: one per core.")] = "auto",
    on: OnOption = None,
    address: AddressOption = None,
    on_option: OnOptions = None,
    trust: options.TrustOption = False,
    gpus: options.GpusOption = None,
    artifacts: options.ArtifactsOption = None,
    storage: options.StorageOption = None,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Go on with the race of a search's finalists, on more fresh seeds: what was not known yet may be settled.

    The looks at it were declared when it began, so that its error stays below 5 % however often it goes on.

    Examples:  archsearch confirm lenet      archsearch confirm lenet --seeds 18
    """
    from archsearch.cli import console
    from archsearch.cli.meant import name_of_study
    from archsearch.cli.report import write_at_end
    from archsearch.program.program_spec import ProgramSpec
    from archsearch.search.confirm_more import confirm_more
    from archsearch.search.jobs import held_search
    from archsearch.search.search import SearchSettings
    from archsearch.study.held import HeldStudy
    from archsearch.study.lifecycle import existing_study, legible
    from archsearch.study.storage import open_storage

    elsewhere = Elsewhere(on, address, on_option, workers)
    name = name_of_study(study)
    if elsewhere.printed_job(name, artifacts, gpus):
        return
    settings = SearchSettings(
        seconds=timeout if timeout is not None else math.inf,
        workers=elsewhere.count(),
        storage=storage,
        runs_dir=runs_dir,
        data_dir=data_dir,
        elsewhere=on is not None,
        artifacts=artifacts,
    )
    options.refuse_without_studies(storage, runs_dir)
    opened_storage = open_storage(settings.url)
    with legible(name):
        opened = existing_study(name, opened_storage)
        searched = held_search(HeldStudy(opened))
    share_gpus(gpus)
    if isinstance(searched.space.base, ProgramSpec):
        allow_programs([searched.space.base], None, trust)
    allow_own(watched_functions([searched.space.base]), trust)
    with elsewhere.placed(settings, name) as check, console.StudyPanel(name) as panel:
        report = confirm_more(searched, opened, opened_storage, settings, seeds, looking(panel.look, check))
    if json:
        console.print_json(console.study_json(report))
    else:
        console.print_study(report, runs_dir)
    write_at_end("confirmation", name, storage, runs_dir, data_dir, artifacts)
