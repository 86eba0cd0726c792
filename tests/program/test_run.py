"""A program runs once, its metrics are read, and whatever it does there is a clear word and nothing lost."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from archsearch.errors import DamagedFileError, Interrupted, SpecError, UntrustedError, UsageError
from archsearch.program.experiment import ProgramExperiment, plan_program, program_key, program_run_id
from archsearch.program.permission import program_subject
from archsearch.program.program_directory import kept_programs
from archsearch.program.program_result import ProgramResult
from archsearch.program.program_spec import ProgramSpec
from archsearch.program.run import FilesChangedError, FinishedProgram, run_program
from archsearch.train.kept import begun, kept_runs
from archsearch.trust import trust
from tests.program.conftest import STANDARD

Plan = Callable[..., ProgramExperiment]
Shell = Callable[..., FinishedProgram]


def of_group(group: int) -> list[int]:
    """The processes of a group that are still there."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(pgrp) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def test_program_gives_its_metrics_once(planned: Plan, tmp_path: Path) -> None:
    experiment = planned(STANDARD)
    runs = tmp_path / "runs"
    done = run_program(experiment, seed=3, runs_dir=runs, trusted=True)
    result = done.result
    assert (result.status, result.exit_code, done.cached) == ("completed", 0, False)
    assert result.metrics["accuracy"] == 0.9
    assert (done.run_dir / "stdout.txt").read_text() == f"loss={result.metrics['loss']:.6f}\n"
    assert result.outputs == ("result.json",)
    assert result.wrote == ()
    assert result.command[1:5] == ("train.py", "--seed", "3", "--lr")
    assert result.peak_memory > 4_000_000
    again = run_program(experiment, seed=3, runs_dir=runs)
    assert (again.cached, again.result) == (True, result), "and asks for no trust, as nothing is executed"
    other = run_program(experiment, seed=4, runs_dir=runs, trusted=True)
    assert other.result.metrics["loss"] != result.metrics["loss"]
    fresh = run_program(experiment, seed=3, runs_dir=runs, trusted=True, fresh=True)
    assert (fresh.cached, fresh.result.metrics) == (False, result.metrics)


def test_result_goes_to_json_and_back_and_the_experiment_with_it(planned: Plan, tmp_path: Path) -> None:
    experiment = planned(STANDARD)
    result = run_program(experiment, seed=0, runs_dir=tmp_path, trusted=True).result
    assert ProgramResult.model_validate(json.loads(json.dumps(result.model_dump(mode="json")))) == result
    again = plan_program(ProgramSpec.model_validate(json.loads(json.dumps(result.spec))))
    assert program_key(again) == program_key(experiment)
    assert program_run_id(again, 0) == result.run_id


def test_run_of_a_program_is_never_taken_for_one_of_a_network(planned: Plan, tmp_path: Path) -> None:
    done = run_program(planned(STANDARD), seed=0, runs_dir=tmp_path, trusted=True)
    assert list(begun(tmp_path)) == []
    assert kept_runs(tmp_path) == {}
    assert [(path, result.run_id) for path, result in kept_programs(tmp_path)] == [(done.run_dir, done.result.run_id)]


def test_altered_result_is_named_and_not_used(planned: Plan, tmp_path: Path) -> None:
    experiment = planned(STANDARD)
    path = run_program(experiment, seed=0, runs_dir=tmp_path, trusted=True).run_dir / "outcome.json"
    path.write_text(path.read_text().replace("0.9", "0.95"))
    with pytest.raises(DamagedFileError, match=r"outcome\.json was truncated or altered"):
        run_program(experiment, seed=0, runs_dir=tmp_path, trusted=True)
    assert list(kept_programs(tmp_path)) == []


def test_nothing_runs_that_was_not_allowed(planned: Plan, tmp_path: Path, folder: Path) -> None:
    (folder / "train.py").write_text("open('executed', 'w')\n")
    experiment = planned(STANDARD)
    with pytest.raises(UntrustedError, match=r"archsearch trust FILE") as caught:
        run_program(experiment, seed=0, runs_dir=tmp_path)
    assert f"folder    {folder}" in str(caught.value)
    assert "train.py --seed '{seed}' --lr '{lr}'" in str(caught.value)
    assert not (folder / "executed").exists()
    trust(program_subject(experiment.spec))
    run_program(experiment, seed=0, runs_dir=tmp_path)
    assert (folder / "executed").exists()


