"""Widths that are computed of other open values: sampled, counted, located; what cannot be is told with its place."""

from __future__ import annotations

import itertools
import re

import pytest

from archsearch.errors import SpecError
from archsearch.search.space.count import count_space, each_feasible
from archsearch.search.space.locate import locate
from archsearch.search.space.templates import given
from archsearch.train.identity import experiment_key

COMPUTED = """
space: {w: {int: [4, 12], step: 4}, half: w/2, act: {choice: [relu, tanh]}}
network:
  - conv2d: {out_channels: 2*w, kernel_size: 3}
  - $act
  - repeat:
      name: mix
      times: {int: [0, 2]}
      layers: [conv2d: {out_channels: $half, kernel_size: {choice: [1, 3]}, padding: same}]
  - flatten
  - linear: {name: wide, out_features: {choice: [8, 10]}}
  - linear: {out_features: (wide.out_features + half)//2}
  - linear: {out_features: classes}
"""


def widths(space, values):
    network = space.with_values(values).spec.network
    return [getattr(layer, "out_channels", getattr(layer, "out_features", None)) for layer in network]


def test_computed_widths_follow_the_values_they_are_computed_of(make_study):
    space = make_study(COMPUTED).space
    assert "half" not in space.parameters()
    values = {"w": 12, "act": "tanh", "wide.out_features": 10}
    values |= {"mix.depth": 1, "mix1.kernel_size": 3}
    assert widths(space, values) == [24, None, 6, None, 10, 8, "classes"]


def test_count_of_computed_widths_is_that_of_all_combinations(make_study):
    space = make_study(COMPUTED).space
    counted = count_space(space)
    # w, act, wide: 3 * 2 * 2; no mix, one of 2 kernels, or two of them: 1 + 2 + 4
    assert (counted.total, counted.feasible, counted.distinct, counted.exact) == (84, 84, 84, True)
    listed = list(each_feasible(space))
    assert len({experiment_key(space.with_values(values)) for values in listed}) == 84
    made = {(v["w"], v["act"], v["wide.out_features"]) for v in listed}
    assert made == set(itertools.product([4, 8, 12], ["relu", "tanh"], [8, 10]))


def test_computed_widths_are_located_in_a_known_network(make_study):
    space = make_study(COMPUTED).space
    for values in each_feasible(space):
        assert locate(space, space.with_values(values).spec) == values


def test_a_choice_may_be_between_expressions(make_study):
    space = make_study(
        "space: {w: {choice: [4, 6]}}\nnetwork: [flatten, linear: {out_features: {choice: [w/2, 2*w, $w]}}, "
        "linear: {out_features: classes}]\n"
    ).space
    found = {(v["w"], v["fc1.out_features"]): widths(space, v)[1] for v in each_feasible(space)}
    assert found == {(4, "w/2"): 2, (4, "2*w"): 8, (4, "$w"): 4, (6, "w/2"): 3, (6, "2*w"): 12, (6, "$w"): 6}


def test_a_computed_value_may_stand_in_the_training(make_study):
    space = make_study("space: {b: {choice: [8, 16]}, twice: 2*b}\ntrain: {batch_size: $twice}\n").space
    assert [space.with_values(given_values).spec.train.batch_size for given_values in each_feasible(space)] == [16, 32]


def test_a_space_without_computed_values_keeps_its_identity(make_study):
    """A study of an earlier version goes on: this is the digest that version 0.1.0 gave."""
    space = make_study().space
    assert "never" not in space.identity(("val_accuracy",))
    assert space.tree(given({}))[1]["conv1.out_channels"] == 2


LAST = "linear: {out_features: classes}]\n"
LINE = "network: [flatten, linear: {out_features: %s}, linear: {out_features: {int: [8, 9]}}, " + LAST
WRONG = [
    ("space: {w: {int: [3, 4]}}\n", "w/2", "fc1.out_features: w/2 is 1.5 where w is 3, and must be a whole number; "
     "write w//2 to round down, or leave such values out"),
    ("space: {w: {int: [3, 4]}}\n", "8/(w - 3)", "fc1.out_features: 8/(w - 3) divides by 0 where w is 3"),
    ("space: {w: {int: [3, 4]}}\n", "2*v + w", "fc1.out_features: 2*v + w: unknown open value 'v'; allowed: w (an "
     "expression names what stands in `space`, or before it and in every network)"),
    ("", "fc1.out_features*2", "fc1.out_features: fc1.out_features*2 refers to itself"),
    ("", "fc2.out_features*2", "fc1.out_features: fc2.out_features*2: unknown open value 'fc2.out_features' (an "
     "expression names what stands in `space`, or before it and in every network)"),
    ("space: {w: {int: [3, 4]}}\n", "w*", "fc1.out_features: w* ends where a number or a name is expected"),
    ("space: {w: {float: [3, 4]}}\n", "w*2", "fc1.out_features: w*2: w is 3 to 4, and no whole number"),
    ("space: {w: {choice: [tanh, relu]}}\n", "w*2", "fc1.out_features: w*2: w is tanh, relu, and no whole number"),
]  # fmt: skip


@pytest.mark.parametrize(("space", "text", "message"), WRONG, ids=[text for _, text, _ in WRONG])
def test_an_expression_that_cannot_be_is_refused_with_its_place(make_study, space, text, message):
    line = 3 + bool(space)
    with pytest.raises(SpecError, match=f"^small\\.yaml:{line}:43: {re.escape(message)}$"):
        make_study(space + LINE % text)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ("{w: {int: [3, 4]}, a: a + w}", "3:30: space.a: a + w refers to itself: a -> a"),
        ("{a: 2*b, b: 3*a}", "3:12: space.a: 2*b refers to itself: a -> b -> a"),
        ("{w: {int: [3, 4]}, a: w/2}", "3:30: space.a: w/2 is 1.5 where w is 3, and must be"),
        ("{w: {int: [2, 4], step: 2}, a: w/2}", "3:9: space.w is not used; write $w where it is meant"),
    ],
)
def test_an_expression_in_space_that_cannot_be_is_refused(make_study, space, message):
    text = f"space: {space}\nnetwork: [flatten, linear: {{out_features: {{int: [3, 4]}}}}, {LAST}"
    with pytest.raises(SpecError, match=re.escape(message)):
        make_study(text)


def test_what_may_be_left_out_is_not_named_by_what_comes_after(make_study):
    with pytest.raises(SpecError, match=r"unknown open value 'fc2\.out_features'; did you mean 'fc1\.out_features'\?"):
        make_study(
            "network:\n  - flatten\n  - repeat: {name: fc, times: {int: [1, 2]}, layers: [linear: {out_features: "
            "{int: [3, 4]}}]}\n  - linear: {name: last, out_features: 2*fc2.out_features}\n"
            "  - linear: {out_features: classes}\n"
        )


def test_a_computed_number_is_no_layer(make_study):
    with pytest.raises(SpecError, match=r"small\.yaml:4:20: \$twice is a number, and no layer"):
        make_study(
            "space: {w: {int: [3, 4]}, twice: 2*w}\nnetwork: [flatten, $twice, linear: {out_features: classes}]\n"
        )
