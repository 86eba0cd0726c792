"""The samplers and pruners, one entry each: Optuna's own with every argument written out, and the local search.

make_sampler("tpe")(seed)                 # an Optuna sampler
make_pruner(Screen(), epochs=6)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from archsearch.search.pruner_spec import Halving, Hyperband, Median, NoPruning, Screen
from archsearch.search.reached import reported
from archsearch.search.sampling.feasible import MakeSampler
from archsearch.search.sampling.local import LocalSampler
from archsearch.spec.onekey import Kind
from archsearch.study.held import HeldStudy

QMC_SEED = 0  # one Sobol sequence for the whole study: its points come one after the other


def _tpe(seed: int) -> BaseSampler:
    return optuna.samplers.TPESampler(
        n_startup_trials=10,
        n_ei_candidates=24,
        multivariate=True,
        group=True,
        constant_liar=True,
        seed=seed,
    )


def _qmc(seed: int) -> BaseSampler:
    return optuna.samplers.QMCSampler(qmc_type="sobol", scramble=True, seed=QMC_SEED, warn_asynchronous_seeding=False)


SAMPLERS: dict[str, MakeSampler] = {
    "tpe": _tpe,
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "qmc": _qmc,
    "gp": lambda seed: optuna.samplers.GPSampler(seed=seed, n_startup_trials=10, deterministic_objective=True),
    "cmaes": lambda seed: optuna.samplers.CmaEsSampler(seed=seed),
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=10),
    "nsga3": lambda seed: optuna.samplers.NSGAIIISampler(seed=seed, population_size=10),
    "brute_force": None,  # Optuna's own wants to be asked value by value; suggest.py lists the configurations instead
    "local": LocalSampler,
}


# Samplers whose cost grows with every finished trial learn from so many: TPE's own weights let the older ones of the
# trials that are not among the best fade out anyway.
MEMORY: Mapping[str, int] = {"tpe": 200, "gp": 200}

# A Gaussian process proposes what it believes in, again and again, at up to a second each: where that does not fit or
# is known, chance takes over after so many.
MOST_PROPOSALS: Mapping[str, int] = {"gp": 5}


def make_sampler(name: str) -> MakeSampler:
    """Give the function that makes a sampler from a seed."""
    return SAMPLERS[name]


class ScreenPruner(BasePruner):
    """At each rung keep a trial if it is among the best `keep` of all that came so far, those stopped there too.

    `rungs` are epochs, those below 1 parts of the first one. Optuna's PercentilePruner compares with completed trials
    only: those that were kept, so that it keeps ever fewer.
    """

    def __init__(self, rungs: Sequence[float], keep: float, startup_trials: int) -> None:
        self.rungs = tuple(rungs)
        self.keep = keep
        self.startup_trials = startup_trials

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Say whether a trial that has just reached a rung is too weak."""
        mine = reported(trial)
        rung = max(mine, default=0.0)
        if rung not in self.rungs:
            return False
        finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
        others = [value for other in finished if (value := reported(other).get(rung)) is not None]
        if len(others) < self.startup_trials:
            return False
        sign = -1.0 if HeldStudy(study).minimize_learned else 1.0
        ranked = sorted((*others, mine[rung]), key=lambda value: -sign * value)
        kept = max(1, round(self.keep * len(ranked)))
        return sign * mine[rung] < sign * ranked[kept - 1]


def parts_of(pruner: BasePruner) -> tuple[float, ...]:
    """Give the parts of the first epoch after which a pruner is asked."""
    return tuple(rung for rung in pruner.rungs if rung < 1) if isinstance(pruner, ScreenPruner) else ()


def _screen(spec: Kind, epochs: int | None) -> BasePruner:
    assert isinstance(spec, Screen)
    return ScreenPruner((spec.epochs,), spec.keep, spec.startup_trials)


def _halving(spec: Kind, epochs: int | None) -> BasePruner:
    assert isinstance(spec, Halving)
    assert epochs is not None, "the file was checked"
    return ScreenPruner(spec.rungs(epochs), spec.keep, spec.startup_trials)


def _median(spec: Kind, epochs: int | None) -> BasePruner:
    assert isinstance(spec, Median)
    return MedianPruner(n_startup_trials=spec.startup_trials, n_warmup_steps=spec.warmup_epochs)


def _hyperband(spec: Kind, epochs: int | None) -> BasePruner:
    assert isinstance(spec, Hyperband)
    # "auto" is undefined when a study is resumed: the number of epochs must be known
    assert epochs is not None, "the file was checked"
    return HyperbandPruner(min_resource=spec.min_epochs, max_resource=epochs, reduction_factor=spec.reduction_factor)


PRUNERS: Mapping[type[Kind], Callable[[Kind, int | None], BasePruner]] = {
    Screen: _screen,
    Halving: _halving,
    Median: _median,
    Hyperband: _hyperband,
    NoPruning: lambda spec, epochs: NopPruner(),
}


def make_pruner(spec: Kind, epochs: int | None) -> BasePruner:
    """Make the Optuna pruner that a study asks for; `epochs` are those of a whole run, None where nobody knows."""
    return PRUNERS[type(spec)](spec, epochs)
