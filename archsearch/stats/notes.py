"""What must be known to read a comparison, in sentences beside its numbers: few pairs, no spread, tests that disagree.

pair_notes(pairs, family, "inconclusive", 3, (0.2, 0.04), unfinished=False)
"""

from __future__ import annotations

from archsearch.stats import power
from archsearch.stats.effect import Family, Verdict
from archsearch.stats.intervals import mean, standard_deviation
from archsearch.stats.pairs import Pairs, left_out_note
from archsearch.stats.sentence import amount, p_equals


def pair_notes(
    pairs: Pairs,
    family: Family,
    verdict: Verdict,
    comparisons: int,
    adjusted: tuple[float | None, float | None],
    *,
    unfinished: bool,
) -> tuple[str, ...]:
    """Say what must be known to read a comparison; `adjusted` are its p and the paired t's, or None."""
    d, n = pairs.differences, len(pairs.seeds)
    notes = []
    if pairs.failed:
        notes.append(left_out_note(pairs))
    if n < 2:
        return (*notes, f"{n} pair{'s' * (n != 1)}: there is no spread to judge by")
    sd, centre = standard_deviation(d), mean(d)
    if unfinished:
        notes.append("unfinished: no p values and no verdict before all runs are done")
    elif family.screen:
        notes.append("a screen: exploratory, no p values, no winner")
    elif not family.overlap and n < power.seeds_to_reach(comparisons, family.alpha):
        notes.append(f"{n} pairs cannot be significant. {power.few_seeds_rule(comparisons, family.alpha)}.")
    if sd == 0:
        notes.append("all differences are the same number: the t test, d_z and intervals say nothing about the spread")
    if sd == 0 and centre == 0:
        notes.append("both gave the very same number with every seed: does what was changed reach what is run?")
    p, t = adjusted
    if p is not None and t is not None and (p < family.alpha) != (t < family.alpha):
        notes.append(f"the tests disagree: sign-flip {p_equals(p)}, paired t {p_equals(t)} (both adjusted)")
    if verdict in ("better", "worse") and abs(centre) < family.margin:
        notes.append(f"the difference is real, and smaller than the margin of {amount(family.margin, family)}")
    if p is not None and _few(n, comparisons, family):
        rule = power.few_seeds_rule(comparisons, family.alpha, overlap=family.overlap)
        notes.append(f"{n} pairs are few. {rule}.")
    return tuple(notes)


def _few(n: int, comparisons: int, family: Family) -> bool:
    """Say whether so many pairs can be significant and are fewer than a claim has."""
    return power.seeds_to_reach(comparisons, family.alpha, family.overlap) <= n < power.LEAST_SEEDS["claim"]
