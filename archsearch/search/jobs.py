"""What the slots of a search mean: a sample to be screened and trained, or a finalist to be confirmed.

Both are made from what the study holds in its storage, so a worker on any machine can take them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property

import optuna
from optuna.distributions import CategoricalDistribution, IntDistribution

from archsearch.errors import SpecError
from archsearch.kinds import kind_of_held
from archsearch.kinds.kind import ExperimentKind
from archsearch.kinds.seed_check import seeds_are_checked
from archsearch.metrics import OwnMetric
from archsearch.search.confirm import BASELINE
from archsearch.search.folds import FoldsRunner, fold_experiments, mean_of
from archsearch.search.racing import declared_race, due_slots
from archsearch.search.sampling.feasible import MOST_DRAWS, FeasibleSampler
from archsearch.search.sampling.samplers import MEMORY, MOST_PROPOSALS, make_pruner, make_sampler, parts_of
from archsearch.search.search_file import SearchFile, stored_study
from archsearch.search.space.by_kind import spaces_of
from archsearch.search.space.space import InfeasibleError
from archsearch.study.held import Assigned, HeldSearch, HeldStudy, HeldTrial, fixed_values
from archsearch.study.optuna_private import frozen, is_reported
from archsearch.study.planned import Planned
from archsearch.study.queue import Slot, add_slots, count_slots, refill, slots_of
from archsearch.study.runner import Assignment, Outcome, PrunedError, RefusedError, Runner
from archsearch.study.storage import Storage
from archsearch.train.result import EpochRecord
from archsearch.train.watch import Silent, Watch

SEARCH_SEED = 0  # every sample is trained with this seed: the same batches, the same initial weights where layers agree


class SearchJob:
    """A slot is one sample of the space."""

    def __init__(self, study: optuna.Study) -> None:
        held = HeldStudy(study)
        self.study = study
        self.source = held_search(held)
        space = self.source.space
        self.split = self.source.spec.split
        planned = slots_of(study).get(0)
        first = spaces_of(space).base_values(space) if planned is None else dict(fixed_values(planned)) or None
        self.first = first or {}
        self.trials = held.trials
        self.planned = Planned()  # what this worker knows of the slots
        self.sampler = FeasibleSampler(
            space,
            make_sampler(held.sampler),
            held.seed,
            first,
            MEMORY.get(held.sampler),
            MOST_PROPOSALS.get(held.sampler, MOST_DRAWS),
            self.source.spec.proposals,
        )
        self.distributions = {name: domain.optuna() for name, domain in space.parameters().items()}
        study.pruner = make_pruner(self.source.pruner, self.source.kind.epochs(space.baseline))

    @cached_property
    def runner(self) -> Runner:
        """What trains: made when the first slot is taken, so that who only plans goes without torch."""
        runner = self.source.kind.runner(self.source.watched, goes_on=True, own=self.source.own)
        return runner if self.split is None else FoldsRunner(runner)

    def plan_ahead(self, storage: Storage) -> None:
        """Plan the next trials: the first is the base itself if it lies in the space, the others are sampled."""
        refill(storage, self.study, self.trials, self._slot, self.planned)

    def _slot(self, number: int) -> Slot:
        return Slot(number, params={} if number else self.first)

    def assignment(self, trial: optuna.Trial) -> Assignment:
        """Sample a configuration that fits, or take the one that was enqueued."""
        began = time.monotonic()
        slot = frozen(trial)
        try:
            experiment, values, infeasible = self.sampler.sample(self.study, slot)
        except InfeasibleError as error:  # its values were fixed before, perhaps on a machine with another device
            raise RefusedError(str(error)) from None
        kind = self.source.kind
        before = HeldTrial(slot)
        held = Assigned(
            network=kind.key(experiment),
            infeasible=infeasible if before.network is None else before.infeasible,  # tried again: as it was
            sampling_seconds=time.monotonic() - began,
        )
        params = {name: (self.distributions[name], value) for name, value in values.items()}
        named = kind.renamed(experiment, f"{self.source.spec.name}-{trial.number}")
        if self.split is None:
            return Assignment(named, SEARCH_SEED, held, params)
        try:
            folds = fold_experiments(kind, named, self.split)
        except SpecError as error:
            raise RefusedError(str(error)) from None
        data = tuple(one.written["data"] for one in folds)
        held = held.model_copy(update={"sampled_spec": named.written, "folds": data})
        return Assignment(folds[0], SEARCH_SEED, held, params, parts=folds)

    def watch(self, trial: optuna.Trial) -> Watch:
        """Follow the metric that is learned; stop weak trials, but no fold of one."""
        return Silent() if self.split is not None else _PruningWatch(self.study, trial, self.source.watched)

    def values(self, assignment: Assignment, outcome: Outcome) -> Sequence[float | None]:
        """Give the objectives in the study's order."""
        return [self._value(assignment, outcome, metric) for metric in self.source.metrics]

    def _value(self, assignment: Assignment, outcome: Outcome, metric: str) -> float | None:
        """Give an objective: of folds the mean, also of what is measured."""
        kind = self.source.kind
        if not assignment.parts:
            return kind.value(assignment.experiment, outcome, metric)
        runs = zip(assignment.parts, outcome.parts, strict=True)
        return mean_of([kind.value(experiment, one, metric) for experiment, one in runs])


