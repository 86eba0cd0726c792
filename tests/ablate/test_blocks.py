"""Ablations over folds, data sets, training-set sizes and groups: what is planned, what is judged, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from archsearch.ablate.ablation import differences_of
from archsearch.ablate.ablation_file import changed
from archsearch.ablate.blocks import named_in
from archsearch.ablate.forecast import foresee
from archsearch.ablate.judging import judge_ablation
from archsearch.ablate.over_blocks import learning_curves, over_data_sets
from archsearch.ablate.planned import Ablation
from archsearch.ablate.record import AblationReport
from archsearch.ablate.write import ablation_yaml
from archsearch.errors import SpecError, UsageError
from archsearch.train.identity import experiment_key
from tests.ablate.conftest import FACTORS, TINY

FOLDS = FACTORS + "split: {folds: 5, repeats: 2}\n"
SIZES = FACTORS + "train_sizes: [all, 60, 0.5]\n"


def own(path, classes: int, *, groups: bool = False) -> None:
    """Write images of a few classes that differ in brightness; of twelve subjects, where groups are wanted."""
    dice = np.random.default_rng(classes)
    y = np.arange(120) % classes
    x = (dice.normal(100, 40, size=(120, 8, 8)) + 20 * y[:, None, None]).clip(0, 255).astype("u1")
    arrays = {"x_train": x[:90], "y_train": y[:90], "x_test": x[90:], "y_test": y[90:]}
    if groups:
        subjects = np.repeat(np.arange(12), 10)
        arrays |= {"group_train": subjects[:90], "group_test": subjects[90:]}
    np.savez(path, **arrays)


@pytest.fixture
def sets(tmp_path, planned) -> Ablation:
    own(tmp_path / "three.npz", 3)
    own(tmp_path / "five.npz", 5)
    text = "data_sets: [digits, {name: npz, path: three.npz}, {name: npz, path: five.npz, validation: 0.2}]\n"
    return planned(FACTORS + text)


def test_data_sets_of_one_file_name_are_told_apart_by_their_folders(planned, tmp_path) -> None:
    for folder, classes in (("ann", 3), ("bob", 5)):
        (tmp_path / folder).mkdir()
        own(tmp_path / folder / "data.npz", classes)
    own(tmp_path / "other.npz", 4)
    names = "ann/data.npz", "bob/data.npz", "other.npz"
    ablation = planned(FACTORS + f"data_sets: [{', '.join(f'{{name: npz, path: {name}}}' for name in names)}]\n")
    assert [block.name for block in ablation.blocks] == ["ann/data", "bob/data", "other"]
    assert ablation.spec_at("bob/data: baseline", 0).data.path == str(tmp_path / "bob" / "data.npz")
    with pytest.raises(SpecError, match=r"data_sets: other is there already; name each once"):
        planned(FACTORS + "data_sets: [{name: npz, path: other.npz}, {name: npz, path: ./other.npz}]\n")


def test_what_is_said_of_the_baselines_own_source_is_not_said_of_another_kind(planned, tmp_path) -> None:
    dice = np.random.default_rng(0)
    x, y = dice.normal(size=(60, 1, 8, 8)).astype("f4"), np.arange(60) % 10
    np.savez(tmp_path / "mine.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    own_data = TINY.replace("name: digits, limit: 20", "name: npz, path: mine.npz, channels: first").replace("40", "20")
    (tmp_path / "npz.yaml").write_text(own_data, encoding="utf-8")
    text = FACTORS.replace("tiny.yaml", "npz.yaml") + "data_sets: [digits, {name: npz, path: mine.npz}]\n"
    ablation = planned(text)
    assert ablation.spec_at("digits: baseline", 0).data.channels is None
    assert ablation.spec_at("mine: baseline", 0).data.channels == "first"


def test_a_fold_is_the_pair_and_each_has_a_seed_of_its_own(planned) -> None:
    ablation = planned(FOLDS)
    assert (ablation.runs, ablation.seeds, ablation.pair_word) == (30, tuple(range(10)), "fold")
    assert (ablation.family.overlap, ablation.family.pairs) == (0.25, "fold")
    spec = ablation.spec_at("activation=tanh", 7)
    assert (spec.data.fold.of, spec.data.fold.number, spec.data.fold.repeat) == (5, 2, 1)
    keys = {experiment_key(ablation.kind.plan(ablation.spec_at("baseline", pair))) for pair in ablation.seeds}
    assert len(keys) == 10  # a fold is part of what a run is
    assert ablation.cell("baseline").run_seeds == ablation.seeds
    again = Ablation.model_validate_json(ablation.model_dump_json())
    assert again == ablation


def test_folds_are_judged_by_the_corrected_test(planned) -> None:
    ablation = planned(FOLDS)
    d = np.random.default_rng(2).normal(0.01, 0.01, 10)
    runs = {"baseline": dict.fromkeys(range(10), 0.9), "width=x2": dict.fromkeys(range(10), 0.9)}
    runs["activation=tanh"] = dict(enumerate((0.9 + d).tolist()))
    effect = judge_ablation(ablation, runs, complete=True)[0]
    statistic = d.mean() / np.sqrt((1 / 10 + 1 / 4) * d.var(ddof=1))
    assert effect.p == pytest.approx(2 * stats.t.sf(abs(statistic), 9))
    assert "10 paired folds, Holm over 2" in effect.sentence


def test_what_a_split_promises_is_the_corrected_tests(planned, tmp_path) -> None:
    plan = planned(FOLDS).plan
    assert plan is not None
    assert (plan.overlap, plan.seeds, plan.smallest_p) == (0.25, 10, 0.0)
    forecast = foresee(planned(FOLDS), tmp_path / "runs")
    assert (forecast.runs, forecast.to_run) == (30, 30)


def test_another_split_is_another_ablation(planned) -> None:
    two, three = planned(FOLDS), planned(FOLDS.replace("repeats: 2", "repeats: 3"))
    assert "split was 5 folds, 2 times, is 5 folds, 3 times" in differences_of(two, three)


def test_a_split_is_written_and_read_again(declared, tmp_path) -> None:
    one = declared(FOLDS)
    text = ablation_yaml(one, tmp_path / "again.yaml")
    lines = [line for line in text.splitlines() if not line.startswith("baseline")]  # is meant from another folder
    assert declared("\n".join([*lines, "baseline: tiny.yaml", ""]), "again").spec.split == one.spec.split
    assert "split: {folds: 5, repeats: 2}" in text


def test_every_data_set_has_the_whole_design_and_a_family_of_its_own(sets) -> None:
    assert [cell.name for cell in sets.cells][:4] == [
        "digits: baseline", "digits: activation=tanh", "digits: width=x2", "three: baseline"
    ]  # fmt: skip
    assert [len(family) for family in sets.families] == [2, 2, 2]
    assert sets.plan is not None
    assert sets.plan.comparisons == 2  # Holm is inside a data set
    assert sets.cell("five: baseline").spec.data.validation == 0.2
    assert sets.claims[2].label.endswith(" on three")
    assert sets.claims[2].weights == {"three: activation=tanh": 1.0, "three: baseline": -1.0}


def test_data_sets_are_judged_alone_and_ranked_together(sets) -> None:
    dice = np.random.default_rng(3)
    lift = {"baseline": 0.0, "activation=tanh": -0.05, "width=x2": 0.05}
    runs = {
        f"{block.name}: {cell}": dict(enumerate((0.8 + shift + dice.normal(0, 0.01, 10)).tolist()))
        for block in sets.blocks
        for cell, shift in lift.items()
    }
    effects = judge_ablation(sets, runs, complete=True)
    assert [effect.verdict for effect in effects] == ["worse", "better"] * 3
    assert {effect.comparisons for effect in effects} == {2}
    found = over_data_sets(sets, runs)
    assert found is not None
    assert [(one.name, one.mean_rank) for one in found.ranked] == [
        ("width=x2", 1.0), ("baseline", 2.0), ("activation=tanh", 3.0)
    ]  # fmt: skip
    assert found.p == pytest.approx(6 / 6**3)  # all three agree on one of 6 orders
    assert over_data_sets(sets, {}) is None


def test_training_sizes_are_one_family_in_ascending_order(planned) -> None:
    ablation = planned(SIZES)
    sizes = [block.train_size for block in ablation.blocks]
    assert sizes == sorted(sizes)
    assert sizes[0] == 60
    assert sizes[1] == round(0.5 * sizes[2])
    assert [block.name for block in ablation.blocks] == [f"n={size}" for size in sizes]
    assert len(ablation.families) == 1
    assert len(ablation.families[0]) == 6
    runs = {
        named_in(block, cell): dict.fromkeys(range(10), 0.8 + shift)
        for block, gain in zip(ablation.blocks, (-0.02, 0.01, 0.02), strict=True)
        for cell, shift in (("baseline", 0.0), ("activation=tanh", gain), ("width=x2", 0.01))
    }
    curves = learning_curves(ablation, runs, judge_ablation(ablation, runs, complete=True))
    crossing = sizes[0] * (sizes[1] / sizes[0]) ** (0.02 / 0.03)
    assert curves[0].crossing == pytest.approx(crossing)
    assert curves[1].sentence.endswith("the curves do not cross.")


def test_a_study_over_folds_and_groups_from_end_to_end(planned, run_ablation, tmp_path) -> None:
    own(tmp_path / "subjects.npz", 3, groups=True)
    (tmp_path / "grouped.yaml").write_text(
        TINY.replace("{name: digits, limit: 20, validation: 40}", "{name: npz, path: subjects.npz}")
    )
    text = "baseline: grouped.yaml\nfactors: {width: {x2: [set: {conv1.out_channels: 8}]}}\nscreen: true\n"
    ablation = planned(text + "split: {folds: 3, group: subject}\n")
    report = run_ablation(ablation)
    assert (report.complete, report.runs.completed) == (True, 6)
    (found,) = report.groups
    assert sorted(one.group for one in found.groups) == sorted(map(str, range(9)))  # those of the training part
    assert {one.n for one in found.groups} == {1}
    (effect,) = report.effects
    assert effect.mean_difference is not None
    # Three folds of three subjects with ten samples each: the mean over subjects is that over folds.
    assert found.mean_difference == pytest.approx(effect.mean_difference, abs=1e-12)
    assert AblationReport.model_validate_json(report.model_dump_json()) == report
    assert run_ablation(ablation).runs.completed == 6


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("split: {folds: 1}\n", r"mine.yaml:5:16: split.folds: must be at least 2, got 1"),
        ("split: {folds: 5}\n", r"mine.yaml:5:1: split: 5 divisions of the samples are fewer than a claim.*`repea"),
        ("split: {folds: 5, repeats: 2}\nseeds: 3\n", r"a split makes the pairs \(5 folds, 2 times: 10\).*take `se"),
        ("split: {folds: 50}\n", r"mine.yaml:5:1: split: .*50 folds are more than the 40 samples of the rarest class"),
        ("split: {folds: 10, group: subject}\n", r"split: .*digits says of no sample which subject it belongs to"),
        ("data_sets: [digits, 5]\n", r"^[^\n]*:5:21: data_sets\[2\]: expected the name of a data set.*, got 5$"),
        ("train_sizes: [60, x]\n", r"^[^\n]*train_sizes\[2\]: expected a number of samples.*, or all, got text 'x'$"),
        ("train_sizes: [60, 1.5]\n", r"^[^\n]*mine.yaml:5:19: train_sizes\[2\]: must be a number of samples.*got 1.5$"),
        ("data_sets: [digits]\n", r"data_sets: one is not several; give another data set, or take data_sets out"),
        ("data_sets: [digits, {name: digits, limit: 10}]\n", r"mine.yaml:5:21: data_sets: digits is there already"),
        ("data_sets: [digits, digtis]\n", r"mine.yaml:5:21: data_sets: digtis: unknown data set digtis. Did you mean"),
        ("train_sizes: [60, 5000]\n", r"mine.yaml:5:19: train_sizes: 5000: .*train_limit 5000 keeps 5,000"),
        ("train_sizes: [60, 60]\n", r"train_sizes: 60 and 60 are the same 60 samples; name each once"),
        ("train_sizes: [60, all]\ndata_sets: [digits, mnist]\n", r"are two designs; give one of them"),
        ("train_sizes: [60, all]\ndesign: full_factorial\n", r"with comparisons of cells, and full_factorial asks"),
        ("data_sets: [digits, usps]\nseeds: {max: 20, sequential: true}\n", r"fixed number of seeds; take sequential"),
        ("data_sets: [digits, usps]\ncontrol: true\n", r"data_sets and control do not go together"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_at_its_place(planned, text, why) -> None:
    with pytest.raises(SpecError, match=why):
        planned(FACTORS + text)


def test_the_command_line_does_not_give_a_split_other_seeds(declared) -> None:
    with pytest.raises(UsageError, match="a split makes the pairs"):
        changed(declared(FOLDS), seeds=4)


def test_a_baseline_that_is_one_fold_is_not_split_again(declared, tmp_path) -> None:
    (tmp_path / "part.yaml").write_text(TINY.replace("limit: 20", "fold: {of: 5, number: 0}"))
    with pytest.raises(SpecError, match=r"split: tiny is on fold 1 of 5 only; take data.fold out of it"):
        declared(FOLDS.replace("tiny.yaml", "part.yaml"))


def test_folds_of_numbers_to_predict_and_no_mcnemar_for_them(planned, run_ablation, tmp_path) -> None:
    (tmp_path / "progress.yaml").write_text(
        "name: progress\ndata: {name: diabetes, normalize: true, normalize_targets: true}\n"
        "network: [linear: {out_features: 4}, relu, linear: {out_features: outputs}]\n"
        "train: {epochs: 1, batch_size: 100, loss: mse, device: cpu}\n"
    )
    text = "baseline: progress.yaml\nfactors: {width: {x2: [set: {fc1.out_features: 8}]}}\nscreen: true\n"
    report = run_ablation(planned(f"{text}metric: test_rmse\nsplit: {{folds: 3}}\n"))
    assert (report.complete, report.runs.completed) == (True, 6)
    assert (report.models, report.models_missing) == (
        (), "what is predicted are numbers: they are near or far, not right or wrong"
    )  # fmt: skip
    assert report.effects[0].sentence.startswith("width=x2 instead of progress: ")
