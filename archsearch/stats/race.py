"""A race by seeds: who is still in it, who has left, how it ended, and which runs are due. Numbers only.

    race = Race(runners=("baseline", "trial 7"), seeds=(11, 5, 9, ...), looks=(8, 12, 18, 30), work={...}, budget=24.0)
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
from archsearch.stats.intervals import mean
from archsearch.stats.paired import sign_flip_test

Values = Mapping[str, Mapping[int, float | None]]  # by runner and seed; None: the run failed, and makes no pair
Pair = tuple[str, str]
DIFFERENT = ("better", "worse")
LATER_LOOKS = (12, 18, 30)
SPENT = (0.5, 0.2, 0.15, 0.15)  # the share of alpha that each look may use up: see benchmarks/confirmation.py


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

    The least p of n pairs is 2 / 2^n, and the first look may use half of alpha, so that of three pairs of runners it is
    8 seeds: 3 * 2 / 2^8 = 0.023.

    >>> looks_for(2), looks_for(3), looks_for(4)
    ((7, 12, 18, 30), (8, 12, 18, 30), (9, 12, 18, 30))
    """
    first, pairs = 2, runners * (runners - 1) // 2
    while pairs * 2.0 ** (1 - first) >= alpha * SPENT[0]:
        first += 1
    return (first, *(look for look in LATER_LOOKS if look > first))


class Left(Plain):
    """A runner that was shown to be worse than `by`, after so many seeds."""

    runner: str
    seeds: Positive
    by: str


class Judged(Plain):
    """A pair of runners: p of a difference and of equivalence, adjusted for all pairs, at the last look of both.

    `first_ahead` says which of them is the better one where they differ.
    """

    pair: Annotated[tuple[str, str], Field(strict=False)]
    pairs: NonNegative
    look: NonNegative
    first_ahead: bool
    p: float
    p_adjusted: float
    equivalence_p: float
    equivalence_p_adjusted: float
    verdict: Literal["better", "worse", "equivalent"] | None  # of the first against the second


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


def stand(race: Race, values: Values) -> Standing:
    """Replay a race from its first seed: the answer depends on the numbers only."""
    racing, left, seen, spent = list(race.runners), list[Left](), 0, 0.0
    judged = {pair: _not_yet(pair) for pair in combinations(race.runners, 2)}
    outcome: Literal["running", "won", "level", "open"] = "open"
    following: int | None = None
    cost = 0.0
    due: list[tuple[str, int]] = []
    for at, look in enumerate(race.looks):
        cost = (look - seen) * sum(race.work[name] for name in racing)
        following = look
        due = [(name, seed) for seed in race.seeds[:look] for name in racing]
        if look > race.until and spent + cost > race.budget * (1 + 1e-9):
            break
        if any(seed not in values.get(name, {}) for name, seed in due):
            outcome = "running"
            break
        seen, spent = look, spent + cost
        following, cost, due = None, 0.0, []
        for pair in combinations(racing, 2):
            judged[pair] = _tested(race, values, pair, at)
        judged = _adjusted(race, judged)
        _leave(race, racing, left, judged, seen)
        if len(racing) == 1:
            outcome = "won"
            break
        if all(judged[pair].verdict == "equivalent" for pair in combinations(racing, 2)):
            outcome = "level"
            break
    return Standing(
        outcome=outcome,
        racing=tuple(racing),
        left=tuple(left),
        seeds=seen,
        judged=tuple(judged.values()),
        due=tuple(due) if outcome == "running" else (),
        spent=spent,
        next_look=following,
        next_work=cost,
    )


def _not_yet(pair: Pair) -> Judged:
    unknown = dict.fromkeys(("p", "p_adjusted", "equivalence_p", "equivalence_p_adjusted"), 1.0)
    return Judged(pair=pair, pairs=0, look=0, first_ahead=True, verdict=None, **unknown)


def _tested(race: Race, values: Values, pair: Pair, at: int) -> Judged:
    """Test a pair at all looks up to this one: what counts is the least p, each by the share that its look may use."""
    sign = 1.0 if race.maximize else -1.0
    p = same = 1.0
    ahead = True
    d: list[float] = []
    for look, share in zip(race.looks[: at + 1], _shares(race.looks), strict=False):
        d = [sign * (a - b) for a, b in _pairs(race, values, pair, look)]
        if (p_now := _p(d) / share) < p:
            p, ahead = p_now, sum(d) > 0
        same = min(same, _p_within(d, race.margin) / share)
    found = {"pairs": len(d), "look": race.looks[at], "first_ahead": ahead, "p": p, "equivalence_p": same}
    return _not_yet(pair).model_copy(update=found)


