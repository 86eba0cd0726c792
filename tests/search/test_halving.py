"""Trials that are compared within the first epoch, and samples that are chosen by their work."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from archsearch.search.outlook import _share_of_epochs
from archsearch.search.progress import progress_of
from archsearch.search.pruner_spec import Halving
from archsearch.search.race_budget import work_of
from archsearch.search.reached import reported, stopped_after, stopped_text
from archsearch.search.record import search_record
from archsearch.search.search import SearchSettings, StudyReport, search
from archsearch.study.lifecycle import existing_study
from archsearch.study.optuna_private import storage_of
from archsearch.study.queue import slots_of
from archsearch.study.storage import default_url, open_storage
from tests.search.conftest import HEAD, SMALL

RULE = "pruner: {halving: {first: 0.25, keep: 0.5, startup_trials: 2}}\n"
RUNGS = (0.25, 0.5, 1)  # of two epochs


@pytest.fixture(scope="module")
def halved(make_study, tmp_path_factory):
    """A search of 16 trials that halves, and the same samples without a pruner: chance does not look at results."""
    found = {}
    for name, rule in (("halved", RULE), ("whole", "pruner: none\n")):
        folder = tmp_path_factory.mktemp(name)
        study = make_study(SMALL, HEAD + rule)
        report = search(study, SearchSettings(trials=16, sampler="random", confirm=0, runs_dir=folder))
        opened = existing_study("small", open_storage(default_url(folder)))
        found[name] = (report, opened, [trial for _, trial in sorted(slots_of(opened).items())])
    return found


def test_each_comparison_keeps_the_best_half_of_all_that_came_to_it(halved):
    _, _, trials = halved["halved"]
    assert {trial.state.name for trial in trials} == {"COMPLETE", "PRUNED"}
    for trial in trials:
        learned = reported(trial)
        for rung in RUNGS:
            before = [v for t in trials if t.number < trial.number and (v := reported(t).get(rung)) is not None]
            better = sum(value > learned[rung] for value in before)
            weak = len(before) >= 2 and better >= max(1, round(0.5 * (len(before) + 1)))
            if weak:
                break
        stopped = max(learned) if trial.state.name == "PRUNED" else None
        assert stopped == (rung if weak else None), trial.number


def test_what_is_not_stopped_is_the_run_that_nobody_looked_into(halved):
    whole = {trial.number: trial for trial in halved["whole"][2]}
    done = [trial for trial in halved["halved"][2] if trial.state.name == "COMPLETE"]
    assert len(done) >= 2
    for trial in done:
        other = whole[trial.number]
        assert (trial.params, trial.values) == (other.params, other.values)
        assert trial.user_attrs["run_id"] == other.user_attrs["run_id"]


def test_report_progress_and_record_say_where_trials_were_stopped(halved):
    report, opened, trials = halved["halved"]
    storage = storage_of(opened)
    pruned = [max(reported(trial)) for trial in trials if trial.state.name == "PRUNED"]
    counts = {part: pruned.count(part) for part in RUNGS if part in pruned}
    assert {one.after: one.trials for one in report.stopped} == counts
    words = {0.25: "1/4 of an epoch", 0.5: "1/2 of an epoch", 1: "epoch 1"}
    said = ", ".join(f"{count} after {words[part]}" for part, count in counts.items())
    assert stopped_text(report.stopped) == said == progress_of(opened).stopped
    assert StudyReport.model_validate_json(report.model_dump_json()).stopped == report.stopped
    record = search_record(opened, storage)
    learned = {trial.number: dict(trial.learned) for trial in record.trials}
    assert learned == {trial.number: reported(trial) for trial in trials}
    assert record.pruner == "halving (first 0.25, keep 0.5, startup_trials 2)"
    assert record.importances[1].target == "val_accuracy after 1/4 of an epoch"
    assert record.importances[1].n == 16


def test_work_of_a_trial_that_was_stopped_is_that_of_the_part_it_was_trained_for(halved):
    _, opened, trials = halved["halved"]
    samples = 200 - 40
    expected = sum(t.user_attrs["macs"] * samples * (2 if t.values else max(reported(t))) for t in trials)
    assert work_of(opened, {"baseline": trials[0].user_attrs["spec"]}, {}).searched == pytest.approx(expected)


def test_a_search_in_two_halves_is_the_search_in_one(make_study, halved, tmp_path):
    for trials in (7, 16):
        study = make_study(SMALL, HEAD + RULE)
        search(study, SearchSettings(trials=trials, sampler="random", confirm=0, runs_dir=tmp_path))
    again = slots_of(existing_study("small", open_storage(default_url(tmp_path)))).values()
    told = [(t.number, t.state, t.params, t.values, reported(t)) for t in again]
    assert told == [(t.number, t.state, t.params, t.values, reported(t)) for t in halved["halved"][2]]


def test_a_study_keeps_the_rule_that_it_began_with(make_study, tmp_path):
    settings = {"sampler": "random", "confirm": 0, "runs_dir": tmp_path}
    search(make_study(SMALL, HEAD + "pruner: none\n"), SearchSettings(trials=2, **settings))
    report = search(make_study(SMALL, HEAD + RULE), SearchSettings(trials=12, **settings))
    assert (report.completed, report.pruned) == (12, 0)


def test_several_objectives_are_halved_by_the_learned_one(make_study, tmp_path):
    head = "base: digits_quickstart\nobjective: [{minimize: macs}, {maximize: val_accuracy}]\n" + RULE
    report = search(make_study(SMALL, head), SearchSettings(trials=10, sampler="random", confirm=0, runs_dir=tmp_path))
    assert report.pruned == sum(one.trials for one in report.stopped) >= 3
    trials = slots_of(existing_study("small", open_storage(default_url(tmp_path)))).values()
    stopped = stopped_after(trials)
    assert stopped == report.stopped
    assert stopped[0].after == 0.25


def test_share_of_the_epochs_that_a_trial_is_trained_for(make_study):
    study = make_study(SMALL, HEAD + RULE)  # 1/4, half of them to 1/2, a quarter to 1, an eighth to 2
    assert _share_of_epochs(study) == pytest.approx((0.25 + 0.5 * 0.25 + 0.25 * 0.5 + 0.125 * 1) / 2)


@pytest.mark.parametrize("first", [0.3, 1.5, 0, 0.01, 0.75])
def test_comparisons_come_where_an_epoch_ends(first):
    with pytest.raises(ValidationError, match=r"expected whole epochs, or 0\.5|greater than 0"):
        Halving(first=float(first))


# -- proposals ---------------------------------------------------------------------------------------------------------


def test_of_several_proposals_the_least_work_is_tried_and_every_fourth_trial_takes_the_first(make_study, tmp_path):
    sizes = {}
    for proposals in (1, 4):
        study = make_study(SMALL.replace("epochs: 2", "epochs: 1"), HEAD + f"pruner: none\nproposals: {proposals}\n")
        folder = tmp_path / str(proposals)
        search(study, SearchSettings(trials=16, sampler="random", confirm=0, runs_dir=folder))
        slots = slots_of(existing_study("small", open_storage(default_url(folder))))
        sizes[proposals] = {slot: trial.user_attrs["macs"] for slot, trial in slots.items()}
    first, least = sizes[1], sizes[4]
    assert [least[slot] for slot in range(0, 16, 4)] == [first[slot] for slot in range(0, 16, 4)]
    others = [slot for slot in range(16) if slot % 4]
    assert all(least[slot] <= first[slot] for slot in others)
    assert sum(least[slot] < first[slot] for slot in others) >= 6  # of 12: three in four, were it chance alone
