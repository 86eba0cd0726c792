"""Many runs in an Optuna storage: the storage, the queue of slots, the workers that take them.

    storage.py          open SQLite or PostgreSQL so that any number of processes can share it
    calls.py            every call of a storage: again while it is away, a sentence where it does not come back
    steady.py           Optuna's storage behind those calls, and our own transactions
    alive.py            which worker lives: processes here by their number, those elsewhere by their heart
    lifecycle.py        make a study whole, open it again, find those that are there
    held.py             what studies and trials hold: the only file that knows a key of an attribute
    transaction.py      a study, or a trial's attributes and parameters, in one transaction
    queue.py            slots: planned trials, each counted exactly once however often it was tried
    runner.py           what a slot means (`Job`) and what runs it (`Runner`)
    network_runner.py   the runner of networks
    compute.py          what the runs of a study are computed with, kept by every worker
    mixed.py            runs of a study that were computed otherwise than those they are paired with
    worker.py           the loop of a worker: take a slot, run it, tell what came out
    mlflow_log.py       the runs of a study, written to MLflow; mlflow_store.py: where MLflow keeps runs, its client
    pool.py             one worker here, or several as processes
    nursery.py          the process that imports once what workers need, and forks them
    optuna_private.py   what we use of Optuna's inside

Knows nothing of what is searched or ablated: what a slot means is asked of a `Job`.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _CalledAsFunction(ModuleType):
    """`archsearch.study(...)` is the function of the Python interface, and this package has its name."""

    def __call__(self, *args: Any, **keys: Any) -> Any:
        return import_module("archsearch.api.functions").study(*args, **keys)


sys.modules[__name__].__class__ = _CalledAsFunction
