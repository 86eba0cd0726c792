"""Everything that a person sees in the terminal. Results go to stdout, progress and errors to stderr.

The only module that knows rich. Text from specs is printed as it is, never as markup.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from archsearch.errors import ArchsearchError, SpecError
from archsearch.spec.network import NetworkPlan, PlanError, PlannedLayer, size_text

if TYPE_CHECKING:
    from pathlib import Path

    from rich.progress import Progress as Bars

    from archsearch.ablate.result import Verdicts
    from archsearch.data.fetch import SourceStatus
    from archsearch.data.integrity import FileCheck
    from archsearch.data.planning import ExperimentPlan
    from archsearch.spec.diff import SpecDifference
    from archsearch.spec.lint import Finding as LintFinding
    from archsearch.spec.lint import LintReport
    from archsearch.train.doctor import Finding
    from archsearch.train.result import EpochRecord, RunResult
    from archsearch.train.run import FinishedRun
    from archsearch.train.summary import Summary

_WIDTH_WITHOUT_TERMINAL = 160


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDTH_WITHOUT_TERMINAL
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)


def _out() -> Console:
    return _console(sys.stdout)


def _err() -> Console:
    return _console(sys.stderr)


# -- plain things ------------------------------------------------------------------------------------------------------


def json_text(document: object) -> str:
    """Give a document as indented JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)


def print_json(document: object) -> None:
    """Print one JSON document to stdout."""
    sys.stdout.write(json_text(document) + "\n")


def note(text: str) -> None:
    """Print a line to stderr."""
    _err().print(Text(text), soft_wrap=True)


def error(problem: ArchsearchError) -> None:
    """Print an error to stderr, one line for each problem; a shape error under the table of the layers before it."""
    err = _err()
    if isinstance(problem, PlanError) and problem.rows:
        err.print(_layer_table(problem.input_shape, problem.rows, batch_size=None))
    lines = [str(p) for p in problem.problems] if isinstance(problem, SpecError) else [str(problem)]
    for line in lines:
        err.print(Text.assemble(("error: ", "bold red"), line), soft_wrap=True)


# -- specs -------------------------------------------------------------------------------------------------------------


def started(plan: ExperimentPlan) -> None:
    """Say to stderr what is about to run."""
    spec = plan.spec
    size = f"{plan.network.parameters:,} parameters, {_si(plan.network.macs)} MACs"
    data = f"{spec.data.name} {size_text(plan.facts.shape)}"
    note(f"{spec.name}: {size}, {data}, {spec.train.epochs} epochs of batches of {spec.train.batch_size}")


def plan_json(plan: ExperimentPlan) -> dict[str, Any]:
    """Give what `show --json` prints."""
    network, spec = plan.network, plan.spec
    return {
        "name": spec.name,
        "summary": spec.summary,
        "input_shape": list(network.input_shape),
        "classes": plan.facts.classes,
        "parameters": network.parameters,
        "macs": network.macs,
        "activation_bytes": network.activation_bytes(spec.train.batch_size),
        "layers": [_row_json(row) for row in network.rows],
        "spec": spec.model_dump(mode="json"),
    }


def _row_json(row: PlannedLayer) -> dict[str, Any]:
    inner = [*row.layers, *((row.projection,) if row.projection else ())]
    return {
        "name": row.name,
        "kind": row.kind,
        "output_shape": list(row.output_shape),
        "parameters": row.parameters,
        "macs": row.macs,
        **({"layers": [_row_json(part) for part in inner]} if inner else {}),
    }


def print_plan(plan: ExperimentPlan) -> None:
    """Print the layer table with its totals."""
    spec, network = plan.spec, plan.network
    out = _out()
    title = Text.assemble((spec.name, "bold"), f"  {spec.summary}" if spec.summary else "")
    out.print(title)
    out.print(_layer_table(network.input_shape, network.rows, batch_size=spec.train.batch_size, totals=network))
    samples = f"{plan.facts.train:,} training and {plan.facts.test:,} test samples"
    out.print(Text(f"data   {plan.facts.name}, {plan.facts.classes} classes, {samples}"))
    out.print(Text(f"train  {_training_line(spec.train.model_dump(mode='json'))}"))


