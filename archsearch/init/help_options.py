"""What a script says of itself when it is asked: `python train.py --help` is run, where its user allowed that.

    options = help_options(run_help(Path("train.py"), Path(".")), "train.py --help")

Running is executing: whoever calls `run_help` has asked `archsearch.trust` before.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from archsearch.errors import UsageError
from archsearch.init.options import Option

PATIENCE = 120  # seconds: importing a large library from a cold disk takes long
_OPTION = re.compile(r"^ {1,8}(?:-\w(?:[ =][A-Z_]+)?, )?(--[A-Za-z][\w.-]*)(.*)$")
_DEFAULT = re.compile(r"[\[(]?\bdefaults?(?: to| is)?[:= ]+'?([^)\]'\s;,]+)", re.IGNORECASE)
_CHOICES = re.compile(r"^[ =]*(?:\{([^}]+)\}|\[([\w.|-]+\|[\w.|-]+)\])")
_SKIPPED = (
    "--help",
    "--helpfull",
    "--helpshort",
    "--helpxml",
    "--version",
    "--install-completion",
    "--show-completion",
)


def run_help(path: Path, folder: Path) -> str:
    """Run a script with --help in a folder and give what it prints; raise `UsageError` where it prints no option."""
    words = [sys.executable, str(path.resolve()), "--help"]
    process = subprocess.Popen(
        words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", start_new_session=True, env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"},
    )  # fmt: skip
    try:
        said, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise UsageError(f"{path} --help did not end within {PATIENCE} s; leave --run-help out") from None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if not any(_OPTION.match(line) for line in said.splitlines()):
        last = "\n  ".join(said.strip().splitlines()[-5:]) or "nothing"
        raise UsageError(
            f"{path} --help ended with {process.returncode} and names no option; its last lines:\n  {last}"
        )
    return said


def help_options(said: str, where: str) -> tuple[Option, ...]:
    """Read the options of a help text, as argparse, click, absl and fire write it."""
    found: list[tuple[str, str, list[str]]] = []
    for line in said.splitlines():
        if (match := _OPTION.match(line)) is not None:
            found.append((match[1], match[2], []))
        elif found and line.startswith("   "):
            found[-1][2].append(line.strip())
        elif line.strip():
            found.append(("", "", []))  # a heading ends what was said before
    return tuple(_option(flag, rest, more, where) for flag, rest, more in found if flag and flag not in _SKIPPED)


def _option(flag: str, rest: str, more: list[str], where: str) -> Option:
    head, _, text = rest.partition("  ")
    head, off = (part.strip() for part in (head.partition(" / ")[0], head.partition(" / ")[2]))
    said = " ".join([text.strip(), *more]).strip()
    name = flag.lstrip("-").replace("-", "_")
    default = _DEFAULT.search(said)
    about: dict[str, Any] = {"help": re.sub(r"\s*[\[(]default:[^)\]]*[)\]]", "", said), "where": where}
    if off or head in ("", ","):
        return Option(name, flag, "switch", off_flag=off, **about)
    listed = _CHOICES.match(head)
    choices = re.split(r"[,|]", listed[1] or listed[2]) if listed is not None else []
    joined = head.startswith(("=", ":"))
    value = _value(default[1]) if default is not None else None
    return Option(name, flag, "joined" if joined else "flag", default=value, choices=tuple(choices), **about)


def _value(text: str) -> Any:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return None if text in ("None", "none", "null") else text.rstrip(".")
