"""Draw networks as layer diagrams, to scale: a slab for every layer's output, from the input at the top downwards.

    svg = diagram((side("lenet5", plan),), "lenet5", "LeNet-5")
    svg = diagram((side("lenet5", a), side("trial 7", b)), "both", "lenet5 and trial 7")   # aligned, differences marked

A slab of maps is as wide as the map and as thick as it has channels; what has no map any more is a bar as long as it
has values. All sides of one drawing share their scales. Written with ElementTree, which escapes every text; colours are
given as attributes, so that the drawing needs no style sheet, and text takes the page's colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from archsearch.report.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION
from archsearch.spec.difference.align import (
    LayerPair,
    align,
    branches_of_both,
    same_layer,
    written_branches,
)
from archsearch.spec.edit.in_memory import word
from archsearch.spec.layers.blocks import UNSHOWN, Block, Parallel
from archsearch.spec.network import NetworkPlan, PlannedBranch, PlannedLayer, size_text

COLOURS = {"blue": BLUE, "green": GREEN, "orange": ORANGE, "purple": PURPLE, "sky": SKY, "grey": GREY}
SLAB, TEXT, GUTTER, GAP = 108, 262, 18, 24  # widths: of the widest slab, of the words beside it, of the marks
THICKEST, ROW, LOW, INDENT = 40, 34, 22, 10
BAND = 5  # how thick a layer is drawn that changes no size: activation, normalisation, dropout
_CHARACTERS = 40  # of the small print that fit beside a slab
_BOLD, _PLAIN = 7.8, 7.0  # pixels of a character of the name, and of what stands behind it, in a wide font


@dataclass(frozen=True, slots=True)
class DiagramLine:
    """One row of a drawing: a layer's output (None: the other side's layer stands here), and how it differs."""

    row: PlannedLayer | None
    title: str
    words: str
    shape: tuple[int, ...]
    deep: int = 0
    mark: str = ""  # "", "≠" (another layer there), "+" (only here)

    @property
    def thin(self) -> bool:
        """Whether the layer changes no size, so that a band will do."""
        return self.row is not None and self.row.layer.thin


@dataclass(frozen=True, slots=True)
class Side:
    """One network of a drawing."""

    name: str
    lines: tuple[DiagramLine, ...]


def side(name: str, plan: NetworkPlan) -> Side:
    """Give a network alone: its input and every row of it."""
    return Side(name, (_input(plan), *(line for row in plan.rows for line in _lines(row, ""))))


def two_sides(names: tuple[str, str], plans: tuple[NetworkPlan, NetworkPlan]) -> tuple[Side, Side]:
    """Lay two networks side by side, layer by layer, with what differs marked."""
    lines: tuple[list[DiagramLine], list[DiagramLine]] = ([_input(plans[0])], [_input(plans[1])])
    for pair in align(plans[0].rows, plans[1].rows):
        _side_by_side(pair, lines, 0, ("", ""))
    return Side(names[0], tuple(lines[0])), Side(names[1], tuple(lines[1]))


def _side_by_side(
    pair: LayerPair, lines: tuple[list[DiagramLine], list[DiagramLine]], deep: int, inside: tuple[str, str]
) -> None:
    """Add the lines of a layer of one or both; a block that differs in what is in it is entered."""
    ours, theirs = pair
    same = ours is not None and theirs is not None and same_layer(ours, theirs)
    entered = None
    if ours is not None and theirs is not None and not same and isinstance(ours.layer, Block):
        entered = branches_of_both(ours, theirs)
    for here, row in enumerate(pair):
        mark = "" if same else "+" if pair[1 - here] is None else "≠"
        found = [] if row is None else list(_lines(row, mark, deep, inside[here]))
        lines[here].extend(found[:1] if entered is not None else found)
    if entered is not None and ours is not None and theirs is not None:
        for branch, inner in zip(written_branches(ours), entered, strict=True):
            if not inner and isinstance(ours.layer, Parallel):
                for here, row in enumerate((ours, theirs)):
                    lines[here].append(_untouched(branch, row, deep + 1, ""))
            for one in inner:
                _side_by_side(one, lines, deep + 1, (ours.name, theirs.name))
        made = [[row for one in block.branches if not one.written for row in one.rows] for block in (ours, theirs)]
        for one in align(*made):
            _side_by_side(one, lines, deep + 1, (ours.name, theirs.name))
    longest = max(map(len, lines))
    for column in lines:
        column.extend(DiagramLine(None, "", "", ()) for _ in range(longest - len(column)))


def _input(plan: NetworkPlan) -> DiagramLine:
    return DiagramLine(None, "input", "", plan.input_shape)


def _lines(row: PlannedLayer, mark: str, deep: int = 0, inside: str = "") -> Iterator[DiagramLine]:
    if row.kind == "identity":
        return
    yield DiagramLine(row, row.name.removeprefix(f"{inside}."), _words(row), row.output_shape, deep, mark)
    for branch in row.branches:
        if isinstance(row.layer, Parallel) and all(one.kind == "identity" for one in branch.rows):
            yield _untouched(branch, row, deep + 1, mark)
        for one in branch.rows:
            yield from _lines(one, mark, deep + 1, row.name)


def _untouched(branch: PlannedBranch, block: PlannedLayer, deep: int, mark: str) -> DiagramLine:
    """Give the line of a branch that is the block's input itself."""
    return DiagramLine(None, branch.name, "the input", block.input_shape, deep, mark)


