"""Programs as people have them: a folder with a script and a file that says how it is started."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archsearch.program.experiment import ProgramExperiment, plan_program
from archsearch.program.read import load_program
from archsearch.program.run import FinishedProgram, run_program

SCRIPT = """
import argparse, json, random
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int)
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--out")
parser.add_argument("--warmup", action="store_true")
args = parser.parse_args()
random.seed(args.seed)
loss = args.lr + random.random()
print(f"loss={loss:.6f}")
json.dump({"test": {"accuracy": 0.9}}, open(f"{args.out}/result.json", "w"))
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of programs and their locks stand in a folder of the test's own."""
    monkeypatch.setenv("ARCHSEARCH_DATA", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a script, and nothing that runs it yet."""
    path = tmp_path / "project"
    path.mkdir()
    (path / "train.py").write_text(SCRIPT)
    return path


@pytest.fixture
def written(folder: Path) -> Callable[..., Path]:
    """Write a program's file in the folder; `python` stands for the interpreter of the tests."""

    def write(text: str, name: str = "train.yaml") -> Path:
        path = folder / name
        path.write_text(textwrap.dedent(text).replace("PYTHON", sys.executable))
        return path

    return write


@pytest.fixture
def planned(written: Callable[..., Path]) -> Callable[..., ProgramExperiment]:
    """Plan a program by its file's text."""

    def plan(text: str, overrides: tuple[str, ...] = ()) -> ProgramExperiment:
        return plan_program(load_program(str(written(text)), overrides))

    return plan


@pytest.fixture
def shell(planned: Callable[..., ProgramExperiment], tmp_path: Path) -> Callable[..., FinishedProgram]:
    """Run a line of a shell as a program, and give what came out."""

    def run(line: str, metrics: str = "{seconds: measured}", seed: int = 0, more: str = "", **options: Any) -> Any:
        text = f"""
program:
  command: [sh, -c, {json.dumps(line)}]
  files: [train.py]
  {more}
metrics: {metrics}
"""
        return run_program(planned(text), seed=seed, runs_dir=tmp_path / "runs", trusted=True, **options)

    return run


@pytest.fixture
def repository(folder: Path) -> Callable[..., str]:
    """Run git in the folder, which becomes a repository with all its files committed."""

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")
        done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    return git


STANDARD = """
program:
  command: [PYTHON, train.py, --seed, "{seed}", --lr, "{lr}", --out, "{run_dir}", "{extra}"]
values: {lr: 1e-3, extra: []}
metrics:
  loss: {last: 'loss=(\\S+)'}
  accuracy: {json: result.json, key: test.accuracy}
objective: {minimize: loss}
"""
