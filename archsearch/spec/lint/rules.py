"""Known mistakes in a spec that is otherwise right: rules with a reason, a source and, where there is one, a fix.

    report = lint(spec, plan)
    for finding in report.findings: print(finding.code, finding.message, finding.fix)

A finding is advice and not an error. It is silenced in the spec, with a reason: `lint: {A001: kept on purpose}`. To add
a rule: a function in `checks.py` and its entry in `RULES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from archsearch.errors import SpecError
from archsearch.spec.edit.in_memory import Edit, edited
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.lint import checks
from archsearch.spec.lint.checks import Examined, Found
from archsearch.spec.network import NetworkPlan, plan_network
from archsearch.spec.text.sentences import unknown


@dataclass(frozen=True, slots=True)
class Rule:
    """A known mistake."""

    code: str
    title: str
    reason: str
    source: str
    check: Callable[[Examined], Iterator[Found]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that applies; `silenced` is the reason the spec gives, `fix` edits after which the spec still fits."""

    code: str
    title: str
    message: str
    layer: str
    reason: str
    source: str
    fix: tuple[Edit, ...]
    silenced: str | None


@dataclass(frozen=True, slots=True)
class LintReport:
    """All that was found. `unused` names silenced rules that find nothing."""

    findings: tuple[Finding, ...]
    silenced: tuple[Finding, ...]
    unused: tuple[str, ...]


def lint(
    spec: ExperimentSpec,
    plan: NetworkPlan,
    *,
    searched: bool = False,
    task: str = "classification",
    samples: int = 0,
) -> LintReport:
    """Apply every rule, for data of a task and so many samples to train on (0: not known).

    Raises `SpecError` where the spec silences a rule that does not exist.
    """
    wrong = [code for code in spec.lint if code not in RULES]
    if wrong:
        raise SpecError(unknown("lint rule", wrong[0], RULES), ("lint",))
    subject = Examined(spec, plan, searched, task, samples)
    found = [
        Finding(
            code,
            rule.title,
            one.message,
            one.layer,
            rule.reason,
            rule.source,
            _fitting(subject, one.fix),
            spec.lint.get(code),
        )
        for code, rule in RULES.items()
        for one in rule.check(subject)
    ]
    return LintReport(
        tuple(one for one in found if one.silenced is None),
        tuple(one for one in found if one.silenced is not None),
        tuple(code for code in spec.lint if not any(one.code == code for one in found)),
    )


