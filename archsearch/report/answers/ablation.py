"""The report on an ablation: which change mattered, and is it more than noise?

    document = ablation_document(report_on(study, runs_dir), ablation_evidence(study), source)

The verdicts are the ablation's own sentences; nothing is judged here. Everything but the models' predictions comes from
the storage. What is said first stands in `verdicts.py`, the results in `effects.py`; here are the networks and where
the numbers come from.
"""

from __future__ import annotations

from collections import Counter

from archsearch.ablate.record import AblationEvidence, AblationReport, CellSpec
from archsearch.report.answers.effects import effect_parts, limit_parts, models_section
from archsearch.report.answers.verdicts import answer, design_text, numbers
from archsearch.report.architectures import HOW_TO_READ, Shown, beside_part, network_parts
from archsearch.report.checklist import ablation_checklist, checklist_section
from archsearch.report.document import Document, Section, SectionPart, Source, Tabled, slug
from archsearch.report.figures.figure import Column, Table, TableCell
from archsearch.report.figures.parts import value_kind
from archsearch.report.program_parts import course_parts, program_facts, values_parts
from archsearch.report.provenance import facts_part, folded_spec, ledger_facts, ledger_words, lost_part, machines_part
from archsearch.stats.sentence import amount

MOST_NETWORKS = 8  # cells that are drawn beside the baseline

__all__ = ["MOST_NETWORKS", "ablation_document", "answer"]


def ablation_document(report: AblationReport, evidence: AblationEvidence, source: Source) -> Document:
    """Make the document."""
    checklist = ablation_checklist(report, evidence)
    sections = [
        Section("effects", "Effects", (), tuple(effect_parts(report))),
        Section("limits", "Limits", (), tuple(limit_parts(report))),
        *(
            (models_section(report), _architectures(report, evidence))
            if report.kind == "network"
            else (_courses(evidence), _values(report, evidence))
        ),
        _provenance(report, evidence),
        checklist_section(checklist),
    ]
    return Document(
        kind="ablation",
        title=report.study,
        subtitle=f"{report.summary.rstrip('. ')}. {design_text(report)}".lstrip(". "),
        answer=(*answer(report), *ledger_words([evidence.ledger])),
        numbers=numbers(report, evidence),
        command=source.command,
        made=source.made,
        sections=tuple(section for section in sections if section.parts),
        checklist=checklist,
    )


def _architectures(report: AblationReport, evidence: AblationEvidence) -> Section:
    """Draw the baseline, and beside it the cells whose networks are others, those with the fewest changes first."""
    base, *others = evidence.cells
    moved = {cell.name: len(cell.moved) for cell in report.cells}
    networks = {_network(base)}
    different: list[CellSpec] = []
    for cell in sorted(others, key=lambda cell: moved[cell.name]):
        if _network(cell) not in networks:
            networks.add(_network(cell))
            different.append(cell)
    label = f"baseline ({report.baseline})"
    shown = Shown(label, base.spec)
    parts = network_parts([shown])
    for place, cell in enumerate(different[:MOST_NETWORKS], start=1):
        parts.append(beside_part(shown, Shown(cell.name, cell.spec), f"beside-{place}-{slug(cell.name)}"))
    intro = [HOW_TO_READ]
    same = len(others) - len(different)
    if same:
        cells = "cell has" if same == 1 else "cells have"
        intro.append(f"{same} more {cells} a network that is drawn already: another training, or the same layers.")
    if len(different) > MOST_NETWORKS:
        left = ", ".join(cell.name for cell in different[MOST_NETWORKS:])
        intro.append(f"Not drawn, as they are too many: {left}. Their specs are below.")
    return Section("architectures", "Architectures", tuple(intro), tuple(parts))


def _values(report: AblationReport, evidence: AblationEvidence) -> Section:
    """Give what each cell of a program starts, and what it changes."""
    cells = [(cell.name, cell.spec) for cell in evidence.cells]
    return Section("values", "Values", (), tuple(values_parts(cells)))


