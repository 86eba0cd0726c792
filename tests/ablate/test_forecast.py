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
