"""Optuna's private names stand in one file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from archsearch.study.optuna_private import contains, frozen, id_of, is_reported, opened_as_it_is

PACKAGE = Path(__file__).parents[2] / "archsearch"
HOME = PACKAGE / "study" / "optuna_private.py"
HOMES = {HOME, PACKAGE / "export" / "torch_private.py"}
# underscored, and documented: named tuples, os, sys, torch's notes on autograd
PUBLIC = {"_asdict", "_replace", "_fields", "_exit", "_getframe", "_version"}


def private_names(tree: ast.AST) -> Iterator[str]:
    """Yield private modules and names that are imported from elsewhere, and private attributes of what is not self."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("archsearch"):
            words = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from (word for word in words if word.startswith("_") and not word.startswith("__"))
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if "._" in a.name)
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            owner = node.value
            ours = isinstance(owner, ast.Name) and owner.id in ("self", "cls")
            ours = ours or (isinstance(owner, ast.Call) and ast.unparse(owner) == "super()")
            if not ours and node.attr not in PUBLIC:
                yield node.attr
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith(".__dict__"):
            yield ast.unparse(node.slice)


def test_private_names_are_found_however_they_are_written() -> None:
    code = (
        "from optuna.storages._rdb import models\nfrom optuna.study.study import _KEY\nimport optuna._x\n"
        "trial._trial_id\nself._own\nstill.__dict__['_storage']\nrow._asdict()\n"
    )
    assert sorted(private_names(ast.parse(code))) == ["'_storage'", "_KEY", "_rdb", "_trial_id", "optuna._x"]


def test_private_names_of_a_library_stand_in_one_file() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix(): names
        for path in sorted(PACKAGE.rglob("*.py"))
        if path not in HOMES and (names := list(private_names(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert found == {}
    assert len(list(private_names(ast.parse(HOME.read_text(encoding="utf-8"))))) > 5


def test_a_trial_is_found_by_its_id_as_the_storage_has_it(opened) -> None:
    _, storage, study = opened
    trial = study.ask()
    trial.set_user_attr("x", 1)
    assert storage.get_trial(id_of(trial)).user_attrs == {"x": 1}
    assert frozen(trial).user_attrs == {"x": 1}
    assert id_of(frozen(trial)) == id_of(trial)
    assert [id_of(one) for one in study.get_trials()] == [id_of(trial)]


def test_a_step_is_reported_whoever_reported_it(opened) -> None:
    _, _, study = opened
    trial = study.ask()
    assert not is_reported(trial, 1)
    trial.report(0.5, 1)
    assert [is_reported(trial, step) for step in (0, 1)] == [False, True]
    again = optuna.Trial(study, id_of(trial))  # as the next worker takes it
    assert [is_reported(again, step) for step in (0, 1, 2)] == [False, True, False]


@pytest.mark.parametrize(
    ("distribution", "value", "inside"),
    [
        (FloatDistribution(0.0, 1.0), 0.5, True),
        (FloatDistribution(0.0, 1.0), 1.5, False),
        (CategoricalDistribution(("avg", None)), None, True),
        (CategoricalDistribution(("avg", None)), "max", False),
    ],
)
def test_contains_says_whether_a_value_lies_in_a_distribution(distribution, value, inside) -> None:
    assert contains(distribution, value) is inside


def test_a_database_of_this_version_is_opened_as_optuna_opens_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'made.db'}"
    made = optuna.storages.RDBStorage(url)
    study = optuna.create_study(study_name="s", storage=made)
    opened = optuna.storages.RDBStorage.__new__(optuna.storages.RDBStorage)
    assert opened_as_it_is(opened, url, {})
    assert {*vars(opened), "_version_manager"} == {*vars(made)}
    same = ("url", "engine_kwargs", "skip_compatibility_check", "heartbeat_interval", "grace_period")
    assert [vars(opened)[name] for name in same] == [vars(made)[name] for name in same]
    study.add_trial(optuna.trial.create_trial(value=0.5))
    assert [trial.value for trial in optuna.load_study(study_name="s", storage=opened).trials] == [0.5]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE alembic_version SET version_num = 'v2.6.0.a'",
        "DELETE FROM alembic_version",
        "DELETE FROM version_info",
        "DROP TABLE trial_values",
    ],
)
def test_a_database_of_another_version_is_left_to_optuna(tmp_path: Path, damage: str) -> None:
    url = f"sqlite:///{tmp_path / 'made.db'}"
    with optuna.storages.RDBStorage(url).engine.begin() as connection:
        connection.exec_driver_sql(damage)
    assert not opened_as_it_is(optuna.storages.RDBStorage.__new__(optuna.storages.RDBStorage), url, {})
    assert not opened_as_it_is(optuna.storages.RDBStorage.__new__(optuna.storages.RDBStorage), "sqlite://", {})
