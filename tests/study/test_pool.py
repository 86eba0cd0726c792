"""Workers as processes: how they are started, and what a Ctrl-C does to them meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archsearch.errors import DamagedFileError
from archsearch.study import pool
from archsearch.study.pool import Site

needs_masks = pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="this system has no signal masks")


@pytest.mark.faults
@needs_masks
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="this system has no /proc")
@pytest.mark.parametrize("delay", [0.0, 0.1, 0.5, 2.0])
def test_ctrl_c_while_workers_start_is_one_line(tmp_path, data_dir, delay):
    """The signal goes to all processes of the terminal, as the shell sends it."""
    program = "from archsearch.cli import main; main()"
    arguments = ["study", "digits", "--trials", "50", "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=tmp_path,
        env={**os.environ, "ARCHSEARCH_DATA": str(data_dir)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None and not _a_worker_in(children.read_text()):
        time.sleep(0.01)
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    out, errors = process.communicate(timeout=120)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in errors
    # the latter before the study was opened: workers import while the file is read
    said = ("error: interrupted; finished trials are kept, the same call goes on", "interrupted")
    assert errors.splitlines()[-1] in said


def _a_worker_in(children: str) -> bool:
    lines = []
    for number in children.split():
        try:
            lines.append(Path(f"/proc/{number}/cmdline").read_bytes())
        except OSError:
            continue
    return any(b"spawn_main" in line for line in lines)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (DamagedFileError("\x1b[2Ja\u202eb"), 4, "error: ␛[2Ja\ufffdb\n"),
        (PermissionError(13, "Permission denied", "runs\x1b[2J/x"), 75, "error: runs␛[2J/x: Permission denied\n"),
    ],
)
def test_worker_says_an_error_in_a_line_that_commands_no_terminal(error, code, said, monkeypatch, capsys) -> None:
    def refused(url: str) -> None:
        raise error

    monkeypatch.setattr(pool, "open_storage", refused)
    monkeypatch.setattr(pool, "_leave_with_the_parent", lambda: None)
    monkeypatch.setattr(pool.signal, "signal", lambda number, handler: None)
    with pytest.raises(SystemExit) as ended:
        pool._worker(Site("sqlite:///s.db", "s", Path("runs"), None), lambda study: None, None)
    assert ended.value.code == code
    assert capsys.readouterr().err == said
