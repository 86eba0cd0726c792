"""The shipped studies, where known networks lie in a space, and how large a space is."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

import archsearch
from archsearch.errors import SpecError
from archsearch.experiment_plan import load_spec
from archsearch.search.search_file import load_study, stored_study
from archsearch.search.space.count import count_space, each_feasible
from archsearch.search.space.locate import locate
from archsearch.search.space.nothing_fits import refuse_where_nothing_fits
from archsearch.search.space.space import InfeasibleError
from archsearch.spec.catalog import study_kind
from archsearch.spec.text.yaml import read_file
from archsearch.train.identity import experiment_key

FILES = sorted((Path(archsearch.__file__).parents[1] / "studies").glob("*.yaml"))
STUDIES = [path for path in FILES if study_kind(read_file(path)) == "search"]
LENET5 = {
    "activation": "tanh",
    "fc_activation": "tanh",
    "conv.depth": 3,
    "conv1.out_channels": 6,
    "conv1.kernel_size": 5,
    "conv1.pool": "avg",
    "conv1.pool.avg.stride": 2,
    "conv2.out_channels": 16,
    "conv2.kernel_size": 5,
    "conv2.pool": "avg",
    "conv2.pool.avg.stride": 2,
    "conv3.out_channels": 120,
    "conv3.kernel_size": 5,
    "conv3.pool": "none",
    "fc.depth": 1,
    "fc1.out_features": 84,
    "output": "softmax",
    "train.loss": "cross_entropy",
}
CONV4 = {
    "activation": "tanh",
    "fc_activation": "tanh",
    "conv.depth": 4,
    "conv1.out_channels": 10,
    "conv1.kernel_size": 5,
    "conv1.pool": "max",
    "conv1.pool.max.stride": 1,
    "conv2.out_channels": 20,
    "conv2.kernel_size": 5,
    "conv2.pool": "avg",
    "conv2.pool.avg.stride": 1,
    "conv3.out_channels": 50,
    "conv3.kernel_size": 5,
    "conv3.pool": "avg",
    "conv3.pool.avg.stride": 2,
    "conv4.out_channels": 150,
    "conv4.kernel_size": 5,
    "conv4.pool": "none",
    "output": "softmax",
    "train.loss": "cross_entropy",
}
CONV4_RELU = {
    "activation": "relu",
    "fc_activation": "tanh",
    "conv.depth": 4,
    "conv1.out_channels": 6,
    "conv1.kernel_size": 3,
    "conv1.pool": "avg",
    "conv1.pool.avg.stride": 2,
    "conv2.out_channels": 16,
    "conv2.kernel_size": 3,
    "conv2.pool": "avg",
    "conv2.pool.avg.stride": 2,
    "conv3.out_channels": 40,
    "conv3.kernel_size": 3,
    "conv3.pool": "avg",
    "conv3.pool.avg.stride": 1,
    "conv4.out_channels": 120,
    "conv4.kernel_size": 3,
    "conv4.pool": "none",
    "fc.depth": 2,
    "fc1.out_features": 120,
    "fc2.out_features": 80,
    "output": "softmax",
    "train.loss": "cross_entropy",
}
DOCUMENTED = {
    "lenet5": LENET5,
    "lenet_l1": {**LENET5, "train.loss": "l1"},
    "lenet_relu": {**LENET5, "activation": "relu"},
    "lenet5_logits": {**LENET5, "output": "logits"},
    "lenet_conv4_relu": CONV4_RELU,
    "lenet_conv4": {**CONV4, "fc.depth": 2, "fc1.out_features": 150, "fc2.out_features": 70},
    "lenet_best": {**CONV4, "fc.depth": 1, "fc1.out_features": 80},
    "lenet_fc4": {**CONV4, "fc.depth": 3, "fc1.out_features": 150, "fc2.out_features": 70, "fc3.out_features": 40},
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented_variant_lies_in_the_lenet_space(name):
    space = load_study("lenet").space
    spec = load_spec(name)
    spec = spec.model_copy(update={"data": space.base.data})
    assert locate(space, spec) == DOCUMENTED[name]
    assert experiment_key(space.with_values(DOCUMENTED[name])) == experiment_key(
        space.plan(spec.model_dump(mode="json", include={"name", "data", "network", "train"}))
    )


def test_a_network_with_branches_is_located(make_study):
    """Making a sample and finding its values again is the identity, for every configuration that fits."""
    space = make_study(COUNTED["branches"]).space
    found = 0
    for values in each_feasible(space):
        assert locate(space, space.with_values(values).spec) == values
        found += 1
    # concat: 2 x (deep with 2 widths, flat, input) = 8; add: equal channels only: (2, deep 2), (3, deep 3), (3, flat)
    assert found == 8 + 3


def test_a_network_with_an_open_shortcut_is_located(make_study):
    space = make_study(COUNTED["a shortcut"]).space
    assert sorted(space.parameters()) == ["res1.conv1.out_channels", "res1.projection", "res1.shortcut.norm"]
    found = list(each_feasible(space))
    assert [locate(space, space.with_values(values).spec) for values in found] == found
    # 2 widths, of which 1 is the input's; a normalisation takes no projection beside it, nothing three ways of one;
    # where the shapes differ both projections fit, and nothing else
    assert len(found) == (1 + 3) + 2


def test_a_network_with_branches_left_out_is_located(make_study):
    space = make_study(COUNTED["a branch that may not be there"]).space
    found = list(each_feasible(space))
    assert [locate(space, space.with_values(values).spec) for values in found] == found
    # the first: 2 widths or off; the third: on, off or the input; without a layer in any there is nothing to do
    assert len(found) == 3 * 3 - 2


def test_a_network_outside_the_space_is_not_located():
    space = load_study("lenet").space
    spec = load_spec("lenet5", ["conv1.out_channels=5"])
    assert locate(space, spec.model_copy(update={"data": space.base.data})) is None


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_shipped_study_holds_its_base_and_a_validation_part(path):
    study = load_study(str(path))
    assert study.space.base.data.validation
    values = locate(study.space, study.space.base)
    assert values is not None
    study.space.with_values(values)


def test_study_on_a_base_without_validation_holds_some_out_and_says_so():
    study = load_study("lenet")
    assert study.space.base.data.validation == 10_000
    assert study.note == "lenet5 has no validation data: 10,000 of 60,000 training samples are held out for the search"


def naive(space) -> tuple[int, int, int]:
    """Count by making every combination of all values, whether it exists in the sample or not."""
    domains = {name: list(domain.values()) for name, domain in space.parameters().items()}
    seen: dict[tuple, bool] = {}
    networks = set()
    for combination in itertools.product(*domains.values()):
        values = dict(zip(domains, combination, strict=True))
        tree, used = space.tree(lambda value, v=values: v[value.name])
        key = tuple(sorted((name, str(value)) for name, value in used.items()))
        if key in seen:
            continue
        try:
            networks.add(experiment_key(space.plan(tree)))
            seen[key] = True
        except InfeasibleError:
            seen[key] = False
    return len(seen), sum(seen.values()), len(networks)


COUNTED = {
    "small": None,
    "two ways to say the same": """
