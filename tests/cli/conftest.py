"""The command line as its users meet it: a process of its own, in an empty folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from archsearch.cli import main

PROGRAM = "from archsearch.cli import main; main()"


@dataclass
class Finished:
    """What a command left: exit code, both streams, and stdout as JSON on demand."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def cli(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Finished]:
    """Run `archsearch ARGS...` in the test's folder, in this process (torch is loaded once for all tests)."""

    def call(*arguments: object, env: dict[str, str] | None = None) -> Finished:
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            for name, value in {"ARCHSEARCH_DATA": str(data_dir), **(env or {})}.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["archsearch", *(str(a) for a in arguments)])
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        out, err = capsys.readouterr()
        return Finished(ended.value.code if isinstance(ended.value.code, int) else 0, out, err)

    return call


@pytest.fixture
def process(tmp_path: Path, data_dir: Path) -> Callable[..., Finished]:
    """Run `archsearch ARGS...` in the test's folder, in a process of its own."""

    def call(*arguments: object, env: dict[str, str] | None = None) -> Finished:
        command = [sys.executable, "-c", PROGRAM, *(str(a) for a in arguments)]
        settings = {**os.environ, "ARCHSEARCH_DATA": str(data_dir), **(env or {})}
        done = subprocess.run(
            command, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=120, check=False
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    return call


TINY = """\
name: tiny
data: {name: digits, limit: 20, validation: 40}
network:
  - conv2d: {out_channels: 4, kernel_size: 3}
  - relu
  - flatten
  - linear: {out_features: classes}
train: {epochs: 2, batch_size: 32, device: cpu}
documented: {test_accuracy: 0.5}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A spec file that trains in a moment."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path
