"""Edits and overrides: every verb, every form of address, and every way to get one wrong."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsearch.errors import LimitError, SpecError
from archsearch.spec.edit.apply import apply_edits, apply_overrides
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.layers import LAYER_KINDS
from archsearch.spec.network import layer_names
from archsearch.spec.text.yaml import read_text
from tests.spec.trees import BLOCKS, TINY, read, variant, words

SHORTCUT = """\
data: {name: mnist}
network:
  - residual:
      shortcut: [conv2d: {out_channels: 3, kernel_size: 1}, batch_norm2d]
      layers: [conv2d: {out_channels: 3, kernel_size: 3, padding: same}, batch_norm2d]
  - flatten
  - linear: {out_features: classes}
train: {epochs: 1}
"""
CONV1 = {"conv2d": {"out_channels": 3, "kernel_size": 1}}


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ("- drop: res1.shortcut.norm1", [CONV1]),
        ("- drop: [res1.shortcut.conv1, res1.shortcut.norm1]", []),
        ("- insert: {after: res1.shortcut.norm1, layers: [dropout]}", [CONV1, "batch_norm2d", "dropout"]),
        ("- replace: {'batch_norm2d[2]': {group_norm: {num_groups: 3}}}", [CONV1, {"group_norm": {"num_groups": 3}}]),
        ("- set: {res1.shortcut.conv1.bias: false}", [{"conv2d": CONV1["conv2d"] | {"bias": False}}, "batch_norm2d"]),
        ("- set: {res1.shortcut: [batch_norm2d]}", ["batch_norm2d"]),
    ],
)
def test_layers_in_a_shortcut_are_edited_by_their_names(tmp_path: Path, edits: str, expected: list[Any]) -> None:
    spec = variant(tmp_path, edits, SHORTCUT).spec
    (block, *_) = spec.model_dump(mode="json", exclude_defaults=True)["network"]
    assert block["residual"].get("shortcut", []) == expected
    assert block["residual"]["layers"] == [
        {"conv2d": {"out_channels": 3, "kernel_size": 3, "padding": "same"}}, "batch_norm2d"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ("- drop: res1.shortcut", {"projection": "none"}),
        ("- set: {res1.shortcut: [], res1.projection: none}", {"projection": "none"}),
        ("- replace: {res1.shortcut: [batch_norm2d]}", {"shortcut": ["batch_norm2d"]}),
        ("- drop: res1.shortcut\n- replace: {res1.shortcut: batch_norm2d}", {"shortcut": ["batch_norm2d"]}),
        ("- drop: [res1.shortcut, res1.norm1]", {"projection": "none"}),
    ],
)
def test_the_shortcut_of_a_residual_is_left_out_or_replaced_as_a_branch_is(
    tmp_path: Path, edits: str, expected: dict[str, Any]
) -> None:
    spec = variant(tmp_path, edits, SHORTCUT).spec
    (block, *_) = spec.model_dump(mode="json", exclude_defaults=True)["network"]
    layers = block["residual"].pop("layers")
    assert block == {"residual": expected}
    conv = {"conv2d": {"out_channels": 3, "kernel_size": 3, "padding": "same"}}
    assert layers == ([conv] if "norm1" in edits else [conv, "batch_norm2d"])


def test_a_shortcut_that_is_left_out_twice_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"drop res1\.shortcut changes nothing"):
        variant(tmp_path, "- drop: res1.shortcut\n- drop: res1.shortcut", SHORTCUT)


BRANCHES = BLOCKS.replace("sequential: {layers: [tanh]}", "parallel: {branches: [[tanh], [relu, gelu], []]}")


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ("- drop: par1.branch2", [["tanh"], None, []]),
        ("- drop: [par1.branch2, par1.branch3]", [["tanh"], None, None]),
        ("- replace: {par1.branch3: elu}", [["tanh"], ["relu", "gelu"], ["elu"]]),
        ("- replace: {par1.branch1: [elu, relu], par1.branch2.act1: silu}", [["elu", "relu"], ["silu", "gelu"], []]),
        ("- drop: par1.branch2\n- replace: {par1.branch2: relu}", [["tanh"], ["relu"], []]),
    ],
)
def test_a_branch_is_left_out_or_replaced_and_the_others_keep_their_places(
    tmp_path: Path, edits: str, expected: list[Any]
) -> None:
    spec = variant(tmp_path, edits, BRANCHES).spec
    assert spec.model_dump(mode="json", exclude_defaults=True)["network"][1]["parallel"]["branches"] == expected


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ("- drop: par1.branch4", "unknown layer 'par1.branch4'"),
        (
            "- insert: {after: par1.branch2, layers: [relu]}",
            "'par1.branch2' is a branch; name a layer in it",
        ),
        ("- set: {par1.branch2.p: 1}", "par1.branch2 (branch): unknown field 'p'"),
        ("- drop: [par1.branch2, par1.branch2.act1]", "is meant by 'par1.branch2' already; name each layer once"),
        ("- drop: par1.branch3\n- drop: par1.branch3", "drop par1.branch3 changes nothing"),
    ],
)
def test_an_edit_of_a_branch_that_cannot_be_is_refused(tmp_path: Path, edits: str, message: str) -> None:
    with pytest.raises(SpecError, match=re.escape(message)):
        variant(tmp_path, edits, BRANCHES)


HEAD = ["conv2d 4", "tanh", "max_pool2d", "conv2d 8", "tanh", "flatten"]
TAIL = ["linear 20", "tanh", "linear classes"]


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ("- drop: tanh", ["conv2d 4", "max_pool2d", "conv2d 8", "flatten", "linear 20", "linear classes"]),
        ("- drop: tanh[2]", ["conv2d 4", "tanh", "max_pool2d", "conv2d 8", "flatten", *TAIL]),
        ("- drop: act3", [*HEAD, "linear 20", "linear classes"]),
        ("- drop: [conv1, conv2]", ["tanh", "max_pool2d", "tanh", "flatten", *TAIL]),
        ("- drop: conv1\n- drop: conv1", ["tanh", "max_pool2d", "tanh", "flatten", *TAIL]),
        (
            "- replace: {tanh: relu}",
            ["conv2d 4", "relu", "max_pool2d", "conv2d 8", "relu", "flatten", "linear 20", "relu", "linear classes"],
        ),
        (
            "- replace: {act1: relu, act3: gelu}",
            ["conv2d 4", "relu", "max_pool2d", "conv2d 8", "tanh", "flatten", "linear 20", "gelu", "linear classes"],
        ),
        (
            "- replace: {pool1: [relu, avg_pool2d: {kernel_size: 2}]}",
            ["conv2d 4", "tanh", "relu", "avg_pool2d", "conv2d 8", "tanh", "flatten", *TAIL],
        ),
        (
            "- replace: {act1: [relu, tanh], act2: relu}",
            ["conv2d 4", "relu", "tanh", "max_pool2d", "conv2d 8", "relu", "flatten", *TAIL],
        ),
        (
            "- insert: {after: conv1, layers: [batch_norm2d, dropout2d]}",
            ["conv2d 4", "batch_norm2d", "dropout2d", *HEAD[1:], *TAIL],
        ),
        ("- insert: {before: fc2, layers: [dropout]}", [*HEAD, "linear 20", "tanh", "dropout", "linear classes"]),
        ("- insert: {before: conv1, layers: identity}", ["identity", *HEAD, *TAIL]),
        ("- set: {conv1.out_channels: 6}", ["conv2d 6", *HEAD[1:], *TAIL]),
        ("- set: {conv2d.out_channels: 6}", ["conv2d 6", "tanh", "max_pool2d", "conv2d 6", "tanh", "flatten", *TAIL]),
        ("- set: {'conv2d[2].out_channels': 6}", [*HEAD[:3], "conv2d 6", "tanh", "flatten", *TAIL]),
        # the second linear is fc2 until one is put before it: later edits see the network as it stands
        (
            "- insert: {before: fc1, layers: [linear: {out_features: 9}]}\n- set: {fc2.out_features: 7}",
            [*HEAD, "linear 9", "linear 7", "tanh", "linear classes"],
        ),
        ("- set: {act1.name: first}\n- replace: {first: relu}", ["conv2d 4", "relu", *HEAD[2:], *TAIL]),
    ],
)
def test_edit_of_layers_gives_the_layers_written_out(tmp_path: Path, edits: str, expected: list[str]) -> None:
    assert words(variant(tmp_path, edits).spec) == expected


def test_drop_of_several_means_them_as_they_stood_before(tmp_path: Path) -> None:
    """After fc1 is gone fc2 is called fc1; a list of names does not shift under the reader's eyes."""
    assert words(variant(tmp_path, "- drop: [fc1, act3, conv1]").spec) == [*HEAD[1:], "linear classes"]


