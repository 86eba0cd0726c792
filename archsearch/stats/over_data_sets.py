"""Several networks on several data sets: ranks, Friedman's test, Holm against the baseline, the critical difference.

    compared = compare_over_data_sets({"digits": {"tanh": {0: 0.95, 1: 0.96}, "relu": {0: 0.97, 1: 0.96}}, ...}, "tanh")
    compared.p, compared.ranked[0].mean_rank, compared.critical_difference

Demsar 2006 (Statistical comparisons of classifiers over multiple data sets). The data sets are the sample, each with
one value for every variant, its mean over seeds: seeds of several data sets are never pooled. Knows numbers only.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from archsearch.errors import UsageError
from archsearch.metrics import Direction
from archsearch.plain import Plain
from archsearch.stats.effect import Interval, Seed
from archsearch.stats.intervals import mean
from archsearch.stats.paired import holm
from archsearch.stats.sentence import p_equals

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ValuesByDataSet = Mapping[str, Mapping[str, Mapping[Seed, float | None]]]
MOST_ENUMERATED_RANKINGS = 50_000
_SAMPLED, _RESAMPLES, _SEED = 50_000, 2000, 20230


class Ranked(Plain):
    """A variant over all data sets; rank 1 is the best. `values` are its means on them, in their order.

    `rank95` is what the seeds leave open of the mean rank on these very data sets: a bootstrap of the seeds in each.
    `z`, `p` and Holm's `p_adjusted` compare its mean rank with the baseline's (None of the baseline itself), by the
    normal approximation of Demsar 2006, section 3.2.2: a question about further data sets. Of two variants there is no
    `z`, and `p` is that of the one test there is, Wilcoxon's.
    """

    name: str
    mean_rank: float
    rank95: Interval | None
    values: Annotated[tuple[float, ...], Field(strict=False)]
    z: float | None = None
    p: float | None = None
    p_adjusted: float | None = None


class OverDataSets(Plain):
    """What several data sets say together; variants in the order of their mean ranks, the best first.

    `statistic` is Friedman's chi squared with `p_chi2`; `p` is exact, or from 50,000 sampled rankings, as the chi
    squared is far off for few data sets. With two variants there is no ranking to test: `p` is Wilcoxon's signed-rank
    test of their means. `critical_difference` is Nemenyi's: mean ranks that are further apart differ at `alpha`, all
    pairs counted. `smallest_p` is the least that so few data sets can give.
    """

    data_sets: Annotated[tuple[str, ...], Field(strict=False)]
    baseline: str
    alpha: float
    ranked: Annotated[tuple[Ranked, ...], Field(strict=False)]
    statistic: float | None
    p_chi2: float | None
    p: float
    exact: bool
    smallest_p: float
    critical_difference: float | None
    left_out: Annotated[tuple[str, ...], Field(strict=False)]
    sentence: str


def compare_over_data_sets(
    values: ValuesByDataSet, baseline: str, direction: Direction = "maximize", alpha: float = 0.05
) -> OverDataSets:
    """Rank the variants on each data set by their means over seeds, and compare the ranks over the data sets.

    A variant without a value on one of the data sets is left out. Raises `UsageError` for fewer than two data sets, or
    where no variant is left beside the baseline.
    """
    import numpy as np

    names, left_out = _complete(values, baseline)
    if len(values) < 2:
        raise UsageError(f"{len(values)} data set: a comparison over data sets needs at least two")
    if len(names) < 2:
        raise UsageError(f"nothing is left to compare with {baseline} on all {len(values)} data sets")
    means = np.array([[mean(_numbers(of[name])) for name in names] for of in values.values()])
    ranks = _ranks(means, direction)
    mean_ranks, sets = ranks.mean(axis=0), len(values)
    statistic, p_chi2, p, exact, smallest = _test(means, ranks)
    z, plain_p = _against(mean_ranks, names.index(baseline), sets)
    if len(names) == 2:  # ranks of two are signs, which forget how far apart the means are: the same question, once
        z, plain_p = [None, None], [None if one is None else p for one in plain_p]
    adjusted = iter(holm([one for one in plain_p if one is not None]))
    spread = _rank_intervals(values, names, direction)
    ranked = [
        Ranked(
            name=name,
            mean_rank=float(mean_ranks[place]),
            rank95=spread[place] if spread is not None else None,
            values=tuple(means[:, place].tolist()),
            z=z[place],
            p=plain_p[place],
            p_adjusted=None if plain_p[place] is None else next(adjusted),
        )
        for place, name in enumerate(names)
    ]
    ranked.sort(key=lambda one: one.mean_rank)
    found = OverDataSets(
        data_sets=tuple(values),
        baseline=baseline,
        alpha=alpha,
        ranked=tuple(ranked),
        statistic=statistic,
        p_chi2=p_chi2,
        p=p,
        exact=exact,
        smallest_p=smallest,
        critical_difference=critical_difference(len(names), sets, alpha) if len(names) > 2 else None,
        left_out=left_out,
        sentence="",
    )
    return found.model_copy(update={"sentence": _sentence(found)})


def critical_difference(variants: int, data_sets: int, alpha: float = 0.05) -> float:
    """Give Nemenyi's critical difference of mean ranks: q sqrt(k (k + 1) / (6 N)), q of the studentised range."""
    from scipy.stats import studentized_range

    q = float(studentized_range.isf(alpha, variants, math.inf)) / math.sqrt(2)
    return q * math.sqrt(variants * (variants + 1) / (6 * data_sets))


