"""A search from start to end: open or go on with the study, fill the queue, work, confirm, write the winner down.

report = search(load_study("lenet"), trials=50, runs_dir=Path("runs"))
report.best, report.confirmed, report.best_spec
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from archsearch.errors import SpecError, UsageError
from archsearch.files import write_whole
from archsearch.search.confirm import BASELINE, Confirmation, conclude
from archsearch.search.jobs import confirm_job, search_job, what_is_held
from archsearch.search.search_file import Study
from archsearch.search.space.count import EXACT_UP_TO, count_space
from archsearch.search.space.walk import total_of
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.fields import Plain
from archsearch.spec.text.write import spec_yaml
from archsearch.study.pool import Site, run_workers
from archsearch.study.queue import Slot, add_slots, slots_of
from archsearch.study.storage import default_url, experimental, open_storage
from archsearch.train.streams import stream

Look = Callable[[optuna.Study], None]


class Best(Plain):
    """The best trial by its search value; with several objectives one of the Pareto front."""

    number: int
    value: float
    values: tuple[float, ...]
    params: dict[str, Any]
    spec: dict[str, Any]
    run_id: str


class StudyReport(Plain):
    """What a study holds: counts of its slots, the best trials, the confirmation."""

    study: str
    trials: int
    waiting: int
    running: int
    completed: int
    pruned: int
    repeated: int
    diverged: int
    failed: int
    infeasible: int
    sampler: str
    metrics: tuple[str, ...]
    best: Best | None
    front: tuple[Best, ...]
    confirmed: Confirmation | None


@dataclass(frozen=True, slots=True)
class Settings:
    """How a search is run; None means what the study file says."""

    trials: int | None = None
    seconds: float = math.inf
    workers: int = 1
    storage: str | None = None
    name: str | None = None
    seed: int = 0
    sampler: str | None = None
    confirm: int | None = None
    confirm_seeds: int | None = None
    runs_dir: Path = Path("runs")
    data_dir: Path | None = None


def search(study: Study, settings: Settings, look: Look = lambda study: None) -> StudyReport:
    """Search until the study has its number of trials, confirm the best, and write `runs/<study>/best.yaml`.

    Called again it goes on; the number of trials is a total, however many processes work. Raises `SpecError` if a study
    of this name has another space, `UnavailableError` if the storage cannot be reached, `Interrupted`.
    """
    url = settings.storage or default_url(settings.runs_dir)
    storage = open_storage(url)
    name = settings.name or study.spec.name
    trials = settings.trials or study.spec.trials
    opened = open_study(study, storage, name, settings.seed, settings.sampler, trials)
    if opened.user_attrs["sampler"] == "brute_force" and total_of(study.space) <= EXACT_UP_TO:
        trials = min(trials, count_space(study.space).distinct)  # each network once, and then there is nothing left
    opened.set_user_attr("trials", max(trials, opened.user_attrs.get("trials", 0)))
    site = Site(url, name, settings.runs_dir, settings.data_dir, settings.seconds)
    run_workers(site, search_job, settings.workers, lambda: look(opened))
    look(opened)
    confirm = study.spec.confirm if settings.confirm is None else settings.confirm
    if confirm and _finished(opened, trials) and study.spec.learned is not None:
        seeds = settings.confirm_seeds or study.spec.confirm_seeds
        _confirm(study, opened, storage, site, settings.workers, confirm, seeds, look)
    report = report_on(opened, storage)
    _write_best(report, settings.runs_dir / name / "best.yaml", name)
    return report


def open_study(
    study: Study, storage: RDBStorage, name: str, seed: int, sampler: str | None, trials: int
) -> optuna.Study:
    """Open the study of this name, or make it; refuse one that was made for another space."""
    _check_name(name)
    directions = [direction for direction, _ in study.spec.objective]
    wanted = sampler or study.spec.sampler
    opened = optuna.create_study(study_name=name, storage=storage, directions=directions, load_if_exists=True)
    held = opened.user_attrs
    if not held:
        chosen = choose_sampler(study, trials)[0] if wanted == "auto" else wanted
        for key, value in what_is_held(study, seed, chosen).items():
            opened.set_user_attr(key, value)
        with experimental():
            opened.set_metric_names([metric for _, metric in study.spec.objective])
        return opened
    if held.get("kind") != "search":
        raise SpecError(f"{name} exists and is no search; choose another name with --name")
    differences = _differences(held["identity"], study.identity())
    if differences:
        raise SpecError(
            f"a study named {name} exists with another space ({'; '.join(differences)}); "
            "choose another name with --name"
        )
    return opened


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise UsageError(f"--name: {name!r} may hold letters, digits, _ . - only, and begins with a letter or digit")


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say what a study of before and a file of now do not share."""
    found = []
    for key in ("objective", "limits"):
        if before.get(key) != now[key]:
            found.append(f"{key} was {before.get(key)}, is {now[key]}")
    if before.get("measured_by") != now.get("measured_by"):
        found.append(f"val_loss was each run's own training loss, is {now.get('measured_by')} for all")
    old, new = before.get("space", {}), now["space"]
    found += [f"{name} is new" for name in new if name not in old]
    found += [f"{name} is gone" for name in old if name not in new]
    found += [f"{name} was {old[name]}, is {new[name]}" for name in new if name in old and old[name] != new[name]]
    if not found and before.get("base") != now["base"]:
        found.append("its base is another one")
    if not found and before.get("template") != now["template"]:
        found.append("its network is another one")
    return found[:6]


