"""The one sentence of a comparison, as it can stand in a paper, and how numbers are written in it.

relu instead of tanh: -0.03 points (95 % CI -0.11 to +0.05), 10 paired seeds, Holm over 6: inconclusive; ...
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from archsearch.stats.effect import Effect, Family, Interval

NO_VERDICT = "no verdict"
_NOISE = 1e-9  # of the largest: where numbers differ by less, they are one number and the rounding of sums


def number(value: float, family: Family, *, signed: bool = True) -> str:
    """Write a difference without its unit: percentage points with two decimals, or three digits of the metric."""
    if family.unit == "own":
        return alike([value], ",.0f" if 999.5 <= abs(value) < 1e15 else ".3g", signed=signed)[0]  # counts: 1,235
    return alike([100 * value], ".2f", signed=signed)[0]


def estimate(value: float | None, *ends: Interval | None, family: Family, signed: bool = True) -> list[str]:
    """Write a difference and its intervals with one number of decimals, "" for what there is not.

    The first interval says with the difference how many: `["+1.90", "+1.88 to +1.93"]`.
    """
    between = [one for one in ends if one is not None]
    if value is None or not between:
        return ["" if value is None else number(value, family, signed=signed), *("" for _ in ends)]
    form, scale = (".2f", 100) if family.unit == "points" else (common_form([value, *between[0]]), 1)
    texts = alike([scale * one for one in (value, *(end for pair in between for end in pair))], form, signed=signed)
    pairs = iter([f"{low} to {high}" for low, high in zip(texts[1::2], texts[2::2], strict=True)])
    return [texts[0], *("" if one is None else next(pairs) for one in ends)]


def common_form(values: Iterable[float]) -> str:
    """Give the format for numbers that are read together: three digits of the largest, more where they lie closer."""
    numbers = [value for value in values if math.isfinite(value)]
    largest = max(map(abs, numbers), default=0.0)
    if largest == 0:
        return ".3g"
    if not 1e-4 <= largest < 1e15:
        return ".2e"
    size, width = _exponent(largest, 2), max(numbers) - min(numbers)
    decimals = 2 - size if width <= _NOISE * largest else max(2 - size, -_exponent(width, 0))
    return f",.{max(0, min(decimals, 5 - size))}f"


def alike(values: Iterable[float], form: str, *, signed: bool = True) -> list[str]:
    """Write numbers in one format, such as that of `common_form`; what is rounded to zero has no minus."""
    texts = [f"{value + 0.0:{'+' if signed else ''}{form}}" for value in values]
    return [text.replace("-", "+" if signed else "") if set(text) <= set("-0.") else text for text in texts]


def _exponent(value: float, digits: int) -> int:
    """Give the power of ten of a number as it is written in so many decimals: 2 of 99.96 in three digits."""
    return int(f"{value:.{digits}e}".partition("e")[2])


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
    pairs = f"{effect.n} paired {family.pairs}{'s' * (effect.n != 1)}" + (f" ({failed} more failed)" if failed else "")
    if effect.mean_difference is None:
        return f"{label}: no result, {pairs}: inconclusive."
    size, between = estimate(effect.mean_difference, effect.ci95, family=family)
    size += " points" * (family.unit == "points") + f" (95 % CI {between})" * bool(between)
    if unfinished:
        return f"{label}: {size}, {pairs} so far, unfinished: no verdict."
    if family.pairs == "network":
        return f"{label}: {size}, the same with every seed."
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
