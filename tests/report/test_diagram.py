"""Layer diagrams: to scale, in order, named in words, differences marked."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from archsearch.experiment_plan import load_plan
from archsearch.report.architectures import Shown, network_parts
from archsearch.report.diagram import SLAB, THICKEST, diagram, side, two_sides
from archsearch.report.document import Diagram
from archsearch.report.figures.figure import Missing

SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str):
    root = ElementTree.fromstring(svg)
    rects = [
        {k: float(v) for k, v in r.attrib.items() if k in ("x", "y", "width", "height")}
        for r in root.iter(SVG + "rect")
    ]
    texts = ["".join(t.itertext()) for t in root.iter(SVG + "text")]
    return root, rects, texts


def test_slabs_of_lenet5_are_as_wide_as_maps_and_as_thick_as_channels():
    plan = load_plan("lenet5").network
    root, rects, texts = drawn(diagram((side("lenet5", plan),), "k", "LeNet-5"))
    assert len(rects) == 1 + len(plan.rows)
    by_name = dict(zip(["input", *(row.name for row in plan.rows)], rects, strict=True))
    map_, channel = SLAB / 32, THICKEST / 16  # the largest map, and the most channels of lenet5
    assert (by_name["input"]["width"], by_name["input"]["height"]) == pytest.approx(
        (32 * map_, max(2, channel)), abs=0.1
    )
    assert (by_name["conv1"]["width"], by_name["conv1"]["height"]) == pytest.approx((28 * map_, 6 * channel), abs=0.1)
    assert (by_name["pool2"]["width"], by_name["pool2"]["height"]) == pytest.approx((5 * map_, 16 * channel), abs=0.1)
    assert by_name["fc1"]["width"] == pytest.approx(SLAB * 84 / 120, abs=0.1)  # conv3 gives 120 channels of one value
    tops = [rect["y"] for rect in rects]
    assert tops == sorted(tops)
    assert texts[1].split() == ["input", "1x32x32"]
    assert "conv1  6x28x28  156 parameters" in texts
    described = root.find(SVG + "desc").text
    assert root.attrib["aria-labelledby"] == "k-t k-d"
    assert described.startswith("lenet5: input 1x32x32, conv1 6x28x28, act1 6x28x28, pool1 6x14x14")


def test_two_sides_mark_what_differs_and_keep_layers_level():
    plans = (load_plan("lenet5").network, load_plan("lenet_conv4").network)
    ours, theirs = two_sides(("a", "b"), plans)
    assert len(ours.lines) == len(theirs.lines)
    level = [(one.title, two.title, one.mark or two.mark) for one, two in zip(ours.lines, theirs.lines, strict=True)]
    assert level[0] == ("input", "input", "")
    assert ("conv1", "conv1", "") in level or ("conv1", "conv1", "≠") in level
    assert [(one, two) for one, two, mark in level if mark == "+"]
    assert all(not one or not two for one, two, mark in level if mark == "+")
    _, rects, texts = drawn(diagram((ours, theirs), "k", "t"))
    marks = sum(line.mark != "" for side_ in (ours, theirs) for line in side_.lines)
    boxes = sum(line.shape != () for side_ in (ours, theirs) for line in side_.lines)
    assert len(rects) == boxes + marks
    assert sum(text in ("+", "≠") for text in texts) == marks


BRANCHES = """\
data: {name: digits}
network:
  - parallel:
      branches:
        - [conv2d: {out_channels: 8, kernel_size: KERNEL, padding: same}]
        - none
        - []
        - [max_pool2d: {kernel_size: 3, stride: 1, padding: 1}, EXTRA]
  - residual: {layers: [conv2d: {out_channels: 12, kernel_size: 3, stride: 2, padding: 1}], projection: PROJECTION}
  - flatten
  - linear: {out_features: classes}
