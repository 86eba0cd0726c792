"""One tiny study and two experiments with two seeds each, on the embedded digits; made once for all these tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from archsearch.ablate import ablation as ablating
from archsearch.ablate.ablation import ablate
from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.planned import plan_ablation
from archsearch.report.make import Made, Where, make
from archsearch.search.search import SearchSettings, search
from archsearch.search.search_file import load_study
from archsearch.train.run import run
from tests.report.browsing import CHROMIUM, DESKTOP, Visit

TINY = """\
name: tiny
summary: Small.
data: {name: digits, limit: 20, validation: 40}
network:
  - conv2d: {out_channels: 4, kernel_size: 3}
  - relu
  - flatten
  - linear: {out_features: classes}
train: {epochs: 2, batch_size: 32, device: cpu}
documented: {test_accuracy: 0.5}
"""
WIDER = "extends: tiny\nedits:\n  - set: {conv1.out_channels: 6}\n  - replace: {relu: tanh}\n"
STUDY = """\
summary: A tiny one.
base: tiny.yaml
objective: {maximize: val_accuracy}
network:
  - conv2d: {out_channels: {int: [2, 6]}, kernel_size: {choice: [3, 5]}}
  - relu
  - flatten
  - linear: {out_features: classes}
confirm: 1
confirm_seeds: 2
"""
ABLATION = """\
summary: Around a small network.
baseline: tiny.yaml
factors:
  activation: {tanh: [replace: {relu: tanh}]}
  width: {x2: [set: {conv1.out_channels: 8}]}
  both: {once: [replace: {relu: sigmoid}, set: {conv1.kernel_size: 5}]}
  rate: {low: [set: {train.epochs: 1}]}
"""
STAMP = "2026-01-31T12:00:00+00:00"


@dataclass(frozen=True)
class Workshop:
    """A folder with specs, a finished search called `small`, a finished ablation called `factors`, and runs."""

    folder: Path
    data_dir: Path

    @property
    def runs_dir(self) -> Path:
        return self.folder / "runs"

    def make(self, *names: str, **settings: object) -> Made:
        """Make a report as `archsearch report` in this folder does."""
        where = {"runs_dir": self.runs_dir, "data_dir": self.data_dir, "stamp": STAMP, **settings}
        return make(names, Where(**where))


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("workshop")
    for name, text in (("tiny", TINY), ("wider", WIDER), ("small", STUDY), ("factors", ABLATION)):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    made = Workshop(folder, data_dir)
    before = os.environ.get("ARCHSEARCH_DATA")
    os.environ["ARCHSEARCH_DATA"] = str(data_dir)
    try:
        search(
            load_study(str(folder / "small.yaml")), SearchSettings(trials=6, runs_dir=made.runs_dir, data_dir=data_dir)
        )
        ablation = plan_ablation(load_ablation(str(folder / "factors.yaml")))
        ablate(ablation, ablating.Settings(runs_dir=made.runs_dir / "ablation", data_dir=data_dir))
        for name in ("tiny", "wider"):
            for seed in (0, 1):
                run(str(folder / f"{name}.yaml"), seed=seed, runs_dir=made.runs_dir, data_dir=data_dir)
        yield made
    finally:
        if before is None:
            del os.environ["ARCHSEARCH_DATA"]
        else:
            os.environ["ARCHSEARCH_DATA"] = before


@pytest.fixture(scope="session")
def study_report(workshop: Workshop) -> Made:
    return workshop.make("small")


@pytest.fixture(scope="session")
def runs_report(workshop: Workshop) -> Made:
    return workshop.make(str(workshop.folder / "tiny.yaml"), str(workshop.folder / "wider.yaml"))


@pytest.fixture(scope="session")
def ablation_made(workshop: Workshop) -> Made:
    return workshop.make("factors", runs_dir=workshop.runs_dir / "ablation")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Start Debian's chromium once; skip, with the reason, where there is none."""
    reason = "playwright is not installed: pip install -e '.[test]'"
    sync_api = pytest.importorskip("playwright.sync_api", reason=reason)
    if not CHROMIUM:
        pytest.skip("no chromium is found: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, tmp_path) -> Iterator[Any]:
    contexts = []

    def call(html: str, scheme: str = "light", viewport: dict[str, int] = DESKTOP, **settings: Any) -> Visit:
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(viewport=viewport, color_scheme=scheme, **settings)
        contexts.append(context)
        made = Visit(context.new_page())
        made.listen()
        made.page.goto(Path(path).as_uri())
        return made

    yield call
    for context in contexts:
        context.close()
