"""The files that `docs/training.md` shows, and its lists of what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.planned import plan_ablation
from archsearch.search.search_file import load_study
from archsearch.search.space.count import count_space
from archsearch.spec.schedules import SCHEDULE_KINDS
from archsearch.spec.training import TrainSpec

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_search_of_the_page_is_counted(files: Path) -> None:
    counted = count_space(load_study(str(files / "recipe.yaml")).space)
    assert (counted.total, counted.feasible) == (30, 30)  # 3 averages, 2 sizes of a step, 1 + 1 + 3 schedules


def test_ablation_of_the_page_has_a_cell_for_each_change(files: Path) -> None:
    plan = plan_ablation(load_ablation(str(files / "ablated_recipe.yaml")))
    assert [cell.name for cell in plan.cells][1:] == [
        "average=moving", "mixing=mixup", "mixing=cutmix", "sampler=balanced", "labels=noisy", "schedule=plateau"
    ]  # fmt: skip


def test_page_names_every_schedule_with_its_fields_and_every_field_of_a_recipe() -> None:
    for kind in SCHEDULE_KINDS:
        (row,) = re.findall(rf"^\| `{kind.kind}` \| (.*?) \|", PAGE, re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", row)) == set(kind.model_fields) - {"warmup_epochs"}
    missing = [name for name in TrainSpec.model_fields if not re.search(rf"`?\b{name}\b", PAGE)]
    assert missing == []
