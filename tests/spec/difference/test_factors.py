"""Differences between specs: every pair of the shipped ones, factors written out, and any selection of them."""

from __future__ import annotations

import contextlib
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsearch.errors import SpecError
from archsearch.experiment_plan import ExperimentPlan, plan_experiment
from archsearch.spec.catalog import read_spec
from archsearch.spec.difference import factors
from archsearch.spec.difference.factors import SpecDifference, diff_specs
from archsearch.spec.difference.gaps import BY_WEIGHT
from archsearch.spec.edit.in_memory import edited
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import LAYER_KINDS
from archsearch.spec.network import plan_network
from tests.spec.layer_cases import LATER
from tests.spec.trees import BLOCKS, TINY

ROOT = Path(__file__).parents[3]
NAMES = sorted(path.stem for path in (ROOT / "specs").glob("*.yaml"))
PLANS = {name: plan_experiment(read_spec(name).spec) for name in NAMES}


def difference(a: ExperimentPlan, b: ExperimentPlan) -> SpecDifference:
    return diff_specs(a.spec, a.network, b.spec, b.network)


def what_it_computes(spec: ExperimentSpec, plan: ExperimentPlan) -> tuple[Any, ...]:
    network = plan_network(spec.network, plan.facts.shape, plan.facts.classes)
    return network.canonical(), spec.data, spec.train


def planned(text: str, folder: Path, name: str) -> ExperimentPlan:
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return plan_experiment(read_spec(str(folder / f"{name}.yaml")).spec)


@pytest.mark.parametrize(("a", "b"), list(permutations(NAMES, 2)))
def test_edits_lead_from_every_shipped_spec_to_every_other(a: str, b: str) -> None:
    ours, theirs = PLANS[a], PLANS[b]
    found = difference(ours, theirs)
    assert found.factors
    assert what_it_computes(edited(ours.spec, found.edits), theirs) == what_it_computes(theirs.spec, theirs)


@pytest.mark.parametrize("name", NAMES)
def test_spec_does_not_differ_from_itself(name: str) -> None:
    found = difference(PLANS[name], PLANS[name])
    assert (found.factors, found.edits) == ((), ())
    assert all(one == two for one, two in found.rows)


@pytest.mark.parametrize(
    ("a", "b"), [("lenet5", "lenet_best"), ("lenet_conv4_relu", "lenet5_logits"), ("lenet_fc4", "lenet_l1")]
)
def test_every_selection_of_factors_can_be_applied_and_gives_a_network_of_its_own(a: str, b: str) -> None:
    ours, theirs = PLANS[a], PLANS[b]
    factors = difference(ours, theirs).factors
    chosen = [c for size in range(1, len(factors) + 1) for c in combinations(factors, size)]
    cells = [edited(ours.spec, [edit for factor in some for edit in factor.edits]) for some in chosen]
    for one, two in combinations(cells, 2):
        assert (one.network, one.train) != (two.network, two.train)
    for some, cell in zip(chosen, cells, strict=True):
        if len(some) == 1:
            with contextlib.suppress(SpecError):  # kernel or depth alone need not fit
                moved = difference(ours, plan_experiment(cell)).factors
                assert [(factor.name, factor.edits) for factor in moved] == [(some[0].name, some[0].edits)]


