"""Closed parts of a search, and the ends and options of open ones, are refused as in a plain spec."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsearch.errors import SpecError
from archsearch.experiment_plan import load_plan
from archsearch.search.search_file import load_study

BASE = """\
name: base
data: {name: digits, validation: 0.2, limit: 40}
network: [flatten, linear: {out_features: 32}, relu, dropout: {p: 0.1}, linear: {out_features: classes}]
train: {epochs: 2, batch_size: 32, optimizer: {sgd: {lr: 0.1, momentum: 0.9}}}
"""
OPEN = "linear: {out_features: {int: [8, 64]}}"


@pytest.fixture
def problems(tmp_path: Path):
    """Give what is said of a search whose open part is `text`, laid over BASE, without the name of the file."""
    (tmp_path / "base.yaml").write_text(BASE)

    def said(text: str, objective: str = "{maximize: val_accuracy}") -> list[str]:
        path = tmp_path / "s.yaml"
        path.write_text(f"base: base.yaml\nobjective: {objective}\n{text}")
        with pytest.raises(SpecError, match=r"s\.yaml:") as caught:
            load_study(str(path))
        return [str(problem).replace(f"{path}:", "") for problem in caught.value.problems]

    return said


def network(*layers: str) -> str:
    return "network:\n" + "".join(f"  - {layer}\n" for layer in ("flatten", *layers, "linear: {out_features: classes}"))


FILES = {
    "a key of train": (
        network(OPEN) + "train: {bach_size: 32}\n",
        "7:9: train: unknown key 'bach_size'; did you mean 'batch_size'?",
    ),
    "another word for choice": (
        network(OPEN) + "train: {batch_size: {categorical: [32, 64]}}\n",
        "7:21: train.batch_size: unknown kind of open value 'categorical'; write {choice: [32, 64]}",
    ),
    "another word for a log scale": (
        network(OPEN) + "train: {optimizer: {adam: {lr: {loguniform: [1e-4, 1e-2]}}}}\n",
        "7:32: train.optimizer.adam.lr: unknown kind of open value 'loguniform'; "
        "write {float: [0.0001, 0.01], log: true}",
    ),
    "a kind of layer": (network(OPEN, "reelu"), "6:5: network[3]: unknown kind 'reelu'; did you mean 'relu'?"),
    "a value": (network(OPEN, "dropout: {p: high}"), "6:18: network[3].dropout.p: expected a number, got text 'high'"),
    "a field of the optimizer": (
        network(OPEN) + "train: {optimizer: {adam: {learning_rate: 1e-3}}}\n",
        "7:28: train.optimizer.adam: unknown key 'learning_rate'; did you mean 'lr'?",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), FILES.values(), ids=FILES.keys())
def test_mistake_in_a_closed_part_has_its_place_and_its_hint(problems, text, message) -> None:
    assert problems(text) == [message]


LAYERS = ["reelu", "attention", "Dense: {units: 3}", "conv2d: {kernel_size: 3}", "dropout: {p: 1.5}", "linear: 5",
          "conv2d: {out_channels: 3, kernel_size: [1, 2, 3], padding: valid}",
          "residual: {layers: []}",
          "{conv2d: , out_channels: 3}", "tanh: {name: 'A b'}", "null", "batch_norm2d: {momentum: two}"]  # fmt: skip
TRAINS = ["{epochs: 0}", "{batchsize: 3}", "{device: gpu}", "{schedule: {lr: 3}}", "5",
          "{loss: {cross_entropy: {alpha: 1}}}",
          "{optimizer: {sgd: {lr: 0.1, nesterov: true, momentum: 0}}}", "{early_stopping: {patience: 1, patient: 2}}",
          "{optimizer: {sgd: {lr: 0.1}, adam: }}", "{epochs: 2, network: 3, val_split: 0.1}",
          "{schedule: {step: }}"]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_closed_layer_is_refused_with_the_sentence_of_a_plain_spec(tmp_path, problems, layer) -> None:
    plain = tmp_path / "plain.yaml"
    plain.write_text(f"\n\n{network('relu', layer)}data: {{name: digits}}\ntrain: {{epochs: 1}}\n")
    with pytest.raises(SpecError, match=r"plain\.yaml:6:") as caught:
        load_plan(str(plain))
    assert problems(network(OPEN, layer)) == [str(p).replace(f"{plain}:", "") for p in caught.value.problems]


@pytest.mark.parametrize("train", TRAINS)
def test_closed_training_is_refused_with_the_sentence_of_a_plain_spec(tmp_path, problems, train) -> None:
    plain = tmp_path / "plain.yaml"
    of_the_base = train.replace("{", "{epochs: 2, ", 1) if train[0] == "{" and "epochs" not in train else train
    plain.write_text(f"\n\n{network('relu')}train: {of_the_base}\ndata: {{name: digits, validation: 0.1}}\n")
    with pytest.raises(SpecError, match=r"plain\.yaml:7:") as caught:
        load_plan(str(plain))
    expected = [p.message for p in caught.value.problems]
    found = [text.split(": ", 1) for text in problems(network(OPEN) + f"train: {train}\n")]
    assert [message for _, message in found] == expected
    assert {place.split(":")[0] for place, _ in found} == {"7"}


def test_every_problem_of_a_file_is_told_at_once(problems) -> None:
    text = """\