def test_set_of_a_field_of_a_bare_word_layer_gives_it_fields(tmp_path: Path) -> None:
    spec = variant(tmp_path, "- replace: {act1: leaky_relu}\n- set: {leaky_relu.negative_slope: 0.3}").spec
    assert spec.network[1].model_dump() == {"name": None, "negative_slope": 0.3}


def test_edits_reach_into_blocks_by_path_kind_and_position(tmp_path: Path) -> None:
    edits = "- set: {stage.conv1.kernel_size: 5}\n- replace: {'tanh[1]': gelu, block1.act1: silu}"
    spec = variant(tmp_path, edits, BLOCKS).spec
    stage: Any = spec.network[0]
    assert (stage.layers[0].kernel_size, stage.layers[1].layers[0].kind) == ((5, 5), "gelu")
    last: Any = spec.network[1]
    assert last.layers[0].kind == "silu"


def test_set_in_nested_blocks_of_one_kind_changes_the_outer_one_last(tmp_path: Path) -> None:
    nested = BLOCKS.replace("layers: [tanh]", "layers: [tanh, sequential: {layers: [relu]}]")
    spec = variant(tmp_path, "- set: {sequential.layers: [gelu]}", nested).spec
    assert (
        spec.network[1]
        == ExperimentSpec.model_validate(
            read_text(BLOCKS.replace("[tanh]", "[gelu]") + "name: x", "s").plain()
        ).network[1]
    )


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("train.epochs", "7", {"epochs": 7}),
        ("train.batch_size", "600", {"batch_size": 600}),
        ("train.optimizer.adam.lr", "1e-2", {"optimizer": {"adam": {"lr": 0.01}}}),
        ("train.optimizer", "sgd: {lr: 0.1}", {"optimizer": {"sgd": {"lr": 0.1}}}),
        ("train.optimizer.sgd.lr", "0.1", {"optimizer": {"sgd": {"lr": 0.1}}}),
        ("train.schedule.cosine.warmup_epochs", "1", {"schedule": {"cosine": {"warmup_epochs": 1}}}),
        ("train.loss.cross_entropy.label_smoothing", "0.1", {"loss": {"cross_entropy": {"label_smoothing": 0.1}}}),
        ("train.early_stopping", "patience: 3", {"early_stopping": {"patience": 3}}),
        ("train.early_stopping.patience", "3", {"early_stopping": {"patience": 3}}),
    ],
)
def test_set_and_override_of_training_equal_the_spec_written_out(
    tmp_path: Path, path: str, value: str, expected: dict[str, Any]
) -> None:
    tree: Any = read_text(TINY, "s").plain()
    tree["train"] |= expected
    want = ExperimentSpec.model_validate(tree)
    assert read(tmp_path, TINY, [f"{path}={{{value}}}" if ": " in value else f"{path}={value}"]).spec == want
    edits = f"- set: {{{path}: {{{value}}}}}" if ": " in value else f"- set: {{{path}: {value}}}"
    assert variant(tmp_path, edits).spec == want.model_copy(update={"name": "child"})


