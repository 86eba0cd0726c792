"""Rows of Optuna's tables, read and written by plain statements: what each operation of its storage is made of."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from optuna.distributions import json_to_distribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

STATES = {state.name: state for state in TrialState}
ATTRIBUTES = {"user": "trial_user_attributes", "system": "trial_system_attributes"}


def one_value(raw: sqlite3.Connection, query: str, *values: Any) -> Any:
    """Give the first value of a query's first row; raise `KeyError` where there is none, as Optuna does."""
    row = raw.execute(query, values).fetchone()
    if row is None:
        raise KeyError("Record does not exist.")
    return row[0]


def study_is_there(raw: sqlite3.Connection, study_id: int) -> None:
    """Raise `KeyError` where a study is not there."""
    one_value(raw, "SELECT 1 FROM studies WHERE study_id = ?", study_id)


def study_attributes(raw: sqlite3.Connection, kind: str, study_id: int) -> dict[str, Any]:
    """Read the attributes of a study, `user` or `system`."""
    study_is_there(raw, study_id)
    query = f"SELECT key, value_json FROM study_{kind}_attributes WHERE study_id = ?"
    return {key: json.loads(value) for key, value in raw.execute(query, (study_id,))}


def set_study_attribute(raw: sqlite3.Connection, kind: str, study_id: int, key: str, value: Any) -> None:
    """Write an attribute of a study over what it has."""
    study_is_there(raw, study_id)
    raw.execute(
        f"INSERT INTO study_{kind}_attributes (study_id, key, value_json) VALUES (?, ?, ?) "
        "ON CONFLICT (study_id, key) DO UPDATE SET value_json = excluded.value_json",
        (study_id, key, json.dumps(value)),
    )


def updatable(raw: sqlite3.Connection, trial_id: int) -> TrialState:
    """Give a trial's state; raise as Optuna does where it has ended."""
    state = STATES[one_value(raw, "SELECT state FROM trials WHERE trial_id = ?", trial_id)]
    if state.is_finished():
        (number,) = raw.execute("SELECT number FROM trials WHERE trial_id = ?", (trial_id,)).fetchone()
        raise UpdateFinishedTrialError(f"Trial#{number} has already finished and can not be updated.")
    return state


def set_attribute(raw: sqlite3.Connection, kind: str, trial_id: int, key: str, value: Any) -> None:
    """Write an attribute of a trial over what it has."""
    raw.execute(
        f"INSERT INTO {ATTRIBUTES[kind]} (trial_id, key, value_json) VALUES (?, ?, ?) "
        "ON CONFLICT (trial_id, key) DO UPDATE SET value_json = excluded.value_json",
        (trial_id, key, json.dumps(value)),
    )


def frozen_trials(raw: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[FrozenTrial]:
    """Read trials: what five tables hold of them, in one statement."""
    return [_trial(rows) for rows in _rows(raw, where, values).values()]


_PARTS = """
WITH t AS (SELECT * FROM trials WHERE {where})
SELECT 0, trial_id, number, state, datetime_start, datetime_complete FROM t
UNION ALL SELECT 1, trial_id, key, value_json, 0, 0
  FROM trial_user_attributes WHERE trial_id IN (SELECT trial_id FROM t)
UNION ALL SELECT 2, trial_id, key, value_json, 0, 0
  FROM trial_system_attributes WHERE trial_id IN (SELECT trial_id FROM t)
UNION ALL SELECT 3, trial_id, param_name, param_value, distribution_json, param_id
  FROM trial_params WHERE trial_id IN (SELECT trial_id FROM t)
UNION ALL SELECT 4, trial_id, objective, value, 0, 0 FROM trial_values WHERE trial_id IN (SELECT trial_id FROM t)
UNION ALL SELECT 5, trial_id, step, intermediate_value, 0, 0
  FROM trial_intermediate_values WHERE trial_id IN (SELECT trial_id FROM t)
ORDER BY 2, 1
"""


def _rows(raw: sqlite3.Connection, where: str, values: Sequence[Any]) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = {}
    for row in raw.execute(_PARTS.format(where=where), values):
        found.setdefault(row[1], []).append(row)
    return found


def _trial(rows: Sequence[tuple[Any, ...]]) -> FrozenTrial:
    _, id_, number, state, began, ended = rows[0]
    attrs: dict[int, dict[str, Any]] = {1: {}, 2: {}}
    params: list[tuple[Any, ...]] = []
    told: dict[int, float] = {}
    reported: dict[int, float] = {}
    for part, _, key, value, *more in rows[1:]:
        if part < 3:
            attrs[part][key] = json.loads(value)
        elif part == 3:
            params.append((more[1], key, value, json_to_distribution(more[0])))
        else:
            (told if part == 4 else reported)[key] = value
    params.sort(key=lambda one: one[0])
    return FrozenTrial(
        number=number,
        state=STATES[state],
        value=None,
        values=[told[at] for at in sorted(told)] or None,
        datetime_start=datetime.fromisoformat(began) if began else None,
        datetime_complete=datetime.fromisoformat(ended) if ended else None,
        params={name: distribution.to_external_repr(value) for _, name, value, distribution in params},
        distributions={name: distribution for _, name, _, distribution in params},
        user_attrs=attrs[1],
        system_attrs=attrs[2],
        intermediate_values=reported,
        trial_id=id_,
    )