n_trials: 20
space:
  act: {choice: [relu, tahn]}
  w: {loguniform: [8, 64]}
network:
  - flatten
  - repeat:
      name: fc
      times: {int: [1, 3]}
      layers:
        - linear: {units: {int: [8, 64]}, bias: ye}
        - $act
        - choice: {d: {dropout: {p: {float: [0.1, 1.5]}}}, n: identiy}
  - residual: {layers: [linear: {out_features: $w, in_features: 3}], projecton: true}
  - linear: {out_features: {choice: [8, big]}}
train:
  epochs: {float: [1, 3]}
  optimizer: {choice: {a: {sgd: {lr: {int: [1]}}}, b: {adam: {learning_rate: 3}}}}
  schedule: {step: {gamma: 0.1}}
data: {augment: [{flip: {direction: {choice: [horizontal, diagonal]}}}]}
"""
    first, *others = problems(text, "{maximise: val_acc}")
    assert first.startswith("2:12: objective[1]: expected maximize or minimize with one of val_accuracy, val_loss,")
    assert first.endswith("got 'maximise' and 'val_acc'; did you mean {maximize: val_accuracy}?")
    assert others == [
        "3:1: top level: unknown key 'n_trials'; did you mean 'trials'?",
        "5:24: space.act.choice[2]: unknown kind 'tahn'; did you mean 'tanh'?",
        "6:6: space.w: unknown kind of open value 'loguniform'; write {float: [8, 64], log: true}",
        "13:19: network[2].repeat.layers[1].linear: the key 'out_features' is missing",
        "13:20: network[2].repeat.layers[1].linear: unknown key 'units'; did you mean 'out_features'?",
        "13:49: network[2].repeat.layers[1].linear.bias: expected true or false, got text 'ye'",
        "15:51: network[2].repeat.layers[3].choice.d.dropout.p: must be less than 1.0, got 1.5",
        "15:63: network[2].repeat.layers[3].choice.n: unknown kind 'identiy'; did you mean 'identity'?",
        "16:52: network[3].residual.layers[1].linear: unknown key 'in_features': it is what comes in, known from "
        "the layer before; leave it out",
        "16:70: network[3].residual: unknown key 'projecton'; did you mean 'projection'?",
        "17:41: network[4].linear.out_features: expected a whole number or the word classes, got text 'big'",
        "19:20: train.epochs: expected a whole number, got 1.0; write 1, "
        "and for an open whole number int in place of float",
        "19:23: train.epochs: expected a whole number, got 3.0; write 3, "
        "and for an open whole number int in place of float",
        "20:44: train.optimizer.a.sgd.lr: expected int: [lowest, highest], two whole numbers, got [1]",
        "20:63: train.optimizer.adam: unknown key 'learning_rate'; did you mean 'lr'?",
        "21:20: train.schedule.step: the key 'step_size' is missing",
        "22:59: data.augment[1].flip.direction: must be one of 'horizontal' or 'vertical', got text 'diagonal'",
    ]  # fmt: skip


def test_values_that_do_not_go_together_are_told_without_the_words_of_a_library(problems) -> None:
    text = network(OPEN) + "train: {optimizer: {sgd: {lr: 0.1, nesterov: true, momentum: {float: [0.0, 0.9]}}}}\n"
    assert problems(text) == [
        "7:62: train.optimizer.sgd.momentum = 0.0: train.optimizer.sgd: nesterov needs a momentum above 0"
    ]


MEANT = """
network:
  - conv2d: {out_channels: 4, kernel_size: 3, padding: valid}
  - flatten
  - linear: {out_features: {range: [8, 64]}}
  - linear: {out_features: [8, 16, 64]}
  - linear: {out_features: {min: 8, max: 64}}
  - linear: {out_features: num_classes}
"""


def test_what_was_probably_meant_is_said(make_study):
    with pytest.raises(SpecError, match="padding") as caught:
        make_study(MEANT)
    hints = [str(problem).rpartition("; ")[2] for problem in caught.value.problems]
    assert hints == [
        "did you mean 0?",
        "write {int: [8, 64]}",
        "in a search, {choice: [8, 16, 64]} tries each",
        "write {int: [8, 64]}",
        "did you mean classes?",
    ]


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("objective: {maximize: val_acc}", r"got 'val_acc'; did you mean {maximize: val_accuracy}\?$"),
        ("objective: {maximise: val_accuracy}", r"got 'maximise'; did you mean {maximize: val_accuracy}\?$"),
        ("objective: {maximize: val_accuracy}\nsampler: tp", r"got text 'tp'; did you mean 'tpe'\?$"),
    ],
)
def test_slip_in_objective_or_sampler_is_quoted_with_what_was_meant(make_study, head, said):
    with pytest.raises(SpecError, match=said):
        make_study(head=f"base: digits_quickstart\n{head}\n")
