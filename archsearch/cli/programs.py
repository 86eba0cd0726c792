"""What the commands do with a program: run it, check, show, compare it with another. See `program/`.

run_program_file("train.yaml", ["values.lr=0.1"], seeds=range(3), ...)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archsearch.ablate.planned import Ablation
    from archsearch.metrics import OwnMetric
    from archsearch.program.experiment import ProgramExperiment
    from archsearch.program.program_spec import ProgramSpec
    from archsearch.program.run import FinishedProgram

_RUN_DIR = Path("{run_dir}")  # as it stands in what is shown: a run has its own


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A program in one line, as the options of a command say it; those of each command are fields of its own class."""

    command: str | None = None

    def refuse_without_command(self) -> None:
        """Raise `UsageError` for an option that needs `--command`, where there is none."""
        from archsearch.errors import UsageError

        given = [one.name for one in fields(self) if one.name != "command" and getattr(self, one.name) is not None]
        if given and self.command is None:
            raise UsageError(f"--{given[0]} belongs to --command; a file says it itself")


def is_program_file(reference: str) -> bool:
    """Say whether a name or a path means a program's file."""
    from archsearch.kinds import kind_of_reference

    return kind_of_reference(reference).name == "program"


def is_ablation_of_program(reference: str) -> bool:
    """Say whether a name or a path means an ablation whose baseline is a program."""
    from archsearch.errors import SpecError
    from archsearch.kinds import kind_of_reference
    from archsearch.spec.catalog import find, study_kind
    from archsearch.spec.text.yaml import read_file

    try:
        path = find(reference, "studies")
        node = read_file(path)
    except SpecError:
        return False
    baseline = node.get("baseline") if isinstance(node.value, dict) else None
    if baseline is None or study_kind(node) != "ablation" or not isinstance(baseline.value, str):
        return False
    beside = baseline.value.endswith((".yaml", ".yml"))
    return kind_of_reference(str(path.parent / baseline.value) if beside else baseline.value).name == "program"


def programs_of(reference: str) -> list[ProgramSpec]:
    """Give the programs that a file would execute: its own, those of an ablation's cells, the base of a search."""
    from archsearch.ablate.ablation_file import load_ablation
    from archsearch.ablate.planned import plan_ablation
    from archsearch.program.program_spec import ProgramSpec

    if is_program_file(reference):
        return [_experiment(reference).spec]
    if not is_ablation_of_program(reference):
        return _base_of_search(reference)
    return [cell.spec for cell in plan_ablation(load_ablation(reference)).cells if isinstance(cell.spec, ProgramSpec)]


def _base_of_search(reference: str) -> list[ProgramSpec]:
    """Give the program that a search varies: its values are allowed with it; none of a search of networks."""
    from archsearch.spec.catalog import kind_of_file
    from archsearch.spec.text.yaml import read_file

    if kind_of_file(reference) != "search":
        return []
    base = read_file(Path(reference)).get("base")
    beside = Path(reference).parent / str(base.value) if base is not None else None
    if beside is None or not beside.is_file() or not is_program_file(str(beside)):
        return []
    return [_experiment(str(beside)).spec]


def allow_programs(specs: Iterable[ProgramSpec], file: str | None, once: bool) -> None:
    """Raise `UntrustedError` where one of these programs was not allowed; with `once` allow them for this call."""
    from archsearch.program.permission import program_subject
    from archsearch.trust import allow_once, must_be_trusted

    subjects = {subject.digest: subject for subject in (program_subject(spec, file) for spec in specs)}
    if once:
        allow_once(subjects)
    for subject in subjects.values():
        must_be_trusted(subject)


def allow_cells(ablation: Ablation, file: str | None, once: bool) -> None:
    """Ask for the programs of an ablation's cells and for metrics of one's own; else networks need no leave."""
    from archsearch.program.program_spec import ProgramSpec

    allow_programs((cell.spec for cell in ablation.cells if isinstance(cell.spec, ProgramSpec)), file, once)
    allow_own([*ablation.own, *watched_functions(cell.spec for cell in ablation.cells)], once)


def watched_functions(specs: Iterable[object]) -> list[OwnMetric]:
    """Give the functions of people's files that the early stopping of these networks watches, each once."""
    from archsearch.spec.experiment import ExperimentSpec

    rules = (spec.train.early_stopping for spec in specs if isinstance(spec, ExperimentSpec))
    return list({rule.own.digest: rule.own for rule in rules if rule is not None and rule.own is not None}.values())


def allow_own(metrics: Iterable[OwnMetric], once: bool) -> None:
    """Raise `UntrustedError` where the file of a metric was not allowed; with `once` allow it for this call."""
    from archsearch.trust import allow_once, must_be_trusted

    for subject in [one.subject for one in metrics]:
        if once:
            allow_once([subject.digest])
        must_be_trusted(subject)


def write_program_beside(spec: ProgramSpec, path: Path) -> Path:
    """Write a program beside the file of its study, as `--write` does; raise `UsageError` where a file is there."""
    from archsearch.cli import console
    from archsearch.errors import UsageError
    from archsearch.files import write_whole
    from archsearch.program.from_command import write_program

    beside = path.with_name(f"{path.stem}_program.yaml")
    for file in (path, beside):
        if file.exists():
            raise UsageError(f"--write: {file} exists; choose another name")
    write_whole(beside, write_program(spec, beside).encode())
    console.note(f"wrote {beside}")
    return beside


