"""What a program asks to be trusted with: its command, its folder and its changes, not the values in its braces.

must_be_trusted(program_subject(spec))
"""

from __future__ import annotations

import shlex
from itertools import pairwise, takewhile

from archsearch.files import seal
from archsearch.program.braces import braces
from archsearch.program.program_spec import ProgramSpec
from archsearch.trust import Subject

_WITHOUT_FILE = "the same once more with --trust; --write FILE writes files, for which archsearch trust FILE asks once"
_CODE = ("-c", "-e", "-E", "-m", "--eval", "--command", "-lc", "-ec", "-xc")  # options that are followed by code


def program_subject(spec: ProgramSpec, file: str | None = None) -> Subject:
    """Give a program as what asks to be executed; `file` is what was read, which `archsearch trust` takes.

    What is allowed is the program section: another level of a value is allowed with it, another command, variable,
    patch, ref or folder is not. Where a value says what is started, or is code for an interpreter (`sh -c`), that value
    is part of it.
    """
    section = spec.program
    started = _started([str(word) for word in section.command or ()])
    named = {brace.name for word in started for brace in braces(word) if brace.name is not None}
    decided = {name: spec.values.get(name) for name in sorted(named) if not _is_number(spec.values.get(name))}
    held = section.model_dump(
        mode="json", exclude={"timeout", "retries", "deterministic", "parallel", "gpus"}, exclude_defaults=True
    )
    name = file or spec.name
    return Subject(
        kind="program",
        name=name,
        digest=seal({"kind": "program", "program": held, "values": {str(k): str(v) for k, v in decided.items()}}),
        shows=tuple(_lines(spec)),
        allow=f"archsearch trust {shlex.quote(file)}" if file else _WITHOUT_FILE,
    )


def _is_number(value: object) -> bool:
    """Say whether a value is no code, wherever it stands."""
    return isinstance(value, (int, float))


def _started(words: list[str]) -> list[str]:
    """Give the words that are executed: the first, and what follows an interpreter's own option for code."""
    options = list(takewhile(lambda pair: pair[0].startswith("-"), pairwise(words[1:])))
    return [*words[:1], *(word for option, word in options if option in _CODE)]


def _lines(spec: ProgramSpec) -> list[str]:
    section = spec.program
    if section.function is not None:
        return [f"function  {section.function}", f"folder    {section.folder}"]
    lines = [f"command   {shlex.join(str(word) for word in section.command or ())}", f"folder    {section.folder}"]
    lines.append(f"files     {' '.join(section.files) if section.files else 'what git tracks in it, else *.py'}")
    if section.environment:
        lines.append(f"variables {' '.join(f'{name}={value}' for name, value in section.environment.items())}")
    if section.ref is not None:
        lines.append(f"ref       {section.ref.name} ({(section.ref.commit or '')[:12]})")
    lines += [f"patch     {patch.name}" for patch in section.patches]
    if section.config is not None:
        lines.append(f"writes    {section.config.to}")
    return lines
