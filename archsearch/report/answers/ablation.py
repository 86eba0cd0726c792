"""The report on an ablation: which change mattered, and is it more than noise?

    document = ablation_document(report_on(study, runs_dir), evidence_of(study), source)

The verdicts are the ablation's own sentences; nothing is judged here. Everything but the models' predictions comes from
the storage.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from archsearch.ablate.evidence import CellSpec, Evidence
from archsearch.ablate.record import AblationReport
from archsearch.report.architectures import HOW_TO_READ, Shown, beside_part, network_parts
from archsearch.report.document import Document, KeyNumber, Part, Section, Tabled, slug
from archsearch.report.figures.ablation import ablation_figures
from archsearch.report.figures.effects import VERDICTS, forest_table, scale_of
from archsearch.report.figures.figure import Cell, Column, Figure, Missing, Table
from archsearch.report.figures.parts import value_kind
from archsearch.report.provenance import engine_numbers, facts_part, folded_spec, lost_part, machines_part
from archsearch.report.source import Source
from archsearch.stats.effect import Effect
from archsearch.stats.sentence import amount, number
from archsearch.wording import number_text

MOST_SAID = 12  # sentences of the first screen; all are in the table
MOST_NETWORKS = 8  # cells that are drawn beside the baseline
CONTROL = "control"


def ablation_document(report: AblationReport, evidence: Evidence, source: Source) -> Document:
    """Make the document."""
    sections = [
        Section("effects", "Effects", (), tuple(_effects(report))),
        Section("limits", "Limits", (), tuple(_limits(report))),
        _models(report),
        _architectures(report, evidence),
        _provenance(report, evidence),
    ]
    return Document(
        kind="ablation",
        title=report.study,
        subtitle=f"{report.summary.rstrip('. ')}. {_design(report)}".lstrip(". "),
        answer=answer(report),
        numbers=_numbers(report, evidence),
        command=source.command,
        made=source.made,
        sections=tuple(section for section in sections if section.parts),
    )


# -- the first screen --------------------------------------------------------------------------------------------------


def answer(report: AblationReport) -> tuple[str, ...]:
    """Say what was found, the clear verdicts first; only a finished ablation that is no screen has verdicts."""
    kinds = {question.name: question.kind for question in report.questions}
    claims = [e for e in report.effects if kinds[e.variant] not in ("screen", CONTROL)]
    others = [e for e in report.effects if kinds[e.variant] in ("screen", CONTROL)]
    ordered = sorted(claims, key=lambda effect: VERDICTS.index(effect.verdict))
    said = [_said(effect) for effect in (*ordered, *others)]
    more = [f"{len(said) - MOST_SAID} more comparisons stand in the table of effects."] if len(said) > MOST_SAID else []
    first = [_headline(report, claims)]
    if not report.complete:
        first.append(_missing(report))
    return (*first, *said[:MOST_SAID], *more, *_confounded(report))


def _headline(report: AblationReport, claims: Sequence[Effect]) -> str:
    around = f"around {report.baseline}"
    if not report.runs.completed:
        return f"No run of {report.runs.planned} has completed yet, so there is nothing to compare {around}."
    if not report.complete:
        return (
            f"Unfinished: {report.runs.completed:,} of {report.runs.planned:,} runs {around} completed; there are "
            "estimates so far, and no verdicts before all runs are done."
        )
    if report.family.screen or not claims:
        return f"A screen {around}: exploratory, without p values; it names no winner."
    if report.design.endswith("factorial"):
        return _factorial_headline(claims, around)
    what = "comparison" if report.design == "shapley" else "change"
    if len(claims) == 1:
        return f"The one {what} {around} is {claims[0].verdict}."
    none = "" if any(effect.verdict in ("better", "worse") for effect in claims) else "none is better or worse: "
    return f"Of {len(claims)} {what}s {around}, {none}{_counted(claims)}."


def _factorial_headline(claims: Sequence[Effect], around: str) -> str:
    """Count levels and pairs apart: an interaction is no change that someone makes."""
    levels = [effect for effect in claims if ":" not in effect.variant]
    pairs = [effect for effect in claims if ":" in effect.variant]
    words = f"Of {len(levels)} changes {around}, averaged over the others, {_counted(levels)}"
    if not pairs:
        return f"{words}."
    depend = sum(effect.verdict in ("better", "worse") for effect in pairs)
    if len(pairs) == 1:
        return f"{words}; the one pair of changes is {'' if depend else 'not '}shown to interact."
    number_ = f"{depend} of {len(pairs)} pairs of changes {'are' if depend > 1 else 'is'}" if depend else "no pair is"
    return f"{words}; {number_} shown to interact."


def _counted(effects: Sequence[Effect]) -> str:
    counted: Counter[str] = Counter(effect.verdict for effect in effects)
    return ", ".join(f"{counted[verdict]} {_is(counted[verdict])}{verdict}" for verdict in VERDICTS if counted[verdict])


def _confounded(report: AblationReport) -> list[str]:
    names = [one.cell.partition("=")[2] or one.cell for one in report.confounds]
    if not names:
        return []
    moves = f"{names[0]} moves" if len(names) == 1 else f"Each of {', '.join(names)} moves"
    return [
        f"{moves} several factors at once, so its effect cannot be attributed to one of them; the cells that would "
        "tell stand under Limits."
    ]


def _is(count: int) -> str:
    return "is " if count == 1 else "are "


def _said(effect: Effect) -> str:
    if effect.further_seeds is None or effect.verdict != "inconclusive":
        return effect.sentence
    seeds = "seed" if effect.further_seeds == 1 else "seeds"
    return f"{effect.sentence} About {effect.further_seeds:,} more {seeds} would decide it."


def _missing(report: AblationReport) -> str:
    """Say which runs are still to come."""
    waiting = Counter(one.variant for one in report.exclusions if one.reason.startswith("missing"))
    cells = [f"{name} ({count} {'run' if count == 1 else 'runs'})" for name, count in waiting.items()]
    shown = ", ".join(cells[:MOST_SAID]) + (f" and {len(cells) - MOST_SAID} more cells" * (len(cells) > MOST_SAID))
    return f"Still to come: {shown}; archsearch ablate goes on with them."


def _design(report: AblationReport) -> str:
    kind = {"claim": "", "strong": "", "screen": ", a screen"}[report.purpose]
    seeds = f"at most {len(report.seeds)} seeds, sequential" if report.sequential else f"{len(report.seeds)} seeds"
    return f"Ablation of {report.family.metric} around {report.baseline}: {report.design}, {seeds}{kind}."


def _detectable(report: AblationReport) -> list[KeyNumber]:
    """Say which effect could be found: by the spreads that were measured, else as it was planned."""
    family, plan = report.family, report.plan
    if plan is None or plan.purpose == "screen" or report.sequential:
        return []
    planned = ""
    if plan.smallest_effect is not None and plan.seed_sd is not None:
        planned = f"{amount(plan.smallest_effect, family)} with an SD over seeds of {amount(plan.seed_sd, family)}"
    measured = [e.smallest_detectable for e in report.effects if e.smallest_detectable is not None]
    if measured:
        low, high = (amount(end(measured), family) for end in (min, max))
        value = high if low == high else f"{number(min(measured), family, signed=False)} to {high}"
        note = f"by the spreads that were measured, with a chance of {family.power:.0%}"
        return [KeyNumber("Smallest detectable effect", value, note + (f"; planned: {planned}" if planned else ""))]
    if plan.smallest_effect is None:
        return []
    note = f"as planned, with a chance of {plan.power:.0%}: {planned}"
    return [KeyNumber("Smallest detectable effect", amount(plan.smallest_effect, family), note)]


def _numbers(report: AblationReport, evidence: Evidence) -> tuple[KeyNumber, ...]:
    family, runs = report.family, report.runs
    claims = sum(question.kind != "screen" for question in report.questions)
    screens = len(report.questions) - claims
    rule = "exploratory, outside of any family" if not claims else "judged together: Holm over all of them"
    rule += f"; {screens} more to screen" if screens and claims else ""
    numbers = [KeyNumber("Comparisons in the family", str(claims), rule)]
    pairs = sorted({effect.n for effect in report.effects})
    if pairs:
        both = str(pairs[0]) if len(pairs) == 1 else f"{pairs[0]} to {pairs[-1]}"
        numbers.append(KeyNumber("Pairs of seeds per comparison", both, f"of {len(report.seeds)} planned"))
    if not family.screen:
        numbers.append(KeyNumber("alpha", f"{family.alpha:g}", "of the whole family"))
        numbers.append(KeyNumber("Margin", amount(family.margin, family), "the difference too small to matter"))
    numbers += _detectable(report)
    words = [f"{getattr(runs, word):,} {word}" for word in ("diverged", "failed", "running", "waiting")
             if getattr(runs, word)]  # fmt: skip
    cached = f"{runs.cached:,} of them cached" if runs.cached else "none of them cached"
    note = f"completed of {runs.planned:,}, {cached}" + "".join(f", {word}" for word in words)
    numbers.append(KeyNumber("Runs", f"{runs.completed:,}", note))
    reads = "once per run, at its end" if report.test_reads else "never"
    if evidence.earlier_test_reads:
        reads = f"{evidence.earlier_test_reads:,} of them when cached runs were made; new runs once, at the end"
    numbers.append(KeyNumber("Reads of the test set", f"{report.test_reads:,}", reads))
    return (*numbers, *engine_numbers(machine.environment for machine in evidence.machines))


# -- the sections ------------------------------------------------------------------------------------------------------


def _effects(report: AblationReport) -> list[Part]:
    """Give the figures that the design has, every number of every comparison, the cells, and what models add."""
    figures = ablation_figures(report)
    parts: list[Part] = [one for one in figures if isinstance(one, Figure)]
    if not parts:  # nothing has completed: say it once
        parts += [one for one in figures if one.key == "ablation-forest"]
    if report.effects:
        says = (
            "Level minus partner, over pairs of runs with the same seed: exact sign-flip test, Holm over the family, "
            "Student's and BCa intervals; d_z is the mean difference in units of its own spread."
        )
        if report.sequential:
            says = "Level minus partner, over pairs of runs with the same seed: p is 1/e, the interval always valid."
        parts.append(Tabled("effects-table", "All effects", says, forest_table(report, report.effects)))
        parts.append(_remarks(report))
    parts.append(_cells(report))
    parts += [part for part in (_failed_counted(report), _linear_model(report), _courses(report)) if part is not None]
    return parts


def _remarks(report: AblationReport) -> Tabled:
    columns = (Column("sentence"), Column("more seeds", "count"), Column("remarks"))
    rows = tuple((e.sentence, e.further_seeds, "; ".join(e.notes)) for e in report.effects)
    says = "As it can stand in a paper. More seeds: how many would decide an inconclusive one, planned for the margin."
    return Tabled("sentences", "The sentence of every comparison", says, Table(columns, rows))


def _cells(report: AblationReport) -> Tabled:
    _, _, kind = value_kind(report)
    metric = report.family.metric
    columns = (
        Column("cell"), Column("what has moved"), Column("parameters", "count"), Column("MACs", "count"),
        Column("runs", "count"), Column(f"mean {metric}", kind), Column("SD", kind), Column("time of one", "seconds"),
    )  # fmt: skip
    rows = tuple(
        (
            cell.name,
            ", ".join(f"{factor}: {level}" for factor, level in cell.moved.items()) or "nothing",
            cell.parameters,
            cell.macs,
            sum(value is not None for value in cell.values.values()),
            cell.mean,
            cell.sd,
            cell.seconds,
        )
        for cell in report.cells
    )
    says = "Every combination that was trained, with its own mean and spread over seeds."
    return Tabled("cells", "Cells", says, Table(columns, rows))


def _failed_counted(report: AblationReport) -> Tabled | None:
    """Compare again with every failed run counted as a value: what leaving it out could hide."""
    _, _, kind = scale_of(report)
    rows: list[tuple[Cell, ...]] = [
        (e.variant, both.n, both.mean_difference, *(both.ci95 or (None, None)), both.p)
        for e in report.effects
        if (both := e.with_failures) is not None
    ]
    if not rows:
        return None
    columns = (Column("comparison"), Column("pairs", "count"), Column("difference", kind), Column("95 % from", kind),
               Column("to", kind), Column("p", "p"))  # fmt: skip
    says = f"The same comparisons with every failed run counted as {number_text(report.family.failed_value or 0.0)}."
    return Tabled("with-failures", "With the failed runs counted", says, Table(columns, tuple(rows)))


def _linear_model(report: AblationReport) -> Tabled | None:
    model = report.model
    if model is None:
        return None
    _, _, kind = scale_of(report)
    columns = (Column("term"), Column("estimate", kind), Column("95 % from", kind), Column("to", kind),
               Column("p", "p"), Column("p adjusted", "p"), Column("cannot be told from"))  # fmt: skip
    rows = tuple((t.name, t.estimate, *t.ci95, t.p, t.p_adjusted, ", ".join(t.aliases)) for t in model.terms)
    spread = number(model.residual_sd, report.family, signed=False)
    says = (
        f"Least squares over {model.observations} runs with seeds as blocks, {model.residual_df} degrees of freedom "
        f"left, residual SD {spread}. Beside the verdicts, not instead of them; one:two is an interaction."
    )
    return Tabled("linear-model", "Linear model of the factorial", says, Table(columns, rows))


def _courses(report: AblationReport) -> Tabled | None:
    if not report.courses:
        return None
    columns = (Column("comparison"), Column("decided"), Column("pairs", "count"), Column("e value", "number"),
               Column("e value of equivalence", "number"))  # fmt: skip
    rows = tuple((c.name, c.decided, c.pairs, c.evidence, c.equivalence_evidence) for c in report.courses)
    says = f"Adjusted for the family; a comparison is decided when an e value reaches {1 / report.family.alpha:g}."
    return Tabled("courses", "How far each comparison is decided", says, Table(columns, rows))


def _limits(report: AblationReport) -> list[Part]:
    """Say what the design cannot tell: levels that move several factors, cells that are left out, aliases."""
    parts: list[Part] = []
    if report.confounds:
        columns = (Column("level"), Column("factor"), Column("what changes"), Column("a cell of its own"))
        rows = tuple(
            (one.cell, alone.factor, "; ".join(alone.changes), f"does not fit: {alone.reason}" if alone.reason else
             f"the baseline with {alone.factor} alone")
            for one in report.confounds for alone in one.separate
        )  # fmt: skip
        says = (
            "These levels move several factors at once, so their effects belong to none of them; the last column names "
            "the cells that would tell."
        )
        parts.append(Tabled("confounded", "Levels that move several factors", says, Table(columns, rows)))
    if report.left_out:
        left = Table(
            (Column("cell"), Column("why it does not fit"), Column("what that costs")),
            tuple((one.cell, one.reason, one.consequence) for one in report.left_out),
        )
        says = "Networks that do not fit together, found before anything ran."
        parts.append(Tabled("cells-left-out", "Cells left out", says, left))
    if report.aliases:
        rows_ = tuple((", ".join(group),) for group in report.aliases)
        generators = f" Generators: {', '.join(report.generators)}." if report.generators else ""
        says = f"Resolution {report.resolution}: the effects of a row have one estimate, their sum.{generators}"
        table = Table((Column("cannot be told apart"),), rows_)
        parts.append(Tabled("aliases", "Effects that cannot be told apart", says, table))
    if report.notes:
        table = Table((Column("remark"),), tuple((note,) for note in report.notes))
        parts.append(Tabled("remarks", "Remarks on the design", "", table))
    return parts


def _models(report: AblationReport) -> Section:
    """Give McNemar's tests apart from the effects: another question."""
    intro = (
        "Another question, kept apart: do two trained models, of one seed, differ on the test images? McNemar's exact "
        "test for each. Two models that differ say nothing about two recipes.",
    )
    title = "McNemar, seed by seed"
    if not report.models:
        why = report.models_missing or "no comparison is of two trained models"
        return Section("models", "Trained models", intro, (Missing("mcnemar", title, why),))
    names = list(dict.fromkeys(pair.name for pair in report.models))
    alpha = report.family.alpha
    counts = []
    for name in names:
        mine = [pair for pair in report.models if pair.name == name]
        below = sum(pair.p < alpha for pair in mine)
        counts.append((name, len(mine), below))
    summary = Table((Column("comparison"), Column("pairs", "count"), Column(f"p < {alpha:g}", "count")), tuple(counts))
    columns = (Column("comparison"), Column("seed"), Column("only the partner is right", "count"),
               Column("only the level is right", "count"), Column("p", "p"))  # fmt: skip
    rows = tuple((pair.name, str(pair.seed), pair.only_against, pair.only_level, pair.p) for pair in report.models)
    missing = f" {report.models_missing}." if report.models_missing else ""
    return Section(
        "models",
        "Trained models",
        intro,
        (
            Tabled("mcnemar-summary", "Pairs of models that differ", f"Each at alpha, not adjusted.{missing}", summary),
            Tabled("mcnemar", title, "Images that one of the two got right and the other wrong.", Table(columns, rows)),
        ),
    )


