"""The page as a file: complete, in order, allowed to run and load nothing but itself."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json

import pytest

from archsearch.report.answers.search import search_document
from archsearch.report.document import Document, Folded, KeyNumber, Section, Source, Tabled
from archsearch.report.figures.figure import Column, Missing, Table
from archsearch.report.figures.lists import search_figures
from archsearch.report.page import embedded_json, page
from archsearch.search.evidence import search_evidence
from archsearch.study.lifecycle import existing_study
from archsearch.study.storage import default_url, open_storage
from tests.report.figures.records import long_record
from tests.report.reading import read


@pytest.fixture(scope="module", params=["study_report", "runs_report"])
def report(request):
    document = request.getfixturevalue(request.param).document
    html = page(document)
    return document, html, read(html)


def test_page_holds_everything_and_fetches_nothing(report):
    _, html, found = report
    sources = [e.attrs[name] for e in found.elements for name in ("src", "href", "data", "action") if name in e.attrs]
    assert sources
    assert all(url.startswith(("#", "data:image/png;base64,")) for url in sources)
    assert found.all("link", "iframe", "object", "embed", "base", "form") == []
    assert len(html) < 15e6


def test_policy_allows_the_scripts_and_styles_of_the_file_and_nothing_else(report):
    _, _, found = report
    (policy,) = [
        e.attrs["content"] for e in found.all("meta") if e.attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = {rule.split()[0]: set(rule.split()[1:]) for rule in policy.split("; ")}

    def hashes(elements):
        digests = (base64.b64encode(hashlib.sha256(e.text.encode()).digest()).decode() for e in elements)
        return {f"'sha256-{digest}'" for digest in digests}

    run = [e for e in found.all("script") if e.attrs.get("type") != "application/json"]
    assert rules["script-src"] == hashes(run)
    assert rules["style-src"] >= hashes(found.all("style"))
    assert not any("unsafe" in value for values in rules.values() for value in values)
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == {"'none'"}
    assert rules["img-src"] == {"data:", "blob:"}
    assert [e for e in found.elements if "style" in e.attrs or any(name.startswith("on") for name in e.attrs)] == []


def test_headings_landmarks_and_ids_are_in_order(report):
    document, _, found = report
    assert [len(found.all(tag)) for tag in ("h1", "header", "nav", "main", "footer")] == [1] * 5
    levels = [int(e.tag[1]) for e in found.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    ids = [e.attrs["id"] for e in found.elements if "id" in e.attrs]
    assert len(ids) == len(set(ids))
    links = [e.attrs["href"][1:] for e in found.all("a")]
    assert links == ["content", "answer", *(section.key for section in document.sections)]
    assert set(links) <= set(ids)
    assert (found.all("html")[0].attrs["lang"], found.all("title")[0].text) == (
        "en",
        f"{document.title} – archsearch report",
    )


def test_every_figure_is_named_and_its_numbers_stand_in_a_table(report):
    document, _, found = report
    plots = {e.attrs["data-figure"]: e.attrs for e in found.all("div") if "data-figure" in e.attrs}
    figures = {figure.key: figure for figure in document.figures()}
    assert list(plots) == list(figures)
    assert len(figures) >= 6
    for key, figure in figures.items():
        assert (plots[key]["role"], plots[key]["aria-label"]) == ("figure", figure.title)
    tables = found.all("table")
    assert len(tables) == sum(bool(part.table.rows) for _, part in document.tabled())
    assert len(found.all("caption")) == len(tables)
    assert all(e.attrs["scope"] == "col" for e in found.all("th"))
    assert all(e.attrs["alt"] for e in found.all("img"))


def test_data_of_a_figure_is_json_that_the_page_can_read_back(report):
    document, _, found = report
    held = [e for e in found.all("script") if e.attrs.get("type") == "application/json"]
    assert [e.attrs["id"] for e in held] == [f"data-{figure.key}" for figure in document.figures()]
    for element in held:
        assert set(json.loads(element.text)) == {"data", "layout"}
        assert not set(element.text) & set("<>&")


def test_same_input_gives_the_same_bytes(workshop, study_report):
    assert page(workshop.make("small").document) == page(study_report.document)


def test_embedded_json_keeps_its_meaning_without_what_ends_a_script():
    value = {"a": "</script><!-- & \u2028 \u2029", "b": [1.5, None]}
    text = embedded_json(json.dumps(value, ensure_ascii=False))
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == value


def small_document(*parts):
    return Document(
        kind="search",
        title="t",
        subtitle="",
        answer=("It is 97.31 % of 3 seeds.",),
        numbers=(KeyNumber("label", "1", "note"),),
        command="archsearch report t",
        made="Written.",
        sections=(Section("s", "S", ("Intro.",), parts),),
    )


def test_page_without_figures_leaves_plotly_out():
    html = page(small_document(Folded("f", "Spec", "a: 1\n")))
    assert len(html) < 30_000
    (text,) = [e.text for e in read(html).all("pre")]
    assert text == "a: 1\n"


def test_missing_part_is_named_with_its_reason():
    found = read(page(small_document(Missing("m", "Confusion matrix", "the run directory is not there"))))
    texts = [e.text for e in found.all("p") if e.attrs.get("class") == "missing" and "article" in e.around]
    assert texts == ["Not in this report: the run directory is not there"]


def test_long_table_is_cut_and_says_so():
    table = Table((Column("n", "count"),), tuple((n,) for n in range(2000)))
    found = read(page(small_document(Tabled("t", "Trials", "", table))))
    assert len(found.all("td")) == 200
    assert found.all("caption")[0].text == "Trials (the first 200 of 2,000 rows; all of them: --format csv)"


def test_number_and_unit_are_not_parted_at_the_end_of_a_line():
    found = read(page(small_document()))
    assert [e.text for e in found.all("p") if e.attrs.get("class") == "headline"] == [
        "It is 97.31\u00a0% of 3\u00a0seeds."
    ]


def test_page_on_two_thousand_trials_stays_small(workshop):
    storage = open_storage(default_url(workshop.runs_dir))
    evidence = search_evidence(existing_study("small", storage), storage)
    record = long_record(2000)
    made = search_document(
        record.report, evidence, search_figures(record), Source("archsearch report long", "Written.")
    )
    assert len(page(made).encode()) < 15e6
