"""What published numbers can say: against scipy's integrals and tests, and against simulated papers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, norm, ttest_ind_from_stats
from statsmodels.stats.power import NormalIndPower

from archsearch.stats.claim import ALPHA, PublishedClaim, chances_of, judge_claim, probability_text


def judged(ours: float, theirs: float, size: int, **more: Any):
    return judge_claim(PublishedClaim(ours=ours, theirs=theirs, test_size=size, **more))


@pytest.mark.parametrize(("ours", "theirs", "size"), [(0.981, 0.979, 10_000), (0.9, 0.7, 30), (1.0, 0.99, 200)])
def test_over_images_it_is_the_integral_of_two_beta_distributions(ours, theirs, size):
    a, b = ([p * size + 0.5, (1 - p) * size + 0.5] for p in (ours, theirs))
    centre = beta.mean(*a)
    wanted, _ = quad(lambda x: beta.pdf(x, *a) * beta.sf(x, *b), 0, 1, points=[centre], limit=500, epsabs=1e-12)
    found = judged(ours, theirs, size)
    assert found.p_false_images == pytest.approx(wanted, rel=1e-3)
    assert found.p_false == found.p_false_images
    assert judged(theirs, ours, size).p_false_images == pytest.approx(found.p_false_images)
    assert (found.seed_error, found.p_false_seeds, found.seeds_needed) == (None, None, None)


def test_with_many_images_it_is_the_normal_approximation():
    se = math.sqrt((0.981 * 0.019 + 0.979 * 0.021) / 10_000)
    found = judged(0.981, 0.979, 10_000)
    assert found.image_error == pytest.approx(se, rel=2e-3)
    assert found.p_false_images == pytest.approx(norm.sf(0.002 / se), abs=2e-3)


def test_over_images_it_is_as_often_false_as_it_says():
    """Papers whose true accuracies are drawn from the prior: of the orders that are false with p, a share p is."""
    dice = np.random.default_rng(3)
    true = dice.beta(0.5, 0.5, (100_000, 2))
    hits = dice.binomial(20, true)
    said = np.array(
        [[chances_of(PublishedClaim(ours=a / 20, theirs=b / 20, test_size=20)).p_false for b in range(21)]
         for a in range(21)]
    )  # fmt: skip
    kept = hits[:, 0] != hits[:, 1]
    p = said[hits[kept, 0], hits[kept, 1]]
    false = (np.diff(true[kept]) * np.diff(hits[kept]) < 0)[:, 0]
    for low, high in ((0.0, 0.01), (0.01, 0.05), (0.05, 0.15), (0.15, 0.3), (0.3, 0.5)):
        some = (p >= low) & (p < high)
        error = math.sqrt(p[some].mean() / some.sum())
        assert false[some].mean() == pytest.approx(p[some].mean(), abs=4 * error)


@pytest.mark.parametrize(("n", "m"), [(3, 3), (10, 4)])
def test_over_seeds_it_is_the_one_sided_p_of_welchs_test(n, m):
    found = judged(0.981, 0.979, 10_000, seeds=n, their_seeds=m, sd=0.002, their_sd=0.001)
    wanted = ttest_ind_from_stats(0.981, 0.002, n, 0.979, 0.001, m, equal_var=False, alternative="greater").pvalue
    assert found.p_false_seeds == pytest.approx(wanted)
    assert found.seed_error == pytest.approx(math.sqrt(0.002**2 / n + 0.001**2 / m))


def test_an_sd_that_both_share_has_the_freedom_of_those_who_gave_it():
    found = judged(0.981, 0.979, 10_000, seeds=3, their_seeds=3, sd=0.002)
    t = 0.002 / (0.002 * math.sqrt(2 / 3))
    assert found.p_false_seeds == pytest.approx((1 - t / math.sqrt(2 + t * t)) / 2)  # Student's t with 2 degrees
    one = judged(0.981, 0.979, 10_000, sd=0.002)
    assert one.p_false_seeds == pytest.approx(norm.sf(1 / math.sqrt(2)))  # of one run each, the SD known


def test_both_sources_together_are_never_surer_than_one():
    for size in (100, 10**6):
        for sd in (0.0, 1e-4, 0.002, 0.05):
            for seeds in (1, 2, 3, 20):
                found = judged(0.981, 0.979, size, seeds=seeds, their_seeds=seeds, sd=sd)
                assert found.p_false >= max(found.p_false_images, found.p_false_seeds or 0.0)
                assert found.error == pytest.approx(math.hypot(found.image_error, found.seed_error))


def test_orders_of_equals_are_called_settled_at_most_as_often_as_alpha_says():
    """Simulated papers: images of varying difficulty, networks of one true accuracy, means over five seeds."""
    dice = np.random.default_rng(8)
    images, seeds, papers, settled = 400, 5, 200, 0
    for _ in range(papers):
        rates = dice.beta(4, 1, (2, images))  # how often a seed gets an image right; both methods 80 % on average
        runs = (dice.random((seeds, 2, images)) < rates).mean(axis=2)
        sds = runs.std(axis=0, ddof=1)
        mean = runs.mean(axis=0)
        numbers = dict(zip(("ours", "theirs", "sd", "their_sd"), [*mean.tolist(), *sds.tolist()], strict=True))
        claim = PublishedClaim(**numbers, test_size=images, seeds=seeds, their_seeds=seeds)
        settled += chances_of(claim).p_false <= ALPHA / 2
    assert settled / papers <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / papers)


def test_images_needed_find_the_difference_with_the_power_that_is_said():
    found = judged(0.93, 0.91, 1000)
    spread = math.sqrt((0.93 * 0.07 + 0.91 * 0.09) / 2)
    wanted = NormalIndPower().solve_power(effect_size=0.02 / spread, alpha=0.05, power=0.8)
    assert found.images_needed == pytest.approx(wanted, abs=1.5)


def test_seeds_needed_find_the_difference_with_the_power_that_is_said():
    """Simulated: a sign-flip test needs a pair or two more than the t test's 17."""
    found = judged(0.981, 0.979, 10**6, seeds=3, their_seeds=3, sd=0.002)
    n = found.seeds_needed
    dice = np.random.default_rng(5)
    differences = 0.002 + 0.002 * math.sqrt(2) * dice.standard_normal((4000, n))
    t = differences.mean(1) / differences.std(1, ddof=1) * math.sqrt(n)
    assert 0.78 <= (t > 2.1).mean() <= 0.86


