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
    from archsearch.spec.catalog import ZOO, catalog, study_kind, summary_of
    from archsearch.spec.text.yaml import read_file

    def row(name: str, path: Path, kind: str) -> dict[str, str]:
        try:
            summary = summary_of(path)
            kind = kind or study_kind(read_file(path))
        except SpecError as error:
            summary = f"cannot be read: {error.problems[0]}"
        return {"name": name, "kind": kind or "search", "summary": summary, "path": str(path)}

    named = catalog("specs")
    published = [name for name in named if name.startswith(f"{ZOO}/")]
    specs = [row(name, path, "spec") for name, path in named.items() if name not in published]
    studies = [row(name, path, "") for name, path in catalog("studies").items()]
    if json:
        zoo = [row(name, named[name], "spec") for name in published]
        console.print_json({"specs": specs, "zoo": zoo, "studies": studies})
        return
    kinds = {"searches (archsearch study)": "search", "ablations (archsearch ablate)": "ablation"}
    by_kind = {title: [one for one in studies if one["kind"] == kind] for title, kind in kinds.items()}
    console.print_catalog({"specs": specs, **by_kind}, published)
