"""A program as an experiment: its spec with what its files are, its key, its run ids, and what a run starts.

    experiment = plan_program(load_program("train.yaml"))
    program_run_id(experiment, seed=3)
    resolve(experiment, 3, Path("runs/0123/files")).argv       # ("python", "train.py", "--seed", "3")

Same id, same numbers, as far as the program keeps to its seed. Part of an id are the command with its values, the
variables given, the contents of the files after patches or another commit's tree, the metrics' definitions and the
seed; the folder, the machine and the versions of what is installed are none.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archsearch.errors import Problem, SpecError
from archsearch.files import seal
from archsearch.program.braces import Plainest, alone, filled
from archsearch.program.check import faults, template_with_braces
from archsearch.program.config import config_text
from archsearch.program.digest import hash_files, with_git
from archsearch.program.program_spec import ProgramSpec
from archsearch.program.section import FilesDigest
from archsearch.program.taken_in import taken_in
from archsearch.program.tree import with_changes
from archsearch.spec.nearest import nearest

# Part of every run id: raised whenever the same program and seed would be run otherwise.
PROGRAM_SEMANTICS = 1
_RUN_DIR = "{run_dir}"


@dataclass(frozen=True, slots=True)
class ProgramExperiment:
    """A checked program with the digest of its files as they were when it was planned."""

    spec: ProgramSpec
    files: FilesDigest

    @property
    def name(self) -> str:
        """The spec's name."""
        return self.spec.name

    @property
    def written(self) -> dict[str, Any]:
        """The spec as JSON, with what its files were: `plan_program` of it is this experiment."""
        return self.spec.model_copy(update={"hashed": self.files}).model_dump(mode="json", exclude_defaults=True)

    @property
    def sizes(self) -> Mapping[str, int]:
        """Nothing is counted before a program runs."""
        return {}


@dataclass(frozen=True, slots=True)
class Resolved:
    """What one run starts: no brace is left.

    `environment` are the variables given, without those of the caller; `config` has the text of a file by its path.
    """

    argv: tuple[str, ...]
    environment: dict[str, str]
    stdin: str | None
    config: dict[str, str]
    folder: Path


def plan_program(spec: ProgramSpec) -> ProgramExperiment:
    """Check a spec with what is on this machine, and hash its files; one that was planned before keeps its hash.

    Nothing is executed. Raises `SpecError` for a folder, a file or an executable that is not there.
    """
    if spec.hashed is not None:
        return ProgramExperiment(spec, spec.hashed)
    if spec.program.function is not None:
        source = spec.program.source
        return ProgramExperiment(spec, FilesDigest(digest=seal([source, spec.program.version]), count=0))
    spec = taken_in(spec, Path.cwd())
    if found := list(faults(spec)):
        raise SpecError([Problem(f"{spec.name}: {'.'.join(map(str, one.loc))}", one.message) for one in found])
    where = with_changes(spec.program)
    executable_of(spec, where.path)
    digest = with_git(hash_files(where.path, where.names), Path(spec.program.folder))
    return ProgramExperiment(spec.model_copy(update={"hashed": digest}), digest)


def executable_of(spec: ProgramSpec, folder: Path) -> str:
    """Find what the command starts, on the PATH or from the folder; raise `SpecError` where there is none."""
    assert spec.program.command is not None
    name = filled(str(spec.program.command[0]), _scalars(spec))
    path = str(spec.program.environment.get("PATH") or os.environ.get("PATH", os.defpath))
    loc = ("program", "command", 0)
    if os.sep in name:
        file = folder / name
        if not file.is_file():
            raise SpecError(f"there is no program {name} in {folder}", loc)
        if not os.access(file, os.X_OK):
            raise SpecError(f"{file} cannot be executed; make it so (chmod +x), or name what runs it first", loc)
        return str(file)
    found = shutil.which(name, path=path)
    if found is None:
        here = (folder / name).is_file()
        usual = ("python", "python3", "bash", "sh", "node", "Rscript", "julia")
        near = nearest(name, [one for one in usual if one != name and shutil.which(one, path=path)])
        way_out = f"; it lies in the folder: write ./{name}" if here else f"; did you mean {near!r}?" if near else ""
        raise SpecError(f"there is no program {name!r} on the PATH{way_out}", loc)
    return found


