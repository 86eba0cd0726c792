"""The language of ablation files: what they make, and what is refused, with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from archsearch.ablate.ablation_file import changed, load_ablation
from archsearch.ablate.ablation_spec import DesignName
from archsearch.ablate.between import declare_between
from archsearch.ablate.design.designs import DESIGNS
from archsearch.ablate.planned import Ablation, plan_ablation
from archsearch.ablate.questions import Question
from archsearch.ablate.write import ablation_yaml
from archsearch.cli.schema import schemas
from archsearch.errors import SpecError, UsageError
from archsearch.spec.text.yaml import read_file, read_text
from tests.ablate.conftest import FACTORS, TINY

ROOT = Path(__file__).parents[2]
VALIDATOR = Draft7Validator(schemas()["ablation"])


def test_cells_and_questions_of_one_factor_at_a_time(planned) -> None:
    ablation = planned()
    assert [(cell.name, cell.parameters, cell.seeds) for cell in ablation.cells] == [
        ("baseline", 1490, tuple(range(10))),  # 4 * 9 + 4 + 4 * 36 * 10 + 10
        ("activation=tanh", 1490, tuple(range(10))),
        ("width=x2", 2970, tuple(range(10))),  # 8 * 9 + 8 + 8 * 36 * 10 + 10
    ]
    assert [(q.name, q.label, q.weights) for q in ablation.questions] == [
        ("activation=tanh", "tanh instead of relu", {"activation=tanh": 1.0, "baseline": -1.0}),
        ("width=x2", "width=x2 instead of tiny", {"width=x2": 1.0, "baseline": -1.0}),
    ]
    assert ablation.family.failed_value == 0.1
    assert (ablation.purpose, ablation.runs, ablation.confounds) == ("claim", 30, ())


@pytest.mark.parametrize("design", [name for name in DESIGNS if name not in ("variants", "fractional_factorial")])
def test_ablation_goes_to_json_and_back(planned, design) -> None:
    ablation = planned(f"{FACTORS}design: {design}\ncontrol: true\n")
    assert Ablation.model_validate_json(ablation.model_dump_json()) == ablation


def test_design_names_of_the_language_are_those_there_are() -> None:
    assert set(DesignName.__args__) == set(DESIGNS)


def test_questions_of_each_design(planned) -> None:
    names, kinds = {}, {}
    for design in ("leave_one_out", "path", "path_and_leave_one_out", "full_factorial", "shapley"):
        ablation = planned(f"{FACTORS}design: {design}\n")
        names[design] = [(q.name, q.against) for q in ablation.questions]
        kinds[design] = [q.kind for q in ablation.questions]
    both = "activation=tanh+width=x2"
    path = [("then activation", "tiny"), ("then width", "activation=tanh")]
    assert names == {
        "leave_one_out": [("without activation", both), ("without width", both)],
        "path": path,
        "path_and_leave_one_out": [*path, ("without activation", both)],
        "full_factorial": [("activation", "tiny"), ("width", "tiny"), ("activation:width", "tiny")],
        "shapley": [("all changes together", "tiny"), ("activation", "tiny"), ("width", "tiny")],
    }
    assert kinds == {
        "leave_one_out": ["comparison", "comparison"],
        "path": ["step", "step"],
        "path_and_leave_one_out": ["step", "step", "comparison"],
        "full_factorial": ["effect", "effect", "interaction"],
        "shapley": ["comparison", "share", "share"],
    }


def test_weights_of_factorial_effects_and_shares_by_hand(planned) -> None:
    factorial = {q.name: q.weights for q in planned(f"{FACTORS}design: full_factorial\n").questions}
    a, w, both = "activation=tanh", "width=x2", "activation=tanh+width=x2"
    half = {"baseline": -0.5, w: -0.5, a: 0.5, both: 0.5}
    assert factorial["activation"] == pytest.approx(half)
    assert factorial["activation:width"] == pytest.approx({"baseline": 1.0, w: -1.0, a: -1.0, both: 1.0})
    shares = {q.name: q.weights for q in planned(f"{FACTORS}design: shapley\n").questions}
    assert shares["activation"] == half  # half of what it adds first, and half of what it adds last


def test_control_runs_the_baseline_on_other_seeds_in_the_family(planned) -> None:
    ablation = planned(FACTORS + "control: true\nseeds: [4, 7, 1, 8, 2, 3, 5, 6, 9, 11]\n")
    control = ablation.cell("control")
    assert (control.spec, control.seeds) == (ablation.cells[0].spec, ablation.seeds)
    assert control.run_seeds == tuple(range(12, 22))
    assert [question.name for question in ablation.claims] == ["activation=tanh", "width=x2", "control"]
    assert ablation.plan is not None
    assert ablation.plan.comparisons == 3


def test_named_specs_are_variants_and_screens_stand_outside_the_family() -> None:
    ablation = plan_ablation(load_ablation(str(ROOT / "studies/documented.yaml")))
    assert (ablation.plan.comparisons, ablation.plan.seeds) == (4, 10)
    assert ablation.cell("variant=lenet_best").parameters == 518_870
    confounded = {confound.cell.removeprefix("variant="): confound.factors for confound in ablation.confounds}
    assert set(confounded) == {"lenet_conv4_relu", "lenet_conv4", "lenet_best", "lenet_fc4"}
    best = ablation.confounds[2]
    assert best.factors == ("widths", "pooling kind", "pooling stride", "fully connected part", "depth")
    assert [one.factor for one in best.separate if one.reason] == ["depth"]
    assert "cannot be attributed" in best.sentence
    assert "archsearch ablate --from lenet5 --to lenet_best" in best.sentence


def test_cells_that_do_not_fit_are_left_out_with_their_consequence() -> None:
    shapley = plan_ablation(declare_between("lenet5", "lenet_best", "shapley"))
    # depth needs the pooling stride first: half of the 120 orders
    assert len(shapley.left_out) == 8
    assert len(shapley.cells) == 32 - 8
    assert {one.consequence for one in shapley.left_out} == {
        "shares are averages over the 60 of 120 orders that do not pass through it"
    }
    assert "does not fit its 1x1 input" in shapley.left_out[0].reason
    weights = next(q.weights for q in shapley.questions if q.name == "depth")
    assert sum(weights.values()) == pytest.approx(0)
    assert not {one.cell for one in shapley.left_out} & {name for q in shapley.questions for name in q.weights}


def test_leave_one_out_says_what_cannot_be_taken_back() -> None:
    ablation = plan_ablation(declare_between("lenet5", "lenet_best"))
    (out,) = ablation.left_out
    assert out.cell == "widths=new+pooling kind=new+fully connected part=new+depth=new"
    assert out.consequence == (
        "what pooling stride is worth when all else is changed cannot be measured: the rest needs it"
    )
    assert "without pooling stride" not in [question.name for question in ablation.questions]


def test_path_takes_steps_together_where_the_one_between_does_not_fit(planned) -> None:
    text = """\