def test_no_difference_is_no_order():
    found = judged(0.98, 0.98, 1000, sd=0.001, seeds=3, their_seeds=3)
    assert (found.p_false_images, found.p_false_seeds, found.p_false) == (0.5, 0.5, 0.5)
    assert (found.seeds_needed, found.images_needed, found.settled) == (None, None, False)
    assert found.sentence.endswith("is no difference: neither order is claimed.")


def test_no_spread_and_all_right_give_numbers_too():
    found = judged(1.0, 0.5, 10, sd=0.0)
    assert found.p_false_seeds == 0.0
    assert found.settled
    assert judged(1.0, 0.0, 1).p_false_images < 0.5
    assert math.isfinite(judged(1.0, 0.999, 1).image_error)


def test_sentences_say_what_would_settle_it():
    assert judged(0.981, 0.979, 10_000, seeds=3, their_seeds=3, sd=0.002).sentence == (
        "98.1 % against 97.9 % on 10,000 test images (3 seeds each) differ by 0.20 points. The probability that their "
        "true order is the other one is 16 % over other images, 17 % over other seeds and 23 % over both: the order is "
        "not settled. No number of seeds settles it: a difference of this size takes about 76,916 test images, and on "
        "these images about 19 seeds of each."
    )
    seeds = judged(0.99, 0.97, 10_000, seeds=2, their_seeds=2, sd=0.02).sentence
    assert seeds.endswith("About 19 seeds of each would settle it (power 80 %, alpha 0.05).")
    named = judge_claim(PublishedClaim(ours=0.99, theirs=0.9, test_size=10_000, name="mine", their_name="lenet"))
    assert named.sentence.startswith("mine 99 % against lenet 90 % on 10,000 test images (one run each) differ by 9.00")
    assert named.sentence.endswith("is below 0.01 % over other images: the order is settled.")


def test_chances_are_written_with_the_digits_that_mean_something():
    assert [probability_text(p) for p in (0.5, 0.164, 0.0317, 0.00042, 0.00001)] == [
        "50 %", "16 %", "3.2 %", "0.042 %", "below 0.01 %",
    ]  # fmt: skip