network:
  - choice: {none: identity, nothing: {dropout: {p: 0.1}}, same: identity}
    name: a
  - max_pool2d: {kernel_size: 2, stride: {choice: [1, 2]}}
  - max_pool2d: {kernel_size: {choice: [2, 3, 4, 5]}}
  - flatten
  - linear: {out_features: classes}
train: {batch_size: {choice: [16, 32]}}
""",
    "shared in network and training": """
space: {n: {choice: [8, 16]}}
network:
  - flatten
  - repeat:
      name: fc
      times: {int: [0, 2]}
      shared: true
      layers: [{linear: {out_features: $n}}, {choice: [relu, tanh]}]
  - linear: {out_features: classes}
train: {batch_size: $n}
limits: {parameters: 1000}
""",
    "branches": """
network:
  - parallel:
      join: {choice: [concat, add]}
      branches:
        - [conv2d: {out_channels: {choice: [2, 3]}, kernel_size: 1}]
        - choice:
            deep: [conv2d: {out_channels: 2, kernel_size: 1}, conv2d: {out_channels: {int: [2, 3]}, kernel_size: 1}]
            flat: [conv2d: {out_channels: 3, kernel_size: 1}]
            input: []
  - flatten
  - linear: {out_features: classes}
""",
    "a branch that may not be there": """
network:
  - parallel:
      branches:
        - choice: {on: [conv2d: {out_channels: {choice: [2, 3]}, kernel_size: 1}], off: none}
        - none
        - choice: {on: [max_pool2d: {kernel_size: 3, stride: 1, padding: 1}], off: none, input: []}
        - []
  - flatten
  - linear: {out_features: classes}