def share_gpus(count: int | None) -> None:
    """Give each run of a program one of so many GPUs of this machine, in this process and its workers."""
    import os

    from archsearch.study.program_runner import GPUS_VARIABLE

    if count is not None:
        os.environ[GPUS_VARIABLE] = str(count)


def run_program_file(
    reference: str,
    overrides: Sequence[str],
    *,
    seeds: range,
    several: bool,
    fresh: bool,
    runs_dir: Path,
    once: bool,
    json: bool,
) -> None:
    """Run a program with one seed or several, and print what came out."""
    from functools import partial

    from archsearch.cli import console
    from archsearch.errors import NothingCompletedError
    from archsearch.program.lint import lint_program
    from archsearch.program.program_spec import metric_row
    from archsearch.program.run import run_program

    experiment = _experiment(reference, overrides)
    spec = experiment.spec
    allow_programs([spec], reference, once)
    rows = {name: metric_row(spec, name) for name in spec.metrics}
    finished: list[FinishedProgram] = []
    for number in seeds:
        watch = partial(console.program_progress, f"{spec.name} seed {number}")
        one = run_program(experiment, seed=number, runs_dir=runs_dir, fresh=fresh, watch=watch)
        finished.append(one)
        if not json:
            console.print_program_run(one, rows)
    done = [one.result for one in finished if one.result.status == "completed"]
    values = [result.metrics[spec.main_metric] for result in done]
    if json:
        console.print_json(_json(finished, several=several))
    elif several:
        console.print_program_seeds(spec.main_metric, rows[spec.main_metric], values, len(finished) - len(done))
    if len(values) > 1 and len({str(result.metrics) for result in done}) == 1 and not spec.program.deterministic:
        console.note("all seeds gave the same numbers: does the program use {seed}?")
    if findings := lint_program(spec):
        codes = ", ".join(f"{finding.code} {finding.title}" for finding in findings)
        console.note(f"lint: {codes} (archsearch lint {reference})")
    if not done:
        raise NothingCompletedError(f"{spec.name}: {finished[-1].result.reason}")


def _json(finished: Sequence[FinishedProgram], *, several: bool) -> dict[str, Any]:
    runs = [
        one.result.model_dump(
            mode="json",
            include={"run_id", "status", "reason", "seed", "metrics", "seconds", "peak_memory", "exit_code"},
        )
        | {"run_dir": str(one.run_dir), "cached": one.cached}
        for one in finished
    ]
    return {"runs": runs} if several else runs[0]


def _experiment(reference: str, overrides: Sequence[str] = ()) -> ProgramExperiment:
    from archsearch.kinds.program import PROGRAM

    return PROGRAM.load(reference, overrides)


def check_program(reference: str, *, quiet: bool) -> dict[str, Any]:
    """Check a program's file, and say so; nothing is executed."""
    from archsearch.cli import console
    from archsearch.program.lint import lint_program

    experiment = _experiment(reference)
    findings = lint_program(experiment.spec)
    if not quiet:
        console.print_checked_program(reference, experiment)
        for finding in findings:
            console.note(f"  {finding.code} {finding.message}")
    codes = [finding.code for finding in findings]
    return {"spec": reference, "ok": True, "name": experiment.name, "problems": [], "lint": codes}


def show_program(reference: str, overrides: Sequence[str], *, json: bool) -> None:
    """Show what a run of a program would start, with seed 0."""
    from archsearch.cli import console
    from archsearch.program.experiment import resolve

    experiment = _experiment(reference, overrides)
    resolved = resolve(experiment, 0, _RUN_DIR)
    if json:
        console.print_json(console.program_json(experiment, resolved))
    else:
        console.print_program(experiment, resolved)


def show_program_cells(reference: str, *, json: bool) -> None:
    """Show what each cell of an ablation of a program starts, with its first seed."""
    from archsearch.ablate.ablation_file import load_ablation
    from archsearch.ablate.planned import plan_ablation
    from archsearch.cli import console
    from archsearch.kinds.program import PROGRAM
    from archsearch.program.experiment import resolve
    from archsearch.program.program_spec import ProgramSpec

    ablation = plan_ablation(load_ablation(reference))
    specs = [(cell, cell.spec) for cell in ablation.cells if isinstance(cell.spec, ProgramSpec)]
    experiments = [(cell, PROGRAM.plan(spec)) for cell, spec in specs]
    found = [(cell.name, one, resolve(one, cell.run_seeds[0], _RUN_DIR)) for cell, one in experiments]
    if json:
        console.print_json(
            {"name": ablation.name, "cells": {name: console.program_json(one, shown) for name, one, shown in found}}
        )
    else:
        console.print_program_cells([(name, one.spec, shown) for name, one, shown in found])


def diff_programs(a: str, b: str, *, json: bool) -> None:
    """Show in which points two programs differ."""
    from archsearch.cli import console
    from archsearch.program.experiment import changes

    one, other = _experiment(a), _experiment(b)
    found = changes(one, other)
    if json:
        rows = [{"path": change.path, "before": change.before, "after": change.after} for change in found]
        console.print_json({"a": {"name": one.name}, "b": {"name": other.name}, "same": not rows, "changes": rows})
    else:
        console.print_program_changes(one, other, [change.said for change in found])


def lint_program_file(reference: str, *, quiet: bool) -> dict[str, Any]:
    """Look for known mistakes in a program's file."""
    from archsearch.cli import console
    from archsearch.program.lint import lint_program

    findings = lint_program(_experiment(reference).spec)
    if not quiet:
        console.print_program_findings(reference, findings)
    return {"spec": reference, "findings": [one.model_dump(mode="json") for one in findings]}
