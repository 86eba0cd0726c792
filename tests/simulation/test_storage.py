"""The simulated storage does what Optuna's own does: the same answers, the same errors, the same rows."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial
from sqlalchemy.pool import StaticPool

from archsearch.study.optuna_private import TrialModel, TrialUserAttributeModel, TrialValueModel
from tests.simulation.database import Database, SimulatedConnection
from tests.simulation.statements import Session, execute
from tests.simulation.storage import SimulatedStorage

DISTRIBUTIONS = {"x": IntDistribution(0, 9), "y": FloatDistribution(0.0, 1.0), "z": CategoricalDistribution(("a", "b"))}
TIMES = ("datetime_start", "datetime_complete")


class NoGate:
    """Lets everything pass."""

    now = 0.0

    def before(self, what: str) -> None:
        pass

    def after(self, what: str) -> None:
        pass

    wait = lock = unlock = lambda self: None


def answer(call: Callable[[], Any]) -> Any:
    """What a call gives, or what it raises; trials as their parts without their times."""
    try:
        found = call()
    except (KeyError, optuna.exceptions.OptunaError) as error:
        return type(error)
    if isinstance(found, list):
        return [vars_of(one) for one in found]
    return vars_of(found)


def vars_of(found: Any) -> Any:
    if not hasattr(found, "__dict__") or isinstance(found, TrialState | StudyDirection):
        return found
    return {key: value for key, value in vars(found).items() if "datetime" not in key}


def rows(connect: Any, tables: list[str]) -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    for table in tables:
        names = [row[1] for row in connect.execute(f"PRAGMA table_info({table})")]
        kept = ", ".join(name for name in names if name not in TIMES and not name.endswith("_attribute_id"))
        found[table] = sorted(connect.execute(f"SELECT {kept} FROM {table}").fetchall(), key=repr)
    return found


def drawn(dice: random.Random) -> tuple[str, tuple[Any, ...]]:
    """Draw an operation: its name and arguments; ids that are not there, too."""
    trial, study = dice.randrange(1, 6), dice.choice((1, 1, 1, 2, 3))
    key, value = dice.choice("abc"), dice.choice((1, "w", None, [1, 2], {"k": 0.5}))
    name = dice.choice([*DISTRIBUTIONS])
    template = create_trial(state=TrialState.WAITING, user_attrs={"slot": 3}, system_attrs={"fixed_params": {"x": 1}})
    state = dice.choice(list(TrialState))
    values = [dice.random()] if state == TrialState.COMPLETE else None
    states = dice.choice((None, (TrialState.RUNNING,), (TrialState.WAITING, TrialState.COMPLETE)))
    inside = {"x": 3.0, "y": 0.25, "z": 1.0}[name]
    return dice.choice(
        (
            ("create_new_study", ([StudyDirection.MAXIMIZE], dice.choice("pqr"))),
            ("get_study_id_from_name", (dice.choice("pqr"),)),
            ("get_study_name_from_id", (study,)),
            ("get_study_directions", (study,)),
            ("get_study_user_attrs", (study,)),
            ("get_study_system_attrs", (study,)),
            ("set_study_user_attr", (study, key, value)),
            ("set_study_system_attr", (study, key, value)),
            ("get_all_studies", ()),
            ("create_new_trial", (study, dice.choice((None, template, template)))),
            ("create_new_trial", (study, template)),
            ("set_trial_state_values", (trial, state, values)),
            ("set_trial_state_values", (trial, TrialState.RUNNING)),
            ("_set_trial_param", (trial, name, inside, DISTRIBUTIONS[name], DISTRIBUTIONS[name])),
            ("set_trial_intermediate_value", (trial, dice.randrange(3), dice.random())),
            ("set_trial_user_attr", (trial, key, value)),
            ("set_trial_system_attr", (trial, key, value)),
            ("get_trial", (trial,)),
            ("get_all_trials", (study, True, states)),
            ("_get_trials", (study, states, {1, 2, 4}, dice.choice((-1, 2)))),
            ("get_trial_id_from_study_id_trial_number", (study, trial - 1)),
        )
    )


@pytest.fixture(autouse=True)
def quietly() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def test_any_operations_give_what_optunas_own_storage_gives() -> None:
    database, theirs = Database(), Database()
    ours, optunas = SimulatedStorage(database, NoGate()), theirs.maker
    dice = random.Random(0)
    raised: set[type] = set()
    for _ in range(12):
        database.clear()
        theirs.clear()
        for _ in range(60):
            name, arguments = drawn(dice)
            expected = answer(partial(getattr(optunas, name), *arguments))
            assert answer(partial(getattr(ours, name), *arguments)) == expected, (name, arguments)
            raised |= {expected} if isinstance(expected, type) else set()
        optunas.remove_session()
        assert rows(database.raw, database.tables) == rows(theirs.raw, theirs.tables)
    assert raised == {KeyError, optuna.exceptions.DuplicatedStudyError, optuna.exceptions.UpdateFinishedTrialError}


def test_an_operation_that_is_not_written_is_told() -> None:
    with pytest.raises(NotImplementedError, match=r"^the simulated storage does not know this operation of Optuna's"):
        SimulatedStorage(Database(), NoGate()).delete_study(1)


@pytest.mark.parametrize("refused", [(), (1,), (1, 3)])
def test_our_statements_give_what_sqlalchemys_engine_gives(refused: tuple[int, ...]) -> None:
    database = Database()
    storage = SimulatedStorage(database, NoGate())
    storage.create_new_study([StudyDirection.MAXIMIZE], "s")
    for at in range(4):
        storage.create_new_trial(1, create_trial(state=TrialState.WAITING, user_attrs={"slot": at, "owner": None}))
    storage.set_trial_state_values(2, TrialState.RUNNING)
    engine = sqlalchemy.create_engine("sqlite://", creator=lambda: database.raw, poolclass=StaticPool)
    select, count = sqlalchemy.select, sqlalchemy.func.count
    statements = [
        select(TrialModel.state, count()).where(TrialModel.study_id == 1).group_by(TrialModel.state),
        select(TrialModel.trial_id, TrialModel.state, TrialModel.number)
        .where(TrialModel.state == TrialState.WAITING, TrialModel.trial_id.not_in(refused))
        .order_by(TrialModel.number.desc())
        .limit(2),
        select(TrialUserAttributeModel.value_json)
        .join(TrialModel, TrialModel.trial_id == TrialUserAttributeModel.trial_id)
        .where(TrialModel.trial_id == 2, TrialUserAttributeModel.key == "slot"),
    ]
    for statement in statements:
        with engine.begin() as connection:
            expected = [tuple(row) for row in connection.execute(statement)]
        assert expected
        assert [tuple(row) for row in execute(database.raw, statement)] == expected
    rows_before = database.raw.execute("SELECT COUNT(*) FROM trial_user_attributes").fetchone()
    added = [{"trial_id": 1, "key": key, "value_json": "1"} for key in "ab"]
    assert execute(database.raw, sqlalchemy.insert(TrialUserAttributeModel), added).rowcount == 2
    changed = sqlalchemy.update(TrialModel).where(TrialModel.state == TrialState.WAITING).values(number=7)
    assert execute(database.raw, changed).rowcount == 3
    rows_after = database.raw.execute("SELECT COUNT(*) FROM trial_user_attributes").fetchone()
    assert rows_after[0] == rows_before[0] + 2


def test_rows_that_a_session_writes_are_those_that_sqlalchemys_writes() -> None:
    when, written = datetime(2026, 3, 1, 12, 30, 15, 250_000), []
    for kind in (sqlalchemy.orm.Session, Session):
        database = Database()
        SimulatedStorage(database, NoGate()).create_new_study([StudyDirection.MAXIMIZE], "s")
        SimulatedStorage(database, NoGate()).create_new_trial(1, create_trial(state=TrialState.WAITING))
        engine = sqlalchemy.create_engine("sqlite://", creator=lambda raw=database.raw: raw, poolclass=StaticPool)
        with engine.begin() as theirs:
            ours = SimulatedStorage(database, NoGate()).engine
            connection = theirs if kind is sqlalchemy.orm.Session else SimulatedConnection(ours)
            with kind(connection) as session:
                trial = session.get_one(TrialModel, 1)
                trial.state = TrialState.COMPLETE
                trial.datetime_complete = when
                value, stored = TrialValueModel.value_to_stored_repr(0.5)
                session.add(TrialValueModel(trial_id=1, objective=0, value=value, value_type=stored))
                session.flush()
                with pytest.raises(sqlalchemy.exc.NoResultFound, match=r"[Nn]o row"):
                    session.get_one(TrialModel, 2)
        written.append(
            [database.raw.execute(f"SELECT * FROM {table}").fetchall() for table in ("trials", "trial_values")]
        )
    assert written[0] == written[1]
    assert written[0][1] == [(1, 1, 0, 0.5, "FINITE")]


def test_a_transaction_that_raises_leaves_nothing() -> None:
    database = Database()
    storage = SimulatedStorage(database, NoGate())

    def half() -> None:
        with storage.engine.begin() as connection:
            connection.execute(sqlalchemy.insert(TrialModel), [{"study_id": 1, "state": TrialState.WAITING}])
            raise ValueError("the other half is missing")

    with pytest.raises(ValueError, match=r"^the other half is missing$"):
        half()
    assert database.raw.execute("SELECT COUNT(*) FROM trials").fetchone() == (0,)
    assert isinstance(database.maker, RDBStorage)
