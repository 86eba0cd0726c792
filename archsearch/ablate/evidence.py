"""What stands behind an ablation's verdicts, from the storage alone: its cells as specs, every run, machines.

    evidence = evidence_of(study)
    evidence.cells[0].spec, evidence.runs[0].run_id, evidence.machines

Plain data, for reports; the verdicts are in `outcome.py`.
"""

from __future__ import annotations

from typing import Annotated, Any

from optuna.trial import FrozenTrial, TrialState
from pydantic import Field

from archsearch.ablate.jobs import held_ablation, latest
from archsearch.ablate.planned import CONTROL, Numbers
from archsearch.plain import Plain
from archsearch.study.held import HeldRun, HeldTrial, Machine, fingerprints_of, machines_of, reads_of, runs_of
from archsearch.study.storage import Study


class CellSpec(Plain):
    """A cell as it was planned: its resolved spec, the seeds of its pairs, and the seeds that it runs."""

    name: str
    spec: dict[str, Any]
    seeds: Numbers
    run_seeds: Numbers


class CellRun(Plain):
    """A run that completed, with its value of the metric; `repeated` where it was there already."""

    cell: str
    seed: int
    run_id: str
    repeated: bool
    value: float
    val_accuracy: float | None
    epochs: int
    seconds: float
    test_reads: int


class Evidence(Plain):
    """What an ablation holds beside its verdicts; of cells the baseline is the first, the control is left out."""

    cells: Annotated[tuple[CellSpec, ...], Field(strict=False)]
    runs: Annotated[tuple[CellRun, ...], Field(strict=False)]
    machines: Annotated[tuple[Machine, ...], Field(strict=False)]
    fingerprints: dict[str, int]
    earlier_test_reads: int


def evidence_of(opened: Study) -> Evidence:
    """Read what a report needs beside the verdicts; touches no file but the storage."""
    ablation, trials = held_ablation(opened), latest(opened)
    done = {key: trial for key, trial in trials.items() if trial.state == TrialState.COMPLETE}
    once = {HeldRun(trial).run_id: trial for trial in done.values()}  # one run may be in two cells
    runs = []
    for cell in ablation.cells:
        for seed, run_seed in zip(cell.seeds, cell.run_seeds, strict=True):
            trial = done.get((cell.name, seed))
            if trial is None:
                continue
            run = HeldRun(trial)
            runs.append(
                CellRun(
                    cell=cell.name,
                    seed=run_seed,
                    run_id=run.run_id,
                    repeated=_is_repeated(trial),
                    value=trial.values[0],
                    val_accuracy=run.metric("val_accuracy"),
                    epochs=run.epochs,
                    seconds=run.seconds,
                    test_reads=run.test_reads,
                )
            )
    kept = runs_of(once.values())
    return Evidence(
        cells=tuple(
            CellSpec(name=cell.name, spec=cell.spec.model_dump(mode="json"), seeds=cell.seeds, run_seeds=cell.run_seeds)
            for cell in ablation.cells
            if cell.name != CONTROL
        ),
        runs=tuple(runs),
        machines=machines_of(kept),
        fingerprints=fingerprints_of(kept),
        earlier_test_reads=reads_of(runs_of(filter(_is_repeated, once.values()))),
    )


def _is_repeated(trial: FrozenTrial) -> bool:
    return HeldTrial(trial).outcome == "repeated"
