from __future__ import annotations

import errno
import hashlib
import json
import os
import re

import pytest

from archsearch.errors import DamagedFileError, UnavailableError, UsageError
from archsearch.files import canonical_json, must_be_free, read_sealed, whole_file, write_sealed, write_whole


def test_canonical_json_is_one_text_for_one_value():
    assert canonical_json({"b": [1, 2.5, None], "a": "ä"}) == '{"a":"ä","b":[1,2.5,null]}'


def test_write_whole_replaces_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "new" / "a.bin"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_write_whole_keeps_the_old_file_when_the_disk_is_full(tmp_path, monkeypatch, code):
    path = tmp_path / "a.bin"
    write_whole(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("archsearch.files.sync", full)
    with pytest.raises(UnavailableError, match=f"^{re.escape(str(path))} cannot be written: {os.strerror(code)}$"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"]


def test_write_whole_below_a_file_says_so(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(UnavailableError, match=r"a/b\.bin cannot be written: (File exists|Not a directory)$"):
        write_whole(tmp_path / "a" / "b.bin", b"")


def test_whole_file_is_there_when_the_block_ends_and_not_before(tmp_path):
    path = tmp_path / "a.bin"
    with whole_file(path) as file:
        file.write(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"
    with pytest.raises(TypeError, match="bytes-like"), whole_file(path) as file:
        file.writelines([b"two", "not bytes"])
    assert path.read_bytes() == b"one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"]


def test_sealed_json_holds_the_hash_of_its_canonical_text(tmp_path):
    path = tmp_path / "a.json"
    write_sealed(path, {"b": 1, "a": [0.1]})
    assert json.loads(path.read_text())["sha256"] == hashlib.sha256(b'{"a":[0.1],"b":1}').hexdigest()
    assert read_sealed(path) == {"b": 1, "a": [0.1]}


def test_read_sealed_notices_a_digit_that_does_not_change_the_number(tmp_path):
    path = tmp_path / "a.json"
    write_sealed(path, {"a": 0.1})
    path.write_bytes(path.read_bytes().replace(b"0.1", b"0.10000000000000000001"))
    with pytest.raises(DamagedFileError, match=r" was truncated or altered"):
        read_sealed(path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"a": 1}', b'{"a": 2, "sha256": "00"}', b"\xff" * 9, b"[" * 9999]
)
def test_read_sealed_refuses_what_was_not_written(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=f"^{re.escape(str(path))} was truncated or altered and is not used; "):
        read_sealed(path)


def test_a_file_that_is_there_is_overwritten_only_by_force(tmp_path):
    path = tmp_path / "a.zip"
    must_be_free(path, force=False)
    path.write_bytes(b"")
    with pytest.raises(UsageError, match=r"a\.zip is there already; --force overwrites it, -o names another file$"):
        must_be_free(path, force=False)
    must_be_free(path, force=True)
    with pytest.raises(UsageError, match=r" is a folder; -o names a file$"):
        must_be_free(tmp_path, force=True)
