from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from archsearch.data.augment import augment
from archsearch.spec.augmentations import AnyAugmentation, Crop, Flip, Rotate, Shift

STEPS: list[AnyAugmentation] = [
    Shift(pixels=2),
    Rotate(degrees=20),
    Flip(),
    Flip(direction="vertical"),
    Crop(padding=3),
]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int = 12, channels: int = 2, height: int = 7, width: int = 5) -> torch.Tensor:
    return torch.rand((n, channels, height, width), generator=generator(9))


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.sampled_from(STEPS)), n=st.integers(1, 4), seed=st.integers(0, 99))
def test_augment_keeps_shape_type_and_range_and_repeats(steps: list[AnyAugmentation], n: int, seed: int) -> None:
    x = images(n)
    before = x.clone()
    first = augment(x, tuple(steps), generator(seed))
    assert (first.shape, first.dtype) == (x.shape, torch.float32)
    assert first.min() >= 0
    assert first.max() <= 1 + 1e-6
    assert torch.equal(first, augment(x, tuple(steps), generator(seed)))
    assert torch.equal(x, before)


@pytest.mark.parametrize(("direction", "dimension"), [("horizontal", 3), ("vertical", 2)])
def test_flip_gives_each_image_or_its_mirror(direction: str, dimension: int) -> None:
    x = images(200)
    found = augment(x, (Flip.model_validate({"direction": direction}),), generator())
    mirrored = [torch.equal(a, b) for a, b in zip(found, torch.flip(x, [dimension]), strict=True)]
    same = [torch.equal(a, b) for a, b in zip(found, x, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 70 < sum(mirrored) < 130


@pytest.mark.parametrize("step", [Shift(pixels=2), Crop(padding=2)])
def test_shift_and_crop_are_windows_of_the_padded_image(step: AnyAugmentation) -> None:
    x = images(400)
    found = augment(x, (step,), generator())
    seen = set()
    for image, result in zip(x.numpy(), found.numpy(), strict=True):
        padded = np.pad(image, ((0, 0), (2, 2), (2, 2)))
        windows = {(i, j): padded[:, i : i + 7, j : j + 5] for i in range(5) for j in range(5)}
        (where,) = [place for place, window in windows.items() if np.array_equal(window, result)]
        seen.add(where)
    assert len(seen) == 25


def test_rotate_agrees_with_pillow_on_an_oblong_image() -> None:
    from PIL import Image

    x = torch.zeros(1, 1, 21, 31)
    x[0, 0, 8:13, 8:25] = 1.0
    drawn = float((2 * torch.rand(1, generator=generator(3)) - 1) * 40)
    found = augment(x, (Rotate(degrees=40),), generator(3))[0, 0].numpy()
    pillow = np.asarray(Image.fromarray(x[0, 0].numpy()).rotate(drawn, Image.Resampling.BILINEAR))
    assert abs(drawn) > 5
    np.testing.assert_allclose(found, pillow, atol=0.02)


def test_rotate_stays_within_the_degrees() -> None:
    x = images(50, 1, 9, 9)
    torch.testing.assert_close(augment(x, (Rotate(degrees=1e-4),), generator()), x, atol=1e-4, rtol=0)


def test_augment_without_steps_draws_nothing() -> None:
    x, state = images(), generator()
    assert augment(x, (), state) is x
    assert torch.equal(state.get_state(), generator().get_state())


def test_augment_refuses_what_is_no_batch_of_float_images() -> None:
    with pytest.raises(TypeError, match=r"expected float images \(N, C, H, W\), got torch.uint8 \(2, 1, 3, 3\)"):
        augment(torch.zeros(2, 1, 3, 3, dtype=torch.uint8), (Flip(),), generator())
    with pytest.raises(TypeError, match=r"got torch.float32 \(3, 3\)"):
        augment(torch.zeros(3, 3), (Flip(),), generator())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_augment_on_cuda_makes_the_same_draws() -> None:
    x, steps = images(), tuple(STEPS)
    found = augment(x.cuda(), steps, generator()).cpu()
    torch.testing.assert_close(found, augment(x, steps, generator()), atol=1e-5, rtol=1e-5)
