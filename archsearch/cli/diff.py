"""`archsearch diff`: two specs side by side, and the edits between them."""

from __future__ import annotations

from typing import Annotated

import typer

from archsearch.cli import options, programs


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A spec: a name or a file.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The spec that the edits lead to.")],
    json: options.Json = False,
) -> None:
    """Show what leads from one spec to another, as named edits grouped by factor, beside both networks.

    Example:  archsearch diff lenet5 lenet_best
    """
    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other
    from archsearch.errors import UsageError
    from archsearch.experiment_plan import load_plan
    from archsearch.spec.difference.factors import diff_specs

    for one in (a, b):
        refuse_other(one, "spec", "diff")
    kinds = [programs.is_program_file(one) for one in (a, b)]
    if all(kinds):
        programs.diff_programs(a, b, json=json)
        return
    if any(kinds):
        raise UsageError(f"{a} and {b} are a program and a network: they have nothing in common to compare")
    ours, theirs = load_plan(a), load_plan(b)
    difference = diff_specs(ours.spec, ours.network, theirs.spec, theirs.network)
    if json:
        console.print_json(console.difference_json(ours, theirs, difference))
    else:
        console.print_difference(ours, theirs, difference)
