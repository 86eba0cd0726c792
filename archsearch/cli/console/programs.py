"""What a program shows: its resolved command, what its runs came to, what it writes while it runs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from archsearch.cli.console.base import TableColumn, err, flowing, note, out, print_table, sentences
from archsearch.markup import visible
from archsearch.metrics import Metric
from archsearch.wording import bytes_text, count_of, number_text, percent, yaml_word

if TYPE_CHECKING:
    from archsearch.program.experiment import ProgramExperiment, Resolved
    from archsearch.program.lint import ProgramFinding
    from archsearch.program.program_spec import ProgramSpec
    from archsearch.program.run import FinishedProgram

_WHERE = "{run_dir}"


def value_of(row: Metric, value: float | None) -> str:
    """Write a value of a program's metric."""
    if value is None:
        return "-"
    if row.written == "percent":
        return percent(value)
    return f"{value:,.0f}" if row.written == "count" else number_text(value)


def program_json(experiment: ProgramExperiment, resolved: Resolved) -> dict[str, Any]:
    """Give what `show --json` prints of a program."""
    spec, files = experiment.spec, experiment.files
    return {
        "name": spec.name,
        "kind": "program",
        "command": list(resolved.argv) or None,
        "function": spec.program.function,
        "environment": resolved.environment,
        "folder": str(resolved.folder),
        "values": spec.model_dump(mode="json")["values"],
        "metrics": {name: _source(spec, name) for name in spec.metrics},
        "objective": spec.main_metric,
        "files": files.model_dump(mode="json"),
    }


def print_program(experiment: ProgramExperiment, resolved: Resolved) -> None:
    """Print what a run of a program starts, and where its metrics are read."""
    spec, to = experiment.spec, out()
    to.print(Text.assemble((spec.name, "bold"), f"  {spec.summary}" if spec.summary else ""), soft_wrap=True)
    _print_started(spec, resolved)
    rows = [(name, _better(spec, name), _source(spec, name)) for name in spec.metrics]
    print_table(
        to,
        [TableColumn("metric", words=True), TableColumn("better", words=True), TableColumn("read", words=True)],
        rows,
    )
    sentences(to, _files_text(experiment))


def _print_started(spec: ProgramSpec, resolved: Resolved) -> None:
    to = out()
    words = shlex.join(resolved.argv) if resolved.argv else f"{spec.program.function}(seed, ...)"
    lines = [("command", words), ("folder", str(resolved.folder))]
    lines += [("variable", f"{name}={value}") for name, value in resolved.environment.items()]
    lines += [("writes", path) for path in resolved.config]
    if resolved.stdin is not None:
        lines.append(("stdin", repr(resolved.stdin)))
    lines += [("value", f"{name} = {_listed(value)}") for name, value in spec.values.items()]
    for name, text in lines:
        to.print(Text.assemble((f"{name:<9} ", "dim"), text), soft_wrap=True)


def _listed(value: object) -> str:
    return " ".join(map(str, value)) or "nothing" if isinstance(value, (tuple, list)) else yaml_word(value)


def _better(spec: ProgramSpec, name: str) -> str:
    from archsearch.program.program_spec import metric_row

    row = metric_row(spec, name)
    margin = f", margin {row.margin:g}" if row.margin else ""
    decides = ", decides" if name == spec.main_metric else ""
    return f"{'more' if row.direction == 'maximize' else 'less'}{margin}{decides}"


def _source(spec: ProgramSpec, name: str) -> str:
    source = spec.metrics[name]
    if source.measured is not None:
        return "measured"
    if source.last is not None:
        return f"last match of {source.last} in {source.output or 'the output'}"
    if source.csv is not None:
        return f"{source.row} row of {source.column} in {source.csv}"
    return f"{source.key} in {source.json_file}" if source.json_file is not None else "returned"


def _files_text(experiment: ProgramExperiment) -> str:
    files = experiment.files
    words = f"{count_of(files.count, 'file')}, hash {files.digest[:12]}"
    if files.commit is None:
        return f"files     {words}, not in git" if experiment.spec.program.function is None else f"source    {words}"
    state = f"with changes in {', '.join(files.dirty)}" if files.dirty else "clean"
    return f"files     {words}, git commit {files.commit[:12]}, {state}"