def test_override_of_another_optimiser_forgets_the_fields_of_the_one_that_stood_there(tmp_path: Path) -> None:
    spec = read(tmp_path, TINY, ["train.optimizer.sgd.lr=0.1", "train.optimizer.sgd.momentum=0.9"]).spec
    assert spec.train.optimizer.model_dump() == {"lr": 0.1, "momentum": 0.9, "nesterov": False, "weight_decay": 0.0}


def test_override_of_whole_parts_and_of_parts_not_written_yet(tmp_path: Path) -> None:
    spec = read(tmp_path, TINY, ["data={name: cifar10}", "data.limit=5", "name=other", "conv1.stride=[1, 2]"]).spec
    first: Any = spec.network[0]
    assert (spec.name, spec.data.name, spec.data.limit, first.stride) == ("other", "cifar10", 5, (1, 2))


def test_override_may_repeat_what_is_there(tmp_path: Path) -> None:
    assert read(tmp_path, TINY, ["train.epochs=2", "conv1.out_channels=4"]).spec == read(tmp_path, TINY).spec


WRONG_EDITS = {
    "- set: {conv1.out_channels: 4}": "{child}:4:9: set conv1.out_channels {nothing}",
    "- set: {conv1.padding: 0}": "{child}:4:9: set conv1.padding {nothing}",
    "- set: {conv1.kernel_size: [3, 3]}": "{child}:4:9: set conv1.kernel_size {nothing}",
    "- set: {train.optimizer.adam.lr: 0.001}": "{child}:4:9: set train.optimizer.adam.lr {nothing}",
    "- replace: {tanh: tanh}": "{child}:4:12: replace tanh {nothing}",
    "- replace: {act1: relu, act2: tanh}": "{child}:4:25: replace act2 {nothing}",
    "- replace: {tanh: relu, act1: gelu}": "{child}:4:25: act1 is meant by 'tanh' already; name each layer once",
    "- drop: [act1, tanh]": "{child}:4:16: act1 is meant by 'act1' already; name each layer once",
    "- drop: []": "{child}:4:9: drop: expected a layer, got an empty list",
    "- drop: [5]": "{child}:4:10: drop: expected a layer, got 5",
    "- insert: {after: conv1, layers: []}": "{child}:4:11: insert after conv1 {nothing}",
    "- insert: {after: tanh, layers: [relu]}": "{child}:4:19: 'tanh' is 3 layers; name one, such as act1",
    "- insert: {after: conv1}": "{child}:4:11: insert: expected {{after: LAYER, layers: [...]}} (or before:)",
    "- insert: {after: 3, layers: [relu]}": "{child}:4:19: insert: expected a layer, got 3",
    "- drop: conv3": "{child}:4:9: unknown layer 'conv3'; did you mean 'conv2'?",
    "- drop: tanh[4]": "{child}:4:9: tanh[4]: there are 3 tanh layers, counted from 1",
    "- drop: tanh[0]": "{child}:4:9: tanh[0]: there are 3 tanh layers, counted from 1",
    "- drop: soft": "{child}:4:9: unknown layer 'soft'; allowed: conv1, act1, pool1, conv2, act2, "
    "flatten1, fc1, act3, fc2, conv2d, flatten, linear, max_pool2d, tanh",
    "- set: {conv1.out_chanels: 3}": (
        "{child}:4:9: conv1 (conv2d): unknown field 'out_chanels'; did you mean 'out_channels'?"
    ),
    "- set: {conv1.layers: 3}": "{child}:4:9: conv1 (conv2d): unknown field 'layers'; allowed: name, out_channels, "
    "groups, bias, kernel_size, stride, padding, dilation",
    "- set: {train.epoch: 3}": "{child}:4:9: train: unknown key 'epoch'; did you mean 'epochs'?",
    "- set: 3": "{child}:4:8: set: expected {{conv1.out_channels: 10}}, got 3",
    "- replace: {}": "{child}:4:12: replace: expected {{tanh: relu}}, got keys with values",
    "- remove: tanh": "{child}:4:3: unknown edit 'remove'; did you mean 'drop'?",
    "- dropp: tanh": "{child}:4:3: unknown edit 'dropp'; did you mean 'drop'?",
    "- drop": "{child}:4:3: an edit is one of set, replace, insert, drop with its target",
    " {drop: tanh}": "{child}:4:2: edits: expected a list of edits, got keys with values",
    # a value is only found wrong when it stands in its place: still the place of the edit is said
    "- set: {conv1.out_channels: six}": (
        "{child}:4:29: network[1].conv2d.out_channels: expected a whole number or the word classes, got text 'six'"
    ),
    "- replace: {act1: tahn}": "{child}:4:19: network[2]: unknown kind 'tahn'; did you mean 'tanh'?",
    "- insert: {after: act1, layers: [conv2d: {out_channels: 3}]}": (
        "{child}:4:42: network[3].conv2d: the key 'kernel_size' is missing"
    ),
    "- drop: [conv2d, tanh, max_pool2d, flatten, linear]": "{parent}:4:3: network: is empty; at least one is needed",
}


