"""`archsearch schema`: the JSON Schemas for editors."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Language(StrEnum):
    """The languages that have a schema."""

    experiment = "experiment"
    study = "study"
    ablation = "ablation"
    program = "program"


def schema(
    which: Annotated[Language, typer.Argument(metavar="[experiment|study|ablation|program]")] = Language.experiment,
    write: Annotated[
        Path | None, typer.Option("--write", help="Write all schemas into this folder instead of printing one.")
    ] = None,
) -> None:
    """Print the JSON Schema of specs, searches, ablations or programs: every key, its default, an example.

    Editors complete and check a YAML file by the schema that its first line names, as in every shipped spec.

    Example:  archsearch schema --write schema
    """
    from archsearch.cli import console
    from archsearch.files import write_whole

    documents = schemas()
    if write is None:
        console.print_json(documents[which])
        return
    for name, document in documents.items():
        path = write / f"{name}.schema.json"
        write_whole(path, (console.json_text(document) + "\n").encode())
        console.note(f"wrote {path}")


def schemas() -> dict[str, dict[str, Any]]:
    """Give the schema of each kind of file."""
    from archsearch.ablate.ablation_spec import AblationSpec
    from archsearch.data.registry import DATASETS, OWN_DATA
    from archsearch.program.program_spec import ProgramSpec
    from archsearch.search.search_spec import StudySpec
    from archsearch.spec.text.schema import ablation_schema, experiment_schema, program_schema, study_schema

    data_sets = sorted([*DATASETS, *OWN_DATA])
    search = StudySpec.model_json_schema()
    objective = search["properties"]["objective"]
    said = {key: objective.pop(key) for key in ("description", "examples")}
    search["properties"]["objective"] = {"anyOf": [objective["items"], objective], **said}
    return {
        "experiment": experiment_schema(data_sets),
        "study": study_schema(data_sets, search),
        "ablation": ablation_schema(data_sets, AblationSpec.model_json_schema()),
        "program": program_schema(ProgramSpec.model_json_schema()),
    }
