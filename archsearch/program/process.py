"""Start a program and follow it to its end; whatever happens here, nothing of it stays behind.

    with start_program(Start(argv, environment, folder, stdin, stdout, stderr)) as running:
        while (ended := running.wait(0.2)) is None:
            ...
            running.end()                  # SIGTERM, and SIGKILL after 10 seconds

A guard (see `guard.py`) starts it and sees to its end, also where this process is killed. It is kept for the next
program, as starting it costs more than starting the program. A block that is left before the end kills the program.
"""

from __future__ import annotations

import atexit
import errno
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archsearch.errors import UnavailableError, UsageError

END_SECONDS = 10.0
_GUARD = Path(__file__).with_name("guard.py")


@dataclass(frozen=True, slots=True)
class Start:
    """What is started: with which variables (all of them), where, and with which files as its three streams."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    stdin: Path
    stdout: Path
    stderr: Path


@dataclass(frozen=True, slots=True)
class ProgramEnd:
    """How a program came to its end.

    `code` is its exit code, None where a signal ended it (`signal_number`); `peak_memory` is in bytes, of its largest
    process; `left` counts the processes that it left behind, which were ended.
    """

    code: int | None
    signal_number: int | None
    seconds: float
    peak_memory: int
    left: int


class CannotStartError(Exception):
    """A program cannot be started; the message says why."""


class Running:
    """A program that was started."""

    def __init__(self, guard: _Guard, pid: int) -> None:
        self._guard = guard
        self.pid = pid
        self.ended: ProgramEnd | None = None

    def wait(self, seconds: float) -> ProgramEnd | None:
        """Wait for the end, at most so long; None where it has not come."""
        if self.ended is None:
            message = self._guard.message(seconds)
            if message is not None:
                status, peak, left, took = message["ended"]
                code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
                self.ended = ProgramEnd(code, os.WTERMSIG(status) if code is None else None, took, peak, left)
        return self.ended

    def end(self, grace: float = END_SECONDS) -> None:
        """Send SIGTERM to the program and all that it started, and SIGKILL after the grace."""
        if self.ended is None:
            self._guard.ask({"end": grace})


class _Guard:
    """The worker's end of a guard."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_GUARD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self._waiting = b""

    def ask(self, what: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(what).encode() + b"\n")
        except BrokenPipeError:
            raise self._gone() from None

    def message(self, seconds: float | None) -> dict[str, Any] | None:
        """Wait for the guard's next line, at most so long."""
        assert self.process.stdout is not None
        until = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._waiting:
            left = None if until is None else max(0.0, until - time.monotonic())
            ready, _, _ = select.select([self.process.stdout], [], [], left)
            if not ready:
                return None
            content = os.read(self.process.stdout.fileno(), 65536)
            if not content:
                raise self._gone()
            self._waiting += content
        line, _, self._waiting = self._waiting.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def _gone(self) -> UnavailableError:
        self.close()
        return UnavailableError("the process that watches over programs was ended; the program was ended with it")

    def close(self) -> None:
        """End all that it has started, and itself."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=END_SECONDS)


_idle: list[_Guard] = []
_lock = threading.Lock()


def _take() -> _Guard:
    """Take a guard that has nothing to do, or start one."""
    with _lock:
        while _idle:
            guard = _idle.pop()
            if guard.owner == os.getpid() and guard.process.poll() is None:
                return guard
    return _Guard()


@atexit.register
def _close_all() -> None:
    with _lock:
        for guard in _idle:
            if guard.owner == os.getpid():
                guard.close()
        _idle.clear()


@contextmanager
def start_program(start: Start) -> Iterator[Running]:
    """Start a program; raise `CannotStartError` where that is not possible.

    A block that ends before the program kills it, with all that it has started.
    """
    if os.name != "posix":
        raise UsageError("programs run on Linux and macOS only")
    guard = _take()
    try:
        asked = {
            "argv": list(start.argv),
            "env": dict(start.environment),
            "cwd": str(start.folder),
            "stdin": str(start.stdin),
            "stdout": str(start.stdout),
            "stderr": str(start.stderr),
        }
        guard.ask({"run": asked})
        answer = guard.message(None)
        assert answer is not None
        if "failed" in answer:
            raise CannotStartError(_why(answer["failed"][0], answer["failed"][1], start))
        running = Running(guard, answer["started"])
        yield running
    except CannotStartError:
        _give_back(guard)
        raise
    except BaseException:
        guard.close()
        raise
    if running.ended is None:
        guard.close()
    else:
        _give_back(guard)


def _give_back(guard: _Guard) -> None:
    with _lock:
        _idle.append(guard)


def _why(number: int, step: str, start: Start) -> str:
    reason = os.strerror(number)
    if step == "cwd":
        return f"the folder {start.folder} cannot be entered: {reason}"
    if step == "open":
        return f"the output cannot be written beside {start.stdout}: {reason}"
    if number == errno.ENOENT:
        return f"there is no program {start.argv[0]!r} (or what its first line names is not there)"
    if number == errno.ENOEXEC:
        return f"{start.argv[0]} is no program for this machine; a script's first line says what runs it (#!)"
    if number == errno.E2BIG:
        return "the command is too long for this system"
    return f"{start.argv[0]} cannot be started: {reason}"
