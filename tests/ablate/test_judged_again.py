"""A finished ablation on another metric: the same verdicts as if it had been made for it, and nothing is trained."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from archsearch.ablate.ablation import open_ablation, report_on
from archsearch.ablate.judged_again import judge_again
from archsearch.ablate.planned import Ablation
from archsearch.ablate.record import AblationReport
from archsearch.errors import SpecError, UsageError
from archsearch.study.lifecycle import existing_ablation
from archsearch.study.storage import Study, default_url, open_storage
from tests.ablate.conftest import FACTORS

SCREEN = FACTORS + "seeds: 3\nscreen: true\n"
ALSO = SCREEN + "also: [f1_macro, val_loss]\n"


@pytest.fixture
def finished(
    planned: Callable[..., Ablation], run_ablation: Callable[..., AblationReport], tmp_path: Path
) -> tuple[AblationReport, Study, Path]:
    """A small ablation that has run, made for accuracy."""
    report = run_ablation(planned(ALSO))
    storage = open_storage(default_url(tmp_path / "runs"))
    return report, existing_ablation("mine", storage), tmp_path / "runs"


def test_an_ablation_is_judged_again_by_any_metric_of_its_predictions(
    finished: tuple[AblationReport, Study, Path],
    planned: Callable[..., Ablation],
    run_ablation: Callable[..., AblationReport],
) -> None:
    report, study, runs = finished
    assert report.chosen == ""

    again = report_on(study, runs, judge_again(study, "f1_weighted", runs))

    assert (again.family.metric, again.family.direction, again.family.unit) == (
        "test_f1_weighted",
        "maximize",
        "points",
    )
    assert again.chosen.startswith("test weighted F1 was chosen afterwards, the ablation was made for test accuracy")
    assert (again.complete, again.runs, len(again.effects)) == (True, report.runs, 2)
    by_cell = {cell.name: cell for cell in again.cells}
    values = {name: {} for name in by_cell}
    for trial in study.trials:
        with np.load(runs / trial.user_attrs["run_id"] / "predictions.npz") as kept:
            targets, outputs = kept["test_labels"], kept["test_outputs"]
        value = f1_score(targets, outputs.argmax(axis=1), average="weighted")
        values[trial.user_attrs["cell"]][str(trial.user_attrs["pair"])] = value
    assert {name: cell.values for name, cell in by_cell.items()} == {
        name: pytest.approx(of, rel=1e-12) for name, of in values.items()
    }
    differences = [values["activation=tanh"][str(seed)] - values["baseline"][str(seed)] for seed in range(3)]
    assert list(again.effects[0].differences) == pytest.approx(differences, abs=1e-12)

    assert judge_again(study, "test_accuracy", runs).note == ""
    same = report_on(study, runs, judge_again(study, "test_accuracy", runs))
    assert same == report

    named = report_on(study, runs, judge_again(study, "f1_macro", runs))
    assert named.chosen == (
        "test macro F1 was named in the file beside test accuracy, before anything ran: a second family of claims"
    )
    lower = report_on(study, runs, judge_again(study, "val_loss", runs))
    assert (lower.family.direction, lower.family.unit, lower.family.margin) == ("minimize", "own", 0.0)

    with pytest.raises(UsageError, match="unknown metric 'f1_makro'; did you mean 'f1_macro'"):
        judge_again(study, "f1_makro", runs)
    with pytest.raises(UsageError, match="mean absolute error is no metric of these runs; they have accuracy, loss"):
        judge_again(study, "mae", runs)

    made = run_ablation(planned(SCREEN + "metric: f1_weighted\n", "other"))
    assert (made.family, made.effects, made.runs.cached) == (again.family, again.effects, 9)

    # what stood under `also:` is in the storage; the rest needs the predictions, and says which are not there
    gone = sorted(runs.glob("*/predictions.npz"))
    gone[0].unlink()
    part = report_on(study, runs, judge_again(study, "f1_weighted", runs))
    assert f"1 run in no pair: its predictions are not in {runs}" in part.notes
    assert {one.reason for one in part.exclusions if one.kind == "mixed"} == {f"its predictions are not in {runs}"}
    assert sorted(effect.n for effect in part.effects) in ([2, 2], [2, 3])
    for path in gone[1:]:
        path.unlink()
    assert report_on(study, runs, judge_again(study, "f1_macro", runs)).effects == named.effects
    with pytest.raises(UsageError, match=r"no run keeps its predictions in .*--runs-dir says where the runs lie"):
        judge_again(study, "f1_weighted", runs)


def test_what_is_named_beside_the_metric_is_fixed_with_the_ablation(
    planned: Callable[..., Ablation], tmp_path: Path
) -> None:
    storage = open_storage(default_url(tmp_path / "runs"))
    open_ablation(planned(FACTORS + "also: [f1_macro]\n"), storage, "mine")
    with pytest.raises(SpecError, match="also was test_f1_macro, is test_auroc"):
        open_ablation(planned(FACTORS + "also: [auroc]\n"), storage, "mine")
    assert "also" not in planned().model_dump(mode="json")
    assert planned(FACTORS + "metric: f1_macro\n").family.metric == "test_f1_macro"


def test_judging_again_needs_no_torch(tmp_path: Path) -> None:
    code = "import sys, archsearch.ablate.ablation, archsearch.ablate.judged_again; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout == "False\n"