baseline: tiny.yaml
factors:
  depth: {two: [insert: {after: act1, layers: [conv2d: {out_channels: 4, kernel_size: 7, name: deep}, tanh]}]}
  padding: {same: [set: {conv1.padding: same}]}
design: path
"""
    ablation = planned(text)
    assert [(q.name, q.weights) for q in ablation.questions] == [
        ("then depth and padding", {"depth=two+padding=same": 1.0, "baseline": -1.0})
    ]
    (out,) = ablation.left_out
    assert (out.cell, out.consequence) == (
        "depth=two",
        "depth is not a step of its own; it is taken together: then depth and padding",
    )
    factorial = planned(text.replace("design: path", "design: full_factorial"))
    assert [cell.name for cell in factorial.cells] == ["baseline", "padding=same", "depth=two+padding=same"]
    assert "no longer as plain means" in factorial.notes[0]


WRONG = [
    (
        "baseline: {extends: tiny, edits: [{replace: {relu: tanh}}]}\nvariants: [tiny]\n",
        r"^[^\n]*mine\.yaml:1:11: baseline: expected the name of a spec, or a file; a spec with changes [^\n]*$",
    ),
    ("baseline: tiny.yaml\n", r"mine\.yaml:1:1: there is nothing to compare: give `factors`, or a list"),
    (FACTORS.replace("tiny.yaml", "tny.yaml"), r"no such file|tny\.yaml"),
    ("factors: {}\n", r"the key 'baseline' is missing"),
    (FACTORS + "  pool: {}\n", r"mine\.yaml:5:3: factors\.pool: the factor has no levels; give it one"),
    (FACTORS + "  pool: {none: []}\n", r"mine\.yaml:5:16: factors\.pool\.none: is empty; at least one is needed"),
    (FACTORS + "  same: {relu: [replace: {relu: relu}]}\n", r"mine\.yaml:5:26: replace relu changes nothing; take"),
    (
        FACTORS + "  words: {other: [set: {summary: Another one.}]}\n",
        r"mine\.yaml:5:11: the level words=other changes nothing that is computed; take it out",
    ),
    (
        FACTORS + "  again: {tanh: [replace: {act1: tanh}]}\n",
        r"mine\.yaml:5:11: the level again=tanh gives the same network as the level activation=tanh",
    ),
    (FACTORS + "  bad: {layer: [drop: conv9]}\n", r"mine\.yaml:5:23: unknown layer 'conv9'; did you mean 'conv1'\?"),
    (
        FACTORS + "  big: {kernel: [set: {conv1.kernel_size: 9}]}\n",
        r"mine\.yaml:5:9: big=kernel: conv1 \(conv2d\): kernel 9x9 does not fit its 8x8 input",
    ),
    (
        FACTORS + "  data: {mnist: [set: {data.name: mnist}]}\n",
        r"mine\.yaml:5:10: .* is tested on other data than tiny: data\.name is mnist, not digits; the test data",
    ),
    (
        FACTORS + "  data: {few: [set: {data.limit: 10}]}\n",
        r"mine\.yaml:5:10: .* is tested on other data than tiny: data\.limit is 10, not 20; it cuts the validation and "
        r"test data too, while data\.train_limit cuts the training part only$",
    ),
    (
        FACTORS + "  data: {few: [set: {data.limit: 10}]}\ndesign: full_factorial\n",
        r"^[^;]*mine\.yaml:5:10: tiny-data-few is tested on other data than tiny: data\.limit is 10, not 20; [^;]*$",
    ),
    (
        FACTORS + "  held: {out: [set: {data.validation: 50}]}\nmetric: val_loss\n",
        r"mine\.yaml:5:10: .* has other validation data than tiny: 50 samples, not 40; .* Use one data\.validation",
    ),
    (
        FACTORS + "  held: {out: [set: {data.validation: 0}]}\nmetric: val_accuracy\n",
        r"mine\.yaml:5:10: .* has no validation data for the metric val_accuracy; set data\.validation",
    ),
    (
        FACTORS + "  by: {mse: [set: {train.eval_loss: mse}]}\nmetric: test_loss\n",
        r"mine\.yaml:5:8: .* has another test_loss than tiny: train\.eval_loss is mse, not cross_entropy; losses would",
    ),
    (
        FACTORS + "  by: {mse: [set: {train.eval_loss: mse}]}\n",
        r"mine\.yaml:5:8: the level by=mse changes nothing that is computed; take it out",
    ),
    (
        FACTORS + "seeds: 5\n",
        r"mine\.yaml:5:1: seeds: 5 seeds cannot answer: the smallest p of 5 pairs is 0\.0625, with Holm over 2 "
        r"comparisons 0\.125, and alpha is 0\.05\. With Holm over 2 comparisons at least 7 pairs can be "
        r"significant, and a claim has at least 10\. Use at least 10 seeds, or call it a screen\.",
    ),
    (FACTORS + "seeds: 8\n", r"mine\.yaml:5:1: seeds: 8 seeds are fewer than a claim needs\. With"),
    (FACTORS + "seeds: [1, 2, 2]\n", r"mine\.yaml:5:8: seeds: seed 2 stands there twice"),
    (FACTORS + "seeds: ten\n", r"seeds: expected how many \(10, at most 1000\), a list of seeds, or \{max: 30"),
    (FACTORS + "seeds: {max: 30, sequental: true}\n", r"seeds: expected how many"),
    (FACTORS + "design: one_at_time\n", r"design: must be one of 'one_at_a_time', "),
    (FACTORS + "metrics: x\n", r"unknown key 'metrics'; did you mean 'metric'\?"),
    (FACTORS + "variants: [lenet5]\n", r"mine\.yaml:1:1: the design variants takes `variants`"),
    (FACTORS + "design: path\nvariants: [lenet5]\n", r"`variants` belong to the design variants"),
    (FACTORS + "design: variants\n", r"the design variants takes `variants`, a list of specs, no factors"),
    ("baseline: lenet5\nvariants: [lenet5]\n", r"mine\.yaml:2:12: the spec 'lenet5' is the baseline; name each once"),
    ("baseline: lenet5\nvariants: [lenet_l1, lenet_l1]\n", r"mine\.yaml:2:22: the spec 'lenet_l1' is there already"),
    ("baseline: lenet5\nvariants: [lenet_l2]\n", r"mine\.yaml:2:12: unknown spec 'lenet_l2'; did you mean 'lenet_l1'"),
    (
        FACTORS.replace("{tanh: [replace", "{gelu: [replace: {relu: gelu}], tanh: [replace") + "design: path\n",
        r"mine\.yaml:2:1: path needs one level for each factor; activation has more",
    ),
    ("base: lenet5\nobjective: {maximize: val_accuracy}\n", r"mine is a search and no ablation; `archsearch study"),
    (FACTORS + "  seed: {one: [drop: act1]}\n", r"mine\.yaml:5:3: a factor cannot be called 'seed'; give it another"),
    (FACTORS + "  act: {baseline: [drop: act1]}\n", r"mine\.yaml:5:9: a level cannot be called 'baseline'; give it"),
    ("- a\n", r"mine\.yaml:1:1: .*keys with values"),
    (FACTORS + "metric: val_accuracy\nalpha: 1.5\n", r"alpha: must be less than 1\.0, got 1\.5"),
]  # fmt: skip


def test_named_variant_and_the_second_of_two_specs_must_be_measured_on_the_same(planned, tmp_path) -> None:
    planned()  # writes tiny.yaml
    other = TINY.replace("name: tiny", "name: other").replace("limit: 20", "limit: 10").replace("relu", "tanh")
    (tmp_path / "other.yaml").write_text(other, encoding="utf-8")
    with pytest.raises(SpecError, match=r"mine\.yaml:2:1: other is tested on other data than tiny: data\.limit is 10"):
        planned("baseline: tiny.yaml\nvariants: [other.yaml]\n")
    declared = declare_between(str(tmp_path / "tiny.yaml"), str(tmp_path / "other.yaml"))
    with pytest.raises(SpecError, match=r"^[^\n]*tiny-data-new is tested on other data than tiny: data\.limit[^\n]*$"):
        plan_ablation(declared)


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_what_cannot_be_is_refused_with_its_place(planned, text, message) -> None:
    with pytest.raises(SpecError, match=message):
        planned(text)


def test_metric_of_validation_data_needs_some(planned) -> None:
    text = "baseline: lenet5\nvariants: [lenet_l1]\nmetric: val_accuracy\n"
    with pytest.raises(SpecError, match=r"mine\.yaml:3:1: lenet5 has no validation data for the metric val_accuracy"):
        planned(text)


def test_loss_is_minimised_in_its_own_unit(planned) -> None:
    family = planned(FACTORS + "metric: test_loss\n").family
    assert (family.unit, family.margin) == ("own", 0.0)  # no margin of an accuracy for a loss
    family = planned(FACTORS + "metric: test_loss\nmargin: 0.01\n").family
    assert (family.direction, family.unit, family.margin, family.failed_value) == ("minimize", "own", 0.01, None)


def test_a_direction_does_not_turn_a_known_metric_around(planned) -> None:
    with pytest.raises(SpecError, match=r"mine\.yaml:6:1: direction: less of loss is better; take direction out"):
        planned(FACTORS + "metric: test_loss\ndirection: maximize\n")
    assert planned(FACTORS + "metric: test_loss\ndirection: minimize\n").family.direction == "minimize"


def test_screen_may_have_few_seeds_and_promises_nothing(planned) -> None:
    ablation = planned(FACTORS + "seeds: 3\nscreen: true\n")
    assert (ablation.purpose, ablation.family.screen, ablation.plan.smallest_effect) == ("screen", True, None)


def test_options_change_what_the_file_says(declared) -> None:
    ablation = plan_ablation(changed(declared(), design="full_factorial", seeds=12, control=True))
    assert (ablation.design, len(ablation.seeds), len(ablation.claims)) == ("full_factorial", 12, 4)
    with pytest.raises(SpecError, match=r"^--seeds: 4 seeds cannot answer"):
        plan_ablation(changed(declared(), seeds=4))
    with pytest.raises(UsageError, match="the design variants takes `variants`"):
        changed(declared(), design="variants")


def test_difference_of_two_specs_becomes_factors_and_a_file_that_reads_back(tmp_path) -> None:
    made = declare_between("lenet5", "lenet_conv4_relu")
    assert list(made.spec.factors) == ["activation", "widths", "kernel", "fully connected part", "depth"]
    path = tmp_path / "between.yaml"
    path.write_text(ablation_yaml(made, path), encoding="utf-8")
    again = load_ablation(str(path))
    assert again.spec == made.spec
    assert plan_ablation(again).cells == plan_ablation(made).cells
    whole = next(c for c in plan_ablation(made).cells if len(c.moved) == 5)
    assert whole.parameters == 75_070  # lenet_conv4_relu's


def test_specs_that_compute_the_same_have_nothing_to_ablate() -> None:
    with pytest.raises(SpecError, match="lenet5 and lenet5 have the same data, network and training"):
        declare_between("lenet5", "lenet5")


# -- the schema --------------------------------------------------------------------------------------------------------


def test_committed_schema_is_the_one_the_code_makes() -> None:
    """After a change of the language: archsearch schema --write schema"""
    assert json.loads((ROOT / "schema/ablation.schema.json").read_text(encoding="utf-8")) == schemas()["ablation"]
    Draft7Validator.check_schema(schemas()["ablation"])


@pytest.mark.parametrize("name", ["documented", "lenet5_factors"])
def test_shipped_ablation_is_valid_by_the_schema(name) -> None:
    assert list(VALIDATOR.iter_errors(read_file(ROOT / f"studies/{name}.yaml").plain())) == []


@pytest.mark.parametrize(
    "text",
    [
        FACTORS + "design: one_at_time\n",
        FACTORS + "metrics: x\n",
        FACTORS + "seeds: ten\n",
        FACTORS + "  pool: {}\n",
        FACTORS + "  bad: {layer: [remove: conv9]}\n",
        "factors: {a: {b: {drop: softmax}}}\n",
    ],
)
def test_schema_refuses_a_typical_mistake(text) -> None:
    assert VALIDATOR.is_valid(read_text(FACTORS, "s").plain())
    assert not VALIDATOR.is_valid(read_text(text, "s").plain())


def test_number_of_training_samples_is_a_factor(planned) -> None:
    ablation = planned(
        "baseline: tiny.yaml\nfactors:\n  samples:\n    few: [set: {data.train_limit: 20}]\n"
        "    half: [set: {data.train_limit: 0.5}]\ndesign: one_at_a_time\n"
    )
    limits = [cell.spec.data.train_limit for cell in ablation.cells]
    assert limits == [None, 20, 0.5]
    assert {cell.spec.data.validation for cell in ablation.cells} == {40}
    assert ablation.confounds == ()


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (80, "the level samples=few gives the same network as the level samples=half"),  # half of 200 - 40
        (160, "the level samples=few changes nothing that is computed; take it out"),
        (161, r"train_limit 161 keeps 161 of the 160 training samples"),
    ],
)
def test_number_of_training_samples_that_says_nothing_is_refused(planned, limit, message) -> None:
    with pytest.raises(SpecError, match=message):
        planned(
            "baseline: tiny.yaml\nfactors:\n  samples:\n    half: [set: {data.train_limit: 0.5}]\n"
            f"    few: [set: {{data.train_limit: {limit}}}]\ndesign: one_at_a_time\n"
        )


def test_every_wrong_edit_of_an_ablation_is_told_at_once(planned) -> None:
    text = """\
