"""By what an ablation is judged: the family of its metric, and the files of metrics of one's own.

metric_family(declared, cells, screen=False).direction, own_metrics(declared)
"""

from __future__ import annotations

from archsearch.ablate.ablation_file import Declared
from archsearch.ablate.design.cell import BASELINE
from archsearch.ablate.design.checked_cells import CheckedCells
from archsearch.errors import Problem, SpecError, UsageError
from archsearch.metrics import METRICS, OwnMetric, SpreadsOver, bare_name, is_own, own_metric, usual_direction
from archsearch.stats.effect import Family, PairWord

PAIRS: dict[SpreadsOver, PairWord] = {"seeds": "seed", "repeats": "repeat", "nothing": "network"}


def metric_family(declared: Declared, cells: CheckedCells, *, screen: bool) -> Family:
    """Give what all comparisons share; raise `SpecError` where which way is better is not known, or is said wrongly."""
    spec = declared.spec
    metric = cells.kind.metric(declared.baseline, spec.metric)
    bare = bare_name(spec.metric)
    if is_own(bare) and spec.direction is None and usual_direction(bare.rpartition(":")[2]) is None:
        why = f"whether more of {bare} is better is not known; add `direction: maximize`, or minimize"
        raise SpecError(Problem(declared.where("metric"), why))
    if bare in METRICS and spec.direction not in (None, metric.direction):
        better = "more" if metric.direction == "maximize" else "less"
        why = f"direction: {better} of {metric.title} is better; take direction out, it is for metrics of your own"
        raise SpecError(Problem(declared.where("direction"), why))
    over = metric.spreads_over
    if spec.split is not None and over != "seeds":
        why = f"split: {metric.title} hangs on no samples; take split out"
        raise SpecError(Problem(declared.where("split"), why))
    guessing = cells.kind.guessing(cells.plan(BASELINE), spec.metric)
    return Family(
        metric=spec.metric,
        direction=spec.direction or metric.direction,
        alpha=spec.alpha,
        margin=metric.margin if spec.margin is None else spec.margin,
        power=spec.power,
        screen=screen,
        unit=metric.unit,
        failed_value=guessing if spec.failed_value is None else spec.failed_value,
        overlap=0.0 if spec.split is None else spec.split.overlap,
        pairs=PAIRS[over] if spec.split is None else spec.split.word,
    )


def own_metrics(declared: Declared) -> tuple[OwnMetric, ...]:
    """Find the files of metrics of one's own, from the folder of the ablation's file; executes nothing."""
    found: list[OwnMetric] = []
    for key, names in (("metric", (declared.spec.metric,)), ("also", declared.spec.also)):
        for name in filter(is_own, map(bare_name, names)):
            where = declared.where(key)
            if declared.kind.name != "network":
                raise SpecError(
                    Problem(where, f"{name}: a program keeps no predictions, so it gives its metrics itself")
                )
            try:
                found.append(own_metric(name, declared.folder))
            except UsageError as error:
                raise SpecError(Problem(where, f"{key}: {error}")) from None
    return tuple({one.name: one for one in found}.values())
