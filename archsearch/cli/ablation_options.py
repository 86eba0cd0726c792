"""What `archsearch ablate`, `plan` and `compare` have in common: their options, and the ablation that these mean.

declared = declared_by("documented", None, None, command="plan", design=None, seeds=5, control=False, screen=False)
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

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

    from archsearch.ablate.ablation_file import changed, load_ablation
    from archsearch.ablate.ablation_spec import DesignName
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
