"""The checklist's paragraphs: each number is the study's, an error bar is called what it is, nothing is made up."""

from __future__ import annotations

import re
import statistics

import pytest

from archsearch.ablate.ablation import report_on
from archsearch.ablate.record import ablation_evidence
from archsearch.report.checklist import (
    ablation_checklist,
    checklist_markdown,
    checklist_text,
    search_checklist,
)
from archsearch.report.provenance import ledger_facts, ledger_words
from archsearch.search.concluding import conclude_race
from archsearch.search.evidence import search_evidence
from archsearch.search.search import report_on as search_report
from archsearch.stats.race import Race, stand
from archsearch.study.ledger_check import Amendment
from archsearch.study.lifecycle import existing_ablation, existing_study
from archsearch.study.spent import Took, spent_by
from archsearch.study.storage import default_url, open_storage

QUESTIONS = [4, 5, 6, 7, 8]


@pytest.fixture(scope="module")
def ablated(workshop):
    storage = open_storage(default_url(workshop.runs_dir / "ablation"), reading=True)
    opened = existing_ablation("factors", storage)
    return opened, report_on(opened), ablation_evidence(opened)


def answers(items):
    assert [one.number for one in items] == QUESTIONS
    return {one.number: " ".join(one.answer) for one in items}


def test_ablation_says_n_seeds_intervals_tests_and_compute(ablated):
    opened, report, evidence = ablated
    said = answers(ablation_checklist(report, evidence))
    trials = opened.get_trials()
    seconds = [trial.user_attrs["result"]["seconds"] for trial in trials if trial.user_attrs["outcome"] == "completed"]
    assert f"{report.runs.completed} of {len(trials)} planned runs completed." in said[4]
    assert re.search(r"factors was declared 20\d\d-\d\d-\d\dT\d\d:\d\d UTC, before the first of \d+ results: ", said[4])
    assert "seeds 0 to 9" in said[4]
    assert "Nothing deviates from it." in said[4]
    assert "Data: digits, fingerprint " in said[5]
    assert "2 epochs, batches of 32, adam" in said[6]
    assert f"evaluated {report.test_reads} times, once per run, at its end." in said[6]
    assert "n = 10 pairs of seeds per comparison of 10 planned (0 to 9)" in said[7]
    assert "the seed: initial weights, order of batches, what is held out for validation." in said[7]
    assert "95 % confidence intervals (CI), neither standard deviations nor standard errors" in said[7]
    assert "adjusted by Holm over 4" in said[7]
    spent = evidence.spent
    assert spent.trained.runs == len(seconds)
    assert spent.trained.seconds == pytest.approx(sum(seconds))
    assert spent.trained.middle == pytest.approx(statistics.median(seconds))
    assert f"{len(seconds)} runs made for this study took " in said[8]
    assert f"{len(trials)} runs on " in said[8]
    assert f"torch {trials[0].user_attrs['result']['environment']['torch']}" in said[8]


def test_recipe_that_mixes_samples_and_makes_labels_wrong_says_so(ablated):
    _, report, evidence = ablated
    recipe = {"label_noise": 0.1, "cutmix": 1.0}
    cells = tuple(
        cell.model_copy(update={"spec": cell.spec | {"train": cell.spec["train"] | recipe}}) for cell in evidence.cells
    )
    said = answers(ablation_checklist(report, evidence.model_copy(update={"cells": cells})))
    assert "10 % of the training labels are made wrong on purpose (train.label_noise); 2 epochs, batches of" in said[6]
    assert "which labels are made wrong, which samples are mixed, what is held out for validation." in said[7]


def test_search_says_what_its_confirmation_is(workshop):
    storage = open_storage(default_url(workshop.runs_dir), reading=True)
    opened = existing_study("small", storage)
    report, evidence = search_report(opened, storage), search_evidence(opened, storage)
    said = answers(search_checklist(report, evidence))
    assert "small was declared " in said[4]
    assert "small.confirm was declared " in said[4]
    assert "every trial has the seed 0" in said[6]
    assert "1 finalist and the baseline by test accuracy on 2 seeds that the search never saw (" in said[7]
    none = answers(search_checklist(report.model_copy(update={"confirmed": None}), evidence))
    assert none[7].startswith("Nothing was confirmed on fresh seeds")


