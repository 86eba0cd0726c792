"""`archsearch list`: what can be run by name."""

from __future__ import annotations

from archsearch.cli import options


def list_(json: options.Json = False) -> None:
    """List the specs and studies that can be called by name, with their summaries.

    Example:  archsearch list
    """
    from archsearch.cli import console
    from archsearch.errors import SpecError
    from archsearch.spec.catalog import Folder, catalog, summary_of

    found: dict[Folder, list[dict[str, str]]] = {"specs": [], "studies": []}
    for folder, rows in found.items():
        for name, path in catalog(folder).items():
            try:
                summary = summary_of(path)
            except SpecError as error:
                summary = f"cannot be read: {error.problems[0]}"
            rows.append({"name": name, "summary": summary, "path": str(path)})
    if json:
        console.print_json(found)
    else:
        console.print_catalog(found)
