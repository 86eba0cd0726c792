"""Group-sequential comparisons: look a few times, at numbers of seeds fixed before, and stop what is decided.

    looks = plan_looks(30, comparisons=2)                                   # (9, 12, 15, 20, 30)
    run = follow_looks({"relu": d_relu, "wide": d_wide}, looks=looks, margin=0.001)     # differences in seed order
    run["relu"].verdict, run["relu"].stopped_at, run["wide"].verdict        # "better", 9, None: needs more seeds

The test is the sign-flip test of the mean (`sign_group`), at each look given the sizes of the differences so far: of
all sign patterns, those whose sum is farthest from 0 now, and that no look before has rejected, are rejected, as many
as an error-spending function (Lan & DeMets 1983) allows until now. So of all patterns at most alpha are ever rejected:
exact for differences that are symmetric about 0, of whatever sizes. A family is judged by the closed test of
Bonferroni's tests, which is the group-sequential Holm procedure (Glimm, Maurer & Bretz 2010; Ye et al. 2013): what is
rejected passes its alpha on, and what crossed a boundary of the larger alpha at an earlier look counts. Knows numbers
only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from archsearch.stats.sign_group import HALF, signs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Of alpha, share ** SPENDING may be spent when this share of the most seeds is there, and FIRST of it from the first
# look on: what 8 pairs that agree need at 0.05. Looks go on by GROWTH up to LAST of the most seeds. Chosen by
# simulation: what finds 0.5 SDs as often as it can and yet stops early for large effects (docs/statistics.md).
FIRST = 0.24
SPENDING = 1.6
GROWTH = 1.36
LAST = 2 / 3
_TIE = 1e-11  # of the sum of sizes: accuracies are multiples of 1/10,000, and rounding must not part their ties
_HALVINGS = 24

Differences = Sequence[float | None]
_Side = Literal["both", "greater"]


@dataclass(frozen=True, slots=True)
class LookCourse:
    """Where a comparison stands: `verdict` None means undecided, `stopped_at` is the number of seeds that it took.

    `seeds` are those that it had (to its stop), `look` is how many looks there were until now.
    """

    verdict: Literal["better", "worse", "equivalent"] | None
    stopped_at: int | None
    seeds: int
    look: int


@dataclass(frozen=True, slots=True)
class LookP:
    """Sequential p values: the least alpha with which a comparison would have been decided by now, alone and adjusted.

    The equivalence p is 1 where no margin was given.
    """

    p: float
    p_adjusted: float
    equivalence_p: float
    equivalence_p_adjusted: float


# -- looks -------------------------------------------------------------------------------------------------------------


def plan_looks(most: int, *, comparisons: int = 1, alpha: float = 0.05) -> tuple[int, ...]:
    """Choose the numbers of seeds at which one looks, the last of them `most`.

    The first is the fewest seeds that can reject at the hardest step of the family: 2 of their 2^n sign patterns are no
    more than may be spent. The others follow in equal proportions, and there is a wide step to the last.
    """
    first = next((n for n in range(1, most) if 2.0 ** (1 - n) <= spent(n / most, alpha / comparisons)), most)
    end = max(first, round(LAST * most))
    steps = max(1, round(math.log(end / first) / math.log(GROWTH)))
    inner = [round(first * (end / first) ** (step / steps)) for step in range(steps + 1)]
    return tuple(dict.fromkeys((*(one for one in inner if one < most), most)))


def spent(share: float, alpha: float, spending: float = SPENDING) -> float:
    """Give how much of alpha may be spent when this share of the most seeds is there.

    With a `spending` below 1 most is spent early.
    """
    return alpha * max(FIRST, math.pow(share, spending))


# -- one comparison ----------------------------------------------------------------------------------------------------


def first_crossing(
    differences: Differences,
    looks: Sequence[int],
    alpha: float,
    *,
    side: _Side = "both",
    centre: float = 0.0,
    spending: float = SPENDING,
) -> int | None:
    """Give the first look (0, 1, ...) that rejects "symmetric about the centre" at this alpha; None: none until now.

    `differences` are in the order of the seeds, None where a pair has failed: no sign is flipped there. Looks at more
    seeds than there are have not taken place. `side` "greater" rejects for large differences only.
    """
    return _first_crossing(tuple(differences), tuple(looks), alpha, side, centre, spending)


@lru_cache(maxsize=4096)
def _first_crossing(
    differences: tuple[float | None, ...],
    looks: tuple[int, ...],
    alpha: float,
    side: _Side,
    centre: float,
    spending: float,
) -> int | None:
    import numpy as np

    reached = [look for look in looks if look <= len(differences)]
    if not reached:
        return None
    statistics, ties = _statistics(differences[: reached[-1]], tuple(reached), side, centre)
    left = np.ones(statistics.shape[1], dtype=bool)
    for look, (now, tie) in enumerate(zip(statistics, ties, strict=True)):
        share = spent(reached[look] / looks[-1], alpha, spending)
        may = math.floor(share * len(left) + 1e-9) - int(len(left) - left.sum())
        crossed = left & (now > _limit(now[left], may, tie))
        if crossed[0]:  # row 0 flips nothing: what was observed
            return look
        left &= ~crossed
    return None


def _limit(values: NDArray[np.float64], may: int, tie: float) -> float:
    """Give the limit that at most `may` of the values exceed; what ties with the next one does not."""
    import numpy as np

    if may >= len(values):
        return -math.inf
    return float(np.partition(values, len(values) - 1 - may)[len(values) - 1 - may]) + tie if may > 0 else math.inf


@lru_cache(maxsize=16)
def _statistics(
    differences: tuple[float | None, ...], reached: tuple[int, ...], side: _Side, centre: float
) -> tuple[NDArray[np.float64], list[float]]:
    """Give the sum under each sign pattern at each look, shape (looks, patterns), and what ties at each."""
    import numpy as np

    d = np.array([0.0 if one is None else one - centre for one in differences])
    found: list[NDArray[np.float64]] = []
    sums, start = np.zeros(HALF), 0
    for stop in reached:
        sums = sums + signs(start, stop) @ d[start:stop]
        found.append(np.abs(sums) if side == "both" else np.concatenate((sums, -sums)))
        start = stop
    return np.array(found), [_TIE * float(np.abs(d[:stop]).sum()) for stop in reached]


def sequential_p(
    differences: Differences,
    looks: Sequence[int],
    *,
    side: _Side = "both",
    centre: float = 0.0,
    spending: float = SPENDING,
) -> float:
    """Give the least alpha with which a look until now would have rejected (Liu & Anderson 2008); 1 before them."""
    low, high = 0, HALF  # of so many parts of 1
    while high - low > 1:
        middle = (low + high) // 2
        if first_crossing(differences, looks, middle / HALF, side=side, centre=centre, spending=spending) is None:
            low = middle
        else:
            high = middle
    return high / HALF


def repeated_interval(
    differences: Differences, looks: Sequence[int], alpha: float = 0.05, *, spending: float = SPENDING
) -> tuple[float, float] | None:
    """Give the centres of symmetry that no look until now has rejected: valid at each look, and where one stops.

    Jennison & Turnbull's repeated confidence interval (1989), by inversion of the test. None where nothing can be
    excluded: before the first look, or where too many pairs have failed.
    """
    import numpy as np

    known = np.array([one for one in differences if one is not None])
    if not len(known) or not any(look <= len(differences) for look in looks):
        return None

    def stands(centre: float) -> bool:
        return first_crossing(differences, looks, alpha, centre=centre, spending=spending) is None

    reach = float(np.ptp(known)) or abs(float(known[0])) or 1.0
    centre = next((one for one in (float(known.mean()), float(np.median(known))) if stands(one)), None)
    outside = (float(known.min()) - reach, float(known.max()) + reach)
    if centre is None or any(map(stands, outside)):
        return None
    low, high = (_edge(stands, centre, one) for one in outside)
    return low, high


def _edge(stands: Callable[[float], bool], inside: float, outside: float) -> float:
    """Halve between a centre that stands and one that is rejected."""
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if stands(middle):
            inside = middle
        else:
            outside = middle
    return outside


# -- a family ----------------------------------------------------------------------------------------------------------


def follow_looks(
    differences: Mapping[str, Differences],
    *,
    looks: Sequence[int],
    alpha: float = 0.05,
    margin: float = 0.0,
    direction: Literal["maximize", "minimize"] = "maximize",
) -> dict[str, LookCourse]:
    """Replay a family look by look: each comparison stops at its first decision and takes no more seeds.

    `differences` are level - baseline in the order of the declared seeds, None where a pair has failed; comparisons may
    have unequally many. Margin 0 asks for no equivalence, which else is the same test, one-sided, against either
    margin. The answer depends on the numbers only, so an interrupted family goes on as if it had not been.
    """
    names = list(differences)
    different = {name: _levels(differences[name], looks, alpha, len(names), 0.0) for name in names}
    same = {name: _levels(differences[name], looks, alpha, len(names), margin) for name in names} if margin > 0 else {}
    stopped: dict[str, LookCourse] = {}
    for look, seeds in enumerate(looks):
        until = {name: stopped[name].look - 1 if name in stopped else look for name in names}
        unequal, equal = _closed(different, until), _closed(same, until)
        for name in names:
            if name not in stopped and len(differences[name]) >= seeds and (name in unequal or name in equal):
                total = sum(one for one in differences[name][:seeds] if one is not None)
                better: Literal["better", "worse"] = "better" if (total > 0) == (direction == "maximize") else "worse"
                stopped[name] = LookCourse(better if name in unequal else "equivalent", seeds, seeds, look + 1)
    return {
        name: stopped.get(name) or LookCourse(None, None, len(d), sum(look <= len(d) for look in looks))
        for name, d in differences.items()
    }


def _levels(
    differences: Differences, looks: Sequence[int], alpha: float, comparisons: int, margin: float
) -> tuple[int | None, ...]:
    """Give the first crossing at alpha, alpha / 2, ..., alpha / comparisons; with a margin, of both its sides.

    What does not cross at one of them is not asked at smaller ones.
    """
    found: list[int | None] = []
    for share in range(1, comparisons + 1):
        at = None if found and found[-1] is None else _crossing(differences, looks, alpha / share, margin)
        found.append(at)
    return tuple(found)


def _crossing(differences: Differences, looks: Sequence[int], alpha: float, margin: float) -> int | None:
    if not margin:
        return first_crossing(differences, looks, alpha)
    return equivalence_crossing(differences, looks, alpha, margin)


def equivalence_crossing(
    differences: Differences, looks: Sequence[int], alpha: float, margin: float, *, spending: float = SPENDING
) -> int | None:
    """Give the first look by which both "at least the margin above 0" and "below 0" are rejected at this alpha."""

    def rejects(d: Differences) -> int | None:
        return first_crossing(d, looks, alpha, side="greater", centre=-margin, spending=spending)

    above = rejects(differences)
    below = None if above is None else rejects(_opposite(differences))
    return None if above is None or below is None else max(above, below)


def _opposite(differences: Differences) -> Differences:
    return [None if one is None else -one for one in differences]


def _closed(levels: Mapping[str, tuple[int | None, ...]], until: Mapping[str, int]) -> set[str]:
    """Give what the closed test of Bonferroni's tests rejects, each comparison with its looks so far.

    A set of s hypotheses is rejected if one of them crossed at alpha / s. One hypothesis is, if all sets that hold it
    are: for each s, it crossed itself, or fewer than s have not.
    """
    count = len(levels)
    crossed = [
        {name for name, at in levels.items() if (first := at[share]) is not None and first <= until[name]}
        for share in range(count)
    ]
    return {
        name
        for name in levels
        if all(name in of or count - len(of) < share for share, of in enumerate(crossed, start=1))
    }


def look_p_values(
    differences: Mapping[str, Differences],
    courses: Mapping[str, LookCourse],
    *,
    looks: Sequence[int],
    margin: float = 0.0,
) -> dict[str, LookP]:
    """Give the sequential p values of a family, each with the seeds up to its stop, and adjusted by Holm."""
    from archsearch.stats.paired import holm

    used = {name: differences[name][: course.seeds] for name, course in courses.items()}
    p = [sequential_p(d, looks) for d in used.values()]
    same = [sequential_equivalence_p(d, looks, margin) for d in used.values()]
    return {name: LookP(*values) for name, *values in zip(used, p, holm(p), same, holm(same), strict=True)}


def sequential_equivalence_p(
    differences: Differences, looks: Sequence[int], margin: float, *, spending: float = SPENDING
) -> float:
    """Give the least alpha with which a look until now would have shown equivalence; 1 without a margin."""
    if not margin:
        return 1.0
    sides = (differences, _opposite(differences))
    return max(sequential_p(d, looks, side="greater", centre=-margin, spending=spending) for d in sides)
