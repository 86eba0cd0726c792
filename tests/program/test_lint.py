"""Known mistakes of scripts are found where they are, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archsearch.errors import SpecError
from archsearch.program.lint import PROGRAM_RULES, lint_program
from archsearch.program.read import load_program
from tests.program.conftest import STANDARD

CLEAN = STANDARD.replace("'loss=", "'\\bloss=")


@pytest.fixture
def codes(written: Callable[..., Path]) -> Callable[[str], list[str]]:
    return lambda text: [one.code for one in lint_program(load_program(str(written(text))))]


def test_program_without_a_mistake_has_none(codes: Callable[[str], list[str]]) -> None:
    assert codes(CLEAN) == []


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ('--seed, "{seed}", ', "", "A101"),
        ("{lr: 1e-3", "{random_state: 3, lr: 1e-3", "A102"),
        ("'\\bloss=", "'loss=", "A103"),
        ("{json: result.json, key: test.accuracy}", "{csv: log.csv, column: acc}", "A103"),
        ('--out, "{run_dir}", ', "", "A104"),
        ("key: test.accuracy}", "key: test.accuracy, margin: 0.1}", "A106"),
        ("key: test.accuracy}", "key: test.accuracy, margin: 0.001, unit: own}", "A106"),
        ("objective", "  peak_memory: {measured: peak_memory, margin: 10.0}\nobjective", "A106"),
    ],
)
def test_mistake_is_found(codes: Callable[[str], list[str]], before: str, after: str, code: str) -> None:
    assert before in CLEAN
    text = CLEAN.replace(before, after)
    if code == "A102":
        text = text.replace("{extra}", "{random_state}").replace(", extra: []", "")
    assert code in codes(text)


@pytest.mark.parametrize("before", ["^", " ", "\\[", "final "])
def test_pattern_whose_word_has_a_beginning_is_none(codes: Callable[[str], list[str]], before: str) -> None:
    assert codes(CLEAN.replace("'\\bloss=", f"'{before}loss=")) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("torch.save(model, 'model.pt')", True),
        ("frame.to_csv('scores.csv')", True),
        ("f = open('log.txt', 'w')", True),
        ("f = open('data.txt')", False),
        ("torch.save(model, f'{out}/model.pt')", False),
    ],
)
def test_file_that_all_runs_overwrite_is_found_in_the_script(
    codes: Callable[[str], list[str]], folder: Path, line: str, found: bool
) -> None:
    (folder / "train.py").write_text(f"import torch\n{line}\n".replace("save(model, ", "save("))
    text = CLEAN.replace('--out, "{run_dir}", ', "").replace(
        "  accuracy: {json: result.json, key: test.accuracy}\n", ""
    )
    assert ("A105" in codes(text)) is found


def test_rule_is_silenced_with_a_reason(codes: Callable[[str], list[str]]) -> None:
    text = CLEAN.replace('--seed, "{seed}", ', "")
    assert codes(text + "lint: {A101: it has no chance in it}\n") == []
    with pytest.raises(SpecError, match="unknown lint rule 'A001'"):
        codes(text + "lint: {A001: a rule of networks}\n")


def test_every_rule_has_a_title_and_a_reason() -> None:
    assert list(PROGRAM_RULES) == [f"A{number}" for number in range(101, 107)]
    assert all(title and reason for title, reason, _ in PROGRAM_RULES.values())
