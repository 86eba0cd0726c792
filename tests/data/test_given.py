"""Samples that are handed in: made as the training made its own, converted where they differ, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from archsearch.data.given import (
    arrays_given,
    batches_of,
    image_files,
    images_given,
    labelled_images,
    other_test_part,
)
from archsearch.data.inputs import Inputs
from archsearch.data.prepare import load
from archsearch.errors import DamagedFileError, SpecError, UsageError
from archsearch.spec.dataset import DataSpec

DIGITS = tuple("0123456789")
GREY = Inputs(shape=(1, 8, 8), stored="uint8", task="classification", outputs=10, class_names=DIGITS)
COLOUR = GREY.model_copy(update={"shape": (3, 8, 8)})
SIGNALS = Inputs(shape=(3, 16), stored="float32", task="classification", outputs=2, class_names=("0", "1"))
MNIST = DataSpec(name="mnist", size=(8, 8))


def picture(path: Path, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Write a random picture (H, W) or (H, W, C), and give its values."""
    values = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(values).save(path)
    return values


def values_of(given) -> torch.Tensor:
    return torch.cat([x for x, _ in batches_of(given, 2)])


def test_own_images_are_read_as_the_training_reads_them(tmp_path, data_dir):
    """The same files, once as the test part of a training and once handed in: the same bytes, whatever their modes."""
    root = tmp_path / "own"
    for part in ("train", "test"):
        for number, name in enumerate(("cat", "dog")):
            for k in range(3):
                picture(root / part / name / f"{k}.png", (20, 30, 4) if k else (12, 9, 3), 10 * number + k)
            picture(root / part / name / "grey.png", (10, 10), number)
    for spec in (
        DataSpec(name="folder", path=str(root), size=(8, 8), background=(0, 0, 0)),
        DataSpec(name="folder", path=str(root), size=(8, 8), grayscale=True),
    ):
        data = load(spec, data_dir=data_dir)
        inputs = Inputs.of(spec, data)
        given = images_given(image_files([str(root / "test")]), inputs, spec)
        assert torch.equal(values_of(given), data.x_test)
        assert torch.equal(values_of(labelled_images(root, inputs, spec)), data.x_test)
        assert torch.equal(labelled_images(root, inputs, spec).part.y, data.y_test)


def test_another_size_or_mode_is_converted_and_said(tmp_path):
    fits = picture(tmp_path / "a.png", (8, 8))
    picture(tmp_path / "b.png", (16, 12, 3))
    given = images_given(image_files([str(tmp_path)]), GREY, MNIST)
    x = values_of(given)
    assert x.shape == (2, 1, 8, 8)
    assert np.array_equal(x[0, 0].numpy(), fits)
    b = tmp_path / "b.png"
    assert given.remarks() == [
        f"1 of 2 images is resized to 8x8 (the first: {b}, 16x12)",
        f"1 of 2 images is made grey (the first: {b})",
    ]


def test_a_grey_image_for_a_colour_network_has_three_equal_channels(tmp_path):
    values = picture(tmp_path / "a.png", (8, 8))
    given = images_given([tmp_path / "a.png"], COLOUR, DataSpec(name="cifar10"))
    assert np.array_equal(values_of(given)[0].numpy(), np.stack([values] * 3))
    assert given.remarks() == [
        f"the image is read as red, green and blue, all three the same (the first: {tmp_path / 'a.png'})"
    ]


def test_files_that_are_no_image_or_not_there_are_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"empty holds no image; endings read are \.bmp, "):
        image_files([str(tmp_path / "empty")])
    with pytest.raises(UsageError, match=r"there is no file or folder gone\.png, gone\.jpg"):
        image_files(["gone.png", "gone.jpg"])
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(DamagedFileError, match=r"text\.png cannot be read as an image"):
        values_of(images_given([tmp_path / "text.png"], GREY, MNIST))


def test_networks_that_read_no_images_say_what_they_read():
    with pytest.raises(UsageError, match="reads samples of 3x16, no images; give them as an array x"):
        images_given([], SIGNALS, DataSpec(name="npz", path="a.npz"))
    floats = GREY.model_copy(update={"stored": "float32"})
    with pytest.raises(UsageError, match="trained on arrays of decimal numbers, and an image does not say"):
        images_given([], floats, DataSpec(name="npz", path="a.npz"))


# -- arrays ------------------------------------------------------------------------------------------------------------


