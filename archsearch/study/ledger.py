"""The ledger of a study: what was declared before its first run, and each result since, linked to the entry before it.

    attrs = declared("digits", [("maximize", "test_accuracy")], stored(held))    # of a study that is made
    link(connection, study_id, entry_contents(attrs, "complete", [0.97]))    # in the transaction that ends a slot
    amend(storage, study, {"trials": 100})          # what was declared changes, with an entry that says what and when

An entry holds the SHA-256 of the one before it, and the study that of the last one, its head: none can be changed,
taken out or put in between unless all later ones are made anew. Who owns the database can do that, so a head that is
kept elsewhere is what shows it. `ledger_check.py` reads; studies of before there were ledgers have none, and get none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import optuna
import sqlalchemy
from sqlalchemy.engine import Connection

from archsearch import __version__
from archsearch.study.held import (
    AMENDED,
    HeldAblation,
    HeldConfirmation,
    HeldPart,
    HeldRun,
    HeldSearch,
    HeldStudy,
    HeldTrial,
)
from archsearch.study.optuna_private import StudyUserAttributeModel, study_id_of
from archsearch.study.steady import Storage
from archsearch.study.transaction import lock_study, read_study_attrs, write_study_attrs

_PARTS: tuple[type[HeldPart], ...] = (HeldSearch, HeldConfirmation, HeldAblation)
# the attributes of a study that are declared, and change by `amend` only
FROZEN = tuple(
    dict.fromkeys([*(key for part in _PARTS for key in part.model_fields), HeldStudy.planned.key, HeldStudy.race.key])
)
# what an entry says of a slot: these as they are, and of what is large the SHA-256
_SAID = (
    HeldTrial.slot.key, HeldTrial.cell.key, HeldTrial.pair.key, HeldTrial.retry.key, HeldTrial.candidate.key,
    HeldTrial.run_seed.key, HeldTrial.seed.key, HeldTrial.outcome.key, HeldTrial.run_id.key, HeldTrial.failure.key,
)  # fmt: skip
_DIGESTED = (HeldTrial.spec.key, HeldTrial.sampled_spec.key, HeldRun.result.key, HeldTrial.fold_results.key)
OF_ENTRY = (HeldTrial.owner.key, *_SAID, *_DIGESTED)
_AS_JSON = (HeldStudy.ablation.key, HeldStudy.race.key)  # attributes whose value is a JSON text
_LONG = 200  # characters of a text that a declaration holds by its SHA-256
_SPECS = ("spec", "specs", "base", "candidate_spec")  # what is an experiment, whole


def json_digest(value: object) -> str:
    """Give the SHA-256 of a value as JSON gives it back, whatever order its keys have."""
    plain = json.loads(json.dumps(value))
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def head_after(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Give the head of a ledger that ends with an entry: how many there are, and the SHA-256 of the last."""
    return {"entries": entry["entry"] + 1, "head": json_digest(entry)}


def frozen_plan(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Give what is frozen of a study's attributes, as a declaration holds it: experiments and long texts by SHA-256."""
    found = {key: attrs[key] for key in FROZEN if attrs.get(key) is not None}
    plain = {key: _parsed(value) if key in _AS_JSON else value for key, value in found.items()}
    condensed: dict[str, Any] = _condensed(json.loads(json.dumps(plain)))
    return condensed


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # altered by hand: that it is another one is what is to be said
        return text


def _condensed(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: json_digest(one) if key in _SPECS and isinstance(one, dict) else _condensed(one)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_condensed(one) for one in value]
    return f"sha256:{json_digest(value)}" if isinstance(value, str) and len(value) > _LONG else value


def declared(name: str, objective: Iterable[tuple[str, str]], attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Give the attributes that begin the ledger of a study, made with these."""
    entry = {
        "entry": 0,
        "before": "",
        "when": _now(),
        "what": "declared",
        "by": f"archsearch {__version__}",
        "study": name,
        "objective": [list(one) for one in objective],
        "plan": frozen_plan(attrs),
    }
    return {HeldStudy.declaration.key: entry, HeldStudy.ledger.key: head_after(entry)}


def entry_contents(attrs: Mapping[str, Any], state: str, values: Sequence[float]) -> dict[str, Any]:
    """Give what an entry says of a slot that ended: which it is, what it ran, and what came out."""
    found = {key: attrs[key] for key in _SAID if attrs.get(key) is not None}
    found |= {key: json_digest(attrs[key]) for key in _DIGESTED if attrs.get(key) is not None}
    return {**found, "state": state, "values": list(values)}


def link(connection: Connection, study_id: int, contents: Mapping[str, Any]) -> dict[str, Any]:
    """Add an entry to a study's ledger; give the attribute that its trial holds then, none where there is no ledger.

    The head is locked until the transaction ends: of results that are told at once one comes after the other.
    """
    head = _locked_head(connection, study_id)
    if head is None:
        return {}
    entry = _entry(head, "told", contents)
    write_study_attrs(connection, study_id, {HeldStudy.ledger.key: head_after(entry)})
    return {HeldTrial.entry.key: entry}


def amend(storage: Storage, study: optuna.Study, changes: Mapping[str, Any]) -> bool:
    """Give frozen attributes of a study other values, and an entry that says so; say whether any was another one.

    To be called before what is new is planned. Any number of processes may try: one of them makes the entry.
    """
    id_ = study_id_of(study)

    def write(connection: Connection) -> bool:
        lock_study(connection, id_)
        there = read_study_attrs(connection, id_, changes)
        new = {key: value for key, value in changes.items() if there.get(key) != json.loads(json.dumps(value))}
        if not new:
            return False
        head = _locked_head(connection, id_)
        if head is not None:
            entry = _entry(head, "amended", {"plan": frozen_plan(new)})
            new |= {f"{AMENDED}{entry['entry']}": entry, HeldStudy.ledger.key: head_after(entry)}
        write_study_attrs(connection, id_, new)
        return True

    return storage.transact(write)


def _entry(head: Mapping[str, Any], what: str, contents: Mapping[str, Any]) -> dict[str, Any]:
    return {"entry": head["entries"], "before": head["head"], "when": _now(), "what": what, **contents}


def _locked_head(connection: Connection, study_id: int) -> dict[str, Any] | None:
    of = (StudyUserAttributeModel.study_id == study_id, StudyUserAttributeModel.key == HeldStudy.ledger.key)
    locked = sqlalchemy.select(StudyUserAttributeModel.value_json).where(*of).with_for_update()
    text = connection.execute(locked).scalar()
    return None if text is None else json.loads(text)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
