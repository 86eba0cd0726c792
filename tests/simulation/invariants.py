"""What must hold after every step, and in the end.

    ledger = Ledger(database)      # puts triggers beside the tables, once
    ledger.begin(plan, required)   # of each study
    ledger.look()                  # after each commit; raises `Violation`
    ledger.close(scene)            # when all is over

The triggers see what a statement does to a row, whoever makes it: a trial's state goes its way only, a trial that has
ended is changed by nobody, no slot is planned twice, and what a study is stays what it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any, Protocol

from archsearch.study import alive
from tests.simulation.database import Database
from tests.simulation.jobs import METRIC, Plan


class Witness(Protocol):
    """Who sees the processes: those that signed a slot, as `owner` names them."""

    now: float

    def is_here(self, owner: Mapping[str, Any]) -> bool:
        """Say whether it is the process that runs now."""

    def lives(self, owner: Mapping[str, Any]) -> bool:
        """Say whether it is alive."""

    def is_neighbour(self, owner: Mapping[str, Any]) -> bool:
        """Say whether it is, or was, on the machine of the process that runs now."""


class Violation(AssertionError):
    """Raised where something does not hold."""


_ENDED = "('COMPLETE', 'PRUNED', 'FAIL')"
_MAY_GROW = "('fingerprints')"
_TRIGGERS = f"""
CREATE TEMP TABLE broken (what TEXT);
CREATE TEMP TABLE ended (trial_id INTEGER PRIMARY KEY);
CREATE TEMP TABLE signed (trial_id INTEGER, before TEXT, now TEXT);
CREATE TEMP TABLE beaten (trial_id INTEGER);
CREATE TEMP TRIGGER state_goes_its_way AFTER UPDATE OF state ON main.trials
WHEN OLD.state != NEW.state AND NOT (
  (OLD.state = 'WAITING' AND NEW.state = 'RUNNING')
  OR (OLD.state = 'RUNNING' AND (NEW.state = 'WAITING' OR NEW.state IN {_ENDED}))
) BEGIN
  INSERT INTO broken VALUES ('trial ' || OLD.number || ' goes from ' || OLD.state || ' to ' || NEW.state);
END;
CREATE TEMP TRIGGER number_stays AFTER UPDATE OF number ON main.trials WHEN OLD.number != NEW.number BEGIN
  INSERT INTO broken VALUES ('trial ' || OLD.number || ' becomes trial ' || NEW.number);
END;
CREATE TEMP TRIGGER trial_stays AFTER DELETE ON main.trials BEGIN
  INSERT INTO broken VALUES ('trial ' || OLD.number || ' is deleted');
END;
CREATE TEMP TRIGGER slot_once AFTER INSERT ON main.trial_user_attributes
WHEN NEW.key = 'slot' AND EXISTS (
  SELECT 1 FROM trial_user_attributes o JOIN trials t ON t.trial_id = o.trial_id
  WHERE o.key = 'slot' AND o.value_json = NEW.value_json AND o.trial_id != NEW.trial_id
  AND t.study_id = (SELECT study_id FROM trials WHERE trial_id = NEW.trial_id)
) BEGIN
  INSERT INTO broken VALUES ('slot ' || NEW.value_json || ' is planned twice');
END;
CREATE TEMP TRIGGER slot_stays AFTER UPDATE ON main.trial_user_attributes
WHEN OLD.key = 'slot' AND OLD.value_json != NEW.value_json BEGIN
  INSERT INTO broken VALUES ('slot ' || OLD.value_json || ' becomes slot ' || NEW.value_json);
END;
CREATE TEMP TRIGGER deaths_grow AFTER UPDATE ON main.trial_user_attributes
WHEN OLD.key = 'attempts' AND CAST(NEW.value_json AS INTEGER) < CAST(OLD.value_json AS INTEGER) BEGIN
  INSERT INTO broken VALUES ('deaths are forgotten: ' || OLD.value_json || ' becomes ' || NEW.value_json);
END;
CREATE TEMP TRIGGER study_stays AFTER UPDATE ON main.study_user_attributes
WHEN OLD.value_json != NEW.value_json AND OLD.key NOT IN {_MAY_GROW} AND OLD.key != 'ledger' BEGIN
  INSERT INTO broken VALUES (OLD.key || ' of the study changes from ' || OLD.value_json || ' to ' || NEW.value_json);
END;
CREATE TEMP TRIGGER study_grows AFTER UPDATE ON main.study_user_attributes
WHEN OLD.key IN {_MAY_GROW} AND EXISTS (
  SELECT 1 FROM json_each(OLD.value_json) o WHERE NOT EXISTS (
    SELECT 1 FROM json_each(NEW.value_json) n WHERE n.key = o.key AND n.value = o.value
  )
) BEGIN
  INSERT INTO broken VALUES (OLD.key || ' of the study forget: ' || OLD.value_json || ' becomes ' || NEW.value_json);
