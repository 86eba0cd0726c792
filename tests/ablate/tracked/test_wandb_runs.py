"""The runs of Weights & Biases folders, written by wandb; its framing of records by hand."""

from __future__ import annotations

import io
import struct
import zlib

import pytest

from archsearch.ablate.columns import Reading
from archsearch.ablate.tracked.reading import read_tracked
from archsearch.ablate.tracked.rows import Tracking
from archsearch.ablate.tracked.wandb_runs import wandb_records, wandb_runs
from archsearch.errors import SpecError

READING = Reading(variant="model.norm", seed="seed", value="val/acc")


def test_the_last_value_of_each_run_and_what_failed(wandb_folder, last):
    values = read_tracked(f"wandb:{wandb_folder}", READING, Tracking())
    assert values.runs["layer"].pop(3) is None
    assert values.runs == {n: pytest.approx(of) for n, of in last.items()}
    assert values.notes[0] == "without a value (failed (exit code 1)): crashed"


def test_the_largest_of_the_history_and_what_the_summary_alone_has(wandb_folder, largest):
    values = read_tracked(f"wandb:{wandb_folder}/wandb", READING, Tracking(take="max"))
    assert values.runs["batch"] == pytest.approx(largest["batch"])
    run = next(run for run in wandb_runs(wandb_folder) if run.name == "batch-0")
    assert run.metrics["test_acc"]("min") == 0.7
    assert run.metrics["nested.loss"]("last") == pytest.approx(0.1)
    assert not [name for name in run.metrics if name.startswith("_") or name == "note"]


def test_settings_are_the_config_with_dots(wandb_folder):
    run = next(run for run in wandb_runs(wandb_folder) if run.name == "layer-2")
    told = {name: text for name, text in run.settings.items() if name != "git commit"}
    assert told == {"model.norm": "layer", "model.width": "64", "seed": "2", "lr": "0.1"}
    assert run.status == ""


def test_a_log_that_ends_early_is_of_a_run_that_did_not_end(wandb_folder, tmp_path):
    data = next(path for path in sorted(wandb_folder.rglob("run-*.wandb"))).read_bytes()
    (tmp_path / "run-cut.wandb").write_bytes(data[: len(data) - 20])
    (run,) = wandb_runs(tmp_path)
    assert run.status == "running or killed"


def test_no_runs(tmp_path):
    with pytest.raises(SpecError, match=r"holds no run-\*.wandb file; give the folder called wandb"):
        wandb_runs(tmp_path)
    with pytest.raises(SpecError, match=r"wandb:.*none: is no folder"):
        wandb_runs(tmp_path / "none")


# -- the framing: github.com/google/leveldb/blob/main/doc/log_format.md, with CRC-32 -----------------------------------

HEADER = struct.pack("<4sHB", b":W&B", 0xBEE1, 0)


def framed(kind: int, data: bytes) -> bytes:
    return struct.pack("<IHB", zlib.crc32(bytes([kind]) + data), len(data), kind) + data


def records(log: bytes) -> list[bytes]:
    return list(wandb_records(io.BytesIO(log), "x.wandb"))


def test_records_in_one_block_and_over_several():
    """1 is a whole record; 2, 3 and 4 are the first, a middle and the last part of one that goes over blocks."""
    first = framed(1, b"whole")
    left = 32768 - len(HEADER) - len(first) - 7
    log = HEADER + first + framed(2, b"a" * left) + framed(3, b"b" * (32768 - 7)) + framed(4, b"c") + framed(1, b"")
    assert records(log) == [b"whole", b"a" * left + b"b" * (32768 - 7) + b"c", b""]


def test_a_block_that_leaves_no_room_for_a_header_ends_in_zeros():
    fills = framed(1, b"x" * (32768 - len(HEADER) - 7 - 3))
    assert records(HEADER + fills + bytes(3) + framed(1, b"next")) == [b"x" * 32751, b"next"]


def test_a_log_that_is_cut_ends_at_the_last_whole_record():
    log = HEADER + framed(1, b"one") + framed(1, b"two")
    assert [len(records(log[:cut])) for cut in (len(log), len(log) - 1, len(HEADER) + 10, len(HEADER) + 3)] == [
        2,
        1,
        1,
        0,
    ]
    assert records(HEADER + framed(1, b"one") + bytes(40)) == [b"one"]


def test_what_is_damaged_or_no_log_is_an_error():
    damaged = bytearray(HEADER + framed(1, b"one"))
    damaged[-1] ^= 1
    with pytest.raises(SpecError, match=r"x.wandb: is damaged at byte 14"):
        records(bytes(damaged))
    for other in (b"", b"PK\x03\x04 and so on", HEADER[:5]):
        with pytest.raises(SpecError, match=r"x.wandb: is no log of Weights & Biases"):
            records(other)