def choose_sampler(study: Study, trials: int) -> tuple[str, str]:
    """Choose by a fixed rule and say why: every network once if there are few enough, else what measured best."""
    if len(study.spec.objective) > 1:
        return "nsga2" if trials > 200 else "tpe", "several objectives"
    counts = [domain.count for domain in study.space.parameters().values()]
    if None not in counts and math.prod(count or 1 for count in counts) <= trials:
        return "brute_force", f"the space is no larger than {trials} trials"
    return "local", "the space is larger than the number of trials, and it measured best (docs/search.md)"


def _finished(study: optuna.Study, trials: int) -> bool:
    return sum(trial.state.is_finished() for trial in slots_of(study).values()) >= trials


# -- confirming --------------------------------------------------------------------------------------------------------


def confirm_name(name: str) -> str:
    """Give the name of the study that holds the confirmation of a search."""
    return f"{name}.confirm"


def _confirm(
    study: Study,
    opened: optuna.Study,
    storage: RDBStorage,
    site: Site,
    workers: int,
    count: int,
    seeds: int,
    look: Look,
) -> None:
    """Train the best trials and the baseline on fresh seeds; what is there already is not trained again."""
    ranked = ranked_trials(opened)[:count]
    if not ranked:
        return
    specs = {f"trial {trial.number}": trial.user_attrs["spec"] for trial in ranked}
    candidates = {BASELINE: study.space.base.model_dump(mode="json"), **specs}
    name = confirm_name(opened.study_name)
    confirming = optuna.create_study(study_name=name, storage=storage, direction="maximize", load_if_exists=True)
    if not confirming.user_attrs:
        confirming.set_user_attr("kind", "confirm")
        confirming.set_user_attr("of", opened.study_name)
        with experimental():
            confirming.set_metric_names(["test_accuracy"])
    there = {(t.user_attrs["candidate"], t.user_attrs["run_seed"]) for t in slots_of(confirming).values()}
    number = len(slots_of(confirming))
    slots: list[Slot] = []
    for run_seed in fresh_seeds(opened.user_attrs["seed"], seeds):
        for candidate, spec in candidates.items():
            if (candidate, run_seed) in there:
                continue
            attrs = {
                "candidate": candidate,
                "candidates": list(candidates),
                "candidate_spec": {**spec, "name": candidate.replace(" ", "-")},
                "run_seed": run_seed,
            }
            slots.append(Slot(number + len(slots), {"candidate": candidate, "seed": run_seed}, attrs))
    add_slots(storage, confirming, slots)
    run_workers(Site(site.url, name, site.runs_dir, site.data_dir), confirm_job, workers, lambda: look(confirming))


def fresh_seeds(study_seed: int, count: int) -> list[int]:
    """Give the seeds of a confirmation: none is that of the search."""
    return [1 + stream(study_seed, "confirm", number) % (2**31 - 2) for number in range(count)]


def confirmation_of(opened: optuna.Study, storage: RDBStorage) -> Confirmation | None:
    """Read the confirmation of a search from the storage, None if there is none."""
    name = confirm_name(opened.study_name)
    if name not in optuna.get_all_study_names(storage):
        return None
    trials = slots_of(optuna.load_study(study_name=name, storage=storage)).values()
    done = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if not done:
        return None
    test: dict[str, dict[int, float]] = {}
    validation: dict[str, dict[int, float]] = {}
    for trial in done:
        held = trial.user_attrs
        test.setdefault(held["candidate"], {})[held["run_seed"]] = trial.values[0]
        if held["result"]["val_accuracy"] is not None:
            validation.setdefault(held["candidate"], {})[held["run_seed"]] = held["result"]["val_accuracy"]
    learned = (
        opened.user_attrs["metrics"].index("val_accuracy") if "val_accuracy" in opened.user_attrs["metrics"] else None
    )
    searched: dict[str, tuple[int | None, float | None]] = {}
    for name_ in test:
        if name_ != BASELINE:
            number = int(name_.split()[-1])
            values = opened.get_trials(deepcopy=False)[number].values
            searched[name_] = (number, values[learned] if learned is not None and values else None)
    seeds = sorted({seed for by_seed in test.values() for seed in by_seed})
    return conclude(seeds, test, validation, searched, sum(t.user_attrs["result"]["test_reads"] for t in done))


