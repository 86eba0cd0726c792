"""The process that starts programs for a worker, and ends all of them when the worker is gone.

Run by its path (`python -I -S guard.py`), not imported: it is small, so that a program's peak memory is the program's,
it has one thread, so that it may fork, and it adopts what a program leaves behind (a subreaper), so that nothing is
lost sight of. It speaks JSON lines: what is asked comes on its standard input, what happened goes to its standard
output. The end of its input, however the worker came to its end, is the end of all that it has started.

    {"run": {"argv": [...], "env": {...}, "cwd": "...", "stdin": "...", "stdout": "...", "stderr": "..."}}
    {"end": 10.0}            SIGTERM to the group, SIGKILL after so many seconds
    -> {"started": 4711}  or  {"failed": [errno, "cwd" | "exec" | "open"]}
    -> {"ended": [status, peak bytes, processes that were left behind, seconds]}
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import time
from contextlib import suppress

_LEFT_SECONDS = 1.0  # what a program left behind has so long after SIGTERM
_SUBREAPER, _PDEATHSIG = 36, 1
_RESTORED = ("SIGPIPE", "SIGXFSZ", "SIGINT", "SIGTERM", "SIGCHLD", "SIGHUP")


class _Guard:
    def __init__(self) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
        if self.libc is not None:
            self.libc.prctl(_SUBREAPER, 1, 0, 0, 0)
        self.main = 0  # the program that runs, 0 for none
        self.group = 0  # its process group, until nothing is left of it
        self.status = 0
        self.peak = 0
        self.left = 0
        self.began = self.seconds = 0.0
        self.kill_at: float | None = None

    # -- what is asked

    def heed(self, line: bytes) -> None:
        asked = json.loads(line)
        if "run" in asked:
            self.start(**asked["run"])
        elif "end" in asked and self.group:
            self.signal(signal.SIGTERM)
            self.kill_at = time.monotonic() + asked["end"]

    def start(self, argv: list[str], env: dict[str, str], cwd: str, stdin: str, stdout: str, stderr: str) -> None:
        read, write = os.pipe()
        parent = os.getpid()
        self.began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            self.become(argv, env, cwd, (stdin, stdout, stderr), write, parent)
        os.close(write)
        with os.fdopen(read, "rb") as answer:
            failed = answer.read()
        if failed:
            os.waitpid(pid, 0)
            tell({"failed": json.loads(failed)})
            return
        self.main = self.group = pid
        self.status, self.peak, self.left, self.kill_at = 0, 0, 0, None
        tell({"started": pid})

    def become(
        self, argv: list[str], env: dict[str, str], cwd: str, files: tuple[str, str, str], answer: int, parent: int
    ) -> None:
        """Be the program: in a session of its own, with its three files and nothing else of ours."""
        step = "exec"
        try:
            os.setsid()
            if self.libc is not None:
                self.libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                if os.getppid() != parent:
                    os._exit(127)
            for name in _RESTORED:
                signal.signal(getattr(signal, name), signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            step = "open"
            append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            for number, path in enumerate(files):
                opened = os.open(path, os.O_RDONLY if number == 0 else append, 0o644)
                os.dup2(opened, number)
            step = "cwd"
            os.chdir(cwd)
            step = "exec"
            os.execvpe(argv[0], argv, env)
        except OSError as error:
            os.write(answer, json.dumps([error.errno, step]).encode())
        except BaseException:  # nothing may come back from here
            os.write(answer, json.dumps([0, step]).encode())
        os._exit(127)

    # -- what happens

    def reap(self) -> None:
        """Take leave of every child that has ended; when none is left of a program, tell how it ended."""
        while self.group:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                if self.libc is None:  # what was left behind is nobody's child here
                    self.signal(signal.SIGKILL)
                self.tell_end()
                return
            if pid == 0:
                if not self.main and self.kill_at is None:  # the program has ended, and not all that it started
                    self.left += self.signal(signal.SIGTERM)
                    self.kill_at = time.monotonic() + _LEFT_SECONDS
                return
            scale = 1 if sys.platform == "darwin" else 1024
            self.peak = max(self.peak, usage.ru_maxrss * scale)
            if pid == self.main:
                self.main, self.status = 0, status
                self.seconds = time.monotonic() - self.began

    def tell_end(self) -> None:
        self.group, self.kill_at = 0, None
        tell({"ended": [self.status, self.peak, self.left, self.seconds]})

    def signal(self, number: int) -> int:
        """Send a signal, once each, to all that comes from the program; give to how many processes."""
        found = descendants()
        if not found or number == signal.SIGKILL:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.group, number)
        for pid in found:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        return len(found)

    def end_all(self) -> None:
        """Kill all that was started, also what is started while it is killed."""
        while self.group:
            self.signal(signal.SIGKILL)
            try:
                os.wait4(-1, 0)
            except ChildProcessError:
                return

    def serve(self) -> None:
        wake, woken = os.pipe()
        for end in (wake, woken):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(woken)
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # the worker decides; when it goes, its end of the pipe does
            signal.signal(getattr(signal, name), signal.SIG_IGN)
        waiting = b""
        while True:
            timeout = None if self.kill_at is None else max(0.0, self.kill_at - time.monotonic())
            ready, _, _ = select.select([0, wake], [], [], timeout)
            if wake in ready:
                os.read(wake, 4096)
            if 0 in ready:
                content = os.read(0, 65536)
                if not content:
                    break
                *lines, waiting = (waiting + content).split(b"\n")
                for line in lines:
                    self.heed(line)
            if self.kill_at is not None and time.monotonic() >= self.kill_at:
                self.signal(signal.SIGKILL)
                self.kill_at = time.monotonic() + 0.1  # again, for what was started meanwhile
            self.reap()
        self.end_all()


def descendants() -> list[int]:
    """Give the processes that come from this one, children before theirs; [] where the system does not tell."""
    parents: dict[int, list[int]] = {}
    try:
        numbers = [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()]
    except OSError:
        return []
    for pid in numbers:
        try:
            file = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
            state, parent = os.read(file, 4096).rpartition(b")")[2].split()[:2]
            os.close(file)
        except (OSError, ValueError):
            continue
        if state != b"Z":
            parents.setdefault(int(parent), []).append(pid)
    found: list[int] = []
    todo = [os.getpid()]
    while todo:
        mine = parents.get(todo.pop(), [])
        found += mine
        todo += mine
    return found


def tell(what: object) -> None:
    """Write a line to the worker; it may be gone, which the end of the input will tell."""
    with suppress(BrokenPipeError):
        os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    _Guard().serve()
