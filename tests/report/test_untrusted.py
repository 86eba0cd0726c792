"""Texts from specs, storages and errors stay text, whatever they say: in the page, in its data, in every other form."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import optuna
import plotly.graph_objects as go
import pytest
from optuna.trial import TrialState, create_trial

from archsearch.ablate.ablation import report_on
from archsearch.ablate.record import AblationEvidence, AblationReport, ablation_evidence
from archsearch.markup import visible
from archsearch.report import tables
from archsearch.report.answers.ablation import ablation_document
from archsearch.report.answers.runs import runs_document
from archsearch.report.architectures import Shown, network_parts
from archsearch.report.dashboard import verdict_note
from archsearch.report.document import (
    Diagram,
    Document,
    Folded,
    Gallery,
    KeyNumber,
    Picture,
    Section,
    Source,
    Tabled,
)
from archsearch.report.experiments import KnownRun
from archsearch.report.figures.drawing import drawing, plotly_script
from archsearch.report.figures.figure import Column, Figure, Missing, Table
from archsearch.report.page import page
from archsearch.search.search import SearchSettings, search
from archsearch.search.search_file import load_study
from archsearch.study.lifecycle import existing_ablation
from archsearch.study.storage import default_url, open_storage
from archsearch.train.run import run
from tests.report.conftest import STUDY, TINY, Workshop
from tests.report.payloads import PAYLOADS
from tests.report.reading import read
from tests.test_markup import commands

HARMLESS = "harmless"


def figure_of(text: str) -> Figure:
    table = Table((Column(text), Column("n", "count")), ((text, 1),))

    def draw() -> go.Figure:
        made = go.Figure(layout={"xaxis": {"title": {"text": text}}, "title": {"text": text}})
        made.add_scatter(
            x=[text, "b"], y=[1, 2], name=text, text=[text, text], mode="markers+text", customdata=[text, 0],
            hovertemplate=f"{text}<br>%{{customdata}}<extra></extra>",
        )  # fmt: skip
        made.add_annotation(x=0, y=1, text=text)
        return made

    return Figure("figure", text, text, table, draw)


def document_of(text: str, *, figures: bool = False) -> Document:
    """Put a text wherever a document takes one."""
    table = Table((Column(text), Column("n", "count")), ((text, 1),))
    parts = (
        Tabled("tabled", text, text, table),
        Gallery("gallery", text, text, (Picture(b"png", text, text),), table),
        Diagram("diagram", text, text, "<svg></svg>", table),
        Folded("folded", text, text),
        Missing("missing", text, text),
        *((figure_of(text),) if figures else ()),
    )
    return Document(
        kind="search", title=text, subtitle=text, answer=(text, text), numbers=(KeyNumber(text, text, text),),
        command=text, made=text, sections=(Section("section", text, (text,), parts),),
    )  # fmt: skip


def structure(html: str) -> list[tuple]:
    """Give elements and attributes without texts; where an attribute's value matters, with it."""
    keep = ("src", "href", "id", "class", "role", "type", "http-equiv", "data-figure")
    return [(e.tag, tuple(e.attrs), tuple(e.attrs.get(name) for name in keep), e.around) for e in read(html).elements]


def test_there_are_at_least_a_hundred_different_payloads():
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 100


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_payload_anywhere_in_a_page_changes_its_texts_only(payload):
    html = page(document_of(payload))
    assert structure(html) == structure(page(document_of(HARMLESS)))
    title = read(html).all("h1")[0].text
    assert title.replace("\n", "") == visible(payload)
    assert commands(html.replace(plotly_script(), "")) == []


def test_payloads_in_the_data_of_a_figure_add_no_element():
    for payload in PAYLOADS:
        text = drawing(figure_of(payload))
        for string in strings(json.loads(text)):
            assert commands(string) == []
            assert re.findall(r"<(?!/?(?:b|i|br|sub|sup|em|extra)>)", string) == []
    html = page(document_of(PAYLOADS[2], figures=True))
    assert structure(html) == structure(page(document_of(HARMLESS, figures=True)))


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def test_payloads_in_other_forms_stay_text():
    for payload in PAYLOADS:
        document = document_of(payload)
        for text in (tables.markdown(document), tables.latex(document), tables.json_document(document)):
            assert commands(text) == []
        assert re.search(r"<[a-zA-Z/!]", tables.markdown(replace(document, command=""))) is None
        assert unescaped(tables.latex(document)) == []
        for text in tables.comma_separated(document).values():
            assert commands(text) == []
            cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
            assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
        assert json.loads(tables.json_document(document))["title"] == payload


