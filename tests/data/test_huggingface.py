"""Data sets of Hugging Face on disk: what `datasets` itself writes and reads, files by hand, and what is refused."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from archsearch.data.facts import describe
from archsearch.data.huggingface.described import describe_dataset
from archsearch.data.huggingface.layout import find_layout
from archsearch.data.huggingface.source import split_source
from archsearch.data.huggingface.stored import StoredRows
from archsearch.data.prepare import load
from archsearch.data.remarks import remarks
from archsearch.errors import DamagedFileError, SpecError
from archsearch.spec.dataset import DataSpec

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install -e '.[huggingface]'")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: pip install -e '.[huggingface]'")
pytest.importorskip("polars", reason="polars is not installed: pip install -e '.[huggingface]'")

NAMES = ["zebra", "ant", "cow"]  # not in the order of the alphabet
CLASSES = {"names": NAMES, "_type": "ClassLabel"}


def png(level: int, mode: str = "RGB") -> bytes:
    pixels = np.full((4, 5) if mode == "L" else (4, 5, 3), level, dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def written(path: Path, columns: Mapping[str, Any], features: Mapping[str, Any] | None = None) -> None:
    """Write a table as `datasets` does, with what it says of the columns: Parquet, or Arrow by its ending."""
    table = pa.table(dict(columns))
    if features is not None:
        held = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": held})
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=4)
        return
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as out:
        out.write_table(table, max_chunksize=4)


def saved(path: Path, splits: Mapping[str, Mapping[str, Any]], features: Mapping[str, Any]) -> Path:
    path.mkdir()
    (path / "dataset_dict.json").write_text(json.dumps({"splits": list(splits)}))
    for name, columns in splits.items():
        written(path / name / "data-00000-of-00001.arrow", columns, features)
        state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_split": name}
        (path / name / "state.json").write_text(json.dumps(state))
    return path


def images(count: int, first: int = 0) -> dict[str, Any]:
    return {
        "image": [{"bytes": png(first + number), "path": None} for number in range(count)],
        "labels": [number % 3 for number in range(count)],
    }


FEATURES = {"image": {"_type": "Image"}, "labels": CLASSES}


def spec_of(path: Path, **options: Any) -> DataSpec:
    return DataSpec(name="huggingface", path=str(path), **options)


# -- what `datasets` writes, against what it reads ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def library() -> Any:
    return pytest.importorskip("datasets", reason="datasets is not installed: pip install datasets")


@pytest.fixture(scope="module")
def beans(library: Any) -> Any:
    features = library.Features(
        image=library.Image(), labels=library.ClassLabel(names=NAMES), grid=library.Array2D((3, 4), "float32"),
        tags=library.Sequence(library.ClassLabel(names=["a", "b"])), who=library.Value("string"),
    )  # fmt: skip

    def some(count: int, seed: int) -> Any:
        draw = np.random.default_rng(seed)
        columns = {
            "image": [Image.fromarray(draw.integers(0, 256, (4, 5, 3), dtype=np.uint8)) for _ in range(count)],
            "labels": [(number + seed) % 3 for number in range(count)],
            "grid": [draw.random((3, 4), dtype=np.float32) for _ in range(count)],
            "tags": [[0, 1][: number % 3] for number in range(count)],
            "who": [f"p{number // 2}{seed}" for number in range(count)],
        }
        return library.Dataset.from_dict(columns, features=features)

    return library.DatasetDict(train=some(12, 0), validation=some(6, 1), test=some(6, 2))


@pytest.fixture(scope="module", params=["saved", "parquet"])
def beans_folder(request: Any, beans: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param) / "beans"
    if request.param == "saved":
        beans.save_to_disk(folder, num_shards={"train": 3, "validation": 1, "test": 1})
        return folder
    (folder / "data").mkdir(parents=True)
    for split, some in beans.items():
        some.to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
    return folder


def test_images_and_classes_are_those_that_datasets_reads(beans_folder: Path, beans: Any, data_folder: Path) -> None:
    data = load(spec := spec_of(beans_folder))
    own = [*beans["train"], *beans["validation"]]
    expected = torch.from_numpy(np.stack([np.asarray(row["image"]) for row in own])).permute(0, 3, 1, 2)
    assert torch.equal(data.x_train, expected)
    assert data.y_train.tolist() == [row["labels"] for row in own]
    assert data.y_test.tolist() == beans["test"]["labels"]
    assert data.facts.class_names == tuple(NAMES)
    assert (data.facts.train, data.facts.validation, data.facts.test) == (18, 6, 6)
    assert remarks(spec) == [
        "rows of each split: train 12, validation 6, test 6",
        "input image; classes of labels: zebra, ant, cow",
        "validation part: 6 rows of split, the same for every seed",
        "not used: columns grid, tags, who",
    ]


def test_arrays_labels_and_groups_are_those_that_datasets_reads(
    beans_folder: Path, beans: Any, data_folder: Path
) -> None:
    data = load(spec_of(beans_folder, input="grid", target="tags", group="who"))
    own = [*beans["train"], *beans["validation"]]
    assert torch.equal(data.x_train, torch.tensor([row["grid"] for row in own]))
    assert (data.facts.task.name, data.facts.class_names, data.facts.shape) == ("multilabel", ("a", "b"), (3, 4))
    assert data.y_train.tolist() == [[int(label in row["tags"]) for label in (0, 1)] for row in own]
    assert data.groups_test is not None
    assert [data.facts.group_names[number] for number in data.groups_test.tolist()] == beans["test"]["who"]


def test_one_split_alone_is_divided_as_tables_are(library: Any, data_folder: Path, tmp_path: Path) -> None:
    columns = {"x": [[float(number)] for number in range(15)], "y": [number % 3 for number in range(15)]}
    features = library.Features(
        x=library.Sequence(library.Value("float32"), length=1), y=library.ClassLabel(names=NAMES)
    )
    library.Dataset.from_dict(columns, features=features).save_to_disk(tmp_path / "one")
    data = load(spec := spec_of(tmp_path / "one"))
    assert data.x_test.flatten().tolist() == [12, 13, 14]  # the fifth of each class
    assert remarks(spec)[2] == "test part: each fifth row"
    folds = [load(spec_of(tmp_path / "one", fold={"of": 5, "number": number})).y_test.tolist() for number in range(5)]
    assert [sorted(fold) for fold in folds] == [[0, 1, 2]] * 5  # all samples are divided: the test part was drawn


# -- files by hand -----------------------------------------------------------------------------------------------------


def test_columns_that_are_no_images_and_no_arrays_are_a_table(tmp_path: Path, data_folder: Path) -> None:
    columns = {
        "size": [float(number) for number in range(10)],
        "kind": ["x" if number % 2 else "y" for number in range(10)],
        "labels": [number % 3 for number in range(10)],
        "count": [1 if number > 4 else 0 for number in range(10)],
    }
    folder = saved(tmp_path / "rows", {"train": columns, "test": columns}, {"labels": CLASSES})
    with pytest.raises(
        SpecError, match=r"say which column of .*rows is to be predicted: data\.target\. There are size "
    ):
        describe(spec_of(folder))
    data = load(spec := spec_of(folder, target="labels", categorical="count"))
    assert data.x_train[:2].tolist() == [[0, 0, 1, 1, 0], [1, 1, 0, 1, 0]]
    assert (data.facts.class_names, data.y_train[:4].tolist()) == (tuple(NAMES), [0, 1, 2, 0])
    described = describe_dataset(spec)
    assert described.rows is not None
    assert [column.name for column in described.rows.columns] == ["size", "kind", "count"]


def test_images_with_a_metadata_file_for_each_split(tmp_path: Path, data_folder: Path) -> None:
    for split, levels in {"train": range(6), "test": range(6, 9)}.items():
        (tmp_path / "photos" / split / "more").mkdir(parents=True)
        lines = [{"file_name": f"more/{level}.png", "age": level + 0.5, "kind": "ab"[level % 2]} for level in levels]
        for level in levels:
            (tmp_path / "photos" / split / "more" / f"{level}.png").write_bytes(png(level))
        text = "\n".join(json.dumps(line) for line in lines) + "\n"
        (tmp_path / "photos" / split / "metadata.jsonl").write_text(text)
    data = load(spec_of(tmp_path / "photos", target="age"))
    assert (data.facts.task.name, data.y_test.flatten().tolist()) == ("regression", [6.5, 7.5, 8.5])
    assert data.x_test[:, 0, 0, 0].tolist() == [6, 7, 8]
    classes = load(spec_of(tmp_path / "photos", target="kind", grayscale=True, size=(2, 2)))
    assert (classes.facts.class_names, classes.facts.shape) == (("a", "b"), (1, 2, 2))
    (tmp_path / "photos" / "test" / "more" / "7.png").unlink()
    with pytest.raises(SpecError, match=r"photos/test/metadata\.jsonl:row 2:file_name: more/7\.png is no file in "):
        describe(spec_of(tmp_path / "photos", target="kind"))


def test_images_in_a_folder_for_each_class_of_each_split(tmp_path: Path, data_folder: Path) -> None:
    for split in ("train", "validation", "test"):
        for number, name in enumerate(("ant", "bee")):
            (tmp_path / "icons" / split / name).mkdir(parents=True)
            for level in (1, 2):
                (tmp_path / "icons" / split / name / f"{level}.png").write_bytes(png(100 * number + level, "L"))
    data = load(spec := spec_of(tmp_path / "icons"))
    assert (data.facts.class_names, data.facts.shape, data.facts.validation) == (("ant", "bee"), (1, 4, 5), 4)
    assert (data.y_test.tolist(), data.x_test[:, 0, 0, 0].tolist()) == ([0, 0, 1, 1], [1, 2, 101, 102])
    assert find_layout(Path(spec.path or "")).form == "images"


def test_splits_of_other_names_are_said(tmp_path: Path, data_folder: Path) -> None:
    folder = saved(tmp_path / "d", {"train": images(15), "dev": images(3, 50), "hard": images(3, 80)}, FEATURES)
    with pytest.raises(SpecError, match=r"no split called test\. There are train, dev, hard; say which are .*splits: "):
        describe(spec_of(folder))
    data = load(spec := spec_of(folder, splits={"train": "train", "test": "hard"}))
    assert data.x_test[:, 0, 0, 0].tolist() == [80, 81, 82]
    assert remarks(spec)[-1] == "not used: split dev"
    with pytest.raises(SpecError, match=r"d has no split easy\. There are train, dev, hard\."):
        describe(spec_of(folder, splits={"train": "easy"}))
    whole = load(spec_of(folder, splits={"train": "train"}))
    assert (whole.facts.train, whole.facts.test) == (12, 3)


def test_a_split_whose_labels_are_kept_back_is_named(tmp_path: Path, data_folder: Path) -> None:
    hidden = images(3) | {"labels": [-1, -1, -1]}
    folder = saved(tmp_path / "d", {"train": images(9), "validation": images(3), "test": hidden}, FEATURES)
    with pytest.raises(SpecError, match=r"no row of the split test has a labels.*\{train: train, test: validation\}"):
        describe(spec_of(folder))
    assert describe(spec_of(folder, splits={"train": "train", "test": "validation"})).test == 3
    wrong = images(3) | {"labels": [0, 7, 1]}
    folder = saved(tmp_path / "e", {"train": images(9), "test": wrong}, FEATURES)
    with pytest.raises(SpecError, match=r"e:test row 2:labels: 7 is no class; there are 3, from 0 to 2"):
        describe(spec_of(folder))


def test_parquet_files_are_sorted_by_split_and_configuration(tmp_path: Path, data_folder: Path) -> None:
    written(tmp_path / "hub" / "en" / "train" / "0000.parquet", images(6), FEATURES)
    written(tmp_path / "hub" / "en" / "train" / "0001.parquet", images(3, 6), FEATURES)
    written(tmp_path / "hub" / "en" / "test" / "0000.parquet", images(3, 20), FEATURES)
    data = load(spec_of(tmp_path / "hub"))
    assert data.x_train[:, 0, 0, 0].tolist() == list(range(9))
    written(tmp_path / "hub" / "de" / "test-00000-of-00001.parquet", images(3), FEATURES)
    with pytest.raises(SpecError, match=r"hub: has several configurations: de, en; name one: path: hub/de"):
        describe(spec_of(tmp_path / "hub"))
    rows = StoredRows([tmp_path / "hub" / "en" / "train" / f"000{number}.parquet" for number in (0, 1)])
    assert (len(rows), rows.cell("image", 7)["bytes"]) == (9, png(7))


# -- refused -----------------------------------------------------------------------------------------------------------


def test_a_loading_script_is_not_executed(tmp_path: Path, data_folder: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "old.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(
        SpecError, match=r"holds a loading script \(old\.py\) and no data; it is code and is not executed"
    ):
        describe(spec_of(tmp_path / "old"))
    assert not (tmp_path / "ran").exists()


def test_an_image_outside_of_the_folder_is_not_read(tmp_path: Path, data_folder: Path) -> None:
    (tmp_path / "secret.png").write_bytes(png(1))
    columns = images(6)
    columns["image"][4] = {"bytes": None, "path": "../secret.png"}
    folder = saved(tmp_path / "d", {"train": columns, "test": images(3)}, FEATURES)
    with pytest.raises(DamagedFileError, match=r"d:train row 5 cannot be read as an image .* outside of the folder"):
        load(spec_of(folder))


def test_what_must_be_said_and_what_does_not_go_together(tmp_path: Path, data_folder: Path) -> None:
    two = images(9) | {"mask": [{"bytes": png(0), "path": None}] * 9, "fine": [number % 2 for number in range(9)]}
    features = FEATURES | {"mask": {"_type": "Image"}, "fine": {"names": ["p", "q"], "_type": "ClassLabel"}}
    folder = saved(tmp_path / "d", {"train": two, "test": two}, features)
    there = r"There are image \(image\), labels \(3 classes\), mask \(image\), fine \(2 classes\)"
    with pytest.raises(SpecError, match=rf"say which column of .*d the network reads: data\.input\. {there}"):
        describe(spec_of(folder))
    with pytest.raises(SpecError, match=rf"d is to be predicted: data\.target\. {there}"):
        describe(spec_of(folder, input="mask"))
    with pytest.raises(SpecError, match=rf"has no column picture\. {there}"):
        describe(spec_of(folder, input="picture"))
    with pytest.raises(SpecError, match=rf"the column fine holds no images and no arrays \(2 classes\)\. {there}"):
        describe(spec_of(folder, input="fine"))
    with pytest.raises(SpecError, match=r"channels says how arrays are read, and .*d is read as images"):
        describe(spec_of(folder, input="image", target="fine", channels="last"))
    with pytest.raises(SpecError, match=r"the splits say the parts of .*d; take data\.part out"):
        describe(spec_of(folder, input="image", target="fine", part="labels"))
    with pytest.raises(SpecError, match=r"input is for data sets of Hugging Face \(huggingface\), and digits is none"):
        describe(DataSpec(name="digits", input="image"))
    assert describe(spec_of(folder, input="image", target="fine")).class_names == ("p", "q")


def test_arrays_of_several_lengths_and_broken_files_are_named(tmp_path: Path, data_folder: Path) -> None:
    columns = {
        "steps": [[1.0] * (4 + (number == 3)) for number in range(9)],
        "label": [number % 3 for number in range(9)],
    }
    folder = saved(tmp_path / "d", {"train": columns, "test": columns}, {"label": CLASSES})
    with pytest.raises(SpecError, match=r"d:train:steps: lists of 4 to 5 values; give all one length: pad or cut them"):
        describe(spec_of(folder))
    file = folder / "test" / "data-00000-of-00001.arrow"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DamagedFileError, match=r"data-00000-of-00001\.arrow cannot be read \(.*\); get the data again"):
        describe(spec_of(folder))
    file.unlink()
    with pytest.raises(DamagedFileError, match=r"d/test has no data-00000-of-00001\.arrow; save the data again"):
        describe(spec_of(folder))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpecError, match=r"empty: holds no data that is known; expected what save_to_disk writes"):
        describe(spec_of(tmp_path / "empty"))


def test_changed_data_are_other_data(tmp_path: Path, data_folder: Path) -> None:
    folder = saved(tmp_path / "d", {"train": images(9), "test": images(3)}, FEATURES)
    first = load(spec_of(folder)).fingerprint
    written(folder / "train" / "data-00000-of-00001.arrow", images(9, 1), FEATURES)
    assert load(spec_of(folder)).fingerprint != first
    source = split_source(find_layout(folder), {"train": "train", "test": "test"})
    assert source.table.place(10, "labels") == f"{folder}:test row 2:labels"
