"""An ablation of a program from the outside: one line without a file, and the files that it would be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

SCRIPT = """\
import argparse
import random

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int)
parser.add_argument("--norm")
given = parser.parse_args()
open("executed", "a").write("once\\n")
print(f"acc={(given.norm == 'layer') / 2 + random.Random(given.seed).random() / 1000:.6f}")
"""


@pytest.fixture
def line(tmp_path: Path) -> list[str]:
    (tmp_path / "train.py").write_text(SCRIPT)
    command = f"{sys.executable} -S -E train.py --seed {{seed}} --norm {{norm}}"
    return [
        "--command",
        command,
        "--baseline",
        "norm=batch",
        "--factor",
        "norm=layer,none",
        "--metric",
        r"acc:last:acc=(\S+)",
    ]


def test_line_without_a_file_ablates_and_is_the_file_that_it_writes(cli, line, tmp_path):
    refused = cli("ablate", *line)
    assert (refused.code, refused.out) == (2, "")
    assert "then allow it: the same once more with --trust; --write FILE writes files" in refused.err
    planned = cli("plan", *line)
    assert "30 runs, 0 of them cached" in planned.out
    assert "parameters" not in planned.out
    assert not (tmp_path / "executed").exists()

    few = ("--screen", "--seeds", 2, "--workers", 1, "--json")
    done = cli("ablate", *line, *few, "--trust")
    assert done.code == 0, done.err
    [layer, none] = done.json["effects"]
    assert [round(one, 6) for one in layer["differences"]] == [0.5, 0.5]
    assert none["differences"] == [0.0, 0.0]
    asked = "both gave the very same number with every seed: does what was changed reach what is run?"
    assert asked in none["notes"]
    runs = (tmp_path / "executed").read_text().count("once")

    assert cli("ablate", *line, "--write", "a b.yaml").err.endswith("then: archsearch ablate 'a b.yaml'\n")
    assert cli("check", "a b.yaml", "a b_program.yaml").code == 0
    again = cli("ablate", "a b.yaml", *few, "--name", "again", env={"ARCHSEARCH_TRUST": "1"})
    assert [one["differences"] for one in again.json["effects"]] == [layer["differences"], none["differences"]]
    assert (tmp_path / "executed").read_text().count("once") == runs, "all of it was there"


def test_nothing_is_written_that_could_not_be_run(cli, line, tmp_path):
    few = cli("ablate", *line, "--seeds", 4, "--write", "few.yaml")
    assert few.code == 3
    assert few.err.startswith("error: --seeds: 4 seeds cannot answer: ")
    assert list(tmp_path.glob("*.yaml")) == []


def test_two_programs_are_not_taken_apart_into_factors(cli, line, tmp_path):
    cli("ablate", *line, "--write", "a.yaml")
    done = cli("ablate", "--from", "a_program.yaml", "--to", "a_program.yaml")
    assert (done.code, done.out) == (2, "")
    assert "a_program.yaml is a program; --from and --to take networks apart" in done.err
