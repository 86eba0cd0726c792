"""Code runs only where it was allowed: kept in the user's own folder, by what it is, and shown before."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from archsearch.errors import DamagedFileError, UntrustedError, UsageError
from archsearch.trust import (
    Subject,
    allow_what_asks,
    allowed,
    distrust,
    fresh_module,
    is_trusted,
    must_be_trusted,
    python_file,
    trust,
    trusted_file,
)

SUBJECT = Subject(
    "program", "train.yaml", "d1", ("command  python train.py", "folder   /home/ada"), "archsearch trust t"
)


def test_nothing_is_allowed_at_first() -> None:
    assert not is_trusted("d1")
    assert allowed() == []
    assert not trusted_file().exists()


def test_what_was_not_allowed_is_shown_with_the_line_that_allows_it() -> None:
    with pytest.raises(UntrustedError, match=r"train\.yaml is a program") as caught:
        must_be_trusted(SUBJECT)
    assert str(caught.value).splitlines()[1:] == [
        "  command  python train.py",
        "  folder   /home/ada",
        "Look at it, then allow it: archsearch trust t",
        "(for one call: --trust; where only your own code runs, such as CI: ARCHSEARCH_TRUST=1)",
    ]
    assert caught.value.exit_code == UsageError.exit_code == 2


def test_allowed_once_is_not_kept() -> None:
    must_be_trusted(SUBJECT, once=True)
    assert not is_trusted("d1")


def test_what_asks_in_a_call_with_trust_is_allowed_there_and_in_what_it_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ARCHSEARCH_TRUST_ONCE", "")
    end = allow_what_asks()
    assert not is_trusted("d1")
    must_be_trusted(SUBJECT)
    assert os.environ["ARCHSEARCH_TRUST_ONCE"] == "d1"
    assert allowed() == []
    end()
    with pytest.raises(UntrustedError, match=r"train\.yaml is a program"):
        must_be_trusted(SUBJECT)


def test_allowed_is_kept_in_the_users_folder_and_can_be_taken_back() -> None:
    path = trust(SUBJECT)
    assert path == Path(os.environ["XDG_CONFIG_HOME"]) / "archsearch" / "trusted.json"
    [entry] = json.loads(path.read_text())["trusted"]
    assert (entry["kind"], entry["name"], entry["digest"]) == ("program", "train.yaml", "d1")
    must_be_trusted(SUBJECT)
    assert distrust(SUBJECT) == 1
    assert distrust(SUBJECT) == 0
    assert not is_trusted("d1")


def test_what_changed_asks_again_and_says_that_it_changed() -> None:
    trust(SUBJECT)
    changed = Subject("program", "train.yaml", "d2", SUBJECT.shows, SUBJECT.allow)
    with pytest.raises(UntrustedError, match=r"train\.yaml was allowed on \d{4}-\d\d-\d\d; this is another one"):
        must_be_trusted(changed)


def test_allowed_twice_is_one_entry() -> None:
    trust(SUBJECT)
    trust(SUBJECT)
    assert [one.digest for one in allowed()] == ["d1"]


@pytest.mark.parametrize(("value", "allows"), [("1", True), ("0", False), ("", False), ("yes", False)])
def test_variable_allows_all_by_1_alone(value: str, allows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_TRUST", value)
    assert is_trusted("d1") is allows


def test_config_folder_without_the_variable_is_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert trusted_file() == tmp_path / ".config" / "archsearch" / "trusted.json"


@pytest.mark.parametrize(
    "content", ["", "[]", '{"trusted": 3}', '{"trusted": [{"digest": "d1"}]}', '{"trusted": ["d1"]}']
)
def test_altered_list_allows_nothing_and_is_not_overwritten(content: str) -> None:
    trusted_file().parent.mkdir(parents=True)
    trusted_file().write_text(content)
    with pytest.raises(DamagedFileError, match="allows nothing"):
        is_trusted("d1")
    with pytest.raises(DamagedFileError, match="allows nothing"):
        trust(SUBJECT)
    assert trusted_file().read_text() == content


def test_two_processes_that_allow_at_once_lose_nothing() -> None:
    code = (
        "import sys; from archsearch.trust import Subject, trust\n"
        "for i in range(5): trust(Subject('program', f'{sys.argv[1]}{i}', f'{sys.argv[1]}{i}', (), ''))"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, name]) for name in "abc"]
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0]
    assert sorted(one.digest for one in allowed()) == sorted(f"{name}{i}" for name in "abc" for i in range(5))


def test_python_file_is_allowed_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text("x = 1\ny = 2\n")
    subject = python_file(path)
    inner = hashlib.sha256(b"x = 1\ny = 2\n").hexdigest()
    assert subject.digest == hashlib.sha256(f'{{"kind":"python","sha256":"{inner}"}}'.encode()).hexdigest()
    assert subject.shows == (f"file     {path}", f"content  2 lines, SHA-256 {inner[:16]}..., and whatever it imports")
    trust(subject)
    path.write_text("x = 1\ny = 3\n")
    with pytest.raises(UntrustedError, match="changed since"):
        must_be_trusted(python_file(path))


def test_python_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"model\.py cannot be read: No such file"):
        python_file(tmp_path / "model.py")


def test_module_is_of_the_text_that_the_file_has_now_whatever_python_kept_of_another(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    for text in ("VALUE = 1\n", "VALUE = 2\n"):  # as long, and of the same second
        path.write_text(text)
        os.utime(path, (1_700_000_000, 1_700_000_000))
        if "1" in text:
            py_compile.compile(str(path), cfile=importlib.util.cache_from_source(str(path)))
        module, execute = fresh_module("mine", path)
        execute()
        assert f"VALUE = {module.VALUE}\n" == text
