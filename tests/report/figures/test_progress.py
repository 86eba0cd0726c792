"""History, curves, distribution, durations and timeline, by hand."""

from __future__ import annotations

import pytest

from archsearch.metrics import difference, written
from archsearch.report.figures.distribution import distribution_data, draw_distribution
from archsearch.report.figures.history import draw_history, history_data
from archsearch.report.figures.learning import draw_learning, learning_data
from archsearch.report.figures.times import draw_durations, draw_timeline, duration, durations_data, timeline_data
from archsearch.report.figures.trials import thinned
from tests.report.figures.records import MetricRecord, long_record, record, trial

FIVE = (
    trial(0, value=0.90),
    trial(1, "pruned", None, learned=((1, 0.5),)),
    trial(2, value=0.95),
    trial(3, "diverged", None, failure="not finite"),
    trial(4, "repeated", value=0.93),
    trial(5, "running", None),
)


def marker_count(figure) -> int:
    return sum(len(trace.x) for trace in figure.data if trace.mode == "markers")


def test_history_keeps_the_best_so_far_and_every_outcome():
    data = history_data(record(FIVE))
    assert data.best == ((0, 0.90), (2, 0.95), (4, 0.95))
    assert data.baseline == 0.90
    assert [(p.number, p.outcome, p.value, p.y) for p in data.placed.points] == [
        (0, "completed", 0.90, 0.90),
        (1, "pruned", 0.5, 0.5),
        (2, "completed", 0.95, 0.95),
        (3, "diverged", None, 0.5),
        (4, "repeated", 0.93, 0.93),
    ]
    assert [row[:4] for row in data.table.rows] == [
        (0, "completed", 0.90, 0.90),
        (1, "pruned", None, 0.90),
        (2, "completed", 0.95, 0.95),
        (3, "diverged", None, 0.95),
        (4, "repeated", 0.93, 0.95),
    ]
    assert data.says == (
        "6 trials: 2 completed, 1 repeated, 1 pruned, 1 diverged, 1 running. The best is trial 2 with 95.00 % "
        "validation accuracy, +5.00 points from the baseline (trial 0, 90.00 %); 2 trials came after it. Pruned trials "
        "stand at the value that they were stopped at. At the edge: 1 without a value."
    )
    assert marker_count(draw_history(data)) == len(data.table.rows)


def test_history_of_what_is_to_be_minimised_goes_down():
    loss = MetricRecord(name="val_loss", direction="minimize")
    data = history_data(record([trial(i, value=v) for i, v in enumerate((0.5, 0.7, 0.2))], metrics=(loss,)))
    assert data.best == ((0, 0.5), (2, 0.2))
    assert "0.2 validation loss, -0.3 from the baseline" in data.says


def test_value_far_off_is_drawn_at_the_edge_and_said_but_never_the_baseline():
    values = [0.96, 0.97, 0.98, 0.97, 0.98, 0.97, 0.96, 0.98, 0.1]
    data = history_data(record([trial(i, value=v) for i, v in enumerate(values)]))
    # quartiles 0.96 and 0.98, so the edge is 0.96 - 1.5 * 0.02 = 0.93
    assert data.placed.edge == pytest.approx(0.93)
    assert (data.placed.points[8].y, data.placed.points[8].value) == (pytest.approx(0.93), 0.1)
    assert data.says.endswith("At the edge: 1 worse than 93.00 %.")
    assert data.table.rows[8][2] == 0.1
    data = history_data(record([trial(i, value=v) for i, v in enumerate(values)], baseline=8))
    assert (data.placed.edge, data.placed.points[8].y) == (None, 0.1)


def test_curves_of_one_kind_are_one_line_with_gaps():
    trials = [
        trial(0, value=0.8, learned=((1, 0.6), (2, 0.8))),
        trial(1, value=0.9, learned=((1, 0.7), (2, 0.9)), line="conv6(5) tanh"),
        trial(2, "pruned", None, learned=((1, 0.5),)),
        trial(3, "pruned", None, learned=((1, 0.4),)),
        trial(4, value=0.85, learned=((1, 0.6), (2, 0.85))),
        trial(5, value=0.86, learned=((1, 0.65), (2, 0.86))),
        trial(6, "running", None, learned=((1, 0.4),)),
    ]
    data = learning_data(record(trials))
    assert [(c.number, c.part) for c in data.curves] == [
        (2, "pruned"),
        (3, "pruned"),
        (4, "completed"),
        (5, "completed"),
        (0, "baseline"),
        (1, "best"),
    ]
    figure = draw_learning(data)
    lines = {trace.name: trace for trace in figure.data if trace.mode == "lines"}
    assert list(lines) == ["pruned", "completed", "baseline", "best"]
    assert lines["completed"].x == (1, 2, None, 1, 2)
    assert lines["completed"].y == (0.6, 0.85, None, 0.65, 0.86)
    ends = {trace.name: trace for trace in figure.data if trace.mode == "markers"}
    assert ends["best"].hovertext == ("trial 1, completed: 90.00 %<br>conv6(5) tanh",)
    assert marker_count(figure) == len(data.table.rows) == 6
    assert data.table.rows[2] == (2, "pruned", 0.5, None)
    assert data.says == "6 trials over at most 2 epochs. 2 trials (grey) stopped after epoch 1."


