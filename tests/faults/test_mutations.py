"""Files that were cut, altered, added to or taken from another run: no traceback, no wrong result, nothing unnoticed.

Each mutation is drawn by its number, so that a failure says which one it was.
"""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from archsearch.errors import ArchsearchError
from tests.faults.damage import WAYS, FileKind, damage, other_kinds, quick_kinds


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutations")


@pytest.fixture(scope="module")
def quick(folder: Path) -> dict[str, FileKind]:
    return quick_kinds(folder)


@pytest.fixture(scope="module")
def kinds(folder: Path, quick: dict[str, FileKind]) -> Iterator[dict[str, FileKind]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
        yield quick | other_kinds(folder, quick["run.json"].path.parent)


@pytest.fixture(autouse=True)
def _same_settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was allowed to run stands where the kinds were made."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))


def attacked(kind: FileKind, way: str, number: int, expected: object) -> str | None:
    """Damage a file and read it; say what went wrong, None where nothing did."""
    whole = kind.path.read_bytes()
    damage(kind.path, kind.other, way, random.Random(number))
    changed = kind.path.read_bytes() != whole
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = kind.read()
    except ArchsearchError as error:
        return None if str(error) else "an error without a word"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        kind.path.write_bytes(whole)
    if found != expected:
        return f"gave {str(found)[:200]}"
    return "was not noticed" if kind.checked and changed else None


def failures(kinds: dict[str, FileKind], numbers: range) -> list[str]:
    names = sorted(kinds)
    wrong = []
    expected = {name: kinds[name].read() for name in names}
    for number in numbers:
        name, way = names[number % len(names)], WAYS[number // len(names) % len(WAYS)]
        what = attacked(kinds[name], way, number, expected[name])
        if what is not None:
            wrong.append(f"mutation {number}: {name}, {way}: {what}")
    assert {name: kinds[name].read() for name in names} == expected, "and whole files are read as before"
    return wrong


def test_a_sample_of_damaged_files_is_refused_or_read_as_it_was(quick: dict[str, FileKind]) -> None:
    assert failures(quick, range(4 * len(quick))) == []


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_two_thousand_damaged_files_are_refused_or_read_as_they_were(kinds: dict[str, FileKind]) -> None:
    assert len(kinds) >= 18
    seed = int(os.environ.get("ARCHSEARCH_FAULTS_SEED", "0"))
    assert failures(kinds, range(seed, seed + 2000)) == []


@pytest.mark.faults
def test_every_byte_of_a_small_checked_file_counts(kinds: dict[str, FileKind]) -> None:
    """Each byte of run.json and outcome.json is flipped once."""
    for name in ("run.json", "outcome.json"):
        kind = kinds[name]
        whole = kind.path.read_bytes()
        try:
            for at in range(0, len(whole), 7):
                kind.path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
                with pytest.raises(ArchsearchError, match=rf"{name} was truncated or altered and is not used"):
                    kind.read()
        finally:
            kind.path.write_bytes(whole)
