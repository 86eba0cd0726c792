"""Value against size, the Pareto front, and the confirmed finalists, by hand."""

from __future__ import annotations

import optuna
import pytest

from archsearch.report.figures.confirmed import confirmed_data, draw_confirmed
from archsearch.report.figures.tradeoff import draw_against, draw_pareto, macs_data, parameters_data, pareto_data
from tests.report.figures.records import ACCURACY, MACS, confirmation, long_record, record, trial


def test_value_against_parameters_keeps_the_best_up_to_each_size():
    sizes = {0: (1000, 0.90), 1: (500, 0.80), 2: (4000, 0.96), 3: (2000, 0.957), 4: (3000, 0.93)}
    trials = [trial(n, value=value, parameters=size) for n, (size, value) in sizes.items()]
    data = parameters_data(record(trials, most_parameters=5000))
    assert data.reach == ((500, 0.80), (1000, 0.90), (2000, 0.957), (4000, 0.96), (4000, 0.96))
    assert [row[:5] for row in data.table.rows] == [
        (1, "completed", 500, 0.80, "yes"),
        (0, "completed", 1000, 0.90, "yes"),
        (3, "completed", 2000, 0.957, "yes"),
        (4, "completed", 3000, 0.93, ""),
        (2, "completed", 4000, 0.96, "yes"),
    ]
    assert [(one.part, one.x, one.y) for one in data.marked] == [("baseline", 1000, 0.90), ("best", 4000, 0.96)]
    assert data.says == (
        "5 trials with a final value. The best, trial 2, has 4,000 parameters; trial 3 comes close (95.70 %, "
        "-0.30 points) with 2,000, 2.0 times fewer."
    )
    figure = draw_against(data)
    points = [trace for trace in figure.data if trace.name == "completed"]
    assert sorted(points[0].x) == sorted(size for size, _ in sizes.values())
    limit = next(trace for trace in figure.data if trace.name == "limit 5,000")
    assert limit.x == (5000, 5000)
    assert figure.layout.xaxis.type == "log"


def test_size_that_is_the_objective_is_not_drawn_against_itself():
    assert macs_data(record([trial(0)], metrics=(MACS,))) == "trials are ranked by multiply-accumulates itself"


def test_front_is_optunas():
    whole = long_record(200, metrics=(ACCURACY, MACS))
    study = optuna.create_study(directions=["maximize", "minimize"])
    numbers = [t.number for t in whole.trials if t.values is not None]
    study.add_trials(
        optuna.trial.create_trial(values=list(t.values), user_attrs={"number": t.number})
        for t in whole.trials
        if t.values is not None
    )
    data = pareto_data(whole)
    (panel,) = data.panels
    assert sorted(number for number, _, _ in panel.front) == sorted(t.user_attrs["number"] for t in study.best_trials)
    assert {row[0] for row in data.table.rows if row[1] == "yes"} == {number for number, _, _ in panel.front}
    assert [row[0] for row in data.table.rows] == numbers
    assert (panel.other, panel.limit) == ("macs", 150_000)
    figure = draw_pareto(data)
    front = next(trace for trace in figure.data if trace.name == "front")
    assert list(front.x) == sorted(front.x)
    assert (front.line.shape, len(front.x)) == ("hv", len(panel.front))


def test_ends_of_the_front_are_its_cheapest_and_its_best():
    trials = [
        trial(number, value=0.0).model_copy(update={"values": values})
        for number, values in enumerate([(0.9, 100.0), (0.95, 400.0), (0.8, 50.0), (0.85, 200.0)])
    ]
    data = pareto_data(record(trials, metrics=(ACCURACY, MACS)))
    assert data.says == (
        "3 of 4 completed trials are on the front of validation accuracy and multiply-accumulates: no other one is as "
        "good in everything and better in something. Its ends: trial 2 (80.00 % validation accuracy, 50 "
        "multiply-accumulates), and trial 1 (95.00 % validation accuracy, 400 multiply-accumulates)."
    )


def test_finalists_stand_beside_the_values_they_were_selected_by():
    data = confirmed_data(record([trial(0, value=0.91), trial(1, value=0.97)], confirmed=confirmation()))
    assert [(one.name, one.search, one.test, one.seeds) for one in data.finalists] == [
        ("trial 1", 0.97, pytest.approx(0.96), (0.95, 0.97)),
        ("trial 2", 0.96, pytest.approx(0.94), (0.94, 0.94)),
        ("baseline", 0.91, pytest.approx(0.91), (0.90, 0.92)),
    ]
    assert [one.validation for one in data.finalists] == [pytest.approx(0.96), pytest.approx(0.94), None]
    assert data.says == (
        "Trial 1 is first. The search's values were on average 1.50 points higher than the same networks' validation "
        "accuracy on 2 fresh seeds."
    )
    figure = draw_confirmed(data)
    means = next(trace for trace in figure.data if trace.name == "test mean with 95 % interval")
    assert means.x == pytest.approx((0.96, 0.94, 0.91))
    assert means.error_x.array == pytest.approx((0.02, 0.02, 0.02))
    seeds = next(trace for trace in figure.data if trace.name == "test, each seed")
    assert len(seeds.x) == 6
    assert data.table.rows[0][:4] == ("trial 1", 0.97, pytest.approx(0.96), 0.01)


def test_confirmation_on_its_way_is_said_to_be():
    begun = confirmation()
    alone = begun.model_copy(update={"candidates": begun.candidates[:1]})
    assert (
        confirmed_data(record([trial(0)], confirmed=alone)) == "the confirmation has begun, and no finalist is through"
    )
    assert confirmed_data(record([trial(0)])) == "nothing was confirmed on fresh seeds (yet, or with --confirm 0)"
