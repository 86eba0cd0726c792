"""The finalists of a search: which they are, their runs on fresh seeds beside the baseline's, and what these came to.

    ranked_trials(study); finalists(study, 3, key)
    confirmation_of(opened, storage)

The baseline is no finalist: a trial of the same network and training is the same runs over again. With several
objectives the finalists are those of the Pareto front.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from archsearch.errors import SpecError
from archsearch.kinds import kind_of_held
from archsearch.kinds.kind import ExperimentKind
from archsearch.metrics import Direction
from archsearch.search.another_metric import ByAnother
from archsearch.search.concluding import conclude, conclude_race
from archsearch.search.confirm import BASELINE, Confirmation, RaceReport, best_of, family_of
from archsearch.search.jobs import held_search
from archsearch.search.racing import DeclaredRace, declared_race, race_values, seed_check
from archsearch.search.space.by_kind import spaces_of
from archsearch.search.tried import experiment_of
from archsearch.stats.effect import Family
from archsearch.stats.race import stand
from archsearch.study.held import HeldRun, HeldStudy, HeldTrial
from archsearch.study.held_runs import reads_of, runs_of
from archsearch.study.lifecycle import confirmation_study
from archsearch.study.queue import slots_of
from archsearch.study.storage import Storage
from archsearch.train.streams import stream


def _kind(opened: optuna.Study) -> ExperimentKind:
    return kind_of_held(HeldStudy(opened).base)


def compared(opened: optuna.Study) -> tuple[Family, str]:
    """Give the metric that finalists are judged by, and the one that the search had of them."""
    held = HeldStudy(opened)
    kind = kind_of_held(held.base)
    learned = kind.learned(held.metrics)
    ways: list[Direction] = ["maximize" if one == StudyDirection.MAXIMIZE else "minimize" for one in opened.directions]
    return family_of(kind, held.base, learned, None if learned is None else ways[held.metrics.index(learned)])


def ranked_trials(opened: optuna.Study) -> list[FrozenTrial]:
    """Give the completed trials, best first, each experiment once; with several objectives by the learned one."""
    which = _kind(opened).main(HeldStudy(opened).metrics)
    sign = -1.0 if opened.directions[which] == optuna.study.StudyDirection.MAXIMIZE else 1.0
    done = [t for t in slots_of(opened).values() if t.state == TrialState.COMPLETE]
    done.sort(key=lambda t: (sign * t.values[which], t.number))
    seen: set[str | None] = set()
    ranked = []
    for trial in done:
        network = experiment_of(trial)
        if network not in seen:
            seen.add(network)
            ranked.append(trial)
    return ranked


def finalists(opened: optuna.Study, count: int, baseline: str | None) -> list[FrozenTrial]:
    """Give the best trials but for the baseline (its key), of several objectives those of the front."""
    ranked = [trial for trial in ranked_trials(opened) if experiment_of(trial) != baseline]
    if len(opened.directions) > 1:
        front = {trial.number for trial in opened.best_trials}
        ranked = [trial for trial in ranked if trial.number in front]
    return ranked[:count]


def finalist_name(trial: FrozenTrial) -> str:
    """Name a trial as a candidate of the confirmation."""
    return f"trial {trial.number}"


def fresh_seeds(study_seed: int, count: int) -> list[int]:
    """Give the seeds of a confirmation: none is that of the search."""
    return [1 + stream(study_seed, "confirm", number) % (2**31 - 2) for number in range(count)]


def confirming_slots(opened: optuna.Study, storage: Storage) -> list[FrozenTrial]:
    """Give every slot of a search's confirmation; none where there is no confirmation."""
    confirming = confirmation_study(opened, storage)
    return [] if confirming is None else list(slots_of(confirming).values())


