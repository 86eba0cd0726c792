"""Local search: mutate the best networks found so far, starting from trial 0.

NAS benchmarks (NASBench-101, White et al. 2021) find this better than TPE where most choices are of layers: from a good
network, one or two changes at a time. A parent is drawn among the best `elite` trials; each open value that it has is
kept, but for one or two that change: a number to a near one, a choice to another. Values that the change brings into
existence are drawn.
"""

from __future__ import annotations

import math
import random
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from archsearch.search.sampling.known import best_of

ELITE = 4


class LocalSampler(BaseSampler):
    """Optuna sampler of the local search; `seed` decides parent and changes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.independent = RandomSampler(seed=seed)
        self.elite: list[FrozenTrial] = []  # of the trial that is being sampled

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Give the open values of the parents, as they were when the parents were sampled."""
        self.elite = _elite(study)
        found: dict[str, BaseDistribution] = {}
        for parent in self.elite:
            found |= parent.distributions
        return found

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Give a mutated copy of a parent's values."""
        elite = self.elite  # Optuna asks for the search space first
        # the better, the more often: rank k with weight 1 / (k + 1)
        parent = self.random.choices(elite, [1 / (rank + 1) for rank in range(len(elite))])[0]
        values = dict(parent.params)
        movable = [name for name, domain in parent.distributions.items() if not domain.single()]
        for name in self.random.sample(movable, min(len(movable), self.random.choice((1, 1, 2, 3)))):
            values[name] = self._moved(values[name], parent.distributions[name])
        return values

    def _moved(self, value: Any, domain: BaseDistribution) -> Any:
        if isinstance(domain, CategoricalDistribution):
            return self.random.choice([choice for choice in domain.choices if choice != value])
        assert isinstance(domain, (IntDistribution, FloatDistribution))
        low, high = (math.log(domain.low), math.log(domain.high)) if domain.log else (domain.low, domain.high)
        at = math.log(value) if domain.log else value
        for _ in range(100):
            near = min(max(self.random.gauss(at, 0.2 * (high - low)), low), high)
            moved = math.exp(near) if domain.log else near
            if isinstance(domain, IntDistribution) or domain.step is not None:
                step = domain.step or 1
                moved = domain.low + step * round((moved - domain.low) / step)
                moved = min(max(moved, domain.low), domain.high)
            if isinstance(domain, IntDistribution):
                moved = int(moved)
            if moved != value:
                return moved
        return value

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw a value that no parent has."""
        return self.independent.sample_independent(study, trial, param_name, param_distribution)


def _elite(study: Study) -> list[FrozenTrial]:
    """Give the best completed trials; with several objectives the Pareto front."""
    if len(study.directions) > 1:
        return study.best_trials[:ELITE]
    return list(best_of(study, ELITE))
