"""The group-sequential rule against all sign patterns, counted here by themselves; its family, p and interval."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from archsearch.stats import group_sequential as gs
from archsearch.stats.paired import equivalence_p, holm, sign_flip_test
from archsearch.stats.sign_group import signs

SIZES = (0.3, 1.1, 0.7, 2.0, 0.2, 0.9, 1.6, 0.5)
LOOKS = (4, 6, 8)


def patterns(sizes=SIZES):
    return [
        [s * x for s, x in zip(flips, sizes, strict=True)] for flips in itertools.product((1, -1), repeat=len(sizes))
    ]


def rejected_by_hand(alpha: float, statistic, looks=LOOKS) -> dict[int, int]:
    """Go through all 2^8 patterns: which look rejects which, by the definition."""
    paths, out = patterns(), {}
    for look, n in enumerate(looks):
        allowed = math.floor(len(paths) * alpha * max(0.24, (n / looks[-1]) ** 1.6) + 1e-9)
        left = [i for i in range(len(paths)) if i not in out]
        now = {i: round(statistic(paths[i][:n]), 9) for i in left}
        for value in sorted(set(now.values()), reverse=True):
            at_least = [i for i in left if now[i] >= value]
            if len(out.keys() - at_least) + len(at_least) > allowed:
                break
            out |= {i: out.get(i, look) for i in at_least}
    return out


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("side", ["both", "greater"])
def test_each_pattern_is_rejected_where_counting_all_of_them_says(alpha: float, side) -> None:
    by_hand = rejected_by_hand(alpha, (lambda d: abs(sum(d))) if side == "both" else sum)
    found = [gs.first_crossing(d, LOOKS, alpha, side=side) for d in patterns()]
    assert found == [by_hand.get(i) for i in range(len(found))]
    assert sum(look is not None for look in found) <= alpha * len(found)


def test_at_most_alpha_of_all_patterns_is_rejected_with_ties_and_zeros_and_failed_pairs() -> None:
    for sizes in [
        (1, 1, 1, 1, 1, 1, 1, 1),
        (0.0, 2, 2, 1, 0.0, 3, 1, 1),
        (1e-4, 2e-4, 3e-4, 1e-4, 5e-4, 4e-4, 1e-4, 2e-4),
    ]:
        found = [gs.first_crossing(d, LOOKS, 0.2) for d in patterns(sizes)]
        for look, n in enumerate(LOOKS):
            crossed = [one for one in found if one is not None and one <= look]
            assert len(crossed) <= len(found) * 0.2 * max(0.24, (n / 8) ** 1.6)
    one = [0.4, None, 0.3, 0.5, 0.6, 0.1, 0.2, 0.3]
    assert gs.first_crossing(one, (8,), 2 / 2**7) == 0  # 7 pairs that agree
    assert gs.first_crossing(one, (8,), 1.9 / 2**7) is None
    assert gs.first_crossing([0.0] * 8, LOOKS, 0.9) is None


def test_thirty_pairs_are_rejected_in_as_many_patterns_of_the_group_as_may_be() -> None:
    """Where not all 2^30 patterns are counted: what the rule rejects does not depend on the pattern that was seen."""
    looks, d = gs.plan_looks(30), np.random.default_rng(9).normal(0, 1, 30)
    sums = np.abs(np.cumsum(signs(0, 30) * d, axis=1))[:, [n - 1 for n in looks]]
    at = np.full(len(sums), -1)
    for look, n in enumerate(looks):
        allowed = math.floor(0.05 * max(0.24, (n / 30) ** 1.6) * len(sums)) - int((at >= 0).sum())
        left = np.flatnonzero(at < 0)
        highest = np.sort(sums[left, look])[::-1]
        at[left[sums[left, look] > highest[allowed] + 1e-9]] = look  # early ones tie: 8 pairs have 2^8 patterns only
    assert (at >= 0).sum() == math.floor(0.05 * len(sums))
    for row in (*np.flatnonzero(at >= 0)[:12], *range(40, 52)):
        found = gs.first_crossing((signs(0, 30)[row] * d).tolist(), looks, 0.05)
        assert found == (None if at[row] < 0 else at[row])


def test_one_look_is_the_exact_sign_flip_test() -> None:
    random = np.random.default_rng(3)
    for d in random.normal(0.5, 1, (20, 12)).tolist():
        p = sign_flip_test(d).p
        assert gs.first_crossing(d, (12,), p) == 0
        assert gs.first_crossing(d, (12,), p - 1e-9) is None
        assert gs.sequential_p(d, (12,)) == pytest.approx(p, abs=1e-12)


def test_interval_of_one_look_lies_between_means_of_subsets() -> None:
    """With 8 pairs at 0.05, 6 of 2^8 patterns a side may be rejected: the edges are the 6th means of subsets."""
    d = [0.12, -0.4, 0.9, 1.3, 0.25, 0.7, 1.8, 0.33]
    means = sorted(np.mean(c) for size in range(1, 9) for c in itertools.combinations(d, size))
    assert gs.repeated_interval(d, (8,)) == pytest.approx((means[5], means[-6]), abs=1e-5)
    assert gs.repeated_interval(d[:7], (8,)) is None
    assert gs.repeated_interval([1.0, None, None, None, None, None, None, None], (8,)) is None


def test_interval_leaves_0_out_where_the_test_rejects_and_holds_the_mean() -> None:
    looks = gs.plan_looks(30)
    for d in np.random.default_rng(5).normal(0.6, 1, (6, 30)).tolist():
        low, high = gs.repeated_interval(d, looks)
        assert (low > 0 or high < 0) == (gs.first_crossing(d, looks, 0.05) is not None)
        assert low < np.mean(d) < high


# -- looks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("most", "comparisons", "looks"),
    [(30, 1, (8, 11, 15, 20, 30)), (30, 6, (10, 14, 20, 30)), (10, 2, (8, 10)), (10, 20, (10,)), (3, 1, (3,))],
)
def test_looks_begin_where_a_family_can_reject(most: int, comparisons: int, looks: tuple[int, ...]) -> None:
    assert gs.plan_looks(most, comparisons=comparisons) == looks
    if len(looks) > 1:
        agree = [0.1 * (1 + i % 3) for i in range(looks[0])]
        assert gs.first_crossing(agree, looks, 0.05 / comparisons) == 0
        assert 2 / 2 ** (looks[0] - 1) > gs.spent((looks[0] - 1) / most, 0.05 / comparisons)


# -- families ----------------------------------------------------------------------------------------------------------


def drawn(means, seeds=30, sd=1.0, seed=1):
    random = np.random.default_rng(seed)
    return {f"{i}: {mean}": random.normal(mean, sd, seeds).tolist() for i, mean in enumerate(means)}


def test_family_stops_each_comparison_at_its_first_decision() -> None:
    d = drawn((4, -3, 0)) | {"same": (0.2 * np.random.default_rng(2).normal(0, 1, 30)).tolist()}
    looks = gs.plan_looks(30, comparisons=4)
    run = gs.follow_looks(d, looks=looks, margin=0.3)
    assert [course.verdict for course in run.values()] == ["better", "worse", None, "equivalent"]
    assert run["0: 4"] == gs.LookCourse("better", looks[0], looks[0], 1)
    assert run["2: 0"] == gs.LookCourse(None, None, 30, len(looks))
    assert gs.follow_looks({"a": d["0: 4"]}, looks=looks, direction="minimize")["a"].verdict == "worse"
    shorter = gs.follow_looks({name: values[: looks[0] - 1] for name, values in d.items()}, looks=looks, margin=0.3)
    assert {course.verdict for course in shorter.values()} == {None}


def test_what_is_rejected_passes_its_alpha_on() -> None:
    """Found by a search over drawn families: 30 pairs that 0.05 rejects, and 0.025 does not."""
    looks = gs.plan_looks(30, comparisons=2)
    weak = next(
        d
        for d in np.random.default_rng(8).normal(0.4, 1, (200, 30)).tolist()
        if gs.first_crossing(d, looks, 0.05) is not None and gs.first_crossing(d, looks, 0.025) is None
    )
    strong, nothing = drawn((5, 0)).values()
    assert gs.follow_looks({"weak": weak, "other": nothing}, looks=looks)["weak"].verdict is None
    run = gs.follow_looks({"weak": weak, "other": strong}, looks=looks)
    assert (run["other"].stopped_at, run["weak"].verdict) == (looks[0], "better")


def test_family_is_the_closed_test_over_all_its_sets() -> None:
    """Each set of s comparisons is rejected if one of it crosses at alpha / s: gone through set by set."""
    looks = gs.plan_looks(20, comparisons=4)
    for seed in range(12):
        d = drawn((0.3, 0.6, 0.7, 0.9), 20, seed=seed)
        crossed = {
            (name, s): gs.first_crossing(values, looks, 0.05 / s) for name, values in d.items() for s in (1, 2, 3, 4)
        }
        sets = [c for size in range(1, 5) for c in itertools.combinations(d, size)]
        for name, course in gs.follow_looks(d, looks=looks).items():
            whole = [c for c in sets if name in c]
            when = max(
                min((crossed[n, len(c)] for n in c if crossed[n, len(c)] is not None), default=99) for c in whole
            )
            assert course.stopped_at == (None if when == 99 else looks[when])


def test_more_seeds_keep_every_earlier_decision() -> None:
    """An interrupted family goes on as if it had not been: what stopped stays where it stopped."""
    d = drawn((0, 0.7, 1, 2))
    looks = gs.plan_looks(30, comparisons=4)
    whole = gs.follow_looks(d, looks=looks)
    for seen in range(31):
        part = gs.follow_looks({name: values[:seen] for name, values in d.items()}, looks=looks)
        assert {n: c for n, c in part.items() if c.verdict} == {
            n: c for n, c in whole.items() if c.stopped_at is not None and c.stopped_at <= seen
        }
    stopped = {name: values[: whole[name].seeds] for name, values in d.items()}
    assert gs.follow_looks(stopped, looks=looks) == whole


def test_p_values_are_holm_s_of_each_alone_and_agree_with_the_verdicts() -> None:
    d = drawn((0, 0.5, 0.6, 1.5))
    looks = gs.plan_looks(30, comparisons=4)
    courses = gs.follow_looks(d, looks=looks, margin=0.4)
    found = gs.look_p_values(d, courses, looks=looks, margin=0.4)
    alone = [gs.sequential_p(values[: courses[name].seeds], looks) for name, values in d.items()]
    assert [one.p for one in found.values()] == alone
    assert [one.p_adjusted for one in found.values()] == list(holm(alone))
    for name, course in courses.items():
        assert (course.verdict in ("better", "worse")) == (found[name].p_adjusted <= 0.05)


def test_equivalence_is_near_that_of_two_t_tests() -> None:
    """A single look, so the same question that scipy's t answers: the p values agree but for the tails' shape."""
    for d in np.random.default_rng(4).normal(0.1, 1, (10, 25)).tolist():
        course = gs.follow_looks({"a": d}, looks=(25,), margin=0.6)
        p = gs.look_p_values({"a": d}, course, looks=(25,), margin=0.6)["a"].equivalence_p
        assert p == pytest.approx(equivalence_p(d, 0.6), rel=0.25, abs=0.005)
        assert (course["a"].verdict == "equivalent") == (p <= 0.05 and gs.first_crossing(d, (25,), 0.05) is None)