def test_what_is_allowed_is_the_program_and_not_its_values(planned: Plan, folder: Path) -> None:
    digest = program_subject(planned(STANDARD).spec).digest
    assert program_subject(planned(STANDARD, ("values.lr=3", "program.timeout=5m")).spec).digest == digest
    for change in ("program.environment.X=1", "program.stdin='{lr}'", "program.files=[train.py]"):
        assert program_subject(planned(STANDARD, (change,)).spec).digest != digest, change
    named = STANDARD.replace("PYTHON", '"{what}"').replace("{lr: 1e-3", "{what: sh, lr: 1e-3")
    other = program_subject(planned(named, ("values.what=echo",)).spec).digest
    assert program_subject(planned(named).spec).digest != other, "a value that says what is started is part of it"


# -- what may go wrong -------------------------------------------------------------------------------------------------


def test_exit_code_is_a_failed_run_with_the_last_lines(shell: Shell) -> None:
    result = shell("echo one; echo two >&2; exit 3").result
    assert (result.status, result.exit_code, result.metrics) == ("failed", 3, {})
    assert result.complaint() == "it ended with exit code 3; its last lines:\n  | one\n  | two"


def test_failed_run_is_run_again_by_the_next_call(shell: Shell, folder: Path) -> None:
    line = f"test -e {folder}/there && exit 0; touch {folder}/there; exit 1"
    assert shell(line).result.status == "failed"
    again = shell(line)
    assert (again.result.status, again.cached) == ("completed", False)


def test_retries_try_a_bad_exit_again(shell: Shell, tmp_path: Path) -> None:
    line = f"echo x >> {tmp_path}/count; test $(wc -l < {tmp_path}/count) = 3"
    result = shell(line, more="retries: 2").result
    assert (result.status, result.tries) == ("completed", 3)
    assert shell("exit 1", more="retries: 2").result.tries == 3


def test_signal_is_said(shell: Shell) -> None:
    result = shell("kill -9 $$").result
    assert (result.exit_code, result.signal_number) == (None, 9)
    assert result.reason == "it was ended by SIGKILL, as the system does where memory runs out"
    assert shell("kill -SEGV $$", seed=1).result.reason == "it was ended by SIGSEGV"


def test_timeout_ends_all_of_it(shell: Shell) -> None:
    done = shell("sleep 60 & echo $$; sleep 60", more="timeout: 0.3")
    assert done.result.reason == "it ran longer than 0.3 seconds, its timeout, and was ended"
    assert of_group(int((done.run_dir / "stdout.txt").read_text())) == []


def test_program_that_ignores_sigterm_is_killed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsearch.program.process.Running.end.__defaults__", (0.3,))
    done = shell("trap '' TERM; echo $$; while true; do sleep 0.05; done", more="timeout: 0.2")
    assert (done.result.status, done.result.signal_number) == ("failed", 9)
    assert of_group(int((done.run_dir / "stdout.txt").read_text())) == []


@pytest.mark.parametrize(
    "line", ["sleep 60 & echo $!", "setsid sleep 60 & echo $!", "(setsid sh -c 'sleep 60') & echo $!"]
)
def test_what_it_leaves_behind_is_ended_and_said(shell: Shell, line: str) -> None:
    done = shell(line)
    assert done.result.status == "completed"
    assert done.result.left_behind >= 1
    pid = int((done.run_dir / "stdout.txt").read_text())
    with pytest.raises(ProcessLookupError, match="No such process"):
        os.kill(pid, 0)


def test_program_that_asks_gets_no_answer(shell: Shell) -> None:
    done = shell("read answer || echo nothing came")
    assert (done.run_dir / "stdout.txt").read_text() == "nothing came\n"


def test_standard_input_is_what_the_file_says(shell: Shell) -> None:
    done = shell("cat", more='stdin: "{seed} {{}}\\n"', seed=7)
    assert (done.run_dir / "stdout.txt").read_text() == "7 {}\n"


