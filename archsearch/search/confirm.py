"""Is the winner real? The best of a search and its baseline once more, on fresh seeds, with the test set.

    confirmed = conclude(seeds, test, validation, searched, test_reads)
    confirmed.effects, confirmed.winner, confirmed.sentence, headline(confirmed)

The search's own values are not used for inference: they were selected. A confirmation is an ablation with the finalists
as levels: pairs are runs with the same seed, and the tests, the corrections, the verdicts and the sentence are those of
`stats/verdict.py`. Two questions, a family each: every finalist against the baseline, and, as nobody chose beforehand
which finalist is the best, every pair of finalists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Annotated

from pydantic import Field

from archsearch.plain import Plain
from archsearch.stats import power
from archsearch.stats.effect import Effect, Family
from archsearch.stats.intervals import mean, t_interval
from archsearch.stats.sentence import amount
from archsearch.stats.verdict import Contrast, ValuesBySeed, judge_contrasts

BASELINE = "baseline"
FAMILY = Family()  # an ablation's whose file says nothing else: alpha 0.05, a margin of 0.1 points of test accuracy


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
    """What the confirmation came to; `winner` is set only where it is better than the baseline and all other finalists.

    `effects` are the finalists against the baseline, `between` the best finalist against the others, out of the family
    of all pairs of them; where `complete` is false, runs are still to come, and there are no verdicts. `unlike` says
    what of data and training differs between the best finalist and the baseline, outside the space.
    """

    seeds: tuple[int, ...]
    candidates: tuple[Confirmed, ...]
    winner: str | None
    sentence: str
    test_reads: int
    unlike: Annotated[tuple[str, ...], Field(strict=False)] = ()
    effects: Annotated[tuple[Effect, ...], Field(strict=False)] = ()
    between: Annotated[tuple[Effect, ...], Field(strict=False)] = ()
    complete: bool = True

    def effect(self, candidate: str) -> Effect | None:
        """Give the comparison of a finalist with the baseline, None where there is none."""
        return next((effect for effect in self.effects if effect.variant == candidate), None)


def conclude(
    seeds: Sequence[int],
    test: Mapping[str, Mapping[int, float | None]],
    validation: Mapping[str, Mapping[int, float]],
    searched: Mapping[str, tuple[int | None, float | None]],
    test_reads: int,
    *,
    complete: bool = True,
) -> Confirmation:
    """Compare the finalists with the baseline and with one another; names are those of `test`.

    A failed run is None. Where runs are still to come (`complete` is false) there are no verdicts.
    """
    rows = tuple(_row(name, seeds, test, validation, *searched.get(name, (None, None))) for name in test)
    first = best_of(rows)
    effects, between = _judged(test, None if first is None else first.candidate, complete)
    found = Confirmation(
        seeds=tuple(seeds),
        candidates=rows,
        winner=None,
        sentence="No finalist completed.",
        test_reads=test_reads,
        effects=effects,
        between=between,
        complete=complete,
    )
    if first is None:
        return found
    against = found.effect(first.candidate)
    clear = against is not None and all(one.verdict == "better" for one in (against, *between))
    return found.model_copy(
        update={
            "winner": first.candidate if clear else None,
            "sentence": _sentence(first, found, len(seeds)),
        }
    )


def _judged(
    test: Mapping[str, Mapping[int, float | None]], first: str | None, complete: bool
) -> tuple[tuple[Effect, ...], tuple[Effect, ...]]:
    """Judge every finalist against the baseline, and the best against the others among all pairs of finalists."""
    values: ValuesBySeed = {name: dict(runs.items()) for name, runs in test.items()}
    names = [name for name in test if name != BASELINE]
    effects: tuple[Effect, ...] = ()
    if BASELINE in values and names:
        contrasts = [_contrast(name, BASELINE) for name in names]
        effects = judge_contrasts(values, contrasts, FAMILY, unfinished=not complete)
    pairs = [(two, one) if two == first else (one, two) for one, two in combinations(names, 2)]
    judged = judge_contrasts(values, [_contrast(*pair) for pair in pairs], FAMILY, unfinished=not complete)
    return effects, tuple(effect for effect in judged if effect.variant == first)


def _contrast(one: str, other: str) -> Contrast:
    label = f"{one} instead of {'the ' * (other == BASELINE)}{other}"
    return Contrast(one, other, label, {one: 1.0, other: -1.0})


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
    said = _against_the_baseline(confirmed, first.candidate, name, better)
    if confirmed.unlike:
        said += f" They were not trained alike: {'; '.join(confirmed.unlike)}."
    return said


def _against_the_baseline(confirmed: Confirmation, first: str, name: str, better: str) -> str:
    effect = confirmed.effect(first)
    if effect is None or not confirmed.complete:
        return f"{name} is the best finalist so far; there is no verdict before all runs of the confirmation are done."
    if effect.verdict == "better":
        among = not_told_apart(confirmed)
        if not among:
            return f"{name} is {better} than the baseline, by more than noise."
        finalists = 1 + len(among)
        return f"A network {better} than the baseline was found; which of {finalists} finalists is best, is not clear."
    shown = [one.variant for one in confirmed.effects if one.verdict == "better"]
    if shown:
        are = f"{' and '.join(shown)} {'are' if len(shown) > 1 else 'is'} shown to be"
        return f"A network {better} than the baseline was found: {are}, {first}, whose mean is the best, is not."
    if effect.verdict == "worse":
        return f"No network was found that is {better} than the baseline: the best finalist is worse than it."
    if effect.verdict == "equivalent":
        within = f"equivalent to it within {amount(FAMILY.margin, FAMILY)}"
        return f"No network was found that is {better} than the baseline: the best finalist, {first}, is {within}."
    size = "" if effect.mean_difference is None else f", {amount(effect.mean_difference, FAMILY, signed=True)}"
    seeds = f"{effect.n} seed{'s' * (effect.n != 1)}"
    said = f"{first}{size}, is inconclusive with {seeds}" if size else f"{first} is inconclusive with {seeds}"
    return f"No network is shown to be {better} than the baseline: {said}{_more(effect)}."


def _more(effect: Effect) -> str:
    """Say how many seeds would settle an inconclusive comparison; "" where none is known to."""
    least = power.seeds_to_reach(effect.comparisons, FAMILY.alpha)
    can = f"{least} seeds can settle it" if effect.n < least else ""
    about = ""
    if effect.further_seeds is not None:
        seeds = "" if can else "seeds settle "
        about = f"about {effect.n + effect.further_seeds:,} {seeds}a difference of {amount(FAMILY.margin, FAMILY)}"
    said = ", ".join(words for words in (can, about) if words)
    return f"; {said}" if said else ""


def not_told_apart(confirmed: Confirmation) -> tuple[str, ...]:
    """Name the candidates, the baseline among them, that the best finalist is not shown to be better or worse than."""
    return tuple(one.against for one in _of_the_best(confirmed) if one.verdict not in ("better", "worse"))


def ahead_of_the_best(confirmed: Confirmation) -> tuple[str, ...]:
    """Name the candidates that are shown to be better than the best finalist: the baseline, or none."""
    return tuple(one.against for one in _of_the_best(confirmed) if one.verdict == "worse")


def _of_the_best(confirmed: Confirmation) -> tuple[Effect, ...]:
    first = best_of(confirmed.candidates)
    against = None if first is None else confirmed.effect(first.candidate)
    return (*(() if against is None else (against,)), *confirmed.between)


def _row(
    name: str,
    seeds: Sequence[int],
    test: Mapping[str, Mapping[int, float | None]],
    validation: Mapping[str, Mapping[int, float]],
    trial: int | None,
    value: float | None,
) -> Confirmed:
    by_seed = {seed: found for seed in seeds if (found := test[name].get(seed)) is not None}
    held_out = list(validation.get(name, {}).values())
    base = test.get(BASELINE, {}) if name != BASELINE else {}
    differences = [found - other for seed, found in by_seed.items() if (other := base.get(seed)) is not None]
    values = list(by_seed.values())
    return Confirmed(
        candidate=name,
        trial=trial,
        search_value=value,
        test_accuracies={str(seed): found for seed, found in by_seed.items()},
        mean=mean(values) if values else None,
        ci95=t_interval(values) if len(values) >= 2 else None,
        shrinkage=value - mean(held_out) if value is not None and held_out else None,
        gain=mean(differences) if differences else None,
        gain_ci95=t_interval(differences) if len(differences) >= 2 else None,
    )


def _sentence(first: Confirmed, confirmed: Confirmation, n: int) -> str:
    value = f"{100 * first.mean:.2f} %" if first.mean is not None else "?"
    parts = [f"{first.candidate} has the best confirmed test accuracy, {value} over {n} fresh seed{'s' * (n != 1)}"]
    against = confirmed.effect(first.candidate)
    if against is not None:
        parts.append(
            against.sentence.rstrip(".")
            + (_more(against) if confirmed.complete and against.verdict == "inconclusive" else "")
        )
    among = [one.against for one in confirmed.between if one.verdict not in ("better", "worse")]
    if among:
        parts.append(
            f"which of {first.candidate}, {', '.join(among)} is best, is not shown by {n} seed{'s' * (n != 1)}"
        )
    elif confirmed.between:
        others = "the other finalist" if len(confirmed.between) == 1 else f"all {len(confirmed.between)} others"
        parts.append(f"it is better than {others}")
    return "; ".join(parts) + "."