def _training_line(train: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_value(value)}" for key, value in train.items() if value is not None)


def _layer_table(
    input_shape: Sequence[int],
    rows: Sequence[PlannedLayer],
    *,
    batch_size: int | None,
    totals: NetworkPlan | None = None,
) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", show_footer=totals is not None, footer_style="bold")
    counts = (f"{totals.parameters:,}", f"{totals.macs:,}") if totals else ("", "")
    memory = _bytes(totals.activation_bytes(batch_size)) if totals and batch_size else ""
    table.add_column("layer", "total", no_wrap=True, style="bold")
    table.add_column("kind", no_wrap=True)
    table.add_column("fields", overflow="fold")
    table.add_column("output", justify="right", no_wrap=True)
    table.add_column("parameters", counts[0], justify="right", no_wrap=True)
    table.add_column("MACs", counts[1], justify="right", no_wrap=True)
    if batch_size:
        table.add_column(f"memory/{batch_size}", memory, justify="right", no_wrap=True)
    table.add_row(*_cells("input", "", "", size_text(tuple(input_shape)), "", ""), style="dim")
    for top in rows:
        for row in top.walk():
            deep = row.name.count(".")
            cells = _cells(
                "  " * deep + row.name.rpartition(".")[2],
                row.kind,
                _fields_text(row),
                size_text(row.output_shape),
                f"{row.parameters:,}" if row.parameters else "",
                f"{row.macs:,}" if row.macs else "",
            )
            used = [Text(_bytes(4 * batch_size * row.outputs))] if batch_size else []
            table.add_row(*cells, *used, style="dim" if deep else None)
    return table


def _cells(*texts: str) -> list[Text]:
    return [Text(text) for text in texts]


def _fields_text(row: PlannedLayer) -> str:
    """Give the fields that differ from their defaults, as they are written."""
    fields = row.layer.model_dump(mode="json", exclude={"name", "layers"}, exclude_defaults=True)
    return " ".join(f"{key}={_value(value)}" for key, value in fields.items())


def _value(value: object) -> str:
    if isinstance(value, dict):
        ((kind, fields),) = value.items() if len(value) == 1 else (("", value),)
        inside = " ".join(f"{k}={_value(v)}" for k, v in fields.items()) if isinstance(fields, dict) else str(fields)
        return f"{kind}({inside})" if inside else kind
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def print_checked(reference: str, plan: ExperimentPlan) -> None:
    """Say that a spec is right."""
    _out().print(
        Text.assemble(
            ("ok ", "green"), f"{reference}: {plan.network.parameters:,} parameters, {_si(plan.network.macs)} MACs"
        )
    )


def print_catalog(found: Mapping[str, Sequence[Mapping[str, str]]]) -> None:
    """Print names with their summaries."""
    out = _out()
    for folder, rows in found.items():
        if not rows:
            continue
        table = Table(
            box=None, pad_edge=False, show_header=False, title=folder, title_justify="left", title_style="bold"
        )
        table.add_column(no_wrap=True, style="cyan")
        table.add_column()
        for row in rows:
            table.add_row(*_cells(row["name"], row["summary"]))
        out.print(table)


# -- runs --------------------------------------------------------------------------------------------------------------


