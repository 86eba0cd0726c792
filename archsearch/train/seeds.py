"""One spec with several seeds, one after the other: train what is not there yet, and sum up.

    finished = train_seeds(plan, range(3), watch, runs_dir=Path("runs"), dataset=dataset, compute=compute)
    seeds_summary(finished, plan.spec.documented, dataset.facts.test).documented_inside

What there is to see while it trains is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from archsearch.data.prepare import Dataset
from archsearch.experiment_plan import ExperimentPlan
from archsearch.metrics import told_by
from archsearch.spec.experiment import Documented
from archsearch.stats.over_seeds import Summary, summarise
from archsearch.train.compute import Compute
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


def seeds_summary(finished: Sequence[FinishedRun], documented: Documented | None, test_images: int) -> Summary:
    """Sum up what a spec's runs are told by on the test data; those that diverged are counted, not averaged."""
    completed = [one.result for one in finished if one.result.status == "completed"]
    metric = next((f"test_{told_by(result.metrics)[0]}" for result in completed), "test_accuracy")
    values = (result.metrics.get(metric) for result in completed)
    return summarise(
        [value for value in values if value is not None],
        metric=metric,
        diverged=len(finished) - len(completed),
        documented=None if documented is None else documented.test_accuracy,
        test_images=test_images,
    )
