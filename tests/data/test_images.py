"""Transparency, EXIF and frames: the values of an image are those that a viewer would show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from archsearch.data.facts import describe
from archsearch.data.images import decode, height_and_width, look
from archsearch.data.prepare import load
from archsearch.data.remarks import remarks
from archsearch.errors import SpecError
from archsearch.spec.dataset import DataSpec

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
DRAW = np.random.default_rng(5)
COLOUR = DRAW.integers(0, 256, (4, 6, 3), dtype=np.uint8)
GREY = DRAW.integers(0, 256, (4, 6), dtype=np.uint8)
ALPHA = DRAW.integers(0, 256, (4, 6), dtype=np.uint8)


def laid_on(values: np.ndarray[Any, Any], alpha: np.ndarray[Any, Any], ground: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """The arithmetic of "over" (Porter & Duff 1984) on an opaque ground, unrounded."""
    share = alpha[..., None] / 255
    return share * values + (1 - share) * np.array(ground)


@pytest.mark.parametrize("ground", [WHITE, BLACK, (200, 100, 50)])
@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_transparent_colours_are_laid_on_the_ground(tmp_path: Path, ground: tuple[int, int, int], ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    Image.fromarray(np.dstack([COLOUR, ALPHA])).save(
        path, **({"lossless": True, "exact": True} if ending == "webp" else {})
    )
    expected = laid_on(COLOUR, ALPHA, ground).transpose(2, 0, 1)
    assert np.abs(decode(path, grey=False, ground=ground).numpy() - expected).max() <= 1
    assert look(path).transparent


@pytest.mark.parametrize("ground", [WHITE, BLACK, (90, 90, 90)])
def test_transparent_grey_stays_grey(tmp_path: Path, ground: tuple[int, int, int]) -> None:
    Image.fromarray(np.dstack([GREY, ALPHA])).save(tmp_path / "a.png")
    expected = laid_on(GREY[..., None], ALPHA, ground[:1]).transpose(2, 0, 1)
    assert np.abs(decode(tmp_path / "a.png", grey=True, ground=ground).numpy() - expected).max() <= 1
    assert (look(tmp_path / "a.png").grey, look(tmp_path / "a.png").transparent) == (True, True)


def test_transparent_entry_of_a_palette_shows_the_ground(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1], [2, 1]], dtype=np.uint8), mode=None).convert("P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    for name in ("a.png", "a.gif"):
        image.save(tmp_path / name, transparency=1)
        found = decode(tmp_path / name, grey=False, ground=(1, 2, 3)).permute(1, 2, 0).tolist()
        assert found == [[[10, 20, 30], [1, 2, 3]], [[70, 80, 90], [1, 2, 3]]], name


def test_transparent_colour_key_shows_the_ground(tmp_path: Path) -> None:
    Image.fromarray(np.array([[5, 9]], dtype=np.uint8)).save(tmp_path / "grey.png", transparency=9)
    assert decode(tmp_path / "grey.png", grey=True, ground=WHITE).tolist() == [[[5, 255]]]
    Image.fromarray(np.array([[[5, 6, 7], [8, 9, 10]]], dtype=np.uint8)).save(
        tmp_path / "rgb.png", transparency=(8, 9, 10)
    )
    assert decode(tmp_path / "rgb.png", grey=False, ground=WHITE).permute(1, 2, 0).tolist() == [[[5, 6, 7], [255] * 3]]


def test_opaque_alpha_changes_nothing(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([COLOUR, np.full((4, 6), 255, np.uint8)])).save(tmp_path / "a.png")
    np.testing.assert_array_equal(
        decode(tmp_path / "a.png", grey=False, ground=BLACK).numpy().transpose(1, 2, 0), COLOUR
    )


# What a viewer does for each EXIF orientation (EXIF 2.32, tag 0x0112).
TURNS: dict[int, Callable[[Any], Any]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}


@pytest.mark.parametrize("ending", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", TURNS)
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(COLOUR).save(path, exif=exif, **({"lossless": True} if ending == "webp" else {}))
    shown = TURNS[orientation](COLOUR)
    np.testing.assert_array_equal(decode(path, grey=False, ground=WHITE).numpy().transpose(1, 2, 0), shown)
    assert height_and_width(path) == shown.shape[:2]
    assert look(path).turned == (orientation != 1)


@pytest.mark.parametrize("ending", ["tif", "gif", "png"])
def test_first_of_several_frames_is_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    first, second = Image.fromarray(GREY), Image.fromarray(255 - GREY)
    first.save(path, save_all=True, append_images=[second])
    assert look(path).several_frames
    np.testing.assert_array_equal(decode(path, grey=False, ground=WHITE).numpy(), np.stack([GREY] * 3))


def icons(folder: Path, colour: int = 0) -> Path:
    """Ten icons whose colour is the same everywhere: what they show is in their transparency."""
    for name in "ab":
        for n in range(5):
            alpha = np.zeros((4, 4), np.uint8)
            alpha[n % 4, : 1 if name == "a" else 3] = 255
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.dstack([np.full((4, 4, 3), colour, np.uint8), alpha])).save(folder / name / f"{n}.png")
    return folder


def test_icons_drawn_in_alpha_are_seen_and_the_ground_can_be_chosen(tmp_path: Path, data_folder: Path) -> None:
    spec = DataSpec(name="folder", path=str(icons(tmp_path / "icons")))
    data = load(spec)
    assert data.x_train[0, 0].tolist() == [[0, 255, 255, 255]] + [[255] * 4] * 3
    assert remarks(spec) == ["10 of 10 images have transparency and are laid on white (data.background)"]
    grey = spec.model_copy(update={"background": (100, 100, 100)})
    assert load(grey).x_train[0, 0].tolist() == [[0, 100, 100, 100]] + [[100] * 4] * 3
    assert remarks(grey) == ["10 of 10 images have transparency and are laid on 100 (data.background)"]


def test_images_that_are_all_alike_are_refused(tmp_path: Path, data_folder: Path) -> None:
    spec = DataSpec(name="folder", path=str(icons(tmp_path / "icons")), background=BLACK)
    with pytest.raises(SpecError, match=r"folder: all 8 training samples are the same: .* Set data.background"):
        load(spec)
    assert list((data_folder / "prepared").iterdir()) == []


def test_background_that_does_nothing_or_cannot_be_is_refused(tmp_path: Path) -> None:
    for name in "ab":
        for n in range(5):
            (tmp_path / "own" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.dstack([GREY, ALPHA]) if n == 3 else GREY + n).save(tmp_path / "own" / name / f"{n}.png")
    spec = DataSpec(name="folder", path=str(tmp_path / "own"), background=(9, 9, 9))
    assert describe(spec).shape == (1, 4, 6)
    with pytest.raises(SpecError, match=r"background \[1, 2, 3\] is coloured, and the images in .* are grey") as caught:
        describe(spec.model_copy(update={"background": (1, 2, 3)}))
    assert caught.value.loc == ("data", "background")
    for name in "ab":
        (tmp_path / "own" / name / "3.png").unlink()
        Image.fromarray(GREY).save(tmp_path / "own" / name / "3.png")
    with pytest.raises(SpecError, match=r"background does nothing: no image in .* has transparency. Remove it"):
        describe(spec)
    with pytest.raises(SpecError, match=r"background is for your own images \(folder\), and digits has no such"):
        describe(DataSpec(name="digits", background=WHITE))


def test_sizes_after_turning_are_compared(tmp_path: Path, data_folder: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in "ab":
        for n in range(5):
            (tmp_path / "own" / name).mkdir(parents=True, exist_ok=True)
            pixels = DRAW.integers(0, 256, (4, 6, 3), dtype=np.uint8)
            turned = n % 2 == 0  # every other photograph was taken upright: stored lying, with a note
            image = Image.fromarray(pixels if turned else np.rot90(pixels, -1))
            image.save(tmp_path / "own" / name / f"{n}.png", exif=exif if turned else Image.Exif())
    spec = DataSpec(name="folder", path=str(tmp_path / "own"))
    assert describe(spec).shape == (3, 6, 4)
    assert load(spec).x_train.shape == torch.Size((8, 3, 6, 4))
    assert remarks(spec) == ["6 of 10 images are turned as their EXIF orientation says"]