def test_variables_are_those_of_the_caller_and_of_the_file(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLER", "c")
    done = shell('echo "$CALLER $SEED $CUDA_VISIBLE_DEVICES"', more='environment: {SEED: "{seed}"}', seed=5, device=2)
    assert (done.run_dir / "stdout.txt").read_text() == "c 5 2\n"


def test_device_in_braces_leaves_the_variable_alone(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    done = shell('echo "{device} $CUDA_VISIBLE_DEVICES"', more="gpus: 3", device=2)
    assert (done.run_dir / "stdout.txt").read_text() == "2 0,1,2\n"


def test_command_that_is_gone_since_it_was_planned_fails_clearly(planned: Plan, folder: Path, tmp_path: Path) -> None:
    script = folder / "go"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    text = 'program: {command: ["./go", "{seed}"]}\nmetrics: {seconds: measured}'
    result = run_program(planned(text), seed=0, runs_dir=tmp_path, trusted=True).result
    assert (result.status, result.exit_code) == ("failed", None)
    assert result.reason == "there is no program './go' (or what its first line names is not there)"
    script.write_text("no first line\n")
    result = run_program(planned(text), seed=0, runs_dir=tmp_path, trusted=True).result
    assert result.reason == "./go is no program for this machine; a script's first line says what runs it (#!)"


def test_writes_into_its_own_folder_are_seen(shell: Shell) -> None:
    result = shell("echo 1 > results.txt; mkdir -p logs; mkdir -p __pycache__; echo 2 > __pycache__/x").result
    assert result.wrote == ("logs", "results.txt")


def test_file_that_changes_during_the_run_voids_it(shell: Shell, planned: Plan) -> None:
    result = shell("echo '# more' >> train.py").result
    assert result.status == "void"
    assert result.metrics == {}
    assert result.reason == (
        "train.py changed while the run was under way, so nobody can say what it ran; it does not count"
    )


def test_file_that_changed_since_the_plan_is_not_run(planned: Plan, folder: Path, tmp_path: Path) -> None:
    experiment = planned(STANDARD)
    (folder / "train.py").write_text("open('executed', 'w')\n")
    with pytest.raises(FilesChangedError, match=r"train\.py in .* changed since train was planned"):
        run_program(experiment, seed=0, runs_dir=tmp_path, trusted=True)
    assert not (folder / "executed").exists()


def test_binary_output_without_a_newline_at_its_end_is_kept_and_shown_safely(shell: Shell) -> None:
    done = shell(r"printf '\377\376\033[31mred\000\nlast'; exit 1")
    assert (done.run_dir / "stdout.txt").read_bytes() == b"\xff\xfe\x1b[31mred\x00\nlast"
    assert done.result.last_lines == ("\ufffd\ufffdred␀", "last")


def test_output_of_100_mb_takes_little_memory(shell: Shell) -> None:
    import tracemalloc

    tracemalloc.start()
    done = shell("head -c 100000000 /dev/zero | tr '\\0' 'x'; echo; echo loss=2.5", "{loss: {last: 'loss=(.*)'}}")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert done.result.metrics == {"loss": 2.5}
    assert (done.run_dir / "stdout.txt").stat().st_size == 100_000_000 + 1 + len("loss=2.5\n")
    assert peak < 30_000_000


def test_seed_below_zero_is_refused(planned: Plan, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a seed is a whole number from 0 on, got -1"):
        run_program(planned(STANDARD), seed=-1, runs_dir=tmp_path, trusted=True)


def test_folder_that_is_gone_is_said(planned: Plan, folder: Path, tmp_path: Path) -> None:
    experiment = planned(STANDARD)
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(SpecError, match="there is no folder"):
        run_program(experiment, seed=0, runs_dir=tmp_path / "runs", trusted=True)


# -- following and stopping --------------------------------------------------------------------------------------------

HISTORY = "{csv: log.csv, step: epoch, columns: [loss]}"


def follow(planned: Plan, line: str, tmp_path: Path, **options: Any) -> FinishedProgram:
    text = (
        f"program: {{command: [sh, -c, {json.dumps(line)}], files: [train.py]}}\n"
        f"history: {HISTORY}\nmetrics: {{loss: {{csv: log.csv, column: loss}}}}\n"
    )
    return run_program(planned(text), seed=0, runs_dir=tmp_path, trusted=True, **options)


LOOP = "cd {run_dir}; echo epoch,loss > log.csv; for i in 1 2 3; do echo $i,0.$i >> log.csv; sleep 0.3; done"


def test_history_is_followed_while_it_runs(planned: Plan, tmp_path: Path) -> None:
    seen: list[tuple[int, Mapping[str, float], float]] = []
    began = time.monotonic()
    done = follow(planned, LOOP, tmp_path, watch=lambda step, values: seen.append((step, values, time.monotonic())))
    assert [(step, values) for step, values, _ in seen] == [(1, {"loss": 0.1}), (2, {"loss": 0.2}), (3, {"loss": 0.3})]
    assert seen[0][2] - began < done.result.seconds, "the first came before the end"
    assert [(row.epoch, row.metrics) for row in done.result.history] == [(s, v) for s, v, _ in seen]
    assert done.result.metrics == {"loss": 0.3}


def test_watch_that_raises_ends_the_program(planned: Plan, tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def watch(step: int, values: Mapping[str, float]) -> None:
        if step == 2:
            raise Enough("no good")

    line = f"echo $$ > {tmp_path}/pid; {LOOP}; sleep 60"
    with pytest.raises(Enough, match="no good"):
        follow(planned, line, tmp_path / "runs", watch=watch)
    assert of_group(int((tmp_path / "pid").read_text())) == []
    assert list(kept_programs(tmp_path / "runs")) == []


def test_history_without_its_column_is_a_failed_run(planned: Plan, tmp_path: Path) -> None:
    result = follow(planned, "echo step,loss > {run_dir}/log.csv; echo 1,2 >> {run_dir}/log.csv", tmp_path).result
    assert result.reason == "log.csv has no column epoch; it has step, loss"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_to_us_ends_the_program_and_is_told(planned: Plan, tmp_path: Path, number: int) -> None:
    line = f"echo $$ > {tmp_path}/pid; sleep 60; echo {{seed}}"
    experiment = planned(f"program: {{command: [sh, -c, {json.dumps(line)}]}}\nmetrics: {{seconds: measured}}")

    def stop() -> None:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(Interrupted, match="the run begins anew at the next call"):
        run_program(experiment, seed=0, runs_dir=tmp_path / "runs", trusted=True)
    thread.join()
    assert of_group(int((tmp_path / "pid").read_text())) == []
    assert list(kept_programs(tmp_path / "runs")) == []


# -- files that all runs share -----------------------------------------------------------------------------------------


def test_result_that_all_runs_write_in_one_place_is_read_only_if_this_run_wrote_it(shell: Shell, folder: Path) -> None:
    metric = "{loss: {json: result.json, key: loss}}"
    done = shell("echo '{{\"loss\": 2}}' > result.json", metric)
    assert (done.result.metrics, done.result.wrote) == ({"loss": 2.0}, ())
    stale = shell("true", metric, seed=1).result
    assert stale.reason == f"loss: result.json in {folder} is older than the run, which did not write it"


def test_runs_that_share_their_files_run_one_after_the_other(planned: Plan, tmp_path: Path) -> None:
    line = "echo $$ > result.json; sleep 0.3; test $(cat result.json) = $$ && echo '{{\"loss\": 2}}' > result.json"
    text = f"program: {{command: [sh, -c, {json.dumps(line)}], files: [train.py]}}\n"
    experiment = planned(f"{text}metrics: {{loss: {{json: result.json, key: loss}}}}")
    found: list[str] = []

    def go(seed: int) -> None:
        found.append(run_program(experiment, seed=seed, runs_dir=tmp_path, trusted=True).result.status)

    threads = [threading.Thread(target=go, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["completed"] * 3


def test_result_in_the_shared_folder_is_not_read_where_runs_have_their_own(shell: Shell, folder: Path) -> None:
    result = shell(
        "ls {run_dir}; echo '{{\"loss\": 2}}' > result.json", "{loss: {json: result.json, key: loss}}"
    ).result
    assert result.reason == (
        f"loss: result.json was written in {folder}, which all runs share, and not in {{run_dir}}; "
        "let it be written there"
    )


# -- a configuration that is written -----------------------------------------------------------------------------------


def test_configuration_is_written_for_each_run(planned: Plan, folder: Path, tmp_path: Path) -> None:
    (folder / "base.yaml").write_text("# mine\nmodel: {norm: batch}\ntrain: {lr: 0.1, steps: [1, 2]}\n")
    text = """
program:
  command: [cat, "{run_dir}/config.yaml"]
  config:
    template: base.yaml
    to: "{run_dir}/config.yaml"
    edits: {train.lr: "{lr}", train.steps.1: "{seed}", model.norm: "x{norm}", +train.extra: "{extra}"}
values: {lr: 1e-3, norm: layer, extra: [a, 2]}
metrics: {seconds: measured}
"""
    done = run_program(planned(text), seed=7, runs_dir=tmp_path, trusted=True)
    assert (done.run_dir / "stdout.txt").read_text() == (
        "model:\n  norm: xlayer\ntrain:\n  lr: 0.001\n  steps:\n  - 1\n  - 7\n  extra:\n  - a\n  - 2\n"
    )
    (folder / "base.yaml").write_text("changed\n")
    (folder / "base.yaml").unlink()


def test_template_of_any_text_has_names_in_braces(planned: Plan, folder: Path, tmp_path: Path) -> None:
    (folder / "base.conf").write_text("lr = {lr} {other} seed={seed}\n")
    text = """
program: {command: [cat, "{run_dir}/c"], config: {template: base.conf, to: "{run_dir}/c"}}
values: {lr: 0.5}
metrics: {seconds: measured}
"""
    done = run_program(planned(text), seed=7, runs_dir=tmp_path, trusted=True)
    assert (done.run_dir / "stdout.txt").read_text() == "lr = 0.5 {other} seed=7\n"


def test_results_that_a_program_keeps_in_git_are_no_part_of_it(shell: Shell, folder: Path) -> None:
    (folder / "result.json").write_text('{"loss": 1}')
    line = "echo '{{\"loss\": 2}}' > result.json"
    metric = "{loss: {json: result.json, key: loss}}"
    done = shell(line, metric).result
    assert (done.status, done.metrics) == ("completed", {"loss": 2.0})
    void = run_program(
        plan_program(
            ProgramSpec.model_validate(
                {
                    "name": "x",
                    "program": {
                        "command": ["sh", "-c", "echo '{{}}' > result.json"],
                        "folder": str(folder),
                        "files": ["*"],
                    },
                    "metrics": {"loss": {"json": "result.json", "key": "loss"}},
                }
            )
        ),
        seed=0,
        runs_dir=folder.parent / "runs",
        trusted=True,
    ).result
    assert void.status == "void"
    assert void.reason is not None
    assert void.reason.endswith("(the program writes result.json itself: say with files what it depends on)")


def test_folder_that_was_renamed_is_not_answered_nor_cleared(planned: Plan, tmp_path: Path) -> None:
    experiment = planned(STANDARD)
    mine, other = (run_program(experiment, seed=seed, runs_dir=tmp_path, trusted=True).run_dir for seed in (0, 5))
    (mine / "outcome.json").rename(tmp_path / "kept.json")
    for path in sorted(mine.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    mine.rmdir()
    other.rename(mine)
    with pytest.raises(DamagedFileError, match=rf" holds files of the run {other.name}, so it was renamed or copied"):
        run_program(experiment, seed=0, runs_dir=tmp_path, trusted=True)
    with pytest.raises(DamagedFileError, match=rf" holds the result of the run {other.name}, which this run did not "):
        run_program(experiment, seed=0, runs_dir=tmp_path, trusted=True, fresh=True)
    assert (mine / "outcome.json").is_file()


def test_fresh_removes_what_the_run_wrote_and_nothing_else(planned: Plan, tmp_path: Path) -> None:
    experiment = planned(STANDARD)
    done = run_program(experiment, seed=0, runs_dir=tmp_path / "runs", trusted=True)
    elsewhere = tmp_path / "large disk"
    done.run_dir.rename(elsewhere)
    done.run_dir.symlink_to(elsewhere, target_is_directory=True)
    (elsewhere / "notes.txt").write_text("mine")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "data.bin").write_text("mine")
    (elsewhere / "files").rename(tmp_path / "other")
    (elsewhere / "files").symlink_to(mine, target_is_directory=True)
    again = run_program(experiment, seed=0, runs_dir=tmp_path / "runs", trusted=True, fresh=True)
    assert (again.cached, again.result.metrics) == (False, done.result.metrics)
    assert (elsewhere / "notes.txt").read_text() == (mine / "data.bin").read_text() == "mine"
