"""Own data from the command line: how they are read is said before anything is trained."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

HEAD = "network: [flatten, linear: {out_features: classes}]\ntrain: {epochs: 1, batch_size: 8, device: cpu}\n"


@pytest.fixture
def signals(tmp_path):
    """Windows of 9 sensors as (N, steps, channels), with an array that nobody reads."""
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(20, 128, 9)).astype(np.float32), np.arange(20) % 2
    np.savez(tmp_path / "har.npz", x_train=x, y_train=y, x_test=x, y_test=y, subject=y)
    (tmp_path / "har.yaml").write_text(f"name: har\ndata: {{name: npz, path: har.npz}}\n{HEAD}")


@pytest.fixture
def icons(tmp_path):
    """Three parts of images whose glyph is in their transparency, one folder too deep beside them."""
    for part, number in (("train", 4), ("val", 2), ("test", 2)):
        for name in "ab":
            folder = tmp_path / "icons" / part / name
            (folder / "old").mkdir(parents=True)
            for n in range(number):
                alpha = np.full((4, 5), 60 * n, np.uint8)
                Image.fromarray(np.dstack([np.zeros((4, 5, 3), np.uint8), alpha])).save(folder / f"{n}.png")
    Image.new("L", (4, 5)).save(tmp_path / "icons" / "train" / "a" / "old" / "0.png")
    (tmp_path / "icons.yaml").write_text(f"name: icons\ndata: {{name: folder, path: icons}}\n{HEAD}")


def test_show_and_run_say_how_signals_are_read(cli, signals):
    assert cli("show", "har.yaml", env={"COLUMNS": "200"}).out.splitlines()[6:8] == [
        "data   npz, 2 classes, 20 training and 20 test samples, read as 128 channels of 9 steps",
        "       not used: 1 other array (subject)".ljust(200),
    ]
    done = cli("run", "har.yaml", "data.channels=last")
    assert done.code == 0
    assert done.err.splitlines()[0].endswith("npz 9x128, read as 9 channels of 128 steps, 1 epoch of batches of 8")
    assert "data: not used: 1 other array (subject)" in done.err.splitlines()
    assert "lint: A013" not in done.err
    assert "lint: A013 arrays that look like channels last" in cli("run", "har.yaml").err


def test_show_json_says_what_is_done_to_images(cli, icons):
    document = cli("show", "icons.yaml", "--json").json
    assert document["data"] == {
        "read_as": "3 channels of 4x5 pixels",
        "remarks": [
            "validation part: 4 samples of the validation folder, the same for every seed",
            "16 of 16 images have transparency and are laid on white (data.background)",
            "not used: 1 image in folders inside class folders (train/a/old/ 1)",
        ],
    }
    assert document["spec"]["data"]["validation"] == 4


def test_show_says_nothing_of_data_that_have_a_name(cli):
    assert cli("show", "lenet5", "--json").json["data"] == {"read_as": "", "remarks": []}


def test_run_with_a_validation_part_of_the_data_reads_the_test_part_once(cli, icons, tmp_path):
    run = cli("run", "icons.yaml", "--json")
    assert (run.code, run.json["val_accuracy"] is not None) == (0, True)
    refused = cli("run", "icons.yaml", "data.validation=0.5")
    assert (refused.code, refused.out) == (3, "")
    assert "validation 0.5 is one part too many: the data hold a validation part of 4 samples already" in refused.err


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.background=red", "expected white, black, a grey level from 0 to 255, or [red, green, blue]"),
        ("data.background=256", "expected white, black, a grey level from 0 to 255, or [red, green, blue]"),
        ("data.channels=middle", "'first' or 'last'"),
        ("data.channels=last", "channels says how your own arrays (npz) are read, and folder is known. Remove it."),
        ("data.train_limit=1", "train_limit 1 keeps 1 of the 8 training samples"),
    ],
)
def test_a_wrong_value_is_refused_in_a_sentence(cli, icons, override, message):
    done = cli("show", "icons.yaml", override)
    assert (done.code, done.out) == (3, "")
    assert message in done.err
    assert "Traceback" not in done.err


def test_data_list_names_the_kinds_of_own_data(cli):
    lines = cli("data", "list", env={"COLUMNS": "160"}).out.splitlines()
    assert [line.split()[0] for line in lines[-6:-1]] == ["npz", "folder", "table", "python", "huggingface"]
    own = cli("data", "list", "--json").json["own_data"]
    assert [one["name"] for one in own] == ["npz", "folder", "table", "python", "huggingface"]