baseline: tiny.yaml
sedes: 3
metric: val_acc
factors:
  act:
    reelu: [replace: {relu: reelu}]
    tanh: [{replace: {relu: tanh}}, {set: {conv1.filters: 12}}]
  train:
    slow: [set: {train.optimizer.adam.learning_rate: 0.1}]
    big: {set: {train.bach_size: 3}}
    open: {set: {train.epochs: {choice: [1, 2]}}}
  tail: {none: {remove: relu}}
"""
    with pytest.raises(SpecError, match=r"mine\.yaml:2:1") as caught:
        planned(text)
    assert [(p.where.partition("mine.yaml:")[2], p.message) for p in caught.value.problems] == [
        ("2:1", "top level: unknown key 'sedes'; did you mean 'seeds'?"),
        ("3:9", "metric: expected a metric of the baseline, such as 'val_accuracy', got text 'val_acc'"),
        ("6:29", "network[2]: unknown kind 'reelu'; did you mean 'relu'?"),
        ("7:44", "conv1 (conv2d): unknown field 'filters'; did you mean 'out_channels'?"),
        ("9:18", "train.optimizer.adam: unknown key 'learning_rate'; did you mean 'lr'?"),
        ("10:17", "train: unknown key 'bach_size'; did you mean 'batch_size'?"),
        ("11:32", "train.epochs: cannot be left open here; open values stand in the network, data and train of a "
         "search"),
        ("12:16", "unknown edit 'remove'; did you mean 'drop'?"),
    ]  # fmt: skip


def test_edits_that_stand_on_those_before_are_no_mistake_on_a_path(planned) -> None:
    text = """\
