from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsearch.data.facts import describe
from archsearch.data.groups import bad_weight, numbered, shared_group
from archsearch.data.npz_file import wrong_file
from archsearch.data.prepare import load
from archsearch.data.remarks import remarks
from archsearch.errors import DamagedFileError, SpecError
from archsearch.spec.dataset import DataSpec

Y = np.array([0, 1, 0, 1, 0, 1])


def write(path: Path, **more: Any) -> DataSpec:
    draw = np.random.default_rng(0)
    arrays = {"x_train": draw.normal(size=(6, 5)), "y_train": Y, "x_test": draw.normal(size=(2, 5)), "y_test": Y[:2]}
    np.savez(path, **arrays, **more)
    return DataSpec(name="npz", path=str(path))


def test_groups_are_numbered_over_all_parts_in_the_order_of_their_names() -> None:
    names, numbers = numbered({"train": np.array(["b", "a", "b"]), "test": np.array(["c"])})
    assert names == ("a", "b", "c")
    assert {part: found.tolist() for part, found in numbers.items()} == {"train": [1, 0, 1], "test": [2]}
    names, numbers = numbered({"train": np.array([10, 9]), "test": np.array([100])})
    assert (names, numbers["train"].tolist()) == (("9", "10", "100"), [1, 0])


def test_group_in_two_parts_is_found_with_the_parts() -> None:
    parts = {"train": np.array([1, 2]), "val": np.array([3]), "test": np.array([4, 3])}
    assert shared_group(parts) == ("3", {"val": 0, "test": 1})
    assert shared_group({"train": np.array([1]), "test": np.array([2])}) is None


@pytest.mark.parametrize(
    ("weights", "fault"),
    [
        ([1.0, 0.0, 2.5], None),
        ([1.0, -0.5], (1, "the weight -0.5 is negative; a weight is 0 or more")),
        ([np.nan, 1.0], (0, "the weight nan is not finite")),
        ([0.0, 0.0], (None, "all weights are 0: nothing counts")),
    ],
)
def test_weights_that_cannot_be_such(weights: list[float], fault: object) -> None:
    assert bad_weight(np.array(weights)) == fault


def test_groups_and_weights_are_kept_with_the_samples(tmp_path: Path, data_folder: Path) -> None:
    group, weight = np.array(["eva", "eva", "bob", "bob", "ann", "ann"]), np.array([1, 2, 1, 2, 0, 5])
    spec = write(tmp_path / "own.npz", group_train=group, group_test=np.array(["zoe", "zoe"]), weight_train=weight)
    assert (describe(spec).group_names, describe(spec).weighted) == (("ann", "bob", "eva", "zoe"), True)
    assert remarks(spec) == []
    for data in (load(spec), load(spec)):  # prepared, and read again
        assert data.groups_train is not None
        assert data.groups_test is not None
        assert data.weights_train is not None
        assert data.groups_train.tolist() == [2, 2, 1, 1, 0, 0]
        assert data.groups_test.tolist() == [3, 3]
        assert data.weights_train.tolist() == [1, 2, 1, 2, 0, 5]
    without = load(write(tmp_path / "plain.npz"))
    assert (without.groups_train, without.weights_train) == (None, None)
    assert without.fingerprint != load(spec).fingerprint
    kept = load(spec.model_copy(update={"limit": 1}))
    assert kept.groups_train is not None
    assert kept.groups_train.tolist() == [2, 2]


def test_damaged_groups_are_named_and_not_used(tmp_path: Path, data_folder: Path) -> None:
    load(spec := write(tmp_path / "own.npz", group_train=np.arange(6), group_test=np.array([7, 7])))
    path = next(data_folder.glob("prepared/*/groups_train.npy"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedFileError, match=r"groups_train.npy is damaged and was not used: .* bytes instead of"):
        load(spec)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"group_train": np.arange(6)}, r"own.npz: holds group_train; group_test is missing\."),
        (
            {"group_train": np.arange(6), "group_test": np.array([9, 5])},
            r"group 5 is in two parts, group_train\[5\] and group_test\[1\]: .* keep each group in one part, or leave",
        ),
        (
            {"group_train": np.array(["ann"] * 6), "group_test": np.array(["ann"] * 2)},
            r"group_train and group_test name one group only \(ann\); groups are of use from two on: leave these",
        ),
        ({"group_train": np.arange(5), "group_test": np.arange(2)}, r"group_train is int64 \(5,\); expected whole"),
        (
            {"group_train": np.ones(6), "group_test": np.ones(2)},
            r"group_train is float64 \(6,\); expected whole number",
        ),
        ({"weight_train": np.array([1, 1, -2, 1, 1, 1])}, r"weight_train\[2\]: the weight -2 is negative"),
        ({"weight_train": np.zeros(6)}, r"weight_train: all weights are 0: nothing counts\."),
        (
            {"weight_train": np.array(["1"] * 6)},
            r"weight_train is <U1 \(6,\); expected numbers, one per sample: \(6,\)",
        ),
    ],
)
def test_groups_and_weights_that_cannot_be_are_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray[Any, Any]], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        describe(write(tmp_path / "own.npz", **arrays))


def test_errors_of_arrays_say_the_file_and_the_key() -> None:
    assert wrong_file(Path("a.npz"), "is empty").loc == ("data", "path")
