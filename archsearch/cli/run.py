"""`archsearch run`: train a spec, with one seed or several."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsearch.cli import options, programs

if TYPE_CHECKING:
    from archsearch.train.run import FinishedRun


def run(
    spec: options.Spec,
    overrides: options.Overrides = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The (first) seed.")] = 0,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="How many seeds to run, from --seed on.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train again even if the result is there.")] = False,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
    trust: options.TrustOption = False,
    max_parameters: options.MaxParameters = None,
    max_activations: options.MaxActivations = None,
    max_layers: options.MaxLayers = None,
) -> None:
    """Train a network, or run a program, and keep the result; a finished run is not made twice.

    Examples:  archsearch run lenet5      archsearch run lenet5 train.epochs=2 conv1.out_channels=10 --seed 3
               archsearch run train.yaml values.lr=0.01 --seeds 3
    """
    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other
    from archsearch.errors import NothingCompletedError
    from archsearch.experiment_plan import lint_plan, load_plan

    limits = options.limits(max_parameters, max_activations, max_layers)
    refuse_other(spec, "spec", "run")
    if programs.is_program_file(spec):
        programs.run_program_file(
            spec,
            overrides or (),
            seeds=range(seed, seed + (seeds or 1)),
            several=seeds is not None,
            fresh=fresh,
            runs_dir=runs_dir,
            once=trust,
            json=json,
        )
        return
    plan = load_plan(spec, overrides or (), limits=limits)  # a mistake is told before torch is loaded
    programs.allow_own(programs.watched_functions([plan.spec]), trust)
    console.started(plan)

    from archsearch.data.prepare import load
    from archsearch.train.compute import decide
    from archsearch.train.seeds import seeds_summaries, train_seeds

    compute = decide(plan)
    if compute.reason:
        console.note(f"engine torch: {compute.reason}")
    dataset = load(plan.spec.data, data_dir=data_dir, say=console.note)
    finished = train_seeds(
        plan,
        range(seed, seed + (seeds or 1)),
        lambda number: console.RunBar(plan, number),
        runs_dir=runs_dir,
        dataset=dataset,
        compute=compute,
        fresh=fresh,
        done=console.print_run if not json else lambda one: None,
        say=console.note,
    )
    if json and seeds is None:
        console.print_json(_run_json(finished[0]))
    elif seeds is not None:
        summaries = seeds_summaries(finished, plan, dataset.facts.test)
        if json:
            first, *others = [one.model_dump(mode="json") for one in summaries]
            runs = [_run_json(one) for one in finished]
            console.print_json({"runs": runs, "summary": first, "others": others})
        else:
            for summary in summaries:
                console.print_summary(summary)
    console.note_lint(spec, lint_plan(plan))
    if all(one.result.status != "completed" for one in finished):
        raise NothingCompletedError(f"{plan.spec.name}: {finished[-1].result.reason}; try a smaller learning rate")


def _run_json(one: FinishedRun) -> dict[str, Any]:
    from archsearch.metrics import told_by

    result = one.result.model_dump(mode="json")
    measured = [f"{part}_{name}" for part in ("test", "val") for name in told_by(one.result.metrics)]
    fields = ("run_id", "status", "reason", "seed", *measured, "epochs", "seconds", "parameters")
    return {name: result[name] for name in fields} | {"run_dir": str(one.run_dir), "cached": one.cached}
