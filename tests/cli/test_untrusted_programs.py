"""Nothing is executed without trust: every command, on a program, an ablation and a search that nobody allowed.

Whatever is started, imported or called would leave a marker. The commands are those that the command line has, so that
a new one is tested when it is born.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import typer

import archsearch
from archsearch.cli import app
from archsearch.errors import UntrustedError

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
SCRIPT = """\
from pathlib import Path
Path({marker!r}).touch()
print("loss=1")
def train(seed, lr):
    Path({marker!r}).touch()
    return 1.0
"""
FILES = {
    "train.yaml": "program: {command: [PYTHON, train.py, '{seed}', '{lr}']}\nMETRICS",
    "shell.yaml": "program: {command: [sh, -c, 'touch MARKER; echo loss={seed} {lr}']}\nMETRICS",
    "called.yaml": "program: {function: 'train:train'}\nvalues: {lr: 0.1}\nmetrics: {loss: returned}\n"
    "objective: {minimize: loss}\n",
    "rates.yaml": "baseline: shell.yaml\nfactors: {rate: {high: [set: {values.lr: 1.0}]}}\nseeds: 10\nmargin: 0.1\n",
    "open.yaml": "base: shell.yaml\nspace: {values.lr: {float: [0.1, 1.0]}}\n",
}
METRICS = "values: {lr: 0.1}\nmetrics: {loss: {last: 'loss=(\\S+)'}}\nobjective: {minimize: loss}\n"
# what a command needs beside a file, or asks to be executed with
FURTHER: dict[str, tuple[tuple[str, ...], ...]] = {
    "run": (("FILE", "--seeds", "2"), ("FILE", "--fresh"), ("FILE", "values.lr=0.5")),
    "ablate": (("FILE", "--workers", "2"),),
    "study": (("FILE", "--trials", "2"), ("FILE", "--workers", "2")),
    "plan": (("FILE", "--no-calibrate"), ("FILE", "--seeds", "12")),
    "show": (("FILE", "--json"), ("FILE", "values.lr=0.5")),
    "diff": (("FILE", "shell.yaml"), ("FILE", "train.yaml")),
    "init": (("train.py",), (".",), ("train.py", "--force")),
    "import": (("train.py:train",), ("train:train",)),
    "reproduce": (("FILE", "--seeds", "2"),),
    "bundle": (("FILE", "out.zip"),),
    "compare": (("train.py",),),
    "lint": (("train.py",),),
}
READS_SPECS = {"check", "space", "report", "trust", "predict", "evaluate", *FURTHER}
LINE = ("--command", "sh -c 'touch MARKER; echo loss={seed} {lr}'", "--metric", r"loss:last:loss=(\S+)")
LINES = (
    ("ablate", *LINE, "--baseline", "lr=0.1", "--factor", "lr=1.0", "--seeds", "10"),
    ("study", *LINE, "--space", "lr=float:0.1..1.0"),
    ("plan", *LINE, "--baseline", "lr=0.1", "--factor", "lr=1.0"),
)


@pytest.fixture
def marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the files; give what stands there when any of it was executed."""
    monkeypatch.delenv("ARCHSEARCH_TRUST", raising=False)
    marker = tmp_path / "executed"
    (tmp_path / "train.py").write_text(SCRIPT.format(marker=str(marker)))
    for name, text in FILES.items():
        text = text.replace("METRICS", METRICS).replace("PYTHON", sys.executable).replace("MARKER", str(marker))
        (tmp_path / name).write_text(text)
    return marker


@pytest.mark.parametrize("command", COMMANDS)
def test_command_executes_nothing_that_was_not_allowed(cli, marker, command, monkeypatch):
    monkeypatch.setattr("sys.path", [str(marker.parent), *sys.path])  # a script beside it could be imported
    codes = set()
    for words in (("FILE",), *FURTHER.get(command, ())):
        for name in FILES if "FILE" in words and command in READS_SPECS else ("shell.yaml",):
            done = cli(command, *(name if word == "FILE" else word for word in words))
            assert not marker.exists(), (command, words, name)
            assert "Traceback" not in done.err
            assert "train" not in sys.modules
            codes.add(done.code)
    if command in ("run", "ablate", "study"):
        assert codes == {2, 3}, "refused: a spec of another kind, or what was not allowed"


@pytest.mark.parametrize("line", LINES, ids=[line[0] for line in LINES])
def test_line_without_a_file_executes_nothing_that_was_not_allowed(cli, marker, line):
    done = cli(*(word.replace("MARKER", str(marker)) for word in line))
    assert not marker.exists()
    if line[0] != "plan":
        assert done.code == 2
        assert "is a program, which is code, and it was not allowed to run here" in done.err


def test_marker_is_made_where_it_is_allowed(cli, marker, monkeypatch):
    """All of the above could not fail if the files would not run."""
    monkeypatch.setitem(sys.modules, "train", None)  # what is imported here is forgotten at the end
    del sys.modules["train"]
    for name in ("train.yaml", "shell.yaml", "called.yaml"):
        assert cli("run", name, "--trust").code == 0, name
        assert marker.exists()
        marker.unlink()
    assert cli("trust", "rates.yaml").code == 0
    assert cli("trust", "open.yaml").code == 0
    assert not marker.exists(), "to allow is not to execute"


@pytest.mark.parametrize(
    "call",
    [
        lambda: archsearch.run("shell.yaml"),
        lambda: archsearch.run("called.yaml"),
        lambda: archsearch.ablate("rates.yaml"),
        lambda: archsearch.study("open.yaml", trials=2),
    ],
    ids=["run", "run of a function", "ablate", "study"],
)
def test_python_executes_nothing_that_was_not_allowed(marker, call, monkeypatch):
    monkeypatch.chdir(marker.parent)
    with pytest.raises(UntrustedError, match="which is code, and it was not allowed to run here"):
        call()
    assert not marker.exists()


def test_python_plans_without_executing(marker, monkeypatch):
    monkeypatch.chdir(marker.parent)
    archsearch.plan("rates.yaml")
    assert not marker.exists()


def test_workers_of_a_pool_ask_for_themselves(marker, monkeypatch):
    """What the one who began the ablation may run, a worker of another user may not: it leaves the runs waiting."""
    from archsearch.ablate.ablation import ablate
    from archsearch.ablate.ablation_file import load_ablation
    from archsearch.ablate.planned import plan_ablation
    from archsearch.study.lifecycle import Settings
    from archsearch.study.worker import SlotsWaitError

    monkeypatch.chdir(marker.parent)
    planned = plan_ablation(load_ablation("rates.yaml"))
    with pytest.raises(SlotsWaitError, match="what is left waits for another worker"):
        ablate(planned, Settings(runs_dir=marker.parent / "runs", workers=2))
    assert not marker.exists()
