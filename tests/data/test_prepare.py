from __future__ import annotations

import bz2
import errno
import json
import os
import struct
import threading
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from archsearch.data import fetch, location, raw, store, vision
from archsearch.data.facts import describe
from archsearch.data.prepare import Dataset, load, to_float
from archsearch.data.registry import DATASETS, Downloaded
from archsearch.errors import DamagedFileError, UnavailableError
from archsearch.spec.dataset import DataSpec

DIGITS = DataSpec(name="digits")
MNIST = DataSpec(name="mnist")
ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def prepared(data_folder: Path) -> Path:
    (folder,) = store.folders(data_folder)
    return folder


def flip_a_byte(path: Path, position: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def test_load_digits_agrees_with_scikit_learn(data_folder: Path) -> None:
    data = load(DIGITS)
    bunch = import_module("sklearn.datasets").load_digits()
    test_rows = np.sort(np.concatenate([np.flatnonzero(bunch.target == k)[4::5] for k in range(10)]))
    train_rows = np.setdiff1d(np.arange(1797), test_rows)
    for rows, x, y in ((train_rows, data.x_train, data.y_train), (test_rows, data.x_test, data.y_test)):
        assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
        np.testing.assert_array_equal(x.numpy()[:, 0], (bunch.images[rows] / 16).astype(np.float32))
        np.testing.assert_array_equal(y.numpy(), bunch.target[rows])
    assert data.facts == describe(DIGITS)
    assert (data.facts.train, data.facts.test) == (1442, 355)


def test_load_twice_gives_the_same_fingerprint_and_prepares_once(data_folder: Path) -> None:
    lines: list[str] = []
    first = load(DIGITS, say=lines.append)
    second = load(DIGITS, say=lines.append)
    assert first.fingerprint == second.fingerprint
    assert len(first.fingerprint) == 64
    assert lines == ["Preparing digits (1797 samples of (1, 8, 8)) ..."]


def test_fingerprint_differs_with_every_option(data_folder: Path) -> None:
    specs = [DIGITS, DataSpec(name="digits", size=(12, 12)), DataSpec(name="digits", limit=3)]
    assert len({load(spec).fingerprint for spec in specs}) == 3
    assert load(DataSpec(name="digits", normalize=True, validation=50)).fingerprint == load(DIGITS).fingerprint


def test_limit_keeps_the_first_of_each_class_in_order(data_folder: Path) -> None:
    whole, few = load(DIGITS), load(DataSpec(name="digits", limit=3))
    rows = [i for i, y in enumerate(whole.y_train.tolist()) if whole.y_train[:i].tolist().count(y) < 3]
    assert torch.equal(few.y_train, whole.y_train[rows])
    assert torch.equal(few.x_train, whole.x_train[rows])
    assert (few.facts.train, few.facts.test) == (30, 30)


def test_size_agrees_with_torch_interpolation(data_folder: Path) -> None:
    whole, large = load(DIGITS), load(DataSpec(name="digits", size=(12, 10)))
    expected = torch.nn.functional.interpolate(whole.x_test, (12, 10), mode="bilinear", antialias=True)
    torch.testing.assert_close(torch.from_numpy(large.x_test.numpy().copy()), expected)
    assert large.facts.shape == (1, 12, 10)


def test_written_values_do_not_reach_the_file(data_folder: Path) -> None:
    load(DIGITS).x_train.fill_(1)
    load(DIGITS)  # would raise DamagedFileError


def test_to_float_divides_uint8_and_leaves_float() -> None:
    assert torch.equal(to_float(torch.tensor([0, 51, 255], dtype=torch.uint8)), torch.tensor([0.0, 0.2, 1.0]))
    x = torch.tensor([0.5])
    assert to_float(x) is x
    with pytest.raises(TypeError, match=r"expected uint8 or float32, got torch.int64"):
        to_float(torch.tensor([1]))


def test_load_idx_files_gives_their_images(raw_folder: Path, tiny_mnist: dict[str, bytes]) -> None:
    data = load(MNIST)
    values = np.frombuffer(tiny_mnist["train-images-idx3-ubyte"][16:], dtype=np.uint8).reshape(40, 1, 6, 5)
    np.testing.assert_array_equal(data.x_train.numpy(), values)
    assert data.y_test.tolist() == [*range(10), *range(10)]


def test_load_transposed_entry_turns_the_images(raw_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = DATASETS["mnist"]
    assert isinstance(entry, Downloaded)
    straight = load(MNIST)
    contents = replace(entry.contents, shape=(1, 5, 6))
    monkeypatch.setitem(DATASETS, "mnist", replace(entry, transposed=True, contents=contents))
    turned = load(MNIST)
    assert torch.equal(turned.x_train, straight.x_train.transpose(2, 3))


def test_load_qmnist_takes_the_first_label_column(data_folder: Path, tiny_mnist: dict[str, bytes]) -> None:
    entry = DATASETS["qmnist"]
    assert isinstance(entry, Downloaded)
    wide = np.zeros((40, 8), dtype=">i4")
    wide[:, 0] = np.arange(40) % 10
    wide[:, 1:] = 77
    names = list(tiny_mnist)
    contents = [tiny_mnist[names[0]], struct.pack(">4B2I", 0, 0, 12, 2, 40, 8) + wide.tobytes()] * 2
    for file, content in zip(entry.files, contents, strict=True):
        path = data_folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    train, _ = vision.parts(entry, data_folder)
    assert train.y.tolist() == [k % 10 for k in range(40)]


def test_truncated_idx_file_without_a_pin_is_damaged(data_folder: Path, tiny_mnist: dict[str, bytes]) -> None:
    entry = DATASETS["kmnist"]
    assert isinstance(entry, Downloaded)
    for file, content in zip(entry.files, tiny_mnist.values(), strict=True):
        path = data_folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content[:-1])
    with pytest.raises(DamagedFileError, match=r"KMNIST/raw/.* cannot be read .* and were not used"):
        load(DataSpec(name="kmnist"))


def test_load_usps_reads_its_lines(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = DATASETS["usps"]
    assert isinstance(entry, Downloaded)
    values = np.linspace(-1, 1, 256)
    line = " ".join(f"{k + 1}:{value:.6f}" for k, value in enumerate(values))
    data_folder.mkdir()
    for file in entry.files:
        (data_folder / file.path).write_bytes(bz2.compress("".join(f"{k} {line} \n" for k in (10, 1, 2)).encode()))
    train, test = vision.parts(entry, data_folder)
    assert (train.y.tolist(), test.y.tolist()) == ([9, 0, 1], [9, 0, 1])
    image = train.read(torch.tensor([1]))
    assert (image.shape, image.dtype) == ((1, 1, 16, 16), torch.uint8)
    np.testing.assert_allclose(image.flatten().numpy(), (values + 1) / 2 * 255, atol=1)


@pytest.mark.parametrize(("name", "axes"), [("cifar10", (0, 2, 3, 1)), ("svhn", (0, 1, 2, 3))])
def test_arrays_of_colour_images_get_their_channels_first(
    name: str, axes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    x = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    labels = {"labels": np.arange(4)} if name == "svhn" else {"targets": [0, 1, 2, 3]}
    found = SimpleNamespace(data=x.transpose(axes), **labels)
    monkeypatch.setattr(vision, "_dataset_class", lambda source: lambda **_: found)
    entry = DATASETS[name]
    assert isinstance(entry, Downloaded)
    train, _ = vision.parts(entry, tmp_path)
    np.testing.assert_array_equal(train.read(torch.arange(4)).numpy(), x)
    assert train.y.tolist() == [0, 1, 2, 3]


def test_prepared_copy_is_enough_when_raw_files_are_gone(raw_folder: Path, no_network: None) -> None:
    first = load(MNIST)
    for path in raw_folder.iterdir():
        path.unlink()
    assert load(MNIST).fingerprint == first.fingerprint


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty"])
def test_damaged_raw_file_is_named_and_not_used(raw_folder: Path, damage: str) -> None:
    load(MNIST)  # a prepared copy does not hide it
    path = raw_folder / "t10k-images-idx3-ubyte"
    if damage == "flip":
        flip_a_byte(path)
    else:
        path.write_bytes(path.read_bytes()[: 100 if damage == "truncate" else 0])
    way_out = r"SHA-256 [0-9a-f]{12} instead of SHA-256 [0-9a-f]{12}. Delete it, or .*`archsearch data get mnist`"
    with pytest.raises(DamagedFileError, match=f"t10k-images-idx3-ubyte is damaged and was not used: {way_out}"):
        load(MNIST)


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("damage", ["flip", "flip header", "truncate", "remove"])
def test_damaged_prepared_array_is_named_and_not_used(data_folder: Path, name: str, damage: str) -> None:
    load(DataSpec(name="digits", limit=2))
    path = prepared(data_folder) / f"{name}.npy"
    if damage == "remove":
        path.unlink()
    elif damage == "truncate":
        path.write_bytes(path.read_bytes()[:-3])
    else:
        flip_a_byte(path, -1 if damage == "flip" else 20)
    with pytest.raises(
        DamagedFileError, match=rf"{name}.npy is (damaged|missing) and was not used: .*Delete the folder"
    ):
        load(DataSpec(name="digits", limit=2))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"{}", b'{"check": "x"}', b"[" * 100_000, None])
def test_damaged_meta_is_named_and_nothing_used(data_folder: Path, content: bytes | None) -> None:
    load(DIGITS)
    path = prepared(data_folder) / "meta.json"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"meta.json is damaged and was not used: .*Delete the folder"):
        load(DIGITS)


