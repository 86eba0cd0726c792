"""Which kind a spec is of, and what networks answer to what an ablation asks."""

from __future__ import annotations

from pathlib import Path

from archsearch.kinds import NETWORK, kind_of_held, kind_of_spec, load_experiment
from archsearch.spec.text.yaml import read_text


def test_shipped_spec_is_a_network() -> None:
    experiment = load_experiment("lenet5", ["train.epochs=1"])
    spec = kind_of_spec(experiment).spec_of(experiment)
    assert kind_of_spec(spec).name == kind_of_held(experiment.written).name == "network"
    assert kind_of_held(experiment.written).read(experiment.written) == spec


def test_question_of_a_network_asks_for_the_device_and_not_for_what_a_loss_is_measured_by() -> None:
    plain = NETWORK.question(load_experiment("lenet5"))
    assert NETWORK.question(load_experiment("lenet5", ["train.eval_loss=mse"])) == plain
    assert NETWORK.question(load_experiment("lenet5", ["train.device=cpu"])) != plain
    assert NETWORK.question(load_experiment("lenet5", ["train.batch_size=7"])) != plain


def test_edits_of_a_difference_lead_from_one_network_to_the_other() -> None:
    one, other = load_experiment("lenet5"), load_experiment("lenet_best")
    edits = [edit for factor in NETWORK.difference(one, other) for edit in factor.edits]
    made = NETWORK.plan(NETWORK.edited(NETWORK.spec_of(one), edits, Path()))
    assert NETWORK.question(made) == NETWORK.question(other)


def test_problems_of_edits_have_their_places() -> None:
    edits = read_text("[{set: {train.epoks: 3}}, {drop: softmax}]", "mine.yaml")
    spec = NETWORK.spec_of(load_experiment("lenet5"))
    [problem] = NETWORK.edit_problems(spec, edits, Path(), alone=True)
    assert problem.where.startswith("mine.yaml:1:")
    assert "did you mean 'epochs'" in problem.message
