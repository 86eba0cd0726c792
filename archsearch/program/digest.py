"""Which files a program's numbers depend on, and their hash.

    names = names_of(section, folder)          # ("train.py", "configs/base.yaml")
    hash_files(folder, names).digest            # the same wherever the folder lies

Within a process a file is read again only where its time, size or inode has changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from archsearch.errors import LimitError, SpecError
from archsearch.files import seal, sha256
from archsearch.program.git import git_index, repository
from archsearch.program.section import FilesDigest, ProgramSection

MOST_FILES = 20_000
_LISTED = 200  # files that are named one by one in a digest
_PASSED_OVER = ("__pycache__", "node_modules", "venv", "env", "site-packages", "runs")
_Stat = tuple[int, int, int]
_known: dict[Path, tuple[_Stat, str]] = {}
_indices: dict[Path, tuple[Path, tuple[int, int], tuple[str, ...]]] = {}


def names_of(section: ProgramSection, folder: Path) -> tuple[str, ...]:
    """Name the files, as paths from the folder: those of `files`, else what git tracks, else *.py.

    A file that the command names is always one of them. Raises `SpecError` where nothing is found.
    """
    if section.files is not None:
        found = {name for pattern in section.files for name in _matching(folder, pattern)}
        if not found:
            raise SpecError(f"no file in {folder} is like {' or '.join(section.files)}", ("program", "files"))
    else:
        found = {name for name in _tracked(folder) if (folder / name).is_file()}
        found = found or set(_python_files(folder))
    named = {str(PurePosixPath(word)) for word in section.command or () if isinstance(word, str) and word}
    found |= {
        name for name in named if not name.startswith(("/", "..")) and "/.." not in name and (folder / name).is_file()
    }
    if len(found) > MOST_FILES:
        raise LimitError(
            f"{len(found):,} files belong to the program, the limit is {MOST_FILES:,}; say which with files",
            ("program", "files"),
        )
    return tuple(sorted(found))


def _tracked(folder: Path) -> tuple[str, ...]:
    """Name what git tracks; git is asked again only where its index has changed."""
    if folder in _indices:
        index, stat, names = _indices[folder]
        if _time_and_size(index) == stat:
            return names
    found = repository(folder)
    if found is None:
        return ()
    index = git_index(folder)
    _indices[folder] = index, _time_and_size(index), tuple(found.tracked)
    return tuple(found.tracked)


def _time_and_size(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


def _matching(folder: Path, pattern: str) -> Iterator[str]:
    if pattern.startswith("/") or ".." in PurePosixPath(pattern).parts:
        raise SpecError(f"{pattern!r} leaves the folder {folder}", ("program", "files"))
    # `configs/**` means what is in it: pathlib's ** alone means folders only
    for path in folder.glob(f"{pattern}/*" if pattern.endswith("**") else pattern):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix()


def _python_files(folder: Path) -> Iterator[str]:
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _PASSED_OVER]
        for name in files:
            if name.endswith(".py"):
                yield Path(root, name).relative_to(folder).as_posix()


def hash_files(folder: Path, names: Sequence[str]) -> FilesDigest:
    """Hash files by their paths from the folder and their contents."""
    hashes = {name: _hash(folder / name) for name in names}
    shown = {name: digest[:16] for name, digest in hashes.items()} if len(hashes) <= _LISTED else {}
    return FilesDigest(digest=seal(hashes), count=len(hashes), files=shown)


def with_git(digest: FilesDigest, folder: Path) -> FilesDigest:
    """Add which commit the folder is at, and what differs from it."""
    found = repository(folder)
    if found is None:
        return digest
    return digest.model_copy(update={"commit": found.commit or None, "dirty": found.dirty()[:_LISTED]})


def changed_files(before: FilesDigest, now: FilesDigest) -> tuple[str, ...]:
    """Name the files that differ between two digests; none where they are too many to be named."""
    if not before.files or not now.files:
        return ()
    every = sorted({*before.files, *now.files})
    return tuple(name for name in every if before.files.get(name) != now.files.get(name))


def _hash(path: Path) -> str:
    """Give the SHA-256 of a file, "" where it is gone."""
    try:
        stat = path.stat()
        key = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if (known := _known.get(path)) is not None and known[0] == key:
            return known[1]
        found = sha256(path.read_bytes())
    except OSError:
        return ""
    _known[path] = key, found
    return found
