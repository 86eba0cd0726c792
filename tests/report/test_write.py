"""Documents as files."""

from __future__ import annotations

import pytest

from archsearch.errors import UnavailableError, UsageError
from archsearch.report import write as writing
from archsearch.report.make import made_text
from archsearch.report.write import write, write_figures
from tests.report.reading import read


def test_figures_are_whole_pages_of_one_figure(study_report, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "can_write_png", lambda: False)
    said: list[str] = []
    written = write_figures(study_report.document, tmp_path, said.append)
    assert said == ["no PNG files: they are an extra, pip install 'archsearch[png]'"]
    assert {path.suffix for path in written} == {".html", ".svg"}
    keys = [figure.key for figure in study_report.document.figures()]
    assert set(keys) <= {path.stem for path in written}
    found = read((tmp_path / f"{keys[0]}.html").read_text(encoding="utf-8"))
    assert [e.attrs["data-figure"] for e in found.all("div") if "data-figure" in e.attrs] == [keys[0]]


def test_pictures_stop_at_the_first_that_cannot_be_drawn(study_report, tmp_path, monkeypatch):
    def fail(figure, path):
        raise UnavailableError(f"{path.name} cannot be written: no browser")

    monkeypatch.setattr(writing, "can_write_png", lambda: True)
    monkeypatch.setattr(writing, "write_png", fail)
    said: list[str] = []
    assert not any(path.suffix == ".png" for path in write_figures(study_report.document, tmp_path, said.append))
    assert len(said) == 1
    assert said[0].startswith("no more PNG files: ")


def test_places_that_cannot_be_are_usage_errors(study_report, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="this is a folder; name a file"):
        write(study_report.document, tmp_path, "md")
    with pytest.raises(UsageError, match="writes a file for each table; name a folder"):
        write(study_report.document, tmp_path / "file", "csv")
    with pytest.raises(UsageError, match="this is a file; name a folder"):
        write_figures(study_report.document, tmp_path / "file", print)


def test_password_of_a_storage_is_not_written_down():
    from archsearch.report.make import Where, _command

    where = Where(storage="postgresql+psycopg://ada:secret@host/db")
    assert _command(["digits"], where) == "archsearch report digits --storage postgresql+psycopg://ada:***@host/db"


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
