"""What an ablation shows: its plan before, its progress while it works, its verdicts after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from archsearch.cli.console.base import TableColumn, note, out, print_table, sentences
from archsearch.cli.console.comparisons import VERDICT_STYLES, print_effects, print_ranks
from archsearch.cli.console.panel import Panel, Seen, counts_text
from archsearch.wording import count_of

if TYPE_CHECKING:
    from archsearch.ablate.design.fitting import LeftOut
    from archsearch.ablate.planned import Ablation
    from archsearch.ablate.price import Price
    from archsearch.ablate.record import AblationReport
    from archsearch.ablate.sensitivity import Sensitivity
    from archsearch.spec.difference.factors import SpecDifference


def note_plan(ablation: Ablation) -> None:
    """Say on stderr what will be compared, what does not fit and what cannot be attributed."""
    levels = ", ".join(f"{one.name} ({', '.join(one.levels)})" for one in ablation.factors)
    kind = "sequential, at most " if ablation.sequential else ""
    note(
        f"{ablation.name}: {ablation.design} around {ablation.baseline}: {count_of(len(ablation.cells), 'cell')}, "
        f"{kind}{_pairs(ablation)}, {count_of(ablation.runs, 'run')}, "
        f"{count_of(len(ablation.families[0]), 'comparison')} in the family{_on_each(ablation)}"
    )
    note(f"factors: {levels}")
    for line in _left_out(ablation.left_out):
        note(line)
    for confound in ablation.confounds:
        note(confound.sentence)
    for remark in ablation.notes:
        note(remark)


def _pairs(ablation: Ablation) -> str:
    """Say what makes the pairs: so many seeds, or a split of the samples."""
    return count_of(len(ablation.seeds), "seed") if ablation.split is None else ablation.split.said


def _on_each(ablation: Ablation) -> str:
    several = len(ablation.families)
    return f" of each of {several} data sets" if several > 1 else ""


def _left_out(cells_: Sequence[LeftOut]) -> list[str]:
    """Say what is left out, cells of one reason and consequence in one line."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for one in cells_:
        grouped.setdefault((one.reason.rstrip("."), one.consequence), []).append(one.cell)
    return [f"left out: {'; '.join(names)}: {why}. So {what}." for (why, what), names in grouped.items()]


_SENSED = (
    TableColumn("metric", words=True),
    TableColumn("pairs", 2),
    TableColumn("difference", 1),
    TableColumn("in SDs"),
    TableColumn("seeds"),
)


def print_sensitivity(found: Sensitivity) -> None:
    """Print for each comparison which metrics need how many seeds for a difference like the one that was measured."""
    from archsearch.ablate.loss_scale import WAY_OUT
    from archsearch.metrics import difference, title_of

    to = out()
    for comparison in dict.fromkeys(row.comparison for row in found.rows):
        rows = found.of(comparison)
        own = next((row for row in rows if row.metric == found.metric), None)
        to.print(Text(comparison, style="bold"))
        table = [
            (
                f"{title_of(row.metric)} (the study's)" if row is own else title_of(row.metric),
                str(row.n),
                difference(row.metric, row.difference),
                f"{row.d_z:+.2f}",
                "-" if row.scale else "above 10,000" if row.seeds is None else f"{row.seeds:,}",
            )
            for row in rows
        ]
        print_table(to, _SENSED, table)
        for scale in dict.fromkeys(row.scale for row in rows if row.scale):
            sentences(to, f"{scale}; {WAY_OUT}", "yellow")
        best = found.sooner(comparison)
        if best is not None and own is not None:
            needed = "more than 10,000" if own.seeds is None else f"{own.seeds:,}"
            sentences(
                to,
                f"{title_of(best.metric)} would see this change with about {count_of(best.seeds or 0, 'seed')}, "
                f"{title_of(own.metric)} needs {needed}",
            )
        to.print()
    sentences(
        to,
        f"seeds: for a difference like the measured one, alpha {found.alpha:g} by Holm over {found.comparisons}, power "
        f"{found.power:g}. Above 0 SDs the change is better. Estimates, and the largest of many is too large: choose a "
        "metric for what it means, name it before new seeds are run",
        "dim",
    )
    if found.may_average:
        sentences(
            to,
            "another kind of evidence: the mean of the last epochs' weights (train.average: 3); docs/statistics.md "
            "says how many seeds it took to see six changes to LeNet-5",
            "dim",
        )
    if found.without:
        sentences(to, f"{count_of(found.without, 'run')} without predictions here", "yellow")


def _reads(report: AblationReport) -> str:
    """Say how often the test set was read; of a program nobody knows."""
    return f"; the test set was read {count_of(report.test_reads, 'time')}" if report.kind == "network" else ""


def note_factors(difference: SpecDifference) -> None:
    """Say on stderr which factors lead from one spec to another, each change in a line."""
    for factor in difference.factors:
        note(f"{factor.name}: {'; '.join(factor.changes)}")


class AblationPanel(Panel):
    """Shows an ablation while it works."""

    def __init__(self, name: str, planned: int) -> None:
        super().__init__(name)
        self.planned = planned

    def state(self, study: Any) -> Seen:
        """Say how far the runs are."""
        from archsearch.ablate.progress import progress_of

        now = progress_of(study)
        return Seen(self.name, now.done, self.planned, "runs", f"{now.running} running" + counts_text(now.others))


