"""What `docs/language.md` shows: its files are right, and its sentences are those that are said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.planned import plan_ablation
from archsearch.errors import SpecError
from archsearch.experiment_plan import load_plan
from archsearch.search.search_file import load_study
from archsearch.search.space.count import count_space

PAGE = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```(?:yaml|python)\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_networks_of_the_page_fit(files: Path) -> None:
    assert list(FILES) == [
        "blocks.yaml", "branches.yaml", "short.yaml", "my_layers.py", "own.yaml", "over_blocks.yaml"
    ]  # fmt: skip
    blocks = load_plan(str(files / "blocks.yaml")).network
    assert {row.name: row.output_shape for row in blocks.walk() if row.name in ("par1", "res1", "res2.projection")} == {
        "par1": (40, 8, 8), "res1": (48, 4, 4), "res2.projection": (64, 2, 2)
    }  # fmt: skip
    assert [row.name for row in load_plan(str(files / "short.yaml")).network.rows] == [
        "conv1", "res1", "res2", "res3", "conv2", "act1", "flatten1", "fc1", "fc2"
    ]  # fmt: skip


def test_own_layer_of_the_page_is_counted(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_TRUST", "1")
    rows = load_plan(str(files / "own.yaml")).network.rows
    assert (rows[1].name, rows[1].output_shape, rows[1].parameters) == ("own1", (8, 6, 6), 8 * 2 + 2 + 2 * 8 + 8)


def test_ablation_of_the_page_leaves_branches_out(files: Path) -> None:
    plan = plan_ablation(load_ablation(str(files / "branches.yaml")))
    assert [cell.name for cell in plan.cells][1:] == [
        "one_by_one=without", "pooled=without", "pooled=average", "shortcut=without", "shortcut=plain"
    ]  # fmt: skip


def test_search_of_the_page_is_counted(files: Path) -> None:
    counted = count_space(load_study(str(files / "over_blocks.yaml")).space)
    # 4 widths, 3 ways of the first branch, 2 of the second, 2 projections, 2 widths behind; both off: 1 of 6;
    # of the other 5 ways 2 of 4 widths with one projection and one width behind
    assert (counted.total, counted.feasible) == (96, 96 - 16 - 5 * 2)


@pytest.mark.parametrize(
    ("before", "after"), [("(w + 16)/2", "w/3"), ("values: {w: 16", "values: {w: 2*w")], ids=["w/3", "circle"]
)
def test_sentences_of_the_page_are_said(files: Path, before: str, after: str) -> None:
    text = FILES["short.yaml"]
    assert before in text
    (files / "short.yaml").write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(SpecError, match=r"short\.yaml:[0-9]+:[0-9]+: ") as caught:
        load_plan(str(files / "short.yaml"))
    assert f"    {str(caught.value.problems[0]).replace(f'{files}/', '')}\n" in PAGE
