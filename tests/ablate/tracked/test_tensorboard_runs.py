"""The runs of a TensorBoard folder, written by torch, and events by TensorBoard's own protocol buffers."""

from __future__ import annotations

import pytest

from archsearch.ablate.columns import Reading
from archsearch.ablate.tracked.reading import read_tracked
from archsearch.ablate.tracked.rows import Tracking
from archsearch.ablate.tracked.tensorboard_runs import tensorboard_runs
from archsearch.errors import SpecError

READING = Reading(variant="norm", seed="seed", value="val/acc")


def test_the_last_value_of_each_run_in_the_digits_that_float32_has(tensorboard_folder, last):
    values = read_tracked(f"tb:{tensorboard_folder}/runs", READING, Tracking())
    assert values.runs == last
    assert values.notes == ("the last val/acc of each run stands for it; --take chooses",)


def test_the_largest_of_the_history(tensorboard_folder, largest):
    values = read_tracked(f"tb:{tensorboard_folder}/runs", READING, Tracking(take="max"))
    assert values.runs["layer"] == pytest.approx(largest["layer"])


def test_settings_are_those_of_add_hparams_and_of_the_folder(tensorboard_folder):
    runs = tensorboard_runs(tensorboard_folder / "runs")
    assert [run.name for run in runs] == [f"norm={norm}/seed{n}" for norm in ("batch", "layer") for n in range(3)]
    assert runs[0].settings == {"norm": "batch", "lr": "0.1", "width": "64"}
    assert runs[0].metrics["hparam/acc"]("last") == 0.5
    assert (runs[0].status, runs[0].steps["val/acc"]) == ("", 2)


def test_a_file_that_ends_in_the_middle_of_an_event_is_read_up_to_there(tensorboard_folder, tmp_path):
    (file,) = (tensorboard_folder / "runs" / "norm=batch" / "seed0").glob("events*")
    data = file.read_bytes()
    (tmp_path / file.name).write_bytes(data[:-10])
    (run,) = tensorboard_runs(tmp_path)
    assert (run.name, run.metrics["val/acc"]("last")) == (".", pytest.approx(0.90))
    (tmp_path / file.name).write_bytes(data[: data.index(b"val/acc") + 3])
    assert tensorboard_runs(tmp_path)[0].metrics == {}


def test_a_damaged_file_is_an_error(tensorboard_folder, tmp_path):
    (file,) = (tensorboard_folder / "runs" / "norm=batch" / "seed0").glob("events*")
    data = bytearray(file.read_bytes())
    data[data.index(b"val/acc")] ^= 1
    (tmp_path / file.name).write_bytes(data)
    with pytest.raises(SpecError, match=r"tfevents.*: is damaged: a checksum does not hold"):
        tensorboard_runs(tmp_path)


def test_folders_of_training_and_validation_are_one_run(tmp_path):
    """As Keras writes them: scalars as tensors, in float32 and float64, the plugin named with the first of each tag."""
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed: pip install -e '.[tensorboard]'")
    import numpy as np
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util.tensor_util import make_tensor_proto

    scalars = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    for part, kind in (("train", np.float32), ("validation", np.float64)):
        writer = EventFileWriter(str(tmp_path / "a" / part))
        for step, value in enumerate((0.1, 0.3, 0.2)):
            one = Summary.Value(
                tag="epoch_acc", tensor=make_tensor_proto(kind(value)), metadata=scalars if not step else None
            )
            writer.add_event(Event(step=step, wall_time=100.0 + step, summary=Summary(value=[one])))
        writer.close()
    (run,) = tensorboard_runs(tmp_path)
    assert (run.name, run.started > 0) == ("a", True)
    assert {name: [take(t) for t in ("last", "max", "min")] for name, take in run.metrics.items()} == {
        "train/epoch_acc": [0.2, 0.3, 0.1],
        "validation/epoch_acc": [0.2, 0.3, 0.1],
    }


def test_a_run_that_the_hparams_plugin_calls_failed(tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed: pip install -e '.[tensorboard]'")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    told = plugin_data_pb2.HParamsPluginData
    start, end = told(), told(session_end_info={"status": api_pb2.STATUS_FAILURE})
    start.session_start_info.hparams["norm"].string_value = "batch"
    start.session_start_info.hparams["amp"].bool_value = True
    start.session_start_info.hparams["depth"].number_value = 4
    writer = EventFileWriter(str(tmp_path))
    for tag, one in (("_hparams_/session_start_info", start), ("_hparams_/session_end_info", end)):
        plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=one.SerializeToString())
        value = Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin))
        writer.add_event(Event(summary=Summary(value=[value])))
    writer.close()
    (run,) = tensorboard_runs(tmp_path)
    assert (run.status, run.settings) == ("failed", {"norm": "batch", "amp": "True", "depth": "4"})


def test_a_folder_without_event_files(tmp_path):
    with pytest.raises(SpecError, match=r"holds no event file \(events.out.tfevents...\); give TensorBoard's --logdir"):
        tensorboard_runs(tmp_path)
    with pytest.raises(SpecError, match=r"tb:.*none: is no folder"):
        tensorboard_runs(tmp_path / "none")
