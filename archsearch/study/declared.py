"""What a study declares, as its ledger holds it: which runs are in it, what has changed since, in words.

    then = DeclaredPlan(declaration["plan"])
    then.why_not({"cell": "relu", "pair": 17, "run_seed": 17}, entry)     # "of a seed that was not declared: 17"
    plan_differences({"margin": 0.001}, {"margin": 0.01})                       # [("margin", "0.001", "0.01")]

Plain JSON in, words out: it knows where an ablation, a search and a confirmation say which runs are theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from archsearch.study.held import HeldStudy, HeldTrial
from archsearch.wording import count_of, listed

_CLOCKS = timedelta(minutes=5)  # by which the clocks of two machines may differ without a word
_BRIEF = 60  # characters of a value that are shown


@dataclass(frozen=True)
class DeclaredPlan:
    """What was declared, with all amendments up to some entry.

    `by` is the version that declared it, and `specs` are experiments that the study holds, by their SHA-256: another
    version may write more keys than there were.
    """

    plan: Mapping[str, Any]
    by: str = ""
    specs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def amended(self, changes: Mapping[str, Any]) -> DeclaredPlan:
        """Give what is declared from an amendment on."""
        return replace(self, plan={**self.plan, **changes})

    @cached_property
    def _cells(self) -> Mapping[str, Mapping[str, Any]]:
        return {cell["name"]: cell for cell in (self.plan.get(HeldStudy.ablation.key) or {}).get("cells", ())}

    def why_not(self, attrs: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
        """Say why a run is none of those that were declared; "" where it is one."""
        kind = self.plan[HeldStudy.kind.key]
        if kind == "search":
            return "" if entry["slot"] < self.plan[HeldStudy.trials.key] else "beyond the number that was declared"
        if kind == "confirm":
            planned = self.plan.get(HeldStudy.planned.key)
            if planned is None:
                return "of a confirmation whose candidates and seeds were not declared"
            name, seed = entry["candidate"], entry["run_seed"]
            if name not in planned["candidates"]:
                return f"of a candidate that was not declared: {name}"
            if seed not in planned["seeds"]:
                return f"of a seed that was not declared: {seed}"
            same = self._is_same(planned["candidates"][name], attrs, entry)
            return "" if same else f"of another experiment than {name} was declared to be"
        cell = self._cells.get(entry["cell"])
        if cell is None:
            return f"of a cell that was not declared: {entry['cell']}"
        if (entry["pair"], entry["run_seed"]) not in zip(cell["seeds"], cell["run_seeds"], strict=True):
            return f"of a seed that was not declared: {entry['run_seed']}"
        seed = entry.get(HeldTrial.seed.key, entry["run_seed"])
        if seed != entry["run_seed"]:
            return f"with the seed {seed}, which is not the one that was declared"
        split = (self.plan.get(HeldStudy.ablation.key) or {}).get("split")  # which gives each run a part of the data
        if split or self._is_same(cell["spec"], attrs, entry):
            return ""
        return f"of another experiment than the cell {entry['cell']} was declared to be"

    def _is_same(self, declared: str, attrs: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
        """Say whether a run is of the experiment with this SHA-256, also where another version wrote it."""
        spec = attrs.get(HeldTrial.spec.key)
        if entry.get(HeldTrial.spec.key) in (None, declared) or spec is None or "network" not in spec:
            return True  # a program's says at each run what its files were
        run = HeldTrial(attrs).run
        version = None if run is None else run.environment.get("archsearch")
        there = self.specs.get(declared)
        return self.by != f"archsearch {version}" and there is not None and _holds(spec, there)

    @property
    def words(self) -> tuple[str, ...]:
        """Say what was declared beside the objective."""
        found = self.plan.get(HeldStudy.ablation.key)
        if isinstance(found, Mapping):
            return tuple(_of_ablation(found))
        planned = self.plan.get(HeldStudy.planned.key)
        if planned is not None:
            names = [name for name in planned["candidates"] if name != "baseline"]
            raced = (self.plan.get(HeldStudy.race.key) or {}).get("race")
            looks = () if raced is None else (f"a race with looks at {listed([str(look) for look in raced['looks']])}",)
            said = f"{count_of(len(names), 'finalist')} ({listed(names)})", f"seeds {_seeds(planned['seeds'])}"
            return (*said, *looks)
        if self.plan.get(HeldStudy.kind.key) == "search":
            return f"{self.plan['trials']} trials", f"sampler {self.plan['sampler']}", f"seed {self.plan['seed']}"
        return ()


def _holds(spec: Any, declared: Any) -> bool:
    """Say whether an experiment has all that was declared of it; keys that are new since are no change."""
    if isinstance(spec, Mapping) and isinstance(declared, Mapping):
        return all(key in spec and _holds(spec[key], value) for key, value in declared.items())
    if isinstance(spec, list) and isinstance(declared, list):
        return len(spec) == len(declared) and all(map(_holds, spec, declared))
    return bool(spec == declared)


def objective_words(objective: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Say what is optimised: maximize test_accuracy."""
    return tuple(" ".join(one) for one in objective)


def _of_ablation(ablation: Mapping[str, Any]) -> Iterator[str]:
    family = ablation.get("family", {})
    for key in ("alpha", "margin"):
        if key in family:
            yield f"{key} {family[key]:g}"
    asked = [one for one in ablation.get("questions", ()) if one.get("kind") != "screen"]
    yield count_of(len(asked), "comparison")
    yield f"seeds {_seeds(ablation.get('seeds', ()))}"
    if looks := ablation.get("looks"):
        yield f"looks after {', '.join(map(str, looks))} seeds"
    elif ablation.get("sequential"):
        yield "looks after each seed"


def _seeds(seeds: Sequence[int]) -> str:
    """Write seeds: 0 to 9, or as they are."""
    if len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return listed([str(seed) for seed in seeds])


def plan_differences(was: Any, now: Any, name: str = "") -> list[tuple[str, str, str]]:
    """Give what differs between two plans: where, what it was, what it is; at most the first dozen."""
    return list(_differences(was, now, name))[:12]


def _differences(was: Any, now: Any, name: str) -> Iterator[tuple[str, str, str]]:
    if was == now:
        return
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*was, *now]):
            inner = key if name in ("", HeldStudy.ablation.key, HeldStudy.planned.key) else f"{name}.{key}"
            yield from _differences(was.get(key), now.get(key), inner)
    elif _is_named(was) and _is_named(now):
        yield from _differences(_by_name(was), _by_name(now), name)
    else:
        yield name, _brief(was), "there now" if was is None and _is_digest(now) else _brief(now)


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"(sha256:)?[0-9a-f]{64}", value) is not None


def _is_named(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) and "name" in one for one in value)


def _by_name(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {part["name"]: part for part in parts}


def _brief(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list) and value and all(isinstance(one, int) for one in value):
        return f"{_seeds(value)} ({len(value)})"
    if isinstance(value, (Mapping, list)):
        return "another one"
    if _is_digest(value):
        return f"{value.removeprefix('sha256:')[:12]}…"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _BRIEF else f"{text[:_BRIEF]}…"


def late_declaration(declaration: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say where a result bears a time before that of the declaration, further than clocks differ."""
    begun = datetime.fromisoformat(declaration["when"])
    early = [one for one in entries if datetime.fromisoformat(one["when"]) < begun - _CLOCKS]
    if early:
        first = min(one["when"] for one in early)
        yield (
            f"{count_of(len(early), 'result')} told before the declaration ({first}, declared {declaration['when']}), "
            "or the clocks of the machines were wrong"
        )