def test_altered_fingerprint_in_meta_is_noticed(data_folder: Path) -> None:
    load(DIGITS)
    path = prepared(data_folder) / "meta.json"
    meta = json.loads(path.read_text())
    path.write_text(json.dumps({**meta, "fingerprint": "0" * 64}))
    with pytest.raises(DamagedFileError, match="not what was written"):
        load(DIGITS)


def test_raw_files_that_hold_something_else_are_refused(raw_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = DATASETS["mnist"]
    monkeypatch.setitem(DATASETS, "mnist", replace(entry, contents=replace(entry.contents, train=41)))
    with pytest.raises(DamagedFileError, match=r"train part has 40 samples with labels 0..9 instead of 41 with 0..9"):
        load(MNIST)
    assert store.folders(raw_folder.parent.parent) == []


def test_files_without_a_pin_are_recorded_and_a_change_noticed(data_folder: Path, tiny_mnist: dict[str, bytes]) -> None:
    entry = DATASETS["kmnist"]
    assert isinstance(entry, Downloaded)
    for number, file in enumerate(entry.files):
        path = data_folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]) * 30)
    first = raw.digests("kmnist", entry, data_folder)
    assert first == raw.digests("kmnist", entry, data_folder)
    flip_a_byte(data_folder / entry.files[1].path)
    with pytest.raises(DamagedFileError, match="KMNIST/raw/train-labels-idx1-ubyte is damaged"):
        raw.digests("kmnist", entry, data_folder)
    (data_folder / "sums" / "kmnist.json").write_text("{")
    with pytest.raises(DamagedFileError, match=r"sums/kmnist.json .*is damaged"):
        raw.digests("kmnist", entry, data_folder)


