"""`archsearch compare`: which of these numbers differ, and is it more than noise?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsearch.cli import options


def compare(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Columns variant, seed, value; one row per run.")],
    baseline: Annotated[str, typer.Option("--baseline", help="The variant that all others are compared with.")],
    margin: Annotated[
        float, typer.Option("--margin", min=0.0, help="The difference too small to matter, in the unit of the file.")
    ] = 0.001,
    alpha: Annotated[float, typer.Option("--alpha", help="The error rate of the whole family.")] = 0.05,
    minimize: Annotated[bool, typer.Option("--minimize", help="Smaller values are better, as for a loss.")] = False,
    screen: Annotated[bool, typer.Option("--screen", help="Exploratory: no p values, no winner.")] = False,
    json: options.Json = False,
) -> None:
    """Compare variants with a baseline, pair by pair of runs with the same seed.

    Example:  archsearch compare accuracies.csv --baseline lenet5
    """
    from archsearch.ablate.compare import compare as judge
    from archsearch.ablate.compare import read_values
    from archsearch.cli import console
    from archsearch.errors import UsageError
    from archsearch.stats.effect import Family

    if not 0 < alpha < 1:
        raise UsageError(f"--alpha {alpha:g}: give a probability between 0 and 1, such as 0.05")
    if not margin < float("inf"):
        raise UsageError(f"--margin {margin:g}: give a finite number")
    values = read_values(file)
    family = Family(
        metric="value",
        direction="minimize" if minimize else "maximize",
        alpha=alpha,
        margin=margin,
        screen=screen,
        unit=values.unit,
    )
    verdicts = judge(values, baseline, family)
    if json:
        console.print_json(verdicts.model_dump(mode="json"))
    else:
        console.print_verdicts(verdicts)