def _architectures(report: AblationReport, evidence: Evidence) -> Section:
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


def _network(cell: CellSpec) -> str:
    return repr(cell.spec["network"])


def _provenance(report: AblationReport, evidence: Evidence) -> Section:
    family = report.family
    facts: list[tuple[str, Cell]] = [
        ("study", report.study),
        ("baseline", report.baseline),
        ("design", report.design),
        ("metric", f"{family.metric}, {family.direction}"),
        ("seeds", ", ".join(map(str, report.seeds))),
        ("alpha, margin, power", f"{family.alpha:g}, {amount(family.margin, family)}, {family.power:g}"),
        ("evaluations of the test set", report.test_reads),
        ("of them when a cached run was made", evidence.earlier_test_reads),
        ("further tries of runs that failed", report.runs.retried),
        *((f"data fingerprint ({runs:,} runs)", mark) for mark, runs in sorted(evidence.fingerprints.items())),
    ]
    failed = {(one.cell, one.seed): (one.outcome, one.reason) for one in report.failures}
    lost: list[tuple[Cell, ...]] = []
    for one in report.exclusions:
        outcome, reason = failed.get((one.variant, int(one.seed)), ("not there", one.reason))
        lost.append((one.variant, str(one.seed), outcome, reason))
    columns = (Column("cell"), Column("seed"), Column("outcome"), Column("reason"))
    parts: list[Part] = [
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


def _every_run(report: AblationReport, evidence: Evidence) -> Tabled:
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