@pytest.mark.parametrize("edits", list(WRONG_EDITS))
def test_edit_that_is_wrong_is_refused_at_its_place(tmp_path: Path, edits: str) -> None:
    files = {name: tmp_path / f"{name}.yaml" for name in ("child", "parent")}
    message = WRONG_EDITS[edits].format(**files, nothing="changes nothing; take the edit out, or correct it")
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$") as caught:
        variant(tmp_path, edits)
    assert caught.value.exit_code == 3


WRONG_OVERRIDES = {
    "train.epoch=3": "train: unknown key 'epoch'; did you mean 'epochs'?",
    "epochs=3": "there is no 'epochs'; did you mean 'train.epochs'?",
    "size=3": "there is no 'size'; did you mean 'data.size'?",
    "lr=1": "there is no 'lr'; did you mean 'train.optimizer.adam.lr'?",
    "train.optimizer.lr=1": "there is no 'train.optimizer.lr'; did you mean 'train.optimizer.adam.lr'?",
    "train.adam.lr=1": "there is no 'train.adam.lr'; did you mean 'train.optimizer.adam.lr'?",
    "train.optimizer.adam.momentum=1": (
        "train.optimizer.adam: unknown key 'momentum'; allowed: lr, betas, eps, weight_decay"
    ),
    "train.epochs.x=3": "train.epochs: unknown key 'x'",
    "train.epochs=three": "train.epochs: expected a whole number, got text 'three'",
    "train.epochs=": "train.epochs: expected a whole number, got nothing",
    "train.epochs=[1": "not YAML: did not find expected ',' or ']' (while parsing a flow sequence)",
    "train=fast": "train: expected keys with values, got text 'fast'",
    "conv1=3": "conv1 is a layer; set one of its fields, such as conv1.out_channels",
    "act1=relu": "act1 is a layer; set one of its fields, such as act1.name",
    "conv1.kernel_size.height=3": "there is no 'conv1.kernel_size.height': conv1.kernel_size is set as a whole, "
    "set: {conv1.kernel_size: ...}",
    "conv9.out_channels=3": "there is no 'conv9.out_channels': unknown part 'conv9'; did you mean 'conv2'?",
    "conv1.out_channel=3": "conv1 (conv2d): unknown field 'out_channel'; did you mean 'out_channels'?",
    "tanh[9].name=x": "tanh[9]: there are 3 tanh layers, counted from 1",
    "network=3": "there is no 'network': unknown part 'network'; allowed: data, train, documented, expect, "
    "name, summary, source, departures, conv1, act1, pool1, conv2, act2, flatten1, fc1, act3, fc2",
    "train.epochs": "expected path=value, such as train.epochs=2 or conv1.out_channels=10",
    "=3": "expected path=value, such as train.epochs=2 or conv1.out_channels=10",
    "name=\x1b[31m": "the character U+001B cannot stand in YAML; take it out",
}


