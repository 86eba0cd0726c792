"""Importances, parallel coordinates, slices and cells, by hand."""

from __future__ import annotations

import statistics

import pytest

from archsearch.report.figures.axes import ABSENT, ABSENT_PLACE, axis_of, bins_of
from archsearch.report.figures.importances import draw_importances, importances_data
from archsearch.report.figures.lists import search_figures
from archsearch.report.figures.parallel import draw_parallel, parallel_data
from archsearch.report.figures.slices import cells_data, draw_cells, draw_slices, slices_data
from archsearch.search.importance import OpenValue
from tests.report.figures.records import SPACE, long_record, record, trial

WIDTH = OpenValue(name="width", kind="int", low=4, high=64, log=True, step=1)


def test_axis_places_ranges_on_their_scale_and_choices_evenly():
    axis = axis_of(WIDTH)
    assert [axis.place(value) for value in (4, 16, 64)] == pytest.approx([0, 0.5, 1])
    assert axis.place(ABSENT) == ABSENT_PLACE < 0
    assert axis.ticks() == [(0.0, "4"), (pytest.approx(0.5), "16"), (1.0, "64")]
    mixed = axis_of(OpenValue(name="x", kind="choice", labels=(1, True, None)))
    assert [mixed.place(value) for value in (1, True, None)] == [0, 0.5, 1]
    assert [label for _, label in mixed.ticks()] == ["1", "true", "null"]


@pytest.mark.parametrize(
    ("parameter", "labels", "found"),
    [
        (WIDTH, ("4 to 7", "8 to 15", "16 to 31", "32 to 64"), {4: 0, 7: 0, 8: 1, 31: 2, 32: 3, 64: 3}),
        (OpenValue(name="d", kind="int", low=1, high=3, step=1), ("1", "2", "3"), {1: 0, 3: 2}),
        (
            OpenValue(name="lr", kind="float", low=1e-4, high=1.0, log=True),
            ("0.0001 to 0.001", "0.001 to 0.01", "0.01 to 0.1", "0.1 to 1"),
            {1e-4: 0, 0.005: 1, 1.0: 3},
        ),
    ],
)
def test_bins_cover_the_range_without_gap(parameter, labels, found):
    bins = bins_of(parameter, 4)
    assert bins.labels == labels
    assert {value: bins.find(value) for value in found} == found


def test_importance_bars_are_the_records_shares_and_name_evaluator_and_n():
    whole = long_record(120)
    data = importances_data(whole)
    early = whole.importances[1]
    shares = {share.name: share.share for group in early.groups for share in group.shares}
    first = [bar for bar in data.bars if bar.target == early.target]
    assert {bar.name: bar.share for bar in first} == shares
    assert [bar.name for bar in first] == early.ranked()
    assert {bar.name: bar.always for bar in first}["conv3.out_channels"] is False
    assert data.says.startswith(
        f"fANOVA (32 trees of depth 6, seed 0) of the validation accuracy after epoch 1 over {early.n} trials: "
    )
    drawn = {(trace.name, y): x for trace in draw_importances(data).data for x, y in zip(trace.x, trace.y, strict=True)}
    assert len(drawn) == 2 * len(data.names)
    rows = {(row[0], row[1]): row for row in data.table.rows}
    assert len(rows) == 2 * len(SPACE)
    third = next(group for group in early.groups if "conv3.out_channels" in group.names)
    assert rows[early.target, "conv3.out_channels"][3:5] == ("only those that have it", third.n)


def test_too_few_trials_for_importances_are_said():
    assert importances_data(record([trial(i, value=i / 10) for i in range(3)])) == "no trial has a value"
    few = [trial(i, value=i / 10, params={"conv.depth": i % 3 + 1}) for i in range(9)]
    assert importances_data(record(few)) == "final val_accuracy: only 9 trials, at least 15 are needed"