""",
    "a shortcut": """
network:
  - residual:
      layers: [conv2d: {out_channels: {choice: [1, 2]}, kernel_size: 1}]
      projection: {choice: [false, true, pad]}
      shortcut: [{choice: {bn: batch_norm2d, none: identity}, name: norm}]
  - flatten
  - linear: {out_features: classes}
""",
    "a kind without a native kernel": """
network:
  - conv2d: {out_channels: {choice: [4, 6, 8]}, kernel_size: 3}
  - choice: {none: identity, norm: rms_norm}
  - flatten
  - linear: {out_features: classes}
train: {engine: {choice: [native, torch]}}
""",
    "a warm-up longer than the training": """
network: [flatten, {linear: {out_features: {choice: [3, 5]}}}, {linear: {out_features: classes}}]
train: {epochs: {int: [1, 4]}, schedule: {cosine: {warmup_epochs: {choice: [0.5, 2.5]}}}}
""",
    "a last batch of one before a batch norm": """
network:
  - flatten
  - linear: {out_features: {choice: [3, 5]}}
  - choice: {norm: batch_norm1d, none: identity}
  - linear: {out_features: classes}
train: {batch_size: {choice: [32, 53]}}
""",
    "an embedding of what is computed, turned or blended": """
network:
  - flatten
  - choice: {none: identity, relu: relu}
  - parallel: {branches: [[embedding: {num_embeddings: 17, embedding_dim: {choice: [1, 2]}}, flatten], []]}
  - linear: {out_features: classes}
data: {augment: {choice: {none: [], some: [rotate]}}}
train: {mixup: {choice: [null, 0.2]}}
""",
    "two layers of one name": """
network:
  - flatten
  - choice: {a: {linear: {out_features: 5, name: one}}, b: {linear: {out_features: 5, name: two}}}
  - choice: {a: {linear: {out_features: 5, name: one}}, b: {linear: {out_features: 5, name: three}}}
  - linear: {out_features: classes}
""",
    "fields that do not go together": """
network:
  - conv2d: {out_channels: 4, kernel_size: 3, padding: {choice: [same, 0]}, stride: {choice: [1, 2]}}
  - flatten
  - linear: {out_features: classes}
""",
    "over the limits for every spec": """
network:
  - flatten
  - linear: {out_features: {choice: [100, 1200000]}}
  - linear: {out_features: {choice: [200, 400]}}
  - linear: {out_features: classes}