@pytest.mark.parametrize("override", list(WRONG_OVERRIDES))
def test_override_that_is_wrong_is_refused_by_its_text(tmp_path: Path, override: str) -> None:
    shown = override.replace("\x1b", "\\x1b")
    message = f"override {shown!r}: {WRONG_OVERRIDES[override]}"
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$"):
        read(tmp_path, TINY, [override])


def test_edits_that_double_the_network_again_and_again_are_stopped(tmp_path: Path) -> None:
    """3 * 2^30 layers from a file of 1 kB."""
    start = time.process_time()
    with pytest.raises(
        LimitError, match=r"child\.yaml:\d+:12: the edits make more than 50,000 values; a spec has far fewer$"
    ):
        variant(tmp_path, "- replace: {tanh: [tanh, tanh, tanh, tanh]}\n" * 30)
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    "verb", ["replace: {relu: [%s]}", "insert: {after: relu, layers: [%s]}", "set: {tanh.name: x}"]
)
def test_one_edit_cannot_square_the_size_of_a_file(verb: str) -> None:
    layers = ", ".join(["tanh"] * 20_000)
    base = read_text(f"network: [relu, {layers}, relu, {layers}]", "s")
    edits = read_text("[" + (verb % layers if "%s" in verb else verb) + "]", "e")
    start = time.process_time()
    with pytest.raises(SpecError, match=r"more than 50,000 values|is 2 layers"):
        apply_edits(base, edits)
    assert time.process_time() - start < 2


