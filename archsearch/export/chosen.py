"""What is to be exported: a spec, or the network that a run trained.

    subject = chosen_network("lenet5", (), Path("runs"))         # or a run: its id, the beginning of it, its folder
    subject.plan, subject.seed, subject.directory            # directory: None for a spec

A spec stands for its one finished run where weights are asked for; without a run for its initial weights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from archsearch.data.facts import DataFacts, contents
from archsearch.data.inputs import Inputs, columns_of
from archsearch.data.prepare import load
from archsearch.errors import DamagedFileError, SpecError, UsageError
from archsearch.experiment_plan import ExperimentPlan, load_plan, plan_experiment
from archsearch.report.experiments import key_of_spec
from archsearch.report.names import named_run
from archsearch.spec.catalog import catalog
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.network import Limits, plan_network
from archsearch.train.directory import RunDirectory
from archsearch.train.identity import experiment_key
from archsearch.train.kept import kept_runs, read_kept, unreadable
from archsearch.train.loop import initial_network, inputs_of, parts
from archsearch.train.trained import ANY_SIZE, open_trained

_RUN_ID = re.compile(r"[0-9a-f]{4,16}")
_Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ChosenNetwork:
    """A network to export: how it was planned, with which seed, and the run whose weights it has (None: initial)."""

    plan: ExperimentPlan
    seed: int
    directory: Path | None = None

    @property
    def name(self) -> str:
        """The spec's name."""
        return self.plan.spec.name

    def model(self) -> nn.Sequential:
        """Give the network in evaluation mode, on the CPU; raise `DamagedFileError` for altered weights."""
        if self.directory is None:
            return initial_network(self.plan, self.seed).eval()
        return open_trained(self.directory).model

    def inputs(self, data_dir: Path | None = None, say: _Say | None = None, *, statistics: bool = True) -> Inputs:
        """Describe the samples that the network reads.

        The data of a spec without a run are loaded where `statistics` are asked for and it normalises.
        """
        if self.directory is not None:
            return open_trained(self.directory, data_dir=data_dir, say=say).inputs
        spec, facts = self.plan.spec, self.plan.facts
        if spec.data.normalize and statistics:
            data = load(spec.data, data_dir=data_dir, say=say)
            return inputs_of(self.plan, data, parts(self.plan, self.seed, data, "cpu")[0])
        stored = contents(spec.data).dtype
        return Inputs(
            shape=facts.shape,
            stored=stored,
            task=facts.task.name,
            outputs=facts.task.outputs,
            class_names=facts.class_names,
            columns=columns_of(spec.data),
        )


def chosen_network(
    reference: str, overrides: Sequence[str], runs_dir: Path, *, seed: int | None = None, limits: Limits | None = None
) -> ChosenNetwork:
    """Find what a name, a file, a run id or a run's folder means; raise what reading it raises."""
    is_spec = reference in catalog("specs") or reference.endswith((".yaml", ".yml"))
    if not is_spec and (Path(reference).is_dir() or _RUN_ID.fullmatch(reference)):
        if overrides or seed is not None:
            raise UsageError(f"{reference} is a run: it has its seed and its values, and takes no others")
        return _of_run(named_run(reference, runs_dir))
    return ChosenNetwork(load_plan(reference, overrides, limits=limits), seed or 0)


def with_weights(subject: ChosenNetwork, runs_dir: Path, seed: int | None) -> ChosenNetwork:
    """Give the finished run of a spec, or the spec itself where there is none.

    Raises `UsageError` where there are several runs, and no seed chooses one; `DamagedFileError` where one of them is
    damaged.
    """
    if subject.directory is not None:
        return subject
    key = experiment_key(subject.plan)
    if broken := [one.why for one in unreadable(runs_dir) if one.spec is not None and key_of_spec(one.spec) == key]:
        raise DamagedFileError("\n".join(broken))  # the run that is meant may be this one
    directories = kept_runs(runs_dir).get(key, [])
    each_kept = {directory: next(read_kept([directory]), None) for directory in directories}
    for directory, kept in each_kept.items():
        if kept is None:
            RunDirectory(directory).result()  # says what is wrong with it
    found = [
        (directory, kept.seed)
        for directory, kept in each_kept.items()
        if kept is not None and kept.result.get("status") == "completed" and seed in (None, kept.seed)
    ]
    if len(found) > 1:
        each = ", ".join(f"{directory.name} (seed {of})" for directory, of in found[:12])
        more = f" and {len(found) - 12} more" if len(found) > 12 else ""
        raise UsageError(f"{subject.name} has {len(found)} finished runs in {runs_dir}; name one: {each}{more}")
    return _of_run(found[0][0]) if found else subject


def _of_run(directory: Path) -> ChosenNetwork:
    """Take the run's own spec; where its data are gone, what it kept of them is enough for the network."""
    held = RunDirectory(directory)
    result = held.result()
    assert result is not None, "a named run is finished"
    spec = ExperimentSpec.model_validate(result.spec)
    try:
        plan = plan_experiment(spec, limits=ANY_SIZE)
    except SpecError:
        inputs = held.inputs()
        if inputs is None:
            raise
        facts = DataFacts(spec.data.name, inputs.shape, inputs.what(), 0, 0, inputs.class_names)
        plan = ExperimentPlan(spec, facts, plan_network(spec.network, inputs.shape, inputs.outputs, limits=ANY_SIZE))
    return ChosenNetwork(plan, result.seed, directory)


def examples(inputs: Inputs, count: int) -> Tensor:
    """Make up stored samples (count, *shape), the same each time, of the type and the scale of the data."""
    draws = torch.Generator().manual_seed(count)
    if inputs.stored == "uint8":
        return torch.randint(0, 256, (count, *inputs.shape), generator=draws, dtype=torch.uint8)
    if inputs.mean is None or inputs.deviation is None:
        return torch.rand(count, *inputs.shape, generator=draws)
    along = (1, -1, *[1] * (len(inputs.shape) - 1))
    mean, deviation = (torch.tensor(values).reshape(along) for values in (inputs.mean, inputs.deviation))
    return mean + deviation * torch.randn(count, *inputs.shape, generator=draws)
