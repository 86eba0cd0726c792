"""Whole numbers for embeddings: what a file, tensors and other samples must hold, and where what is wrong stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archsearch.data.whole import column_ranges, embedding_faults, tensor_faults
from archsearch.errors import SpecError
from archsearch.experiment_plan import load_plan, must_be_embeddable
from archsearch.spec.dataset import DataSpec
from archsearch.spec.embedded import EmbeddedValues

SEVEN = EmbeddedValues("embed1", "embedding", 7, None, ("network", 0))
SPEC = """\
name: words
data: {name: npz, path: words.npz%s}
network:
  - embedding: {num_embeddings: %d, embedding_dim: 4}
  - lstm: {hidden_size: 5}
  - linear: {out_features: classes}
train: {epochs: 1, batch_size: 10}
"""


def write(folder: Path, x: Any, more: str = "", count: int = 7) -> Path:
    y = np.arange(len(x)) % 2
    np.savez(folder / "words.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    (folder / "words.yaml").write_text(SPEC % (more, count), encoding="utf-8")
    return folder / "words.yaml"


@pytest.fixture
def words() -> Any:
    return np.random.default_rng(0).integers(0, 7, (40, 6)).astype(np.float32)


def test_file_of_whole_numbers_is_embedded(tmp_path: Path, words: Any) -> None:
    plan = load_plan(str(write(tmp_path, words)))
    # 7 * 4 of the embedding, 4 * 5 * (4 + 5) + 2 * 20 of the lstm, 5 * 2 + 2
    assert (plan.facts.shape, plan.network.parameters) == ((6,), 28 + 220 + 12)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ((3, 2), 1.5, "x_train has 1.5 in row 3, column 2, which is not whole"),
        ((3, 2), 7, "x_train has 7 in row 3, column 2, which is not one of 0 to 6"),
        ((39, 0), -1, "x_train has -1 in row 39, column 0, which is not one of 0 to 6"),
    ],
)
def test_value_that_cannot_be_embedded_is_told_with_row_column_and_line(
    tmp_path: Path, words: Any, place: tuple[int, int], value: float, message: str
) -> None:
    words[place] = value
    path = write(tmp_path, words)
    wanted = re.escape(f"words.yaml:4:5: embed1 (embedding): {message}. An embedding reads whole numbers, stored as")
    with pytest.raises(SpecError, match=wanted):
        load_plan(str(path))


def test_bytes_and_normalised_values_are_no_whole_numbers(tmp_path: Path, words: Any) -> None:
    path = write(tmp_path, words.astype(np.uint8))
    with pytest.raises(
        SpecError, match=r"npz holds 0 to 255 as uint8, which means value / 255: numbers between 0 and 1"
    ):
        load_plan(str(path))
    path = write(tmp_path, words, ", normalize: true")
    with pytest.raises(
        SpecError, match=r"words.yaml:2:.*reads whole numbers, and data.normalize changes them; remove it"
    ):
        load_plan(str(path))


def test_images_are_no_whole_numbers() -> None:
    assert list(embedding_faults(DataSpec(name="mnist"), SEVEN)) == [
        "mnist holds 0 to 255 as uint8, which means value / 255: numbers between 0 and 1"
    ]


def test_file_that_changes_is_read_again(tmp_path: Path, words: Any) -> None:
    path = write(tmp_path, words)
    load_plan(str(path))
    words[0, 0] = 8
    write(tmp_path, np.concatenate([words, words]))
    with pytest.raises(SpecError, match="x_train has 8 in row 0, column 0"):
        load_plan(str(path))


def test_only_the_columns_that_are_embedded_are_looked_at() -> None:
    x = torch.tensor([[0.5, 3.0], [0.25, 9.0]])
    of_second = EmbeddedValues("embed1", "embedding", 10, (1,), ())
    assert list(tensor_faults({"x": x}, of_second)) == []
    assert list(tensor_faults({"x": x}, SEVEN)) == ["x has 0.5 in row 0, column 0, which is not whole"]
    assert column_ranges("x", x[:, 1:]).fault(SEVEN) == "x has 9 in row 1, column 0, which is not one of 0 to 6"


def test_samples_for_a_trained_network_are_looked_at_too(tmp_path: Path, words: Any) -> None:
    plan = load_plan(str(write(tmp_path, words)))
    must_be_embeddable(plan.network, {"x": torch.from_numpy(words)})
    with pytest.raises(
        SpecError, match=r"^embed1 \(embedding\): x has 12 in row 1, column 5, which is not one of 0 to 6\."
    ):
        must_be_embeddable(plan.network, {"x": torch.tensor([[0.0] * 6, [0.0] * 5 + [12.0]])})
