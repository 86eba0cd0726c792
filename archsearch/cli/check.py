"""`archsearch check`: is a file right?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from archsearch.cli import options


def check(
    specs: Annotated[list[str], typer.Argument(metavar="SPEC...", help="Specs: names or files.")],
    json: options.Json = False,
    max_parameters: options.MaxParameters = None,
    max_activations: options.MaxActivations = None,
    max_layers: options.MaxLayers = None,
) -> None:
    """Check specs without training: every key, every shape, every count.

    Example:  archsearch check specs/*.yaml
    """
    from archsearch.cli import console
    from archsearch.data.planning import load_plan
    from archsearch.errors import SpecError

    limits = options.limits(max_parameters, max_activations, max_layers)
    found: list[dict[str, Any]] = []
    exit_code = 0
    for reference in specs:
        try:
            plan = load_plan(reference, limits=limits)
            found.append({"spec": reference, "ok": True, "name": plan.spec.name, "problems": []})
            if not json:
                console.print_checked(reference, plan)
        except SpecError as error:
            exit_code = max(exit_code, error.exit_code)
            problems = [{"where": p.where, "message": p.message} for p in error.problems]
            found.append({"spec": reference, "ok": False, "name": None, "problems": problems})
            if not json:
                console.error(error)
    if json:
        console.print_json({"specs": found})
    if exit_code:
        raise typer.Exit(exit_code)
