"""Bundles that were altered, or are made to do harm, are refused before anything of them is used."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from archsearch.errors import DamagedFileError, UnavailableError, UsageError
from archsearch.export.archive import open_archive, pack
from archsearch.files import canonical_json

FILES = {"README.txt": b"read me\n" * 40, "runs/1/run.json": b"{}\n", "runs/1/weights.safetensors": bytes(100_000)}


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    pack(tmp_path / "a.zip", {"name": "a"}, FILES.items())
    return tmp_path / "a.zip"


def zip_of(path: Path, members: dict[str | zipfile.ZipInfo, bytes], *, head: dict[str, object] | None = None) -> Path:
    """A ZIP made by hand, with a manifest that is right for these members."""
    names = [one.filename if isinstance(one, zipfile.ZipInfo) else one for one in members]
    listed = {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in zip(names, members.values(), strict=True)
    }
    manifest = {"name": "a", "format": 1, "files": listed, **(head or {})}
    manifest["sha256"] = hashlib.sha256(canonical_json(manifest).encode()).hexdigest()
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr("bundle.json", text)
    return path


def opened(path: Path) -> None:
    with open_archive(path) as archive:
        for name in archive.names:
            archive.read(name)


def test_what_was_packed_is_read(packed):
    with open_archive(packed) as archive:
        assert archive.head == {"name": "a"}
        assert {name: archive.read(name) for name in archive.names} == FILES
        with zipfile.ZipFile(packed) as plain:
            assert archive.digest == hashlib.sha256(plain.read("bundle.json")).hexdigest()


def test_a_zip_made_by_hand_is_read_too(tmp_path):
    """So that the refusals below are for their own reason."""
    opened(zip_of(tmp_path / "hand.zip", {"README.txt": b"x"}))


def test_packing_twice_gives_the_same_bytes_and_any_unzip_reads_them(packed, tmp_path):
    pack(tmp_path / "again.zip", {"name": "a"}, FILES.items())
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()
    with zipfile.ZipFile(packed) as plain:
        assert plain.testzip() is None
        assert {one.date_time for one in plain.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_every_single_altered_byte_is_noticed_or_changes_nothing(packed):
    """Whatever byte is flipped: the bundle is refused, or all of its files are what was packed."""
    content = packed.read_bytes()
    refused = 0
    small = len(content) - 100_000
    places = [*range(0, 900, 7), *range(len(content) - small + 900, len(content), 3), 50_000]
    for place in places:
        packed.write_bytes(content[:place] + bytes([content[place] ^ 0x15]) + content[place + 1 :])
        try:
            with open_archive(packed) as archive:
                assert {name: archive.read(name) for name in archive.names} == FILES
        except DamagedFileError:
            refused += 1
    assert refused > len(places) / 2  # the rest are bytes without a meaning for us: times, systems, versions


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_bundle_that_was_cut_short_is_refused(packed, share):
    content = packed.read_bytes()
    packed.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DamagedFileError, match=r"^.*a\.zip: it is no ZIP file, or was cut short; it is not used"):
        opened(packed)


def test_a_file_that_was_replaced_is_refused_when_it_is_read(packed, tmp_path):
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(tmp_path / "b.zip", "w") as new:
        for one in old.infolist():
            new.writestr(one.filename, old.read(one).replace(b"read me", b"read us"))
    with open_archive(tmp_path / "b.zip") as archive:
        assert archive.read("runs/1/run.json") == b"{}\n"
        with pytest.raises(DamagedFileError, match=r"README\.txt is not what was packed"):
            archive.read("README.txt")


def test_a_number_in_the_manifest_that_was_altered_is_noticed(packed, tmp_path):
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(tmp_path / "b.zip", "w") as new:
        for one in old.infolist():
            new.writestr(one.filename, old.read(one).replace(b'"name": "a"', b'"name": "b"'))
    with pytest.raises(DamagedFileError, match=r"its bundle\.json was altered"):
        opened(tmp_path / "b.zip")


@pytest.mark.parametrize(
    "name",
    [
        "../out.txt",
        "runs/../../out.txt",
        "/etc/passwd",
        "//host/share",
        "C:/out.txt",
        "C:out.txt",
        "runs\\..\\..\\out.txt",
        "\\\\host\\out.txt",
        ".ssh/id",
        "runs/./a",
        "runs//a",
        "runs/",
        "aux",
        "runs/NUL.txt",
        "a\nb",
        "é.txt",
        "a:stream",
        "x" * 200,
        "a/b/c/d/e/f/g/h",
    ],
)
def test_a_name_that_may_lead_out_of_the_folder_is_refused(tmp_path, name):
    path = zip_of(tmp_path / "evil.zip", {name: b"x"})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DamagedFileError, match="may lead out of its folder"):
        opened(path)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFDIR, stat.S_IFCHR])
def test_a_link_or_a_device_is_refused(tmp_path, kind):
    member = zipfile.ZipInfo("link")
    member.external_attr = (kind | 0o777) << 16
    with pytest.raises(DamagedFileError, match="link is a link or something else that is no plain file"):
        opened(zip_of(tmp_path / "evil.zip", {member: b"/etc/passwd"}))


def test_a_zip_bomb_is_refused_without_being_unpacked(tmp_path):
    path = zip_of(tmp_path / "bomb.zip", {"zeros.txt": bytes(50_000_000)})
    assert path.stat().st_size < 100_000
    with pytest.raises(DamagedFileError, match=r"zeros\.txt is 47\.7 MiB packed into 47\.\d KiB, as no bundle has it"):
        opened(path)


def test_a_member_that_lies_about_its_size_is_refused(tmp_path):
    """The directory says 100 bytes, the stream unpacks to a million."""
    path = zip_of(tmp_path / "lie.zip", {"zeros.txt": bytes(1_000_000)}, head={})
    content = path.read_bytes()
    size = struct.pack("<I", 1_000_000)
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, struct.pack("<I", 100)))
    with pytest.raises(DamagedFileError, match=r"zeros\.txt is 100 bytes, bundle\.json says 1,000,000"):
        opened(path)
    lying = zip_of(
        tmp_path / "lie.zip",
        {"zeros.txt": bytes(1_000_000)},
        head={"files": {"zeros.txt": {"sha256": "0" * 64, "bytes": 100}}},
    )
    lying.write_bytes(lying.read_bytes().replace(size, struct.pack("<I", 100)))
    with pytest.raises(DamagedFileError, match=r"zeros\.txt (was truncated or altered|is not 100 bytes)"):
        opened(lying)


def test_too_many_files_are_refused(packed, monkeypatch):
    monkeypatch.setattr("archsearch.export.archive.MOST_BUNDLE_FILES", 2)
    with pytest.raises(DamagedFileError, match="it has 4 files, more than 2"):
        opened(packed)


def test_too_much_is_refused(packed, monkeypatch):
    monkeypatch.setattr("archsearch.export.archive.MOST_BUNDLE_BYTES", 1000)
    with pytest.raises(DamagedFileError, match=r"it unpacks to 98\.\d KiB, more than 1000 B"):
        opened(packed)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused(tmp_path):
    path = zip_of(tmp_path / "twice.zip", {"a.txt": b"x"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a.txt", b"y")
    with pytest.raises(DamagedFileError, match=r"it has two files named a\.txt"):
        opened(path)


def test_an_encrypted_member_is_refused(tmp_path):
    path = zip_of(tmp_path / "secret.zip", {"a.txt": b"x"})
    content = bytearray(path.read_bytes())
    for begin, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.index(begin) + at
        content[place] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DamagedFileError, match=r"a\.txt is encrypted"):
        opened(path)


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ({"format": 2}, "its format is 2, this version reads 1"),
        ({"files": []}, r"its bundle\.json lists no files"),
        ({"files": {}}, r"a\.txt is not listed in bundle\.json"),
        ({"files": {"b.txt": {"sha256": "", "bytes": 1}}}, r"a\.txt is not listed|b\.txt is missing"),
        ({"files": {"a.txt": {"sha256": "", "bytes": "1"}}}, r"its bundle\.json lists no files"),
        ({"files": {"a.txt": {"sha256": "", "bytes": 2}}}, r"a\.txt is 1 bytes, bundle\.json says 2"),
    ],
)
def test_a_manifest_that_does_not_fit_its_files_is_refused(tmp_path, head, reason):
    with pytest.raises(DamagedFileError, match=reason):
        opened(zip_of(tmp_path / "a.zip", {"a.txt": b"x"}, head=head))


def test_another_zip_is_no_bundle(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(DamagedFileError, match=r"it has no bundle\.json: it is no bundle, or was cut short"):
        opened(tmp_path / "a.zip")


@pytest.mark.parametrize("text", ["[" * 100_000, "[1]", "{}", '{"a": 1e999}', "\ufeff{}"])
def test_a_manifest_that_is_none_is_refused(tmp_path, text):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("bundle.json", text)
    with pytest.raises(DamagedFileError, match=r"its bundle\.json was altered"):
        opened(tmp_path / "a.zip")


def test_what_is_not_there_or_cannot_be_read_is_said(tmp_path):
    with pytest.raises(UsageError, match=r"nothing\.zip: no such file"):
        opened(tmp_path / "nothing.zip")
    with pytest.raises(UnavailableError, match=r"cannot be read: Is a directory"):
        opened(tmp_path)


def test_packing_that_fails_leaves_nothing_behind(tmp_path):
    def files():
        yield "a.txt", b"x"
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        pack(tmp_path / "a.zip", {}, files())
    assert list(tmp_path.iterdir()) == []


def test_what_shrinks_like_a_bomb_is_packed_as_it_is_and_can_be_read(tmp_path):
    content = b"0" * 3_000_000
    pack(tmp_path / "a.zip", {}, [("zeros.csv", content)])
    with open_archive(tmp_path / "a.zip") as archive:
        assert archive.read("zeros.csv") == content


def test_bytes_that_are_random_are_never_a_bundle(tmp_path):
    import random

    dice = random.Random(0)
    for number in range(50):
        path = tmp_path / f"{number}.zip"
        path.write_bytes(b"PK\x03\x04" + dice.randbytes(200) + b"PK\x05\x06" + dice.randbytes(18))
        with pytest.raises(DamagedFileError, match="it is no ZIP file"):
            opened(path)


def test_a_bundle_in_memory_is_what_is_on_disk(packed):
    """Another reader of ZIP files agrees with ours on every name and size."""
    with zipfile.ZipFile(io.BytesIO(packed.read_bytes())) as plain, open_archive(packed) as ours:
        sizes = {one.filename: one.file_size for one in plain.infolist()}
        assert {name: size for name, (size, _) in ours.sizes.items()} == {n: sizes[n] for n in FILES}
