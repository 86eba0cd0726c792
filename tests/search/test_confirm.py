"""What a confirmation may claim: the rule of an ablation, with the finalists as levels."""

from __future__ import annotations

import pytest
from scipy import stats

from archsearch.kinds import NETWORK
from archsearch.search.concluding import conclude
from archsearch.search.confirm import (
    BASELINE,
    Confirmation,
    Confirmed,
    ahead_of_the_best,
    best_of,
    family_of,
    interval_method,
    not_told_apart,
)
from archsearch.search.confirm_said import headline
from archsearch.stats.effect import Effect

NOISE = (0.0, 0.001, -0.001, 0.0005, -0.0005, 0.0007, -0.0007, 0.0003)


def confirmed(seeds: int = 8, **test: float) -> Confirmation:
    """Conclude over some seeds; a candidate's test accuracy is its number plus a little noise of its own."""
    names = {name.replace("_", " "): (place, value) for place, (name, value) in enumerate(test.items())}
    values = {n: {s: v + NOISE[(s + 3 * i) % 8] for s in range(seeds)} for n, (i, v) in names.items()}
    return conclude(range(seeds), values, {}, {}, seeds * len(values))


def effect_of(found: Confirmation, name: str = "trial 1") -> Effect:
    """Give a finalist's comparison with the baseline."""
    effect = found.effect(name)
    assert effect is not None
    return effect


def first_of(found: Confirmation) -> str:
    """Name the best finalist."""
    first = best_of(found)
    assert first is not None
    return first.candidate


def test_one_clear_finalist_of_two_is_the_winner_with_holms_p_over_two() -> None:
    """All eight differences are positive: p = 2 / 2^8, times 2 for two finalists."""
    found = confirmed(baseline=0.90, trial_1=0.95, trial_2=0.93)
    effect = effect_of(found)
    assert effect.mean_difference is not None
    assert effect.ci95 is not None
    assert found.winner == "trial 1"
    assert (effect.p, effect.p_adjusted, effect.verdict) == (2 / 256, 4 / 256, "better")
    assert effect.ci95 == pytest.approx(
        stats.t.interval(0.95, 7, effect.mean_difference, stats.sem(effect.differences))
    )
    assert [(one.variant, one.against, one.verdict) for one in found.between] == [("trial 1", "trial 2", "better")]
    assert found.sentence == (
        "trial 1 has the best confirmed test accuracy, 95.00 % over 8 fresh seeds; trial 1 instead of the baseline: "
        f"+5.00 points (95 % CI {100 * effect.ci95[0]:+.2f} to {100 * effect.ci95[1]:+.2f}), 8 paired seeds, Holm over "
        "2: better; it is better than the other finalist."
    )


def test_three_seeds_name_no_winner_however_large_the_difference() -> None:
    """The least p of three pairs is 2 / 2^3; two finalists need seven pairs, as 2 * 2 / 2^7 is below 0.05."""
    found = confirmed(seeds=3, baseline=0.50, trial_1=0.95, trial_2=0.60)
    effect = effect_of(found)
    assert (effect.p, effect.verdict, found.winner) == (0.25, "inconclusive", None)
    assert first_of(found) == "trial 1"
    assert effect.further_seeds is not None
    about = 3 + effect.further_seeds
    assert headline(found) == (
        "No network is shown to be better than the baseline: trial 1, +45.02 points, is inconclusive with 3 seeds; "
        f"7 seeds can settle it, about {about} a difference of 0.10 points."
    )
    assert f"inconclusive; 7 seeds can settle it, about {about} a difference of 0.10 points" in found.sentence
    assert found.sentence.endswith("which of trial 1, trial 2 is best, is not shown by 3 seeds.")


def test_one_seed_has_no_spread_and_no_verdict() -> None:
    found = confirmed(seeds=1, baseline=0.50, trial_1=0.95)
    assert headline(found).endswith("trial 1, +45.05 points, is inconclusive with 1 seed; 6 seeds can settle it.")


def test_finalists_that_differ_little_are_judged_among_all_their_pairs() -> None:
    found = confirmed(baseline=0.90, trial_1=0.95, trial_2=0.9499, trial_3=0.93)
    assert found.winner is None
    assert not_told_apart(found) == ("trial 2",)
    assert {one.comparisons for one in found.between} == {3}
    assert headline(found) == (
        "A network better than the baseline was found; which of 2 finalists is best, is not clear."
    )


def test_best_mean_that_is_not_shown_leaves_the_claim_to_the_finalist_that_is() -> None:
    steady = {s: 0.90 + 0.0001 * s for s in range(8)}
    wild = {s: 0.95 + 0.10 * (-1) ** s for s in range(8)}
    test = {BASELINE: steady, "trial 1": wild, "trial 2": dict.fromkeys(range(8), 0.92)}
    found = conclude(range(8), test, {}, {}, 24)
    assert first_of(found) == "trial 1"
    assert found.winner is None
    assert headline(found) == (
        "A network better than the baseline was found: trial 2 is shown to be, trial 1, whose mean is the best, is not."
    )


