"""A network is one kind of experiment: what a runner and a trial ask of it is there."""

from __future__ import annotations

import json

from archsearch.experiment import Experiment
from archsearch.experiment_plan import load_plan


def test_planned_network_is_an_experiment() -> None:
    planned: Experiment = load_plan("digits_quickstart")
    assert planned.name == "digits_quickstart"
    assert json.loads(json.dumps(planned.written))["data"]["name"] == "digits"
    # 16*1*9+16, 32*16*9+32, 128*64+64 and 64*10+10 trainable values
    assert planned.sizes["parameters"] == 160 + 4640 + 8256 + 650
