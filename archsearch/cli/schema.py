"""`archsearch schema`: the JSON Schemas for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def schema(
    write: Annotated[
        Path | None, typer.Option("--write", help="Write the schemas into this folder instead of printing one.")
    ] = None,
) -> None:
    """Print the JSON Schema of specs, for editors that complete and check YAML.

    Example:  archsearch schema --write schema
    """
    from archsearch.cli import console
    from archsearch.data.registry import DATASETS, OWN_DATA
    from archsearch.errors import UnavailableError
    from archsearch.spec.schema import experiment_schema

    document = experiment_schema(sorted([*DATASETS, *OWN_DATA]))
    if write is None:
        console.print_json(document)
        return
    try:
        write.mkdir(parents=True, exist_ok=True)
        path = write / "experiment.schema.json"
        path.write_text(console.json_text(document) + "\n", encoding="utf-8")
    except OSError as error:
        raise UnavailableError(f"{write} cannot be written: {error.strerror}") from None
    console.note(f"wrote {path}")