def _complete(values: ValuesByDataSet, baseline: str) -> tuple[list[str], tuple[str, ...]]:
    every = dict.fromkeys(name for of in values.values() for name in of)
    complete = [name for name in every if all(_numbers(of.get(name, {})) for of in values.values())]
    if baseline not in complete:
        raise UsageError(f"the baseline {baseline!r} has no value on one of the data sets")
    return complete, tuple(name for name in every if name not in complete)


def _numbers(of: Mapping[Seed, float | None]) -> list[float]:
    return [value for value in of.values() if value is not None and math.isfinite(value)]


def _ranks(means: NDArray[np.float64], direction: Direction) -> NDArray[np.float64]:
    """Rank along the last axis, 1 the best; what is equal shares the mean of its ranks."""
    import numpy as np
    from scipy.stats import rankdata

    signed = -means if direction == "maximize" else means
    return np.asarray(rankdata(np.round(signed, 12), axis=-1), dtype=float)


def _test(
    means: NDArray[np.float64], ranks: NDArray[np.float64]
) -> tuple[float | None, float | None, float, bool, float]:
    """Give Friedman's chi squared, its p, the p that counts, whether that is exact, and the least p there can be."""
    from scipy.stats import friedmanchisquare, wilcoxon

    sets, variants = ranks.shape
    if variants == 2:
        d = means[:, 1] - means[:, 0]
        p = 1.0 if not d.any() else float(wilcoxon(d, method="exact" if _exact_wilcoxon(d) else "auto").pvalue)
        return None, None, p, _exact_wilcoxon(d), 2.0 ** (1 - sets)
    if not (ranks - ranks[:, :1]).any():  # all are equal everywhere
        return 0.0, 1.0, 1.0, True, _smallest(sets, variants)
    found = friedmanchisquare(*ranks.T)
    p, exact = _p_of_rankings(ranks)
    return float(found.statistic), float(found.pvalue), p, exact, _smallest(sets, variants)


def _exact_wilcoxon(d: NDArray[np.float64]) -> bool:
    return bool(d.all()) and len(set(abs(d).tolist())) == len(d) <= 50


def _smallest(sets: int, variants: int) -> float:
    """Give the share of rankings in which all data sets agree on one order."""
    return float(math.factorial(variants) ** (1 - sets))


