"""`archsearch trust`, as a person meets it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archsearch.errors import UntrustedError
from archsearch.program.experiment import plan_program
from archsearch.program.permission import program_subject
from archsearch.program.read import load_program
from archsearch.program.run import run_program
from archsearch.trust import is_trusted, must_be_trusted
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
    (tmp_path / "net.yaml").write_text(
        "data: {name: digits}\nnetwork: [linear: {out_features: 10}]\ntrain: {epochs: 1}\n"
    )
    assert "net.yaml executes nothing" in cli("trust", "net.yaml").err
    assert "notes.txt executes nothing" in cli("trust", "notes.txt").err
    assert "gone.py: no such file" in cli("trust", "gone.py").err
    for arguments in ((), ("model.py", "--list"), ("--list", "--remove")):
        wrong = cli("trust", *arguments)
        assert wrong.code == 2
        assert "archsearch trust FILE" in wrong.err


PROGRAM = """
program: {command: [sh, -c, "touch executed; echo loss={shift}{seed}"], files: [notes.txt]}
values: {shift: 0}
metrics: {loss: {last: 'loss=(.*)'}}
"""


def test_program_is_allowed_by_its_command_and_not_executed(cli: Callable[..., Finished], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    path = tmp_path / "train.yaml"
    path.write_text(PROGRAM)
    assert cli("trust", "train.yaml").out.splitlines()[:4] == [
        "train.yaml, a program, may run from now on, until it changes:",
        "  command   sh -c 'touch executed; echo loss={shift}{seed}'",
        f"  folder    {tmp_path}",
        "  files     notes.txt",
    ]
    assert not (tmp_path / "executed").exists()
    experiment = plan_program(load_program(str(path), ["values.shift=3"]))
    run_program(experiment, seed=0, runs_dir=tmp_path / "runs")
    assert (tmp_path / "executed").exists()
    path.write_text(PROGRAM.replace("touch", "rm -f"))
    with pytest.raises(UntrustedError, match=r"train\.yaml was allowed on .* or it changed since"):
        must_be_trusted(program_subject(load_program(str(path)), "train.yaml"))
    path.write_text(PROGRAM)
    assert cli("trust", "train.yaml", "--remove", "--json").json == {"name": "train.yaml", "removed": 1}


def test_search_of_a_program_is_allowed_as_its_base(cli: Callable[..., Finished], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "train.yaml").write_text(PROGRAM)
    (tmp_path / "shifts.yaml").write_text("base: train.yaml\nspace: {values.shift: {int: [0, 5]}}\n")
    assert cli("trust", "shifts.yaml").out.startswith("shifts.yaml, a program, may run from now on")
    assert is_trusted(program_subject(load_program(str(tmp_path / "train.yaml"))).digest)
