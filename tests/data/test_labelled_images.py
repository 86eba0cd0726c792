"""Images with a table beside them: several labels of each, numbers, parts, and rows that cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archsearch.data.facts import describe
from archsearch.data.labelled_images import describe_images
from archsearch.data.prepare import load
from archsearch.data.remarks import remarks
from archsearch.errors import SpecError
from archsearch.spec.dataset import DataSpec

pytest.importorskip("polars", reason="polars is not installed: pip install -e '.[tables]'")

COUNT = 10


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for number in range(COUNT):
        pixels = np.full((4, 5, 3), 20 * number, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / ("more" if number > 7 else ".") / f"{number}.png")
    return folder


def names() -> list[str]:
    return [f"{'more/' if number > 7 else ''}{number}.png" for number in range(COUNT)]


def spec_of(photos: Path, header: str, cells: Sequence[str], **options: Any) -> DataSpec:
    lines = [f"{name},{cell}" for name, cell in zip(names(), cells, strict=True)]
    (photos.parent / "labels.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return DataSpec(name="folder", path=str(photos), labels=str(photos.parent / "labels.csv"), **options)


def test_several_labels_in_a_cell_make_a_task_of_labels(photos: Path, data_folder: Path) -> None:
    cells = ["dog|tree", "dog", "", "tree ; boat", "dog", "boat", "boat|dog|tree", "tree", "dog", "boat"]
    data = load(spec := spec_of(photos, "file,tags", cells))
    assert (data.facts.task.name, data.facts.class_names) == ("multilabel", ("boat", "dog", "tree"))
    expected = [[int(label in cell) for label in ("boat", "dog", "tree")] for cell in cells]
    test = [4, 9]
    assert data.y_test.tolist() == [expected[row] for row in test]
    assert data.y_train.tolist() == [expected[row] for row in range(COUNT) if row not in test]
    assert data.x_test[:, 0, 0, 0].tolist() == [80, 180]
    assert remarks(spec) == ["labels of labels.csv: boat, dog, tree", "test part: each fifth row"]
    assert describe_images(spec).files[9] == photos / "more" / "9.png"


def test_a_column_for_each_label_parts_groups_and_an_image_without_a_row(photos: Path, data_folder: Path) -> None:
    cells = [f"{i % 2},{int(i > 3)},{'test' if i > 7 else 'train'},g{i}" for i in range(COUNT)]
    spec = spec_of(photos, "file_name,a,b,split,who", cells, part="split", group="who")
    Image.new("RGB", (5, 4)).save(photos / "stray.png")
    data = load(spec)
    assert data.groups_test is not None
    assert (data.facts.task.name, data.facts.train, data.facts.test) == ("multilabel", 8, 2)
    assert data.y_train.tolist() == [[i % 2, int(i > 3)] for i in range(8)]
    assert [data.facts.group_names[number] for number in data.groups_test.tolist()] == ["g8", "g9"]
    assert remarks(spec)[-1] == "not used: 1 image without a row"


def test_one_label_is_a_class_and_a_number_is_regression(photos: Path, data_folder: Path) -> None:
    classes = load(spec_of(photos, "image,kind", ["cat" if i % 2 else "ant" for i in range(COUNT)], grayscale=True))
    assert (classes.facts.shape, classes.facts.class_names) == ((1, 4, 5), ("ant", "cat"))
    assert classes.y_test.tolist() == [0, 1]
    numbers = load(spec_of(photos, "image,age", [f"{i}.5" for i in range(COUNT)]))
    assert (numbers.facts.task.name, numbers.y_test.tolist()) == ("regression", [[4.5], [9.5]])


def test_changed_row_or_image_is_other_data(photos: Path, data_folder: Path) -> None:
    cells = ["cat" if i % 2 else "ant" for i in range(COUNT)]
    first = load(spec := spec_of(photos, "image,kind", cells)).fingerprint
    assert load(spec).fingerprint == first
    assert load(spec_of(photos, "image,kind", ["cat", *cells[1:]])).fingerprint != first
    Image.new("RGB", (5, 4), (9, 9, 9)).save(photos / "0.png")
    assert load(spec_of(photos, "image,kind", cells)).fingerprint != first


def test_rows_and_columns_that_cannot_be_are_refused_with_their_place(photos: Path) -> None:
    cells = ["cat" if i % 2 else "ant" for i in range(COUNT)]
    spec = spec_of(photos, "image,kind", cells)
    text = (photos.parent / "labels.csv").read_text()
    (photos.parent / "labels.csv").write_text(text.replace("3.png", "33.png").replace("5.png", "4.png"))
    with pytest.raises(
        SpecError, match=r"(?s)labels.csv:5:image: 33.png is no file in .*:7:image: 4.png has a row alr"
    ):
        describe(spec)
    with pytest.raises(SpecError, match=r"labels.csv has no column sort\. There are image, kind"):
        describe(spec_of(photos, "image,kind", cells, target="sort"))
    with pytest.raises(SpecError, match=r"labels.csv:kind: is ant in all 10 rows; there is nothing to learn"):
        describe(spec_of(photos, "image,kind", ["ant"] * COUNT))
    with pytest.raises(SpecError, match=r"labels.csv has no column of labels beside image"):
        describe(spec_of(photos, "image,kind", cells, ignore="kind"))
    with pytest.raises(SpecError, match=r"labels is for your own images \(folder\), and digits has no such"):
        describe(DataSpec(name="digits", labels="labels.csv"))


def test_folders_called_as_parts_are_parts_and_json_lines_are_a_table(photos: Path, data_folder: Path) -> None:
    lines = []
    for number, name in enumerate(names()):
        part = "train" if number < 6 else "validation" if number < 8 else "test"
        (photos / part).mkdir(exist_ok=True)
        (photos / name).rename(photos / part / f"{number}.png")
        lines.append(f'{{"file_name": "{part}/{number}.png", "age": {number}.5}}')
    (photos / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")
    data = load(spec := DataSpec(name="folder", path=str(photos), labels=str(photos / "metadata.jsonl")))
    assert (data.facts.train, data.facts.validation, data.facts.test) == (8, 2, 2)
    assert data.y_train.flatten().tolist() == [number + 0.5 for number in range(8)]
    assert remarks(spec)[1:] == ["validation part: 2 images of its folder, the same for every seed"]
    (photos / "metadata.jsonl").write_text("{nothing", encoding="utf-8")
    with pytest.raises(SpecError, match=r"metadata.jsonl cannot be read as lines of JSON: "):
        describe(spec)