train: {batch_size: {choice: [32, 2000000]}}
""",
    "a base that some data do not fit": "data: {size: {choice: [8, 3, 16]}}\ntrain: {batch_size: {choice: [16, 32]}}",
}
# worked by hand: (configurations, that fit)
BY_HAND = {
    "a kind without a native kernel": (12, 9),
    "a warm-up longer than the training": (16, 12),  # 2.5 epochs of warm-up leave nothing of 1 and 2
    "a last batch of one before a batch norm": (8, 6),  # 160 samples: 3 batches of 53 leave 1
    "two layers of one name": (4, 3),
    "an embedding of what is computed, turned or blended": (16, 2),
    "fields that do not go together": (4, 3),  # torch has no `same` with a stride
    # 1.2 M x 200 weights are over 100 M; 2 M x (64 + 100 + 400 + 10) floats are 4.3 GiB, with 200 for 400 2.8 GiB
    "over the limits for every spec": (8, 3),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_what_planning_refuses_is_not_counted(make_study, name):
    counted = count_space(make_study(COUNTED[name]).space)
    assert (counted.total, counted.feasible) == BY_HAND[name]


@pytest.mark.parametrize(
    ("base", "train", "by_hand"),
    [  # a table has no part to cut out; numbers have no class to be drawn by or made wrong
        ("wine", "cutmix: {choice: [null, 1.0]}, mixup: {choice: [null, 0.1]}", (4, 2)),
        ("diabetes", "sampler: {choice: [random, balanced]}, label_noise: {choice: [0.0, 0.1]}", (4, 1)),
    ],
)
def test_a_recipe_that_its_data_do_not_allow_is_not_counted(base, train, by_hand):
    text = f"base: {base}\nobjective: {{minimize: val_loss}}\ntrain: {{{train}}}\n"
    space = stored_study(text, base, load_spec(base).model_dump(mode="json")).space
    counted = count_space(space)
    assert (counted.total, counted.feasible, counted.distinct) == (*by_hand, by_hand[1]) == naive(space)


def test_value_that_no_other_value_goes_with_is_refused_and_one_that_some_do_is_not(make_study):
    head = "network: [flatten, {linear: {out_features: classes}}]\n"
    open_epochs = "train: {epochs: {int: [1, %d]}, schedule: {cosine: {warmup_epochs: {choice: [0.5, 2.5]}}}}"
    make_study(head + open_epochs % 3)
    with pytest.raises(SpecError, match=r"warmup_epochs = 2\.5: train: warmup_epochs 2\.5 leaves nothing of 1 epochs"):
        make_study(head + open_epochs % 2)


def test_range_of_one_number_is_one_value(make_study):
    counted = count_space(make_study("train: {optimizer: {adam: {lr: {float: [0.1, 0.1]}}}}").space)
    assert (counted.total, counted.feasible, counted.continuous) == (1, 1, ())


def test_space_where_each_must_be_planned_is_estimated_beyond_some_thousands(make_study, monkeypatch):
    space = make_study(COUNTED["a kind without a native kernel"]).space
    monkeypatch.setattr("archsearch.search.space.count.PLANNED_UP_TO", 11)
    counted = count_space(space, sample=300)
    assert not counted.exact
    assert counted.feasible_interval[0] <= 9 <= counted.feasible_interval[1]
    (misfit,) = counted.misfits
    assert misfit.reason == "train.engine: native cannot be used: norm1 (rms_norm) has no native kernel"


@pytest.mark.parametrize("text", COUNTED.values(), ids=COUNTED.keys())
def test_count_agrees_with_making_every_configuration(make_study, text):
    space = (make_study() if text is None else make_study(text)).space
    counted = count_space(space)
    assert (counted.total, counted.feasible, counted.distinct) == naive(space)
    assert counted.exact
    assert sum(misfit.configurations for misfit in counted.misfits) == counted.total - counted.feasible
    listed = list(each_feasible(space))
    assert len(listed) == counted.feasible
    assert len({experiment_key(space.with_values(values)) for values in listed}) == counted.distinct


def test_estimate_of_a_large_space_holds_the_exact_count(make_study, monkeypatch):
    space = make_study().space
    exact = count_space(space)
    monkeypatch.setattr("archsearch.search.space.count.EXACT_UP_TO", 10)
    estimate = count_space(space, sample=3000)
    assert not estimate.exact
    assert estimate.total == exact.total
    assert estimate.feasible_interval[0] <= exact.feasible <= estimate.feasible_interval[1]
    assert estimate.distinct_interval[0] <= exact.distinct <= estimate.distinct_interval[1]
    assert estimate.distinct == pytest.approx(exact.distinct, rel=0.15)


def test_continuous_value_makes_the_total_infinite(make_study):
    counted = count_space(make_study("train: {optimizer: {adam: {lr: {float: [0.001, 0.01], log: true}}}}").space)
    assert counted.total is None
    assert counted.continuous == ("train.optimizer.adam.lr",)


def test_number_of_training_samples_may_be_open(make_study):
    space = make_study("data: {train_limit: {choice: [20, 0.5, 5000]}}\n").space
    counted = count_space(space)
    assert (counted.total, counted.feasible, counted.distinct) == (3, 2, 2)
    assert counted.misfits[0].reason.startswith("train_limit 5000 keeps 5,000 of the 160 training samples")
    assert [values["data.train_limit"] for values in each_feasible(space)] == [20, 0.5]


def test_a_space_in_which_nothing_fits_is_refused_with_the_place_of_the_layer(tmp_path) -> None:
    """A convolution behind a linear layer never fits, whatever the width."""
    path = tmp_path / "none.yaml"
    path.write_text(
        "base: digits_quickstart\nnetwork:\n  - flatten\n  - linear: {out_features: {int: [8, 64]}}\n"
        "  - conv2d: {out_channels: 4, kernel_size: 3}\n  - linear: {out_features: classes}\n"
        "objective: {maximize: val_accuracy}\n"
    )
    with pytest.raises(
        SpecError, match=r"none\.yaml:5:5: none of the 57 configurations fits: conv1 \(conv2d\): needs a map"
    ):
        refuse_where_nothing_fits(load_study(str(path)), str(path))
