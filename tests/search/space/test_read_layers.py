from __future__ import annotations

import pytest

from archsearch.errors import SpecError
from archsearch.search.space.domains import Choice, FloatRange, IntRange
from archsearch.search.space.space import InfeasibleError

NAMES = {
    "activation": Choice(("relu", "tanh")),
    "conv.depth": IntRange(1, 2),
    "conv1.out_channels": IntRange(2, 4),
    "conv1.kernel_size": Choice((3, 5)),
    "conv1.pool": Choice(("avg", "none")),
    "conv1.pool.avg.stride": Choice((1, 2)),
    "conv2.out_channels": IntRange(2, 4),
    "conv2.kernel_size": Choice((3, 5)),
    "conv2.pool": Choice(("avg", "none")),
    "conv2.pool.avg.stride": Choice((1, 2)),
}


def test_open_values_get_stable_conditional_names(make_study):
    assert make_study().space.parameters() == NAMES


def test_sample_asks_only_for_values_that_exist_and_builds_the_network(make_study):
    given = {
        "activation": "tanh",
        "conv.depth": 1,
        "conv1.out_channels": 3,
        "conv1.kernel_size": 5,
        "conv1.pool": "avg",
        "conv1.pool.avg.stride": 2,
    }
    asked = []

    def choose(value):
        asked.append(value.name)
        return given[value.name]

    plan, values = make_study().space.sample(choose)
    assert asked == list(given)
    assert values == given
    assert [(row.kind, row.output_shape) for row in plan.network.rows] == [
        ("conv2d", (3, 4, 4)),
        ("tanh", (3, 4, 4)),
        ("avg_pool2d", (3, 2, 2)),
        ("flatten", (12,)),
        ("linear", (10,)),
    ]
    assert plan.spec.train.epochs == 2
    assert plan.spec.data.validation == 40


def test_values_in_train_are_named_by_path_and_replace_another_kind(make_study):
    study = make_study(
        "train: {optimizer: {sgd: {lr: {float: [0.01, 0.1], log: true}}}, batch_size: {choice: [16, 32]}}"
    )
    assert study.space.parameters() == {
        "train.optimizer.sgd.lr": FloatRange(0.01, 0.1, log=True),
        "train.batch_size": Choice((16, 32)),
    }
    plan, _ = study.space.sample(lambda value: {"train.batch_size": 16}.get(value.name, 0.05))
    assert plan.spec.train.optimizer.model_dump() == {
        "lr": 0.05,
        "momentum": 0.0,
        "nesterov": False,
        "weight_decay": 0.0,
    }
    assert plan.spec.train.batch_size == 16
    assert plan.network.parameters == 13706  # the base's network, unchanged


def test_shared_repeat_uses_one_value_in_all_repetitions(make_study):
    text = """
network:
  - repeat: {name: conv, times: 2, shared: true, layers: [{conv2d: {out_channels: {int: [2, 9]}, kernel_size: 3}}]}
  - flatten
  - linear: {out_features: classes}
"""
    space = make_study(text).space
    assert list(space.parameters()) == ["conv.out_channels"]
    plan, _ = space.sample(lambda value: 7)
    assert [row.output_shape[0] for row in plan.network.rows[:2]] == [7, 7]


def test_choice_of_lists_is_spliced_and_names_its_inner_values(make_study):
    text = """
network:
  - choice:
      one: [{conv2d: {out_channels: {int: [1, 2]}, kernel_size: 3}}, relu]
      two: [{conv2d: {out_channels: 3, kernel_size: 3}}, relu, {conv2d: {out_channels: 4, kernel_size: 3}}]
    name: front
  - flatten
  - linear: {out_features: classes}
"""
    space = make_study(text).space
    assert list(space.parameters()) == ["front", "front.one.conv1.out_channels"]
    kinds = [row.kind for row in space.sample(lambda value: "two")[0].network.rows]
    assert kinds == ["conv2d", "relu", "conv2d", "flatten", "linear"]


def test_own_names_inside_a_repeat_get_the_number(make_study):
    text = """
network:
  - repeat:
      name: unit
      times: {int: [1, 2]}
      layers:
        - conv2d: {name: wide, out_channels: {int: [1, 9]}, kernel_size: 3}
        - conv2d: {name: thin, out_channels: {int: [1, 9]}, kernel_size: 1}
  - flatten
  - linear: {out_features: classes}
"""
    space = make_study(text).space
    assert list(space.parameters()) == [
        "unit.depth",
        "wide1.out_channels",
        "thin1.out_channels",
        "wide2.out_channels",
        "thin2.out_channels",
    ]
    plan, _ = space.sample(lambda value: 2)
    assert [row.name for row in plan.network.rows] == ["wide1", "thin1", "wide2", "thin2", "flatten1", "fc1"]


def test_sample_that_does_not_fit_says_which_layer(make_study):
    with pytest.raises(InfeasibleError, match=r"^conv2 \(conv2d\): kernel 5x5 does not fit its 3x3 input\."):
        make_study().space.sample(
            lambda value: 2 if value.name == "conv.depth" else "relu" if value.name == "activation" else _pick(value)
        )


def _pick(value):
    known = {"kernel_size": 5, "pool": "avg", "stride": 1, "out_channels": 2}
    return known[value.name.rpartition(".")[2]]


def network(layer: str) -> str:
    return f"network:\n  - {layer}\n  - flatten\n  - linear: {{out_features: classes}}\n"