def _words(row: PlannedLayer) -> str:
    """Give the kind with the fields that are not defaults and not seen in the output's size."""
    fields = row.layer.model_dump(mode="json", exclude_defaults=True)
    hidden = ("name", *UNSHOWN, "out_channels", "out_features")
    return " ".join((row.kind, *(f"{key}={word(value)}" for key, value in fields.items() if key not in hidden)))


# -- drawing -----------------------------------------------------------------------------------------------------------


def diagram(sides: Sequence[Side], key: str, title: str) -> str:
    """Draw one network or two; `key` makes the ids of title and description unique in a page."""
    scale = _scale([line for one in sides for line in one.lines])
    heights = [_height(lines, scale) for lines in zip(*(one.lines for one in sides), strict=True)]
    column = GUTTER + SLAB + TEXT
    width = column * len(sides) + GAP * (len(sides) - 1)
    height = ROW + sum(heights) + 8
    svg = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width} {height}",
            "width": str(width),
            "height": str(height),
            "role": "img",
            "aria-labelledby": f"{key}-t {key}-d",
            "font-family": "system-ui, sans-serif",
            "font-size": "12",
            "fill": "currentColor",
        },
    )
    SubElement(svg, "title", {"id": f"{key}-t"}).text = title
    SubElement(svg, "desc", {"id": f"{key}-d"}).text = "; ".join(_described(one) for one in sides)
    for number, one in enumerate(sides):
        left = number * (column + GAP)
        _text(svg, left + GUTTER, 18, _cut(one.name, 48), weight="600", size="14")
        top = ROW
        for line, tall in zip(one.lines, heights, strict=True):
            _draw(svg, line, left, top, tall, scale)
            top += tall
    return tostring(svg, encoding="unicode")


@dataclass(frozen=True, slots=True)
class _Scale:
    """How many pixels a map's column, a channel and a value of a flat layer take."""

    map: float
    channel: float
    value: float


def _scale(lines: Sequence[DiagramLine]) -> _Scale:
    shapes = [line.shape for line in lines if line.shape]
    maps = [shape for shape in shapes if not _is_flat(shape)]
    flat = [shape[0] for shape in shapes if _is_flat(shape)]
    return _Scale(
        SLAB / max((shape[-1] for shape in maps), default=1),
        THICKEST / max((shape[0] for shape in maps), default=1),
        SLAB / max(flat, default=1),
    )


