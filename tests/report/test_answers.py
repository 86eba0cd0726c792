"""What a report says first: only a confirmation on fresh seeds may call a network better."""

from __future__ import annotations

import shutil

import pytest

from archsearch.report.answers.search import answer
from archsearch.report.document import Diagram
from archsearch.report.figures.figure import Missing
from archsearch.report.names import find_named
from archsearch.search.concluding import conclude
from archsearch.search.confirm import BASELINE
from archsearch.search.evidence import search_evidence
from archsearch.search.search import report_on
from archsearch.stats.effect import Family
from archsearch.stats.over_seeds import summarise
from archsearch.stats.verdict import judge
from archsearch.study.lifecycle import existing_study
from archsearch.study.storage import default_url, open_storage

NAMES = ("tiny", "wider")


@pytest.fixture(scope="module")
def held(workshop):
    storage = open_storage(default_url(workshop.runs_dir))
    study = existing_study("small", storage)
    return report_on(study, storage), search_evidence(study, storage)


def confirmed(**test):
    """Conclude over eight seeds; a candidate's test accuracy is its number plus a little noise."""
    noise = (0.0, 0.001, -0.001, 0.0005, -0.0005, 0.0007, -0.0007, 0.0003)
    values = {
        name.replace("_", " "): {s: v + noise[(s + 3 * i) % 8] for s in range(8)}
        for i, (name, v) in enumerate(test.items())
    }
    return conclude(list(range(8)), values, {}, {}, 8 * len(values))


@pytest.mark.parametrize(
    ("test", "headline"),
    [
        (
            {BASELINE: 0.90, "trial_1": 0.95, "trial_2": 0.93},
            "Trial 1 is better than the baseline, by more than noise.",
        ),
        (
            {BASELINE: 0.95, "trial_1": 0.95},
            "No network was found that is better than the baseline: the best finalist, trial 1, is equivalent to it "
            "within 0.10 points.",
        ),
        (
            {BASELINE: 0.97, "trial_1": 0.95},
            "No network was found that is better than the baseline: the best finalist is worse than it.",
        ),
        (
            {BASELINE: 0.90, "trial_1": 0.95, "trial_2": 0.95},
            "A network better than the baseline was found; which of 2 finalists is best, is not clear.",
        ),
        ({"trial_1": 0.95}, "Trial 1 is the best finalist; the baseline has no confirmed value to compare it with."),
        ({BASELINE: 0.95}, "No finalist completed its confirmation."),
    ],
)
def test_headline_follows_the_confirmation(held, test, headline):
    report, evidence = held
    conclusion = confirmed(**test)
    said = answer(report.model_copy(update={"confirmed": conclusion}), evidence)
    assert said[0] == headline
    assert said[1][1:] == conclusion.sentence[1:]


def test_search_without_confirmation_claims_nothing(held):
    report, evidence = held
    report = report.model_copy(update={"confirmed": None, "best": report.selected})
    said = answer(report, evidence)
    assert said[0] == f"Trial {report.best.number} is the best of the search; it has not been confirmed on fresh seeds."
    assert "whether this one is better than the baseline is not known yet" in said[1]


def test_search_that_completed_nothing_says_so(held):
    report, evidence = held
    said = answer(
        report.model_copy(update={"best": None, "selected": None, "completed": 0, "confirmed": None}), evidence
    )
    assert said[0] == "No trial of 6 has completed yet, so there is no best network."


def test_study_report_has_its_sections_and_counts_every_read_of_the_test_set(study_report, held):
    document, (report, evidence) = study_report.document, held
    best = next(iter(name for name in evidence.confirmed if name != BASELINE))
    keys = ["confirmation", "search", f"runs-{best.replace(' ', '-')}", "runs-baseline", "architectures", "provenance"]
    assert [section.key for section in document.sections] == [*keys, "checklist"]
    numbers = {number.label: number for number in document.numbers}
    assert numbers["Reads of the test set"].value == str(report.confirmed.test_reads) == "4"
    assert numbers["Trials"].note.startswith("completed of 6")
    assert document.command.startswith("archsearch report small --runs-dir ")
    assert document.made.startswith("Written 2026-01-31T12:00:00+00:00 by archsearch ")
    facts = {row[0]: row[1] for _, part in document.tabled() if part.key == "facts" for row in part.table.rows}
    assert facts["evaluations of the test set, to confirm"] == 4
    assert facts["seeds of the confirmation"] == ", ".join(map(str, report.confirmed.seeds))


