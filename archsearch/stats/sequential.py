"""Sequential comparisons: look after every seed, stop what is decided, and still be wrong at most alpha of the time.

    run = follow({"relu": d_relu, "wide": d_wide}, alpha=0.05, margin=0.001)     # differences so far, in seed order
    run["relu"].verdict, run["relu"].stopped_at, run["wide"].verdict             # "better", 9, None: needs more seeds

Evidence is a bet that the sign of the next difference can be foreseen from its size (Waudby-Smith & Ramdas 2024;
Ramdas, Ruf, Larsson & Koolen 2020). If the differences are symmetric about 0, which the sign-flip test asks too, the
wealth of such a bet does not grow on average, whenever one stops: an e-process. By Ville's inequality it ever exceeds
1 / alpha with probability alpha at most. A family is judged by e-Holm, the closure of averages (Vovk & Wang 2021),
valid however the comparisons depend on each other through their baseline. Knows numbers only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# How steeply a bet follows the size of a difference (in root mean squares of those so far); the wealth is spread over
# them evenly, and over both signs. Small for small effects, large for effects of many standard deviations.
STAKES = (0.5, 1.0, 2.0, 3.0)


@dataclass(frozen=True, slots=True)
class Course:
    """Where one comparison stands: `verdict` None means undecided, `stopped_at` is the number of pairs it took.

    `evidence` and `equivalence_evidence` are e-values, adjusted for the family, when it stopped or after all pairs.
    """

    verdict: Literal["better", "worse", "equivalent"] | None
    stopped_at: int | None
    pairs: int
    evidence: float
    equivalence_evidence: float


def evidence(differences: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the e-process against "symmetric about 0": its value after each pair."""
    return 0.5 * (_wealth(differences, 1.0) + _wealth(differences, -1.0))


def equivalence_evidence(differences: Sequence[float], margin: float) -> NDArray[np.float64]:
    """Give the e-process against "at least the margin away from 0": the weaker of the bets against either side."""
    import numpy as np

    values = np.asarray(differences, dtype=float)
    return np.minimum(_wealth(margin - values, 1.0), _wealth(margin + values, 1.0))


def _wealth(differences: Sequence[float] | NDArray[np.float64], side: float) -> NDArray[np.float64]:
    """Bet 1 on positive (side 1) or negative signs: each pair multiplies the wealth by 1 + tanh(stake * d / rms).

    Given |d| and the past, a symmetric d makes tanh's mean 0. The root mean square may use |d| itself: only the sign is
    bet on.
    """
    import numpy as np

    d = np.asarray(differences, dtype=float)
    rms = np.sqrt(np.cumsum(d * d) / np.arange(1, len(d) + 1))
    sizes = np.divide(d, rms, out=np.zeros_like(d), where=rms > 0)
    factors = 1.0 + np.tanh(side * np.outer(STAKES, sizes))
    wealth: NDArray[np.float64] = np.cumprod(factors, axis=1).mean(axis=0)
    return wealth


def always_valid_interval(differences: Sequence[float], alpha: float = 0.05) -> tuple[float, float] | None:
    """Give the centres of symmetry that the evidence has not excluded: an interval that holds whenever one stops.

    Wider than the t interval, which is right for a fixed number of seeds only. None while nothing can be excluded.
    """
    import numpy as np

    d = np.asarray(differences, dtype=float)
    if not len(d) or not evidence(d + 2 * float(np.abs(d).max()) + 1)[-1] >= 1 / alpha:
        return None
    centre = float(np.median(d))
    reach = 2 * float(np.abs(d - centre).max()) + 1e-300
    return _edge(d, centre, centre - reach, alpha), _edge(d, centre, centre + reach, alpha)


def _edge(d: NDArray[np.float64], inside: float, outside: float, alpha: float) -> float:
    """Halve between a centre that stands and one that is excluded."""
    while evidence(d - outside)[-1] < 1 / alpha:
        outside += outside - inside
    for _ in range(60):
        middle = (inside + outside) / 2
        if evidence(d - middle)[-1] < 1 / alpha:
            inside = middle
        else:
            outside = middle
    return outside


def e_holm(e_values: Sequence[float]) -> tuple[float, ...]:
    """Adjust e-values for a family: each gets the least average over all sets that it is in (Vovk & Wang 2021)."""
    order = sorted(range(len(e_values)), key=lambda index: e_values[index])
    adjusted = [0.0] * len(e_values)
    for index, e in enumerate(e_values):
        total, least = e, e
        for size, other in enumerate((i for i in order if i != index), start=2):
            total += e_values[other]
            if total / size >= least:
                break  # the averages fall, then rise: what comes is larger still
            least = total / size
        adjusted[index] = least
    return tuple(adjusted)


def follow(
    differences: Mapping[str, Sequence[float]],
    *,
    alpha: float = 0.05,
    margin: float = 0.0,
    direction: Literal["maximize", "minimize"] = "maximize",
) -> dict[str, Course]:
    """Replay a family from its first seed: each comparison stops at its first decision and takes no more seeds.

    `differences` are level - baseline in the order of the declared seeds; comparisons may have unequally many. Margin 0
    asks for no equivalence. The answer depends on the numbers only, so an interrupted family goes on as if it had not
    been.
    """
    names = list(differences)
    paths = {name: evidence(differences[name]) for name in names}
    flat = {name: equivalence_evidence(differences[name], margin) for name in names} if margin > 0 else {}
    courses: dict[str, Course] = {}
    longest = max((len(d) for d in differences.values()), default=0)
    for now in range(1, longest + 1):
        seen = {name: courses[name].pairs if name in courses else min(now, len(differences[name])) for name in names}
        different = e_holm([_at(paths[name], seen[name]) for name in names])
        same = e_holm([_at(flat[name], seen[name]) for name in names]) if flat else (0.0,) * len(names)
        for name, e, e_same in zip(names, different, same, strict=True):
            if name in courses or len(differences[name]) < now:
                continue
            verdict = _decide(e, e_same, differences[name][:now], alpha, direction)
            if verdict is not None:
                courses[name] = Course(verdict, now, now, e, e_same)
    for name, e, e_same in zip(names, *_last(names, paths, flat, differences, courses), strict=True):
        courses.setdefault(name, Course(None, None, len(differences[name]), e, e_same))
    return {name: courses[name] for name in names}


def _last(
    names: Sequence[str],
    paths: Mapping[str, NDArray[np.float64]],
    flat: Mapping[str, NDArray[np.float64]],
    differences: Mapping[str, Sequence[float]],
    courses: Mapping[str, Course],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Give both kinds of adjusted evidence after all pairs that were used."""
    seen = [courses[name].pairs if name in courses else len(differences[name]) for name in names]
    different = e_holm([_at(paths[name], count) for name, count in zip(names, seen, strict=True)])
    if not flat:
        return different, (0.0,) * len(names)
    return different, e_holm([_at(flat[name], count) for name, count in zip(names, seen, strict=True)])


def _at(path: NDArray[np.float64], count: int) -> float:
    return float(path[count - 1]) if count else 1.0


def _decide(
    e: float, e_same: float, differences: Sequence[float], alpha: float, direction: Literal["maximize", "minimize"]
) -> Literal["better", "worse", "equivalent"] | None:
    if e >= 1 / alpha:
        return "better" if (sum(differences) > 0) == (direction == "maximize") else "worse"
    return "equivalent" if e_same >= 1 / alpha else None