def _fitting(subject: Examined, fix: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """Keep a fix only if the network still fits together after it."""
    if not fix:
        return ()
    try:
        network = edited(subject.spec, fix).network
        plan_network(network, subject.plan.input_shape, subject.plan.output_shape[0])
    except SpecError:
        return ()
    return fix


RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in (
        Rule(
            "A001",
            "softmax or sigmoid before a loss of logits",
            "The loss squashes what are probabilities already, and its gradients are small. Cross-entropy cannot fall "
            "below ln(1 + (classes - 1)/e), 1.46 for ten classes, bce of a yes not below ln(1 + 1/e), 0.31.",
            "torch.nn.CrossEntropyLoss, torch.nn.BCEWithLogitsLoss: the input is expected to be unnormalized logits.",
            checks.squashed_twice,
        ),
        Rule(
            "A002",
            "nll without log_softmax",
            "The loss is minus the output of the true class: without log_softmax it has no lower bound.",
            "torch.nn.NLLLoss: the input is expected to contain log-probabilities.",
            checks.no_log_probabilities,
        ),
        Rule(
            "A003",
            "mse or l1 on class probabilities",
            "Where the network is confident and wrong the gradient through the squashing vanishes: it learns slowly.",
            "Golik, Doetsch & Ney 2013, Cross-entropy vs. squared error training, Interspeech.",
            checks.distance_of_probabilities,
        ),
        Rule(
            "A004",
            "two linear layers with nothing between",
            "The product of two matrices is one matrix: the second layer adds parameters and no function.",
            "Goodfellow, Bengio & Courville 2016, Deep Learning, section 6.4.",
            checks.linear_after_linear,
        ),
        Rule(
            "A005",
            "activation before the first layer",
            "It bends or cuts the data before anything was learned from them; relu does nothing to data in 0 to 1.",
            "Arithmetic: relu(x) = x for x >= 0.",
            checks.activation_first,
        ),
        Rule(
            "A006",
            "bias before batch norm",
            "The norm subtracts the mean, and the bias with it: parameters that never matter.",
            "Ioffe & Szegedy 2015 (arXiv 1502.03167), section 3.2.",
            checks.bias_before_norm,
        ),
        Rule(
            "A007",
            "dropout before batch norm",
            "The variance differs between training and evaluation, and the norm has learned that of training.",
            "Li, Chen, Hu & Yang 2019 (arXiv 1801.05134).",
            checks.dropout_before_norm,
        ),
        Rule(
            "A008",
            "rows that are thrown away",
            "Stride and size do not go together: the last rows and columns never reach the next layer.",
            "Dumoulin & Visin 2016 (arXiv 1603.07285), relationship 6.",
            checks.rows_thrown_away,
        ),
        Rule(
            "A009",
            "no validation data in a search",
            "Selecting on the test set makes its accuracy an optimistic one.",
            "Cawley & Talbot 2010, JMLR 11, 2079-2107.",
            checks.no_validation_in_search,
        ),
        Rule(
            "A010",
            "batch norm with batch size 1",
            "The statistics of one sample are its own: training and evaluation see different networks.",
            "Wu & He 2018 (arXiv 1803.08494), section 1.",
            checks.norm_of_one,
        ),
        Rule(
            "A011",
            "one layer with more than 80 % of the parameters",
            "Flattening a large map into a linear layer costs most of the parameters; averaging the map costs none.",
            "Lin, Chen & Yan 2014 (arXiv 1312.4400), section 3.2.",
            checks.one_layer_has_it_all,
        ),
        Rule(
            "A012",
            "unusual learning rate",
            "Outside the usual range of the optimiser training mostly stands still or diverges.",
            "Bengio 2012 (arXiv 1206.5533), section 3.1.1; Kingma & Ba 2015 (arXiv 1412.6980).",
            checks.unusual_rate,
        ),
        Rule(
            "A013",
            "arrays that look like channels last",
            "Read with more channels than steps (or pixels in a row), a convolution slides over the channels and takes "
            "time for a channel.",
            "torch.nn.Conv1d: the input is (N, channels, length); Keras and most tables have (N, length, channels).",
            checks.channels_last,
        ),
        Rule(
            "A014",
            "softmax over one output",
            "Its exponential divided by itself is 1: the network says the same of every sample and learns nothing.",
            "Arithmetic: exp(x) / exp(x) = 1. Of one output the sigmoid is meant, and bce has it.",
            checks.softmax_of_one,
        ),
        Rule(
            "A015",
            "a bound on the numbers of a regression",
            "What lies beyond the activation's range cannot be predicted, and where relu is 0 nothing is learned.",
            "Bishop 2006, Pattern Recognition and Machine Learning, section 5.2: identity output units for regression.",
            checks.bounded_numbers,
        ),
        Rule(
            "A016",
            "targets that are not normalised",
            "Weights begin for outputs of about 1: far targets take many steps to reach, and the usual learning rates "
            "are not for their gradients.",
            "LeCun, Bottou, Orr & Mueller 1998, Efficient BackProp, section 4.5.",
            checks.targets_as_they_are,
        ),
        Rule(
            "A017",
            "a schedule that does nothing",
            "The training ends before the learning rate drops: what is written down as the recipe is not what is run.",
            "torch.optim.lr_scheduler.StepLR, MultiStepLR, ReduceLROnPlateau: when each of them acts.",
            checks.idle_schedule,
        ),
        Rule(
            "A018",
            "classes that are balanced twice",
            "A class that is drawn as often as any other and weighed by its rareness counts as if it were the frequent "
            "one.",
            "Arithmetic: expected weight of a class = times drawn x weight; Buda, Maki & Mazurowski 2018 "
            "(arXiv 1710.05381).",
            checks.balanced_twice,
        ),
        Rule(
            "A019",
            "channels read as steps",
            "Recurrence and attention go along the first size of a sample, (steps, features); data and convolutions "
            "have the channels there. It runs, and learns the order of the channels.",
            "torch.nn.LSTM with batch_first: (N, steps, features); torch.nn.Conv1d: (N, channels, steps).",
            checks.channels_as_steps,
        ),
        Rule(
            "A020",
            "a moving average longer than the training",
            "The average begins with the weights after the first step, which know nothing; each step keeps its share "
            "of them. What is measured and kept is that average.",
            "Arithmetic: decay ** (steps - 1) of the first weights is left; torch.optim.swa_utils.AveragedModel.",
            checks.average_of_the_beginning,
        ),
    )
}