END;
CREATE TEMP TRIGGER ledger_grows AFTER UPDATE ON main.study_user_attributes
WHEN OLD.key = 'ledger' AND json_extract(NEW.value_json, '$.entries') != json_extract(OLD.value_json, '$.entries') + 1
BEGIN
  INSERT INTO broken VALUES ('the ledger goes from ' || OLD.value_json || ' to ' || NEW.value_json);
END;
CREATE TEMP TRIGGER one_owner AFTER UPDATE ON main.trial_user_attributes
WHEN OLD.key = 'owner' AND OLD.value_json != NEW.value_json AND OLD.value_json != 'null' AND NEW.value_json != 'null'
BEGIN
  INSERT INTO broken VALUES ('a slot of ' || OLD.value_json || ' becomes one of ' || NEW.value_json);
END;
CREATE TEMP TRIGGER signed_first AFTER INSERT ON main.trial_user_attributes WHEN NEW.key = 'owner' BEGIN
  INSERT INTO signed VALUES (NEW.trial_id, 'null', NEW.value_json);
END;
CREATE TEMP TRIGGER signed_again AFTER UPDATE ON main.trial_user_attributes
WHEN OLD.key = 'owner' AND OLD.value_json != NEW.value_json BEGIN
  INSERT INTO signed VALUES (NEW.trial_id, OLD.value_json, NEW.value_json);
END;
CREATE TEMP TRIGGER beats_first AFTER INSERT ON main.trial_user_attributes WHEN NEW.key = 'beat' BEGIN
  INSERT INTO beaten VALUES (NEW.trial_id);
END;
CREATE TEMP TRIGGER beats_again AFTER UPDATE ON main.trial_user_attributes
WHEN NEW.key = 'beat' AND OLD.value_json != NEW.value_json BEGIN
  INSERT INTO beaten VALUES (NEW.trial_id);
