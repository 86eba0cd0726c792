"""The report on a search: did it find a better network, and is that more than noise?

    document = search_document(report_on(study, storage), search_evidence(study, storage), figures, source)

Everything comes from the storage; what lies in run directories is used where they are there, and named where not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archsearch.kinds import EXPERIMENT_KINDS
from archsearch.report.answers.program_search import course_sections, values_section
from archsearch.report.architectures import HOW_TO_READ, Shown, network_parts
from archsearch.report.checklist import checklist_section, search_checklist
from archsearch.report.document import Document, Folded, KeyNumber, Section, SectionPart, Source, Tabled, slug
from archsearch.report.experiments import RunGroup, with_files
from archsearch.report.figures.confirmed import confirmed_kinds
from archsearch.report.figures.figure import Column, ColumnKind, Figure, Missing, Table, TableCell, interval_columns
from archsearch.report.program_parts import program_facts
from archsearch.report.provenance import (
    engine_numbers,
    facts_part,
    folded_spec,
    ledger_facts,
    ledger_words,
    lost_part,
    machines_part,
)
from archsearch.report.run_parts import run_parts
from archsearch.search.confirm import (
    BASELINE,
    Confirmation,
    Confirmed,
    best_of,
    comparison_method,
    interval_method,
    interval_words,
    metric_words,
    value_words,
)
from archsearch.search.evidence import AnyRun, SearchEvidence
from archsearch.search.reached import stopped_text
from archsearch.search.search import Best, StudyReport
from archsearch.stats.effect import Effect
from archsearch.stats.sentence import amount, number, verdict_of
from archsearch.train.result import RunResult
from archsearch.wording import capital, short_number

FRONT = "search-pareto"
CONFIRMED = "search-confirmed"  # the figure of the finalists: it stands with their table


def search_document(
    report: StudyReport, evidence: SearchEvidence, figures: Sequence[Figure | Missing], source: Source
) -> Document:
    """Make the document; `figures` are those of the search itself."""
    if len(report.metrics) < 2:  # of one objective there is no front to ask for
        figures = [figure for figure in figures if figure.key != FRONT]
    checklist = search_checklist(report, evidence)
    sections = [
        _confirmation(report, [figure for figure in figures if figure.key == CONFIRMED]),
        Section("search", "Search", (), tuple(figure for figure in figures if figure.key != CONFIRMED)),
        *_runs(report, evidence, source),
        _values_of(report, evidence) if report.kind == "program" else _architectures(report, evidence),
        _provenance(report, evidence),
        checklist_section(checklist),
    ]
    return Document(
        kind="search",
        title=report.study,
        subtitle=f"Search around {evidence.base.get('name', 'its base')}, {_objective(evidence)}.",
        answer=(*answer(report, evidence), *ledger_words(evidence.ledgers)),
        numbers=_numbers(report, evidence),
        command=source.command,
        made=source.made,
        sections=tuple(section for section in sections if section.parts),
        checklist=checklist,
    )


# -- the first screen --------------------------------------------------------------------------------------------------


def answer(report: StudyReport, evidence: SearchEvidence) -> tuple[str, ...]:
    """Say what was found; only a confirmation on fresh seeds may call a network better."""
    best = report.selected
    if best is None:
        return (report.headline, _counts(report))
    found = f"The best of the search is trial {best.number}: {_values(report, best)}."
    if len(report.metrics) > 1:
        noun = f"{EXPERIMENT_KINDS[report.kind].noun}s"
        front = f"{len(report.front):,} {noun} stand on the Pareto front of {' and '.join(report.metrics)}"
        found = f"{front}; by {_main(report)} the best is trial {best.number}: {_values(report, best)}."
    base = evidence.base_trial
    if base is not None and base.number != best.number:
        found += f" The baseline, trial 0: {_pairs(report, base.values)}."
    if report.confirmed is None:
        return (
            report.headline,
            f"{found} Values that were selected are too good on average; whether this one is better than the baseline "
            "is not known yet.",
            _counts(report),
        )
    return (report.headline, capital(report.confirmed.sentence), found, _counts(report))


def _name(row: Confirmed) -> str:
    return capital(row.candidate)


def _main(report: StudyReport) -> str:
    """Name the metric that trials are ranked by: the learned one, or the first."""
    return report.metrics[EXPERIMENT_KINDS[report.kind].main(report.metrics)]


def _values(report: StudyReport, best: Best) -> str:
    said = _pairs(report, best.values)
    if best.folds is None:
        return said
    metric = EXPERIMENT_KINDS[report.kind].learned(report.metrics)
    return f"{said}, {best.folds.said_with(report.value_text(metric or report.metrics[0], best.folds.deviation))}"


def _pairs(report: StudyReport, values: Sequence[float]) -> str:
    pairs = zip(report.metrics, values, strict=True)
    return ", ".join(f"{metric} {report.value_text(metric, value)}" for metric, value in pairs)


def _counts(report: StudyReport) -> str:
    repeated = f" ({report.repeated:,} by a run that was there already)" if report.repeated else ""
    words = [f"{report.completed:,} of {report.trials:,} trials completed{repeated}"]
    for word in ("pruned", "diverged", "failed", "running", "waiting"):
        number = getattr(report, word)
        if number:
            words.append(f"{number:,} {word}")
    text = ", ".join(words)
    if stopped := stopped_text(report.stopped):
        text += f" (stopped early: {stopped})"
    if report.infeasible:
        text += f"; {report.infeasible:,} samples that do not fit together were put aside and never counted"
    return text + "."


def _objective(evidence: SearchEvidence) -> str:
    return " and ".join(f"{direction} {metric}" for direction, metric in evidence.objective)


def _numbers(report: StudyReport, evidence: SearchEvidence) -> tuple[KeyNumber, ...]:
    numbers: list[KeyNumber] = []
    confirmed = report.confirmed
    first = best_of(confirmed) if confirmed else None
    if confirmed and first is not None and first.mean is not None:
        family, what = confirmed.family, metric_words(confirmed.family)
        seeds = f"{len(first.test_values)} fresh seeds"
        method = f" ({interval_method(confirmed)})"
        between = f"95 % interval {interval_words(first.ci95, family)}{method}" if first.ci95 else seeds
        numbers.append(KeyNumber(f"{_name(first)}, {what}", value_words(first.mean, family), between))
        base = next((row for row in confirmed.candidates if row.candidate == BASELINE), None)
        if base is not None and base.mean is not None:
            between = f"95 % interval {interval_words(base.ci95, family)}{method}" if base.ci95 else seeds
            numbers.append(KeyNumber(f"Baseline, {what}", value_words(base.mean, family), between))
        if first.gain is not None:
            ends = [] if first.gain_ci95 is None else [number(end, family) for end in first.gain_ci95]
            note = f"95 % interval {' to '.join(ends)}" if ends else ""
            title = "Gain over the baseline" if family.direction == "maximize" else "Difference from the baseline"
            numbers.append(KeyNumber(title, amount(first.gain, family, signed=True), note))
        if first.shrinkage is not None and first.search_value is not None:
            same = "the mean" if report.kind == "program" else "validation"
            note = f"search {value_words(first.search_value, family)}, minus {same} on fresh seeds"
            numbers.append(KeyNumber("Shrinkage", amount(first.shrinkage, family), note))
    if report.selected is not None:
        metric = _main(report)
        value = report.selected.values[report.metrics.index(metric)]
        note = f"trial {report.selected.number}, {metric}"
        numbers.append(KeyNumber("Best of the search", report.value_text(metric, value), note))
    result = _result_of(report, evidence)
    if result is not None:
        numbers.append(KeyNumber("Parameters", f"{result.parameters:,}", f"{short_number(result.macs)} MACs"))
    numbers.append(
        KeyNumber("Trials", f"{report.completed:,}", f"completed of {report.trials:,}, sampler {report.sampler}")
    )
    if report.kind == "network":
        reads = "to confirm; never to search" if evidence.test_reads else "never, so far"
        if evidence.earlier_test_reads:
            reads += f"; {evidence.earlier_test_reads:,} more by runs that were there before"
        numbers.append(KeyNumber("Reads of the test set", f"{evidence.test_reads:,}", reads))
    numbers += engine_numbers(machine.environment for machine in evidence.machines)
    return tuple(numbers)


def _result_of(report: StudyReport, evidence: SearchEvidence) -> RunResult | None:
    """Give a run of the network that the answer names; None of a program."""
    first = best_of(report.confirmed) if report.confirmed else None
    found: AnyRun | None = evidence.ranked[0].result if evidence.ranked else None
    if first is not None and evidence.confirmed.get(first.candidate):
        found = evidence.confirmed[first.candidate][0]
    return found if isinstance(found, RunResult) else None


# -- the sections ------------------------------------------------------------------------------------------------------


def _confirmation(report: StudyReport, figures: Sequence[Figure | Missing]) -> Section:
    if report.confirmed is None:
        why = "no finalist has been trained again on fresh seeds; archsearch study --confirm 3 does it"
        return Section("confirmation", "Confirmation", (), (Missing("finalists", "Finalists on fresh seeds", why),))
    value, difference = confirmed_kinds(report.confirmed.family)
    columns = (
        Column("candidate"),
        Column("search value", value),
        Column("mean" if report.kind == "program" else "test mean", value),
        *interval_columns(value),
        Column("from baseline", difference),
        Column("p adjusted", "p"),
        Column("verdict"),
        Column("shrinkage", difference),
        Column("seeds", "count"),
    )
    rows = tuple(_confirmed_row(row, report.confirmed.effect(row.candidate)) for row in report.confirmed.candidates)
    what = metric_words(report.confirmed.family)
    judged = comparison_method(report.confirmed)
    if (race := report.confirmed.race) is not None:
        spent, budget = (_work(amount, race.searched) for amount in (race.spent, race.budget))
        judged += f"; it may cost {budget}, and has cost {spent}"
    same = "the mean" if report.kind == "program" else f"the validation {what.removeprefix('test ')}"
    says = (
        f"{capital(what)} on {len(report.confirmed.seeds)} seeds that the search never saw; intervals of means: "
        f"{interval_method(report.confirmed)}. Differences are of runs with the same seed, judged as in an ablation: "
        f"{judged}; shrinkage is the search's value minus {same} on the fresh seeds."
    )
    table = Tabled("finalists", "Finalists on fresh seeds", says, Table(columns, rows))
    return Section("confirmation", "Confirmation", (), (*figures, table, _finalist_seeds(report.confirmed)))


def _work(amount: float, searched: float | None) -> str:
    """Write an amount of work as a share of the search's own."""
    return f"{amount:.4g}" if not searched else f"{100 * amount / searched:.0f} % of the search's own work"


