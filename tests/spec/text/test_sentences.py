"""Errors as a person reads them: place, what was found, what is allowed, in one short line."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsearch.errors import SpecError
from archsearch.experiment_plan import load_plan
from archsearch.spec.text.sentences import address, quoted, short, unknown

FIT = "flatten, linear: {out_features: classes}"


def spec(network: str = FIT, data: str = "{name: mnist}", train: str = "{epochs: 2}") -> str:
    return f"data: {data}\nnetwork: [{network}]\ntrain: {train}\n"


CONV = "conv2d: {out_channels: 3, kernel_size: 3"
MESSAGES = {
    spec(
        train="{epoch: 2}"
    ): "3:8: train: the key 'epochs' is missing\n3:9: train: unknown key 'epoch'; did you mean 'epochs'?",
    spec(f"conv2: {{}}, {FIT}"): "2:11: network[1]: unknown kind 'conv2'; did you mean 'conv2d'?",
    spec(f"5, null, {FIT}"): "2:11: network[1]: expected a word, or one key with its fields, got 5\n"
    "2:14: network[2]: expected a word, or one key with its fields, got nothing",
    spec(
        f"{{conv2d: , out_channels: 3}}, {FIT}"
    ): "2:11: network[1]: expected one key, got 2 (conv2d, out_channels); indent the fields below the first",
    spec(f"conv2d, {FIT}"): "2:11: network[1].conv2d: the key 'out_channels' is missing\n"
    "2:11: network[1].conv2d: the key 'kernel_size' is missing",
    spec(
        f"{CONV}, padding: valid}}, {FIT}"
    ): "2:62: network[1].conv2d.padding: expected a whole number, a pair or the word same, got text 'valid'; "
    "did you mean 0?",
    spec(f"{CONV}, stride: [2, x]}}, {FIT}"): "2:61: network[1].conv2d.stride: expected a whole number, got [2, 'x']",
    spec(
        f"{CONV}, stride: [1, 2, 3]}}, {FIT}"
    ): "2:61: network[1].conv2d.stride: expected a number or a pair [height, width], got [1, 2, 3]",
    spec(f"{CONV}, stride: 1.5}}, {FIT}"): "2:61: network[1].conv2d.stride: expected a whole number or a pair, got 1.5",
    spec(f"{CONV}, stride: 0}}, {FIT}"): "2:61: network[1].conv2d.stride: must be between 1 and 2147483647, got 0",
    spec(f"{CONV}, bias: no}}, {FIT}"): "2:59: network[1].conv2d.bias: expected true or false, got text 'no'",
    spec(f"tanh: {{name: 'A b'}}, {FIT}"): "2:24: network[1].tanh.name: may hold small letters, digits and _ only, "
    "and begins with a letter, 64 at most, got text 'A b'",
    spec(""): "2:10: network: is empty; at least one is needed",
    spec(
        train="{epochs: 2, device: gpu}"
    ): "3:28: train.device: must be one of 'auto', 'cpu', 'cuda' or 'mps', got text 'gpu'; did you mean 'cuda'?",
    spec(
        train="{epochs: 2, optimizer: {lr: 1}}"
    ): "3:31: train.optimizer: unknown kind 'lr'; allowed: sgd, adam, adamw, rmsprop",
    spec(
        train="{epochs: 2, optimizer: {sgd: {lr: 0.1, nesterov: true}}}"
    ): "3:37: train.optimizer.sgd: nesterov needs a momentum above 0",
    spec(
        train="{epochs: 2, optimizer: {adam: {betas: [0.9]}}}"
    ): "3:46: train.optimizer.adam.betas: too few values in the list",
    spec(
        train="{epochs: 2, optimizer: {adam: {betas: [0.9, 0.9, 0.9]}}}"
    ): "3:46: train.optimizer.adam.betas: at most 2 values belong here, got [0.9, 0.9, 0.9]",
    spec(
        train="{epochs: 2, schedule: {cosine: {warmup_epochs: 2}}}"
    ): "3:8: train: warmup_epochs 2.0 leaves nothing of 2 epochs; use a smaller warm-up or more epochs",
    spec(
        train="{epochs: 2, average: 3}"
    ): "3:8: train: average 3 takes more than the 2 epochs that are trained; use at most 2",
    spec(
        train="{epochs: 4, average: 2, early_stopping: {patience: 1}}"
    ): "3:8: train: average keeps the mean of the last epochs' weights and early_stopping those of the best epoch; "
    "use one of them",
    spec(
        train="{epochs: 2, early_stopping: {patience: 1}}"
    ): "3:36: early_stopping watches validation data and there is none; set data.validation, such as 0.1",
    spec(data="mnist"): "1:7: data: expected keys with values, got text 'mnist'",
    spec(data="{name: npz}"): "1:7: data: npz needs a path",
    spec(data="{name: mnist, path: x}"): "1:7: data: path goes with your own data only; mnist is found by its name",
    spec(
        data="{name: mnist, validation: 1.5}"
    ): "1:33: data.validation: must be a fraction between 0 and 1 (0.1) or a number of samples (5000), got 1.5",
    spec(
        data="{name: mnist, augment: [zoom]}"
    ): "1:31: data.augment[1]: unknown kind 'zoom': it is not here; shift, rotate, flip and crop are",
    "summary: x\n": "1:1: top level: the key 'data' is missing\n1:1: top level: the key 'network' is missing\n"
    "1:1: top level: the key 'train' is missing",
    spec() + "optimizer: adam\n": "4:1: top level: unknown key 'optimizer'; did you mean 'train.optimizer'?",
    spec() + "gadgets: 3\n": "4:1: top level: unknown key 'gadgets'; allowed: name, summary, data, "
    "network, train, documented, expect, source, departures, lint, extends, edits, values",
    spec(data="{name: mnist, val_split: 0.1, batch: 8}"): "1:21: data: unknown key 'val_split'; did you mean "
    "'validation'?\n1:37: data: unknown key 'batch'; did you mean 'train.batch_size'?",
    spec(train="{epochs: 2, learning_rate: 0.1, network: x, limit: 3}"): "3:20: train: unknown key 'learning_rate'; in "
    "train, write optimizer: {adam: {lr: 0.001}}\n3:40: train: unknown key 'network'; did you mean 'network' at the "
    "top level?\n3:52: train: unknown key 'limit'; did you mean 'data.limit'?",
    spec(f"{CONV}, in_channels: 1, activation: relu}}, attention, Dense: {{units: 3}}, {FIT}"): "2:53: "
    "network[1].conv2d: unknown key 'in_channels': it is what comes in, known from the layer before; leave it out\n"
    "2:69: network[1].conv2d: unknown key 'activation': it is a layer of its own: write `relu` after it\n"
    "2:88: network[2]: unknown kind 'attention'; did you mean 'multihead_attention'?\n"
    "2:99: network[3]: unknown kind 'Dense'; did you mean 'linear'?",
    spec(train="{epochs: {choice: [1, 2]}, batch_size: {values: [32, 64]}}"): "3:17: train.epochs: cannot be left open "
    "here; open values stand in the network, data and train of a search\n3:47: train.batch_size: unknown kind of open "
    "value 'values'; write {choice: [32, 64]}",
    spec(train="{epochs: 2, optimizer: {adam: {lr: {loguniform: [1e-4, 1e-2]}}}}"): "3:43: train.optimizer.adam.lr: "
    "unknown kind of open value 'loguniform'; write {float: [0.0001, 0.01], log: true}",
    spec() + "expect: {parameters: 3}\n": (
        "4:22: the network has 7,850 parameters, the spec expects 3; correct a layer or `expect`"
    ),
    spec("flatten, linear: {out_features: 7}"): "2:20: fc1 (linear): the network gives 7 values per sample, mnist has "
    "10 classes. End with flatten and linear: {out_features: classes}.",
    spec("tanh, residual: {layers: [linear: {out_features: 3}]}"): "2:37: res1.fc1 (linear): needs a flat input, "
    "its input is 1x28x28. Put flatten before it, or put adaptive_avg_pool2d: {output_size: 1} and flatten before it.",
}


@pytest.mark.parametrize("text", list(MESSAGES), ids=range(len(MESSAGES)))
def test_wrong_spec_is_refused_with_this_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=r"s\.yaml:") as caught:
        load_plan(str(path))
    assert str(caught.value).replace(f"{path}:", "") == MESSAGES[text]


def test_thousands_of_problems_are_cut_to_fifty_and_a_count(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("data: {name: mnist}\nnetwork:\n" + "  - tahn\n" * 5000 + "train: {epochs: 1}\n")
    with pytest.raises(SpecError, match="4,950 more problems") as caught:
        load_plan(str(path))
    assert len(caught.value.problems) == 51
    assert str(caught.value.problems[49]) == f"{path}:52:5: network[50]: unknown kind 'tahn'; did you mean 'tanh'?"
    assert str(caught.value.problems[50]) == f"{path}:53:5: and 4,950 more problems from here on"


def test_small_words_of_sentences() -> None:
    assert address(("network", 3, "conv2d", "stride")) == "network[4].conv2d.stride"
    assert address((), "top level") == "top level"
    assert [quoted(value) for value in (None, True, 3, 0.5, "x", [1, "a", None], [1] * 5, [[1]], {"a": 1})] == [
        "nothing",
        "true",
        "3",
        "0.5",
        "text 'x'",
        "[1, 'a', nothing]",
        "a list",
        "a list",
        "keys with values",
    ]
    assert short("x" * 61) == "x" * 57 + "..."
    assert short("a\nb\x1b\u202e") == r"a\nb\x1b\u202e"
    assert unknown("key", "x", [f"key{n}" for n in range(100)]).endswith("key38, key39, ...")
    assert unknown("key", "x", []) == "unknown key 'x'"
