"""The JSON Schema of ablation files: what `archsearch schema ablation` prints and `schema/` holds."""

from __future__ import annotations

from typing import Any

from archsearch.ablate.ablation_file import AblationSpec
from archsearch.data.registry import DATASETS, OWN_DATA
from archsearch.spec.text.schema import ablation_schema


def schema() -> dict[str, Any]:
    """Give the schema."""
    return ablation_schema(sorted([*DATASETS, *OWN_DATA]), AblationSpec.model_json_schema())
