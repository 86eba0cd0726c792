"""`archsearch lint`: known mistakes in specs that are otherwise right."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from archsearch.cli import options


def lint(
    specs: Annotated[list[str], typer.Argument(metavar="SPEC...", help="Specs: names or files.")],
    json: options.Json = False,
) -> None:
    """Look for known mistakes: each with its reason, its source and, where there is one, a fix.

    Example:  archsearch lint lenet5 specs/*.yaml
    """
    from archsearch.cli import console
    from archsearch.data.planning import load_plan
    from archsearch.errors import SpecError
    from archsearch.spec.lint import lint as look

    found: list[dict[str, Any]] = []
    for reference in specs:
        plan = load_plan(reference)
        try:
            report = look(plan.spec, plan.network)
        except SpecError as error:
            error.place(reference)
            raise
        found.append({"spec": reference, **console.lint_json(report)})
        if not json:
            console.print_lint(reference, report)
    if json:
        console.print_json({"specs": found})
