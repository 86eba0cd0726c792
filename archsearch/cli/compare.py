"""`archsearch compare`: which of these numbers differ, and is it more than noise?"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsearch.cli import options
from archsearch.cli.ablation_options import EffectsFormat

if TYPE_CHECKING:
    from archsearch.ablate.compare import Compared, Measurements


class UnitName(StrEnum):
    """How the values of a file are read."""

    fraction = "fraction"
    percent = "percent"
    own = "own"


Variant = Annotated[str | None, typer.Option("--variant", metavar="COLUMN", help="The column that names the variant.")]
Factors = Annotated[
    list[str] | None,
    typer.Option("--factor", metavar="COLUMN", help="A factor's column, once for each: main effects, interactions."),
]
SeedColumn = Annotated[str | None, typer.Option("--seed", metavar="COLUMN", help="The column of the seed.")]
ValueColumn = Annotated[str | None, typer.Option("--value", metavar="COLUMN", help="The column of what was measured.")]
UnitOption = Annotated[
    UnitName | None, typer.Option("--unit", help="What the values are, where their column does not say it.")
]
Margin = Annotated[
    float | None,
    typer.Option(
        "--margin",
        min=0.0,
        help="The difference too small to matter, in the unit of the file; 0.1 points for accuracies, else none.",
    ),
]
Minimize = Annotated[bool, typer.Option("--minimize", help="Smaller values are better, as for a loss.")]


def compare(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Rows of runs, or a column per seed or variant: CSV, JSON lines, Parquet; - is stdin."
        ),
    ],
    baseline: Annotated[
        str, typer.Option("--baseline", help="The variant that all others are compared with; of factors their levels.")
    ],
    variant: Variant = None,
    factor: Factors = None,
    seed: SeedColumn = None,
    value: ValueColumn = None,
    unit: UnitOption = None,
    margin: Margin = None,
    alpha: Annotated[float, typer.Option("--alpha", help="The error rate of the whole family.")] = 0.05,
    minimize: Minimize = False,
    screen: Annotated[bool, typer.Option("--screen", help="Exploratory: no p values, no winner.")] = False,
    form: Annotated[EffectsFormat, typer.Option("--format", help="How the verdicts are printed.")] = EffectsFormat.text,
    json: options.Json = False,
) -> None:
    """Compare variants with a baseline, pair by pair of runs with the same seed.

    Examples:  archsearch compare accuracies.csv --baseline lenet5
               archsearch compare runs.csv --factor width --factor act --value test_acc --baseline 32,relu
    """
    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other

    refuse_other(str(file), "table", "compare")
    values = values_meant(file, variant, factor, seed, value, unit, minimize=minimize)
    for line in values.notes:
        console.note(line)
    verdicts = verdicts_of(values, baseline, margin=margin, alpha=alpha, screen=screen)
    if margin is None and values.unit == "own" and not screen:
        console.note(
            "no margin was given: --margin says, in the unit of the file, which difference is too small to matter"
        )
    if json or form == EffectsFormat.json:
        console.print_json(verdicts.model_dump(mode="json"))
    elif form == EffectsFormat.text:
        console.print_verdicts(verdicts)
    else:
        from archsearch.ablate.table import effects_table

        print(effects_table(verdicts, form.value), end="")


def values_meant(
    file: Path,
    variant: str | None,
    factors: list[str] | None,
    seed: str | None,
    value: str | None,
    unit: UnitName | None,
    *,
    minimize: bool,
) -> Measurements:
    """Read a file of numbers as the options say; one factor is a column of variants."""
    from archsearch.ablate.compare import Reading, read_values

    several = tuple(factors or ())
    if len(several) == 1 and variant is None:
        variant, several = several[0], ()
    return read_values(file, Reading(variant, several, seed, value, unit.value if unit else None, minimize))


def verdicts_of(
    values: Measurements, baseline: str, *, margin: float | None, alpha: float = 0.05, screen: bool = False
) -> Compared:
    """Judge the values of a file; raise `UsageError` for an option that is no sensible number."""
    from archsearch.ablate.compare import compare as judge
    from archsearch.errors import UsageError

    if not 0 < alpha < 1:
        raise UsageError(f"--alpha {alpha:g}: give a probability between 0 and 1, such as 0.05")
    if margin is not None and not margin < float("inf"):
        raise UsageError(f"--margin {margin:g}: give a finite number")
    return judge(values, baseline, values.family(margin=margin, alpha=alpha, screen=screen))