def test_mnist_files_are_not_taken_for_kmnist(raw_folder: Path) -> None:
    raw_folder.parent.rename(raw_folder.parent.with_name("KMNIST"))
    with pytest.raises(DamagedFileError, match=r"KMNIST.*it is a file of mnist"):
        load(DataSpec(name="kmnist"))


def test_preparers_at_the_same_time_use_one_copy(raw_folder: Path) -> None:
    found: list[Dataset] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        found.append(load(MNIST))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({data.fingerprint for data in found}) == 1
    assert len(found) == 4
    assert [entry.name for entry in (raw_folder.parent.parent / "prepared").iterdir()] == [
        prepared(raw_folder.parent.parent).name
    ]


def test_full_disk_leaves_nothing_behind(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store, "sync", full)
    with pytest.raises(UnavailableError, match=r"data/prepared cannot be written: No space left on device. Make room"):
        load(DIGITS)
    assert list((data_folder / "prepared").iterdir()) == []


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="file/data/prepared cannot be written: Not a directory"):
        load(DIGITS, data_dir=tmp_path / "file" / "data")


def test_leftovers_of_killed_preparers_are_removed(data_folder: Path) -> None:
    old, new = data_folder / "prepared" / ".digits-00-11", data_folder / "prepared" / ".digits-00-22"
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    load(DIGITS)
    assert (old.exists(), new.exists()) == (False, True)


