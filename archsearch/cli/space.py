"""`archsearch space`: how large is a search space, and how much of it fits together?"""

from __future__ import annotations

from typing import Annotated

import typer

from archsearch.cli import options


def space(
    study: Annotated[str, typer.Argument(metavar="[STUDY]", help="A study: a name or a file.")] = "lenet",
    list_: Annotated[bool, typer.Option("--list", help="Print every configuration that fits.")] = False,
    json: options.Json = False,
) -> None:
    """Count a search space: configurations, those that fit, distinct networks, and what does not fit.

    Example:  archsearch space digits
    """
    from archsearch.cli import console
    from archsearch.cli.meant import refuse_other
    from archsearch.search.search_file import load_study
    from archsearch.search.space.count import count_space, each_feasible

    refuse_other(study, "search", "space")
    loaded = load_study(study)
    if list_:
        for values in each_feasible(loaded.space):
            console.print_values(values, json=json)
        return
    counted = count_space(loaded.space)
    if json:
        console.print_json(counted.model_dump(mode="json"))
    else:
        console.print_space(loaded, counted)