END;
"""
_ROWS = [
    f"trial_{name}" for name in ("user_attributes", "system_attributes", "params", "values", "intermediate_values")
]


def _of_ended(table: str, event: str) -> str:
    row = "OLD" if event == "DELETE" else "NEW"
    # what a worker brings late, when another one has ended its slot, is kept aside
    late = f"AND {row}.key NOT LIKE 'late %' " if table == "trial_user_attributes" else ""
    return (
        f"CREATE TEMP TRIGGER {table}_{event.lower()} AFTER {event} ON main.{table} "
        f"WHEN {row}.trial_id IN (SELECT trial_id FROM temp.ended) {late}BEGIN "
        f"INSERT INTO broken VALUES ('{event.lower()} in {table} of a trial that has ended: ' || {row}.trial_id); END;"
    )


class Ledger:
    """Knows what a study was planned to be, and sees what becomes of it."""

    def __init__(self, database: Database) -> None:
        self.raw = database.raw
        self.raw.executescript(_TRIGGERS)
        for table in _ROWS:
            for event in ("INSERT", "UPDATE", "DELETE"):
                self.raw.executescript(_of_ended(table, event))
        self.clear()

    def clear(self) -> None:
        """Forget a study whose rows are gone."""
        self.raw.execute("DELETE FROM broken")
        self.raw.execute("DELETE FROM ended")
        self.raw.execute("DELETE FROM signed")
        self.raw.execute("DELETE FROM beaten")

    def begin(self, plan: Plan, required: Collection[str], witness: Witness) -> None:
        """Begin with a study of this plan, which must have these attributes as soon as it is there."""
        self.clear()
        self.plan, self.required, self.witness = plan, frozenset(required), witness
        self.whole = False
        self.heard: dict[int, float] = {}  # when a trial was signed, or its owner's heart beat, for the last time

    def look(self) -> None:
        """Look at what a commit has changed."""
        raw = self.raw
        for (what,) in raw.execute("SELECT what FROM broken"):
            raise Violation(what)
        if not self.whole:
            self._study_is_whole()
        for (id_,) in raw.execute("SELECT trial_id FROM beaten").fetchall():
            raw.execute("DELETE FROM beaten")
            self.heard[id_] = self.witness.now
        for id_, before, text in raw.execute("SELECT * FROM signed").fetchall():
            raw.execute("DELETE FROM signed")
            if text == "null":
                self._freed(before, self.heard[id_])
            else:
                self.heard[id_] = self.witness.now
        query = f"SELECT trial_id, state FROM trials WHERE state IN {_ENDED} AND trial_id NOT IN (SELECT * FROM ended)"
        for id_, state in raw.execute(query).fetchall():
            self._ended_well(id_, state)
            raw.execute("INSERT INTO ended VALUES (?)", (id_,))

    def _freed(self, text: str, heard: float) -> None:
        """See whether a slot may be taken from its owner: who lives gives it back, or was not heard of for long."""
        owner, witness = json.loads(text), self.witness
        if witness.is_here(owner) or not witness.lives(owner):
            return
        if witness.is_neighbour(owner) or witness.now - heard < alive.GRACE_SECONDS:
            raise Violation(f"a slot is taken from a process that lives: {text}")

    def _study_is_whole(self) -> None:
        if not self.raw.execute("SELECT 1 FROM studies").fetchone():
            return
        held = {key for (key,) in self.raw.execute("SELECT key FROM study_user_attributes")}
        system = self.raw.execute("SELECT 1 FROM study_system_attributes").fetchone()
        directions = self.raw.execute("SELECT 1 FROM study_directions").fetchone()
        if not held >= self.required or not system or not directions:
            raise Violation(
                f"half a study is there: without {', '.join(sorted(self.required - held)) or 'its metrics'}"
            )
        self.whole = True

    def _ended_well(self, id_: int, state: str) -> None:
        query = "SELECT key, value_json FROM trial_user_attributes WHERE trial_id = ?"
        held: dict[str, Any] = {key: json.loads(text) for key, text in self.raw.execute(query, (id_,))}
        told = self.raw.execute("SELECT value FROM trial_values WHERE trial_id = ?", (id_,)).fetchall()
        slot = held.get("slot")
        if slot is None:
            raise Violation(f"a trial ended that is no slot: {held}")
        fate, value = self.plan.fates[slot], self.plan.value(slot)
        if state == "FAIL" and "outcome" not in held:
            if held.get("attempts", 1) - 1 != self.plan.most_deaths:
                raise Violation(f"slot {slot} is given up after {held.get('attempts', 1) - 1} deaths")
            return
        if not self.witness.is_here(held["owner"]):
            raise Violation(f"slot {slot} is ended by another process than has it: {held['owner']}")
        if fate == "deadly":
            raise Violation(f"slot {slot} kills its workers and ended as {state}: {held}")
        if state != fate:
            raise Violation(f"slot {slot} ended as {state}, not as {fate}: {held}")
        if fate == "COMPLETE" and told != [(value,)]:
            raise Violation(f"slot {slot} was told {told}, not {value}")
        good = {"COMPLETE": ("completed", "repeated"), "PRUNED": ("pruned",), "FAIL": ("failed",)}[fate]
        if held.get("outcome") not in good:
            raise Violation(f"slot {slot} ended as {held.get('outcome')}, not as {good[0]}")
        if fate == "COMPLETE" and (held.get("run_id"), held.get("seed")) != (f"run-{slot}", slot):
            raise Violation(f"slot {slot} carries another run: {held}")
        if fate == "COMPLETE" and held["result"]["run_id"] != f"run-{slot}":
            raise Violation(f"slot {slot} carries another run's record, with {METRIC} {told}")

    def _linked(self) -> None:
        """Follow the ledger from the declaration to its head: each result is in it once."""
        of_study = dict(self.raw.execute("SELECT key, value_json FROM study_user_attributes"))
        told = "SELECT value_json FROM trial_user_attributes WHERE key = 'entry'"
        entries = [json.loads(of_study["declaration"]), *(json.loads(text) for (text,) in self.raw.execute(told))]
        entries.sort(key=lambda one: one["entry"])
        before = ""
        for number, entry in enumerate(entries):
            if (entry["entry"], entry["before"]) != (number, before):
                raise Violation(f"entry {number} of the ledger does not follow the one before it: {entry}")
            plain = json.dumps(entry, sort_keys=True, separators=(",", ":"))
            before = hashlib.sha256(plain.encode()).hexdigest()
        if json.loads(of_study["ledger"]) != {"entries": len(entries), "head": before}:
            raise Violation(f"the ledger's head is {of_study['ledger']} after {len(entries)} entries")
        if len(entries) != len(self.plan.fates) + 1:
            raise Violation(f"{len(self.plan.fates)} slots and a declaration, and {len(entries)} entries in the ledger")

    def close(self, faults: int) -> None:
        """Look at what a study came to; `faults` is how many there were that can cost a slot a worker."""
        rows = self.raw.execute("SELECT trial_id, state FROM trials").fetchall()
        slots = [
            json.loads(text)
            for (text,) in self.raw.execute("SELECT value_json FROM trial_user_attributes WHERE key = 'slot'")
        ]
        if sorted(slots) != list(range(len(self.plan.fates))) or len(rows) != len(slots):
            raise Violation(f"of {len(self.plan.fates)} slots there are {sorted(slots)}, in {len(rows)} trials")
        if left := [state for _, state in rows if state in ("WAITING", "RUNNING")]:
            raise Violation(f"the study is over and {len(left)} of its slots are {left[0].lower()}")
        self._linked()
        deaths = "SELECT value_json FROM trial_user_attributes WHERE key = 'attempts'"
        for (text,) in self.raw.execute(deaths):
            if int(text) - 1 > faults:
                raise Violation(f"{int(text) - 1} deaths of a slot, and {faults} faults")
