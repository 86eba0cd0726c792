"""A simulator of the queue: clock, storage and processes are driven by one seed, and the code is the real one.

world.py       time, machines, processes and their threads: one runs at a time, and the seed says which
faults.py      what befalls them: what a seed allows, and what a storage call draws
storage.py     Optuna's storage in memory, one step per transaction; statements.py runs our own statements in it
seams.py       what of the real code's surroundings is the simulator's: time, threads, process ids, locks
jobs.py        what the slots stand for, and what runs them
invariants.py  what must hold after every step, and in the end
schedule.py    one seed: a study from its making to its end, with faults
put_back.py    faults of the past, put back to see whether they are found
many.py        many seeds, by several processes
__main__.py    many seeds: python -m tests.simulation 10000
"""
