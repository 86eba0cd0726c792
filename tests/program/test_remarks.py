"""What is said of runs beside their numbers."""

from __future__ import annotations

from archsearch.program.remarks import said_of_runs


def test_runs_that_did_nothing_else_are_not_talked_about() -> None:
    assert said_of_runs([]) == ()
    assert said_of_runs([{"wrote": [], "left_behind": 0, "files": {"dirty": []}}, {}]) == ()


def test_what_runs_wrote_left_and_differed_in_is_said_once() -> None:
    made = [{"wrote": [f"made{n}", "log"], "files": {"commit": "abc", "dirty": ["train.py"]}} for n in range(6)]
    assert said_of_runs([*made, {"left_behind": 2}]) == (
        "6 of 7 runs wrote into the program's own folder (made0, log, made1, made2, made3 and 2 more): "
        "a run may read what others wrote",
        "1 of 7 runs left a process behind, which was ended with it",
        "6 of 7 runs had files that differ from the git commit (train.py): the commit alone is not it",
    )
