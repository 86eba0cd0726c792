"""`archsearch lint`: known mistakes in specs that are otherwise right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsearch.cli import options, programs

if TYPE_CHECKING:
    from archsearch.study.lifecycle import Settings


def lint(
    specs: Annotated[list[str], typer.Argument(metavar="SPEC...", help="Specs: names or files.")],
    price: Annotated[
        bool, typer.Option("--price", help="Train each spec and its fixes, and say what it costs.")
    ] = False,
    seeds: Annotated[int, typer.Option("--seeds", min=2, help="On how many seeds --price compares.")] = 10,
    screen: Annotated[bool, typer.Option("--screen", help="With --price: few seeds, no p values.")] = False,
    workers: Annotated[str, typer.Option("--workers", help="Processes, one thread each; auto: one per core.")] = "auto",
    storage: options.StorageOption = None,
    runs_dir: options.RunsDir = Path("runs"),
    data_dir: options.DataDir = None,
    json: options.Json = False,
) -> None:
    """Look for known mistakes: each with its reason, its source and, where there is one, a fix.

    Examples:  archsearch lint lenet5 specs/*.yaml      archsearch lint --price lenet5
    """
    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other

    for reference in specs:
        refuse_other(reference, "spec", "lint")
    if price:
        from archsearch.errors import UsageError
        from archsearch.study.lifecycle import Settings
        from archsearch.study.pool import worker_count

        if program := next((one for one in specs if programs.is_program_file(one)), None):
            raise UsageError(
                f"{program} is a program: its findings have no fix to price; archsearch ablate compares changes"
            )
        count = worker_count(options.workers(workers))
        settings = Settings(workers=count, storage=storage, runs_dir=runs_dir, data_dir=data_dir)
        priced = [_price(reference, seeds, screen, settings, quiet=json) for reference in specs]
        if json:
            console.print_json({"specs": priced})
        return
    from archsearch.errors import SpecError
    from archsearch.experiment_plan import lint_plan, load_plan

    found: list[dict[str, Any]] = []
    for reference in specs:
        if programs.is_program_file(reference):
            found.append(programs.lint_program_file(reference, quiet=json))
            continue
        plan = load_plan(reference)
        try:
            report = lint_plan(plan)
        except SpecError as error:
            error.place(reference)
            raise
        found.append({"spec": reference, **console.lint_json(report)})
        if not json:
            console.print_lint(reference, report)
    if json:
        console.print_json({"specs": found})


def _price(reference: str, seeds: int, screen: bool, settings: Settings, *, quiet: bool) -> dict[str, Any]:
    """Train a spec and each of its fixes on the same seeds, and print what each flaw costs."""
    from archsearch.ablate.ablation import ablate
    from archsearch.ablate.price import fixable, price_ablation, prices
    from archsearch.cli import console
    from archsearch.experiment_plan import lint_plan, load_plan

    plan = load_plan(reference)
    report = lint_plan(plan)
    ablation = price_ablation(plan, report, seeds=seeds, screen=screen)
    console.note_plan(ablation)
    with console.AblationPanel(ablation.name, ablation.runs) as panel:
        done = ablate(ablation, settings, panel.look)
    found = prices(done, fixable(report))
    if not quiet:
        console.print_prices(found, done)
    return {"spec": reference, "prices": [one.model_dump(mode="json") for one in found], "study": done.study}
