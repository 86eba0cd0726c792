"""A report in a real Chromium: nothing fails, nothing leaves the page, every figure stands, axe-core finds nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsearch.report.page import page
from tests.report.browsing import DESKTOP, PHONE, SILENT, Visit, until

VIEWS = [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE)]
NAMES = ["desktop, light", "desktop, dark", "phone, light", "phone, dark"]


@pytest.fixture(scope="module", params=["study_report", "runs_report", "ablation_made"])
def html(request) -> str:
    return page(request.getfixturevalue(request.param).document)


def drawn(visit: Visit) -> dict[str, str]:
    return visit.page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('[data-figure]')].map(p => [p.dataset.figure, "
        "p.dataset.drawn + (p.querySelector('.main-svg') ? '' : ', but empty')]))"
    )


@pytest.mark.parametrize(("scheme", "viewport"), VIEWS, ids=NAMES)
def test_every_figure_is_drawn_silently_in_a_page_that_fits(visit, html, scheme, viewport):
    seen = visit(html, scheme, viewport)
    seen.page.evaluate("drawAll()")
    figures = drawn(seen)
    assert figures
    assert set(figures.values()) == {"yes"}
    assert seen.heard == SILENT
    said = seen.page.evaluate(
        "[...document.querySelectorAll('[data-figure] .main-svg[role=img]')].map(s => s.ariaLabel)"
    )
    assert len(said) == len(figures)
    assert all(text.endswith(".") for text in said)
    assert seen.page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    paper = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 25, 30)"}[scheme]


def test_figures_are_drawn_when_they_come_into_view(visit, html):
    seen = visit(html)
    seen.page.wait_for_timeout(200)
    last = "[...document.querySelectorAll('[data-figure]')].at(-1)"
    assert seen.page.evaluate(f"{last}.dataset.drawn") is None
    seen.page.evaluate(f"{last}.scrollIntoView()")
    until(seen, f"{last}.dataset.drawn === 'yes'")
    assert seen.heard == SILENT


@pytest.mark.parametrize(("scheme", "viewport"), VIEWS[1:3], ids=NAMES[1:3])
def test_axe_finds_nothing_serious(visit, html, scheme, viewport):
    axe = pytest.importorskip("axe_playwright_python.base")
    seen = visit(html, scheme, viewport, bypass_csp=True)  # axe itself is a script that the policy would not run
    seen.page.evaluate("drawAll()")
    seen.page.evaluate(Path(axe.AXE_FILE_PATH).read_text(encoding="utf-8"))
    found = seen.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    serious = [
        (one["id"], [node["target"] for node in one["nodes"][:3]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_keyboard_skips_to_the_report_and_switches_the_colours_of_page_and_figures(visit, html):
    seen = visit(html)
    seen.page.evaluate("drawAll()")
    text = "document.querySelector('[data-drawn] .xtick text, [data-drawn] .ytick text').style.fill"
    before = seen.page.evaluate(text)
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.textContent") == "Skip to the report"
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.id") == "theme"
    seen.page.keyboard.press("Enter")
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 25, 30)"
    until(seen, f"{text} !== {before!r}")
    assert seen.page.evaluate("document.activeElement.getAttribute('aria-label')") == "Use light colours"
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.getAttribute('href')") == "#answer"
    outline = seen.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    assert seen.heard == SILENT


def test_tables_open_by_keyboard_and_stand_without_javascript(visit, html):
    seen = visit(html, java_script_enabled=False)
    assert seen.page.locator("noscript p").is_visible()
    summary = seen.page.locator("details.table > summary").first
    summary.focus()
    seen.page.keyboard.press("Enter")
    assert seen.page.locator("details.table table").first.is_visible()
    assert not seen.page.locator("#theme").is_visible()


def test_print_draws_everything_dark_on_white(visit, html):
    seen = visit(html, "dark")
    seen.page.pdf()
    assert set(drawn(seen).values()) == {"yes"}
    seen.page.emulate_media(media="print")
    assert seen.page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert seen.page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert seen.heard == SILENT


def test_figure_can_be_saved_as_a_picture(visit, html):
    seen = visit(html)
    seen.page.evaluate("drawAll()")
    url = seen.page.evaluate("Plotly.toImage(document.querySelector('[data-figure]'), {format: 'png'})")
    assert url.startswith("data:image/png;base64,")
    assert len(url) > 5000
    assert seen.heard == SILENT
