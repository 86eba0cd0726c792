"""claim as its users meet it."""

from __future__ import annotations

import pytest

ONE = ("claim", "--ours", "98.1", "--theirs", "97.9", "--test-size", "10000", "--seeds", "3", "--sd", "0.2")


def test_claim_prints_a_sentence_the_numbers_and_what_it_assumes(cli):
    done = cli(*ONE, env={"COLUMNS": "80"})
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= 80
    text = " ".join(done.out.split())
    assert "16 % over other images, 17 % over other seeds and 23 % over both: the order is not settled" in text
    assert "assumed: both spread equally over seeds, as only one SD is given" in text
    document = cli(*ONE, "--json").json
    assert document["sentence"] in text
    assert document["p_false_seeds"] == pytest.approx(0.1727, abs=1e-4)  # Student's t, 2 degrees, 1.2247
    assert (document["settled"], document["seeds_needed"]) == (False, 19)


def test_claim_reads_a_table_of_a_paper(cli, tmp_path):
    (tmp_path / "t.csv").write_text("method,accuracy,seeds\nours,98.1 ± 0.2,5\nlenet,97.9 ± 0.1,3\nold,95.2,3\n")
    done = cli("claim", "t.csv", "--test-size", "10000", env={"COLUMNS": "80"})
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    assert "1 of 2 orders settled; about 0.2 of them are false." in done.out
    claims = cli("claim", "t.csv", "--test-size", "10000", "--ours", "lenet", "--json").json["claims"]
    assert [one["claim"]["their_name"] for one in claims] == ["ours", "old"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--ours", "98"], 2, "give --ours and --theirs, or a table of claims (CSV)"),
        (["--ours", "98", "--theirs", "97"], 3, "how many test images? give --test-size"),
        (["--ours", "98", "--theirs", "x", "--test-size", "10"], 3, "theirs: the value 'x' is not a number"),
        (["--ours", "980", "--theirs", "97", "--test-size", "10"], 3, "ours is 980, no accuracy"),
        (["gone.csv"], 3, "gone.csv: cannot be read: No such file"),
        (["t.csv", "--theirs", "97"], 2, "--theirs goes with --ours and no table"),
    ],
)
def test_claim_refuses_what_is_no_claim(cli, arguments, code, message):
    done = cli("claim", *arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
