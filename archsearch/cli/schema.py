"""`archsearch schema`: the JSON Schemas for editors."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Language(StrEnum):
    """The languages that have a schema."""

    experiment = "experiment"
    study = "study"


def schema(
    which: Annotated[Language, typer.Argument(metavar="[experiment|study]")] = Language.experiment,
    write: Annotated[
        Path | None, typer.Option("--write", help="Write all schemas into this folder instead of printing one.")
    ] = None,
) -> None:
    """Print the JSON Schema of specs or studies, for editors that complete and check YAML.

    Example:  archsearch schema --write schema
    """
    from archsearch.cli import console
    from archsearch.errors import UnavailableError
    from archsearch.search.schema import schemas

    documents = schemas()
    if write is None:
        console.print_json(documents[which])
        return
    try:
        write.mkdir(parents=True, exist_ok=True)
        for name, document in documents.items():
            path = write / f"{name}.schema.json"
            path.write_text(console.json_text(document) + "\n", encoding="utf-8")
            console.note(f"wrote {path}")
    except OSError as error:
        raise UnavailableError(f"{write} cannot be written: {error.strerror}") from None
