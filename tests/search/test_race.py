"""The confirmation of a search as a race: who runs, what it may cost, how it goes on, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from archsearch.errors import SpecError, UsageError
from archsearch.search.confirm_more import confirm_more
from archsearch.search.finalists import confirming_slots, fresh_seeds
from archsearch.search.race_budget import choose_field, work_of
from archsearch.search.racing import declared_race
from archsearch.search.search import SearchSettings, StudyReport, report_on, search
from archsearch.search.search_file import SearchFile, load_study
from archsearch.study.held import HeldStudy, HeldTrial
from archsearch.study.ledger_check import ledger_of
from archsearch.study.lifecycle import confirmation_study, existing_study
from archsearch.study.queue import slots_of
from archsearch.study.storage import default_url, open_storage
from archsearch.study.verify import verify
from benchmarks import samplers
from tests.search import race_simulation

# gives the part of its norm, plus up to half of the noise as seed and norm have it; and one line a run in `count`
LINE = """\
echo {seed} {norm} >> count
n=$(printf '%s %s' {seed} {norm} | cksum | cut -d' ' -f1)
case {norm} in good) part=8;; also) part=8;; close) part=7.95;; *) part=5;; esac
awk -v p=$part -v n=$n -v k={noise} 'BEGIN {{ printf "acc=%.9f\\n", p + k * ((n % 1000) / 1000 - 0.5) }}'
"""
NORMS = "[none, good, poor, also]"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("ARCHSEARCH_TRUST", "1")


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., SearchFile]:
    """Write a search of a program in a folder of its own."""

    def make(norms: str = NORMS, *, noise: float = 1.0, name: str = "norms", trials: int = 4) -> SearchFile:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        command = json.dumps(["sh", "-c", LINE.replace("{noise}", str(noise)), "{norm}"])
        (folder / "train.yaml").write_text(
            f"name: mine\nprogram: {{command: {command}}}\nvalues: {{norm: none}}\n"
            "metrics: {acc: {last: 'acc=(\\S+)', direction: maximize}}\n"
        )
        (folder / "norms.yaml").write_text(
            f"base: train.yaml\nspace: {{values.norm: {{choice: {norms}}}}}\ntrials: {trials}\nsampler: brute_force\n"
        )
        return load_study(str(folder / "norms.yaml"))

    return make


def settings_of(study: SearchFile, folder: Path, **changed: object) -> SearchSettings:
    return replace(SearchSettings(runs_dir=folder / study.spec.name / "runs"), **changed)


def runs_of_norms(folder: Path) -> list[str]:
    """Give the norm of every run that was really made, in order."""
    return [line.split()[1] for line in (folder / "count").read_text().splitlines()]


def go_on(study: SearchFile, settings: SearchSettings, seeds: int | None = None) -> StudyReport:
    storage = open_storage(settings.url)
    return confirm_more(study, existing_study("norms", storage), storage, settings, seeds)


def declared_seeds(study: SearchFile, settings: SearchSettings) -> list[int]:
    """Give the seeds that the ledger of a confirmation has."""
    storage = open_storage(settings.url)
    confirming = confirmation_study(existing_study(study.spec.name, storage), storage)
    assert confirming is not None
    planned = HeldStudy(confirming).planned
    assert planned is not None
    return list(planned["seeds"])


def test_clear_winner_is_named_at_the_first_look_and_nothing_is_run_after_it(
    program: Callable[..., SearchFile], tmp_path: Path
) -> None:
    """The base and the best two on eight seeds, and the base's first once more: are its seeds seeds?"""
    study = program("[none, good, poor, close]", noise=0.01)
    settings = settings_of(study, tmp_path)
    report = search(study, settings)
    confirmed = report.confirmed
    assert confirmed is not None
    assert confirmed.race is not None
    assert (confirmed.race.outcome, confirmed.race.seeds, confirmed.race.unit) == ("won", 8, "seconds")
    assert confirmed.winner == confirmed.race.racing[0]
    assert report.best is not None
    assert set(report.best.params.values()) == {"good"}
    assert report.headline == (
        f"Trial {report.best.number} is better than the baseline and the other finalist, by more than noise."
    )
    assert {one.verdict for one in (*confirmed.effects, *confirmed.between)} == {"better"}
    assert all(len(row.test_values) == 8 for row in confirmed.candidates)
    counted = runs_of_norms(tmp_path / "norms")
    assert {norm: counted[4:].count(norm) for norm in counted} == {"none": 9, "good": 8, "poor": 0, "close": 8}
    assert search(study, settings) == report
    assert go_on(study, settings) == report
    assert runs_of_norms(tmp_path / "norms") == counted
    assert verify(settings.runs_dir, None, None, writing=False).findings == []


