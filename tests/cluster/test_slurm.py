"""Workers as jobs of Slurm: as submitit runs them on this machine, and by a Slurm that the test starts."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from archsearch.cluster.placing import Placing, workers_placed
from archsearch.cluster.slurm_jobs import work_in_job
from archsearch.cluster.visits import Visit
from archsearch.errors import UnavailableError, UsageError
from archsearch.study.queue import slots_of
from archsearch.study.storage import open_storage

PROGRAM = "from archsearch.cli import main; main()"
DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch")


@pytest.fixture
def ablate(folder: Path, data_dir: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def call(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        pytest.importorskip("submitit", reason="submitit is not installed: pip install -e '.[slurm]'")
        command = [sys.executable, "-c", PROGRAM, "ablate", "norm.yaml", "--on", "slurm", *arguments]
        settings = {**os.environ, "ARCHSEARCH_DATA": str(data_dir), **variables}
        return subprocess.run(
            command, cwd=folder, env=settings, capture_output=True, text=True, timeout=240, check=False
        )

    return call


def finished(url: str) -> list[TrialState]:
    storage = open_storage(url)
    study = optuna.load_study(study_name="norm", storage=storage)
    found = [trial.state for trial in slots_of(study).values()]
    storage.remove_session()
    storage.engine.dispose()
    return found


def test_jobs_as_processes_of_this_machine_do_an_ablation(ablate, folder, url):
    done = ablate("--workers", "2", "--on-option", "cluster=local", ARCHSEARCH_STORAGE=url)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "submitted 2 jobs (" in done.stderr
    assert finished(url) == [TrialState.COMPLETE] * 4
    pickles = (folder / "runs" / "slurm" / "norm").glob("*_submitted.pkl")
    assert not any(url.encode() in path.read_bytes() for path in pickles)  # a password may stand in it


def placing(url: str, **options: str) -> Placing:
    return Placing("slurm", 1, Visit(url, "norm"), options=options)


def test_a_storage_in_a_file_is_refused_for_other_machines(tmp_path, url):
    pytest.importorskip("submitit", reason="submitit is not installed: pip install -e '.[slurm]'")
    with pytest.raises(
        UsageError, match=r"^--on slurm: the storage is an SQLite file, which works for the processes of"
    ):
        workers_placed(placing(url), print).__enter__()


def test_an_option_that_submitit_does_not_have_is_named(url, monkeypatch, tmp_path):
    pytest.importorskip("submitit", reason="submitit is not installed: pip install -e '.[slurm]'")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"^--on-option: .*partitoin"):
        workers_placed(placing(url, cluster="local", partitoin="gpu"), print).__enter__()


def test_a_job_whose_environment_was_not_passed_on_says_so(monkeypatch):
    monkeypatch.delenv("ARCHSEARCH_STORAGE", raising=False)
    with pytest.raises(UsageError, match=r"^the job has no ARCHSEARCH_STORAGE; .* sbatch --export=ALL is needed$"):
        work_in_job(Visit("", "norm"))


def test_without_slurm_it_is_one_sentence(monkeypatch, tmp_path):
    pytest.importorskip("submitit", reason="submitit is not installed: pip install -e '.[slurm]'")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match=r"^--on slurm: [^\n]*srun"):
        workers_placed(placing("postgresql+psycopg://db/x"), print).__enter__()


def test_without_submitit_it_is_one_sentence(url, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UsageError, match=r"^--on slurm: submitit is an extra; install it with pip install 'archsearch"):
        workers_placed(placing(url), print).__enter__()


CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MailProg=/bin/true
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture
def slurm(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Slurm of one node on free ports, in a folder; skipped where Debian's slurm-wlm and munge are not there."""
    missing = [name for name in DAEMONS if shutil.which(name) is None and not Path("/usr/sbin", name).exists()]
    if missing or os.geteuid() != 0:
        pytest.skip(
            f"a Slurm cannot be started: {', '.join(missing) or 'only root can'} (apt-get install slurm-wlm munge)"
        )
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir()
    (folder / "munge").chmod(0o700)
    (folder / "munge" / "key").write_bytes(os.urandom(1024))
    (folder / "munge" / "key").chmod(0o600)
    probes = [socket.socket() for _ in range(2)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(host=socket.gethostname(), ports=ports, folder=folder, cores=os.cpu_count()))
    monkeypatch.setenv("SLURM_CONF", str(conf))
    munge = [f"--{name}-file={folder}/munge/{name}" for name in ("key", "pid", "log", "seed")]
    daemons = [
        ["munged", "--force", "--foreground", f"--socket={folder}/munge/socket", *munge],
        ["slurmctld", "-D"],
        ["slurmd", "-D"],
    ]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for command in daemons:
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            started.append(
                subprocess.Popen(command, env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"}, **quiet)
            )
            time.sleep(1)
        until = time.monotonic() + 30
        while b"idle" not in subprocess.run(["sinfo", "-h"], capture_output=True, check=False).stdout:
            assert time.monotonic() < until, (folder / "slurmctld.log").read_text()[-2000:]
            time.sleep(0.5)
        yield folder
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(30)


@pytest.mark.faults
@pytest.mark.slow
def test_debians_slurm_does_an_ablation_and_nothing_is_left_in_its_queue(ablate, folder, postgres, slurm):
    done = ablate("--workers", "2", "--on-option", "timeout_min=10", ARCHSEARCH_STORAGE=postgres)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert finished(postgres) == [TrialState.COMPLETE] * 4
    until = time.monotonic() + 60
    while subprocess.run(["squeue", "-h"], capture_output=True, check=True).stdout and time.monotonic() < until:
        time.sleep(0.5)
    assert subprocess.run(["squeue", "-h"], capture_output=True, check=True).stdout == b""
