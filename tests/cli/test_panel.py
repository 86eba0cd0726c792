"""What is shown while a study works, and how long it says that it will take."""

from __future__ import annotations

import pytest

from archsearch.cli.console import panel
from archsearch.cli.console.panel import Panel, counts_text, seconds_text


class Counting(Panel):
    def lines(self, study: tuple[str, int, int]) -> list[str]:
        name, done, total = study
        return [f"{name} {done}/{total}{self.left(name, done, total)}", "best", "history"]


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    times = {"now": 1000.0}
    monkeypatch.setattr(panel.time, "monotonic", lambda: times["now"])
    return times


def test_panel_reckons_with_the_pace_of_this_call_and_of_this_study(clock, capsys):
    with Counting("lenet") as shown:
        for now, study in (
            (1000, ("lenet", 10, 50)),  # ten were there when the study was started again
            (1060, ("lenet", 12, 50)),
            (1065, ("lenet", 20, 50)),  # too soon for another line
            (2000, ("lenet.confirm", 0, 12)),
            (2040, ("lenet.confirm", 2, 12)),
            (2060, ("lenet.confirm", 12, 12)),
        ):
            clock["now"] = now
            shown.look(study)
    assert capsys.readouterr().err.splitlines() == [
        "lenet 10/50  best",
        "lenet 12/50, about 19 min left  best",  # 30 s each, 38 to go
        "lenet.confirm 0/12  best",
        "lenet.confirm 2/12, about 3 min left  best",  # 20 s each, 10 to go
        "lenet.confirm 12/12  best",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h")]
)
def test_durations_are_rough(seconds, text):
    assert seconds_text(seconds) == text


def test_only_what_there_is_is_counted():
    assert counts_text({"pruned": 2, "diverged": 0, "infeasible": 1}) == ", 2 pruned, 1 infeasible"
