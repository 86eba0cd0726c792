"""All JSON Schemas of the languages, by name: what `archsearch schema` prints and `schema/` holds."""

from __future__ import annotations

from typing import Any

from archsearch.data.registry import DATASETS, OWN_DATA
from archsearch.search.search_file import StudySpec
from archsearch.spec.text.schema import experiment_schema, study_schema


def schemas() -> dict[str, dict[str, Any]]:
    """Give the schema of each kind of file."""
    data_sets = sorted([*DATASETS, *OWN_DATA])
    own = StudySpec.model_json_schema()
    objective = own["properties"]["objective"]
    said = {key: objective.pop(key) for key in ("description", "examples")}
    own["properties"]["objective"] = {"anyOf": [objective["items"], objective], **said}
    return {"experiment": experiment_schema(data_sets), "study": study_schema(data_sets, own)}
