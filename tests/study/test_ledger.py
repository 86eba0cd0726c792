"""Each result is linked to the one before it, in the transaction that ends its slot, whoever ends them at once."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from archsearch.study import queue
from archsearch.study.held import Ended, HeldAblation, HeldCell, HeldStudy, stored
from archsearch.study.ledger import amend, frozen_plan, json_digest
from archsearch.study.lifecycle import open_or_make
from archsearch.study.queue import Slot, add_slots, finish, requeue_dead, take
from archsearch.study.storage import Storage, open_storage

CELLS = [
    {"name": "baseline", "spec": {"name": "a", "network": []}, "seeds": list(range(24)), "run_seeds": list(range(24))}
]
ABLATION = {"family": {"alpha": 0.05, "margin": 0.001}, "seeds": list(range(24)), "cells": CELLS, "questions": []}
HELD = HeldAblation(ablation=json.dumps(ABLATION), metrics=("test_accuracy",), trials=24)


def made(storage: Storage, name: str, slots: int) -> optuna.Study:
    study = open_or_make(storage, name, "ablation", [("maximize", "test_accuracy")], lambda: HELD)
    held = [HeldCell(cell="baseline", pair=seed, run_seed=seed, retry=0) for seed in range(slots)]
    add_slots(storage, study, [Slot(one.pair, held=one) for one in held])
    return study


@pytest.fixture
def begun(opened: tuple[str, Storage, optuna.Study]) -> tuple[str, Storage, optuna.Study]:
    """A study with a ledger in each kind of storage: (url, storage, study)."""
    url, storage, study = opened
    return url, storage, made(storage, f"{study.study_name}-ledger", 24)


def by_hand(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def end(storage: Storage, study: optuna.Study, result: dict[str, Any] | None = None) -> bool:
    trial = take(storage, study)
    assert trial is not None
    ended = Ended(outcome="completed", run_id=f"run{trial.number}", result=result or {"seed": trial.number})
    return finish(storage, trial, TrialState.COMPLETE, [0.5], stored(ended))


def entries_of(study: optuna.Study) -> list[dict[str, Any]]:
    """Give the ledger's entries as another program would read them."""
    attrs = study.user_attrs
    found = [attrs["declaration"], *(value for key, value in attrs.items() if key.startswith("amended "))]
    found += [trial.user_attrs["entry"] for trial in study.get_trials() if "entry" in trial.user_attrs]
    return sorted(found, key=lambda entry: entry["entry"])


def check_chain(study: optuna.Study, entries: int) -> None:
    before = ""
    found = entries_of(study)
    assert [entry["entry"] for entry in found] == list(range(entries))
    for entry in found:
        assert entry["before"] == before
        before = by_hand(entry)
    assert study.user_attrs["ledger"] == {"entries": entries, "head": before}


def test_entries_say_what_was_declared_and_told(begun) -> None:
    _, storage, study = begun
    assert end(storage, study, {"loss": float("nan"), "history": [{"epoch": 1}]})
    assert amend(storage, study, {"trials": 30})
    assert not amend(storage, study, {"trials": 30}), "said again, as when an answer was lost"
    check_chain(study, 3)
    declared, told, amended = entries_of(study)
    assert declared["study"] == study.study_name
    assert declared["objective"] == [["maximize", "test_accuracy"]]
    assert declared["plan"]["ablation"]["family"] == {"alpha": 0.05, "margin": 0.001}
    assert declared["plan"]["ablation"]["cells"][0]["spec"] == by_hand({"name": "a", "network": []})
    said = {name: told[name] for name in ("slot", "cell", "pair", "run_seed", "run_id", "state", "values")}
    assert said == {
        "slot": 0, "cell": "baseline", "pair": 0, "run_seed": 0, "run_id": "run0", "state": "complete", "values": [0.5],
    }  # fmt: skip
    assert told["result"] == by_hand({"loss": float("nan"), "history": [{"epoch": 1}]})
    assert amended["plan"] == {"trials": 30}
    assert HeldStudy(study).trials == 30


def test_workers_that_end_slots_at_once_make_one_chain(begun) -> None:
    url, _, study = begun
    failed: list[BaseException] = []

    def work() -> None:
        try:
            storage = open_storage(url)
            mine = optuna.load_study(study_name=study.study_name, storage=storage)
            for _ in range(6):
                assert end(storage, mine)
            storage.engine.dispose()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    check_chain(study, 25)


def test_result_whose_answer_was_lost_has_one_entry(begun, monkeypatch) -> None:
    _, storage, study = begun
    attempt: Callable[..., Any] = storage.calls.attempt
    lost: list[int] = []

    def losing(call: Callable[[], Any]) -> Any:
        answer = attempt(call)
        if answer is True and not lost:  # the first that ends a slot
            lost.append(1)
            raise optuna.exceptions.StorageInternalError from _Lost()
        return answer

    monkeypatch.setattr(storage.calls, "attempt", losing)
    monkeypatch.setattr(storage.calls, "sleep", lambda seconds: None)
    monkeypatch.setattr("archsearch.study.calls._may_pass", lambda error: True)
    assert end(storage, study)
    assert lost
    check_chain(study, 2)


class _Lost(Exception):
    """Stands for what a driver says of a connection that was cut."""


def test_slot_that_is_given_up_has_an_entry_and_one_that_waits_again_has_none(begun, monkeypatch) -> None:
    _, storage, study = begun

    class Dead:
        def is_dead(self, trial: object) -> bool:
            return True

    for _ in range(2):
        assert take(storage, study) is not None
    monkeypatch.setattr(queue, "MOST_DEATHS", 2)
    assert requeue_dead(storage, study, Dead()) == 2
    check_chain(study, 1)
    assert take(storage, study) is not None
    assert requeue_dead(storage, study, Dead()) == 1
    check_chain(study, 2)
    assert (entries_of(study)[1]["state"], entries_of(study)[1]["values"]) == ("fail", [])


def test_late_result_is_kept_aside_and_is_no_entry(begun) -> None:
    _, storage, study = begun
    trial = take(storage, study)
    trial.owner = {**trial.owner, "claim": "another"}
    assert not finish(storage, trial, TrialState.COMPLETE, [0.5], stored(Ended(outcome="completed")))
    check_chain(study, 1)


def test_study_of_before_there_were_ledgers_gets_none(opened) -> None:
    _, storage, study = opened
    add_slots(storage, study, [Slot(0)])
    assert end(storage, study)
    assert amend(storage, study, {"trials": 3})
    assert "ledger" not in study.user_attrs
    assert "entry" not in study.get_trials()[0].user_attrs
    assert HeldStudy(study).trials == 3


def test_digest_is_of_what_a_storage_gives_back() -> None:
    assert json_digest({"b": (1, 2), "a": {3: None}}) == by_hand({"a": {"3": None}, "b": [1, 2]})
    assert frozen_plan({"kind": "search", "text": "x" * 300, "compute": "free", "base": {"a": 1}}) == {
        "kind": "search",
        "text": f"sha256:{by_hand('x' * 300)}",
        "base": by_hand({"a": 1}),
    }