def test_worse_and_equivalent_are_said() -> None:
    worse = confirmed(baseline=0.97, trial_1=0.95)
    assert ahead_of_the_best(worse) == (BASELINE,)
    assert headline(worse) == (
        "No network was found that is better than the baseline: the best finalist is worse than it."
    )
    flat = {s: 0.9 + 0.00001 * (-1) ** s for s in range(8)}
    same = conclude(range(8), {BASELINE: dict.fromkeys(range(8), 0.9), "trial 4": flat}, {}, {}, 16)
    assert headline(same) == (
        "No network was found that is better than the baseline: the best finalist, trial 4, is equivalent to it within "
        "0.10 points."
    )


def test_runs_that_are_still_to_come_leave_every_verdict_open() -> None:
    test = {BASELINE: {s: 0.90 + 0.001 * s for s in range(8)}, "trial 1": dict.fromkeys(range(7), 0.95)}
    found = conclude(range(8), test, {}, {}, 15, complete=False)
    assert (found.winner, effect_of(found).p) == (None, None)
    assert headline(found) == (
        "Trial 1 is the best finalist so far; there is no verdict before all runs of the confirmation are done."
    )
    assert "unfinished: no verdict" in found.sentence


def test_failed_run_is_left_out_of_its_pair_and_said() -> None:
    test: dict[str, dict[int, float | None]] = {
        BASELINE: {s: 0.90 + 0.001 * s for s in range(8)},
        "trial 1": {**dict.fromkeys(range(7), 0.95), 7: None},
    }
    found = conclude(range(8), test, {}, {}, 15)
    assert "7 paired seeds (1 more failed)" in found.sentence
    assert found.candidates[1].test_accuracies == {str(s): 0.95 for s in range(7)}


def test_search_that_minimised_a_loss_is_decided_by_test_loss_lower_is_better_in_its_own_unit() -> None:
    losses = {
        BASELINE: {s: 0.50 + NOISE[s] for s in range(8)},
        "trial 0": {s: 0.30 + NOISE[(s + 3) % 8] for s in range(8)},
        "trial 1": {s: 0.53 + NOISE[(s + 5) % 8] for s in range(8)},
    }
    validation = {"trial 0": dict.fromkeys(range(8), 0.32)}
    family, _ = family_of(NETWORK, {}, "val_loss")
    found = conclude(range(8), losses, validation, {"trial 0": (0, 0.25)}, 24, family=family)
    row = found.candidates[1]
    assert (first_of(found), found.winner, effect_of(found, "trial 0").verdict) == ("trial 0", "trial 0", "better")
    assert effect_of(found).verdict == "worse"
    assert (row.search_value, row.shrinkage, row.test_accuracies) == (0.25, pytest.approx(-0.07), {})
    assert found.sentence.startswith(
        "trial 0 has the best confirmed test loss, 0.3 over 8 fresh seeds; trial 0 instead of the baseline: -0.2"
    )
    assert "points" not in found.sentence
    assert Confirmation.model_validate_json(found.model_dump_json()) == found


def test_interval_of_two_seeds_stays_where_the_metric_lies() -> None:
    """Student's t of 0.5 and 0.7 over two seeds: 0.6 +- 12.706 * 0.1, and of losses 2 and 4: 3 +- 12.706."""
    found = conclude((1, 2), {"trial 1": {1: 0.5, 2: 0.7}}, {}, {}, 2)
    assert found.candidates[0].ci95 == (0.0, 1.0)
    lossy = conclude((1, 2), {"trial 1": {1: 2.0, 2: 4.0}}, {}, {}, 2, family=family_of(NETWORK, {}, "val_loss")[0])
    assert lossy.candidates[0].ci95 == (0.0, pytest.approx(3 + 12.7062, abs=1e-3))
    assert interval_method(found) == "Student's t over 2 seeds, cut to 0 to 100 %"
    assert interval_method(lossy) == "Student's t over 2 seeds, cut to 0 and above"
    for metric, low, said in (("val_mcc", -0.6706, "-1 to 1"), ("val_r2", -0.6706, "1 and below")):
        other = conclude((1, 2), {"trial 1": {1: 0.5, 2: 0.7}}, {}, {}, 2, family=family_of(NETWORK, {}, metric)[0])
        assert other.candidates[0].ci95 == (pytest.approx(low, abs=1e-3), 1.0)
        assert interval_method(other) == f"Student's t over 2 seeds, cut to {said}"
    below = conclude((1, 2), {"trial 1": {1: -2.0, 2: -4.0}}, {}, {}, 2, family=family_of(NETWORK, {}, "val_loss")[0])
    assert below.candidates[0].ci95 == (pytest.approx(-15.7062, abs=1e-3), pytest.approx(9.7062, abs=1e-3))
    assert interval_method(below) == "Student's t over 2 seeds"


def test_candidate_of_an_earlier_version_is_read_with_its_accuracies_as_values() -> None:
    row = confirmed(baseline=0.9).candidates[0].model_dump()
    del row["test_values"]
    assert Confirmed.model_validate(row).test_values == row["test_accuracies"]
