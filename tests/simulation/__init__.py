"""A simulator of the queue: clock, storage and processes are driven by one seed, and the code is the real one.

From the ground up, each knowing those before it only:

    world.py       time, machines, processes and their threads: one runs at a time, and the seed says which
    faults.py      what befalls them: what a seed allows, and what a storage call draws
    statements.py  our own SQLAlchemy statements, run in SQLite
    database.py    Optuna's tables in memory: one step for each transaction
    storage.py     Optuna's storage over them; rows.py is what its operations are made of
    gate.py        where a process meets the storage: time passes, others go first, faults come
    seams.py       what of the real code's surroundings is the simulator's: time, threads, process ids, signals
    jobs.py        what the slots stand for, and what runs them
    invariants.py  what must hold after every step, and in the end
    schedule.py    one seed: a study from its making to its end, with faults
    put_back.py    faults of the past, put back to see whether they are found
    many.py        many seeds, by several processes; __main__.py: `python -m tests.simulation 10000`
"""