def _finalist_seeds(confirmed: Confirmation) -> Tabled:
    """Give every fresh seed of every finalist: nothing is averaged away."""
    columns = (Column("candidate"), Column("seed"), Column(metric_words(confirmed.family), _value_kind(confirmed)))
    rows = tuple(
        (row.candidate, str(seed), value) for row in confirmed.candidates for seed, value in row.test_values.items()
    )
    return Tabled("finalist-seeds", "Every seed of the finalists", "", Table(columns, rows))


def _value_kind(confirmed: Confirmation) -> ColumnKind:
    return confirmed_kinds(confirmed.family)[0]


def _confirmed_row(row: Confirmed, effect: Effect | None) -> tuple[TableCell, ...]:
    low, high = row.ci95 or (None, None)
    judged = (None, "") if effect is None else (effect.p_adjusted, verdict_of(effect))
    n = len(row.test_values)
    return (row.candidate, row.search_value, row.mean, low, high, row.gain, *judged, row.shrinkage, n)


def _runs(report: StudyReport, evidence: SearchEvidence, source: Source) -> list[Section]:
    """Show the runs of what the answer names, and the baseline's beside them."""
    first = best_of(report.confirmed) if report.confirmed else None
    names = [first.candidate, BASELINE] if first is not None else []
    shown: dict[str, Sequence[AnyRun]] = {name: found for name in names if (found := evidence.confirmed.get(name))}
    words = "on fresh seeds"
    if not shown and evidence.ranked:
        best, words = evidence.ranked[0], "in the search"
        fold = None if report.best is None else report.best.folds
        words = words if fold is None else f"{words}: fold 1 of {len(fold.values)}"
        shown = {f"trial {best.number}": (best.result,)}
    if report.kind == "program":
        return course_sections(shown, words)
    groups = [
        RunGroup(name, tuple(with_files(run, source.runs_dir) for run in runs if isinstance(run, RunResult)))
        for name, runs in shown.items()
    ]
    sections = []
    for group in groups:
        intro = (f"{capital(group.label)}, {words}.",)
        parts = tuple(run_parts(group, source.data_dir))
        sections.append(Section(f"runs-{slug(group.label)}", f"Runs: {group.label}", intro, parts))
    return sections


