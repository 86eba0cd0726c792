"""Is the winner real? The best of a search and its baseline once more, on fresh seeds, with the test set.

The search's own values are not used for inference: they were selected. Pairs are runs with the same seed; intervals of
the differences are Student's t, widened for the number of comparisons (Bonferroni), so that naming a winner is wrong at
most one time in twenty.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Annotated, TypeVar

from pydantic import Field

from archsearch.plain import Plain

ALPHA = 0.05
BASELINE = "baseline"
S = TypeVar("S", int, str)  # a seed, as a number or as a JSON key


class Confirmed(Plain):
    """One finalist (or the baseline): its search value, and its test accuracies on fresh seeds, as fractions."""

    candidate: str
    trial: int | None
    search_value: float | None
    test_accuracies: dict[str, float]
    mean: float | None
    ci95: tuple[float, float] | None
    shrinkage: float | None  # search value minus the mean validation accuracy on the fresh seeds
    gain: float | None  # mean paired difference from the baseline
    gain_ci95: tuple[float, float] | None


class Confirmation(Plain):
    """What the confirmation came to; `winner` is set only where it stands outside the noise.

    `unlike` says what of data and training differs between the best finalist and the baseline, outside the space.
    """

    seeds: tuple[int, ...]
    candidates: tuple[Confirmed, ...]
    winner: str | None
    sentence: str
    test_reads: int
    unlike: Annotated[tuple[str, ...], Field(strict=False)] = ()


def interval(values: Sequence[float], comparisons: int = 1) -> tuple[float, float] | None:
    """Give the t interval of a mean at 1 - 0.05 / comparisons; None for fewer than two values."""
    if len(values) < 2:
        return None
    from scipy.stats import t

    mean = statistics.fmean(values)
    quantile = float(t.ppf(1 - ALPHA / (2 * comparisons), len(values) - 1))
    reach = quantile * statistics.stdev(values) / math.sqrt(len(values))
    return mean - reach, mean + reach


def conclude(
    seeds: Sequence[int],
    test: Mapping[str, Mapping[int, float]],
    validation: Mapping[str, Mapping[int, float]],
    searched: Mapping[str, tuple[int | None, float | None]],
    test_reads: int,
) -> Confirmation:
    """Compare the finalists with one another and with the baseline; names are those of `test`."""
    rows = [_row(name, seeds, test, validation, *searched.get(name, (None, None))) for name in test]
    first = best_of(rows)
    if first is None:
        return Confirmation(
            seeds=tuple(seeds),
            candidates=tuple(rows),
            winner=None,
            sentence="No finalist completed.",
            test_reads=test_reads,
        )
    standing = _standing(first, rows)
    winner = first.candidate if standing and all(side > 0 for side in standing.values()) else None
    sentence = _sentence(first, standing, len(seeds))
    return Confirmation(
        seeds=tuple(seeds), candidates=tuple(rows), winner=winner, sentence=sentence, test_reads=test_reads
    )


def best_of(rows: Sequence[Confirmed]) -> Confirmed | None:
    """Give the finalist with the best mean test accuracy, None where none completed; the baseline is no finalist."""
    finalists = [row for row in rows if row.candidate != BASELINE and row.mean is not None]
    return max(finalists, key=lambda row: row.mean or 0.0) if finalists else None


def headline(confirmed: Confirmation, better: str = "better") -> str:
    """Say in a sentence whether a better network was found; `better` is the word for it."""
    first = best_of(confirmed.candidates)
    if first is None:
        return "No finalist completed its confirmation."
    name = first.candidate[:1].upper() + first.candidate[1:]
    if not any(row.candidate == BASELINE and row.mean is not None for row in confirmed.candidates):
        return f"{name} is the best finalist; the baseline has no confirmed value to compare it with."
    said = _against_the_baseline(confirmed, name, better)
    if confirmed.unlike:
        said += f" They were not trained alike: {'; '.join(confirmed.unlike)}."
    return said


def _against_the_baseline(confirmed: Confirmation, name: str, better: str) -> str:
    among = not_told_apart(confirmed)
    if BASELINE in ahead_of_the_best(confirmed):
        return f"No network was found that is {better} than the baseline: the best finalist is worse than it."
    if BASELINE in among:
        return f"No network was found that is {better} than the baseline by more than noise."
    if among:
        finalists = 1 + len(among)
        return f"A network {better} than the baseline was found; which of {finalists} finalists is best, is not clear."
    return f"{name} is {better} than the baseline, by more than noise."


def not_told_apart(confirmed: Confirmation) -> tuple[str, ...]:
    """Name the candidates, the baseline among them, that the best finalist is neither clearly better nor worse than."""
    first = best_of(confirmed.candidates)
    standing = {} if first is None else _standing(first, confirmed.candidates)
    return tuple(name for name, side in standing.items() if side == 0)


def ahead_of_the_best(confirmed: Confirmation) -> tuple[str, ...]:
    """Name the candidates that are clearly better than the best finalist: the baseline, or none."""
    first = best_of(confirmed.candidates)
    standing = {} if first is None else _standing(first, confirmed.candidates)
    return tuple(name for name, side in standing.items() if side < 0)


def _standing(first: Confirmed, rows: Sequence[Confirmed]) -> dict[str, int]:
    """Say of every other candidate whether the first is better (1) or worse (-1) than it by more than noise, or 0."""
    others = [row for row in rows if row.candidate != first.candidate]
    standing = {}
    for row in others:
        better = _stands_out(first.test_accuracies, row.test_accuracies, len(others))
        worse = _stands_out(row.test_accuracies, first.test_accuracies, len(others))
        standing[row.candidate] = int(better) - int(worse)
    return standing


def _row(
    name: str,
    seeds: Sequence[int],
    test: Mapping[str, Mapping[int, float]],
    validation: Mapping[str, Mapping[int, float]],
    trial: int | None,
    value: float | None,
) -> Confirmed:
    values = [test[name][seed] for seed in seeds if seed in test[name]]
    held_out = list(validation.get(name, {}).values())
    differences = _differences(test[name], test.get(BASELINE, {})) if name != BASELINE else []
    return Confirmed(
        candidate=name,
        trial=trial,
        search_value=value,
        test_accuracies={str(seed): test[name][seed] for seed in seeds if seed in test[name]},
        mean=statistics.fmean(values) if values else None,
        ci95=interval(values),
        shrinkage=value - statistics.fmean(held_out) if value is not None and held_out else None,
        gain=statistics.fmean(differences) if differences else None,
        gain_ci95=interval(differences),
    )


def _differences(one: Mapping[S, float], other: Mapping[S, float]) -> list[float]:
    return [one[seed] - other[seed] for seed in one if seed in other]


def _stands_out(one: Mapping[S, float], other: Mapping[S, float], comparisons: int) -> bool:
    between = interval(_differences(one, other), comparisons)
    return between is not None and between[0] > 0


def _sentence(first: Confirmed, standing: Mapping[str, int], n: int) -> str:
    mean = f"{100 * first.mean:.2f} %" if first.mean is not None else "?"
    among = [other for other, side in standing.items() if side == 0]
    ahead = [other for other, side in standing.items() if side < 0]
    gain = ""
    if first.gain is not None and first.gain_ci95 is not None:
        low, high = (100 * bound for bound in first.gain_ci95)
        gain = f", {100 * first.gain:+.2f} points from the baseline (95 % interval {low:+.2f} to {high:+.2f})"
    head = f"{first.candidate} has the best confirmed test accuracy, {mean} over {n} fresh seeds{gain}"
    if ahead:
        apart = f", and cannot be told apart from {', '.join(among)} with {n} seeds" if among else ""
        return f"{head}; it is worse than {', '.join(ahead)}{apart}."
    if not among:
        return f"{head}; it stands outside the noise of all {len(standing)} others."
    return f"{head}; it cannot be told apart from {', '.join(among)} with {n} seeds."
