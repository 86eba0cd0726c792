"""The directory of a run, `runs/<id>/`, and its files.

    run.json            what is run: resolved spec, seed, data fingerprint (sealed: holds its own SHA-256)
    checkpoint.pt       the last whole epoch, only while unfinished
    history.jsonl       one line per epoch
    model.safetensors   the kept weights, and in its metadata what the network reads (`data/inputs.py`)
    predictions.npz     outputs and labels on validation and test data
    result.json         the result (sealed), with the SHA-256 of the files above; written last

Every file is written whole or not at all. A file that was altered is named and never used.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from safetensors import safe_open
from safetensors.torch import load as load_weights
from safetensors.torch import save as save_weights
from torch import Tensor

from archsearch.data.inputs import Inputs
from archsearch.files import damaged, locked, read_sealed, sha256, write_sealed, write_whole
from archsearch.spec.losses import EVAL_LOSS
from archsearch.train.loop import Progress, Trained, finite
from archsearch.train.losses import measure
from archsearch.train.result import EpochRecord, RunResult, older_measures_by_cross_entropy, without_losses

CHECKPOINT = "checkpoint.pt"
INPUTS = "archsearch.inputs"  # the one key of the weights' metadata: of several the order, so the bytes, would vary
FILES = ("history.jsonl", "model.safetensors", "predictions.npz")


class RunDirectory:
    """Reads and writes the files of one run; holds no other state than its path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training the same run; raise `UnavailableError` if one does."""
        with locked(self.path / ".lock", f"{self.path} is being trained by another process; wait for it"):
            yield

    def begin(self, identity: dict[str, Any]) -> None:
        """Write run.json, or check that the one there says the same."""
        path = self.path / "run.json"
        if not path.exists():
            write_sealed(path, identity)
        elif read_sealed(path) != identity:
            raise damaged(path)

    def clear(self) -> None:
        """Delete the run's files, so that it is trained again; the lock stays."""
        for path in self.path.iterdir() if self.path.is_dir() else ():
            if path.name != ".lock":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    # -- while it trains

    def keep(self, progress: Progress) -> None:
        """Write the checkpoint and the history of a run after a whole epoch."""
        inner = io.BytesIO()
        torch.save(
            {
                "epoch": progress.epoch,
                "model": progress.model,
                "optimizer": progress.optimizer,
                "history": [record.model_dump(mode="json") for record in progress.history],
                "best_epoch": progress.best_epoch,
                "best_model": progress.best_model,
                "test_reads": progress.test_reads,
                "stopped": progress.stopped,
                "measured": True,  # its losses by train.eval_loss: version 0.1.0 had each run's own, and no such key
            },
            inner,
        )
        content = inner.getvalue()
        write_whole(self.path / CHECKPOINT, bytes.fromhex(sha256(content)) + content)
        self._write_history(progress.history)

    def progress(self, device: str) -> Progress | None:
        """Read the checkpoint, None where there is none; raise `DamagedFileError` if it was altered."""
        path = self.path / CHECKPOINT
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        if bytes.fromhex(sha256(content[32:])) != content[:32]:
            raise damaged(path)
        saved = torch.load(io.BytesIO(content[32:]), map_location=device, weights_only=True)
        history = [EpochRecord.model_validate(record) for record in saved.pop("history")]
        if not saved.pop("measured", False) and not older_measures_by_cross_entropy(
            read_sealed(self.path / "run.json")
        ):
            history = [without_losses(record) for record in history]
        return Progress(**saved, history=history)

    def _write_history(self, history: list[EpochRecord]) -> bytes:
        content = "".join(record.model_dump_json() + "\n" for record in history).encode()
        write_whole(self.path / "history.jsonl", content)
        return content

    # -- when it is done

    def finish(self, result: RunResult, trained: Trained) -> None:
        """Write weights, predictions and, last, the result; the checkpoint goes."""
        tensors = {name: value.cpu().contiguous() for name, value in trained.model.state_dict().items()}
        weights = save_weights(tensors, {INPUTS: trained.inputs.model_dump_json()})
        predictions = io.BytesIO()
        np.savez(predictions, allow_pickle=False, **_predictions(trained))
        contents = {
            "history.jsonl": self._write_history(list(result.history)),
            "model.safetensors": weights,
            "predictions.npz": predictions.getvalue(),
        }
        for name, content in contents.items():
            write_whole(self.path / name, content)
        hashes = {name: sha256(content) for name, content in contents.items()}
        write_sealed(self.path / "result.json", {"result": result.model_dump(mode="json"), "files": hashes})
        (self.path / CHECKPOINT).unlink(missing_ok=True)

    def result(self) -> RunResult | None:
        """Read the result, None where the run is not finished; raise `DamagedFileError` if any file was altered.

        Weights and predictions may be deleted to save space; what is there must be what was written.
        """
        path = self.path / "result.json"
        if not path.exists():
            return None
        sealed = read_sealed(path)
        for name, seal in sealed["files"].items():
            file = self.path / name
            if file.exists() and sha256(file.read_bytes()) != seal:
                raise damaged(file)
        try:
            result = RunResult.model_validate(sealed["result"])
        except ValidationError:
            raise damaged(path) from None
        return result if result.eval_loss is not None else self._measured_anew(result)

    def _measured_anew(self, result: RunResult) -> RunResult:
        """Compute the losses of a run of version 0.1.0 from its predictions; without these they stay unknown."""
        path = self.path / "predictions.npz"
        if not path.exists():
            return result
        found = dict(result.metrics)
        with np.load(path, allow_pickle=False) as saved:
            for part in ("val", "test"):
                if f"{part}_outputs" in saved:
                    outputs, labels = (torch.from_numpy(saved[f"{part}_{what}"]) for what in ("outputs", "labels"))
                    found[f"{part}_loss"] = finite(float(measure(EVAL_LOSS)(outputs, labels)))
        return result.model_copy(update={"eval_loss": EVAL_LOSS, "metrics": found})

    def hashes(self) -> dict[str, str]:
        """Give the SHA-256 of the files that were written when the run finished, also of those that were deleted."""
        return dict(read_sealed(self.path / "result.json")["files"])

    def weights(self) -> dict[str, Tensor]:
        """Read the kept weights."""
        return load_weights((self.path / "model.safetensors").read_bytes())

    def inputs(self) -> Inputs | None:
        """Read what the network of the kept weights reads; None of runs before that was kept."""
        with safe_open(self.path / "model.safetensors", framework="pt") as held:
            written = (held.metadata() or {}).get(INPUTS)
        return None if written is None else Inputs.model_validate_json(written)


def _predictions(trained: Trained) -> dict[str, np.ndarray[Any, Any]]:
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for name, evaluation, labels in (
        ("val", trained.validation, trained.y_validation),
        ("test", trained.test, trained.y_test),
    ):
        if evaluation is not None:
            arrays[f"{name}_outputs"] = evaluation.outputs.numpy()
            arrays[f"{name}_labels"] = labels.numpy()
    return arrays
