"""The sections of an ablation's report that hold its results: effects, limits of the design, trained models.

    effect_parts(report), limit_parts(report), models_section(report)

Everything is the ablation's own; nothing is judged here.
"""

from __future__ import annotations

from archsearch.ablate.record import AblationReport
from archsearch.report.answers.paper import how_sequential, results_part
from archsearch.report.document import Section, SectionPart, Tabled
from archsearch.report.figures.effects import forest_table, in_order, scale_of
from archsearch.report.figures.figure import Column, Figure, Missing, Table, TableCell, interval_columns, mean_and_sd
from archsearch.report.figures.lists import ablation_figures
from archsearch.report.figures.parts import value_kind
from archsearch.stats.pairing import pairing_text
from archsearch.stats.sentence import number
from archsearch.wording import number_text


def effect_parts(report: AblationReport) -> list[SectionPart]:
    """Give the figures that the design has, every number of every comparison, the cells, and what models add."""
    figures = ablation_figures(report)
    parts: list[SectionPart] = [one for one in figures if isinstance(one, Figure)]
    if not parts:  # nothing has completed: say it once
        parts += [one for one in figures if one.key == "ablation-forest"]
    if report.effects:
        parts.insert(0, results_part(report))
        says = (
            "Level minus partner, over pairs of runs with the same seed: exact sign-flip test, Holm over the family, "
            "Student's and BCa intervals; d_z is the mean difference in units of its own spread."
        )
        if report.split is not None:
            says = (
                f"Level minus partner on the same part of the samples ({report.split.said}): corrected resampled t "
                "test (Nadeau & Bengio 2003), as the parts overlap, with its interval; Holm over the family."
            )
        if report.sequential:
            says = f"Level minus partner, over pairs of runs with the same seed: {how_sequential(report)}."
        parts.append(Tabled("effects-table", "All effects", says, forest_table(report, report.effects)))
        parts += [pairing_part(report), _remarks(report)]
    parts.append(_cells(report))
    parts += [part for part in (_failed_counted(report), _linear_model(report), _courses(report)) if part is not None]
    return parts


def pairing_part(report: AblationReport) -> Tabled:
    """Give what it was worth that level and partner ran with the same seeds."""
    says = "How far level and partner go together over pairs, with Fisher's interval, and what pairing saved."
    columns = (
        Column("comparison"),
        Column("pairs", "count"),
        Column("pairs correlate", "difference"),  # with its sign, as its interval has it
        *interval_columns("difference"),
        Column(f"times fewer {report.family.pairs}s by pairing", "number"),
    )
    rows = tuple(
        (
            effect.variant,
            effect.n,
            effect.pair_correlation,
            *(effect.pair_correlation95 or (None, None)),
            None if effect.seeds_saved is None else float(f"{effect.seeds_saved:.3g}"),
        )
        for effect in report.effects
    )
    return Tabled("pairing-table", "What pairing saved", says, Table(columns, rows))


def _remarks(report: AblationReport) -> Tabled:
    columns = (Column("sentence"), Column("more seeds", "count"), Column("remarks"))
    pairs = report.family.pairs
    said = [(e, (pairing_text(e, pairs), *e.notes)) for e in in_order(report)]
    rows = tuple((e.sentence, e.further_seeds, "; ".join(filter(None, remarks))) for e, remarks in said)
    says = "As it can stand in a paper. More seeds: how many would decide an inconclusive one, planned for the margin."
    return Tabled("sentences", "The sentence of every comparison", says, Table(columns, rows))


