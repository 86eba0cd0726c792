from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from archsearch.data.facts import DataFacts, describe
from archsearch.data.prepare import load
from archsearch.data.registry import DATASETS, Downloaded
from archsearch.errors import LimitError, SpecError
from archsearch.spec.augmentations import Crop, Rotate, Shift
from archsearch.spec.dataset import DataSpec
from archsearch.task import Binary, Classification, Multilabel, Regression

TASKS_BY_NAME = {"breast_cancer": Binary(1), "diabetes": Regression(1), "digits_segments": Multilabel(7)}
DOWNLOADED = [name for name, entry in DATASETS.items() if isinstance(entry, Downloaded)]


@pytest.mark.parametrize("name", DATASETS)
def test_entry_counts_and_classes_agree(name: str) -> None:
    contents = DATASETS[name].contents
    assert len(set(contents.class_names)) == len(contents.class_names)
    assert len(contents.shape) in (1, 3)
    assert contents.what().outputs == (1 if contents.task == "binary" else len(contents.class_names))
    for total, per_class in ((contents.train, contents.train_per_class), (contents.test, contents.test_per_class)):
        assert total > 0
        if per_class:
            assert (sum(per_class), len(per_class)) == (total, len(contents.class_names))


@pytest.mark.parametrize("name", DOWNLOADED)
def test_entry_raw_files_are_distinct_and_its_digests_well_formed(name: str) -> None:
    entry = DATASETS[name]
    assert isinstance(entry, Downloaded)
    assert len({file.name for file in entry.files}) == len(entry.files)
    for file in entry.files:
        algorithm, _, value = file.digest.partition(":")
        assert (algorithm, len(value)) in {("sha256", 64), ("md5", 32), ("", 0)}
        assert not file.path.startswith("/")
        assert ".." not in file.path


@pytest.mark.parametrize("name", DOWNLOADED)
def test_entry_agrees_with_torchvision(name: str) -> None:
    entry = DATASETS[name]
    assert isinstance(entry, Downloaded)
    known = getattr(import_module("torchvision.datasets"), entry.torchvision)
    pinned = dict(getattr(known, "train_list", []) + getattr(known, "test_list", []))
    for file in entry.files:
        if file.name in pinned:
            assert file.digest == f"md5:{pinned[file.name]}"
    if name == "emnist":
        assert tuple(known.classes_split_dict["balanced"]) == entry.contents.class_names
    elif name in ("fashion_mnist", "kmnist"):
        assert tuple(known.classes) == entry.contents.class_names


@pytest.mark.parametrize("name", DATASETS)
def test_describe_gives_the_entry_without_options(name: str) -> None:
    contents = DATASETS[name].contents
    assert describe(DataSpec(name=name)) == DataFacts(
        name,
        contents.shape,
        TASKS_BY_NAME.get(name, Classification(len(contents.class_names))),
        contents.train,
        contents.test,
        contents.class_names,
    )


def test_describe_applies_size_grayscale_and_limit() -> None:
    facts = describe(DataSpec(name="cifar10", size=(24, 20), grayscale=True, limit=7))
    assert (facts.shape, facts.train, facts.test) == ((1, 24, 20), 70, 70)


