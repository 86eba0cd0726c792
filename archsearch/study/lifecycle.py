"""Make a study, open it again, find those that are there: what a search and an ablation have in common.

    study = open_or_make(storage, "lenet", "search", [("maximize", "val_accuracy")], lambda: held)
    existing_study("lenet", storage), study_names(storage), read_each(storage, "search", read)

A study is made with all that it holds in one transaction: it is there whole or not at all. What `kind` means is said by
who asks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import optuna
from optuna.study import StudyDirection

from archsearch.errors import ArchsearchError, DamagedFileError, SpecError, UnavailableError, UsageError
from archsearch.study.held import HeldConfirmation, HeldKind, HeldPart, HeldStudy, required_fields, stored
from archsearch.study.ledger import declared
from archsearch.study.storage import Storage, Study, default_url
from archsearch.study.transaction import make_study

T = TypeVar("T")
Look = Callable[[Study], None]

# what an error calls a study that is of another kind than was asked for
_WORDS: dict[str, str] = {"search": "no search", "ablation": "no ablation", "confirm": "no confirmation of a search"}


@dataclass(frozen=True, slots=True)
class Settings:
    """How a study is worked on; None means what its file says. `elsewhere`: by workers that this process only watches.

    `artifacts` is a place for the files of runs, beside the runs folder: see `study/artifacts.py`.
    """

    seconds: float = math.inf
    workers: int = 1
    storage: str | None = None
    name: str | None = None
    runs_dir: Path = Path("runs")
    data_dir: Path | None = None
    elsewhere: bool = False
    artifacts: str | None = None

    @property
    def url(self) -> str:
        """The storage's URL: as given, else that of the file beside the runs."""
        return self.storage or default_url(self.runs_dir)


