"""The confirmation of a search as a race: what was declared, as a storage holds it, and which runs are due.

    declared = declared_race(confirming)                # None: so many seeds for all, as `confirm_seeds` says
    stand(declared.race, race_values(confirming, declared))       # the rule itself is `stats/race.py`
    add_slots(storage, confirming, due_slots(confirming, declared))

All is decided by what the storage holds, so any worker plans what another one would have.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from archsearch.kinds import kind_of_held
from archsearch.kinds.kind import ExperimentKind
from archsearch.kinds.seed_check import LOOKED_AT, SeedCheck, judge_seeds, seeds_are_checked
from archsearch.plain import Plain
from archsearch.search.confirm import BASELINE
from archsearch.stats.race import Race, Standing, stand
from archsearch.study.held import HeldStudy, HeldTrial, PlannedFinalist
from archsearch.study.queue import Slot, slots_of


class DeclaredRace(Plain):
    """A race with what its runners are, and the metric that decides it."""

    race: Race
    metric: str
    specs: dict[str, dict[str, Any]]

    @property
    def kind(self) -> ExperimentKind:
        """The kind of experiments that race."""
        return kind_of_held(self.specs[BASELINE])


def finalist_slot(number: int, name: str, names: Iterable[str], spec: dict[str, Any], seed: int) -> Slot:
    """Give the slot of a finalist, or the baseline, with a fresh seed."""
    held = PlannedFinalist(
        candidate=name, candidates=tuple(names), candidate_spec=named_finalist(name, spec), run_seed=seed
    )
    return Slot(number, {"candidate": name, "seed": seed}, held)


def named_finalist(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Give the spec of a finalist as it is run: under the name that it has in the confirmation."""
    return {**spec, "name": name.replace(" ", "-")}


def declared_race(confirming: optuna.Study | None) -> DeclaredRace | None:
    """Read the race that a confirmation is; None where all have the same number of seeds, or there is none."""
    held = None if confirming is None else HeldStudy(confirming).race
    return None if held is None else DeclaredRace.model_validate_json(held)


def standing_of(confirming: optuna.Study) -> Standing | None:
    """Say where the race of a confirmation stands, None where it is none."""
    declared = declared_race(confirming)
    return None if declared is None else stand(declared.race, race_values(confirming, declared))


def race_values(confirming: optuna.Study, declared: DeclaredRace) -> dict[str, dict[int, float | None]]:
    """Give the metric of every finished run by runner and seed, None for one that failed or makes a mixed pair."""
    slots = slots_of(confirming).values()
    trials = {(held.candidate, held.run_seed): trial for trial in slots for held in (HeldTrial(trial),)}
    done = {key: trial for key, trial in trials.items() if trial.state == TrialState.COMPLETE}
    sides = [(BASELINE, name) for name in declared.race.runners if name != BASELINE]
    useless = declared.kind.left_out(confirming, done, sides, BASELINE, declared.metric)
    values: dict[str, dict[int, float | None]] = {name: {} for name in declared.race.runners}
    for (name, seed), trial in trials.items():
        if name in values and trial.state.is_finished():
            counts = (name, seed) in done and (name, seed) not in useless
            values[name][seed] = trial.values[0] if counts else None
    return values


def due_slots(confirming: optuna.Study, declared: DeclaredRace) -> list[Slot]:
    """Give the slots that are to be planned now; of a program first those that show that its seeds are seeds."""
    planned = slots_of(confirming).values()
    there = {(held.candidate, held.run_seed) for held in map(HeldTrial, planned)}
    race, due = declared.race, stand(declared.race, race_values(confirming, declared)).due
    if seeds_are_checked(declared.kind, declared.kind.read(declared.specs[BASELINE]), declared.metric):
        check = seed_check(declared.kind, declared.metric, planned)
        if check is not None and check.ignored:
            return []
        if check is None or not check.settled:
            due = tuple((BASELINE, seed) for seed in race.seeds[:LOOKED_AT])
    missing = [one for one in due if one not in there]
    # numbered in the order of planning: who plans at the same moment sees the same and gives the same numbers
    return [
        finalist_slot(number, name, race.runners, declared.specs[name], seed)
        for number, (name, seed) in enumerate(missing, start=len(planned))
    ]


def seed_check(kind: ExperimentKind, metric: str, slots: Iterable[FrozenTrial]) -> SeedCheck | None:
    """Look at the baseline's runs of a confirmation: are its seeds seeds? None where they are ours, or none ended."""
    of_baseline = [(held, trial) for trial in slots if (held := HeldTrial(trial)).candidate == BASELINE]
    if not of_baseline or not seeds_are_checked(kind, kind.read(of_baseline[0][0].candidate_spec), metric):
        return None
    ended = {held.run_seed: held.run for held, trial in of_baseline[:LOOKED_AT] if trial.state.is_finished()}
    return judge_seeds(kind, BASELINE, ended, [held.run_seed for held, _ in of_baseline[:LOOKED_AT]])
