"""The runs of a TensorBoard folder: each folder with event files is one.

    runs = tensorboard_runs(Path("runs"))

Metrics are the scalars. Settings are what the HParams plugin was told, what the name of the folder says (`lr=0.1`,
`seed3`), or what a pattern reads from it (`named.py`). Two habits of writers are known: torch's `add_hparams` writes to
a folder of its own inside the run's, called by the time, and Keras writes to `train` and `validation` inside it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from archsearch.ablate.tracked.runs import MetricSummary, Take, TrackedRun, missing_extra, setting_text
from archsearch.errors import Problem, SpecError

_TIME = re.compile(r"[0-9]{9,11}\.[0-9]+")  # what torch's add_hparams calls its folder
_PARTS = ("train", "validation", "val", "test", "eval")
_STATUS = {2: "failed", 3: "running"}  # of the HParams plugin: 0 not known, 1 success


class _Log:
    """What has been read of a folder's event files."""

    def __init__(self) -> None:
        self.metrics: dict[str, MetricSummary] = {}
        self.single: set[str] = set()  # metrics of float32 values
        self.scalars: set[str] = set()
        self.settings: dict[str, str] = {}
        self.status = ""
        self.started = 0.0


def tensorboard_runs(folder: Path) -> list[TrackedRun]:
    """Read every run below a folder; raise `SpecError` where there is none, or an event file is damaged."""
    source = f"tb:{folder}"
    files = _event_files(folder)
    if not files:
        there = "holds no event file (events.out.tfevents...)" if folder.is_dir() else "is no folder"
        raise SpecError(Problem(source, f"{there}; give TensorBoard's --logdir"))
    try:
        import tensorboard.compat.proto  # noqa: F401
    except ImportError:
        missing_extra(source, "tensorboard", "tensorboard")
    logs = {name: _read(paths) for name, paths in files.items()}
    _take_hparams_folders(logs)
    return [_run(name, log, parts) for name, (log, parts) in _with_parts(logs).items()]


def _event_files(folder: Path) -> dict[str, list[Path]]:
    """Give the event files by the run's name, in the order they were begun: their names have the time."""
    found: dict[str, list[Path]] = {}
    for root, folders, names in os.walk(folder):
        folders.sort()
        here = sorted(name for name in names if "tfevents" in name)
        if here:
            found[Path(root).relative_to(folder).as_posix()] = [Path(root, name) for name in here]
    return found


def _read(paths: list[Path]) -> _Log:
    log = _Log()
    for path in paths:
        for event in _events(path):
            log.started = log.started or event.wall_time
            for value in event.summary.value:
                _add(log, value, event.step)
    return log


def _events(path: Path) -> Iterator[Any]:
    """Read a file's events one by one; it ends where its writer stopped, in the middle of an event too.

    TensorBoard's loader of events says nothing of a file that is damaged, its reader of records does.
    """
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.tensorflow_stub import errors
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New

    reader = PyRecordReader_New(os.fsencode(path), 0, b"", None)
    while True:
        try:
            reader.GetNext()
        except errors.OutOfRangeError:
            return
        except errors.DataLossError as error:
            if "truncated" in str(error):
                return
            raise SpecError(Problem(str(path), "is damaged: a checksum does not hold")) from None
        yield Event.FromString(reader.record())


def _add(log: _Log, value: Any, step: int) -> None:
    if value.HasField("simple_value"):  # torch, and TensorFlow 1
        log.single.add(value.tag)
        log.metrics.setdefault(value.tag, MetricSummary()).add(step, value.simple_value)
        return
    plugin = value.metadata.plugin_data.plugin_name  # stands with the first value of a tag, and may with all
    if plugin == "scalars":
        log.scalars.add(value.tag)
    if plugin == "hparams":
        _add_hparams(log, value.metadata.plugin_data.content)
    elif value.tag in log.scalars and value.HasField("tensor"):
        from tensorboard.util.tensor_util import make_ndarray

        array = make_ndarray(value.tensor)
        if array.dtype.itemsize <= 4:
            log.single.add(value.tag)
        log.metrics.setdefault(value.tag, MetricSummary()).add(step, float(array.reshape(-1)[0]))


def _add_hparams(log: _Log, content: bytes) -> None:
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    told = HParamsPluginData.FromString(content)
    for name, value in told.session_start_info.hparams.items():
        kind = value.WhichOneof("kind")
        log.settings[name] = setting_text(getattr(value, kind)) if kind and kind != "null_value" else ""
    if told.HasField("session_end_info"):
        log.status = _STATUS.get(told.session_end_info.status, "")


def _take_hparams_folders(logs: dict[str, _Log]) -> None:
    """Give a run the settings that torch's `add_hparams` wrote for it into a folder of its own."""
    for name in list(logs):
        above, _, last = name.rpartition("/")
        run, told = logs.get(above or "."), logs[name]
        if run is not None and run is not told and told.settings and _TIME.fullmatch(last):
            del logs[name]
            run.settings |= told.settings
            run.status = told.status
            run.single |= told.single
            run.metrics = {**told.metrics, **run.metrics}


def _with_parts(logs: dict[str, _Log]) -> dict[str, tuple[_Log, dict[str, _Log]]]:
    """Put `run/train` and `run/validation` together as one run, whose metrics have the part in their names."""
    found: dict[str, tuple[_Log, dict[str, _Log]]] = {}
    for name, log in logs.items():
        above, _, last = name.rpartition("/")
        if last in _PARTS:
            found.setdefault(above or ".", (logs.get(above or ".", _Log()), {}))[1][last] = log
        else:
            found.setdefault(name, (log, {}))
    return found


def _run(name: str, log: _Log, parts: Mapping[str, _Log]) -> TrackedRun:
    metrics: dict[str, Callable[[Take], float | None]] = {}
    steps: dict[str, float] = {}
    for before, one in (("", log), *((f"{part}/", of) for part, of in parts.items())):
        for tag, summary in one.metrics.items():
            metrics[before + tag] = partial(_taken, summary, tag in one.single)
            steps[before + tag] = summary.step
    settings: dict[str, str] = {}
    for one in (*parts.values(), log):
        settings |= one.settings
    started = min((one.started for one in (log, *parts.values()) if one.started), default=0.0)
    return TrackedRun(name, settings, metrics, log.status, started, steps)


def _taken(summary: MetricSummary, single: bool, take: Take) -> float | None:
    """Take a value; one that was stored as float32 in the few digits that it has."""
    value = summary.take(take)
    if value is None or not single:
        return value
    import numpy as np

    return float(str(np.float32(value)))
