"""What a run shows while it trains, and what it came to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from rich.text import Text

from archsearch.cli.console.base import err, flowing, note, out
from archsearch.metrics import title_of, told_by, written
from archsearch.train.watch import Silent
from archsearch.wording import count_of

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from archsearch.experiment import Experiment
    from archsearch.stats.over_seeds import Summary
    from archsearch.train.result import EpochRecord, RunResult
    from archsearch.train.run import FinishedRun


class RunBar(Silent):
    """Shows a run on stderr while it trains: a bar on a terminal, one line per epoch elsewhere.

    Where many runs follow one another, their epochs can be left out: `epochs=False`.
    """

    def __init__(self, experiment: Experiment, seed: int, *, epochs: bool = True) -> None:
        self.shows_epochs = epochs
        self.label = f"{experiment.name} seed {seed}"
        self.epochs = 0  # until it starts
        self.samples = 0
        self.rate_unit = _rate_unit(experiment)
        self.began = time.monotonic()
        self.begun_with = 0
        self.bars: Bars | None = None
        self.task: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.bars is not None:
            self.bars.stop()

    def start(self, epochs: int, history: Sequence[EpochRecord], samples: int) -> None:
        """Show the bar; a run that goes on says from where."""
        done = len(history)
        self.epochs, self.samples, self.begun_with = epochs, samples, done
        self.began = time.monotonic()
        if done:
            note(f"{self.label}: goes on after epoch {done} of {epochs}")
        to = err()
        if not to.is_terminal:
            return
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self.bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[numbers]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=to,
            transient=True,
        )
        self.task = self.bars.add_task(self.label, total=epochs * samples, completed=done * samples, numbers="")
        self.bars.start()

    def batch(self, epoch: int, samples: int, loss: float) -> None:
        """Move the bar."""
        if self.bars is None:
            return
        done = epoch * self.samples + samples
        numbers = f"epoch {epoch + 1}/{self.epochs}  loss {loss:.4f}  {self._rate(done):,.0f} {self.rate_unit}"
        self.bars.update(self.task, completed=done, numbers=numbers)

    def epoch(self, record: EpochRecord) -> None:
        """Print the epoch's line, above the bar if there is one."""
        if not self.shows_epochs:
            return
        rate = f"{self._rate(record.epoch * self.samples):,.0f} {self.rate_unit}"
        to = self.bars.console if self.bars is not None else err()
        flowing(to, [self.label, *_epoch_parts(record, self.epochs), rate])

    def _rate(self, done: int) -> float:
        return (done - self.begun_with * self.samples) / max(time.monotonic() - self.began, 1e-9)


def _rate_unit(experiment: Experiment) -> str:
    """Say what is counted by the second: images where samples are some, channels x height x width."""
    facts = getattr(experiment, "facts", None)  # of a network alone
    return "img/s" if facts is not None and len(facts.shape) == 3 else "samples/s"


def _epoch_parts(record: EpochRecord, epochs: int) -> list[str]:
    parts = [f"epoch {record.epoch:>{len(str(epochs))}}/{epochs}"]
    for name in ("train", "val", "test"):
        loss = record.metrics.get(f"{name}_loss")
        others = [one for one in told_by(record.metrics) if one != "loss"]
        found = [written(one, value) for one in others if (value := record.metrics.get(f"{name}_{one}")) is not None]
        if found or (loss is not None and not others):
            parts.append(" ".join((name, "-" if loss is None else f"{loss:.4f}", *found)))
    return [*parts, f"{record.seconds:.1f} s"]


def print_run(one: FinishedRun) -> None:
    """Print what a run came to."""
    result = one.result
    to = out()
    took = f"{count_of(result.epochs, 'epoch')}, {result.seconds:.1f} s" + (", from the cache" if one.cached else "")
    flowing(to, [Text(f"{result.name} seed {result.seed}", style="bold"), Text.assemble(*_outcome(result)), took])
    to.print(Text(f"  {one.run_dir}", style="dim"), soft_wrap=True)


def _outcome(result: RunResult) -> list[str | tuple[str, str]]:
    if result.status == "diverged":
        return [("diverged", "bold red"), f" in {result.reason}"]
    names = [(part, name) for part in ("test", "val") for name in told_by(result.metrics)]
    found = [(part, name, result.metrics.get(f"{part}_{name}")) for part, name in names]
    parts = [f"{part} {title_of(name)} {written(name, value)}" for part, name, value in found if value is not None]
    return [(", ".join(parts), "green")]


def print_summary(summary: Summary) -> None:
    """Print several seeds in one paragraph: mean, spread, intervals, and the documented value if there is one."""
    from archsearch.stats.over_seeds import documented_words, size_warning

    if summary.mean is None:
        note(f"no run of {summary.diverged} completed")
        return
    parts = [f"{count_of(summary.n, 'seed')}: mean {title_of(summary.metric)} {summary.mean_words}"]
    if summary.sd is not None and summary.ci95 is not None:
        parts += [f"SD {summary.sd_words}", f"95 % interval of the mean {summary.interval_words}"]
    parts = [*(f"{part}," for part in parts[:-1]), parts[-1]]
    if summary.diverged:
        parts[-1] += ";"
        parts.append(f"{summary.diverged} more diverged and {'is' if summary.diverged == 1 else 'are'} not in the mean")
    to = out()
    flowing(to, [Text(part, style="bold") for part in parts], " ")
    if warning := size_warning(summary):
        flowing(to, [Text(word, style="yellow") for word in warning.split()], " ")
    if words := documented_words(summary):
        flowing(to, words, " ")
