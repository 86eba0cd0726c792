"""The folder that a program runs in: its own, or a copy of its files with another commit's tree or with patches.

    with_changes(section)      # Workfolder(path, names): the folder itself, where nothing is changed

A copy stands in the user's cache, is used by every run of the same change, and is removed when none has used it for a
while. What is not one of the program's files (data, an environment) is linked in it, so that the program finds it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from archsearch.data.location import data_dir
from archsearch.errors import SpecError, UnavailableError
from archsearch.files import seal, write_json
from archsearch.program.digest import hash_files, names_of
from archsearch.program.git import apply_patch, extract, repository
from archsearch.program.section import ProgramSection

_UNUSED_SECONDS = 14 * 86400


@dataclass(frozen=True, slots=True)
class Workfolder:
    """Where a program runs, and its files there, as paths from it."""

    path: Path
    names: tuple[str, ...]


def with_changes(section: ProgramSection) -> Workfolder:
    """Give the folder that a program runs in; make the copy where it has a ref or patches.

    Raises `SpecError` for a folder that is gone and for a patch that does not apply.
    """
    folder = Path(section.folder)
    if not folder.is_dir():
        raise SpecError(f"there is no folder {folder}", ("program", "folder"))
    if section.ref is None and not section.patches:
        return Workfolder(folder, names_of(section, folder))
    _refuse_own_path(section, folder)
    base = names_of(section, folder) if section.ref is None else ()
    commit = section.ref.commit if section.ref is not None else None
    key = seal([str(folder), commit, [one.text for one in section.patches], hash_files(folder, base).digest])[:32]
    place = _copies() / key
    if (found := _there(place)) is not None:
        return found
    made = _made(section, folder, base, place)
    _remove_unused(place)
    return made


def _copies() -> Path:
    return data_dir() / "programs"


def _there(place: Path) -> Workfolder | None:
    """Give a copy that was made before, unless a run has altered it: that one is put aside."""
    held = place / "names.json"
    try:
        facts = json.loads(held.read_bytes())
        names = tuple(facts["names"])
        if hash_files(place / "tree", names).digest == facts["digest"]:
            os.utime(held)
            return Workfolder(place / "tree", names)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        pass
    aside = place.with_name(f".{place.name}-{uuid.uuid4().hex[:8]}")
    try:
        place.rename(aside)
    except OSError:
        return None
    shutil.rmtree(aside, ignore_errors=True)
    return None


def _made(section: ProgramSection, folder: Path, base: tuple[str, ...], place: Path) -> Workfolder:
    new = place.with_name(f".{place.name}-{uuid.uuid4().hex[:8]}")
    tree = new / "tree"
    try:
        tree.mkdir(parents=True)
        if section.ref is not None:
            assert section.ref.commit is not None
            extract(folder, section.ref.commit, tree)
        for name in base:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / name, tree / name)
        for patch in section.patches:
            apply_patch(tree, patch.name, patch.text)
        names = _names_in(section, tree)
        _link_the_rest(folder, tree, _own(folder, base))
        write_json(new / "names.json", {"names": list(names), "digest": hash_files(tree, names).digest})
        try:
            new.rename(place)
        except OSError:  # another process made it meanwhile
            if (found := _there(place)) is not None:
                return found
            raise
    except OSError as error:
        raise UnavailableError(f"a copy of {folder} cannot be made in {place.parent}: {error.strerror}") from None
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return Workfolder(place / "tree", names)


def _names_in(section: ProgramSection, tree: Path) -> tuple[str, ...]:
    """Name the program's files in a copy: those of `files`, else all of them, as the rest is not linked yet."""
    if section.files is not None:
        return names_of(section, tree)
    return tuple(sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()))


def _own(folder: Path, base: tuple[str, ...]) -> set[str]:
    """Name what belongs to the program in the folder itself: what a commit or a patch took out must not come back."""
    found = repository(folder)
    return {*base, *(found.tracked if found is not None else ())}


def _link_the_rest(folder: Path, tree: Path, own: set[str]) -> None:
    """Link what stands beside the program's files, in every folder that the copy has."""
    for root, _, _ in list(os.walk(tree)):
        below = Path(root).relative_to(tree)
        there = folder / below
        if not there.is_dir():
            continue
        for entry in os.scandir(there):
            name = (below / entry.name).as_posix()
            to = tree / name
            if entry.name in (".git", "__pycache__") or name in own or os.path.lexists(to):
                continue
            if entry.is_dir() and any(one.startswith(f"{name}/") for one in own):
                continue  # a folder of the program that the change took out
            to.symlink_to(entry.path, target_is_directory=entry.is_dir())


def _refuse_own_path(section: ProgramSection, folder: Path) -> None:
    """Refuse a command that names a file of the folder by its whole path: it would miss the change."""
    for index, word in enumerate(section.command or ()):
        if isinstance(word, str) and Path(word).is_absolute() and Path(word).is_relative_to(folder):
            raise SpecError(
                f"{word} is the file itself, which a patch or a ref does not change; name it from the folder {folder}",
                ("program", "command", index),
            )


def _remove_unused(kept: Path) -> None:
    """Remove copies that no run has used for two weeks, and what was left of unfinished ones."""
    for place in kept.parent.iterdir():
        held = place if place.name.startswith(".") else place / "names.json"
        try:
            old = time.time() - held.stat().st_mtime > _UNUSED_SECONDS
        except OSError:
            continue
        if old and place != kept:
            shutil.rmtree(place, ignore_errors=True)
