"""What a slot of an ablation means: one cell with one seed.

It is made from what the study holds in its storage, so a worker on any machine can take it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import TrialState
from pydantic import ValidationError

from archsearch.ablate.planned import Ablation, promise
from archsearch.ablate.schedule import due
from archsearch.ablate.seed_check import check_seeds, first_runs, is_run_twice
from archsearch.errors import SpecError
from archsearch.kinds import kind_of_held
from archsearch.stats.effect import Seed
from archsearch.study.held import HeldCell, HeldRun, HeldStudy, HeldTrial
from archsearch.study.queue import FEW, MOST_DEATHS, Slot, add_slots, count_slots, slots_of
from archsearch.study.runner import Assignment, Outcome, Runner
from archsearch.study.storage import Storage
from archsearch.train.watch import Silent, Watch

MOST_TRIES = 3  # of a run that fails, each in a call of its own; one that diverges would only diverge again
AS_IN_BASELINE = "baseline"  # the level of a factor that has not moved
_RETRIES = 10**6  # slots of further tries are numbered from here on
_AHEAD = 16
_ASSUMED_SEED_SD = 0.00066  # what version 0.1.0 planned with where nothing was measured: of another network


class AblateJob:
    """A slot is a run of a cell; trained to the end, with the test set read once where the metric is of it."""

    def __init__(self, study: optuna.Study) -> None:
        self.study = study
        self.ablation = held_ablation(study)
        self.seen = -1

    @cached_property
    def runner(self) -> Runner:
        """What runs a cell: made when the first slot is taken, so that who only plans goes without torch."""
        ablation = self.ablation
        return ablation.kind.runner(ablation.family.metric, also=ablation.also, own=ablation.own)

    def plan_ahead(self, storage: Storage) -> None:
        """Plan the next runs, seed after seed; of a sequential design only what is not decided."""
        _, waiting, finished = count_slots(storage, self.study)
        if finished == self.seen or waiting >= FEW:
            return
        trials = slots_of(self.study).values()
        there = {(held.cell, held.pair) for held in map(HeldTrial, trials)}
        wanted = self._wanted()
        missing = [one for one in wanted if one not in there]
        add_slots(storage, self.study, [slot_of(self.ablation, cell, seed) for cell, seed in missing[:_AHEAD]])
        if len(missing) <= _AHEAD:
            self.seen = finished  # nothing more is due before another run has finished

    def _wanted(self) -> list[tuple[str, int]]:
        """Give the runs that may begin: of a program first those that show that its seeds are seeds."""
        check = check_seeds(self.ablation, latest(self.study))
        if check is not None and check.ignored:
            return []
        first = first_runs(self.ablation, check)
        return due(self.ablation, values_of(self.study)) if first is None else first

    def assignment(self, trial: optuna.Trial) -> Assignment:
        """Take the cell and the seed that the slot holds; each factor is a parameter of the trial."""
        held = HeldTrial(trial)
        cell = self.ablation.cell(held.cell)
        params: dict[str, tuple[BaseDistribution, Any]] = {
            factor.name: (
                CategoricalDistribution((AS_IN_BASELINE, *factor.levels)),
                dict(cell.moved).get(factor.name, AS_IN_BASELINE),
            )
            for factor in self.ablation.factors
        }
        if cell.block:
            params[self.ablation.blocks[0].kind] = (
                CategoricalDistribution(tuple(block.name for block in self.ablation.blocks)),
                cell.block,
            )
        every = [seed for one in self.ablation.cells for seed in one.run_seeds]
        params["seed"] = IntDistribution(min(every), max(every)), held.run_seed
        twice = is_run_twice(self.ablation, cell.name, held.pair)
        experiment = self.ablation.kind.plan(self.ablation.spec_at(cell.name, held.pair))
        return Assignment(experiment, held.run_seed, params=params, twice=twice)

    def watch(self, trial: optuna.Trial) -> Watch:
        """Follow nothing: a cell is always trained to the end."""
        return Silent()

    def values(self, assignment: Assignment, outcome: Outcome) -> Sequence[float | None]:
        """Give the metric; what is measured is measured now."""
        return [self.ablation.kind.value(assignment.experiment, outcome, self.ablation.family.metric)]


def ablate_job(study: optuna.Study) -> AblateJob:
    """Make the job of an ablation's workers."""
    return AblateJob(study)


