from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from archsearch.stats.intervals import wilson_interval
from archsearch.stats.over_seeds import documented_words, size_warning, summarise
from archsearch.wording import chance_text

VALUES = [0.9726, 0.9766, 0.9740]


def test_summary_of_three_seeds_agrees_with_scipy():
    summary = summarise(VALUES, documented=0.9753)
    sd = np.std(VALUES, ddof=1)
    assert summary.mean == pytest.approx(0.9744)
    assert summary.sd == pytest.approx(sd)
    assert summary.ci95 == pytest.approx(stats.t.interval(0.95, 2, loc=np.mean(VALUES), scale=stats.sem(VALUES)))
    # one more run: scale sd * sqrt(1 + 1/3), Hahn & Meeker
    assert summary.prediction95 == pytest.approx(stats.t.interval(0.95, 2, loc=0.9744, scale=sd * (4 / 3) ** 0.5))
    assert summary.documented_inside is True


def test_summary_says_when_the_documented_value_is_outside():
    assert summarise(VALUES, documented=0.99).documented_inside is False


def test_summary_of_one_run_has_no_interval():
    summary = summarise([0.97], diverged=2, documented=0.97)
    assert (summary.n, summary.diverged, summary.mean) == (1, 2, 0.97)
    assert (summary.sd, summary.ci95, summary.prediction95, summary.documented_inside) == (None, None, None, None)


def test_summary_of_no_completed_run_has_no_mean():
    summary = summarise([], diverged=3)
    assert (summary.n, summary.diverged, summary.mean) == (0, 3, None)


def test_prediction_interval_holds_one_more_run_95_times_in_100():
    random = np.random.default_rng(0)
    draws = random.normal(0.97, 0.002, size=(2000, 4))
    inside = 0
    for *seen, more in draws.tolist():
        interval = summarise(seen).prediction95
        assert interval is not None
        inside += interval[0] <= more <= interval[1]
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)


def test_intervals_of_an_accuracy_stay_within_0_to_1():
    """Two seeds at 30 and 53 %: Student's t would reach from -105 to 188 %."""
    summary = summarise([0.30, 0.53])
    assert (summary.ci95, summary.prediction95) == ((0.0, 1.0), (0.0, 1.0))
    values = [0.99, 0.97, 1.0]
    low = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))[0]
    assert summarise(values).ci95 == (pytest.approx(low), 1.0)


def test_intervals_stay_where_a_metric_can_lie():
    """Of 0.5 and 0.9 Student's t reaches 0.7 +- 12.706 * 0.2, and one more run lands 12.706 * 0.2 * sqrt(3) around."""
    reach, further = 12.7062 * 0.2, 12.7062 * 0.2 * 3**0.5
    for metric, low, high in (
        ("test_log_loss", 0.0, 100.0),
        ("test_rmse", 0.0, 100.0),
        ("test_brier", 0.0, 2.0),
        ("test_mcc", -1.0, 1.0),
        ("test_r2", -100.0, 1.0),
        ("test_loss", 0.0, 100.0),
    ):
        found = summarise([0.5, 0.9], metric=metric)
        assert found.ci95 == pytest.approx((max(low, 0.7 - reach), min(high, 0.7 + reach)), abs=1e-4), metric
        assert found.prediction95 == pytest.approx((max(low, 0.7 - further), min(high, 0.7 + further)), abs=1e-4)
    below = summarise([-0.5, -0.9], metric="test_loss")  # nll of outputs that are no log-probabilities
    assert below.ci95 == pytest.approx((-0.7 - reach, -0.7 + reach), abs=1e-4)


@pytest.mark.parametrize(("right", "images"), [(12, 12), (0, 12), (37, 40), (9, 10), (9744, 10000)])
def test_interval_over_images_is_wilsons(right, images):
    expected = stats.binomtest(right, images).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right, images) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert summarise([right / images] * 3, test_images=images).images95 == pytest.approx(wilson_interval(right, images))


