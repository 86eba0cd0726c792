"""What else moved between runs that are compared: settings that differ inside the pairs.

    moved_too({("a", 0): {"lr": "0.1"}, ("b", 0): {"lr": "0.2"}}, [(("b", 0), ("a", 0))])
    # lr moves too (0.1 to 0.2 in 1 of 1 pairs): the effect is not this change's alone

A setting that follows the seed is the same in both runs of a pair, and no confound. What every run has of its own, such
as the folder it writes to, is told by `own_to_each`. Knows names and texts only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from archsearch.spec.text.sentences import short
from archsearch.stats.effect import Seed

RunKey = tuple[str, Seed]  # a variant and a seed
Settings = Mapping[RunKey, Mapping[str, str]]

MOST_NAMED_SETTINGS = 5
_LEAST_RUNS = 4  # of fewer, two settings that differ anyway would pass for a run's own


def moved_too(settings: Settings, pairs: Sequence[tuple[RunKey, RunKey]]) -> str:
    """Say which settings differ inside pairs of runs, each with its most common change; "" where none does."""
    known = [(settings[level], settings[base]) for level, base in pairs if level in settings and base in settings]
    own = own_to_each(settings.values())
    names = dict.fromkeys(name for level, base in known for name in (*base, *level) if name not in own)
    changes = [(name, change) for name in names if (change := _change(name, known))]
    if not changes:
        return ""
    said = ", ".join(f"{short(name)} ({change})" for name, change in changes[:MOST_NAMED_SETTINGS])
    more = f" and {len(changes) - MOST_NAMED_SETTINGS} more" if len(changes) > MOST_NAMED_SETTINGS else ""
    move = "moves" if len(changes) == 1 else "move"
    return f"{said}{more} {move} too: the effect is not this change's alone"


def own_to_each(settings: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """Name the settings of which every run has a value of its own."""
    runs = list(settings)
    if len(runs) < _LEAST_RUNS:
        return ()
    names = dict.fromkeys(name for run in runs for name in run)
    return tuple(name for name in names if len({run[name] for run in runs if run.get(name)}) == len(runs))


def _change(name: str, known: Sequence[tuple[Mapping[str, str], Mapping[str, str]]]) -> str:
    moves = Counter(
        (base.get(name, ""), level.get(name, ""))
        for level, base in known
        if canonical(base.get(name, "")) != canonical(level.get(name, ""))
    )
    if not moves:
        return ""
    (before, after), _ = moves.most_common(1)[0]
    among = "" if len(moves) == 1 else "mostly "
    return f"{among}{_said(before)} to {_said(after)} in {moves.total()} of {len(known)} pairs"


def _said(text: str) -> str:
    return short(text) if text else "absent"


def canonical(text: str) -> str:
    """Write a setting so that two ways to write a number, or a truth value, are one text: 1e-3 and 0.001, True and
    true."""
    plain = text.strip()
    try:
        return repr(float(plain)) if len(plain) <= 40 and "_" not in plain else plain
    except ValueError:
        return plain.lower() if plain.lower() in ("true", "false", "none", "null") else plain