def _pairs(race: Race, values: Values, pair: Pair, look: int) -> list[tuple[float, float]]:
    both = ((values[pair[0]].get(seed), values[pair[1]].get(seed)) for seed in race.seeds[:look])
    return [(a, b) for a, b in both if a is not None and b is not None]


def _shares(looks: Sequence[int]) -> Sequence[float]:
    return SPENT if len(looks) == len(SPENT) else [1 / len(looks)] * len(looks)


def _p(differences: Sequence[float]) -> float:
    return sign_flip_test(differences).p if differences else 1.0


def _p_within(differences: Sequence[float], margin: float) -> float:
    """Test both ends of the margin, each in one direction; a one-sided p is half of the two-sided one."""
    ends = [margin - one for one in differences], [margin + one for one in differences]
    return max((_p(end) / 2 if sum(end) > 0 else 1.0) for end in ends) if margin > 0 else 1.0


def _adjusted(race: Race, judged: Mapping[Pair, Judged]) -> dict[Pair, Judged]:
    """Adjust for all pairs: by Shaffer (1986) for differences, by Holm for equivalence; and say what is shown."""
    true_at_most = possible_equalities(len(race.runners))
    differ = _step_down({pair: one.p for pair, one in judged.items()}, true_at_most)
    same = _step_down({pair: one.equivalence_p for pair, one in judged.items()}, range(len(judged), 0, -1))
    found = {}
    for pair, one in judged.items():
        ahead = "better" if one.first_ahead else "worse"
        verdict = ahead if differ[pair] < race.alpha else "equivalent" if same[pair] < race.alpha else None
        update = {"p_adjusted": differ[pair], "equivalence_p_adjusted": same[pair], "verdict": verdict}
        found[pair] = one.model_copy(update=update)
    return _closed(found)


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


def _closed(judged: Mapping[Pair, Judged]) -> dict[Pair, Judged]:
    """Add what follows: who is better than one that is better than a third is better than that one."""
    better = {one if of.verdict == "better" else one[::-1] for one, of in judged.items() if of.verdict in DIFFERENT}
    while more := {(a, d) for a, b in better for c, d in better if b == c and a != d} - better:
        better |= more
    found = {}
    for pair, of in judged.items():
        known = "better" if pair in better else "worse" if pair[::-1] in better else None
        found[pair] = of if known is None or of.verdict in DIFFERENT else of.model_copy(update={"verdict": known})
    return found


def _step_down(p_values: Mapping[Pair, float], multipliers: Sequence[int]) -> dict[Pair, float]:
    adjusted, largest = dict[Pair, float](), 0.0
    for pair, multiplier in zip(sorted(p_values, key=lambda one: p_values[one]), multipliers, strict=True):
        largest = max(largest, min(1.0, multiplier * p_values[pair]))
        adjusted[pair] = largest
    return adjusted


def _leave(race: Race, racing: list[str], left: list[Left], judged: Mapping[Pair, Judged], seeds: int) -> None:
    """Take out who is shown to be worse than another; one always stays."""
    for (one, other), of in judged.items():
        if of.verdict not in DIFFERENT:
            continue
        worse, by = (other, one) if of.verdict == "better" else (one, other)
        if worse in racing and len(racing) > 1:
            racing.remove(worse)
            left.append(Left(runner=worse, seeds=seeds, by=by))


def interval_of(race: Race, differences: Sequence[float]) -> tuple[float, float] | None:
    """Give the mean differences that no look has excluded, at the looks that these pairs have reached.

    A repeated confidence interval: it holds whichever look a race ends at. None while nothing can be excluded.
    """
    reached = [(look, share) for look, share in zip(race.looks, _shares(race.looks), strict=False)]
    seen = [(differences[:look], share) for look, share in reached if look <= len(differences)]
    seen = seen or [(differences, reached[0][1])]

    def stands(centre: float) -> bool:
        return all(_p([one - centre for one in d]) / share >= race.alpha for d, share in seen if d)

    if not differences:
        return None
    middle, width = mean(differences), 4 * max(map(abs, differences)) + 1e-12
    if not stands(middle) or stands(middle + width):
        return None
    return _edge(stands, middle, middle - width), _edge(stands, middle, middle + width)


def _edge(stands: Callable[[float], bool], inside: float, outside: float) -> float:
    """Halve between a centre that stands and one that is excluded."""
    for _ in range(40):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if stands(middle) else (inside, middle)
    return outside
