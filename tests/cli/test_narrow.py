"""Tables of every command on narrow terminals: no number, no interval and no verdict is cut or broken."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace as Given

import pytest

from archsearch.cli.console import ablations, forecasts, machine, specs, studies
from archsearch.stats.verdict import Family
from tests.report.figures.records import confirmation, long_record

LONG = "architecture_of_a_quite_long_name_2026"
FAMILY = Family(metric="test_accuracy", margin=0.002)
CI = (-0.0123, 0.0456)


@pytest.fixture(params=[160, 80, 60])
def printed(request, monkeypatch, capsys):
    """Print something on a terminal of that width; give the text, no line of which is wider."""
    monkeypatch.setenv("COLUMNS", str(request.param))

    def call(print_, *arguments, **settings) -> str:
        print_(*arguments, **settings)
        text = capsys.readouterr().out
        assert "…" not in text
        assert max(map(len, text.splitlines())) <= request.param
        return text

    return call


def holds(text: str, *whole: str) -> None:
    """Check that each text stands whole in a line; numbers not as a part of a longer one."""
    for one in whole:
        assert any(one in line for line in text.splitlines()), one


def test_confirmation(printed):
    text = printed(studies._print_confirmation, studies.out(), confirmation())
    for row in confirmation().candidates:
        holds(text, row.candidate)
        if row.mean is not None:
            holds(text, f"{100 * row.mean:.2f}")
        if row.gain is not None:
            holds(text, f"{100 * row.gain:+.2f} points")
        if row.shrinkage is not None:
            holds(text, f"{100 * row.shrinkage:.2f} points")


def test_status_of_searches(printed):
    report = long_record(60).report.model_copy(
        update={"study": LONG, "running": 4, "waiting": 123, "confirmed": confirmation()}
    )
    text = printed(studies.print_status, [report, report.model_copy(update={"study": "b", "best": None})])
    done = report.completed + report.pruned + report.diverged + report.failed
    assert report.best is not None
    holds(text, f"{done}/60", "123", f"{report.best.value:.4f} (trial {report.best.number})")


def test_status_of_ablations(printed):
    runs = Given(completed=1234, failed=5, diverged=0, planned=1300, running=8, waiting=53)
    effects = [Given(verdict=word) for word in ("better", "inconclusive", "equivalent", "worse", "better")]
    report = Given(study=LONG, runs=runs, effects=effects, complete=True)
    text = printed(ablations.print_ablation_status, [report])
    holds(text, "1239/1300", "53", "2 better", "inconclusive", "equivalent", "worse")


def test_space(printed):
    domains = {f"conv{i}.out_channels_of_the_inner_block": f"int from {i}000 to 1234567, log" for i in range(3)}
    counted = Given(
        exact=True, total=10, continuous=(), feasible_interval=None, feasible=8, distinct_interval=None, distinct=8,
        checked=10, misfits=(),
    )  # fmt: skip
    text = printed(studies.print_space, Given(space=Given(parameters=lambda: domains)), counted)
    holds(text, "1234567", "0000", "1000", "2000")


def test_data_sets(printed):
    one = Given(
        name="fashion_mnist", title="Clothes in grey, 10 kinds of them, as images", shape=(1, 28, 28),
        outputs="10 classes", train=60_000, test=10_000, size=30_878_645, where="/home/somebody/data/FashionMNIST",
        present=True,
    )  # fmt: skip
    text = printed(machine.print_data_sets, [one], {})
    holds(text, "fashion_mnist", "1x28x28", "60,000", "10,000")


def test_forecast(printed):
    cells = tuple(
        Given(name=f"activation=tanh+width=x{i}", parameters=1_234_567, macs=98_765_432, runs=10, cached=3,
              seconds=123.4, seconds_from="a run of the same spec on this machine")
        for i in range(2)
    )  # fmt: skip
    plan = Given(purpose="screen")
    forecast = Given(cells=cells, plan=plan, seconds=None, runs=20, cached=6, to_run=14, workers=1)
    text = printed(forecasts.print_forecast, forecast, Given(family=FAMILY, sequential=False))
    holds(text, "1,234,567", "98.8 M", "123", "machine")


def test_shares_and_linear_model(printed):
    share = Given(factor="activation_of_the_inner_block", mean=0.0123, ci95=CI, fraction=0.42)
    attribution = Given(exact=True, total=0.03, orders=24, shares=(share,))
    text = printed(ablations._print_attribution, Given(attribution=attribution, family=FAMILY))
    holds(text, "42%", "to +4.56", "+1.23")
    term = Given(
        name="activation:width", ci95=CI, p=0.000123, p_adjusted=0.0456, estimate=0.0123, aliases=("a:b", "c:d")
    )
    model = Given(observations=80, residual_df=68, terms=(term,))
    text = printed(ablations._print_model, Given(model=model, family=FAMILY))
    holds(text, "+1.23", "to +4.56", "0.000123", "0.0456", "activation", "a:b")


def test_catalog_and_doctor(printed):
    rows = [{"name": LONG, "summary": "A network of 1234567 parameters and many words, so that it needs lines."}]
    holds(printed(specs.print_catalog, {"specs": rows}), LONG, "1234567")
    finding = Given(name="torch", value="2.9.1+cu128 with 16 threads, deterministic", advice="set OMP_NUM_THREADS=16")
    holds(printed(machine.print_findings, [finding]), "2.9.1+cu128", "OMP_NUM_THREADS=16")


def test_difference(printed):
    from archsearch.experiment_plan import load_plan
    from archsearch.spec.difference.factors import diff_specs

    ours, theirs = load_plan("lenet5"), load_plan("lenet_best")
    found = diff_specs(ours.spec, ours.network, theirs.spec, theirs.network)
    text = printed(specs.print_difference, ours, theirs, dataclasses.replace(found, factors=()))  # the table alone
    holds(text, f"{ours.network.parameters:,}", f"{theirs.network.parameters:,}", "6x28x28")
