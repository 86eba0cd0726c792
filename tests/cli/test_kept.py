"""`archsearch verify` and `archsearch clean` from the outside, and folders that may only be read."""

from __future__ import annotations

import json
import os
import pty
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM
from tests.cli.test_ablate import ABLATION
from tests.test_older_versions import ASSET

MARGIN = (r"\"margin\":0.001", r"\"margin\":0.009")  # as the ablation's JSON stands in the storage
RENAMED, UNFINISHED = "67a41bb7e8f2d6b8", "395ada83264b8912"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    with zipfile.ZipFile(ASSET) as archive:
        archive.extractall(tmp_path / "runs")
    return tmp_path / "runs"


def test_verify_says_repairs_and_says_again(cli, runs):
    done = cli("verify")
    assert (done.code, done.out, done.err) == (0, "3 studies, 45 trials, 43 runs: all is well\n", "")
    (runs / RENAMED).rename(runs / ("f" * 16))
    path = runs / UNFINISHED / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:-1])
    done = cli("verify", "kept_search")
    assert done.code == 4
    assert done.out.splitlines()[-1] == "2 studies, 15 trials, 43 runs: 2 findings"
    assert f"runs/{'f' * 16}: holds the run {RENAMED}: it was renamed or copied" in done.out.splitlines()
    assert done.err == "error: 2 things are wrong; archsearch verify --repair mends 2 of them\n"
    document = cli("verify", "--json").json
    assert (document["studies"], document["trials"], document["runs"], len(document["findings"])) == (3, 45, 43, 2)
    done = cli("verify", "--repair")
    assert (done.code, done.err) == (0, "")
    assert f"  repaired: called {RENAMED} again" in done.out.splitlines()
    assert cli("verify").code == 0
    assert (cli("verify", "nothing").code, cli("verify", "--runs-dir", "nowhere").code) == (2, 2)


def test_verify_proves_what_a_study_declared_and_says_what_deviates(cli, tiny, tmp_path):
    (tmp_path / "ours.yaml").write_text(ABLATION, encoding="utf-8")
    assert cli("ablate", "ours.yaml", "--workers", "1", "--screen", "--seeds", "2").code == 0
    done = cli("verify", "ours")
    assert done.code == 0
    first, second, *_ = done.out.splitlines()
    assert first.startswith("ours: declared 20")
    assert "maximize test_accuracy" in second
    head = cli("verify", "ours", "--head")
    kept, _, said = head.out.partition("  ")
    assert (head.code, len(kept), said) == (0, 64, "ours, 7 entries\n")
    assert cli("verify", "ours", "--head", "--json").json[0]["head"] == kept
    there = cli("verify", "ours", "--kept", kept)
    assert there.out == "ours: it is entry 6 of 6, and nothing before it was changed\n"
    with closing(sqlite3.connect(tmp_path / "runs" / "archsearch.db")) as connection, connection:
        connection.execute("UPDATE study_user_attributes SET value_json = replace(value_json, ?, ?)", MARGIN)
    wrong = cli("verify", "ours")
    assert wrong.code == 4
    assert "study ours: its ledger: family.margin was 0.001, is 0.009" in wrong.out
    report = cli("report", "ours", "--format", "json", "-o", "-").out
    assert "Not as declared: family.margin was 0.001, is 0.009 (ours)." in report
    for arguments, code, why in (
        (("verify", "--head"), 2, "--head and --kept are of one study"),
        (("verify", "ours", "--kept", "xyz"), 2, "--kept xyz: a SHA-256 is 64 digits"),
        (("verify", "ours", "--kept", "0" * 64), 4, "ours: no entry of its ledger has this SHA-256"),
    ):
        refused = cli(*arguments)
        assert (refused.code, why in refused.err) == (code, True), refused.err


def test_clean_says_what_goes_and_asks_first(cli, runs, tmp_path):
    args = ("clean", "--data-dir", "no-data")
    said = cli(*args, "--dry-run")
    assert said.code == 0
    assert said.out.splitlines()[-1].startswith("2 things, ")
    refused = cli(*args)
    assert (refused.code, refused.err) == (2, "error: --yes removes it, --dry-run only says what would go\n")
    assert (runs / UNFINISHED).is_dir()
    done = cli(*args, "--yes", "--json").json
    assert done["removed"]
    assert done["bytes_removed"] == sum(one["bytes"] for one in done["found"]) > 0
    assert not (runs / UNFINISHED).exists()
    assert cli(*args, "--yes").out == "there is nothing to remove\n"
    assert cli(*args, "--yes", "--dry-run").code == 2


def test_clean_removes_nothing_where_the_answer_is_no(runs, tmp_path):
    command = [sys.executable, "-c", PROGRAM, "clean", "--data-dir", "no-data"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        os.write(ours, b"n\n")
        _, asked = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, asked.decode().strip()) == (0, "Remove it? [y/N]:")
    assert (runs / UNFINISHED / "run.json").exists()


@pytest.fixture
def closed(runs, monkeypatch):
    """The runs folder as one that may only be read, also for root, who may write everywhere."""
    import archsearch.study.read_only as read_only

    real = os.access
    inside = str(runs)

    def access(path, mode, **options):
        return not (mode & os.W_OK and str(Path(path).absolute()).startswith(inside)) and real(path, mode, **options)

    monkeypatch.setattr(read_only.os, "access", access)


def content(runs):
    """All files but those in which SQLite's readers meet: the folder can be written, it only says that it cannot."""
    files = [path for path in sorted(runs.rglob("*")) if path.is_file() and path.suffix not in (".db-shm", ".db-wal")]
    return {path: path.read_bytes() for path in files}


@pytest.mark.parametrize("log", ["none", "held back"])
def test_study_in_a_folder_that_is_read_only_is_shown_verified_and_reported(cli, runs, closed, log):
    if log == "held back":
        write_into_the_log(runs)
    before = content(runs)
    document = cli("status", "--json").json
    assert [one["study"] for one in document["studies"]] == ["kept_search"]
    assert cli("verify").code == 0
    assert cli("best", "kept_search", "--json").code == 0
    printed = cli("report", "kept_search", "-o", "-", "--format", "json")
    assert (printed.code, json.loads(printed.out)["kind"]) == (0, "search")
    assert cli("report", "kept_search", "-o", "out.html").out == "out.html\n"
    assert content(runs) == before


def write_into_the_log(runs):
    """Leave a committed change in the write-ahead log alone, as a writer does that was killed."""
    script = (
        "import os, sqlite3\n"
        "c = sqlite3.connect('archsearch.db', isolation_level=None)\n"
        "c.execute('PRAGMA journal_mode=WAL'); c.execute('PRAGMA wal_autocheckpoint=0')\n"
        "c.execute(\"UPDATE studies SET study_name = study_name || '' \")\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=runs, check=True)
    (runs / "archsearch.db-shm").unlink()
    assert (runs / "archsearch.db-wal").stat().st_size > 0


def test_report_that_cannot_go_beside_the_runs_says_where_else(cli, runs):
    shutil.rmtree(runs / "kept_search", ignore_errors=True)
    (runs / "kept_search").write_text("in the way")
    done = cli("report", "kept_search")
    assert done.code == 75
    assert done.err.endswith("; -o names another place, -o - prints it\n")
    assert cli("report", "kept_search", "-o", "-", "--format", "csv").code == 2
    assert cli("report", "kept_search", "-o", "-", "--json").code == 2
