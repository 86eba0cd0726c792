"""An ablation from start to end: open or go on with the study, fill the queue, work, judge.

    report = ablate(plan_ablation(load_ablation("documented")), Settings(runs_dir=Path("runs"), workers=2))
    report.effects[0].sentence, report.complete

The runs go through the same queue and the same run directories as those of a search: what was trained once, such as the
baseline of another ablation, is taken from there.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from archsearch.ablate.dashboard import note_verdicts
from archsearch.ablate.jobs import ablate_job, held_ablation, latest, retry, values_of
from archsearch.ablate.judging import attribution, exclusions, judge_ablation, linear_model
from archsearch.ablate.mcnemar import compare_models
from archsearch.ablate.planned import Ablation
from archsearch.ablate.record import AblationReport, CellReport, Counts, Course, Failure
from archsearch.ablate.schedule import Runs, decisions, due
from archsearch.errors import SpecError, UsageError
from archsearch.stats import intervals
from archsearch.study.held import why_lost
from archsearch.study.pool import Site, run_workers
from archsearch.study.queue import slots_of
from archsearch.study.storage import default_url, experimental, open_storage, read_each

Look = Callable[[optuna.Study], None]
KIND = "ablation"


@dataclass(frozen=True, slots=True)
class Settings:
    """How an ablation is run."""

    seconds: float = math.inf
    workers: int = 1
    storage: str | None = None
    name: str | None = None
    runs_dir: Path = Path("runs")
    data_dir: Path | None = None


def ablate(ablation: Ablation, settings: Settings, look: Look = lambda study: None) -> AblationReport:
    """Train all cells with all seeds that are due, and judge them. Called again it goes on.

    Raises `SpecError` if a study of this name was made for another ablation, `UnavailableError` if the storage cannot
    be reached, `Interrupted`.
    """
    url = settings.storage or default_url(settings.runs_dir)
    storage = open_storage(url)
    opened = open_ablation(ablation, storage, settings.name or ablation.name)
    retry(storage, opened)
    site = Site(url, opened.study_name, settings.runs_dir, settings.data_dir, settings.seconds)
    run_workers(site, ablate_job, settings.workers, lambda: look(opened))
    look(opened)
    report = report_on(opened, settings.runs_dir)
    note_verdicts(opened, report)
    return report


def open_ablation(ablation: Ablation, storage: RDBStorage, name: str) -> optuna.Study:
    """Open the study of this name, or make it; refuse one that was made for another ablation."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise UsageError(f"--name: {name!r} may hold letters, digits, _ . - only, and begins with a letter or digit")
    opened = optuna.create_study(
        study_name=name, storage=storage, direction=ablation.family.direction, load_if_exists=True
    )
    held = opened.user_attrs
    if not held:
        for key, value in (
            ("kind", KIND),
            ("ablation", ablation.model_dump_json()),
            ("metrics", [ablation.family.metric]),
            ("trials", ablation.runs),
        ):
            opened.set_user_attr(key, value)
        with experimental():
            opened.set_metric_names([ablation.family.metric])
        return opened
    if held.get("kind") != KIND:
        raise SpecError(f"{name} exists and is no ablation; choose another name with --name")
    differences = differences_of(held_ablation(opened), ablation)
    if differences:
        raise SpecError(
            f"an ablation named {name} exists and is another one ({'; '.join(differences)}): what is compared is fixed "
            "before the first run; choose another name with --name"
        )
    return opened


def differences_of(before: Ablation, now: Ablation) -> list[str]:
    """Say what an ablation of before and one of now do not share; words about them do not count."""
    found = []
    for key in ("baseline", "design", "seeds", "sequential", "purpose"):
        old, new = getattr(before, key), getattr(now, key)
        if old != new:
            found.append(f"{key} was {_brief(old)}, is {_brief(new)}")
    old_family, new_family = before.family.model_dump(), now.family.model_dump()
    if now.family.unit == "own" and not now.family.margin:
        old_family["margin"] = 0.0  # none was said now: the one that it was begun with stands
    found += [f"{key} was {old_family[key]}, is {new}" for key, new in new_family.items() if old_family[key] != new]
    old_cells, new_cells = ({cell.name: cell for cell in one.cells} for one in (before, now))
    found += [f"the cell {name} is new" for name in new_cells if name not in old_cells]
    found += [f"the cell {name} is gone" for name in old_cells if name not in new_cells]
    for name, cell in new_cells.items():
        old = old_cells.get(name)
        if old is None:
            continue
        parts = [part for part in ("data", "network", "train") if getattr(old.spec, part) != getattr(cell.spec, part)]
        found += [f"the {part} of the cell {name} is another one" for part in parts]
        if not parts and old.run_seeds != cell.run_seeds and before.seeds == now.seeds:
            found.append(f"the cell {name} has other seeds")
    if not found and before.questions != now.questions:
        found.append("other questions are asked")
    return found[:6]


def _brief(value: object) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} seeds ({', '.join(map(str, value[:3]))}{', ...' if len(value) > 3 else ''})"
    return str(value)


# -- what came out -----------------------------------------------------------------------------------------------------


def existing_ablation(name: str, storage: RDBStorage) -> optuna.Study:
    """Open an ablation that is there; raise `UsageError` where it is another kind of study, or none."""
    if name not in optuna.get_all_study_names(storage):
        raise UsageError(f"no ablation {name!r} in this storage")
    opened = optuna.load_study(study_name=name, storage=storage)
    if opened.user_attrs.get("kind") != KIND:
        raise UsageError(f"{name} is no ablation")
    return opened


