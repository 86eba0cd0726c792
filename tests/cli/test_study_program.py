"""A search of a program from the outside: one line without a file, and the files that it would be."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

SCRIPT = """\
import argparse
import random

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int)
parser.add_argument("--width", type=int)
parser.add_argument("--norm")
given = parser.parse_args()
open("executed", "a").write("once\\n")
print(f"acc={given.width / 10 + (given.norm == 'layer') / 20 + random.Random(given.seed).random() / 1000:.6f}")
"""


@pytest.fixture
def line(tmp_path: Path) -> list[str]:
    (tmp_path / "train.py").write_text(SCRIPT)
    command = f"{sys.executable} -S -E train.py --seed {{seed}} --width {{width}} --norm {{norm}}"
    space = ["--space", "width=int:1..3", "--space", "norm=batch,layer"]
    return ["study", "--command", command, *space, "--metric", r"acc:last:acc=(\S+)"]


def test_line_without_a_file_searches_and_is_the_file_that_it_writes(cli, line, tmp_path):
    refused = cli(*line)
    assert (refused.code, refused.out) == (2, "")
    assert "train is a program, which is code, and it was not allowed to run here" in refused.err
    assert not (tmp_path / "executed").exists()

    wanted = ["--trials", 6, "--confirm", 1, "--confirm-seeds", 2, "--workers", 1]
    done = cli(*line, *wanted, "--trust", "--json")
    assert done.code == 0, done.err
    assert "the baseline has width=2 norm=batch: the middle of what is open" in done.err
    assert (done.json["study"], done.json["kind"], done.json["completed"]) == ("train-width-norm", "program", 6)
    assert done.json["best"]["params"] == {"width": 3, "norm": "layer"}
    assert done.json["best"]["value"] == pytest.approx(0.35, abs=0.001)
    [_, best] = done.json["confirmed"]["candidates"]
    assert best["gain"] == pytest.approx(0.15), "the same seed has the same noise"
    runs = (tmp_path / "executed").read_text().count("once")

    assert cli(*line, "--trials", 6, "--write", "mine.yaml").code == 0
    assert "trust mine.yaml" in (tmp_path / "mine.yaml").read_text().splitlines()[0]
    for command in ("check", "space"):
        assert cli(command, "mine.yaml").code == 0
    assert cli("space", "mine.yaml", "--json").json["distinct"] == 6
    assert cli("trust", "mine.yaml").code == 0
    again = cli("study", "mine.yaml", *wanted, "--json")
    assert again.code == 0, again.err
    assert again.json["best"] == done.json["best"]
    assert (tmp_path / "executed").read_text().count("once") == runs, "all of it was there"

    assert "No setting is shown to be better" in cli("status").out
    best_file = cli("best", "train-width-norm", "--yaml")
    (tmp_path / "best.yaml").write_text(best_file.out)
    assert json.loads(cli("run", "best.yaml", "--json").out)["metrics"]["acc"] == done.json["best"]["value"]
    assert (tmp_path / "runs" / "train-width-norm" / "report.html").stat().st_size > 100_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--space", "lr=0.1"], "--space belongs to --command; a file says it itself"),
        (["lenet", "--command", "python train.py", "--space", "lr=1,2"], "--command stands for the file"),
        (["--command", "python train.py"], "--command needs what is open: --space, once for each value"),
        (["--command", "x", "--space", "lr=float:1..b"], "--space lr: expected NAME=float:LOW..HIGH"),
        (["--command", "x", "--space", "lr=float:2..1"], "--space lr: expected LOW..HIGH, the lower number first"),
        (["--command", "x", "--space", "lr=float:0..1:log"], "--space lr: a log scale needs a lowest value above 0"),
        (["--command", "x", "--space", "lr=1,2", "--space", "lr=1,2"], "--space: a value is opened twice"),
        (["lenet", "--write", "mine.yaml"], "--write is for --command; this search has a file already"),
    ],
)
def test_options_that_do_not_go_together_are_refused(cli, options, message):
    done = cli("study", *options)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
