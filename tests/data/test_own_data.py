from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from archsearch.data import npz
from archsearch.data.facts import describe
from archsearch.data.prepare import load
from archsearch.data.remarks import read_as, remarks
from archsearch.data.split import divide
from archsearch.errors import DamagedFileError, SpecError
from archsearch.experiment_plan import load_spec
from archsearch.spec.augmentations import Flip
from archsearch.spec.dataset import DataSpec

Y = np.array([0, 1, 2, 0, 1, 2])


def npz_spec(path: Path, **options: Any) -> DataSpec:
    return DataSpec(name="npz", path=str(path), **options)


def write_npz(path: Path, **changes: Any) -> Path:
    draw = np.random.default_rng(0)
    arrays = {
        "x_train": draw.normal(size=(6, 5)),
        "y_train": Y,
        "x_test": draw.normal(size=(3, 5)),
        "y_test": np.array([2, 1, 0], dtype=np.uint8),
    }
    np.savez(path, **{name: value for name, value in (arrays | changes).items() if value is not None})
    return path


def images(kind: str, *shape: int) -> dict[str, Any]:
    draw = np.random.default_rng(1)
    made = [draw.integers(0, 256, (n, *shape)) for n in (6, 3)]
    return {name: value.astype(kind) for name, value in zip(("x_train", "x_test"), made, strict=True)}


@pytest.mark.parametrize(
    ("arrays", "shape"),
    [
        (images("float64", 5), (5,)),
        (images("uint8", 5), (5,)),
        (images("uint8", 4, 5), (1, 4, 5)),
        (images("float32", 4, 5), (4, 5)),
        (images("uint8", 3, 8, 9), (3, 8, 9)),
        (images("uint8", 8, 9, 3), (3, 8, 9)),
        (images("float16", 8, 9, 1), (1, 8, 9)),
        (images("uint8", 16, 8, 9), (16, 8, 9)),
        (images("uint8", 3, 9, 3), (3, 9, 3)),
        (images(">f4", 2, 2, 2, 2), (2, 2, 2, 2)),
    ],
)
def test_npz_axes_are_read_by_the_documented_rule(
    tmp_path: Path, data_folder: Path, arrays: Mapping[str, Any], shape: tuple[int, ...]
) -> None:
    spec = npz_spec(write_npz(tmp_path / "own.npz", **arrays))
    data = load(spec)
    assert describe(spec).shape == data.facts.shape == shape
    assert (data.facts.classes, data.facts.class_names) == (3, ("0", "1", "2"))
    assert data.x_train.dtype == (torch.uint8 if arrays["x_train"].dtype == np.uint8 else torch.float32)
    expected = arrays["x_train"]
    if shape[-2:] == (8, 9) and expected.shape[1] == 8:
        expected = np.moveaxis(expected, 3, 1)
    np.testing.assert_array_equal(data.x_train.numpy(), expected.reshape(6, *shape))
    assert data.y_test.tolist() == [2, 1, 0]


def test_npz_grayscale_size_and_limit(tmp_path: Path, data_folder: Path) -> None:
    path = write_npz(tmp_path / "own.npz", **images("uint8", 8, 8, 3))
    data = load(npz_spec(path, grayscale=True, size=(4, 6), limit=1))
    assert data.facts.shape == (1, 4, 6)
    assert data.y_train.tolist() == [0, 1, 2]
    grey = load(npz_spec(path, grayscale=True))
    red, green, blue = (images("uint8", 8, 8, 3)["x_test"][..., channel].astype(float) for channel in range(3))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue  # ITU-R BT.601
    # torchvision rounds down, and its weights add up to 0.9999
    assert np.abs(grey.x_test.numpy()[:, 0] - luma).max() < 1.03


