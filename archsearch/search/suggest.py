"""One sample that fits: a sampler around Optuna's that tries again within the same trial.

    sampler = FeasibleSampler(space, make=lambda seed: TPESampler(seed=seed), seed=7)
    study = optuna.create_study(sampler=sampler)

A whole configuration is sampled at once, from a sampler that is made afresh for the trial and seeded with the study's
seed and the slot: so a study that was interrupted and goes on samples what it would have sampled. Configurations that
do not fit, and networks that were sampled already, are put aside (a bounded number of times) before Optuna hears of
any value: they become neither failed nor pruned trials.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from archsearch.data.planning import ExperimentPlan
from archsearch.errors import SpecError
from archsearch.search.domains import FloatRange, IntRange, Value
from archsearch.search.space import InfeasibleError, SearchSpace, Values, network_key
from archsearch.search.templates import Open
from archsearch.train.streams import stream

MOST_TRIES = 2000
MOST_REPEATS = 50

MakeSampler = Callable[[int], BaseSampler]


class FeasibleSampler(BaseSampler):
    """Gives every value of a trial from one configuration that fits; counts what it put aside per trial."""

    def __init__(self, space: SearchSpace, make: MakeSampler, seed: int) -> None:
        self.space = space
        self.make = make
        self.seed = seed
        self.inner: BaseSampler | None = None
        self.planned: Values = {}
        self.planned_for: int | None = None
        self.infeasible = 0
        self.reasons: dict[str, int] = {}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Give nothing: all values come from one configuration."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Give nothing: all values come from one configuration."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Give the trial's planned value; plan the whole configuration when the first one is asked for."""
        if self.planned_for != trial.number:
            self.planned = self._plan(study, trial)
            self.planned_for = trial.number
        return self.planned[param_name]

    def _plan(self, study: Study, trial: FrozenTrial) -> Values:
        slot = trial.user_attrs.get("slot", trial.number)
        self.inner = self.make(stream(self.seed, "sampler", slot) % 2**32)
        self.inner.before_trial(study, trial)
        known = _known_networks(study, trial)
        self.infeasible, self.reasons = 0, {}
        repeats, last = 0, None
        relative_space = self.inner.infer_relative_search_space(study, trial)
        for _ in range(MOST_TRIES):
            relative = self.inner.sample_relative(study, trial, relative_space) if relative_space else {}
            try:
                plan, values = self.space.sample(self._choose(study, trial, relative))
            except InfeasibleError as error:
                self.infeasible += 1
                reason = str(error).split(".")[0]
                self.reasons[reason] = self.reasons.get(reason, 0) + 1
                continue
            if network_key(plan) not in known or repeats >= MOST_REPEATS:
                return values
            repeats, last = repeats + 1, values
        if last is not None:
            return last
        often = max(self.reasons, key=lambda reason: self.reasons[reason])
        raise SpecError(
            f"{MOST_TRIES:,} samples in a row do not fit, most often: {often}. "
            "See `archsearch space` for what makes them infeasible, and narrow the space."
        )

    def _choose(self, study: Study, trial: FrozenTrial, relative: dict[str, Any]) -> Callable[[Open], Value]:
        inner = self.inner
        assert inner is not None

        def choose(value: Open) -> Value:
            if value.name in trial.params:  # a slot that is tried again keeps what it had
                kept: Value = trial.params[value.name]
                return kept
            distribution = value.domain.optuna()
            if value.name in relative and _contains(distribution, relative[value.name]):
                chosen: Value = relative[value.name]
                return chosen
            if distribution.single():
                return next(value.domain.values())
            given: Value = inner.sample_independent(study, trial, value.name, distribution)
            return given

        return choose

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Tell the sampler of this trial how it ended."""
        if self.inner is not None and self.planned_for == trial.number:
            self.inner.after_trial(study, trial, state, values)


def _contains(distribution: BaseDistribution, value: Any) -> bool:
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except ValueError:
        return False


def _known_networks(study: Study, trial: FrozenTrial) -> set[str]:
    others = study.get_trials(deepcopy=False)
    return {t.user_attrs["network"] for t in others if t.number != trial.number and "network" in t.user_attrs}


def ask_values(space: SearchSpace, trial: optuna.Trial) -> tuple[ExperimentPlan, Values]:
    """Suggest a trial's values one after the other, so that Optuna and its dashboard know them; give the sample."""

    def choose(value: Open) -> Value:
        name, domain = value.name, value.domain
        if isinstance(domain, IntRange):
            return trial.suggest_int(name, domain.low, domain.high, step=domain.step, log=domain.log)
        if isinstance(domain, FloatRange):
            return trial.suggest_float(name, domain.low, domain.high, step=domain.step, log=domain.log)
        return trial.suggest_categorical(name, domain.labels)

    return space.sample(choose)