class RunBar:
    """Shows a run on stderr while it trains: a bar on a terminal, one line per epoch elsewhere."""

    def __init__(self, plan: ExperimentPlan, seed: int) -> None:
        self.label = f"{plan.spec.name} seed {seed}"
        self.epochs = plan.spec.train.epochs
        self.samples = 0
        self.began = time.monotonic()
        self.begun_with = 0
        self.bars: Bars | None = None
        self.task: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.bars is not None:
            self.bars.stop()

    def start(self, epochs: int, done: int, samples: int) -> None:
        """Show the bar; a run that goes on says from where."""
        self.epochs, self.samples, self.begun_with = epochs, samples, done
        self.began = time.monotonic()
        if done:
            note(f"{self.label}: goes on after epoch {done} of {epochs}")
        err = _err()
        if not err.is_terminal:
            return
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self.bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[numbers]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=err,
            transient=True,
        )
        self.task = self.bars.add_task(self.label, total=epochs * samples, completed=done * samples, numbers="")
        self.bars.start()

    def batch(self, epoch: int, samples: int, loss: float) -> None:
        """Move the bar."""
        if self.bars is None:
            return
        done = epoch * self.samples + samples
        numbers = f"epoch {epoch + 1}/{self.epochs}  loss {loss:.4f}  {self._rate(done):,.0f} img/s"
        self.bars.update(self.task, completed=done, numbers=numbers)

    def epoch(self, record: EpochRecord) -> None:
        """Print the epoch's line, above the bar if there is one."""
        line = f"{self.label}  {_epoch_line(record, self.epochs)}  {self._rate(record.epoch * self.samples):,.0f} img/s"
        if self.bars is not None:
            self.bars.console.print(Text(line), soft_wrap=True)
        else:
            note(line)

    def _rate(self, done: int) -> float:
        return (done - self.begun_with * self.samples) / max(time.monotonic() - self.began, 1e-9)


def _epoch_line(record: EpochRecord, epochs: int) -> str:
    parts = [f"epoch {record.epoch:>{len(str(epochs))}}/{epochs}"]
    for name in ("train", "val", "test"):
        loss, accuracy = getattr(record, f"{name}_loss"), getattr(record, f"{name}_accuracy")
        if accuracy is not None:
            parts.append(f"{name} {'-' if loss is None else f'{loss:.4f}'} {_percent(accuracy)}")
    return "  ".join([*parts, f"{record.seconds:.1f} s"])


def print_run(one: FinishedRun) -> None:
    """Print what a run came to."""
    result = one.result
    out = _out()
    line = Text.assemble((f"{result.name} seed {result.seed}", "bold"), "  ", *_outcome(result))
    line.append(f"  {result.epochs} epochs, {result.seconds:.1f} s" + (", from the cache" if one.cached else ""))
    out.print(line, soft_wrap=True)
    out.print(Text(f"  {one.run_dir}", style="dim"), soft_wrap=True)


def _outcome(result: RunResult) -> list[str | tuple[str, str]]:
    if result.status == "diverged":
        return [("diverged", "bold red"), f" in {result.reason}"]
    accuracies = {"test": result.test_accuracy, "val": result.val_accuracy}
    parts = [f"{name} accuracy {_percent(value)}" for name, value in accuracies.items() if value is not None]
    return [(", ".join(parts), "green")]


def print_summary(summary: Summary) -> None:
    """Print several seeds in one paragraph: mean, spread, intervals, and the documented value if there is one."""
    if summary.mean is None:
        note(f"no run of {summary.diverged} completed")
        return
    text = f"{summary.n} seeds: mean test accuracy {_percent(summary.mean)}"
    if summary.sd is not None and summary.ci95 is not None:
        text += f", SD {100 * summary.sd:.3f} points, 95 % interval of the mean {_range(summary.ci95)}"
    if summary.diverged:
        text += f"; {summary.diverged} more diverged and are not in the mean"
    out = _out()
    out.print(Text(text, style="bold"), soft_wrap=True)
    if summary.documented is not None and summary.prediction95 is not None:
        inside = "lies inside" if summary.documented_inside else "lies OUTSIDE"
        out.print(
            Text(
                f"the documented {_percent(summary.documented)} {inside} the 95 % prediction interval "
                f"for one more run, {_range(summary.prediction95)}"
            ),
            soft_wrap=True,
        )


# -- data --------------------------------------------------------------------------------------------------------------


