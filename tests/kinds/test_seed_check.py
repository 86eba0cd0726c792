"""Seeds that are seeds: what two or three runs of a baseline, and one that was made again, say of them."""

from __future__ import annotations

import pytest
from optuna.trial import create_trial

from archsearch.kinds import PROGRAM
from archsearch.kinds.seed_check import judge_seeds
from archsearch.study.held import HeldRun

SPEC = {"metrics": {"acc": {"last": "x"}, "seconds": {"measured": "seconds"}}}


def run(acc: float, again: float | None = None, seconds: float = 1.0) -> HeldRun:
    result = {"acc": acc, "seconds": seconds, "history": []}
    if again is not None:
        result["repeat"] = {"acc": again, "seconds": 2 * seconds, "history": []}
    return HeldRun(create_trial(value=acc, user_attrs={"spec": SPEC, "result": result}))


@pytest.mark.parametrize(
    ("runs", "settled", "ignored", "repeats", "words"),
    [
        ({0: run(0.5, 0.5), 1: run(0.6)}, True, False, True, ""),
        ({0: run(0.5, 0.7), 1: run(0.6)}, True, False, False, r"does not repeat itself (acc 0.5 and 0.7 with seed 0)"),
        ({0: run(0.5, 0.5), 1: run(0.5, seconds=3.0)}, False, False, True, ""),  # a third one may tell
        ({0: run(0.5, 0.5), 1: run(0.5), 2: run(0.6)}, True, False, True, ""),
        ({0: run(0.5, 0.5), 1: run(0.5), 2: run(0.5)}, True, True, True, "the seeds 0, 1, 2 gave the same numbers"),
        ({0: None, 1: run(0.5)}, True, False, None, "is not known"),
    ],
)
def test_first_runs_say_whether_seeds_are_seeds(runs, settled, ignored, repeats, words) -> None:
    check = judge_seeds(PROGRAM, "mine", runs, (0, 1, 2))
    assert check is not None
    assert (check.settled, check.ignored, check.repeats) == (settled, ignored, repeats)
    assert words in check.sentence


def test_one_run_says_nothing_yet() -> None:
    assert judge_seeds(PROGRAM, "mine", {0: run(0.5)}, (0, 1, 2)) is None
