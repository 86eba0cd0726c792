"""Networks as a kind of experiment: what `kind.py` asks, answered by specs, plans and the trainer's folders."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from archsearch.data.facts import training_count, validation_count
from archsearch.errors import ArchsearchError, Problem
from archsearch.experiment import Experiment
from archsearch.experiment_plan import ExperimentPlan, load_plan, plan_experiment, with_own_monitor
from archsearch.files import seal
from archsearch.kinds.kind import ExperimentKindName, KeptRun
from archsearch.kinds.not_learned import SAID, is_timed, of_kept, on_two_machines, shuffled
from archsearch.metrics import (
    COMPARED,
    METRICS,
    NOT_LEARNED,
    OBJECTIVES,
    Direction,
    Metric,
    OwnMetric,
    SpreadsOver,
    bare_name,
    is_learned,
    is_own,
    main_of,
    metric_of,
    part_of,
)
from archsearch.spec.comparable import differences
from archsearch.spec.difference.factors import FactorChange, diff_specs
from archsearch.spec.edit.apply import edit_problems
from archsearch.spec.edit.in_memory import edited, written_spec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.losses import EVAL_LOSS
from archsearch.spec.text.oneline import network_line
from archsearch.spec.text.write import spec_yaml
from archsearch.spec.text.yaml import Node
from archsearch.train.identity import experiment_key
from archsearch.train.kept import Kept, kept_runs, read_kept
from archsearch.train.result import RunResult, holds

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from archsearch.study.held import HeldRun
    from archsearch.study.runner import Outcome, Runner
    from archsearch.study.storage import Storage, Study


class NetworkKind:
    """A network that is trained."""

    name: ExperimentKindName = "network"
    noun = "network"

    def load(self, reference: str, overrides: Sequence[str] = ()) -> ExperimentPlan:
        return load_plan(reference, overrides)

    def read(self, held: Mapping[str, Any]) -> ExperimentSpec:
        return ExperimentSpec.model_validate(dict(held))

    def plan(self, spec: ExperimentSpec) -> ExperimentPlan:
        return plan_experiment(spec)

    def spec_of(self, experiment: Experiment) -> ExperimentSpec:
        return _plan(experiment).spec

    def named(self, spec: ExperimentSpec, name: str) -> ExperimentSpec:
        return spec.model_copy(update={"name": name, "documented": None, "expect": None, "lint": {}})

    def edit_problems(self, spec: ExperimentSpec, edits: Node, folder: Path, *, alone: bool) -> Iterable[Problem]:
        return edit_problems(written_spec(spec, "baseline"), edits, alone=alone)

    def edited(self, spec: ExperimentSpec, edits: Sequence[Mapping[str, Any]] | Node, folder: Path) -> ExperimentSpec:
        found = edited(spec, edits if isinstance(edits, Node) else [dict(edit) for edit in edits], folder=folder)
        return with_own_monitor(found, folder)

    def difference(self, one: Experiment, other: Experiment) -> Sequence[FactorChange]:
        base, level = _plan(one), _plan(other)
        return diff_specs(base.spec, base.network, level.spec, level.network).factors

    def apart(self, base: Experiment, other: Experiment, metric: str) -> Iterator[str]:
        one, two = _plan(base), _plan(other)
        yield from differences(one.spec, two.spec, metric, (_held_out(one), _held_out(two)))

    def question(self, experiment: Experiment) -> str:
        """Give another hash than `experiment_key`, on purpose.

        Where a spec asks to be computed (device, engine) and where its data lie are part of it, as a level may set
        them; what a loss is measured by is none, unless it decides when training stops or slows down, as the weights
        are the same.
        """
        plan = _plan(experiment)
        data, train = plan.spec.data, plan.spec.train
        if "val_loss" not in train.watches.values():
            spec = plan.spec.model_copy(update={"train": train.model_copy(update={"eval_loss": EVAL_LOSS})})
            plan = replace(plan, spec=spec)
        return seal([experiment_key(plan), data.path, train.device, train.engine])

    def parts(self, spec: ExperimentSpec) -> Mapping[str, Any]:
        return {part: getattr(spec, part) for part in ("data", "network", "train")}

    def compared(self, spec: ExperimentSpec) -> Sequence[str]:
        return (*plan_experiment(spec).task.learned("test", "val"), *NOT_LEARNED)

    def metric(self, spec: ExperimentSpec, name: str) -> Metric:
        return self.metric_held({}, name)

    def metric_held(self, held: Mapping[str, Any], name: str) -> Metric:
        metric = metric_of(name)
        assert metric is not None, f"{name} is no metric: the file was checked"
        return metric

    def metrics_of(self, run: HeldRun) -> Mapping[str, float | None]:
        return RunResult.model_validate({**run.result, "spec": run.spec}).metrics

    def guessing(self, experiment: Experiment, metric: str) -> float | None:
        row = metric_of(metric)
        return None if row is None or row.guessing is None else row.guessing(_plan(experiment).facts.task.outputs)

    def runner(
        self, metric: str, *, goes_on: bool = False, also: Sequence[str] = (), own: Sequence[OwnMetric] = ()
    ) -> Runner:
        """Make the runner; the cells of an ablation were checked before: what is refused now would be for all."""
        from archsearch.study.network_runner import NetworkRunner

        wanted = (metric, *also)
        reads = any(part_of(name) == "test" for name in wanted)
        held_out = [f"val_{name.removeprefix('test_')}" for name in wanted if part_of(name) == "test"]
        return NetworkRunner(
            "end" if reads else "never",
            goes_on=goes_on,
            wanted=(*wanted, *held_out),
            followed=metric if goes_on and part_of(metric) == "val" else None,
            own=own,
        )

    def fix(
        self,
        storage: Storage,
        study: Study,
        experiments: Iterable[Experiment],
        workers: int,
        like: Study | None = None,
        auto: Callable[[], str] | None = None,
    ) -> None:
        from archsearch.study.compute import fix

        fix(storage, study, [_plan(one) for one in experiments], workers, like=like, auto=auto)

    def why_not_here(self, experiment: Experiment) -> str:
        return ""  # its spec is all of it; device, engine and data are looked at run by run: see `study/compute.py`

    def left_out(
        self,
        study: Study,
        runs: Mapping[tuple[str, int], FrozenTrial],
        sides: Sequence[Collection[str]],
        first: str,
        metric: str,
    ) -> dict[tuple[str, int], str]:
        from archsearch.study.mixed import left_out

        return left_out(study, runs, sides, first, metric) | on_two_machines(runs, first, metric)

    def outdated(self, run: HeldRun, metric: str) -> bool:
        return not holds(run.result, run.spec, metric)

    def workers(self, metric: str, spec: ExperimentSpec, wanted: int) -> int:
        return 1 if is_timed(metric) else wanted  # what runs beside it would be in the times

    def in_order(self, cells: Sequence[str], seed: int, study: str, metric: str) -> Sequence[str]:
        """Give the cells as they are, but for times: a machine that warms up or slows down then hits all alike."""
        return shuffled(cells, seed, study) if is_timed(metric) else cells

    def spreads_over(self, spec: ExperimentSpec, metric: str | None = None) -> SpreadsOver:
        row = METRICS.get(metric or "")
        return "seeds" if row is None else row.spreads_over

    def said_of(self, metric: str) -> str:
        return SAID.get(metric, "")

    def value_kept(self, run: HeldRun, folder: Path, metric: str) -> float | None:
        return of_kept(plan_experiment(self.read(run.spec)), run.seconds, folder, metric)

    def seeds_are_ours(self, spec: ExperimentSpec) -> bool:
        return True

    def decided_by_seed(self, run: HeldRun) -> Mapping[str, Any]:
        return {name: run.metric(name) for name in COMPARED if run.metric(name) is not None}

    def repeated(self, run: HeldRun) -> Mapping[str, Any] | None:
        return None

    def remarks(self, runs: Sequence[HeldRun]) -> Sequence[str]:
        return ()

    def searched(self, spec: ExperimentSpec) -> tuple[ExperimentSpec, str]:
        """Hold out validation data where there are none: a search never selects on test data."""
        if spec.data.validation:
            return spec, ""
        train = plan_experiment(spec).facts.train
        held_out = 10_000 if train >= 60_000 else max(1, train // 6)
        data = spec.data.model_copy(update={"validation": held_out})
        note = f"{spec.name} has no validation data: {held_out:,} of {train:,} training samples are held out"
        return spec.model_copy(update={"data": data}), f"{note} for the search"

    def objectives(self, spec: ExperimentSpec | None) -> Sequence[str]:
        if spec is None:
            return OBJECTIVES
        learned = plan_experiment(spec).task.learned("val")
        return (*learned, *(name for name in OBJECTIVES if not is_learned(name)))

    def objective(self, spec: ExperimentSpec) -> tuple[Direction, str] | None:
        return None

    def not_together(self, metrics: Sequence[str]) -> str:
        known = sorted(metric for metric in metrics if is_learned(metric))
        return f"{' and '.join(known)} are one thing learned; keep one of them" if len(known) > 1 else ""

    def learned(self, metrics: Sequence[str]) -> str | None:
        return next((metric for metric in metrics if is_learned(metric)), None)

    def main(self, metrics: Sequence[str]) -> int:
        return main_of(metrics)

    def confirmed_by(self, learned: str | None, held: Mapping[str, Any]) -> tuple[str, str]:
        learned = learned or f"val_{self._main_metric(held)}"
        return f"test_{learned.removeprefix('val_')}", learned

    def _main_metric(self, held: Mapping[str, Any]) -> str:
        """Name what networks of these data are judged by; data that are not there any more are taken for classes."""
        try:
            return plan_experiment(self.read(held)).task.main_metric
        except (ArchsearchError, ValidationError):
            return "accuracy"

    def followed(self, spec: ExperimentSpec, metric: str) -> bool:
        return is_learned(metric) and not is_own(bare_name(metric))  # those are computed when a run has ended

    def epochs(self, spec: ExperimentSpec) -> int:
        return spec.train.epochs

    def value(self, experiment: Experiment, outcome: Outcome, metric: str) -> float | None:
        if is_learned(metric) or metric not in METRICS:
            return outcome.metrics.get(metric)
        assert outcome.files is not None, "a network's run keeps its weights"
        return of_kept(_plan(experiment), float(outcome.record["seconds"]), outcome.files, metric)

    def key(self, experiment: Experiment) -> str:
        return experiment_key(_plan(experiment))

    def renamed(self, experiment: Experiment, name: str) -> Experiment:
        plan = _plan(experiment)
        return replace(plan, spec=plan.spec.model_copy(update={"name": name}))

    def file_of(self, spec: ExperimentSpec, path: Path) -> str:
        return spec_yaml(spec, f"archsearch run {path}")

    def line(self, held: Mapping[str, Any]) -> str:
        return network_line(held["network"])

    def kept(self, experiments: Mapping[str, Experiment], runs_dir: Path) -> Mapping[str, Sequence[KeptRun]]:
        there = kept_runs(runs_dir)
        return {name: _runs_of(_plan(one), there) for name, one in experiments.items()}

    def work(self, experiment: Experiment) -> float:
        """Count the multiply-accumulates of training, forward passes only: the rest is proportional."""
        plan = _plan(experiment)
        samples = training_count(plan.spec.data, plan.facts.train)
        return float(max(1, plan.network.macs) * samples * plan.spec.train.epochs)


NETWORK = NetworkKind()


def _plan(experiment: Experiment) -> ExperimentPlan:
    assert isinstance(experiment, ExperimentPlan), f"{experiment.name} is no network"
    return experiment


def _held_out(plan: ExperimentPlan) -> int:
    return validation_count(plan.spec.data.validation, plan.facts.train)


def _runs_of(plan: ExperimentPlan, there: Mapping[str, list[Path]]) -> list[KeptRun]:
    """Read the kept runs of a cell; the device and engine of its spec, where it names them, must be theirs."""
    train = plan.spec.train
    return [
        _kept_run(one)
        for one in read_kept(there.get(experiment_key(plan), []))
        if train.device in ("auto", one.device) and train.engine in ("auto", one.engine)
    ]


def _kept_run(one: Kept) -> KeptRun:
    result = one.result
    spec = result.get("spec", {})
    return KeptRun(
        seed=one.seed,
        metrics={name: result.get(name) for name in COMPARED if holds(result, spec, name)},
        seconds=float(result["seconds"]) if result.get("status") == "completed" else None,
        threads=int(result["environment"]["threads"]) if one.device == "cpu" else 1,
        directory=one.directory,
    )
