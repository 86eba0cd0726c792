"""Tracked runs to rows: which stand for their pair, which are left out, and what is said of it."""

from __future__ import annotations

import math

import pytest

from archsearch.ablate.columns import Reading
from archsearch.ablate.compare import compare, sheet_values
from archsearch.ablate.tracked.named import settings_by, settings_in
from archsearch.ablate.tracked.rows import Tracking, rows_of
from archsearch.ablate.tracked.runs import MetricSummary, TrackedRun, flat_settings, setting_text
from archsearch.errors import SpecError, UsageError


def run(name, value=0.9, status="", started=0.0, steps=None, **settings):
    metrics = {} if value is None else {"acc": lambda take: value}
    return TrackedRun(name, {k: str(v) for k, v in settings.items()}, metrics, status, started, steps or {})


def measured(runs, tracking=Tracking(), **reading):  # noqa: B008  # frozen
    chosen = rows_of("tb:x", runs, Reading(**{"variant": "norm", "minimize": False, **reading}), tracking)
    return sheet_values(chosen.sheet, chosen.reading), chosen.notes


GRID = [
    run(f"{norm}{seed}", 0.9 + seed / 100, norm=norm, seed=seed) for norm in ("batch", "layer") for seed in range(3)
]


def test_runs_become_a_value_for_each_variant_and_seed():
    values, notes = measured(GRID)
    assert values.runs == {norm: {0: 0.9, 1: 0.91, 2: 0.92} for norm in ("batch", "layer")}
    assert (values.metric, values.unit, values.source) == ("acc", "points", "tb:x")
    assert notes == ("the last acc of each run stands for it; --take chooses",)


def test_a_failed_run_stays_as_a_pair_without_a_value_and_is_said():
    values, notes = measured([*GRID[:5], run("layer2", 0.5, status="failed", norm="layer", seed=2)])
    assert values.runs["layer"] == {0: 0.9, 1: 0.91, 2: None}
    assert notes[0] == "without a value (failed): layer2"
    judged = compare(values, "batch", values.family())
    assert [(one.variant, one.seed, one.reason) for one in judged.exclusions] == [
        ("layer", 2, "failed: it has no value")
    ]


def test_a_failed_run_that_was_run_again_leaves_its_place_to_the_other():
    values, _ = measured([*GRID, run("again", None, status="failed", norm="layer", seed=1, started=9.0)])
    assert values.runs["layer"] == {0: 0.9, 1: 0.91, 2: 0.92}


def test_a_run_without_the_metric_and_one_that_is_not_finite_have_no_value():
    values, notes = measured(
        [*GRID[:4], run("none", None, norm="layer", seed=1), run("nan", math.nan, norm="layer", seed=2)]
    )
    assert values.runs["layer"] == {0: 0.9, 1: None, 2: None}
    assert notes[:2] == ("without a value (its acc is not finite): nan", "without a value (no acc): none")


def test_a_seed_that_one_side_lacks_is_missing():
    values, _ = measured(GRID[:5])
    judged = compare(values, "batch", values.family())
    assert [(one.variant, one.seed, one.kind) for one in judged.exclusions] == [("layer", 2, "missing")]


def test_runs_without_the_setting_are_left_out_and_named():
    values, notes = measured([*GRID, run("sweep parent", None, seed=0), run("other", norm="layer")])
    assert values.runs["layer"] == {0: 0.9, 1: 0.91, 2: 0.92}
    assert notes[:2] == ("left out, as they have no norm: sweep parent", "left out, as they have no seed: other")


def test_one_number_in_two_writings_is_one_level():
    runs = [run("a", lr="1e-3", seed=0), run("b", lr="0.001", seed=1), run("c", lr="0.01", seed=0)]
    assert list(measured(runs, variant="lr")[0].runs) == ["1e-3", "0.01"]


def test_other_settings_that_moved_are_noted_with_the_effect():
    runs = [run(f"{n}{s}", norm=n, seed=s, lr=0.1 if n == "a" else 0.2, loader=s) for n in "ab" for s in range(3)]
    values, _ = measured(runs)
    (effect,) = compare(values, "a", values.family()).effects
    assert effect.notes[-1] == "lr (0.1 to 0.2 in 3 of 3 pairs) moves too: the effect is not this change's alone"


def test_of_several_factors_what_moved_is_noted_with_the_main_effect_it_moves_with():
    runs = [
        run(f"{n}{w}{s}", 0.9 + s / 50 + (n == "b") / 100, norm=n, width=w, seed=s, lr=0.1 * w)
        for n in "ab" for w in (1, 2) for s in range(3)
    ]  # fmt: skip
    values, _ = measured(runs, variant=None, factors=("norm", "width"))
    norm, width, both = compare(values, "norm=a+width=1", values.family(screen=True)).effects
    said = "lr (0.1 to 0.2 in 6 of 6 pairs) moves too: the effect is not this change's alone"
    assert [said in effect.notes for effect in (norm, width, both)] == [False, True, False]


def test_two_runs_of_one_pair_are_refused_with_what_tells_them_apart():
    runs = [*[run(f"x{s}{lr}", norm="batch", seed=s, lr=lr) for s in range(3) for lr in (1, 2)], *GRID[3:]]
    said = (
        "x02: 'batch' with seed 0 is the run x01 already, and so 2 more, with another lr; --factor norm --factor lr "
        "makes it a factor, or --only lr=VALUE keeps one of each"
    )
    with pytest.raises(SpecError, match=said):
        measured(runs)
    assert measured(runs, Tracking(only=("lr=1.0",)))[0].runs == {"batch": {0: 0.9, 1: 0.9, 2: 0.9}}


