"""What an ablation will take, its pilot, its table and how far it is: counted by hand."""

from __future__ import annotations

import pytest

from archsearch.ablate.forecast import foresee
from archsearch.ablate.pilot import pilot_seeds, run_pilot
from archsearch.ablate.progress import progress_of
from archsearch.ablate.table import effects_table
from archsearch.errors import UsageError
from archsearch.study.storage import default_url, open_storage
from archsearch.train.watch import Silent

TWO_SEEDS = "baseline: tiny.yaml\nfactors: {width: {x2: [set: {conv1.out_channels: 8}]}}\nseeds: 2\nscreen: true\n"


def test_forecast_counts_the_runs_that_are_there(planned, tmp_path, data_dir) -> None:
    ablation = planned(TWO_SEEDS.replace("seeds: 2", "seeds: 3"))
    seeds = pilot_seeds(ablation)
    assert seeds == (0, 1, 2)
    run_pilot(ablation, 0, tmp_path / "runs", data_dir, Silent())
    forecast = foresee(ablation, tmp_path / "runs", effect=None, workers=1, measure=None)
    # two cells of three seeds, of which one run is there
    assert (forecast.runs, forecast.cached) == (6, 1)


LOOKED = """\
baseline: tiny.yaml
factors: {width: {x2: [set: {conv1.out_channels: 8}]}, activation: {gelu: [replace: {relu: gelu}]}}
seeds: {max: 20, sequential: true}
"""


def test_plan_says_what_looks_will_take_in_sds_where_no_spread_is_known(planned, tmp_path, monkeypatch) -> None:
    ablation = planned(LOOKED)
    nothing, half, one, two = foresee(ablation, tmp_path / "runs").expected
    assert [of.in_sds for of in (nothing, half, one, two)] == [0, 0.5, 1, 2]
    assert 58 <= nothing.runs <= 60  # three cells of 20, and hardly anything is decided
    assert nothing.decided < 0.05
    assert 27 <= two.runs < one.runs < half.runs < nothing.runs  # not before the first look, after 9 seeds
    monkeypatch.setattr("archsearch.ablate.forecast._seed_sd", lambda ablation, kept: (0.001, (0.0005, 0.003), "given"))
    known = foresee(ablation, tmp_path / "runs", effect=0.004).expected
    assert [(of.case, of.effect) for of in known] == [
        ("nothing differs", 0.0),
        ("at the margin", 0.001),
        ("at the effect", 0.004),
    ]
    assert known[2].in_sds == pytest.approx(0.004 / (0.001 * 2**0.5))
    assert foresee(planned(LOOKED.replace("sequential", "anytime")), tmp_path / "runs").expected == ()


def test_pilot_needs_three_seeds(planned) -> None:
    with pytest.raises(UsageError, match="measures a spread on 3 seeds, and mine has 2"):
        pilot_seeds(planned(TWO_SEEDS))


def test_table_and_progress_of_a_finished_screen(planned, run_ablation, tmp_path) -> None:
    import optuna

    report = run_ablation(planned(TWO_SEEDS))
    study = optuna.load_study(study_name="mine", storage=open_storage(default_url(tmp_path / "runs")))
    progress = progress_of(study)
    assert (progress.done, progress.running) == (4, 0)
    head, _, *rows = effects_table(report, "md").splitlines()
    assert head.startswith("| variant | n |")
    assert any(row.startswith("| width=x2 | 2 |") for row in rows)
