"""`archsearch report` from the outside."""

from __future__ import annotations

import json

import optuna
import pytest

from archsearch.study.storage import default_url, open_storage
from tests.cli.test_ablate import ABLATION
from tests.cli.test_study import STUDY

STAMP = "2026-01-31T12:00:00+00:00"


@pytest.fixture
def done(cli, tiny, tmp_path):
    """A folder with a finished study, its first report, and two runs."""
    (tmp_path / "mine.yaml").write_text(STUDY, encoding="utf-8")
    finished = cli("study", "mine.yaml", "--trials", "3", "--workers", "1")
    assert finished.code == 0, finished.err
    return finished


def test_study_writes_its_report_and_says_where(done, tmp_path):
    assert "report: runs/mine/report.html" in done.err.splitlines()
    html = (tmp_path / "runs" / "mine" / "report.html").read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert "<code>archsearch report mine</code>" in html


def test_study_whose_report_fails_is_done_all_the_same(cli, tiny, tmp_path):
    (tmp_path / "mine.yaml").write_text(STUDY, encoding="utf-8")
    (tmp_path / "runs" / "mine" / "report.html").mkdir(parents=True)
    done = cli("study", "mine.yaml", "--trials", "2", "--workers", "1", "--confirm", "0", "--json")
    assert done.code == 0
    assert done.json["completed"] + done.json["pruned"] == 2
    assert "the study is done and kept, but its report could not be written (-o runs/mine/report.html" in done.err
    assert "archsearch report mine writes it again" in done.err


def test_report_of_a_study_goes_where_it_is_told_and_is_the_same_twice(cli, done, tmp_path):
    written = cli("report", "mine", "-o", "a.html", "--stamp", STAMP)
    assert (written.code, written.out, written.err) == (0, "a.html\n", "")
    epoch = cli("report", "mine", "-o", "b.html", env={"SOURCE_DATE_EPOCH": "1769860800"})
    assert epoch.code == 0
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert cli("report", "mine").out == "runs/mine/report.html\n"


def test_report_json_has_the_answer_and_the_files(cli, done):
    document = cli("report", "mine", "--json", "--stamp", STAMP).json
    assert set(document) == {"kind", "title", "answer", "files"}
    assert (document["kind"], document["title"], document["files"]) == ("search", "mine", ["runs/mine/report.html"])


def test_checklist_of_a_study_is_printed_and_written(cli, done, tmp_path):
    printed = cli("report", "mine", "--checklist")
    assert (printed.code, printed.err) == (0, "")
    assert [line[:4] for line in printed.out.splitlines() if line] == [f"**{one}." for one in (4, 5, 6, 7, 8)]
    assert "mine was declared " in printed.out
    assert cli("report", "mine", "--checklist", "-o", "list.txt").out == "list.txt\n"
    assert (tmp_path / "list.txt").read_text(encoding="utf-8").startswith("4. Experimental result reproducibility. ")
    refused = cli("report", "mine", "--checklist", "--json")
    assert (refused.code, refused.out) == (2, "")
    assert "--checklist is a text by itself; leave --json, --figures and --format out" in refused.err
    of_runs = cli("report", "tiny", "--checklist")
    assert of_runs.code == 2


@pytest.mark.parametrize(("form", "begin"), [("md", "# mine\n"), ("tex", "% needs"), ("json", "{\n")])
def test_tables_in_one_file(cli, done, tmp_path, form, begin):
    out = cli("report", "mine", "--format", form).out
    assert out == f"runs/mine/report.{form}\n"
    assert (tmp_path / out.strip()).read_text(encoding="utf-8").startswith(begin)


def test_tables_as_csv_are_a_file_each(cli, done, tmp_path):
    files = cli("report", "mine", "--format", "csv", "-o", "tables").out.splitlines()
    assert sorted(files) == sorted(path.relative_to(tmp_path).as_posix() for path in (tmp_path / "tables").iterdir())
    head, *rows = (tmp_path / "tables" / "confirmation-finalists.csv").read_text().splitlines()
    assert head.split(",")[:3] == ["candidate", "search value", "test mean"]
    assert len(rows) == 2


def test_figures_are_files_of_their_own(cli, done, tmp_path):
    finished = cli("report", "mine", "--figures", "figures")
    assert finished.code == 0
    files = [line for line in finished.out.splitlines() if line.startswith("figures/")]
    assert {"figures/search-history.html", "figures/network-trial-0.svg"} & set(files)
    assert all((tmp_path / name).stat().st_size > 500 for name in files)
    assert "<script src" not in (tmp_path / "figures" / "search-history.html").read_text(encoding="utf-8")


def test_figures_for_a_paper(cli, done, tmp_path):
    finished = cli("report", "mine", "--figures", "f", "--figure-format", "svg", "--figure-width", "3.5")
    assert (finished.code, finished.err) == (0, "")
    files = [tmp_path / line for line in finished.out.splitlines() if line.startswith("f/")]
    assert {path.suffix for path in files} == {".svg"}
    assert 'width="252pt"' in (tmp_path / "f" / "search-history.svg").read_text(encoding="utf-8")


