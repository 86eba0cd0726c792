"""Disks that fill up, files that may not grow, folders that may only be read, a clock that steps back.

pytest -m faults tests/faults/test_disks.py      # as root on Linux: it mounts small disks in a namespace of its own
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archsearch.errors import Interrupted
from archsearch.study.clean import removable
from archsearch.study.verify_runs import check_runs
from archsearch.train.run import run
from tests.train.conftest import tiny
from tests.train.test_run import InterruptAfter

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]
ROOT = Path(__file__).parents[2]


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = ["unshare", "-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("what", ["full", "short", "readonly"])
def test_old_files_stay_whole_and_the_same_call_goes_on(tmp_path: Path, data_dir: Path, what: str) -> None:
    if not can_mount():
        pytest.skip("NOT TESTED HERE: small and read-only disks need root and unshare")
    work, disks = tmp_path / "work", tmp_path / "disks"
    work.mkdir()
    disks.mkdir()
    settings = {
        **os.environ,
        "ARCHSEARCH_DATA": str(data_dir),
        "PYTHONPATH": str(ROOT),
        "ARCHSEARCH_STORAGE_SECONDS": "2",
    }
    command = ["unshare", "-m", sys.executable, "-m", "tests.faults.disks", what, str(disks)]
    done = subprocess.run(command, cwd=work, env=settings, capture_output=True, text=True, timeout=1700, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_clock_that_steps_back_an_hour_loses_nothing(tmp_path: Path, data_dir: Path) -> None:
    """What was written before the step is of the future then: nothing is taken for a leftover, all is gone on with."""
    runs = tmp_path / "runs"
    whole = run(tiny(), seed=0, runs_dir=runs, data_dir=data_dir)
    with pytest.raises(Interrupted, match=r"epoch 2 of 3 is kept"):
        run(tiny(), seed=1, runs_dir=runs, data_dir=data_dir, watch=InterruptAfter(2, signal.SIGINT))
    (runs / ".result.json-0123456789ab").write_text("being written")
    for path in (runs, *runs.rglob("*"), *data_dir.rglob("*")):
        os.utime(path, (time.time() + 3600,) * 2)
    assert not any(one.where.name.startswith(".") for one in removable(runs, data=data_dir))
    assert run(tiny(), seed=0, runs_dir=runs, data_dir=data_dir).result == whole.result
    went_on = run(tiny(), seed=1, runs_dir=runs, data_dir=data_dir)
    assert went_on.result.metrics == run(tiny(), seed=1, runs_dir=tmp_path / "other", data_dir=data_dir).result.metrics
    assert all(record.seconds >= 0 for record in went_on.result.history)
    assert check_runs(runs)[1] == []
