"""What published numbers can say: is the order of two accuracies true, or could it be the images, or the seeds?

    found = judge_claim(PublishedClaim(ours=0.981, theirs=0.979, test_size=10_000, seeds=3, their_seeds=3, sd=0.002))
    found.p_false_images, found.p_false_seeds, found.p_false     # probabilities that the order is false

Two accuracies on one test set of N images differ by chance in two ways, kept apart here:

*Other images.* A network with the true accuracy p is right on Binomial(N, p) of N images that are drawn anew; a mean
over seeds is on the same images, so that seeds do not make this less. With Jeffreys' prior the true accuracy is
Beta(pN + 1/2, (1 - p)N + 1/2) (Brown, Cai & DasGupta 2001, "Interval Estimation for a Binomial Proportion"), and the
probability that the order is false is that of the lower one's draw being the higher. The two are taken to err on their
images independently: networks that share their mistakes differ by less chance than that, so it is an upper bound.

*Other seeds.* On the same images, the mean of n runs has the error sd / sqrt(n); with no prior opinion on the
difference, the probability of the other order is the one-sided p of Welch's t test. Without an SD nothing is known.

*Both.* The variances are added, with Satterthwaite's degrees of freedom. A part of the spread over seeds is that of the
images (Jordan 2023, arXiv 2304.01910) and is counted twice, so this is an upper bound too.

Knows numbers only; accuracies, differences and SDs are fractions.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from archsearch.plain import NonNegativeFloat, Plain, Positive
from archsearch.stats.power import MOST_PLANNED_SEEDS, POWER, seeds_needed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALPHA = 0.05  # two-sided: an order is settled when it is false with a probability of at most 2.5 %
_NODES = 128  # of Gauss and Legendre's rule; the integrand is a smooth curve from 1 to 0
_MOST_IMAGES = 10**12


class PublishedClaim(Plain):
    """Two accuracies as they are printed, fractions: means of so many runs on a test set of so many images.

    `sd` is the spread of single runs over seeds; `their_sd` is None where it is taken to be as large.
    """

    ours: float = Field(ge=0, le=1)
    theirs: float = Field(ge=0, le=1)
    test_size: Positive
    seeds: Positive = 1
    their_seeds: Positive = 1
    sd: NonNegativeFloat | None = None
    their_sd: NonNegativeFloat | None = None
    name: str = ""
    their_name: str = ""


class ClaimVerdict(Plain):
    """What a claim's numbers say.

    `difference` is ours - theirs; `image_error` and `seed_error` its standard errors by the images and by the seeds,
    `error` by both. `p_false_images`, `p_false_seeds` and `p_false` are the probabilities that the true order is the
    other one: over other images with these networks, over other seeds on these images, over both (over images alone
    where no SD is known). `seeds_needed` is how many pairs of runs find a difference of this size on these images, None
    without an SD, for no difference, or above 10,000; `images_needed` the same for test images, None for no difference.
    Both with a power of 80 % at alpha 0.05, two-sided. `settled`: `p_false` is at most 2.5 %.
    """

    claim: PublishedClaim
    difference: float
    image_error: float
    seed_error: float | None
    error: float
    p_false_images: float
    p_false_seeds: float | None
    p_false: float
    settled: bool
    seeds_needed: int | None
    images_needed: int | None
    sentence: str
    assumptions: tuple[str, ...]


class Chances(NamedTuple):
    """The standard errors of a difference and the probabilities that its order is false, as `ClaimVerdict` has them."""

    image_error: float
    seed_error: float | None
    error: float
    p_false_images: float
    p_false_seeds: float | None
    p_false: float


def judge_claim(claim: PublishedClaim) -> ClaimVerdict:
    """Say with which probability the order of two published accuracies is false, and what would settle it."""
    difference, chances = claim.ours - claim.theirs, chances_of(claim)
    found = ClaimVerdict(
        claim=claim,
        difference=difference,
        **chances._asdict(),
        settled=chances.p_false <= ALPHA / 2,
        seeds_needed=_seeds_needed(claim, difference),
        images_needed=_images_needed(claim, difference),
        sentence="",
        assumptions=_assumptions(claim),
    )
    return found.model_copy(update={"sentence": _sentence(found)})


def chances_of(claim: PublishedClaim) -> Chances:
    """Compute how far images and seeds may have moved a difference, and with which probability beyond 0."""
    difference = claim.ours - claim.theirs
    images = math.hypot(_image_error(claim.ours, claim.test_size), _image_error(claim.theirs, claim.test_size))
    p_images = _p_images(claim)
    seeds, freedom = _seed_error(claim)
    if seeds is None:
        return Chances(images, None, images, p_images, None, p_images)
    error, p_seeds = math.hypot(images, seeds), _p_of(difference, seeds, freedom)
    both = _p_of(difference, error, freedom * (error / seeds) ** 4 if seeds else math.inf)
    # a further source of chance makes nothing surer, though Satterthwaite's formula may say so
    return Chances(images, seeds, error, p_images, p_seeds, max(p_images, p_seeds, both))


# -- images ------------------------------------------------------------------------------------------------------------


def _beta(accuracy: float, images: int) -> tuple[float, float]:
    return accuracy * images + 0.5, (1 - accuracy) * images + 0.5


def _image_error(accuracy: float, images: int) -> float:
    """Give the standard deviation of the Beta distribution of a true accuracy."""
    a, b = _beta(accuracy, images)
    return math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))


def _p_images(claim: PublishedClaim) -> float:
    """Give P(the lower one is truly the higher): the mean, over the quantiles of one, of the other's tail beyond it."""
    from scipy.stats import beta

    if claim.ours == claim.theirs:
        return 0.5
    low, high = sorted((claim.ours, claim.theirs))
    places, weights = _rule()
    draws = beta.ppf(places, *_beta(high, claim.test_size))
    return float(weights @ beta.sf(draws, *_beta(low, claim.test_size)))


