"""What the report on a search of a program shows in place of layers and of networks' runs.

values_section([("baseline", spec), ("trial 7", other)])
course_sections({"trial 7": runs, "baseline": others}, "on fresh seeds")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archsearch.report.document import Section, SectionPart, Tabled
from archsearch.report.figures.figure import Column, Table
from archsearch.report.program_parts import course_parts, values_parts
from archsearch.search.evidence import AnyRun, ProgramRun
from archsearch.wording import capital


def values_section(shown: Sequence[tuple[str, Mapping[str, Any]]]) -> Section:
    """Show the values of the baseline and of the finalists, and what differs."""
    return Section("values", "Values", (), tuple(values_parts(shown)))


def course_sections(groups: Mapping[str, Sequence[AnyRun]], words: str) -> list[Section]:
    """Show every run with its metrics, and what was followed while the runs were under way."""
    runs = {name: [run for run in of if isinstance(run, ProgramRun)] for name, of in groups.items()}
    done = [(name, run) for name, of in runs.items() for run in of]
    if not done:
        return []
    names = list(dict.fromkeys(name for _, run in done for name in run.metrics))
    columns = (
        Column("candidate"),
        Column("seed"),
        *(Column(name, "number") for name in names),
        Column("seconds", "seconds"),
    )
    rows = tuple((name, str(run.seed), *(run.metrics.get(one) for one in names), run.seconds) for name, run in done)
    parts: list[SectionPart] = [Tabled("runs", "Runs", f"Every run {words}.", Table(columns, rows))]
    parts += course_parts("course", {name: [run.history for run in of] for name, of in runs.items()})
    return [Section("runs", "Runs", (f"{capital(' and '.join(runs))}, {words}.",), tuple(parts))]
