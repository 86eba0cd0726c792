"""The tutorials are true: what they say is typed is run, in order, in an empty folder, and prints what they show.

Of a tutorial's fenced blocks, `yaml` and `python` that begin with `# NAME` are files to save, `console` is typed, and
`text` is what the block before printed: numbers stand for any numbers, `...` for whatever is there, line breaks for
spaces.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w.-]+\.(?:yaml|py))\n")
_EXIT = re.compile(r"\s+# exits with (\d+)$")


def blocks(page: Path) -> list[tuple[str, str]]:
    """Give the fenced blocks of a page: kind and text."""
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


def typed(block: str) -> Iterator[tuple[list[str], int]]:
    """Give the commands of a block, and the exit code that each is said to end with."""
    for line in block.splitlines():
        code = _EXIT.search(line)
        yield shlex.split(_EXIT.sub("", line)), int(code[1]) if code else 0


def shape(text: str) -> str:
    """Give a text without what differs from machine to machine: numbers, ids of runs, where lines break."""
    text = re.sub(r"\b[0-9a-f]{16}\b", "ID", text)
    return " ".join(re.sub(r"(?<![\w])[+-]?\d[\d,]*(\.\d+)?", "#", text).split())


def shown(block: str, printed: str) -> bool:
    """Say whether the parts of a block stand in what was printed, in their order."""
    at, whole = 0, shape(printed)
    for part in block.split("..."):
        found = whole.find(shape(part), at)
        if found < 0:
            return False
        at = found + len(shape(part))
    return True


def test_shown_wants_the_words_in_their_order_and_any_numbers():
    assert shown("a 1.5 %\n...\nc +2", "a 99 %\nb 3\nc  -7\n")
    assert not shown("c 2\n...\na 1.5 %", "a 99 %\nb 3\nc  -7\n")
    assert not shown("a 1.5 points", "a 1.5 %")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["tutorial.md", "own_script.md"])
def test_tutorial_does_what_it_says(name, cli, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    printed, commands = "", 0
    for kind, block in blocks(DOCS / name):
        file = _FILE.match(block)
        if kind in ("yaml", "python") and file:
            (tmp_path / file[1]).write_text(block, encoding="utf-8")
        elif kind == "console":
            printed = ""
            for command, code in typed(block):
                done, out = _run(command, cli, tmp_path)
                assert done == code, f"{shlex.join(command)}\n{out}"
                printed += out
                commands += 1
        elif kind == "text":
            assert shown(block, printed), f"{block}\n-- is not what was printed --\n{printed}"
    assert commands >= 6


def _run(command: list[str], cli, folder: Path) -> tuple[int, str]:
    if command[0] == "archsearch":
        done = cli(*command[1:], env={"COLUMNS": "200"})
        return done.code, done.out + done.err
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return process.returncode, process.stdout + process.stderr


def test_every_file_and_command_of_the_tutorials_is_meant_for_the_test():
    for name in ("tutorial.md", "own_script.md"):
        others = [pair for pair in blocks(DOCS / name) if pair[0] not in ("console", "text")]
        kinds = [kind for kind, block in others if not _FILE.match(block)]
        assert kinds == [], f"{name}: a block that is neither a file with a name nor typed"
