"""What the report on an ablation says first and holds: its own verdicts, the clear ones first, none judged anew."""

from __future__ import annotations

import shutil
import statistics

import pytest

from archsearch.ablate.ablation import report_on
from archsearch.ablate.design.fitting import LeftOut
from archsearch.ablate.record import Failure, ablation_evidence
from archsearch.errors import UsageError
from archsearch.report.answers.ablation import MOST_NETWORKS, ablation_document, answer
from archsearch.report.answers.effects import models_section
from archsearch.report.answers.paper import results_part
from archsearch.report.cells import headings
from archsearch.report.dashboard import view_of
from archsearch.report.document import Diagram, Source
from archsearch.report.figures.effects import forest_data, pairs_data
from archsearch.report.figures.figure import Missing
from archsearch.stats.effect import Exclusion
from archsearch.study.lifecycle import existing_ablation, kind_of_study
from archsearch.study.storage import default_url, open_storage

ORDER = ["better", "worse", "equivalent", "inconclusive"]
SOURCE = Source(command="again", made="Written.")


@pytest.fixture(scope="module")
def opened(workshop):
    storage = open_storage(default_url(workshop.runs_dir / "ablation"), reading=True)
    return existing_ablation("factors", storage), storage


@pytest.fixture(scope="module")
def held(workshop, opened):
    return report_on(opened[0], workshop.runs_dir / "ablation"), ablation_evidence(opened[0])


def judged(report, *verdicts, **update):
    """Give the effects of a report these verdicts."""
    effects = tuple(
        effect.model_copy(update={"verdict": verdict, "sentence": f"{effect.variant} {verdict}.", **update})
        for effect, verdict in zip(report.effects, verdicts, strict=True)
    )
    return report.model_copy(update={"effects": effects})


def test_captions_of_folds_name_their_test_and_not_that_of_seeds(held):
    folds = held[0].model_copy(
        update={"family": held[0].family.model_copy(update={"overlap": 0.25, "pairs": "fold"}), "models": ()}
    )
    caption = results_part(folds).says
    assert caption.startswith("Means over folds with standard deviations; differences are level minus partner, over ")
    assert "runs with the same fold, with their 95 % interval. p is the corrected resampled t test's (Nadeau" in caption
    assert "p is the exact sign-flip test's" in results_part(held[0]).says
    data = pairs_data(folds)
    assert (data.title, data.table.columns[1].title) == ("What did each fold say?", "fold")
    assert models_section(folds).parts[0].title == "McNemar, fold by fold"


def test_by_another_metric_the_report_says_where_mcnemar_is(held):
    again = held[0].model_copy(update={"models": (), "models_missing": "", "chosen": "chosen afterwards"})
    assert models_section(again).parts == (
        Missing(
            "mcnemar",
            "McNemar, seed by seed",
            "no metric changes this question: archsearch report factors answers it",
        ),
    )


def tables(document):
    return {part.key: part.table for _, part in document.tabled()}


def test_first_screen_says_the_verdicts_clear_ones_first(held):
    report = judged(held[0], "inconclusive", "worse", "equivalent", "better", further_seeds=12)
    assert answer(report)[:5] == (
        "Of 4 changes around tiny, 1 is better, 1 is worse, 1 is equivalent, 1 is inconclusive.",
        "rate=low better.",
        "width=x2 worse.",
        "both=once equivalent.",
        "activation=tanh inconclusive. About 12 more seeds would decide it.",
    )
    none = judged(held[0], *["inconclusive"] * 4)
    assert answer(none)[0] == "Of 4 changes around tiny, none is better or worse: 4 are inconclusive."


def test_verdicts_of_a_real_ablation_are_its_own_sentences(ablation_made, held):
    report, document = held[0], ablation_made.document
    sentences = [effect.sentence for effect in sorted(report.effects, key=lambda e: ORDER.index(e.verdict))]
    said = [text for text in document.answer if any(text.startswith(sentence) for sentence in sentences)]
    assert [next(s for s in sentences if text.startswith(s)) for text in said] == sentences
    assert document.answer[-1] == (
        "once moves several factors at once, so its effect cannot be attributed to one of them; the cells that would "
        "tell stand under Limits."
    )


def test_screen_says_it_is_one_and_has_no_verdict(held):
    report = held[0]
    screen = judged(report, *["inconclusive"] * 4, p=None, p_adjusted=None)
    screen = screen.model_copy(update={"family": report.family.model_copy(update={"screen": True})})
    document = ablation_document(screen, held[1], SOURCE)
    assert document.answer[0] == "A screen around tiny: exploratory, without p values; it names no winner."
    assert [row[1] for row in tables(document)["effects-table"].rows] == ["no verdict"] * 4
    assert "alpha" not in {number.label for number in document.numbers}


