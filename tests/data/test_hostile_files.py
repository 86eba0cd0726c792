"""Data files that are made, or happen, to do harm: they hang nothing, fill no memory and end in a clear word."""

from __future__ import annotations

import json
import os
import re
import socket
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsearch.data import npz, store
from archsearch.data.facts import describe
from archsearch.data.folder import digest
from archsearch.data.prepare import load
from archsearch.errors import DamagedFileError, SpecError
from archsearch.files import seal, sha256
from archsearch.spec.dataset import DataSpec
from tests.data.test_own_data import folder_spec, npz_spec, write_npz

DIGITS = DataSpec(name="digits")


class NotRead:
    """Stands in for numpy's reader of arrays, which must not be reached."""

    def __call__(self, *_: object, **__: object) -> None:
        raise AssertionError("an array was unpacked")


def test_labels_of_another_count_than_samples_are_refused_before_they_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_npz(tmp_path / "a.npz", y_test=np.zeros(1000, dtype=np.int64))
    monkeypatch.setattr(np.lib.format, "read_array", NotRead())
    with pytest.raises(SpecError, match=r"a\.npz: x_test has 3 samples and y_test 1000 labels\.$"):
        describe(npz_spec(path))
    with pytest.raises(SpecError, match=r"a\.npz: x_test has 3 samples and y_test 1000 labels\.$"):
        npz.samples(path, task="classification", labelled=True)


def test_gigabytes_of_zeros_in_a_small_file_are_refused_before_they_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archsearch.data.npz_file._LARGE", 2**20)
    count = 2**18
    arrays = {"x_train": np.zeros((count, 1), np.uint8), "y_train": np.zeros(count, np.int64)}
    np.savez_compressed(tmp_path / "a.npz", **arrays, x_test=np.zeros((2, 1), np.uint8), y_test=np.arange(2))
    monkeypatch.setattr(np.lib.format, "read_array", NotRead())
    with pytest.raises(DamagedFileError, match=r"a\.npz cannot be read as \.npz \(y_train is 2\.0 MiB packed into "):
        describe(npz_spec(tmp_path / "a.npz"))


def test_header_that_announces_more_than_is_held_is_damage(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "a.npz")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["x_train.npy"] = members["x_train.npy"].replace(b"(6, 5), }       ", b"(6, 50000000), }")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(DamagedFileError, match=r"x_train\.npy holds 240 bytes, its header \(6, 50000000\) "):
        describe(npz_spec(path))


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """A folder of two classes with five images each."""
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / "own" / name).mkdir(parents=True)
        for index in range(5):
            pixels = np.full((4, 4), 40 * number + index, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "own" / name / f"{index}.png")
    return tmp_path / "own"


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "device"])
def test_what_is_no_file_among_images_is_named_and_not_waited_for(
    classes: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = classes / "cat" / "3.png"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        monkeypatch.chdir(classes)  # the path of a socket is short
        held = socket.socket(socket.AF_UNIX)
        held.bind("cat/3.png")
        held.close()
    with pytest.raises(
        DamagedFileError, match=rf"cat/3\.png cannot be read as an image \(ValueError: it is a {kind}\)"
    ):
        load(folder_spec(classes))
    with pytest.raises(
        DamagedFileError, match=rf"cat/3\.png cannot be read as an image \(ValueError: it is a {kind}\)"
    ):
        digest(classes)


def test_pipe_in_place_of_an_npz_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(SpecError, match=r"a\.npz: is a pipe; expected an \.npz file with "):
        describe(npz_spec(tmp_path / "a.npz"))


def resealed(folder: Path, name: str, content: bytes) -> None:
    """Put another content into a prepared folder, with the digests that it would have."""
    meta: dict[str, Any] = json.loads((folder / "meta.json").read_text())
    (folder / name).write_bytes(content)
    meta["files"][name] = {"bytes": len(content), "sha256": sha256(content)}
    meta.pop("check")
    (folder / "meta.json").write_text(json.dumps({**meta, "check": seal(meta)}))


def npy(folder: Path, array: Any) -> bytes:
    np.save(folder / "made.npy", array)
    content = (folder / "made.npy").read_bytes()
    (folder / "made.npy").unlink()
    return content


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("x_train", None, r"x_train\.npy holds no array "),
        ("x_train", np.zeros((1442, 8, 8), np.float32), r"x_train\.npy is float32 \(1442, 8, 8\), and samples are "),
        ("x_test", np.zeros((355, 1, 8, 8), np.uint8), r"x_test\.npy is uint8 \(355, 1, 8, 8\), and samples are "),
        ("y_train", np.zeros(7, np.int64), r"x_train\.npy and y_train\.npy are not of as many samples"),
        ("y_train", np.full(1442, 99), r"the train part has 1442 samples with labels 99\.\.99 instead of "),
    ],
)
def test_prepared_folder_that_is_whole_and_wrong_is_not_used(
    tmp_path: Path, name: str, array: Any, message: str
) -> None:
    load(DIGITS, data_dir=tmp_path)
    (folder,) = store.folders(tmp_path)
    resealed(folder, f"{name}.npy", b"no array" if array is None else npy(tmp_path, array))
    with pytest.raises(DamagedFileError, match=f"^{re.escape(str(folder))} is not used: {message}.*Delete the folder "):
        load(DIGITS, data_dir=tmp_path)


@pytest.mark.parametrize("lost", ["files", "fingerprint", "y_test.npy", "bytes"])
def test_meta_that_is_whole_and_lacks_something_is_damaged(tmp_path: Path, lost: str) -> None:
    load(DIGITS, data_dir=tmp_path)
    (folder,) = store.folders(tmp_path)
    meta = json.loads((folder / "meta.json").read_text())
    meta.pop("check")
    within = {"files": meta, "fingerprint": meta, "y_test.npy": meta["files"], "bytes": meta["files"]["y_test.npy"]}
    del within[lost][lost]
    (folder / "meta.json").write_text(json.dumps({**meta, "check": seal(meta)}))
    with pytest.raises(DamagedFileError, match=r"meta\.json is damaged and was not used: .*Delete the folder"):
        load(DIGITS, data_dir=tmp_path)
