"""Which metric sees the same effect with the fewest seeds? Said of an ablation that has run, for the next one.

    found = sensitivity(study, Path("runs"))
    found.rows[0].metric, found.rows[0].seeds              # test_log_loss, 8

Many metrics are computed of one run's outputs; where one of them varies less over seeds for the same difference, the
same question needs fewer seeds. What was measured is an estimate, and the largest of many estimates is too large: it
is for planning, no verdict.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

from pydantic import Field

from archsearch.ablate.jobs import held_ablation, latest, mixed_runs, values_of
from archsearch.ablate.judged_again import Again, values_again, with_metric
from archsearch.ablate.loss_scale import apart
from archsearch.ablate.schedule import contrast_of
from archsearch.errors import UsageError
from archsearch.metrics import part_of, title_of
from archsearch.plain import Plain
from archsearch.spec.experiment import ExperimentSpec
from archsearch.stats.intervals import mean, standard_deviation
from archsearch.stats.power import seeds_needed
from archsearch.stats.verdict import pair_up
from archsearch.study.storage import Study


class Sensed(Plain):
    """A comparison by a metric: over `n` pairs the mean difference, and that in SDs of the paired difference.

    `d_z` is above 0 where the level is better by this metric. `seeds` find a difference of this size with the family's
    power and Holm's share of alpha; None for one that would need more than 10,000, or where nothing varies. `scale`
    says why the difference is none of what was learned, "" where it is: of a loss of logits and of probabilities.
    """

    comparison: str
    metric: str
    n: int
    difference: float
    d_z: float
    seeds: int | None
    scale: str = ""


class Sensitivity(Plain):
    """Every metric of every comparison, those that need the fewest seeds first; `metric` is what the study is for.

    Behind them stand those whose difference is one of scale.
    """

    study: str
    metric: str
    alpha: float
    power: float
    comparisons: int
    rows: Annotated[tuple[Sensed, ...], Field(strict=False)]
    without: int  # runs whose predictions are not there
    may_average: bool = False  # the last epochs' weights could be averaged, and are not

    def sooner(self, comparison: str) -> Sensed | None:
        """Give the metric that sees the change of the study's metric, in its direction, with the fewest seeds.

        None where the study's own does.
        """
        own = next((row for row in self.of(comparison) if row.metric == self.metric), None)
        if own is None:
            return None
        best = next((row for row in self.of(comparison) if row.d_z * own.d_z > 0 and not row.scale), None)
        if best is None or best.seeds is None or own.scale:
            return None
        return best if best.seeds < (own.seeds or math.inf) else None

    def of(self, comparison: str) -> tuple[Sensed, ...]:
        """Give the metrics of one comparison."""
        return tuple(row for row in self.rows if row.comparison == comparison)


def sensitivity(opened: Study, runs_dir: Path) -> Sensitivity:
    """Compare the metrics of an ablation's runs; raise `UsageError` where no comparison has three pairs."""
    ablation = held_ablation(opened)
    if ablation.split is not None or ablation.blocks:
        raise UsageError(
            f"{opened.study_name} pairs folds, or runs on several data sets; metrics are compared over seeds of one"
        )
    part = part_of(ablation.family.metric)
    if part is None and ablation.kind.name == "network":
        title = title_of(ablation.family.metric)
        raise UsageError(f"{opened.study_name} is about {title}, which no network learns; what it learned is compared")
    names = [name for name in ablation.kind.compared(ablation.cells[0].spec) if part_of(name) == part]
    if ablation.family.metric not in names:
        names.insert(0, ablation.family.metric)
    values, without = values_again(opened, ablation, names, runs_dir)
    trials = latest(opened)
    useless = mixed_runs(opened, trials)
    before = {
        cell: {seed: value for seed, value in of.items() if (cell, seed) not in useless}
        for cell, of in values_of(opened).items()
    }
    claims, rows = ablation.claims, []
    for name in names:
        other = with_metric(ablation, name)
        runs, _ = Again(other, values[name], without, runs_dir, "").runs(before, trials)
        better = 1.0 if other.family.direction == "maximize" else -1.0
        for question in claims:
            differences = pair_up(contrast_of(question), runs).differences
            if len(differences) < 3 or not (sd := standard_deviation(differences)):
                continue
            d_z = better * mean(differences) / sd
            needed = None
            if d_z and math.isfinite(d_z):
                needed = seeds_needed(abs(d_z), 1.0, ablation.family.alpha, len(claims), ablation.family.power)
            rows.append(
                Sensed(
                    comparison=question.name,
                    metric=name,
                    n=len(differences),
                    difference=mean(differences),
                    d_z=d_z,
                    seeds=needed,
                    scale=apart(ablation, question.weights, name),
                )
            )
    if not rows:
        raise UsageError(
            f"{opened.study_name}: no comparison has three pairs of runs yet; metrics are compared on those"
        )
    order = [question.name for question in claims]
    rows.sort(key=lambda row: (order.index(row.comparison), row.scale != "", row.seeds or math.inf, -abs(row.d_z)))
    return Sensitivity(
        study=opened.study_name,
        metric=ablation.family.metric,
        alpha=ablation.family.alpha,
        power=ablation.family.power,
        comparisons=len(claims),
        rows=tuple(rows),
        without=len(without),
        may_average=can_average(ablation.cells[0].spec),
    )


def can_average(baseline: object) -> bool:
    """Say whether `train.average: 3` could be set: another kind of evidence, which only new runs can give."""
    if not isinstance(baseline, ExperimentSpec):
        return False
    train = baseline.train
    return train.average is None and train.ema is None and train.early_stopping is None and train.epochs >= 3
