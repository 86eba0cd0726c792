from __future__ import annotations

import json

import pytest
from optuna.distributions import IntDistribution
from optuna.trial import TrialState, create_trial

from archsearch.study.held import Ended, Started, slot_attributes, stored
from archsearch.study.snapshot import StudySnapshot, snapshot_of


@pytest.fixture
def study(opened):
    """Slots out of order: one that was stopped after two epochs, one that completed."""
    _, _, study = opened
    study.set_user_attr("kind", "search")
    study.set_user_attr("metrics", ["val_loss"])
    study.set_user_attr("seed", 7)
    study.set_user_attr("dashboard:note", "another program's")
    width = IntDistribution(1, 9)
    owner = {"owner": {"host": "somebody", "pid": 1}, "beat": 3}
    started = stored(Started(seed=0, spec={"name": "a"}, parameters=12))
    study.add_trial(
        create_trial(
            state=TrialState.PRUNED,
            params={"width": 3},
            distributions={"width": width},
            intermediate_values={2: 0.5, 1: 0.75, 3: float("nan")},
            user_attrs={**slot_attributes(1, None), **started, **owner, **stored(Ended(outcome="pruned"))},
        )
    )
    ended = stored(Ended(outcome="completed", run_id="1f", result={"epochs": 4}))
    study.add_trial(
        create_trial(
            value=0.25,
            params={"width": 2},
            distributions={"width": width},
            user_attrs={**slot_attributes(0, None), **started, **owner, **ended},
        )
    )
    return study


def test_a_snapshot_is_what_the_storage_holds_of_a_study(study):
    found = snapshot_of(study)
    assert (found.kind, found.objectives, found.held) == (
        "search",
        (("minimize", "val_loss"),),
        {"metrics": ["val_loss"], "seed": 7},
    )
    first, second = found.trials
    assert (first.number, first.state, first.values, first.params) == (1, "complete", (0.25,), {"width": 2})
    assert (first.outcome, first.run_id, first.record) == ("completed", "1f", {"epochs": 4})
    assert (second.number, second.state, second.values, second.run_id) == (0, "pruned", (), None)
    assert second.learned == {1: 0.75, 2: 0.5}  # what is not a number says nothing
    assert (second.seed, second.spec, second.record) == (0, {"name": "a"}, None)
    assert second.held == {"slot": 1, "parameters": 12}  # no word of who had the slot


def test_a_snapshot_goes_to_json_and_back(study):
    found = snapshot_of(study)
    assert StudySnapshot.model_validate_json(found.model_dump_json()) == found
    assert "somebody" not in found.model_dump_json()
    assert json.loads(found.model_dump_json())["trials"][1]["learned"] == {"1": 0.75, "2": 0.5}
