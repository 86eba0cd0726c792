"""Programs through the queue: each slot is a run of a command, kept once, with a GPU of its own if there are some."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from archsearch.program.experiment import ProgramExperiment, plan_program
from archsearch.program.program_spec import ProgramSpec
from archsearch.study.held import HeldCell, HeldRun, HeldTrial
from archsearch.study.network_runner import plan_of
from archsearch.study.program_runner import ProgramRunner, gpus_of, program_of
from archsearch.study.queue import Slot, add_slots
from archsearch.study.runner import Assignment, CannotKeepError, PrunedError, RefusedError, Workplace
from archsearch.study.worker import SlotsWaitError, work
from archsearch.train.result import EpochRecord
from archsearch.train.watch import Silent
from tests.study.seeds_of_a_program import SeedsJob, place_of, program


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_DATA", str(tmp_path / "cache"))


class Follows(Silent):
    """Prunes at the second epoch."""

    def epoch(self, record: EpochRecord) -> None:
        if record.epoch == 2 and record.metrics["loss"] == 0.2:
            raise PrunedError


def done(place: Workplace, job: SeedsJob, seeds: int) -> list[optuna.trial.FrozenTrial]:
    slots = [Slot(n, {}, HeldCell(cell="baseline", pair=n, run_seed=n, retry=0)) for n in range(seeds)]
    add_slots(place.storage, place.study, slots)
    work(place, job)
    return place.study.get_trials()


def test_slots_run_their_program_and_carry_what_came_out(tmp_path: Path) -> None:
    place = place_of(tmp_path)
    trials = done(place, SeedsJob(program(tmp_path, "echo {seed} >> count; echo loss={seed}{shift}")), 3)
    assert [(trial.state, trial.values) for trial in trials] == [
        (TrialState.COMPLETE, [value]) for value in (0.5, 10.5, 20.5)
    ]
    run = HeldRun(trials[2])
    assert run.metric("loss") == 20.5
    assert (run.test_reads, run.data_fingerprint, list(run.history)) == (0, "", [])
    assert run.environment["hostname"]
    assert run.result["files"]["digest"] == run.spec["hashed"]["digest"]
    again = plan_program(ProgramSpec.model_validate(run.spec))
    assert again.written == run.spec, "it can be run again from the storage alone"
    other = Workplace(place.storage, optuna.create_study(study_name="other", storage=place.storage), place.runs_dir)
    trials = done(other, SeedsJob(again), 3)
    assert [HeldTrial(trial).outcome for trial in trials] == ["repeated"] * 3
    assert (tmp_path / "count").read_text() == "0\n1\n2\n"


def test_run_that_fails_is_a_slot_that_fails_with_the_last_lines(tmp_path: Path) -> None:
    line = "echo loss=1; test {seed} != 1 || { echo no data >&2; exit 3; }".replace("{ echo", "{{ echo").replace(
        "; }", "; }}"
    )
    trials = done(place_of(tmp_path), SeedsJob(program(tmp_path, line)), 3)
    assert [trial.state for trial in trials] == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE]
    failure = HeldTrial(trials[1]).failure
    assert failure is not None
    assert failure.startswith("it ended with exit code 3; its last lines:\n  | loss=1\n  | no data\n(all of it is in ")


def test_program_that_was_not_allowed_waits_for_a_worker_that_may(tmp_path: Path) -> None:
    experiment = program(tmp_path, "touch executed; echo loss={seed}")
    place = place_of(tmp_path)
    with pytest.raises(SlotsWaitError, match="mine is a program, which is code"):
        done(place, SeedsJob(experiment, trusted=False), 2)
    assert not (tmp_path / "executed").exists()
    assert {trial.state for trial in place.study.get_trials()} == {TrialState.WAITING}
    work(place_of(tmp_path), SeedsJob(experiment))
    assert {trial.state for trial in place.study.get_trials()} == {TrialState.COMPLETE}


def test_files_that_changed_since_the_study_was_planned_wait_too(tmp_path: Path) -> None:
    experiment = program(tmp_path, "echo loss={seed}")
    (tmp_path / "train.py").write_text("# changed\n")
    runner = ProgramRunner(trusted=True)
    with pytest.raises(CannotKeepError, match=r"train\.py in .* changed since mine was planned"):
        runner.run([Assignment(experiment, 0)], place_of(tmp_path), lambda _: Silent())


def test_folder_that_is_not_here_is_refused(tmp_path: Path) -> None:
    experiment = program(tmp_path, "echo loss={seed}")
    section = experiment.spec.program.model_copy(update={"folder": str(tmp_path / "gone")})
    gone = ProgramExperiment(experiment.spec.model_copy(update={"program": section}), experiment.files)
    with pytest.raises(RefusedError, match="there is no folder"):
        ProgramRunner(trusted=True).run([Assignment(gone, 0)], place_of(tmp_path), lambda _: Silent())


def test_weak_program_is_pruned_while_it_runs(tmp_path: Path) -> None:
    line = (
        "cd {run_dir}; echo epoch,loss > log.csv; for i in 1 2 3; do echo $i,0.$i >> log.csv; sleep 0.3; done;"
        f"touch {tmp_path}/end; echo loss=1{{seed}}"
    )
    trials = done(place_of(tmp_path), SeedsJob(program(tmp_path, line), Follows()), 1)
    assert [trial.state for trial in trials] == [TrialState.PRUNED]
    assert not (tmp_path / "end").exists()


def test_each_run_has_a_gpu_of_its_own(tmp_path: Path) -> None:
    mine = f"{tmp_path}/gpu$CUDA_VISIBLE_DEVICES"
    line = f"mkdir {mine} && sleep 0.3; rmdir {mine}; echo loss={{seed}}"
    experiment = program(tmp_path, line, gpus=2)
    found: dict[int, str] = {}

    def go(seed: int) -> None:
        [outcome] = ProgramRunner(trusted=True).run([Assignment(experiment, seed)], place, lambda _: Silent())
        found[seed] = outcome.record["status"]

    place = place_of(tmp_path)
    threads = [threading.Thread(target=go, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), "completed"), "mkdir fails where two have the same"


def test_two_workers_at_one_run_share_it(tmp_path: Path) -> None:
    experiment = program(tmp_path, f"echo x >> {tmp_path}/count; sleep 0.3; echo loss={{seed}}")
    place = place_of(tmp_path)
    found: list[Mapping[str, float | None]] = []

    def go() -> None:
        [outcome] = ProgramRunner(trusted=True).run([Assignment(experiment, 5)], place, lambda _: Silent())
        found.append(outcome.metrics)

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"loss": 5.0}] * 2
    assert (tmp_path / "count").read_text() == "x\n"


def test_key_names_the_run_whatever_the_program_is_called(tmp_path: Path) -> None:
    runner, one = ProgramRunner(), program(tmp_path, "echo loss={seed}")
    renamed = ProgramExperiment(one.spec.model_copy(update={"name": "other"}), one.files)
    other = program(tmp_path, "echo loss={seed} ")
    key = runner.key(Assignment(one, 3))
    assert runner.key(Assignment(renamed, 3)) == key
    assert len({key, runner.key(Assignment(one, 4)), runner.key(Assignment(other, 3))}) == 3
    assert not runner.together(Assignment(one, 3), Assignment(one, 4))
    with pytest.raises(TypeError, match="mine is no network"):
        plan_of(Assignment(one, 3))
    assert program_of(Assignment(one, 3)) == one


def test_programs_run_without_torch() -> None:
    code = "import archsearch.program.run, archsearch.program.change, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_number_of_gpus_is_the_machines_where_its_user_says_it(monkeypatch) -> None:
    spec = ProgramSpec.model_validate(
        {"name": "x", "program": {"command": ["true"], "gpus": 2}, "metrics": {"seconds": "measured"}}
    )
    assert gpus_of(spec) == 2
    monkeypatch.setenv("ARCHSEARCH_GPUS", "4")
    assert gpus_of(spec) == 4
