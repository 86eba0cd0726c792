"""What a program has written: its last lines, and the last match of a pattern, without reading more than needed.

    last_lines(Path("stderr.txt"), 10)
    last_match(Path("stdout.txt"), re.compile(r"loss=(\\S+)"))       # Match("0.31", "epoch 3 loss=0.31")

Files are read from their end, a piece at a time, so that 100 MB cost no memory. Bytes that are no UTF-8 are shown as
they can be; a carriage return ends a line, as progress bars mean it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archsearch.markup import visible

_FIRST, _PIECE = 1 << 14, 1 << 20  # bytes: what is looked for stands at the end, mostly
_LONGEST = 4000  # characters of a line that are looked at
_VERSION = re.compile(
    r"\b(python|torch|pytorch|torchvision|numpy|scipy|pandas|tensorflow|keras|jax|scikit-learn|sklearn|xgboost|lightgbm"
    r"|lightning|transformers|cuda|cudnn|gcc|julia|R)\b(?:[ =:_-]|version)*v?(\d+\.\d+[\w.+-]*)",
    re.IGNORECASE,
)
_VERSIONS_IN = 16384  # bytes at the beginning in which versions are looked for


@dataclass(frozen=True, slots=True)
class LastMatch:
    """The last match: what stands in the group, the line it stands in, and all that matches in that line."""

    text: str
    line: str
    every: tuple[str, ...]


def last_lines(path: Path, most: int) -> tuple[str, ...]:
    """Give the last lines of a file that are not empty, long ones cut."""
    found: list[str] = []
    for line in lines_from_the_end(path):
        if line.strip():
            found.append(clean(line))
            if len(found) == most:
                break
    return tuple(reversed(found))


def last_match(path: Path, pattern: re.Pattern[str]) -> LastMatch | None:
    """Find the last line in which a pattern with one group matches; None where there is none."""
    for line in lines_from_the_end(path):
        matches = [match[1] or "" for match in pattern.finditer(line)]
        if matches:
            return LastMatch(matches[-1], clean(line), tuple(matches))
    return None


def lines_from_the_end(path: Path) -> Iterator[str]:
    """Yield a file's lines, the last first."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        at = file.seek(0, 2)
        rest, step = b"", _FIRST
        while at:
            size = min(step, at)
            step = min(4 * step, _PIECE)
            at -= size
            file.seek(at)
            rest = file.read(size) + rest
            lines = re.split(rb"[\r\n]+", rest)
            rest = lines[0][-_PIECE:] if at else b""
            for line in reversed(lines[1:] if at else lines):
                yield line[-_LONGEST:].decode(errors="replace")
        if rest:
            yield rest[-_LONGEST:].decode(errors="replace")


def clean(line: str, most: int = 300) -> str:
    """Make a line safe to show: no control characters, and not too long."""
    line = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line.rstrip())
    line = visible(line)
    return line if len(line) <= most else f"{line[: most - 3]}..."


def versions_in(*paths: Path) -> dict[str, str]:
    """Give the versions of well-known things that a program says at its beginning."""
    found: dict[str, str] = {}
    for path in paths:
        try:
            with path.open("rb") as file:
                text = file.read(_VERSIONS_IN).decode(errors="replace")
        except OSError:
            continue
        for match in _VERSION.finditer(text):
            found.setdefault(match[1].lower(), match[2].rstrip("."))
    return found