def print_checked_program(reference: str, experiment: ProgramExperiment) -> None:
    """Say that a program's file is right."""
    spec = experiment.spec
    counts = (
        f"{count_of(len(spec.values), 'value')}, metric {spec.main_metric}, {count_of(experiment.files.count, 'file')}"
    )
    out().print(Text.assemble(("ok ", "green"), f"{reference}: program, {counts}"), soft_wrap=True)


def print_program_cells(cells: Sequence[tuple[str, ProgramSpec, Resolved]]) -> None:
    """Print what each cell of an ablation starts."""
    to = out()
    for name, spec, resolved in cells:
        to.print(Text(name, style="bold"), soft_wrap=True)
        _print_started(spec, resolved)


def print_program_run(one: FinishedProgram, rows: Mapping[str, Metric]) -> None:
    """Print what a run of a program came to; of one that failed the reason and its last lines."""
    result, to = one.result, out()
    head = Text(f"{result.name} seed {result.seed}", style="bold")
    if result.status != "completed":
        flowing(to, [head, Text(result.status, style="bold red")])
        sentences(to, f"  {result.complaint()}")
    else:
        values = [f"{name} {value_of(rows[name], value)}" for name, value in result.metrics.items()]
        used = f"{result.seconds:.1f} s, {bytes_text(result.peak_memory)}" + (", from the cache" if one.cached else "")
        flowing(to, [head, Text(", ".join(values), style="green"), used])
    if result.wrote:
        note(f"it wrote into its own folder: {', '.join(result.wrote)}; runs may read what others wrote there")
    if result.left_behind:
        few = "1 process" if result.left_behind == 1 else f"{result.left_behind} processes"
        note(f"it left {few} behind, ended with it")
    to.print(Text(f"  {one.run_dir}", style="dim"), soft_wrap=True)


def print_program_seeds(name: str, row: Metric, values: Sequence[float], failed: int) -> None:
    """Print several seeds in one line: mean, spread, and the interval of the mean."""
    from archsearch.stats import intervals

    if not values:
        note(f"no run of {failed} completed")
        return
    parts = [f"{count_of(len(values), 'seed')}: mean {name} {value_of(row, intervals.mean(values))}"]
    if len(values) > 1:
        low, high = intervals.t_interval(values)
        parts.append(f"SD {value_of(row, intervals.standard_deviation(values))}")
        parts.append(f"95 % interval of the mean {value_of(row, low)} to {value_of(row, high)}")
    if failed:
        parts.append(f"{failed} more failed and {'is' if failed == 1 else 'are'} not in the mean")
    flowing(out(), [Text(part, style="bold") for part in (*(f"{part}," for part in parts[:-1]), parts[-1])], " ")


def print_program_changes(one: ProgramExperiment, other: ProgramExperiment, said: Sequence[str]) -> None:
    """Print in which points two programs differ."""
    to = out()
    to.print(Text(f"{one.name} -> {other.name}", style="bold"), soft_wrap=True)
    if not said:
        to.print(Text("the same command, values, files and metrics"))
    for line in said:
        to.print(Text(f"  {line}"), soft_wrap=True)
    if len(said) > 1:
        note(f"{len(said)} points differ: an effect of the whole difference cannot be attributed to one of them")


def program_progress(label: str, epoch: int, values: Mapping[str, float]) -> None:
    """Print a row of a program's history while it runs."""
    flowing(err(), [label, f"step {epoch}", *(f"{name} {number_text(value)}" for name, value in values.items())])


def followed_line(label: str, line: str) -> None:
    """Print a line that a run has written, as it came but for control characters."""
    text = visible(line)
    out().print(Text.assemble((f"{label} | ", "dim"), text), soft_wrap=True)


def print_program_findings(reference: str, findings: Sequence[ProgramFinding]) -> None:
    """Print what may be wrong in a program's file."""
    to = out()
    if not findings:
        to.print(Text.assemble(("ok ", "green"), f"{reference}: no known mistake"), soft_wrap=True)
    for one in findings:
        to.print(Text.assemble((f"{one.code} ", "yellow"), f"{reference}: {one.message}"), soft_wrap=True)
