"""What a confirmation keeps, measured: is the right winner named, is a false one, what does it cost?

    python -m tests.search.race_simulation            # every figure of docs/search.md, "How sure a race is"
    python -m tests.search.race_simulation replayed --repeats 200

Two worlds. *Planted*: runners whose true values are known, the best ahead of all others by a gap. *Replayed*: a random
search of 50 networks of `benchmarks/lenet_table.csv`, whose accuracies are taken for the true ones; the search sees
them through noise, so that its finalists are not always the best. Field, budget and race are those of a real search.
Values are fractions; a margin is 0.1 points.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archsearch.search.race_budget import choose_field
from archsearch.stats.race import Race, looks_for, stand

TABLE = Path(__file__).parents[2] / "benchmarks" / "lenet_table.csv"
BASE = "807faa9e9f212cf6a62469883bf2dfedcb55903c65af798e75d9f8296595ed7f"  # the row of benchmarks/lenet_part.yaml
MARGIN = 0.001
SD = 0.00066  # of a run of LeNet-5 over seeds, as docs/statistics.md has it
SDS = (SD, 0.001)
GAPS = (0.0, 0.5, 1.0, 2.0)  # margins between the best and all others
BUDGETS = (24, 33, 67)  # runs: what the first look of three takes; a third of 100 trials, and of 200
NOISES = ("normal", "t3", "skewed", "steps", "correlated")
TRIALS, FINALISTS = 50, 3

Noise = NDArray[np.float64]


@dataclass
class Tally:
    """How races ended: `right` winners, true ties that were said, `false` winners, ties that are none, and the rest."""

    races: int = 0
    right: int = 0
    tie: int = 0
    false: int = 0
    false_tie: int = 0
    runs: float = 0.0

    def share(self, name: str) -> float:
        """Give one of the counts as a share of all races."""
        return float(getattr(self, name)) / max(1, self.races)

    def __str__(self) -> str:
        """Write the shares in per cent, and the mean number of runs."""
        words = (
            f"{name.replace('_', ' ')} {100 * self.share(name):5.1f} %"
            for name in ("right", "tie", "false", "false_tie")
        )
        open_ones = 1 - sum(map(self.share, ("right", "tie", "false", "false_tie")))
        return f"{', '.join(words)}, open {100 * open_ones:5.1f} %, {self.share('runs'):5.1f} runs  (n = {self.races})"


def noise_of(kind: str, runners: int, seeds: int, sd: float, dice: np.random.Generator) -> Noise:
    """Draw the deviations of runs, shape (runners, seeds), each runner's with this SD but for the skewed ones.

    Skewed: exponential tails to the left, and every second runner varies half as much, so that differences are not
    symmetric. Steps: of 1/10,000, as of a test set of 10,000. Correlated: half of the variance is the seed's.
    """
    if kind == "t3":
        return sd * dice.standard_t(3, size=(runners, seeds)) / 3**0.5
    if kind == "skewed":
        return sd * (1 - dice.exponential(size=(runners, seeds))) / (1 + np.arange(runners) % 2)[:, None]
    if kind == "steps":
        return np.round(sd * dice.normal(size=(runners, seeds)), 4)
    own = sd * dice.normal(size=(runners, seeds))
    return (own + sd * dice.normal(size=seeds)) / 2**0.5 if kind == "correlated" else own


def run_race(race: Race, truth: Sequence[float], noise: Noise, tally: Tally) -> None:
    """Run a race whose runners have these true values, and count how it ended."""
    values = {
        name: dict(zip(race.seeds, (true + row).tolist(), strict=True))
        for name, true, row in zip(race.runners, truth, noise, strict=True)
    }
    at = stand(race, values)
    true_of = dict(zip(race.runners, truth, strict=True))
    left = {one.runner: one.seeds for one in at.left}
    tally.races += 1
    tally.runs += sum(left.get(name, at.seeds) for name in race.runners)
    if at.winner is not None:
        others = [true for name, true in true_of.items() if name != at.winner]
        tally.right += true_of[at.winner] > max(others)
        tally.false += true_of[at.winner] <= max(others)
    elif at.outcome == "level":
        racing = [true_of[name] for name in at.racing]
        is_one = max(racing) - min(racing) < race.margin - 1e-12
        tally.tie += is_one
        tally.false_tie += not is_one


def planted(
    gap: float,
    sd: float,
    budget: float,
    repeats: int,
    *,
    runners: int = 3,
    tied: int = 1,
    noise: str = "normal",
    seed: int = 0,
) -> Tally:
    """Race runners of which `tied` are the best and the others `gap` margins behind; the budget is in runs."""
    dice, names = np.random.default_rng(seed), tuple(f"runner {n}" for n in range(runners))
    looks = looks_for(runners)
    race = Race(
        runners=names,
        seeds=tuple(range(looks[-1])),
        looks=looks,
        work=dict.fromkeys(names, 1.0),
        unit="runs",
        budget=float(budget),
        margin=MARGIN,
    )
    truth = [0.97 if n < tied else 0.97 - gap * MARGIN for n in range(runners)]
    tally = Tally()
    for _ in range(repeats):
        run_race(race, truth, noise_of(noise, runners, looks[-1], sd, dice), tally)
    return tally


def read_table() -> tuple[Noise, Noise, int]:
    """Give accuracies and multiply-accumulates of the networks of the table, and which row is the base's."""
    with TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    place = next(n for n, row in enumerate(rows) if row["network"] == BASE)
    return np.array([float(row["epoch2"]) for row in rows]), np.array([float(row["macs"]) for row in rows]), place


