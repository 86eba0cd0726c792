"""The figures about ablations: numbers by hand, reasons where there is nothing to draw, names that are no markup."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from archsearch.ablate.ablation import ablate
from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.blocks import DataBlock
from archsearch.ablate.planned import plan_ablation
from archsearch.ablate.price import price_ablation
from archsearch.ablate.record import AblationReport
from archsearch.experiment_plan import load_plan
from archsearch.report.figures.effects import forest_data, pairs_data
from archsearch.report.figures.figure import Figure, Missing
from archsearch.report.figures.interactions import interactions_data
from archsearch.report.figures.lists import ABLATION_FIGURES, ablation_figures
from archsearch.report.figures.parts import shapley_data, waterfall_data
from archsearch.report.figures.power import power_data
from archsearch.report.figures.ranks import groups_alike
from archsearch.spec.lint.rules import lint
from archsearch.stats.crossing import learning_curve
from archsearch.stats.over_data_sets import compare_over_data_sets
from archsearch.stats.over_groups import over_groups
from archsearch.stats.power import t_smallest_d
from archsearch.study.lifecycle import Settings
from tests.ablate.conftest import FACTORS, TINY
from tests.report.figures.paper import check_svg, cut_texts

SCREEN = "seeds: 3\nscreen: true\n"
DESIGNS = {
    "one_at_a_time": "",
    "screen": SCREEN,
    "sequential": "seeds: {max: 10, sequential: true}\n",
    "path": SCREEN + "design: path_and_leave_one_out\n",
    "full_factorial": SCREEN + "design: full_factorial\n",
    "shapley": SCREEN + "design: shapley\n",
    "loss": SCREEN + "metric: test_loss\n",
}
BOTH = "activation=tanh+width=x2"


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> dict[str, AblationReport]:
    """An ablation of every shape a figure may meet; all take their runs from one folder."""
    folder = tmp_path_factory.mktemp("ablations")
    (folder / "tiny.yaml").write_text(TINY)
    flawed = TINY.replace("name: tiny", "name: flaw").replace("classes}\n", "classes}\n  - softmax\n")
    (folder / "flaw.yaml").write_text(flawed)
    settings = Settings(runs_dir=folder / "runs", data_dir=data_dir)
    found = {}
    for name, text in DESIGNS.items():
        (folder / f"{name}.yaml").write_text(FACTORS + text)
        found[name] = ablate(plan_ablation(load_ablation(str(folder / f"{name}.yaml"))), settings)
    flaw = load_plan(str(folder / "flaw.yaml"))
    found["price"] = ablate(price_ablation(flaw, lint(flaw.spec, flaw.network)), settings)
    ablation = plan_ablation(load_ablation(str(folder / "path.yaml")))
    found |= blocks_of_reports(found["one_at_a_time"])
    nothing = Settings(runs_dir=folder / "runs", data_dir=data_dir, seconds=0.0, name="nothing")
    found["nothing yet"] = ablate(ablation, nothing)
    return found


def blocks_of_reports(report: AblationReport) -> dict[str, AblationReport]:
    """Make of one report those that data sets, training-set sizes and groups would give."""
    dice = np.random.default_rng(4)
    names = [cell.name for cell in report.cells]
    values = {
        f"set{number}": {
            name: dict(enumerate((0.8 + 0.02 * place + dice.normal(0, 0.01, 10)).tolist()))
            for place, name in enumerate(names)
        }
        for number in range(6)
    }
    sizes = (100, 1000)
    blocks = tuple(DataBlock(name=f"n={size}", kind="train_size", train_size=size) for size in sizes)
    cells = tuple(
        cell.model_copy(update={"name": f"{block.name}: {cell.name}", "block": block.name})
        for block in blocks
        for cell in report.cells
    )
    curve = learning_curve(names[1], names[0], {100: [-0.02, -0.01, -0.03], 1000: [0.02, 0.01, 0.02]})
    subjects = over_groups(names[1], names[1], {0: {"ann": 0.02, "bob": -0.01}, 1: {"cid": 0.01}}, report.family)
    assert subjects is not None
    return {
        "data sets": report.model_copy(update={"over_data_sets": compare_over_data_sets(values, names[0])}),
        "sizes": report.model_copy(update={"blocks": blocks, "cells": cells, "learning": (curve,)}),
        "groups": report.model_copy(update={"groups": (subjects,)}),
    }


def made(report: AblationReport) -> dict[str, Figure | Missing]:
    return {figure.key: figure for figure in ablation_figures(report)}


SHAPES = [*DESIGNS, "price", "data sets", "sizes", "groups", "nothing yet"]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_figure_is_drawn_or_says_why_not(reports, shape) -> None:
    figures = ablation_figures(reports[shape])
    assert [figure.key for figure in figures] == [f"ablation-{entry.key}" for entry in ABLATION_FIGURES]
    for figure in figures:
        if isinstance(figure, Missing):
            assert figure.why
            continue
        assert figure.says.endswith(".")
        assert {len(row) for row in figure.table.rows} == {len(figure.table.columns)}
        drawn = figure.draw()
        assert not [trace.type for trace in drawn.data if trace.type.endswith("gl")]
        assert "NaN" not in drawn.to_json()


def test_every_figure_is_drawn_for_papers_too(reports, tmp_path) -> None:
    found = {key: one for shape in SHAPES for key, one in made(reports[shape]).items() if isinstance(one, Figure)}
    assert set(found) == {f"ablation-{entry.key}" for entry in ABLATION_FIGURES}
    for figure in found.values():
        check_svg(figure, tmp_path)
        assert cut_texts(figure, 3.5) == []


def test_which_figures_belong_to_which_ablation(reports) -> None:
    there = {
        shape: {key.removeprefix("ablation-") for key, one in made(reports[shape]).items() if isinstance(one, Figure)}
        for shape in SHAPES
    }
    always = {"forest", "pairs"}
    assert there == {
        "one_at_a_time": always | {"power"},
        "screen": always,
        "sequential": always,
        "path": always | {"waterfall"},
        "full_factorial": always | {"interactions"},
        "shapley": always | {"shapley"},
        "loss": always,
        "price": always | {"prices", "power"},
        "data sets": always | {"power", "ranks"},
        "sizes": always | {"power", "sizes"},
        "groups": always | {"power", "groups"},
        "nothing yet": set(),
    }


def test_forest_has_the_effects_with_their_intervals(reports) -> None:
    report = reports["one_at_a_time"]
    data = forest_data(report)
    assert [(row.name, row.difference, row.interval, row.verdict) for row in data.rows] == [
        (e.variant, e.mean_difference, e.ci95, e.verdict) for e in report.effects
    ]
    figure = made(report)["ablation-forest"].draw()
    wide = report.effects[1]
    (trace,) = [trace for trace in figure.data if trace.name == wide.verdict]
    at = list(trace.y).index(1)
    assert trace.x[at] == pytest.approx(100 * wide.mean_difference)
    assert trace.x[at] + trace.error_x.array[at] == pytest.approx(100 * wide.ci95[1])
    assert trace.x[at] - trace.error_x.arrayminus[at] == pytest.approx(100 * wide.ci95[0])
    (band,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (band.x0, band.x1) == (-0.1, 0.1)
    assert f"{sum(e.verdict == 'better' for e in report.effects)} better" in data.says


def test_ranks_join_what_is_within_the_critical_difference(reports) -> None:
    assert groups_alike([1.0, 1.5, 2.5, 3.0], 1.6) == ((0, 2), (1, 3))
    assert groups_alike([1.0, 3.0], 1.6) == ()
    found = reports["data sets"].over_data_sets
    figure = made(reports["data sets"])["ablation-ranks"]
    assert f"critical difference of {found.critical_difference:.2f}" in figure.says
    points = {x for trace in figure.draw().data if trace.mode == "markers" for x in trace.x}
    assert points == {one.mean_rank for one in found.ranked}


def test_learning_curves_have_a_line_where_they_cross(reports) -> None:
    (line,) = made(reports["sizes"])["ablation-sizes"].draw().layout.shapes
    assert line.x0 == line.x1 == pytest.approx(100 * 10 ** (0.02 / (0.02 + 0.05 / 3)))


def test_groups_are_ticks_in_points(reports) -> None:
    ticks, mean = made(reports["groups"])["ablation-groups"].draw().data
    assert sorted(ticks.x) == pytest.approx([-1.0, 1.0, 2.0])
    assert mean.x == pytest.approx((2 / 3,))


def test_unfinished_ablation_has_no_verdicts_in_its_figures(reports) -> None:
    assert made(reports["nothing yet"])["ablation-forest"].why == "no pair of runs has completed yet"
    half = reports["one_at_a_time"].model_copy(update={"complete": False})
    assert "there are no verdicts before all are done" in forest_data(half).says


def test_every_pair_is_shown(reports) -> None:
    report = reports["one_at_a_time"]
    data = pairs_data(report)
    assert data.table.rows == tuple(
        (e.variant, seed, d) for e in report.effects for seed, d in zip(e.seeds, e.differences, strict=True)
    )
    figure = made(report)["ablation-pairs"].draw()
    strips = [trace for trace in figure.data if trace.mode == "markers"]
    assert [len(trace.x) for trace in strips] == [10, 10]


def test_waterfall_leads_from_the_baseline_to_all_changes(reports) -> None:
    report = reports["path"]
    data = waterfall_data(report)
    means = {cell.name: cell.mean for cell in report.cells}
    assert [(s.name, s.before, s.after) for s in data.steps] == [
        ("activation", pytest.approx(means["baseline"]), pytest.approx(means["activation=tanh"])),
        ("width", pytest.approx(means["activation=tanh"]), pytest.approx(means[BOTH])),
    ]
    (bars,) = made(report)["ablation-waterfall"].draw().data
    assert sum(bars.y[:-1]) == pytest.approx(bars.y[-1]) == pytest.approx(100 * means[BOTH])


def test_shares_add_up_to_the_whole(reports) -> None:
    report = reports["shapley"]
    data = shapley_data(report)
    assert sum(bar.share for bar in data.bars) == pytest.approx(report.effects[0].mean_difference)
    assert [bar.name for bar in data.bars] == sorted(
        ("activation", "width"), key=lambda name: -abs(next(b.share for b in data.bars if b.name == name))
    )
    assert "averaged over all 2 orders" in data.says


def test_interactions_show_the_mean_of_every_pair_of_levels(reports) -> None:
    report = reports["full_factorial"]
    (panel,) = interactions_data(report).panels
    means = {cell.name: cell.mean for cell in report.cells}
    assert (panel.one, panel.two, panel.levels) == ("activation", "width", ("baseline", "tanh"))
    assert panel.lines == (
        ("baseline", (means["baseline"], means["activation=tanh"])),
        ("x2", (means["width=x2"], means[BOTH])),
    )


def test_power_curve_is_the_planners(reports) -> None:
    report = reports["one_at_a_time"]
    data = power_data(report)
    assert [seeds for seeds, _ in data.curves] == [10, 20, 30]
    (_, first), (_, twenty), _ = data.curves
    assert first[0] <= 0.05 / 2  # nothing to find: at most the level of the hardest comparison
    assert all(a <= b + 0.02 for a, b in pairwise(first))
    # with 20 seeds the t test's power: where it is 0.8, the curve passes 0.8
    effect = t_smallest_d(20, 0.05 / 2) * report.cells[0].sd * math.sqrt(2)
    below = max(i for i, e in enumerate(data.effects) if e < effect)
    assert twenty[below] < 0.8 < twenty[below + 1]


def test_prices_say_what_mending_brings(reports) -> None:
    figure = made(reports["price"])["ablation-prices"]
    (effect,) = reports["price"].effects
    assert figure.table.rows == (
        ("A001", effect.baseline_mean, effect.mean, effect.mean_difference, 10, effect.verdict),
    )


def test_names_are_no_markup(reports) -> None:
    report = reports["one_at_a_time"]
    bad = "<b>x</b><a href='javascript:alert(1)'>" + "y" * 200
    renamed = tuple(effect.model_copy(update={"variant": bad}) for effect in report.effects)
    hostile = report.model_copy(update={"effects": renamed, "baseline": bad})
    for figure in ablation_figures(hostile):
        if isinstance(figure, Figure):
            assert "<b>" not in figure.draw().to_json()
            assert "<a " not in figure.draw().to_json()
