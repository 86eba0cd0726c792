"""What stands behind a search's answer, from the storage alone: specs, runs of the finalists, failures, machines.

    evidence = search_evidence(study, storage)
    evidence.base, evidence.confirmed["trial 7"][0].test_accuracy, evidence.machines

Plain data, for reports; the trials one by one are in `record.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from pydantic import ValidationError

from archsearch.errors import ArchsearchError, SpecError
from archsearch.kinds import kind_of_held
from archsearch.plain import Plain
from archsearch.search.confirm import BASELINE
from archsearch.search.finalists import confirmed_runs, confirming_slots, mixed_confirmations, ranked_trials
from archsearch.search.jobs import SEARCH_SEED, held_search
from archsearch.search.tried import experiment_of
from archsearch.study.held import HeldStudy, HeldTrial
from archsearch.study.held_runs import Machine, fingerprints_of, machines_of, reads_of, run_of, runs_of, why_lost
from archsearch.study.ledger_check import Ledger, ledger_of
from archsearch.study.lifecycle import confirmation_study
from archsearch.study.queue import slots_of
from archsearch.study.spent import Spent, spent_by
from archsearch.study.storage import Storage
from archsearch.train.result import RunResult


class ProgramRun(Plain):
    """A completed run of a program: its spec and metrics, what was followed, and what it wrote beside its code."""

    run_id: str
    seed: int
    spec: dict[str, Any]
    metrics: dict[str, float | None]
    history: tuple[dict[str, float], ...]
    wrote: tuple[str, ...]
    seconds: float


AnyRun = RunResult | ProgramRun


class TrialRun(Plain):
    """A completed trial: its values in the search, and its run."""

    number: int
    values: tuple[float, ...]
    result: AnyRun


class LostRun(Plain):
    """A trial that came to no value, and why; `part` is search or confirmation."""

    part: str
    trial: int
    outcome: str
    reason: str
    seed: int | None
    spec: dict[str, Any] | None


class SearchEvidence(Plain):
    """What a search holds beside its trials' values.

    `test_reads` counts evaluations of the test set to confirm; `earlier_test_reads` those of runs that were there
    before the search came upon the same network, and that it did not look at. `base` is what the candidates are
    compared with, trained as they are.
    """

    study: str
    text: str
    base: dict[str, Any]
    seed: int
    run_seed: int
    sampler: str
    objective: tuple[tuple[str, str], ...]
    base_trial: TrialRun | None
    ranked: tuple[TrialRun, ...]
    confirmed: dict[str, tuple[AnyRun, ...]]
    lost: tuple[LostRun, ...]
    machines: tuple[Machine, ...]
    fingerprints: dict[str, int]
    test_reads: int
    earlier_test_reads: int
    ledgers: tuple[Ledger, ...] = ()
    spent: Spent | None = None


RANKED_KEPT = 5  # of the ranking: the finalists are found by their own names


def search_evidence(opened: optuna.Study, storage: Storage) -> SearchEvidence:
    """Read what a report needs beside the trials' values; touches no file but the storage."""
    held = HeldStudy(opened)
    searching = list(slots_of(opened).values())
    confirming = confirming_slots(opened, storage)
    confirmed: dict[str, list[AnyRun]] = {}
    done = confirmed_runs(opened, confirming)
    useless = mixed_confirmations(opened, storage, done)
    for trial in done:
        result = _run_of(trial)
        if result is not None and trial.number not in useless:
            confirmed.setdefault(HeldTrial(trial).candidate, []).append(result)
    base = next((t for t in searching if t.number == 0 and t.state == TrialState.COMPLETE), None)
    compared = confirmed[BASELINE][0].spec if BASELINE in confirmed else _baseline(held)
    compared = {**compared, "name": held.base.get("name", BASELINE)}
    is_base = base is not None and experiment_of(base) == _network_of(compared)
    everything = runs_of([*searching, *confirming])
    return SearchEvidence(
        study=opened.study_name,
        text=held.text,
        base=compared,
        seed=held.seed,
        run_seed=SEARCH_SEED,
        sampler=held.sampler,
        objective=tuple((direction, metric) for direction, metric in held.identity["objective"]),
        base_trial=_trial_run(base) if base is not None and is_base else None,
        ranked=tuple(run for t in ranked_trials(opened)[:RANKED_KEPT] if (run := _trial_run(t)) is not None),
        confirmed={name: tuple(sorted(runs, key=lambda r: r.seed)) for name, runs in confirmed.items()},
        lost=(*_lost("search", searching), *_lost("confirmation", confirming), *_left_out(done, useless)),
        machines=machines_of(everything),
        fingerprints=fingerprints_of(everything),
        test_reads=reads_of(runs_of(confirming)),
        earlier_test_reads=reads_of(runs_of(searching)),
        ledgers=tuple(
            ledger
            for study in (opened, confirmation_study(opened, storage))
            if study is not None and (ledger := ledger_of(study)) is not None
        ),
        spent=spent_by([*searching, *confirming]),
    )


def _trial_run(trial: FrozenTrial) -> TrialRun | None:
    result = _run_of(trial)
    return None if result is None else TrialRun(number=trial.number, values=tuple(trial.values), result=result)


def _run_of(trial: FrozenTrial) -> AnyRun | None:
    """Give the run that a trial carries, of whatever kind; None where it carries none."""
    held = HeldTrial(trial)
    run = held.run
    if run is None or held.spec is None:
        return None
    kind = kind_of_held(run.spec)
    if kind.name == "network":
        return run_of(trial)
    return ProgramRun(
        run_id=run.run_id,
        seed=int(run.result["seed"]),
        spec=run.spec,
        metrics=dict(kind.metrics_of(run)),
        history=tuple(dict(row) for row in run.history),
        wrote=tuple(run.result.get("wrote", ())),
        seconds=run.seconds,
    )


def _baseline(held: HeldStudy) -> dict[str, Any]:
    """Give the base trained as the candidates are; as it was read where this version cannot read the study's file."""
    try:
        space = held_search(held).space
    except SpecError:
        return held.base
    return space.kind.plan(space.baseline).written


def _network_of(spec: dict[str, Any]) -> str | None:
    """Give what the trials call this experiment; None where it cannot be planned here (own data that is gone)."""
    try:
        kind = kind_of_held(spec)
        return kind.key(kind.plan(kind.read(spec)))
    except (ArchsearchError, ValidationError):
        return None


def _left_out(done: Iterable[FrozenTrial], useless: Mapping[int, str]) -> list[LostRun]:
    lost = []
    for trial in done:
        if trial.number in useless:
            held, reason = HeldTrial(trial), useless[trial.number]
            lost.append(
                LostRun(
                    part="confirmation",
                    trial=trial.number,
                    outcome="left out",
                    reason=reason,
                    seed=held.seed,
                    spec=held.spec,
                )
            )
    return lost


def _lost(part: str, trials: Iterable[FrozenTrial]) -> list[LostRun]:
    lost = []
    for trial in trials:
        if trial.state == TrialState.FAIL:
            outcome, reason = why_lost(trial)
            held = HeldTrial(trial)
            lost.append(
                LostRun(part=part, trial=trial.number, outcome=outcome, reason=reason, seed=held.seed, spec=held.spec)
            )
    return lost