FACTORS = {
    ("lenet5", "lenet5_logits"): {"head": [{"drop": ["act5"]}]},
    ("lenet5_logits", "lenet5"): {"head": [{"insert": {"after": "fc2", "layers": ["softmax"]}}]},
    ("lenet5", "lenet_l1"): {"loss": [{"set": {"train.loss": "l1"}}]},
    ("lenet5", "lenet_relu"): {"activation": [{"replace": {"act1": "relu", "act2": "relu", "act3": "relu"}}]},
    ("lenet_conv4", "lenet_fc4"): {
        "fully connected part": [{"insert": {"after": "act6", "layers": [{"linear": {"out_features": 40}}, "tanh"]}}]
    },
    ("lenet5", "lenet_best"): {
        "widths": [{"set": {"conv1.out_channels": 10, "conv2.out_channels": 20, "conv3.out_channels": 50}}],
        "pooling kind": [{"replace": {"pool1": {"max_pool2d": {"kernel_size": 2}}}}],
        "pooling stride": [{"set": {"pool1.stride": 1, "pool2.stride": 1}}],
        "fully connected part": [{"set": {"fc1.out_features": 80}}],
        "depth": [
            {
                "insert": {
                    "after": "act3",
                    "layers": [
                        {"avg_pool2d": {"kernel_size": 2}},
                        {"conv2d": {"out_channels": 150, "kernel_size": 5}},
                        "tanh",
                    ],
                }
            }
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize(("a", "b"), list(FACTORS))
def test_factors_of_documented_variants_are_those_written_out(a: str, b: str) -> None:
    found = difference(PLANS[a], PLANS[b])
    assert {factor.name: list(factor.edits) for factor in found.factors} == FACTORS[a, b]


def test_changes_are_said_in_words() -> None:
    found = difference(PLANS["lenet5"], PLANS["lenet_conv4_relu"])
    assert {factor.name: factor.changes[0] for factor in found.factors} == {
        "activation": "act1: tanh -> relu",
        "widths": "conv3.out_channels: 120 -> 40",
        "kernel": "conv1.kernel_size: 5 -> 3",
        "fully connected part": "fc1.out_features: 84 -> 120",
        "depth": "after act3: + avg_pool2d(kernel_size=2 stride=1), conv2d(out_channels=120 kernel_size=3), relu",
    }
    firsts = {factor.name: factor.parts[0] for factor in found.factors}
    assert {name: (part.path, part.before, part.after) for name, part in firsts.items()} == {
        "activation": ("act1", "tanh", "relu"),
        "widths": ("conv3.out_channels", 120, 40),
        "kernel": ("conv1.kernel_size", 5, 3),
        "fully connected part": ("fc1.out_features", 84, 120),
        "depth": ("", None, None),
    }


CHANGES = {
    "training and data": (
        {"epochs: 2": "epochs: 3\n  batch_size: 9\n  early_stopping: {patience: 2}", "lr: 1e-3": "lr: 1e-2",
         "{name: mnist}": "{name: mnist, validation: 100, augment: [shift]}"},
        ["data", "training values"],
    ),
    "another optimiser": ({"adam: {lr: 1e-3}": "sgd: {lr: 0.1, momentum: 0.9}"}, ["training values"]),
    "batch norm in between": ({"  - tanh\n  - max": "  - batch_norm2d\n  - tanh\n  - max"}, ["normalisation"]),
    "dropout at the end": ({"  - linear: {out_features: c": "  - dropout\n  - linear: {out_features: c"}, ["dropout"]),
    "first convolution dropped": ({"  - conv2d: {out_channels: 4, kernel_size: 3}\n  - tanh\n": ""}, ["depth"]),
    "convolution in a block": (
        {"  - conv2d: {out_channels: 8, kernel_size: 3}":
         "  - residual: {layers: [conv2d: {out_channels: 4, kernel_size: 3, padding: same}]}"},
        ["depth"],
    ),
    "the same in other words": ({"kernel_size: 2}": "kernel_size: 2, stride: 2}"}, []),
    "an identity more": ({"  - flatten": "  - identity\n  - flatten"}, []),
    "pooling window": ({"max_pool2d: {kernel_size: 2}": "max_pool2d: {kernel_size: 3}"}, ["pooling window"]),
    "pooling window, stride kept": ({"d: {kernel_size: 2}": "d: {kernel_size: 3, stride: 2}"}, ["pooling window"]),
    "adaptive pooling": ({"max_pool2d: {kernel_size: 2}": "adaptive_avg_pool2d: {output_size: 5}"}, ["pooling kind"]),
    "an activation more": ({"  - max_pool2d": "  - relu\n  - max_pool2d"}, ["activation"]),
    "an own name": ({"linear: {out_features: 20}": "linear: {out_features: 20, name: wide}"}, ["fully connected part"]),
    "padding and bias": ({"8, kernel_size: 3": "8, kernel_size: 3, padding: same, bias: false"}, ["kernel", "bias"]),
}  # fmt: skip


@pytest.mark.parametrize("case", list(CHANGES))
@pytest.mark.parametrize("backwards", [False, True])
def test_change_is_named_by_its_factor_and_can_be_made(tmp_path: Path, case: str, backwards: bool) -> None:
    swaps, factors = CHANGES[case]
    text = TINY
    for old, new in swaps.items():
        assert old in text
        text = text.replace(old, new, 1)
    plans = [planned(TINY, tmp_path, "one"), planned(text, tmp_path, "two")]
    a, b = plans[::-1] if backwards else plans
    found = difference(a, b)
    assert sorted(factor.name for factor in found.factors) == sorted(factors)
    made = edited(a.spec, found.edits) if found.edits else a.spec
    assert what_it_computes(made, b) == what_it_computes(b.spec, b)


@pytest.mark.parametrize("kind", LATER)
def test_a_layer_of_any_kind_is_added_and_dropped(kind: str) -> None:
    fields, shape, *_ = LATER[kind]
    skeleton = {"name": "x", "data": {"name": "digits"}, "train": {"epochs": 1}}
    without, having = (
        ExperimentSpec.model_validate(skeleton | {"network": layers}) for layers in (["tanh"], ["tanh", {kind: fields}])
    )
    plans = plan_network(without.network, shape, 10), plan_network(having.network, shape, 10)
    for ours, theirs in (((without, plans[0]), (having, plans[1])), ((having, plans[1]), (without, plans[0]))):
        found = diff_specs(*ours, *theirs)
        (factor,) = found.factors
        assert factor.name in factors.FACTORS
        assert plan_network(edited(ours[0], found.edits).network, shape, 10).canonical() == theirs[1].canonical()


def test_every_factor_has_a_place_in_the_order() -> None:
    of_layers = {kind.factor for kind in LAYER_KINDS.values()}
    of_fields = {factor for kind in LAYER_KINDS.values() for factor in kind.field_factors.values()}
    assert of_layers | of_fields <= set(factors.FACTORS)
    assert of_layers <= set(BY_WEIGHT)


def test_blocks_are_entered(tmp_path: Path) -> None:
    text = BLOCKS.replace("[tanh, relu]", "[gelu, relu, tanh]").replace("kernel_size: 3", "kernel_size: 5")
    a, b = planned(BLOCKS, tmp_path, "one"), planned(text, tmp_path, "two")
    found = difference(a, b)
    assert what_it_computes(edited(a.spec, found.edits), b) == what_it_computes(b.spec, b)
    assert found.factors[-1].edits[0] == {"set": {"stage.conv1.kernel_size": 5}}


def test_branches_are_entered_and_another_number_of_them_replaces_the_block(tmp_path: Path) -> None:
    one = BLOCKS.replace("sequential: {layers: [tanh]}", "parallel: {branches: [[tanh], [relu, gelu], []]}")
    two = one.replace("[relu, gelu]", "[gelu, gelu]")
    a, b = planned(one, tmp_path, "one"), planned(two, tmp_path, "two")
    (factor,) = difference(a, b).factors
    assert (factor.name, factor.edits) == ("activation", ({"replace": {"par1.branch2.act1": "gelu"}},))
    d = planned(one.replace("[relu, gelu]", "none"), tmp_path, "four")
    (factor,) = difference(a, d).factors
    assert (factor.name, factor.edits) == ("blocks", ({"drop": ["par1.branch2"]},))
    assert what_it_computes(edited(a.spec, factor.edits), d) == what_it_computes(d.spec, d)
    c = planned(one.replace("[relu, gelu], []", "[gelu], []"), tmp_path, "three")
    (factor,) = difference(d, c).factors
    assert factor.name == "blocks"
    assert what_it_computes(edited(d.spec, factor.edits), c) == what_it_computes(c.spec, c)
    c = planned(one.replace("[relu, gelu], []", "[relu, gelu]"), tmp_path, "three")
    (factor,) = difference(a, c).factors
    assert factor.name == "blocks"
    assert what_it_computes(edited(a.spec, factor.edits), c) == what_it_computes(c.spec, c)


def test_a_shortcut_is_entered_and_one_more_replaces_the_block(tmp_path: Path) -> None:
    inside = "layers: [tanh], shortcut: [conv2d: {out_channels: 1, kernel_size: 1}, batch_norm2d]"
    one = BLOCKS.replace("sequential: {layers: [tanh]}", f"residual: {{{inside}}}")
    a, b = (planned(text, tmp_path, name) for text, name in ((one, "a"), (one.replace(", batch_norm2d", ""), "b")))
    (factor,) = difference(a, b).factors
    assert (factor.name, factor.edits) == ("normalisation", ({"drop": ["res2.shortcut.norm1"]},))
    c = planned(one.replace(f"{{{inside}}}", "{layers: [tanh]}"), tmp_path, "c")
    (factor,) = difference(a, c).factors
    assert (factor.name, factor.edits) == ("blocks", ({"replace": {"res2": {"residual": {"layers": ["tanh"]}}}},))
    d = planned(one.replace(f"{{{inside}}}", "{layers: [tanh], projection: none}"), tmp_path, "d")
    (factor,) = difference(a, d).factors
    assert (factor.name, factor.edits) == ("blocks", ({"drop": ["res2.shortcut"]},))
    (factor,) = difference(c, d).factors
    assert (factor.name, factor.edits) == ("blocks", ({"set": {"res2.projection": "none"}},))


PIECES = ["conv2d: {out_channels: 3, kernel_size: 3}", "conv2d: {out_channels: 5, kernel_size: 3}", "relu", "tanh",
          "max_pool2d: {kernel_size: 2}", "avg_pool2d: {kernel_size: 2, stride: 1}", "dropout", "batch_norm2d",
          "residual: {layers: [tanh]}", "residual: {layers: [tanh], projection: none}",
          "residual: {layers: [tanh], shortcut: [relu, batch_norm2d]}", "identity",
          "residual: {layers: [tanh], shortcut: [conv2d: {out_channels: 1, kernel_size: 1}]}",
          "residual: {layers: [conv2d: {out_channels: 6, kernel_size: 1}], projection: pad}",
          "parallel: {branches: [[tanh], []]}",
          "parallel: {branches: [[relu, conv2d: {out_channels: 2, kernel_size: 1}], [tanh]]}",
          "zero_pad: {padding: 1}", "permute: {dims: [1, 3, 2]}", "squeeze_excite", "upsample: {scale_factor: 2}",
          "parallel: {branches: [[tanh], none, [prelu]]}", "layer_scale", "stochastic_depth",
          "parallel: {branches: [[], [dropout, conv2d: {out_channels: 3, kernel_size: 1}], [relu]]}"]  # fmt: skip
TAILS = ["linear: {out_features: 7}", "relu", "tanh", "dropout", "softmax"]
networks = st.tuples(
    st.lists(st.sampled_from(PIECES), max_size=5), st.lists(st.sampled_from(TAILS), max_size=4), st.booleans()
)


def network_of(parts: tuple[list[str], list[str], bool]) -> ExperimentPlan:
    body, tail, softmax = parts
    layers = [*body, "flatten", *tail, "linear: {out_features: classes}", *(["softmax"] if softmax else [])]
    text = "".join(f"  - {layer}\n" for layer in layers)
    from archsearch.spec.text.yaml import read_text

    tree = read_text(f"name: x\ndata: {{name: mnist}}\nnetwork:\n{text}train: {{epochs: 1}}\n", "s").plain()
    return plan_experiment(ExperimentSpec.model_validate(tree))


@given(networks, networks)
@settings(max_examples=150, deadline=None)
def test_edits_lead_from_any_network_to_any_other(one: Any, two: Any) -> None:
    try:
        a, b = network_of(one), network_of(two)
    except SpecError:
        return
    found = difference(a, b)
    made = edited(a.spec, found.edits) if found.edits else a.spec
    assert what_it_computes(made, b) == what_it_computes(b.spec, b)


def test_networks_that_share_nothing_are_replaced_whole() -> None:
    def plan(network: list[Any]) -> ExperimentPlan:
        tree = {"name": "x", "data": {"name": "mnist"}, "network": network, "train": {"epochs": 1}}
        return plan_experiment(ExperimentSpec.model_validate(tree))

    a = plan([{"flatten": {"name": "f"}}, {"linear": {"out_features": 10, "name": "g"}}])
    b = plan(["flatten", {"linear": {"out_features": 10}}])
    found = difference(a, b)
    assert what_it_computes(edited(a.spec, found.edits), b) == what_it_computes(b.spec, b)
