"""What a search shows while it works, what it came to, and how large a space is."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from archsearch.cli.console.base import TableColumn, note, out, print_table, sentences, value_text
from archsearch.cli.console.panel import Panel, Seen, counts_text
from archsearch.markup import visible_json
from archsearch.search.space.domains import domain_text
from archsearch.wording import count_of, seconds_text

if TYPE_CHECKING:
    from pathlib import Path

    from archsearch.search.confirm import Confirmation
    from archsearch.search.outlook import Outlook
    from archsearch.search.search import Best, SearchSettings, StudyReport
    from archsearch.search.search_file import SearchFile
    from archsearch.search.space.count import SpaceCount


class StudyPanel(Panel):
    """Shows a search while it works."""

    def name_of(self, study: Any) -> str:
        """Name a study without reading its trials."""
        return str(study.study_name)

    def state(self, study: Any) -> Seen:
        """Say how far a study is, what is best, and how the best came about."""
        from archsearch.search.progress import progress_of

        now = progress_of(study)
        counts = {
            "pruned": now.pruned,
            "repeated": now.repeated,
            "diverged": now.diverged,
            "infeasible": now.infeasible,
        }
        below = []
        if now.best is not None:
            below.append(f"best {now.metric} {now.best:.4f} (trial {now.best_trial}): {now.best_line}")
        if now.history:
            below.append(_sparkline(now.history))
        if now.stopped:
            below.append(f"stopped early: {now.stopped}")
        running = f"{now.running} running" + counts_text(counts)
        return Seen(now.study, now.done, now.total, "done", running, tuple(below))


def _sparkline(values: Sequence[float]) -> str:
    """Draw the best value so far as a row of bars."""
    bars = "▁▂▃▄▅▆▇█"
    low, high = min(values), max(values)
    scale = (len(bars) - 1) / (high - low) if high > low else 0.0
    return "".join(bars[round((value - low) * scale)] for value in values[-80:])


def note_outlook(study: SearchFile, ahead: Outlook, settings: SearchSettings) -> None:
    """Say on stderr what a search will do, and how long that will take."""
    spec, base = study.spec, study.space.base
    told = f"no study was named: {ahead.study} is searched. {spec.summary}".rstrip()
    told += f"\n{ahead.left} of {ahead.trials} trials around {base.name} on {base.data.name} are to do"
    told += f", then {ahead.confirming} runs to confirm the best ones" if ahead.confirming else ""
    told += f", with {settings.workers} worker{'s' * (settings.workers != 1)}; results go to {settings.runs_dir}"
    if ahead.seconds is not None:
        told += (
            f"\nabout {seconds_text(ahead.seconds)}, estimated from {ahead.seconds_from}, at the pace of this moment"
        )
        told += "; Ctrl-C loses nothing that is finished, the same call goes on"
    note(told)


def study_json(report: StudyReport) -> dict[str, Any]:
    """Give what `study --json` prints."""
    return report.model_dump(mode="json")


def print_study(report: StudyReport, runs_dir: Path) -> None:
    """Print what a study came to: the counts, the best, the confirmation."""
    from archsearch.kinds import EXPERIMENT_KINDS
    from archsearch.search.confirm import best_of
    from archsearch.search.reached import stopped_text

    to = out()
    counts = f"{report.completed} completed"
    for word in ("pruned", "repeated", "diverged", "failed", "waiting", "running"):
        number = getattr(report, word)
        counts += f", {number} {word}" if number else ""
    if report.infeasible:
        were = "was" if report.infeasible == 1 else "were"
        counts += f"; {count_of(report.infeasible, 'infeasible sample')} {were} put aside"
    to.print(Text.assemble((report.study, "bold"), f"  {count_of(report.trials, 'trial')}: {counts}"), soft_wrap=True)
    if stopped := stopped_text(report.stopped):
        sentences(to, f"stopped early: {stopped}", "dim")
    if report.best is None:
        return
    best, selected = report.best, report.selected
    judged = report.confirmed is not None and best_of(report.confirmed) is not None
    label = "best confirmed" if judged else "best of the search"
    to.print(Text.assemble((f"{label}  ", "bold"), f"trial {best.number}: {_values(report, best)}"), soft_wrap=True)
    to.print(Text("  " + " ".join(f"{k}={value_text(v)}" for k, v in best.params.items()), style="dim"))
    if selected is not None and selected.number != best.number:
        words = f"selected by the search: trial {selected.number}: {_values(report, selected)}"
        sentences(to, words, "dim")
    if report.front:
        to.print(Text(f"Pareto front: {count_of(len(report.front), EXPERIMENT_KINDS[report.kind].noun)}", style="bold"))
        for one in sorted(report.front, key=lambda b: b.values):
            to.print(Text(f"  trial {one.number}: {_values(report, one)}"))
    if report.confirmed is not None:
        _print_confirmation(to, report.confirmed)
        if report.kind == "network":
            reads = count_of(report.confirmed.test_reads, "time")
            to.print(Text(f"the test set was read {reads}, only for this table", style="dim"))
    sentences(to, report.headline, "bold")
    to.print(Text(f"archsearch run {runs_dir / report.study / 'best.yaml'}", style="dim"), soft_wrap=True)


def _values(report: StudyReport, best: Best) -> str:
    said = ", ".join(f"{m} {v:.6g}" for m, v in zip(report.metrics, best.values, strict=True))
    return said if best.folds is None else f"{said} ({best.folds.said})"


def _print_confirmation(to: Console, confirmed: Confirmation) -> None:
    from archsearch.search.confirm import interval_method, interval_words, metric_words, value_words
    from archsearch.stats.sentence import amount

    family = confirmed.family
    columns = (
        TableColumn("confirmed on fresh seeds", words=True),
        TableColumn("search", 2),
        TableColumn("test mean" if family.metric == "test_accuracy" else f"{metric_words(family)}, mean"),
        TableColumn("95 % interval", 1),
        TableColumn("from baseline"),
        TableColumn("shrinkage", 3),
    )
    rows = [
        (
            row.candidate,
            "" if row.search_value is None else value_words(row.search_value, family),
            "failed" if row.mean is None else value_words(row.mean, family),
            "" if row.ci95 is None else interval_words(row.ci95, family),
            "" if row.gain is None else amount(row.gain, family, signed=True),
            "" if row.shrinkage is None else amount(row.shrinkage, family),
        )
        for row in confirmed.candidates
    ]
    print_table(to, columns, rows)
    sentences(to, confirmed.sentence)
    if any(row.ci95 is not None for row in confirmed.candidates):
        sentences(to, f"95 % intervals of means: {interval_method(confirmed)}", "dim")


_STATUS = (
    TableColumn("study", words=True),
    TableColumn("done"),
    TableColumn("pruned", 3),
    TableColumn("running", 1),
    TableColumn("waiting", 2),
    TableColumn("best", 1),
)


def print_status(reports: Sequence[StudyReport]) -> None:
    """Print a line for every study, and below it what was found, in the words of its report."""
    rows = []
    for report in reports:
        done = report.completed + report.pruned + report.diverged + report.failed
        best = "" if report.best is None else f"{report.best.value:.4f} (trial {report.best.number})"
        if report.best is not None and report.best.folds is not None:
            best = f"{best[:-1]}, {len(report.best.folds.values)} folds)"
        numbers = (f"{done}/{report.trials}", str(report.pruned), str(report.running), str(report.waiting))
        rows.append((report.study, *numbers, best))
    to = out()
    print_table(to, _STATUS, rows)
    for report in reports:
        if report.best is not None:
            to.print(Text.assemble((f"{report.study}: ", "bold"), report.headline))


def print_space(study: SearchFile, counted: SpaceCount) -> None:
    """Print how large a space is, its open values, and what does not fit."""
    to = out()
    columns = (TableColumn("open value", words=True), TableColumn("values", words=True))
    print_table(to, columns, [(name, domain_text(domain)) for name, domain in study.space.parameters().items()])
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
        more = f", and {count_of(misfit.others, 'other size')} alike" if misfit.others else ""
        to.print(Text(f"  {about}{_large(misfit.configurations)}: {misfit.reason}{more}"))
        to.print(Text("    " + " ".join(f"{k}={value_text(v)}" for k, v in misfit.example.items()), style="dim"))


def print_values(values: Mapping[str, Any], *, json: bool) -> None:
    """Print one configuration in one line."""
    if json:
        sys.stdout.write(json_line(values) + "\n")
    else:
        sys.stdout.write(" ".join(f"{name}={value_text(value)}" for name, value in values.items()) + "\n")


def json_line(document: object) -> str:
    """Give a document as one line of JSON."""
    return visible_json(json.dumps(document, ensure_ascii=False, allow_nan=False))


def _large(number: int) -> str:
    return f"{number:,}" if number < 10**9 else f"{number:.3g}"
