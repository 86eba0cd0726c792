"""The runs of Weights & Biases folders on this machine, offline or synchronised: `run-*.wandb` files.

    runs = wandb_runs(Path("wandb"))

A file is a log of records in LevelDB's framing (github.com/google/leveldb/blob/main/doc/log_format.md, with CRC-32 in
place of CRC-32C); each record is a message of wandb's own protocol buffers, by which it is read. Settings are the
config, flattened with dots, and the git commit. A metric that the summary alone has is taken from there.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from archsearch.ablate.tracked.runs import (
    GIT_COMMIT,
    MetricSummary,
    Take,
    TrackedRun,
    flat_settings,
    missing_extra,
)
from archsearch.errors import Problem, SpecError

_FILE_HEADER = struct.Struct("<4sHB")  # name, magic number, version
_IDENTITY = (b":W&B", 0xBEE1)
_BLOCK = 32768
_RECORD_HEADER = struct.Struct("<IHB")  # CRC-32 of type and data, length, type
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


def wandb_runs(folder: Path) -> list[TrackedRun]:
    """Read every run below a folder; raise `SpecError` where there is none, or a file is no such log."""
    source = f"wandb:{folder}"
    files = sorted({path.resolve(): path for path in folder.rglob("run-*.wandb")}.values())
    if not files:
        there = "holds no run-*.wandb file" if folder.is_dir() else "is no folder"
        raise SpecError(Problem(source, f"{there}; give the folder called wandb, or the one that it stands in"))
    try:
        from wandb.proto import wandb_internal_pb2
    except ImportError:
        missing_extra(source, "wandb", "wandb")
    return [_run(path, wandb_internal_pb2.Record) for path in files]


def wandb_records(file: BinaryIO, source: str) -> Iterator[bytes]:
    """Give the records of a log one by one, as bytes. It ends where its writer stopped, in the middle of a record too.

    Raises `SpecError` for what is no such log, and where a record is damaged.
    """
    header = file.read(_FILE_HEADER.size)
    if len(header) < _FILE_HEADER.size or _FILE_HEADER.unpack(header)[:2] != _IDENTITY:
        raise SpecError(Problem(source, "is no log of Weights & Biases"))
    left = _BLOCK - len(header)
    parts: list[bytes] = []
    while True:
        if left < _RECORD_HEADER.size:  # a block's last bytes are zeros: no header fits
            file.read(left)
            left = _BLOCK
        head = file.read(_RECORD_HEADER.size)
        if len(head) < _RECORD_HEADER.size:
            return
        checksum, length, kind = _RECORD_HEADER.unpack(head)
        data = file.read(length)
        if len(data) < length or not (kind or length or checksum):  # cut short, or zeros that a full disk left
            return
        if zlib.crc32(data, zlib.crc32(bytes([kind]))) != checksum or not _FULL <= kind <= _LAST:
            raise SpecError(Problem(source, f"is damaged at byte {file.tell() - length}"))
        left -= len(head) + length
        if kind in (_FULL, _FIRST):
            parts = []
        parts.append(data)
        if kind in (_FULL, _LAST):
            yield b"".join(parts)


def _run(path: Path, record_type: Any) -> TrackedRun:
    log = _Log()
    with path.open("rb") as file:
        for data in wandb_records(file, str(path)):
            log.add(record_type.FromString(data))
    settings = dict(flat_settings({name: value for name, value in log.config.items() if name != "_wandb"}))
    if log.commit:
        settings[GIT_COMMIT] = log.commit
    summaries = {name: partial(_only, value) for name, value in log.summary.items() if name not in log.history}
    exited = {None: "running or killed", 0: ""}
    return TrackedRun(
        name=log.name or path.stem.removeprefix("run-"),
        settings=settings,
        metrics={**{name: one.take for name, one in log.history.items()}, **summaries},
        status=exited.get(log.exit_code, f"failed (exit code {log.exit_code})"),
        started=log.started,
    )


def _only(value: float, take: Take) -> float:
    """Give the one value that there is, whichever is asked for."""
    return value


class _Log:
    """What has been read of a log so far."""

    def __init__(self) -> None:
        self.name = ""
        self.commit = ""
        self.started = 0.0
        self.exit_code: int | None = None
        self.config: dict[str, Any] = {}
        self.summary_items: dict[str, Any] = {}
        self.history: dict[str, MetricSummary] = {}
        self.steps = 0

    def add(self, record: Any) -> None:
        kind = record.WhichOneof("record_type")
        if kind == "history":
            self._add_history(record.history)
        elif kind == "summary":
            self._add_summary(record.summary)
        elif kind == "config":
            self._add_config(record.config)
        elif kind == "run":
            self._add_run(record.run)
        elif kind == "exit":
            self.exit_code = record.exit.exit_code

    def _add_run(self, run: Any) -> None:
        self.name = run.display_name or run.run_id
        self.commit = run.git.commit or self.commit
        self.started = run.start_time.seconds + run.start_time.nanos / 1e9
        self._add_config(run.config)

    def _add_config(self, changes: Any) -> None:
        for item in changes.update:
            self._set(item, json.loads(item.value_json))
        for item in changes.remove:
            self.config.pop(item.key, None)

    def _set(self, item: Any, value: Any) -> None:
        *above, last = item.nested_key or [item.key]
        inside = self.config
        for key in above:
            if not isinstance(inside.get(key), dict):
                inside[key] = {}
            inside = inside[key]
        inside[last] = value

    def _add_history(self, history: Any) -> None:
        values = dict(_numbers(history.item))
        step = history.step.num if history.HasField("step") else values.get("_step", self.steps)
        self.steps += 1
        for name, value in values.items():
            if not name.startswith("_"):
                self.history.setdefault(name, MetricSummary()).add(step, value)

    def _add_summary(self, changes: Any) -> None:
        # A summary follows every step of a history and mostly repeats it: read at the end, once.
        for item in changes.remove:
            self.summary_items.pop(_name(item), None)
        for item in changes.update:
            self.summary_items[_name(item)] = item

    @property
    def summary(self) -> dict[str, float]:
        """The numbers of the summary as it was last."""
        return {name: value for name, value in _numbers(self.summary_items.values()) if not name.startswith("_")}


def _name(item: Any) -> str:
    return ".".join(item.nested_key) if item.nested_key else str(item.key)


def _numbers(items: Any) -> Iterator[tuple[str, float]]:
    """Give the numbers among items, NaN too; a metric that is not finite may be written as a text."""
    for item in items:
        name = _name(item)
        try:
            yield name, float(item.value_json)  # most are numbers, and this is the quickest way to read one
            continue
        except ValueError:
            value = json.loads(item.value_json)
        if value in ("NaN", "Infinity", "-Infinity"):
            yield name, float(value)
        elif isinstance(value, dict):
            for key, inner in value.items():
                if isinstance(inner, (int, float)) and not isinstance(inner, bool) and not key.startswith("_"):
                    yield f"{name}.{key}", float(inner)
