"""What `archsearch ablate`, `plan` and `compare` have in common: their options, and the ablation that these mean.

declared = declared_by("documented", None, None, command="plan", design=None, seeds=5, control=False, screen=False)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from archsearch.cli.programs import CommandLine

if TYPE_CHECKING:
    from archsearch.ablate.ablation_file import Declared


class EffectsFormat(StrEnum):
    """How the table of effects is printed."""

    text = "text"
    md = "md"
    tex = "tex"
    csv = "csv"
    json = "json"


AblationName = Annotated[str | None, typer.Argument(metavar="[STUDY]", help="An ablation: a name or a file.")]
From = Annotated[str | None, typer.Option("--from", metavar="A", help="Ask what leads from this spec ...")]
To = Annotated[str | None, typer.Option("--to", metavar="B", help="... to this one; no file is needed.")]
DesignOption = Annotated[str | None, typer.Option("--design", help="The design, if not the file's.")]
SeedsOption = Annotated[int | None, typer.Option("--seeds", min=1, help="How many seeds, if not as the file says.")]
Control = Annotated[bool, typer.Option("--control", help="Compare the baseline with itself on other seeds, too.")]
ScreenOption = Annotated[bool, typer.Option("--screen", help="Exploratory: few seeds, no p values, no winner.")]


CommandOption = Annotated[
    str | None,
    typer.Option("--command", metavar="'...'", help="A program and its arguments, {seed} and values in braces."),
]
BaselineValues = Annotated[
    list[str] | None, typer.Option("--baseline", metavar="NAME=VALUE", help="With --command: a value, once for each.")
]
FactorLevels = Annotated[
    list[str] | None,
    typer.Option("--factor", metavar="NAME=VALUE,...", help="With --command: what a value is changed to."),
]
MetricSources = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        metavar="NAME:HOW",
        help="Of a finished study: judge its runs again by this metric. With --command: NAME:last:PATTERN, "
        "NAME:json:FILE:KEY, NAME:csv:FILE:COLUMN (of percentages NAME:percent:last:PATTERN), seconds, peak_memory.",
    ),
]
MaximizeMetric = Annotated[
    str | None, typer.Option("--maximize", metavar="METRIC", help="With --command: more is better.")
]
MinimizeMetric = Annotated[
    str | None, typer.Option("--minimize", metavar="METRIC", help="With --command: less is better.")
]
FolderOption = Annotated[str | None, typer.Option("--folder", help="With --command: where it runs, by default here.")]
MarginOption = Annotated[
    float | None, typer.Option("--margin", min=0.0, help="With --command: the difference too small to matter.")
]


@dataclass(frozen=True, slots=True)
class Line(CommandLine):
    """A program in one line: what the options `--command`, `--baseline`, `--factor`, `--metric` ... say."""

    baseline: list[str] | None = None
    factor: list[str] | None = None
    metric: list[str] | None = None
    maximize: str | None = None
    minimize: str | None = None
    folder: str | None = None
    margin: float | None = None

    def declared(self, name: str | None) -> Declared:
        """Declare the ablation; raise `UsageError` for an option that is not written so."""
        from pathlib import Path

        from archsearch.ablate.without_file import declare_levels, levels_of_values
        from archsearch.errors import UsageError
        from archsearch.program.from_command import from_command, read_values

        assert self.command is not None
        if not self.factor:
            raise UsageError("--command needs what to compare: --factor NAME=VALUE, once for each factor")
        spec = from_command(
            self.command,
            read_values("--baseline", self.baseline or ()),
            self.metric or (),
            folder=self.folder,
            maximize=self.maximize,
            minimize=self.minimize,
        )
        factors = levels_of_values(read_values("--factor", self.factor, several=True))
        name = name or "-".join((spec.name, *factors))[:100]
        return declare_levels(spec, factors, name=name, margin=self.margin, folder=Path.cwd())


def declared_by(
    study: str | None,
    from_: str | None,
    to: str | None,
    *,
    line: Line | None = None,
    name: str | None = None,
    command: str,
    design: str | None,
    seeds: int | None,
    control: bool,
    screen: bool,
) -> Declared:
    """Read the ablation that the arguments mean, with what the options change of it."""
    from typing import get_args

    from archsearch.ablate.ablation_file import changed, load_ablation
    from archsearch.ablate.ablation_spec import DesignName
    from archsearch.ablate.between import between, declare_between
    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other
    from archsearch.cli.programs import is_program_file
    from archsearch.errors import UsageError
    from archsearch.spec.text.sentences import unknown

    if design is not None and design not in get_args(DesignName):
        raise UsageError(f"--design: {unknown('design', design, get_args(DesignName))}")
    line = line or Line()
    line.refuse_without_command()
    if line.command is not None:
        if study is not None or from_ is not None or to is not None:
            raise UsageError("--command stands for the file: give one of them")
        return changed(line.declared(name), design=design, seeds=seeds, control=control, screen=screen)
    if (from_ is None) != (to is None):
        raise UsageError("--from and --to go together: two specs, names or files")
    if (study is None) == (from_ is None):
        raise UsageError("give an ablation (see `archsearch list`), or two specs with --from and --to")
    if from_ is not None and to is not None:
        for end in (from_, to):
            refuse_other(end, "spec", command)
            if is_program_file(end):
                raise UsageError(
                    f"{end} is a program; --from and --to take networks apart, so write a file with what changes as "
                    f"levels: set: {{values.NAME: ...}} (archsearch init, or {command} --command ... --write FILE)"
                )
        declared = declare_between(from_, to, design)
        console.note_factors(between(from_, to))
    else:
        refuse_other(study or "", "ablation", command)
        declared = load_ablation(study or "")
    return changed(declared, design=design, seeds=seeds, control=control, screen=screen)