def _architectures(report: StudyReport, evidence: SearchEvidence) -> Section:
    """Show the base and the finalists; without a confirmation the base and the best."""
    parts = network_parts([Shown(name, spec) for name, spec in _compared_specs(report, evidence)])
    return Section("architectures", "Architectures", (HOW_TO_READ,), tuple(parts))


def _values_of(report: StudyReport, evidence: SearchEvidence) -> Section:
    return values_section(_compared_specs(report, evidence))


def _compared_specs(report: StudyReport, evidence: SearchEvidence) -> list[tuple[str, dict[str, Any]]]:
    """Give the base and the finalists, the best first; without a confirmation the base and the best."""
    confirmed = evidence.confirmed
    first = best_of(report.confirmed) if report.confirmed else None
    names = sorted(
        (name for name in confirmed if name != BASELINE), key=lambda name: first is None or name != first.candidate
    )
    finalists = [(name, confirmed[name][0].spec) for name in names]
    if not finalists and report.best is not None:
        finalists = [(f"trial {report.best.number}", report.best.spec)]
    return [(f"baseline ({evidence.base.get('name', 'base')})", evidence.base), *finalists]


def _data_read(evidence: SearchEvidence) -> list[tuple[str, TableCell]]:
    return [
        ("evaluations of the test set, to confirm", evidence.test_reads),
        ("evaluations of it by runs that were there before", evidence.earlier_test_reads),
        *((f"data fingerprint ({runs:,} runs)", mark) for mark, runs in sorted(evidence.fingerprints.items())),
    ]


