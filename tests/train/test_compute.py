from __future__ import annotations

import pytest
import torch

import archsearch.experiment_plan
from archsearch.cli import main
from archsearch.errors import SpecError, UsageError
from archsearch.experiment_plan import load_plan, plan_experiment
from archsearch.train import compute
from archsearch.train.compute import Compute, Resources, decide, layout_of, resolve_device, resources_here
from archsearch.train.device import numerics
from tests.train.conftest import tiny

CONV = [
    {"conv2d": {"out_channels": 8, "kernel_size": 3}},
    "tanh",
    "flatten",
    {"linear": {"out_features": "classes"}},
]


def test_resolve_device_auto_takes_the_best_there_is():
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert resolve_device("auto") == best
    assert resolve_device("cpu") == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_resolve_device_names_what_is_usable_instead():
    with pytest.raises(UsageError, match=r"^train\.device: cuda is not usable here \(usable: cpu, or auto\)$"):
        resolve_device("cuda")
    with pytest.raises(UsageError, match=r"^train\.device: cuda is not usable here"):
        decide(plan_experiment(tiny(train={"device": "cuda"})))


CHANNELS = {"out_channels": 4, "kernel_size": 3}


@pytest.mark.parametrize(
    ("name", "by_channels", "by_vectors"),
    [
        (
            "lenet5",
            "contiguous_format",
            "channels_last",
        ),  # it reads 1, 6 and 16 channels, its pools average
        ("lenet_best", "channels_last", "channels_last"),  # 1, 10, 20 and 50 channels, most of the work at 20 and 50
        ("digits_quickstart", "contiguous_format", "channels_last"),  # its max pool reads 16
        ("resnet_tiny", "contiguous_format", "contiguous_format"),  # a 1x1 projection, stride 2: oneDNN issue 6035
    ],
)
def test_layout_follows_from_the_shapes_and_the_rule(name, by_channels, by_vectors):
    network = load_plan(name).network
    assert [layout_of(network, "cpu", rule) for rule in (1, 2)] == [by_channels, by_vectors]
    assert layout_of(network, "cuda", 2) == by_channels
    assert layout_of(network, "mps", 2) == "contiguous_format"
    assert layout_of(network, "cpu") in (by_channels, by_vectors)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (["tanh", {"avg_pool2d": {"kernel_size": 2}}], "channels_last"),
        (["relu", {"max_pool2d": {"kernel_size": 2}}], "contiguous_format"),
        (["batch_norm2d", "relu"], "contiguous_format"),
        ([{"conv2d": {"out_channels": 8, "kernel_size": 3}}, "batch_norm2d", {"max_pool2d": {"kernel_size": 2}}],
         "channels_last"),
    ],
)  # fmt: skip
def test_a_max_pool_or_a_batch_norm_of_less_than_a_vector_of_channels_decides(layers, expected):
    network = [{"conv2d": CHANNELS}, *layers, "flatten", {"linear": {"out_features": "classes"}}]
    assert layout_of(plan_experiment(tiny(network=network)).network, "cpu", 2) == expected


@pytest.mark.parametrize(("instructions", "layout"), [("avx512", "contiguous_format"), ("avx2", "channels_last")])
def test_a_machine_has_the_rule_that_was_measured_on_its_like(monkeypatch, instructions, layout):
    monkeypatch.setattr(compute, "instructions", lambda: instructions)
    plan = load_plan("lenet5", ["train.engine=torch"])
    assert decide(plan, resources_here("cpu", 1)).layout == layout


def test_the_rule_reads_a_machine_as_it_is_told():
    """The same plan on four machines: what each has decides, and nothing else."""
    plan = plan_experiment(tiny(network=CONV, train={"device": "auto", "engine": "auto"}))
    with_engine = Resources("cpu", native=True, threads=4)
    without = Resources("cpu", native=False, threads=2, why_no_native="not built")
    assert decide(plan, with_engine) == Compute("cpu", "native", "", "contiguous_format", "fp32", 4)
    assert decide(plan, without) == Compute("cpu", "torch", "not built", "contiguous_format", "fp32", 2)
    on_gpu = decide(plan, Resources("cuda", native=True, threads=1))
    assert (on_gpu.device, on_gpu.engine) == ("cuda", "torch")
    assert on_gpu.reason == "it computes on cpu, the run on cuda"
    said_cpu = plan_experiment(tiny(network=CONV, train={"device": "cpu", "engine": "native"}))
    assert decide(said_cpu, Resources("cuda", native=True, threads=1)).engine == "native"
    with pytest.raises(SpecError, match=r"^train\.engine: native cannot be used: not built$"):
        decide(said_cpu, without)


def test_resources_are_those_of_this_process():
    here = resources_here("cpu")
    assert (here.device, here.threads) == ("cpu", torch.get_num_threads())
    assert resources_here("cpu", threads=7).threads == 7


def test_numerics_puts_the_callers_settings_back():
    before = torch.get_float32_matmul_precision(), torch.get_num_threads()
    with numerics(Compute("cpu", "torch", "", "contiguous_format", "tf32", before[1] + 1)):
        assert torch.get_float32_matmul_precision() == "high"
        assert torch.get_num_threads() == before[1] + 1
    assert (torch.get_float32_matmul_precision(), torch.get_num_threads()) == before


def test_a_run_of_several_seeds_plans_its_network_once_and_chooses_its_engine_once(tmp_path, monkeypatch, capsys):
    calls: list[str] = []

    def counting(name, function):
        def counted(*args, **kwargs):
            calls.append(name)
            return function(*args, **kwargs)

        return counted

    plan_network = counting("plan", archsearch.experiment_plan.plan_network)
    monkeypatch.setattr(archsearch.experiment_plan, "plan_network", plan_network)
    monkeypatch.setattr(compute, "choose_engine", counting("engine", compute.choose_engine))
    monkeypatch.setattr(compute, "resolve_device", counting("device", compute.resolve_device))
    arguments = ["run", "digits_quickstart", "data.limit=10", "train.epochs=1", "--seeds", "2"]
    monkeypatch.setattr("sys.argv", ["archsearch", *arguments, "--runs-dir", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None), capsys.readouterr().err
    assert sorted(calls) == ["device", "engine", "plan"]
    assert len(list(tmp_path.glob("*/result.json"))) == 2