def test_unfinished_ablation_says_what_is_missing(held):
    report = held[0]
    gone = tuple(
        Exclusion(variant="width=x2", seed=s, kind="missing", reason="missing: it has not finished yet") for s in (8, 9)
    )
    counts = report.runs.model_copy(update={"completed": 48})
    half = report.model_copy(update={"complete": False, "exclusions": gone, "runs": counts})
    assert answer(half)[:2] == (
        "Unfinished: 48 of 50 runs around tiny completed; there are estimates so far, and no verdicts before all runs "
        "are done.",
        "Still to come: width=x2 (2 runs); archsearch ablate goes on with them.",
    )
    nothing = half.model_copy(update={"runs": counts.model_copy(update={"completed": 0}), "effects": ()})
    assert answer(nothing)[0] == "No run of 50 has completed yet, so there is nothing to compare around tiny."


def test_factorial_counts_interactions_apart(held):
    names = ("activation", "width", "rate", "activation:width")
    report = judged(held[0], "better", "better", "inconclusive", "worse")
    renamed = [e.model_copy(update={"variant": name}) for e, name in zip(report.effects, names, strict=True)]
    kinds = ("effect", "effect", "effect", "interaction")
    named = zip(report.questions, names, kinds, strict=True)
    asked = [q.model_copy(update={"name": name, "kind": kind}) for q, name, kind in named]
    update = {"design": "full_factorial", "effects": tuple(renamed), "questions": tuple(asked)}
    assert answer(report.model_copy(update=update))[0] == (
        "Of 3 changes around tiny, averaged over the others, 2 are better, 1 is inconclusive; the one pair "
        "of changes is shown to interact."
    )


def test_document_has_its_sections_numbers_and_every_run(ablation_made, held):
    report, evidence = held
    document = ablation_made.document
    assert (document.kind, document.title) == ("ablation", "factors")
    keys = ["effects", "limits", "models", "architectures", "provenance", "checklist"]
    assert [s.key for s in document.sections] == keys
    numbers = {number.label: number.value for number in document.numbers}
    assert {key: numbers[key] for key in list(numbers)[:4]} == {
        "Comparisons in the family": "4", "Pairs of seeds per comparison": "10", "alpha": "0.05",
        "Margin": "0.10 points",
    }  # fmt: skip
    assert (numbers["Runs"], numbers["Reads of the test set"]) == ("50", "50")
    assert document.command.startswith("archsearch report factors --runs-dir ")
    found = tables(document)
    columns = [column.title for column in found["effects-table"].columns]
    for row, effect in zip(found["effects-table"].rows, report.effects, strict=True):
        cells = dict(zip(columns, row, strict=True))
        assert (cells["comparison"], cells["pairs"], cells["verdict"]) == (effect.variant, 10, effect.verdict)
        assert (cells["95 % from"], cells["95 % to"]) == effect.ci95
        assert (cells["BCa from"], cells["BCa to"]) == effect.bca95
        assert (cells["p"], cells["p adjusted"], cells["d_z"]) == (effect.p, effect.p_adjusted, effect.d_z)
    for row, effect in zip(found["pairing-table"].rows, report.effects, strict=True):
        assert row[:-1] == (effect.variant, 10, effect.pair_correlation, *effect.pair_correlation95)
        assert row[-1] == pytest.approx(effect.seeds_saved, rel=0.005)  # three digits
    assert len(found["every-run"].rows) == 50
    assert {row[4] for row in found["every-run"].rows} == {v for c in report.cells for v in c.values.values()}
    assert sorted(row[1] for row in found["confounded"].rows) == sorted(report.confounds[0].factors)
    assert len(found["mcnemar"].rows) == 40
    assert evidence.earlier_test_reads == 0
    drawn = [p for s in document.sections for p in s.parts if isinstance(p, Diagram)]
    titles = ["baseline (tiny)"] + [f"baseline (tiny) beside {n}" for n in ("activation=tanh", "width=x2", "both=once")]
    assert [part.title.partition(":")[0] for part in drawn] == titles


