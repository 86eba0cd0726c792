"""What the verdicts keep on synthetic differences, measured: false verdicts, power, coverage, the sequential promises.

    python -m tests.stats.simulations            # the table in docs/statistics.md

Differences are those of a shared baseline: runs of every variant and of the baseline are independent normal numbers, so
comparisons of one family are correlated by 0.5, as they are in an ablation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archsearch.stats import power
from archsearch.stats.effect import Family, Seed
from archsearch.stats.intervals import bca_interval, t_interval
from archsearch.stats.sequential import always_valid_interval, follow
from archsearch.stats.verdict import judge
from tests.stats import look_simulations

SD = 0.002  # of one run, 0.2 points


def family_of_runs(
    effects: Sequence[float], seeds: int, dice: np.random.Generator
) -> dict[str, dict[Seed, float | None]]:
    """Draw accuracies of a baseline and of variants whose means differ from it by `effects`, in SDs of a difference."""
    runs = dice.normal(0.97, SD, size=(len(effects) + 1, seeds))
    runs[1:] += SD * 2**0.5 * np.asarray(effects)[:, None]
    return {("base", *map(str, range(len(effects))))[i]: dict(enumerate(row.tolist())) for i, row in enumerate(runs)}


@dataclass(frozen=True)
class Rates:
    """Shares of repeats: a comparison called better or worse, any of a family, and called equivalent."""

    comparison: float
    family: float
    equivalent: float


def verdict_rates(effects: Sequence[float], seeds: int, repeats: int, *, margin: float = 0.001, seed: int = 0) -> Rates:
    """Judge simulated families with the code that judges real ones."""
    dice = np.random.default_rng(seed)
    found = np.zeros((repeats, len(effects)), dtype=int)
    for repeat in range(repeats):
        verdicts = judge(family_of_runs(effects, seeds, dice), "base", Family(margin=margin))
        found[repeat] = [
            {"better": 1, "worse": 1, "equivalent": 2, "inconclusive": 0}[effect.verdict] for effect in verdicts.effects
        ]
    called = found == 1
    return Rates(float(called.mean()), float(called.any(axis=1).mean()), float((found == 2).mean()))


def coverage(seeds: int, repeats: int, *, seed: int = 0) -> tuple[float, float]:
    """Give the shares of t and of BCa intervals that hold the true mean."""
    dice = np.random.default_rng(seed)
    inside = np.zeros(2)
    for row in dice.normal(1.0, 1.0, size=(repeats, seeds)).tolist():
        for index, interval in enumerate((t_interval(row), bca_interval(row))):
            assert interval is not None
            inside[index] += interval[0] <= 1.0 <= interval[1]
    return float(inside[0] / repeats), float(inside[1] / repeats)


def promised_power(seeds: int, comparisons: int, repeats: int, *, seed: int = 0) -> float:
    """Plant the planner's smallest effect in one comparison, among others as hard: how often is it found?

    All comparisons have the effect, and the hardest step of Holm, alpha / comparisons, is what each is held to.
    """
    d = power.smallest_effect(seeds, 1.0, 0.05, comparisons)
    assert d is not None
    dice = np.random.default_rng(seed)
    found = 0
    for row in dice.normal(d, 1.0, size=(repeats, seeds)).tolist():
        table = {"base": dict.fromkeys(range(seeds), 0.0), "level": dict(enumerate(row))}
        verdict = judge(table, "base", Family(alpha=0.05 / comparisons, unit="own", margin=0.0)).effects[0].verdict
        found += verdict == "better"
    return found / repeats


@dataclass(frozen=True)
class SequentialRates:
    """`wrong`: families with any false verdict; `runs`: share of the fixed design's runs; `decided`: of comparisons."""

    wrong: float
    runs: float
    decided: float