def held_ablation(study: optuna.Study) -> Ablation:
    """Read the ablation that a study holds; raise `SpecError` where another version of archsearch wrote it."""
    try:
        held = Ablation.model_validate_json(HeldStudy(study).ablation)
        assumed = held.plan is not None and held.plan.seed_sd == _ASSUMED_SEED_SD
        return held.model_copy(update={"plan": promise(held)}) if assumed else held
    except (ValidationError, KeyError):
        raise SpecError(
            f"the ablation {study.study_name} was written by another version of archsearch; choose another name with "
            "--name, its runs are taken from the cache"
        ) from None


def slot_of(ablation: Ablation, cell: str, seed: int, retry: int = 0) -> Slot:
    """Give the slot of a run: numbered by seed and cell, so that any worker gives it the same number."""
    names = [one.name for one in ablation.cells]
    planned = ablation.cell(cell)
    run_seed = planned.run_seeds[planned.seeds.index(seed)]
    number = ablation.seeds.index(seed) * len(names) + names.index(cell) + retry * _RETRIES
    moved = dict(planned.moved)
    params: dict[str, Any] = {factor.name: moved.get(factor.name, AS_IN_BASELINE) for factor in ablation.factors}
    held = HeldCell(cell=cell, pair=seed, run_seed=run_seed, retry=retry)
    return Slot(number, params | {"seed": run_seed}, held)


def latest(study: optuna.Study) -> dict[tuple[str, int], optuna.trial.FrozenTrial]:
    """Give the trial that counts for every run: the one that completed, else the last try.

    A trial of version 0.1.0 whose value is not what the metric is now counts for nothing; `retry` plans it again.
    """
    (metric,) = HeldStudy(study).metrics
    return {key: trial for key, trial in _latest(study, metric).items() if not _outdated(trial, metric)}


def _latest(study: optuna.Study, metric: str) -> dict[tuple[str, int], optuna.trial.FrozenTrial]:
    found: dict[tuple[str, int], optuna.trial.FrozenTrial] = {}
    for trial in sorted(slots_of(study).values(), key=lambda one: HeldTrial(one).retry):
        held = HeldTrial(trial)
        key = (held.cell, held.pair)
        if key not in found or found[key].state != TrialState.COMPLETE or _outdated(found[key], metric):
            found[key] = trial
    return found


def _outdated(trial: optuna.trial.FrozenTrial, metric: str) -> bool:
    run = HeldRun(trial)
    return trial.state == TrialState.COMPLETE and kind_of_held(run.spec).outdated(run, metric)


def values_of(study: optuna.Study) -> dict[str, dict[Seed, float | None]]:
    """Give the metric of every finished run by cell and seed, None for one that failed or makes a mixed pair."""
    values: dict[str, dict[Seed, float | None]] = {}
    trials = latest(study)
    useless = mixed_runs(study, trials)
    for (cell, seed), trial in trials.items():
        if (cell, seed) in useless:
            values.setdefault(cell, {})[seed] = None
        elif trial.state == TrialState.COMPLETE:
            values.setdefault(cell, {})[seed] = trial.values[0]
        elif trial.state == TrialState.FAIL:
            values.setdefault(cell, {})[seed] = None
    return values


def mixed_runs(
    study: optuna.Study, trials: Mapping[tuple[str, int], optuna.trial.FrozenTrial]
) -> dict[tuple[str, int], str]:
    """Say which completed runs would make a mixed pair, and why: see `study/mixed.py`."""
    ablation = held_ablation(study)
    done = {key: trial for key, trial in trials.items() if trial.state == TrialState.COMPLETE}
    sides = [list(question.weights) for question in ablation.questions]
    return ablation.kind.left_out(study, done, sides, ablation.cells[0].name, ablation.family.metric)


def retry(storage: Storage, study: optuna.Study) -> int:
    """Plan a further try for the runs that failed, up to the limit, and those that are outdated; give how many.

    Not for those that diverged, as the same seed gives the same numbers, nor for those that killed their worker often.
    """
    ablation = held_ablation(study)
    slots = []
    for (cell, seed), trial in _latest(study, ablation.family.metric).items():
        held = HeldTrial(trial)
        if _outdated(trial, ablation.family.metric):
            slots.append(slot_of(ablation, cell, seed, held.retry + 1))
            continue
        if trial.state != TrialState.FAIL or held.outcome == "diverged" or held.retry + 1 >= MOST_TRIES:
            continue
        if held.deaths < MOST_DEATHS:
            slots.append(slot_of(ablation, cell, seed, held.retry + 1))
    return add_slots(storage, study, slots)
