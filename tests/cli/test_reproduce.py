"""`archsearch reproduce` and `bundle`, end to end."""

from __future__ import annotations

import shutil

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


def test_a_bundle_of_a_run_comes_out_bit_identical_without_the_run(cli, tiny, tmp_path):
    cli("run", "tiny.yaml")
    assert cli("bundle", "tiny.yaml", "-o", "tiny.zip").code == 0
    shutil.rmtree(tmp_path / "runs")
    done = cli("reproduce", "tiny.zip", "--json")
    assert (done.code, done.json["verdict"], done.json["machines"]) == (0, "bit-identical", [])
    assert [one["cached"] for one in done.json["runs"]] == [False]


@pytest.mark.slow  # a search, and a process that loads everything again
def test_a_bundle_of_a_study_comes_out_bit_identical_in_a_process_of_its_own(cli, process, tmp_path):
    """Search, bundle, and run again: another folder, no storage, no run directory, another process."""
    made = cli("study", "digits", "--trials", "2", "--confirm", "0", "--workers", "1", "--runs-dir", "there")
    assert made.code == 0, made.err
    bundled = cli("bundle", "digits", "-o", "digits.zip", "--runs-dir", "there", "--json")
    assert bundled.code == 0, bundled.err
    assert (bundled.json["kind"], bundled.json["runs"]) == ("search", 2)
    shutil.rmtree(tmp_path / "there")
    done = process("reproduce", "digits.zip", "--runs-dir", "here")
    assert done.code == 0, done.err
    assert done.out == (
        "bit-identical: 2 runs, each with the same metrics in every epoch, the same predictions (2) and the same "
        "weights (2).\n"
    )
    assert "2/2 digits-1 seed 0: bit-identical" in done.err
    document = cli("reproduce", "digits.zip", "--runs-dir", "here", "--json").json
    assert (document["verdict"], document["machines"]) == ("bit-identical", [])
    assert all(one["cached"] for one in document["runs"])


def test_an_altered_bundle_exits_4_and_leaves_nothing(cli, tiny, tmp_path):
    cli("run", "tiny.yaml")
    assert cli("bundle", "tiny.yaml", "-o", "tiny.zip").code == 0
    again = cli("bundle", "tiny.yaml", "-o", "tiny.zip")
    assert (again.code, again.err) == (
        2,
        "error: tiny.zip is there already; --force overwrites it, -o names another file\n",
    )
    assert cli("bundle", "tiny.yaml", "-o", "tiny.zip", "--force").code == 0
    content = bytearray((tmp_path / "tiny.zip").read_bytes())
    content[len(content) // 3] ^= 1
    (tmp_path / "tiny.zip").write_bytes(bytes(content))
    shutil.rmtree(tmp_path / "runs")
    before = sorted(tmp_path.rglob("*"))
    done = cli("reproduce", "tiny.zip")
    assert done.code == 4
    assert done.err.splitlines()[-1].startswith("error: tiny.zip: ")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["bundle", "tiny.yaml", "-o", "tiny.tar"], 2, "a bundle is a ZIP file; name it tiny.tar.zip"),
        (["bundle", "tiny.yaml", "-o", "tiny.zip"], 2, "tiny.yaml has no finished run in runs"),
        (["bundle", "nothing", "-o", "tiny.zip"], 2, "nothing is no study, run or spec here"),
        (["bundle", "program.yaml", "-o", "a.zip"], 2, "program.yaml is a program; bundles hold runs of networks"),
        (["reproduce", "program.yaml"], 2, "program.yaml is a program, and a documented value is of a network"),
        (["reproduce", "nothing.zip"], 2, "nothing.zip: no such file"),
        (["reproduce", "a.zip", "b.zip"], 2, "a bundle is reproduced by itself; name a.zip alone"),
        (["reproduce", "a.zip", "--seeds", "2"], 2, "a.zip holds the seeds that it was made with"),
        (["reproduce", "tiny.yaml", "--own-data", "x"], 2, "--own-data is for a bundle"),
    ],
)
def test_bundles_that_cannot_be_are_said_in_a_sentence(cli, tiny, tmp_path, arguments, code, said):
    (tmp_path / "program.yaml").write_text("program: {command: [python, train.py], files: [train.py]}\n")
    before = sorted(tmp_path.rglob("*"))
    done = cli(*arguments)
    assert done.code == code
    assert said in " ".join(done.err.split())
    assert "Traceback" not in done.err
    assert sorted(tmp_path.rglob("*")) == before