def print_data_sets(found: Sequence[SourceStatus]) -> None:
    """Print the data sets and what of them is here."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column, side in (("name", "left"), ("what", "left"), ("shape", "right"), ("classes", "right")):
        table.add_column(column, justify="right" if side == "right" else "left")
    for column in ("training", "test"):
        table.add_column(column, justify="right")
    table.add_column("here", overflow="fold")
    for one in found:
        here = f"{one.where}, {_bytes(one.size)}" if one.size else one.where if one.present else "no"
        numbers = (size_text(one.shape), str(one.classes), f"{one.train:,}", f"{one.test:,}")
        table.add_row(*_cells(one.name, one.title, *numbers, here))
    _out().print(table)


def print_files(name: str, files: Sequence[Path]) -> None:
    """Print where a data set's files lie."""
    out = _out()
    if not files:
        out.print(Text(f"{name} comes with scikit-learn: there is nothing to get"))
    for path in files:
        out.print(Text(str(path)), soft_wrap=True)


def print_checks(checks: Sequence[FileCheck]) -> None:
    """Print the state of each file in the data folder."""
    out = _out()
    if not checks:
        out.print(Text("no data set is in the data folder yet: archsearch data get mnist"))
    for check in checks:
        style = {"ok": "green", "missing": "yellow"}.get(check.state, "red")
        out.print(Text.assemble((f"{check.state:<8}", style), str(check.path)), soft_wrap=True)
        if check.detail:
            out.print(Text(f"        {check.detail}"), soft_wrap=True)


# -- the machine -------------------------------------------------------------------------------------------------------


