"""Which experiment a trial of a search tried: trials of version 0.1.0 compare with those of this one."""

from __future__ import annotations

from optuna.trial import FrozenTrial
from pydantic import ValidationError

from archsearch.errors import ArchsearchError
from archsearch.kinds import kind_of_held
from archsearch.study.held import HeldTrial

_KEY_DIGITS = 64  # of a key
_renamed: dict[str, str] = {}  # what version 0.1.0 called a network -> its key


def experiment_of(trial: FrozenTrial) -> str | None:
    """Give the key of a trial's experiment, None where it was not sampled yet.

    Version 0.1.0 named a network by another, shorter hash: its trials are asked for their spec, each network once.
    Where that cannot be planned here, its old name still tells it from others.
    """
    held = HeldTrial(trial)
    named = held.network
    if named is None or len(named) == _KEY_DIGITS:
        return named
    if named not in _renamed:
        try:
            spec = held.spec or {}
            kind = kind_of_held(spec)
            _renamed[named] = kind.key(kind.plan(kind.read(spec)))
        except (ArchsearchError, ValidationError):
            return named
    return _renamed[named]
