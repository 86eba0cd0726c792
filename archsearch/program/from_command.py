"""A program without a file: a command, values and metrics as a line says them; and the file that it would be.

values = read_values("--baseline", ["norm=batch", "lr=0.1"])
spec = from_command("python train.py --seed {seed} --norm {norm}", values, ["accuracy:last:acc=(\\\\S+)"])
write_program(spec, Path("train.yaml"))
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from archsearch.errors import Problem, SpecError, UsageError
from archsearch.program.check import faults
from archsearch.program.fields import VALUE_NAME
from archsearch.program.program_spec import MetricUnit, ProgramSpec
from archsearch.program.taken_in import taken_in
from archsearch.spec.edit.in_memory import node_of
from archsearch.spec.text.sentences import problems_of, short
from archsearch.spec.text.write import flow
from archsearch.spec.text.yaml import read_text

METRIC_FORMS = (
    "NAME:last:PATTERN, NAME:json:FILE:KEY, NAME:csv:FILE:COLUMN, seconds or peak_memory, such as "
    "accuracy:last:acc=(\\S+); for 98.1 in place of 0.981, accuracy:percent:last:acc=(\\S+)"
)


def from_command(
    command: str | Sequence[str],
    baseline: Mapping[str, Any] | None = None,
    metrics: Sequence[str] = (),
    *,
    folder: str | Path | None = None,
    maximize: str | None = None,
    minimize: str | None = None,
    name: str | None = None,
) -> ProgramSpec:
    """Describe a command as a program; `baseline` are the values in its braces, `metrics` as `METRIC_FORMS` says.

    The objective is what `maximize` or `minimize` names, else the first metric. Raises `UsageError` for a metric that
    is not written so and `SpecError` for what would be wrong in a file.
    """
    if maximize is not None and minimize is not None:
        raise UsageError("give one of maximize and minimize")
    if not metrics:
        raise UsageError(f"say what the program gives: --metric, as {METRIC_FORMS}")
    tree: dict[str, Any] = {
        "name": name or _name_of(command),
        "program": {"command": command if isinstance(command, str) else list(command)},
        "values": {key: list(v) if isinstance(v, tuple) else v for key, v in (baseline or {}).items()},
        "metrics": dict(_metric(text) for text in metrics),
    }
    if folder is not None:
        tree["program"]["folder"] = str(folder)
    for way, metric in (("maximize", maximize), ("minimize", minimize)):
        if metric is not None:
            tree["objective"] = {way: metric}
    try:
        spec = ProgramSpec.model_validate(tree)
    except ValidationError as error:
        raise SpecError(problems_of(error, node_of(tree, "the command line"), ProgramSpec)) from None
    spec = taken_in(spec, Path.cwd())
    if found := list(faults(spec)):
        raise SpecError([Problem(_place(fault.loc), fault.message) for fault in found])
    return spec


def _place(loc: tuple[str | int, ...]) -> str:
    options = {"program": "--command", "values": "--baseline", "metrics": "--metric"}
    return options.get(str(loc[0]), "the command line")


def read_values(option: str, texts: Sequence[str], *, several: bool = False) -> dict[str, Any]:
    """Read `norm=batch` and `lr=0.1`; with `several` a list of values each, `norm=layer,none`.

    A value is what YAML makes of it: `[a, b]` is a list, `"1"` a text. Raises `UsageError` for what is not so written.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, given = text.partition("=")
        if not equals or not re.fullmatch(VALUE_NAME, name):
            raise UsageError(f"{option}: expected name=value, such as norm=batch, got {short(text)!r}")
        if name in found:
            raise UsageError(f"{option}: {name} is given twice")
        try:
            value = read_text(f"[{given}]" if several else given, option).plain()
        except SpecError as error:
            raise UsageError(f"{option} {name}: {'; '.join(one.message for one in error.problems)}") from None
        if isinstance(value, dict):
            raise UsageError(f"{option} {name}: expected a value, got keys with values")
        found[name] = value
    return found


