"""What a word that is not allowed was meant to be: another spelling, another library's word, a slip of the keys.

    nearest("learning_rate", ["lr", "momentum"])      # "lr"
    nearest("attention", LAYER_KINDS)                 # None: nothing here is near it
    instead_of("in_channels")                         # a sentence, where nothing can be written

The tables are in aliases.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from archsearch.spec.aliases import INSTEAD, MEANS, OPEN_WORDS, PLACED

_LONGEST = 100


def squashed(word: str) -> str:
    """Write a word without case, `_`, `-`, blanks and the module before its last dot."""
    return word[:_LONGEST].rpartition(".")[2].lower().replace("_", "").replace("-", "").replace(" ", "")


@cache
def _tables() -> tuple[dict[str, tuple[str, ...]], dict[str, str], dict[str, tuple[str, bool]]]:
    meaning: dict[str, tuple[str, ...]] = {}
    for word, targets in MEANS.items():
        meaning[squashed(word)] = (*meaning.get(squashed(word), ()), *targets)
    instead = {squashed(word): text for word, text in INSTEAD.items()}
    return meaning, instead, {squashed(word): kind for word, kind in OPEN_WORDS.items()}


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """Give the allowed word that was meant: another spelling, an alias, or at most two slips away; else None."""
    names = list(allowed)
    found = synonym(word, names)
    return found if found is not None or instead_of(word) is not None else _mistyped(word[:_LONGEST], names)


def synonym(word: str, allowed: Iterable[str]) -> str | None:
    """Give the allowed word that is another spelling of this one, or what another library's word is called here."""
    names = list(allowed)
    same = squashed(word)
    candidates = (*(name for name in names if squashed(name) == same), *means(word))
    return next((name for name in candidates if name in names), None)


def means(word: str) -> tuple[str, ...]:
    """Give what another library's word is called here, best first; nothing for other words."""
    return _tables()[0].get(squashed(word), ())


def instead_of(word: str) -> str | None:
    """Give a sentence on a word for which nothing can be written where it stands."""
    for name in (word, *means(word)):
        if (text := _tables()[1].get(squashed(name))) is not None:
            return text
    return None


def open_word(word: str) -> tuple[str, bool] | None:
    """Give what another library's word for an open value (`loguniform`) is here; whether its scale is logarithmic."""
    return _tables()[2].get(squashed(word))


def place_of_word(word: str) -> tuple[str, str] | None:
    """Give the key of `train` that a word stands under, and how that is written."""
    names = {squashed(name): place for name, place in PLACED.items()}
    return next((names[squashed(name)] for name in (word, *means(word)) if squashed(name) in names), None)


def _mistyped(word: str, names: list[str]) -> str | None:
    """Give the closest name: one slip in words of three letters and more, two in words of five that begin alike.

    Of two letters only a beginning that a single short name has is near it: tp, of tpe.
    """
    if len(word) == 2:
        begun = [name for name in names if name.lower().startswith(word.lower()) and len(name) == 3]
        return begun[0] if len(begun) == 1 else None
    if len(word) < 3:
        return None
    best: tuple[int, str] | None = None
    for name in names:
        most = 2 if min(len(word), len(name)) >= 4 and len(word) >= 5 and name[:1].lower() == word[:1].lower() else 1
        if len(name) < 3 or abs(len(name) - len(word)) > most:
            continue
        slips = distance(word.lower(), name.lower())
        if slips <= most:  # of conv1 and conv2, as near to conv3, the last one
            best = max(best or (-most, ""), (-slips, name))
    return best[1] if best is not None else None


def distance(one: str, two: str) -> int:
    """Count slips: letters added, left out or changed, neighbours swapped (optimal string alignment)."""
    above: list[int] = []
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        before, above, row = above, row, [i]
        for j, b in enumerate(two, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
            if i > 1 and j > 1 and a == two[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
    return row[-1]