@cache
def _rule() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give places between 0 and 1 with their weights."""
    from numpy.polynomial.legendre import leggauss

    nodes, weights = leggauss(_NODES)
    return (nodes + 1) / 2, weights / 2


def _images_needed(claim: PublishedClaim, difference: float) -> int | None:
    """Give N with (z_alpha + z_power)^2 (p (1 - p) + q (1 - q)) <= N (p - q)^2, for independent mistakes."""
    if difference == 0:
        return None
    normal = statistics.NormalDist()
    reach = normal.inv_cdf(1 - ALPHA / 2) + normal.inv_cdf(POWER)
    spread = claim.ours * (1 - claim.ours) + claim.theirs * (1 - claim.theirs)
    return max(1, min(_MOST_IMAGES, math.ceil(reach**2 * spread / difference**2)))


# -- seeds -------------------------------------------------------------------------------------------------------------


def _both_sds(claim: PublishedClaim) -> tuple[float, float] | None:
    known = [sd for sd in (claim.sd, claim.their_sd) if sd is not None]
    if not known:
        return None
    return (known[0] if claim.sd is None else claim.sd, known[-1] if claim.their_sd is None else claim.their_sd)


def _seed_error(claim: PublishedClaim) -> tuple[float | None, float]:
    """Give the standard error of the difference by seeds, and its degrees of freedom: infinite for an SD of one run.

    An SD that both share comes from the runs of whoever gave it; two of their own are Welch's.
    """
    sds = _both_sds(claim)
    if sds is None:
        return None, math.inf
    parts = [sds[0] ** 2 / claim.seeds, sds[1] ** 2 / claim.their_seeds]
    runs = [claim.seeds, claim.their_seeds]
    error = math.sqrt(sum(parts))
    if claim.sd is None or claim.their_sd is None:
        n = runs[1] if claim.sd is None else runs[0]
        return error, n - 1 if n > 1 else math.inf
    below = sum(part**2 / (n - 1) for part, n in zip(parts, runs, strict=True) if n > 1)
    return error, error**4 / below if below else math.inf


def _p_of(difference: float, error: float, freedom: float) -> float:
    """Give the one-sided p of a difference with this standard error."""
    from scipy.stats import norm, t

    if error == 0:
        return 0.5 if difference == 0 else 0.0
    distance = abs(difference) / error
    return float(norm.sf(distance) if math.isinf(freedom) else t.sf(distance, freedom))


def _seeds_needed(claim: PublishedClaim, difference: float) -> int | None:
    sds = _both_sds(claim)
    if sds is None or difference == 0:
        return None
    spread = math.hypot(*sds)
    return seeds_needed(difference, spread, ALPHA) if spread > 0 else None


# -- words -------------------------------------------------------------------------------------------------------------


def _assumptions(claim: PublishedClaim) -> tuple[str, ...]:
    said = [
        "the test images are a random sample of those that matter, and both networks saw the same ones",
        "nothing was known of the difference before (a flat prior, Jeffreys' for accuracies)",
        "the two err independently; networks that share their mistakes differ by less chance, so the probabilities "
        "over images are upper bounds",
        "the runs are the ones that were planned: whoever published the best of several is surer than he may be",
    ]
    if _both_sds(claim) is None:
        return (*said, "no SD over seeds is given: what other seeds would do is not known")
    said.append("the SD is that of single runs over seeds; pairs of runs with the same seed are taken as uncorrelated")
    if claim.sd is None or claim.their_sd is None:
        said.append("both spread equally over seeds, as only one SD is given")
    if claim.seeds == 1 or claim.their_seeds == 1:
        said.append("an SD given for one run was measured on other runs, and is taken as known exactly")
    return tuple(said)


def _sentence(found: ClaimVerdict) -> str:
    """Write what a review can say."""
    claim = found.claim
    numbers = (
        f"{_named(claim.name, claim.ours)} against {_named(claim.their_name, claim.theirs)} on "
        f"{claim.test_size:,} test images ({_runs(claim)})"
    )
    if found.difference == 0:
        return f"{numbers} is no difference: neither order is claimed."
    over = [f"{probability_text(found.p_false_images)} over other images"]
    if found.p_false_seeds is not None:
        over.append(f"{probability_text(found.p_false_seeds)} over other seeds")
        over.append(f"{probability_text(found.p_false)} over both")
    settled = "the order is settled" if found.settled else "the order is not settled"
    text = (
        f"{numbers} differ by {100 * abs(found.difference):.2f} points. The probability that their true order is the "
        f"other one is {_listed(over)}: {settled}."
    )
    return text if found.settled else f"{text} {_way_out(found)}"


def _named(name: str, accuracy: float) -> str:
    return f"{name} {100 * accuracy:.4g} %".strip()


def _runs(claim: PublishedClaim) -> str:
    if claim.seeds == claim.their_seeds:
        return "one run each" if claim.seeds == 1 else f"{claim.seeds} seeds each"
    return f"{claim.seeds} and {claim.their_seeds} seeds"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def probability_text(p: float) -> str:
    """Write a probability in per cent, in as many digits as it has meaning."""
    if p < 0.0001:
        return "below 0.01 %"
    return f"{100 * p:.2g} %" if p < 0.1 else f"{100 * p:.0f} %"


def _way_out(found: ClaimVerdict) -> str:
    """Say what would settle it; seeds cannot where the images alone leave it open."""
    images = f"{found.images_needed:,} test images" if found.images_needed else ""
    if found.p_false_images > ALPHA / 2:
        no_seeds = f"No number of seeds settles it: a difference of this size takes about {images}"
        if found.seeds_needed is None:
            return f"{no_seeds}; with an SD over seeds, --sd says more."
        return f"{no_seeds}, and on these images about {found.seeds_needed:,} seeds of each."
    if found.seeds_needed is None:
        return f"More than {MOST_PLANNED_SEEDS:,} seeds of each would be needed to settle it."
    return f"About {found.seeds_needed:,} seeds of each would settle it (power 80 %, alpha 0.05)."