def unescaped(latex: str) -> list[str]:
    """Find what LaTeX would not print: special characters that are not escaped, outside our own commands."""
    printed = re.sub(r"^%.*$", "", latex, flags=re.MULTILINE)
    ours = r"\\(?:begin|end)\{longtable\}(?:\{[lr]+\})?|\\caption\{|\}\\\\$|\\(?:top|mid|bottom)rule| & | \\\\$"
    printed = re.sub(ours, "", printed, flags=re.MULTILINE)
    printed = re.sub(r"\\(?:textbackslash|textasciicircum|textasciitilde|ldots)\{\}|\$\\(?:neq|pm|cdot)\$", "", printed)
    return re.findall(r"(?<!\\)[#$%&_{}]|\\(?![#$%&_{}])", printed)


def test_payload_as_a_label_of_a_drawing_is_escaped(workshop: Workshop):
    from archsearch.experiment_plan import load_spec

    spec = load_spec(str(workshop.folder / "tiny.yaml")).model_dump(mode="json")
    wider = load_spec(str(workshop.folder / "wider.yaml")).model_dump(mode="json")
    for payload in PAYLOADS:
        for part in network_parts([Shown(payload, spec), Shown(payload + "2", wider)]):
            tags = {e.tag for e in read(part.svg).elements}
            assert tags <= {"svg", "title", "desc", "rect", "text", "tspan"}


# -- from real studies and runs ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile_study(tmp_path_factory, data_dir) -> str:
    """Make a study whose summary, source, departures and failures are payloads; give the page on it."""
    folder = tmp_path_factory.mktemp("hostile")
    texts = [payload.replace("\x00", "").replace("\x0b", "") for payload in PAYLOADS]
    claims = {"summary": " ".join(texts)[:9000], "source": texts[0], "departures": texts}
    lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in claims.items())
    (folder / "tiny.yaml").write_text(TINY.replace("summary: Small.\n", lines), encoding="utf-8")
    (folder / "small.yaml").write_text(STUDY.replace("summary: A tiny one.\n", lines), encoding="utf-8")
    runs_dir = folder / "runs"
    search(
        load_study(str(folder / "small.yaml")),
        SearchSettings(trials=3, confirm=1, runs_dir=runs_dir, data_dir=data_dir),
    )
    study = optuna.load_study(study_name="small", storage=open_storage(default_url(runs_dir)))
    for number, payload in enumerate(texts):
        attrs = {"slot": 3 + number, "outcome": "failed", "failure": payload}
        study.add_trial(create_trial(state=TrialState.FAIL, user_attrs=attrs))
    return page(Workshop(folder, data_dir).make("small").document)


@pytest.fixture(scope="module")
def hostile_runs(workshop: Workshop) -> str:
    """Give the page on runs whose spec, environment and reason hold payloads."""
    path = str(workshop.folder / "tiny.yaml")
    finished = run(path, seed=0, runs_dir=workshop.runs_dir, data_dir=workshop.data_dir)
    runs = []
    for number, payload in enumerate(PAYLOADS[:40]):
        spec = {**finished.result.spec, "summary": payload, "departures": [payload]}
        spec["train"] = {**spec["train"], "epochs": 1 + number}  # each an experiment of its own
        environment = {**finished.result.environment, "device_name": payload, "engine": payload, "torch": payload}
        update = {"spec": spec, "environment": environment, "name": payload, "run_id": f"{number:016x}"}
        if number % 2:
            update |= {"status": "diverged", "reason": payload, "metrics": {}}
        runs.append(KnownRun(finished.result.model_copy(update=update), None, payload))
    return page(runs_document(runs, (), Source(command=PAYLOADS[0], made="Written.")))