def confirmed_runs(opened: optuna.Study, slots: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Give the completed runs of a confirmation that count, also of one that an earlier version made."""
    return [trial for trial in _counted(opened, slots) if trial.state == TrialState.COMPLETE]


def _counted(opened: optuna.Study, slots: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Give the runs that count, whatever became of them.

    Not those of a trial that is the baseline itself, nor, with several objectives, of one that is not on the front.
    """
    done = [trial for trial in slots if trial.state == TrialState.COMPLETE]
    held = [HeldTrial(trial) for trial in done]
    of_baseline = {one.run_id for one in held if one.candidate == BASELINE}
    again = {one.candidate for one in held if one.candidate != BASELINE and one.run_id in of_baseline}
    if len(opened.directions) > 1:
        front = {finalist_name(trial) for trial in opened.best_trials}
        again |= {HeldTrial(one).candidate for one in slots} - front - {BASELINE}
    return [trial for trial in slots if HeldTrial(trial).candidate not in again]


def mixed_confirmations(opened: optuna.Study, storage: Storage, slots: Sequence[FrozenTrial]) -> dict[int, str]:
    """Say which completed runs of a confirmation would make a mixed pair, by trial, and why: see `study/mixed.py`."""
    confirming = confirmation_study(opened, storage)
    if confirming is None:
        return {}
    done = [trial for trial in slots if trial.state == TrialState.COMPLETE]
    runs = {(HeldTrial(trial).candidate, HeldTrial(trial).run_seed): trial for trial in done}
    sides = [(BASELINE, name) for name, _ in runs if name != BASELINE]
    found = _kind(opened).left_out(confirming, runs, sides, BASELINE, compared(opened)[0].metric)
    return {runs[key].number: reason for key, reason in found.items()}


def confirmation_of(opened: optuna.Study, storage: Storage, by: ByAnother | None = None) -> Confirmation | None:
    """Read the confirmation of a search from the storage, None if there is none; judged by today's rule, always.

    With `by` the finalists are compared by another metric than the search was made for.
    """
    slots = confirming_slots(opened, storage)
    planned = _counted(opened, slots)
    useless = mixed_confirmations(opened, storage, planned)
    planned = [trial for trial in planned if trial.number not in useless]
    if not any(trial.state == TrialState.COMPLETE for trial in planned):
        return None
    family, validated, note = _decided_by(opened, planned) if by is None else by.decided
    test: dict[str, dict[int, float | None]] = {}
    validation: dict[str, dict[int, float]] = {}
    specs: dict[str, dict[str, Any]] = {}
    for trial in planned:
        held = HeldTrial(trial)
        runs = test.setdefault(held.candidate, {})
        specs[held.candidate] = held.candidate_spec
        if trial.state == TrialState.COMPLETE:
            carried = _carried(trial)
            if carried is not None and by is not None:
                run: Mapping[str, float | None] | None = by.values(carried)
            else:
                run = None if carried is None else _kind(opened).metrics_of(carried)
            runs[held.run_seed] = trial.values[0] if run is None else run.get(family.metric)
            value = None if run is None else run.get(validated)
            if value is not None:
                validation.setdefault(held.candidate, {})[held.run_seed] = value
        elif trial.state.is_finished():
            runs[held.run_seed] = None
    seeds = sorted({seed for by_seed in test.values() for seed in by_seed})
    searched = _searched(opened, test, validated)
    reads = reads_of(runs_of(slots))
    confirming = confirmation_study(opened, storage)
    declared = declared_race(confirming) if by is None else None  # by another metric there was no race
    if declared is not None and confirming is not None:
        values = race_values(confirming, declared)
        standing = stand(declared.race, values)
        confirmed = conclude_race(declared.race, standing, values, validation, searched, reads, family=family)
        confirmed = confirmed.model_copy(update={"race": _settling(opened, confirmed, declared, planned)})
    else:
        complete = all(trial.state.is_finished() for trial in planned)
        confirmed = conclude(seeds, test, validation, searched, reads, complete=complete, family=family)
    check = seed_check(_kind(opened), family.metric, slots)
    if check is not None and check.sentence:
        note = f"{note} {check.sentence[:1].upper()}{check.sentence[1:]}."
    said = {"sentence": f"{confirmed.sentence}{note}", "unlike": _unlike(opened, confirmed, specs)}
    return confirmed.model_copy(update=said)


def _settling(
    opened: optuna.Study, confirmed: Confirmation, declared: DeclaredRace, planned: Sequence[FrozenTrial]
) -> RaceReport | None:
    """Add to an open race what would settle it: the command, and the seconds of one worker."""
    race = confirmed.race
    further = [] if race is None else [look for look in race.looks if look > race.seeds]
    if race is None or race.outcome != "open" or not further:
        return race
    until = race.settled_at or further[0]
    took: dict[str, list[float]] = {}
    for trial in planned:
        if (run := _carried(trial)) is not None:
            took.setdefault(HeldTrial(trial).candidate, []).append(run.seconds)
    known = all(name in took for name in race.racing)
    of_a_seed = sum(statistics.fmean(took[name]) for name in race.racing) if known else 0.0
    return race.model_copy(
        update={
            "settling_seconds": (until - race.seeds) * of_a_seed if known else None,
            "command": f"archsearch confirm {opened.study_name} --seeds {until}",
        }
    )


def _carried(trial: FrozenTrial) -> HeldRun | None:
    """Give the run that a trial carries with its spec; None where it lacks one of them."""
    held = HeldTrial(trial)
    return None if held.spec is None else held.run


def _decided_by(opened: optuna.Study, planned: Sequence[FrozenTrial]) -> tuple[Family, str, str]:
    """Give the metric that decides, the one that the search had, and what is to be said of them.

    Version 0.1.0 measured a loss by each run's own.
    """
    kind = _kind(opened)
    family, validated = compared(opened)
    runs = [_carried(trial) for trial in planned if trial.state == TrialState.COMPLETE]
    if family.metric != "test_loss" or not any(run is None or kind.outdated(run, family.metric) for run in runs):
        return family, validated, ""
    family, validated = family_of(kind, HeldStudy(opened).base, None)
    return (
        family,
        validated,
        " The search minimised val_loss; these runs hold no test losses by one function (an earlier version made "
        "them), so test accuracy decides.",
    )


def _searched(
    opened: optuna.Study, names: Collection[str], validated: str
) -> dict[str, tuple[int | None, float | None]]:
    """Give each finalist's trial, and the value that the search selected it by where that is this metric."""
    metrics = HeldStudy(opened).metrics
    which = metrics.index(validated) if validated in metrics else None
    found: dict[str, tuple[int | None, float | None]] = {}
    for trial in opened.get_trials(deepcopy=False):
        if (name := finalist_name(trial)) in names:
            found[name] = (trial.number, trial.values[which] if which is not None and trial.values else None)
    return found


def _unlike(opened: optuna.Study, confirmed: Confirmation, specs: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    """Say how the best finalist and the baseline were trained otherwise, beyond what the space leaves open."""
    first = best_of(confirmed)
    if first is None or BASELINE not in specs:
        return ()
    try:
        space = held_search(HeldStudy(opened)).space
    except SpecError:  # a file that this version does not read any more
        return ()
    return spaces_of(space).unlike(space, specs[first.candidate], specs[BASELINE], first.candidate)