def saved(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def test_arrays_are_taken_by_name_with_their_labels(tmp_path):
    x = np.random.default_rng(0).random((4, 3, 16)).astype("f4")
    y = np.array([0, 1, 1, 0])
    for names in (("x", "y"), ("x_test", "y_test")):
        file = saved(tmp_path / "a.npz", **dict(zip(names, (x, y), strict=True)))
        given = arrays_given(file, SIGNALS, DataSpec(name="npz", path="a.npz"), labelled=True)
        assert np.array_equal(values_of(given).numpy(), x)
        assert given.part.y.tolist() == [0, 1, 1, 0]
        assert given.names[1] == f"{names[0]}[1]"


def test_float_images_for_a_network_of_uint8_are_fractions(tmp_path):
    x = np.random.default_rng(0).random((2, 1, 8, 8)).astype("f4")
    given = arrays_given(saved(tmp_path / "a.npz", x=x), GREY, MNIST, labelled=False)
    assert np.array_equal(values_of(given).numpy(), x)
    bare = arrays_given(saved(tmp_path / "bare.npz", x=x[:, 0]), GREY, MNIST, labelled=False)
    assert np.array_equal(values_of(bare).numpy(), x)  # without an axis of channels: grey, as uint8 is
    with pytest.raises(UsageError, match=r"signals\.npz: x has samples of 8x9, and the network reads 1x8x8"):
        arrays_given(saved(tmp_path / "signals.npz", x=np.zeros((2, 8, 9), "f4")), GREY, MNIST, labelled=False)
    file = saved(tmp_path / "b.npz", x=255 * x)
    with pytest.raises(UsageError, match=r"b\.npz: x runs from .* the network reads values from 0 to 1; give uint8"):
        arrays_given(file, GREY, MNIST, labelled=False)


def test_large_numbers_are_standardised_as_in_training(tmp_path, data_dir):
    """Time stamps in float64: float32 cannot tell them apart, so training standardised the column first."""
    dice = np.random.default_rng(0)
    x = np.stack([1.7e9 + dice.integers(0, 100, 60), dice.normal(size=60)], 1)
    y = np.arange(60) % 2
    file = saved(tmp_path / "own.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    spec = DataSpec(name="npz", path=str(file), normalize=True)
    data = load(spec, data_dir=data_dir)
    inputs = Inputs.of(spec, data)
    assert [column for column, _, _ in inputs.scaled] == [0]
    assert inputs.scaled[0][1:] == pytest.approx((x[:40, 0].mean(), x[:40, 0].std()))
    given = arrays_given(saved(tmp_path / "new.npz", x=x[40:41]), inputs, spec, labelled=False)
    assert torch.equal(values_of(given), data.x_test[:1])


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        ({"z": np.zeros((2, 3, 16), "f4")}, SpecError, "holds z; expected x and y, or x_test and y_test"),
        ({"x": np.zeros((2, 3, 16), "f4")}, SpecError, "holds x; expected x and y"),
        (
            {"x": np.zeros((2, 3, 15), "f4"), "y": np.zeros(2, int)},
            UsageError,
            "x has samples of 3x15, and the network reads 3x16",
        ),
        ({"x": np.zeros((2, 3, 16), "f4"), "y": np.zeros(3, int)}, SpecError, "x has 2 samples and y 3 labels"),
        (
            {"x": np.zeros((2, 3, 16), "f4"), "y": np.array([0, 2])},
            UsageError,
            "labels run from 0 to 2; the network has 2 classes, and labels from 0 to 1",
        ),
        (
            {"x": np.full((2, 3, 16), np.nan, "f4"), "y": np.array([0, 1])},
            UsageError,
            r"x has 96 values that are not finite as float32 \(the first in row 0, channel 0\); replace them",
        ),
        (
            {"x": np.zeros((2, 3, 16), "u1"), "y": np.array([0, 1])},
            UsageError,
            "x is uint8, and the network was trained on float32",
        ),
    ],
)
def test_arrays_that_are_no_samples_of_this_kind_are_refused(tmp_path, arrays, error, message):
    file = saved(tmp_path / "a.npz", **arrays)
    with pytest.raises(error, match=message):
        arrays_given(file, SIGNALS, DataSpec(name="npz", path="a.npz"), labelled=True)


# -- data sets and class folders ---------------------------------------------------------------------------------------


def test_the_test_part_of_a_named_set_is_prepared_as_in_training(data_dir):
    spec = DataSpec(name="digits", size=(12, 12))
    data = load(spec, data_dir=data_dir)
    given = other_test_part(DataSpec(name="digits"), Inputs.of(spec, data), spec, data_dir=data_dir)
    assert torch.equal(values_of(given), data.x_test)
    assert torch.equal(given.part.y, data.y_test)


def test_limits_and_parts_of_own_data_are_the_other_specs(tmp_path):
    x = np.random.default_rng(0).random((30, 3, 16)).astype("f4")
    y = np.arange(30) % 2
    file = saved(tmp_path / "own.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    other = DataSpec(name="npz", path=str(file), limit=4)
    given = other_test_part(other, SIGNALS, DataSpec(name="npz", path="gone.npz"))
    assert np.array_equal(values_of(given).numpy(), x[:8])
    assert given.names[-1] == "x_test[7]"


def test_other_classes_are_refused_before_anything_is_loaded(tmp_path):
    with pytest.raises(UsageError, match=r"fashion_mnist has the 10 classes T-shirt/top, .* 10 classes: 0, 1, "):
        other_test_part(DataSpec(name="fashion_mnist"), GREY, MNIST, data_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_class_folders_must_be_the_networks_classes(tmp_path):
    picture(tmp_path / "1" / "a.png", (8, 8))
    given = labelled_images(tmp_path, GREY, MNIST)
    assert given.part.y.tolist() == [1]
    assert given.remarks() == ["no image of 9 classes: 0, 2, 3, 4, 5, 6, 7, 8 and 1 more"]
    picture(tmp_path / "eleven" / "a.png", (8, 8))
    with pytest.raises(UsageError, match="has the folder eleven; the network's classes are 0, 1, 2"):
        labelled_images(tmp_path, GREY, MNIST)
    (tmp_path / "none").mkdir()
    with pytest.raises(UsageError, match="holds no image in folders called as the classes"):
        labelled_images(tmp_path / "none", GREY, MNIST)
