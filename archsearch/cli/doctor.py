"""`archsearch doctor`: what is installed, what the machine can do, where things lie."""

from __future__ import annotations

from pathlib import Path

from archsearch.cli import options


def doctor(
    runs_dir: options.RunsDir = Path("runs"), data_dir: options.DataDir = None, json: options.Json = False
) -> None:
    """Show versions, device, threads, matrix-product rate, data folder and storage, and what is wrong with them.

    Example:  archsearch doctor
    """
    from archsearch.cli import console
    from archsearch.train.doctor import examine_machine

    findings = examine_machine(runs_dir=runs_dir, data_dir=data_dir)
    if json:
        console.print_json({"findings": [finding._asdict() for finding in findings]})
    else:
        console.print_findings(findings)