@pytest.fixture(scope="module")
def hostile_ablation(workshop: Workshop) -> str:
    """Give the page on an ablation in which every name, reason and remark ends in a payload."""
    storage = open_storage(default_url(workshop.runs_dir / "ablation"), reading=True)
    study = existing_ablation("factors", storage)
    texts: dict[str, str] = {}

    def bad(text: str) -> str:
        return texts.setdefault(text, text + PAYLOADS[len(texts) % len(PAYLOADS)])

    report = spoiled(report_on(study).model_dump(mode="json"), bad)
    failure = {"cell": bad("cell"), "seed": 3, "outcome": "failed", "reason": bad("reason")}
    report["failures"] = [failure]
    report["exclusions"] = [{"variant": failure["cell"], "seed": 3, "reason": bad("why")}]
    report["left_out"] = [{"cell": payload, "reason": payload, "consequence": payload} for payload in PAYLOADS]
    report["aliases"] = [[payload] for payload in PAYLOADS]
    report["notes"] = list(PAYLOADS)
    evidence = spoiled(ablation_evidence(study).model_dump(mode="json"), bad)
    document = ablation_document(
        AblationReport.model_validate(report),
        AblationEvidence.model_validate(evidence),
        Source(command=PAYLOADS[0], made="Written."),
    )
    assert len(texts) > 80
    return page(document)


CLOSED = ("verdict", "pairs", "kind", "direction", "unit", "purpose", "outcome", "spec", "design", "metric")


def spoiled(value, bad):
    """Change every text but those of a closed list, the same text always in the same way."""
    if isinstance(value, dict):
        return {
            key if key in CLOSED or key.isidentifier() else bad(key): inner if key in CLOSED else spoiled(inner, bad)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [spoiled(inner, bad) for inner in value]
    return bad(value) if isinstance(value, str) else value


def test_note_of_an_ablation_is_text_whatever_its_names_are(workshop):
    study = existing_ablation("factors", open_storage(default_url(workshop.runs_dir / "ablation"), reading=True))
    report = report_on(study)
    for payload in PAYLOADS:
        note = verdict_note(report.model_copy(update={"baseline": payload, "design": f"![x](https://{payload})"}))
        assert "<" not in note
        assert commands(note) == []
        assert re.search(r"(?<!\\)[\[\]`]", note) is None


@pytest.fixture(params=["hostile_study", "hostile_runs", "hostile_ablation"])
def hostile(request) -> str:
    return request.getfixturevalue(request.param)


def test_hostile_study_and_runs_give_a_page_without_script_handler_or_foreign_address(hostile):
    found = read(hostile)
    own = [e for e in found.all("script") if e.attrs.get("type") != "application/json"]
    assert len(own) == 2
    assert {e.tag for e in found.elements} & {
        "iframe",
        "object",
        "embed",
        "link",
        "base",
        "form",
        "x",
        "video",
    } == set()
    for element in found.elements:
        assert not any(name.startswith("on") or name == "style" for name in element.attrs)
        for name in ("src", "href", "xlink:href", "action", "data"):
            assert element.attrs.get(name, "#").startswith(("#", "data:image/png;base64,"))
    assert "alert(1)" in hostile  # the texts are there, as texts


def test_hostile_page_does_nothing_in_a_browser(hostile, visit):
    seen = visit(hostile)
    seen.page.evaluate("drawAll()")
    seen.page.wait_for_timeout(300)
    links = seen.page.evaluate("[...document.querySelectorAll('a')].map(a => a.getAttribute('href') ?? a.href.baseVal)")
    assert all(link.startswith("#") for link in links)
    assert seen.heard == {"dialogs": [], "console": [], "requests": []}


def test_payloads_in_plotly_texts_do_nothing_in_a_browser(visit):
    figures = tuple(replace(figure_of(payload), key=f"f{n}") for n, payload in enumerate(PAYLOADS[:68]))
    document = replace(document_of(HARMLESS), sections=(Section("section", HARMLESS, (), figures),))
    seen = visit(page(document))
    seen.page.evaluate("drawAll()")
    for number in (0, 2, 17):
        seen.page.locator(f"[data-figure=f{number}] .nsewdrag").first.hover()
    hrefs = seen.page.evaluate(
        "[...document.querySelectorAll('.plot a')].filter(a => !a.matches('.modebar-btn')).length"
    )
    assert hrefs == 0
    assert seen.heard == {"dialogs": [], "console": [], "requests": []}
