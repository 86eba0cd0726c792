"""What a first spec says of a table: its target, the parts that a column tells, the columns that teach nothing.

    options, said = table_options(Path("penguins.csv"))      # {"target": "species", "ignore": ["id"]}, a sentence each

Guessed from names and cells, and said; a person corrects it in the file. Must not import torch.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from archsearch.data.table.columns import as_words, fitted
from archsearch.data.table.described import rules_of
from archsearch.data.table.read import DataTable, read_table
from archsearch.data.table.rows import PART_WORDS, groups_of, part_rows
from archsearch.data.table.target import meant_by, targets_of
from archsearch.errors import Problem
from archsearch.spec.dataset import DataSpec

TARGET_WORDS = (
    "target", "label", "labels", "class", "y", "outcome", "response", "diagnosis", "species", "category", "quality",
    "survived", "churn", "default", "price", "medv", "progression",
)  # fmt: skip
_PARTS = ("split", "part", "set", "subset", "fold", "partition")
_GROUPS = ("subject", "subject_id", "patient", "patient_id", "group", "user", "user_id", "participant", "site")
_NUMBER_OF_ROW = re.compile(r"(?:.*[_ ])?(?:id|index|row|no|nr|uuid)|unnamed.*", re.IGNORECASE)


def table_options(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Guess the keys of `data:` for a table, with the reason of each.

    Raises `SpecError` for a table that cannot be read, or whose target cannot be one.
    """
    table = read_table(path)
    target, why = _target(table)
    options: dict[str, Any] = {"target": target}
    said = [f"target: {target}, {why}; change it if another column is to be predicted"]
    if part := _named(table, _PARTS, _says_parts):
        options["part"] = part
        said.append(f"part: {part} says which rows are for training and which for testing")
    if group := _named(table, _GROUPS, _repeats):
        options["group"] = group
        said.append(f"group: {group}, whose rows are never divided between parts")
    spec = DataSpec(name="table", path=str(path), **options)
    ignored = _teaching_nothing(table, spec)
    if ignored:
        options["ignore"] = list(ignored)
        said += [f"ignore: {name}, {why}" for name, why in ignored.items()]
    return options, said


def _target(table: DataTable) -> tuple[str, str]:
    by_name = {name.lower(): name for name in table.columns}
    known = next((by_name[word] for word in TARGET_WORDS if word in by_name), None)
    return (known, "by its name") if known is not None else (table.columns[-1], "the last column")


def _named(table: DataTable, words: tuple[str, ...], fits: Any) -> str | None:
    return next((name for name in table.columns if name.lower() in words and fits(table, name)), None)


def _says_parts(table: DataTable, name: str) -> bool:
    found = {str(word).lower() for word in as_words(table, name).unique().to_list()}
    return found <= set(PART_WORDS) and {PART_WORDS[word] for word in found} >= {"train", "test"}


def _repeats(table: DataTable, name: str) -> bool:
    """Say whether a column groups rows: at least ten groups, of two rows or more on average."""
    groups = as_words(table, name).n_unique()
    return not table.frame[name].null_count() and 10 <= groups <= len(table) / 2


def _teaching_nothing(table: DataTable, spec: DataSpec) -> dict[str, str]:
    """Name the columns that cannot be features, and those that number the rows, with the reason."""
    import numpy as np

    targets = spec.target or ()
    meant = meant_by(table, targets, None)
    training = part_rows(spec, table, targets_of(table, targets, meant), groups_of(spec, table))["train"]
    found = {}
    for name in table.columns:
        if name in (*targets, spec.part, spec.group, ""):
            continue
        words = as_words(table, name)
        if _NUMBER_OF_ROW.fullmatch(name) and words.n_unique() == len(table):
            found[name] = "which numbers the rows"
            continue
        one = fitted(table, name, np.asarray(training), rules_of(spec))
        if isinstance(one, Problem):
            found[name] = "whose cells are no categories and no numbers; look at it"
    return found
