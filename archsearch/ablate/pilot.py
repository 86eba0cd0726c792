"""A pilot: the first runs of an ablation's baseline, so that its plan rests on a spread that was measured.

    for seed in pilot_seeds(ablation): run_pilot(ablation, seed, runs_dir, data_dir, watch)

They are runs of the ablation itself, found in the cache when it begins: a pilot costs nothing twice, and as the seeds
are those that were declared, it selects nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from archsearch.ablate.forecast import LEAST_FOR_SD
from archsearch.ablate.planned import Ablation
from archsearch.errors import UsageError
from archsearch.program.experiment import plan_program
from archsearch.program.program_spec import ProgramSpec

if TYPE_CHECKING:
    from archsearch.train.loop import ReadTest
    from archsearch.train.watch import Watch


def pilot_seeds(ablation: Ablation) -> tuple[int, ...]:
    """Give the seeds of a pilot: the first three of the baseline; raise `UsageError` where it has fewer."""
    seeds = ablation.cells[0].run_seeds
    if len(seeds) < LEAST_FOR_SD:
        raise UsageError(f"--pilot measures a spread on {LEAST_FOR_SD} seeds, and {ablation.name} has {len(seeds)}")
    return seeds[:LEAST_FOR_SD]


def run_pilot(ablation: Ablation, seed: int, runs_dir: Path, data_dir: Path | None, watch: Watch) -> None:
    """Run the baseline with a seed as the ablation would, or find it in the cache."""
    spec = ablation.spec_at(ablation.cells[0].name, seed)  # with a split, pairs and seeds have one number
    if isinstance(spec, ProgramSpec):
        from archsearch.program.run import run_program

        run_program(plan_program(spec), seed=seed, runs_dir=runs_dir)
        return
    from archsearch.train.run import run

    read_test: ReadTest = "end" if ablation.family.metric.startswith("test_") else "never"
    run(spec, seed=seed, runs_dir=runs_dir, data_dir=data_dir, read_test=read_test, watch=watch)