def _metric(text: str) -> tuple[str, Any]:
    """Read a metric as a line says it."""
    name, _, rest = text.partition(":")
    place, _, where = rest.partition(":")
    unit: dict[str, str] = {}
    if place in get_args(MetricUnit):
        unit = {"unit": place}
        place, _, where = where.partition(":")
    if name in ("seconds", "peak_memory") and rest in ("", "measured"):
        return name, "measured"
    if place == "last" and where:
        return name, {"last": where} | unit
    if place in ("json", "csv"):
        file, _, key = where.rpartition(":")
        if file and key:
            return name, {place: file, ("key" if place == "json" else "column"): key} | unit
    raise UsageError(f"--metric {short(text)!r}: expected {METRIC_FORMS}")


def _name_of(command: str | Sequence[str]) -> str:
    """Name a program after its script: `python -m tools.train` is train."""
    try:
        words = shlex.split(command) if isinstance(command, str) else list(command)
    except ValueError:
        words = command.split() if isinstance(command, str) else []
    scripts = [word for word in words if re.search(r"\.(py|sh|R|jl|js|pl|rb)$", word)]
    module = words[words.index("-m") + 1] if "-m" in words[:-1] else None
    chosen = scripts[0] if scripts else module.rpartition(".")[2] if module else words[0] if words else "program"
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(chosen).stem).strip("-.")
    return name if name[:1].isalnum() else "program"


# -- the file ----------------------------------------------------------------------------------------------------------


def write_program(spec: ProgramSpec, path: Path) -> str:
    """Give the text of a program's file that would stand at `path`; reading it there gives the same program.

    Raises `UsageError` for a program with a patch or a Python function, which no file of its own can hold.
    """
    if spec.program.function is not None or spec.program.patches:
        raise UsageError(
            f"{spec.name}: {'a function' if spec.program.function else 'a patch'} cannot be written in a file"
        )
    tree = spec.model_dump(mode="json", exclude_defaults=True, exclude={"hashed"})
    section = tree["program"]
    section["folder"] = _folder(spec.program.folder, path)
    if spec.program.ref is not None:
        section["ref"] = spec.program.ref.commit or spec.program.ref.name
    if spec.program.config is not None:
        section["config"].pop("text", None)
    quoted = shlex.quote(path.name)
    lines = [
        f"# archsearch run {quoted} --seeds 3      (once it is allowed: archsearch trust {quoted})",
        f"name: {flow(spec.name)}",
        *([f"summary: {flow(spec.summary)}"] if spec.summary else []),
        "program:",
        "  # what is started, without a shell; {seed}, {run_dir} (its own folder) and the values stand in braces",
        f"  command: {flow(section.pop('command'))}",
        "  # where it runs, meant from this file's folder",
        f"  folder: {flow(section.pop('folder'))}",
    ]
    if "files" not in section:
        lines.append('  # files: ["*.py"]      what the numbers depend on; by default what git tracks here, else *.py')
    lines += [f"  {key}: {flow(value)}" for key, value in section.items()]
    if spec.values:
        lines += ["# what stands in the braces; a level of a factor changes them: set: {values.NAME: ...}"]
        lines += ["values:", *(f"  {key}: {flow(value)}" for key, value in tree["values"].items())]
    lines += ["# what it gives: a file that it writes (json, csv), the last match in its output (last), or measured"]
    lines += ["metrics:", *(f"  {key}: {flow(_short(key, value))}" for key, value in tree["metrics"].items())]
    rest = ("history", "objective", "source", "departures", "lint")
    lines += [f"{key}: {flow(tree[key])}" for key in rest if key in tree]
    return "\n".join(lines) + "\n"


def program_text(spec: ProgramSpec, path: Path | None = None) -> str:
    """Give the text of a program's file, or of its fields where a patch or a function is part of it: no file of it."""
    try:
        return write_program(spec, path or Path(spec.program.folder) / f"{spec.name}.yaml")
    except UsageError:
        held = spec.model_dump(mode="json", exclude_defaults=True, exclude={"hashed"})
        what = "a function: archsearch.run(FUNCTION, values={...})" if spec.program.function else "a patch"
        head = f"# to be read, not to be run: it has {what}"
        return "\n".join([head, *(f"{key}: {flow(value)}" for key, value in held.items())]) + "\n"


def _short(name: str, source: dict[str, Any]) -> Any:
    return "measured" if source == {"measured": name} else source


def _folder(folder: str, path: Path) -> str:
    """Write the program's folder from its file's, where that is short."""
    relative = os.path.relpath(folder, path.absolute().parent)
    return folder if relative.count("..") > 2 else relative
