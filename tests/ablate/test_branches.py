"""One branch left out at a time, of `parallel` and of `residual`: counts by hand, and pairs that begin alike."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from archsearch.ablate.ablation import differences_of
from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.planned import plan_ablation
from archsearch.experiment_plan import plan_experiment
from archsearch.train.loop import initial_network

BLOCKS = """\
name: blocks
data: {name: digits, limit: 20, validation: 40}
network:
  - parallel:
      branches:
        - [conv2d: {out_channels: 2, kernel_size: 1}]
        - [conv2d: {out_channels: 3, kernel_size: 3, padding: same}, tanh]
        - []
  - residual:
      layers: [conv2d: {out_channels: 4, kernel_size: 3, padding: same}, relu]
      shortcut: [conv2d: {out_channels: 4, kernel_size: 1, bias: false}]
  - residual: {layers: [conv2d: {out_channels: 4, kernel_size: 3, padding: same}]}
  - adaptive_avg_pool2d: {output_size: 2}
  - flatten
  - linear: {out_features: classes}
train: {epochs: 1, batch_size: 50, device: cpu}
"""
LEFT_OUT = """\
baseline: blocks.yaml
factors:
  one_by_one: {without: [drop: par1.branch1]}
  three_by_three: {without: [drop: par1.branch2]}
  as_it_is: {without: [drop: par1.branch3]}
  first_shortcut: {without: [drop: res1.shortcut]}
  second_shortcut: {without: [set: {res2.projection: none}]}
seeds: 2
screen: true
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "blocks.yaml").write_text(BLOCKS, encoding="utf-8")
    (tmp_path / "branches.yaml").write_text(LEFT_OUT, encoding="utf-8")
    return tmp_path / "branches.yaml"


def test_each_branch_is_left_out_alone_and_what_stays_begins_with_the_same_weights(file: Path) -> None:
    ablation = plan_ablation(load_ablation(str(file)))
    # 1 -> 2 of 1x1: 4, 1 -> 3 of 3x3: 30; 6 -> 4 of 3x3: 220, of 1x1: 24; 4 -> 4 of 3x3: 148; 16 -> 10: 170
    assert {cell.name: cell.parameters for cell in ablation.cells} == {
        "baseline": 4 + 30 + 220 + 24 + 148 + 170,
        "one_by_one=without": 30 + 148 + 16 + 148 + 170,
        "three_by_three=without": 4 + 112 + 12 + 148 + 170,
        "as_it_is=without": 4 + 30 + 184 + 20 + 148 + 170,
        "first_shortcut=without": 4 + 30 + 220 + 148 + 170,
        "second_shortcut=without": 4 + 30 + 220 + 24 + 148 + 170,
    }
    assert [question.label for question in ablation.questions] == [
        *(
            f"{name}=without instead of blocks"
            for name in ("one_by_one", "three_by_three", "as_it_is", "first_shortcut")
        ),
        "none instead of false",
    ]
    networks = {cell.name: initial_network(plan_experiment(cell.spec), seed=3) for cell in ablation.cells}
    base = networks.pop("baseline").state_dict()
    for name, network in networks.items():
        state = network.state_dict()
        shapes = {key: value.shape for key, value in state.items()}
        # a bias is drawn by the width of what the weights read
        alike = [key for key in state if shapes[weight := key.replace("bias", "weight")] == base[weight].shape]
        assert all(torch.equal(state[key], base[key]) for key in alike), name
        one = set() if name == "one_by_one=without" else {"par1.branch1.conv1.weight"}
        assert {*one, "res2.body.conv1.weight", "fc1.weight"} <= set(alike), name
    x = torch.rand(2, 1, 8, 8)
    plain = networks["second_shortcut=without"]
    torch.testing.assert_close(plain.res2(plain.res1(plain.par1(x))), plain.res2.body(plain.res1(plain.par1(x))))


def test_an_ablation_goes_on_whatever_words_its_questions_were_asked_in(file: Path) -> None:
    ablation = plan_ablation(load_ablation(str(file)))
    older = [one.model_copy(update={"label": one.label.replace("false", "False")}) for one in ablation.questions]
    before = ablation.model_copy(update={"questions": tuple(older)})
    assert before.questions != ablation.questions
    assert differences_of(before, ablation) == []
