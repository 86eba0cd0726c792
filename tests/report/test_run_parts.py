"""What runs show: curves, mistakes, reliability, pictures; and what is said where their files are gone."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import confusion_matrix

from archsearch.data.prepare import load
from archsearch.experiment_plan import load_spec
from archsearch.report.answers.runs import runs_document
from archsearch.report.document import Gallery, Source
from archsearch.report.experiments import KnownRun, grouped, predictions_of, probabilities_of
from archsearch.report.figures.curves import Losses, curves_data, curves_figure
from archsearch.report.figures.drawing import drawn
from archsearch.report.figures.figure import Figure, Missing
from archsearch.report.names import find_named
from archsearch.report.pictures import filters_gallery, mistakes_gallery, png
from archsearch.report.run_parts import run_parts
from archsearch.stats.calibration import reliability_data
from archsearch.stats.confusion import confusion_data
from archsearch.train.directory import RunDirectory
from archsearch.train.result import EpochRecord


@pytest.fixture
def tiny(workshop):
    """Two seeds of one experiment."""
    (group,) = grouped(find_named([str(workshop.folder / "tiny.yaml")], workshop.runs_dir, None).runs)
    return group


def records(accuracies, part="val"):
    return [
        EpochRecord(epoch=n + 1, train_loss=1.0, train_accuracy=0.5, lr=0.1, seconds=1.0, **{f"{part}_accuracy": a})
        for n, a in enumerate(accuracies)
    ]


def test_curves_are_mean_and_range_over_the_seeds_that_reached_an_epoch():
    data = curves_data("accuracy", {0: records([0.5, 0.7, 0.9]), 3: records([0.6, 0.8])})
    assert data.watched.part == "validation"
    assert data.watched.mean == pytest.approx([0.55, 0.75, 0.9])
    assert (data.watched.low, data.watched.high) == ([0.5, 0.7, 0.9], [0.6, 0.8, 0.9])
    assert data.watched.n == [2, 2, 1]
    assert data.watched.by_seed == {0: [0.5, 0.7, 0.9], 3: [0.6, 0.8]}


def test_curves_without_validation_show_the_test_set_and_say_that_it_was_read():
    figure = curves_figure("k", "x", "accuracy", {0: records([0.5, 0.7], "test")})
    assert "so the test set was read after each epoch" in figure.says
    assert [column.title for column in figure.table.columns][:2] == ["epoch", "test mean"]


def losses(values):
    return [
        r.model_copy(update={"metrics": {**r.metrics, "val_loss": loss}})
        for r, loss in zip(records([0.5, 0.7]), values, strict=True)
    ]


def test_curves_of_two_loss_functions_say_which_is_which():
    figure = curves_figure("k", "x", "loss", {0: losses([2.0, 1.5])}, Losses("l1", "cross_entropy"))
    assert "The validation loss is cross_entropy, the training loss is l1: two functions" in figure.says
    assert [column.title for column in figure.table.columns][1::3] == [
        "validation (cross_entropy) mean",
        "training (l1) mean",
        "seeds",
    ]
    picture = drawn(figure)
    assert [trace.name for trace in picture.data] == ["validation (cross_entropy), seed 0", "training (l1), seed 0"]
    assert picture.layout.yaxis.title.text == "validation cross_entropy"


def test_curves_of_one_loss_function_name_no_function():
    figure = curves_figure("k", "x", "loss", {0: losses([2.0, 1.5])}, Losses("cross_entropy", "cross_entropy"))
    assert "cross_entropy" not in figure.says
    assert figure.table.columns[1].title == "validation mean"


def test_a_training_loss_of_scaled_targets_is_in_the_table_and_on_no_axis_with_the_loss_in_their_unit():
    figure = curves_figure(
        "k", "x", "loss", {0: losses([4000.0, 3500.0])}, Losses("mse of scaled targets", "mse", True)
    )
    assert "Dashed" not in figure.says
    assert figure.says.endswith("cannot be compared; the training loss stands in the table.")
    assert [trace.name for trace in drawn(figure).data] == ["validation (mse), seed 0"]
    assert figure.table.rows[1] == (2, 3500.0, 3500.0, 3500.0, 1.0, 1.0, 1.0, 1)


def test_curves_of_a_metric_that_training_does_not_measure_have_their_table_and_speak_of_no_dashes():
    held = [r.model_copy(update={"metrics": {"val_rmse": 60.0 - r.epoch}}) for r in records([0.5, 0.7])]
    figure = curves_figure("k", "x", "rmse", {0: held})
    assert "Dashed" not in figure.says
    assert [trace.name for trace in drawn(figure).data] == ["validation, seed 0"]
    assert figure.table.rows == ((1, 59.0, 59.0, 59.0, 1), (2, 58.0, 58.0, 58.0, 1))


def test_curves_of_an_older_run_of_another_loss_show_training_only_and_say_why():
    figure = curves_figure("k", "x", "loss", {0: losses([None, None])}, Losses("l1", None))
    assert figure.says.startswith("Training loss after each epoch, 1 seed. Validation and test loss are left out")


def test_curves_draw_a_line_per_seed_a_band_and_the_mean():
    figure = curves_figure("k", "x", "accuracy", {0: records([0.5, 0.7]), 1: records([0.6, 0.8])})
    assert "2 seeds; the thick line is their mean, the band reaches from the lowest to the highest" in figure.says
    traces = {trace.name: trace for trace in drawn(figure).data}
    assert tuple(traces["validation, mean"].y) == pytest.approx((0.55, 0.75))
    assert {"seed 0", "seed 1", "lowest to highest", "training, mean"} <= set(traces)
    assert figure.table.rows[1] == (2, pytest.approx(0.75), 0.7, 0.8, 0.5, 0.5, 0.5, 2)


def changed(runs, label, **changes):
    """Give the runs as those of another experiment: `data` is merged into the spec, the rest into the result."""
    data, train = changes.pop("data", {}), changes.pop("train", {})
    given = []
    for one in runs:
        spec = one.result.spec | {"name": label, "data": one.result.spec["data"] | data}
        spec |= {"train": spec["train"] | train}
        update = {"spec": spec, "name": label, "run_id": f"{label}{one.result.seed}", **changes}
        given.append(replace(one, result=one.result.model_copy(update=update)))
    return given


def test_report_says_in_one_sentence_that_the_test_set_was_watched(tiny):
    source = Source(command="archsearch report", made="Written.")
    watched = changed(tiny.runs, "watched", data={"validation": 0}, test_reads=2)
    said = runs_document(watched, (), source).answer[-1]
    assert said.startswith("No validation data are held out and the test set is read after every epoch: what is chosen")
    both = runs_document([*tiny.runs, *watched], (), source).answer
    assert [line for line in both if "held out" in line] == ["watched: n" + said[1:]]
    assert not any("held out" in line for line in runs_document(tiny.runs, (), source).answer)


def test_report_says_of_which_runs_labels_were_made_wrong(tiny):
    source = Source(command="archsearch report", made="Written.")
    noisy = changed(tiny.runs, "noisy", train={"label_noise": 0.25})
    said = "25 % of the training labels are made wrong on purpose (train.label_noise)."
    assert runs_document(noisy, (), source).answer[-1] == said
    both = runs_document([*tiny.runs, *noisy], (), source).answer
    assert [line for line in both if "wrong" in line] == [f"noisy: {said}"]
    assert not any("wrong" in line for line in runs_document(tiny.runs, (), source).answer)


def test_experiments_that_are_tested_on_different_data_are_not_compared(tiny):
    source = Source(command="archsearch report", made="Written.")
    few = changed(tiny.runs, "few", data={"limit": 10})
    head = "2 experiments; which of them is best was not tested: they are tested on different data"
    assert runs_document([*tiny.runs, *few], (), source).answer[0].startswith(head)
    other = changed(tiny.runs, "other", data={"normalize": True})
    other = [replace(one, result=one.result.model_copy(update={"seed": one.result.seed + 9})) for one in other]
    alone = runs_document([*tiny.runs, *other], (), source).answer[0]
    assert alone.endswith("was not tested: they do not share at least two seeds.")


def test_confusion_is_sklearns():
    generator = np.random.default_rng(0)
    labels, predicted = generator.integers(0, 4, 200), generator.integers(0, 4, 200)
    data = confusion_data(labels, predicted, "abcd")
    assert data.counts.tolist() == confusion_matrix(labels, predicted).tolist()


def test_reliability_of_a_worked_case():
    """Ten sure at 0.95, nine of them right; four at 0.6, one right: ECE = (10 * 0.05 + 4 * 0.35) / 14."""
    sure = np.array([[0.95, 0.05]] * 10 + [[0.4, 0.6]] * 4)
    labels = np.array([0] * 9 + [1] + [1] + [0] * 3)
    data = reliability_data(sure, labels)
    assert data.counts == [4, 10]
    assert data.accuracy == [0.25, 0.9]
    assert data.confidence == pytest.approx([0.6, 0.95])
    assert data.ece == pytest.approx((10 * 0.05 + 4 * 0.35) / 14)
    assert data.interval[1] == pytest.approx((0.5958, 0.9821), abs=1e-4)  # Wilson, 9 of 10


@pytest.mark.parametrize(
    ("last", "loss", "outputs", "expected"),
    [
        ({"softmax": {}}, {"cross_entropy": {}}, [[0.2, 0.8]], [[0.2, 0.8]]),
        ({"log_softmax": {}}, {"nll": {}}, np.log([[0.2, 0.8]]), [[0.2, 0.8]]),
        ({"linear": {}}, {"cross_entropy": {}}, [[0.0, np.log(3.0)]], [[0.25, 0.75]]),
        ({"linear": {}}, {"mse": {}}, [[0.2, 0.8]], None),
    ],
)
def test_probabilities_follow_the_last_layer_and_the_loss(last, loss, outputs, expected):
    found, _ = probabilities_of(np.array(outputs), {"network": [{"flatten": {}}, last], "train": {"loss": loss}})
    assert expected is None if found is None else found == pytest.approx(np.array(expected))


def test_runs_with_their_files_show_everything(tiny, data_dir):
    parts = {part.key: part for part in run_parts(tiny, data_dir)}
    assert list(parts) == [
        f"tiny-{name}" for name in ("accuracy", "loss", "confusion", "reliability", "mistakes", "filters")
    ]
    assert all(isinstance(parts[f"tiny-{name}"], Figure) for name in ("accuracy", "loss", "confusion", "reliability"))
    assert isinstance(parts["tiny-filters"], Gallery)
    outputs, labels = [], []
    for one in tiny.runs:
        arrays = np.load(one.directory / "predictions.npz")
        outputs.append(arrays["test_outputs"])
        labels.append(arrays["test_labels"])
    wrong = int((np.concatenate(outputs).argmax(1) != np.concatenate(labels)).sum())
    total = sum(map(len, labels))
    assert parts["tiny-confusion"].says.startswith(
        f"{wrong:,} of {total:,} test predictions are wrong ({len(labels)} runs together)"
    )


def test_mistakes_are_the_samples_that_were_wrong_surest_first(tiny, workshop):
    run = tiny.runs[0]
    gallery = mistakes_gallery("k", "tiny", run, workshop.data_dir)
    held = predictions_of(run)
    dataset = load(load_spec(str(workshop.folder / "tiny.yaml")).data, data_dir=workshop.data_dir)
    shares = [row[3] for row in gallery.table.rows]
    assert shares == sorted(shares, reverse=True)
    for (index, true, taken, share), picture in zip(gallery.table.rows, gallery.pictures, strict=True):
        assert (true, taken) == (str(held.labels[index]), str(held.probabilities[index].argmax()))
        assert true != taken
        assert share == pytest.approx(held.probabilities[index].max())
        assert true == str(int(dataset.y_test[index]))
        pixels = np.asarray(Image.open(io.BytesIO(picture.png)))
        expected = dataset.x_test[index].numpy()[0]
        assert pixels.shape == expected.shape


def test_filters_are_the_kept_weights(tiny):
    gallery = filters_gallery("k", "tiny", tiny.runs[0])
    weights = RunDirectory(tiny.runs[0].directory).weights()["conv1.weight"].numpy()
    assert len(gallery.pictures) == len(weights) == 4
    for row, weight in zip(gallery.table.rows, weights, strict=True):
        assert row[1:] == pytest.approx((weight.min(), weight.max(), np.linalg.norm(weight)))
    strongest = np.unravel_index(np.abs(weights).argmax(), weights.shape)
    pixels = np.asarray(Image.open(io.BytesIO(gallery.pictures[strongest[0]].png)))
    full = (230, 159, 0) if weights[strongest] > 0 else (0, 114, 178)
    assert tuple(pixels[strongest[2], strongest[3]]) == full


def test_png_is_small_and_the_same_for_the_same_image():
    image = np.arange(3 * 300 * 200, dtype=np.float32).reshape(3, 300, 200)
    content = png(image)
    assert content == png(image)
    assert Image.open(io.BytesIO(content)).size == (43, 64)


def test_run_whose_directory_is_gone_keeps_its_curves_and_says_what_is_missing(tiny, data_dir):
    gone = [KnownRun(run.result, None, "the run directory runs/x is not there") for run in tiny.runs]
    (group,) = grouped(gone)
    accuracy, loss, *rest = run_parts(group, data_dir)
    assert (type(accuracy), type(loss)) == (Figure, Figure)
    assert {type(part) for part in rest} == {Missing}
    assert {part.why for part in rest} == {"the run directory runs/x is not there"}


def test_single_missing_files_and_other_data_are_named(tiny, workshop, tmp_path):
    run = tiny.runs[0]
    copy = tmp_path / run.directory.name
    shutil.copytree(run.directory, copy)
    (copy / "model.safetensors").unlink()
    alone = KnownRun(run.result, copy)
    assert filters_gallery("k", "tiny", alone).why == f"{copy / 'model.safetensors'} is gone"
    (copy / "predictions.npz").write_bytes(b"nothing")
    assert "cannot be read" in predictions_of(alone)
    other = KnownRun(run.result.model_copy(update={"data_fingerprint": "0" * 64}), run.directory)
    missing = mistakes_gallery("k", "tiny", other, workshop.data_dir)
    assert missing.why == "the data set in the data folder is not the one that the run was made with"


def test_runs_of_one_experiment_are_one_group_in_order_of_seeds(workshop):
    names = [str(workshop.folder / f"{name}.yaml") for name in ("wider", "tiny")]
    groups = grouped(find_named(names, workshop.runs_dir, None).runs)
    assert [group.label for group in groups] == ["wider", "tiny"]
    assert [run.result.seed for run in groups[0].runs] == [0, 1]
    same_name = [KnownRun(run.result.model_copy(update={"name": "x"}), None) for group in groups for run in group.runs]
    assert [group.label for group in grouped(same_name)] == ["x", "x (2)"]
