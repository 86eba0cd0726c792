"""What a comparison comes to, as frozen data that goes to JSON and back without loss.

    Verdicts.model_validate_json(verdicts.model_dump_json()) == verdicts

All numbers are in the metric's own unit (fractions for accuracies); differences are level - baseline.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsearch.plain import NonNegativeFloat, Plain, Positive

PairWord = Literal["seed", "fold", "random part", "repeat", "network"]
Verdict = Literal["better", "worse", "equivalent", "inconclusive"]
ExclusionKind = Literal["missing", "failed", "alone", "mixed"]
Seed = int | str
Interval = Annotated[tuple[float, float], Field(strict=False)]
Probability = Annotated[float, Field(gt=0, lt=1)]


class Family(Plain):
    """What is fixed before anything runs, with the baseline, the comparisons and the seeds.

    `margin` is the difference too small to matter, in the metric's own unit: 0.1 percentage points of an accuracy
    unless said otherwise; 0 means that none was given, and then nothing is called equivalent. `screen` asks for no p
    values and names no winner. `unit` is how sentences and tables write numbers: `points` are percentage points of a
    fraction, `own` is the metric as it is. `failed_value` is what a failed run counts as in the second table, the one
    with the failures in it: the accuracy of guessing, say.

    `pairs` names what makes a pair: a seed, or a fold or random part of the samples. Those overlap by `overlap`,
    n_test / n_train, and are judged by the corrected resampled t test (Nadeau & Bengio 2003); seeds by sign flips, as
    repeats of a measurement are. Where nothing hangs on a seed a pair is of two networks, and one is all.
    """

    metric: str = "test_accuracy"
    direction: Literal["maximize", "minimize"] = "maximize"
    alpha: Probability = 0.05
    margin: NonNegativeFloat = 0.001
    power: Probability = 0.8
    screen: bool = False
    unit: Literal["points", "own"] = "points"
    failed_value: float | None = None
    overlap: NonNegativeFloat = 0.0
    pairs: PairWord = "seed"


class Exclusion(Plain):
    """A run that no pair could be made of, and why; never left out without one.

    `kind`: it is not there (yet), it has no value, it is `alone`, as what it would be compared with has none, or the
    pair would be `mixed`: computed otherwise by another machine.
    """

    variant: str
    seed: Seed
    reason: str
    kind: ExclusionKind = "alone"


class WithFailures(Plain):
    """The same comparison with every failed run counted as the family's `failed_value`."""

    n: int
    mean_difference: float
    ci95: Interval | None
    p: float | None


class Adjusted(Plain):
    """A comparison that also uses the runs of the baseline in no pair (`stats/adjusted.py`): all of them, the slope."""

    baseline_runs: int
    slope: float
    mean_difference: float
    ci95: Interval


class Effect(Plain):
    """One comparison: of `variant` with `against`, mostly the baseline.

    `p` is the sign-flip test's, `t_p` the paired t's (of folds `p` is the corrected resampled t's, and there is no
    `t_p`), `equivalence_p` that of two one-sided tests against the margin; `_adjusted` is Holm's over the `comparisons`
    of the family. `wins` is the share of seeds on which the level is better (ties are no wins). `smallest_detectable`
    is what so many pairs of this spread find with the family's power, `further_seeds` how many more would decide an
    inconclusive one (planned for the margin, not for what was observed). `seeds_saved` is how many times more seeds an
    unpaired comparison of two cells would take, from the correlation of the pairs (`stats/pairing.py`). None where a
    number does not exist: n < 2, no spread, a screen, or what takes overlapping folds for independent ones (`bca95`,
    `wins95`, `seeds_saved`).
    """

    variant: str
    against: str
    n: Annotated[int, Field(ge=0)]
    seeds: Annotated[tuple[Seed, ...], Field(strict=False)]
    differences: Annotated[tuple[float, ...], Field(strict=False)]
    mean: float | None
    baseline_mean: float | None
    mean_difference: float | None
    sd: float | None
    ci95: Interval | None
    bca95: Interval | None
    p: float | None
    p_adjusted: float | None
    t_p: float | None
    t_p_adjusted: float | None
    equivalence_p: float | None
    equivalence_p_adjusted: float | None
    d_z: float | None
    wins: float | None
    wins95: Interval | None
    ties: int
    relative_error_reduction: float | None
    pair_correlation: float | None
    pair_correlation95: Interval | None = None
    seeds_saved: float | None = None
    seeds_saved95: Interval | None = None
    adjusted: Adjusted | None = None
    comparisons: Positive
    smallest_detectable: float | None
    further_seeds: int | None
    with_failures: WithFailures | None
    verdict: Verdict
    notes: Annotated[tuple[str, ...], Field(strict=False)]
    sentence: str


class Spread(Plain):
    """What the completed runs of one variant are by themselves: how many, their mean, their SD (None for one run)."""

    variant: str
    n: Annotated[int, Field(ge=0)]
    failed: int
    mean: float | None
    sd: float | None


class Verdicts(Plain):
    """All comparisons of one family with its baseline; `spreads` are the variants by themselves."""

    baseline: str
    family: Family
    effects: Annotated[tuple[Effect, ...], Field(strict=False)]
    exclusions: Annotated[tuple[Exclusion, ...], Field(strict=False)]
    spreads: Annotated[tuple[Spread, ...], Field(strict=False)] = ()
