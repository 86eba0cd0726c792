"""`archsearch init`: from a script or data to files that the other commands take."""

from __future__ import annotations

import subprocess
import sys

from tests.init import scripts


def test_init_of_a_script_says_what_was_found_and_what_comes_next(cli, tmp_path):
    (tmp_path / "train.py").write_text(scripts.MNIST)
    done = cli("init")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "found  arguments (argparse): 8",
        "found  seed: --seed (train.py:31)",
        "found  metrics: test_accuracy (train.py:18), test_loss (train.py:18), train_loss (train.py:11)",
        "wrote  train.yaml  how train.py is run",
        "wrote  train_ablation.yaml  an example: 3 factors, 1 more as a comment",
        "next   archsearch trust train.yaml",
        "       archsearch run train.yaml --seeds 2",
        "       archsearch ablate train_ablation.yaml",
    ]
    checked = cli("check", "train.yaml", "train_ablation.yaml")
    assert checked.code == 0, checked.err
    assert [line.split()[:2] for line in checked.out.splitlines()] == [
        ["ok", "train.yaml:"],
        ["ok", "train_ablation.yaml:"],
    ]
    again = cli("init", "train.py")
    assert (again.code, again.out) == (2, "")
    assert "train.yaml and train_ablation.yaml are there already and not overwritten" in again.err
    forced = cli("init", "train.py", "--force", "-o", "other.yaml", "--json")
    assert forced.json["wrote"] == ["other.yaml", "other_ablation.yaml"]
    assert forced.json["next"][0] == "archsearch trust other.yaml"


LIGHT = """
import sys
from archsearch.cli import main
sys.argv = ["archsearch", "init", "train.py"]
try:
    main()
except SystemExit as stop:
    heavy = ("torch", "torchvision", "optuna", "plotly", "sklearn", "scipy", "numpy")
    print("HEAVY", stop.code or 0, [name for name in heavy if name in sys.modules], file=sys.stderr)
"""


def test_init_of_a_script_loads_no_heavy_library(tmp_path):
    (tmp_path / "train.py").write_text(scripts.MNIST)
    command = [sys.executable, "-c", LIGHT]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == "HEAVY 0 []\n"


def test_init_of_what_is_not_there_is_a_sentence(cli):
    done = cli("init", "absent.py")
    assert (done.code, done.out, done.err) == (2, "", "error: absent.py does not exist\n")
