"""Lint: each rule finds its mistake, its fix mends it, and nothing that is right is called a mistake."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archsearch.data.own import OWN_SOURCES
from archsearch.errors import SpecError
from archsearch.experiment_plan import ExperimentPlan, lint_plan, load_plan, plan_experiment
from archsearch.spec.catalog import read_spec
from archsearch.spec.dataset import ARRAY_KINDS
from archsearch.spec.edit.in_memory import edited
from archsearch.spec.lint.rules import RULES, lint
from archsearch.trust import python_file
from tests.spec.trees import TINY, read

ROOT = Path(__file__).parents[3]

SHIPPED: dict[str, list[tuple[str, str]]] = {
    "breast_cancer": [],
    "diabetes": [],
    "digits_blocks": [],
    "digits_quickstart": [],
    "digits_segments": [],
    "lenet5": [("A001", "act5")],
    "lenet5_logits": [],
    "lenet_best": [("A001", "act6")],
    "lenet_best_logits": [],
    "lenet_conv4": [("A001", "act7")],
    "lenet_conv4_relu": [("A001", "act7"), ("A008", "pool2")],  # 2x2 windows on 13x13
    "lenet_fc4": [("A001", "act8")],
    "lenet_l1": [("A003", "act5")],
    "lenet_relu": [("A001", "act5")],
    "mnist_99": [],
    "mnist_995": [],
    "resnet_tiny": [],
    "wine": [],
}


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_spec_has_the_findings_that_are_known(path: Path) -> None:
    plan = load_plan(str(path))
    report = lint(plan.spec, plan.network, task=plan.facts.task.name)
    assert [(finding.code, finding.layer) for finding in report.findings] == SHIPPED[path.stem]
    assert (report.silenced, report.unused) == ((), ())


def planned(
    folder: Path, layers: str, train: str = "{epochs: 1}", data: str = "{name: mnist}", more: str = ""
) -> ExperimentPlan:
    rows = "".join(f"  - {layer.strip()}\n" for layer in layers.split(";"))
    return plan_experiment(read(folder, f"name: x\ndata: {data}\nnetwork:\n{rows}train: {train}\n{more}").spec)


ONCE = "{epochs: 1}"
CONV = "conv2d: {out_channels: 4, kernel_size: 3}"
POOL = "max_pool2d: {kernel_size: 2}"
BARE = "conv2d: {out_channels: 4, kernel_size: 3, bias: false}"
HEAD = f"{CONV}; relu; max_pool2d: {{kernel_size: 2}}; flatten"
OUT = "linear: {out_features: classes}"

# rule: (layers, train, message, fix)
MISTAKES = {
    "A001": (f"{HEAD}; {OUT}; softmax", ONCE,
             "act2 (softmax) stands before cross_entropy, which applies log-softmax itself", [{"drop": "act2"}]),
    "A001 sigmoid": (f"{HEAD}; {OUT}; sigmoid", ONCE,
             "act2 (sigmoid) stands before cross_entropy, which applies log-softmax itself", [{"drop": "act2"}]),
    "A001 identity behind": (f"{HEAD}; {OUT}; softmax; identity", ONCE,
                    "act2 (softmax) stands before cross_entropy, which applies log-softmax itself", [{"drop": "act2"}]),
    "A002": (f"{HEAD}; {OUT}", "{epochs: 1, loss: nll}",
             "nll wants log-probabilities, and the network ends in fc1 (linear)",
             [{"insert": {"after": "fc1", "layers": ["log_softmax"]}}]),
    "A002 softmax": (f"{HEAD}; {OUT}; softmax", "{epochs: 1, loss: nll}",
                     "nll wants log-probabilities, and the network ends in act2 (softmax)",
                     [{"replace": {"act2": "log_softmax"}}]),
    "A003": (f"{HEAD}; {OUT}; softmax", "{epochs: 1, loss: mse}",
             "mse is taken between class probabilities of act2 (softmax) and labels",
             [{"set": {"train.loss": "cross_entropy"}}, {"drop": "act2"}]),
    "A004": (f"flatten; linear: {{out_features: 90}}; dropout; {OUT}", ONCE,
             "nothing nonlinear stands between fc1 and fc2", [{"insert": {"after": "fc1", "layers": ["relu"]}}]),
    "A005": (f"tanh; {HEAD}; {OUT}", ONCE,
             "act1 (tanh) bends the data before any layer with weights", [{"drop": "act1"}]),
    "A006": (f"{CONV}; batch_norm2d; relu; flatten; {OUT}", ONCE,
             "the bias of conv1 is subtracted again by norm1", [{"set": {"conv1.bias": False}}]),
    "A007": (f"{BARE}; dropout; relu; "
             f"{BARE}; batch_norm2d; relu; flatten; {OUT}", ONCE,
             "drop1 shifts the variance that norm1 has learned, as it is off in evaluation", [{"drop": "drop1"}]),
    "A008": (f"conv2d: {{out_channels: 4, kernel_size: 4}}; relu; {POOL}; flatten; {OUT}", ONCE,
             "pool1 (max_pool2d) never looks at the last 1 of 25 rows and 1 of 25 columns of its input",
             [{"set": {"pool1.ceil_mode": True}}]),
    "A008 convolution": (f"conv2d: {{out_channels: 4, kernel_size: 3, stride: [2, 1]}}; relu; flatten; {OUT}", ONCE,
                         "conv1 (conv2d) never looks at the last 1 of 28 rows of its input", []),
    "A010": (f"{BARE}; batch_norm2d; relu; flatten; {OUT}",
             "{epochs: 1, batch_size: 1}", "norm1 normalises over a batch of one sample",
             [{"set": {"train.batch_size": 32}}]),
    "A011": (f"{CONV}; relu; flatten; linear: {{out_features: 50}}; relu; {OUT}",
             ONCE, "fc1 holds 100% of all parameters",
             [{"insert": {"before": "flatten1", "layers": [{"adaptive_avg_pool2d": {"output_size": 1}}]}}]),
    "A012": (f"{HEAD}; {OUT}", "{epochs: 1, optimizer: {adam: {lr: 0.5}}}",
             "adam with lr 0.5; usual is 1e-06 to 0.03", [{"set": {"train.optimizer.adam.lr": 1e-3}}]),
    "A017": (f"{HEAD}; {OUT}", "{epochs: 5, schedule: {step: {step_size: 5}}}",
             "step: step_size 5 is not reached in 5 epochs", []),
    "A018": (f"{HEAD}; {OUT}", "{epochs: 1, sampler: balanced, loss: {cross_entropy: {weight: balanced}}}",
             "sampler balanced draws rare classes more often, and cross_entropy weighs them more",
             [{"set": {"train.sampler": "random"}}]),
    "A017 milestones": (f"{HEAD}; {OUT}", "{epochs: 5, schedule: {multi_step: {milestones: [4, 5, 9]}}}",
             "multi_step: milestones 5, 9 are not passed in 5 epochs", []),
    "A019": (f"flatten: {{start_dim: 2}}; conv1d: {{out_channels: 4, kernel_size: 3}}; lstm: {{hidden_size: 5}}; {OUT}",
             ONCE, "rnn1 (lstm) reads the 4x782 of conv1 as 4 steps, and these are channels",
             [{"insert": {"before": "rnn1", "layers": [{"permute": {"dims": [2, 1]}}]}}]),
    "A012 small": (f"{HEAD}; {OUT}", "{epochs: 1, optimizer: {sgd: {lr: 1e-5}}}",
                   "sgd with lr 1e-05; usual is 0.0001 to 2", [{"set": {"train.optimizer.sgd.lr": 0.01}}]),
}  # fmt: skip


@pytest.mark.parametrize("case", list(MISTAKES))
def test_rule_finds_its_mistake_and_its_fix_mends_it(tmp_path: Path, case: str) -> None:
    layers, train, message, fix = MISTAKES[case]
    plan = planned(tmp_path, layers, train)
    (finding,) = lint(plan.spec, plan.network).findings
    assert (finding.code, finding.message, list(finding.fix)) == (case[:4], message, fix)
    if fix:
        mended = plan_experiment(edited(plan.spec, finding.fix))
        assert lint(mended.spec, mended.network).findings == ()


MLP = "linear: {out_features: 8}; relu; linear: {out_features: outputs}"
TUMOURS, PATIENTS = "{name: breast_cancer}", "{name: diabetes, normalize_targets: true}"
# rule: (data, layers, train, message, fix)
OF_TASKS = {
    "A001": (TUMOURS, f"{MLP}; sigmoid", ONCE, "act2 (sigmoid) stands before bce, which applies the sigmoid itself",
             [{"drop": "act2"}]),
    "A003": (TUMOURS, f"{MLP}; sigmoid", "{epochs: 1, loss: mse}",
             "mse is taken between class probabilities of act2 (sigmoid) and labels",
             [{"set": {"train.loss": "bce"}}, {"drop": "act2"}]),
    "A014": (PATIENTS, f"{MLP}; log_softmax", ONCE, "act2 (log_softmax) over one output gives 0 for every sample",
             [{"drop": "act2"}]),
    "A015": (PATIENTS, f"{MLP}; relu", ONCE,
             "act2 (relu) is the last layer of a regression: it gives nothing below 0, and has no gradient there",
             [{"drop": "act2"}]),
    "A015 tanh": (PATIENTS, f"{MLP}; tanh", ONCE,
                  "act2 (tanh) is the last layer of a regression: it gives -1 to 1 only", [{"drop": "act2"}]),
    "A016": ("{name: diabetes}", MLP, ONCE,
             "the targets are trained on as they are; if their deviation is near 1, say so in `lint`",
             [{"set": {"data.normalize_targets": True}}]),
}  # fmt: skip


@pytest.mark.parametrize("case", list(OF_TASKS))
def test_rule_finds_the_mistake_of_a_task_and_its_fix_mends_it(tmp_path: Path, case: str) -> None:
    data, layers, train, message, fix = OF_TASKS[case]
    plan = planned(tmp_path, layers, train, data)
    found = lint(plan.spec, plan.network, task=plan.facts.task.name).findings
    assert (case[:4], message, fix) in [(one.code, one.message, list(one.fix)) for one in found]
    (mine,) = (one for one in found if one.code == case[:4])
    mended = plan_experiment(edited(plan.spec, mine.fix))
    assert lint(mended.spec, mended.network, task=mended.facts.task.name).findings == ()


def test_moving_average_that_is_longer_than_the_training_is_found_where_the_samples_are_known(tmp_path: Path) -> None:
    """Of 60,000 images in batches of 100 one epoch has 600 steps: 0.999 ** 599 = 0.549, 0.98 ** 599 = 6e-6."""
    plan = planned(tmp_path, f"{HEAD}; {OUT}", "{epochs: 1, batch_size: 100, ema: 0.999}")
    assert lint(plan.spec, plan.network).findings == ()
    (finding,) = lint_plan(plan).findings
    assert (finding.code, finding.message, finding.fix) == (
        "A020",
        "ema 0.999: 55% of it are the first weights still, after 600 steps",
        ({"set": {"train.ema": 0.98}},),
    )
    mended = plan_experiment(edited(plan.spec, finding.fix))
    assert lint_plan(mended).findings == ()
    for enough in ("epochs: 10", "epochs: 1, ema: 0.9"):
        train = f"{{batch_size: 100, {enough}{'' if 'ema' in enough else ', ema: 0.999'}}}"
        assert lint_plan(planned(tmp_path, f"{HEAD}; {OUT}", train)).findings == ()
    fewer = planned(tmp_path, f"{HEAD}; {OUT}", "{epochs: 10, batch_size: 100, accumulate: 5, ema: 0.999}")
    assert [one.message for one in lint_plan(fewer).findings] == [
        "ema 0.999: 30% of it are the first weights still, after 1,200 steps"
    ]


def test_search_without_validation_data_is_found_in_searches_only(tmp_path: Path) -> None:
    plan = planned(tmp_path, f"{HEAD}; {OUT}")
    assert lint(plan.spec, plan.network).findings == ()
    (finding,) = lint(plan.spec, plan.network, searched=True).findings
    assert (finding.code, finding.fix) == ("A009", ({"set": {"data.validation": 0.1}},))
    held_out = planned(tmp_path, f"{HEAD}; {OUT}", data="{name: mnist, validation: 0.1}")
    assert lint(held_out.spec, held_out.network, searched=True).findings == ()


def arrays(folder: Path, *shape: int) -> str:
    draw, labels = np.random.default_rng(0), np.arange(6) % 2
    x = draw.normal(size=(6, *shape)).astype(np.float32)
    np.savez(folder / "own.npz", x_train=x, y_train=labels, x_test=x, y_test=labels)
    return str(folder / "own.npz")


@pytest.mark.parametrize(
    ("shape", "read"),
    [
        ((128, 9), "128 channels of 9 steps"),
        ((128, 1), "128 channels of 1 step"),
        ((32, 32, 5), "32 channels of 32x5 pixels"),
    ],
)
def test_arrays_that_look_like_channels_last_are_found(tmp_path: Path, shape: tuple[int, ...], read: str) -> None:
    data = f"{{name: npz, path: {arrays(tmp_path, *shape)}}}"
    plan = planned(tmp_path, f"flatten; {OUT}", data=data)
    (finding,) = lint(plan.spec, plan.network).findings
    assert (finding.code, finding.message) == (
        "A013",
        f"x is read as {read}; if that is right, say so: `channels: first`",
    )
    mended = plan_experiment(edited(plan.spec, finding.fix))
    assert mended.facts.shape == (shape[-1], *shape[:-1])
    assert lint(mended.spec, mended.network).findings == ()
    meant = plan_experiment(edited(plan.spec, [{"set": {"data.channels": "first"}}]))
    assert lint(meant.spec, meant.network).findings == ()


def test_arrays_of_a_function_are_looked_at_as_those_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays(tmp_path, 128, 9)
    source = "import numpy as np\n\n\ndef load():\n    return dict(np.load('own.npz'))\n"
    (tmp_path / "my_data.py").write_text(source, encoding="utf-8")
    monkeypatch.setenv("ARCHSEARCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("ARCHSEARCH_TRUST_ONCE", python_file(tmp_path / "my_data.py").digest)
    data = f"{{name: python, path: {tmp_path / 'my_data.py'}, function: load}}"
    plan = planned(tmp_path, f"flatten; {OUT}", data=data)
    (finding,) = lint(plan.spec, plan.network).findings
    assert (finding.code, finding.fix) == ("A013", ({"set": {"data.channels": "last"}},))
    kinds = {name for name, source in OWN_SOURCES.items() if "channels" in source.keys}
    assert kinds == set(ARRAY_KINDS)


@pytest.mark.parametrize("shape", [(9, 128), (9, 9), (3, 32, 32), (32, 32, 3), (64, 7, 7), (512, 7, 6), (5, 9, 8)])
def test_arrays_with_their_channels_first_are_right(tmp_path: Path, shape: tuple[int, ...]) -> None:
    data = f"{{name: npz, path: {arrays(tmp_path, *shape)}}}"
    plan = planned(tmp_path, f"flatten; {OUT}", data=data)
    assert lint(plan.spec, plan.network).findings == ()


def test_every_rule_has_a_mistake_here_a_reason_and_a_source() -> None:
    assert {case[:4] for case in [*MISTAKES, *OF_TASKS]} | {"A009", "A013", "A020"} == set(RULES)
    for code, rule in RULES.items():
        assert rule.code == code
        assert rule.reason.endswith(".")
        assert rule.source.endswith(".")


RIGHT = {
    "log_softmax before cross_entropy": (f"{HEAD}; {OUT}; log_softmax", ONCE),
    "log_softmax before nll": (f"{HEAD}; {OUT}; log_softmax", "{epochs: 1, loss: nll}"),
    "mse on logits": (f"{HEAD}; {OUT}", "{epochs: 1, loss: mse}"),
    "softmax inside": (f"flatten; linear: {{out_features: 9}}; softmax; {OUT}", ONCE),
    "factorised matrix": (f"flatten; linear: {{out_features: 5}}; linear: {{out_features: 30}}; relu; {OUT}", ONCE),
    "norm first": (f"batch_norm2d; {HEAD}; {OUT}", ONCE),
    "dropout first": (f"dropout2d; {HEAD}; {OUT}", ONCE),
    "bias before layer norm": (f"{CONV}; layer_norm; relu; flatten; {OUT}", ONCE),
    "bias with an activation before the norm": (
        f"{CONV}; relu; batch_norm2d; flatten; {OUT}", ONCE),
    "dropout after the last norm": (
        f"{BARE}; batch_norm2d; relu; flatten; dropout; {OUT}", ONCE),
    "dropout of nothing": (
        f"dropout: {{p: 0.0}}; {BARE}; batch_norm2d; flatten; {OUT}", ONCE),
    "stride with padding": (
        f"conv2d: {{out_channels: 4, kernel_size: 3, stride: 2, padding: 1}}; relu; flatten; {OUT}", ONCE),
    "1x1 with stride": (f"conv2d: {{out_channels: 4, kernel_size: 1, stride: 2}}; relu; flatten; {OUT}", ONCE),
    "overlapping pool": (f"max_pool2d: {{kernel_size: 3, stride: 2, padding: 1}}; flatten; {OUT}", ONCE),
    "same padding": (f"conv2d: {{out_channels: 4, kernel_size: 4, padding: same}}; relu; flatten; {OUT}", ONCE),
    "a perceptron": (f"flatten; linear: {{out_features: 128}}; relu; {OUT}", ONCE),
    "logistic regression": (f"flatten; {OUT}", ONCE),
    "group norm with batch size 1": (
        f"{CONV}; group_norm: {{num_groups: 2}}; relu; flatten; {OUT}", "{epochs: 1, batch_size: 1}"),
    "rates of published recipes": (f"{HEAD}; {OUT}", "{epochs: 1, optimizer: {sgd: {lr: 1.0, momentum: 0.9}}}"),
}  # fmt: skip


@pytest.mark.parametrize("case", list(RIGHT))
def test_what_is_right_is_not_called_a_mistake(tmp_path: Path, case: str) -> None:
    plan = planned(tmp_path, *RIGHT[case])
    assert lint(plan.spec, plan.network).findings == ()


def test_mistakes_inside_blocks_are_found_under_their_full_names(tmp_path: Path) -> None:
    block = (
        "residual: {layers: [conv2d: {out_channels: 1, kernel_size: 3, padding: same}, batch_norm2d]}; "
        f"relu; flatten; {OUT}"
    )
    plan = planned(tmp_path, block)
    (finding,) = lint(plan.spec, plan.network).findings
    assert (finding.code, finding.layer, finding.fix) == ("A006", "res1.conv1", ({"set": {"res1.conv1.bias": False}},))


def test_fix_that_would_not_fit_is_not_offered(tmp_path: Path) -> None:
    """With ceil_mode the pool gives 14x14 of 27x27, and the block could not add its 13x13 input."""
    block = "residual: {layers: [conv2d: {out_channels: 1, kernel_size: 1, padding: 7}, max_pool2d: {kernel_size: 2}]}"
    plan = planned(
        tmp_path, f"avg_pool2d: {{kernel_size: 2, stride: 1}}; {block}; flatten; {OUT}", data="{name: mnist, size: 14}"
    )
    found = [finding for finding in lint(plan.spec, plan.network).findings if finding.code == "A008"]
    assert [(finding.layer, finding.fix) for finding in found] == [("res1.pool1", ())]


def test_silenced_rule_is_kept_with_its_reason_and_an_unused_one_is_named(tmp_path: Path) -> None:
    text = TINY + "lint: {A001: the write-up has it, A006: no norm here}\n"
    plan = plan_experiment(read(tmp_path, text.replace("classes}", "classes}\n  - softmax")).spec)
    report = lint(plan.spec, plan.network)
    assert report.findings == ()
    assert [(one.code, one.silenced) for one in report.silenced] == [("A001", "the write-up has it")]
    assert report.unused == ("A006",)


def test_variant_silences_for_itself(tmp_path: Path) -> None:
    read(tmp_path, TINY + "lint: {A001: ours}\n", name="parent.yaml")
    child = read(tmp_path, "extends: parent\nedits: [set: {train.epochs: 3}]\nlint: {A004: mine}\n", name="child.yaml")
    assert child.spec.lint == {"A004": "mine"}


def test_silencing_does_not_make_another_run() -> None:
    from archsearch.train.identity import experiment_key

    plan = plan_experiment(read_spec("lenet5").spec)
    silenced = plan_experiment(plan.spec.model_copy(update={"lint": {"A001": "kept"}}))
    assert experiment_key(plan) == experiment_key(silenced)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "{A01: x}",
            r"s\.yaml:16:13: lint\.A01: is no lint rule; `archsearch lint` names them, such as A001, got text",
        ),
        ("{A001: ''}", r"s\.yaml:16:14: lint\.A001: needs some text, got text ''$"),
        ("[A001]", r"s\.yaml:16:7: lint: expected keys with values, got \['A001'\]$"),
        ("{A001: 5}", r"s\.yaml:16:14: lint\.A001: expected text, got 5$"),
    ],
)
def test_silencing_that_is_written_wrongly_is_refused(tmp_path: Path, value: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read(tmp_path, TINY + f"lint: {value}\n")


def test_silencing_a_rule_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    plan = plan_experiment(read(tmp_path, TINY + "lint: {A512: x}\n").spec)
    with pytest.raises(SpecError, match=r"^unknown lint rule 'A512'; did you mean 'A012'\?$"):
        lint(plan.spec, plan.network)