def test_open_race_says_what_is_not_known_and_goes_on_as_if_it_had_never_stopped(
    program: Callable[..., SearchFile], tmp_path: Path
) -> None:
    """Two finalists of one value: the base leaves at the first look, the two go on as far as they are told to."""
    study = program()
    settings = settings_of(study, tmp_path)
    report = search(study, settings)
    confirmed = report.confirmed
    assert confirmed is not None
    race = confirmed.race
    assert race is not None
    assert (confirmed.winner, race.outcome, race.seeds) == (None, "open", 8)
    assert [(one.runner, one.seeds) for one in race.left] == [("baseline", 8)]
    assert "is best, is not known yet; the next look, about " in report.headline
    assert report.headline.endswith(": archsearch confirm norms --seeds 10.")
    assert "the baseline left after 8 seeds, as trial" in confirmed.sentence
    with pytest.raises(UsageError, match=r"--seeds 9: .* looked at after 8, 10, 12, 15, 19, 24 or 30 seeds"):
        go_on(study, settings, 9)
    go_on(study, replace(settings, seconds=0.0), 12)  # planned, and stopped before the first run
    again = go_on(study, settings, 12)
    assert again.confirmed is not None
    assert again.confirmed.race is not None
    assert again.confirmed.race.seeds == 12
    assert {row.candidate: len(row.test_values) for row in again.confirmed.candidates} == {
        "baseline": 8,
        **dict.fromkeys(race.racing, 12),
    }
    at_once = program(name="at_once")
    other = settings_of(at_once, tmp_path, runs_dir=tmp_path / "at_once" / "runs")
    search(at_once, replace(other, confirm=0))
    straight = go_on(at_once, other, 12).confirmed
    assert straight is not None
    assert [row.test_values for row in straight.candidates] == [row.test_values for row in again.confirmed.candidates]
    assert [one.verdict for one in straight.effects] == [one.verdict for one in again.confirmed.effects]


def test_few_seeds_for_all_go_on_as_a_race_with_the_runs_that_are_there(
    program: Callable[..., SearchFile], tmp_path: Path
) -> None:
    """Three seeds for all cannot have decided anything, so the looks may be declared after them."""
    study = program()
    settings = settings_of(study, tmp_path)
    before = search(study, replace(settings, confirm=2, confirm_seeds=3)).confirmed
    assert before is not None
    assert before.race is None
    assert search(study, replace(settings, confirm=2)).confirmed == before  # without a number: as it was begun
    counted = len(runs_of_norms(tmp_path / "norms"))
    after = go_on(study, settings).confirmed
    assert after is not None
    assert after.race is not None
    assert after.race.seeds == 8
    assert len(runs_of_norms(tmp_path / "norms")) - counted == 3 * 5
    assert set(before.seeds) <= set(after.seeds) == set(fresh_seeds(0, 8))
    with pytest.raises(SpecError, match="has begun as a race, and now 10 seeds for all are asked for"):
        search(study, replace(settings, confirm_seeds=10))


