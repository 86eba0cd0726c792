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
from archsearch.ablate.planned import plan_ablation
from archsearch.ablate.without_file import declare_levels
from archsearch.api.progress import Said
from archsearch.api.results import AblationResult, ComparisonResult, PlanResult, StudyResult
from archsearch.api.subjects import Subjected, levels_of, spec_of
from archsearch.errors import UsageError
from archsearch.metrics import Direction
from archsearch.program.permission import program_subject
from archsearch.program.program_spec import ProgramSpec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.text.sentences import unknown
from archsearch.trust import allow_once, must_be_trusted

if TYPE_CHECKING:
    from archsearch.ablate.columns import FileUnit
    from archsearch.program.run import FinishedProgram
    from archsearch.search.search_file import SearchFile
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
    _allow([cell.spec for cell in planned.cells if isinstance(cell.spec, ProgramSpec)], subject, trust)
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


def study(
    subject: Subjected,
    *,
    space: Mapping[str, Any] | None = None,
    baseline: Mapping[str, Any] | None = None,
    trials: int | None = None,
    metric: str | None = None,
    direction: Direction | None = None,
    seed: int = 0,
    sampler: str | None = None,
    confirm: int | None = None,
    confirm_seeds: int | None = None,
    confirm_budget: float | None = None,
    name: str | None = None,
    version: str | None = None,
    workers: int = 1,
    runs_dir: str | Path = "runs",
    data_dir: str | Path | None = None,
    storage: str | None = None,
    progress: bool = True,
    trust: bool = False,
) -> StudyResult:
    """Search for the best values of a function or a program, or run a search file; called again, it goes on.

    `space` is what is open: `{"lr": "float:1e-4..1e-1:log", "norm": ["batch", "layer"]}`, or domains as a search file
    has them (`{"int": [1, 8]}`). The best are confirmed on fresh seeds: at most `confirm` of them, which
    race within `confirm_budget`, a share of the search's own work, or have `confirm_seeds` each.
    Other arguments as of `ablate`.
    """
    from archsearch.search.search import SearchSettings, search

    searched = _searched(subject, space, baseline, metric, direction, version, name, trials)
    base = searched.space.base
    if isinstance(base, ProgramSpec):
        _allow([base], subject, trust)
    settings = SearchSettings(
        workers=workers,
        storage=storage,
        name=name,
        runs_dir=Path(runs_dir),
        data_dir=None if data_dir is None else Path(data_dir),
        trials=trials,
        seed=seed,
        sampler=sampler,
        confirm=confirm,
        confirm_seeds=confirm_seeds,
        confirm_budget=confirm_budget,
    )
    with Said(name or searched.spec.name, trials or searched.spec.trials, show=progress) as said:
        report = search(searched, settings, said.look)
    return StudyResult(report, Path(runs_dir), storage)


def compare(
    data: Any,
    *,
    baseline: str | None = None,
    variant: str | None = None,
    factors: Sequence[str] = (),
    seed: str | None = None,
    value: str | None = None,
    unit: FileUnit | None = None,
    minimize: bool = False,
    margin: float | None = None,
    alpha: float = 0.05,
    screen: bool = False,
) -> ComparisonResult:
    """Judge numbers that are there already: which variants differ from the baseline by more than noise?

    `data` is a dict of variants (`{"a": {0: 0.91, 1: 0.93}, "b": [0.95, 0.94]}`: values by seed, or in the order of
    seeds), a pandas frame with a row a run, or the path of a file (CSV, JSON lines, Parquet). `variant`, `factors`,
    `seed` and `value` name columns, where their names do not tell. `unit` is fraction, percent or own; `margin` is in
    that unit. Raises `SpecError` with the row of what cannot be read.
    """
    from archsearch.ablate.columns import Reading
    from archsearch.ablate.compare import compare as judge
    from archsearch.ablate.compare import likely_baseline, read_values, sheet_values
    from archsearch.api.tables import sheet_of

    if not 0 < alpha < 1:
        raise UsageError(f"alpha {alpha:g}: give a probability between 0 and 1, such as 0.05")
    reading = Reading(variant, tuple(factors), seed, value, unit, minimize)
    of_file = isinstance(data, (str, Path))
    values = read_values(Path(data), reading) if of_file else sheet_values(sheet_of(data), reading)
    chosen = baseline if baseline is not None else likely_baseline(values)
    return ComparisonResult(judge(values, chosen, values.family(margin=margin, alpha=alpha, screen=screen)), values)


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
            taken = ("seed", "values", "metric", "version", "runs_dir", "fresh", "trust")
            raise UsageError(f"run() of a program: {unknown('argument', next(iter(network)), taken)}")
        _allow([spec], subject, trust)
        return run_program(plan_program(spec), seed=seed, runs_dir=Path(runs_dir), fresh=fresh)
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


def _searched(
    subject: Subjected,
    space: Mapping[str, Any] | None,
    baseline: Mapping[str, Any] | None,
    metric: str | None,
    direction: Direction | None,
    version: str | None,
    name: str | None,
    trials: int | None,
) -> SearchFile:
    """Declare the search: a file says all of it, else it is made of a program and what is open in it."""
    from archsearch.search.search_file import load_study
    from archsearch.search.without_file import declare_values, middle_of, read_space

    if isinstance(subject, (str, Path)) and space is None:
        if baseline or metric:
            raise UsageError(f"{subject} says itself what is searched; give space={{...}} to search something else")
        return load_study(str(subject))
    if not space:
        raise UsageError("say what is open: space={'lr': 'float:1e-4..1e-1:log'}")
    opened: dict[str, dict[str, Any]] = {}
    for key, domain in space.items():
        if isinstance(domain, str):
            opened[key] = read_space(f"{key}={domain}")[1]
        else:
            opened[key] = dict(domain) if isinstance(domain, Mapping) else {"choice": list(domain)}
    given = dict(baseline or {})
    middle = {key: middle_of(domain) for key, domain in opened.items() if key not in given}
    if isinstance(subject, ExperimentSpec):
        raise UsageError("what is open in a network is said in a search file: archsearch.study('studies/mine.yaml')")
    values = given | middle if callable(subject) else given
    spec = spec_of(subject, values, metric=metric, direction=direction, version=version)
    if not isinstance(spec, ProgramSpec):
        raise UsageError(f"{subject} is a network: what is open in it is said in a search file")
    return declare_values(spec, opened, name=name or "-".join((spec.name, *opened))[:100], trials=trials)


def _allow(programs: Sequence[ProgramSpec], subject: Subjected, trust: bool) -> None:
    """Ask for programs; a function that was handed in is the caller's own."""
    file = str(subject) if isinstance(subject, (str, Path)) else None
    subjects = {one.digest: one for one in (program_subject(spec, file) for spec in programs)}
    if trust or callable(subject):
        allow_once(subjects)
    for one in subjects.values():
        must_be_trusted(one)