def test_edits_that_nest_blocks_in_blocks_are_stopped(tmp_path: Path) -> None:
    nest = "- replace: {relu: {sequential: {layers: [sequential: {layers: [sequential: {layers: [relu]}]}]}}}\n"
    parent = TINY.replace("  - flatten", "  - relu\n  - flatten")
    with pytest.raises(LimitError, match=r"the edits nest layers more than 40 deep$"):
        variant(tmp_path, nest * 200, parent)


plain_kinds = st.sampled_from(
    [kind for kind, cls in LAYER_KINDS.items() if not any(field.is_required() for field in cls.model_fields.values())]
)


@given(st.lists(plain_kinds, min_size=1, max_size=6), st.data())
@settings(max_examples=150, deadline=None)
def test_replacing_any_layer_by_its_own_kind_is_refused(kinds: list[str], data: st.DataObject) -> None:
    base = read_text(f"name: x\ndata: {{name: mnist}}\nnetwork: [{', '.join(kinds)}]\ntrain: {{epochs: 1}}\n", "s")
    position = data.draw(st.integers(0, len(kinds) - 1))
    name = layer_names((kind, None) for kind in kinds)[position]
    address = data.draw(st.sampled_from([name, kinds[position]]))
    with pytest.raises(
        SpecError, match=f"^e:1:12: replace {address} changes nothing; take the edit out, or correct it$"
    ):
        apply_edits(base, read_text(f"- replace: {{{address}: {kinds[position]}}}", "e"))


@given(st.integers(1, 500), st.sampled_from(["conv1", "conv2", "fc1"]))
@settings(max_examples=50, deadline=None)
def test_set_then_read_back_gives_the_value(value: int, layer: str) -> None:
    field = "out_features" if layer == "fc1" else "out_channels"
    node = apply_overrides(read_text(TINY, "s"), [f"{layer}.{field}={value}"])
    index = {"conv1": 0, "conv2": 3, "fc1": 6}[layer]
    kind = "linear" if layer == "fc1" else "conv2d"
    tree: Any = read_text(TINY, "s").plain()
    tree["network"][index][kind][field] = value
    assert node.plain() == tree
    assert str(node.locate(("network", index, kind, field))) == f"override '{layer}.{field}={value}'"


def test_edits_leave_the_parent_node_as_it_was() -> None:
    base = read_text(TINY, "s")
    before = base.plain()
    apply_edits(base, read_text("- drop: tanh\n- set: {train.epochs: 9}", "e"))
    assert base.plain() == before
    assert re.search("tanh", TINY)
