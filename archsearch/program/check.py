"""What is wrong with a program's file beyond its single fields: braces, values, metrics, objective.

    faults(spec)        # [Fault(("program", "command", 5), "unknown brace {lrr}; ...", nth=0)]

Each fault says where it is in the spec, and a brace which one it is, so that the file's line and column can be said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from archsearch.errors import SpecError
from archsearch.metrics import row_of_any, usual_direction
from archsearch.program.braces import RUN_NAMES, Brace, alone, braces
from archsearch.program.config import config_text
from archsearch.program.program_spec import RESERVED, ProgramSpec
from archsearch.spec.text.sentences import quoted, unknown
from archsearch.spec.text.yaml import Loc


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong; `nth` counts the opening braces before it in the text at `loc`, None for all of it."""

    loc: Loc
    message: str
    nth: int | None = None


def texts_of(spec: ProgramSpec) -> Iterator[tuple[Loc, str, bool]]:
    """Yield every text that may hold braces, with its place, and whether a list may stand there alone."""
    section = spec.program
    for index, word in enumerate(section.command or ()):
        if isinstance(word, str):
            yield ("program", "command", index), word, True
    for name, value in section.environment.items():
        if isinstance(value, str):
            yield ("program", "environment", name), value, False
    if section.stdin is not None:
        yield ("program", "stdin"), section.stdin, False
    if section.config is not None:
        yield ("program", "config", "to"), section.config.to, False
        yield from _inside(("program", "config", "edits"), section.config.edits)


def _inside(loc: Loc, value: Any) -> Iterator[tuple[Loc, str, bool]]:
    if isinstance(value, str):
        yield loc, value, True
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _inside((*loc, key), item)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _inside((*loc, index), item)


def names_used(spec: ProgramSpec) -> set[str]:
    """Name what stands in braces anywhere, in a configuration's template too."""
    used = {brace.name for _, text, _ in texts_of(spec) for brace in braces(text) if brace.name is not None}
    if (text := template_with_braces(spec)) is not None:
        used |= {name for name in (*RUN_NAMES, *spec.values) if f"{{{name}}}" in text}
    return used


def template_with_braces(spec: ProgramSpec) -> str | None:
    """Give the text of a configuration's template whose braces are filled: where no values of it are edited."""
    config = spec.program.config
    return None if config is None or config.edits else config.text


def faults(spec: ProgramSpec) -> Iterator[Fault]:
    """Yield what cannot be, in the order of the file."""
    yield from _braces(spec)
    yield from _values(spec)
    yield from _metrics(spec)


def _braces(spec: ProgramSpec) -> Iterator[Fault]:
    known = (*RUN_NAMES, *spec.values)
    for loc, text, lists in texts_of(spec):
        for brace in braces(text):
            if (message := _wrong(brace, known)) is not None:
                yield Fault(loc, message, brace.nth)
            elif isinstance(spec.values.get(brace.name or ""), tuple) and not (lists and alone(text) == brace.name):
                where = "an argument of its own" if loc[1] == "command" else "an argument of the command"
                yield Fault(loc, f"{{{brace.name}}} is a list, which can only stand as {where}", brace.nth)
    command = spec.program.command
    if command is not None and isinstance(command[0], str) and set(_names(command[0])) & set(RUN_NAMES):
        yield Fault(("program", "command", 0), "what is started cannot depend on the run; name the program", 0)


def _names(text: str) -> list[str | None]:
    return [brace.name for brace in braces(text)]


def _wrong(brace: Brace, known: tuple[str, ...]) -> str | None:
    if brace.name is None:
        return "this brace has no other half; a brace that is meant as one is written twice: {{ or }}"
    if brace.name not in known:
        if not brace.name.isidentifier():
            return (
                f"{{{brace.name}}} is no name of a value; a brace that is meant as one is written twice: {{{{ and }}}}"
            )
        return f"{unknown('name in braces', brace.name, known)}; a brace that is meant as one is written twice: {{{{"
    return None


