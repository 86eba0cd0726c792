"""What the README says is true: its commands exist, its YAML is right, its test command is what CI runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archsearch.experiment_plan import load_plan
from archsearch.spec.catalog import read_spec

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)


def test_readme_names_the_two_set_up_commands_one_line_each():
    commands = re.findall(r"^    (python3 -m venv .+)$", README, re.MULTILINE)
    assert len(commands) == 2
    assert commands[0].endswith("archsearch run specs/lenet_best.yaml")
    assert commands[1].endswith("-m pytest")


def test_readme_spec_is_valid_and_its_comments_are_the_real_names(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(BLOCKS[0], encoding="utf-8")
    plan = load_plan(str(path))
    assert [row.name for row in plan.network.rows] == [
        "conv1",
        "act1",
        "pool1",
        "res1",
        "par1",
        "flatten1",
        "features",
        "act2",
        "fc2",
    ]


def test_readme_variant_is_valid(tmp_path):
    path = tmp_path / "variant.yaml"
    path.write_text(BLOCKS[1], encoding="utf-8")
    spec = read_spec(str(path)).spec
    assert [layer.kind for layer in spec.network[:4]] == ["conv2d", "relu", "dropout2d", "avg_pool2d"]
    assert spec.network[-1].kind == "linear"
    assert spec.train.epochs == 12


def test_readme_names_every_command():
    from archsearch.cli import app

    commands = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    named = set(re.findall(r"archsearch ([a-z]+)", README)) | set(re.findall(r"`([a-z]+)`", README))
    assert commands <= named


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#]+)\)", README))
def test_readme_links_lead_to_files(path):
    assert (ROOT / path).is_file()
