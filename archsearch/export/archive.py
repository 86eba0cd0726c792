"""One ZIP file with a manifest: the same content gives the same bytes, and what was altered is never used.

    digest = pack(Path("digits.zip"), {"name": "digits"}, {"study.json": b"{}"})
    with open_archive(Path("digits.zip")) as archive:
        archive.head, archive.read("study.json"), archive.digest

`bundle.json` holds the SHA-256 and the size of every file, and its own. Reading trusts nothing: names, sizes, ratios
and kinds of members are checked first, content when it is read, and no file is ever unpacked to disk. A SHA-256 shows
that a file is what was packed, not who packed it. Knows nothing of what is in the files.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from archsearch.errors import DamagedFileError, UnavailableError, UsageError
from archsearch.files import sealed_text, sha256, unsealed, whole_file
from archsearch.wording import bytes_text

MANIFEST = "bundle.json"
FORMAT = 1
# Of a bundle that is read; packing keeps to them too.
MOST_BUNDLE_FILES = 200_000
MOST_BUNDLE_BYTES = 16 * 2**30
MOST_MANIFEST_BYTES = 64 * 2**20
MOST_TIMES_SMALLER = 200  # JSON and HTML of ours shrink to a fifth or a twentieth; a bomb to a thousandth

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}){0,5}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # devices of Windows
_NUMBERS = (".npz", ".safetensors")  # floats hardly shrink
_BEGINNING_OF_TIME = (1980, 1, 1, 0, 0, 0)  # of a ZIP file: when it is packed shall not change its bytes
_END, _END_BYTES = b"PK\5\6", 22  # what a ZIP file without a comment ends with
_HEAD_OURS = ("format", "files")


class Archive:
    """A bundle that is open for reading: what its manifest says, and files that are checked as they are read."""

    def __init__(self, path: Path, opened: zipfile.ZipFile, head: dict[str, Any], digest: str) -> None:
        self.path = path
        self.digest = digest
        self.sizes: Mapping[str, tuple[int, str]] = MappingProxyType(
            {name: (one["bytes"], one["sha256"]) for name, one in head["files"].items()}
        )
        self.head = {key: value for key, value in head.items() if key not in _HEAD_OURS}
        self._opened = opened

    @property
    def names(self) -> tuple[str, ...]:
        """The files that it holds, beside the manifest."""
        return tuple(self.sizes)

    def read(self, name: str) -> bytes:
        """Give a file as it was packed; raise `DamagedFileError` if it is not that any more."""
        size, digest = self.sizes[name]
        content = _content(self.path, self._opened, name, size)
        if sha256(content) != digest:
            raise refused(self.path, f"{name} is not what was packed")
        return content

    def check(self) -> None:
        """Read every file, and raise `DamagedFileError` for the first that is not what was packed."""
        for name in self.names:
            self.read(name)


def pack(path: Path, head: Mapping[str, Any], files: Iterable[tuple[str, bytes]]) -> str:
    """Write a bundle, whole or not at all, and give its digest: the SHA-256 of its manifest.

    `files` are names with their content, each name once; the order decides the bytes.
    """
    listed: dict[str, Any] = {}
    with whole_file(path) as file, zipfile.ZipFile(file, "w") as written:
        for name, content in files:
            assert _is_name(name), name
            assert name not in listed, name
            listed[name] = {"sha256": sha256(content), "bytes": len(content)}
            written.writestr(_member(name, content), content)
        manifest = sealed_text({**head, "format": FORMAT, "files": listed})
        written.writestr(_member(MANIFEST, manifest), manifest)
    return sha256(manifest)


def _member(name: str, content: bytes) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _BEGINNING_OF_TIME)
    member.create_system = 3  # Unix, also where it is packed on another system
    member.external_attr = (stat.S_IFREG | 0o644) << 16
    shrinks = not name.endswith(_NUMBERS) and 2 * len(content) < MOST_TIMES_SMALLER * len(zlib.compress(content, 1))
    member.compress_type = zipfile.ZIP_DEFLATED if shrinks else zipfile.ZIP_STORED
    return member


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and not any(_RESERVED.fullmatch(part) for part in name.split("/"))


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a bundle, with everything checked but the content of its files.

    Raises `UsageError` where there is no such file, `UnavailableError` for one that cannot be opened, and
    `DamagedFileError` for what is no bundle, was altered, or is made to do harm: a name that leaves its folder, a
    link, a member that is far larger than it looks.
    """
    try:
        opened = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror}") from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise refused(path, "it is no ZIP file, or was cut short") from None
    with opened:
        _nothing_behind(path)
        sizes = _members(path, opened)
        if MANIFEST not in sizes:  # of one that was cut, zipfile may find an inner .npz and open that
            raise refused(path, f"it has no {MANIFEST}: it is no bundle, or was cut short")
        if sizes[MANIFEST] > MOST_MANIFEST_BYTES:
            raise refused(path, f"its {MANIFEST} is larger than {bytes_text(MOST_MANIFEST_BYTES)}")
        manifest = _content(path, opened, MANIFEST, sizes.pop(MANIFEST))
        head = unsealed(manifest)
        if head is None:
            raise refused(path, f"its {MANIFEST} was altered")
        if head.get("format") != FORMAT:
            raise refused(path, f"its format is {head.get('format')!r}, this version reads {FORMAT}")
        _agree(path, head, sizes)
        yield Archive(path, opened, head, sha256(manifest))


