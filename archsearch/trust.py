"""What may be executed: a spec is data, a program, an imported file or a metric of one's own is code.

    must_be_trusted(subject)              # UntrustedError says what it is and how to allow it
    trust(python_file(Path("model.py")))
    is_trusted(subject.digest)            # True

What was allowed is the digest of what was shown: whoever changes it is asked again. It is kept in the user's own
configuration (`$XDG_CONFIG_HOME/archsearch/trusted.json`), never beside the file that asks. ARCHSEARCH_TRUST=1 allows
all, for machines that run nothing but one's own code. Knows no spec; executes nothing.
`fresh_module` makes the module of such a file, for whoever executes it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from archsearch.errors import DamagedFileError, UnavailableError, UntrustedError, UsageError
from archsearch.files import expanded, locked, seal, sha256, write_json

VARIABLE = "ARCHSEARCH_TRUST"
_asking: list[bool] = []  # not empty: what asks in this process is allowed
_ONCE = "ARCHSEARCH_TRUST_ONCE"  # digests that are allowed in this process and in those that it starts


@dataclass(frozen=True, slots=True)
class Subject:
    """What asks to be executed.

    `kind` is what people call it (program, Python file), `name` which one; `digest` is the SHA-256 of all that is
    allowed with it, its kind included, so that what was allowed as one thing is not allowed as another. `shows` are the
    lines that a person decides by (command, folder, files), `allow` the command line that allows it.
    """

    kind: str
    name: str
    digest: str
    shows: tuple[str, ...]
    allow: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """What was allowed: as its `Subject` was, and when (UTC, ISO 8601)."""

    kind: str
    name: str
    digest: str
    shows: tuple[str, ...]
    at: str


def python_file(path: Path) -> Subject:
    """Give a Python file as what asks to be executed: it is allowed by its content, wherever it lies.

    Raises `UsageError` where there is no such file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    return python_text(str(path), content, str(path.resolve()))


def python_text(name: str, content: bytes, place: str = "") -> Subject:
    """Give the text of a Python file as what asks to be executed: it is allowed as the file itself is."""
    lines = content.count(b"\n") + (not content.endswith(b"\n") and content != b"")
    said = f"SHA-256 {sha256(content)[:16]}..."  # what two machines can compare
    return Subject(
        kind="Python file",
        name=name,
        digest=seal({"kind": "python", "sha256": sha256(content)}),
        shows=(f"file     {place or name}", f"content  {lines} lines, {said}, and whatever it imports"),
        allow=f"archsearch trust {name}",
    )


def is_trusted(digest: str) -> bool:
    """Say whether this was allowed; raise `DamagedFileError` where the list of what is allowed cannot be read."""
    if os.environ.get(VARIABLE) == "1" or digest in os.environ.get(_ONCE, "").split(","):
        return True
    return any(one.digest == digest for one in allowed())


def allow_once(digests: Iterable[str]) -> None:
    """Allow what has these digests in this process, and in the workers that it starts."""
    os.environ[_ONCE] = ",".join((os.environ.get(_ONCE, ""), *digests)).strip(",")


def allow_what_asks() -> Callable[[], None]:
    """Allow in this process, and in the workers that it starts, whatever asks to be executed until the call of `end`.

    That function is given: what was allowed meanwhile is not any more.
    """
    before = os.environ.get(_ONCE, "")
    _asking.append(True)

    def end() -> None:
        _asking.pop()
        os.environ[_ONCE] = before

    return end


def must_be_trusted(subject: Subject, once: bool = False) -> None:
    """Raise `UntrustedError`, which shows what would be executed, unless it was allowed before or is so this `once`."""
    if _asking and not is_trusted(subject.digest):
        allow_once([subject.digest])
    if once or is_trusted(subject.digest):
        return
    earlier = [one for one in allowed() if (one.kind, one.name) == (subject.kind, subject.name)]
    changed = (
        f" ({subject.name} was allowed on {earlier[-1].at[:10]}; this is another one, or it changed since)"
        if earlier
        else ""
    )
    shown = "".join(f"\n  {line}" for line in subject.shows)
    raise UntrustedError(
        f"{subject.name} is a {subject.kind}, which is code, and it was not allowed to run here{changed}:{shown}\n"
        f"Look at it, then allow it: {subject.allow}\n"
        f"(for one call: --trust; where only your own code runs, such as CI: {VARIABLE}=1)"
    )


def trust(subject: Subject) -> Path:
    """Allow it from now on, and give the file that says so."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    path = trusted_file()
    with locked(path.with_suffix(".lock")):
        others = [one for one in allowed() if one.digest != subject.digest]
        _write(path, [*others, Allowed(subject.kind, subject.name, subject.digest, subject.shows, now)])
    return path


def distrust(subject: Subject) -> int:
    """Take back what was allowed: this, and what is kept under its kind and name; give how many entries that were."""
    path = trusted_file()
    with locked(path.with_suffix(".lock")):
        there = allowed()
        left = [
            one
            for one in there
            if one.digest != subject.digest and (one.kind, one.name) != (subject.kind, subject.name)
        ]
        if len(left) < len(there):
            _write(path, left)
    return len(there) - len(left)


def allowed() -> list[Allowed]:
    """Give what was allowed, oldest first; raise `DamagedFileError` where the list is none."""
    path = trusted_file()
    try:
        entries = json.loads(path.read_bytes())["trusted"]
        return [Allowed(**(entry | {"shows": tuple(entry["shows"])})) for entry in entries]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DamagedFileError(f"{path} was altered and allows nothing; mend it, or delete it and allow anew") from None


def trusted_file() -> Path:
    """Find the file that holds what was allowed; it need not exist yet."""
    home = expanded("~")
    if sys.platform == "win32":
        folder = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
    else:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return folder.absolute() / "archsearch" / "trusted.json"


def _write(path: Path, entries: list[Allowed]) -> None:
    write_json(
        path,
        {
            "trusted": [
                {"kind": one.kind, "name": one.name, "digest": one.digest, "shows": list(one.shows), "at": one.at}
                for one in entries
            ]
        },
    )


class _FromText(SourceFileLoader):
    """Compiles the text as it is: Python's kept bytecode stands for any text of that length, written in that second."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def fresh_module(name: str, path: Path) -> tuple[ModuleType, Callable[[], None]]:
    """Give a module for a Python file, and what executes the text that the file has now in it."""
    loader = _FromText(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None, "there is a loader"
    module = importlib.util.module_from_spec(spec)
    return module, lambda: loader.exec_module(module)
