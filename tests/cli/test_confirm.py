"""`archsearch confirm`: a race that is open goes on, with seeds that were declared, and says what it came to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

STUDY = """\
base: tiny.yaml
objective: {maximize: val_accuracy}
network: [flatten, {linear: {out_features: {choice: [4, 5]}}}, relu, {linear: {out_features: classes}}]
pruner: none
trials: 2
confirm: 1
"""


def test_open_race_goes_on_to_the_look_that_the_study_names(
    cli: Callable[..., Any], tiny: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text(STUDY)
    nothing = cli("confirm", "mine")
    assert (nothing.code, nothing.out) == (2, "")
    assert "there is no study in runs yet" in nothing.err
    assert not (tmp_path / "runs").exists()
    done = cli("study", "mine.yaml", "--workers", "1", "--confirm", "0", "--json")
    assert done.code == 0, done.err
    assert done.json["confirmed"] is None
    more = cli("confirm", "mine.yaml", "--workers", "1", "--json")
    assert more.code == 0, more.err
    race = more.json["confirmed"]["race"]
    assert (race["looks"], race["seeds"], race["unit"]) == ([7, 10, 12, 15, 19, 24, 30], 7, "multiply-accumulates")
    assert [len(row["test_values"]) for row in more.json["confirmed"]["candidates"]] == [7, 7]
    assert (tmp_path / "runs" / "mine" / "report.html").is_file()
    refused = cli("confirm", "mine", "--seeds", "8")
    assert (refused.code, refused.out) == (2, "")
    assert "--seeds 8: this confirmation is looked at after 7, 10, 12, 15, 19, 24 or 30 seeds" in refused.err
    if race["outcome"] == "open":
        assert race["command"].startswith("archsearch confirm mine --seeds ")
        shown = cli("confirm", "mine", "--seeds", "10", "--workers", "1")
        assert shown.code == 0, shown.err
        assert "over 10 fresh seeds" in shown.out
    assert cli("status", "--json").json["studies"][0]["confirmed"]["race"]["seeds"] in (7, 10)


def test_seeds_and_a_budget_exclude_each_other_in_the_file_and_on_the_command_line(
    cli: Callable[..., Any], tiny: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text(f"{STUDY}confirm_seeds: 5\nconfirm_budget: 0.5\n")
    done = cli("check", "mine.yaml")
    assert (done.code, "confirm_budget is a race's: keep one of them" in done.err) == (3, True)
    (tmp_path / "mine.yaml").write_text(STUDY)
    done = cli("study", "mine.yaml", "--confirm-seeds", "5", "--confirm-budget", "0.5")
    assert (done.code, "--confirm-budget is a race's: keep one" in done.err) == (2, True)
