"""A search from start to end: open or go on with the study, fill the queue, work, confirm, write the winner down.

report = search(load_study("lenet"), trials=50, runs_dir=Path("runs"))
report.best, report.headline, report.confirmed
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from pydantic import Field

from archsearch.crash import crash_point
from archsearch.errors import SpecError
from archsearch.files import write_whole
from archsearch.kinds import EXPERIMENT_KINDS, kind_of_held, kind_of_spec
from archsearch.kinds.kind import AnySpec, ExperimentKindName
from archsearch.metrics import Metric, Written, metric_text
from archsearch.plain import Plain
from archsearch.search.another_metric import ByAnother
from archsearch.search.confirm import Confirmation, best_of, better_words
from archsearch.search.confirm_said import headline
from archsearch.search.confirming import ConfirmAsked, run_confirmation
from archsearch.search.finalists import confirmation_of, ranked_trials
from archsearch.search.folds import FoldValues, fold_values, split_said
from archsearch.search.jobs import search_job, what_is_held
from archsearch.search.reached import Stopped, stopped_after
from archsearch.search.search_file import SearchFile
from archsearch.search.space.by_kind import spaces_of
from archsearch.search.space.count import EXACT_UP_TO, count_space
from archsearch.search.space.total import total_of
from archsearch.study.held import HeldRun, HeldSearch, HeldStudy, HeldTrial, fixed_values
from archsearch.study.ledger import amend
from archsearch.study.lifecycle import Look, Settings, open_or_make, read_each
from archsearch.study.nursery import Nursery
from archsearch.study.pool import crew_of, run_workers
from archsearch.study.queue import slots_of
from archsearch.study.storage import Storage, open_storage


class Best(Plain):
    """A trial that stands out, with its values in the search; of folds these are means.

    `spec` is what was sampled, `run_id` its run: with folds the first one's. `folds` are the values of the learned
    objective.
    """

    number: int
    value: float
    values: tuple[float, ...]
    params: dict[str, Any]
    spec: dict[str, Any]
    run_id: str
    folds: FoldValues | None = None


class StudyReport(Plain):
    """What a study holds: counts of its slots, the best trials, the confirmation.

    `best` is the winner: the finalist with the best confirmed mean, without a confirmation `selected`, the best by its
    value in the search. `baseline` is the trial of the base itself, None where it is none.
    """

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
    selected: Best | None
    front: tuple[Best, ...]
    confirmed: Confirmation | None
    baseline: int | None = None
    kind: ExperimentKindName = "network"
    written: dict[str, Written] = Field(default_factory=dict)  # of a program's metrics: as its file says
    stopped: tuple[Stopped, ...] = ()  # the pruned trials by how long they were trained

    def value_text(self, metric: str, value: float) -> str:
        """Write a value of an objective, with its unit."""
        if self.kind != "program":
            return metric_text(metric, value)
        return metric_text(Metric(metric, metric, "maximize", self.written.get(metric, "number"), "training"), value)

    @property
    def headline(self) -> str:
        """Say in a sentence what was found: the words of every place that names the winner."""
        noun = EXPERIMENT_KINDS[self.kind].noun
        if self.best is None:
            return f"No trial of {self.trials} has completed yet, so there is no best {noun}."
        if self.confirmed is not None:
            # of several objectives the seeds judge one
            better = "better" if len(self.metrics) == 1 else better_words(self.confirmed.family)
            return headline(self.confirmed, better, noun)
        if self.best.number == self.baseline:
            return f"The baseline itself, trial {self.baseline}, is the best of the search; nothing was confirmed."
        return f"Trial {self.best.number} is the best of the search; it has not been confirmed on fresh seeds."


@dataclass(frozen=True, slots=True)
class SearchSettings(Settings):
    """How a search is run; None means what the search file says."""

    trials: int | None = None
    seed: int = 0
    sampler: str | None = None
    confirm: int | None = None
    confirm_seeds: int | None = None
    confirm_budget: float | None = None


def search(
    study: SearchFile, settings: SearchSettings, look: Look = lambda study: None, nursery: Nursery | None = None
) -> StudyReport:
    """Search until the study has its number of trials, confirm the best, and write `runs/<study>/best.yaml`.

    Called again it goes on; the number of trials is a total, however many processes work. Raises `SpecError` if a study
    of this name has another space, `UnavailableError` if the storage cannot be reached, `Interrupted`. `nursery` starts
    the workers, where it is there already.
    """
    storage = open_storage(settings.url)
    name = settings.name or study.spec.name
    trials = settings.trials or study.spec.trials
    opened = open_study(study, storage, name, settings.seed, settings.sampler, trials)
    trials = _at_most_each_once(study, HeldStudy(opened).sampler, trials)
    if trials > HeldStudy(opened).trials:
        amend(storage, opened, {HeldStudy.trials.key: trials})
    workers = study.kind.workers(study.watched, study.space.base, settings.workers)
    confirm = study.spec.confirm if settings.confirm is None else settings.confirm
    one_run = study.kind.spreads_over(study.space.base) == "nothing"  # of which fresh seeds would show nothing
    with crew_of(settings, name, workers, nursery) as crew:
        if not finished(opened, trials):
            crew.prepare(search_job.__module__, torch=study.kind.name == "network")
        if not settings.elsewhere:  # else its first worker fixes it: this machine may have other devices
            study.kind.fix(storage, opened, (), workers, auto=crew.device)
        run_workers(crew, search_job, lambda: look(opened))
        look(opened)
        if confirm and finished(opened, trials) and study.learned is not None and not one_run:
            to_the_end = crew.at(seconds=math.inf)  # the timeout is the search's
            run_confirmation(study, opened, storage, to_the_end, asked_of(study, settings), look)
            crash_point("confirmed")
    report = report_on(opened, storage)
    write_best(report, settings.runs_dir / name / "best.yaml", name)
    return report


def asked_of(study: SearchFile, settings: SearchSettings) -> ConfirmAsked:
    """Say how a search is confirmed: as it was asked for, else as its file says."""
    count = study.spec.confirm if settings.confirm is None else settings.confirm
    budget = study.spec.confirm_budget if settings.confirm_budget is None else settings.confirm_budget
    seeds = settings.confirm_seeds
    if seeds is None and settings.confirm_budget is None:
        seeds = study.spec.confirm_seeds
    return ConfirmAsked(count=count, seeds=seeds, budget=budget)


def open_study(
    study: SearchFile, storage: Storage, name: str, seed: int, sampler: str | None, trials: int
) -> optuna.Study:
    """Open the study of this name, or make it; refuse one that was made for another space."""
    wanted = sampler or study.spec.sampler

    def held() -> HeldSearch:
        chosen = choose_sampler(study, trials)[0] if wanted == "auto" else wanted
        return what_is_held(study, seed, chosen, _at_most_each_once(study, chosen, trials))

    opened = open_or_make(storage, name, "search", study.spec.objective, held)
    differences = _differences(HeldStudy(opened).identity, study.identity())
    if differences:
        raise SpecError(
            f"a study named {name} exists with another space ({'; '.join(differences)}); "
            "choose another name with --name"
        )
    return opened


def _at_most_each_once(study: SearchFile, sampler: str, trials: int) -> int:
    """Give as many trials as there is something left to try: of a space that is gone through each network once."""
    if sampler != "brute_force" or total_of(study.space) > EXACT_UP_TO:
        return trials
    counted = count_space(study.space)
    return min(trials, max(1, counted.distinct)) if counted.exact else trials


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say what a study of before and a file of now do not share."""
    found = []
    for key in ("objective", "limits"):
        if before.get(key) != now[key]:
            found.append(f"{key} was {before.get(key)}, is {now[key]}")
    if before.get("split") != now.get("split"):
        found.append(f"split was {split_said(before.get('split'))}, is {split_said(now.get('split'))}")
    if before.get("measured_by") != now.get("measured_by"):
        found.append(f"val_loss was each run's own training loss, is {now.get('measured_by')} for all")
    digests = before.get("own", {})
    found += [f"the file of {name} has changed" for name, one in now.get("own", {}).items() if digests.get(name) != one]
    old, new = before.get("space", {}), now["space"]
    found += [f"{name} is new" for name in new if name not in old]
    found += [f"{name} is gone" for name in old if name not in new]
    found += [f"{name} was {old[name]}, is {new[name]}" for name in new if name in old and old[name] != new[name]]
    if not found and before.get("base") != now["base"]:
        files = [base.get("files") for base in (before.get("base") or {}, now["base"])]
        found.append("the files of its program have changed" if files[0] != files[1] else "its base is another one")
    if not found and before.get("template") != now["template"]:
        found.append("its network is another one")
    return found[:6]


