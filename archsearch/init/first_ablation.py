"""An example of an ablation around a program's file: one factor for each option that one would try out.

    text = first_ablation(script, "train", "train_ablation")     # "" where there is nothing to vary

Levels are proposals (half and twice a number, the other choices, a switch set); the first factors are there, others
are comments to be opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from archsearch.init.options import Option
from archsearch.init.program_file import chosen_options
from archsearch.init.roles import interest, is_amount, is_housekeeping
from archsearch.init.script import Script
from archsearch.spec.text.write import flow

_MOST_OPEN = 3
_MOST_FACTORS = 15
_MOST_LEVELS = 4
_RATES = re.compile(r"drop|smooth|mixup|cutmix|decay|momentum|warmup|clip|reg|eps", re.IGNORECASE)
_NEAR_ONE = re.compile(r"gamma|beta|lambda|ema|discount|sample|quantile|rho", re.IGNORECASE)
_FIRST_RATES = (("drop", 0.1), ("smooth", 0.1), ("decay", 0.01), ("mixup", 0.2), ("cutmix", 1.0), ("momentum", 0.9))

Proposed = dict[str, str]  # a level's name with its edit as YAML


def first_ablation(script: Script, program: str, name: str) -> tuple[str, int, int]:
    """Write the file; give it with the number of factors that are open and of those that are comments."""
    factors = [*_factors(script)]
    if not any(levels for _, _, levels in factors):
        return "", 0, 0
    ready = [one for one in factors if one[2]]
    others = [*ready[_MOST_OPEN:], *(one for one in factors if not one[2])]
    lines = [
        f"# What is each choice of {program}.yaml worth? One change at a time, on the same seeds.      "
        f"archsearch ablate {name}.yaml",
        f"name: {flow(name)}",
        f"baseline: {program}.yaml",
        "# The levels are proposals: write what you would try. Every level costs as many runs as there are seeds.",
        "factors:",
    ]
    for one in ready[:_MOST_OPEN]:
        lines += _factor(*one, "  ")
    for one in others:
        lines += _factor(*one, "  # ")
    lines.append("seeds: 10")
    return "\n".join(lines) + "\n", len(ready[:_MOST_OPEN]), len(others)


def _factor(name: str, about: str, levels: Proposed, start: str) -> Iterator[str]:
    yield f"{f'{start}{flow(name)}:':<32} # {about}"
    if not levels:
        yield f"{start}  another: [set: {{values.{name}: ...}}]        # FILL IN"
    for level, edit in levels.items():
        yield f"{start}  {flow(level)}: [{edit}]"


def _factors(script: Script) -> Iterator[tuple[str, str, Proposed]]:
    """Yield (name, what it is in the baseline, levels), what is tried out most first."""
    chosen = chosen_options(script)
    found: list[tuple[int, str, str, Proposed]] = []
    for key, option in chosen.values.items():
        if option.required or is_amount(option.name):
            continue
        rank = interest(option.name)
        if rank is None and not option.choices:
            continue
        levels = {level: f"set: {{values.{key}: {flow(value)}}}" for level, value in _levels(option).items()}
        found.append((20 if rank is None else rank, key, f"{flow(option.default)} in the baseline", levels))
    for option in chosen.left:
        rank = interest(option.name)
        if (
            option.how == "switch"
            and option.flag
            and chosen.extra is not None
            and (rank is not None or not is_housekeeping(option.name))
        ):
            name, level = _switch(option)
            edit = f"append: {{values.extra: {flow([option.flag])}}}"
            found.append((20 if rank is None else rank, name, f"{option.flag} ({option.where})", {level: edit}))
    found.sort(key=lambda one: one[0])
    yield from (one[1:] for one in found[:_MOST_FACTORS])


def _switch(option: Option) -> tuple[str, str]:
    """Name a switch's factor and level: --no-aug is aug off, --amp is amp on."""
    words = option.flag.lstrip("-").replace("-", "_")
    for start in ("no_", "disable_", "without_"):
        if words.startswith(start):
            return words.removeprefix(start), "off"
    return words, "on"


def _levels(option: Option) -> dict[str, Any]:
    """Propose levels beside the default; none where there is nothing to go by."""
    default = option.default
    if option.choices:
        others = [choice for choice in option.choices if str(choice) != str(default)]
        return {_level_name(choice): choice for choice in others[:_MOST_LEVELS]}
    if default in ("True", "False") or isinstance(default, bool):
        on = default in ("False", False)
        value = on if isinstance(default, bool) else str(on)
        return {"on" if on else "off": value}
    if not isinstance(default, (int, float)):
        return {}
    if _RATES.search(option.name):
        if default == 0:
            return next(({"some": value} for word, value in _FIRST_RATES if word in option.name.lower()), {})
        return {"none": type(default)(0)}
    if default <= 0:
        return {}
    if 0.5 < default < 1 and _NEAR_ONE.search(option.name):  # what is left of 1 is halved and doubled
        return {"lower": _rounded(1 - 2 * (1 - default)), "higher": _rounded(1 - (1 - default) / 2)}
    if isinstance(default, int):
        return {"half": default // 2, "double": default * 2} if default > 1 else {"double": default * 2}
    return {"half": _rounded(default / 2), "double": _rounded(default * 2)}


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def _level_name(choice: Any) -> str:
    name = re.sub(r"[^A-Za-z0-9_. -]+", "_", str(choice)).lstrip("_. -")[:60]
    return name or "other"
