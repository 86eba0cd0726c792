"""The report on runs of programs: what several seeds add up to, what they gave on the way, where the numbers come from.

    document = program_runs_document(results, source)

Programs with other values stand beside one another; which is better is for `archsearch ablate` to say, on seeds that
are planned beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence

from archsearch.kinds.program import PROGRAM
from archsearch.metrics import Metric
from archsearch.program.experiment import program_key
from archsearch.program.program_result import ProgramResult
from archsearch.program.program_spec import ProgramSpec, metric_row
from archsearch.report.cells import cell_text
from archsearch.report.document import Document, KeyNumber, Section, SectionPart, Source, Tabled, slug
from archsearch.report.figures.figure import Column, ColumnKind, Table, TableCell, interval_columns
from archsearch.report.names import DamagedRun, left_out_words
from archsearch.report.program_parts import STEP, course_parts, program_facts, values_parts
from archsearch.report.provenance import facts_part, folded_spec, lost_part, machines_part
from archsearch.stats import intervals
from archsearch.wording import bytes_text

Group = tuple[str, ProgramSpec, list[ProgramResult]]


def program_runs_document(
    results: Sequence[ProgramResult], source: Source, left_out: Sequence[DamagedRun] = ()
) -> Document:
    """Make the document; runs that failed or are damaged are named with their reason, and are in no mean."""
    groups = _grouped(results)
    histories = {
        label: [[{STEP: row.epoch, **row.metrics} for row in run.history] for run in runs] for label, _, runs in groups
    }
    cells = [(label, runs[0].spec) for label, _, runs in groups]
    sections = [
        Section("numbers", "Numbers", (), (_means(groups), _every_run(groups))),
        Section("curves", "Curves", (), tuple(course_parts("course", histories))),
        Section("values", "Values", (), tuple(values_parts(cells))),
        _provenance(groups, left_out),
    ]
    count = len(results)
    return Document(
        kind="runs",
        title=", ".join(label for label, _, _ in groups[:4]) + (" ..." if len(groups) > 4 else ""),
        subtitle=f"{count} {'run' if count == 1 else 'runs'} of {'a program' if len(groups) == 1 else 'programs'}.",
        answer=(*(line for group in groups for line in _said(group)), *left_out_words(left_out)),
        numbers=_numbers(groups),
        command=source.command,
        made=source.made,
        sections=tuple(section for section in sections if section.parts),
    )


def _grouped(results: Sequence[ProgramResult]) -> list[Group]:
    """Put the runs of one program together, seeds in order."""
    found: dict[str, list[ProgramResult]] = {}
    for result in results:
        found.setdefault(program_key(PROGRAM.plan(PROGRAM.read(result.spec))), []).append(result)
    groups: list[Group] = []
    for runs in found.values():
        ordered = sorted(runs, key=lambda run: run.seed)
        name = ordered[0].name
        taken = sum(label.partition(" (")[0] == name for label, _, _ in groups)
        groups.append((f"{name} ({taken + 1})" if taken else name, PROGRAM.read(ordered[0].spec), ordered))
    return groups


def _done(runs: Sequence[ProgramResult]) -> list[ProgramResult]:
    return [run for run in runs if run.status == "completed"]


def _kind(row: Metric) -> ColumnKind:
    return "percent" if row.written == "percent" else "count" if row.written == "count" else "number"


def _text(row: Metric, value: float) -> str:
    return cell_text(value, Column(row.name, _kind(row)))


def _said(group: Group) -> list[str]:
    label, spec, runs = group
    row, done = metric_row(spec, spec.main_metric), _done(runs)
    values = [run.metrics[row.name] for run in done]
    failed = len(runs) - len(done)
    lines = []
    if not values:
        return [f"{label}: no run of {len(runs)} completed."]
    if len(values) == 1:
        lines.append(
            f"{label}: {row.title} {_text(row, values[0])} with seed {done[0].seed}; one run says nothing about the "
            "spread."
        )
    else:
        low, high = (_text(row, end) for end in intervals.t_interval(values))
        lines.append(
            f"{label}: mean {row.title} {_text(row, intervals.mean(values))} over {len(values)} seeds (95 % interval "
            f"of the mean {low} to {high})."
        )
        if len(set(values)) == 1 and not spec.program.deterministic:
            lines.append(f"{label}: all seeds gave the same {row.title}; does the program use its seed?")
    if failed:
        lines.append(f"{label}: {failed} more failed and {'is' if failed == 1 else 'are'} not in the mean.")
    return lines


def _numbers(groups: Sequence[Group]) -> tuple[KeyNumber, ...]:
    found = []
    for label, spec, runs in groups[:4]:
        row = metric_row(spec, spec.main_metric)
        values = [run.metrics[row.name] for run in _done(runs)]
        if values:
            spread = f", SD {_text(row, intervals.standard_deviation(values))}" if len(values) > 1 else ""
            seeds = f"{len(values)} {'seed' if len(values) == 1 else 'seeds'}"
            name = f"Mean {row.title}" if len(groups) == 1 else label
            found.append(KeyNumber(name, _text(row, intervals.mean(values)), f"{seeds}{spread}"))
    every = [run for _, _, runs in groups for run in runs]
    found.append(KeyNumber("Time", f"{sum(run.seconds for run in every):,.1f} s", f"{len(every)} runs together"))
    found.append(KeyNumber("Most memory", bytes_text(max(run.peak_memory for run in every)), "of one process"))
    return tuple(found)


def _means(groups: Sequence[Group]) -> Tabled:
    columns = (
        Column("program"), Column("metric"), Column("seeds", "count"), Column("mean", "number"),
        *interval_columns("number"), Column("SD", "number"), Column("failed", "count"),
    )  # fmt: skip
    rows: list[tuple[TableCell, ...]] = []
    for label, spec, runs in groups:
        done = _done(runs)
        for name in spec.metrics:
            values = [run.metrics[name] for run in done]
            several = len(values) > 1
            low, high = intervals.t_interval(values) if several else (None, None)
            mean = intervals.mean(values) if values else None
            spread = intervals.standard_deviation(values) if several else None
            rows.append((label, name, len(values), mean, low, high, spread, len(runs) - len(done)))
    says = "Means over seeds, with Student's t interval of the mean."
    return Tabled("means", "Metrics", says, Table(columns, tuple(rows)))


def _every_run(groups: Sequence[Group]) -> Tabled:
    names = list(dict.fromkeys(name for _, spec, _ in groups for name in spec.metrics))
    columns = (
        Column("program"), Column("seed"), Column("run"), Column("status"),
        *(Column(name, "number") for name in names), Column("time", "seconds"), Column("peak memory"),
        Column("exit code"),
    )  # fmt: skip
    rows = tuple(
        (
            *(label, str(run.seed), run.run_id, run.status),
            *(run.metrics.get(name) for name in names),
            *(run.seconds, bytes_text(run.peak_memory), None if run.exit_code is None else str(run.exit_code)),
        )
        for label, _, runs in groups
        for run in runs
    )
    return Tabled("every-run", "Every run", "", Table(columns, rows))


def _provenance(groups: Sequence[Group], left_out: Sequence[DamagedRun]) -> Section:
    every = [run for _, _, runs in groups for run in runs]
    machines: dict[str, tuple[dict[str, object], int]] = {}
    for run in every:
        key = repr(sorted(run.environment.items()))
        machines[key] = (run.environment, machines.get(key, ({}, 0))[1] + 1)
    facts: list[tuple[str, TableCell]] = [
        ("seeds", "; ".join(f"{label}: {', '.join(str(run.seed) for run in runs)}" for label, _, runs in groups)),
        *program_facts([(label, runs[0].spec) for label, _, runs in groups]),
    ]
    versions = {f"{name} {version}" for run in every for name, version in run.environment.get("versions", {}).items()}
    if versions:
        facts.append(("versions that it printed", ", ".join(sorted(versions))))
    lost: list[tuple[TableCell, ...]] = [
        (label, str(run.seed), run.status, run.complaint())
        for label, _, runs in groups
        for run in runs
        if run.status != "completed"
    ]
    lost += [("", "", "damaged", one.why) for one in left_out]
    columns = (Column("program"), Column("seed"), Column("outcome"), Column("reason"))
    parts: list[SectionPart] = [facts_part(facts), machines_part(machines.values()), lost_part(lost, columns)]
    parts += [folded_spec(f"spec-{slug(label)}", f"File of {label}", runs[0].spec) for label, _, runs in groups]
    return Section("provenance", "Provenance", (), tuple(parts))
