"""What a search will do, said before it runs: the sampler, the trials that are left, the time."""

from __future__ import annotations

import pytest

from archsearch.search.outlook import outlook
from archsearch.search.search import SearchSettings, search
from tests.search.conftest import HEAD, SMALL


@pytest.fixture
def settings(tmp_path):
    def make(**changed):
        return SearchSettings(**{"trials": 4, "runs_dir": tmp_path / "runs", "confirm": 0, **changed})

    return make


def test_sampler_that_a_study_began_with_is_named_whatever_is_wanted(make_study, settings):
    study = make_study()
    before = outlook(study, settings())
    assert (before.sampler, before.why.partition(",")[0]) == (
        "local",
        "the space is larger than the number of trials",
    )
    assert outlook(study, settings(sampler="tpe")).why == "as asked for"
    assert search(study, settings(trials=1, sampler="random")).sampler == "random"
    auto, other = outlook(study, settings()), outlook(study, settings(sampler="tpe"))
    assert (auto.sampler, auto.why) == ("random", "the study began with it")
    assert (other.sampler, other.why) == ("random", "the study began with it, tpe is not used")
    assert search(study, settings(trials=2, sampler="tpe")).sampler == "random"
    assert (auto.trials, auto.left) == (4, 3)


def test_looking_ahead_leaves_nothing_behind(make_study, settings, tmp_path):
    outlook(make_study(), settings())
    assert list(tmp_path.iterdir()) == []


def test_time_is_that_of_screened_trials_and_of_the_confirmation_shared_by_the_workers(make_study, settings):
    head = HEAD + "pruner: {screen: {epochs: 1, keep: 0.5}}\n"
    study = make_study(SMALL.replace("epochs: 2", "epochs: 5"), head)
    ahead = outlook(study, settings(trials=10, confirm=3, confirm_seeds=4, workers=2), measure=lambda plan: 30.0)
    # a trial trains 1 + 0.5 * 4 of 5 epochs, 18 s; 4 candidates on 4 seeds train all of them
    assert ahead.seconds == pytest.approx((10 * 18 + 16 * 30) / 2)
    assert (ahead.left, ahead.confirming) == (10, 16)
    assert ahead.seconds_from == "timed batches of the baseline and 3 sampled networks"


def test_time_comes_from_the_trials_where_there_are_some(make_study, settings):
    head = HEAD + "pruner: none\n"
    search(make_study(SMALL, head), settings(trials=2))
    ahead = outlook(make_study(SMALL, head), settings(trials=4), measure=lambda plan: 1e9)
    assert 0 < ahead.seconds < 1e6
    assert ahead.seconds_from == "the 2 trials so far"
