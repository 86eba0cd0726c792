"""float64 that float32 cannot hold: found where differences are lost, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from archsearch.data.precision import Lost, Narrowing, fallen_together
from archsearch.data.prepare import load
from archsearch.errors import SpecError
from archsearch.spec.dataset import DataSpec

DRAW = np.random.default_rng(0)
N = 400
STAMPS = 1.7e9 + 0.15 * np.arange(N)  # 60 s; float32 has steps of 128 s there


@pytest.mark.parametrize(
    "column",
    [
        DRAW.standard_normal(200_000),  # so many that some do fall together by chance
        DRAW.uniform(0, 1, 200_000) ** 8,
        1e-30 * DRAW.standard_normal(N),
        1.7e9 + 3e7 * DRAW.uniform(size=N),  # a year of seconds: steps of 128 s do not matter
        np.repeat([0.1, 0.2, 0.3], 50) + 1e-16 * DRAW.integers(0, 3, 150),  # one value up to rounding
        np.full(N, 1 / 3),
        2.0**24 + np.arange(0, 800, 2),  # float32 holds these
    ],
    ids=["normal", "skewed", "tiny", "a year", "rounding noise", "constant", "even numbers"],
)
def test_columns_that_float32_holds_are_left_alone(column: Any) -> None:
    assert fallen_together([column[:, None]]) == ()
    narrow = Narrowing(column[:, None]).as_float32(column[:, None])
    np.testing.assert_array_equal(narrow[:, 0], column.astype(np.float32))


def test_columns_that_fall_together_are_found_with_their_numbers() -> None:
    x = np.c_[DRAW.standard_normal(N), STAMPS, 1 + 1e-9 * np.arange(N)]
    assert fallen_together([x]) == (Lost(1, 400, 1), Lost(2, 400, 4))  # 60 s of a step of 128 s; 3.99e-7 of 1.19e-7
    assert fallen_together([x.astype(np.float32)]) == ()
    channels = np.stack([STAMPS, DRAW.standard_normal(N)], axis=-1).reshape(20, 20, 2).transpose(0, 2, 1)
    assert [one.column for one in fallen_together([channels])] == [0]


def test_whole_numbers_beyond_those_of_float64_are_no_rounding_noise() -> None:
    """float64 has steps of 16,384 at 1e20, so that 100,000 more are seven values; float32 has one for all of them."""
    assert fallen_together([np.linspace(1e20, 1e20 + 1e5, N)[:, None]]) == (Lost(0, 7, 1),)


def test_lost_columns_are_standardised_and_the_others_only_rounded() -> None:
    x = np.c_[DRAW.standard_normal(N), STAMPS]
    other = np.c_[DRAW.standard_normal(9), 1.7e9 + np.arange(9.0)]
    narrow = Narrowing(x, other)
    scaler = StandardScaler().fit(x[:, 1:])
    for part in (x, other):
        np.testing.assert_array_equal(narrow.as_float32(part)[:, 0], part[:, 0].astype(np.float32))
        np.testing.assert_allclose(narrow.as_float32(part)[:, 1], scaler.transform(part[:, 1:])[:, 0], rtol=1e-5)


def write(path: Path, x: Any) -> DataSpec:
    y = np.arange(len(x)) % 2
    np.savez(path, x_train=x, y_train=y, x_test=x[:40], y_test=y[:40])
    return DataSpec(name="npz", path=str(path))


def test_npz_with_time_stamps_is_refused_or_normalised(tmp_path: Path, data_folder: Path) -> None:
    spec = write(tmp_path / "t.npz", np.c_[DRAW.standard_normal(N), STAMPS])
    words = r"t.npz: column 1 of x: 400 distinct float64 values become 1 as float32. Set data.normalize: true"
    with pytest.raises(SpecError, match=words) as caught:
        load(spec)
    assert caught.value.loc == ("data", "path")
    data = load(spec.model_copy(update={"normalize": True}))
    assert len(np.unique(data.x_train[:, 1].numpy())) == N


def test_npz_whose_values_no_scale_keeps_apart_is_refused(tmp_path: Path, data_folder: Path) -> None:
    spec = write(tmp_path / "t.npz", np.r_[np.zeros(N), STAMPS][:, None])  # 0 stands for "missing"
    with pytest.raises(SpecError, match=r"column 0 of x: 401 distinct .* Normalising does not keep them apart"):
        load(spec.model_copy(update={"normalize": True}))
