"""A data set of Hugging Face from the folder to a prediction, as people do it."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from sklearn.datasets import load_digits

SPEC = (
    "data: {name: huggingface, path: hub}\n"
    "network: [flatten, linear: {out_features: 32}, relu, linear: {out_features: classes}]\n"
    "train: {epochs: 6, batch_size: 16, device: cpu, optimizer: {adam: {lr: 0.01}}}\n"
)


def test_parquet_files_of_the_hub_are_shown_trained_evaluated_and_predicted(cli, tmp_path):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install -e '.[huggingface]'")
    pytest.importorskip("polars", reason="polars is not installed: pip install -e '.[huggingface]'")
    import pyarrow.parquet as pq

    digits = load_digits()
    held = '{"info": {"features": {"label": {"_type": "ClassLabel", "names": ["zero", "one", "two"]}}}}'
    rows = [(pixels, int(label)) for pixels, label in zip(digits.images, digits.target, strict=True) if label < 3]
    for split, some in {"train": rows[:400], "test": rows[400:]}.items():
        images = []
        for pixels, _ in some:
            file = io.BytesIO()
            Image.fromarray((pixels * 15).astype("uint8")).save(file, "PNG")
            images.append({"bytes": file.getvalue(), "path": None})
        table = pa.table({"image": images, "label": [label for _, label in some]})
        (tmp_path / "hub" / "data").mkdir(parents=True, exist_ok=True)
        pq.write_table(
            table.replace_schema_metadata({"huggingface": held}), tmp_path / f"hub/data/{split}-00000-of-00001.parquet"
        )
    (tmp_path / "mine.yaml").write_text(SPEC)
    shown = cli("show", "mine.yaml", "--json").json["data"]
    assert shown["read_as"] == "1 channel of 8x8 pixels"
    assert shown["remarks"] == [
        f"rows of each split: train 400, test {len(rows) - 400}",
        "input image; classes of label: zero, one, two",
    ]
    run = cli("run", "mine.yaml", "--json").json
    assert run["test_accuracy"] > 0.9
    judged = cli("evaluate", "mine.yaml", "--data", "mine.yaml", "--json").json
    assert judged["metrics"]["accuracy"] == pytest.approx(run["test_accuracy"])
    (tmp_path / "two.png").write_bytes(images[2]["bytes"])
    said = cli("predict", run["run_id"], "two.png", "--json").json
    assert said["predictions"][0]["class"] == ("zero", "one", "two")[rows[402][1]]
    done = cli("run", "mine.yaml", "data.input=picture")
    assert done.code == 3
    assert done.err.endswith("has no column picture. There are image (image), label (3 classes).\n")
