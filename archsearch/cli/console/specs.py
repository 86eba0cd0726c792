"""What `show`, `check`, `list`, `diff` and `lint` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from archsearch.cli.console.base import cells, err, fields_text, flowing, note, out, print_layers, value_text
from archsearch.errors import SpecError
from archsearch.spec.network import PlannedLayer, size_text
from archsearch.train.result import WATCHED_TEST, label_noise_words
from archsearch.wording import count_of, short_number

if TYPE_CHECKING:
    from archsearch.experiment_plan import ExperimentPlan
    from archsearch.spec.difference.factors import SpecDifference
    from archsearch.spec.lint.rules import Finding as LintFinding
    from archsearch.spec.lint.rules import LintReport


def started(plan: ExperimentPlan) -> None:
    """Say to stderr what is about to run, and what of your own data is changed or not used."""
    from archsearch.data.remarks import remarks

    spec = plan.spec
    size = f"{spec.name}: {count_of(plan.network.parameters, 'parameter')}, {short_number(plan.network.macs)} MACs,"
    data = f"{spec.data.name} {size_text(plan.facts.shape)}{_read_as(plan)},"
    flowing(err(), [size, data, f"{count_of(spec.train.epochs, 'epoch')} of batches of {spec.train.batch_size}"], " ")
    for remark in remarks(spec.data):
        note(f"data: {remark}")
    if spec.train.label_noise:
        note(label_noise_words(spec.train.label_noise))
    if not spec.data.validation and spec.train.epochs > 1:
        note(WATCHED_TEST)


def _read_as(plan: ExperimentPlan) -> str:
    """Say what the axes of your own data are taken for."""
    from archsearch.data.remarks import read_as

    words = read_as(plan.spec.data)
    return f", read as {words}" if words else ""


def plan_json(plan: ExperimentPlan) -> dict[str, Any]:
    """Give what `show --json` prints."""
    from archsearch.data.remarks import read_as, remarks

    network, spec = plan.network, plan.spec
    return {
        "name": spec.name,
        "summary": spec.summary,
        "input_shape": list(network.input_shape),
        "task": plan.facts.task.name,
        "outputs": plan.facts.task.outputs,
        "classes": plan.facts.classes,  # the same by its older name
        "parameters": network.parameters,
        "macs": network.macs,
        "engine": _engine(plan),
        "data": {"read_as": read_as(spec.data), "remarks": remarks(spec.data)},
        "activation_bytes": network.activation_bytes(spec.train.batch_size),
        "layers": [_row_json(row) for row in network.rows],
        "spec": spec.model_dump(mode="json"),
    }


def _row_json(row: PlannedLayer) -> dict[str, Any]:
    return {
        "name": row.name,
        "kind": row.kind,
        "output_shape": list(row.output_shape),
        "parameters": row.parameters,
        "macs": row.macs,
        **({"layers": [_row_json(part) for part in row.layers]} if row.branches else {}),
    }


def print_plan(plan: ExperimentPlan) -> None:
    """Print the layer table with its totals."""
    from archsearch.data.remarks import remarks

    spec, network = plan.spec, plan.network
    to = out()
    title = Text.assemble((spec.name, "bold"), f"  {spec.summary}" if spec.summary else "")
    to.print(title)
    print_layers(to, network.input_shape, network.rows, batch_size=spec.train.batch_size, totals=network)
    samples = f"{_samples(plan)}{_read_as(plan)}".split()
    flowing(to, [f"data   {plan.facts.name},", f"{plan.facts.task.said},", *samples], " ")
    for remark in remarks(spec.data):
        to.print(Padding(Text(remark), (0, 0, 0, 7)))
    flowing(to, _training_parts(spec.train.model_dump(mode="json")), " ")
    flowing(to, ["engine", *_engine(plan).split()], " ")


def _samples(plan: ExperimentPlan) -> str:
    """Count what is trained on, held out and tested on."""
    from archsearch.data.facts import training_count, validation_count

    data, facts = plan.spec.data, plan.facts
    held_out, kept = validation_count(data.validation, facts.train), training_count(data, facts.train)
    left = facts.train - held_out
    training = f"{kept:,} training" if kept == left else f"{kept:,} of {left:,} training"
    validation = f", {held_out:,} validation" if held_out else ""
    return f"{training}{validation} and {facts.test:,} test samples"


def _engine(plan: ExperimentPlan) -> str:
    """Say what the network would be trained by; `auto` is taken for the CPU here, torch is not asked."""
    from archsearch.train.compute import choose_engine

    train, facts = plan.spec.train, plan.facts
    device = "cpu" if train.device == "auto" else train.device
    try:
        choice = choose_engine(plan.network, train, device, task=facts.task, weighted=facts.weighted)
    except SpecError as error:
        return str(error)
    if choice.name == "native":
        return "native on cpu" + (", torch elsewhere" if train.device == "auto" else "")
    return f"torch ({choice.reason})" if choice.reason else "torch"


def _training_parts(train: Mapping[str, Any]) -> list[str]:
    texts = [f"{key} {value_text(value)}" for key, value in train.items() if value is not None]
    return ["train ", *(f"{text}," for text in texts[:-1]), *texts[-1:]]


def print_checked(reference: str, plan: ExperimentPlan) -> None:
    """Say that a spec is right."""
    out().print(
        Text.assemble(
            ("ok ", "green"),
            f"{reference}: {count_of(plan.network.parameters, 'parameter')}, {short_number(plan.network.macs)} MACs",
        )
    )


def print_checked_study(reference: str, kind: str, what: str) -> None:
    """Say that a study is right."""
    out().print(Text.assemble(("ok ", "green"), f"{reference}: {kind}, {what}"), soft_wrap=True)


def print_catalog(found: Mapping[str, Sequence[Mapping[str, str]]], published: Sequence[str] = ()) -> None:
    """Print names with their summaries; of published networks the names alone, which say enough."""
    to = out()
    for folder, rows in found.items():
        if not rows:
            continue
        table = Table(
            box=None, pad_edge=False, show_header=False, title=folder, title_justify="left", title_style="bold"
        )
        table.add_column(no_wrap=True, style="cyan")
        table.add_column(overflow="fold")
        for row in rows:
            table.add_row(*cells(row["name"], row["summary"]))
        to.print(table)
    if published:
        to.print(Text("published networks (archsearch show NAME)", style="bold"))
        to.print(Text(", ".join(published), style="cyan"))


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
    from archsearch.spec.difference.align import same_layer

    to = out()
    table = Table(box=None, pad_edge=False, header_style="dim", show_footer=True, footer_style="bold")
    for plan in (ours, theirs):
        counts = f"{count_of(plan.network.parameters, 'parameter')}, {short_number(plan.network.macs)} MACs"
        table.add_column(plan.spec.name, counts, overflow="fold")
        table.add_column("output", justify="right", no_wrap=True)
    for one, two in difference.rows:
        unchanged = one is not None and two is not None and same_layer(one, two)
        style = "dim" if unchanged else "yellow" if one and two else "red" if one else "green"
        table.add_row(*_side(one), *_side(two), style=style)
    to.print(table)
    if not difference.factors:
        to.print(Text("the same data, network and training"))
    for factor in difference.factors:
        to.print(Text.assemble((factor.name, "bold")), soft_wrap=True)
        for change in factor.changes:
            to.print(Text(f"  {change}"), soft_wrap=True)
    if len(difference.factors) > 1:
        count = len(difference.factors)
        note(f"{count} factors differ: an effect of the whole difference cannot be attributed to one of them")


def _side(row: PlannedLayer | None) -> list[Text]:
    if row is None:
        return [Text(""), Text("")]
    return [Text(f"{row.name}  {row.kind}  {fields_text(row)}".rstrip()), Text(size_text(row.output_shape))]


def lint_json(report: LintReport) -> dict[str, Any]:
    """Give what `lint --json` prints for one spec."""

    def one(finding: LintFinding) -> dict[str, Any]:
        texts = ("code", "title", "message", "layer", "reason", "source")
        return {name: getattr(finding, name) for name in texts} | {"fix": list(finding.fix) or None}

    silenced = [one(finding) | {"silenced": finding.silenced} for finding in report.silenced]
    return {"findings": [one(f) for f in report.findings], "silenced": silenced, "unused": list(report.unused)}


def print_lint(reference: str, report: LintReport) -> None:
    """Print what was found in a spec, with reasons and fixes."""
    to = out()
    if not report.findings:
        to.print(Text.assemble(("ok ", "green"), f"{reference}: no finding"), soft_wrap=True)
    for finding in report.findings:
        to.print(Text.assemble((f"{finding.code} ", "yellow"), f"{reference}: {finding.message}"), soft_wrap=True)
        to.print(Text(f"     {finding.reason} ({finding.source.rstrip('.')})", style="dim"), soft_wrap=True)
        if finding.fix:
            fixes = "; ".join(edit_text(edit) for edit in finding.fix)
            to.print(Text(f"     fix: {fixes}"), soft_wrap=True)
    for finding in report.silenced:
        to.print(Text(f"{finding.code} {reference}: silenced: {finding.silenced}", style="dim"), soft_wrap=True)
    for code in report.unused:
        note(f"{reference}: lint silences {code}, which finds nothing; take it out")


def print_lint_line(reference: str, report: LintReport) -> None:
    """Print one line on what lint would say; nothing where it has nothing to say."""
    if report.findings:
        codes = ", ".join(f"{finding.code} {finding.title}" for finding in report.findings)
        out().print(Text.assemble(("   lint ", "yellow"), f"{reference}: {codes}"), soft_wrap=True)


def note_lint(reference: str, report: LintReport) -> None:
    """Say on stderr what lint would say, in one line; nothing where it has nothing to say."""
    if report.findings:
        codes = ", ".join(f"{finding.code} {finding.title}" for finding in report.findings)
        note(f"lint: {codes} (archsearch lint {reference})")


def edit_text(edit: Mapping[str, Any]) -> str:
    """Write an edit on one line, as in a file."""
    return ", ".join(f"{verb}: {_flow(target)}" for verb, target in edit.items())


def _flow(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return value_text(value)
