"""The other question: do these two trained models differ? McNemar's exact test on their predictions, seed by seed.

pairs, missing = compare_models(ablation, trials, Path("runs"))

Never mixed with the effects: two models that differ say nothing about two recipes. Predictions are files in the run
directories; without them there is no answer, and it is said why.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from archsearch.ablate.planned import Ablation
from archsearch.ablate.record import ModelPair
from archsearch.experiment_plan import task_of_kept
from archsearch.stats.paired import mcnemar_test
from archsearch.study.held import HeldRun
from archsearch.train.run_files import PREDICTIONS

_NUMBERS = "what is predicted are numbers: they are near or far, not right or wrong"


def compare_models(
    ablation: Ablation, trials: Mapping[tuple[str, int], FrozenTrial], runs_dir: Path | None
) -> tuple[tuple[ModelPair, ...], str]:
    """Compare the two models of every pair; say what is missing ("" if nothing is)."""
    if runs_dir is None:
        return (), "predictions are files in the run directories, which were not looked at"
    right: dict[str, NDArray[np.bool_] | str | None] = {}

    def of(trial: FrozenTrial) -> NDArray[np.bool_] | str | None:
        run = HeldRun(trial)
        id_ = run.run_id
        if id_ not in right:
            right[id_] = _right(runs_dir / id_ / PREDICTIONS, run.spec)
        return right[id_]

    found, without = [], 0
    for question in ablation.questions:
        if sorted(question.weights.values()) != [-1.0, 1.0] or question.kind == "control":
            continue  # an effect over several cells is not about two models
        level, against = sorted(question.weights, key=lambda name: -question.weights[name])
        for seed in ablation.cell(level).seeds:
            pair = [trials.get((cell, seed)) for cell in (against, level)]
            done = [trial for trial in pair if trial is not None and trial.state == TrialState.COMPLETE]
            if len(done) < 2:
                continue
            one, other = of(done[0]), of(done[1])
            if isinstance(one, str):
                return (), one
            if one is None or other is None or isinstance(other, str) or len(one) != len(other):
                without += 1
                continue
            test = mcnemar_test(one.tolist(), other.tolist())
            found.append(
                ModelPair(
                    name=question.name,
                    seed=seed,
                    only_against=test.only_baseline,
                    only_level=test.only_level,
                    p=test.p,
                )
            )
    return tuple(found), f"{without} pairs of models have no test predictions in {runs_dir}" if without else ""


def _right(path: Path, spec: Mapping[str, Any]) -> NDArray[np.bool_] | str | None:
    """Say for each test sample whether a model got it right, all of its labels; None where nothing was predicted.

    Of numbers it is the sentence why there is no such thing.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if "test_outputs" not in arrays:
                return None
            outputs, targets = arrays["test_outputs"], arrays["test_labels"]
            if targets.dtype.kind == "f":
                return _NUMBERS
            right = task_of_kept(outputs, targets, spec).predicted(outputs) == targets
            return np.asarray(right if right.ndim == 1 else right.all(axis=1))
    except (OSError, ValueError):
        return None
