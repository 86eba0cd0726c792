"""Results as a notebook shows them: a table of verdicts and a forest plot, in HTML and SVG without any script.

html = verdicts_html("Which change mattered?", effects, family, notes)
"""

from __future__ import annotations

from collections.abc import Sequence

from archsearch.markup import html_text
from archsearch.stats.effect import Effect, Family
from archsearch.stats.sentence import estimate, p_text

VERDICT_COLOURS = {"better": "#009E73", "worse": "#D55E00", "equivalent": "#0072B2", "inconclusive": "#8A8F98"}
_WIDTH, _LEFT, _ROW, _FOOT = 640, 200, 26, 34


def verdicts_html(title: str, effects: Sequence[Effect], family: Family, notes: Sequence[str] = ()) -> str:
    """Give a title, the table of verdicts, the forest plot and notes."""
    unit = "points" if family.unit == "points" else family.metric
    head = ("", "n", f"difference ({unit})", "95 % interval", "p adjusted", "verdict")
    rows = [_row(effect, family) for effect in effects]
    parts = [f"<div><p><strong>{html_text(title)}</strong></p>", table_html(head, rows)]
    if any(effect.ci95 is not None for effect in effects):
        parts.append(forest_svg(effects, family))
    parts += [f"<p>{html_text(note)}</p>" for note in notes]
    return "".join((*parts, "</div>"))


def table_html(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Give a table; every cell is escaped."""
    cells = "".join(f"<th style='text-align:left'>{html_text(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{html_text(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def _row(effect: Effect, family: Family) -> tuple[str, ...]:
    if effect.mean_difference is None:
        return (effect.variant, str(effect.n), "", "", "", "no verdict")
    shown, between = estimate(effect.mean_difference, effect.ci95, family=family)
    p = "" if effect.p_adjusted is None else p_text(effect.p_adjusted)
    return (effect.variant, str(effect.n), shown, between or "", p, "" if family.screen else effect.verdict)


def forest_svg(effects: Sequence[Effect], family: Family) -> str:
    """Draw each difference with its 95 % interval and the line of no difference; colours are the verdicts'."""
    shown = [effect for effect in effects if effect.ci95 is not None and effect.mean_difference is not None]
    scale = 100.0 if family.unit == "points" else 1.0
    ends = [scale * end for effect in shown for end in effect.ci95 or ()] + [0.0]
    low, high = min(ends), max(ends)
    reach = (high - low) or 1.0
    low, high = low - 0.05 * reach, high + 0.05 * reach

    def x(value: float) -> float:
        return _LEFT + (value - low) / (high - low) * (_WIDTH - _LEFT - 16)

    height = _ROW * len(shown) + _FOOT
    foot = height - _FOOT
    lines = [f"<line x1='{x(0):.1f}' x2='{x(0):.1f}' y1='0' y2='{foot}' stroke='currentColor' stroke-opacity='0.5'/>"]
    for row, effect in enumerate(shown):
        y = _ROW * row + _ROW / 2
        colour = VERDICT_COLOURS["inconclusive"] if family.screen else VERDICT_COLOURS[effect.verdict]
        start, end = (x(scale * bound) for bound in effect.ci95 or (0.0, 0.0))
        name = effect.variant if len(effect.variant) <= 30 else effect.variant[:29] + "…"
        lines += [
            f"<text x='{_LEFT - 10}' y='{y + 4}' text-anchor='end' fill='currentColor'>{html_text(name)}</text>",
            f"<line x1='{start:.1f}' x2='{end:.1f}' y1='{y}' y2='{y}' stroke='{colour}' stroke-width='2'/>",
            f"<circle cx='{x(scale * (effect.mean_difference or 0.0)):.1f}' cy='{y}' r='4.5' fill='{colour}'/>",
        ]
    for value in (low + 0.05 * reach, 0.0, high - 0.05 * reach):
        text = f"{value:.3g}" if value else "0"
        lines.append(f"<text x='{x(value):.1f}' y='{foot + 14}' text-anchor='middle' fill='currentColor'>{text}</text>")
    unit = "percentage points" if family.unit == "points" else family.metric
    at = f"x='{(_LEFT + _WIDTH) / 2}' y='{foot + 29}' text-anchor='middle' fill='currentColor'"
    lines.append(f"<text {at}>difference ({html_text(unit)})</text>")
    said = html_text("; ".join(effect.sentence for effect in shown))
    return (
        f"<svg role='img' aria-label='{said}' viewBox='0 0 {_WIDTH} {height}' width='{_WIDTH}' "
        f"style='max-width:100%' font-size='12' font-family='sans-serif'>{''.join(lines)}</svg>"
    )
