"""`archsearch compare`: which of these numbers differ, and is it more than noise?"""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from archsearch.cli import options
from archsearch.cli.ablation_options import EffectsFormat

if TYPE_CHECKING:
    from archsearch.ablate.compare import Compared, Measurements


class TakeName(StrEnum):
    """Which value of a history stands for its run."""

    last = "last"
    max = "max"
    min = "min"


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
SeedColumn = Annotated[
    str | None, typer.Option("--seed", "--pair", metavar="COLUMN", help="The column or setting of the seed.")
]
ValueColumn = Annotated[
    str | None,
    typer.Option("--value", "--metric", metavar="COLUMN", help="The column, or metric, of what was measured."),
]
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
TakeOption = Annotated[
    TakeName | None,
    typer.Option("--take", help="Of tracked runs: which value of a metric stands for a run; else last."),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="NAME=VALUE", help="Of tracked runs: only those with this setting (again for more)."
    ),
]
RunName = Annotated[
    str | None,
    typer.Option("--run-name", metavar="PATTERN", help="Of tracked runs: settings in names, as '{norm}_s{seed}'."),
]
Newest = Annotated[
    bool, typer.Option("--newest", help="Of tracked runs: the newest of several with the same settings and seed.")
]
Minimize = Annotated[bool, typer.Option("--minimize", help="Smaller values are better, as for a loss.")]


def compare(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE|RUNS",
            help="Rows of runs, or a column per seed or variant: CSV, JSON lines, Parquet; - is stdin. "
            "Or tracked runs: mlflow:EXPERIMENT, tb:DIR, wandb:DIR.",
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
    take: TakeOption = None,
    only: Only = None,
    run_name: RunName = None,
    newest: Newest = False,
    screen: Annotated[bool, typer.Option("--screen", help="Exploratory: no p values, no winner.")] = False,
    form: Annotated[EffectsFormat, typer.Option("--format", help="How the verdicts are printed.")] = EffectsFormat.text,
    json: options.Json = False,
) -> None:
    """Compare variants with a baseline, pair by pair of runs with the same seed.

    Examples:  archsearch compare accuracies.csv --baseline lenet5
               archsearch compare runs.csv --factor width --factor act --baseline 32,relu
               archsearch compare mlflow:mnist --factor norm --metric acc --baseline batch
    """
    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other

    refuse_other(file, "table", "compare")
    told = Told(take, tuple(only or ()), run_name, newest)
    values = values_meant(file, variant, factor, seed, value, unit, minimize=minimize, told=told)
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


class Told(NamedTuple):
    """What the options say that are for tracked runs only."""

    take: TakeName | None = None
    only: tuple[str, ...] = ()
    run_name: str | None = None
    newest: bool = False

    @property
    def words(self) -> list[str]:
        """Write the options, as a report says how it was made."""
        said = [f"--only {shlex.quote(one)}" for one in self.only]
        said += [f"--take {self.take.value}"] if self.take else []
        said += [f"--run-name {shlex.quote(self.run_name)}"] if self.run_name is not None else []
        return said + ["--newest"] * self.newest


_NOTHING = Told()


def values_meant(
    file: str,
    variant: str | None,
    factors: list[str] | None,
    seed: str | None,
    value: str | None,
    unit: UnitName | None,
    *,
    minimize: bool,
    told: Told = _NOTHING,
) -> Measurements:
    """Read a file of numbers, or tracked runs, as the options say; one factor is a column of variants."""
    from archsearch.ablate.compare import Reading, read_values
    from archsearch.ablate.tracked.reading import is_tracked, read_tracked
    from archsearch.ablate.tracked.rows import Tracking
    from archsearch.ablate.tracked.runs import TAKES
    from archsearch.errors import UsageError

    several = tuple(factors or ())
    if len(several) == 1 and variant is None:
        variant, several = several[0], ()
    reading = Reading(variant, several, seed, value, unit.value if unit else None, minimize)
    if is_tracked(file):
        take = told.take or TakeName.last
        return read_tracked(file, reading, Tracking(TAKES[take.value], told.only, told.run_name, told.newest))
    if told != _NOTHING:
        raise UsageError(
            "--take, --only, --run-name and --newest are for tracked runs: mlflow:EXPERIMENT, tb:DIR, wandb:DIR"
        )
    return read_values(Path(file), reading)


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
