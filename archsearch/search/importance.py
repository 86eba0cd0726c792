"""How much each open value mattered, where some exist only in some trials.

    found = importances(record.space, samples, "final val_accuracy")
    found.groups[0].shares              # of the values that all trials have, largest first

Optuna's fANOVA wants values that all trials have. So there is one fit over all trials with what they share, and one for
each set of trials that share more (those with a third convolution, say): its shares are of the variance among those
trials, in which what all trials have takes part too. How well the forest predicts trials that it has not seen (out of
bag) is kept beside the shares: where that is nothing, they say nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Literal, NamedTuple

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from archsearch.plain import Plain
from archsearch.search.space.domains import Value

if TYPE_CHECKING:
    import numpy as np

LEAST_TRIALS = 15  # fewer trials than this are not enough to split for a dozen values
TREES, DEPTH, SEED = 32, 6, 0  # 64 trees of any depth: the same first ranks, a hundred times as long at 2,000 trials
EVALUATOR = f"fANOVA ({TREES} trees of depth {DEPTH}, seed {SEED})"


class OpenValue(Plain):
    """One open value of a study: a range of numbers, or some choices."""

    name: str
    kind: Literal["int", "float", "choice"]
    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    step: int | float | None = None
    labels: tuple[Value, ...] = ()


class ValueShare(Plain):
    """An open value, and its share of the variance that single values explain, 0 to 1."""

    name: str
    share: float


class ImportanceGroup(Plain):
    """Open values that the same trials have, and their shares among those; `why_none` says why there are none."""

    names: tuple[str, ...]
    always: bool  # all trials have them
    n: int
    shares: tuple[ValueShare, ...]
    explained: float | None  # R2 for trials the forest has not seen; below 0 is worse than guessing the mean
    why_none: str | None


class Importances(Plain):
    """Importances for one target, such as the final value, or the value after the first epoch."""

    target: str
    epoch: int | float | None  # None: the final value; 0.125: after an eighth of the first epoch
    evaluator: str
    least_trials: int
    n: int
    groups: tuple[ImportanceGroup, ...]

    def ranked(self) -> list[str]:
        """Give the names by how much they matter: share times the part of the trials that have it.

        Those of a forest that predicts nothing come last.
        """
        weights = {
            share.name: (group.explained is not None and group.explained > 0, share.share * group.n / self.n)
            for group in self.groups
            for share in group.shares
        }
        return sorted(weights, key=lambda name: (not weights[name][0], -weights[name][1], name))


class TrialSample(NamedTuple):
    """A trial as importances see it."""

    number: int
    params: Mapping[str, Value]
    value: float


def importances(
    parameters: Sequence[OpenValue], samples: Sequence[TrialSample], target: str, epoch: int | float | None = None
) -> Importances:
    """Say how much each open value explains of one target; the same samples give the same shares."""
    laid_down = cache(lambda: _study_of(parameters, samples))  # where no group has enough trials: never
    groups = [_group(laid_down, parameters, names, chosen, samples) for names, chosen in _presence(parameters, samples)]
    return Importances(
        target=target,
        epoch=epoch,
        evaluator=EVALUATOR,
        least_trials=LEAST_TRIALS,
        n=len(samples),
        groups=tuple(groups),
    )


def _presence(
    parameters: Sequence[OpenValue], samples: Sequence[TrialSample]
) -> list[tuple[list[OpenValue], tuple[int, ...]]]:
    """Group the values by the trials that have them; those of all trials first, then the larger groups."""
    having: dict[tuple[int, ...], list[OpenValue]] = {}
    for parameter in parameters:
        chosen = tuple(i for i, sample in enumerate(samples) if parameter.name in sample.params)
        if chosen:
            having.setdefault(chosen, []).append(parameter)
    return sorted(((names, chosen) for chosen, names in having.items()), key=lambda pair: -len(pair[1]))


def _group(
    laid_down: Callable[[], optuna.Study],
    parameters: Sequence[OpenValue],
    ours: Sequence[OpenValue],
    chosen: Sequence[int],
    samples: Sequence[TrialSample],
) -> ImportanceGroup:
    n = len(chosen)
    inside = [samples[i] for i in chosen]
    shared = [p for p in parameters if all(p.name in sample.params for sample in inside)]
    varied = [p for p in shared if len({sample.params[p.name] for sample in inside}) > 1]
    why = None
    if n < LEAST_TRIALS:
        why = f"only {n} trial{'s' * (n != 1)}, at least {LEAST_TRIALS} are needed"
    elif len({sample.value for sample in inside}) == 1:
        why = f"all {n} trials have the same value"
    elif not varied:
        why = f"nothing varies among these {n} trials"
    names, always = tuple(p.name for p in ours), n == len(samples)
    if why is not None:
        return ImportanceGroup(names=names, always=always, n=n, shares=(), explained=None, why_none=why)
    found = _fanova(laid_down(), [p.name for p in shared])
    shares = [ValueShare(name=p.name, share=found.get(p.name, 0.0)) for p in ours]
    shares.sort(key=lambda share: (-share.share, share.name))
    explained = _explained(varied, inside)
    return ImportanceGroup(names=names, always=always, n=n, shares=tuple(shares), explained=explained, why_none=None)


def _study_of(parameters: Sequence[OpenValue], samples: Sequence[TrialSample]) -> optuna.Study:
    """Lay the samples down as Optuna's evaluator wants them."""
    distributions = {p.name: distribution(p) for p in parameters}
    study = optuna.create_study(study_name="importance")
    for sample in samples:
        has = {name: value for name, value in distributions.items() if name in sample.params}
        study.add_trial(
            optuna.trial.create_trial(
                params={name: sample.params[name] for name in has}, distributions=has, value=sample.value
            )
        )
    return study


