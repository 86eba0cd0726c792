"""The first files for what a path holds: made, and written if nothing is overwritten.

    begun = begin(Path("train.py"), into=Path("."))       # texts, and the commands that come next
    write_begun(begun, force=False)

Nothing is executed unless `run_help` says so and the script is trusted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from archsearch.errors import SpecError, UsageError
from archsearch.files import write_whole
from archsearch.init.candidates import CandidateKind, the_one, what_is
from archsearch.init.first_ablation import first_ablation
from archsearch.init.options import Option
from archsearch.init.program_file import program_file
from archsearch.init.script import Script, read_script
from archsearch.wording import count_of

_SOURCES: dict[CandidateKind, Literal["folder", "npz", "table"]] = {
    "images": "folder",
    "arrays": "npz",
    "table": "table",
}
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Begun:
    """What is to be written: `files` are paths with their texts and what each is, in the order of reading.

    `found` says in words what was found, `open` what is left to fill in, `said` what a person ought to know, and `next`
    holds the commands that come next.
    """

    path: Path
    kind: CandidateKind
    files: tuple[tuple[Path, str, str], ...]
    found: tuple[str, ...] = ()
    open: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    next: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person asked for: the file to write, a sub-command, and whether the script is run with --help."""

    output: Path | None = None
    subcommand: str = ""
    run_help: bool = False
    trusted: bool = False


def begin(path: Path, into: Path, asked: Asked | None = None) -> Begun:
    """Make the first files for a path, or for the one thing that a folder holds.

    `into` is the folder that files are written to. Raises `UsageError` where nothing can be made or several things lie
    there, `SpecError` and `DamagedFileError` for what cannot be read.
    """
    asked = asked or Asked()
    kind = what_is(path)
    if kind is None:
        one = the_one(path)
        path, kind = one.path, one.kind
    if kind not in ("script", "program") and (asked.subcommand or asked.run_help):
        raise UsageError(f"{path} is no script: --subcommand and --run-help are for scripts")
    target = _target(path, into, asked.output)
    if kind in ("script", "program"):
        return _of_script(path, kind, target, into, asked)
    if kind == "table":
        return _of_results(path) or _of_data(path, kind, target)
    return _of_data(path, kind, target)


def _target(path: Path, into: Path, output: Path | None) -> Path:
    if output is not None:
        if output.suffix not in (".yaml", ".yml"):
            raise UsageError(f"--output {output}: what is written is a YAML file; call it {output}.yaml")
        if _NOT_IN_NAMES.search(output.stem) or not output.stem[0].isalnum():
            raise UsageError(
                f"--output {output}: a name is letters, digits and _ . -, and begins with one of the first"
            )
        return output
    stem = path.resolve().stem if path.resolve().is_file() else path.resolve().name
    name = _NOT_IN_NAMES.sub("_", stem).strip("_.-")[:80]
    return into / f"{name or 'first'}.yaml"


def _of_script(path: Path, kind: CandidateKind, target: Path, into: Path, asked: Asked) -> Begun:
    script = _read(path, kind, into, asked)
    name = target.stem
    first = program_file(script, name, target.parent)
    text, open_factors, others = first_ablation(script, name, f"{name}_ablation")
    files = [(target, first.text, f"how {path.name} is run")]
    beside = target.with_name(f"{name}_ablation{target.suffix}")
    if text:
        more = f", {others} more as {'a comment' if others == 1 else 'comments'}" if others else ""
        files.append((beside, text, f"an example: {count_of(open_factors, 'factor')}{more}"))
    commands = [f"archsearch trust {target}", f"archsearch run {target} --seeds 2"]
    commands += [f"archsearch ablate {beside}"] if text else []
    return Begun(path, kind, tuple(files), tuple(_found(script)), first.open, first.said, tuple(commands))


def _read(path: Path, kind: CandidateKind, into: Path, asked: Asked) -> Script:
    if kind == "program":
        if asked.run_help:
            raise UsageError(f"{path} is no Python script; --help of other programs is not read")
        return Script(path, "")
    told: tuple[Option, ...] = ()
    if asked.run_help:
        from archsearch.init.help_options import help_options, run_help
        from archsearch.trust import must_be_trusted, python_file

        must_be_trusted(python_file(path), once=asked.trusted)
        told = help_options(run_help(path, into), f"{path.name} --help")
    return read_script(path, into, asked.subcommand, told)


def _found(script: Script) -> list[str]:
    """Say what was found in a script, a line each."""
    by = f" ({script.by}{f', {script.command}' if script.command else ''})" if script.by else ""
    found = [f"arguments{by}: {len(script.options) or 'none'}"]
    seed = script.seed
    found.append(f"seed: {f'{seed.flag} ({seed.where})' if seed is not None else 'none'}")
    known = [one for one in script.metrics if one.direction is not None]
    found.append(f"metrics: {', '.join(f'{one.name} ({one.where})' for one in known) or 'none'}")
    if script.output is not None:
        found.append(f"results go to: {script.output.flag} ({script.output.where})")
    return found


def _of_data(path: Path, kind: CandidateKind, target: Path) -> Begun:
    from archsearch.init.first_spec import first_spec, first_spec_text, samples_text

    first = first_spec(_SOURCES[kind], path, target.stem, target.parent)
    found = (samples_text(first.plan.facts),)
    what = f"a network of {count_of(first.plan.network.parameters, 'parameter')}"
    commands = (f"archsearch show {target}", f"archsearch run {target}")
    return Begun(path, kind, ((target, first_spec_text(first, target.stem), what),), found, (), first.said, commands)


def _of_results(path: Path) -> Begun | None:
    """Say what is done with a table of results; None for one of samples."""
    from archsearch.ablate.compare import read_values

    try:
        values = read_values(path)
    except SpecError:
        return None
    runs = sum(len(by_seed) for by_seed in values.runs.values())
    found = (f"{count_of(len(values.runs), 'variant')}, {count_of(runs, 'run')}: results, which need no file",)
    return Begun(path, "table", (), found, next=(f"archsearch compare {path} --baseline {next(iter(values.runs))}",))


def write_begun(begun: Begun, *, force: bool = False) -> None:
    """Write the files; raise `UsageError` where one of them is there, and then write none."""
    there = [path for path, _, _ in begun.files if path.exists() or path.is_symlink()]
    if there and (not force or any(path.is_dir() for path in there)):
        first = begun.files[0][0]
        raise UsageError(
            f"{' and '.join(map(str, there))} {'is' if len(there) == 1 else 'are'} there already and not overwritten; "
            f"--force writes {'it' if len(there) == 1 else 'them'} anew, -o {first.stem}_2.yaml another"
        )
    for path, text, _ in begun.files:
        write_whole(path, text.encode("utf-8"))
