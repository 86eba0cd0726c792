"""The functions of the Python interface: `ablate`, `plan`, `study`, `compare`, `run` on functions, specs and files.

    def train(seed, lr=0.1, norm="batch"): ...; return {"accuracy": 0.97}
    ablate(train, baseline={"norm": "batch"}, factors={"norm": ["layer", "none"]}, seeds=10, metric="accuracy")
    ablate("studies/documented.yaml"), run("train.yaml", seed=3)

Runs go through the same queue, cache and judging as those of the command line; called again, a study goes on. A
function is run in this process; what stands in a file is code, which must be allowed (`archsearch trust FILE`, or
`trust=True` for one call).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsearch.ablate.ablation_file import Declared, changed, load_ablation
from archsearch.ablate.planned import Ablation, plan_ablation
from archsearch.ablate.without_file import declare_levels
from archsearch.api.progress import Said
from archsearch.api.results import AblationResult, PlanResult
from archsearch.api.subjects import Subjected, levels_of, spec_of
from archsearch.errors import UsageError
from archsearch.metrics import Direction
from archsearch.program.permission import program_subject
from archsearch.program.program_spec import ProgramSpec
from archsearch.trust import allow_once, must_be_trusted

if TYPE_CHECKING:
    from archsearch.program.run import FinishedProgram
    from archsearch.train.run import FinishedRun


def ablate(
    subject: Subjected,
    *,
    baseline: Mapping[str, Any] | None = None,
    factors: Mapping[str, Any] | None = None,
    seeds: int | Sequence[int] | None = None,
    metric: str | None = None,
    direction: Direction | None = None,
    margin: float | None = None,
    alpha: float | None = None,
    design: str | None = None,
    control: bool = False,
    screen: bool = False,
    name: str | None = None,
    version: str | None = None,
    workers: int = 1,
    runs_dir: str | Path = "runs",
    data_dir: str | Path | None = None,
    storage: str | None = None,
    progress: bool = True,
    trust: bool = False,
) -> AblationResult:
    """Compare changes with a baseline on the same seeds, and say which one mattered. Called again, it goes on.

    `subject` is a function `f(seed, **values)` that returns a number or a dict of numbers, a spec, the file of a
    program or a network, or an ablation's file or name (which then says all else). `baseline` are the values of a
    program; `factors` what changes: `{"norm": ["layer", "none"]}`, `{"rate": {"high": {"lr": 0.1}}}`, or edits as a
    file has them. `metric` names what is compared, `direction` which way is better where its name does not tell,
    `margin` the difference too small to matter, in the metric's own unit. `version` is part of a function's identity,
    beside its source.

    Raises `SpecError`, `UsageError`, `UntrustedError` before anything runs, `Interrupted` when stopped.
    """
    from archsearch.ablate.ablation import ablate as run_ablation
    from archsearch.ablate.forecast import with_measured_spread
    from archsearch.study.lifecycle import Settings

    declared = _declared(
        subject, baseline, factors, metric=metric, direction=direction, version=version, name=name, seeds=seeds,
        margin=margin, alpha=alpha, design=design, control=control, screen=screen,
    )  # fmt: skip
    planned = plan_ablation(declared)
    _allow(planned, subject, trust)
    settings = Settings(
        workers=workers,
        storage=storage,
        name=name,
        runs_dir=Path(runs_dir),
        data_dir=None if data_dir is None else Path(data_dir),
    )
    with Said(name or planned.name, planned.runs, show=progress) as said:
        report = run_ablation(with_measured_spread(planned, Path(runs_dir)), settings, said.look)
    return AblationResult(report, Path(runs_dir), storage)


def plan(
    subject: Subjected,
    *,
    baseline: Mapping[str, Any] | None = None,
    factors: Mapping[str, Any] | None = None,
    seeds: int | Sequence[int] | None = None,
    metric: str | None = None,
    direction: Direction | None = None,
    margin: float | None = None,
    alpha: float | None = None,
    design: str | None = None,
    control: bool = False,
    screen: bool = False,
    effect: float | None = None,
    name: str | None = None,
    version: str | None = None,
    workers: int = 1,
    runs_dir: str | Path = "runs",
) -> PlanResult:
    """Say what an ablation will take and what it can show; nothing is run. Arguments as of `ablate`.

    `effect` is a difference in the metric's own unit: the plan says how many seeds find it.
    """
    from archsearch.ablate.forecast import foresee

    declared = _declared(
        subject, baseline, factors, metric=metric, direction=direction, version=version, name=name, seeds=seeds,
        margin=margin, alpha=alpha, design=design, control=control, screen=screen,
    )  # fmt: skip
    planned = plan_ablation(declared)
    return PlanResult(foresee(planned, Path(runs_dir), effect=effect, workers=workers), planned)


def run(
    subject: Subjected,
    *,
    seed: int = 0,
    values: Mapping[str, Any] | None = None,
    metric: str | None = None,
    version: str | None = None,
    runs_dir: str | Path = "runs",
    fresh: bool = False,
    trust: bool = False,
    **network: Any,
) -> FinishedRun | FinishedProgram:
    """Run one experiment with a seed, or give the result that is there already.

    `subject` is as in `ablate`; `values` are those of a program. `network` are the further arguments of
    `archsearch.train.run.run` for a network (`data_dir`, `limits`, `watch` ...). A network's result is a
    `FinishedRun` (`.result.test_accuracy`), a program's a `FinishedProgram` (`.result.metrics`, `.result.status`).
    """
    from archsearch.experiment_plan import ExperimentPlan

    if isinstance(subject, ExperimentPlan):
        from archsearch.train.run import run as train

        return train(subject, seed=seed, runs_dir=runs_dir, fresh=fresh, **network)
    spec = spec_of(subject, values, metric=metric, version=version)
    if isinstance(spec, ProgramSpec):
        from archsearch.program.experiment import plan_program
        from archsearch.program.run import run_program

        if network:
            raise UsageError(f"{next(iter(network))} is for networks; a program takes values={{...}}")
        trusted = trust or callable(subject)
        return run_program(plan_program(spec), seed=seed, runs_dir=Path(runs_dir), fresh=fresh, trusted=trusted)
    from archsearch.train.run import run as train

    return train(spec, seed=seed, runs_dir=runs_dir, fresh=fresh, **network)


# -- what is meant -----------------------------------------------------------------------------------------------------


def _declared(
    subject: Subjected,
    baseline: Mapping[str, Any] | None,
    factors: Mapping[str, Any] | None,
    *,
    metric: str | None,
    direction: Direction | None,
    version: str | None,
    name: str | None,
    seeds: int | Sequence[int] | None,
    control: bool,
    screen: bool,
    design: str | None,
    **keys: Any,
) -> Declared:
    """Declare the ablation: a file says all of it, else it is made of a spec and levels."""
    if isinstance(subject, (str, Path)) and factors is None:
        if baseline or metric or any(value is not None for value in keys.values()):
            raise UsageError(f"{subject} says itself what is compared; give factors={{...}} to compare something else")
        if seeds is not None and not isinstance(seeds, int):
            raise UsageError("seeds: of a file give how many, or write the list in it")
        return changed(load_ablation(str(subject)), design=design, seeds=seeds, control=control, screen=screen)
    spec = spec_of(subject, baseline, metric=metric, direction=direction, version=version)
    levels = levels_of(spec, factors)
    if isinstance(spec, ProgramSpec) and spec.program.function is not None:
        metric = None  # the only one that it gives
    return declare_levels(
        spec,
        levels,
        name=name or "-".join((spec.name, *levels))[:100],
        source="ablate()",
        metric=metric,
        seeds=10 if seeds is None else seeds if isinstance(seeds, int) else list(seeds),
        design=design,
        control=control or None,
        screen=screen or None,
        **keys,
    )


def _allow(planned: Ablation, subject: Subjected, trust: bool) -> None:
    """Ask for the programs of an ablation; a function that was handed in is the caller's own."""
    file = str(subject) if isinstance(subject, (str, Path)) else None
    programs = [cell.spec for cell in planned.cells if isinstance(cell.spec, ProgramSpec)]
    subjects = {one.digest: one for one in (program_subject(spec, file) for spec in programs)}
    if trust or callable(subject):
        allow_once(subjects)
    for one in subjects.values():
        must_be_trusted(one)
