"""Whoever is killed, the program is ended: no process stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from archsearch.errors import UnavailableError
from archsearch.program import process
from archsearch.program.guard import descendants
from archsearch.program.process import CannotStartError, Start, start_program
from tests.program.test_run import of_group

WORKER = """
import os, sys
from pathlib import Path
from archsearch.program.process import Start, start_program
files = [Path(os.devnull), Path(sys.argv[1]), Path(os.devnull)]
with start_program(Start(("sh", "-c", sys.argv[2]), os.environ, Path("/"), *files)) as running:
    while running.wait(1) is None:
        pass
"""


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes soon."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def start(tmp_path: Path, *argv: str) -> Start:
    return Start(argv, os.environ, tmp_path, Path(os.devnull), tmp_path / "out", tmp_path / "err")


@pytest.mark.parametrize(
    "line", ["echo $$; sleep 60", "sleep 60 & echo $$; sleep 60", "trap '' TERM; echo $$; sleep 60"]
)
def test_worker_that_is_killed_takes_its_program_along(tmp_path: Path, line: str) -> None:
    out = tmp_path / "out"
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(out), line])
    until(lambda: out.exists() and out.read_text().endswith("\n"))
    group = int(out.read_text())
    assert of_group(group)
    worker.kill()
    worker.wait()
    until(lambda: not of_group(group))


def test_worker_that_is_killed_takes_along_what_left_the_group(tmp_path: Path) -> None:
    out = tmp_path / "out"
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(out), "setsid sleep 60 & echo $!; sleep 60"])
    until(lambda: out.exists() and out.read_text().endswith("\n"))
    pid = int(out.read_text())
    worker.kill()
    worker.wait()
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_guard_that_is_killed_takes_the_program_along_and_is_told(tmp_path: Path) -> None:
    found: list[int] = []

    def kill() -> None:
        with start_program(start(tmp_path, "sleep", "60")) as running:
            found.append(running.pid)
            os.kill(running._guard.process.pid, signal.SIGKILL)
            while running.wait(1) is None:
                pass

    with pytest.raises(UnavailableError, match="the process that watches over programs was ended"):
        kill()
    until(lambda: not of_group(found[0]))


def test_block_that_is_left_early_kills_the_program(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError, match="division"), start_program(start(tmp_path, "sleep", "60")) as running:
        1 / 0  # noqa: B018
    until(lambda: not of_group(running.pid))
    with start_program(start(tmp_path, "sleep", "60")) as running:
        pass
    until(lambda: not of_group(running.pid))


def test_guard_is_kept_for_the_next_program(tmp_path: Path) -> None:
    guards = set()
    for _ in range(3):
        with start_program(start(tmp_path, "true")) as running:
            guards.add(running._guard.process.pid)
            while running.wait(1) is None:
                pass
    assert len(guards) == 1
    assert [guard.process.pid for guard in process._idle if guard.process.pid in guards] == list(guards)


def test_program_gets_sigterm_once_and_may_end_in_its_own_way(tmp_path: Path) -> None:
    line = "trap 'echo term; exit 7' TERM; echo ready; while true; do sleep 0.02; done"
    with start_program(start(tmp_path, "sh", "-c", line)) as running:
        until(lambda: (tmp_path / "out").exists() and "ready" in (tmp_path / "out").read_text())
        running.end()
        while (ended := running.wait(1)) is None:
            pass
    assert (ended.code, (tmp_path / "out").read_text()) == (7, "ready\nterm\n")


def test_program_has_the_signals_of_a_shell_and_a_session_of_its_own(tmp_path: Path) -> None:
    code = (
        "import os, signal; print([signal.getsignal(s) == signal.SIG_DFL for s in (signal.SIGTERM, signal.SIGHUP)],"
        "os.getsid(0) == os.getpid(), sorted(os.listdir('/proc/self/fd'))[:4])"
    )
    with start_program(start(tmp_path, sys.executable, "-c", code)) as running:
        while running.wait(1) is None:
            pass
    assert (tmp_path / "out").read_text() == "[True, True] True ['0', '1', '2', '3']\n"  # 3 is the folder it lists


def test_what_cannot_be_started_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(CannotStartError, match="there is no program 'nowhere'"),
        start_program(start(tmp_path, "nowhere")),
    ):
        pass
    gone = Start(("true",), os.environ, tmp_path / "gone", Path(os.devnull), tmp_path / "o", tmp_path / "e")
    with pytest.raises(CannotStartError, match="gone cannot be entered: No such file"), start_program(gone):
        pass
    with (
        pytest.raises(CannotStartError, match="the command is too long"),
        start_program(start(tmp_path, "true", "x" * 200_000)),
    ):
        pass


def test_peak_memory_is_that_of_the_program(tmp_path: Path) -> None:
    found = []
    for size in (1, 200_000_000):
        with start_program(start(tmp_path, sys.executable, "-c", f"x = bytearray({size})")) as running:
            while (ended := running.wait(1)) is None:
                pass
        found.append(ended.peak_memory)
    assert 190_000_000 < found[1] - found[0] < 215_000_000


def test_descendants_are_all_that_comes_from_a_process() -> None:
    child = subprocess.Popen(["sh", "-c", "sleep 60 & wait"])
    try:
        until(lambda: len(set(descendants()) & set(of_group(os.getpgid(0)))) >= 2)
        assert child.pid in descendants()
    finally:
        for pid in descendants():
            if pid == child.pid or Path(f"/proc/{pid}/comm").read_text() == "sleep\n":
                os.kill(pid, signal.SIGKILL)
        child.wait()