class _PruningWatch(Silent):
    """Reports the learned metric after each epoch, or earlier, and stops the run when the pruner says so."""

    def __init__(self, study: optuna.Study, trial: optuna.Trial, metric: str) -> None:
        self.study, self.trial, self.metric = study, trial, metric
        self.several = len(study.directions) > 1
        self.noted: dict[str, float] = {}
        self.early: dict[str, float] = {}

    def start(self, epochs: int, history: Sequence[EpochRecord], samples: int) -> None:
        """Report what a run that goes on has learned before."""
        for record in history:
            self._report(record)

    def looks(self) -> Sequence[float]:
        """Look where the pruner is asked within the first epoch."""
        return parts_of(self.study.pruner)

    def look(self, part: float, metrics: Mapping[str, float | None]) -> None:
        """Note what was learned after a part of the first epoch; stop if the trial is too weak."""
        value = metrics.get(self.metric)
        if value is None:
            return
        self.early[str(part)] = value
        self.trial.set_user_attr(HeldTrial.early.key, self.early)
        if self._weak():
            raise PrunedError

    def epoch(self, record: EpochRecord) -> None:
        """Report an epoch; stop if the trial is too weak."""
        self._report(record)
        if self._weak():
            raise PrunedError

    def _report(self, record: EpochRecord) -> None:
        value = record.metrics.get(self.metric)
        if value is None:
            return
        if self.several:
            self.noted[str(record.epoch)] = value
            self.trial.set_user_attr(HeldTrial.learned.key, self.noted)
        elif not is_reported(self.trial, record.epoch):  # of a slot that is run again, Optuna keeps the first report
            self.trial.report(value, record.epoch)

    def _weak(self) -> bool:
        if not self.several:
            return self.trial.should_prune()
        return self.study.pruner.prune(self.study, frozen(self.trial))


class ConfirmJob:
    """A slot is one finalist, or the baseline, with a fresh seed; of networks only here the test set is read."""

    def __init__(self, study: optuna.Study) -> None:
        self.study = study
        self.metric = (study.metric_names or ("test_accuracy",))[0]
        self.race = declared_race(study)
        specs = (HeldTrial(trial).candidate_spec for trial in slots_of(study).values())
        self.kind = self.race.kind if self.race is not None else kind_of_held(next(specs, {}))
        self.twice = self._run_twice(self.kind)
        self.seen = -1

    @cached_property
    def runner(self) -> Runner:
        """What trains: made when the first slot is taken."""
        return self.kind.runner(self.metric, goes_on=True, own=own_of(HeldStudy(self.study)))

    def plan_ahead(self, storage: Storage) -> None:
        """Plan the runs that are due of a race; else all slots were planned when the confirmation began."""
        if self.race is None:
            return
        _, waiting, finished = count_slots(storage, self.study)
        if finished != self.seen and not waiting:
            due = due_slots(self.study, self.race)
            if add_slots(storage, self.study, due) == len(due):
                self.seen = finished  # nothing more is due before another run has finished

    def assignment(self, trial: optuna.Trial) -> Assignment:
        """Take the spec and the seed that the slot holds."""
        held = HeldTrial(trial)
        kind = kind_of_held(held.candidate_spec)
        params = {
            # noted, not suggested: a search that goes on brings new finalists, and Optuna's choices never change
            "candidate": (CategoricalDistribution(held.candidates), held.candidate),
            "seed": (IntDistribution(0, 2**31 - 1), held.run_seed),
        }
        experiment = kind.plan(kind.read(held.candidate_spec))
        return Assignment(experiment, held.run_seed, params=params, twice=(held.candidate, held.run_seed) == self.twice)

    def _run_twice(self, kind: ExperimentKind) -> tuple[str, int] | None:
        """Name the run that is made again: the baseline's first, where seeds are not ours."""
        if self.race is not None:
            first = (self.race.specs[BASELINE], self.race.race.seeds[0])
        else:
            slots = (HeldTrial(trial) for trial in slots_of(self.study).values())
            planned = next((held for held in slots if held.candidate == BASELINE), None)
            if planned is None:
                return None
            first = (planned.candidate_spec, planned.run_seed)
        spec, seed = first
        return (BASELINE, seed) if seeds_are_checked(kind, kind.read(spec), self.metric) else None

    def watch(self, trial: optuna.Trial) -> Watch:
        """Follow nothing: a finalist is always trained to the end."""
        return Silent()

    def values(self, assignment: Assignment, outcome: Outcome) -> Sequence[float | None]:
        """Give the metric that the confirmation was made with."""
        return [outcome.metrics[self.metric]]


def search_job(study: optuna.Study) -> SearchJob:
    """Make the job of a search's workers."""
    return SearchJob(study)


def confirm_job(study: optuna.Study) -> ConfirmJob:
    """Make the job of a confirmation's workers."""
    return ConfirmJob(study)


def what_is_held(study: SearchFile, seed: int, sampler: str, trials: int) -> HeldSearch:
    """Give what a storage holds of a search, so that any worker can make its job."""
    learned = study.learned
    return HeldSearch(
        text=study.text,
        stem=study.stem,
        base=study.space.base.model_dump(mode="json"),
        seed=seed,
        sampler=sampler,
        identity=study.identity(),
        metrics=study.metrics,
        minimize_learned=learned is not None and study.spec.objective[learned][0] == "minimize",
        trials=trials,
        own=tuple(one.model_dump(mode="json") for one in study.own) or None,
    )


def own_of(held: HeldStudy) -> tuple[OwnMetric, ...]:
    """Give the functions of people's files that a search, or its confirmation, is made for."""
    return tuple(OwnMetric.model_validate(one) for one in held.own or ())


def held_search(held: HeldStudy) -> SearchFile:
    """Read the search file that a study holds; raise `SpecError` where this version does not read it any more."""
    return stored_study(held.text, held.stem, held.base, own_of(held))
