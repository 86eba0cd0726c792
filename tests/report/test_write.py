"""Documents as files."""

from __future__ import annotations

import pytest

from archsearch.errors import UsageError
from archsearch.report.document import Tabled
from archsearch.report.figures import static
from archsearch.report.make import made_text
from archsearch.report.write import figure_formats, write, write_figures
from tests.report.reading import read


def test_figures_are_whole_pages_of_one_figure(study_report, tmp_path):
    written = write_figures(study_report.document, tmp_path, ["html"])
    assert {path.suffix for path in written} == {".html", ".svg"}
    keys = [figure.key for figure in study_report.document.figures()]
    assert set(keys) <= {path.stem for path in written}
    found = read((tmp_path / f"{keys[0]}.html").read_text(encoding="utf-8"))
    assert [e.attrs["data-figure"] for e in found.all("div") if "data-figure" in e.attrs] == [keys[0]]


def test_figures_for_papers_are_a_file_each_in_every_format(runs_report, tmp_path):
    document = runs_report.document
    keys = [part.key for _, part in document.tabled() if not isinstance(part, Tabled)]
    written = write_figures(document, tmp_path, ["svg", "pdf"], width=3.5)
    assert [path.name for path in written] == [f"{key}.{form}" for key in keys for form in ("svg", "pdf")]
    assert {path.read_bytes()[:5] for path in written} == {b"<?xml", b"%PDF-"}


def test_formats_are_checked_before_anything_is_written(tmp_path, monkeypatch):
    assert figure_formats([], tmp_path) == ("html",)
    assert figure_formats(["pdf", "svg", "pdf"], tmp_path) == ("pdf", "svg")
    with pytest.raises(UsageError, match=r"^--figure-format pdf: say where figures are written, with --figures DIR$"):
        figure_formats(["pdf"], None)
    monkeypatch.setattr(static, "find_spec", lambda name: None)
    assert figure_formats(["html"], tmp_path) == ("html",)
    with pytest.raises(UsageError, match=r"are an extra: pip install 'archsearch\[figures\]'"):
        figure_formats(["html", "png"], tmp_path)


def test_places_that_cannot_be_are_usage_errors(study_report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="this is a folder; name a file"):
        write(study_report.document, tmp_path, "md")
    with pytest.raises(UsageError, match="writes a file for each table; name a folder"):
        write(study_report.document, tmp_path / "file", "csv")
    with pytest.raises(UsageError, match="this is a file; name a folder"):
        figure_formats([], tmp_path / "file")


@pytest.mark.parametrize(
    ("storage", "written"),
    [
        ("postgresql+psycopg://ada:secret@host/db", "'postgresql+psycopg://ada:***@host/db'"),
        (
            "postgresql+psycopg://host/db?user=ada&password=secret",
            "'postgresql+psycopg://host/db?user=ada&password=***'",
        ),
        ("sqlite:///shared/studies.db", "sqlite:///shared/studies.db"),
    ],
)
def test_password_of_a_storage_is_not_written_down(storage, written):
    from archsearch.report.make import Where, _command

    assert _command(["digits"], Where(storage=storage)) == f"archsearch report digits --storage {written}"


@pytest.mark.parametrize(
    ("epoch", "begin"), [("0", "Written 1970-01-01T00:00:00+00:00 by"), ("1769860800", "Written 2026-01-31T12")]
)
def test_time_comes_from_source_date_epoch(monkeypatch, epoch, begin):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert made_text(None).startswith(begin)
    assert made_text("2026-01-31T12:00:00+00:00").startswith("Written 2026-01-31T12:00:00+00:00 by")


def test_time_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "noon")
    with pytest.raises(UsageError, match="SOURCE_DATE_EPOCH=noon: it is a number of seconds since 1970"):
        made_text(None)
