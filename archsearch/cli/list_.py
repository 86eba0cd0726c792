"""`archsearch list`: what can be run by name."""

from __future__ import annotations

from pathlib import Path

from archsearch.cli import options


def list_(json: options.Json = False) -> None:
    """List the specs and studies that can be called by name, with their summaries.

    Example:  archsearch list
    """
    from archsearch.cli import console
    from archsearch.errors import SpecError
    from archsearch.spec.catalog import catalog, summary_of

    def row(name: str, path: Path) -> dict[str, str]:
        try:
            summary = summary_of(path)
        except SpecError as error:
            summary = f"cannot be read: {error.problems[0]}"
        return {"name": name, "summary": summary, "path": str(path)}

    found = {
        "specs": [row(name, path) for name, path in catalog("specs").items()],
        "studies": [row(name, path) for name, path in catalog("studies").items()],
    }
    if json:
        console.print_json(found)
    else:
        console.print_catalog(found)