def check_name(name: str) -> None:
    """Raise `UsageError` for what cannot be the name of a study: its report and its winner are files called so."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise UsageError(f"--name: {name!r} may hold letters, digits, _ . - only, and begins with a letter or digit")


def open_or_make(
    storage: Storage, name: str, kind: HeldKind, objective: Sequence[tuple[str, str]], make: Callable[[], HeldPart]
) -> Study:
    """Open the study of this name, or make it of what `make` gives: directions and metrics as the objective has them.

    A study without a trial that lacks something was left half made by version 0.1.0, and is completed. Whether a study
    that was there is the same search or ablation is for the caller to say. Raises `SpecError` if it is of another kind.
    """
    check_name(name)
    return _open_or_make(storage, name, kind, objective, make)


def _open_or_make(
    storage: Storage, name: str, kind: HeldKind, objective: Sequence[tuple[str, str]], make: Callable[[], HeldPart]
) -> Study:
    study = _open(name, storage)
    if study is None or _is_half_made(study, kind):
        directions = [StudyDirection[direction.upper()] for direction, _ in objective]
        attrs = stored(make())
        there = {} if study is None else HeldStudy(study).attrs  # which stays
        attrs |= declared(name, objective, {**attrs, **there})
        make_study(storage, name, directions, [metric for _, metric in objective], attrs)
        study = optuna.load_study(study_name=name, storage=storage)
    if HeldStudy(study).kind != kind:
        raise SpecError(f"{name} exists and is {_WORDS[kind]}; choose another name with --name")
    return study


def _open(name: str, storage: Storage) -> Study | None:
    if name not in optuna.get_all_study_names(storage):
        return None
    return optuna.load_study(study_name=name, storage=storage)


def _is_half_made(study: Study, kind: HeldKind) -> bool:
    held = HeldStudy(study)
    return held.kind in ("", kind) and held.lacks(required_fields(kind)) and not study.get_trials(deepcopy=False)


# -- what is there -----------------------------------------------------------------------------------------------------


def confirm_name(name: str) -> str:
    """Give the name of the study that holds the confirmation of a search."""
    return f"{name}.confirm"


def confirmation_study(searched: Study, storage: Storage) -> Study | None:
    """Open the confirmation of a search; None where there is none."""
    return _open(confirm_name(searched.study_name), storage)


def make_confirmation(searched: Study, storage: Storage, objective: tuple[str, str]) -> Study:
    """Open the confirmation of a search, or make it, with a direction and a metric; one that is there keeps its own."""
    name = confirm_name(searched.study_name)
    held = HeldConfirmation(of=searched.study_name, own=tuple(map(dict, HeldStudy(searched).own)) or None)
    return _open_or_make(storage, name, "confirm", [objective], lambda: held)


def study_names(storage: Storage) -> list[str]:
    """Name the studies of a storage; the confirmation of a search is part of it and has no name of its own."""
    return [name for name in optuna.get_all_study_names(storage) if not name.endswith(confirm_name(""))]


def kind_of_study(name: str, storage: Storage) -> str:
    """Say what a study of this name is: search, confirm, ablation, or "" where another program made it."""
    return HeldStudy(optuna.load_study(study_name=name, storage=storage)).kind


def study_there(name: str, storage: Storage, kind: HeldKind) -> Study | None:
    """Open a study of this kind; None where there is none of the name, or it is of another kind."""
    study = _open(name, storage)
    return study if study is not None and HeldStudy(study).kind == kind else None


def _check_whole(study: Study, kind: HeldKind) -> Study:
    """Give a study that can be read; raise `DamagedFileError` for one that lacks what nothing can be said without."""
    held = HeldStudy(study)
    needed = [name for name in required_fields(kind) if getattr(HeldStudy, name).missing is ...]
    if lacking := [name for name in needed if held.lacks([name])]:
        begun = "its making was interrupted, the call that began it completes it"
        way_out = begun if _is_half_made(study, kind) else "take the storage from a backup, or choose another name"
        raise DamagedFileError(f"the study {study.study_name} is not whole ({', '.join(lacking)} missing): {way_out}")
    return study


def existing_study(name: str, storage: Storage) -> Study:
    """Open a search that is there; raise `UsageError` with the studies that are."""
    names = study_names(storage)
    if name not in names:
        there = ", ".join(names) if names else "there are none yet"
        raise UsageError(f"no study {name!r} in this storage ({there})")
    study = study_there(name, storage, "search")
    if study is None:
        raise UsageError(
            f"{name} is an ablation, which has verdicts and no best; `archsearch ablate {name}` shows them"
        )
    return _check_whole(study, "search")


def existing_ablation(name: str, storage: Storage) -> Study:
    """Open an ablation that is there; raise `UsageError` where it is another kind of study, or none."""
    if name not in optuna.get_all_study_names(storage):
        raise UsageError(f"no ablation {name!r} in this storage")
    study = study_there(name, storage, "ablation")
    if study is None:
        raise UsageError(f"{name} is no ablation")
    return _check_whole(study, "ablation")


def read_each(storage: Storage, kind: HeldKind, read: Callable[[Study], T]) -> tuple[list[T], dict[str, str]]:
    """Read every study of a kind; those that cannot be read are named with the reason, and hide no other.

    What a storage holds may have been cut short, or written by another version or program: any exception is a reason.
    """
    found: list[T] = []
    trouble: dict[str, str] = {}
    for name in optuna.get_all_study_names(storage):
        try:
            study = study_there(name, storage, kind)
            if study is not None:
                found.append(read(study))
        except UnavailableError:
            raise
        except Exception as error:
            trouble[name] = _why_not_read(name, storage, kind, error)
    return found, trouble


def _why_not_read(name: str, storage: Storage, kind: HeldKind, error: Exception) -> str:
    try:
        existing = {"search": existing_study, "ablation": existing_ablation}.get(kind)
        if existing is not None:
            existing(name, storage)
    except DamagedFileError as lacking:
        error = lacking
    except Exception:  # what it said at first is the better reason
        pass
    return _reason(error)


@contextmanager
def legible(name: str) -> Iterator[None]:
    """Read what a study holds: where that raises what is no error of ours, raise `DamagedFileError`.

    What a storage holds may have been altered in any place.
    """
    try:
        yield
    except ArchsearchError:
        raise
    except Exception as error:
        raise DamagedFileError(
            f"the study {name} cannot be read ({_reason(error)}); archsearch verify {name} looks at all that it holds"
        ) from None


def _reason(error: Exception) -> str:
    first = (str(error).strip() or "no reason given").split("\n")[0]
    return first if isinstance(error, ArchsearchError) else f"{type(error).__name__}: {first}"
