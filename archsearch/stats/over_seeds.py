"""Several seeds of one spec in a few numbers: mean, spread, and where one more run would land.

summary = summarise([0.9726, 0.9766, 0.9740], documented=0.9753)
summary.mean, summary.ci95, summary.prediction95, summary.documented_inside
" ".join(documented_words(summary))
"""

from __future__ import annotations

from collections.abc import Sequence

from archsearch.metrics import bounds_of, direction_of, kind_of, title_of, written
from archsearch.plain import Plain
from archsearch.stats import intervals
from archsearch.wording import chance_text, count_of, range_text

SMALL_TEST_SET = 1000  # images; below, Wilson's interval of 90 % is wider than 88 to 92 %


class Summary(Plain):
    """Values of a metric over seeds, accuracies as fractions; intervals are Student's t with n - 1 degrees of freedom.

    `ci95` holds the mean of all seeds, `prediction95` one more run: mean +- t * sd * sqrt(1 + 1/n) (Hahn & Meeker,
    Statistical Intervals), both cut to where the metric can lie, whatever the spread: a share from 0 to 1, a loss from
    0 on. None where fewer than two runs completed. `images95` is another question: Wilson's interval of the mean over
    the `test_images` as a sample of all such images; seeds say nothing about that.

    `documented_chance` is the probability that one more run is at least as good as the documented value, by the same
    distribution as `prediction95`; `documented_reached` counts the seeds that were.
    """

    n: int
    diverged: int
    mean: float | None
    sd: float | None
    ci95: tuple[float, float] | None
    prediction95: tuple[float, float] | None
    documented: float | None
    documented_inside: bool | None
    documented_chance: float | None = None
    documented_reached: int | None = None
    test_images: int | None = None
    images95: tuple[float, float] | None = None
    metric: str = "test_accuracy"

    @property
    def mean_words(self) -> str:
        """Write the mean with its unit."""
        return written(self.metric, self.mean)

    @property
    def sd_words(self) -> str:
        """Write the standard deviation: of shares in percentage points."""
        assert self.sd is not None
        return f"{100 * self.sd:.3f} points" if kind_of(self.metric) == "percent" else f"{self.sd:.3g}"

    @property
    def interval_words(self) -> str:
        """Write the interval of the mean."""
        assert self.ci95 is not None
        low, high = self.ci95
        return range_text(self.ci95) if kind_of(self.metric) == "percent" else f"{low:.4g} to {high:.4g}"


def summarise(
    values: Sequence[float],
    *,
    diverged: int = 0,
    documented: float | None = None,
    test_images: int | None = None,
    metric: str = "test_accuracy",
) -> Summary:
    """Summarise values over seeds; `diverged` runs are counted, not averaged. Only an accuracy is a share of images."""
    lies, sign = bounds_of(metric), 1 if direction_of(metric) == "maximize" else -1
    n = len(values)
    if metric != "test_accuracy":
        test_images = None
    mean = intervals.mean(values) if n else None
    ci = prediction = None
    if n >= 2 and mean is not None:
        both = intervals.t_interval(values), intervals.prediction_interval(values)
        ci, prediction = (intervals.within(one, mean, lies) for one in both)
    inside = None if prediction is None or documented is None else prediction[0] <= documented <= prediction[1]
    return Summary(
        n=n,
        diverged=diverged,
        mean=mean,
        sd=intervals.standard_deviation(values) if n >= 2 else None,
        ci95=ci,
        prediction95=prediction,
        documented=documented,
        documented_inside=inside,
        documented_chance=None
        if inside is None or documented is None
        else intervals.chance_of_at_least([sign * value for value in values], sign * documented),
        documented_reached=None if documented is None else sum(sign * value >= sign * documented for value in values),
        test_images=test_images,
        images95=None
        if mean is None or not test_images
        else intervals.wilson_interval(mean * test_images, test_images),
        metric=metric,
    )


def documented_words(summary: Summary) -> tuple[str, ...]:
    """Say what the seeds say of the documented value, as parts of one sentence; none where they say nothing."""
    if summary.documented is None or summary.documented_inside is None:
        return ()
    assert summary.prediction95 is not None
    assert summary.documented_chance is not None
    inside = "lies inside" if summary.documented_inside else "lies outside"
    unit = " %" if kind_of(summary.metric) == "percent" else ""
    documented, ends = beside_prediction(summary.documented, summary.prediction95, summary.metric)
    named = "" if summary.metric == "test_accuracy" else f"{title_of(summary.metric)} "
    return (
        f"the documented {named}{documented}{unit}",
        f"{inside} the 95 % prediction interval",
        "for one more run,",
        f"{ends}{unit};",
        f"{summary.documented_reached} of {count_of(summary.n, 'seed')}",
        f"{'was' if summary.documented_reached == 1 else 'were'} at least so good,",
        f"the chance of one more is {chance_text(summary.documented_chance)}",
    )


def beside_prediction(
    documented: float, interval: tuple[float, float], metric: str = "test_accuracy"
) -> tuple[str, str]:
    """Write a value and an interval, shares in per cent, with as many digits as tell the value from its ends."""
    for digits in (2, 3, 4, 5):
        if kind_of(metric) == "percent":
            value, low, high = (f"{100 * one:.{digits}f}" for one in (documented, *interval))
        else:
            value, low, high = (f"{one:.{digits + 2}g}" for one in (documented, *interval))
        if value not in (low, high):
            break
    return value, f"{low} to {high}"


def size_warning(summary: Summary) -> str:
    """Say what a small test set can tell; "" for one of 1,000 images or more, or of unknown size."""
    images, mean = summary.test_images, summary.mean
    if images is None or images >= SMALL_TEST_SET or mean is None or summary.images95 is None:
        return ""
    low, high = summary.images95
    each = f"{images} samples, one of them is {100 / images:.2f} points" if images > 1 else "1 sample"
    return (
        f"the test set is small: {each}; {100 * mean:.2f} % of so few stands for {100 * low:.2f} to {100 * high:.2f} % "
        "of all such samples (Wilson's 95 % interval), however many seeds"
    )
