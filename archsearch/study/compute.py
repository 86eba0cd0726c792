"""What the runs of a study are computed with: fixed when it is opened, kept by each of its workers or refused.

    fix(storage, study, plans, workers=2)          # at every opening: says what is not said yet
    keeper = Keeper(storage, study)                # a worker's
    keeper.compute(plan)                           # raises `CannotKeepError` with the reason
    keeper.check_data(plan.spec.data, dataset)     # the same

Fixed are the device that `auto` stands for, whether the native engine takes part, the threads of a worker, what each
known experiment is computed with, and the version of each data set. So no pair of runs is computed half on cuda and
half on a C++ engine because two machines chose differently. A study of version 0.1.0 holds none of it: what its
finished runs say is fixed at the next opening.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState
from pydantic import ValidationError

from archsearch.crash import crash_point
from archsearch.errors import ArchsearchError, SpecError, UsageError
from archsearch.experiment_plan import ExperimentPlan, plan_experiment
from archsearch.files import canonical_json, seal
from archsearch.native.library import load_library, why_missing
from archsearch.native.planner import KERNELS, supports
from archsearch.plain import Plain
from archsearch.spec.dataset import DataSpec
from archsearch.spec.experiment import ExperimentSpec
from archsearch.study.held import HeldRun, HeldStudy
from archsearch.study.held_runs import runs_of
from archsearch.study.runner import CannotKeepError
from archsearch.study.storage import Storage, Study
from archsearch.study.transaction import replace_attr
from archsearch.train.compute import BY_MEAN_CHANNELS, Compute, Resources, decide, resolve_device, resources_here
from archsearch.train.identity import experiment_key

if TYPE_CHECKING:
    from archsearch.data.prepare import Dataset

_OF_THE_FIRST = Resources("cpu", native=True, threads=1, kernels=1)
_NOT_WHEN_BEGUN = "it was not there when the study was begun"


class FixedCompute(Plain):
    """What a study has fixed; `cells` are what its known experiments are computed with, by `cell_key`."""

    device: str
    native: bool
    why_no_native: str
    threads: int
    kernels: int = 1  # said since there are more than those of 0.1.0
    layouts: int = BY_MEAN_CHANNELS  # and so is the rule for torch's layout
    cells: Mapping[str, Compute] = {}

    @property
    def resources(self) -> Resources:
        """What the rule has to choose from, on whatever machine."""
        return Resources(self.device, self.native, self.threads, self.why_no_native, self.kernels, self.layouts)

    def compute(self, plan: ExperimentPlan) -> Compute:
        """Give what a plan is computed with; raise `SpecError` where `engine: native` cannot be."""
        return self.cells.get(cell_key(plan)) or decide(plan, self.resources)


def cell_key(plan: ExperimentPlan) -> str:
    """Name an experiment with where it asks to be computed: a level of an ablation may set just that."""
    return seal([experiment_key(plan), plan.spec.train.device, plan.spec.train.engine])


def data_key(data: DataSpec) -> str:
    """Name what is loaded for a spec: data of one key have one fingerprint."""
    return seal(data.model_dump(mode="json", exclude={"validation", "train_limit", "augment", "fold"}))


def fixed_of(study: Study) -> FixedCompute | None:
    """Read what a study has fixed; None where nothing is (version 0.1.0, not opened since)."""
    text = HeldStudy(study).compute
    if text is None:
        return None
    try:
        return FixedCompute.model_validate_json(text)
    except ValidationError:
        raise SpecError(
            f"what {study.study_name} is computed with was written by another version of archsearch; choose another "
            "name with --name, its runs are taken from the cache"
        ) from None


def fix(
    storage: Storage,
    study: Study,
    plans: Iterable[ExperimentPlan],
    workers: int,
    like: Study | None = None,
    auto: Callable[[], str] | None = None,
) -> FixedCompute:
    """Fix what a study has not fixed yet: as its finished runs were, else as the study `like`, else by this machine.

    `auto` is asked what `device: auto` stands for here; by default it is looked for in this process.
    Raises `UsageError` and `SpecError` where a new study asks for what this machine does not have.
    """
    plans = list(plans)
    while (fixed := _fixed_now(storage, study, plans, workers, like, auto)) is None:
        pass  # another process was first: what it has fixed stands
    return fixed


def _fixed_now(
    storage: Storage,
    study: Study,
    plans: Sequence[ExperimentPlan],
    workers: int,
    like: Study | None,
    auto: Callable[[], str] | None,
) -> FixedCompute | None:
    """Fix as `fix` does; None where another process has fixed something meanwhile."""
    text = HeldStudy(study).compute
    before = fixed_of(study)
    runs = [] if before is not None else _finished(study)
    model = fixed_of(like) if like is not None and not runs else None
    fixed = before or model or _as_begun(runs, workers, auto)
    cells = dict(fixed.cells) if before is not None else {}
    engines = _engines_of(runs)
    for plan in plans:
        key = cell_key(plan)
        if key not in cells:
            cells[key] = _with_engine(fixed.compute(plan), plan, engines.get(key))
            if before is None and model is None and not runs:  # else it may be computed on another machine
                resolve_device(cells[key].device)
    if before is None and not HeldStudy(study).fingerprints:
        versions = {**(HeldStudy(like).fingerprints if like is not None else {}), **versions_of(runs)}
        none = HeldStudy(study).attrs.get(HeldStudy.fingerprints.key)
        replace_attr(storage, study, HeldStudy.fingerprints.key, none, versions)
    if before is None or cells != dict(before.cells):
        fixed = fixed.model_copy(update={"cells": cells})
        if not replace_attr(storage, study, HeldStudy.compute.key, text, fixed.model_dump_json()):
            return None
        crash_point("computed with")
    return fixed


def _finished(study: Study) -> list[HeldRun]:
    return runs_of(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))


def _as_begun(runs: Sequence[HeldRun], workers: int, auto: Callable[[], str] | None) -> FixedCompute:
    """Fix what most of the runs were computed with; a new study what this machine has, one thread where many work."""
    here = resources_here("auto" if auto is None else auto(), None if workers == 1 else 1)
    device = _most(run.environment.get("device") for run in runs if _train(run).get("device") == "auto") or here.device
    threads = _most(run.environment.get("threads") for run in runs) or here.threads
    native, why = here.native, here.why_no_native
    chosen = [run for run in runs if _train(run).get("engine") == "auto" and run.environment.get("device") == "cpu"]
    if any(run.environment.get("engine") == "native" for run in chosen):
        native, why = True, ""
    elif any(_would_be_native(spec) for spec in {canonical_json(run.spec): run.spec for run in chosen}.values()):
        native, why = False, _NOT_WHEN_BEGUN
    kernels, layouts = (1, BY_MEAN_CHANNELS) if runs else (KERNELS, here.layouts)
    return FixedCompute(
        device=device, native=native, why_no_native=why, threads=threads, kernels=kernels, layouts=layouts
    )


def _train(run: HeldRun) -> Mapping[str, Any]:
    found: Mapping[str, Any] = run.spec["train"]
    return found


def _most(values: Iterable[Any]) -> Any:
    counted = Counter(value for value in values if value is not None)
    return counted.most_common(1)[0][0] if counted else None


def replanned(spec: Mapping[str, Any]) -> ExperimentPlan | None:
    """Plan a spec as a trial holds it; None where it cannot be planned here (own data that is gone)."""
    try:
        return plan_experiment(ExperimentSpec.model_validate(dict(spec)))
    except (ArchsearchError, ValidationError):
        return None


def _would_be_native(spec: Mapping[str, Any]) -> bool:
    plan = replanned(spec)
    return plan is not None and decide(plan, _OF_THE_FIRST).engine == "native"


def _engines_of(runs: Iterable[HeldRun]) -> dict[str, str]:
    """Give the engine that most of the runs of each experiment were computed by."""
    keys: dict[str, str | None] = {}
    found: dict[str, list[str]] = {}
    for run in runs:
        written = canonical_json({part: run.spec[part] for part in ("data", "network", "train")})
        if written not in keys:
            plan = replanned(run.spec)
            keys[written] = None if plan is None else cell_key(plan)
        if (key := keys[written]) is not None:
            found.setdefault(key, []).append(run.environment.get("engine", "torch"))
    return {key: _most(engines) for key, engines in found.items()}


def _with_engine(compute: Compute, plan: ExperimentPlan, engine: str | None) -> Compute:
    """Go on by the engine that finished runs had, whatever the rule says by now."""
    if engine is None or engine == compute.engine:
        return compute
    train = plan.spec.train.model_copy(update={"engine": engine})
    try:
        by = decide(
            replace(plan, spec=plan.spec.model_copy(update={"train": train})),
            Resources(compute.device, native=True, threads=compute.threads),
        )
    except SpecError:
        return compute
    return replace(by, reason="" if engine == "native" else "as its earlier runs")


def versions_of(runs: Iterable[HeldRun]) -> dict[str, str]:
    """Give the fingerprint that most runs on each data set have, by `data_key`."""
    counted: dict[str, Counter[str]] = {}
    keys: dict[str, str | None] = {}
    for run in runs:
        written = canonical_json(run.spec["data"])
        if written not in keys:
            try:
                keys[written] = data_key(DataSpec.model_validate(run.spec["data"]))
            except ValidationError:
                keys[written] = None
        if (key := keys[written]) is not None:
            counted.setdefault(key, Counter())[run.data_fingerprint] += 1
    return {key: versions.most_common(1)[0][0] for key, versions in counted.items()}


# -- a worker's part ---------------------------------------------------------------------------------------------------


class Keeper:
    """Keeps what a study has fixed; where nothing is, each run is decided as it comes."""

    def __init__(self, storage: Storage, study: Study) -> None:
        self.storage = storage
        self.study = study
        self.fixed = fixed_of(study)
        self.versions = dict(HeldStudy(study).fingerprints)

    def compute(self, plan: ExperimentPlan) -> Compute:
        """Give what a slot's run is computed with; raise `CannotKeepError` where that is not here."""
        if self.fixed is None:
            return decide(plan)
        compute = self.fixed.compute(plan)
        if why := why_not_here(compute, plan):
            raise CannotKeepError(why)
        return compute

    def check_data(self, data: DataSpec, dataset: Dataset) -> None:
        """Fix the version of a data set that the study has not seen yet; raise `CannotKeepError` for another one."""
        key = data_key(data)
        while key not in self.versions:
            before = HeldStudy(self.study).attrs.get(HeldStudy.fingerprints.key)
            versions = {key: dataset.fingerprint, **(before or {})}
            if replace_attr(self.storage, self.study, HeldStudy.fingerprints.key, before, versions):
                self.versions = versions
        if self.versions[key] != dataset.fingerprint:
            raise CannotKeepError(
                f"its data {data.name} are another version here (fingerprint {dataset.fingerprint[:12]}, not "
                f"{self.versions[key][:12]})"
            )


@contextmanager
def kept_threads(study: Study) -> Iterator[None]:
    """Give this process the threads that a study has fixed for each worker, and the caller's back afterwards."""
    fixed = fixed_of(study)
    if fixed is None:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(fixed.threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def why_not_here(compute: Compute, plan: ExperimentPlan) -> str:
    """Say why this process cannot compute so; "" where it can."""
    try:
        resolve_device(compute.device)
    except UsageError:
        usable = resolve_device("auto")
        return f"it is computed on {compute.device}, which is not usable here (only {usable})"
    if compute.engine == "native":
        unfit = supports(plan.network, plan.spec.train, plan.facts.task, weighted=plan.facts.weighted)
        reason = unfit or ("" if load_library() is not None else why_missing())
        return reason and f"it is computed by the native engine, which cannot be used here: {reason}"
    return ""
