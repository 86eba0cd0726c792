"""The finalists of a search: which they are, their runs on fresh seeds beside the baseline's, and what these came to.

    ranked_trials(study); finalists(study, 3, key)
    confirm(study, opened, storage, site, workers, 3, 10, look)     # trains what is not there yet
    confirmation_of(opened, storage)

The baseline is no finalist: a trial of the same network and training is the same runs over again. With several
objectives the finalists are those of the Pareto front.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from archsearch.crash import crash_point
from archsearch.errors import SpecError
from archsearch.kinds import kind_of_held
from archsearch.kinds.kind import ExperimentKind
from archsearch.kinds.seed_check import LOOKED_AT, SeedCheck, judge_seeds, seeds_are_checked
from archsearch.metrics import Direction
from archsearch.search.another_metric import ByAnother
from archsearch.search.confirm import BASELINE, Confirmation, best_of, conclude, family_of
from archsearch.search.jobs import confirm_job, held_search
from archsearch.search.search_file import SearchFile
from archsearch.search.space.by_kind import spaces_of
from archsearch.search.tried import experiment_of
from archsearch.stats.effect import Family
from archsearch.study.held import HeldRun, HeldStudy, HeldTrial, PlannedFinalist
from archsearch.study.held_runs import reads_of, runs_of
from archsearch.study.ledger import amend, json_digest
from archsearch.study.lifecycle import Look, confirmation_study, make_confirmation
from archsearch.study.pool import Site, run_workers
from archsearch.study.queue import Slot, add_slots, slots_of
from archsearch.study.storage import Storage
from archsearch.train.streams import stream


def _kind(opened: optuna.Study) -> ExperimentKind:
    return kind_of_held(HeldStudy(opened).base)


def _compared(opened: optuna.Study) -> tuple[Family, str]:
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


def confirm(
    study: SearchFile,
    opened: optuna.Study,
    storage: Storage,
    site: Site,
    workers: int,
    count: int,
    seeds: int,
    look: Look,
) -> None:
    """Train the finalists and the baseline on fresh seeds; what is there already is not trained again."""
    there = confirming_slots(opened, storage)
    held = {slot.candidate: slot.candidate_spec for slot in map(HeldTrial, there)}
    # a confirmation that has begun goes on with the baseline that it began with
    kind = study.kind
    baseline = held.get(BASELINE) or kind.plan(study.space.baseline).written
    chosen = finalists(opened, count, kind.key(kind.plan(kind.read(baseline))))
    if not chosen:
        return
    candidates = {BASELINE: baseline, **{finalist_name(trial): HeldRun(trial).candidate for trial in chosen}}
    family, _ = _compared(opened)
    confirming = make_confirmation(opened, storage, (family.direction, family.metric))
    crash_point("confirmation made")
    plans = [kind.plan(kind.read(spec)) for spec in candidates.values()]
    kind.fix(storage, confirming, plans, workers, like=opened)
    there_too = replace(site, study_name=confirming.study_name, seconds=math.inf)
    run_seeds = fresh_seeds(HeldStudy(opened).seed, seeds)
    _declare(storage, confirming, candidates, run_seeds)
    looked_at = {BASELINE: run_seeds[:LOOKED_AT]} if seeds_are_checked(kind, kind.read(baseline), family.metric) else {}
    for of in (looked_at, dict.fromkeys(candidates, run_seeds)):
        add_slots(storage, confirming, _slots(confirming, candidates, of))
        run_workers(there_too, confirm_job, workers, lambda: look(confirming))
        check = seed_check(kind, family.metric, confirming_slots(opened, storage))
        if check is not None and check.ignored:
            raise SpecError(check.sentence)


def _declare(
    storage: Storage, confirming: optuna.Study, candidates: Mapping[str, dict[str, Any]], seeds: Iterable[int]
) -> None:
    """Note in the ledger who is confirmed with which seeds, before any of it is planned."""
    before = HeldStudy(confirming).planned or {"candidates": {}, "seeds": []}
    planned = {
        "candidates": {
            **before["candidates"],
            **{name: json_digest(_named(name, spec)) for name, spec in candidates.items()},
        },
        "seeds": list(dict.fromkeys([*before["seeds"], *seeds])),
    }
    amend(storage, confirming, {HeldStudy.planned.key: planned})


def seed_check(kind: ExperimentKind, metric: str, slots: Iterable[FrozenTrial]) -> SeedCheck | None:
    """Look at the baseline's runs of a confirmation: are its seeds seeds? None where they are ours, or none ended."""
    of_baseline = [(held, trial) for trial in slots if (held := HeldTrial(trial)).candidate == BASELINE]
    if not of_baseline or not seeds_are_checked(kind, kind.read(of_baseline[0][0].candidate_spec), metric):
        return None
    ended = {held.run_seed: held.run for held, trial in of_baseline[:LOOKED_AT] if trial.state.is_finished()}
    return judge_seeds(kind, BASELINE, ended, [held.run_seed for held, _ in of_baseline[:LOOKED_AT]])


def _slots(
    confirming: optuna.Study, candidates: dict[str, dict[str, Any]], seeds_of: Mapping[str, Sequence[int]]
) -> list[Slot]:
    """Plan runs of candidates with their seeds, seed by seed, but for those that are planned already."""
    seeds = dict.fromkeys(seed for of in seeds_of.values() for seed in of)
    planned = slots_of(confirming)
    there = {(slot.candidate, slot.run_seed) for slot in map(HeldTrial, planned.values())}
    slots: list[Slot] = []
    for run_seed in seeds:
        for candidate, spec in candidates.items():
            if (candidate, run_seed) in there or run_seed not in seeds_of.get(candidate, ()):
                continue
            held = PlannedFinalist(
                candidate=candidate,
                candidates=tuple(candidates),
                candidate_spec=_named(candidate, spec),
                run_seed=run_seed,
            )
            slots.append(Slot(len(planned) + len(slots), {"candidate": candidate, "seed": run_seed}, held))
    return slots


def _named(candidate: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {**spec, "name": candidate.replace(" ", "-")}


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
    found = _kind(opened).left_out(confirming, runs, sides, BASELINE, _compared(opened)[0].metric)
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
    complete = all(trial.state.is_finished() for trial in planned)
    searched = _searched(opened, test, validated)
    reads = reads_of(runs_of(slots))
    confirmed = conclude(seeds, test, validation, searched, reads, complete=complete, family=family)
    check = seed_check(_kind(opened), family.metric, slots)
    if check is not None and check.sentence:
        note = f"{note} {check.sentence[:1].upper()}{check.sentence[1:]}."
    said = {"sentence": f"{confirmed.sentence}{note}", "unlike": _unlike(opened, confirmed, specs)}
    return confirmed.model_copy(update=said)


def _carried(trial: FrozenTrial) -> HeldRun | None:
    """Give the run that a trial carries with its spec; None where it lacks one of them."""
    held = HeldTrial(trial)
    return None if held.spec is None else held.run


def _decided_by(opened: optuna.Study, planned: Sequence[FrozenTrial]) -> tuple[Family, str, str]:
    """Give the metric that decides, the one that the search had, and what is to be said of them.

    Version 0.1.0 measured a loss by each run's own.
    """
    kind = _kind(opened)
    family, validated = _compared(opened)
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
