"""What a report shows of programs: what each cell starts and which values stand in it, what runs gave on the way.

values_parts(cells)                   # in place of the layers of networks
course_parts(key, {"baseline": [rows of a run, ...]}, metrics)
program_facts(specs)
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from archsearch.kinds.program import PROGRAM
from archsearch.program.experiment import ProgramExperiment, changes
from archsearch.program.program_spec import ProgramSpec
from archsearch.report.document import Folded, SectionPart, Tabled, slug
from archsearch.report.figures.course import course_figure
from archsearch.report.figures.figure import Column, Missing, Table, TableCell
from archsearch.wording import yaml_word

STEP = "epoch"  # the key of the step in a row of a history
MOST_COURSES = 12  # figures of values that were followed


def experiments_of(cells: Sequence[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, ProgramExperiment]]:
    """Read the programs that a storage holds; those of another version are left out."""
    found = []
    for name, spec in cells:
        try:
            found.append((name, PROGRAM.plan(PROGRAM.read(spec))))
        except ValidationError:
            continue
    return found


def values_parts(cells: Sequence[tuple[str, Mapping[str, Any]]]) -> list[SectionPart]:
    """Give the values of every cell, and what leads from the first to each of the others."""
    found = experiments_of(cells)
    if not found:
        return [Missing("cell-values", "Values", "the programs were written by another version of archsearch")]
    specs = [one.spec for _, one in found]
    names = list(dict.fromkeys(name for spec in specs for name in spec.values))
    columns = (Column("cell"), *(Column(name) for name in names), Column("command"))
    rows = tuple(
        (cell, *(_word(one.spec.values.get(name)) for name in names), command_of(one.spec)) for cell, one in found
    )
    parts: list[SectionPart] = [
        Tabled("cell-values", "Values", "What stands in the braces of the command, cell by cell.", Table(columns, rows))
    ]
    base = found[0][1]
    changed: list[tuple[TableCell, ...]] = [
        (cell, change.path, change.before, change.after or change.said)
        for cell, one in found[1:]
        for change in changes(base, one)
    ]
    if changed:
        head = (Column("cell"), Column("what"), Column(f"in {found[0][0]}"), Column("in the cell"))
        says = "All in which a cell differs from the baseline; what moves several things at once is said under Limits."
        parts.append(Tabled("changes", "What each cell changes", says, Table(head, tuple(changed))))
    patches = {patch.text: patch.name for spec in specs for patch in spec.program.patches}
    parts += [Folded(f"patch-{slug(name)}", f"Patch {name}", text) for text, name in patches.items()]
    return parts


def _word(value: object) -> str:
    if value is None:
        return ""
    return " ".join(map(str, value)) if isinstance(value, tuple) else yaml_word(value)


def command_of(spec: ProgramSpec) -> str:
    """Write what a program starts, braces as they stand."""
    section = spec.program
    return section.function or shlex.join(str(word) for word in section.command or ())


def course_parts(key: str, histories: Mapping[str, Sequence[Sequence[Mapping[str, float]]]]) -> list[SectionPart]:
    """Draw what was followed while runs were under way: a figure for each value, a line for each group of runs."""
    names = dict.fromkeys(name for runs in histories.values() for rows in runs for row in rows for name in row)
    followed = [name for name in names if name != STEP][:MOST_COURSES]
    return [
        course_figure(
            f"{key}-{slug(name)}",
            name,
            {
                label: [{int(row[STEP]): row[name] for row in rows if name in row} for rows in runs]
                for label, runs in histories.items()
            },
        )
        for name in followed
    ]


def program_facts(cells: Sequence[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, TableCell]]:
    """Give where the numbers come from: commands, folders, commits, files' hashes."""
    facts: dict[tuple[str, str], None] = {}
    for _, one in experiments_of(cells):
        spec, files = one.spec, one.files
        facts[("command", command_of(spec))] = None
        facts[("folder", spec.program.folder)] = None
        state = f"changed: {', '.join(files.dirty)}" if files.dirty else "clean"
        commit = "not in git" if files.commit is None else f"{files.commit[:12]}, {state}"
        if spec.program.function is None:
            facts[("git commit", commit)] = None
        facts[(f"hash of {files.count or 'its'} files" if files.count else "hash of its source", files.digest[:16])] = (
            None
        )
        for name, value in spec.program.environment.items():
            facts[("variable", f"{name}={value}")] = None
    return list(facts)