def choose_sampler(study: SearchFile, trials: int) -> tuple[str, str]:
    """Choose by a fixed rule and say why: every network once if there are few enough, else what measured best."""
    if len(study.spec.objective) > 1:
        return "nsga2" if trials > 200 else "tpe", "several objectives"
    continuous = any(domain.count is None for domain in study.space.parameters().values())
    # shared values first: all configurations are counted only where these alone are not too many
    if not continuous and math.prod(value.domain.count or 1 for value in study.space.shared) <= trials >= total_of(
        study.space
    ):
        return "brute_force", f"the space is no larger than {trials} trials"
    sampler, why = spaces_of(study.space).usual_sampler
    return sampler, f"the space is larger than the number of trials, and {why}"


def finished(study: optuna.Study, trials: int) -> bool:
    """Say whether a search has all of so many trials."""
    return sum(trial.state.is_finished() for trial in slots_of(study).values()) >= trials


# -- what came out -----------------------------------------------------------------------------------------------------


def report_on(opened: optuna.Study, storage: Storage, by: ByAnother | None = None) -> StudyReport:
    """Give what a study holds now, from the storage alone; its finalists `by` another metric than it was made for."""
    slots = list(slots_of(opened).values())
    outcomes = Counter(HeldTrial(trial).outcome for trial in slots)
    states = Counter(trial.state for trial in slots)
    held = HeldStudy(opened)
    kind = kind_of_held(held.base)
    names = held.metrics if kind.name == "program" else ()
    learned = kind.learned(held.metrics)
    planned = max(held.trials, len(slots))
    ranked = ranked_trials(opened)
    confirmed = confirmation_of(opened, storage, by)
    front: list[Best] = []
    if len(opened.directions) > 1:
        front = [_best(trial, learned) for trial in opened.best_trials]
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
        infeasible=sum(HeldTrial(trial).infeasible for trial in slots),
        sampler=held.sampler,
        metrics=held.metrics,
        written={name: kind.metric_held(held.base, name).written for name in names},
        best=_winner(opened, ranked, confirmed, learned),
        selected=_best(ranked[0], learned) if ranked else None,
        front=tuple(front),
        confirmed=confirmed,
        baseline=baseline_trial(slots),
        kind=kind.name,
        stopped=stopped_after(slots),
    )


