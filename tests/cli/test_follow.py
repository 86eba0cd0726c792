"""`archsearch status --follow`: lines of programs as they come, until nothing runs."""

from __future__ import annotations

from pathlib import Path

import optuna

from archsearch.cli import follow
from archsearch.program.experiment import plan_program, program_run_id
from archsearch.program.program_spec import ProgramSpec
from archsearch.study.storage import open_storage

SPEC = {
    "name": "mine",
    "program": {"command": ["true", "{seed}"]},
    "metrics": {"loss": {"last": "loss=(.*)"}},
    "hashed": {"digest": "0" * 64, "count": 1},
}


def test_lines_are_shown_as_they_come_and_the_last_without_its_end(tmp_path: Path, monkeypatch, capsys) -> None:
    storage = open_storage(f"sqlite:///{tmp_path / 'studies.db'}")
    study = optuna.create_study(study_name="norm", storage=storage)
    trial = study.ask()
    trial.set_user_attr("spec", SPEC)
    trial.set_user_attr("seed", 3)
    folder = tmp_path / program_run_id(plan_program(ProgramSpec.model_validate(SPEC)), 3)
    folder.mkdir()
    (folder / "stdout.txt").write_bytes(b"epoch 1\nepoch 2\x1b[31m\nhalf a li")
    looks = []

    def later(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 1:
            with (folder / "stdout.txt").open("ab") as file:
                file.write(b"ne\nlast")
        if len(looks) == 2:
            study.tell(trial, 1.0)
        assert len(looks) < 5

    monkeypatch.setattr(follow.time, "sleep", later)
    follow.follow_runs(storage, tmp_path, "norm")
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "mine seed 3 | epoch 1",
        "mine seed 3 | epoch 2␛[31m",
        "mine seed 3 | half a line",
        "mine seed 3 | last",
    ]
    assert said.err.splitlines() == ["norm: 1 running", "norm: 1 complete"]


def test_what_waits_for_nobody_is_not_waited_for(tmp_path: Path, monkeypatch, capsys) -> None:
    storage = open_storage(f"sqlite:///{tmp_path / 'studies.db'}")
    optuna.create_study(study_name="norm", storage=storage).enqueue_trial({})
    monkeypatch.setattr(follow.time, "sleep", lambda seconds: None)
    follow.follow_runs(storage, tmp_path, None)
    assert "nothing runs; what waits is gone on with" in capsys.readouterr().err
