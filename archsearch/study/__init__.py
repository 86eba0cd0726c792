"""Many runs in an Optuna storage: the storage, the queue of slots, the workers that take them.

    storage.py    open SQLite or PostgreSQL so that any number of processes can share it
    queue.py      slots: planned trials, each counted exactly once however often it was tried
    worker.py     the loop of a worker: take a slot, train it, tell what came out
    pool.py       one worker here, or several as processes

Knows nothing of what is searched or ablated: what a slot means is asked of a `Job`.
"""