def _values(spec: ProgramSpec) -> Iterator[Fault]:
    for name in spec.values:
        if name in RUN_NAMES:
            yield Fault(("values", name), f"{name} is what a run brings along; call the value something else")
    if spec.program.function is not None:
        return
    used = names_used(spec)
    for name in spec.values:
        if name not in used and name not in RUN_NAMES:
            yield Fault(
                ("values", name),
                f"{name} stands in no brace, so it would change nothing; put {{{name}}} where it is meant",
            )
    config = spec.program.config
    if (
        config is not None
        and config.text is not None
        and not config.edits
        and not names_used(spec) & _in(config.text, spec)
    ):
        yield Fault(
            ("program", "config"),
            f"nothing of {config.template} would change: it has no name in braces, and there are no edits",
        )
    if config is not None and config.text is not None and config.edits:
        try:
            config_text(config, {}, {})  # with what stands in braces as it is: are the places there?
        except SpecError as error:
            yield Fault(error.loc, str(error))
    if spec.program.gpus is None and "device" in used:
        yield Fault(("program",), "{device} is the index of a GPU; say with gpus: how many there are")


def _in(text: str, spec: ProgramSpec) -> set[str]:
    return {name for name in (*RUN_NAMES, *spec.values) if f"{{{name}}}" in text}


def _metrics(spec: ProgramSpec) -> Iterator[Fault]:
    objective = spec.objective
    if objective is not None and objective.metric not in spec.metrics:
        yield Fault(("objective", _way(spec)), unknown("metric", objective.metric, spec.metrics))
    for name, given in spec.metrics.items():
        row, way = row_of_any(name), None
        if name in RESERVED:
            yield Fault(("metrics", name), f"{name} is what a run's record calls something else; take another name")
        if name in ("seconds", "peak_memory") and given.measured not in (None, name):
            yield Fault(("metrics", name, "measured"), f"{name} cannot be what is measured as {given.measured}")
        usual = row.direction if row is not None else usual_direction(name)
        if objective is not None and objective.metric == name:
            way = objective.way
        if given.direction is None and way is None and usual is None and len(spec.metrics) > 0:
            yield Fault(
                ("metrics", name),
                f"{name} is no metric that is known here: say which way is better, direction: maximize or minimize",
            )
        if way is not None and way != (given.direction or usual or way):
            known = "its direction" if given.direction is not None else "as known"
            yield Fault(
                ("objective", _way(spec)),
                f"of {name} {'more' if way == 'minimize' else 'less'} is better ({known}: {given.direction or usual}); "
                "correct one of both, or give the metric a direction of its own",
            )
        if given.margin is not None and given.unit in ("fraction", "percent") and given.margin >= 1:
            yield Fault(
                ("metrics", name, "margin"),
                f"{quoted(given.margin)} as the margin of a fraction between 0 and 1; 0.1 percentage points are 0.001",
            )
    config = spec.program.config
    if config is not None and not config.to.startswith("{run_dir}/") and (config.to[:1] in "/{" or ".." in config.to):
        yield Fault(("program", "config", "to"), f"{config.to!r} is not in {{run_dir}}, so all runs would share it")
    for loc, name in _files(spec):
        if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
            yield Fault(loc, f"{name!r} leaves the run's folder; a file that a run writes stands in {{run_dir}}")


def _way(spec: ProgramSpec) -> str:
    return spec.objective.way if spec.objective is not None else ""


def _files(spec: ProgramSpec) -> Iterator[tuple[Loc, str]]:
    """Yield the files that metrics and history are read from."""
    for name, given in spec.metrics.items():
        if given.json_file is not None:
            yield ("metrics", name, "json"), given.json_file
        if given.csv is not None:
            yield ("metrics", name, "csv"), given.csv
    if spec.history is not None:
        yield ("history", "csv"), spec.history.csv


def result_files(spec: ProgramSpec) -> tuple[str, ...]:
    """Name the files that metrics and history are read from, each once."""
    return tuple(dict.fromkeys(name for _, name in _files(spec)))


def shares_results(spec: ProgramSpec) -> bool:
    """Say whether all runs write the files of their metrics in the one folder: nothing tells a run where to write."""
    return bool(result_files(spec)) and "run_dir" not in names_used(spec)
