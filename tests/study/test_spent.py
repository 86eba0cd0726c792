"""What runs took is added up by what became of them; what nobody measured is counted, not guessed."""

from __future__ import annotations

from typing import Any

from optuna.trial import FrozenTrial, TrialState, create_trial

from archsearch.study.spent import Took, spent_by

RECORD = {"run_id": "r", "environment": {}, "test_reads": 0}


def trial(state: TrialState, **attrs: Any) -> FrozenTrial:
    return create_trial(state=state, value=0.5 if state == TrialState.COMPLETE else None, user_attrs=attrs)


def run(outcome: str, seconds: float, **attrs: Any) -> FrozenTrial:
    held = {"outcome": outcome, "spec": {"network": []}, "run_id": "r", "result": {**RECORD, "seconds": seconds}}
    return trial(TrialState.COMPLETE, **held, **attrs)


def test_seconds_are_those_of_runs_and_of_slots_that_came_to_nothing() -> None:
    spent = spent_by(
        [
            run("completed", 2.0),
            run("completed", 4.0, attempts=3),  # two workers died at it
            run("completed", 9.0, **{"late 12": {"outcome": "completed"}}),
            run("repeated", 100.0),
            trial(TrialState.PRUNED, outcome="pruned", seconds=1.5),
            trial(TrialState.FAIL, outcome="diverged", seconds=0.5),
            trial(TrialState.FAIL, outcome="failed"),
            trial(TrialState.FAIL),  # given up after its workers' deaths
            trial(TrialState.WAITING, seconds=50.0),
        ]
    )
    assert spent.trained == Took(runs=3, seconds=15.0, middle=4.0)
    assert spent.taken == Took(runs=1, seconds=100.0, middle=100.0)
    assert spent.lost == {
        "pruned": Took(runs=1, seconds=1.5, middle=1.5),
        "diverged": Took(runs=1, seconds=0.5, middle=0.5),
        "failed": Took(runs=2, unknown=2),
    }
    assert (spent.deaths, spent.late, spent.seconds) == (2, 1, 17.0)


def test_runs_of_all_folds_of_a_trial_count() -> None:
    folds = {"folds": [{"name": "a"}, {"name": "b"}], "fold_results": [{**RECORD, "seconds": 3.0}]}
    assert spent_by([run("completed", 2.0, **folds)]).trained == Took(runs=2, seconds=5.0, middle=2.5)