def _cells(report: AblationReport) -> Tabled:
    _, _, kind = value_kind(report)
    metric = report.family.metric
    columns = (
        Column("cell"), Column("what has moved"), Column("parameters", "count"), Column("MACs", "count"),
        Column("runs", "count"), *mean_and_sd(f"mean {metric}", kind), Column("time of one", "seconds"),
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
    rows: list[tuple[TableCell, ...]] = [
        (e.variant, both.n, both.mean_difference, *(both.ci95 or (None, None)), both.p)
        for e in report.effects
        if (both := e.with_failures) is not None
    ]
    if not rows:
        return None
    ends = interval_columns(kind, end="to")
    columns = (Column("comparison"), Column("pairs", "count"), Column("difference", kind), *ends, Column("p", "p"))
    says = f"The same comparisons with every failed run counted as {number_text(report.family.failed_value or 0.0)}."
    return Tabled("with-failures", "With the failed runs counted", says, Table(columns, tuple(rows)))


def _linear_model(report: AblationReport) -> Tabled | None:
    model = report.model
    if model is None:
        return None
    _, _, kind = scale_of(report)
    columns = (Column("term"), Column("estimate", kind), *interval_columns(kind, end="to"),
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
    if report.looks:
        judged = {effect.variant: (effect.p_adjusted, effect.equivalence_p_adjusted) for effect in report.effects}
        heads = (Column("comparison"), Column("decided"), Column("seeds", "count"), Column("look", "count"),
                 Column("p adjusted", "p"), Column("p of equivalence", "p"))  # fmt: skip
        looked = tuple((c.name, c.decided, c.pairs, c.look, *judged[c.name]) for c in report.courses)
        says = (
            f"Looks after {', '.join(map(str, report.looks))} seeds; a comparison is decided when an adjusted p is at "
            f"most {report.family.alpha:g} at one of them, and takes no more seeds."
        )
        return Tabled("courses", "How far each comparison is decided", says, Table(heads, looked))
    columns = (Column("comparison"), Column("decided"), Column("pairs", "count"), Column("e value", "number"),
               Column("e value of equivalence", "number"))  # fmt: skip
    rows = tuple((c.name, c.decided, c.pairs, c.evidence, c.equivalence_evidence) for c in report.courses)
    says = f"Adjusted for the family; a comparison is decided when an e value reaches {1 / report.family.alpha:g}."
    return Tabled("courses", "How far each comparison is decided", says, Table(columns, rows))


def limit_parts(report: AblationReport) -> list[SectionPart]:
    """Say what the design cannot tell: levels that move several factors, cells that are left out, aliases."""
    parts: list[SectionPart] = []
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


def models_section(report: AblationReport) -> Section:
    """Give McNemar's tests apart from the effects: another question."""
    pair = report.family.pairs
    intro = (
        f"Another question, kept apart: do two trained models, of one {pair}, differ on the test samples? McNemar's "
        "exact test for each. Two models that differ say nothing about two recipes.",
    )
    title = f"McNemar, {pair} by {pair}"
    if not report.models:
        elsewhere = f"no metric changes this question: archsearch report {report.study} answers it"
        why = report.models_missing or (elsewhere if report.chosen else "no comparison is of two trained models")
        return Section("models", "Trained models", intro, (Missing("mcnemar", title, why),))
    names = list(dict.fromkeys(pair.name for pair in report.models))
    alpha = report.family.alpha
    counts = []
    for name in names:
        mine = [pair for pair in report.models if pair.name == name]
        below = sum(pair.p < alpha for pair in mine)
        counts.append((name, len(mine), below))
    summary = Table((Column("comparison"), Column("pairs", "count"), Column(f"p < {alpha:g}", "count")), tuple(counts))
    columns = (Column("comparison"), Column(pair), Column("only the partner is right", "count"),
               Column("only the level is right", "count"), Column("p", "p"))  # fmt: skip
    rows = tuple((pair.name, str(pair.seed), pair.only_against, pair.only_level, pair.p) for pair in report.models)
    missing = f" {report.models_missing}." if report.models_missing else ""
    return Section(
        "models",
        "Trained models",
        intro,
        (
            Tabled("mcnemar-summary", "Pairs of models that differ", f"Each at alpha, not adjusted.{missing}", summary),
            Tabled("mcnemar", title, "Samples that one of the two got right, the other wrong.", Table(columns, rows)),
        ),
    )