def sequential_rates(
    effects: Sequence[float], most_seeds: int, repeats: int, *, margin: float = 0.0, seed: int = 0
) -> SequentialRates:
    """Follow simulated families to their stops; the baseline runs as long as any comparison does.

    `margin` is in SDs of a difference.
    """
    dice = np.random.default_rng(seed)
    wrong = runs = decided = 0.0
    for _ in range(repeats):
        table = {n: list(r.values()) for n, r in family_of_runs(effects, most_seeds, dice).items()}
        base = np.array(table.pop("base"), dtype=float)
        d = {name: (np.array(values, dtype=float) - base).tolist() for name, values in table.items()}
        courses = list(follow(d, margin=margin * SD * 2**0.5).values())
        wrong += any(_is_wrong(c.verdict, effect, margin) for c, effect in zip(courses, effects, strict=True))
        runs += sum(c.pairs for c in courses) + max(c.pairs for c in courses)
        decided += sum(c.verdict is not None for c in courses) / len(effects)
    return SequentialRates(wrong / repeats, runs / repeats / most_seeds / (len(effects) + 1), decided / repeats)


def _is_wrong(verdict: str | None, effect: float, margin: float) -> bool:
    if verdict in ("better", "worse"):
        return (effect > 0) - (effect < 0) != (1 if verdict == "better" else -1)
    return verdict == "equivalent" and abs(effect) >= margin


def always_valid_coverage(most_seeds: int, repeats: int, *, seed: int = 0) -> float:
    """Give the share of paths on which the interval held the true mean at every look, from the first to the last."""
    dice = np.random.default_rng(seed)
    held = 0
    for row in dice.normal(0.7, 1.0, size=(repeats, most_seeds)).tolist():
        intervals = [always_valid_interval(row[:n]) for n in range(1, most_seeds + 1)]
        held += all(i is None or i[0] <= 0.7 <= i[1] for i in intervals)
    return held / repeats


PLANTED = tuple(half / 2 for half in range(9))  # 0, 0.5, ..., 4 SDs


def main() -> None:
    """Print every figure of docs/statistics.md."""
    repeats = 2000
    for seeds, comparisons in ((6, 1), (10, 1), (10, 6), (20, 6)):
        print(f"null, {comparisons} comparisons, {seeds} seeds:", verdict_rates([0.0] * comparisons, seeds, repeats))
    for seeds in (10, 20):
        # an effect of exactly the margin is not equivalent: how often is it called so?
        margin = 0.5
        at_margin = verdict_rates([margin] * 6, seeds, repeats, margin=margin * SD * 2**0.5)
        print(f"effects at the margin of {margin} SD, 6 comparisons, {seeds} seeds:", at_margin)
    for seeds, comparisons in ((6, 1), (8, 1), (8, 6), (10, 1), (10, 6), (12, 6), (20, 6), (30, 6)):
        print(f"promised power, {seeds} seeds, Holm over {comparisons}:", promised_power(seeds, comparisons, repeats))
    for seeds in (5, 10, 20, 30):
        print(f"coverage t, BCa, {seeds} seeds:", coverage(seeds, repeats))
    for comparisons in (1, 6):
        each = [sequential_rates([d] * comparisons, 30, repeats) for d in PLANTED]
        print(f"sequential, {comparisons} comparisons of one effect, by effect 0 to 4:")
        for d, rates in zip(PLANTED, each, strict=True):
            print(f"  {d}:", rates)
        print("  mean share of runs:", float(np.mean([rates.runs for rates in each])))
    for d in (0.5, 1.0):
        print(f"fixed design of 30 seeds, 6 comparisons, effect {d}:", verdict_rates([d] * 6, 30, 500).comparison)
    print("sequential, one family of all effects 0 to 4:", sequential_rates(PLANTED, 30, repeats))
    print("sequential, all null, margin 1 SD:", sequential_rates([0.0] * 6, 30, repeats, margin=1.0))
    print("sequential, all at the margin of 1 SD:", sequential_rates([1.0] * 6, 30, repeats, margin=1.0))
    print("always-valid interval, all looks up to 30:", always_valid_coverage(30, 500))
    look_simulations.main()


if __name__ == "__main__":
    main()
