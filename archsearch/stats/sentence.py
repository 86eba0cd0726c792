"""The one sentence of a comparison, as it can stand in a paper, and how numbers are written in it.

relu instead of tanh: -0.03 points (95 % CI -0.11 to +0.05), 10 paired seeds, Holm over 6: inconclusive; ...
"""

from __future__ import annotations

from archsearch.stats.effect import Effect, Family

NO_VERDICT = "no verdict"


def number(value: float, family: Family, *, signed: bool = True) -> str:
    """Write a difference without its unit: percentage points with two decimals, or three digits of the metric."""
    if family.unit == "own":
        form = ",.0f" if 999.5 <= abs(value) < 1e15 else ".3g"  # counts: 1,235, not 1.23e+03
        return f"{value:{'+' if signed else ''}{form}}"
    shown = round(100 * value, 2) + 0.0  # + 0.0: no "-0.00"
    return f"{shown:{'+' if signed else ''}.2f}"


def amount(value: float, family: Family, *, signed: bool = False) -> str:
    """Write a difference with its unit."""
    return number(value, family, signed=signed) + (" points" if family.unit == "points" else "")


def p_text(p: float | None) -> str:
    """Write a p value in two significant digits, below 0.0001 as that; "" where there is none."""
    if p is None:
        return ""
    if p < 0.0001:
        return "< 0.0001"
    return "1" if p == 1 else f"{p:#.2g}"


def p_equals(p: float) -> str:
    """Write a p value with its sign: p = 0.0031, p < 0.0001."""
    text = p_text(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def verdict_of(effect: Effect) -> str:
    """Give the verdict as tables and figures show it: a screen, or an ablation that is unfinished, has none."""
    return NO_VERDICT if effect.p is None else effect.verdict


def sentence(
    effect: Effect,
    family: Family,
    label: str,
    failed: int = 0,
    *,
    unfinished: bool = False,
    correction: str = "Holm",
) -> str:
    """Say a comparison in one sentence; `label` is what was done: "relu instead of tanh".

    `correction` names how p was adjusted for the family.
    """
    pairs = f"{effect.n} paired seed{'s' * (effect.n != 1)}" + (f" ({failed} more failed)" if failed else "")
    if effect.mean_difference is None:
        return f"{label}: no result, {pairs}: inconclusive."
    size = amount(effect.mean_difference, family, signed=True)
    if effect.ci95 is not None:
        size += f" (95 % CI {number(effect.ci95[0], family)} to {number(effect.ci95[1], family)})"
    if unfinished:
        return f"{label}: {size}, {pairs} so far, unfinished: no verdict."
    if family.screen:
        return f"{label}: {size}, {pairs}, a screen: exploratory, no verdict."
    verdict: str = effect.verdict
    if verdict == "equivalent":
        verdict += f" within {amount(family.margin, family)}"
    if verdict == "inconclusive" and not family.margin:
        verdict += ", and without a margin nothing is equivalent"
    if effect.verdict == "inconclusive" and effect.smallest_detectable is not None:
        verdict += f"; smallest detectable {amount(effect.smallest_detectable, family)}"
    return f"{label}: {size}, {pairs}, {correction} over {effect.comparisons}: {verdict}."