def report_on(opened: optuna.Study, runs_dir: Path | None = None) -> AblationReport:
    """Give what an ablation holds now, from the storage alone; predictions, where `runs_dir` has them, add models."""
    ablation = held_ablation(opened)
    trials, runs = latest(opened), values_of(opened)
    planned = due(ablation, runs)
    complete = all(seed in runs.get(cell, {}) for cell, seed in planned)
    models, missing = compare_models(ablation, trials, runs_dir)
    courses = decisions(ablation, runs) if ablation.sequential else {}
    done = [trial for trial in trials.values() if trial.state == TrialState.COMPLETE]
    return AblationReport(
        study=opened.study_name,
        summary=ablation.summary,
        baseline=ablation.baseline,
        design=ablation.design,
        family=ablation.family,
        seeds=ablation.seeds,
        sequential=ablation.sequential,
        purpose=ablation.purpose,
        complete=complete,
        effects=judge_ablation(ablation, runs, complete=complete),
        questions=ablation.questions,
        cells=tuple(_cell_reports(ablation, trials, runs)),
        runs=_counts(opened, trials, planned),
        failures=tuple(_failures(trials)),
        exclusions=exclusions(runs, planned),
        test_reads=_test_reads(done),
        plan=ablation.plan,
        model=linear_model(ablation, runs),
        attribution=attribution(ablation, runs),
        courses=tuple(
            Course(
                name=name,
                decided=course.verdict is not None,
                pairs=course.pairs,
                evidence=course.evidence,
                equivalence_evidence=course.equivalence_evidence,
            )
            for name, course in courses.items()
        ),
        confounds=ablation.confounds,
        left_out=ablation.left_out,
        resolution=ablation.resolution,
        generators=ablation.generators,
        aliases=ablation.aliases,
        notes=ablation.notes,
        models=models,
        models_missing=missing,
        hardware=_hardware(done),
    )


def _test_reads(done: list[FrozenTrial]) -> int:
    """Count the reads of the test set, each run once: the same run may be in two cells."""
    reads = {trial.user_attrs["run_id"]: trial.user_attrs["result"]["test_reads"] for trial in done}
    return sum(reads.values())


def _hardware(done: list[FrozenTrial]) -> tuple[str, ...]:
    """Name what the runs were computed on: one line if all on the same."""

    def line(environment: dict[str, Any]) -> str:
        engine = environment.get("engine", "torch")
        words = [str(environment.get(key, "?")) for key in ("device_name", "device")]
        versions = f"torch {environment.get('torch')}, Python {environment.get('python')}"
        count = environment.get("threads")
        threads = f"{count} thread{'' if count == 1 else 's'}"
        return f"{', '.join(words)}, {threads}, engine {engine}; {versions}, archsearch {environment.get('archsearch')}"

    return tuple(dict.fromkeys(line(trial.user_attrs["result"]["environment"]) for trial in done))


def _cell_reports(ablation: Ablation, trials: dict[tuple[str, int], FrozenTrial], runs: Runs) -> list[CellReport]:
    found = []
    for cell in ablation.cells:
        of = runs.get(cell.name, {})
        values = [value for value in of.values() if value is not None]
        mine = [trial for (name, _), trial in trials.items() if name == cell.name]
        seconds = [trial.user_attrs["result"]["seconds"] for trial in mine if trial.state == TrialState.COMPLETE]
        found.append(
            CellReport(
                name=cell.name,
                moved=dict(cell.moved),
                spec=cell.spec.name,
                parameters=cell.parameters,
                macs=cell.macs,
                values={str(seed): of[seed] for seed in cell.seeds if seed in of},
                mean=intervals.mean(values) if values else None,
                sd=intervals.standard_deviation(values) if len(values) > 1 else None,
                seconds=intervals.mean(seconds) if seconds else None,
            )
        )
    return found


def _counts(opened: optuna.Study, trials: dict[tuple[str, int], FrozenTrial], planned: list[tuple[str, int]]) -> Counts:
    outcomes = Counter(trial.user_attrs.get("outcome") for trial in trials.values())
    states = Counter(trial.state for trial in trials.values())
    return Counts(
        planned=len(planned),
        completed=states[TrialState.COMPLETE],
        cached=outcomes["repeated"],
        diverged=outcomes["diverged"],
        failed=states[TrialState.FAIL] - outcomes["diverged"],
        running=states[TrialState.RUNNING],
        waiting=len(planned) - sum(trial.state != TrialState.WAITING for trial in trials.values()),
        retried=len(slots_of(opened)) - len(trials),
    )


def _failures(trials: dict[tuple[str, int], FrozenTrial]) -> list[Failure]:
    found = []
    for (cell, seed), trial in trials.items():
        if trial.state == TrialState.FAIL:
            how, reason = why_lost(trial)
            outcome: Literal["diverged", "failed"] = "diverged" if how == "diverged" else "failed"
            found.append(Failure(cell=cell, seed=seed, outcome=outcome, reason=reason))
    return found


def all_reports(storage: RDBStorage) -> tuple[list[AblationReport], dict[str, str]]:
    """Report on every ablation of a storage; and why not, for those that cannot be read."""
    return read_each(storage, KIND, report_on)
