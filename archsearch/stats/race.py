"""A race by seeds: who is still in it, who has left, how it ended, and which runs are due. Numbers only.

    race = Race(runners=("baseline", "trial 7"), seeds=(11, 5, 9, ...), looks=(8, 10, 12, 15), work={...}, budget=24.0)
    at = stand(race, {"baseline": {11: 0.97, ...}, "trial 7": {11: 0.98, ...}})
    at.outcome, at.racing, at.left, at.due

All runners take the same seeds, in one order, up to the next look; then every pair of them is tested as it stands. Who
is shown to be worse than another leaves, and its seeds are saved. The race is `won` when one is left, it is `level`
when all that are left are equivalent within the margin, and it is `open` where the budget is spent before. The declared
looks and the values decide, so a race that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Annotated, Literal

from pydantic import Field

from archsearch.plain import NonNegative, NonNegativeFloat, Plain, Positive
from archsearch.stats.effect import Probability
from archsearch.stats.group_sequential import (
    LookP,
    equivalence_crossing,
    first_crossing,
    repeated_interval,
    sequential_equivalence_p,
    sequential_p,
    spent,
)

RaceValues = Mapping[str, Mapping[int, float | None]]  # by runner and seed; None: the run failed, and makes no pair
RacePair = tuple[str, str]
DIFFERENT = ("better", "worse")
# Chosen by tests/search/race_simulation.py: the first look of a race may spend half of alpha, and later ones lie close.
LATER_LOOKS = (10, 12, 15, 19, 24, 30)
RACE_SPENDING = 0.5


class Race(Plain):
    """What is declared before the first run. `work` is that of one run of each runner, in the unit of the `budget`.

    `searched` is the work that the budget was made of, where it was a share of something; `until` is a number of seeds
    that was asked for since, whatever it costs: one of the looks.
    """

    runners: Annotated[tuple[str, ...], Field(strict=False, min_length=2)]
    seeds: Annotated[tuple[int, ...], Field(strict=False)]
    looks: Annotated[tuple[Positive, ...], Field(strict=False, min_length=1)]
    work: dict[str, NonNegativeFloat]
    unit: Literal["multiply-accumulates", "seconds", "runs"]
    budget: NonNegativeFloat
    searched: NonNegativeFloat | None = None
    alpha: Probability = 0.05
    margin: NonNegativeFloat = 0.001
    maximize: bool = True
    until: NonNegative = 0


def looks_for(runners: int, alpha: float = 0.05) -> tuple[int, ...]:
    """Give the looks of a race of so many: the first is the fewest seeds after which one can be shown to be the best.

    Two of the 2^n sign patterns of n pairs must be no more than may be spent until then, among all pairs of runners.

    >>> looks_for(2), looks_for(3)
    ((7, 10, 12, 15, 19, 24, 30), (8, 10, 12, 15, 19, 24, 30))
    """
    most, pairs = LATER_LOOKS[-1], runners * (runners - 1) // 2
    first = next(n for n in range(2, most + 1) if 2.0 ** (1 - n) <= spent(n / most, alpha / pairs, RACE_SPENDING))
    return (first, *(look for look in LATER_LOOKS if look > first))


class Left(Plain):
    """A runner that was shown to be worse than `by`, after so many seeds."""

    runner: str
    seeds: Positive
    by: str


class Judged(Plain):
    """A pair of runners at the last look that both were at: `verdict` is that of the first against the second."""

    pair: Annotated[tuple[str, str], Field(strict=False)]
    look: NonNegative
    verdict: Literal["better", "worse", "equivalent"] | None = None


class Standing(Plain):
    """Where a race stands: `seeds` at the last look, `due` the runs of the next one, `next_work` what these cost.

    The outcome is `running` where the next look may be paid for.
    """

    outcome: Literal["running", "won", "level", "open"]
    racing: Annotated[tuple[str, ...], Field(strict=False)]
    left: Annotated[tuple[Left, ...], Field(strict=False)]
    seeds: NonNegative
    judged: Annotated[tuple[Judged, ...], Field(strict=False)]
    due: Annotated[tuple[tuple[str, int], ...], Field(strict=False)]
    spent: NonNegativeFloat
    next_look: Positive | None
    next_work: NonNegativeFloat

    @property
    def winner(self) -> str | None:
        """The runner that all others were shown to be worse than, directly or by way of one another."""
        return self.racing[0] if self.outcome == "won" else None


def stand(race: Race, values: RaceValues) -> Standing:
    """Replay a race from its first seed: the answer depends on the numbers only."""
    racing, left, seen, cost_so_far = list(race.runners), list[Left](), 0, 0.0
    judged = {pair: Judged(pair=pair, look=0) for pair in combinations(race.runners, 2)}
    outcome: Literal["running", "won", "level", "open"] = "open"
    due, following, cost = list[tuple[str, int]](), race.looks[0], 0.0
    for following in race.looks:
        cost = (following - seen) * sum(race.work[name] for name in racing)
        due = [(name, seed) for seed in race.seeds[:following] for name in racing]
        if following > race.until and cost_so_far + cost > race.budget * (1 + 1e-9):
            break
        if any(seed not in values.get(name, {}) for name, seed in due):
            outcome = "running"
            break
        seen, cost_so_far = following, cost_so_far + cost
        judged |= {pair: Judged(pair=pair, look=seen) for pair in combinations(racing, 2)}
        judged = _judged(race, values, judged)
        _leave(racing, left, judged, seen)
        if len(racing) == 1:
            outcome = "won"
        elif all(judged[pair].verdict == "equivalent" for pair in combinations(racing, 2)):
            outcome = "level"
        if outcome != "open":
            break
    ahead = following > seen
    return Standing(
        outcome=outcome,
        racing=tuple(racing),
        left=tuple(left),
        seeds=seen,
        judged=tuple(judged.values()),
        due=tuple(due) if outcome == "running" else (),
        spent=cost_so_far,
        next_look=following if ahead else None,
        next_work=cost if ahead else 0.0,
    )


def pair_differences(race: Race, values: RaceValues, pair: RacePair, look: int) -> tuple[float | None, ...]:
    """Give first - second for each seed up to a look, None where one of the two runs failed."""
    both = [(values[pair[0]].get(seed), values[pair[1]].get(seed)) for seed in race.seeds[:look]]
    return tuple(None if a is None or b is None else a - b for a, b in both)


def _judged(race: Race, values: RaceValues, judged: Mapping[RacePair, Judged]) -> dict[RacePair, Judged]:
    """Judge all pairs at the looks that they have had: by Shaffer (1986) for differences, by Holm for equivalence."""
    d = {pair: pair_differences(race, values, pair, of.look) for pair, of in judged.items()}

    def differs(pair: RacePair, alpha: float) -> bool:
        return first_crossing(d[pair], race.looks, alpha, spending=RACE_SPENDING) is not None

    def is_same(pair: RacePair, alpha: float) -> bool:
        return equivalence_crossing(d[pair], race.looks, alpha, race.margin, spending=RACE_SPENDING) is not None

    different = _step_down(judged, differs, possible_equalities(len(race.runners)), race.alpha)
    same = _step_down(judged, is_same, range(len(judged), 0, -1), race.alpha) if race.margin > 0 else set()
    found = {}
    for pair, of in judged.items():
        verdict = "equivalent" if pair in same else None
        if pair in different:
            total = sum(one for one in d[pair] if one is not None)
            verdict = "better" if (total > 0) == race.maximize else "worse"
        found[pair] = of.model_copy(update={"verdict": verdict})
    return _closed(found)


def _step_down(
    judged: Mapping[RacePair, Judged],
    shown: Callable[[RacePair, float], bool],
    multipliers: Sequence[int],
    alpha: float,
) -> set[RacePair]:
    """Reject one pair after the other, each at alpha over how many of the pairs may still be true."""
    found: set[RacePair] = set()
    left = [pair for pair, of in judged.items() if of.look]
    while left and (pair := next((one for one in left if shown(one, alpha / multipliers[len(found)])), None)):
        found.add(pair)
        left.remove(pair)
    return found


def possible_equalities(count: int) -> list[int]:
    """Give how many pairs of so many runners may be equal when 0, 1, 2, ... of the pairs are known to differ.

    Equality is transitive, so it parts the runners into groups, and not every number is possible (Shaffer 1986).

    >>> possible_equalities(3), possible_equalities(4)
    ([3, 1, 1], [6, 3, 3, 3, 2, 1])
    """
    numbers = {0: {0}}
    for size in range(1, count + 1):
        numbers[size] = {
            group * (group - 1) // 2 + rest for group in range(1, size + 1) for rest in numbers[size - group]
        }
    pairs = count * (count - 1) // 2
    return [max(one for one in numbers[count] if one <= pairs - known) for known in range(pairs)]


def _closed(judged: Mapping[RacePair, Judged]) -> dict[RacePair, Judged]:
    """Add what follows: who is better than one that is better than a third is better than that one."""
    better = {one if of.verdict == "better" else one[::-1] for one, of in judged.items() if of.verdict in DIFFERENT}
    while more := {(a, d) for a, b in better for c, d in better if b == c and a != d} - better:
        better |= more
    found = {}
    for pair, of in judged.items():
        known = "better" if pair in better else "worse" if pair[::-1] in better else None
        found[pair] = of if known is None or of.verdict in DIFFERENT else of.model_copy(update={"verdict": known})
    return found


def _leave(racing: list[str], left: list[Left], judged: Mapping[RacePair, Judged], seeds: int) -> None:
    """Take out who is shown to be worse than another; one always stays."""
    for (one, other), of in judged.items():
        if of.verdict not in DIFFERENT:
            continue
        worse, by = (other, one) if of.verdict == "better" else (one, other)
        if worse in racing and len(racing) > 1:
            racing.remove(worse)
            left.append(Left(runner=worse, seeds=seeds, by=by))


# -- what is shown of a pair -------------------------------------------------------------------------------------------


def race_p_values(race: Race, values: RaceValues, standing: Standing) -> dict[RacePair, LookP]:
    """Give the sequential p values of all pairs, each at its last look, and adjusted as the verdicts are."""
    d = {of.pair: pair_differences(race, values, of.pair, of.look) for of in standing.judged}
    p = {pair: sequential_p(one, race.looks, spending=RACE_SPENDING) for pair, one in d.items()}
    same = {
        pair: sequential_equivalence_p(one, race.looks, race.margin, spending=RACE_SPENDING) for pair, one in d.items()
    }
    p_adjusted = _adjusted(p, possible_equalities(len(race.runners)))
    same_adjusted = _adjusted(same, range(len(same), 0, -1))
    return {pair: LookP(p[pair], p_adjusted[pair], same[pair], same_adjusted[pair]) for pair in d}


def _adjusted(p_values: Mapping[RacePair, float], multipliers: Sequence[int]) -> dict[RacePair, float]:
    adjusted, largest = dict[RacePair, float](), 0.0
    for pair, multiplier in zip(sorted(p_values, key=lambda one: p_values[one]), multipliers, strict=True):
        largest = max(largest, min(1.0, multiplier * p_values[pair]))
        adjusted[pair] = largest
    return adjusted


def race_interval(race: Race, values: RaceValues, judged: Judged) -> tuple[float, float] | None:
    """Give the repeated confidence interval of first - second: right whichever look a race ends at."""
    d = pair_differences(race, values, judged.pair, judged.look)
    return repeated_interval(d, race.looks, race.alpha, spending=RACE_SPENDING)