def test_describe_counts_a_limit_between_the_class_sizes() -> None:
    # mnist: eight classes have more than 5500 training samples, the 5 has 5421; the test part: 892 of it, 958 of the 6.
    facts = describe(DataSpec(name="mnist", limit=5500))
    assert (facts.train, facts.test) == (9 * 5500 + 5421, 10_000)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (DataSpec(name="mnits"), r"unknown data set mnits. Did you mean mnist\? There are mnist, .*, npz, folder"),
        (DataSpec(name="Fashion-MNIST"), "Did you mean fashion_mnist"),
        (DataSpec(name="mnist", grayscale=True), "grayscale does nothing: the images of mnist are grey already"),
        (DataSpec(name="mnist", validation=60_000), "validation 60000 takes 60000 of the 60000 .* between 1 and 59999"),
        (DataSpec(name="mnist", validation=1e-6), "validation 1e-06 takes 0 of the 60000"),
        (DataSpec(name="mnist", limit=1, validation=10), "takes 10 of the 10 training samples"),
        (DataSpec(name="digits", augment=(Shift(pixels=8),)), "shift by 8 can push a whole image of 8 pixels"),
        (DataSpec(name="digits", augment=(Rotate(), Crop(padding=9))), "crop by 9 .* Use less than 8"),
    ],
)
def test_describe_refuses_what_does_not_fit(spec: DataSpec, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        describe(spec)


def test_describe_names_all_problems_at_once_and_where() -> None:
    with pytest.raises(SpecError, match="grayscale does nothing") as caught:
        describe(DataSpec(name="digits", grayscale=True, validation=5000))
    assert len(caught.value.problems) == 2
    assert caught.value.loc == ("data",)
    with pytest.raises(SpecError, match="grayscale does nothing") as caught:
        describe(DataSpec(name="digits", grayscale=True))
    assert caught.value.loc == ("data", "grayscale")


def test_describe_refuses_a_mistyped_size() -> None:
    with pytest.raises(LimitError, match=r"70000 samples of \(1, 3200, 3200\) take 668 GiB, more than 32"):
        describe(DataSpec(name="mnist", size=(3200, 3200)))


def test_import_of_facts_and_fetch_needs_no_torch_and_no_numpy() -> None:
    code = (
        "import sys, archsearch.data.facts, archsearch.data.registry, archsearch.data.fetch\n"
        "print([name for name in ('torch', 'torchvision', 'numpy', 'sklearn', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_digits_digest_is_that_of_scikit_learn() -> None:
    bunch = import_module("sklearn.datasets").load_digits()
    values = bunch.images.astype("u1").tobytes() + bunch.target.astype("u1").tobytes()
    entry = DATASETS["digits"]
    assert not isinstance(entry, Downloaded)
    assert entry.digest == f"sha256:{hashlib.sha256(values).hexdigest()}"


@pytest.mark.parametrize(("name", "arguments"), [("breast_cancer", {}), ("wine", {}), ("diabetes", {"scaled": False})])
def test_tables_are_those_of_scikit_learn(
    name: str, arguments: dict[str, bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHSEARCH_DATA", str(tmp_path))
    x, y = getattr(import_module("sklearn.datasets"), f"load_{name}")(return_X_y=True, **arguments)
    data = load(DataSpec(name=name))
    assert (len(data.x_train), len(data.x_test)) == (data.facts.train, data.facts.test)
    assert len(data.x_train) + len(data.x_test) == len(x)
    # the test part is the 5th, 10th, ... sample of each class; of numbers, of all of them
    test = (
        [row for label in set(y) for row in np.flatnonzero(y == label)[4::5]]
        if name != "diabetes"
        else range(4, 442, 5)
    )
    train = sorted(set(range(len(x))) - set(test))
    assert np.array_equal(data.x_test.numpy(), x[sorted(test)].astype(np.float32))
    assert np.array_equal(data.x_train.numpy(), x[train].astype(np.float32))
    assert np.array_equal(data.y_train.numpy().reshape(-1), y[train])
    assert data.y_train.shape[1:] == data.facts.task.target_shape


def test_a_task_can_be_said_of_two_classes_only() -> None:
    facts = describe(DataSpec(name="breast_cancer", task="classification"))
    assert (facts.task, facts.class_names) == (Classification(2), ("malignant", "benign"))
    with pytest.raises(
        SpecError, match=r"digits is for classification \(10 classes\), not regression. Remove data.task"
    ):
        describe(DataSpec(name="digits", task="regression"))
    with pytest.raises(SpecError, match="unknown task 'regresion'; did you mean 'regression'"):
        describe(DataSpec(name="digits", task="regresion"))
    with pytest.raises(SpecError, match="normalize_targets is for numbers to predict, and wine is for classification"):
        describe(DataSpec(name="wine", normalize_targets=True))
