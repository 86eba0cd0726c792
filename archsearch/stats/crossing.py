"""Where two learning curves cross: from how many training samples on is the one better than the other?

    curve = learning_curve("relu", "tanh", {100: [-0.02, ...], 1000: [0.01, ...]}, (0, 1, 2, ...))
    curve.crossing, curve.crossing95, curve.sentence

Differences are level - baseline for each seed, the same seeds at every size. Knows numbers and names only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from archsearch.plain import Plain
from archsearch.stats.effect import Interval, Verdict
from archsearch.stats.intervals import mean, t_interval
from archsearch.wording import count_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_RESAMPLES, _SEED = 10_000, 20230
End = float | Literal["below", "above"]  # a number of samples, or that it lies outside of the sizes


class SizeDifference(Plain):
    """The mean difference with so many training samples, its t interval, and the verdict of its comparison."""

    train_size: int
    n: int
    mean_difference: float
    ci95: Interval | None
    verdict: Verdict | None


class SizeCurve(Plain):
    """A level against the baseline over training-set sizes, in ascending order.

    `crossing` is the number of samples at which the mean difference passes 0, straight between two sizes on the
    logarithmic axis; None where it does not, or does so more than once (`crossings` counts). `crossing95` holds the
    middle 95 % of it over 10,000 resamples of the seeds, the same seeds at all sizes; an end is `below` or `above`
    where it lies outside of the sizes. `shown`: the verdicts at two sizes are opposite, better at one, worse at one.
    """

    level: str
    baseline: str
    sizes: Annotated[tuple[SizeDifference, ...], Field(strict=False)]
    crossings: int
    crossing: float | None
    crossing95: Annotated[tuple[End, End], Field(strict=False)] | None
    shown: bool
    sentence: str


def learning_curve(
    level: str,
    baseline: str,
    differences: Mapping[int, Sequence[float]],
    verdicts: Mapping[int, Verdict | None] | None = None,
    *,
    direction: Literal["maximize", "minimize"] = "maximize",
    overlap: float = 0.0,
    pairs: str = "seed",
) -> SizeCurve:
    """Follow a difference over training-set sizes; `differences` has at each size one for every pair, in one order."""
    sizes = sorted(size for size, of in differences.items() if len(of))
    means = [mean(differences[size]) for size in sizes]
    known = verdicts or {}
    sign = 1 if direction == "maximize" else -1
    logs = [math.log(size) for size in sizes]
    found = _crossings(logs, means)
    crossing, ends = None, None
    same = len({len(differences[size]) for size in sizes}) == 1
    if len(found) == 1:
        crossing = math.exp(found[0])
        if same and len(differences[sizes[0]]) >= 3:
            ends = _interval(logs, [differences[size] for size in sizes], rising=means[-1] > 0)
    said = {known.get(size) for size in sizes}
    curve = SizeCurve(
        level=level,
        baseline=baseline,
        sizes=tuple(
            SizeDifference(
                train_size=size,
                n=len(differences[size]),
                mean_difference=centre,
                ci95=t_interval(differences[size], overlap=overlap) if len(differences[size]) >= 2 else None,
                verdict=known.get(size),
            )
            for size, centre in zip(sizes, means, strict=True)
        ),
        crossings=len(found),
        crossing=crossing,
        crossing95=ends,
        shown={"better", "worse"} <= said,
        sentence="",
    )
    return curve.model_copy(update={"sentence": _sentence(curve, sign, pairs)})


def _crossings(logs: Sequence[float], means: Sequence[float]) -> list[float]:
    """Give where a curve through the means passes 0; one that only touches it does not."""
    found, last = list[float](), None
    for place, value in enumerate(means):
        if value == 0:
            continue
        if last is not None and (means[last] > 0) != (value > 0):
            share = means[last] / (means[last] - value)
            found.append(logs[last] + share * (logs[place] - logs[last]))
        last = place
    return found


def _interval(logs: Sequence[float], differences: Sequence[Sequence[float]], *, rising: bool) -> tuple[End, End]:
    """Resample the pairs: in each resample the crossing, or on which side of the sizes it would lie."""
    import numpy as np

    table = np.asarray(differences, dtype=float)  # sizes x pairs
    if not rising:
        table = -table
    dice = np.random.default_rng(_SEED)
    drawn = dice.integers(table.shape[1], size=(_RESAMPLES, table.shape[1]))
    places = np.sort(_first_rises(np.asarray(logs), table[:, drawn].mean(axis=2)))
    low, high = (float(places[round(q * (_RESAMPLES - 1))]) for q in (0.025, 0.975))
    return _end(low), _end(high)


def _first_rises(logs: NDArray[np.float64], means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give for each column where it first passes from below 0 to above: -inf above 0 all along, inf never there."""
    import numpy as np

    found = np.where(means[0] > 0, -math.inf, math.inf)
    for place in range(len(logs) - 1):
        before, after = means[place], means[place + 1]
        rises = (before <= 0) & (after > 0) & ~np.isfinite(found)
        step = np.where(rises, after - before, 1.0)
        found = np.where(rises, logs[place] - before / step * (logs[place + 1] - logs[place]), found)
    return found


def _end(value: float) -> End:
    if value == -math.inf:
        return "below"
    return "above" if value == math.inf else math.exp(value)


def _sentence(curve: SizeCurve, sign: int, pairs: str) -> str:
    level, baseline = curve.level, curve.baseline
    if not curve.sizes:
        return f"{level} instead of {baseline}: no result at any size."
    first, last = curve.sizes[0], curve.sizes[-1]
    between = f"between {first.train_size:,} and {last.train_size:,} training samples"
    if not curve.crossings:
        ahead = [sign * one.mean_difference for one in curve.sizes if one.mean_difference]
        if not ahead:
            return f"{level} and {baseline} are the same {between}."
        stays = "ahead of" if ahead[0] > 0 else "behind"
        return f"{level} stays {stays} {baseline} {between}: the curves do not cross."
    if curve.crossing is None:
        return f"{level} and {baseline} cross {curve.crossings} times {between}: neither overtakes the other."
    overtakes = sign * last.mean_difference > 0
    head = f"{level} {'overtakes' if overtakes else 'falls behind'} {baseline} at about {_samples(curve.crossing)}"
    ends = "" if curve.crossing95 is None else f" (95 % {_range(curve)})"
    count = count_of(first.n, f"paired {pairs}")
    if curve.shown:
        return f"{head} training samples{ends}, {count}: shown, as the verdicts on the two sides are opposite."
    return f"{head} training samples{ends}, {count}: not shown, as the verdicts on the two sides are not opposite."


def _samples(value: float) -> str:
    return f"{round(value, -max(0, math.floor(math.log10(value)) - 1)):,.0f}"  # two digits


def _range(curve: SizeCurve) -> str:
    assert curve.crossing95 is not None
    first, last = curve.sizes[0].train_size, curve.sizes[-1].train_size
    low, high = (end if isinstance(end, str) else _samples(end) for end in curve.crossing95)
    low = {"below": f"below {first:,}", "above": f"above {last:,}"}.get(low, low)
    high = {"below": f"below {first:,}", "above": f"above {last:,}"}.get(high, high)
    return f"{low} to {high}"
