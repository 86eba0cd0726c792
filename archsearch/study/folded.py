"""Trials that have ended, in little memory: what is large is packed until it is asked for, what is equal is shared.

    attrs = FoldedAttrs({"seed": 0, "spec": {...}})
    attrs["spec"]["network"], attrs == {"seed": 0, "spec": {...}}
    Fold()(trial)

Optuna keeps every finished trial of a study in memory, with the spec and the record that ours carry: as Python's dicts
and lists these take about ten times the memory of their JSON, and thirty times that of their JSON when it is packed.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

_LARGE = 100  # characters of JSON


class FoldedAttrs(Mapping[str, Any]):
    """A read-only mapping, equal to the dict that it is made of; its values must be JSON."""

    __slots__ = ("_large", "_small")

    def __init__(self, attrs: Mapping[str, Any]) -> None:
        self._small: dict[str, Any] = {}
        self._large: dict[str, bytes] = {}
        for key, value in attrs.items():
            text = json.dumps(value, separators=(",", ":")) if isinstance(value, (dict, list, str)) else ""
            if len(text) > _LARGE:
                self._large[sys.intern(key)] = zlib.compress(text.encode(), 1)
            else:
                self._small[sys.intern(key)] = value

    def __getitem__(self, key: str) -> Any:
        return json.loads(zlib.decompress(self._large[key])) if key in self._large else self._small[key]

    def __contains__(self, key: object) -> bool:
        return key in self._small or key in self._large

    def __iter__(self) -> Iterator[str]:
        yield from self._small
        yield from self._large

    def __len__(self) -> int:
        return len(self._small) + len(self._large)

    def __repr__(self) -> str:
        return repr(dict(self))


class Fold:
    """Folds trials that have ended: many have the same distributions, under the same names, and equal texts."""

    def __init__(self) -> None:
        self._distributions: dict[tuple[tuple[str, BaseDistribution], ...], dict[str, BaseDistribution]] = {}

    def __call__(self, trial: FrozenTrial) -> None:
        """Fold a trial, in place."""
        trial.user_attrs = FoldedAttrs(trial.user_attrs)  # type: ignore[assignment]
        pairs = tuple((sys.intern(name), one) for name, one in trial.distributions.items())
        trial.distributions = self._distributions.setdefault(pairs, trial.distributions)
        trial.params = {sys.intern(name): value for name, value in trial.params.items()}
