"""One sample that fits: Optuna's samplers, asked again within the same trial.

    sampler = FeasibleSampler(space, make=RandomSampler, seed=7)
    sample = sampler.sample(study, trial)     # sample.experiment, sample.values, sample.infeasible

A whole configuration is sampled at once, from a sampler that is made afresh for the trial and seeded with the study's
seed and the slot: so a study that was interrupted and goes on samples what it would have sampled. Configurations that
do not fit, and networks that were sampled already, are put aside (a bounded number of times) before Optuna hears of
any value: they become neither failed nor pruned trials.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from archsearch.errors import SpecError
from archsearch.experiment import Experiment
from archsearch.search.sampling.known import KnownTrials
from archsearch.search.space.count import each_feasible
from archsearch.search.space.domains import Value
from archsearch.search.space.space import InfeasibleError, SearchSpace, Values
from archsearch.search.space.templates import Open
from archsearch.study.held import HeldTrial, fixed_values
from archsearch.study.optuna_private import contains
from archsearch.study.storage import experimental
from archsearch.train.streams import stream

MOST_DRAWS = 2000
MOST_REPEATS = 50
PLAIN_EVERY = 4  # trials of which one takes its first proposal, whatever the work

NOTHING_FITS = (
    "no configuration of the space can be trained; `archsearch space` says what does not fit. Widen the space."
)

# None: every configuration that fits, one after the other
MakeSampler = Callable[[int], BaseSampler] | None


class Sample(NamedTuple):
    """A configuration that fits, and how many that do not were put aside before it."""

    experiment: Experiment
    values: Values
    infeasible: int = 0


class FeasibleSampler:
    """Samples whole configurations that fit; `make` gives an Optuna sampler for a seed, None tries them in order.

    With a `memory` the sampler learns from so many finished trials at most: the best ones and the latest. After
    `patience` draws that do not fit or are known, the rest is drawn at random. Of several `proposals` for a trial the
    one with the least work is taken; of every `PLAIN_EVERY`th slot the first, so that nothing is excluded by its cost.
    """

    def __init__(
        self,
        space: SearchSpace,
        make: MakeSampler,
        seed: int,
        first: Values | None = None,
        memory: int | None = None,
        patience: int = MOST_DRAWS,
        proposals: int = 1,
    ) -> None:
        self.space = space
        self.make = make
        self.seed = seed
        self.memory = memory
        self.patience = patience
        self.proposals = proposals
        self.rest = each_feasible(space)
        self.listed: list[Values] = []
        self.keys: set[str] = set()
        self.known = KnownTrials()
        if first is not None:
            self._list(first)

    def sample(self, study: Study, trial: FrozenTrial) -> Sample:
        """Sample the configuration of a trial; values that it has already are kept.

        Raises `SpecError` if nothing that fits is found.
        """
        known = {**fixed_values(trial), **trial.params}
        slot = HeldTrial(trial).slot
        slot = trial.number if slot is None else slot
        if self.make is None:
            known = {**self._nth(slot), **known}
        with contextlib.suppress(KeyError):  # all values are known: trial 0, a slot that is tried again
            return Sample(*self.space.sample(lambda value: known[value.name]))
        assert self.make is not None
        with experimental():
            inner = self.make(stream(self.seed, "sampler", slot) % 2**32)
        inner.before_trial(study, trial)
        self.known.look(study)
        snapshot = self.known.snapshot(study, self.memory)
        study = snapshot.study
        # what is forgotten may be tried again
        tried = self.known.tried(trial) if self.memory is None else snapshot.tried(trial)
        reasons: Counter[str] = Counter()
        repeats, last = 0, None
        wanted = 1 if slot % PLAIN_EVERY == 0 else self.proposals
        found: list[Sample] = []
        relative_space = inner.infer_relative_search_space(study, trial)
        for draw in range(MOST_DRAWS):
            if draw == self.patience:
                inner, relative_space = RandomSampler(seed=stream(self.seed, "sampler", slot) % 2**32), {}
            relative = inner.sample_relative(study, trial, relative_space) if relative_space else {}
            independent = partial(inner.sample_independent, study, trial)
            try:
                experiment, values = self.space.sample(partial(_choose, known, relative, independent))
            except InfeasibleError as error:
                reasons[f"{error.layer} {error.reason}".lstrip()] += 1
                continue
            last = Sample(experiment, values, reasons.total())
            if self.space.kind.key(experiment) in tried and repeats < MOST_REPEATS:
                repeats += 1
                continue
            found.append(last)
            if len(found) == wanted or repeats == MOST_REPEATS:
                return self._cheapest(found)
        if found:
            return self._cheapest(found)
        if last is not None:
            return last
        often = max(reasons, key=lambda reason: reasons[reason])
        raise SpecError(
            f"{MOST_DRAWS:,} samples in a row do not fit, most often: {often}. "
            "See `archsearch space` for what makes them infeasible, and narrow the space."
        )

    def _cheapest(self, found: Sequence[Sample]) -> Sample:
        """Give the one with the least work, of equal ones the first; infeasible draws are counted up to the last."""
        work = self.space.kind.work
        least = found[0] if len(found) == 1 else min(found, key=lambda sample: work(sample.experiment) or 0.0)
        return least._replace(infeasible=found[-1].infeasible)

    def _nth(self, slot: int) -> Values:
        """Give the configuration of a slot where all are tried: the base in slot 0, then each other network once."""
        while len(self.listed) <= slot:
            values = next(self.rest, None)
            if values is None and not self.listed:
                raise SpecError(NOTHING_FITS)
            if values is None:
                return self.listed[slot % len(self.listed)]
            self._list(values)
        return self.listed[slot]

    def _list(self, values: Values) -> None:
        key = self.space.kind.key(self.space.with_values(values))
        if key not in self.keys:
            self.keys.add(key)
            self.listed.append(values)


def _choose(
    known: Mapping[str, Value],
    relative: Mapping[str, Any],
    independent: Callable[[str, BaseDistribution], Value],
    value: Open,
) -> Value:
    """Choose one value: as known already, as sampled with the others, or alone."""
    if value.name in known:
        return known[value.name]
    distribution = value.domain.optuna()
    if value.name in relative and contains(distribution, relative[value.name]):
        chosen: Value = relative[value.name]
        return chosen
    if distribution.single():
        return next(value.domain.values())
    return independent(value.name, distribution)
