"""What a search shows while it works, what it came to, and how large a space is."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from archsearch.cli.console.base import (
    TableColumn,
    out,
    percent,
    print_table,
    range_text,
    value_text,
)
from archsearch.cli.console.panel import Panel, counts_text

if TYPE_CHECKING:
    from pathlib import Path

    from archsearch.search.confirm import Confirmation
    from archsearch.search.search import StudyReport
    from archsearch.search.search_file import Study
    from archsearch.search.space.count import SpaceCount


class StudyPanel(Panel):
    """Shows a search while it works."""

    def lines(self, study: Any) -> list[str]:
        """Say how far a study is, what is best, and how the best came about."""
        from archsearch.search.progress import progress_of

        now = progress_of(study)
        counts = {
            "pruned": now.pruned,
            "repeated": now.repeated,
            "diverged": now.diverged,
            "infeasible": now.infeasible,
        }
        first = f"{now.study}  {now.done}/{now.total} done, {now.running} running"
        lines = [first + counts_text(counts) + self.left(now.study, now.done, now.total)]
        if now.best is not None:
            lines.append(f"best {now.metric} {now.best:.4f} (trial {now.best_trial}): {now.best_line}")
        if now.history:
            lines.append(_sparkline(now.history))
        return lines


def _sparkline(values: Sequence[float]) -> str:
    """Draw the best value so far as a row of bars."""
    bars = "▁▂▃▄▅▆▇█"
    low, high = min(values), max(values)
    scale = (len(bars) - 1) / (high - low) if high > low else 0.0
    return "".join(bars[round((value - low) * scale)] for value in values[-80:])


def study_json(report: StudyReport) -> dict[str, Any]:
    """Give what `study --json` prints."""
    return report.model_dump(mode="json")


def print_study(report: StudyReport, runs_dir: Path) -> None:
    """Print what a study came to: the counts, the best, the confirmation."""
    to = out()
    counts = f"{report.completed} completed"
    for word in ("pruned", "repeated", "diverged", "failed", "waiting", "running"):
        number = getattr(report, word)
        counts += f", {number} {word}" if number else ""
    counts += f"; {report.infeasible} infeasible samples were put aside" if report.infeasible else ""
    to.print(Text.assemble((report.study, "bold"), f"  {report.trials} trials: {counts}"), soft_wrap=True)
    if report.best is None:
        return
    best = report.best
    values = ", ".join(f"{m} {v:.6g}" for m, v in zip(report.metrics, best.values, strict=True))
    to.print(Text.assemble(("best of the search  ", "bold"), f"trial {best.number}: {values}"), soft_wrap=True)
    to.print(Text("  " + " ".join(f"{k}={value_text(v)}" for k, v in best.params.items()), style="dim"))
    if report.front:
        to.print(Text(f"Pareto front: {len(report.front)} networks", style="bold"))
        for one in sorted(report.front, key=lambda b: b.values):
            numbers = ", ".join(f"{m} {v:.6g}" for m, v in zip(report.metrics, one.values, strict=True))
            to.print(Text(f"  trial {one.number}: {numbers}"))
    if report.confirmed is not None:
        _print_confirmation(to, report.confirmed)
    to.print(Text(f"archsearch run {runs_dir / report.study / 'best.yaml'}", style="dim"), soft_wrap=True)


_CONFIRMED = (
    TableColumn("confirmed on fresh seeds", words=True),
    TableColumn("search", 2),
    TableColumn("test mean"),
    TableColumn("95 % interval", 1),
    TableColumn("from baseline"),
    TableColumn("shrinkage", 3),
)


def _print_confirmation(to: Console, confirmed: Confirmation) -> None:
    rows = [
        (
            row.candidate,
            "" if row.search_value is None else percent(row.search_value),
            "failed" if row.mean is None else percent(row.mean),
            "" if row.ci95 is None else range_text(row.ci95),
            "" if row.gain is None else f"{100 * row.gain:+.2f} points",
            "" if row.shrinkage is None else f"{100 * row.shrinkage:.2f} points",
        )
        for row in confirmed.candidates
    ]
    print_table(to, _CONFIRMED, rows)
    to.print(Text(confirmed.sentence, style="bold"), soft_wrap=True)
    to.print(Text(f"the test set was read {confirmed.test_reads} times, only for this table", style="dim"))


_STATUS = (
    TableColumn("study", words=True),
    TableColumn("done"),
    TableColumn("pruned", 3),
    TableColumn("running", 1),
    TableColumn("waiting", 2),
    TableColumn("best", 1),
    TableColumn("confirmed", 4, words=True),
)


def print_status(reports: Sequence[StudyReport]) -> None:
    """Print a line for every study."""
    rows = []
    for report in reports:
        done = report.completed + report.pruned + report.diverged + report.failed
        best = "" if report.best is None else f"{report.best.value:.4f} (trial {report.best.number})"
        winner = "" if report.confirmed is None else report.confirmed.winner or "cannot be told apart"
        numbers = (f"{done}/{report.trials}", str(report.pruned), str(report.running), str(report.waiting))
        rows.append((report.study, *numbers, best, winner))
    print_table(out(), _STATUS, rows)


def print_space(study: Study, counted: SpaceCount) -> None:
    """Print how large a space is, its open values, and what does not fit."""
    to = out()
    columns = (TableColumn("open value", words=True), TableColumn("values", words=True))
    print_table(to, columns, [(name, str(domain)) for name, domain in study.space.parameters().items()])
    about = "" if counted.exact else "about "
    total = "infinitely many" if counted.total is None else _large(counted.total)
    to.print(Text(f"configurations  {total}"))
    if counted.continuous:
        to.print(Text(f"  continuous: {', '.join(counted.continuous)}; below each counts as one value"))
    between = counted.feasible_interval
    spread = f" (95 % interval {_large(between[0])} to {_large(between[1])})" if between else ""
    to.print(Text(f"that fit        {about}{_large(counted.feasible)}{spread}"))
    bounds = counted.distinct_interval
    spread = f" (at least {_large(bounds[0])})" if bounds else ""
    to.print(Text(f"distinct        {about}{_large(counted.distinct)}{spread}"))
    if not counted.exact:
        to.print(Text(f"estimated from {counted.checked:,} configurations, drawn evenly", style="dim"))
    if counted.misfits:
        to.print(Text("what does not fit", style="bold"))
    for misfit in counted.misfits:
        to.print(Text(f"  {about}{_large(misfit.configurations)}: {misfit.reason}"))
        to.print(Text("    " + " ".join(f"{k}={value_text(v)}" for k, v in misfit.example.items()), style="dim"))


def print_values(values: Mapping[str, Any], *, json: bool) -> None:
    """Print one configuration in one line."""
    if json:
        sys.stdout.write(json_line(values) + "\n")
    else:
        sys.stdout.write(" ".join(f"{name}={value_text(value)}" for name, value in values.items()) + "\n")


def json_line(document: object) -> str:
    """Give a document as one line of JSON."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def _large(number: int) -> str:
    return f"{number:,}" if number < 10**9 else f"{number:.3g}"
