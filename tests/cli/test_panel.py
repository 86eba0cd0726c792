"""What is shown while a study works, and how long it says that it will take."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from archsearch.cli.console import note, panel
from archsearch.cli.console.panel import Panel, Seen, counts_text, seconds_text


class Counting(Panel):
    def state(self, study: tuple[str, int, int]) -> Seen:
        name, done, total = study
        return Seen(name, done, total, "done", "2 running", ("best", "history"))


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
        "lenet  10/50 done, 2 running  best",
        "lenet  12/50 done, 2 running, about 19 min left  best",  # 30 s each, 38 to go
        "lenet  20/50 done, 2 running, about 50 min left  best",  # before another study: where the last one stood
        "lenet.confirm  0/12 done, 2 running  best",
        "lenet.confirm  2/12 done, 2 running, about 3 min left  best",  # 20 s each, 10 to go
        "lenet.confirm  12/12 done, 2 running  best",
    ]


def test_panel_without_a_terminal_says_nothing_twice_and_how_it_ended(clock, capsys):
    with Counting("lenet") as shown:
        for now, done in ((1000, 3), (1060, 3), (1120, 4), (1600, 4), (1605, 4), (1612, 5), (1613, 6)):
            clock["now"] = now
            shown.look(("lenet", done, 6))
    assert capsys.readouterr().err.splitlines() == [
        "lenet  3/6 done, 2 running  best",
        "lenet  4/6 done, 2 running, about 4 min left  best",  # 120 s for one, 2 to go
        "lenet  5/6 done, 2 running, about 5 min left  best",  # 612 s for two, 1 to go
        "lenet  6/6 done, 2 running  best",
    ]


def test_panel_on_a_terminal_is_a_bar_with_the_time_left(clock, monkeypatch, capsys):
    to = Console(file=io.StringIO(), force_terminal=True, width=80, height=20, color_system=None)
    monkeypatch.setattr(panel, "err", lambda: to)
    with Counting("lenet") as shown:
        for now, done in ((1000, 10), (1060, 12)):
            clock["now"] = now
            shown.look(("lenet", done, 50))
        shown.live.refresh()
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", to.file.getvalue())
    rows = text.replace("\r", "\n").splitlines()
    (bar,) = [row for row in rows if "about" in row][-1:]
    assert re.fullmatch(r"lenet ━+[╸ ╺━]* +12/50 about 19 min left *", bar)
    assert len(bar) <= 80
    assert rows[-3:] == ["2 running", "best", "history"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h")]
)
def test_durations_are_rough(seconds, text):
    assert seconds_text(seconds) == text


def test_only_what_there_is_is_counted():
    assert counts_text({"pruned": 2, "diverged": 0, "infeasible": 1}) == ", 2 pruned, 1 infeasible"


def test_sentences_break_between_words_where_there_is_a_width_and_nowhere_else(monkeypatch, capsys):
    text = "no validation data are held out: what is chosen by /a/path/that/stays/whole.yaml looks too good"
    note(text)
    monkeypatch.setenv("COLUMNS", "40")
    note(text)
    whole, *lines = capsys.readouterr().err.splitlines()
    assert (whole, " ".join(lines)) == (text, text)
    assert max(map(len, lines)) <= 40
