"""A run: one training of one spec with one seed, done once and kept.

    finished = run(load_spec("lenet5"), seed=3)
    finished.result.test_accuracy, finished.run_dir, finished.cached

`run_id` is the hash of everything that decides the numbers. Same id, same numbers: a finished run is never trained
twice, an interrupted one goes on from its last whole epoch, one that was killed from one a few seconds older.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from archsearch.data.prepare import Dataset, load
from archsearch.errors import UsageError
from archsearch.experiment_plan import ExperimentPlan, load_plan, must_be_embeddable, plan_experiment
from archsearch.files import damaged
from archsearch.metrics import part_of
from archsearch.native.library import load_library as load_native
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers.own_module import faults_of_own_layers
from archsearch.spec.network import Limits
from archsearch.train.compute import Compute, decide
from archsearch.train.device import numerics
from archsearch.train.directory import ForeignCheckpointError, RunDirectory
from archsearch.train.environment import environment
from archsearch.train.identity import identity, run_id
from archsearch.train.interrupt import interruptible
from archsearch.train.keeping import Keeping, checkpoint_seconds
from archsearch.train.loop import ReadTest, Trained, finite, initial_network, train
from archsearch.train.progress import OtherNetworkError, Progress
from archsearch.train.result import RunResult
from archsearch.train.run_files import CHECKPOINT
from archsearch.train.watch import Silent, Watch
from archsearch.trust import must_be_trusted

__all__ = ["FinishedRun", "build", "finished_result", "identity", "result_of", "run", "run_id"]


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A result with where it lies; `cached` says that it was there already."""

    result: RunResult
    run_dir: Path
    cached: bool


def build(spec: ExperimentSpec | str, seed: int = 0) -> torch.nn.Sequential:
    """Build a spec's network with the initial weights that a run with this seed starts from."""
    return initial_network(_planned(spec), seed)


def _planned(spec: ExperimentPlan | ExperimentSpec | str, limits: Limits | None = None) -> ExperimentPlan:
    if isinstance(spec, ExperimentPlan):
        return spec
    return load_plan(spec, limits=limits) if isinstance(spec, str) else plan_experiment(spec, limits=limits)