def test_small_test_set_is_said_with_what_it_can_tell():
    assert size_warning(summarise([1.0] * 5, test_images=12)) == (
        "the test set is small: 12 samples, one of them is 8.33 points; 100.00 % of so few stands for 75.75 to "
        "100.00 % of all such samples (Wilson's 95 % interval), however many seeds"
    )
    assert size_warning(summarise([0.97, 0.98], test_images=1000)) == ""
    assert size_warning(summarise([0.97, 0.98])) == ""
    assert size_warning(summarise([], test_images=12)) == ""


def test_chance_of_one_more_run_is_students_by_scipy():
    summary = summarise(VALUES, documented=0.9753)
    scale = np.std(VALUES, ddof=1) * (4 / 3) ** 0.5
    assert summary.documented_chance == pytest.approx(stats.t(2, loc=0.9744, scale=scale).sf(0.9753))
    assert summary.documented_reached == 1  # 0.9766
    at_the_end = summarise(VALUES, documented=summary.prediction95[1])
    assert at_the_end.documented_chance == pytest.approx(0.025)


def test_chance_holds_for_draws_of_a_normal_distribution():
    """Of one more draw the share that reaches the last of five is what the four before it promised on average."""
    random = np.random.default_rng(1)
    draws = random.normal(0.9, 0.01, size=(3000, 5))
    promised = [summarise(row[:4].tolist(), documented=0.91).documented_chance for row in draws]
    reached = np.mean(draws[:, 4] >= 0.91)  # 15.9 % of a normal distribution lie one SD above the mean
    assert reached == pytest.approx(0.159, abs=0.02)
    # with four values the spread is not known well: the promise is more careful, by the t distribution's tail
    assert reached < np.mean(promised) < reached + 0.08


@pytest.mark.parametrize(("documented", "chance"), [(0.97, 1.0), (0.9699, 1.0), (0.9701, 0.0)])
def test_chance_of_seeds_that_all_agree_is_all_or_nothing(documented, chance):
    summary = summarise([0.97, 0.97, 0.97], documented=documented)
    assert summary.documented_chance == chance


def test_words_on_the_documented_value_are_one_sentence():
    assert " ".join(documented_words(summarise(VALUES, documented=0.9753))) == (
        "the documented 97.53 % lies inside the 95 % prediction interval for one more run, 96.43 to 98.45 %; "
        "1 of 3 seeds was at least so good, the chance of one more is 37 %"
    )
    outside = documented_words(summarise([0.90, 0.91, 0.92, 0.93], documented=0.5))
    assert outside[1] == "lies outside the 95 % prediction interval"
    assert outside[-1] == "the chance of one more is above 99.9 %"
    assert documented_words(summarise([0.97], documented=0.97)) == ()
    assert documented_words(summarise(VALUES)) == ()


def test_a_value_at_the_end_of_the_interval_is_written_so_that_it_can_be_told_from_it():
    """lenet_l1 with seeds 0 to 2: outside by 0.001 points."""
    summary = summarise([0.9742, 0.9760, 0.9748], documented=0.9704)
    low, high = stats.t.interval(0.95, 2, loc=0.975, scale=np.std([0.9742, 0.9760, 0.9748], ddof=1) * (4 / 3) ** 0.5)
    assert (f"{low:.6f}", f"{high:.6f}") == ("0.970447", "0.979553")
    words = " ".join(documented_words(summary))
    assert words.startswith(
        "the documented 97.040 % lies outside the 95 % prediction interval for one more run, 97.045 to 97.955 %;"
    )


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.0, "below 0.1 %"), (0.0412, "4.1 %"), (0.37, "37 %"), (0.953, "95.3 %"), (0.9995, "above 99.9 %")],
)
def test_a_chance_is_written_as_exactly_as_it_is_known(probability, text):
    assert chance_text(probability) == text


def test_errors_over_seeds_are_no_shares() -> None:
    found = summarise([58.0, 61.0, 55.0], metric="test_rmse", test_images=89)
    assert (found.mean, found.sd) == (58.0, 3.0)
    reach = 4.302652729911275 * 3 / math.sqrt(3)  # Student's t with 2 degrees of freedom, 0.975
    assert found.ci95 == pytest.approx((58 - reach, 58 + reach))
    assert (found.documented, found.test_images, found.images95) == (None, None, None)
