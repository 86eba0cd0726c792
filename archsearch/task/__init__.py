"""The tasks, one entry each: what the targets of a data set are, and all that follows from it.

task = TASKS["classification"](outputs=10)
task.outputs, task.predicted(outputs)
"""

from __future__ import annotations

from archsearch.task.classification import Classification
from archsearch.task.task import Task

TASKS: dict[str, type[Task]] = {
    "classification": Classification,
}

__all__ = ["TASKS", "Classification", "Task"]
