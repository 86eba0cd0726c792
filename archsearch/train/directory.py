"""The directory of a run, `runs/<id>/`, and its files.

    run.json            what is run: resolved spec, seed, data fingerprint (sealed: holds its own SHA-256)
    checkpoint.pt       the last whole epoch that was written (`keeping.py` says when), only while unfinished
    history.jsonl       one line per epoch up to that
    model.safetensors   the kept weights, and in its metadata what the network reads (`data/inputs.py`)
    predictions.npz     outputs and labels on validation and test data
    result.json         the result (sealed), with the SHA-256 of the files above; written last

Every file is written whole or not at all. A file that was altered is named and never used, and each belongs to its run:
the folder bears the run's id, run.json is what the id is the hash of, the checkpoint and the result say the id, and the
result the hashes of the others. What was moved here from another run is refused. torch is imported where tensors are
read and written only, so that reports on runs do without it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from archsearch.crash import crash_point
from archsearch.errors import DamagedFileError
from archsearch.files import (
    damaged,
    is_temporary,
    locked,
    read_plain,
    read_sealed,
    renamed,
    sha256,
    unsealed,
    write_sealed,
    write_whole,
)  # fmt: skip
from archsearch.spec.losses import EVAL_LOSS
from archsearch.train.identity import run_id
from archsearch.train.result import EpochRecord, RunResult, older_measures_by_cross_entropy, without_losses
from archsearch.train.run_files import BEGUN, CHECKPOINT, HISTORY, PREDICTIONS, RESULT, RUN_FILES, WEIGHTS

if TYPE_CHECKING:
    from torch import Tensor

    from archsearch.data.inputs import Inputs
    from archsearch.train.loop import Trained
    from archsearch.train.progress import Progress

INPUTS = "archsearch.inputs"  # the one key of the weights' metadata: of several the order, so the bytes, would vary
_ID = re.compile(r"[0-9a-f]{16}")


class ForeignCheckpointError(DamagedFileError):
    """A checkpoint that another run wrote."""


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
        path = self.path / BEGUN
        if not path.exists():
            if strange := [name for name in RUN_FILES if (self.path / name).exists()]:
                raise DamagedFileError(
                    f"{self.path} holds {strange[0]} and no run.json, which every run has; move that folder away"
                )
            write_sealed(path, identity)
        elif (there := read_sealed(path)) != identity:
            raise renamed(self.path, run_id(there))

    def id(self) -> str:
        """Give the id of the run, by what run.json says is run.

        Raises `DamagedFileError` where that is altered or not there, and where the folder bears another run's id.
        """
        path = self.path / BEGUN
        if not path.exists():
            raise DamagedFileError(
                f"{path} is gone, so nobody can say whose files these are; archsearch verify --repair"
            )
        id_ = run_id(read_sealed(path))
        if _ID.fullmatch(self.path.name) and self.path.name != id_:
            raise renamed(self.path, id_)
        return id_

    def clear(self) -> None:
        """Delete the run's files, so that it is trained again; the lock stays, and what the run did not write.

        Raises `DamagedFileError` where they are those of another run.
        """
        path = self.path / BEGUN
        if not path.exists():
            return
        held = unsealed(read_plain(path))
        if held is not None and run_id(held) != self.path.name:
            raise renamed(self.path, run_id(held))
        for entry in self.path.iterdir():
            if is_temporary(entry.name) and not entry.is_dir():
                entry.unlink(missing_ok=True)
        for name in reversed(RUN_FILES):  # run.json last: it says that the others are ours
            (self.path / name).unlink(missing_ok=True)

    # -- while it trains

    def keep(self, progress: Progress) -> None:
        """Write the checkpoint and the history of a run after a whole epoch."""
        import torch

        inner = io.BytesIO()
        torch.save(
            {
                "run_id": self.path.name,
                "epoch": progress.epoch,
                "model": progress.model,
                "optimizer": progress.optimizer,
                "history": [record.model_dump(mode="json") for record in progress.history],
                "best_epoch": progress.best_epoch,
                "best_model": progress.best_model,
                "test_reads": progress.test_reads,
                "stopped": progress.stopped,
                "measured": True,  # its losses by train.eval_loss: version 0.1.0 had each run's own, and no such key
            }
            | ({} if progress.mean_model is None else {"mean_model": progress.mean_model})
            | ({} if progress.moving_model is None else {"moving_model": progress.moving_model})
            | ({} if progress.scaler is None else {"scaler": progress.scaler}),
            inner,
        )
        content = inner.getvalue()
        write_whole(self.path / CHECKPOINT, bytes.fromhex(sha256(content)) + content)
        self._write_history(progress.history)

    def progress(self, device: str) -> Progress | None:
        """Read the checkpoint, None where there is none.

        Raises `DamagedFileError` if it was altered or is none, and `ForeignCheckpointError` for that of another run;
        version 0.1.0 did not say whose it is.
        """
        path = self.path / CHECKPOINT
        if not path.exists():
            return None
        import torch

        from archsearch.train.progress import Progress

        content = read_plain(path)
        if bytes.fromhex(sha256(content[32:])) != content[:32]:
            raise damaged(path)
        try:
            saved = torch.load(io.BytesIO(content[32:]), map_location=device, weights_only=True)
            id_ = saved.pop("run_id", self.path.name)
            history = [EpochRecord.model_validate(record) for record in saved.pop("history")]
            measured = saved.pop("measured", False)
            progress = Progress(**saved, history=history)
            if not len(history) == progress.epoch > 0:
                raise ValueError(f"{len(history)} records of {progress.epoch} epochs")
        except Exception:  # whole as it is written, but no checkpoint: unpickling and what follows raise anything
            raise damaged(path) from None
        if id_ != self.path.name:
            raise ForeignCheckpointError(f"{path} is the checkpoint of the run {id_} and is not used")
        if not measured and not older_measures_by_cross_entropy(read_sealed(self.path / BEGUN)):
            progress.history = [without_losses(record) for record in progress.history]
        return progress

    def _write_history(self, history: list[EpochRecord]) -> bytes:
        content = "".join(record.model_dump_json() + "\n" for record in history).encode()
        write_whole(self.path / HISTORY, content)
        return content

    # -- when it is done

    def finish(self, result: RunResult, trained: Trained) -> None:
        """Write weights, predictions and, last, the result; the checkpoint goes."""
        from safetensors.torch import save

        tensors = {name: value.cpu().contiguous() for name, value in trained.model.state_dict().items()}
        weights = save(tensors, {INPUTS: trained.inputs.model_dump_json()})
        predictions = io.BytesIO()
        np.savez(predictions, allow_pickle=False, **_predictions(trained))
        contents = {
            HISTORY: self._write_history(list(result.history)),
            WEIGHTS: weights,
            PREDICTIONS: predictions.getvalue(),
        }
        for name, content in contents.items():
            write_whole(self.path / name, content)
        hashes = {name: sha256(content) for name, content in contents.items()}
        write_sealed(self.path / RESULT, {"result": result.model_dump(mode="json"), "files": hashes})
        crash_point("result written")
        (self.path / CHECKPOINT).unlink(missing_ok=True)

    def result(self) -> RunResult | None:
        """Read the result, None where the run is not finished.

        Raises `DamagedFileError` if any file was altered, or is not of this run. Weights and predictions may be deleted
        to save space; what is there must be what was written.
        """
        path = self.path / RESULT
        if not path.exists():
            return None
        sealed = read_sealed(path)
        try:
            for name, seal in sealed["files"].items():
                file = self.path / name
                if file.exists() and sha256(read_plain(file)) != seal:
                    raise damaged(file)
            result = RunResult.model_validate(sealed["result"])
        except (ValidationError, KeyError, AttributeError):
            raise damaged(path) from None
        if (id_ := self.id()) != result.run_id:
            raise DamagedFileError(f"{path} is the result of the run {result.run_id}, not of {id_}, and is not used")
        return result if result.eval_loss is not None else self._measured_anew(result)

    def _measured_anew(self, result: RunResult) -> RunResult:
        """Compute the losses of a run of version 0.1.0 from its predictions; without these they stay unknown."""
        path = self.path / PREDICTIONS
        if not path.exists():
            return result
        import torch

        from archsearch.train.loop import finite
        from archsearch.train.losses import measure

        found = dict(result.metrics)
        with np.load(path, allow_pickle=False) as saved:
            for part in ("val", "test"):
                if f"{part}_outputs" in saved:
                    outputs, labels = (torch.from_numpy(saved[f"{part}_{what}"]) for what in ("outputs", "labels"))
                    found[f"{part}_loss"] = finite(float(measure(EVAL_LOSS)(outputs, labels)))
        return result.model_copy(update={"eval_loss": EVAL_LOSS, "metrics": found})

    def hashes(self) -> dict[str, str]:
        """Give the SHA-256 of the files that were written when the run finished, also of those that were deleted."""
        return dict(read_sealed(self.path / RESULT)["files"])

    def weights(self) -> dict[str, Tensor]:
        """Read the kept weights; raise `DamagedFileError` for what is none."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        path = self.path / WEIGHTS
        try:
            return load(read_plain(path))
        except SafetensorError:
            raise damaged(path) from None

    def inputs(self) -> Inputs | None:
        """Read what the network of the kept weights reads; None of runs before that was kept."""
        from safetensors import SafetensorError, safe_open

        from archsearch.data.inputs import Inputs

        path = self.path / WEIGHTS
        try:
            with safe_open(path, framework="pt") as held:
                written = (held.metadata() or {}).get(INPUTS)
            return None if written is None else Inputs.model_validate_json(written)
        except (SafetensorError, ValidationError):
            raise damaged(path) from None


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
