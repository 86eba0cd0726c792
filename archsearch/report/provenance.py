"""Where the numbers of a report come from: specs, seeds, data, machines, reads of the test set, what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from archsearch import __version__
from archsearch.program.from_command import program_text
from archsearch.program.program_spec import ProgramSpec
from archsearch.program.read import is_program
from archsearch.report.document import Folded, KeyNumber, Tabled
from archsearch.report.figures.drawing import plotly_version
from archsearch.report.figures.figure import Column, Table, TableCell
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.text.write import spec_yaml
from archsearch.study.ledger_check import Ledger
from archsearch.wording import capital, count_of

_ENVIRONMENT = (
    ("archsearch", "archsearch"),
    ("python", "Python"),
    ("torch", "torch"),
    ("device_name", "device"),
    ("processor", "processor"),
    ("platform", "system"),
    ("threads", "threads"),
)
_MOST_DEVIATIONS = 3  # that are said first
MOST_LOST = 200  # rows of runs that came to nothing; their number is always said


def folded_spec(key: str, title: str, spec: Mapping[str, Any]) -> Folded:
    """Give a resolved spec as YAML that can be run; as it is held where this version cannot read it."""
    try:
        if is_program(spec):
            return Folded(key, title, program_text(ProgramSpec.model_validate(dict(spec))))
        read = ExperimentSpec.model_validate(dict(spec))
        return Folded(key, title, spec_yaml(read, f"archsearch run {read.name}.yaml"))
    except ValidationError as error:
        return Folded(key, title, f"# not a spec of this version: {error.error_count()} problems\n{dict(spec)}\n")


def engine_text(environment: Mapping[str, Any]) -> str:
    """Say what computed a run: native with its variant, or torch and why."""
    if "engine" not in environment and "device" not in environment:
        return ""  # a program brings what it computes with
    if environment.get("engine") == "native":
        variant = environment.get("engine_variant")
        return f"native ({variant})" if variant else "native"
    reason = environment.get("engine_reason")
    return f"torch ({reason})" if reason else "torch"


def engine_numbers(environments: Iterable[Mapping[str, Any]]) -> list[KeyNumber]:
    """Give the engines and versions of runs as a number of the first screen; none where nothing ran."""
    known = list(environments)
    if not known:
        return []
    if not any(engine_text(one) for one in known):
        return []
    engines = sorted({_without_reason(engine_text(one)) for one in known})
    versions = sorted({f"archsearch {one.get('archsearch')}, torch {one.get('torch')}" for one in known})
    return [KeyNumber("Engine", " and ".join(engines), "; ".join(versions))]


def _without_reason(engine: str) -> str:
    """Leave out why it is torch, which the table of machines says."""
    return "torch" if engine.startswith("torch (") else engine


def machines_part(machines: Iterable[tuple[Mapping[str, Any], int]]) -> Tabled:
    """Give the environments with how many runs each made."""
    columns = (*(Column(title) for _, title in _ENVIRONMENT), Column("engine"), Column("runs", "count"))
    rows = tuple(
        (*(_cell(environment.get(name)) for name, _ in _ENVIRONMENT), engine_text(environment), count)
        for environment, count in machines
    )
    return Tabled("machines", "Machines and versions", "What the runs were made with.", Table(columns, rows))


def facts_part(facts: Sequence[tuple[str, TableCell]]) -> Tabled:
    """Give the facts of a report as two columns, with the versions that wrote it."""
    rows = (*facts, ("report written by", f"archsearch {__version__}, plotly {plotly_version()}"))
    return Tabled("facts", "Facts", "", Table((Column("what"), Column("value")), tuple(rows)))


def ledger_facts(ledgers: Sequence[Ledger | None]) -> list[tuple[str, TableCell]]:
    """Give what a study declared before its first run, what was amended, and the head that proves the rest."""
    if not any(ledgers):
        return [("declared beforehand", "not known: an earlier version made the study, and kept no ledger")]
    found: list[tuple[str, TableCell]] = []
    for ledger in filter(None, ledgers):
        of = f" ({ledger.study})" if len(ledgers) > 1 else ""
        found += [(f"declared{of}", ledger.sentence)]
        found += [(f"amended{of}", amendment.sentence) for amendment in ledger.amendments]
        found += [(f"deviates{of}", said) for said in ledger.deviations]
        found += [(f"ledger{of}, SHA-256 of its {ledger.entries:,} entries", ledger.head)] if ledger.head else []
    return found


def ledger_words(ledgers: Sequence[Ledger | None]) -> list[str]:
    """Say first what is not as it was declared: deviations, and what was amended when results were known."""
    found = []
    for ledger in filter(None, ledgers):
        found += [f"Not as declared: {said} ({ledger.study})." for said in ledger.deviations[:_MOST_DEVIATIONS]]
        if (more := len(ledger.deviations) - _MOST_DEVIATIONS) > 0:
            found.append(f"{count_of(more, 'more deviation')} stand{'s' * (more == 1)} under Facts.")
        # a search that goes on for longer claims no more than before
        changed = [one for one in ledger.amendments if not all(what.startswith("trials was") for what in one.changes)]
        found += [f"{capital(one.sentence)} ({ledger.study})." for one in changed if one.results]
    return found


def lost_part(rows: Sequence[tuple[TableCell, ...]], columns: tuple[Column, ...]) -> Tabled:
    """List the runs that came to nothing with their reasons; none is left out silently."""
    says = "Every run that failed, diverged or was left out, and why; none of them is in a mean or an interval."
    if len(rows) > MOST_LOST:
        says += f" The first {MOST_LOST} of {len(rows):,}."
    if not rows:
        says = "No run failed, diverged or was left out."
    return Tabled("left-out", "Excluded and failed runs", says, Table(columns, tuple(rows[:MOST_LOST])))


def _cell(value: object) -> TableCell:
    return value if isinstance(value, (str, int, float)) or value is None else str(value)
