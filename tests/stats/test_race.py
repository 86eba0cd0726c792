"""A race by seeds: who leaves, when it ends, what it costs, and that an interruption changes nothing."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsearch.stats.race import (
    Race,
    RaceValues,
    Standing,
    looks_for,
    pair_differences,
    possible_equalities,
    race_interval,
    race_p_values,
    stand,
)

NOISE = (0.4, -0.3, 0.2, -0.1, 0.3, -0.4, 0.1, -0.2)


def a_race(runners: int = 3, budget: float = math.inf, **changed: object) -> Race:
    """Declare a race of runners named a, b, c whose every run costs 1."""
    names, looks = tuple("abcde"[:runners]), looks_for(runners)
    given = {"budget": min(budget, 1e9), "margin": 1.0, **changed}
    return Race(
        runners=names, seeds=tuple(range(100, 130)), looks=looks, work=dict.fromkeys(names, 1.0), unit="runs", **given
    )


def values_of(seeds: int = 30, /, **means: float) -> dict[str, dict[int, float | None]]:
    """Give each runner its mean with noise of its own, whose differences change their signs where means are equal."""
    return {
        name: {100 + i: mean + NOISE[(i + 3 * place) % 8] for i in range(seeds)}
        for place, (name, mean) in enumerate(means.items())
    }


def left_of(at: Standing) -> list[tuple[str, int, str]]:
    """Give who left, after how many seeds, and who was better."""
    return [(one.runner, one.seeds, one.by) for one in at.left]


def test_number_of_equal_pairs_is_that_of_the_groups_that_runners_can_be_parted_into() -> None:
    """By hand: each way of saying which of the runners are equal is a partition; count its pairs."""
    for count in (2, 3, 4, 5):
        pairs = list(itertools.combinations(range(count), 2))
        possible = set()
        for labels in itertools.product(range(count), repeat=count):
            possible.add(sum(labels[a] == labels[b] for a, b in pairs))
        expected = [max(n for n in possible if n <= len(pairs) - known) for known in range(len(pairs))]
        assert possible_equalities(count) == expected


def test_first_look_is_the_fewest_seeds_that_can_show_a_difference_among_all_pairs() -> None:
    """The least p of n pairs is 2 / 2^n; spent until then is 0.05 * sqrt(n / 30), over 1, 3 and 6 pairs."""
    for runners, pairs in ((2, 1), (3, 3), (4, 6)):
        first = looks_for(runners)[0]
        assert 2 / 2**first <= 0.05 / pairs * (first / 30) ** 0.5
        assert 2 / 2 ** (first - 1) > 0.05 / pairs * ((first - 1) / 30) ** 0.5


def test_all_others_leave_at_the_first_look_where_every_seed_says_so() -> None:
    """Eight differences of one sign: p = 2 / 2^8, and 3 of them are below what the first look may spend."""
    values = values_of(a=0.0, b=5.0, c=1.0)
    at = stand(a_race(), values)
    assert (at.outcome, at.winner, at.seeds, at.spent) == ("won", "b", 8, 24.0)
    assert left_of(at) == [("a", 8, "b"), ("c", 8, "b")]
    assert at.due == ()
    p = race_p_values(a_race(), values, at)
    assert p["a", "b"].p >= 2 / 256
    assert p["a", "b"].p_adjusted == pytest.approx(3 * p["a", "b"].p)


def test_losers_leave_early_and_their_seeds_are_saved() -> None:
    """The third is far behind; the two in front differ by nothing, and go on alone until that is shown."""
    at = stand(a_race(), values_of(a=0.0, b=0.0, c=-9.0))
    assert left_of(at)[0] == ("c", 8, "a")
    assert at.outcome == "level"
    assert at.racing == ("a", "b")
    assert at.spent == 3 * 8 + 2 * (at.seeds - 8)


def test_budget_ends_a_race_that_shows_nothing_and_the_next_look_is_named_with_its_price() -> None:
    values = values_of(a=0.0, b=0.35, c=-9.0)
    at = stand(a_race(budget=24), values)
    assert (at.outcome, at.racing, at.winner, at.due) == ("open", ("a", "b"), None, ())
    assert (at.seeds, at.spent, at.next_look, at.next_work) == (8, 24.0, 10, 4.0)
    assert stand(a_race(budget=27.9), values).seeds == 8
    assert stand(a_race(budget=28), values).seeds == 10


def test_look_that_is_asked_for_is_gone_on_to_whatever_it_costs() -> None:
    values = values_of(12, a=0.0, b=0.35, c=-9.0)
    at = stand(a_race(budget=24, until=19, margin=0.0), values)
    assert at.outcome == "running"
    assert at.due == tuple((name, seed) for seed in range(100, 115) for name in "ab")


def test_runs_are_due_look_by_look_and_nothing_is_judged_between() -> None:
    """Even where the seventh seed has left no doubt: a look in between would be one that was not declared."""
    at = stand(a_race(), values_of(7, a=0.0, b=50.0, c=0.0))
    assert (at.outcome, at.seeds, at.left) == ("running", 0, ())
    assert at.due == tuple((name, seed) for seed in range(100, 108) for name in "abc")
    assert {one.verdict for one in at.judged} == {None}


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_race_that_was_interrupted_anywhere_goes_on_as_if_it_had_not_been(data: st.DataObject) -> None:
    """Whatever runs are there already, running what is due in any order ends where a race without a stop does."""
    means = {name: data.draw(st.sampled_from((0.0, 0.5, 4.0))) for name in "abc"}
    everything = values_of(**means)
    race = a_race(budget=60)
    there: dict[str, dict[int, float | None]] = {name: {} for name in "abc"}
    while (at := stand(race, there)).outcome == "running":
        missing = [one for one in at.due if one[1] not in there[one[0]]]
        for name, seed in data.draw(st.lists(st.sampled_from(missing), min_size=1, max_size=9)):
            there[name][seed] = everything[name][seed]
    whole = stand(race, everything)
    assert at == whole
    assert at.spent <= 60


def test_lower_is_better_where_the_metric_is_minimised() -> None:
    at = stand(a_race(maximize=False), values_of(a=0.0, b=5.0, c=1.0))
    assert at.winner == "a"


def test_run_that_failed_makes_no_pair_and_eight_pairs_less_one_cannot_decide() -> None:
    """Of three runners seven pairs have p = 2 / 2^7, times 3 above what the first look may spend."""
    values = values_of(a=0.0, b=5.0)
    values["c"] = dict(values["a"])
    values["b"][103] = None
    race = a_race(budget=24)
    at = stand(race, values)
    assert (at.outcome, at.left) == ("open", ())
    assert pair_differences(race, values, ("a", "b"), 8)[3] is None
    assert stand(a_race(), values).winner == "b"


def test_without_a_margin_nothing_is_level() -> None:
    assert stand(a_race(margin=0.0), values_of(a=0.0, b=0.0, c=0.0)).outcome == "open"


def test_who_is_better_than_one_that_is_better_than_a_third_is_better_than_that_one() -> None:
    """Of twelve seeds neighbours have eight pairs each, a and c have four: too few for a verdict of their own."""
    values = values_of(12, a=6.0, b=3.0, c=0.0)
    for place in range(4):
        values["a"][100 + 2 * place] = values["c"][101 + 2 * place] = None
    at = stand(a_race(), values)
    assert at.seeds == 12
    assert [one.verdict for one in at.judged] == ["better", "better", "better"]
    p = race_p_values(a_race(), values, at)
    assert p["a", "c"].p >= 2 / 2**4
    assert (at.winner, left_of(at)) == ("a", [("b", 12, "a"), ("c", 12, "a")])


def test_interval_holds_the_difference_and_excludes_0_where_it_was_shown() -> None:
    values: RaceValues = values_of(a=0.0, b=5.0, c=1.0)
    race = a_race()
    at = stand(race, values)
    for one in at.judged:
        between = race_interval(race, values, one)
        assert between is not None
        d = [x for x in pair_differences(race, values, one.pair, one.look) if x is not None]
        assert between[0] <= sum(d) / len(d) <= between[1]
    low, high = race_interval(race, values, at.judged[0]) or (0.0, 0.0)
    assert low < high < 0
