"""The report on a file of numbers: which variants differ, and is it more than noise?

    document = comparison_document(values, compared, source)

The verdicts are those of `archsearch compare`; nothing is judged here. Figures and tables are an ablation's.
"""

from __future__ import annotations

from archsearch.ablate.compare import Compared, Measurements
from archsearch.ablate.questions import Question
from archsearch.ablate.record import AblationReport, CellReport, Counts
from archsearch.report.answers.effects import pairing_part
from archsearch.report.answers.paper import Level, results_table, says
from archsearch.report.answers.verdicts import MOST_SAID
from archsearch.report.document import Document, KeyNumber, Section, SectionPart, Source, Tabled
from archsearch.report.figures.effects import VERDICTS, forest_table
from archsearch.report.figures.figure import Column, ColumnKind, Figure, Table
from archsearch.report.figures.lists import ABLATION_FIGURES
from archsearch.report.provenance import facts_part, lost_part
from archsearch.stats.adjusted import adjusted_text
from archsearch.stats.pairing import pairing_text
from archsearch.stats.sentence import amount
from archsearch.wording import count_of


def comparison_document(values: Measurements, compared: Compared, source: Source) -> Document:
    """Make the document."""
    report, family = _as_report(values, compared), compared.family
    effects = sorted(compared.effects, key=lambda effect: VERDICTS.index(effect.verdict))
    counted = {word: sum(effect.verdict == word for effect in effects) for word in VERDICTS}
    found = ", ".join(f"{count} {word}" for word, count in counted.items() if count)
    head = f"Of {count_of(len(effects), 'comparison')} with {compared.baseline}: {found}."
    if family.screen:
        head = f"A screen around {compared.baseline}: exploratory, without p values; it names no winner."
    margin = amount(family.margin, family) if family.margin else "none given"
    runs = sum(one.n for one in compared.spreads)
    return Document(
        kind="ablation",
        title=values.source,
        subtitle=f"{family.metric} of {len(values.runs)} variants around {compared.baseline}, from a file of numbers.",
        answer=(head, *(effect.sentence for effect in effects[:MOST_SAID])),
        numbers=(
            KeyNumber("Comparisons in the family", str(len(effects)), "Holm over all of them"),
            KeyNumber("Margin", margin, "the difference too small to matter"),
            KeyNumber("Runs", f"{runs:,}", f"{sum(one.failed for one in compared.spreads)} more without a value"),
        ),
        command=source.command,
        made=source.made,
        sections=(
            Section("effects", "Effects", (), tuple(_effects(report, compared))),
            Section("provenance", "Provenance", (), tuple(_provenance(values, compared))),
        ),
    )


def _effects(report: AblationReport, compared: Compared) -> list[SectionPart]:
    figures = [entry.made("comparison", report) for entry in ABLATION_FIGURES if entry.key in ("forest", "pairs")]
    kind: ColumnKind = "percent" if compared.family.unit == "points" else "number"
    columns = (Column("variant"), Column("runs", "count"), Column("failed", "count"), Column("mean", kind),
               Column("SD", kind))  # fmt: skip
    rows = tuple((one.variant, one.n, one.failed, one.mean, one.sd) for one in compared.spreads)
    family = compared.family
    remarks = [
        (pairing_text(effect, family.pairs), adjusted_text(effect, family), *effect.notes)
        for effect in compared.effects
    ]
    sentences = tuple(
        (e.sentence, "; ".join(filter(None, of))) for e, of in zip(compared.effects, remarks, strict=True)
    )
    return [
        _results(compared),
        *(one for one in figures if isinstance(one, Figure)),
        Tabled("effects-table", "All effects", "Variant minus baseline, over pairs of runs with the same seed.",
               forest_table(report, report.effects)),
        pairing_part(report),
        Tabled("sentences", "The sentence of every comparison", "As it can stand in a paper.",
               Table((Column("sentence"), Column("remarks")), sentences)),
        Tabled("variants", "Variants", "Each by itself: mean and SD of its runs.", Table(columns, rows)),
    ]  # fmt: skip


def _results(compared: Compared) -> Tabled:
    """Make the table for papers; the effects of several factors are averages, which have no spread of their own."""
    levels = {one.variant: Level(one.variant, one.n, one.mean, one.sd) for one in compared.spreads}
    effects = sorted(compared.effects, key=lambda effect: VERDICTS.index(effect.verdict))
    table = results_table(compared.family, effects, levels, levels.get(compared.baseline))
    return Tabled("results", "Results", says(compared.family, effects), table, for_papers=True)


def _provenance(values: Measurements, compared: Compared) -> list[SectionPart]:
    family = compared.family
    lost = [(one.variant, str(one.seed), one.reason) for one in compared.exclusions]
    return [
        facts_part(
            [
                ("file", values.source),
                ("metric", f"{family.metric}, {family.direction}"),
                ("baseline", compared.baseline),
                ("how it was read", "; ".join(values.notes) or "variant, seed and value by these names"),
            ]
        ),
        lost_part(lost, (Column("variant"), Column("seed"), Column("reason"))),
    ]


def _as_report(values: Measurements, compared: Compared) -> AblationReport:
    """Write the comparisons as the record that an ablation's figures are drawn from; sizes are not known, so 0."""
    total = sum(len(runs) for runs in values.runs.values())
    completed = sum(one.n for one in compared.spreads)
    return AblationReport(
        study=values.source,
        summary="",
        baseline=compared.baseline,
        design="full_factorial" if len(compared.factors) > 1 else "variants",
        family=compared.family,
        seeds=(),
        sequential=False,
        purpose="screen" if compared.family.screen else "claim",
        complete=True,
        effects=compared.effects,
        questions=tuple(
            Question(name=e.variant, against=e.against, label=e.variant, kind="comparison", weights={})
            for e in compared.effects
        ),
        cells=tuple(
            CellReport(
                name=one.variant, moved={}, spec="", parameters=0, macs=0, values={}, mean=one.mean, sd=one.sd,
                seconds=None,
            )
            for one in compared.spreads
        ),
        runs=Counts(
            planned=total, completed=completed, cached=0, diverged=0, failed=total - completed, running=0, waiting=0,
            retried=0,
        ),
        failures=(), exclusions=compared.exclusions, test_reads=0, plan=None, model=compared.model, attribution=None,
        courses=(), confounds=(), left_out=(), resolution=None, generators=(), aliases=(), notes=values.notes,
        models=(), models_missing="", hardware=(),
    )  # fmt: skip