def test_curves_beyond_the_most_are_thinned_and_said_so(monkeypatch):
    from archsearch.report.figures import learning

    monkeypatch.setattr(learning, "MOST_CURVES", 10)
    whole = long_record(200)
    data = learning_data(whole)
    learned = sum(bool(t.learned) for t in whole.trials)
    assert len(data.table.rows) == learned
    assert f"{learned - len(data.curves)} curves, evenly chosen, are left out of the drawing." in data.says
    assert len(data.curves) < 40


def test_distribution_steps_are_those_of_the_sorted_values():
    data = distribution_data(record([trial(i, value=v) for i, v in enumerate((0.9, 0.7, 0.8, 0.8))]))
    (steps,) = data.steps
    assert steps.values == (0.7, 0.8, 0.8, 0.9)
    assert data.table.rows == (
        ("final value", 0.25, 0.7),
        ("final value", 0.5, 0.8),
        ("final value", 0.75, 0.8),
        ("final value", 1.0, 0.9),
    )
    assert data.says == "4 trials with a final value, median 80.00 %. 0 of them are better than the baseline (90.00 %)."
    drawn = draw_distribution(data).data[0]
    assert (drawn.x, drawn.y) == ((0.7, 0.7, 0.8, 0.8, 0.9), (0, 0.25, 0.5, 0.75, 1))


def test_distribution_shows_what_pruned_trials_had_beside_it():
    whole = long_record(60)
    data = distribution_data(whole)
    having = sum(bool(t.learned) for t in whole.trials)
    assert [len(steps.values) for steps in data.steps] == [sum(t.values is not None for t in whole.trials), having]


def test_durations_are_in_seconds_and_summed():
    trials = [trial(0, seconds=10.0), trial(1, seconds=30.0), trial(2, "pruned", None, seconds=2.0)]
    data = durations_data(record(trials))
    assert data.says == (
        "3 trials, 42.0 s of work in all; median 10.0 s (completed 20.0 s, pruned 2.0 s), longest 30.0 s (trial 1)."
    )
    assert [row[2] for row in data.table.rows] == [10.0, 30.0, 2.0]
    assert marker_count(draw_durations(data)) == 3


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0123, "12 ms"), (12.34, "12.3 s"), (90, "1.5 min"), (5400, "1.5 h"), (7200, "2.0 h")]
)
def test_duration_is_written_as_people_say_it(seconds, text):
    assert duration(seconds) == text


def test_timeline_is_in_minutes_since_the_first_trial():
    def at(number, worker, start, end, **fields):
        stamp = "2026-03-01T10:{}+00:00"
        return trial(number, started=stamp.format(start), finished=stamp.format(end), worker=worker, **fields)

    trials = [at(0, "b:2", "00:00", "03:00"), at(1, "a:1", "01:00", "02:30"), at(2, "a:1", "02:30", "04:00")]
    data = timeline_data(record(trials))
    assert data.workers == ("a:1", "b:2")
    assert [(s.worker, s.start, s.end) for s in data.spans] == [("b:2", 0, 3), ("a:1", 1, 2.5), ("a:1", 2.5, 4)]
    # 3 + 1.5 + 1.5 minutes of work in 2 x 4 minutes
    assert (
        data.says
        == "3 trials by 2 workers from 2026-03-01 10:00 to 2026-03-01 10:04 UTC (4.0 min); at work 75 % of that time."
    )
    (bars,) = draw_timeline(data).data
    assert (bars.y, bars.base, bars.x) == ((1, 0, 0), (0, 1, 2.5), (3, 1.5, 1.5))


def test_thinning_keeps_the_ends():
    assert thinned(range(10), 4) == [0, 3, 6, 9]
    assert thinned([1, 2], 4) == [1, 2]


def test_numbers_are_written_with_their_unit():
    assert written("val_accuracy", 0.98765) == "98.77 %"
    assert written("macs", 1234567.0) == "1,234,567"
    assert written("val_loss", 0.123456) == "0.1235"
    assert difference("val_accuracy", -0.0123) == "-1.23 points"