def _p_of_rankings(ranks: NDArray[np.float64]) -> tuple[float, bool]:
    """Give the share of shuffled rankings whose rank sums lie as far apart; and whether all of them were counted."""
    import numpy as np

    sets, variants = ranks.shape
    centre = ranks.mean(axis=1).sum()
    observed = float(((ranks.sum(axis=0) - centre) ** 2).sum()) - 1e-9
    if math.factorial(variants) ** (sets - 1) <= MOST_ENUMERATED_RANKINGS:
        orders = np.array([*itertools.permutations(range(variants))])
        sums = ranks[0][None, :]  # the first may stay: only how the others stand to it counts
        for row in ranks[1:]:
            sums = (sums[:, None, :] + row[orders][None, :, :]).reshape(-1, variants)
        return float((((sums - centre) ** 2).sum(axis=1) >= observed).mean()), True
    dice = np.random.default_rng(_SEED)
    sums = np.zeros((_SAMPLED, variants))
    for row in ranks:
        sums += dice.permuted(np.broadcast_to(row, sums.shape), axis=1)
    far = int((((sums - centre) ** 2).sum(axis=1) >= observed).sum())
    return (far + 1) / (_SAMPLED + 1), False


def _against(
    mean_ranks: NDArray[np.float64], baseline: int, sets: int
) -> tuple[list[float | None], list[float | None]]:
    """Compare each mean rank with the baseline's: z and its two-sided p, None of the baseline."""
    from scipy.stats import norm

    variants = len(mean_ranks)
    error = math.sqrt(variants * (variants + 1) / (6 * sets))
    z = [
        None if place == baseline else float((rank - mean_ranks[baseline]) / error)
        for place, rank in enumerate(mean_ranks)
    ]
    return z, [None if one is None else float(2 * norm.sf(abs(one))) for one in z]


def _rank_intervals(values: ValuesByDataSet, names: Sequence[str], direction: Direction) -> list[Interval] | None:
    """Bootstrap the seeds of each data set, the same for all variants; None where one has fewer than three seeds."""
    import numpy as np

    dice = np.random.default_rng(_SEED)
    total = np.zeros((_RESAMPLES, len(names)))
    for of in values.values():
        shared = [seed for seed in of[names[0]] if all(_is_number(of[name].get(seed)) for name in names)]
        if len(shared) < 3:
            return None
        table = np.array([[of[name][seed] for seed in shared] for name in names], dtype=float)
        drawn = dice.integers(len(shared), size=(_RESAMPLES, len(shared)))
        total += _ranks(table[:, drawn].mean(axis=2).T, direction)
    ends = np.percentile(total / len(values), [2.5, 97.5], axis=0)
    return [(float(low), float(high)) for low, high in ends.T]


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _sentence(found: OverDataSets) -> str:
    """Say what the data sets say together, in one sentence."""
    count, alpha = len(found.data_sets), found.alpha
    best = found.ranked[0]
    if found.statistic is None:
        test = f"Wilcoxon's signed ranks {p_equals(found.p)}"
    else:
        test = f"Friedman's chi2 {found.statistic:.2f}, {p_equals(found.p)}{'' if found.exact else ' (sampled)'}"
    head = f"Over {count} data sets, {test}: "
    if found.smallest_p >= alpha:
        least = f"the least p is {found.smallest_p:.2g}"
        return f"{head}{count} data sets cannot show a difference, whatever they say ({least})."
    if found.p >= alpha:
        return f"{head}no difference in ranks is shown; {best.name} has the best mean rank, {best.mean_rank:.2f}."
    base = next(one for one in found.ranked if one.name == found.baseline)
    differ = [one for one in found.ranked if one.p_adjusted is not None and one.p_adjusted < alpha]
    if found.statistic is None:
        return f"{head}{best.name} is the better one (mean ranks {_both(found)})."
    said = [
        f"{one.name} ranks {'better' if one.mean_rank < base.mean_rank else 'worse'} than {base.name} "
        f"({one.mean_rank:.2f} and {base.mean_rank:.2f}, Holm {p_equals(one.p_adjusted or 0.0)})"
        for one in differ
    ]
    return head + ("; ".join(said) or f"the ranks differ, and none is shown to differ from that of {base.name}") + "."


def _both(found: OverDataSets) -> str:
    return " and ".join(f"{one.mean_rank:.2f}" for one in found.ranked)