def test_the_same_run_twice_is_refused_and_newest_takes_the_later_one():
    runs = [*GRID, run("late", 0.99, norm="batch", seed=0, started=5.0)]
    with pytest.raises(SpecError, match=r"late: 'batch' with seed 0 is the run batch0 already; --newest takes the one"):
        measured(runs)
    values, notes = measured(runs, Tracking(newest=True))
    assert values.runs["batch"] == {1: 0.91, 2: 0.92, 0: 0.99}
    assert notes[0] == "left out, as a newer run has the same settings: batch0"


def test_only_counts_and_names_what_there_is():
    _, notes = measured([*GRID, run("o", norm="batch", seed=7, lr=1)], Tracking(only=("seed=2",)))
    assert notes[0] == "2 of 7 runs have seed=2"
    with pytest.raises(SpecError, match=r"--only seed=9: no run has this value; there are: 0, 1, 2"):
        measured(GRID, Tracking(only=("seed=9",)))
    with pytest.raises(SpecError, match=r"--only: unknown setting 'sed'; did you mean 'seed'\?"):
        measured(GRID, Tracking(only=("sed=9",)))
    with pytest.raises(UsageError, match=r"--only lr: write a setting and its value"):
        measured(GRID, Tracking(only=("lr",)))


def test_what_is_not_said_is_asked_for_with_what_there_is():
    with pytest.raises(SpecError, match=r"say with --factor NAME which setting is compared; these vary: "
                       r"norm \(batch, layer\), seed \(0, 1, 2\)"):  # fmt: skip
        measured(GRID, variant=None)
    with pytest.raises(SpecError, match=r"--factor: unknown setting 'norn'; did you mean 'norm'\?"):
        measured(GRID, variant="norn")
    with pytest.raises(SpecError, match=r"--metric: unknown metric 'loss'; allowed: acc"):
        measured(GRID, value="loss")
    without_seed = [run(f"r{n}", norm="ab"[n % 2], split=n // 2) for n in range(4)]
    with pytest.raises(SpecError, match=r"say with --pair NAME which setting is the seed; these vary: norm \(a, b\), "):
        measured(without_seed)
    assert measured(without_seed, seed="split")[0].runs["a"] == {0: 0.9, 1: 0.9}
    two = [TrackedRun("r", {"norm": "a", "seed": "0"}, {"x": lambda t: 1.0, "y": lambda t: 1.0})]
    with pytest.raises(SpecError, match=r"say with --metric NAME what is compared; there are: x, y"):
        measured(two)
    with pytest.raises(SpecError, match=r"the runs have no settings; --run-name '\{norm\}_s\{seed\}' reads them"):
        measured([run("layer_s0"), run("batch_s0")])


def test_a_nested_setting_is_found_by_its_end():
    runs = [run(f"r{n}{s}", **{"model.norm": n, "seed": s}) for n in "ab" for s in range(2)]
    assert list(measured(runs)[0].runs) == ["a", "b"]


def test_names_tell_settings_by_a_pattern():
    runs = [run(f"{n}_s{s}") for n in ("batch", "layer") for s in range(2)]
    values, notes = measured([*runs, run("notes")], Tracking(run_name="{norm}_s{seed}"))
    assert values.runs == {"batch": {0: 0.9, 1: 0.9}, "layer": {0: 0.9, 1: 0.9}}
    assert notes[0] == "left out, as --run-name does not fit: notes"
    with pytest.raises(SpecError, match=r"no run is called so; there are: batch_s0"):
        measured(runs, Tracking(run_name="{norm}-{seed}"))
    for wrong in ("seed", "{a}{a}", "{}_x", "{a}}"):
        with pytest.raises(UsageError, match="write the settings in braces, each once"):
            settings_by(wrong, "x")


def test_runs_with_fewer_steps_may_not_have_ended():
    runs = [run(f"r{s}", norm="ab"[s % 2], seed=s // 2, steps={"acc": 9.0 if s else 4.0}) for s in range(4)]
    assert measured(runs)[1][-1] == "fewer steps of acc than 9, so perhaps not ended: r0"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("norm=layer/seed3", {"norm": "layer", "seed": "3"}),
        ("lr=0.1,opt=adam", {"lr": "0.1", "opt": "adam"}),
        ("norm=layer_lr=0.1", {}),
        ("resnet-seed_12", {"seed": "12"}),
        ("baseline/version_0", {}),
        ("seedling", {}),
    ],
)
def test_settings_in_a_name(name, settings):
    assert settings_in(name) == settings


def test_a_history_is_three_numbers():
    summary = MetricSummary()
    for step, value in ((0, 0.5), (1, 0.9), (2, math.nan), (3, 0.7), (3, 0.8), (2, 0.6)):
        summary.add(step, value)
    assert [summary.take(take) for take in ("last", "max", "min")] == [0.8, 0.9, 0.5]
    assert MetricSummary().take("last") is None


def test_settings_are_flat_texts():
    tree = {"opt": {"lr": 0.1, "betas": [0.9, 0.99]}, "width": 64.0, "amp": True, "note": None, "empty": {}}
    assert dict(flat_settings(tree)) == {
        "opt.lr": "0.1", "opt.betas": "[0.9, 0.99]", "width": "64", "amp": "True", "note": "None", "empty": "{}",
    }  # fmt: skip
    assert setting_text(" a ") == "a"