train: {epochs: 1}
"""


def branches(folder, kernel: int, extra: str, projection: str):
    text = BRANCHES.replace("KERNEL", str(kernel)).replace("EXTRA", extra).replace("PROJECTION", projection)
    (folder / "b.yaml").write_text(text)
    return load_plan(str(folder / "b.yaml")).network


def test_a_branch_that_is_the_input_itself_is_drawn(tmp_path):
    lines = side("b", branches(tmp_path, 1, "relu", "pad")).lines
    inside = [(line.title, line.words, line.shape) for line in lines if line.deep]
    assert inside == [
        ("branch1.conv1", "conv2d kernel_size=1 padding=same", (8, 8, 8)),
        ("branch3", "the input", (1, 8, 8)),
        ("branch4.pool1", "max_pool2d kernel_size=3 stride=1 padding=1", (1, 8, 8)),
        ("branch4.act1", "relu", (1, 8, 8)),
        ("conv1", "conv2d kernel_size=3 stride=2 padding=1", (12, 4, 4)),
        ("projection", "pad_channels stride=2", (12, 4, 4)),
    ]


def test_two_blocks_are_marked_where_they_differ_inside(tmp_path):
    ours, theirs = two_sides(
        ("a", "b"), (branches(tmp_path, 1, "relu", "pad"), branches(tmp_path, 3, "relu, tanh", "true"))
    )
    marked = [(one.title, two.title, one.mark + two.mark) for one, two in zip(ours.lines, theirs.lines, strict=True)]
    assert marked == [
        ("input", "input", ""),
        ("par1", "par1", "≠≠"),
        ("branch1.conv1", "branch1.conv1", "≠≠"),
        ("branch3", "branch3", ""),
        ("branch4.pool1", "branch4.pool1", ""),
        ("branch4.act1", "branch4.act1", ""),
        ("", "branch4.act2", "+"),
        ("res1", "res1", "≠≠"),
        ("conv1", "conv1", ""),
        ("projection", "", "+"),
        ("", "projection", "+"),
        ("flatten1", "flatten1", ""),
        ("fc1", "fc1", ""),
    ]


def test_words_beside_a_slab_have_room(tmp_path):
    """A name of 7.8 pixels a character and 7 of each behind it: what would not fit is said shorter."""
    from archsearch.report.diagram import INDENT, TEXT

    text = BRANCHES.replace("residual: {layers:", "residual: {shortcut: [conv2d: {out_channels: 12, kernel_size: 9, "
                            "stride: 2, padding: 4}], layers:").replace(", projection: PROJECTION", "")  # fmt: skip
    (tmp_path / "b.yaml").write_text(text.replace("KERNEL", "1").replace("EXTRA", "relu"))
    one = side("b", load_plan(str(tmp_path / "b.yaml")).network)
    assert "shortcut.conv1" in [line.title for line in one.lines]
    _, _, texts = drawn(diagram((one,), "k", "t"))
    (said,) = [text for text in texts if text.startswith("shortcut.conv1")]
    assert said == "shortcut.conv1  12x4x4  9,732 par."
    assert len("shortcut.conv1") * 7.8 + len(said.partition("  ")[2]) * 7 < TEXT - 10 - INDENT


def test_same_network_twice_is_not_marked_and_said_to_be_the_same():
    plan = load_plan("lenet5")
    assert {line.mark for one in two_sides(("a", "b"), (plan.network, plan.network)) for line in one.lines} == {""}
    spec = plan.spec.model_dump(mode="json")
    first, *others = network_parts([Shown("a", spec), Shown("b", spec)])
    assert isinstance(first, Missing)
    assert first.why == "the two compute the same"
    assert [part.title for part in others] == ["a: 13 layers", "b: 13 layers"]


def test_inside_of_a_block_is_drawn_and_counted_once():
    plan = load_plan("resnet_tiny").network
    _, rects, texts = drawn(diagram((side("resnet_tiny", plan),), "k", "t"))
    assert len(rects) == 1 + sum(1 for _ in plan.walk())
    parameters = [int(t.split("  ")[2].split()[0].replace(",", "")) for t in texts if t.endswith("parameters")]
    assert sum(parameters) <= plan.parameters


def test_layer_table_ends_with_the_totals():
    plan = load_plan("lenet5")
    (part,) = network_parts([Shown("lenet5", plan.spec.model_dump(mode="json"))])
    assert isinstance(part, Diagram)
    rows = part.table.rows
    assert rows[0] == ("input", "", "1x32x32", None, None)
    assert rows[1] == ("conv1", "conv2d(out_channels=6 kernel_size=5)", "6x28x28", 156, 117600)
    assert rows[-1] == ("total", "", "", 61706, 416520)


def test_network_on_data_that_is_gone_is_missing_with_the_reason():
    spec = load_plan("lenet5").spec.model_dump(mode="json")
    spec["data"] |= {"name": "npz", "path": "/no/such/file.npz"}
    (part,) = network_parts([Shown("mine", spec)])
    assert isinstance(part, Missing)
    assert "/no/such/file.npz" in part.why
