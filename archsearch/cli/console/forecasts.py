"""What an ablation will take and what it can show, said before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.text import Text

from archsearch.cli.console.base import TableColumn, out, print_table
from archsearch.wording import count_of, seconds_text, short_number

if TYPE_CHECKING:
    from archsearch.ablate.forecast import Forecast
    from archsearch.ablate.planned import Ablation
    from archsearch.stats.effect import Family

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
            f"{count_of(forecast.runs, 'run')}, {forecast.cached:,} of them cached: {most}{forecast.to_run:,} to run, "
            f"{time_} with {count_of(forecast.workers, 'worker')}"
        )
    )
    if plan is None:
        to.print(Text("one run a cell: no p values, no winner"))
        return
    if plan.purpose == "screen":
        to.print(Text("a screen: exploratory, no p values, no winner"))
        return
    if plan.overlap:
        to.print(
            Text(
                f"corrected resampled t test of {count_of(plan.seeds, ablation.pair_word)}, Holm over "
                f"{plan.comparisons}; n_test / n_train is {plan.overlap:.3g}, so that more repeats add little"
            )
        )
        _print_spread(forecast, family)
        return
    to.print(
        Text(
            f"smallest p of {count_of(plan.seeds, 'pair')}: {p_text(plan.smallest_p)}, with Holm over "
            f"{plan.comparisons}: {p_text(plan.smallest_p_adjusted)}. "
            f"{few_seeds_rule(plan.comparisons, plan.alpha, plan.purpose)}."
        )
    )
    _print_spread(forecast, family)
    if forecast.expected:
        _print_expected(forecast, ablation)
    elif ablation.sequential:
        to.print(Text(f"that is a fixed design of {plan.seeds} seeds; a sequential one stops early for large effects"))


def _print_expected(forecast: Forecast, ablation: Ablation) -> None:
    """Say what the looks will save, by how much the comparisons differ."""
    from archsearch.stats.sentence import amount

    to, family = out(), ablation.family
    looks = ", ".join(map(str, ablation.looks))
    to.print(
        Text(
            f"that is a fixed design of {len(ablation.seeds)} seeds; this one looks after {looks}, and what is decided "
            f"stops. About so many of the {forecast.runs:,} runs, where all comparisons are alike:"
        )
    )
    rows = []
    for one in forecast.expected:
        case = "nothing differs" if not one.in_sds else f"all differ by {one.in_sds:g} SDs of a difference"
        if one.effect:
            case = f"all differ by {amount(one.effect, family)}" + ", the margin" * (one.case == "at the margin")
        rows.append((case, f"{one.runs:,}", f"{one.decided:.0%}"))
    print_table(to, (TableColumn("if", words=True), TableColumn("runs"), TableColumn("decided")), rows)


def _print_spread(forecast: Forecast, family: Family) -> None:
    if forecast.seed_sd is None:
        _print_possible(forecast, family)
    else:
        _print_promise(forecast, family)


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
    to.print(Text(f"SD of one run over {family.pairs}s: {measured}"))
    if plan.smallest_effect is not None:
        found = amount(plan.smallest_effect, family)
        to.print(Text(f"smallest effect found with power {plan.power:g}: {found} (pairs taken as uncorrelated)"))
    if plan.effect is not None:
        to.print(Text(f"an effect of {amount(plan.effect, family)} needs {_needed(plan.seeds_for_effect, family)}"))


def _print_possible(forecast: Forecast, family: Family) -> None:
    """Say that the spread is not known, and what would follow from a range of it."""
    from archsearch.stats.sentence import amount

    to, plan = out(), forecast.plan
    assert plan is not None
    to.print(Text(f"SD of one run over {family.pairs}s {forecast.seed_sd_from}; --pilot trains them", style="yellow"))
    if plan.smallest_in_sds is not None:
        found = f"{plan.smallest_in_sds:.2f} of these SDs, whatever they are (pairs taken as uncorrelated)"
        to.print(Text(f"smallest effect found with power {plan.power:g}: {found}"))
    if plan.effect is not None and not forecast.possible:
        to.print(Text(f"how many seeds an effect of {amount(plan.effect, family)} needs follows from that SD"))
    if not forecast.possible:
        return
    columns = [TableColumn("if the SD is"), TableColumn("smallest effect")]
    if plan.effect is not None:
        columns.append(TableColumn(f"{family.pairs}s for {amount(plan.effect, family)}"))
    rows = []
    for one in forecast.possible:
        found = "" if one.smallest_effect is None else amount(one.smallest_effect, family)
        needed = [] if plan.effect is None else [_seeds(one.seeds_for_effect)]
        rows.append([amount(one.seed_sd, family), found, *needed])
    print_table(to, columns, rows)


def _seeds(count: int | None) -> str:
    return "more than 10,000" if count is None else str(count)


def _needed(count: int | None, family: Family) -> str:
    if count is None and family.overlap:
        return f"more samples: no number of {family.pairs}s of these finds it"
    return f"{_seeds(count)} {family.pairs}s"