def run(
    spec: ExperimentPlan | ExperimentSpec | str,
    *,
    seed: int = 0,
    runs_dir: Path | str = "runs",
    data_dir: Path | None = None,
    fresh: bool = False,
    read_test: ReadTest | None = None,
    watch: Watch | None = None,
    limits: Limits | None = None,
    dataset: Dataset | None = None,
    compute: Compute | None = None,
    also: Sequence[str] = (),
    keep_seconds: float | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> FinishedRun:
    """Train a spec (or a plan, which is not made again) with a seed, or give the result that is there already.

    The test set is read once, at the end; where the spec holds no validation data out there is nothing else to
    watch, and it is read after each epoch. `read_test` overrides that. `compute` is what it is computed with,
    decided here by default. A diverged run is a result too: see its status. `also` names metrics that are followed
    beside the usual ones; a run that is there already is not made again for them, as it keeps its predictions.
    `keep_seconds` of training may be in memory only, by default those of `keeping.checkpoint_seconds`.
    `say` gets a line where a checkpoint of another run is refused.
    Raises `SpecError`, `UnavailableError`, `DamagedFileError` and `Interrupted`, and `UntrustedError` where a function
    that early stopping watches was not allowed to run.
    """
    if seed < 0:
        raise UsageError(f"a seed is a whole number from 0 on, got {seed}")
    keep_seconds = checkpoint_seconds() if keep_seconds is None else keep_seconds
    plan = _planned(spec, limits)
    spec = plan.spec
    compute = compute or decide(plan)
    if dataset is None:
        dataset = load(spec.data, data_dir=data_dir)
    must_be_embeddable(plan.network, {"x_train": dataset.x_train, "x_test": dataset.x_test})
    identity_ = identity(plan, seed, dataset.fingerprint, compute)
    id_ = run_id(identity_)
    directory = RunDirectory(Path(runs_dir) / id_)
    if read_test is None:
        read_test = "end" if spec.data.validation else "each_epoch"

    if not fresh and (result := finished_result(directory, read_test)) is not None:
        return FinishedRun(result, directory.path, cached=True)
    if (rule := spec.train.early_stopping) is not None and rule.own is not None:
        must_be_trusted(rule.own.subject)
    with directory.locked(), interruptible() as interruption, numerics(compute):
        if fresh or _lacks(directory.result(), read_test):
            directory.clear()
        directory.begin(identity_)
        progress = _progress(directory, compute.device, say)
        started, clock = datetime.now(UTC), time.monotonic()
        seconds_before = sum(record.seconds for record in progress.history) if progress else 0.0
        try:
            with faults_of_own_layers(), Keeping(directory.keep, keep_seconds) as keep:
                trained = train(
                    plan,
                    seed,
                    dataset,
                    compute,
                    read_test=read_test,
                    interruption=interruption,
                    watch=watch or Silent(),
                    progress=progress,
                    keep=keep,
                    also=also,
                )
        except OtherNetworkError:
            raise damaged(directory.path / CHECKPOINT) from None
        seconds = seconds_before + time.monotonic() - clock
        result = result_of(plan, identity_, compute, trained, dataset, started, seconds)
        directory.finish(result, trained)
    return FinishedRun(result, directory.path, cached=False)


def _computed_by(compute: Compute) -> dict[str, str]:
    """Say which engine a run uses, why if it is not the native one, and the layout that torch computes in."""
    if compute.engine == "native":
        library = load_native()
        return {"engine": "native", "engine_variant": library.variant if library else ""}
    return {"engine": "torch", "engine_reason": compute.reason, "memory_format": compute.layout}


def _progress(directory: RunDirectory, device: str, say: Callable[[str], None]) -> Progress | None:
    """Read how far the run is; a checkpoint of another one is said and not used."""
    try:
        return directory.progress(device)
    except ForeignCheckpointError as error:
        say(f"{error}: training starts anew")
        return None


def finished_result(directory: RunDirectory, read_test: ReadTest) -> RunResult | None:
    """Read the result of a run that is finished and holds what is asked for."""
    result = directory.result()
    return None if _lacks(result, read_test) else result


def _lacks(result: RunResult | None, read_test: ReadTest) -> bool:
    """Say whether a result is there and does not hold what is asked for: the test set, or losses as measured now."""
    if result is None or result.status != "completed":
        return False
    return result.eval_loss is None or (read_test != "never" and not any(map(_is_of_test, result.metrics.items())))


def _is_of_test(measured: tuple[str, float | None]) -> bool:
    name, value = measured
    return part_of(name) == "test" and value is not None


def _of_training(plan: ExperimentPlan) -> list[str]:
    return ["train_loss", *(f"train_{metric.name}" for metric in plan.task.told())]


def _by_group(plan: ExperimentPlan, dataset: Dataset, trained: Trained) -> dict[str, dict[str, float | None]]:
    """Give the metrics of each group in the test part, by its name; none where the data know no groups."""
    groups = dataset.groups_test
    if trained.test is None or groups is None:
        return {}
    found = {}
    for number in torch.unique(groups).tolist():
        rows = groups == number
        metrics = plan.task.metrics(trained.test.outputs[rows], trained.y_test[rows])
        named = {f"test_{name}": finite(value) for name, value in metrics.items()}
        found[dataset.facts.group_names[number]] = named
    return found


def result_of(
    plan: ExperimentPlan,
    identity_: dict[str, Any],
    compute: Compute,
    trained: Trained,
    dataset: Dataset,
    started: datetime,
    seconds: float,
    stacked: int = 1,
) -> RunResult:
    """Give what a training came to; `stacked` runs were trained at once."""
    progress = trained.progress
    kept = progress.history[(progress.best_epoch or progress.epoch) - 1] if progress.history else None
    return RunResult(
        run_id=run_id(identity_),
        status="completed" if trained.reason is None else "diverged",
        reason=trained.reason,
        name=plan.spec.name,
        seed=identity_["seed"],
        spec=plan.spec.model_dump(mode="json"),
        data_fingerprint=identity_["fingerprint"],
        epochs=progress.epoch,
        best_epoch=progress.best_epoch,
        history=tuple(progress.history),
        eval_loss=plan.spec.train.eval_loss,
        metrics={name: kept.metrics.get(name) if kept else None for name in _of_training(plan)}
        | (trained.validation.of("val") if trained.validation else {})
        | (trained.test.of("test") if trained.test else {}),
        groups=_by_group(plan, dataset, trained),
        test_reads=progress.test_reads,
        parameters=plan.network.parameters,
        macs=plan.network.macs,
        seconds=seconds,
        started=started.isoformat(timespec="seconds"),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=environment(compute.device) | _computed_by(compute) | ({"stacked": stacked} if stacked > 1 else {}),
    )
