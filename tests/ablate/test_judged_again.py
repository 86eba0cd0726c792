"""A finished ablation on another metric: the same verdicts as if it had been made for it, and nothing is trained."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score
from statsmodels.stats.power import TTestPower

from archsearch.ablate.ablation import open_ablation, report_on
from archsearch.ablate.judged_again import judge_again
from archsearch.ablate.planned import Ablation
from archsearch.ablate.record import AblationReport, CellReport
from archsearch.ablate.sensitivity import can_average, sensitivity
from archsearch.errors import SpecError, UntrustedError, UsageError
from archsearch.experiment_plan import load_spec
from archsearch.study.lifecycle import existing_ablation
from archsearch.study.storage import Study, default_url, open_storage
from archsearch.trust import allow_once, python_file
from tests.ablate.conftest import FACTORS

SCREEN = FACTORS + "seeds: 3\nscreen: true\n"
ALSO = SCREEN + "also: [f1_macro, val_loss]\n"

AGAIN = """
import sys
from archsearch.cli import main
sys.argv = ["archsearch", "ablate", "mine", "--metric", "auroc"]
try:
    main()
finally:
    heavy = ("torch", "alembic", "plotly")
    print("imported:", [name for name in heavy if name in sys.modules])
"""


def cells(report: AblationReport) -> list[tuple[str, CellReport]]:
    return [(cell.name, cell) for cell in report.cells]


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
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
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

    own = tmp_path / "mine.py"
    own.write_text("def cost(targets, outputs):\n    return float((outputs.argmax(1) != targets).sum())\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHSEARCH_TRUST_ONCE", "")
    with pytest.raises(UsageError, match=r"more of mine.py:cost is better is not known; say --minimize mine.py"):
        judge_again(study, "mine.py:cost", runs)
    with pytest.raises(UntrustedError, match=r"mine\.py is a Python file, which is code"):
        judge_again(study, "mine.py:cost", runs, "minimize")
    allow_once([python_file(own).digest])
    cost = report_on(study, runs, judge_again(study, "mine.py:cost", runs, "minimize"))
    wrong = {name: {seed: round(200 * (1 - v)) for seed, v in cell.values.items()} for name, cell in cells(report)}
    assert {name: cell.values for name, cell in cells(cost)} == wrong
    assert (cost.family.direction, cost.family.unit) == ("minimize", "own")
    assert cost.notes[0].startswith(f"mine.py:cost is a function of {own} (SHA-256 ")

    # what takes long to import is what makes such a question slow
    done = subprocess.run([sys.executable, "-c", AGAIN], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.stdout.splitlines()[-1], done.returncode) == ("imported: []", 0), done.stderr

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


def test_metrics_are_compared_by_the_seeds_that_they_would_need(finished: tuple[AblationReport, Study, Path]) -> None:
    _, study, runs = finished
    found = sensitivity(study, runs)

    assert (found.metric, found.comparisons, found.without) == ("test_accuracy", 2, 0)
    losses: dict[str, dict[int, float]] = {}
    for trial in study.trials:
        value = trial.user_attrs["result"]["test_loss"]
        losses.setdefault(trial.user_attrs["cell"], {})[trial.user_attrs["pair"]] = value
    differences = np.array([losses["width=x2"][seed] - losses["baseline"][seed] for seed in range(3)])
    (row,) = (row for row in found.of("width=x2") if row.metric == "test_loss")
    assert (row.n, row.difference) == (3, pytest.approx(differences.mean()))
    assert row.d_z == pytest.approx(-differences.mean() / differences.std(ddof=1))  # less loss is better
    # 0.8 to find it by a two-sided t test at alpha / 2, and never fewer pairs than can be significant: 7
    power = TTestPower().solve_power(abs(row.d_z), None, 0.025, 0.8, "two-sided")
    assert row.seeds is not None
    assert row.seeds == pytest.approx(max(power, 7), abs=3)
    seeds = [one.seeds or math.inf for one in found.of("width=x2")]
    assert seeds == sorted(seeds)
    assert not found.may_average  # one epoch was trained: there are no last three to average
    sooner = found.sooner("width=x2")
    own = next(one for one in found.of("width=x2") if one.metric == "test_accuracy")
    assert sooner is None or (sooner.seeds or 0) < (own.seeds or math.inf)


SOFTMAX = """\
baseline: tiny.yaml
factors:
  end: {softmax: [insert: {after: fc1, layers: [softmax]}]}
metric: val_loss
seeds: 3
screen: true
"""


def test_a_loss_of_probabilities_is_not_ranked_against_one_of_logits(
    planned: Callable[..., Ablation], run_ablation: Callable[..., AblationReport], tmp_path: Path
) -> None:
    """Without training on them: cross-entropy over softmax outputs lies between 1.46 and 2.46."""
    report = run_ablation(planned(SOFTMAX))
    said = "validation loss is taken of logits (baseline) and of probabilities (end=softmax): its size differs by"
    assert [note for note in report.notes if note.startswith(said)] != []
    storage = open_storage(default_url(tmp_path / "runs"))
    found = sensitivity(existing_ablation("mine", storage), tmp_path / "runs")
    (row,) = (one for one in found.rows if one.metric == "val_loss")
    assert row.scale.startswith(said)
    assert found.rows[-1] == row
    assert {one.scale for one in found.rows[:-1]} == {""}
    assert found.sooner("end=softmax") is None  # by what would the study's own loss be too slow?


def test_what_is_named_beside_the_metric_is_fixed_with_the_ablation(
    planned: Callable[..., Ablation], tmp_path: Path
) -> None:
    storage = open_storage(default_url(tmp_path / "runs"))
    open_ablation(planned(FACTORS + "also: [f1_macro]\n"), storage, "mine")
    with pytest.raises(SpecError, match="also was test_f1_macro, is test_auroc"):
        open_ablation(planned(FACTORS + "also: [auroc]\n"), storage, "mine")
    assert "also" not in planned().model_dump(mode="json")
    assert planned(FACTORS + "metric: f1_macro\n").family.metric == "test_f1_macro"


@pytest.mark.parametrize("modules", ["ablate.ablation, archsearch.ablate.judged_again", "report.make"])
def test_judging_again_and_its_report_need_no_torch(tmp_path: Path, modules: str) -> None:
    code = f"import sys, archsearch.{modules}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("values", "offered"),
    [({"epochs": 2}, False), ({"epochs": 3}, True), ({"epochs": 3, "average": 2}, False)],
)
def test_the_mean_of_three_epochs_is_offered_where_it_could_be_taken(values: dict[str, int], offered: bool) -> None:
    spec = load_spec("digits_quickstart")
    spec = spec.model_copy(update={"train": spec.train.model_copy(update=values)})
    assert can_average(spec) == offered