def test_as_many_seeds_for_all_as_can_decide_are_not_gone_on_with(
    program: Callable[..., SearchFile], tmp_path: Path
) -> None:
    """As a race or with more seeds it would be a second look that nothing corrects; three were none."""
    study = program()
    settings = settings_of(study, tmp_path)
    search(study, replace(settings, confirm=1, confirm_seeds=3))
    before = search(study, replace(settings, confirm=1, confirm_seeds=6))
    refused = "confirmed with 6 seeds for all, as it was planned: adding seeds until .* another --name and --seed has"
    with pytest.raises(SpecError, match=refused):
        go_on(study, settings)
    with pytest.raises(SpecError, match=refused):
        search(study, replace(settings, confirm=1, confirm_seeds=10))
    assert search(study, replace(settings, confirm=1, confirm_seeds=6)) == before
    assert declared_seeds(study, settings) == fresh_seeds(0, 6)


def test_race_of_a_program_that_ignores_its_seed_is_refused_before_more_is_declared(
    program: Callable[..., SearchFile], tmp_path: Path
) -> None:
    study = program(noise=0.0)
    settings = settings_of(study, tmp_path)
    with pytest.raises(SpecError, match="ignores its seed"):
        search(study, settings)
    storage = open_storage(settings.url)
    before = ledger_of(confirmation_study(existing_study("norms", storage), storage))
    with pytest.raises(SpecError, match="ignores its seed"):
        go_on(study, settings, 15)
    assert ledger_of(confirmation_study(existing_study("norms", storage), storage)) == before


def test_search_that_is_not_done_is_not_confirmed(program: Callable[..., SearchFile], tmp_path: Path) -> None:
    study = program()
    settings = settings_of(study, tmp_path)
    search(study, replace(settings, seconds=0.0))
    with pytest.raises(UsageError, match="norms is not done: archsearch study goes on with it"):
        go_on(study, settings)


def test_search_that_goes_on_and_finds_better_ones_races_these(
    program: Callable[..., SearchFile], tmp_path: Path
) -> None:
    """The finalists of the first three trials are not those of five: the race is declared anew, its runs are kept."""
    settings = SearchSettings(runs_dir=tmp_path / "norms" / "runs", sampler="random")
    study = program("[none, poor, bad, weak, good, close]", trials=3)
    storage = open_storage(settings.url)
    search(study, settings)
    first = declared_race(confirmation_study(existing_study("norms", storage), storage))
    report = search(study, replace(settings, trials=6, sampler=None))
    opened = existing_study("norms", storage)
    second = declared_race(confirmation_study(opened, storage))
    assert first is not None
    assert second is not None
    assert first.race.runners != second.race.runners
    assert report.confirmed is not None
    assert {row.candidate for row in report.confirmed.candidates} == set(second.race.runners)
    held = [HeldTrial(trial) for trial in confirming_slots(opened, storage)]
    assert len({(one.candidate, one.run_seed) for one in held}) == len(held)
    assert sorted(one.slot or 0 for one in held) == list(range(len(held)))


def test_field_is_as_large_as_the_budget_carries_to_the_first_look() -> None:
    """Four runners have their first look after nine seeds, three after eight, two after seven."""
    assert choose_field([1.0, 1.0, 1.0], 1.0, 3 * 36.0, None) == (3, 36.0)
    assert choose_field([1.0, 1.0, 1.0], 1.0, 3 * 35.9, None) == (2, pytest.approx(35.9))
    # a third would be 10: what was not said is made large enough for two finalists
    assert choose_field([1.0, 1.0, 1.0], 1.0, 30.0, None) == (2, 24.0)
    # what was said is made large enough for one, and not for more
    assert choose_field([2.0, 1.0, 1.0], 1.0, 30.0, 0.1) == (1, 21.0)
    assert choose_field([1.0], 1.0, 30.0, None) == (1, 14.0)
    assert choose_field([1.0, 1.0, 1.0], 1.0, 36.0, 1.0) == (3, 36.0)