def _courses(evidence: AblationEvidence) -> Section:
    """Draw what the runs of each cell gave on the way, where their history was followed."""
    histories = {cell.name: [run.history for run in evidence.runs if run.cell == cell.name] for cell in evidence.cells}
    return Section("curves", "Curves", (), tuple(course_parts("course", histories)))


def _network(cell: CellSpec) -> str:
    return repr(cell.spec["network"])


def _provenance(report: AblationReport, evidence: AblationEvidence) -> Section:
    family = report.family
    facts: list[tuple[str, TableCell]] = [
        ("study", report.study),
        ("baseline", report.baseline),
        ("design", report.design),
        ("metric", f"{family.metric}, {family.direction}"),
        ("seeds", ", ".join(map(str, report.seeds))) if report.split is None else ("split", report.split.said),
        *((("corrected by n_test / n_train", family.overlap),) if family.overlap else ()),
        *((("repeated on", ", ".join(block.name for block in report.blocks)),) if report.blocks else ()),
        ("alpha, margin, power", f"{family.alpha:g}, {amount(family.margin, family)}, {family.power:g}"),
        *_facts_of_kind(report, evidence),
        *ledger_facts([evidence.ledger]),
        ("further tries of runs that failed", report.runs.retried),
    ]
    failed = {(one.cell, one.seed): (one.outcome, one.reason) for one in report.failures}
    lost: list[tuple[TableCell, ...]] = []
    for one in report.exclusions:
        other = "left out" if one.kind == "mixed" else "not there"
        outcome, reason = failed.get((one.variant, int(one.seed)), (other, one.reason))
        lost.append((one.variant, str(one.seed), outcome, reason))
    columns = (Column("cell"), Column("seed"), Column("outcome"), Column("reason"))
    parts: list[SectionPart] = [
        facts_part(facts),
        machines_part((machine.environment, machine.runs) for machine in evidence.machines),
        lost_part(lost, columns),
        _every_run(report, evidence),
    ]
    taken: Counter[str] = Counter()
    for number_, cell in enumerate(evidence.cells):
        name = f"spec-{slug(cell.name)}"
        taken[name] += 1
        key = name if taken[name] == 1 else f"{name}-{number_}"  # two names never make one link
        what = "the baseline" if number_ == 0 else cell.name
        parts.append(folded_spec(key, f"Resolved spec of {what}", cell.spec))
    return Section("provenance", "Provenance", (), tuple(parts))


def _facts_of_kind(report: AblationReport, evidence: AblationEvidence) -> list[tuple[str, TableCell]]:
    """Give what the numbers depend on: data that were read, or a program's command and files."""
    if report.kind == "program":
        wrote = sorted({name for run in evidence.runs for name in run.wrote})
        facts = program_facts([(cell.name, cell.spec) for cell in evidence.cells])
        return [*facts, *((("written into the program's own folder", ", ".join(wrote)),) if wrote else ())]
    return [
        ("evaluations of the test set", report.test_reads),
        ("of them when a cached run was made", evidence.earlier_test_reads),
        *((f"data fingerprint ({runs:,} runs)", mark) for mark, runs in sorted(evidence.fingerprints.items())),
    ]


def _every_run(report: AblationReport, evidence: AblationEvidence) -> Tabled:
    _, _, kind = value_kind(report)
    columns = (
        Column("cell"), Column("seed"), Column("run"), Column("cached"), Column(report.family.metric, kind),
        Column("validation accuracy", "percent"), Column("epochs", "count"), Column("time", "seconds"),
        Column("reads of test", "count"),
    )  # fmt: skip
    rows = tuple(
        (r.cell, str(r.seed), r.run_id, r.repeated, r.value, r.val_accuracy, r.epochs, r.seconds, r.test_reads)
        for r in evidence.runs
    )
    return Tabled("every-run", "Every run", "Those that completed, by cell and seed.", Table(columns, rows))
