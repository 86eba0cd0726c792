"""Specs for data of one's own: what is decided, that it fits, and that it trains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archsearch.errors import SpecError
from archsearch.experiment_plan import load_plan
from archsearch.init.begin import begin, write_begun
from archsearch.init.first_spec import layers_for, training_for
from archsearch.train.run import run


def _images(folder: Path, count: int, size: tuple[int, int], *, mode: str = "RGB", grow: int = 0) -> None:
    draw = np.random.default_rng(0)
    for place, name in enumerate(("bee", "wasp", "fly")):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = draw.integers(0, 80, (size[0] + grow * number, size[1], 3)).astype(np.uint8)
            pixels[..., place] += 120
            Image.fromarray(pixels).convert(mode).save(folder / name / f"{number}.png")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_images_of_several_sizes_get_one_and_the_spec_trains(here: Path) -> None:
    for part, count in (("train", 10), ("val", 3), ("test", 4)):
        _images(here / "insects" / part, count, (20, 24), grow=1)
    begun = begin(Path("insects"), Path())
    write_begun(begun)
    assert begun.found == ("3 classes, 30 training, 9 validation and 12 test samples of 3x24x24",)
    assert begun.said == (
        "size: [24, 24], because they are from 20x24 to 29x24; a larger size keeps more detail and takes longer",
    )
    assert begun.next == ("archsearch show insects.yaml", "archsearch run insects.yaml")
    plan = load_plan("insects.yaml", ["train.epochs=1", "train.device=cpu"])
    assert (plan.facts.train, plan.facts.validation, plan.facts.test) == (39, 9, 12)
    assert plan.network.output_shape == (3,)
    result = run(plan, seed=0, runs_dir=here / "runs").result
    assert result.status == "completed"
    assert result.test_accuracy in [k / 12 for k in range(13)]


def test_images_of_one_small_size_stay_as_they_are(here: Path) -> None:
    _images(here / "glyphs", 25, (12, 12), mode="L")
    write_begun(begin(Path("glyphs"), Path()))
    plan = load_plan("glyphs.yaml")
    assert plan.spec.data.model_dump(exclude_defaults=True, exclude={"path"}) == {"name": "folder", "validation": 0.1}
    assert plan.facts.shape == (1, 12, 12)


def test_grey_images_among_coloured_ones_make_all_grey(here: Path) -> None:
    _images(here / "mixed", 6, (16, 16))
    first = here / "mixed" / "bee" / "0.png"
    Image.open(first).convert("L").save(first)
    begun = begin(Path("mixed"), Path())
    assert begun.said == ("grayscale, because 1 of 18 images are grey",)
    write_begun(begun)
    assert load_plan("mixed.yaml").facts.shape == (1, 16, 16)


def test_large_images_are_made_small_in_their_own_shape(here: Path) -> None:
    _images(here / "photos", 5, (96, 128))
    begun = begin(Path("photos"), Path())
    assert begun.said == ("size: [48, 64], because all are 96x128; a larger size keeps more detail and takes longer",)


@pytest.mark.parametrize(
    ("shape", "seen", "data"),
    [
        ((13,), (13,), {"normalize": True}),
        ((3, 50), (3, 50), {"normalize": True}),
        ((50, 3), (3, 50), {"normalize": True, "channels": "last"}),
        ((20, 20), (20, 20), {"normalize": True}),
        ((8, 8, 3), (3, 8, 8), {}),
    ],
)
def test_arrays(here: Path, shape: tuple[int, ...], seen: tuple[int, ...], data: dict[str, object]) -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(60, *shape)).astype(np.float32), np.arange(60) % 4
    np.savez(here / "arrays.npz", x_train=x, y_train=y, x_test=x[:20], y_test=y[:20])
    write_begun(begin(Path("arrays.npz"), Path()))
    plan = load_plan("arrays.yaml")
    assert plan.facts.shape == seen
    assert plan.network.output_shape == (4,)
    held = plan.spec.data.model_dump(exclude_defaults=True, exclude={"path"})
    assert held == {"name": "npz", "validation": 0.1, **data}


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 8, 8), (1, 28, 28), (3, 64, 64), (2, 5), (1, 4, 90), (7,), (3, 2, 2)])
def test_layers_fit_every_shape_and_the_outputs_are_the_classes(shape: tuple[int, ...]) -> None:
    """The oracle is torch's own forward."""
    import torch

    from archsearch.spec.experiment import ExperimentSpec
    from archsearch.spec.network import build_network, plan_network

    spec = ExperimentSpec.model_validate(
        {"name": "n", "data": {"name": "digits"}, "network": layers_for(shape), "train": {"epochs": 1}}
    )
    network = build_network(plan_network(spec.network, shape, 5))
    assert tuple(network(torch.zeros(2, *shape)).shape) == (2, 5)


@pytest.mark.parametrize(
    ("samples", "epochs", "batch"), [(60_000, 5, 128), (5_000, 26, 128), (1_500, 40, 128), (90, 40, 8), (17, 40, 7)]
)
def test_training_is_about_a_thousand_steps_and_leaves_no_batch_of_one(samples: int, epochs: int, batch: int) -> None:
    training = training_for(samples)
    assert (training["epochs"], training["batch_size"]) == (epochs, batch)
    assert samples % training["batch_size"] != 1


def test_data_that_cannot_be_read_are_refused_as_everywhere(here: Path) -> None:
    np.savez(here / "bad.npz", x=np.zeros(3))
    with pytest.raises(SpecError, match=r"bad\.npz: holds x; x_train, y_train, x_test, y_test is missing"):
        begin(Path("bad.npz"), Path())
    _images(here / "few", 3, (8, 8))
    with pytest.raises(SpecError, match=r"has 3 images; a test part of 20 % needs 5 of each class"):
        begin(Path("few"), Path())
