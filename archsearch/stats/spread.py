"""Each variant by itself, as a table of results has it: mean and SD of its runs.

    [spread_text(one, family) for one in spreads(values)]        # "97.44 ± 0.31", "0.351 ± 0.012"

It says how a variant does; whether two differ is a question of pairs (`verdict.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from archsearch.stats import intervals
from archsearch.stats.effect import Family, Seed, Spread


def spreads(values: Mapping[str, Mapping[Seed, float | None]]) -> tuple[Spread, ...]:
    """Give mean and SD of every variant over all its completed runs, those without a partner too."""
    found = []
    for variant, runs in values.items():
        kept = [value for value in runs.values() if value is not None and math.isfinite(value)]
        found.append(
            Spread(
                variant=variant,
                n=len(kept),
                failed=len(runs) - len(kept),
                mean=intervals.mean(kept) if kept else None,
                sd=intervals.standard_deviation(kept) if len(kept) >= 2 else None,
            )
        )
    return tuple(found)


def spread_heading(family: Family) -> str:
    """Name the column of means and SDs with its unit."""
    return "mean ± SD (%)" if family.unit == "points" else "mean ± SD"


def spread_text(spread: Spread, family: Family) -> str:
    """Write mean ± SD: fractions in per cent with two decimals, else as far as two digits of the SD go."""
    if spread.mean is None:
        return ""
    if family.unit == "points":
        mean, form = 100 * spread.mean, ".2f"
        sd = None if spread.sd is None else 100 * spread.sd
    else:
        mean, sd, form = spread.mean, spread.sd, ".4g"
        if sd and -6 < (size := int(f"{sd:.1e}".partition("e")[2])) < 15:
            form = f",.{max(0, 1 - size)}f"
    return f"{mean:{form}}" + ("" if sd is None else f" ± {sd:{form}}")
