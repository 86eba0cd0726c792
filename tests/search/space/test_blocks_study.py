"""The shipped search over blocks: its count is that of an enumeration that knows nothing of spaces."""

from __future__ import annotations

import itertools

import pytest

from archsearch.search.search_file import load_study
from archsearch.search.space.count import count_space, each_feasible


def enumerated() -> list[dict]:
    """What `studies/blocks.yaml` says, as Python has it."""
    found = []
    for w, one, two, three, stride, projection in itertools.product(
        (8, 16, 24, 32), ("on", "off"), (3, 5, "off"), ("on", "off"), (1, 2), (True, "pad")
    ):
        if two == three == "off" or (w == 32 and stride == 1) or (two == 5 and w in (24, 32)):
            continue
        values = {"w": w, "par1.branch1": one, "par1.branch3": three}
        values |= (
            {"par1.branch2": "off"}
            if two == "off"
            else {"par1.branch2": "on", "par1.branch2.on.conv1.kernel_size": two}
        )
        found.append({**values, "res1.conv1.stride": stride, "res1.projection": projection})
    return found


def test_count_of_the_blocks_study_is_that_of_the_enumeration():
    space = load_study("blocks").space
    counted, expected = count_space(space), enumerated()
    # 4 widths x 2 x 3 x 2 branches x 2 strides x 2 projections; worked in the loop above
    assert (counted.total, counted.feasible, counted.distinct, counted.exact) == (192, 116, 116, True)
    assert len(expected) == 116

    def in_order(configurations):
        return sorted(sorted((name, str(value)) for name, value in one.items()) for one in configurations)

    assert in_order(each_feasible(space)) == in_order(expected)


@pytest.mark.parametrize("number", [0, 57, 115])
def test_widths_of_a_configuration_follow_its_one_width(number):
    values = enumerated()[number]
    plan = load_study("blocks").space.with_values(values)
    made = {row.name: row.output_shape[0] for row in plan.network.walk()}
    w = values["w"]
    parts = {"par1.branch1": ("par1.branch1.conv1", w // 2), "par1.branch2": ("par1.branch2.conv1", w // 2),
             "par1.branch3": ("par1.branch3.conv1", w // 4)}  # fmt: skip
    for branch, (name, width) in parts.items():
        assert made.get(name) == (width if values[branch] == "on" else None)
    assert made["par1"] == sum(width for branch, (_, width) in parts.items() if values[branch] == "on")
    assert (made["conv1"], made["res1"], made["fc1"]) == (w, 2 * w, 10)
