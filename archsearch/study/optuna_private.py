"""What we use of Optuna's inside: its tables, the id that a trial has in them, and a study that reads from elsewhere.

    id_of(trial), frozen(trial), study_id_of(study), reading_from(study, storage), opened_as_it_is(storage, url, {})

The only file that names what Optuna may change without a word: a new version of it is tried here. Everything else of
ours goes through its public names.
"""

from __future__ import annotations

import copy
import re
from functools import cache
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna import Study, Trial
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._rdb.models import (
    NOT_FOUND_MSG as NOT_FOUND,
)
from optuna.storages._rdb.models import (
    BaseModel,
    StudyDirectionModel,
    StudyModel,
    StudySystemAttributeModel,
    StudyUserAttributeModel,
    TrialIntermediateValueModel,
    TrialModel,
    TrialParamModel,
    TrialSystemAttributeModel,
    TrialUserAttributeModel,
    TrialValueModel,
)
from optuna.study.study import _SYSTEM_ATTR_METRIC_NAMES as METRIC_NAMES
from optuna.trial import FrozenTrial

__all__ = [
    "FIXED_PARAMS",
    "METRIC_NAMES",
    "NOT_FOUND",
    "StudyDirectionModel",
    "StudyModel",
    "StudySystemAttributeModel",
    "StudyUserAttributeModel",
    "TrialIntermediateValueModel",
    "TrialModel",
    "TrialParamModel",
    "TrialSystemAttributeModel",
    "TrialUserAttributeModel",
    "TrialValueModel",
    "contains",
    "frozen",
    "id_of",
    "is_reported",
    "note_report",
    "opened_as_it_is",
    "reading_from",
    "storage_of",
    "study_id_of",
]

FIXED_PARAMS = "fixed_params"  # the system attribute of a trial that was enqueued with values


def id_of(trial: Trial | FrozenTrial) -> int:
    """Give the number of a trial's row in its storage, which is not its number in the study."""
    return trial._trial_id


def frozen(trial: Trial) -> FrozenTrial:
    """Read what the storage holds of a trial now."""
    return trial.storage.get_trial(trial._trial_id)


def study_id_of(study: Study) -> int:
    """Give the number of a study's row in its storage."""
    return study._study_id


def is_reported(trial: Trial, step: int) -> bool:
    """Say whether a step of a trial was reported, by this process or before it took the trial."""
    return step in trial._cached_frozen_trial.intermediate_values


def note_report(trial: Trial, value: float, step: int) -> float:
    """Let a trial know a report that its storage gets later; give it."""
    trial._cached_frozen_trial.intermediate_values[step] = value
    return value


def storage_of(study: Study) -> BaseStorage:
    """Give the storage that a study reads."""
    return study._storage


def reading_from(study: Study, storage: BaseStorage) -> Study:
    """Give the same study as another storage shows it."""
    still = copy.copy(study)
    still.__dict__["_storage"] = storage
    return still


def opened_as_it_is(storage: RDBStorage, url: str, engine_kwargs: dict[str, Any]) -> bool:
    """Open a database whose tables are all there and of this version, as Optuna's own initialiser does; else False.

    What it does beside that, to compare versions by alembic, is 0.15 s of imports at each start of a command.
    """
    url = RDBStorage._fill_storage_url_template(url)
    engine = sqlalchemy.create_engine(url, **engine_kwargs)
    if not _is_current(engine):
        engine.dispose()
        return False
    storage.__dict__ |= {
        "engine_kwargs": engine_kwargs,
        "url": url,
        "skip_compatibility_check": False,
        "heartbeat_interval": None,
        "grace_period": None,
        "heartbeat_stale_trial_callback": None,
        "failed_trial_callback": None,
        "engine": engine,
        "scoped_session": sqlalchemy.orm.scoped_session(sqlalchemy.orm.sessionmaker(bind=engine)),
    }
    return True


def _is_current(engine: sqlalchemy.Engine) -> bool:
    with engine.connect() as connection:
        there = set(sqlalchemy.inspect(connection).get_table_names())
        if not {*BaseModel.metadata.tables, "alembic_version"} <= there:
            return False
        revisions = connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalars().all()
        made = connection.execute(sqlalchemy.text("SELECT COUNT(*) FROM version_info")).scalar()
    return bool(made) and list(revisions) == [_newest_revision()]


@cache
def _newest_revision() -> str:
    """Name the version of the tables that no other one follows, among those that Optuna has a file for."""
    files = Path(optuna.__file__).parent.glob("storages/_rdb/alembic/versions/*.py")
    texts = [file.read_text(encoding="utf-8") for file in files]
    every, followed = (
        {found for text in texts for found in re.findall(rf'^{name} = "(.+)"', text, re.MULTILINE)}
        for name in ("revision", "down_revision")
    )
    last = every - followed
    return last.pop() if len(last) == 1 else ""


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """Say whether a value lies in a distribution."""
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except ValueError:
        return False
