"""ONNX files against torch by onnxruntime, with other samples than the export checks; and what is refused."""

from __future__ import annotations

import copy
import io
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from archsearch.data.inputs import Inputs
from archsearch.errors import UsageError
from archsearch.experiment_plan import ExperimentPlan, load_plan
from archsearch.export.chosen import examples
from archsearch.export.graph import NetworkGraph, graph_of, must_agree, program_bytes
from archsearch.export.onnx_file import int8_bytes, measured, need_onnx, onnx_bytes
from archsearch.spec.layers import Tanh
from archsearch.train.loop import initial_network
from tests.export.networks import random_plan

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore:Using padding=.same. with even kernel"),
]
SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))


def read_plainly(plan: ExperimentPlan, stored: str = "float32") -> Inputs:
    return Inputs(
        shape=plan.facts.shape, stored=stored, task="classification", outputs=plan.facts.classes,
        class_names=plan.facts.class_names,
    )  # fmt: skip


def must_compute_alike(plan: ExperimentPlan) -> tuple[bytes, float]:
    """onnxruntime and torch agree to 1e-5 on batches of 300, 1 and 2 samples."""
    model = initial_network(plan, 2).eval()
    content, told = onnx_bytes(graph_of(model, read_plainly(plan), with_preparation=False), plan.network, {})
    onnx.checker.check_model(onnx.load_from_string(content))
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for count in (300, 1, 2):
        x = torch.rand(count, *plan.facts.shape, generator=torch.Generator().manual_seed(count))
        with torch.inference_mode():
            wanted, exact = model(x).numpy(), copy.deepcopy(model).double()(x.double()).numpy()
        (found,) = session.run(None, {"input": x.numpy()})
        # one random network in a hundred is so steep that torch's float32 is as far from its float64
        assert float(np.abs(found - wanted).max()) <= max(1e-5, 4 * float(np.abs(wanted - exact).max()))
    return content, told


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_shipped_spec_gives_its_outputs_in_onnxruntime(path: Path) -> None:
    content, told = must_compute_alike(load_plan(str(path)))
    assert told <= 1e-5
    assert not any(word in content for word in (b"archsearch", b"/torch/", str(Path.cwd()).encode()))


@pytest.mark.parametrize("number", [1, 24, 27])
def test_random_network_gives_its_outputs_in_onnxruntime(number: int) -> None:
    must_compute_alike(random_plan(number))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(100))
def test_many_random_networks_give_their_outputs_in_onnxruntime(number: int) -> None:
    must_compute_alike(random_plan(number))


def normalised(stored: str) -> Inputs:
    return Inputs(
        shape=(3, 9, 7), stored=stored, task="classification", outputs=5, class_names=tuple("abcde"),
        mean=(0.1, 0.5, 0.9), deviation=(0.2, 0.3, 1.0),
    )  # fmt: skip


def small_model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 7 * 5, 5)).eval()


@pytest.mark.parametrize("stored", ["uint8", "float32"])
def test_preparation_is_inside_the_file(stored: str) -> None:
    model, plan = small_model(), random_plan(0)
    content, _ = onnx_bytes(graph_of(model, normalised(stored), with_preparation=True), plan.network, {"a": "b"})
    dice = np.random.default_rng(0)
    x = (
        dice.integers(0, 256, (5, 3, 9, 7), dtype=np.uint8)
        if stored == "uint8"
        else dice.random((5, 3, 9, 7), np.float32)
    )
    mean, deviation = (np.array(v, np.float32).reshape(3, 1, 1) for v in ((0.1, 0.5, 0.9), (0.2, 0.3, 1.0)))
    by_hand = (x.astype(np.float32) / (255 if stored == "uint8" else 1) - mean) / deviation
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input": x})
    with torch.inference_mode():
        assert np.allclose(found, model(torch.from_numpy(by_hand)).numpy(), atol=1e-5)
    assert session.get_modelmeta().custom_metadata_map == {"a": "b"}


def test_program_is_read_back_and_takes_batches_of_any_size() -> None:
    plan = random_plan(24)  # a layer of it is called `if`
    model = initial_network(plan, 0).eval()
    content, told = program_bytes(graph_of(model, read_plainly(plan), with_preparation=False))
    assert told <= 1e-5
    again = torch.export.load(io.BytesIO(content)).module()
    for count in (1, 2, 77):
        x = torch.rand(count, *plan.facts.shape)
        assert torch.allclose(again(x), model(x), atol=1e-6)
    assert not any(word in content for word in (b"archsearch", str(Path.cwd()).encode()))


def test_eight_bit_file_is_smaller_and_near() -> None:
    plan = load_plan("lenet5_logits")
    model = initial_network(plan, 0).eval()
    graph = graph_of(model, read_plainly(plan), with_preparation=False)
    content, _ = onnx_bytes(graph, plan.network, {})
    small = int8_bytes(content, graph.samples)
    assert len(small) < 0.5 * len(content)
    assert any(node.op_type == "QuantizeLinear" for node in onnx.load_from_string(small).graph.node)
    found = measured(small, graph.samples)
    spread = float(graph.outputs.std())
    assert 0 < float((found - graph.outputs).abs().max()) < spread


class Odd(nn.Module):
    """A function that ONNX has no operator for."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.special.bessel_j0(x)


def test_layer_that_onnx_cannot_express_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tanh, "build", lambda self, shape: Odd())
    plan = load_plan("lenet5")
    graph = graph_of(initial_network(plan, 0).eval(), read_plainly(plan), with_preparation=False)
    with pytest.raises(UsageError, match=r"^act1 \(tanh\): ONNX cannot express it: .*bessel_j0"):
        onnx_bytes(graph, plan.network, {})


class Branching(nn.Module):
    """A forward that asks for values."""

    def forward(self, x: Tensor) -> Tensor:
        return x if float(x.sum()) > 0 else -x


def test_program_of_what_cannot_be_traced_is_refused() -> None:
    graph = graph_of(nn.Sequential(Branching()), normalised("float32"), with_preparation=False)
    with pytest.raises(UsageError, match="the network cannot be written as a program: "):
        program_bytes(graph)


def test_file_that_computes_something_else_is_refused() -> None:
    x = torch.ones(2, 3)
    graph = NetworkGraph(nn.Identity(), x, x)
    assert must_agree(graph, lambda given: given + 1e-6, "it") == pytest.approx(1e-6, rel=0.1)
    with pytest.raises(UsageError, match=r"it was not written: its outputs differ .* by up to 1\.0e-02"):
        must_agree(graph, lambda given: given + 0.01, "it")
    with pytest.raises(UsageError, match="by up to nan"):
        must_agree(graph, lambda given: given * float("nan"), "it")


def test_absent_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("archsearch.export.onnx_file.import_module", absent)
    with pytest.raises(UsageError, match=r"^writing ONNX is an extra: pip install 'archsearch\[onnx\]'$"):
        need_onnx()


def test_made_up_samples_have_the_type_and_scale_of_the_data() -> None:
    assert examples(normalised("uint8"), 4).dtype == torch.uint8
    x = examples(normalised("float32"), 4000)
    assert torch.allclose(x.mean((0, 2, 3)), torch.tensor([0.1, 0.5, 0.9]), atol=0.01)
    assert torch.allclose(x.std((0, 2, 3)), torch.tensor([0.2, 0.3, 1.0]), atol=0.01)
    assert torch.equal(examples(normalised("float32"), 4), examples(normalised("float32"), 4))
