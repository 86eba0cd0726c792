"""The network of a finished run, ready to be used: its weights, and what it reads.

    network = open_trained(Path("runs/0123456789abcdef"))
    network.outputs(x)                # (N, classes) float32 of stored samples (N, *shape), uint8 or float32
    network.inputs.class_names

Files that were altered are refused. The data that it was trained on are needed for runs of version 0.1.0 only, which
did not keep what the network reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from archsearch.data.inputs import Inputs
from archsearch.data.prepare import load
from archsearch.errors import DamagedFileError, UsageError
from archsearch.experiment_plan import must_be_embeddable, plan_experiment, task_of
from archsearch.spec.experiment import ExperimentSpec
from archsearch.spec.network import Limits, NetworkPlan, build_network, plan_network
from archsearch.task import Task
from archsearch.train.device import autocast
from archsearch.train.directory import RunDirectory
from archsearch.train.loop import EVALUATION_BATCH, inputs_of, parts
from archsearch.train.result import RunResult

ANY_SIZE = Limits(parameters=2**62, activation_bytes=2**62, layers=2**31)  # what was trained was within its limits


@dataclass(frozen=True, slots=True)
class TrainedNetwork:
    """A network with its kept weights, in evaluation mode on the CPU, and where it comes from."""

    result: RunResult
    spec: ExperimentSpec
    plan: NetworkPlan
    model: nn.Sequential
    inputs: Inputs
    directory: Path

    @property
    def label(self) -> str:
        """Name the run as people do: lenet5 seed 3."""
        return f"{self.result.name} seed {self.result.seed}"

    @property
    def task(self) -> Task:
        """Give the task, as this network's outputs are read."""
        return task_of(self.inputs.what(), self.plan, self.spec.train)

    def outputs(self, x: Tensor) -> Tensor:
        """Give the outputs (N, outputs) float32 of stored samples (N, *shape), in the precision of the training.

        They are in the unit of the targets.
        """
        must_be_embeddable(self.plan, {"x": x})
        read = self.inputs.reader()
        with torch.inference_mode(), autocast("cpu", self.spec.train.precision):
            found = [self.inputs.restore(self.model(read(some)).float()) for some in torch.split(x, EVALUATION_BATCH)]
        return torch.cat(found) if found else torch.empty(0, self.inputs.outputs)


def open_trained(
    directory: Path, *, data_dir: Path | None = None, say: Callable[[str], None] | None = None
) -> TrainedNetwork:
    """Open a run directory.

    Raises `UsageError` for what is no run, not finished, diverged or without weights; `DamagedFileError` for files that
    were altered. For a run that kept nothing of what its network reads the data are loaded, with what `load` raises.
    """
    held = RunDirectory(directory)
    result = _finished(held)
    weights = directory / "model.safetensors"
    if not weights.is_file():
        raise UsageError(
            f"{weights} is gone, and without its weights the run predicts nothing; archsearch run with --fresh trains "
            "it again"
        )
    spec = ExperimentSpec.model_validate(result.spec)
    inputs = held.inputs() or _from_data(result, spec, data_dir, say)
    plan = plan_network(spec.network, inputs.shape, inputs.outputs, batch_size=1, limits=ANY_SIZE)
    model = build_network(plan)
    try:
        model.load_state_dict(held.weights())
    except RuntimeError:
        raise DamagedFileError(f"{weights} does not hold the weights of the network in {result.run_id}") from None
    return TrainedNetwork(result, spec, plan, model.eval(), inputs, directory)


def _finished(held: RunDirectory) -> RunResult:
    if not (held.path / "run.json").is_file():
        raise UsageError(f"{held.path} is no run directory: it has no run.json")
    result = held.result()
    if result is None:
        raise UsageError(f"{held.path} is not finished; archsearch run goes on with it")
    if result.status != "completed":
        raise UsageError(f"{held.path} diverged ({result.reason}): there is no trained network to use")
    return result


def _from_data(
    result: RunResult, spec: ExperimentSpec, data_dir: Path | None, say: Callable[[str], None] | None
) -> Inputs:
    """Find out from the data what the network of an older run reads; raise `UsageError` where they are others now."""
    data = load(spec.data, data_dir=data_dir, say=say)
    if data.fingerprint != result.data_fingerprint:
        raise UsageError(
            f"run {result.run_id} is of a version that did not keep how its data were prepared, and {spec.data.name} "
            "is not what it was trained on any more; archsearch run with --fresh trains it again"
        )
    plan = plan_experiment(spec, limits=ANY_SIZE)
    training, _, _ = parts(plan, result.seed, data, "cpu")
    return inputs_of(plan, data, training)
