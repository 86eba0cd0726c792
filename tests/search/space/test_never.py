"""Combinations that are never tried: counted as such, and sampled by no sampler."""

from __future__ import annotations

import re

import optuna
import pytest

from archsearch.errors import SpecError
from archsearch.search.sampling.feasible import MOST_DRAWS, FeasibleSampler
from archsearch.search.sampling.samplers import MOST_PROPOSALS, SAMPLERS, make_sampler
from archsearch.search.space.count import count_space, each_feasible
from archsearch.search.space.nothing_fits import refuse_where_nothing_fits
from archsearch.search.space.space import InfeasibleError

OPEN = """
space: {activation: {choice: [relu, tanh]}}
network:
  - conv2d: {out_channels: {int: [2, 4]}, kernel_size: 3}
  - $activation
  - choice: {avg: {avg_pool2d: {kernel_size: 2, stride: {choice: [1, 2]}}}, none: identity}
    name: pool
  - flatten
  - linear: {out_features: classes}
train: {batch_size: {choice: [16, 32]}, optimizer: {adam: {lr: {float: [0.001, 0.1], log: true}}}}
"""
NEVER = """
never:
  - {conv1.out_channels: [2, 4], activation: tanh}
  - {pool.avg.stride: 2, train.batch_size: 32}
  - {pool: none, conv1.out_channels: {int: [3, 9]}, train.optimizer.adam.lr: {float: [0.01, 1]}}
"""


def forbidden(v) -> bool:
    """The entries above as Python has them."""
    return (
        (v["conv1.out_channels"] in (2, 4) and v["activation"] == "tanh")
        or (v.get("pool.avg.stride") == 2 and v["train.batch_size"] == 32)
        or (v["pool"] == "none" and v["conv1.out_channels"] >= 3 and v["train.optimizer.adam.lr"] >= 0.01)
    )


def test_forbidden_combinations_are_counted_as_what_does_not_fit(make_study):
    everything = list(each_feasible(make_study(OPEN).space))
    space = make_study(OPEN + NEVER).space
    counted = count_space(space)
    allowed = [values for values in everything if not forbidden(values)]
    assert (len(everything), counted.checked, counted.feasible) == (36, 36, len(allowed))
    assert counted.exact
    assert list(each_feasible(space)) == allowed
    assert sum(misfit.configurations for misfit in counted.misfits) == 36 - len(allowed)
    assert {misfit.reason for misfit in counted.misfits} == {
        "never: conv1.out_channels=2|4 activation=tanh",
        "never: pool.avg.stride=2 train.batch_size=32",
    }  # a continuous value is counted as its lowest


LOW = """
train: {batch_size: {choice: [16, 32, 64]}, optimizer: {adam: {lr: {float: [0.001, 0.1], log: true}}}}
never:
  - {train.optimizer.adam.lr: {float: [0.0001, 0.004]}}
  - {train.optimizer.adam.lr: {float: [0.005, 0.09]}, train.batch_size: 32}
  - {train.optimizer.adam.lr: {float: [0.0, 1.0]}, train.batch_size: 64}
"""


def test_a_continuous_value_of_which_a_part_is_allowed_counts_as_one_that_fits(make_study):
    """Its lowest stands for all only where that is allowed: here 16 has 0.004 to 0.1, 32 two gaps, 64 nothing."""
    space = make_study(LOW).space
    counted = count_space(space)
    assert (counted.feasible, counted.distinct) == (2, 2)
    (misfit,) = counted.misfits
    assert (misfit.configurations, misfit.example["train.batch_size"]) == (1, 64)
    small, large = each_feasible(space)
    assert 0.004 < small["train.optimizer.adam.lr"] <= 0.1
    rate = large["train.optimizer.adam.lr"]
    assert 0.004 < rate < 0.005 or 0.09 < rate <= 0.1
    assert [space.with_values(values).spec.train.batch_size for values in (small, large)] == [16, 32]


def test_estimate_leaves_forbidden_combinations_out_too(make_study, monkeypatch):
    space = make_study(OPEN + NEVER).space
    exact = count_space(space)
    monkeypatch.setattr("archsearch.search.space.count.EXACT_UP_TO", 10)
    low, high = count_space(space, sample=500).feasible_interval
    # the continuous value is drawn here, not taken as its lowest: the third entry takes some more
    assert low <= exact.feasible
    assert high >= exact.feasible - 8


SLOW = {"gp": [pytest.mark.slow]}  # its proposals take up to a second each