def _nothing_behind(path: Path) -> None:
    """Refuse bytes behind the end of a ZIP file, which zipfile passes over: what `pack` wrote has no comment."""
    with path.open("rb") as file:
        file.seek(-_END_BYTES, os.SEEK_END)
        if file.read(4) != _END:
            raise refused(path, "something was written behind its end")


def refused(path: Path, reason: str) -> DamagedFileError:
    """Give the error for a bundle that is not used."""
    return DamagedFileError(f"{path}: {reason}; it is not used. Get it again from where it was made")


def _members(path: Path, opened: zipfile.ZipFile) -> dict[str, int]:
    """Check what the directory of a ZIP file says, and give names with sizes."""
    sizes: dict[str, int] = {}
    members = opened.infolist()
    if len(members) > MOST_BUNDLE_FILES:
        raise refused(path, f"it has {len(members):,} files, more than {MOST_BUNDLE_FILES:,}")
    for member in members:
        name = member.orig_filename
        if not _is_name(name):
            raise refused(path, f"it has a file named {name[:100]!r}, which may lead out of its folder")
        if name in sizes:
            raise refused(path, f"it has two files named {name}")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise refused(path, f"{name} is a link or something else that is no plain file")
        if member.flag_bits & 0x1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refused(path, f"{name} is encrypted, or packed by another method than deflate")
        if member.file_size > MOST_TIMES_SMALLER * max(member.compress_size, 1):
            raise refused(
                path,
                f"{name} is {bytes_text(member.file_size)} packed into "
                f"{bytes_text(member.compress_size)}, as no bundle has it",
            )
        sizes[name] = member.file_size
    if (total := sum(sizes.values())) > MOST_BUNDLE_BYTES:
        raise refused(path, f"it unpacks to {bytes_text(total)}, more than {bytes_text(MOST_BUNDLE_BYTES)}")
    return sizes


def _agree(path: Path, head: dict[str, Any], sizes: Mapping[str, int]) -> None:
    """Raise where the manifest and the members name other files, or other sizes."""
    files: Any = head.get("files")
    if not isinstance(files, dict) or not all(map(_is_listed, files.values())):
        raise refused(path, f"its {MANIFEST} lists no files")
    for name in sorted({*files, *sizes}):
        if name not in sizes:
            raise refused(path, f"{name} is missing")
        if name not in files:
            raise refused(path, f"{name} is not listed in {MANIFEST}")
        if files[name]["bytes"] != sizes[name]:
            raise refused(path, f"{name} is {sizes[name]:,} bytes, {MANIFEST} says {files[name]['bytes']:,}")


def _is_listed(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("bytes"), int) and isinstance(one.get("sha256"), str)


def _content(path: Path, opened: zipfile.ZipFile, name: str, size: int) -> bytes:
    """Read a member of this size; what it says of itself is not trusted."""
    try:
        with opened.open(name) as file:
            content = file.read(size + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError):
        raise refused(path, f"{name} was truncated or altered") from None
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) != size:
        raise refused(path, f"{name} is not {size:,} bytes")
    return content
