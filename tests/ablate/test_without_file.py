"""An ablation without a file: levels of values, around a program that is really started."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from archsearch.ablate.ablation import ablate
from archsearch.ablate.planned import plan_ablation
from archsearch.ablate.without_file import declare_levels, levels_of_values
from archsearch.errors import SpecError, UsageError
from archsearch.program.from_command import from_command
from archsearch.study.lifecycle import Settings

# 0.02 for `big` beside noise of its own seed, nothing for `same`
SCRIPT = """\
import random, sys
seed, how = int(sys.argv[1]), sys.argv[2]
value = random.Random(seed).gauss(0.9, 0.01) + random.Random(f"{how} {seed}").gauss(0, 0.001)
print(f"acc={value + (0.02 if how == 'big' else 0):.6f}")
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHSEARCH_TRUST", "1")
    monkeypatch.setenv("ARCHSEARCH_DATA", str(tmp_path / "data"))
    Path("score.py").write_text(SCRIPT)
    return tmp_path


def declared(script: str = "score.py", metric: str = r"acc:last:acc=(\S+)", **keys):
    spec = from_command(f"{sys.executable} {script} {{seed}} {{how}}", {"how": "plain"}, [metric])
    return declare_levels(spec, levels_of_values({"how": ["big", "same"]}), name="score-how", **keys)


def test_program_is_judged_as_a_network_is(here: Path) -> None:
    report = ablate(plan_ablation(declared(seeds=10)), Settings(runs_dir=here / "runs"))
    assert report.kind == "program"
    assert report.complete
    assert report.runs.completed == 30
    verdicts = {effect.variant: effect.verdict for effect in report.effects}
    assert verdicts == {"how=big": "better", "how=same": "inconclusive"}
    assert "big instead of plain" in report.effects[0].sentence
    again = ablate(plan_ablation(declared(seeds=10)), Settings(runs_dir=here / "runs"))
    assert again.effects == report.effects
    # the baseline's first run was made twice, and nothing else
    assert len(list((here / "runs" / "repeats").iterdir())) == 1
    assert len(list((here / "runs").glob("*/outcome.json"))) == 30


def test_seed_that_is_ignored_is_refused_with_the_numbers(here: Path) -> None:
    Path("score.py").write_text("import sys; print('acc=0.5' if sys.argv[2] == 'plain' else 'acc=0.75')\n")
    ablation = plan_ablation(declared(seeds=10))
    with pytest.raises(SpecError, match=r"ignores its seed: the seeds 0, 1, 2 gave the same numbers \(acc 0\.5 and"):
        ablate(ablation, Settings(runs_dir=here / "runs"))
    assert len(list((here / "runs").glob("*/outcome.json"))) == 3  # no other cell was run


def test_metric_that_two_seeds_share_by_chance_is_no_ignored_seed(here: Path) -> None:
    Path("score.py").write_text("import sys; print(f'acc={int(sys.argv[1]) // 2}')\n")  # 0 0 1 1 2 2 ...
    report = ablate(plan_ablation(declared(seeds=10)), Settings(runs_dir=here / "runs"))
    assert report.runs.completed == 30


def test_program_that_does_not_repeat_itself_is_allowed_and_said(here: Path) -> None:
    Path("score.py").write_text("import os, sys; print(f'acc={int(sys.argv[1]) + os.getpid() / 1e7}')\n")
    report = ablate(plan_ablation(declared(seeds=10)), Settings(runs_dir=here / "runs"))
    assert report.complete
    assert [note for note in report.notes if re.match(r"the program does not repeat itself \(acc 0\.\S+ and", note)]


def test_deterministic_program_is_run_once_a_cell_without_p_values(here: Path) -> None:
    Path("score.py").write_text("import sys; print('acc=0.5' if sys.argv[2] == 'plain' else 'acc=0.75')\n")
    ablation = declared(seeds=10)
    section = ablation.baseline.program.model_copy(update={"deterministic": True})
    spec = ablation.baseline.model_copy(update={"program": section})
    planned = plan_ablation(declare_levels(spec, levels_of_values({"how": ["big"]}), name="once", seeds=10))
    report = ablate(planned, Settings(runs_dir=here / "runs"))
    assert (report.runs.completed, report.purpose) == (2, "screen")
    assert [(effect.mean_difference, effect.p) for effect in report.effects] == [(0.25, None)]


def test_file_that_changed_since_is_another_ablation(here: Path) -> None:
    ablate(plan_ablation(declared(seeds=10)), Settings(runs_dir=here / "runs"))
    Path("score.py").write_text(SCRIPT + "# another one\n")
    with pytest.raises(SpecError, match="the files of the cell baseline is another one"):
        ablate(plan_ablation(declared(seeds=10)), Settings(runs_dir=here / "runs"))


@pytest.mark.parametrize(
    ("factors", "message"),
    [({"how": []}, "how has no levels"), ({"how": ["a", "a"]}, "a level stands there twice: a, a")],
)
def test_factor_without_levels_is_refused(factors, message) -> None:
    with pytest.raises(UsageError, match=message):
        levels_of_values(factors)