def print_ablation(report: AblationReport) -> None:
    """Print the sentences, the table behind them, and what must be known to read them."""
    to = out()
    print_effects(report.effects, report.family)
    if report.chosen:
        sentences(to, report.chosen, "yellow")
    if report.sayings:
        to.print()
        for saying in report.sayings:
            sentences(to, saying, "bold")
    if report.over_data_sets is not None:
        print_ranks(report.over_data_sets)
    if report.attribution is not None:
        _print_attribution(report)
    if report.model is not None:
        _print_model(report)
    to.print()
    runs = report.runs
    counts = f"{runs.completed} of {count_of(runs.planned, 'run')} completed"
    for word in ("cached", "diverged", "failed", "running", "waiting", "retried"):
        number = getattr(runs, word)
        counts += f", {number} {word}" if number else ""
    sentences(to, f"{counts}{_reads(report)}")
    if not report.complete:
        to.print(Text("unfinished: the same call goes on; no verdicts before all runs are done", style="yellow"))
    for failure in report.failures:
        to.print(Text(f"{failure.outcome}: {failure.cell} seed {failure.seed}: {failure.reason}", style="red"))
    for confound in report.confounds:
        sentences(to, confound.sentence)
    for line in _left_out(report.left_out):
        sentences(to, line)
    for remark in report.notes:
        sentences(to, remark)
    _print_models(report)
    for line in report.hardware:
        sentences(to, line, "dim")


def print_prices(prices: Sequence[Price], report: AblationReport) -> None:
    """Print what each flaw costs, and the fix that it was compared with."""
    from archsearch.cli.console.specs import edit_text

    to = out()
    for price in prices:
        sentences(to, price.sentence, VERDICT_STYLES[price.effect.verdict])
        sentences(to, f"     {price.message}", "dim")
        sentences(to, f"     compared with: {'; '.join(map(edit_text, price.edits))}")
        for remark in price.effect.notes:
            sentences(to, f"     {remark}", "dim")
    to.print(Text(f"study {report.study}{_reads(report)}", style="dim"))


def _print_attribution(report: AblationReport) -> None:
    from archsearch.stats.sentence import estimate, number

    found = report.attribution
    assert found is not None
    to, family = out(), report.family
    kind = "all" if found.exact else "some"
    to.print()
    to.print(
        Text(
            f"shares of {number(found.total, family)}, averaged over {count_of(found.orders, 'order')} ({kind}):",
            style="bold",
        )
    )
    rows = []
    for share in found.shares:
        part = "" if share.fraction is None else f"{share.fraction:.0%}"
        rows.append((share.factor, *estimate(share.mean, share.ci95, family=family), part))
    columns = (TableColumn("factor", words=True), TableColumn("share"), TableColumn("95 % t", 1))
    print_table(to, (*columns, TableColumn("of the whole", 2)), rows)


_MODEL = (
    TableColumn("effect", words=True),
    TableColumn("estimate"),
    TableColumn("95 % t", 1),
    TableColumn("p", 3),
    TableColumn("p adjusted", 2),
    TableColumn("same as", 4, words=True),
)


def _print_model(report: AblationReport) -> None:
    from archsearch.stats.sentence import estimate

    model = report.model
    assert model is not None
    to, family = out(), report.family
    to.print()
    head = f"linear model with seeds as blocks, {count_of(model.observations, 'run')}, {model.residual_df} residual df:"
    to.print(Text(head, style="bold"))
    rows = []
    for term in model.terms:
        p_values = (f"{term.p:.3g}", f"{term.p_adjusted:.3g}")
        ends = estimate(term.estimate, term.ci95, family=family)
        rows.append((term.name, *ends, *p_values, ", ".join(term.aliases)))
    print_table(to, _MODEL, rows)


def _print_models(report: AblationReport) -> None:
    """Say McNemar's answers in a line for each comparison: another question, so set apart."""
    to = out()
    names = list(dict.fromkeys(pair.name for pair in report.models))
    if names:
        each = f"McNemar, exact, for each {report.family.pairs}"
        to.print(Text(f"other question: do two trained models differ? {each}", style="bold"))
    for name in names:
        mine = [pair for pair in report.models if pair.name == name]
        differ = sum(pair.p < report.family.alpha for pair in mine)
        of = f"{differ} of {count_of(len(mine), 'pair')} of models"
        to.print(Text(f"  {name}: {of} differ (p < {report.family.alpha:g}, each)"))
    if report.models_missing:
        sentences(to, f"  {report.models_missing}", "dim")


_STATUS = (
    TableColumn("ablation", words=True),
    TableColumn("done"),
    TableColumn("failed", 2),
    TableColumn("running", 1),
    TableColumn("waiting", 2),
    TableColumn("verdicts", 1, words=True),
)


def print_ablation_status(reports: Sequence[AblationReport]) -> None:
    """Print a line for every ablation."""
    if not reports:
        return
    rows = []
    for report in reports:
        runs = report.runs
        bad = runs.failed + runs.diverged
        words = [effect.verdict for effect in report.effects]
        said = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words)) if report.complete else ""
        numbers = (f"{runs.completed + bad}/{runs.planned}", str(bad), str(runs.running), str(runs.waiting))
        rows.append((report.study, *numbers, said))
    print_table(out(), _STATUS, rows)