BAD = {
    "empty choice": (network("choice: []"), r"^small\.yaml:4:13: layer1: choice: is empty$"),
    "lowest above highest": (
        network("conv2d: {out_channels: {int: [9, 2]}, kernel_size: 3}"),
        r"^small\.yaml:4:34: conv1\.out_channels: the lowest value 9 is above the highest 2$",
    ),
    "not a range": (
        network("conv2d: {out_channels: {int: 9}, kernel_size: 3}"),
        r"conv1\.out_channels: expected int: \[lowest, highest\], two whole numbers, got 9$",
    ),
    "floats for int": (
        network("conv2d: {out_channels: {int: [1.5, 2]}, kernel_size: 3}"),
        r"conv1\.out_channels: expected int: \[lowest, highest\], two whole numbers, got \[1\.5, 2\]$",
    ),
    "log with zero": (
        network("dropout: {p: {float: [0, 0.5], log: true}}"),
        r"drop1\.p: a log scale needs a lowest value above 0, got 0$",
    ),
    "log and step": (
        network("dropout: {p: {float: [0.1, 0.5], log: true, step: 0.1}}"),
        r"drop1\.p: log and step do not go together; drop one$",
    ),
    "unknown key": (
        network("conv2d: {out_channels: {int: [1, 9], stp: 2}, kernel_size: 3}"),
        r"conv1\.out_channels: unknown key 'stp'; did you mean 'step'\?$",
    ),
    "impossible value": (
        network("conv2d: {out_channels: {int: [0, 9]}, kernel_size: 3}"),
        r"^small\.yaml:4:35: network\[1\]\.conv2d\.out_channels: must be between 1 and 2147483647, got 0$",
    ),
    "impossible choice": (
        network("conv2d: {out_channels: 2, kernel_size: {choice: [3, x]}}"),
        r"^small\.yaml:4:57: network\[1\]\.conv2d\.kernel_size: expected a whole number or a pair, got text 'x'$",
    ),
    "unknown reference": (network("$act"), r"unknown open value '\$act' \(they stand in `space`\)$"),
    "unused shared value": (
        "space: {a: {choice: [relu]}}\n" + network("conv2d: {out_channels: {int: [1, 2]}, kernel_size: 3}"),
        r"^small\.yaml:3:9: space\.a is not used; write \$a where it is meant$",
    ),
    "open name": (
        network("conv2d: {name: {choice: [a, b]}, out_channels: 2, kernel_size: 3}"),
        r"conv1: a layer's name cannot be open$",
    ),
    "open data set": ("data: {name: {choice: [digits, mnist]}}", r"data\.name is the base's and cannot be open"),
    "open limit": (
        "data: {limit: {choice: [5, 20]}}",
        r"^small\.yaml:3:15: data\.limit is the base's and cannot be open: runs must compare, and it cuts the "
        r"validation and test data too, while data\.train_limit cuts the training part only$",
    ),
    "limit of its own": ("data: {limit: 5}\n" + network("relu"), r"^small\.yaml:3:15: data\.limit is the base's"),
    "limit in a choice of the whole part": (
        "data: {choice: {plain: {normalize: true}, few: {limit: 5}}}",
        r"^small\.yaml:3:7: data\.limit is the base's",
    ),
    "limit in a shared choice": (
        "space: {d: {choice: {plain: {normalize: true}, few: {limit: 5}}}}\ndata: $d",
        r"data\.limit is the base's",
    ),
    "open measure": (
        "train: {eval_loss: {choice: [mse, l1]}}",
        r"train\.eval_loss is the base's and cannot be open: runs must compare, and losses would be of two functions",
    ),
    "open study name": (
        "name: {choice: [a, b]}\n" + network("relu"),
        r"name: cannot be left open here; open values stand in the network, data and train of a search$",
    ),
    "two layers called alike": (
        network("choice: [{elu: {alpha: 1.0}}, {elu: {alpha: 2.0}}]"),
        r"act1: two choices are called elu; name them: choice: \{a: \.\.\., b: \.\.\.\}$",
    ),
    "name clash": (
        "network:\n  - conv2d: {out_channels: {int: [1, 2]}, kernel_size: 3}\n"
        "  - repeat: {name: conv, times: 1, layers: [{conv2d: {out_channels: {int: [1, 2]}, kernel_size: 3}}]}\n",
        r"two open values are called conv1\.out_channels, the other stands at small\.yaml:4:28; "
        r"give a layer or a choice a `name`$",
    ),
    "nothing open": (network("relu"), r"nothing is open: write choice, int or float for a value$"),
    "too many repetitions": (
        network("repeat: {name: c, times: {int: [0, 100]}, layers: [relu]}"),
        r"c\.depth: between 0 and 64 repetitions$",
    ),
    "branch without layers": (
        network("parallel: {branches: [[relu], null, {choice: {a: [tanh], b: none}}]}"),
        r"^small\.yaml:4:35: a branch without its layers; write \[\] for the input itself, none for no branch$",
    ),
    "repeat without layers": (network("repeat: {name: c, times: 2}"), r"repeat: needs name, times and layers$"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_wrong_open_value_is_told_with_its_place(make_study, text, message):
    with pytest.raises(SpecError, match=message):
        make_study(text)


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ("{maximize: accuracy}", r"objective\[1\]: expected maximize or minimize with one of val_accuracy, val_loss"),
        ("[]", r"objective: is empty; at least one is needed"),
        ("[{maximize: val_accuracy}, {minimize: val_loss}]", r"one thing learned; keep one of them"),
        ("[{minimize: macs}, {maximize: macs}]", r"a metric stands in two objectives"),
    ],
)
def test_wrong_objective_is_told(make_study, objective, message):
    with pytest.raises(SpecError, match=message):
        make_study(
            network("conv2d: {out_channels: {int: [1, 2]}, kernel_size: 3}"), f"base: x\nobjective: {objective}\n"
        )
