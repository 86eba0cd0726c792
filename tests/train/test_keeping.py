"""Progress that is held in memory: what is written when, and that nothing is lost but by a kill."""

from __future__ import annotations

import signal

import pytest
import torch

from archsearch.errors import Interrupted, UnavailableError, UsageError
from archsearch.train.directory import RunDirectory
from archsearch.train.keeping import CHECKPOINT_SECONDS, Keeping, checkpoint_seconds
from archsearch.train.progress import Progress
from archsearch.train.run import run
from archsearch.train.watch import Silent
from tests.train.conftest import tiny

EVERYTHING = {
    "data": {"validation": 40},
    "train": {"epochs": 5, "ema": 0.9, "early_stopping": {"patience": 5, "monitor": "val_loss"}},
}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def epoch(number: int) -> Progress:
    """Where a run stands after an epoch, whose one weight has the epoch's number."""
    weight = torch.tensor([float(number)])
    optimizer = {"state": {0: {"step": weight.clone(), "seen": [weight.clone()]}}, "param_groups": [{"lr": 0.1}]}
    return Progress(number, {"w": weight}, optimizer, mean_model={"w": weight.clone()})


def test_an_epoch_is_written_where_the_last_writing_is_so_old():
    clock, written = Clock(), list[int]()
    with Keeping(lambda progress: written.append(progress.epoch), 2.0, clock) as keep:
        for number, now in enumerate((0.5, 1.9, 2.0, 3.9, 4.1, 9.0, 9.5), 1):
            clock.now = now
            keep(epoch(number))
    assert written == [3, 5, 6]  # and not what is held when all is done: the result follows


def test_zero_seconds_write_every_epoch():
    written = list[int]()
    with Keeping(lambda progress: written.append(progress.epoch), 0.0, Clock()) as keep:
        for number in (1, 2, 3):
            keep(epoch(number))
    assert written == [1, 2, 3]


def leave(keep: Keeping, progress: Progress, error: Exception) -> None:
    """Keep an epoch, go on training, and leave by an error."""
    with keep:
        keep(progress)
        state = progress.optimizer["state"][0]
        for tensor in (progress.model["w"], progress.mean_model["w"], state["step"], state["seen"][0]):
            tensor.fill_(77.0)
        progress.history.append("the next")
        raise error


def test_what_is_held_is_written_as_it_was_when_the_block_is_left_by_an_error():
    written = list[Progress]()
    with pytest.raises(RuntimeError, match=r"^in the middle$"):
        leave(Keeping(written.append, 2.0, Clock()), epoch(1), RuntimeError("in the middle"))
    [kept] = written
    assert (kept.epoch, kept.history) == (1, [])
    assert (kept.model["w"], kept.mean_model["w"]) == (torch.tensor([1.0]), torch.tensor([1.0]))
    assert kept.optimizer == {"state": {0: {"step": 1.0, "seen": [1.0]}}, "param_groups": [{"lr": 0.1}]}


def test_nothing_is_written_again_where_nothing_is_held():
    written = list[Progress]()
    with pytest.raises(RuntimeError, match=r"^later$"):
        leave(Keeping(written.append, 0.0, Clock()), epoch(1), RuntimeError("later"))
    assert len(written) == 1


@pytest.mark.parametrize("seconds", [2.0, 0.0])
def test_a_full_disk_is_said_by_who_leaves(seconds):
    def full(progress: Progress) -> None:
        raise UnavailableError(f"epoch {progress.epoch} cannot be written: no space")

    interrupted = Interrupted("interrupted; epoch 1 is kept", signal.SIGINT)  # which it is not
    with pytest.raises(UnavailableError, match=r"^epoch 1 cannot be written"):
        leave(Keeping(full, seconds, Clock()), epoch(1), interrupted)


class InterruptIn(Silent):
    """Sends a real signal amid an epoch."""

    def __init__(self, epoch: int) -> None:
        self.at = epoch

    def batch(self, epoch, samples, loss):
        if epoch == self.at and samples > 40:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("seconds", [0.0, 3600.0])
def test_a_run_that_is_interrupted_amid_an_epoch_goes_on_to_the_same_bits(runs_dir, seconds):
    """Held in memory or written after every epoch: the same checkpoint, and the same end as where nobody stopped it."""
    spec = tiny(**EVERYTHING)
    whole = run(spec, seed=3, runs_dir=runs_dir / "whole", keep_seconds=seconds)
    assert not (whole.run_dir / "checkpoint.pt").exists()
    with pytest.raises(Interrupted, match=r"^interrupted; 3 whole epochs are kept, the same call goes on"):
        run(spec, seed=3, runs_dir=runs_dir, watch=InterruptIn(3), keep_seconds=seconds)
    folder = runs_dir / whole.run_dir.name
    progress = RunDirectory(folder).progress("cpu")
    assert progress.epoch == 3
    assert len((folder / "history.jsonl").read_text().splitlines()) == 3
    again = run(spec, seed=3, runs_dir=runs_dir)
    for name in ("model.safetensors", "predictions.npz"):
        assert (folder / name).read_bytes() == (whole.run_dir / name).read_bytes()
    assert again.result.metrics == whole.result.metrics


def test_seconds_are_what_the_variable_says(monkeypatch):
    monkeypatch.delenv("ARCHSEARCH_CHECKPOINT_SECONDS", raising=False)
    assert checkpoint_seconds() == CHECKPOINT_SECONDS == 2.0
    monkeypatch.setenv("ARCHSEARCH_CHECKPOINT_SECONDS", "0.5")
    assert checkpoint_seconds() == 0.5
    for text in ("often", "-1", "nan", "inf", ""):
        monkeypatch.setenv("ARCHSEARCH_CHECKPOINT_SECONDS", text)
        with pytest.raises(UsageError, match=r"^ARCHSEARCH_CHECKPOINT_SECONDS: '.*' is no number of seconds; 0 writes"):
            checkpoint_seconds()
