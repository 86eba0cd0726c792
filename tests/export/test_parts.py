"""The parts that a comparison is made of: arrays of strangers, differences, versions, snapshots."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from importlib import metadata

import numpy as np
import pytest
from safetensors.numpy import save

from archsearch.export.arrays import arrays_of, numbers_of
from archsearch.export.lock import installed, requirements_text
from archsearch.export.sameness import first_difference, largest_difference, machine_differences
from archsearch.study.lifecycle import existing_ablation, existing_study
from archsearch.study.snapshot import StudySnapshot, snapshot_of
from archsearch.study.storage import default_url, open_storage


def npz(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_arrays_are_what_numpy_reads():
    arrays = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "c": np.array([], dtype=np.int64),
        "d": np.array(3.5),
    }
    found = arrays_of(npz(**arrays))
    assert found is not None
    for name, value in arrays.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].dtype == value.dtype


def test_arrays_that_would_execute_or_fill_the_memory_are_not_read():
    assert arrays_of(npz(a=np.array([{"a": 1}], dtype=object))) is None
    file = io.BytesIO()
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    header += b" " * (118 - len(header)) + b"\n"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(8))
    assert arrays_of(file.getvalue()) is None
    squeezed = io.BytesIO()
    np.savez_compressed(squeezed, a=np.zeros(10_000_000))
    assert arrays_of(squeezed.getvalue()) is None
    assert arrays_of(b"") is None
    assert arrays_of(b"PK" * 50) is None


def test_weights_are_read_by_safetensors_alone():
    content = save({"fc1.weight": np.ones((2, 2), dtype=np.float32)})
    found = numbers_of(content, weights=True)
    assert found is not None
    np.testing.assert_array_equal(found["fc1.weight"], np.ones((2, 2)))
    assert numbers_of(content[:-3], weights=True) is None
    assert numbers_of(npz(a=np.ones(2)), weights=True) is None


@pytest.mark.parametrize(
    ("theirs", "ours", "said"),
    [
        ({"a": [1.0, np.nan]}, {"a": [1.0, np.nan]}, ""),
        ({"a": [1.0, 2.0]}, {"a": [1.0, 2.5]}, "up to 0.5 apart"),
        ({"a": [1, 2]}, {"a": [1, 4]}, "up to 2 apart"),
        ({"a": [1.0]}, {"a": [1.0, 2.0]}, "of another shape"),
        ({"a": [1.0]}, {"b": [1.0]}, "of another shape"),
        ({"a": [1.0], "test": [3.0]}, {"a": [1.0]}, ""),
        (None, {"a": [1.0]}, "not readable"),
    ],
)
def test_arrays_differ_by_what_subtraction_says(theirs, ours, said):
    sides = [None if side is None else {k: np.array(v) for k, v in side.items()} for side in (theirs, ours)]
    assert largest_difference(*sides) == said


def test_the_first_difference_of_two_trainings_is_named(workshop):
    theirs = workshop.gather(workshop.tiny).runs[0].result
    assert first_difference(theirs, theirs) == ""
    second = theirs.history[1]
    moved = second.model_copy(update={"metrics": {**second.metrics, "val_loss": np.nextafter(second.val_loss, 9.0)}})
    other = theirs.model_copy(update={"history": (theirs.history[0], moved, *theirs.history[2:])})
    assert first_difference(theirs, other).startswith(f"epoch 2, val_loss {second.val_loss!r} there, ")
    assert first_difference(theirs, theirs.model_copy(update={"history": theirs.history[:2]})) == (
        "3 epochs there, 2 here"
    )
    better = theirs.model_copy(update={"metrics": {**theirs.metrics, "test_accuracy": 1.0}})
    assert first_difference(theirs, better) == f"at the end, test_accuracy {theirs.test_accuracy!r} there, 1.0 here"
    lost = theirs.model_copy(update={"status": "diverged"})
    assert first_difference(theirs, lost) == "status completed there, diverged here"
    # version 0.1.0 kept no loss by one function: what is not known there is no difference
    older = theirs.model_copy(update={"metrics": {**theirs.metrics, "val_loss": None}})
    assert first_difference(older, theirs) == ""


def test_machines_differ_in_what_both_say():
    theirs = {"torch": "2.9", "threads": 2, "engine": "native", "engine_variant": "avx512", "platform": "Linux"}
    ours = {"torch": "2.9", "threads": 1, "engine": "torch", "memory_format": "channels_last", "platform": "Linux"}
    found = machine_differences([(theirs, ours), (theirs, ours), ({}, ours)])
    assert [(one.what, one.theirs, one.ours, one.runs) for one in found] == [
        ("threads", "2", "1", 2),
        ("engine", "native", "torch", 2),
    ]


def test_the_lock_is_what_the_metadata_of_the_packages_say():
    found = installed()
    for name in ("torch", "numpy", "pydantic-core", "greenlet" if "greenlet" in found else "scipy"):
        assert found[name] == metadata.version(name)
    assert "archsearch" not in found
    assert not {"pytest", "ruff", "mypy"} & set(found)  # of an extra, nobody needs them to run
    assert list(found) == sorted(found)
    assert installed("a-package-that-is-not-there") == {}
    assert requirements_text({"torch": "2.14.1+cpu", "a": "1"}).splitlines()[1:] == ["torch==2.14.1", "a==1"]


@pytest.mark.parametrize(("name", "opened"), [("small", existing_study), ("factors", existing_ablation)])
def test_a_snapshot_is_what_optuna_has_and_goes_to_json_and_back(workshop, name, opened):
    study = opened(name, open_storage(default_url(workshop.runs_dir)))
    snapshot = snapshot_of(study)
    assert StudySnapshot.model_validate_json(snapshot.model_dump_json()) == snapshot
    trials = {trial.number: trial for trial in study.get_trials()}
    assert len(snapshot.trials) == len(trials)
    for one in snapshot.trials:
        trial = trials[one.number]
        assert (one.state, list(one.values), one.params) == (
            trial.state.name.lower(),
            trial.values or [],
            trial.params,
        )
        assert one.learned == trial.intermediate_values
        assert one.record == trial.user_attrs.get("result")
        assert one.spec == trial.user_attrs["spec"]
        assert "owner" not in json.dumps(one.held)
