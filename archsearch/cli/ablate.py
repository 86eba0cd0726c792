"""`archsearch ablate`: which change mattered, and is it more than noise?"""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsearch.cli import options

if TYPE_CHECKING:
    from archsearch.ablate.ablation_file import Declared


class Form(StrEnum):
    """How the table of effects is printed."""

    text = "text"
    md = "md"
    tex = "tex"
    csv = "csv"
    json = "json"


Study = Annotated[str | None, typer.Argument(metavar="[STUDY]", help="An ablation: a name or a file.")]
From = Annotated[str | None, typer.Option("--from", metavar="A", help="Ask what leads from this spec ...")]
To = Annotated[str | None, typer.Option("--to", metavar="B", help="... to this one; no file is needed.")]
Design = Annotated[str | None, typer.Option("--design", help="The design, if not the file's.")]
Seeds = Annotated[int | None, typer.Option("--seeds", min=1, help="How many seeds, if not as the file says.")]
Control = Annotated[bool, typer.Option("--control", help="Compare the baseline with itself on other seeds, too.")]
Screen = Annotated[bool, typer.Option("--screen", help="Exploratory: few seeds, no p values, no winner.")]


def ablate(
    study: Study = None,
    from_: From = None,
    to: To = None,
    write: Annotated[
        Path | None, typer.Option("--write", help="With --from and --to: write the study to edit, and run nothing.")
    ] = None,
    design: Design = None,
    seeds: Seeds = None,
    control: Control = False,
    screen: Screen = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run, as `archsearch plan`.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.0, help="Take no new run after so many seconds.")
    ] = None,
    workers: Annotated[str, typer.Option("--workers", help="Processes, one thread each; auto: one per core.")] = "auto",
    storage: options.Storage = None,
    name: Annotated[str | None, typer.Option("--name", help="The study's name, if not the file's.")] = None,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    form: Annotated[Form, typer.Option("--format", help="How the effects are printed.")] = Form.text,
    json: options.Json = False,
) -> None:
    """Compare changes with a baseline on the same seeds, and say which one mattered. Called again, it goes on.

    Examples:  archsearch ablate documented      archsearch ablate --from lenet5 --to lenet_best --dry-run
    """
    from archsearch.ablate.planned import plan_ablation
    from archsearch.cli import console
    from archsearch.cli.report import write_at_end
    from archsearch.errors import NothingCompletedError

    declared = declared_by(
        study, from_, to, command="ablate", design=design, seeds=seeds, control=control, screen=screen
    )
    if write is not None:
        _write(declared, write)
        return
    planned = plan_ablation(declared)
    if dry_run:
        from archsearch.cli.plan import show_plan

        show_plan(planned, None, runs_dir, calibrate=True, workers=options.workers(workers), json=json)
        return
    console.note_plan(planned)

    from archsearch.ablate.ablation import ablate as run
    from archsearch.ablate.forecast import with_measured_spread
    from archsearch.study.lifecycle import Settings
    from archsearch.study.pool import worker_count

    settings = Settings(
        seconds=timeout if timeout is not None else math.inf,
        workers=worker_count(options.workers(workers)),
        storage=storage,
        name=name,
        runs_dir=runs_dir,
        data_dir=data_dir,
    )
    with console.AblationPanel(name or planned.name, planned.runs) as panel:
        report = run(with_measured_spread(planned, runs_dir), settings, panel.look)
    if json or form == Form.json:
        console.print_json(report.model_dump(mode="json"))
    elif form == Form.text:
        console.print_ablation(report)
    else:
        from archsearch.ablate.table import effects_table

        print(effects_table(report, form.value), end="")
    write_at_end("ablation", report.study, storage, runs_dir, data_dir)
    if not report.runs.completed:
        raise NothingCompletedError(f"{report.study}: no run completed")


def declared_by(
    study: str | None,
    from_: str | None,
    to: str | None,
    *,
    command: str,
    design: str | None,
    seeds: int | None,
    control: bool,
    screen: bool,
) -> Declared:
    """Read the ablation that the arguments mean, with what the options change of it."""
    from typing import get_args

    from archsearch.ablate.ablation_file import DesignName, changed, load_ablation
    from archsearch.ablate.between import between, declare_between
    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other
    from archsearch.errors import UsageError
    from archsearch.spec.text.sentences import unknown

    if design is not None and design not in get_args(DesignName):
        raise UsageError(f"--design: {unknown('design', design, get_args(DesignName))}")
    if (from_ is None) != (to is None):
        raise UsageError("--from and --to go together: two specs, names or files")
    if (study is None) == (from_ is None):
        raise UsageError("give an ablation (see `archsearch list`), or two specs with --from and --to")
    if from_ is not None and to is not None:
        for end in (from_, to):
            refuse_other(end, "spec", command)
        declared = declare_between(from_, to, design)
        console.note_factors(between(from_, to))
    else:
        refuse_other(study or "", "ablation", command)
        declared = load_ablation(study or "")
    return changed(declared, design=design, seeds=seeds, control=control, screen=screen)


def _write(declared: Declared, path: Path) -> None:
    from archsearch.ablate.write import ablation_yaml
    from archsearch.cli import console
    from archsearch.errors import UsageError
    from archsearch.files import write_whole

    if path.exists():
        raise UsageError(f"--write: {path} exists; choose another file")
    write_whole(path, ablation_yaml(declared, path).encode())
    console.note(f"wrote {path}; edit it, then: archsearch ablate {path}")