def test_npz_changed_file_gives_another_fingerprint(tmp_path: Path, data_folder: Path) -> None:
    first = load(npz_spec(write_npz(tmp_path / "own.npz")))
    second = load(npz_spec(write_npz(tmp_path / "own.npz", x_test=np.zeros((3, 5)))))
    assert first.fingerprint != second.fingerprint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_test": None, "y_test": None}, "holds x_train, y_train; x_test, y_test is missing"),
        ({"x_train": np.zeros((6, 5), dtype=np.int64)}, r"x_train is int64; convert it to float64 \(.*\), or uint8"),
        ({"x_train": np.zeros((6, 5), dtype=np.int16)}, r"x_train is int16; convert it to uint8 .* or float32"),
        ({"x_train": np.zeros((6, 5), dtype=bool)}, "x_train is bool"),
        ({"x_train": np.full((6, 5), None)}, "x_train is object"),
        ({"x_train": np.zeros(6)}, r"x_train has the shape \(6,\)"),
        ({"x_train": np.zeros((6, 0))}, r"x_train has the shape \(6, 0\)"),
        ({"x_train": np.zeros((6, 4))}, r"x_train float64 \(6, 4\) and x_test float64 \(3, 5\) are not samples of one"),
        ({"x_train": np.zeros((6, 5), dtype=np.uint8)}, "are not samples of one kind"),
        ({"x_train": np.zeros((7, 5))}, "x_train has 7 samples and y_train 6 labels"),
        ({"y_train": Y.astype(float)}, r"y_train is float64 \(6,\) and holds 0 to 2, which may be labels or numbers"),
        ({"y_train": np.eye(6, dtype=int)}, r"y_train is int64 \(6, 6\) with one 1 in every row, as of one class each"),
        ({"y_train": np.full(6, None)}, "y_train is object"),
        ({"y_train": Y + 1}, "y_train has no sample of class 0; labels must be 0..k-1"),
        ({"y_train": Y - 1}, "labels run from -1 to 2"),
        ({"y_train": Y * 10**12}, "labels run from 0 to 2000000000000"),
        ({"y_test": np.array([0, 1, 3])}, "y_test has the label 3, which y_train does not have"),
        ({"x_test": np.zeros((0, 5)), "y_test": np.zeros(0, dtype=int)}, "y_test is empty"),
    ],
)
def test_npz_that_is_not_data_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=f"own.npz: .*{message}") as caught:
        describe(npz_spec(write_npz(tmp_path / "own.npz", **changes)))
    assert caught.value.loc == ("data", "path")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_npz_values_that_are_not_finite_are_refused(tmp_path: Path, data_folder: Path, value: float) -> None:
    x = np.zeros((6, 5))
    x[2, 3] = value
    with pytest.raises(
        SpecError,
        match=r"x_train has 1 value that is not finite as float32 \(the first in row 2, column 3\); replace it",
    ):
        load(npz_spec(write_npz(tmp_path / "own.npz", x_train=x)))
    assert not (data_folder / "prepared").exists()


SMALL = """\
data: {name: npz, path: own.npz}
network: [flatten, linear: {out_features: classes}]
train: {epochs: 1}
"""


