"""What an ablation shows: its plan before, its progress while it works, its verdicts after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from archsearch.cli.console.base import TableColumn, note, out, print_table, sentences
from archsearch.cli.console.comparisons import VERDICT_STYLES, print_effects
from archsearch.cli.console.panel import Panel, Seen, counts_text
from archsearch.wording import count_of, seconds_text, short_number

if TYPE_CHECKING:
    from archsearch.ablate.design.fitting import LeftOut
    from archsearch.ablate.forecast import Forecast
    from archsearch.ablate.planned import Ablation
    from archsearch.ablate.price import Price
    from archsearch.ablate.record import AblationReport
    from archsearch.spec.difference.factors import SpecDifference
    from archsearch.stats.effect import Family


def note_plan(ablation: Ablation) -> None:
    """Say on stderr what will be compared, what does not fit and what cannot be attributed."""
    levels = ", ".join(f"{one.name} ({', '.join(one.levels)})" for one in ablation.factors)
    kind = "sequential, at most " if ablation.sequential else ""
    note(
        f"{ablation.name}: {ablation.design} around {ablation.baseline}: {count_of(len(ablation.cells), 'cell')}, "
        f"{kind}{count_of(len(ablation.seeds), 'seed')}, {count_of(ablation.runs, 'run')}, "
        f"{count_of(len(ablation.claims), 'comparison')} in the family"
    )
    note(f"factors: {levels}")
    for line in _left_out(ablation.left_out):
        note(line)
    for confound in ablation.confounds:
        note(confound.sentence)
    for remark in ablation.notes:
        note(remark)


def _left_out(cells_: Sequence[LeftOut]) -> list[str]:
    """Say what is left out, cells of one reason and consequence in one line."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for one in cells_:
        grouped.setdefault((one.reason.rstrip("."), one.consequence), []).append(one.cell)
    return [f"left out: {'; '.join(names)}: {why}. So {what}." for (why, what), names in grouped.items()]


_FORECAST = (
    TableColumn("cell", words=True),
    TableColumn("parameters", 2),
    TableColumn("MACs", 3),
    TableColumn("runs"),
    TableColumn("cached", 1),
    TableColumn("seconds of one", 1),
    TableColumn("known from", 4, words=True),
)


def _size(count: int | None, write: Callable[[int], str]) -> str:
    return "" if count is None else write(count)


def print_forecast(forecast: Forecast, ablation: Ablation) -> None:
    """Print what an ablation will take and what it can show."""
    from archsearch.stats.power import few_seeds_rule
    from archsearch.stats.sentence import p_text

    to, plan, family = out(), forecast.plan, ablation.family
    rows = []
    sized = any(cell.parameters is not None for cell in forecast.cells)  # a program has no sizes that we know
    columns = [one for one in _FORECAST if sized or one.name not in ("parameters", "MACs")]
    for cell in forecast.cells:
        took = "" if cell.seconds is None else f"{cell.seconds:.3g}"
        sizes = (_size(cell.parameters, "{:,}".format), _size(cell.macs, short_number)) if sized else ()
        numbers = (*sizes, str(cell.runs), str(cell.cached), took)
        rows.append((cell.name, *numbers, cell.seconds_from))
    print_table(to, columns, rows)
    time_ = "time not known" if forecast.seconds is None else f"about {seconds_text(forecast.seconds)}"
    most = "at most " if ablation.sequential else ""
    to.print(
        Text(
            f"{count_of(forecast.runs, 'run')}, {forecast.cached} of them cached: {most}{forecast.to_run} to run, "
            f"{time_} with {count_of(forecast.workers, 'worker')}"
        )
    )
    if plan is None:
        to.print(Text("one run a cell: no p values, no winner"))
        return
    if plan.purpose == "screen":
        to.print(Text("a screen: exploratory, no p values, no winner"))
        return
    to.print(
        Text(
            f"smallest p of {count_of(plan.seeds, 'pair')}: {p_text(plan.smallest_p)}, with Holm over "
            f"{plan.comparisons}: {p_text(plan.smallest_p_adjusted)}. "
            f"{few_seeds_rule(plan.comparisons, plan.alpha, plan.purpose)}."
        )
    )
    if forecast.seed_sd is None:
        _print_possible(forecast, family)
    else:
        _print_promise(forecast, family)
    if ablation.sequential:
        to.print(Text(f"that is a fixed design of {plan.seeds} seeds; a sequential one stops early for large effects"))


def _reads(report: AblationReport) -> str:
    """Say how often the test set was read; of a program nobody knows."""
    return f"; the test set was read {count_of(report.test_reads, 'time')}" if report.kind == "network" else ""


def _print_promise(forecast: Forecast, family: Family) -> None:
    """Say what the seeds can show by the spread that was measured."""
    from archsearch.stats.sentence import amount, estimate

    to, plan = out(), forecast.plan
    ends = forecast.seed_sd_ci95
    assert plan is not None
    assert forecast.seed_sd is not None
    assert ends is not None
    spread, between = estimate(forecast.seed_sd, ends, family=family, signed=False)
    unit = " points" if family.unit == "points" else ""
    measured = f"{spread}{unit}, {forecast.seed_sd_from} (95 % interval {between})"
    to.print(Text(f"SD of one run over seeds: {measured}"))
    if plan.smallest_effect is not None:
        found = amount(plan.smallest_effect, family)
        to.print(Text(f"smallest effect found with power {plan.power:g}: {found} (pairs taken as uncorrelated)"))
    if plan.effect is not None:
        to.print(Text(f"an effect of {amount(plan.effect, family)} needs {_seeds(plan.seeds_for_effect)} seeds"))


def _print_possible(forecast: Forecast, family: Family) -> None:
    """Say that the spread is not known, and what would follow from a range of it."""
    from archsearch.stats.sentence import amount

    to, plan = out(), forecast.plan
    assert plan is not None
    to.print(Text(f"SD of one run over seeds {forecast.seed_sd_from}; --pilot trains them", style="yellow"))
    if plan.smallest_in_sds is not None:
        found = f"{plan.smallest_in_sds:.2f} of these SDs, whatever they are (pairs taken as uncorrelated)"
        to.print(Text(f"smallest effect found with power {plan.power:g}: {found}"))
    if plan.effect is not None and not forecast.possible:
        to.print(Text(f"how many seeds an effect of {amount(plan.effect, family)} needs follows from that SD"))
    if not forecast.possible:
        return
    columns = [TableColumn("if the SD is"), TableColumn("smallest effect")]
    if plan.effect is not None:
        columns.append(TableColumn(f"seeds for {amount(plan.effect, family)}"))
    rows = []
    for one in forecast.possible:
        found = "" if one.smallest_effect is None else amount(one.smallest_effect, family)
        needed = [] if plan.effect is None else [_seeds(one.seeds_for_effect)]
        rows.append([amount(one.seed_sd, family), found, *needed])
    print_table(to, columns, rows)


def _seeds(count: int | None) -> str:
    return "more than 10,000" if count is None else str(count)


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
        to.print(Text("other question: do two trained models differ? McNemar, exact, for each seed", style="bold"))
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
