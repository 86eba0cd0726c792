"""The price of a flaw: the spec as it is against each fix, on the same seeds."""

from __future__ import annotations

import pytest

from archsearch.ablate.price import fixable, price_ablation, prices
from archsearch.errors import SpecError
from archsearch.experiment_plan import load_plan
from archsearch.spec.lint.rules import lint

FLAWED = """\
name: flaw
data: {name: digits, limit: 20, validation: 40}
network:
  - conv2d: {out_channels: 4, kernel_size: 3}
  - relu
  - flatten
  - linear: {out_features: 16}
  - linear: {out_features: classes}
  - softmax
train: {epochs: 3, batch_size: 50, device: cpu, optimizer: {adam: {lr: 0.01}}}
"""


@pytest.fixture
def flawed(tmp_path):
    path = tmp_path / "flaw.yaml"
    path.write_text(FLAWED)
    return load_plan(str(path))


def test_each_finding_with_a_fix_gets_a_price(flawed, run_ablation) -> None:
    report = lint(flawed.spec, flawed.network)
    ablation = price_ablation(flawed, report)
    assert [(q.name, q.label) for q in ablation.questions] == [
        ("A001=fixed", "A001 fixed (softmax or sigmoid before a loss of logits) instead of flaw as it is"),
        ("A004=fixed", "A004 fixed (two linear layers with nothing between) instead of flaw as it is"),
    ]
    done = run_ablation(ablation)
    softmax, linear = prices(done, fixable(report))
    assert (softmax.code, softmax.edits, softmax.effect.n) == ("A001", ({"drop": "act2"},), 10)
    assert softmax.effect.verdict == "better"
    base, fixed = done.cells[0], done.cells[1]
    assert softmax.sentence.startswith(
        "A001 (softmax or sigmoid before a loss of logits): "
        f"costs {100 * (fixed.mean - base.mean):.2f} points (95 % CI "
    )
    assert softmax.sentence.endswith(
        f"10 paired seeds: flaw {100 * fixed.mean:.2f} % mended, {100 * base.mean:.2f} % as it is; mended it is better."
    )
    assert linear.effect.comparisons == 2


def test_study_of_an_edited_spec_is_another_one(flawed) -> None:
    other = load_plan("lenet5")
    names = {
        price_ablation(plan, lint(plan.spec, plan.network), seeds=seeds, screen=True).name
        for plan in (flawed, other)
        for seeds in (3, 4)
    }
    assert len(names) == 4


def test_spec_without_a_fixable_finding_has_nothing_to_price() -> None:
    plan = load_plan("digits_quickstart")
    with pytest.raises(SpecError, match="digits_quickstart: no finding has a fix, so there is nothing to price"):
        price_ablation(plan, lint(plan.spec, plan.network))
