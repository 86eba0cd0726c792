"""Attributes of a trial that take little memory: what is large stays text until it is asked for.

    attrs = FoldedAttrs({"seed": 0, "spec": {...}})
    attrs["spec"]["network"], attrs == {"seed": 0, "spec": {...}}

Optuna keeps every finished trial of a study in memory, with the spec and the record that ours carry: as Python's dicts
and lists these take about ten times the memory of their JSON.
"""

from __future__ import annotations

import json
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
                self._large[key] = text.encode()
            else:
                self._small[key] = value

    def __getitem__(self, key: str) -> Any:
        return json.loads(self._large[key]) if key in self._large else self._small[key]

    def __contains__(self, key: object) -> bool:
        return key in self._small or key in self._large

    def __iter__(self) -> Iterator[str]:
        yield from self._small
        yield from self._large

    def __len__(self) -> int:
        return len(self._small) + len(self._large)

    def __repr__(self) -> str:
        return repr(dict(self))


def fold(trial: FrozenTrial, shared: dict[BaseDistribution, BaseDistribution]) -> None:
    """Fold the attributes of a trial that has ended, and let it share equal distributions with others."""
    trial.user_attrs = FoldedAttrs(trial.user_attrs)  # type: ignore[assignment]
    trial.distributions = {name: shared.setdefault(one, one) for name, one in trial.distributions.items()}
