"""What studies and trials hold: one file knows the keys, and they are those of version 0.1.0."""

from __future__ import annotations

import ast
import zipfile
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from pydantic import ValidationError

from archsearch.study.held import (
    Assigned,
    Ended,
    HeldAblation,
    HeldCell,
    HeldRun,
    HeldStudy,
    HeldTrial,
    PlannedFinalist,
    Started,
    deaths_attribute,
    fixed_values,
    required_fields,
    slot_attributes,
    stored,
)
from archsearch.study.held_runs import reads_of, runs_of, why_lost
from archsearch.study.queue import Slot, add_slots, slots_of
from archsearch.study.storage import open_storage

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "archsearch"
FOLDED = Path(__file__).parents[2] / "archsearch" / "study" / "folded.py"  # folds attributes, knows no key
HOME = PACKAGE / "study" / "held.py"
SETTERS = ("set_user_attr", "set_trial_user_attr", "set_study_user_attr", "set_system_attr")


def keys_known(tree: ast.AST) -> Iterator[str]:
    """Yield what of a tree reads attributes itself, or writes one under a key that it names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("user_attrs", "system_attrs"):
            yield ast.unparse(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SETTERS:
            yield from (
                ast.unparse(node) for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
            )
        elif isinstance(node, ast.keyword) and node.arg == "user_attrs" and isinstance(node.value, ast.Dict):
            yield ast.unparse(node.value)


def test_a_known_key_is_found_however_it_is_written() -> None:
    code = (
        "a = trial.user_attrs['x']\nb = trial.user_attrs.get('x')\nheld = study.user_attrs\n'x' in t.system_attrs\n"
        "s.set_user_attr('x', 1)\ns.set_user_attr(KEY.key, v)\nstudy.enqueue_trial(p, user_attrs={'x': 1})\n"
    )
    assert len(list(keys_known(ast.parse(code)))) == 6


def test_one_file_knows_the_keys_of_attributes() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix(): keys
        for path in sorted(PACKAGE.rglob("*.py"))
        if path not in (HOME, FOLDED) and (keys := list(keys_known(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert found == {}
    assert len(list(keys_known(ast.parse(HOME.read_text(encoding="utf-8"))))) > 1


def trial_with(**attrs: object) -> HeldTrial:
    return HeldTrial(create_trial(state=TrialState.FAIL, user_attrs=attrs))


def test_what_is_written_has_the_keys_of_version_0_1_0() -> None:
    cell = HeldCell(cell="width=x2", pair=3, run_seed=13, retry=1)
    assert slot_attributes(7, cell) == {"slot": 7, "cell": "width=x2", "pair": 3, "run_seed": 13, "attempt": 2}
    finalist = PlannedFinalist(candidate="trial 3", candidates=("baseline", "trial 3"), candidate_spec={}, run_seed=5)
    assert slot_attributes(0, finalist) == {
        "slot": 0,
        "candidate": "trial 3",
        "candidates": ("baseline", "trial 3"),
        "candidate_spec": {},
        "run_seed": 5,
    }
    assert slot_attributes(0, None) == {"slot": 0}
    assert stored(Assigned(network="a", infeasible=0)) == {"network": "a", "infeasible": 0}
    assert stored(Started(seed=0, spec={"x": None}, macs=3)) == {"seed": 0, "spec": {"x": None}, "macs": 3}
    assert stored(Ended(outcome="pruned", seconds=1.5)) == {"outcome": "pruned", "seconds": 1.5}
    assert deaths_attribute(0) == ("attempts", 1)
    ablation = HeldAblation(ablation="{}", metrics=("test_accuracy",), trials=9)
    assert stored(ablation) == {"kind": "ablation", "ablation": "{}", "metrics": ("test_accuracy",), "trials": 9}


def test_what_is_written_is_checked() -> None:
    with pytest.raises(ValidationError, match="outcome\n  Input should be 'completed', 'repeated'"):
        Ended(outcome="lost")
    with pytest.raises(ValidationError, match="tries\n  Extra inputs are not permitted"):
        HeldCell(cell="a", pair=0, run_seed=0, retry=0, tries=1)


def test_what_was_written_reads_back_through_a_storage(opened) -> None:
    _, storage, study = opened
    add_slots(storage, study, [Slot(4, {"x": 1}, HeldCell(cell="a", pair=2, run_seed=12, retry=2))])
    trial = slots_of(study)[4]
    held = HeldTrial(trial)
    assert (held.slot, held.cell, held.pair, held.run_seed, held.retry, held.deaths) == (4, "a", 2, 12, 2, 0)
    assert fixed_values(trial) == {"x": 1}
    assert (held.owner, held.outcome, held.run, held.spec, held.infeasible, held.learned) == (
        None,
        None,
        None,
        None,
        0,
        {},
    )
    with pytest.raises(KeyError, match="candidate"):
        _ = held.candidate


def test_retries_and_deaths_are_counted_from_none() -> None:
    assert (trial_with(attempt=1).retry, trial_with(attempt=3).retry) == (0, 2)
    assert (trial_with().deaths, trial_with(attempts=1).deaths, trial_with(attempts=4).deaths) == (0, 0, 3)
    lost = create_trial(state=TrialState.FAIL, user_attrs={"attempts": 4})
    assert why_lost(lost) == ("failed", "its worker died 3 times")


def test_runs_are_those_of_the_trials_that_carry_one() -> None:
    result = {"test_reads": 2, "environment": {"device": "cpu"}, "val_accuracy": 0.5}
    attrs = [{"run_id": "a", "result": result}, {"outcome": "pruned"}, {"run_id": "b", "result": result}]
    runs = runs_of(create_trial(state=TrialState.FAIL, user_attrs=one) for one in attrs)
    assert [(run.run_id, run.test_reads, run.metric("val_accuracy")) for run in runs] == [("a", 2, 0.5), ("b", 2, 0.5)]
    assert reads_of(runs) == 4
    assert HeldRun(create_trial(state=TrialState.FAIL, user_attrs=attrs[0])).environment == {"device": "cpu"}


def test_studies_of_version_0_1_0_are_read(tmp_path) -> None:
    with zipfile.ZipFile(ROOT / "tests" / "assets" / "version_0_1_0.zip") as archive:
        archive.extract("archsearch.db", tmp_path)
    storage = open_storage(f"sqlite:///{tmp_path / 'archsearch.db'}", reading=True)
    studies = {name: optuna.load_study(study_name=name, storage=storage) for name in ("kept_search", "kept_ablation")}
    search, ablation = (HeldStudy(study) for study in studies.values())
    assert (search.kind, search.metrics, search.trials, search.lacks(required_fields("search"))) == (
        "search",
        ("val_accuracy",),
        6,
        False,
    )
    assert (ablation.kind, ablation.metrics, ablation.trials) == ("ablation", ("test_accuracy",), 30)
    trials = [HeldTrial(trial) for trial in slots_of(studies["kept_ablation"]).values()]
    assert {(held.retry, held.deaths) for held in trials} == {(0, 0)}
    assert {held.outcome for held in trials} == {"completed", "repeated"}
    assert len({(held.cell, held.pair) for held in trials}) == 30