# -- what came out -----------------------------------------------------------------------------------------------------


def ranked_trials(opened: optuna.Study) -> list[FrozenTrial]:
    """Give the completed trials, best first, each network once; with several objectives by the learned one."""
    metrics: list[str] = opened.user_attrs["metrics"]
    which = next((i for i, metric in enumerate(metrics) if metric.startswith("val_")), 0)
    sign = -1.0 if opened.directions[which] == optuna.study.StudyDirection.MAXIMIZE else 1.0
    done = [t for t in slots_of(opened).values() if t.state == TrialState.COMPLETE]
    done.sort(key=lambda t: (sign * t.values[which], t.number))
    seen: set[str] = set()
    ranked = []
    for trial in done:
        network = trial.user_attrs["network"]
        if network not in seen:
            seen.add(network)
            ranked.append(trial)
    return ranked


def report_on(opened: optuna.Study, storage: RDBStorage) -> StudyReport:
    """Give what a study holds now, from the storage alone."""
    slots = list(slots_of(opened).values())
    outcomes = Counter(trial.user_attrs.get("outcome") for trial in slots)
    states = Counter(trial.state for trial in slots)
    planned = max(opened.user_attrs["trials"], len(slots))
    ranked = ranked_trials(opened)
    front: list[Best] = []
    if len(opened.directions) > 1:
        front = [_best(trial) for trial in opened.best_trials]
    return StudyReport(
        study=opened.study_name,
        trials=planned,
        waiting=planned - len(slots) + states[TrialState.WAITING],
        running=states[TrialState.RUNNING],
        completed=states[TrialState.COMPLETE],
        pruned=states[TrialState.PRUNED],
        repeated=outcomes["repeated"],
        diverged=outcomes["diverged"],
        failed=states[TrialState.FAIL] - outcomes["diverged"],
        infeasible=sum(trial.user_attrs.get("infeasible", 0) for trial in slots),
        sampler=opened.user_attrs["sampler"],
        metrics=tuple(opened.user_attrs["metrics"]),
        best=_best(ranked[0]) if ranked else None,
        front=tuple(front),
        confirmed=confirmation_of(opened, storage),
    )


def _best(trial: FrozenTrial) -> Best:
    return Best(
        number=trial.number,
        value=trial.values[0],
        values=tuple(trial.values),
        params=dict(trial.params),
        spec=trial.user_attrs["spec"],
        run_id=trial.user_attrs["run_id"],
    )


def winner_spec(report: StudyReport, name: str) -> ExperimentSpec | None:
    """Give the spec to go on with: the one with the best confirmed mean, else the best of the search."""
    if report.best is None:
        return None
    tree = report.best.spec
    origin = f"trial {report.best.number}"
    tree = {**tree, "name": f"{name}-best", "summary": f"The best of the study {name}, {origin}."}
    return ExperimentSpec.model_validate(tree)


def _write_best(report: StudyReport, path: Path, name: str) -> None:
    spec = winner_spec(report, name)
    if spec is not None:
        write_whole(path, spec_yaml(spec, f"archsearch run {path}").encode())


def all_reports(storage: RDBStorage) -> list[StudyReport]:
    """Report on every search of a storage."""
    studies = [optuna.load_study(study_name=name, storage=storage) for name in optuna.get_all_study_names(storage)]
    return [report_on(study, storage) for study in studies if study.user_attrs.get("kind") == "search"]


def study_names(storage: RDBStorage) -> list[str]:
    """Name the studies of a storage; the confirmation of a search is part of it and has no name of its own."""
    return [name for name in optuna.get_all_study_names(storage) if not name.endswith(".confirm")]


def existing_study(name: str, storage: RDBStorage) -> optuna.Study:
    """Open a study that is there; raise `UsageError` with those that are."""
    names = study_names(storage)
    if name not in names:
        there = ", ".join(names) if names else "there are none yet"
        raise UsageError(f"no study {name!r} in this storage ({there})")
    opened = optuna.load_study(study_name=name, storage=storage)
    if opened.user_attrs.get("kind") != "search":
        raise UsageError(
            f"{name} is an ablation, which has verdicts and no best; `archsearch ablate {name}` shows them"
        )
    return opened
