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


NARROW, PAPER = {"width": 400, "height": 800}, {"width": 680, "height": 960}
# What reaches beyond the window, and stands in nothing that scrolls.
BEYOND = """(() => {
  const wide = document.documentElement.clientWidth + 1, found = [];
  for (const one of document.querySelectorAll("main *, header *")) {
    if (one.closest("svg") || one.getBoundingClientRect().right <= wide || !one.getBoundingClientRect().width) continue;
    let box = one.parentElement;
    while (box && !["auto", "scroll"].includes(getComputedStyle(box).overflowX)) box = box.parentElement;
    if (!box) found.push(one.tagName + " in " + one.closest("article, section, header").id);
  }
  return found;
})()"""
# Pairs of a figure's buttons and legend that share a place.
OVER = """[...document.querySelectorAll("[data-figure]")].filter((plot) => {
  const bar = plot.querySelector(".modebar-group")?.parentElement.getBoundingClientRect();
  const legend = plot.querySelector(".legend")?.getBoundingClientRect();
  return bar && legend && bar.bottom > legend.top + 1 && bar.top < legend.bottom && bar.left < legend.right;
}).map((plot) => plot.dataset.figure)"""


@pytest.mark.parametrize("viewport", [DESKTOP, NARROW], ids=["1280", "400"])
def test_nothing_is_cut_without_a_hint_and_no_button_stands_on_a_legend(visit, html, viewport):
    seen = visit(html, viewport=viewport)
    seen.page.evaluate("drawAll()")
    seen.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert seen.page.evaluate(BEYOND) == []
    assert seen.page.evaluate("document.querySelectorAll('.modebar-group').length") > 0
    assert seen.page.evaluate(OVER) == []
    silent = """[...document.querySelectorAll(".scroll")].filter((box) =>
      (box.scrollWidth > box.clientWidth + 1) === box.previousElementSibling.hidden).length"""
    until(seen, f"{silent} === 0")
    if viewport is NARROW:
        assert seen.page.evaluate("document.querySelectorAll('.scroll.more').length") > 0


def test_table_of_all_effects_fits_a_desktop(visit, ablation_made):
    seen = visit(page(ablation_made.document))
    box = "document.querySelector('#effects-table .scroll')"
    assert seen.page.evaluate(f"{box}.scrollWidth - {box}.clientWidth") <= 0


def test_print_cuts_nothing_and_has_no_empty_heading(visit, html):
    seen = visit(html, viewport=PAPER)
    seen.page.emulate_media(media="print")
    seen.page.evaluate("window.dispatchEvent(new Event('beforeprint')); drawAll()")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= PAPER["width"]
    beyond = f"""[...document.querySelectorAll("main *")].filter((one) => !one.closest(".plot") &&
      one.getBoundingClientRect().right > {PAPER["width"]} + 1).map((one) => one.tagName)"""
    assert seen.page.evaluate(beyond) == []
    assert (
        seen.page.evaluate("Math.max(...[...document.querySelectorAll('.main-svg')].map((s) => s.clientWidth))") <= 680
    )
    empty = """[...document.querySelectorAll("h3")].filter((title) =>
      ![...title.parentElement.children].some((one) => one !== title && one.offsetHeight)).map((t) => t.textContent)"""
    assert seen.page.evaluate(empty) == []


def test_print_has_title_date_and_number_at_the_foot_of_a_page(html):
    assert "@bottom-right { content: counter(page)" in html
    assert '@bottom-center { content: "Written 2026' in html