def test_npz_values_that_are_not_finite_are_told_where_a_spec_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is prepared; a file is looked at once, again when it changes, and not where it is large."""
    (tmp_path / "own.yaml").write_text(SMALL, encoding="utf-8")
    x = np.zeros((3, 2, 4), dtype=np.float32)
    x[1, 0, 3] = np.nan
    write_npz(tmp_path / "own.npz", x_train=np.zeros((6, 2, 4), dtype=np.float32), x_test=x)
    with pytest.raises(SpecError, match=r"own.npz: x_test has 1 value .* in row 1, channel 0\); replace it") as caught:
        load_spec(str(tmp_path / "own.yaml"))
    assert str(caught.value).startswith(f"{tmp_path / 'own.yaml'}:1:")
    with pytest.raises(SpecError, match=r"in row 1, channel 3\); replace it"):
        load_spec(str(tmp_path / "own.yaml"), ["data.channels=last"])

    monkeypatch.setattr(npz, "_READ_AT_ONCE", 95)  # x_test is 96 bytes
    npz._not_finite.cache_clear()
    load_spec(str(tmp_path / "own.yaml"))
    monkeypatch.undo()
    write_npz(tmp_path / "own.npz", x_train=np.zeros((6, 2, 4)), x_test=np.zeros((3, 2, 4)))
    load_spec(str(tmp_path / "own.yaml"))


@pytest.mark.parametrize("length", [0, 10, 200, -1])
def test_npz_truncated_is_damaged(tmp_path: Path, length: int) -> None:
    path = write_npz(tmp_path / "own.npz")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DamagedFileError, match=r"own.npz cannot be read as .npz .*was not used"):
        describe(npz_spec(path))


def test_npz_with_an_altered_byte_is_damaged(tmp_path: Path, data_folder: Path) -> None:
    path = write_npz(tmp_path / "own.npz", **images("uint8", 20, 20))
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"own.npz cannot be read"):
        load(npz_spec(path))


def test_npz_path_that_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none.npz: does not exist; expected an .npz file"):
        describe(npz_spec(tmp_path / "none.npz"))
    with pytest.raises(SpecError, match=r"is a folder; expected an .npz file"):
        describe(npz_spec(tmp_path))


def test_npz_image_options_on_flat_data_and_signals(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "own.npz")
    with pytest.raises(SpecError, match=r"size is for images, and npz has flat features \(5,\). Remove it.") as caught:
        describe(npz_spec(path, size=(4, 4), grayscale=True, augment=(Flip(),)))
    assert len(caught.value.problems) == 3
    path = write_npz(tmp_path / "own.npz", **images("float32", 4, 5))
    with pytest.raises(SpecError, match=r"augment is for images, and npz has signals \(4, 5\)"):
        describe(npz_spec(path, augment=(Flip(),)))


def image(path: Path, size: tuple[int, int] = (6, 5), mode: str = "RGB", seed: int = 0) -> np.ndarray[Any, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    values = np.random.default_rng(seed).integers(0, 256, axes, dtype=np.uint8)
    Image.fromarray(values).save(path)
    return values


def folder_spec(path: Path, **options: Any) -> DataSpec:
    return DataSpec(name="folder", path=str(path), **options)


def test_folder_with_train_and_test_holds_the_pixels(tmp_path: Path, data_folder: Path) -> None:
    flowers = tmp_path / "flowers"
    made = {
        (part, name, number): image(flowers / part / name / f"{number}.png", seed=number)
        for part in ("train", "test")
        for name in ("rose", "daisy")
        for number in range(2)
    }
    (flowers / "train" / "rose" / "notes.txt").write_text("not an image")
    (flowers / "train" / ".hidden").mkdir()
    data = load(folder_spec(flowers))
    assert data.facts == describe(folder_spec(flowers))
    assert (data.facts.class_names, data.facts.shape) == (("daisy", "rose"), (3, 5, 6))
    assert (data.y_train.tolist(), data.y_test.tolist()) == ([0, 0, 1, 1], [0, 0, 1, 1])
    assert data.x_train.dtype == torch.uint8
    np.testing.assert_array_equal(data.x_train[2].numpy(), made["train", "rose", 0].transpose(2, 0, 1))


def test_folder_without_a_split_tests_on_every_fifth(tmp_path: Path, data_folder: Path) -> None:
    made = [image(tmp_path / "own" / name / f"{n:02}.png", mode="L", seed=n) for name in "ab" for n in range(11)]
    data = load(folder_spec(tmp_path / "own"))
    assert (data.facts.shape, data.facts.train, data.facts.test) == ((1, 5, 6), 18, 4)
    expected = np.stack([made[n] for n in (4, 9, 15, 20)])
    np.testing.assert_array_equal(data.x_test[:, 0].numpy(), expected)


def test_folder_images_of_different_sizes_need_size(tmp_path: Path, data_folder: Path) -> None:
    for name in "ab":
        for n in range(5):
            image(tmp_path / "own" / name / f"{n}.png", size=(6 + n, 5), seed=n)
    with pytest.raises(SpecError, match=r"1.png: is 5x7 where the first is 5x6; .*need `size: \[height, width\]`"):
        load(folder_spec(tmp_path / "own"))
    assert not list((data_folder / "prepared").iterdir())
    data = load(folder_spec(tmp_path / "own", size=(4, 4), grayscale=True))
    assert data.facts.shape == (1, 4, 4)


def test_folder_changed_image_gives_another_fingerprint(tmp_path: Path, data_folder: Path) -> None:
    for name in "ab":
        for n in range(5):
            image(tmp_path / "own" / name / f"{n}.png", seed=n)
    first = load(folder_spec(tmp_path / "own"))
    image(tmp_path / "own" / "b" / "4.png", seed=9)
    assert load(folder_spec(tmp_path / "own")).fingerprint != first.fingerprint


def test_folder_grey_first_and_coloured_later(tmp_path: Path, data_folder: Path) -> None:
    for name in "ab":
        for n in range(5):
            image(tmp_path / "own" / name / f"{n}.png", mode="RGB" if (name, n) == ("b", 2) else "L")
    with pytest.raises(SpecError, match=r"b/2.png: is coloured where the first image is grey; convert the files"):
        load(folder_spec(tmp_path / "own"))
    assert load(folder_spec(tmp_path / "own", grayscale=True)).facts.shape == (1, 5, 6)
    image(tmp_path / "own" / "b" / "2.png", mode="L")
    with pytest.raises(SpecError, match="grayscale does nothing"):
        describe(folder_spec(tmp_path / "own", grayscale=True))


def test_folder_broken_image_is_named(tmp_path: Path, data_folder: Path) -> None:
    for name in "ab":
        for n in range(5):
            image(tmp_path / "own" / name / f"{n}.png", size=(60, 50))
    path = tmp_path / "own" / "b" / "3.png"
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(DamagedFileError, match=r"b/3.png cannot be read as an image .*Replace it"):
        load(folder_spec(tmp_path / "own"))
    path = tmp_path / "own" / "a" / "0.png"
    path.write_bytes(b"no image")
    with pytest.raises(DamagedFileError, match=r"a/0.png cannot be read as an image \(UnidentifiedImageError"):
        describe(folder_spec(tmp_path / "own"))


def test_folder_that_is_not_one_folder_per_class_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own"
    with pytest.raises(SpecError, match="own: does not exist; expected a folder of images"):
        describe(folder_spec(own))
    own.mkdir()
    with pytest.raises(SpecError, match="own: has 0 class folders; a data set needs at least two"):
        describe(folder_spec(own))
    image(own / "a" / "0.png")
    with pytest.raises(SpecError, match="own/a: has 1 images; a test part of 20 % needs 5 of each class"):
        describe(folder_spec(own))
    (own / "b").mkdir()
    image(own / "train" / "a" / "0.png")
    with pytest.raises(SpecError, match=r"own: has a, b, train; a split needs both train/ and test/"):
        describe(folder_spec(own))
    image(own / "test" / "c" / "0.png")
    with pytest.raises(SpecError, match=r"train/ and test/ differ in a, c; both need the same class folders"):
        describe(folder_spec(own))
    (own / "test" / "a").mkdir()
    (own / "train" / "c").mkdir()
    with pytest.raises(SpecError, match=r"train/c: holds no image; endings read are .bmp, "):
        describe(folder_spec(own))


def test_folder_with_sixteen_bits_per_channel_is_refused(tmp_path: Path) -> None:
    for name in "ab":
        for n in range(5):
            image(tmp_path / "own" / name / f"{n}.png")
    Image.fromarray(np.zeros((4, 4), dtype=np.uint16)).save(tmp_path / "own" / "a" / "0.png")
    with pytest.raises(SpecError, match=r"a/0.png: has more than 8 bits per channel \(I;16\)"):
        describe(folder_spec(tmp_path / "own"))


# -- what is read otherwise, and what is not read ----------------------------------------------------------------------


def test_channels_say_which_axis_they_are(tmp_path: Path, data_folder: Path) -> None:
    signals = images("float32", 128, 9)
    path = write_npz(tmp_path / "own.npz", **signals)
    assert (describe(npz_spec(path)).shape, read_as(npz_spec(path))) == ((128, 9), "128 channels of 9 steps")
    last = npz_spec(path, channels="last")
    assert read_as(last) == "9 channels of 128 steps"
    data = load(last)
    np.testing.assert_array_equal(data.x_train.numpy(), np.moveaxis(signals["x_train"], 2, 1))
    assert data.fingerprint != load(npz_spec(path)).fingerprint
    stored = write_npz(tmp_path / "fixed.npz", **{k: np.moveaxis(v, 2, 1) for k, v in signals.items()})
    assert data.fingerprint == load(npz_spec(stored)).fingerprint


def test_channels_of_images_go_before_the_rule(tmp_path: Path, data_folder: Path) -> None:
    made = images("uint8", 8, 9, 3)
    path = write_npz(tmp_path / "own.npz", **made)
    assert read_as(npz_spec(path)) == "3 channels of 8x9 pixels"
    assert read_as(npz_spec(path, channels="first")) == "8 channels of 9x3 pixels"
    np.testing.assert_array_equal(load(npz_spec(path, channels="first")).x_train.numpy(), made["x_train"])
    five = write_npz(tmp_path / "five.npz", **images("float32", 8, 9, 5))
    assert load(npz_spec(five, channels="last")).facts.shape == (5, 8, 9)
    volume = write_npz(tmp_path / "volume.npz", **images("float32", 2, 3, 4, 5))
    assert describe(npz_spec(volume, channels="last")).shape == (5, 2, 3, 4)
    assert read_as(npz_spec(volume)) == "2 channels of 3x4x5 values"


def test_channels_where_there_are_none_are_refused(tmp_path: Path) -> None:
    flat = write_npz(tmp_path / "own.npz")
    with pytest.raises(
        SpecError, match=r"channels: last is for .* x_train float64 \(6, 5\) are flat features"
    ) as caught:
        describe(npz_spec(flat, channels="last"))
    assert caught.value.loc == ("data", "channels")
    grey = write_npz(tmp_path / "grey.npz", **images("uint8", 4, 5))
    with pytest.raises(SpecError, match=r"are grey images, .* Remove it, or store signals as float32"):
        describe(npz_spec(grey, channels="last"))
    with pytest.raises(SpecError, match=r"channels says how your own arrays \(npz\) are read, and digits is known"):
        describe(DataSpec(name="digits", channels="last"))


def test_npz_of_one_class_is_refused_as_a_folder_is(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"one class; a data set needs at least two"):
        describe(npz_spec(write_npz(tmp_path / "own.npz", y_train=np.zeros(6, int), y_test=np.zeros(3, int))))


def test_npz_validation_part_and_arrays_that_are_not_used(tmp_path: Path, data_folder: Path) -> None:
    x = np.arange(10.0).reshape(2, 5)
    path = write_npz(tmp_path / "own.npz", x_val=x, y_val=np.array([1, 0]), subject=Y, when=Y)
    spec = npz_spec(path)
    assert (describe(spec).train, describe(spec).validation, describe(spec).test) == (8, 2, 3)
    assert remarks(spec) == [
        "validation part: 2 samples of x_val, the same for every seed",
        "not used: 2 other arrays (subject, when)",
    ]
    other = write_npz(tmp_path / "other.npz", x_valid=x, y_valid=np.array([1, 0]))
    assert remarks(npz_spec(other)) == [
        "not used: 2 other arrays (x_valid, y_valid); "
        "a validation part is read where it is called x_val and y_val, not x_valid and y_valid"
    ]
    data = load(spec)
    np.testing.assert_array_equal(data.x_train[6:].numpy(), x)
    assert data.y_train.tolist() == [*Y.tolist(), 1, 0]
    with pytest.raises(SpecError, match=r"holds x_val alone; a validation part is x_val and y_val"):
        describe(npz_spec(write_npz(tmp_path / "own.npz", x_val=x)))
    with pytest.raises(SpecError, match=r"y_val has the label 7, which y_train does not have"):
        describe(npz_spec(write_npz(tmp_path / "own.npz", x_val=x, y_val=np.array([1, 7]))))
    with pytest.raises(SpecError, match=r"x_val float64 \(2, 4\) are not samples of one kind"):
        describe(npz_spec(write_npz(tmp_path / "own.npz", x_val=x[:, :4], y_val=np.array([1, 0]))))


def three_parts(folder: Path, held_out: str = "val") -> Path:
    for part, number in (("train", 6), (held_out, 3), ("test", 2)):
        for name in "ab":
            for n in range(number):
                image(folder / part / name / f"{n}.png", seed=100 * ord(part[0]) + 10 * ord(name) + n)
    return folder


@pytest.mark.parametrize("word", ["val", "valid", "validation"])
def test_folder_validation_part_is_held_out_whatever_the_seed(tmp_path: Path, data_folder: Path, word: str) -> None:
    own = three_parts(tmp_path / "own", word)
    spec = folder_spec(own)
    data = load(spec)
    assert (data.facts.train, data.facts.validation, data.facts.test) == (18, 6, 4)
    for seed in (0, 1):
        train, held_out = divide(spec, data.facts, data.y_train, seed, seed)
        assert (train.tolist(), held_out.tolist()) == (list(range(12)), list(range(12, 18)))
    shown = Image.open(own / word / "b" / "2.png")
    np.testing.assert_array_equal(data.x_train[17].numpy().transpose(1, 2, 0), np.asarray(shown))
    assert remarks(spec) == ["validation part: 6 samples of the validation folder, the same for every seed"]
    few = load(folder_spec(own, limit=2))
    assert (few.facts.train, few.facts.validation, few.facts.test) == (8, 4, 4)
    assert few.y_train.tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert torch.equal(few.x_train[4:], data.x_train[[12, 13, 15, 16]])


def test_folder_validation_part_and_a_second_one(tmp_path: Path) -> None:
    own = three_parts(tmp_path / "own")
    with pytest.raises(
        SpecError, match=r"validation 0.1 is one part too many: the data hold .* of 6 samples"
    ) as caught:
        describe(folder_spec(own, validation=0.1))
    assert caught.value.loc == ("data", "validation")
    assert describe(folder_spec(own, validation=6)) == describe(folder_spec(own))  # what a kept run's spec says
    image(own / "valid" / "a" / "0.png")
    with pytest.raises(SpecError, match=r"own: has val and valid; one of them can be the validation part"):
        describe(folder_spec(own))
    (own / "valid" / "a" / "0.png").unlink()
    (own / "valid" / "a").rmdir()
    (own / "valid").rmdir()
    (own / "val" / "b").rename(own / "val" / "c")
    with pytest.raises(SpecError, match=r"train/ and val/ differ in b, c; both need the same class folders"):
        describe(folder_spec(own))
    (own / "test").rename(own / "tests")
    with pytest.raises(SpecError, match=r"both train/ and test/; val/ is read as the validation part, not as test/"):
        describe(folder_spec(own))


def test_folder_says_what_it_holds_and_does_not_read(tmp_path: Path) -> None:
    own = tmp_path / "own"
    for name in "ab":
        for n in range(5):
            image(own / name / f"{n}.png", seed=n)
    assert remarks(folder_spec(own)) == []
    for n in range(3):
        image(own / "a" / "old" / f"{n}.png")
    image(own / "a" / "old" / "older" / "0.jpg")
    image(own / "cover.png")
    (own / "a" / "labels.csv").write_text("")
    (own / "LICENSE").write_text("")
    (own / "b" / ".DS_Store").write_text("")
    (own / ".cache").mkdir()
    image(own / ".cache" / "0.png")
    (line,) = remarks(folder_spec(own))
    assert line == (
        "not used: 4 images in folders inside class folders (a/old/ 3, a/old/older/ 1); 1 image beside the folders; "
        "2 files of other kinds (.csv 1, no ending 1)"
    )


def test_folder_beside_the_parts_is_not_read_and_said(tmp_path: Path) -> None:
    own = three_parts(tmp_path / "own")
    for n in range(12):
        image(own / "extra" / f"{n % 10}" / f"{n}.png")
    assert remarks(folder_spec(own))[1] == (
        "not used: 12 images in other folders (extra/0/ 2, extra/1/ 2, extra/2/ 1, extra/3/ 1, extra/4/ 1, extra/5/ 1, "
        "4 more)"
    )


def test_folder_whose_images_lie_deeper_says_so(tmp_path: Path) -> None:
    for name in "ab":
        for n in range(5):
            image(tmp_path / "own" / name / "images" / f"{n}.png", seed=n)
    with pytest.raises(SpecError, match=r"own/a: holds no image; .*; the 5 images in folders below it are not read"):
        describe(folder_spec(tmp_path / "own"))


def pattern(n: int, kind: str, *shape: int) -> np.ndarray[Any, Any]:
    count = n * int(np.prod(shape))
    values = np.arange(count) * 37 % (256 if kind == "uint8" else 101) / (1 if kind == "uint8" else 128)
    return values.astype(kind).reshape(n, *shape)


@pytest.mark.parametrize(
    ("kind", "shape", "fingerprint"),
    [
        ("float32", (9, 4), "81f322cad484d1a09aadcf18bbd9222514719c1d7d933ec4b40b6d7b0f5779a9"),
        ("float64", (5,), "787e0e066f3c03c84a007664b04dd740ca63a65ed5f25c57a8778845ec92d94e"),
        ("uint8", (8, 9, 3), "4ea06473a4e622896218fc6cfb3ffefe3a2a13a2b646c3fbc842727f7af232b4"),
    ],
)
def test_npz_fingerprints_are_those_of_version_0_1(
    tmp_path: Path, data_folder: Path, kind: str, shape: tuple[int, ...], fingerprint: str
) -> None:
    arrays = {"x_train": pattern(6, kind, *shape), "x_test": pattern(3, kind, *shape)}
    path = write_npz(tmp_path / "own.npz", **arrays)
    assert load(npz_spec(path)).fingerprint == load(npz_spec(path, normalize=True)).fingerprint == fingerprint


@pytest.mark.parametrize(
    ("shape", "fingerprint"),
    [
        ((5, 6, 3), "71e3d1d9b5749fc059414433f38faffcab5f7ca3075120cc315a74fd7ec0f515"),
        ((5, 6), "04f1bc09cfbbde78ee2bb5a13ee65eda1ca68380baa8bc5ecc3a1ae0ca0151f7"),
    ],
)
def test_folder_fingerprints_are_those_of_version_0_1(
    tmp_path: Path, data_folder: Path, shape: tuple[int, ...], fingerprint: str
) -> None:
    for name in "ab":
        for n in range(5):
            values = (np.arange(int(np.prod(shape))) * 37 + n * 11).reshape(shape).astype(np.uint8)
            (tmp_path / "own" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(tmp_path / "own" / name / f"{n}.png")
    assert load(folder_spec(tmp_path / "own")).fingerprint == fingerprint
