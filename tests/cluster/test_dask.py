"""Workers as tasks of Dask: a cluster of two processes, workers that die, and a scheduler that is not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from archsearch.cluster.placing import Placing, workers_placed
from archsearch.cluster.visits import Visit
from archsearch.errors import UnavailableError, UsageError
from archsearch.study.queue import slots_of
from archsearch.study.storage import open_storage

PROGRAM = "from archsearch.cli import main; main()"
NOT_INSTALLED = "Dask is not installed: pip install -e '.[dask]'"


def started(folder: Path, url: str, data_dir: Path, *arguments: str) -> subprocess.Popen[str]:
    pytest.importorskip("distributed", reason=NOT_INSTALLED)
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments, "--on", "dask"],
        cwd=folder,
        env={**os.environ, "ARCHSEARCH_DATA": str(data_dir), "ARCHSEARCH_STORAGE": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def states(url: str, name: str) -> list[TrialState]:
    storage = open_storage(url)
    if name not in optuna.get_all_study_names(storage):
        return []
    return [one.state for one in slots_of(optuna.load_study(study_name=name, storage=storage)).values()]


def workers_of(folder: Path) -> list[int]:
    """Give the processes that the tasks have started in this folder."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"archsearch.cluster.child" in command.read_bytes() and (command.parent / "cwd").readlink() == folder:
                found.append(int(command.parent.name))
        except OSError:
            continue
    return found


def test_two_dask_workers_do_a_search_and_its_confirmation(folder, url, data_dir):
    process = started(folder, url, data_dir, "study", "widths.yaml", "--workers", "2")
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert "2 workers as tasks of tcp://" in err
    assert states(url, "widths") == [TrialState.COMPLETE] * 3
    assert states(url, "widths.confirm") == [TrialState.COMPLETE] * 4
    assert "confirmed on fresh seeds" in out
    assert workers_of(folder) == []


@pytest.mark.faults
@pytest.mark.slow
def test_workers_that_are_killed_lose_nothing_and_an_interrupted_call_goes_on(folder, url, data_dir):
    (folder / "norm.yaml").write_text((folder / "norm.yaml").read_text().replace("seeds: 2", "seeds: 9"))
    process = started(folder, url, data_dir, "ablate", "norm.yaml", "--workers", "2")
    killed = 0
    while process.poll() is None and killed < 3:
        time.sleep(2)
        if workers := workers_of(folder):
            os.kill(workers[0], signal.SIGKILL)
            killed += 1
    _, err = process.communicate(timeout=280)
    assert "Traceback" not in err
    assert process.returncode == 0, err  # a killed process is started again by its task
    assert states(url, "norm") == [TrialState.COMPLETE] * 18
    (folder / "norm.yaml").write_text((folder / "norm.yaml").read_text().replace("tanh", "gelu"))
    process = started(folder, url, data_dir, "ablate", "norm.yaml", "--workers", "2", "--name", "gelu")
    while process.poll() is None and not workers_of(folder):
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert workers_of(folder) == []
    assert TrialState.RUNNING not in states(url, "gelu")
    process = started(folder, url, data_dir, "ablate", "norm.yaml", "--workers", "2", "--name", "gelu")
    _, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    assert states(url, "gelu") == [TrialState.COMPLETE] * 18


def test_a_scheduler_that_is_not_there_is_one_sentence(url):
    pytest.importorskip("distributed", reason=NOT_INSTALLED)
    place = Placing("dask", 1, Visit(url, "norm"), address="nonsense://127.0.0.1:1")
    with pytest.raises(UnavailableError, match=r"^--on dask: nonsense://127\.0\.0\.1:1 cannot be used: [^\n]+$"):
        workers_placed(place, print).__enter__()


def test_without_dask_it_is_one_sentence(url, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"^--on dask: Dask is an extra; install it with pip install 'archse"):
        workers_placed(Placing("dask", 1, Visit(url, "norm")), print).__enter__()


def test_what_a_task_is_to_do_shows_no_password():
    from archsearch.cluster.dask_tasks import TaskOrder

    assert (
        repr(TaskOrder({"url": "postgresql://me:secret@db", "study": "norm"}, None, "stop", quiet=True))
        == "TaskOrder(norm)"
    )
