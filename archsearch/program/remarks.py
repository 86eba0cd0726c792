"""What is said of a program's finished runs beside their numbers.

said_of_runs([{"wrote": ["made.txt"], "left_behind": 0, "files": {"dirty": ["train.py"]}}])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_NAMED = 5


def said_of_runs(records: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Say, of records of runs, what they wrote into the program's folder, what they left running, what git lacks.

    >>> said_of_runs([{"left_behind": 1}, {}])
    ('1 of 2 runs left a process behind, which was ended with it',)
    """
    found = []
    of = f"of {len(records)} runs"
    wrote = [record["wrote"] for record in records if record.get("wrote")]
    if wrote:
        names = _some(name for one in wrote for name in one)
        found.append(
            f"{len(wrote)} {of} wrote into the program's own folder ({names}): a run may read what others wrote"
        )
    left = sum(bool(record.get("left_behind")) for record in records)
    if left:
        found.append(f"{left} {of} left a process behind, which was ended with it")
    dirty = [record["files"]["dirty"] for record in records if record.get("files", {}).get("dirty")]
    if dirty:
        names = _some(name for one in dirty for name in one)
        found.append(
            f"{len(dirty)} {of} had files that differ from the git commit ({names}): the commit alone is not it"
        )
    return tuple(found)


def _some(names: Iterable[str]) -> str:
    """Name the first few, each once."""
    every = list(dict.fromkeys(names))
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more