def program_key(experiment: ProgramExperiment) -> str:
    """Name what is run but for the seed: two experiments with one key are the same, whatever they are called."""
    return seal(_identity(experiment))


def program_run_id(experiment: ProgramExperiment, seed: int) -> str:
    """Give the id of a run: the first 16 hexadecimal digits of the SHA-256 of all that decides its numbers."""
    return seal(_identity(experiment) | {"seed": seed})[:16]


def _identity(experiment: ProgramExperiment) -> dict[str, Any]:
    spec, section = experiment.spec, experiment.spec.program
    decides = ("json", "key", "csv", "column", "row", "last", "output", "returned", "measured", "unit", "scale")
    identity: dict[str, Any] = {
        "program": PROGRAM_SEMANTICS,
        "files": experiment.files.digest,
        "values": _written(spec.values),
        "metrics": {
            name: {key: value for key, value in given.model_dump(mode="json").items() if key in decides}
            for name, given in spec.metrics.items()
        },
        "history": None if spec.history is None else spec.history.model_dump(mode="json"),
    }
    if section.function is not None:
        return identity | {"function": section.function}
    config = section.config
    return identity | {
        "command": [str(word) for word in section.command or ()],
        "environment": {name: filled(_text(value), {}) for name, value in section.environment.items()},
        "stdin": section.stdin,
        "config": None if config is None else config.model_dump(mode="json", exclude={"template"}),
    }


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def resolve(experiment: ProgramExperiment, seed: int, run_dir: Path, device: int | None = None) -> Resolved:
    """Put seed, folder, device and values into the braces; starts and writes nothing.

    `device` is the index of a GPU, which `{device}` stands for; without one it is 0.
    """
    spec, section = experiment.spec, experiment.spec.program
    names = _scalars(spec) | {"seed": seed, "run_dir": str(run_dir), "device": device or 0}
    argv: list[str] = []
    for word in section.command or ():
        value = spec.values.get(alone(word) or "") if isinstance(word, str) else None
        if isinstance(value, tuple):
            argv += [_text(item) for item in value]
        else:
            argv.append(filled(_text(word), names))
    return Resolved(
        argv=tuple(argv),
        environment={name: filled(_text(value), names) for name, value in section.environment.items()},
        stdin=None if section.stdin is None else filled(section.stdin, names),
        config=_config(experiment, names),
        folder=Path(section.folder),
    )


def _config(experiment: ProgramExperiment, names: Mapping[str, Plainest]) -> dict[str, str]:
    config = experiment.spec.program.config
    if config is None or config.text is None:
        return {}
    if (text := template_with_braces(experiment.spec)) is not None:
        for name, value in names.items():
            text = text.replace(f"{{{name}}}", _text(value))
    else:
        text = config_text(config, names, experiment.spec.values)
    return {filled(config.to, names): text}


def _scalars(spec: ProgramSpec) -> dict[str, Plainest]:
    return {name: value for name, value in spec.values.items() if not isinstance(value, tuple)}


def _text(value: Plainest) -> str:
    return filled("{value}", {"value": value}) if not isinstance(value, str) else value


def program_differences(one: ProgramExperiment, other: ProgramExperiment) -> list[str]:
    """Say in which points two programs differ: `lr: 0.001 -> 0.01`, `patch no_whitening.diff`, `the files train.py`."""
    return [change.said for change in changes(one, other)]


@dataclass(frozen=True, slots=True)
class ProgramChange:
    """One point in which two programs differ: its path, both values as people write them, and the sentence."""

    path: str
    before: str
    after: str
    said: str


def changes(one: ProgramExperiment, other: ProgramExperiment) -> list[ProgramChange]:
    """Give the points in which two programs differ, values first, files last."""
    from archsearch.program.compared import compare_programs

    return [ProgramChange(*found) for found in compare_programs(one.spec, other.spec, one.files, other.files)]
