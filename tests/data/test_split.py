from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from archsearch.data.facts import validation_count
from archsearch.data.split import split
from archsearch.errors import SpecError

labels = st.lists(st.integers(0, 6), min_size=2, max_size=200).map(torch.tensor)


@given(y=labels, data=st.data(), seed=st.integers(0, 2**63 - 1))
def test_split_by_count_is_exact_stratified_and_repeatable(y: torch.Tensor, data: st.DataObject, seed: int) -> None:
    count = data.draw(st.integers(1, len(y) - 1))
    train, held_out = split(y, count, seed)
    assert (train.dtype, held_out.dtype) == (torch.int64, torch.int64)
    assert len(held_out) == count
    assert sorted(train.tolist() + held_out.tolist()) == list(range(len(y)))
    assert (train.tolist(), held_out.tolist()) == (sorted(train.tolist()), sorted(held_out.tolist()))
    for label in set(y.tolist()):
        size, taken = int((y == label).sum()), int((y[held_out] == label).sum())
        assert abs(taken - count * size / len(y)) < 1
    again = split(y, count, seed)
    assert all(torch.equal(a, b) for a, b in zip((train, held_out), again, strict=True))


def test_split_of_a_worked_case() -> None:
    y = torch.tensor([0] * 5 + [1] * 3 + [2] * 2)
    # 4 of 10: shares 2.0, 1.2 and 0.8, so 2, 1 and 0, and the one left over goes to the largest remainder.
    assert torch.bincount(y[split(y, 4, 0)[1]], minlength=3).tolist() == [2, 1, 1]


def test_split_depends_on_the_seed_alone() -> None:
    y = torch.arange(1000) % 10
    torch.manual_seed(1)
    first = split(y, 0.1, 7)[1]
    torch.manual_seed(2)
    assert torch.equal(first, split(y, 0.1, 7)[1])
    assert not torch.equal(first, split(y, 0.1, 8)[1])


def test_split_does_not_touch_the_global_generator() -> None:
    before = torch.get_rng_state()
    split(torch.arange(10) % 2, 4, 3)
    assert torch.equal(before, torch.get_rng_state())


def test_split_with_no_validation_keeps_all() -> None:
    train, held_out = split(torch.tensor([0, 1, 1]), 0, 5)
    assert (train.tolist(), held_out.tolist()) == ([0, 1, 2], [])


@pytest.mark.parametrize(("validation", "taken"), [(3, 3), (5, 5), (0.01, 0)])
def test_split_that_leaves_nothing_is_refused(validation: float, taken: int) -> None:
    with pytest.raises(SpecError, match=f"validation {validation} takes {taken} of 3 training samples"):
        split(torch.tensor([0, 1, 1]), validation, 5)


def test_validation_count_rounds_a_fraction() -> None:
    assert [validation_count(v, 55_000) for v in (5000, 0.1, 1 / 3)] == [5000, 5500, 18333]