def test_status_and_verify_see_what_lies_there(raw_folder: Path) -> None:
    folder = raw_folder.parent.parent
    load(MNIST)
    status = {entry.name: entry for entry in fetch.status(folder)}
    assert list(status) == list(DATASETS)
    assert status["mnist"].present
    assert status["mnist"].size == sum(path.stat().st_size for path in raw_folder.iterdir())
    assert (status["digits"].present, status["cifar10"].present) == (True, False)
    assert [check.state for check in fetch.verify(folder)] == ["ok"] * 9
    flip_a_byte(raw_folder / "train-labels-idx1-ubyte")
    (raw_folder / "t10k-labels-idx1-ubyte").unlink()
    flip_a_byte(prepared(folder) / "y_test.npy")
    bad = [(check.path.name, check.state) for check in fetch.verify(folder) if check.state != "ok"]
    assert bad == [
        ("train-labels-idx1-ubyte", "damaged"),
        ("t10k-labels-idx1-ubyte", "missing"),
        ("y_test.npy", "damaged"),
    ]


def test_data_dir_order_is_override_variable_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("ARCHSEARCH_DATA", "")
    assert location.data_dir() == tmp_path / "archsearch"
    monkeypatch.setenv("ARCHSEARCH_DATA", str(tmp_path / "variable"))
    assert location.data_dir() == tmp_path / "variable"
    assert location.data_dir(tmp_path / "override") == tmp_path / "override"


@pytest.fixture(scope="module")
def real_mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of its own with links to the real raw files: nothing is prepared in the user's cache."""
    folder = location.data_dir()
    entry = DATASETS["mnist"]
    assert isinstance(entry, Downloaded)
    if raw.missing_files(entry, folder):
        pytest.skip(f"no MNIST in {folder}")
    linked = tmp_path_factory.mktemp("real")
    for file in entry.files:
        (linked / file.path).parent.mkdir(parents=True, exist_ok=True)
        (linked / file.path).symlink_to(folder / file.path)
    return linked


@pytest.mark.mnist
def test_real_mnist_has_the_published_counts_and_first_labels(real_mnist: Path) -> None:
    data = load(MNIST, data_dir=real_mnist)
    assert data.facts == describe(MNIST)
    entry = DATASETS["mnist"].contents
    assert tuple(torch.bincount(data.y_train).tolist()) == entry.train_per_class
    assert tuple(torch.bincount(data.y_test).tolist()) == entry.test_per_class
    assert data.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    # The mean and deviation of the training pixels that every MNIST tutorial uses: 0.1307 and 0.3081.
    pixels = to_float(data.x_train)
    assert round(pixels.mean().item(), 4) == 0.1307
    assert round(pixels.std().item(), 4) == 0.3081


@pytest.mark.mnist
def test_real_mnist_resized_agrees_with_pillow_to_one_level(real_mnist: Path) -> None:
    from PIL import Image

    few = load(DataSpec(name="mnist", size=(32, 32), limit=5), data_dir=real_mnist)
    raw_few = load(DataSpec(name="mnist", limit=5), data_dir=real_mnist)
    for small, large in zip(raw_few.x_train[:20], few.x_train[:20], strict=True):
        pillow = np.asarray(Image.fromarray(small[0].numpy()).resize((32, 32), Image.Resampling.BILINEAR), dtype=int)
        assert np.abs(pillow - large[0].numpy().astype(int)).max() <= 1