def test_results_are_the_table_of_a_paper_in_the_order_of_the_sentences(ablation_made, held):
    report, document = held[0], ablation_made.document
    (part,) = [part for _, part in document.tabled() if part.key == "results"]
    assert (part.for_papers, len(headings(part.table))) == (True, 7)
    base, *rows = part.table.rows
    values = {cell.name: [v for v in cell.values.values() if v is not None] for cell in report.cells}
    mean, sd = statistics.mean(values["baseline"]), statistics.stdev(values["baseline"])
    assert base == ("tiny (baseline)", 10, pytest.approx(mean), pytest.approx(sd), *[None] * 4, "")
    effects = {effect.variant: effect for effect in report.effects}
    for name, n, mean, sd, difference, low, high, p, verdict in rows:
        effect = effects[name]
        assert (n, mean, sd) == (
            10,
            pytest.approx(statistics.mean(values[name])),
            pytest.approx(statistics.stdev(values[name])),
        )
        assert difference == pytest.approx(statistics.mean(values[name]) - statistics.mean(values["baseline"]))
        assert ((low, high), p, verdict) == (effect.ci95, effect.p_adjusted, effect.verdict)
    names = [row[0] for row in rows]
    assert [effects[name].sentence for name in names] == [
        next(e.sentence for e in report.effects if text.startswith(e.sentence)) for text in document.answer[1:5]
    ]
    assert [row.name for row in forest_data(report).rows] == names


def test_failed_runs_and_cells_that_do_not_fit_are_named(held):
    report, evidence = held
    failed = report.model_copy(
        update={
            "failures": (Failure(cell="width=x2", seed=3, outcome="diverged", reason="the loss is nan"),),
            "exclusions": (Exclusion(variant="width=x2", seed=3, kind="failed", reason="failed: it has no value"),),
            "left_out": (LeftOut(cell="a+b", reason="too small", consequence="no interaction"),),
        }
    )
    found = tables(ablation_document(failed, evidence, SOURCE))
    assert found["left-out"].rows == (("width=x2", "3", "diverged", "the loss is nan"),)
    assert found["cells-left-out"].rows == (("a+b", "too small", "no interaction"),)


def test_drawn_networks_are_bounded_and_the_others_named(held):
    report, evidence = held
    wide = next(cell for cell in evidence.cells if cell.name == "width=x2")
    layers = wide.spec["network"]
    names = [f"{'long ' * 14}{n}" for n in range(MOST_NETWORKS + 2)]  # links of the same beginning
    cells = tuple(
        wide.model_copy(update={"name": name, "spec": {**wide.spec, "network": [*layers, *["relu"] * (1 + n)]}})
        for n, name in enumerate(names)
    )
    shape = next(cell for cell in report.cells if cell.name == "width=x2")
    more = report.model_copy(update={"cells": tuple(shape.model_copy(update={"name": name}) for name in names)})
    many = evidence.model_copy(update={"cells": (evidence.cells[0], *cells)})
    document = ablation_document(more, many, SOURCE)
    (section,) = [section for section in document.sections if section.key == "architectures"]
    assert len(section.parts) == 1 + MOST_NETWORKS
    assert section.intro[-1] == f"Not drawn, as they are too many: {', '.join(names[-2:])}. Their specs are below."
    keys = [part.key for one in document.sections for part in one.parts]
    assert len(set(keys)) == len(keys)


def test_ablation_is_reported_from_the_storage_alone(workshop, ablation_made, tmp_path):
    for path in (workshop.runs_dir / "ablation").glob("archsearch.db*"):
        shutil.copy(path, tmp_path / path.name)
    alone = workshop.make("factors", runs_dir=tmp_path).document
    assert alone.answer == ablation_made.document.answer
    assert alone.numbers == ablation_made.document.numbers
    (missing,) = [part for section in alone.sections for part in section.parts if isinstance(part, Missing)]
    assert missing.why == f"40 pairs of models have no test predictions in {tmp_path}"


def test_dashboard_gets_the_figures_and_the_verdicts(opened, held):
    given = view_of(*opened)
    assert list(given.figures) == ["ablation-forest", "ablation-pairs", "ablation-power"]
    assert held[0].effects[0].sentence in given.note


def test_what_is_no_ablation_is_refused(workshop, opened):
    storage = open_storage(default_url(workshop.runs_dir), reading=True)
    assert (kind_of_study("small", storage), kind_of_study("factors", opened[1])) == ("search", "ablation")
    with pytest.raises(UsageError, match="small is no ablation"):
        existing_ablation("small", storage)
    with pytest.raises(UsageError, match="no ablation 'factors' in this storage"):
        existing_ablation("factors", storage)
