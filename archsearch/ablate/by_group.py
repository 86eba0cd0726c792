"""The second level of an ablation whose data know groups: each comparison group by group, from the runs' own results.

by_group(ablation, trials)      # trials: {(cell, seed): trial}
"""

from __future__ import annotations

from collections.abc import Mapping

from optuna.trial import FrozenTrial, TrialState

from archsearch.ablate.planned import Ablation
from archsearch.ablate.questions import Question
from archsearch.stats.effect import Seed
from archsearch.stats.over_groups import OverGroups, over_groups
from archsearch.study.held import HeldRun

Trials = Mapping[tuple[str, int], FrozenTrial]


def by_group(ablation: Ablation, trials: Trials) -> tuple[OverGroups, ...]:
    """Compare the groups' own values of the metric in every comparison of cells; none where runs hold none."""
    found = []
    for question in ablation.claims:
        differences: dict[Seed, Mapping[str, float]] = {}
        for seed in ablation.seeds:
            held = {name: _values(trials.get((name, seed)), ablation.family.metric) for name in question.weights}
            shared = [name for name in next(iter(held.values())) if all(name in of for of in held.values())]
            differences[seed] = {group: _weighed(question, held, group) for group in shared}
        one = over_groups(question.name, question.label, differences, ablation.family)
        found += [one] if one is not None else []
    return tuple(found)


def _values(trial: FrozenTrial | None, metric: str) -> dict[str, float]:
    if trial is None or trial.state != TrialState.COMPLETE:
        return {}
    groups: Mapping[str, Mapping[str, float | None]] = HeldRun(trial).result.get("groups") or {}
    return {name: value for name, of in groups.items() if (value := of.get(metric)) is not None}


def _weighed(question: Question, held: Mapping[str, Mapping[str, float]], group: str) -> float:
    return sum(weight * held[name][group] for name, weight in question.weights.items())
