"""verify says what deviates from what was declared and told; what an earlier version made is said as such."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from archsearch.errors import UsageError
from archsearch.study.declared import DeclaredPlan, plan_differences
from archsearch.study.held import Ended, HeldCell, HeldStudy, Started, stored
from archsearch.study.ledger import amend
from archsearch.study.ledger_check import Ledger, kept_in, ledger_of, ledger_of_snapshot
from archsearch.study.queue import Slot, add_slots, finish, take
from archsearch.study.snapshot import StudySnapshot, snapshot_of
from archsearch.study.storage import Storage, open_storage
from archsearch.study.transaction import write_down
from archsearch.study.verify import heads_of, kept_in_ledgers, verify
from tests.study.test_ledger import ABLATION, by_hand, entries_of, made

SPEC = {"name": "a", "network": []}


def run_next(storage: Storage, study: optuna.Study, spec: dict[str, Any] = SPEC) -> None:
    trial = take(storage, study)
    assert trial is not None
    seed = trial.user_attrs["run_seed"]
    write_down(storage, trial, stored(Started(seed=seed, spec=spec)))
    ended = Ended(outcome="completed", run_id=f"run{seed}", result={"seed": seed, "run_id": f"run{seed}"})
    finish(storage, trial, TrialState.COMPLETE, [0.5], stored(ended))


@pytest.fixture
def told(tmp_path: Path, url: str) -> tuple[Path, Storage, optuna.Study]:
    """A study of which three of four slots are told: (its database, storage, study)."""
    storage = open_storage(url)
    study = made(storage, "s", 4)
    for _ in range(3):
        run_next(storage, study)
    return tmp_path / "study.db", storage, study


def read(path: Path) -> Ledger:
    found = ledger_of(optuna.load_study(study_name="s", storage=open_storage(f"sqlite:///{path}", reading=True)))
    assert found is not None
    return found


def test_study_as_it_was_declared(told) -> None:
    path, _, study = told
    found = read(path)
    assert (found.entries, found.results, found.earlier, found.deviations, found.amendments) == (4, 3, 0, (), ())
    assert found.declares == (
        "maximize test_accuracy", "alpha 0.05", "margin 0.001", "0 comparisons", "seeds 0 to 23",
    )  # fmt: skip
    assert found.head == by_hand(study.get_trials()[2].user_attrs["entry"])
    assert found.sentence == (
        f"declared {found.declared[:16]} UTC, before the first of 3 results; nothing deviates, and the chain of 4 is "
        "whole"
    )
    snapshot = StudySnapshot.model_validate_json(snapshot_of(study).model_dump_json())
    assert ledger_of_snapshot(snapshot) == found, "and so does a bundle say"


def change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


def attr(key: str, edit: Callable[[Any], Any], trial: int | None = None) -> Callable[[Path], None]:
    """Edit an attribute of the study, or of a trial, as who owns the database can."""
    table, where = (
        ("study_user_attributes", "")
        if trial is None
        else ("trial_user_attributes", f" AND trial_id = (SELECT trial_id FROM trials WHERE number = {trial})")
    )

    def edited(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            [(text,)] = connection.execute(f"SELECT value_json FROM {table} WHERE key = ?{where}", (key,)).fetchall()
        change(path, f"UPDATE {table} SET value_json = ? WHERE key = ?{where}", json.dumps(edit(json.loads(text))), key)

    return edited


def ablation(**changed: Any) -> Callable[[Path], None]:
    return attr("ablation", lambda text: json.dumps({**json.loads(text), **changed}))


def all_of(*damages: Callable[[Path], None]) -> Callable[[Path], None]:
    def each(path: Path) -> None:
        for damage in damages:
            damage(path)

    return each


def in_declaration(path: str, value: object) -> Callable[[Any], Any]:
    def edit(entry: dict[str, Any]) -> dict[str, Any]:
        at = entry
        *keys, last = path.split(".")
        for key in keys:
            at = at[key]
        at[last] = value
        return entry

    return edit


def gone(key: str, trial: int) -> Callable[[Path], None]:
    return lambda path: change(
        path,
        "DELETE FROM trial_user_attributes WHERE key = ? AND trial_id = (SELECT trial_id FROM trials WHERE number = ?)",
        key,
        trial,
    )


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (ablation(family={"alpha": 0.05, "margin": 0.01}), ["family.margin was 0.001, is 0.01"]),
        (ablation(seeds=[0, 1]), ["seeds was 0 to 23 (24), is 0, 1 (2)"]),
        (ablation(looks=[8, 16]), ["looks was none, is 8, 16 (2)"]),
        (
            all_of(ablation(family={"alpha": 0.05, "margin": 0.01}),
                   attr("declaration", in_declaration("plan.ablation.family.margin", 0.01))),
            ["the declaration is not the one under which the first result was told: it was replaced or changed after "
             "runs had begun"],
        ),
        (attr("seed", lambda seed: 9, trial=1), ["trial 1 was edited after it was told: seed was 1, is 9"]),
        (attr("result", lambda run: {"seed": 1}, trial=1),
         ["trial 1 was edited after it was told: result is another one"]),
        (lambda path: change(path, "UPDATE trial_values SET value = 0.75 WHERE trial_value_id = 2"),
         ["trial 1 was edited after it was told: values was [0.5], is [0.75]"]),
        (attr("entry", in_declaration("values", [0.75]), trial=1),
         ["entry 2 of the ledger (trial 1) was changed afterwards",
          "trial 1 was edited after it was told: values was [0.75], is [0.5]"]),
        (attr("entry", in_declaration("values", [0.75]), trial=2),
         ["the ledger ends with entry 3, and its head is another one's: entries were taken off, or the last changed",
          "trial 2 was edited after it was told: values was [0.75], is [0.5]"]),
        (gone("entry", 1),
         ["entry 2 of the ledger is missing: a result was taken out (before that of trial 2)",
          "1 result without an entry in the ledger (trials 1): written by hand, or by another program or an earlier "
          "version"]),
        (lambda path: change(path, "UPDATE trials SET state = 'WAITING' WHERE number = 2"),
         ["trial 2 was told (complete) and is waiting again"]),
        (lambda path: change(path, "UPDATE studies SET study_name = 's' WHERE study_name = 's'"), []),
        (lambda path: change(path, "UPDATE study_directions SET direction = 'MINIMIZE'"),
         ["the objective was maximize test_accuracy, is minimize test_accuracy"]),
        (lambda path: change(path, "DELETE FROM study_user_attributes WHERE key = 'declaration'"),
         ["the declaration was taken away: what was declared cannot be proved"]),
        (lambda path: change(path, "DELETE FROM study_user_attributes WHERE key = 'ledger'"),
         ["the head of the ledger was taken away: what was declared cannot be proved"]),
        (attr("declaration", lambda entry: 7), ["the ledger cannot be read, it was altered (TypeError: 'int' object "
                                                "is not subscriptable)"]),
        (all_of(attr("declaration", in_declaration("when", "2999-01-01T00:00:00+00:00"))),
         ["the declaration is not the one under which the first result was told: it was replaced or changed after "
          "runs had begun", "3 results told before the declaration ("]),
    ],
)  # fmt: skip
def test_what_deviates_is_said(told, damage: Callable[[Path], None], says: list[str]) -> None:
    path, storage, _ = told
    storage.engine.dispose()
    damage(path)
    found = read(path).deviations
    assert len(found) == len(says), found
    assert all(one.startswith(said) for one, said in zip(found, says, strict=True)), found


def test_runs_that_were_not_declared_are_counted(told) -> None:
    path, storage, study = told
    extra = [
        HeldCell(cell="baseline", pair=40, run_seed=40, retry=0),
        HeldCell(cell="baseline", pair=5, run_seed=41, retry=0),
        HeldCell(cell="other", pair=0, run_seed=0, retry=0),
    ]
    run_next(storage, study, {"name": "b", "network": [1]})  # the fourth slot: declared, and another network
    add_slots(storage, study, [Slot(100 + at, held=one) for at, one in enumerate(extra)])
    for _ in extra:
        run_next(storage, study)
    assert read(path).deviations == (
        "1 run of another experiment than the cell baseline was declared to be",
        "1 run of a seed that was not declared: 40",
        "1 run of a seed that was not declared: 41",
        "1 run of a cell that was not declared: other",
    )


def test_amendment_is_no_deviation_and_counts_from_then_on(told) -> None:
    path, storage, study = told
    before = read(path).head
    cells = [{**ABLATION["cells"][0], "seeds": [*range(25)], "run_seeds": [*range(25)]}]
    amend(storage, study, {"ablation": json.dumps({**ABLATION, "seeds": [*range(25)], "cells": cells}), "trials": 25})
    held = HeldCell(cell="baseline", pair=24, run_seed=24, retry=0)
    add_slots(storage, study, [Slot(24, held=held)])
    run_next(storage, study)
    run_next(storage, study)
    found = read(path)
    assert found.deviations == ()
    (amendment,) = found.amendments
    assert amendment.sentence == (
        f"amended {amendment.when[:16]} UTC, after 3 results: trials was 24, is 25; seeds was 0 to 23 (24), is 0 to 24 "
        "(25); cells.baseline.seeds was 0 to 23 (24), is 0 to 24 (25); cells.baseline.run_seeds was 0 to 23 (24), is "
        "0 to 24 (25)"
    )
    assert "amended 1 time" in found.sentence
    assert kept_in(study, before[:12]) == 3
    assert kept_in(study, "0" * 64) is None


def test_head_that_was_kept_is_not_in_a_ledger_that_was_made_anew(told, tmp_path: Path) -> None:
    path, storage, study = told
    kept = read(path).head
    assert kept_in_ledgers(tmp_path, f"sqlite:///{path}", "s", kept) == ("s", 3, 3)
    storage.engine.dispose()
    before = ""
    edited = attr("entry", lambda entry: {**entry, "values": [0.75], "before": before}, trial=0)
    change(path, "UPDATE trial_values SET value = 0.75 WHERE trial_value_id = 1")
    for entry in entries_of(study)[:1]:
        before = by_hand(entry)
    edited(path)
    for number in (1, 2, 3):  # as who owns the database can: all later entries, and the head
        entries = entries_of(optuna.load_study(study_name="s", storage=open_storage(f"sqlite:///{path}", reading=True)))
        before = by_hand(entries[number])
        if number < 3:
            attr("entry", lambda entry, before=before: {**entry, "before": before}, trial=number)(path)
    attr("ledger", lambda head: {**head, "head": before})(path)
    assert read(path).deviations == (), "the chain itself does not show it"
    assert kept_in_ledgers(tmp_path, f"sqlite:///{path}", "s", kept) is None, "what was kept does"


def test_verify_says_it_and_repair_forges_nothing(told, tmp_path: Path) -> None:
    path, storage, _ = told
    (tmp_path / "runs").mkdir()
    url = f"sqlite:///{path}"
    assert [one.problem for one in verify(tmp_path / "runs", url).findings] == []
    storage.engine.dispose()
    gone("entry", 2)(path)
    found = verify(tmp_path / "runs", url, writing=True)
    problems = [one.problem for one in found.findings if "ledger" in one.problem]
    assert len(problems) == 2
    assert all(one.mend is None for one in found.findings)
    found.repair()
    again = verify(tmp_path / "runs", url)
    assert [one.problem for one in again.findings if "ledger" in one.problem] == problems


def test_what_an_older_version_left_has_no_ledger_and_is_no_fault(older_runs: Path) -> None:
    found = verify(older_runs)
    assert found.findings == []
    assert set(found.ledgers.values()) == {None}
    assert len(found.ledgers) == 3
    with pytest.raises(UsageError, match=r"^kept_search has no ledger: a version of archsearch that kept none made"):
        heads_of(older_runs, None, "kept_search")
    with pytest.raises(UsageError, match=r"^no study 's': there is no storage in "):
        heads_of(older_runs / "nowhere", None, "s")


def test_declared_runs_of_a_search_and_a_confirmation() -> None:
    search = DeclaredPlan({"kind": "search", "trials": 2, "sampler": "local", "seed": 0})
    assert search.why_not({}, {"slot": 1}) == ""
    assert search.why_not({}, {"slot": 2}) == "beyond the number that was declared"
    assert search.amended({"trials": 3}).why_not({}, {"slot": 2}) == ""
    assert search.words == ("2 trials", "sampler local", "seed 0")
    planned = {"candidates": {"baseline": by_hand(SPEC), "trial 7": "x"}, "seeds": [5, 6]}
    none = DeclaredPlan({"kind": "confirm", "of": "s"})
    assert none.why_not({}, {}) == "of a confirmation whose candidates and seeds were not declared"
    confirm = none.amended({"planned": planned})
    mine = {"candidate": "baseline", "run_seed": 5, "spec": by_hand(SPEC)}
    assert confirm.why_not({"spec": SPEC}, mine) == ""
    assert confirm.why_not({"spec": SPEC}, {**mine, "run_seed": 7}) == "of a seed that was not declared: 7"
    assert confirm.why_not({}, {**mine, "candidate": "trial 9"}) == "of a candidate that was not declared: trial 9"
    other = {"candidate": "trial 7", "run_seed": 5, "spec": by_hand(SPEC)}
    assert confirm.why_not({"spec": SPEC}, other) == "of another experiment than trial 7 was declared to be"
    assert confirm.words == ("1 finalist (trial 7)", "seeds 5, 6")


def test_differences_name_what_changed_in_cells_by_their_name() -> None:
    was = {"ablation": {"cells": [{"name": "a", "seeds": [0, 1]}], "own": []}, "text": f"sha256:{'a' * 64}"}
    now = {"ablation": {"cells": [{"name": "a", "seeds": [0]}], "own": [{"x": 1}]}, "text": f"sha256:{'b' * 64}"}
    assert plan_differences(was, now) == [
        ("cells.a.seeds", "0, 1 (2)", "0 (1)"),
        ("own", "another one", "another one"),
        ("text", "aaaaaaaaaaaa…", "bbbbbbbbbbbb…"),
    ]
    assert HeldStudy({}).declaration is None
