"""Every figure about a search, on searches of every shape."""

from __future__ import annotations

import json
import re

import pytest

from archsearch.report.figures.figure import Figure, Missing
from archsearch.report.figures.lists import SEARCH_FIGURES, search_figures
from archsearch.search.importance import OpenValue
from archsearch.search.record import SearchRecord
from tests.report.figures.records import long_record

SHAPES = ("real", "confirmed", "two objectives", "three trials", "nothing yet")
KEYS = [entry.key for entry in SEARCH_FIGURES]


def made(record, key):
    return next(figure for figure in search_figures(record) if figure.key == f"search-{key}")


def test_keys_are_addresses_and_stand_once():
    assert len(set(KEYS)) == len(KEYS)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", key) for key in KEYS)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("key", KEYS)
def test_figure_is_whole_or_says_why_it_is_not_there(records, shape, key):
    figure = made(records[shape], key)
    if isinstance(figure, Missing):
        assert len(figure.why) > 10
        return
    assert re.search(r"\d", figure.says)
    assert figure.says.endswith(".")
    assert "  " not in figure.says
    assert "nan" not in figure.says
    table = figure.table
    assert table.rows
    assert {len(row) for row in table.rows} == {len(table.columns)}
    assert {type(cell) for row in table.rows for cell in row} <= {str, int, float, bool, type(None)}
    text = figure.draw().to_json()
    assert figure.draw().to_json() == text
    kinds = {trace.get("type", "scatter") for trace in json.loads(text)["data"]}
    assert kinds <= {"scatter", "bar"}, "other kinds need WebGL, a canvas or eval"
    assert "NaN" not in text


def test_same_figures_after_a_journey_through_json(real):
    back = SearchRecord.model_validate_json(real.model_dump_json())
    for one, other in zip(search_figures(real), search_figures(back), strict=True):
        assert (one.key, one.title) == (other.key, other.title)
        if isinstance(one, Figure):
            assert (one.says, one.table) == (other.says, other.table)
            assert one.draw().to_json() == other.draw().to_json()


def test_a_real_search_lacks_only_what_it_cannot_have(real):
    missing = {figure.key: figure.why for figure in search_figures(real) if isinstance(figure, Missing)}
    assert missing == {"search-pareto": "the study has one objective, val_accuracy"}


def test_a_search_without_trials_says_so_everywhere(records):
    whys = {figure.key: figure.why for figure in search_figures(records["nothing yet"])}
    assert whys["search-history"] == "no trial has ended yet"
    assert len(whys) == len(SEARCH_FIGURES)


@pytest.fixture(scope="module")
def long() -> SearchRecord:
    return long_record(2000)


def test_two_thousand_trials_stay_small_and_their_tables_complete(long):
    figures = [figure for figure in search_figures(long) if isinstance(figure, Figure)]
    sizes = {figure.key: len(figure.draw().to_json().encode()) for figure in figures}
    assert sum(sizes.values()) < 5_000_000, sizes
    rows = {figure.key: len(figure.table.rows) for figure in figures}
    assert rows["search-history"] == rows["search-durations"] == 2000
    learned = sum(bool(trial.learned) for trial in long.trials)
    assert rows["search-curves"] == rows["search-parallel"] == learned


def test_what_a_long_study_leaves_out_of_a_drawing_is_said(long):
    says = made(long, "parallel").says
    done = sum(trial.values is not None for trial in long.trials)
    pruned = sum(trial.outcome == "pruned" for trial in long.trials)
    assert f"Drawn are 300 of {done:,} completed and 300 of {pruned:,} pruned ones." in says


PAYLOADS = (
    "<script>alert(1)</script>",
    '<a href="javascript:alert(1)">x</a>',
    "<b>bold</b>",
    "<img src=x onerror=alert(1)>",
    "a<br>b",
    "</text><svg/onload=alert(1)>",
    "&lt;b&gt;",
    "%{x} %{customdata}",
    "\u202egnp.exe\x00\x1b[31m",
)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_texts_of_a_study_never_become_markup(payload):
    plain = long_record(60)
    renamed = {"activation": f"{payload}1", "conv.depth": f"{payload}2", "conv1.out_channels": f"{payload}3"}
    trials = tuple(
        trial.model_copy(
            update={
                "params": {renamed.get(k, k): payload if k == "activation" else v for k, v in trial.params.items()},
                "line": payload,
                "worker": payload,
                "failure": payload,
            }
        )
        for trial in plain.trials
    )
    space = tuple(
        OpenValue(
            **{
                **value.model_dump(),
                "name": renamed.get(value.name, value.name),
                "labels": (payload, "other") if value.name == "activation" else value.labels,
            }
        )
        for value in plain.space
    )
    from tests.report.figures.records import confirmation, record

    rows = confirmation()
    named = tuple(row.model_copy(update={"candidate": f"{payload} 2"}) for row in rows.candidates)
    hostile = record(trials, space=space, confirmed=rows.model_copy(update={"candidates": named}))
    drawn = 0
    unranked = hostile.model_copy(update={"importances": ()})  # the choice comes first, so that its labels are drawn
    for figure in (*search_figures(hostile), *search_figures(unranked)):
        if isinstance(figure, Figure):
            text = json.dumps(json.loads(figure.draw().to_json())["data"], ensure_ascii=False)
            layout = json.dumps(json.loads(figure.draw().to_json())["layout"], ensure_ascii=False)
            for shown in (text, layout):
                assert not re.search(r"<(?!br>)", shown), "the only markup is our own line break"
                assert "a<br>b" not in shown
                assert "\\u0000" not in shown
                assert "\u202e" not in shown
                assert "hovertemplate" not in shown.replace('"hovertemplate": null', "")
            drawn += 1
    assert drawn >= 20