def test_race_says_its_looks_who_left_and_which_intervals_hold(workshop):
    """The poor one of three runners leaves after eight seeds; the other two go on to ten."""
    names = ("baseline", "trial 1", "trial 2")
    race = Race(
        runners=names, seeds=tuple(range(12)), looks=(8, 10, 12), work=dict.fromkeys(names, 1.0), unit="runs",
        budget=28.0,
    )  # fmt: skip
    noise = {
        name: [0.0005 * ((3 * seed + 5 * place) % 7 - 3) for seed in range(10)] for place, name in enumerate(names)
    }
    true = {"baseline": 0.8, "trial 1": 0.9, "trial 2": 0.9}
    values = {name: {seed: true[name] + one for seed, one in enumerate(noise[name])} for name in names}
    confirmed = conclude_race(race, stand(race, values), values, {}, {}, 28)
    storage = open_storage(default_url(workshop.runs_dir), reading=True)
    opened = existing_study("small", storage)
    report = search_report(opened, storage).model_copy(update={"confirmed": confirmed})
    said = answers(search_checklist(report, search_evidence(opened, storage)))[7]
    assert (
        "Differences are of runs with the same seed: a race with looks after 8, 10, 12 seeds, exact group-sequential "
        "sign-flip test, Shaffer over all pairs; alpha 0.05. Who was shown to be worse left: baseline after 8 seeds. "
        "Intervals of differences are repeated confidence intervals, which hold at each look."
    ) in said
    assert "Holm" not in said


def test_what_deviates_and_what_was_amended_is_said_first_and_in_the_facts(ablated):
    _, report, evidence = ablated
    amendment = Amendment(
        entry=9, when="2026-11-26T10:00:00+00:00", results=8, changes=("seeds was 0 to 9, is 0 to 19",)
    )
    longer = amendment.model_copy(update={"changes": ("trials was 6, is 8",)})
    ledger = evidence.ledger.model_copy(
        update={"amendments": (amendment, longer), "deviations": tuple(f"{one} was edited" for one in "abcd")}
    )
    sentence = "mended 2026-11-26T10:00 UTC, after 8 results: seeds was 0 to 9, is 0 to 19"
    assert ledger_words([ledger]) == [
        "Not as declared: a was edited (factors).",
        "Not as declared: b was edited (factors).",
        "Not as declared: c was edited (factors).",
        "1 more deviation stands under Facts.",
        f"A{sentence} (factors).",
    ]
    facts = ledger_facts([ledger])
    assert [name for name, _ in facts] == [
        "declared", "amended", "amended", *["deviates"] * 4, f"ledger, SHA-256 of its {ledger.entries} entries",
    ]  # fmt: skip
    said = answers(ablation_checklist(report, evidence.model_copy(update={"ledger": ledger})))[4]
    assert f"A{sentence}." in said
    assert "Deviates: d was edited." in said
    assert "Nothing deviates" not in said
    none = answers(ablation_checklist(report, evidence.model_copy(update={"ledger": None})))[4]
    assert "Nothing proves what was declared before the first run" in none
    assert ledger_facts([None])[0][1].startswith("not known: an earlier version")
    assert ledger_words([None]) == []


def test_lost_and_taken_runs_are_counted_and_what_nobody_measured_is_not_guessed(ablated):
    _, report, evidence = ablated
    spent = evidence.spent.model_copy(
        update={
            "trained": Took(runs=50, seconds=7200.0, middle=140.0, unknown=1),
            "taken": Took(runs=3, seconds=30.0, middle=10.0),
            "lost": {"pruned": Took(runs=2, seconds=4.0, middle=2.0), "failed": Took(runs=1, unknown=1)},
            "deaths": 2,
        }
    )
    said = answers(ablation_checklist(report, evidence.model_copy(update={"spent": spent})))[8]
    assert (
        "50 runs made for this study took 2.0 h and 1 of unknown time (median 2 min): training time summed over runs, "
        "no wall clock. 3 runs were there already and not run again (30 s when made). 2 runs stopped early by the "
        "search (4.0 s). 1 run failed (of unknown time). Beside these: 2 tries broken off with the worker, of unknown "
        "time. Memory is not measured."
    ) in said
    assert spent.seconds == 7204.0
    assert spent_by([]).trained == Took()


def test_forms_are_text_and_markdown(ablated):
    _, report, evidence = ablated
    hostile = report.model_copy(update={"study": "<b>*x*"})
    items = ablation_checklist(hostile, evidence)
    assert checklist_text(items).startswith("4. Experimental result reproducibility. ")
    assert checklist_text(items).count("\n\n") == 4
    text = checklist_markdown(items)
    assert text.startswith("**4. Experimental result reproducibility.** ")
    assert "<b>" not in text