def print_findings(findings: Sequence[Finding]) -> None:
    """Print what `doctor` found; advice stands below its line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(*_cells(finding.name, finding.value), style="red" if finding.advice else None)
        if finding.advice:
            table.add_row("", Text(finding.advice, style="red"))
    _out().print(table)


# -- numbers -----------------------------------------------------------------------------------------------------------


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"


def _range(interval: tuple[float, float]) -> str:
    return f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f} %"


def _si(number: int) -> str:
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def _bytes(number: int) -> str:
    for size, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} B"


# -- comparisons -------------------------------------------------------------------------------------------------------

_VERDICT_STYLES = {"better": "green", "worse": "red", "equivalent": "cyan", "inconclusive": "yellow"}


def print_verdicts(verdicts: Verdicts) -> None:
    """Print the sentences, the table behind them, and every run that is in no pair."""
    from archsearch.ablate.sentence import number

    family, out = verdicts.family, _out()
    for effect in verdicts.effects:
        out.print(Text(effect.sentence, style=_VERDICT_STYLES[effect.verdict]), soft_wrap=True)
        for remark in effect.notes:
            out.print(Text(f"  {remark}", style="dim"), soft_wrap=True)
    unit = "points" if family.unit == "points" else "own unit"
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("variant", no_wrap=True, style="bold")
    for column in ("n", f"difference ({unit})", "95 % t", "95 % BCa", "p", "p adjusted", "d_z", "wins", "more seeds"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for effect in verdicts.effects:
        ranges = (
            "" if ends is None else f"{number(ends[0], family)} to {number(ends[1], family)}"
            for ends in (effect.ci95, effect.bca95)
        )
        difference = "" if effect.mean_difference is None else number(effect.mean_difference, family)
        numbers = (_or_nothing(value, ".3g") for value in (effect.p, effect.p_adjusted))
        others = (_or_nothing(effect.d_z, "+.2f"), _or_nothing(effect.wins, ".0%"), _or_nothing(effect.further_seeds))
        cells = _cells(effect.variant, str(effect.n), difference, *ranges, *numbers, *others)
        table.add_row(*cells, Text(effect.verdict, style=_VERDICT_STYLES[effect.verdict]))
    out.print()
    out.print(table)
    for one in verdicts.exclusions:
        note(f"in no pair: {one.variant} seed {one.seed}: {one.reason}")


def _or_nothing(value: float | None, form: str = "") -> str:
    return "" if value is None else format(value, form)


# -- differences and lint ----------------------------------------------------------------------------------------------


def difference_json(ours: ExperimentPlan, theirs: ExperimentPlan, difference: SpecDifference) -> dict[str, Any]:
    """Give what `diff --json` prints."""
    sides = {
        side: {"name": plan.spec.name, "parameters": plan.network.parameters, "macs": plan.network.macs}
        for side, plan in (("a", ours), ("b", theirs))
    }
    factors = [
        {"name": factor.name, "edits": list(factor.edits), "changes": list(factor.changes)}
        for factor in difference.factors
    ]
    return {**sides, "same": not factors, "factors": factors, "edits": list(difference.edits)}


def print_difference(ours: ExperimentPlan, theirs: ExperimentPlan, difference: SpecDifference) -> None:
    """Print two networks side by side, what differs marked, and the factors with their changes."""
    from archsearch.spec.align import same_layer

    out = _out()
    table = Table(box=None, pad_edge=False, header_style="dim", show_footer=True, footer_style="bold")
    for plan in (ours, theirs):
        counts = f"{plan.network.parameters:,} parameters, {_si(plan.network.macs)} MACs"
        table.add_column(plan.spec.name, counts, overflow="fold")
        table.add_column("output", justify="right", no_wrap=True)
    for one, two in difference.rows:
        unchanged = one is not None and two is not None and same_layer(one, two)
        style = "dim" if unchanged else "yellow" if one and two else "red" if one else "green"
        table.add_row(*_side(one), *_side(two), style=style)
    out.print(table)
    if not difference.factors:
        out.print(Text("the same data, network and training"))
    for factor in difference.factors:
        out.print(Text.assemble((factor.name, "bold")), soft_wrap=True)
        for change in factor.changes:
            out.print(Text(f"  {change}"), soft_wrap=True)
    if len(difference.factors) > 1:
        count = len(difference.factors)
        note(f"{count} factors differ: an effect of the whole difference cannot be attributed to one of them")


def _side(row: PlannedLayer | None) -> list[Text]:
    if row is None:
        return [Text(""), Text("")]
    return [Text(f"{row.name}  {row.kind}  {_fields_text(row)}".rstrip()), Text(size_text(row.output_shape))]


def lint_json(report: LintReport) -> dict[str, Any]:
    """Give what `lint --json` prints for one spec."""

    def one(finding: LintFinding) -> dict[str, Any]:
        texts = ("code", "title", "message", "layer", "reason", "source")
        return {name: getattr(finding, name) for name in texts} | {"fix": list(finding.fix) or None}

    silenced = [one(finding) | {"silenced": finding.silenced} for finding in report.silenced]
    return {"findings": [one(f) for f in report.findings], "silenced": silenced, "unused": list(report.unused)}


def print_lint(reference: str, report: LintReport) -> None:
    """Print what was found in a spec, with reasons and fixes."""
    out = _out()
    if not report.findings:
        out.print(Text.assemble(("ok ", "green"), f"{reference}: no finding"), soft_wrap=True)
    for finding in report.findings:
        out.print(Text.assemble((f"{finding.code} ", "yellow"), f"{reference}: {finding.message}"), soft_wrap=True)
        out.print(Text(f"     {finding.reason} ({finding.source.rstrip('.')})", style="dim"), soft_wrap=True)
        if finding.fix:
            fixes = "; ".join(_edit_text(edit) for edit in finding.fix)
            out.print(Text(f"     fix: {fixes}"), soft_wrap=True)
    for finding in report.silenced:
        out.print(Text(f"{finding.code} {reference}: silenced: {finding.silenced}", style="dim"), soft_wrap=True)
    for code in report.unused:
        note(f"{reference}: lint silences {code}, which finds nothing; take it out")


def print_lint_line(reference: str, report: LintReport) -> None:
    """Print one line on what lint would say; nothing where it has nothing to say."""
    if report.findings:
        codes = ", ".join(f"{finding.code} {finding.title}" for finding in report.findings)
        _out().print(Text.assemble(("   lint ", "yellow"), f"{reference}: {codes}"), soft_wrap=True)


def _edit_text(edit: Mapping[str, Any]) -> str:
    """Write an edit on one line, as in a file."""
    return ", ".join(f"{verb}: {_flow(target)}" for verb, target in edit.items())


def _flow(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return "null" if value is None else _value(value)
