"""Take what a program's file names into its spec: the folder, patches, the template of a configuration, a ref's commit.

    spec = taken_in(spec, Path("experiments"))

After that a spec is whole: it means the same in any folder of this machine, and a file that is edited later does not
change it.
"""

from __future__ import annotations

import os
from pathlib import Path

from archsearch.errors import SpecError
from archsearch.files import expanded
from archsearch.program.git import commit_of
from archsearch.program.program_spec import ProgramSpec
from archsearch.program.section import ConfigFile, GitRef, Patch
from archsearch.program.tree import with_changes

_MOST_BYTES = 1_000_000


def taken_in(spec: ProgramSpec, folder: Path) -> ProgramSpec:
    """Give the spec with all that it names; names are meant from `folder`.

    Raises `SpecError` (with its place in the spec) for a file, a folder or a ref that is not there, and for a patch
    that does not apply.
    """
    section = spec.program
    own = Path(os.path.normpath(folder.absolute() / expanded(section.folder, ("program", "folder"))))
    if not own.is_dir():
        raise SpecError(f"program.folder: there is no folder {own}", ("program", "folder"))
    section = section.model_copy(
        update={
            "folder": str(own),
            "ref": None if section.ref is None else ref_in(own, section.ref),
            "patches": tuple(
                patch if patch.text else patch_of(folder, patch.name, ("program", "patches", index))
                for index, patch in enumerate(section.patches)
            ),
            "config": None if section.config is None else _with_text(section.config, own),
        }
    )
    spec = spec.model_copy(update={"program": section})
    if section.ref is not None or section.patches:
        try:
            with_changes(section)
        except SpecError as error:
            error.loc = error.loc or ("program", "patches" if section.patches else "ref")
            raise
    return spec


def ref_in(folder: Path, ref: GitRef) -> GitRef:
    """Give a ref with its commit."""
    if ref.commit is not None:
        return ref
    try:
        return ref.model_copy(update={"commit": commit_of(folder, ref.name)})
    except SpecError as error:
        error.loc = ("program", "ref")
        raise


def patch_of(folder: Path, name: str, loc: tuple[str | int, ...] = ()) -> Patch:
    """Read a patch, whose name is meant from `folder`."""
    return Patch(name=name, text=_text(folder / expanded(name, loc), f"patch {name}", loc))


def _with_text(config: ConfigFile, folder: Path) -> ConfigFile:
    if config.text is not None:
        return config
    loc = ("program", "config", "template")
    path = folder / expanded(config.template, loc)
    return config.model_copy(update={"text": _text(path, f"template {config.template}", loc)})


def _text(path: Path, what: str, loc: tuple[str | int, ...]) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SpecError(f"{what}: {path} has more than {_MOST_BYTES:,} bytes", loc)
        # as it is: a patch must keep the line ends that its file has
        return path.read_bytes().decode()
    except OSError as error:
        raise SpecError(f"{what}: {path} cannot be read: {error.strerror}", loc) from None
    except UnicodeDecodeError:
        raise SpecError(f"{what}: {path} is not UTF-8", loc) from None