def _winner(
    opened: optuna.Study, ranked: Sequence[FrozenTrial], confirmed: Confirmation | None, learned: str | None
) -> Best | None:
    """Decide which trial is the best: what every place that names a winner shows."""
    first = best_of(confirmed) if confirmed is not None else None
    if first is not None and first.trial is not None:
        return _best(opened.get_trials(deepcopy=False)[first.trial], learned)
    return _best(ranked[0], learned) if ranked else None


def baseline_trial(slots: Iterable[FrozenTrial]) -> int | None:
    """Give the number of the trial that is the base itself: the first slot, where its values were known beforehand."""
    first = next((t for t in slots if HeldTrial(t).slot == 0), None)
    return first.number if first is not None and fixed_values(first) else None


def _best(trial: FrozenTrial, learned: str | None) -> Best:
    run = HeldRun(trial)
    return Best(
        number=trial.number,
        value=trial.values[0],
        values=tuple(trial.values),
        params=dict(trial.params),
        spec=run.candidate,
        run_id=run.run_id,
        folds=None if learned is None else fold_values(trial, learned),
    )


def winner_spec(report: StudyReport, name: str) -> AnySpec | None:
    """Give the spec to go on with, that of the report's `best`; None where no trial completed."""
    if report.best is None:
        return None
    tree = report.best.spec
    origin = f"trial {report.best.number}" + (f", {_confirmed_words(report.confirmed)}" if report.confirmed else "")
    tree = {**tree, "name": f"{name}-best", "summary": f"The best of the study {name}, {origin}."}
    return kind_of_held(tree).read(tree)


def _confirmed_words(confirmed: Confirmation) -> str:
    """Say in a few words what fresh seeds have shown of the best: no more than they did."""
    first = best_of(confirmed)
    effect = None if first is None else confirmed.effect(first.candidate)
    shown = effect is not None and effect.verdict == "better"
    return "confirmed on fresh seeds" if shown else "run on fresh seeds, not shown to be better than the baseline"


def write_best(report: StudyReport, path: Path, name: str) -> None:
    """Write the winner's spec, where there is one."""
    spec = winner_spec(report, name)
    if spec is not None:
        write_whole(path, kind_of_spec(spec).file_of(spec, path).encode())


def all_reports(storage: Storage) -> tuple[list[StudyReport], dict[str, str]]:
    """Report on every search of a storage; and why not, for those that cannot be read."""
    return read_each(storage, "search", lambda study: report_on(study, storage))
