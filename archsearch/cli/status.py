"""`archsearch status` and `archsearch best`: what studies hold."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsearch.cli import options

if TYPE_CHECKING:
    from archsearch.study.storage import Storage


def status(
    study: Annotated[str | None, typer.Argument(metavar="[STUDY]", help="With --follow: one study only.")] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show what programs write while they run, until all is done.")
    ] = False,
    storage: options.StorageOption = None,
    runs_dir: options.RunsDir = Path("runs"),
    json: options.Json = False,
) -> None:
    """Show every study of a storage: how far it is; the best of a search, the verdicts of an ablation.

    Examples:  archsearch status      archsearch status --follow
    """
    from archsearch.ablate.ablation import all_reports as all_ablations
    from archsearch.cli import console
    from archsearch.cli.follow import follow_runs
    from archsearch.errors import DamagedFileError, UsageError
    from archsearch.search.search import all_reports

    opened = _open(storage, runs_dir)
    if follow:
        if json:
            raise UsageError("--follow prints lines as they come; --json is for one look")
        follow_runs(opened, runs_dir, study)
        return
    if study is not None:
        raise UsageError(f"{study}: one study is shown by archsearch report {study}, or followed with --follow")
    (reports, no_reports), (ablations, no_ablations) = all_reports(opened), all_ablations(opened)
    trouble = no_reports | no_ablations
    if json:
        studies = [console.study_json(report) for report in reports]
        read = [one.model_dump(mode="json") for one in ablations]
        console.print_json({"studies": studies, "ablations": read, "unreadable": trouble})
    else:
        if reports or not (ablations or trouble):
            console.print_status(reports)
        console.print_ablation_status(ablations)
    if trouble:
        raise DamagedFileError("\n".join(_unread(name, why) for name, why in trouble.items()))


def _unread(name: str, why: str) -> str:
    return why if why.startswith(f"the study {name} ") else f"the study {name} cannot be read: {why}"


class Form(StrEnum):
    """How `best` is printed."""

    text = "text"
    yaml = "yaml"


def best(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="The study's name, or its file.")],
    yaml: Annotated[bool, typer.Option("--yaml", help="Print the spec as YAML, ready to run.")] = False,
    storage: options.StorageOption = None,
    runs_dir: options.RunsDir = Path("runs"),
    json: options.Json = False,
) -> None:
    """Show the best network of a study, and whether it was confirmed.

    Example:  archsearch best lenet --yaml > best.yaml
    """
    from archsearch.cli import console
    from archsearch.cli.meant import name_of_study
    from archsearch.errors import NothingCompletedError, UsageError
    from archsearch.kinds import kind_of_spec
    from archsearch.search.search import report_on, winner_spec
    from archsearch.spec.experiment import ExperimentSpec
    from archsearch.spec.text.write import spec_yaml
    from archsearch.study.lifecycle import existing_study, legible

    if json and yaml:
        raise UsageError("--json and --yaml do not go together")
    study = name_of_study(study)
    opened = _open(storage, runs_dir)
    with legible(study):
        report = report_on(existing_study(study, opened), opened)
        spec = winner_spec(report, study)
    if spec is None:
        raise NothingCompletedError(f"{study}: no trial has completed yet")
    if yaml:
        of_network = isinstance(spec, ExperimentSpec)
        command = f"archsearch best {study} --yaml"
        print(spec_yaml(spec, command) if of_network else kind_of_spec(spec).file_of(spec, Path("best.yaml")), end="")
    elif json:
        console.print_json(console.study_json(report)["best"])
    else:
        console.print_study(report, runs_dir)


def _open(storage: str | None, runs_dir: Path) -> Storage:
    from archsearch.study.storage import default_url, open_storage

    options.refuse_without_studies(storage, runs_dir)
    return open_storage(storage or default_url(runs_dir), reading=True)