def _provenance(report: StudyReport, evidence: SearchEvidence) -> Section:
    facts: list[tuple[str, TableCell]] = [
        ("study", report.study),
        ("objective", _objective(evidence)),
        ("sampler and its seed", f"{evidence.sampler}, seed {evidence.seed}"),
        ("seed of every search run", str(evidence.run_seed)),
        ("seeds of the confirmation", ", ".join(map(str, report.confirmed.seeds)) if report.confirmed else "none"),
        *(program_facts(_compared_specs(report, evidence)) if report.kind == "program" else _data_read(evidence)),
        *ledger_facts(evidence.ledgers),
    ]
    columns = (Column("part"), Column("trial", "count"), Column("seed"), Column("outcome"), Column("reason"))
    lost = [
        (one.part, one.trial, None if one.seed is None else str(one.seed), one.outcome, one.reason)
        for one in evidence.lost
    ]
    parts: list[SectionPart] = [
        facts_part(facts),
        machines_part((machine.environment, machine.runs) for machine in evidence.machines),
        lost_part(lost, columns),
        Folded("study-file", "The study's file", evidence.text),
        folded_spec("spec-baseline", "The baseline's resolved spec", evidence.base),
    ]
    for name, runs in evidence.confirmed.items():
        if name != BASELINE:
            parts.append(folded_spec(f"spec-{name.replace(' ', '-')}", f"Resolved spec of {name}", runs[0].spec))
    if not evidence.confirmed and report.best is not None:
        name = f"trial {report.best.number}"
        parts.append(folded_spec(f"spec-trial-{report.best.number}", f"Resolved spec of {name}", report.best.spec))
    return Section("provenance", "Provenance", (), tuple(parts))
