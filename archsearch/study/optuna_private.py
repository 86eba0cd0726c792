"""What we use of Optuna's inside: its tables, the id that a trial has in them, and a study that reads from elsewhere.

    id_of(trial), frozen(trial), study_id_of(study), reading_from(study, storage)

The only file that names what Optuna may change without a word: a new version of it is tried here. Everything else of
ours goes through its public names.
"""

from __future__ import annotations

import copy
from typing import Any

from optuna import Study, Trial
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.storages._rdb.models import (
    NOT_FOUND_MSG as NOT_FOUND,
)
from optuna.storages._rdb.models import (
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


def storage_of(study: Study) -> BaseStorage:
    """Give the storage that a study reads."""
    return study._storage


def reading_from(study: Study, storage: BaseStorage) -> Study:
    """Give the same study as another storage shows it."""
    still = copy.copy(study)
    still.__dict__["_storage"] = storage
    return still


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """Say whether a value lies in a distribution."""
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except ValueError:
        return False
