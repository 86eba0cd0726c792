"""`archsearch reproduce` and `bundle`, end to end."""

from __future__ import annotations

import pytest


def test_reproduce_prints_the_documented_value_beside_ours(cli, tiny):
    done = cli("reproduce", "tiny.yaml", "--seeds", "3", "--json")
    assert done.code == 0, done.err
    assert "3 runs to train, about" in done.err
    [one] = done.json["specs"]
    ran = cli("run", "tiny.yaml", "--seeds", "3", "--json").json
    assert one["summary"] == ran["summary"]
    assert list(one["values"].values()) == [run["test_accuracy"] for run in ran["runs"]]
    assert all(run["cached"] for run in ran["runs"])
    again = cli("reproduce", "tiny.yaml", "--seeds", "3", env={"COLUMNS": "80"})
    assert "0 runs to train, 3 more are there" in again.err
    assert "epoch" not in again.err
    assert max(len(line) for line in again.out.splitlines() if "engine" not in line) <= 80
    sentence = " ".join(again.out.split())
    inside = "inside" if one["summary"]["documented_inside"] else "outside"
    assert f"tiny: the documented 50.00 % lies {inside} the 95 % prediction interval" in sentence
    assert cli("reproduce", "tiny.yaml", "--seeds", "3", "--md").out.startswith("| spec | documented | n | mean |")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["digits_quickstart"], 2, "error: digits_quickstart: no documented value is there to be reproduced"),
        (["tiny.yaml", "--json", "--md"], 2, "error: --json and --md are two forms of one result"),
        (["digits"], 3, "archsearch study digits"),
        (["nothing"], 3, "unknown spec 'nothing'"),
    ],
)
def test_reproduce_refuses_what_it_cannot_with_a_sentence(cli, tiny, arguments, code, said):
    done = cli("reproduce", *arguments)
    assert done.code == code
    assert said in done.err
    assert "Traceback" not in done.err