def _is_flat(shape: tuple[int, ...]) -> bool:
    """Say whether a shape has no map (any more): flat data, and channels of one value each."""
    return math.prod(shape[1:]) == 1


def _size(line: DiagramLine, scale: _Scale) -> tuple[float, float]:
    """Give width and thickness of a line's slab."""
    if not line.shape:
        return 0.0, 0.0
    if _is_flat(line.shape):
        return max(2.0, line.shape[0] * scale.value), BAND
    thick = BAND if line.thin else line.shape[0] * scale.channel
    return max(2.0, line.shape[-1] * scale.map), max(2.0, thick)


def _height(lines: Sequence[DiagramLine], scale: _Scale) -> int:
    low = all(line.thin or not line.shape for line in lines)
    return max(LOW if low else ROW, *(round(_size(line, scale)[1]) + 10 for line in lines))


def _draw(svg: Element, line: DiagramLine, left: int, top: int, tall: int, scale: _Scale) -> None:
    if not line.shape:
        return
    if line.mark:
        band = {
            "x": str(left),
            "y": str(top + 1),
            "width": str(GUTTER + SLAB + TEXT),
            "height": str(tall - 2),
            "rx": "4",
        }
        SubElement(svg, "rect", {**band, "fill": VERMILION, "fill-opacity": "0.13"})
        _text(svg, left + 5, top + tall / 2 + 4, line.mark, weight="700")
    wide, thick = _size(line, scale)
    box = {
        "x": _number(left + GUTTER + (SLAB - wide) / 2),
        "y": _number(top + (tall - thick) / 2),
        "width": _number(wide),
        "height": _number(thick),
    }
    # The inside of a block is paler than what stands for itself, and moved to the right in the words.
    paint = {"fill": "none", "stroke": GREY, "stroke-width": "1.5"}
    if line.row is not None:
        paint = {"fill": COLOURS[line.row.layer.colour], "fill-opacity": "0.55" if line.deep else "0.9"}
    SubElement(svg, "rect", {**box, **paint})
    beside = left + GUTTER + SLAB + 10 + INDENT * line.deep
    name = _text(svg, beside, top + tall / 2 + (4 if line.thin or not line.words else -3), "")
    SubElement(name, "tspan", {"font-weight": "600"}).text = _cut(line.title, 20)
    if line.thin:
        SubElement(name, "tspan", {"font-size": "11", "fill-opacity": "0.8"}).text = f"  {_cut(line.words, 24)}"
        return
    counted = line.row is not None and line.row.parameters and not line.row.layers
    SubElement(name, "tspan").text = f"  {size_text(line.shape)}"
    if line.row is not None and counted:
        room = TEXT - 10 - INDENT * line.deep - _BOLD * len(line.title) - _PLAIN * (len(size_text(line.shape)) + 1)
        words = (f"{line.row.parameters:,}{unit}" for unit in (" parameters", " par.", ""))
        said = next((one for one in words if _PLAIN * (len(one) + 1) <= room), "")
        SubElement(name, "tspan", {"fill-opacity": "0.8"}).text = f"  {said}"
    if line.words:
        _text(svg, beside, top + tall / 2 + 11, _cut(line.words, _CHARACTERS - 2 * line.deep), size="11", opacity="0.8")


def _text(
    svg: Element, x: float, y: float, text: str, *, weight: str = "", size: str = "", opacity: str = ""
) -> Element:
    given = {"font-weight": weight, "font-size": size, "fill-opacity": opacity}
    element = SubElement(svg, "text", {"x": _number(x), "y": _number(y), **{k: v for k, v in given.items() if v}})
    element.text = text
    return element


def _described(one: Side) -> str:
    """Say a network in words, for whoever does not see it."""
    words = {"+": " (only here)", "≠": " (differs)"}
    layers = [f"{line.title} {size_text(line.shape)}{words.get(line.mark, '')}" for line in one.lines if line.shape]
    return f"{one.name}: {', '.join(layers)}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
