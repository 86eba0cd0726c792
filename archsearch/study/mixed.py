"""Runs that would make a mixed pair: computed on two devices, by two engines by chance, or on two versions of the data.

    left_out(study, {("baseline", 0): trial, ("tanh", 0): other}, [{"tanh", "baseline"}], "baseline", "test_accuracy")

A study of this version makes none (see `compute.py`); storages of version 0.1.0 that several machines worked on may
hold some. Of each seed as many comparisons are kept as can be; the runs that do not go with them are left out, with the
reason. Two cells may be on two engines where the rule over their networks says so, and never where times are
compared. What a spec names itself (`device: cpu`) is part of what is compared, not chance.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from optuna.trial import FrozenTrial
from pydantic import ValidationError

from archsearch.errors import SpecError
from archsearch.files import canonical_json
from archsearch.spec.dataset import DataSpec
from archsearch.study.compute import cell_key, data_key, fixed_of, replanned, versions_of
from archsearch.study.held import HeldRun, HeldStudy
from archsearch.study.storage import Study
from archsearch.train.compute import Resources, decide

TIMES = ("seconds",)  # metrics that an engine decides; latency is torch's, whatever trained
BY_RULE = "by rule"  # each network by the engine that the rule gives it, the native one being there
_Run = tuple[str, int]  # a cell and a seed


@dataclass(frozen=True, slots=True)
class _Where:
    """Where a run was computed; None for a device or engine that its spec names. `version` "" is the study's own."""

    device: str | None
    engine: str | None
    by_rule: bool
    version: str


@dataclass(frozen=True, slots=True)
class _World:
    """What runs must share to be compared."""

    device: str | None
    engine: str
    version: str

    def holds(self, where: _Where) -> bool:
        return not any(self.against(where))

    def against(self, where: _Where) -> Iterator[str]:
        """Yield what sets a run apart from this world."""
        if where.device not in (None, self.device):
            yield f"computed on {where.device}, the runs of its seed that are compared on {self.device}"
        if where.engine is not None and not (where.by_rule if self.engine == BY_RULE else where.engine == self.engine):
            others = "the one that the rule gives its network" if self.engine == BY_RULE else f"{self.engine} as others"
            yield f"computed by the engine {where.engine}, not by {others}"
        if where.version != self.version:
            mine, theirs = (one[:12] or "the study's" for one in (where.version, self.version))
            yield (
                "trained on another version of its data than the runs that are compared "
                f"(fingerprint {mine}, not {theirs})"
            )


def left_out(
    study: Study,
    runs: Mapping[_Run, FrozenTrial],
    sides: Sequence[Collection[str]],
    first: str,
    metric: str,
) -> dict[_Run, str]:
    """Say which completed runs are left out of comparisons, and why.

    `sides` are the cells that each comparison takes together, `first` the one that counts where two choices keep
    equally many. Where the `metric` is a time, no two engines are compared.
    """
    held = {key: HeldRun(trial) for key, trial in runs.items()}
    if len({(*computed_on(run), run.data_fingerprint) for run in held.values()}) <= 1:
        return {}
    places = _places(study, held)
    found: dict[_Run, str] = {}
    for seed in dict.fromkeys(seed for _, seed in runs):
        members = {cell: where for (cell, one), where in places.items() if one == seed}
        world = _best(members, sides, first, metric in TIMES)
        found |= {
            (cell, seed): "; ".join(world.against(where)) for cell, where in members.items() if not world.holds(where)
        }
    return found


def _best(members: Mapping[str, _Where], sides: Sequence[Collection[str]], first: str, one_engine: bool) -> _World:
    devices: list[str | None] = [*dict.fromkeys(where.device for where in members.values() if where.device)] or [None]
    versions = sorted({where.version for where in members.values()})
    engines = sorted({where.engine for where in members.values() if where.engine is not None})
    ways = engines or [BY_RULE] if one_engine else [BY_RULE, *engines]

    def kept(world: _World) -> tuple[int, bool]:
        inside = {cell for cell, where in members.items() if world.holds(where)}
        return sum(inside.issuperset(side) for side in sides), first in inside

    return max((_World(*parts) for parts in itertools.product(devices, ways, versions)), key=kept)


def computed_on(run: HeldRun) -> tuple[str, str]:
    """Give the device and the engine that computed a run."""
    return str(run.environment.get("device", "cpu")), str(run.environment.get("engine", "torch"))


def _places(study: Study, held: Mapping[_Run, HeldRun]) -> dict[_Run, _Where]:
    fixed = fixed_of(study)
    cells = {} if fixed is None else fixed.cells
    own = HeldStudy(study).fingerprints or versions_of(held.values())
    found = {}
    for key, run in held.items():
        asked = _asked(canonical_json(run.spec), 1 if fixed is None else fixed.kernels)
        device, engine = computed_on(run)
        usual: str | None = asked.engine if device == "cpu" else "torch"
        if asked.cell is not None and asked.cell in cells:
            usual = cells[asked.cell].engine
        found[key] = _Where(
            device if asked.any_device else None,
            engine if asked.any_engine else None,
            usual in (None, engine),
            "" if own.get(asked.data, run.data_fingerprint) == run.data_fingerprint else run.data_fingerprint,
        )
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a spec asks for; `cell` and `engine` (by rule, on a CPU) are None where it cannot be planned here."""

    any_device: bool
    any_engine: bool
    data: str
    cell: str | None
    engine: str | None


@lru_cache(maxsize=4096)
def _asked(text: str, kernels: int) -> _Asked:
    spec: dict[str, Any] = json.loads(text)
    train = spec["train"]
    any_device, any_engine = train.get("device") == "auto", train.get("engine", "auto") == "auto"
    try:
        data = data_key(DataSpec.model_validate(spec["data"]))
    except ValidationError:
        data = ""
    plan = replanned(spec)
    if plan is None:
        return _Asked(any_device, any_engine, data, None, None)
    try:
        engine = decide(plan, Resources("cpu", native=True, threads=1, kernels=kernels)).engine if any_engine else None
    except SpecError:
        engine = None
    return _Asked(any_device, any_engine, data, cell_key(plan), engine)
