from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from archsearch.data.facts import DataFacts, describe, training_count, validation_count
from archsearch.data.split import divide, split
from archsearch.errors import SpecError
from archsearch.spec.dataset import DataSpec
from archsearch.task import Classification

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


Y = torch.arange(200) % 4
FACTS = DataFacts("digits", (1, 8, 8), Classification(4), 200, 50, ("a", "b", "c", "d"))


def spec(**options: object) -> DataSpec:
    return DataSpec.model_validate({"name": "digits", "validation": 40, **options})


def test_train_limit_cuts_the_training_part_only() -> None:
    whole, held_out = divide(spec(), FACTS, Y, 7, 8)
    few, same = divide(spec(train_limit=40), FACTS, Y, 7, 8)
    assert torch.equal(held_out, same)
    assert set(few.tolist()) < set(whole.tolist())
    assert few.tolist() == sorted(few.tolist())
    assert torch.bincount(Y[few]).tolist() == [10, 10, 10, 10]
    assert torch.equal(divide(spec(train_limit=0.25), FACTS, Y, 7, 8)[0], few)  # of the 160 that are left
    assert not torch.equal(divide(spec(train_limit=40), FACTS, Y, 7, 9)[0], few)


def test_train_limits_of_one_seed_lie_within_each_other() -> None:
    sizes = [divide(spec(train_limit=n), FACTS, Y, 7, 8)[0].tolist() for n in (4, 20, 80, 160)]
    assert [len(rows) for rows in sizes] == [4, 20, 80, 160]
    assert all(set(few) < set(more) for few, more in pairwise(sizes))


def test_train_limit_of_uneven_classes_keeps_their_shares() -> None:
    y = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    facts = DataFacts("digits", (1, 8, 8), Classification(3), 100, 50, ("a", "b", "c"))
    rows, _ = divide(spec(validation=0, train_limit=20), facts, y, 0, 0)
    assert torch.bincount(y[rows]).tolist() == [12, 6, 2]


def test_training_count_worked_by_hand() -> None:
    assert training_count(spec(), 200) == 160
    assert training_count(spec(train_limit=100), 200) == 100
    assert training_count(spec(train_limit=0.1, validation=0.25), 200) == 15  # a tenth of 150


@pytest.mark.parametrize(
    ("limit", "kept"), [(9, "9"), (1403, "1,403"), (0.001, "1")], ids=["below the classes", "above", "no sample"]
)
def test_train_limit_that_cannot_be_is_refused(limit: float, kept: str) -> None:
    words = rf"train_limit {limit} keeps {kept} of the 1,402 training samples \(without validation\); between 10 "
    with pytest.raises(SpecError, match=words) as caught:
        describe(spec(train_limit=limit))
    assert caught.value.loc == ("data", "train_limit")
    assert describe(spec(train_limit=1402)).train == 1442


@pytest.mark.parametrize("value", [0, -1, 1.0, 0.0, 1.5, "all", True])
def test_train_limit_is_a_count_or_a_fraction(value: object) -> None:
    with pytest.raises(ValidationError, match="a number of samples"):
        spec(train_limit=value)