@pytest.mark.parametrize("sampler", [pytest.param(name, marks=SLOW.get(name, ())) for name in SAMPLERS])
def test_no_sampler_tries_what_is_forbidden(make_study, sampler):
    space = make_study(OPEN + NEVER).space
    study = optuna.create_study(directions=["maximize", "minimize"] if sampler.startswith("nsga") else ["maximize"])
    sampling = FeasibleSampler(space, make_sampler(sampler), seed=3, patience=MOST_PROPOSALS.get(sampler, MOST_DRAWS))
    # the good ones lie where the forbidden ones are: a sampler that learns is drawn there
    for number in range(14):
        trial = study.ask()
        values = sampling.sample(study, study.get_trials(deepcopy=False)[trial.number]).values
        assert not forbidden(values), number
        for name, value in values.items():
            domain = space.parameters()[name].optuna()
            study._storage.set_trial_param(trial._trial_id, name, domain.to_internal_repr(value), domain)
        good = (
            (values["conv1.out_channels"] != 3) + (values["activation"] == "tanh") + (values["train.batch_size"] == 32)
        )
        study.tell(trial, [good, -good] if sampler.startswith("nsga") else good)


def test_a_configuration_that_is_asked_for_is_refused_with_the_entry(make_study):
    space = make_study(OPEN + NEVER).space
    values = {"activation": "tanh", "conv1.out_channels": 2, "pool": "none", "train.batch_size": 16,
              "train.optimizer.adam.lr": 0.001}  # fmt: skip
    with pytest.raises(InfeasibleError, match=r"^never: conv1\.out_channels=2\|4 activation=tanh$"):
        space.with_values(values)


def test_what_is_forbidden_is_part_of_the_study(make_study):
    space = make_study(OPEN + NEVER).space
    assert space.identity(("val_accuracy",))["never"] == [
        "conv1.out_channels=2|4 activation=tanh",
        "pool.avg.stride=2 train.batch_size=32",
        "pool=none conv1.out_channels=3 to 9 train.optimizer.adam.lr=0.01 to 1",
    ]
    assert "never" not in make_study(OPEN).space.identity(("val_accuracy",))


def test_a_space_of_which_all_is_forbidden_is_refused(make_study):
    text = "network: [flatten, linear: {out_features: {choice: [3, 4]}}, linear: {out_features: classes}]\n"
    study = make_study(text + "never: [{fc1.out_features: [3, 4]}]\n")
    with pytest.raises(SpecError, match=r"none of the 2 configurations fits: never: fc1\.out_features=3\|4"):
        refuse_where_nothing_fits(study, "digits")


WRONG = [
    ("{pool: avg}", "never: expected a list of values that do not go together, such as [{pool: max, "
     "activation: tanh}]"),
    ("[pool]", "never: expected open values with what they are, got text 'pool'"),
    ("[{}]", "never: expected open values with what they are, got keys with values"),
    ("[{pol: avg}]", "never: unknown open value 'pol'; did you mean 'pool'?"),
    ("[{pool: avgg}]", "never: pool: unknown choice 'avgg'; did you mean 'avg'?"),
    ("[{conv1.out_channels: 5}]", "never: conv1.out_channels is 2 to 4, and never 5"),
    ("[{conv1.out_channels: {int: [5, 9]}}]", "never: conv1.out_channels is 2 to 4, and never 5 to 9"),
    ("[{train.optimizer.adam.lr: 1}]", "never: train.optimizer.adam.lr is 0.001 to 0.1 log, and never 1"),
    ("[{train.optimizer.adam.lr: {float: [0.2, 1]}}]",
     "never: train.optimizer.adam.lr is 0.001 to 0.1 log, and never 0.2 to 1"),
    ("[{pool: [[avg]]}]", "never: pool: expected a value, a list of values or a range, got a list"),
    ("[{pool: none, pool.avg.stride: 2}]",
     "never: forbids nothing, as pool.avg.stride is there only where pool is avg"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[text for text, _ in WRONG])
def test_an_entry_that_forbids_nothing_is_refused_with_its_place(make_study, text, message):
    with pytest.raises(SpecError, match=f"^small\\.yaml:13:[0-9]+: {re.escape(message)}$"):
        make_study(f"{OPEN}never: {text}\n")


def test_a_baseline_that_is_forbidden_is_no_candidate_and_that_is_said(make_study):
    study = make_study("train: {batch_size: {choice: [32, 64]}}\nnever: [{train.batch_size: 64}]\n")
    from archsearch.search.space.by_kind import spaces_of

    assert spaces_of(study.space).base_values(study.space) is None
    assert "the baseline digits_quickstart is no candidate, never: train.batch_size=64" in "\n".join(
        spaces_of(study.space).notes_on(study.space)
    )
