"""Workers as jobs of Slurm, by submitit: an array of them, each a visitor of the study.

The storage's URL travels in the jobs' environment, not in a file of theirs: a password may stand in it.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from archsearch.cluster.placing import Placing, needs_server
from archsearch.cluster.visits import SayLine, Visit, visit
from archsearch.errors import UnavailableError, UsageError
from archsearch.markup import visible
from archsearch.study.storage_url import STORAGE_VARIABLE, without_secrets

_FOLDER = "slurm"  # among the runs: what submitit writes of its jobs
_STOP_SECONDS = 30.0
_OF_SUBMITIT = ("timeout_min", "cpus_per_task", "mem_gb", "gpus_per_node", "nodes", "tasks_per_node")


def work_in_job(asked: Visit) -> dict[str, int]:
    """Be a worker in a job: with the URL of its environment."""
    url = os.environ.get(STORAGE_VARIABLE)
    if not url:
        raise UsageError(
            f"the job has no {STORAGE_VARIABLE}; Slurm passes it on unless forbidden to: sbatch --export=ALL is needed"
        )
    return visit(replace(asked, url=url), lambda line: print(visible(line), flush=True)).trials


class SlurmJobs:
    """Jobs that were submitted."""

    def __init__(self, jobs: list[Any], url: str, *, local: bool) -> None:
        self.jobs = jobs
        self.url = url
        self.local = local

    def ended(self) -> str | None:
        """Say how the jobs ended, where all have; what Slurm does not know is not at its end."""
        if not all(job.done() for job in self.jobs):
            return None
        for job in self.jobs:
            if (problem := job.exception()) is not None:
                last = (str(problem).strip() or type(problem).__name__).split("\n")[-1]
                return f"job {job.job_id}: {without_secrets(last, self.url)}; see {job.paths.stderr}"
        return f"all {len(self.jobs)} jobs are done"

    def stop(self) -> None:
        """Cancel the jobs that are left."""
        left = [job for job in self.jobs if not job.done()]
        for job in left:
            if self.local:  # submitit's own way is a Ctrl-C, of which it prints a traceback
                with suppress(ProcessLookupError):
                    os.kill(int(job.job_id), signal.SIGTERM)
            else:
                job.cancel(check=False)
        until = time.monotonic() + _STOP_SECONDS
        while self.local and time.monotonic() < until and not all(job.done() for job in left):
            time.sleep(0.1)
        self.jobs.clear()  # they clean up behind them, which they cannot when Python ends


def start_jobs(placing: Placing, say: SayLine) -> SlurmJobs:
    """Submit an array of jobs. Options are those of submitit: partition=gpu, gres=gpu:1, timeout_min=600, setup ...

    `cluster=local` runs them as processes of this machine, to try it. Raises `UsageError` without the extra or for an
    option that submitit does not have, `UnavailableError` where there is no Slurm.
    """
    try:
        import submitit
    except ImportError:
        raise UsageError("--on slurm: submitit is an extra; install it with pip install 'archsearch[slurm]'") from None
    options: dict[str, Any] = {key: int(text) if text.isdigit() else text for key, text in placing.options.items()}
    cluster = str(options.pop("cluster", "slurm"))
    if cluster == "slurm":
        needs_server(placing.visit.url, "slurm")
    folder = placing.visit.runs_dir / _FOLDER / str(placing.visit.study)
    try:
        executor = submitit.AutoExecutor(folder=Path(folder), cluster=cluster)
        executor.update_parameters(name=f"archsearch-{placing.visit.study}", **_named(options))
    except RuntimeError as error:
        raise UnavailableError(f"--on slurm: {error}") from None
    except (ValueError, NameError, TypeError, AssertionError) as error:
        raise UsageError(f"--on-option: {str(error).strip().split(chr(10))[0]}") from None
    before = os.environ.get(STORAGE_VARIABLE)
    os.environ[STORAGE_VARIABLE] = placing.visit.url
    try:
        jobs = executor.map_array(work_in_job, [replace(placing.visit, url="")] * placing.workers)
    except Exception as error:  # submitit's own, for what sbatch says
        said = without_secrets(str(error).strip().split("\n")[-1], placing.visit.url)
        raise UnavailableError(f"--on slurm: the jobs cannot be submitted: {said}") from None
    finally:
        os.environ.pop(STORAGE_VARIABLE)
        if before is not None:
            os.environ[STORAGE_VARIABLE] = before
    say(f"submitted {len(jobs)} jobs ({jobs[0].job_id} ...); what they print is in {folder}")
    return SlurmJobs(list(jobs), placing.visit.url, local=cluster == "local")


def _named(options: dict[str, Any]) -> dict[str, Any]:
    """Name what is Slurm's own as submitit wants it."""
    return {key if key in _OF_SUBMITIT or key.startswith("slurm_") else f"slurm_{key}": options[key] for key in options}
