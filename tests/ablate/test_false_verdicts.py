"""Programs that differ in nothing are seldom called better or worse: 200 ablations always, 2,000 with `-m slow`.

Numbers are drawn by numpy as such a program would print them, and judged by what judges real runs. Times are made up
here; `benchmarks/seconds_under_load.py` takes real ones.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from archsearch.ablate.ablation import ablate
from archsearch.ablate.judging import judge_ablation
from archsearch.ablate.planned import Ablation, plan_ablation
from archsearch.ablate.schedule import due
from archsearch.ablate.without_file import declare_levels, levels_of_values
from archsearch.program.from_command import from_command
from archsearch.stats.effect import Seed
from archsearch.study.lifecycle import Settings

SEEDS = 10
QUICK, FULL = 200, 2000
Draw = Callable[[np.random.Generator, int, int], np.ndarray]

NOISES: dict[str, Draw] = {
    "normal": lambda dice, cells, seeds: dice.normal(0.9, 0.01, (cells, seeds)),
    "with a seed's own share": lambda dice, cells, seeds: (
        dice.normal(0.9, 0.02, (1, seeds)) + dice.normal(0, 0.01, (cells, seeds))
    ),
    "heavy tails": lambda dice, cells, seeds: 0.9 + 0.01 * dice.standard_t(2, (cells, seeds)),
    "skewed": lambda dice, cells, seeds: 1 - 0.02 * dice.exponential(1, (cells, seeds)),
    "of few samples": lambda dice, cells, seeds: dice.binomial(50, 0.9, (cells, seeds)) / 50,
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHSEARCH_TRUST", "1")
    monkeypatch.setenv("ARCHSEARCH_DATA", str(tmp_path / "data"))
    Path("same.py").write_text(
        "import random, sys\nprint(f'acc={random.Random(\" \".join(sys.argv[1:3])).gauss(0.9, 0.01):.6f}')\n"
    )
    return tmp_path


def planned(levels: int, metric: str = r"acc:last:acc=(\S+)", name: str = "same") -> Ablation:
    command = f"{sys.executable} -S -E same.py {{seed}} {{how}}"
    spec = from_command(command, {"how": 0}, [metric])
    named = levels_of_values({"how": list(range(1, levels + 1))})
    return plan_ablation(declare_levels(spec, named, name=name, seeds=SEEDS))


def false_families(ablation: Ablation, draw: Draw, repeats: int) -> int:
    """Count the families in which anything is called better or worse, though nothing differs."""
    names = [cell.name for cell in ablation.cells]
    found = 0
    for repeat in range(repeats):
        drawn = draw(np.random.default_rng([11, repeat]), len(names), SEEDS)
        runs: dict[str, dict[Seed, float | None]] = {
            name: dict(enumerate(map(float, row))) for name, row in zip(names, drawn, strict=True)
        }
        effects = judge_ablation(ablation, runs, complete=True)
        found += any(effect.verdict in ("better", "worse") for effect in effects)
    return found


def most(repeats: int, rate: float = 0.05) -> int:
    """Give the count that a true rate exceeds once in a thousand times."""
    return int(repeats * rate + 3.1 * (repeats * rate * (1 - rate)) ** 0.5)


def test_program_of_noise_is_seldom_called_better_or_worse(here: Path) -> None:
    ablation = planned(4)
    assert len(ablation.claims) == 4
    assert false_families(ablation, NOISES["normal"], QUICK) <= most(QUICK)


def test_program_of_noise_with_a_planted_effect_is_found(here: Path) -> None:
    """The test above could not fail if nothing were ever called: 0.03 beside noise of 0.01 is."""

    def draw(dice: np.random.Generator, cells: int, seeds: int) -> np.ndarray:
        return NOISES["normal"](dice, cells, seeds) + np.array([0, 0.03, 0, 0, 0])[:, None]

    assert false_families(planned(4), draw, 10) == 10


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("noise", NOISES)
def test_at_most_one_family_in_twenty_has_a_false_verdict(here: Path, noise: str) -> None:
    found = false_families(planned(4), NOISES[noise], FULL)
    print(f"{noise}: {found} of {FULL} families with a false verdict")
    assert found <= 0.05 * FULL


def test_real_runs_of_a_program_of_noise_are_judged_the_same_way(here: Path) -> None:
    report = ablate(planned(3), Settings(runs_dir=here / "runs"))
    assert (report.complete, report.runs.completed, report.runs.failed) == (True, 4 * SEEDS, 0)
    # these seeds' numbers are what they are on every machine: random.Random is the same everywhere
    assert {effect.verdict for effect in report.effects} == {"inconclusive"}
    outcomes = [json.loads(path.read_text())["result"] for path in (here / "runs").glob("*/outcome.json")]
    assert len({outcome["metrics"]["acc"] for outcome in outcomes}) == 4 * SEEDS


# -- seconds, on a machine that others use too -------------------------------------------------------------------------


def busy_seconds(dice: np.random.Generator, runs: int) -> np.ndarray:
    """Give the times of runs one after the other, as two loads that come and go leave them.

    Each load is there or not for a number of runs (a Markov chain); where it is, a run takes longer by a half, and
    what a run takes varies by some percent, now and then by much.
    """
    factor = np.ones(runs)
    for stay in (0.9, 0.97):
        here = bool(dice.integers(2))
        for run in range(runs):
            factor[run] += 0.5 * here
            here = here if dice.random() < stay else not here
    spikes = np.where(dice.random(runs) < 0.05, dice.exponential(0.5, runs), 0)
    return np.asarray(factor * (1 + np.abs(dice.normal(0, 0.03, runs)) + spikes))


def false_pairs(times: Callable[[np.random.Generator, int], np.ndarray], repeats: int, *, shuffled: bool = True) -> int:
    """Count the A/A comparisons of ten pairs with a verdict; each run has the time of its place in the real order."""
    ablation = planned(1, "seconds:measured")
    assert ablation.family.metric == "seconds"
    found = 0
    for repeat in range(repeats):
        order = due(ablation.model_copy(update={"name": f"same-{repeat}"}), {})
        assert len(order) == 2 * SEEDS
        if not shuffled:
            order = [(cell.name, seed) for seed in ablation.seeds for cell in ablation.cells]
        runs: dict[str, dict[Seed, float | None]] = {cell.name: {} for cell in ablation.cells}
        for (name, seed), seconds in zip(order, times(np.random.default_rng([5, repeat]), len(order)), strict=True):
            runs[name][seed] = float(seconds)
        found += any(effect.verdict in ("better", "worse") for effect in judge_ablation(ablation, runs, complete=True))
    return found


def slowing_down(dice: np.random.Generator, runs: int) -> np.ndarray:
    """Give the times on a machine that slows down by a percent with each run, with little noise."""
    return np.asarray((1 + 0.01 * np.arange(runs)) * (1 + dice.normal(0, 0.005, runs)))


@pytest.mark.parametrize("times", [busy_seconds, slowing_down])
def test_seconds_on_a_busy_machine_are_seldom_called_faster_or_slower(
    here: Path, times: Callable[[np.random.Generator, int], np.ndarray]
) -> None:
    repeats = 60
    assert false_pairs(times, repeats) <= most(repeats)


def test_it_is_the_shuffled_order_that_keeps_a_slowing_machine_from_a_verdict(here: Path) -> None:
    assert false_pairs(slowing_down, 20, shuffled=False) >= 15


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("times", [busy_seconds, slowing_down])
def test_seconds_of_many_comparisons(here: Path, times: Callable[[np.random.Generator, int], np.ndarray]) -> None:
    found = false_pairs(times, FULL)
    print(f"{times.__name__}: {found} of {FULL} comparisons of seconds with a false verdict")
    assert found <= most(FULL)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_slowdown_of_a_fifth_is_found_with_ten_seeds(here: Path) -> None:
    """The program waits, so that its second is one on a loaded machine too, and computes a little."""
    Path("same.py").write_text(
        "import sys, time\ntime.sleep(0.95 * (1.2 if sys.argv[2] == '1' else 1.0))\nsum(range(100_000))\n"
    )
    report = ablate(planned(1, "seconds:measured", name="slower"), Settings(runs_dir=here / "runs"))
    [effect] = report.effects
    assert effect.verdict == "worse"
    assert effect.effect == pytest.approx(0.19, abs=0.06)
