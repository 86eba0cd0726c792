from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from archsearch.data.facts import describe
from archsearch.data.folds import fold_rows, in_fold
from archsearch.data.prepare import load
from archsearch.data.split import divide
from archsearch.errors import SpecError
from archsearch.spec.dataset import DataSpec
from archsearch.spec.folds import Fold, SplitSpec

LABELS = torch.tensor([0] * 23 + [1] * 11 + [2] * 6)


def of(strata: torch.Tensor, fold: Fold, groups: torch.Tensor | None = None) -> list[int]:
    train, test = fold_rows(strata, fold, groups)
    assert sorted([*train.tolist(), *test.tolist()]) == list(range(len(strata)))
    assert test.tolist() == sorted(test.tolist())
    return test.tolist()


def test_folds_hold_each_sample_once_and_of_each_class_its_share() -> None:
    parts = [of(LABELS, Fold(of=5, number=n)) for n in range(5)]
    assert sorted(row for part in parts for row in part) == list(range(40))
    assert [len(part) for part in parts] == [8] * 5
    for label, size in ((0, 23), (1, 11), (2, 6)):
        counts = [sum(int(LABELS[row]) == label for row in part) for part in parts]
        assert set(counts) <= {size // 5, size // 5 + 1}


def test_a_repeat_divides_anew_and_a_fold_is_always_the_same() -> None:
    assert of(LABELS, Fold(of=5, number=1)) == of(LABELS, Fold(of=5, number=1))
    assert of(LABELS, Fold(of=5, number=1)) != of(LABELS, Fold(of=5, number=1, repeat=1))


def test_random_parts_take_their_share_of_each_class() -> None:
    parts = [of(LABELS, Fold(number=n, test=0.25)) for n in range(4)]
    assert [Counter(LABELS[part].tolist()) for part in parts] == [Counter({0: 6, 1: 3, 2: 1})] * 4  # 5.75, 2.75, 1.5
    assert len({tuple(part) for part in parts}) == 4


def test_a_group_is_never_in_two_parts_and_folds_are_balanced() -> None:
    groups = torch.tensor([number % 12 for number in range(240)])
    strata = torch.tensor([(number // 12) % 2 for number in range(240)])
    parts = [of(strata, Fold(of=4, number=n, group="subject"), groups) for n in range(4)]
    assert sorted(row for part in parts for row in part) == list(range(240))
    held = [set(groups[part].tolist()) for part in parts]
    assert [len(one) for one in held] == [3, 3, 3, 3]
    assert len(set.union(*held)) == 12
    drawn = of(strata, Fold(number=3, test=0.25, group="subject"), groups)
    assert Counter(groups[drawn].tolist()) == dict.fromkeys(set(groups[drawn].tolist()), 20)
    assert len(drawn) == 60


def test_fewer_groups_than_folds_are_refused() -> None:
    with pytest.raises(SpecError, match=r"subject has 3 groups, and 5 folds need a group each; use fewer folds, or"):
        fold_rows(torch.zeros(9), Fold(of=5, number=0, group="subject"), torch.arange(9) % 3)
    with pytest.raises(SpecError, match=r"subject has 1 group, and a group is never divided"):
        fold_rows(torch.zeros(9), Fold(number=0, group="subject"), torch.zeros(9))


def test_more_folds_than_samples_of_a_class_are_refused() -> None:
    with pytest.raises(SpecError, match=r"7 folds are more than the 6 samples of class 2.*use 6 folds at most"):
        fold_rows(LABELS, Fold(of=7, number=0))
    with pytest.raises(SpecError, match=r"200 folds are more than the 174 samples of the rarest class of digits"):
        describe(DataSpec(name="digits", fold=Fold(of=200, number=0)))


def test_folds_of_digits_divide_all_samples_since_their_test_part_was_drawn_here() -> None:
    parts = [load(DataSpec(name="digits", fold=Fold(of=5, number=n))) for n in range(5)]
    assert [len(one.y_test) for one in parts] == [360, 360, 359, 359, 359]  # 1797 of them
    for number, one in enumerate(parts):
        facts = describe(DataSpec(name="digits", fold=Fold(of=5, number=number)))
        assert (facts.train, facts.test) == (len(one.y_train), len(one.y_test)) == (one.facts.train, one.facts.test)
    whole = load(DataSpec(name="digits"))
    expected = sorted(torch.cat([whole.x_train, whole.x_test]).flatten(1).sum(1).tolist())
    assert sorted(torch.cat([one.x_test for one in parts]).flatten(1).sum(1).tolist()) == expected
    assert {one.fingerprint for one in parts} == {whole.fingerprint}


def test_a_test_part_that_the_data_bring_along_stays_unread(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("own") / "own.npz"
    x, y = np.arange(40, dtype="f4").reshape(20, 2), np.arange(20) % 2
    np.savez(path, x_train=x, y_train=y, x_test=-x[:4] - 1, y_test=y[:4])
    one = load(DataSpec(name="npz", path=str(path), fold=Fold(of=4, number=3)))
    assert (len(one.y_train), len(one.y_test)) == (15, 5)
    assert float(one.x_test.min()) >= 0
    assert float(one.x_train.min()) >= 0


def test_folds_for_validation_divide_the_training_part_and_leave_the_test_part_alone() -> None:
    whole = load(DataSpec(name="digits"))
    rows: list[int] = []
    image = {tuple(one.flatten().tolist()): row for row, one in enumerate(whole.x_train)}
    assert len(image) == len(whole.x_train)  # no two are the same, so an image tells its row
    for number in range(4):
        spec = DataSpec(name="digits", fold=Fold(of=4, number=number, part="validation"))
        one, facts = load(spec), describe(spec)
        assert (facts.train, facts.validation, facts.test) == (one.facts.train, one.facts.validation, one.facts.test)
        assert torch.equal(one.x_test, whole.x_test)
        train, held_out = divide(spec, one.facts, one.y_train, 1, 2)
        assert len(train) + len(held_out) == len(whole.x_train)
        rows += [image[tuple(one.x_train[row].flatten().tolist())] for row in held_out.tolist()]
        assert torch.equal(one.y_train[held_out], whole.y_train[rows[-len(held_out) :]])
    assert sorted(rows) == list(range(len(whole.x_train)))


def test_folds_for_validation_do_not_divide_groups_and_go_without_a_second_validation_part(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("own") / "own.npz"
    x, y, groups = np.arange(72, dtype="f4").reshape(36, 2), np.arange(36) % 2, np.arange(36) // 4
    arrays = {"x_train": x, "y_train": y, "x_test": x[:4], "y_test": y[:4]}
    np.savez(path, **arrays, group_train=groups, group_test=groups[:4] + 100)
    held: list[set[int]] = []
    for number in range(3):
        spec = DataSpec(name="npz", path=str(path), fold=Fold(of=3, number=number, group="subject", part="validation"))
        one = load(spec)
        train, held_out = divide(spec, one.facts, one.y_train, 1, 2, one.groups_train)
        assert one.groups_train is not None
        held.append(set(one.groups_train[held_out].tolist()))
        assert not held[-1] & set(one.groups_train[train].tolist())
        assert torch.equal((one.x_train[:, 0] / 2 // 4).long(), one.groups_train)  # rows stay together
    assert [len(one) for one in held] == [3, 3, 3]
    assert len(set.union(*held)) == 9
    np.savez(path, **arrays, x_val=x[:6], y_val=y[:6])
    spec = DataSpec(name="npz", path=str(path), fold=Fold(of=3, number=0, part="validation"))
    with pytest.raises(SpecError, match=r"holds a validation part of its own \(6 samples\).*Take the folds out"):
        describe(spec)


def test_a_fold_whose_targets_are_all_the_same_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("own") / "own.npz"
    x, y = np.arange(40, dtype="f4").reshape(20, 2), np.array([0] * 18 + [1, 1])
    np.savez(path, x_train=x, y_train=y, x_test=x[:4], y_test=y[:4])
    spec = DataSpec(name="npz", path=str(path), fold=Fold(number=0, test=0.1))
    with pytest.raises(SpecError, match=r"all 2 targets of random part 1 are the same \(0\).*use fewer folds, or"):
        load(spec)


def test_a_data_set_without_fold_is_given_back() -> None:
    whole = load(DataSpec(name="digits"))
    assert in_fold(whole, DataSpec(name="digits")) is whole


def test_a_split_says_its_parts_its_overlap_and_its_words() -> None:
    split = SplitSpec(folds=5, repeats=2, group="subject")
    parts = split.parts()
    assert [(one.of, one.number, one.repeat) for one in parts] == [(5, n, r) for r in range(2) for n in range(5)]
    assert (split.pairs, split.overlap) == (10, 0.25)  # 1/5 of the samples for 4/5
    assert (SplitSpec(shuffled=20).pairs, SplitSpec(shuffled=20, test=0.5).overlap) == (20, 1.0)
    assert split.said == "5 folds, 2 times, no subject divided"
    assert SplitSpec(shuffled=20).said == "20 random test parts of 20%"
    assert parts[6].said == "fold 2 of 5, repeat 2"
    assert {one.part for one in split.parts("validation")} == {"validation"}
    assert SplitSpec(shuffled=20).said_of("validation") == "20 random validation parts of 20%"
    assert parts[0].model_dump() == {"of": 5, "number": 0, "repeat": 0, "group": "subject"}  # as it always was


@pytest.mark.parametrize(
    ("tree", "why"),
    [
        ({"folds": 1}, "greater than or equal to 2"),
        ({"folds": 5, "shuffled": 20}, "one of them"),
        ({}, "one of them"),
        ({"shuffled": 20, "repeats": 2}, "repeats belongs to folds"),
        ({"folds": 5, "test": 0.2}, "test belongs to shuffled"),
        ({"folds": 500, "repeats": 5}, "2500 pairs are more than 1000"),
    ],
)
def test_a_split_that_makes_no_sense_is_refused(tree: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        SplitSpec.model_validate(tree)


def test_a_spec_without_fold_is_written_as_before() -> None:
    assert "fold" not in DataSpec(name="digits").model_dump(mode="json")
    fold = DataSpec.model_validate({"name": "digits", "fold": {"of": 5, "number": 1}}).model_dump(mode="json")["fold"]
    assert fold == {"of": 5, "number": 1, "repeat": 0}


def grouped(path: Path) -> DataSpec:
    """Write 60 samples of 12 subjects, all of them in the training part but for three subjects of the test part."""
    dice = np.random.default_rng(0)
    x, y = dice.normal(size=(60, 3)).astype("f4"), np.arange(60) % 2
    subjects = np.array([f"s{number // 5:02}" for number in range(60)])
    np.savez(
        path, x_train=x[:45], y_train=y[:45], group_train=subjects[:45],
        x_test=x[45:], y_test=y[45:], group_test=subjects[45:],
    )  # fmt: skip
    return DataSpec(name="npz", path=str(path))


def test_groups_that_the_data_know_are_never_divided(tmp_path: Path) -> None:
    spec = grouped(tmp_path / "own.npz")
    held = []
    for number in range(3):
        one = load(spec.model_copy(update={"fold": Fold(of=3, number=number, group="subject")}))
        assert one.groups_train is not None
        assert one.groups_test is not None
        assert not set(one.groups_train.tolist()) & set(one.groups_test.tolist())
        assert (len(one.groups_train), len(one.groups_test)) == (len(one.y_train), len(one.y_test)) == (30, 15)
        held += sorted(set(one.groups_test.tolist()))
    assert sorted(held) == list(range(9))  # each subject of the training part is tested once
    without = load(spec.model_copy(update={"fold": Fold(of=3, number=0)}))
    assert without.groups_test is not None
    assert not set(without.groups_train.tolist()) & set(without.groups_test.tolist())  # type: ignore[union-attr]


def test_groups_stay_whole_in_the_validation_part(tmp_path: Path) -> None:
    data = load(grouped(tmp_path / "own.npz"))
    assert data.groups_train is not None
    spec = DataSpec(name="npz", path="own.npz", validation=0.25)
    train, held_out = divide(spec, data.facts, data.y_train, 1, 2, data.groups_train)
    assert not set(data.groups_train[train].tolist()) & set(data.groups_train[held_out].tolist())
    assert len(held_out) == 10  # 11.25 are asked for, groups have 5
    assert sorted([*train.tolist(), *held_out.tolist()]) == list(range(45))


def test_a_split_by_groups_needs_groups_and_enough_of_them(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"digits says of no sample which subject it belongs to. Give it one \("):
        describe(DataSpec(name="digits", fold=Fold(of=5, number=0, group="subject")))
    spec = grouped(tmp_path / "own.npz")
    with pytest.raises(SpecError, match=r"20 folds are more than the 12 of its subject. Use 12 folds at most"):
        describe(spec.model_copy(update={"fold": Fold(of=20, number=0, group="subject")}))