def test_parallel_lines_go_through_their_values_and_absent_ones_below():
    trials = [
        trial(0, value=0.90, params={"conv.depth": 1, "conv1.out_channels": 4}),
        trial(1, value=0.95, params={"conv.depth": 2, "conv1.out_channels": 64, "conv2.out_channels": 16}),
        trial(2, value=0.92, params={"conv.depth": 3, "conv1.out_channels": 16, "conv2.out_channels": 64}),
        trial(3, "pruned", None, params={"conv.depth": 1, "conv1.out_channels": 8}, learned=((1, 0.3),)),
    ]
    data = parallel_data(record(trials, importances=()))
    assert [axis.name for axis in data.axes] == ["conv.depth", "conv1.out_channels", "conv2.out_channels"]
    assert data.absent == (False, False, True, True)
    places = {line.number: line.places for line in data.lines}
    # depths are few and lie a little apart by rank: 0.90 is the worst (-0.04), 0.95 the best (+0.04)
    assert places[0] == pytest.approx((0 - 0.04, 0, ABSENT_PLACE - 0.03, 0))
    assert places[1] == pytest.approx((0.5 + 0.04, 1, 0.5, 1))
    assert places[2] == pytest.approx((1, 0.5, 1, 0.4))
    assert places[3] == pytest.approx((0, 0.25, ABSENT_PLACE, ABSENT_PLACE))
    assert {line.number: line.part for line in data.lines} == {0: "completed", 1: "best", 2: "completed", 3: "pruned"}
    assert data.table.rows[0] == (1, "completed", 0.95, 2, 64, 16)
    assert data.table.rows[-1] == (3, "pruned", None, 1, 8, None)
    drawn = [trace for trace in draw_parallel(data).data if trace.mode == "lines"]
    points = [tuple(trace.y[i : i + 4]) for trace in drawn for i in range(0, len(trace.y), 5)]
    assert sorted(points) == sorted(places.values())


def test_slices_lay_the_values_of_the_most_important_over_the_target():
    whole = long_record(60)
    data = slices_data(whole)
    ranked = whole.importances[1].ranked()
    assert [one.name for one in data.slices] == ranked[:2]
    then = {t.number: dict(t.learned)[1] for t in whole.trials if t.learned}
    params = {t.number: t.params for t in whole.trials}
    assert {row[0] for row in data.table.rows} == set(ranked[:2])
    for name, number, _, has, value in data.table.rows:
        assert (has, value) == (params[number][name], then[number])
    drawn = sum(len(trace.x) for trace in draw_slices(data).data)
    assert drawn == sum(len(one.points) for one in data.slices) == len(data.table.rows)
    best = max({1, 2, 3}, key=lambda d: statistics.median(then[n] for n in then if params[n]["conv.depth"] == d))
    if "conv.depth" in ranked[:2]:
        assert f"at {best} (n = {sum(params[n]['conv.depth'] == best for n in then)})" in data.says


def test_cells_average_what_is_in_them():
    space = (
        OpenValue(name="a", kind="choice", labels=("x", "y")),
        OpenValue(name="b", kind="int", low=0, high=1, step=1),
    )
    values = {("x", 0): (0.5, 0.7), ("x", 1): (0.8,) * 3, ("y", 0): (0.9,) * 4}
    trials = [
        trial(i, value=value, params={"a": a, "b": b})
        for i, (a, b, value) in enumerate((a, b, value) for (a, b), found in values.items() for value in found)
    ]
    data = cells_data(record(trials, space=space, importances=()))
    assert (data.x.name, data.y.name) == ("a", "b")
    assert [(c.x, c.y, c.n, c.mean, c.rank) for c in data.cells] == [
        (0, 0, 2, pytest.approx(0.6), 0.0),
        (0, 1, 3, pytest.approx(0.8), 0.5),
        (1, 0, 4, pytest.approx(0.9), 1.0),
    ]
    assert data.says == (
        "Means of cells over 9 trials (final validation accuracy), no model between them. "
        "The best is a y with b 0: 90.00 % (n = 4). 1 of 4 cells are empty."
    )
    drawn = draw_cells(data)
    assert drawn.data[0].text == ("60.00 %<br>n = 2", "80.00 %<br>n = 3", "90.00 %<br>n = 4")
    assert len(drawn.layout.shapes) == 3


def test_cells_hold_every_trial_that_has_both_values():
    whole = long_record(120)
    data = cells_data(whole)
    both = sum(bool(t.learned) and data.x.name in t.params and data.y.name in t.params for t in whole.trials)
    assert sum(cell.n for cell in data.cells) == both


def test_slices_call_no_value_best_and_worst_at_once_and_no_rank_known_that_is_not():
    space = (OpenValue(name="a", kind="choice", labels=("x", "y")),)
    trials = [trial(i, value=0.9, params={"a": "xy"[i % 2]}) for i in range(6)]
    made = search_figures(record(trials, space=space, importances=()))
    (figure,) = [one for one in made if one.key == "search-slices"]
    assert figure.title == "Trials over one open value"
    assert figure.says == (
        "6 trials, final validation accuracy. a: the same median 90.00 % everywhere. Which values matter is not known: "
        "these are the first that most trials have."
    )
    (lines,) = [one for one in made if one.key == "search-parallel"]
    assert "matter most" not in lines.says
