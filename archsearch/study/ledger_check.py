"""Read the ledger of a study: is what it holds what was declared, and what was told, in the order in which it was?

    found = ledger_of(study)               # None: a study of before there were ledgers
    found.deviations, found.amendments, found.head
    kept_in(study, "93ab...")              # the number of an entry whose SHA-256 somebody has kept, None if it is none

Pure functions of what a storage, or a bundle, holds: nothing is written, and no run is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from optuna.study import StudyDirection
from pydantic import Field

from archsearch.plain import Plain
from archsearch.study.declared import DeclaredPlan, late_declaration, objective_words, plan_differences
from archsearch.study.held import AMENDED, HeldStudy, HeldTrial
from archsearch.study.ledger import entry_contents, frozen_plan, head_after, json_digest
from archsearch.study.snapshot import StudySnapshot
from archsearch.study.storage import Study
from archsearch.wording import count_of, listed

_ENDED = ("complete", "pruned", "fail")
_LINKS = ("entry", "before", "when", "what")
Texts = Annotated[tuple[str, ...], Field(strict=False)]


class Amendment(Plain):
    """A change of what was declared: when, after how many results, and what it was."""

    entry: int
    when: str
    results: int
    changes: Texts

    @property
    def sentence(self) -> str:
        """Say it."""
        after = f"after {count_of(self.results, 'result')}" if self.results else "before the first result"
        return f"amended {self.when[:16]} UTC, {after}: {'; '.join(self.changes)}"


class Ledger(Plain):
    """A ledger, read: `declares` is what was declared, in words, `deviations` what does not agree with it.

    `earlier` are results that were there before the study was declared: of runs that it took from elsewhere.
    """

    study: str
    declared: str
    by: str
    declares: Texts
    entries: int
    results: int
    earlier: int
    head: str
    amendments: Annotated[tuple[Amendment, ...], Field(strict=False)]
    deviations: Texts

    @property
    def sentence(self) -> str:
        """Say in a sentence whether the study is what was declared."""
        if not self.declared:
            return self.deviations[0]
        what = f"declared {self.declared[:16]} UTC, before the first of {count_of(self.results, 'result')}"
        if self.deviations:
            return f"{what}; {count_of(len(self.deviations), 'deviation')} from it"
        changed = f", amended {count_of(len(self.amendments), 'time')}" if self.amendments else ""
        return f"{what}{changed}; nothing deviates, and the chain of {self.entries:,} is whole"


@dataclass(frozen=True, slots=True)
class LedgerSlot:
    """A trial as its storage, or a bundle, holds it."""

    number: int
    state: str
    values: Sequence[float]
    attrs: Mapping[str, Any]

    @property
    def entry(self) -> Mapping[str, Any] | None:
        """What the ledger says of it, None where it says nothing."""
        return HeldTrial(self.attrs).entry

    @property
    def where(self) -> str:
        """Name it."""
        return f"trial {self.number}"


def ledger_of(study: Study) -> Ledger | None:
    """Read the ledger of a study; None where it has none, as an earlier version made it."""
    directions = ["minimize" if one == StudyDirection.MINIMIZE else "maximize" for one in study.directions]
    objective = list(zip(directions, study.metric_names or (), strict=False))
    slots = [
        LedgerSlot(trial.number, trial.state.name.lower(), trial.values or (), HeldTrial(trial).attrs)
        for trial in study.get_trials(deepcopy=False)
    ]
    return read_ledger(study.study_name, objective, HeldStudy(study).attrs, slots)


def ledger_of_snapshot(snapshot: StudySnapshot) -> Ledger | None:
    """Read the ledger that a bundle has of a study; records that are not in it are not looked at."""
    slots = []
    for trial in snapshot.trials:
        attrs = {**trial.held, "outcome": trial.outcome, "seed": trial.seed, "spec": trial.spec, "run_id": trial.run_id}
        record = {} if trial.record is None else {"result": trial.record}
        slots.append(LedgerSlot(trial.number, trial.state, trial.values, attrs | record))
    attrs = {HeldStudy.kind.key: snapshot.kind, **snapshot.held}
    return read_ledger(snapshot.name, snapshot.objectives, attrs, slots, records=False)


def kept_in(study: Study, kept: str) -> int | None:
    """Give the number of the entry with this SHA-256, or a beginning of it; None where no entry has it."""
    slots = [LedgerSlot(trial.number, "", (), HeldTrial(trial).attrs) for trial in study.get_trials(deepcopy=False)]
    before: str | None = ""
    for number, (entry, _) in enumerate(_entries(HeldStudy(study).attrs, slots)):
        if entry["entry"] != number or entry["before"] != before:
            return None  # what lies behind a break proves nothing
        before = json_digest(entry)
        if before.startswith(kept):
            return number
    return None


def read_ledger(
    name: str,
    objective: Sequence[tuple[str, str]],
    attrs: Mapping[str, Any],
    slots: Sequence[LedgerSlot],
    *,
    records: bool = True,
) -> Ledger | None:
    """Check a ledger against what a study and its trials hold; without `records` not against those of the runs."""
    try:
        return _read(name, objective, attrs, slots, records)
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:  # altered in some place
        return _without(name, f"the ledger cannot be read, it was altered ({type(error).__name__}: {error})")


def _read(
    name: str,
    objective: Sequence[tuple[str, str]],
    attrs: Mapping[str, Any],
    slots: Sequence[LedgerSlot],
    records: bool,
) -> Ledger | None:
    held = HeldStudy(attrs)
    declaration, head = held.declaration, held.ledger
    entries = _entries(attrs, slots)
    if declaration is None and head is None and not entries:
        return None
    if declaration is None or head is None:
        lost = "the declaration" if declaration is None else "the head of the ledger"
        return _without(name, f"{lost} was taken away: what was declared cannot be proved")
    then = DeclaredPlan(declaration["plan"], declaration["by"], _specs(held, slots))
    amendments, deviations = [], [*_chain(entries, head), *_objective(declaration, name, objective)]
    results = 0
    undeclared: list[str] = []
    for entry, slot in entries[1:]:
        if slot is None:
            if results or entry["plan"].keys() & then.plan.keys():  # else it declares what was not declared yet
                amendments.append(_amendment(entry, then, results))
            then = then.amended(entry["plan"])
            continue
        results += 1
        undeclared += [why] if (why := then.why_not(slot.attrs, entry)) else []
        deviations += list(_edited(slot, entry, records))
    deviations += [f"{name} was {was}, is {now}" for name, was, now in plan_differences(then.plan, frozen_plan(attrs))]
    deviations += _grouped(undeclared)
    deviations += list(_unlinked(slots)) + list(late_declaration(declaration, [entry for entry, _ in entries[1:]]))
    return Ledger(
        study=name,
        declared=declaration["when"],
        by=declaration["by"],
        declares=(*objective_words(declaration["objective"]), *then.words),
        entries=len(entries),
        results=results,
        earlier=sum(slot is not None and entry.get("outcome") == "repeated" for entry, slot in entries),
        head=head["head"],
        amendments=tuple(amendments),
        deviations=tuple(deviations),
    )


def _specs(held: HeldStudy, slots: Iterable[LedgerSlot]) -> dict[str, Mapping[str, Any]]:
    """Give the experiments that a study holds of what it declared, by their SHA-256."""
    cells = json.loads(held.ablation)["cells"] if HeldStudy.ablation.key in held.attrs else ()
    key = HeldTrial.candidate_spec.key
    found = [*(cell["spec"] for cell in cells), *(slot.attrs[key] for slot in slots if key in slot.attrs)]
    return {json_digest(spec): spec for spec in found}


_Entries = list[tuple[Mapping[str, Any], LedgerSlot | None]]


def _entries(attrs: Mapping[str, Any], slots: Iterable[LedgerSlot]) -> _Entries:
    """Give the entries in their order, those of results with their trial."""
    of_study = [HeldStudy(attrs).declaration, *(value for key, value in attrs.items() if key.startswith(AMENDED))]
    found: _Entries = [(entry, None) for entry in of_study if entry is not None]
    found += [(slot.entry, slot) for slot in slots if slot.entry is not None]
    return sorted(found, key=lambda one: (one[0]["entry"], one[1] is not None))


def _without(name: str, why: str) -> Ledger:
    return Ledger(
        study=name, declared="", by="", declares=(), entries=0, results=0, earlier=0, head="",
        amendments=(), deviations=(why,),
    )  # fmt: skip


def _chain(entries: _Entries, head: Mapping[str, Any]) -> Iterator[str]:
    """Say where the chain breaks first: what lies behind follows from it."""
    for number, (entry, slot) in enumerate(entries):
        where = "an amendment" if slot is None else slot.where
        if entry["entry"] != number:
            what = "is missing: a result was taken out" if entry["entry"] > number else "is there twice"
            yield f"entry {min(number, entry['entry'])} of the ledger {what} (before that of {where})"
            return
        if number and entry["before"] != json_digest(entries[number - 1][0]):
            if number == 1:
                yield (
                    "the declaration is not the one under which the first result was told: it was replaced or changed "
                    "after runs had begun"
                )
            else:
                of = entries[number - 1][1]
                yield f"entry {number - 1} of the ledger ({of.where if of else 'an amendment'}) was changed afterwards"
            return
    if dict(head) != head_after(entries[-1][0]):
        said = head.get("entries")
        why = f"its head counts {said}" if said != len(entries) else "its head is another one's"
        yield f"the ledger ends with entry {len(entries) - 1}, and {why}: entries were taken off, or the last changed"


def _objective(declaration: Mapping[str, Any], name: str, objective: Sequence[tuple[str, str]]) -> Iterator[str]:
    was = [tuple(one) for one in declaration["objective"]]
    if was != [tuple(one) for one in objective]:
        yield f"the objective was {', '.join(objective_words(was))}, is {', '.join(objective_words(objective))}"
    if declaration["study"] != name:
        yield f"it was declared as {declaration['study']}: the study was renamed or copied"


def _amendment(entry: Mapping[str, Any], then: DeclaredPlan, results: int) -> Amendment:
    changes = [
        f"{name} was {was}, is {now}"
        for name, was, now in plan_differences(then.plan, then.amended(entry["plan"]).plan)
    ]
    return Amendment(entry=entry["entry"], when=entry["when"], results=results, changes=tuple(changes))


def _edited(slot: LedgerSlot, entry: Mapping[str, Any], records: bool) -> Iterator[str]:
    """Say what a trial holds otherwise than it was told."""
    told = {key: value for key, value in entry.items() if key not in _LINKS}
    now = entry_contents(slot.attrs, slot.state, slot.values)
    if slot.state not in _ENDED:
        yield f"{slot.where} was told ({entry['state']}) and is {slot.state} again"
        return
    without = () if records else ("result", "fold_results")
    for key in dict.fromkeys([*told, *now]):
        if key not in without and told.get(key) != now.get(key):
            was, is_ = ("another one" if key in ("spec", "sampled_spec", "result", "fold_results") else f"{one}"
                        for one in (told.get(key), now.get(key)))  # fmt: skip
            said = f"{key} is {is_}" if was == is_ else f"{key} was {was}, is {is_}"
            yield f"{slot.where} was edited after it was told: {said}"


def _unlinked(slots: Iterable[LedgerSlot]) -> Iterator[str]:
    """Say which results nobody told to the ledger."""
    found = [slot for slot in slots if slot.state in _ENDED and slot.entry is None]
    if found:
        names = listed([str(slot.number) for slot in found])
        yield (
            f"{count_of(len(found), 'result')} without an entry in the ledger (trials {names}): written by hand, or "
            "by another program or an earlier version"
        )


def _grouped(reasons: Sequence[str]) -> list[str]:
    """Say each reason once, with how many runs it is of."""
    counted = {why: reasons.count(why) for why in dict.fromkeys(reasons)}
    return [f"{count_of(count, 'run')} {why}" for why, count in counted.items()]
