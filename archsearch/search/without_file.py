"""A search of a program that is declared without a file: what is open as text, and the file that says it.

    name, domain = read_space("lr=float:1e-4..1e-1:log")
    declare_values(spec, {"lr": {"float": [1e-4, 1e-1], "log": True}}, name="mine", trials=20)

What the command line and the Python API have in common: the search is the file that would be written, read again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from archsearch.errors import UsageError
from archsearch.kinds import PROGRAM
from archsearch.program.from_command import read_values
from archsearch.program.program_spec import ProgramSpec
from archsearch.search.search_file import SearchFile, declared_study
from archsearch.spec.text.write import flow
from archsearch.wording import SPACE_FORMS


def declare_values(
    spec: ProgramSpec, opened: Mapping[str, Mapping[str, Any]], *, name: str, trials: int | None = None
) -> SearchFile:
    """Declare a search over a program's values; domains are written as a search file has them.

    Raises `SpecError` as for a file.
    """
    base = PROGRAM.spec_of(PROGRAM.plan(spec))
    text = _file_text(name, spec.name, opened, trials, PROGRAM.objective(base))
    return declared_study(text, name, base)


def _file_text(
    name: str,
    base: str,
    opened: Mapping[str, Mapping[str, Any]],
    trials: int | None,
    objective: tuple[str, str] | None,
) -> str:
    """Write the search as a file; `base` is a name, or a file beside it."""
    lines = [f"name: {flow(name)}", f"base: {flow(base)}"]
    if objective is not None:
        lines.append(f"objective: {flow({objective[0]: objective[1]})}")
    lines += ["space:", *(f"  values.{value}: {flow(domain)}" for value, domain in opened.items())]
    lines += [f"trials: {trials}"] if trials is not None else []
    return "\n".join(lines) + "\n"


def read_space(text: str) -> tuple[str, dict[str, Any]]:
    """Read one `--space`: the value's name, and what a file would say of it; raise `UsageError`."""
    name, equals, given = text.partition("=")
    kind, colon, rest = given.partition(":")
    if not equals or not given or not name.isidentifier():
        raise UsageError(f"--space: expected {SPACE_FORMS}; got {text!r}")
    if not colon or kind not in ("int", "float"):
        choices = read_values("--space", [text], several=True)[name]
        return name, {"choice": list(choices)}
    bounds, *more = rest.split(":")
    low, dots, high = bounds.partition("..")
    try:
        number = int if kind == "int" else float
        domain: dict[str, Any] = {kind: [number(low), number(high)]}
        for word in more:
            key, _, value = word.partition("=")
            if word == "log":
                domain["log"] = True
            elif key == "step":
                domain["step"] = number(value)
            else:
                raise ValueError
    except ValueError:
        raise UsageError(f"--space {name}: expected {SPACE_FORMS}; got {text!r}") from None
    if not dots or not all(math.isfinite(value) for value in domain[kind]) or domain[kind][0] > domain[kind][1]:
        raise UsageError(f"--space {name}: expected LOW..HIGH, the lower number first; got {bounds!r}")
    if domain.get("log") and domain[kind][0] <= 0:
        raise UsageError(f"--space {name}: a log scale needs a lowest value above 0, got {low}")
    return name, domain


def middle_of(domain: Mapping[str, Any]) -> Any:
    """Give the value of the baseline where none was given: the first choice, the middle of a range on its scale."""
    if "choice" in domain:
        return domain["choice"][0]
    kind = "int" if "int" in domain else "float"
    low, high = domain[kind]
    if step := domain.get("step"):
        return low + step * (int((high - low) / step + 1e-9) // 2)
    middle = math.sqrt(low * high) if domain.get("log") else (low + high) / 2
    return round(middle) if kind == "int" else min(max(float(f"{middle:.3g}"), low), high)
