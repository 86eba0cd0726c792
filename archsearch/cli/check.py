"""`archsearch check`: is a file right?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from archsearch.cli import options, programs


def check(
    specs: Annotated[list[str], typer.Argument(metavar="SPEC...", help="Specs and studies: names or files.")],
    json: options.Json = False,
    max_parameters: options.MaxParameters = None,
    max_activations: options.MaxActivations = None,
    max_layers: options.MaxLayers = None,
) -> None:
    """Check specs, programs and studies without running anything: every key, every shape, every count.

    Example:  archsearch check specs/*.yaml studies/*.yaml
    """
    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other
    from archsearch.errors import SpecError
    from archsearch.experiment_plan import lint_plan, load_plan
    from archsearch.spec.catalog import kind_of_file

    limits = options.limits(max_parameters, max_activations, max_layers)
    found: list[dict[str, Any]] = []
    exit_code = 0
    for reference in specs:
        try:
            refuse_other(reference, ("spec", "search", "ablation"), "check")
            if (kind := kind_of_file(reference)) != "spec":
                found.append(_study(reference, kind, quiet=json))
                continue
            if programs.is_program_file(reference):
                found.append(programs.check_program(reference, quiet=json))
                continue
            plan = load_plan(reference, limits=limits)
            report = lint_plan(plan)
            codes = [finding.code for finding in report.findings]
            found.append({"spec": reference, "ok": True, "name": plan.spec.name, "problems": [], "lint": codes})
            if not json:
                console.print_checked(reference, plan)
                console.print_lint_line(reference, report)
        except SpecError as error:
            error.place(reference)
            exit_code = max(exit_code, error.exit_code)
            problems = [{"where": p.where, "message": p.message} for p in error.problems]
            found.append({"spec": reference, "ok": False, "name": None, "problems": problems, "lint": []})
            if not json:
                console.error(error)
    if json:
        console.print_json({"specs": found})
    if exit_code:
        raise typer.Exit(exit_code)


def _study(reference: str, kind: str, *, quiet: bool) -> dict[str, Any]:
    """Check a search or an ablation: the space, or every cell."""
    from archsearch.cli import console
    from archsearch.wording import count_of

    if kind == "ablation":
        from archsearch.ablate.ablation_file import load_ablation
        from archsearch.ablate.planned import plan_ablation

        ablation = plan_ablation(load_ablation(reference))
        name, note = ablation.name, ""
        what = f"{count_of(len(ablation.cells), 'cell')}, {count_of(ablation.runs, 'run')}"
    else:
        from archsearch.search.search_file import load_study
        from archsearch.search.space.nothing_fits import refuse_where_nothing_fits

        study = load_study(reference)
        refuse_where_nothing_fits(study, reference)
        name, note, what = study.spec.name, study.note, count_of(len(study.space.parameters()), "open value")
    if not quiet:
        console.print_checked_study(reference, kind, what)
        if note:
            console.note(note)
    return {"spec": reference, "ok": True, "name": name, "problems": [], "lint": []}