def replayed(sd: float, search_sd: float, repeats: int, *, seed: int = 0) -> dict[str, Tally]:
    """Search the table at random, confirm as a search does by default, and tally by the true gap of the best runner."""
    dice = np.random.default_rng(seed)
    accuracy, macs, base = read_table()
    tallies = {name: Tally() for name in ("all", "no gap", "below 1 margin", "1 to 2 margins", "2 margins or more")}
    for _ in range(repeats):
        tried = dice.choice(np.delete(np.arange(len(accuracy)), base), TRIALS - 1, replace=False)
        seen = accuracy[tried] + search_sd * dice.normal(size=len(tried))
        chosen = tried[np.argsort(-seen)][:FINALISTS]
        searched = float(macs[tried].sum() + macs[base])
        count, budget = choose_field(macs[chosen].tolist(), float(macs[base]), searched, None)
        field = [base, *chosen[:count].tolist()]
        looks, names = looks_for(len(field)), tuple(map(str, field))
        race = Race(
            runners=names,
            seeds=tuple(range(looks[-1])),
            looks=looks,
            work=dict(zip(names, macs[field].tolist(), strict=True)),
            unit="multiply-accumulates",
            budget=budget,
            margin=MARGIN,
        )
        truth = accuracy[field].tolist()
        first, second = sorted(truth)[-1], sorted(truth)[-2]
        noise = noise_of("normal", len(field), looks[-1], sd, dice)
        for name in ("all", _gap_words((first - second) / MARGIN)):
            run_race(race, truth, noise, tallies[name])
    return tallies


def _gap_words(margins: float) -> str:
    if margins < 1e-6:
        return "no gap"
    if margins < 1 - 1e-6:
        return "below 1 margin"
    return "1 to 2 margins" if margins < 2 - 1e-6 else "2 margins or more"


def lost_by_few(search_sd: float, sd: float, repeats: int, *, seed: int = 0) -> dict[int, float]:
    """Say what is lost, in points, by confirming so many finalists: of the best of 50 to the best mean of 8 seeds."""
    dice = np.random.default_rng(seed)
    accuracy, _, _ = read_table()
    lost = dict.fromkeys((1, 2, 3, 5), 0.0)
    for _ in range(repeats):
        tried = dice.choice(accuracy, TRIALS, replace=False)
        order = np.argsort(-(tried + search_sd * dice.normal(size=TRIALS)))
        for count in lost:
            field = tried[order[:count]]
            found = field[np.argmax(field + sd / 8**0.5 * dice.normal(size=count))]
            lost[count] += 100 * float(tried.max() - found) / repeats
    return lost


def print_planted(repeats: int) -> None:
    """Print how races of three end, by spread, budget and gap."""
    for sd in SDS:
        for budget in BUDGETS:
            for gap in GAPS:
                words = f"SD {100 * sd:.3f} points, budget {budget} runs, gap {gap} margins"
                print(f"{words}: {planted(gap, sd, budget, repeats)}", flush=True)


def print_noises(repeats: int) -> None:
    """Print how races to the last look end where several are the best, by what the noise is like."""
    for runners, tied in ((3, 2), (4, 4)):
        for noise in NOISES:
            found = planted(10.0, SD, 1000, repeats, runners=runners, tied=tied, noise=noise)
            print(f"{noise}, {tied} of {runners} are the best, to the last look: {found}", flush=True)


def print_replayed(repeats: int) -> None:
    """Print how the default confirmation of random searches of the table ends, and what few finalists lose."""
    for search_sd in (0.001, 0.003):
        for sd in (SD, 0.002):
            print(f"replayed, the search's noise {100 * search_sd:.1f} points, SD {100 * sd:.3f} points:")
            for words, found in replayed(sd, search_sd, repeats).items():
                print(f"  {words}: {found}", flush=True)
    for search_sd in (0.001, 0.002, 0.003):
        lost = lost_by_few(search_sd, SD, 4 * repeats)
        said = ", ".join(f"{count}: {points:.3f}" for count, points in lost.items())
        print(f"points lost by so many finalists, the search's noise {100 * search_sd:.1f} points: {said}")


PARTS = {"planted": print_planted, "replayed": print_replayed, "noises": print_noises}


def main() -> None:
    """Print every figure of docs/search.md, "How sure a race is"."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--repeats", type=int, default=1000)
    arguments = parser.parse_args()
    for part in arguments.parts:
        PARTS[part](arguments.repeats)


if __name__ == "__main__":
    main()
