"""How numbers are written for people, each way once: per cent, ranges, counts, bytes.

    percent(0.97312)             # 97.31 %
    short_number(416_520)        # 417 k

Stands below everything; knows no metric, no spec and no terminal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_BYTES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
_COUNTS = ((10**9, "G"), (10**6, "M"), (10**3, "k"))

# How an open value is written in one line.
SPACE_FORMS = "NAME=float:LOW..HIGH, NAME=int:LOW..HIGH (each also with :log or :step=N), or NAME=VALUE,VALUE"


def capital(text: str) -> str:
    """Begin a sentence with a capital letter."""
    return text[:1].upper() + text[1:]


def percent(fraction: float) -> str:
    """Write a fraction in per cent: 97.31 %."""
    return f"{100 * fraction:.2f} %"


def count_of(number: int, noun: str) -> str:
    """Write a number with what it counts: 1 trial, 2 trials, 1,000 classes."""
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{number:,} {noun if number == 1 else plural}"


def epochs_text(epochs: float) -> str:
    """Write how long something was trained: 1/8 of an epoch, epoch 3.

    >>> epochs_text(0.125), epochs_text(3)
    ('1/8 of an epoch', 'epoch 3')
    """
    if epochs >= 1:
        return f"epoch {epochs:g}"
    part = 1 / epochs
    return f"1/{part:.0f} of an epoch" if part == round(part) else f"{epochs:g} of an epoch"


def listed(names: Sequence[str], most: int = 8) -> str:
    """Write names, those after the eighth by their number."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def points(difference: float) -> str:
    """Write a difference of two fractions in percentage points: +0.94 points."""
    return f"{100 * difference:+.2f} points"


def range_text(interval: tuple[float, float]) -> str:
    """Write an interval of fractions: 95.13 to 97.55 %."""
    return f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f} %"


def cut_text(lies: tuple[float, float], *, shares: bool) -> str:
    """Say to what an interval was cut, "" where its numbers can be any.

    >>> cut_text((0.0, 1.0), shares=True), cut_text((0.0, math.inf), shares=False)
    (', cut to 0 to 100 %', ', cut to 0 and above')
    """
    low, high = lies
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(high):
        return f", cut to {low:g} and above"
    if math.isinf(low):
        return f", cut to {high:g} and below"
    return f", cut to {100 * low:g} to {100 * high:g} %" if shares else f", cut to {low:g} to {high:g}"


def chance_text(probability: float) -> str:
    """Write a probability in per cent, as exactly as one is ever known: 37 %, 4.1 %, below 0.1 %."""
    if probability < 0.001:
        return "below 0.1 %"
    if probability > 0.999:
        return "above 99.9 %"
    return f"{100 * probability:.{0 if 0.1 <= probability <= 0.9 else 1}f} %"


def number_text(value: float) -> str:
    """Write a number in as many digits as help."""
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        return f"{value:,.0f}"
    return f"{value:.5g}"


def yaml_word(value: object) -> str:
    """Write a single value as a file has it.

    >>> yaml_word(None), yaml_word(True), yaml_word(0.5), yaml_word("relu")
    ('null', 'true', '0.5', 'relu')
    """
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def short_number(value: float) -> str:
    """Write a count in three digits: 417 k, 1.2 M."""
    for size, unit in _COUNTS:
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return number_text(value)


def bytes_text(number: int) -> str:
    """Write an amount of memory: 1.5 MiB."""
    for size, unit in _BYTES:
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} B"


def seconds_text(seconds: float) -> str:
    """Write a duration roughly."""
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
