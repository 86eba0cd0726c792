"""A storage whose every call goes through `Calls`: what Optuna asks of it, and our own transactions.

    storage = Storage(RDBStorage(url), Calls())
    storage.get_all_studies()
    storage.transact(lambda connection: connection.execute(query).scalar())

Stands outside of Optuna's cache, so that no lock of that is held while a call waits for its next try.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from copy import copy
from functools import partial
from typing import Any, TypeVar

import optuna
import sqlalchemy
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from archsearch.errors import DamagedFileError
from archsearch.study.calls import Calls
from archsearch.study.optuna_private import NOT_FOUND

T = TypeVar("T")
R = TypeVar("R")


class Storage(BaseStorage):
    """Optuna's storage in a database, with `calls` that are made until they are answered.

    Raises, from any call, `UnavailableError` where the database stays away and `DamagedFileError` where it is damaged
    or was emptied under us.
    """

    def __init__(self, database: RDBStorage, calls: Calls) -> None:
        self.database = database
        self.calls = calls
        self._cached = optuna.storages.get_storage(database)

    @property
    def engine(self) -> sqlalchemy.engine.Engine:
        """The connections to the database."""
        return self.database.engine

    def within(self, seconds: float) -> Storage:
        """Give this storage for who waits for an answer so long at the most."""
        calls = copy(self.calls)
        calls.seconds = min(calls.seconds, seconds)
        return Storage(self.database, calls)

    def transact(
        self,
        work: Callable[[sqlalchemy.engine.Connection], T],
        *,
        done: Callable[[sqlalchemy.engine.Connection], T | None] | None = None,
    ) -> T:
        """Do some work in a transaction of its own, as a whole again where it was not answered.

        What it wrote the first time must make no difference the second time, or `done` finds what it did: see `Calls`.
        """

        def begun(part: Callable[[sqlalchemy.engine.Connection], R]) -> R:
            with self.engine.begin() as connection:
                return part(connection)

        return self.calls(partial(begun, work), done=None if done is None else partial(begun, done))

    def _call(self, call: Callable[..., T], *arguments: Any, done: Callable[[], T | None] | None = None) -> T:
        try:
            return self.calls(partial(call, *arguments), done=done)
        except KeyError as error:
            if NOT_FOUND in str(error):
                raise gone() from None
            raise

    def _read(self, call: Callable[..., T], *arguments: Any) -> T:
        """Read; what stands in a cell and is none of what Optuna writes there is damage."""
        try:
            return self._call(call, *arguments)
        except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
            said = str(error).strip().split("\n")[0]
            raise DamagedFileError(
                f"the storage is damaged: what it holds cannot be read ({type(error).__name__}: {said}); take it from "
                "a backup"
            ) from None

    # -- studies

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """Make a study."""

        def made_before() -> int | None:
            try:
                return None if study_name is None else self._cached.get_study_id_from_name(study_name)
            except KeyError:
                return None

        return self.calls(partial(self._cached.create_new_study, directions, study_name), done=made_before)

    def delete_study(self, study_id: int) -> None:
        """Delete a study."""
        self.calls(partial(self._cached.delete_study, study_id))

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Note something of a study."""
        self._call(self._cached.set_study_user_attr, study_id, key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Note something of a study, for Optuna."""
        self._call(self._cached.set_study_system_attr, study_id, key, value)

    def get_study_id_from_name(self, study_name: str) -> int:
        """Give the row of a study; raise `KeyError` where there is none."""
        return self.calls(partial(self._cached.get_study_id_from_name, study_name))

    def get_study_name_from_id(self, study_id: int) -> str:
        """Give the name of a study."""
        return self._read(self._cached.get_study_name_from_id, study_id)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Give the directions of a study."""
        return self._read(self._cached.get_study_directions, study_id)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Give what is noted of a study."""
        return self._read(self._cached.get_study_user_attrs, study_id)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Give what Optuna notes of a study."""
        return self._read(self._cached.get_study_system_attrs, study_id)

    def get_all_studies(self) -> list[Any]:
        """Give all studies, without their trials."""
        return self._read(self._cached.get_all_studies)

    # -- trials

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Make a trial. Not tried again, as it could be made twice: slots are planned by `queue.add_slots`."""
        return self.calls.once(partial(self._cached.create_new_trial, study_id, template_trial))

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """Note a parameter of a trial."""
        self._call(self._cached.set_trial_param, trial_id, param_name, param_value_internal, distribution)

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        """Give the row of a trial."""
        return self._read(self._cached.get_trial_id_from_study_id_trial_number, study_id, trial_number)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Change the state of a trial; of a lost answer the state that is there is the answer."""

        def told_before() -> bool | None:
            there = self.database.get_trial(trial_id)
            same = there.state == state and (values is None or there.values == list(values))
            return True if same and state.is_finished() else None

        return self._call(self._cached.set_trial_state_values, trial_id, state, values, done=told_before)

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """Note what a trial reports."""
        self._call(self._cached.set_trial_intermediate_value, trial_id, step, intermediate_value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Note something of a trial."""
        self._call(self._cached.set_trial_user_attr, trial_id, key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Note something of a trial, for Optuna."""
        self._call(self._cached.set_trial_system_attr, trial_id, key, value)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Give a trial."""
        return self._read(self._cached.get_trial, trial_id)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Give the trials of a study, in the order of their numbers."""
        return self._read(self._cached.get_all_trials, study_id, deepcopy, states)

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """Give the best trial of a study with one direction."""
        return self.calls(partial(self._cached.get_best_trial, study_id))

    def remove_session(self) -> None:
        """Close the connection of this thread."""
        self.database.remove_session()


def gone() -> DamagedFileError:
    """Give the error for a study, or a trial, that is not in its storage any more."""
    return DamagedFileError(
        "what was in the storage is gone: it was emptied, or its study deleted, while it was worked on; take it from a "
        "backup, or call again to begin anew (finished runs are taken from the runs folder)"
    )
