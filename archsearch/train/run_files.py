"""The names of a run's files, `runs/<id>/`; `directory.py` writes and reads them. Imports nothing.

FILES            # what a finished run keeps, and its result holds the SHA-256 of
"""

from __future__ import annotations

BEGUN, CHECKPOINT, RESULT = "run.json", "checkpoint.pt", "result.json"
HISTORY, WEIGHTS, PREDICTIONS = FILES = ("history.jsonl", "model.safetensors", "predictions.npz")
RUN_FILES = (BEGUN, CHECKPOINT, *FILES, RESULT)  # all that a run writes, but for its lock
