"""`archsearch trust`, as a person meets it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Finished


def test_trust_shows_keeps_lists_and_takes_back(cli: Callable[..., Finished], tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "model.py").write_text(f"open({str(marker)!r}, 'w')\n")
    assert cli("trust", "--list").out.startswith("nothing is allowed (")
    done = cli("trust", "model.py:Net")
    assert done.code == 0
    assert done.out.splitlines()[:2] == [
        "model.py, a Python file, may run from now on, until it changes:",
        f"  file     {tmp_path / 'model.py'}",
    ]
    [entry] = cli("trust", "--list", "--json").json["trusted"]
    assert (entry["name"], entry["kind"]) == ("model.py", "Python file")
    assert cli("trust", "model.py", "--remove").out == "model.py, a Python file, may run no more\n"
    assert cli("trust", "model.py", "--remove", "--json").json == {"name": "model.py", "removed": 0}
    assert not marker.exists()


def test_trust_of_nothing_that_runs_is_refused(cli: Callable[..., Finished], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert "notes.txt executes nothing" in cli("trust", "notes.txt").err
    assert "gone.py: no such file" in cli("trust", "gone.py").err
    for arguments in ((), ("model.py", "--list"), ("--list", "--remove")):
        wrong = cli("trust", *arguments)
        assert wrong.code == 2
        assert "archsearch trust FILE" in wrong.err
