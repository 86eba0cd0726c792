from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import socket
import stat
from pathlib import Path

import pytest

from archsearch.errors import DamagedFileError, SpecError, UnavailableError, UsageError
from archsearch.files import (
    canonical_json,
    expanded,
    is_temporary,
    must_be_free,
    read_plain,
    read_sealed,
    temporary_beside,
    whole_file,
    write_sealed,
    write_whole,
)  # fmt: skip


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


def test_device_and_pipe_are_written_to_and_stay_what_they_are(tmp_path):
    write_whole(Path(os.devnull), b"gone")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, b"through")
    assert os.read(reader, 99) == b"through"
    os.close(reader)
    assert [entry.name for entry in tmp_path.iterdir()] == ["pipe"]


def test_longest_name_that_a_folder_takes_can_be_written(tmp_path):
    path = tmp_path / ("ä" * 125 + ".yaml")  # 255 bytes
    write_whole(path, b"one")
    assert path.read_bytes() == b"one"


def test_each_new_folder_is_synced_into_the_one_above(tmp_path, monkeypatch):
    synced: list[str] = []
    monkeypatch.setattr("archsearch.files.sync_folder", lambda folder: synced.append(folder.name))
    write_whole(tmp_path / "a" / "b" / "c.bin", b"")
    assert synced == [tmp_path.name, "a", "b"]


def test_temporary_names_are_known_again(tmp_path):
    assert is_temporary(temporary_beside(tmp_path / "result.json").name)
    assert is_temporary(temporary_beside(tmp_path / ("x" * 250)).name)
    assert not any(map(is_temporary, ("result.json", ".lock", ".result.json-", ".a-0123456789ag", "a-0123456789ab")))


def test_unknown_home_is_a_clear_word():
    with pytest.raises(UsageError, match=r"^~nosuchuser/x: no home folder is known for that; write the whole path"):
        expanded("~nosuchuser/x")
    with pytest.raises(SpecError, match=r"^~nosuchuser/x: no home folder is known") as caught:
        expanded("~nosuchuser/x", ("data", "path"))
    assert caught.value.loc == ("data", "path")


def test_what_is_no_file_is_refused_before_it_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    held = socket.socket(socket.AF_UNIX)
    held.bind(str(tmp_path / "s"))
    for path, what in (
        (tmp_path / "pipe", "it is a pipe, no file"),
        (tmp_path, "it is a folder, no file"),
        (Path("/dev/zero"), "it is a device, no file"),
        (tmp_path / "s", "No such device or address"),
        (tmp_path / "none", "No such file or directory"),
    ):
        with pytest.raises(UnavailableError, match=f"^{re.escape(str(path))} cannot be read: {what}$"):
            read_plain(path)
    held.close()