def test_work_of_a_search_counts_what_each_trial_was_trained_for(
    make_study: Callable[..., SearchFile], tmp_path: Path
) -> None:
    """160 samples (20 a class, less 40 to validate), two epochs or one of a stopped trial; layers of inputs x width."""
    text = (
        "network: [flatten, {linear: {out_features: {choice: [4, 8, 16]}}}, {linear: {out_features: classes}}]\n"
        "train: {epochs: 2, batch_size: {choice: [100]}}\n"
    )
    head = (
        "base: digits_quickstart\nobjective: {maximize: val_accuracy}\n"
        "pruner: {screen: {epochs: 1, keep: 0.4, startup_trials: 1}}\n"
    )
    study = make_study(text, head)
    settings = SearchSettings(trials=3, runs_dir=tmp_path, sampler="brute_force", confirm=0)
    report = search(study, settings)
    assert report.pruned > 0
    opened = existing_study("small", open_storage(default_url(tmp_path)))
    by_hand = 0
    for trial in slots_of(opened).values():
        width = trial.params["fc1.out_features"]
        by_hand += (64 * width + width * 10) * 160 * (1 if trial.state.name == "PRUNED" else 2)
    spec = HeldTrial(slots_of(opened)[0]).specs[0]
    work = work_of(opened, {"baseline": spec}, {})
    assert (work.unit, work.searched) == ("multiply-accumulates", by_hand)
    width = slots_of(opened)[0].params["fc1.out_features"]
    assert work.runs == {"baseline": (64 * width + width * 10) * 160 * 2}


def test_report_of_a_storage_needs_no_other_run(program: Callable[..., SearchFile], tmp_path: Path) -> None:
    study = program("[none, good]", noise=0.01, trials=2)
    settings = settings_of(study, tmp_path)
    report = search(study, settings)
    storage = open_storage(settings.url)
    assert report_on(existing_study("norms", storage), storage) == report
    assert StudyReport.model_validate_json(report.model_dump_json()) == report


# -- what a race keeps: a short version always, 2,000 races each with `-m slow` ----------------------------------------


def at_most(rate: float, repeats: int) -> float:
    """Give the largest share that a true rate shows in so many repeats, but for one time in a thousand."""
    return float(rate + 3.1 * (rate * (1 - rate) / repeats) ** 0.5)


def test_false_winners_are_rare_and_a_gap_of_two_margins_is_named_within_the_least_budget() -> None:
    tied = race_simulation.planted(10.0, race_simulation.SD, 33, 60, tied=2)
    assert tied.share("false") <= at_most(0.05, 60)
    ahead = race_simulation.planted(2.0, race_simulation.SD, 24, 60)
    assert ahead.share("right") >= 1 - at_most(0.2, 60)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("noise", race_simulation.NOISES)
def test_false_winners_are_rare_whatever_the_noise(noise: str) -> None:
    for runners, tied in ((3, 2), (3, 3), (4, 2), (4, 4)):
        found = race_simulation.planted(10.0, race_simulation.SD, 1000, 2000, runners=runners, tied=tied, noise=noise)
        assert found.share("false") <= at_most(0.05, 2000)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_gap_of_two_margins_is_named_and_a_half_is_seldom_mistaken() -> None:
    for gap in race_simulation.GAPS:
        found = race_simulation.planted(gap, race_simulation.SD, 24, 2000)
        assert found.share("false") <= at_most(0.05, 2000)
        assert found.share("false_tie") <= at_most(0.05, 2000)
    assert found.share("right") >= 0.8


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_replayed_searches_seldom_name_a_false_winner() -> None:
    for sd in (race_simulation.SD, 0.002):
        found = race_simulation.replayed(sd, 0.003, 1000)
        assert found["all"].share("false") <= at_most(0.05, 1000)
        if sd == race_simulation.SD:
            assert found["2 margins or more"].share("right") >= 0.8


def test_table_has_the_networks_that_its_study_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replayed trial is answered by the key of its experiment: the base first, then what is drawn."""
    monkeypatch.setattr(samplers, "TRIALS", 6)
    accuracies, _, base = race_simulation.read_table()
    values = samplers.replay("random", 0)
    assert values[0] == accuracies[base]
    assert len(values) == 6
    assert set(values) <= set(accuracies)
