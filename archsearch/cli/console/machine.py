"""Data sets, files and the machine: what `data` and `doctor` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from archsearch.cli.console.base import TableColumn, cells, flowing, out, print_table
from archsearch.spec.network import size_text
from archsearch.wording import bytes_text, count_of, short_number

if TYPE_CHECKING:
    from pathlib import Path

    from archsearch.data.fetch import SourceStatus
    from archsearch.data.integrity import FileCheck
    from archsearch.experiment_plan import ExperimentPlan
    from archsearch.train.doctor import MachineFact


_DATA_SETS = (
    TableColumn("name", words=True),
    TableColumn("what", 3, words=True),
    TableColumn("shape"),
    TableColumn("outputs", 1),
    TableColumn("training"),
    TableColumn("test", 1),
    TableColumn("here", 2, words=True),
)


def print_data_sets(found: Sequence[SourceStatus], own: Mapping[str, str]) -> None:
    """Print the data sets and what of them is here, then the kinds of `own` data with what they are."""
    rows = []
    for one in found:
        here = f"{one.where}, {bytes_text(one.size)}" if one.size else one.where if one.present else "no"
        numbers = (size_text(one.shape), one.outputs, f"{one.train:,}", f"{one.test:,}")
        rows.append((one.name, one.title, *numbers, here))
    to = out()
    print_table(to, _DATA_SETS, rows)
    to.print()
    kinds = Table(box=None, pad_edge=False, show_header=False)
    kinds.add_column(no_wrap=True)
    kinds.add_column()
    for name, title in own.items():
        kinds.add_row(*cells(name, title))
    to.print(kinds)
    to.print(Text("for example  data: {name: folder, path: icons}    (docs/data.md)"))


def print_files(name: str, files: Sequence[Path]) -> None:
    """Print where a data set's files lie."""
    to = out()
    if not files:
        to.print(Text(f"{name} comes with scikit-learn: there is nothing to get"))
    for path in files:
        to.print(Text(str(path)), soft_wrap=True)


def print_checks(checks: Sequence[FileCheck]) -> None:
    """Print the state of each file in the data folder."""
    to = out()
    if not checks:
        to.print(Text("no data set is in the data folder yet: archsearch data get mnist"))
    for check in checks:
        style = {"ok": "green", "missing": "yellow"}.get(check.state, "red")
        to.print(Text.assemble((f"{check.state:<8}", style), str(check.path)), soft_wrap=True)
        if check.detail:
            to.print(Text(f"        {check.detail}"), soft_wrap=True)


def print_findings(findings: Sequence[MachineFact]) -> None:
    """Print what `doctor` found; advice stands below its line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(*cells(finding.name, finding.value), style="red" if finding.advice else None)
        if finding.advice:
            table.add_row("", Text(finding.advice, style="red"))
    out().print(table)


def print_imported(plan: ExperimentPlan, said: str, difference: float, files: Sequence[Path]) -> None:
    """Print what was imported, how equal it is, and where it lies."""
    to, network = out(), plan.network
    size = f"{count_of(network.parameters, 'parameter')}, {short_number(network.macs)} MACs,"
    equal = "outputs equal" if difference == 0 else f"outputs equal to {difference:.1e} of the largest"
    flowing(to, [f"{said}:", size, f"input {size_text(network.input_shape)},", equal], " ")
    for path in files:
        to.print(Text(str(path)), soft_wrap=True)
    to.print(Text(f"archsearch show {files[0]}"), soft_wrap=True)
