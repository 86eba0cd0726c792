"""A run as a bundle holds it: all that is needed to run it again, and what came out.

    bundled = of_result(finished.result)
    BundledRun.model_validate_json(bundled.model_dump_json()) == bundled
    [of_trial(trial, snapshot) for trial in snapshot.trials]        # none of a slot with nothing to run again

One kind of experiment so far, named by `runner`: networks. Another one adds what it needs to run again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from archsearch.errors import SpecError
from archsearch.experiment_plan import ExperimentPlan, plan_experiment
from archsearch.files import canonical_json
from archsearch.metrics import main_of
from archsearch.plain import Plain
from archsearch.spec.experiment import ExperimentSpec
from archsearch.study.compute import data_key, why_not_here
from archsearch.study.held import HeldTrial
from archsearch.study.snapshot import StudySnapshot, TrialSnapshot
from archsearch.train.compute import BY_MEAN_CHANNELS, Compute, decide, layout_of, resources_here
from archsearch.train.loop import ReadTest
from archsearch.train.result import RunResult


class BundledRun(Plain):
    """A run: its key in the bundle, what was run, with what it was computed, and what came out.

    `record` is the run's result without its spec, None of a run that a search stopped early: of that only `learned` is
    known, the metric by epoch. `compute` is None where it is not known; `files` are SHA-256 of files that the run
    left, whether the bundle holds them or not.
    """

    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")]
    runner: Literal["network"] = "network"
    name: str
    seed: Annotated[int, Field(ge=0)]
    status: Literal["completed", "diverged", "stopped"]
    spec: dict[str, Any]
    data_fingerprint: str | None
    read_test: ReadTest
    compute: Compute | None
    record: dict[str, Any] | None
    learned: Mapping[str, Annotated[dict[int, float], Field(strict=False)]] = {}
    files: Mapping[str, str] = {}

    @property
    def environment(self) -> Mapping[str, Any]:
        """What it was computed on, as far as that is known."""
        found: Mapping[str, Any] = (self.record or {}).get("environment", {})
        return found

    @property
    def seconds(self) -> float:
        """How long it took; 0 where that is not known."""
        return float((self.record or {}).get("seconds", 0.0))

    @property
    def result(self) -> RunResult | None:
        """The result; None of a run that was stopped."""
        return None if self.record is None else RunResult.model_validate({**self.record, "spec": self.spec})


def of_result(result: RunResult, files: Mapping[str, str] | None = None) -> BundledRun:
    """Give a finished run as a bundle holds it."""
    return BundledRun(
        key=result.run_id,
        name=result.name,
        seed=result.seed,
        status=result.status,
        spec=result.spec,
        data_fingerprint=result.data_fingerprint,
        read_test=_read_test(result),
        compute=_compute(result),
        record=result.model_dump(mode="json", exclude={"spec"}),
        files=dict(files or {}),
    )


def of_trial(trial: TrialSnapshot, study: StudySnapshot) -> list[BundledRun]:
    """Give the runs of a trial: those that it carries, or as much of one as a search trained before it stopped it."""
    if trial.spec is None or trial.seed is None:
        return []
    if trial.record is not None:
        held = HeldTrial({**trial.held, "spec": trial.spec, "run_id": trial.run_id, "result": trial.record})
        return [of_result(RunResult.model_validate({**run.result, "spec": run.spec})) for run in held.runs]
    stopped = _stopped(trial, trial.spec, trial.seed, study)
    return [] if stopped is None else [stopped]


def _stopped(trial: TrialSnapshot, written: dict[str, Any], seed: int, study: StudySnapshot) -> BundledRun | None:
    """Give what a search trained of a trial before it stopped it; None where there is nothing to run again."""
    if trial.outcome != "pruned" or not trial.learned:
        return None
    names = [name for _, name in study.objectives]
    try:
        spec = ExperimentSpec.model_validate(written)
        compute = None if study.compute is None else study.compute.compute(plan_experiment(spec))
    except (ValidationError, SpecError):  # of another version, or on own data that are gone: nothing to run again
        return None
    return BundledRun(
        key=f"stopped-{trial.number}",
        name=spec.name,
        seed=seed,
        status="stopped",
        spec=written,
        data_fingerprint=study.fingerprints.get(data_key(spec.data)),
        read_test="never",
        compute=compute,
        record=None,
        learned={names[main_of(names)]: trial.learned},
    )


def _read_test(result: RunResult) -> ReadTest:
    """Tell from what a run holds when it read the test set."""
    if any(
        name.startswith("test_") and value is not None for one in result.history for name, value in one.metrics.items()
    ):
        return "each_epoch"
    return "end" if result.test_reads else "never"


def _compute(result: RunResult) -> Compute | None:
    """Tell from its environment what a run was computed with; None where it does not say, or is no network of ours."""
    said = result.environment
    try:
        plan = plan_experiment(ExperimentSpec.model_validate(result.spec))
        engine = said.get("engine", "torch")
        layout = (
            "contiguous_format" if engine == "native" else layout_of(plan.network, said["device"], BY_MEAN_CHANNELS)
        )
        return Compute(
            device=said["device"],
            engine=engine,
            reason=said.get("engine_reason", ""),
            layout=said.get("memory_format", layout),
            precision=plan.spec.train.precision,
            threads=int(said["threads"]),
        )
    except (SpecError, ValidationError, KeyError):
        return None


# -- to run it again ---------------------------------------------------------------------------------------------------


def planned(run: BundledRun, own_data: str | None = None) -> ExperimentPlan:
    """Plan a run again; own data are where its spec says, or at `own_data`. Raises `SpecError` for what cannot be."""
    spec = ExperimentSpec.model_validate(run.spec)
    if spec.data.path is not None and own_data is not None:
        spec = spec.model_copy(update={"data": spec.data.model_copy(update={"path": own_data})})
    return plan_experiment(spec)


def computed_here(run: BundledRun, plan: ExperimentPlan) -> tuple[ExperimentPlan, Compute, str]:
    """Give plan and compute as the run had them; where that is not here, as near as can be, and why."""
    if run.compute is not None:
        why = why_not_here(run.compute, plan)
        if not why:
            return plan, run.compute, ""
    else:
        why = "it is not known what it was computed with"
    free = plan.spec.train.model_copy(update={"device": "auto", "engine": "auto"})
    plan = replace(plan, spec=plan.spec.model_copy(update={"train": free}))
    return plan, decide(plan, resources_here("auto", run.compute.threads if run.compute else None)), why


def data_of(runs: Iterable[BundledRun]) -> list[dict[str, Any]]:
    """List the data that runs were made on: what names them, their fingerprint, how many runs."""
    counted: dict[str, dict[str, Any]] = {}
    for run in runs:
        one = {"data": run.spec["data"], "fingerprint": run.data_fingerprint}
        counted.setdefault(canonical_json(one), {**one, "runs": 0})["runs"] += 1
    return [counted[key] for key in sorted(counted)]