baseline: tiny.yaml
factors:
  more: {conv: [insert: {after: conv1, layers: [conv2d: {out_channels: 4, kernel_size: 1, name: deep}]}]}
  wide: {x2: [set: {deep.out_channels: 8}]}
design: path
"""
    assert [cell.name for cell in planned(text).cells] == ["baseline", "more=conv", "more=conv+wide=x2"]
    with pytest.raises(SpecError, match=r"mine\.yaml:4:21: there is no 'deep\.out_channels'"):
        planned(text.replace("design: path", "design: one_at_a_time"))


@pytest.mark.parametrize(
    ("name", "written", "kind"),
    [
        ("then relu", "comparison", "step"),
        ("A008-2=fixed", "comparison", "price"),
        ("activation=tanh", "comparison", "comparison"),
        ("activation:width", "effect", "interaction"),
        ("activation", "effect", "effect"),
        ("then relu", "screen", "screen"),
    ],
)
def test_kind_of_a_question_that_0_1_0_wrote_is_read_from_its_name(name: str, written: str, kind: str) -> None:
    held = {"name": name, "against": "tiny", "label": name, "kind": written, "weights": {"a": 1.0, "b": -1.0}}
    question = Question.model_validate_json(json.dumps(held))
    assert question.kind == kind
    assert Question.model_validate_json(question.model_dump_json()) == question