def _fanova(study: optuna.Study, names: list[str]) -> dict[str, float]:
    """Ask Optuna's fANOVA among the trials that have all of these; shares are of the sum over them."""
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances  # imports scikit-learn: a second

    evaluator = FanovaImportanceEvaluator(n_trees=TREES, max_depth=DEPTH, seed=SEED)
    found = get_param_importances(study, evaluator=evaluator, params=names)
    return {name: float(share) for name, share in found.items()}


def distribution(parameter: OpenValue) -> BaseDistribution:
    """Give the Optuna distribution of an open value."""
    if parameter.kind == "choice":
        return CategoricalDistribution(parameter.labels)
    assert parameter.low is not None
    assert parameter.high is not None
    if parameter.kind == "int":
        return IntDistribution(
            int(parameter.low), int(parameter.high), log=parameter.log, step=int(parameter.step or 1)
        )
    return FloatDistribution(parameter.low, parameter.high, log=parameter.log, step=parameter.step)


def _explained(parameters: Sequence[OpenValue], samples: Sequence[TrialSample]) -> float:
    """Give R2 out of bag of a forest of the same size."""
    ensemble = import_module("sklearn.ensemble")  # it has no types

    forest = ensemble.RandomForestRegressor(n_estimators=TREES, max_depth=DEPTH, oob_score=True, random_state=SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a trial that no tree left out: rare, and it counts as 0
        forest.fit(_encoded(parameters, samples), [sample.value for sample in samples])
    return float(forest.oob_score_)


def _encoded(parameters: Sequence[OpenValue], samples: Sequence[TrialSample]) -> np.ndarray:
    """Write samples as numbers: a column for each range, one for each choice."""
    import numpy as np

    columns: list[list[float]] = []
    for p in parameters:
        if p.kind == "choice":
            columns += [[float(sample.params[p.name] == label) for sample in samples] for label in p.labels]
        else:
            columns.append([float(sample.params[p.name] or 0.0) for sample in samples])
    return np.array(columns).T