def test_report_of_runs_by_spec(cli, tiny, tmp_path):
    cli("run", "tiny.yaml", "--seeds", "2")
    finished = cli("report", "tiny.yaml", "--json")
    assert finished.code == 0, finished.err
    assert finished.json["files"] == ["runs/report-tiny.html"]
    assert finished.json["answer"][0].startswith("tiny: mean test accuracy ")
    assert (tmp_path / "runs" / "report-tiny.html").stat().st_size > 1e6


SCREEN = ("ablate", "ours.yaml", "--workers", "1", "--seeds", "2", "--screen")


def test_ablation_writes_its_report_and_report_writes_it_again_in_every_form(cli, tiny, tmp_path):
    (tmp_path / "ours.yaml").write_text(ABLATION, encoding="utf-8")
    done = cli(*SCREEN)
    assert done.code == 0, done.err
    assert done.err.splitlines()[-1] == "report: runs/ours/report.html"
    assert "<code>archsearch report ours</code>" in (tmp_path / "runs" / "ours" / "report.html").read_text()
    document = cli("report", "ours", "--json").json
    assert (document["kind"], document["title"]) == ("ablation", "ours")
    assert document["answer"][0] == "A screen around tiny: exploratory, without p values; it names no winner."
    for form in ("md", "tex", "json"):
        assert cli("report", "ours", "--format", form).out == f"runs/ours/report.{form}\n"
    cli("report", "ours", "--format", "csv", "-o", "tables", "--figures", "figures")
    head, *rows = (tmp_path / "tables" / "effects-effects-table.csv").read_text().splitlines()
    assert head.split(",")[:4] == ["comparison", "verdict", "pairs", "difference (points)"]
    assert [row.split(",")[:3] for row in rows] == [[n, "no verdict", "2"] for n in ("activation=tanh", "width=x2")]
    assert {"ablation-forest.html", "ablation-pairs.html"} <= {p.name for p in (tmp_path / "figures").iterdir()}


def test_ablation_whose_report_fails_is_done_all_the_same(cli, tiny, tmp_path):
    (tmp_path / "ours.yaml").write_text(ABLATION, encoding="utf-8")
    (tmp_path / "runs" / "ours" / "report.html").mkdir(parents=True)
    done = cli(*SCREEN, "--json")
    assert (done.code, done.json["runs"]["completed"]) == (0, 6)
    assert "the ablation is done and kept, but its report could not be written (-o runs/ours/report.html" in done.err
    assert "archsearch report ours writes it again" in done.err


def test_report_on_a_study_of_another_program_is_refused(cli, tiny, tmp_path):
    (tmp_path / "runs").mkdir()
    optuna.create_study(study_name="theirs", storage=open_storage(default_url(tmp_path / "runs")))
    done = cli("report", "theirs")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-1] == "error: theirs was not made by archsearch: there is no report on it"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nosuch"], 2, "error: nosuch is no study, run or spec here. Studies: none. Runs in runs: none."),
        (["lenet5"], 2, "error: lenet5 has no finished run in runs; archsearch run lenet5 makes one"),
        (["lenet5", "--stamp", "noon"], 2, "error: --stamp noon: give a time such as 2026-01-31T12:00:00+00:00"),
        (["lenet5", "--storage", "nonsense"], 2, "is not a storage URL"),
        (["lenet5", "--format", "pdf"], 2, "Invalid value for '--format'"),
        (
            ["lenet5", "--figure-format", "pdf"],
            2,
            "error: --figure-format pdf: say where figures are written, with --fi",
        ),
        (["lenet5", "--figures", "f", "--figure-format", "eps"], 2, "Invalid value for '--figure-format'"),
        (["lenet5", "--figures", "f", "--figure-width", "0.5"], 2, "Invalid value for '--figure-width'"),
        (["no.yaml"], 3, "error: no.yaml: no such file"),
        ([], 2, "Missing argument 'STUDY|RUN...'"),
    ],
)
def test_report_of_what_is_not_there_says_why(cli, arguments, code, message):
    finished = cli("report", *arguments)
    assert (finished.code, finished.out) == (code, "")
    assert message in finished.err


@pytest.mark.parametrize("name", ["run.json", "result.json"])
def test_one_damaged_run_of_three_is_left_out_and_said(cli, tiny, tmp_path, name):
    assert cli("run", "tiny.yaml", "--seeds", "3").code == 0
    folder = sorted((tmp_path / "runs").glob("*/run.json"))[0].parent
    path = folder / name
    path.write_bytes(path.read_bytes()[:-9])
    done = cli("report", "tiny.yaml", "--format", "json")
    assert (done.code, done.out) == (4, "runs/report-tiny.json\n")
    why = f"runs/{folder.name}/{name} was truncated or altered and is not used"
    assert done.err.startswith(f"error: left out: {why}; ")
    document = json.loads((tmp_path / "runs" / "report-tiny.json").read_text())
    assert [
        line for line in document["answer"] if line.startswith(f"Left out, as its files are damaged: {folder.name} (")
    ]
    for command in (
        ("predict", "tiny.yaml", "x.npz"),
        ("export", "tiny.yaml", "--to", "program", "-o", "a.pt2"),
        ("bundle", "tiny.yaml", "-o", "a.zip"),
        ("report", folder.name),
    ):
        refused = cli(*command)
        assert (refused.code, refused.out) == (4, ""), command
        assert refused.err.startswith(f"error: {why}; "), command
