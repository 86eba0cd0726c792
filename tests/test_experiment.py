"""A network is an experiment: it has a name, it is written as JSON, and its sizes are known before it runs."""

from __future__ import annotations

import json

from archsearch.experiment import Experiment
from archsearch.experiment_plan import load_plan
from archsearch.spec.experiment import ExperimentSpec


def test_a_planned_network_is_an_experiment_that_comes_back_from_what_is_written() -> None:
    experiment: Experiment = load_plan("lenet5")
    assert experiment.name == "lenet5"
    # by hand: 156 + 2,416 + 48,120 + 10,164 + 850
    assert experiment.sizes["parameters"] == 61_706
    again = ExperimentSpec.model_validate(json.loads(json.dumps(experiment.written)))
    assert again == load_plan("lenet5").spec
