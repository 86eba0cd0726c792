"""The documentation as a site: its contents name every page, its links lead somewhere, its examples are right.

`mkdocs build --strict` (extra `docs`) holds the same and more; this needs no extra.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.planned import plan_ablation
from archsearch.search.search_file import load_study

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("**/*.md"))
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)\s#]+)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def _named(part: object) -> list[str]:
    """Give the pages of a part of the table of contents."""
    if isinstance(part, str):
        return [part]
    parts = part.values() if isinstance(part, dict) else part
    return [page for each in parts for page in _named(each)]


def test_every_page_is_in_the_table_of_contents_once():
    nav = _named(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    outside = {"index.md"} | {page for page in nav if not (DOCS / page).is_file() and (ROOT / page).is_file()}
    assert sorted(set(nav) - outside) == [page.relative_to(DOCS).as_posix() for page in PAGES]
    assert len(nav) == len(set(nav))
    examples = {page.relative_to(ROOT).as_posix() for page in (ROOT / "examples").glob("**/*.md")}
    assert outside == {"index.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"} | examples


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_links_of_a_page_lead_to_files(page):
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    assert [link for link in _LINK.findall(text) if not (page.parent / link).is_file()] == []


def test_files_of_the_cookbook_are_right_around_the_network_of_the_tutorial(tmp_path):
    found = re.findall(r"```yaml\n# (\S+)\n(.*?)```", (DOCS / "cookbook.md").read_text(encoding="utf-8"), re.DOTALL)
    first = re.search(r"```yaml\n# first.yaml\n(.*?)```", (DOCS / "tutorial.md").read_text(encoding="utf-8"), re.DOTALL)
    assert first is not None
    for name, text in [("first.yaml", first[1]), *found]:
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert [name for name, _ in found] == ["both.yaml", "until.yaml", "small.yaml"]
    both, until = (plan_ablation(load_ablation(str(tmp_path / name))) for name in ("both.yaml", "until.yaml"))
    assert (len(both.cells), both.runs) == (4, 40)
    assert (len(until.cells), until.runs) == (2, 60)
    assert load_study(str(tmp_path / "small.yaml")).space.base.name == "first"
