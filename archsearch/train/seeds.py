"""One spec with several seeds, one after the other: train what is not there yet, and sum up.

    finished = train_seeds(plan, range(3), watch, runs_dir=Path("runs"), dataset=dataset, compute=compute)
    seeds_summary(finished, plan, dataset.facts.test).documented_inside

What there is to see while it trains is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from archsearch.data.prepare import Dataset
from archsearch.experiment_plan import ExperimentPlan
from archsearch.stats.over_seeds import Summary, summarise
from archsearch.task import Task
from archsearch.train.compute import Compute
from archsearch.train.measures import metrics_kept
from archsearch.train.run import FinishedRun, run
from archsearch.train.watch import Watch


def train_seeds(
    plan: ExperimentPlan,
    seeds: Iterable[int],
    watch: Callable[[int], AbstractContextManager[Watch]],
    *,
    runs_dir: Path,
    dataset: Dataset,
    compute: Compute,
    fresh: bool = False,
    done: Callable[[FinishedRun], None] = lambda one: None,
    say: Callable[[str], None] = lambda line: None,
) -> list[FinishedRun]:
    """Train a plan with each seed, or take the run that is kept; `watch` follows a seed, `done` is told of its run.
    `say` as in `run`.

    Raises what `run` raises; the runs before that are kept.
    """
    finished = []
    for seed in seeds:
        with watch(seed) as watching:
            one = run(
                plan,
                seed=seed,
                runs_dir=runs_dir,
                fresh=fresh,
                watch=watching,
                dataset=dataset,
                compute=compute,
                say=say,
            )
        finished.append(one)
        done(one)
    return finished


def summarised_by(plan: ExperimentPlan) -> tuple[str, ...]:
    """Name what several seeds are summed up by: the metrics of documented values, else the task's main one."""
    documented = plan.spec.documented
    return (f"test_{plan.task.main_metric}",) if documented is None else tuple(documented.values)


def tested_value(finished: FinishedRun, task: Task, metric: str) -> float | None:
    """Give a test metric of a run: as it was measured, else of what was predicted; None where neither is there."""
    value = finished.result.metrics.get(metric)
    if value is not None or finished.result.status != "completed":
        return value
    return metrics_kept(finished.run_dir, task, finished.result.spec, [metric])[metric]


def seeds_summaries(finished: Sequence[FinishedRun], plan: ExperimentPlan, test_images: int) -> list[Summary]:
    """Sum up a spec's runs by each metric of its documented values, else by the task's main one."""
    return [seeds_summary(finished, plan, test_images, metric) for metric in summarised_by(plan)]


def seeds_summary(
    finished: Sequence[FinishedRun], plan: ExperimentPlan, test_images: int, metric: str | None = None
) -> Summary:
    """Sum up a spec's runs by a test metric; those that diverged are counted, not averaged."""
    metric = metric or summarised_by(plan)[0]
    completed = [one for one in finished if one.result.status == "completed"]
    documented = plan.spec.documented
    return summarise(
        [value for one in completed if (value := tested_value(one, plan.task, metric)) is not None],
        diverged=len(finished) - len(completed),
        documented=None if documented is None else documented.values.get(metric),
        test_images=test_images,
        metric=metric,
    )