def test_study_is_reported_from_the_storage_alone(workshop, study_report, tmp_path):
    for path in workshop.runs_dir.glob("archsearch.db*"):  # with the journal beside it
        shutil.copy(path, tmp_path / path.name)
    alone = workshop.make("small", runs_dir=tmp_path, data_dir=tmp_path / "nothing").document
    assert alone.answer == study_report.document.answer
    assert [n.value for n in alone.numbers] == [n.value for n in study_report.document.numbers]
    missing = [part for section in alone.sections for part in section.parts if isinstance(part, Missing)]
    without = [
        part for section in study_report.document.sections for part in section.parts if isinstance(part, Missing)
    ]
    gone = [part for part in missing if part.key not in {other.key for other in without}]
    assert len(gone) == 8  # for the best and the baseline: confusion, reliability, mistakes, filters
    assert all("is not there" in part.why for part in gone)
    drawn = [part for section in alone.sections for part in section.parts if isinstance(part, Diagram)]
    assert len(drawn) == 3


def test_runs_report_gives_mean_interval_and_the_documented_value(workshop):
    made = workshop.make(str(workshop.folder / "tiny.yaml")).document
    (table,) = [part.table for _, part in made.tabled() if part.key == "seeds"]
    values = [row[4] for row in table.rows]
    summary = summarise(values, documented=0.5)
    low, high = (f"{100 * bound:.2f}" for bound in summary.ci95)
    assert made.answer[0] == (
        f"tiny: mean test accuracy {100 * summary.mean:.2f} % over {len(values)} seeds "
        f"(95 % interval of the mean {low} to {high} %)."
    )
    where = "lies inside" if summary.documented_inside else "lies outside"
    assert made.answer[1].startswith(f"The documented 50.00 % {where} the 95 % prediction interval")


def test_runs_of_two_experiments_are_judged_by_pairs(runs_report):
    document = runs_report.document
    (seeds,) = [part.table.rows for _, part in document.tabled() if part.key == "seeds"]
    values = {name: {int(row[1]): row[4] for row in seeds if row[0] == name} for name in NAMES}
    (effect,) = judge(values, "tiny", Family()).effects
    assert effect.n == 2
    assert effect.sentence in document.answer
    assert document.answer[0] == "Of 1 compared with tiny, 0 differ from it by more than noise."
    (verdicts,) = [part.table.rows for _, part in document.tabled() if part.key == "differences"]
    assert verdicts[0][-1] == effect.verdict == "inconclusive"


def test_runs_that_cannot_be_paired_name_no_winner(workshop):
    ids = [
        find_named([str(workshop.folder / f"{n}.yaml")], workshop.runs_dir, None).runs[0].result.run_id for n in NAMES
    ]
    document = workshop.make(*ids).document
    assert document.answer[0].startswith("2 experiments; which of them is best was not tested")
    assert "one run says nothing about the spread" in " ".join(document.answer)


def test_several_objectives_are_answered_for_accuracy_with_the_size_of_the_front(held):
    report, evidence = held
    best = report.best.model_copy(update={"values": (417_000.0, 0.91)})
    update = {"metrics": ("macs", "val_accuracy"), "best": best, "selected": best, "front": (best, best)}
    conclusion = confirmed(**{BASELINE: 0.90, "trial_1": 0.95})
    evidence = evidence.model_copy(update={"base_trial": None})
    said = answer(report.model_copy(update={**update, "confirmed": conclusion}), evidence)
    assert said[0] == "Trial 1 is more accurate than the baseline, by more than noise."
    assert said[2] == (
        "2 networks stand on the Pareto front of macs and val_accuracy; by val_accuracy the best is "
        f"trial {best.number}: macs 417 k, val_accuracy 91.00 %."
    )
