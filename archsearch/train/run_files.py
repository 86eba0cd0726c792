"""The names of the files in a run's directory, `runs/<id>/`; what each holds, `directory.py` says. Imports no torch."""

from __future__ import annotations

BEGUN, CHECKPOINT, RESULT = "run.json", "checkpoint.pt", "result.json"
HISTORY, WEIGHTS, PREDICTIONS = FILES = ("history.jsonl", "model.safetensors", "predictions.npz")
RUN_FILES = (BEGUN, CHECKPOINT, *FILES, RESULT)  # all that a run writes, but for its lock
