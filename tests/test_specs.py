"""Every file in specs/: read, planned, built, run forward; the documented variants against torch, written out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.planned import plan_ablation
from archsearch.experiment_plan import load_plan
from archsearch.spec.catalog import read_spec, study_kind
from archsearch.spec.network import build_network
from archsearch.spec.text.yaml import read_file

ROOT = Path(__file__).parents[1]
SPECS = sorted((ROOT / "specs").glob("*.yaml"))
YAMLS = [*SPECS, *sorted((ROOT / "studies").glob("*.yaml"))]


def lenet5(act: type[nn.Module] = nn.Tanh) -> list[nn.Module]:
    return [
        nn.Conv2d(1, 6, 5), act(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), act(), nn.AvgPool2d(2),
        nn.Conv2d(16, 120, 5), act(), nn.Flatten(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10), nn.Softmax(1),
    ]  # fmt: skip


def lenet_conv4_relu() -> list[nn.Module]:
    return [
        nn.Conv2d(1, 6, 3), nn.ReLU(), nn.AvgPool2d(2, 2), nn.Conv2d(6, 16, 3), nn.ReLU(), nn.AvgPool2d(2, 2),
        nn.Conv2d(16, 40, 3), nn.ReLU(), nn.AvgPool2d(2, 1), nn.Conv2d(40, 120, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(120, 120), nn.Tanh(), nn.Linear(120, 80), nn.Tanh(), nn.Linear(80, 10), nn.Softmax(1),
    ]  # fmt: skip


def wide(*hidden: int) -> list[nn.Module]:
    """The convolutions of lenet_conv4 and linear layers of these widths."""
    layers: list[nn.Module] = [
        nn.Conv2d(1, 10, 5), nn.Tanh(), nn.MaxPool2d(2, 1), nn.Conv2d(10, 20, 5), nn.Tanh(), nn.AvgPool2d(2, 1),
        nn.Conv2d(20, 50, 5), nn.Tanh(), nn.AvgPool2d(2, 2), nn.Conv2d(50, 150, 5), nn.Tanh(), nn.Flatten(),
    ]  # fmt: skip
    features = 3750  # 150 * 5 * 5
    for width in hidden:
        layers += [nn.Linear(features, width), nn.Tanh()]
        features = width
    return [*layers, nn.Linear(features, 10), nn.Softmax(1)]


# The convolutions of lenet_conv4:
#   1*10*25+10 = 260; 10*20*25+20 = 5,020; 20*50*25+50 = 25,050; 50*150*25+150 = 187,650; together 217,980
# name: (layers, parameters by hand, documented test accuracy, loss)
DOCUMENTED = {
    # 156 + 2,416 + 48,120 + 120*84+84 = 10,164 + 84*10+10 = 850
    "lenet5": (lenet5, 156 + 2_416 + 48_120 + 10_164 + 850, 0.9753, "cross_entropy"),
    "lenet_l1": (lenet5, 61_706, 0.9704, "l1"),
    "lenet_relu": (lambda: lenet5(nn.ReLU), 61_706, 0.9744, "cross_entropy"),
    # 60 + 880 + 5,800 + 43,320 + 120*120+120 = 14,520 + 120*80+80 = 9,680 + 80*10+10 = 810
    "lenet_conv4_relu": (lenet_conv4_relu, 60 + 880 + 5_800 + 43_320 + 14_520 + 9_680 + 810, 0.9584, "cross_entropy"),
    # 3750*150+150 = 562,650; 150*70+70 = 10,570; 70*10+10 = 710
    "lenet_conv4": (lambda: wide(150, 70), 217_980 + 562_650 + 10_570 + 710, 0.9826, "cross_entropy"),
    # 3750*80+80 = 300,080; 80*10+10 = 810
    "lenet_best": (lambda: wide(80), 217_980 + 300_080 + 810, 0.9849, "cross_entropy"),
    # 70*40+40 = 2,840; 40*10+10 = 410
    "lenet_fc4": (lambda: wide(150, 70, 40), 217_980 + 562_650 + 10_570 + 2_840 + 410, 0.9785, "cross_entropy"),
}  # fmt: skip


def test_parameters_by_hand_are_the_documented_ones() -> None:
    assert {name: case[1] for name, case in DOCUMENTED.items()} == {
        "lenet5": 61_706, "lenet_l1": 61_706, "lenet_relu": 61_706, "lenet_conv4_relu": 75_070,
        "lenet_conv4": 791_910, "lenet_best": 518_870, "lenet_fc4": 794_450,
    }  # fmt: skip


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_spec_is_read_planned_built_and_run_forward(path: Path) -> None:
    plan = load_plan(str(path))
    assert plan.spec.name == path.stem
    assert plan.spec.summary
    assert plan.spec.source
    model = build_network(plan.network)
    assert sum(p.numel() for p in model.parameters()) == plan.network.parameters
    assert model(torch.zeros(3, *plan.facts.shape)).shape == (3, plan.facts.classes)


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.stem)
def test_yaml_begins_with_its_schema_what_it_is_and_how_to_run_it(path: Path) -> None:
    kind = "experiment"
    if path.parent.name == "studies":
        kind = {"search": "study", "ablation": "ablation"}[study_kind(read_file(path))]
    first, second = path.read_text(encoding="utf-8").splitlines()[:2]
    assert first == f"# yaml-language-server: $schema=../schema/{kind}.schema.json"
    assert (ROOT / "schema" / first.rpartition("/")[2]).is_file()
    assert second.startswith("# ")
    assert "archsearch " in second


ABLATIONS = [path for path in YAMLS if path.parent.name == "studies" and study_kind(read_file(path)) == "ablation"]


@pytest.mark.parametrize("path", ABLATIONS, ids=lambda path: path.stem)
def test_ablation_is_planned_and_all_its_cells_fit(path: Path) -> None:
    ablation = plan_ablation(load_ablation(str(path)))
    assert ablation.name == path.stem
    assert ablation.summary
    assert ablation.left_out == ()
    assert ablation.plan is not None
    assert ablation.plan.seeds_to_reach <= len(ablation.seeds)


def test_documented_ablation_compares_every_documented_variant() -> None:
    ablation = plan_ablation(load_ablation("documented"))
    compared = {question.name: question.kind for question in ablation.questions}
    small, wide = (
        ("lenet5_logits", "lenet_l1", "lenet_relu", "lenet_conv4_relu"),
        ("lenet_conv4", "lenet_best", "lenet_fc4"),
    )
    assert compared == dict.fromkeys(small, "comparison") | dict.fromkeys(wide, "screen")
    assert set(compared) | {"lenet5"} == {*DOCUMENTED, "lenet5_logits"}
    assert {cell.name.removeprefix("variant="): len(cell.seeds) for cell in ablation.cells} == {
        "baseline": 10, **dict.fromkeys(small, 10), **dict.fromkeys(wide, 3),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(DOCUMENTED))
def test_documented_variant_is_the_network_of_the_table_bit_for_bit(name: str) -> None:
    layers, parameters, accuracy, loss = DOCUMENTED[name]
    plan = load_plan(name)
    theirs = nn.Sequential(*layers())
    ours = build_network(plan.network)
    assert (plan.network.parameters, sum(p.numel() for p in theirs.parameters())) == (parameters, parameters)
    assert [type(module) for module in ours] == [type(module) for module in theirs]
    values = list(theirs.state_dict().values())
    assert [value.shape for value in ours.state_dict().values()] == [value.shape for value in values]
    ours.load_state_dict(dict(zip(ours.state_dict(), values, strict=True)))
    images = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(ours(images), theirs(images))
    assert plan.spec.documented is not None
    assert plan.spec.expect is not None
    assert (plan.spec.documented.test_accuracy, plan.spec.expect.parameters) == (accuracy, parameters)
    assert plan.spec.train.loss.kind == loss


@pytest.mark.parametrize("name", list(DOCUMENTED))
def test_documented_variant_has_the_common_settings_of_the_table(name: str) -> None:
    spec = read_spec(name).spec
    assert spec.data.model_dump() == {
        "name": "mnist", "path": None, "size": 32, "grayscale": False, "normalize": False, "validation": 0,
        "limit": None, "augment": (),
    }  # fmt: skip
    train = spec.train.model_dump()
    assert train["optimizer"] == {"adam": {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}}
    assert (train["epochs"], train["batch_size"], train["precision"]) == (6, 600, "fp32")
    assert (train["schedule"], train["clip_grad_norm"], train["early_stopping"]) == (
        {"constant": {"warmup_epochs": 0.0}},
        None,
        None,
    )


@pytest.mark.parametrize("name", ["lenet5", "lenet_best"])
def test_logits_variant_is_the_same_without_the_softmax_and_nothing_else(name: str) -> None:
    faithful, logits = read_spec(name).spec, read_spec(f"{name}_logits").spec
    assert faithful.network[-1].kind == "softmax"
    assert (logits.network, logits.data, logits.train) == (faithful.network[:-1], faithful.data, faithful.train)
    assert logits.documented is None


def test_variants_of_a_variant_follow_the_parent_they_name() -> None:
    for child, parent in (
        ("lenet_l1", "lenet5"),
        ("lenet_relu", "lenet5"),
        ("lenet_best", "lenet_conv4"),
        ("lenet_fc4", "lenet_conv4"),
    ):
        text = (ROOT / f"specs/{child}.yaml").read_text()
        assert f"\nextends: {parent}\n" in text
        assert "\nnetwork:" not in text
