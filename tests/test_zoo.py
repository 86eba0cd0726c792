"""Published networks in specs/zoo: exact counts, torchvision's outputs with its weights, and an epoch that repeats."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

from archsearch.experiment_plan import load_plan
from archsearch.spec.network import Limits, build_network, plan_network
from archsearch.train.run import run

ZOO = Path(__file__).parents[1] / "specs" / "zoo"
FILES = {path.stem: path for path in sorted(ZOO.glob("*.yaml"))}
ANY_SIZE = Limits(parameters=10**9)


# -- how many weights --------------------------------------------------------------------------------------------------

# Parameters with 1000 classes: torchvision's own documentation (`num_params` of the weights).
PUBLISHED = {
    "convnext_tiny": 28_589_128,
    "densenet121": 7_978_856,
    "efficientnet_b0": 5_288_548,
    "googlenet": 6_624_904,
    "mnasnet1_0": 4_383_312,
    "mobilenet_v2": 3_504_872,
    "mobilenet_v3_small": 2_542_856,
    "resnet18": 11_689_512,
    "squeezenet1_1": 1_235_496,
    "vgg11": 132_863_336,
    "vit_b_16": 86_567_656,
}


def conv(inputs: int, outputs: int, kernel: int, bias: bool = False) -> int:
    return inputs * outputs * kernel + (outputs if bias else 0)


def resnet20() -> int:
    """A 3x3 convolution to 16, three stages of six 3x3 convolutions, each with a norm; 64 -> 10."""
    found = conv(3, 16, 9) + 32
    before = 16
    for width in (16, 32, 64):
        found += conv(before, width, 9) + 5 * conv(width, width, 9) + 6 * 2 * width
        before = width
    return found + 650


def wrn16_4() -> int:
    """Norm and convolution, twice, for each of six blocks; a 1x1 convolution beside the first of a stage."""
    found, before = conv(3, 16, 9), 16
    for width in (64, 128, 256):
        for first in (True, False):
            found += 2 * before + conv(before, width, 9) + 2 * width + conv(width, width, 9)
            found += conv(before, width, 1) if first else 0
            before = width
    return found + 2 * 256 + 2570


def encoder(width: int, inner: int) -> int:
    """Attention of four square matrices, two linear layers, two norms; all with biases."""
    return 4 * (width * width + width) + 2 * width * inner + inner + width + 4 * width


def inception_time() -> int:
    """Three long convolutions and one behind the pooling, 32 filters each, a bottleneck of 32; two 1x1 shortcuts."""
    kernels, found, before = 39 + 19 + 9, 0, 1
    for number in range(6):
        found += (before * 32 if number else 0) + (32 if number else 1) * 32 * kernels + before * 32 + 256
        before = 128
    return found + (1 * 128 + 256) + (128 * 128 + 256) + 1290


def unet() -> int:
    found, before = 0, 3
    for width in (64, 128, 256, 512, 1024):
        found += conv(before, width, 9, True) + conv(width, width, 9, True)
        before = width
    return found + 10_250


# Parameters of the spec as it stands, by hand.
BY_HAND = {
    "lenet1": 2_578,  # the paper's number: 104 + 8 + (20 maps read * 25 + 12) + 24 + 1930
    "lenet5_subsampling": 156 + 12 + 1_516 + 32 + 48_120 + 10_164 + 850,  # the paper's, and 84 -> 10
    "resnet20": resnet20(),
    "wrn16_4": wrn16_4(),
    # patches 3*16 -> 192, token, 65 positions; 12 layers; a norm; 192 -> 10
    "vit_tiny_32": 48 * 192 + 192 + 192 + 65 * 192 + 12 * encoder(192, 768) + 384 + 1_930,
    # patches 48 -> 128; of each layer two norms, 64 -> 64 -> 64 and 128 -> 512 -> 128; a norm; 128 -> 10
    "mlp_mixer": 48 * 128 + 128 + 8 * (512 + 2 * (64 * 64 + 64) + 2 * 128 * 512 + 640) + 256 + 1_290,
    # MLPerf Tiny's 24,908 with 12 classes, without 1,152 running statistics and 2 * 65 for two classes
    "ds_cnn": 24_908 - 1_152 - 130,
    # 1 -> 25, then 25 -> 25 fifteen times, kernel 7; the first shortcut; 25 -> 10
    "tcn": conv(1, 25, 7, True) + 15 * conv(25, 25, 7, True) + conv(1, 25, 1, True) + 260,
    # lstm of 8 on 64 features; 1 -> 128 -> 256 -> 128 with norms; 136 -> 10
    "lstm_fcn": 4 * 8 * (64 + 8) + 64 + conv(1, 128, 8, True) + conv(128, 256, 5, True) + conv(256, 128, 3, True)
    + 2 * 512 + 1_370,
    "inception_time": inception_time(),
    "unet_encoder": unet(),
    # scales of 16 members; 30 -> 64 -> 64 shared; 16 heads of 65
    "tabm_like": 480 + 31 * 64 + 65 * 64 + 16 * 65,
}  # fmt: skip


def test_every_network_of_the_zoo_has_a_count_here() -> None:
    assert {*PUBLISHED, *BY_HAND} == set(FILES)
    assert len(FILES) == 23


@pytest.mark.parametrize("name", FILES)
def test_parameters_are_those_that_were_published_or_counted_by_hand(name: str) -> None:
    plan = load_plan(str(FILES[name]), limits=ANY_SIZE)
    if name in BY_HAND:
        assert plan.network.parameters == BY_HAND[name]
    else:
        assert plan_network(plan.spec.network, plan.facts.shape, 1000, limits=ANY_SIZE).parameters == PUBLISHED[name]


def test_page_of_the_zoo_has_every_network_with_its_numbers_and_a_picture() -> None:
    page = (ZOO.parents[1] / "docs" / "zoo.md").read_text(encoding="utf-8")
    for name, path in FILES.items():
        plan = load_plan(str(path), limits=ANY_SIZE)
        counts = f"| {plan.network.parameters:,} | {plan.network.macs / 1e6:,.1f} M |"
        (row,) = [line for line in page.splitlines() if line.startswith(f"| [{name}](")]
        assert counts in row
        assert f"![{name}, layer by layer](images/zoo/{name}.svg)" in page
        assert (ZOO.parents[1] / "docs" / "images" / "zoo" / f"{name}.svg").is_file()


# -- torchvision's weights ---------------------------------------------------------------------------------------------


def in_our_order(name: str, model: nn.Module) -> list[Tensor]:
    """A model's tensors as our layers have them, one after the other."""
    found = {key: value for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")}
    if name == "convnext_tiny":  # its factors stand before their block
        keys = sorted(found, key=lambda key: place(key, list(found)))
        return [found[key].flatten() if key.endswith("layer_scale") else found[key] for key in keys]
    if name == "vit_b_16":
        head = ["conv_proj.weight", "conv_proj.bias", "class_token", "encoder.pos_embedding"]
        parts = ("self_attention.", "mlp.0.", "mlp.3.", "ln_1.", "ln_2.")
        layers = [
            key
            for number in range(12)
            for part in parts
            for key in found
            if key.startswith(f"encoder.layers.encoder_layer_{number}.{part}")
        ]
        rest = [key for key in found if key not in {*head, *layers}]
        return [found[key] for key in [*head, *layers, *rest]]
    return list(found.values())


def place(key: str, keys: list[str]) -> int:
    """Where a key of ConvNeXt stands among ours: factors go behind the last of their block's."""
    if not key.endswith("layer_scale"):
        return 2 * keys.index(key)
    block = key.removesuffix("layer_scale") + "block."
    return 2 * max(index for index, other in enumerate(keys) if other.startswith(block)) + 1


def of_torchvision(name: str) -> nn.Module:
    arguments = {"googlenet": {"aux_logits": False, "init_weights": False}}.get(name, {})
    model = getattr(torchvision.models, name)(num_classes=10, **arguments)
    draws = torch.Generator().manual_seed(0)
    for key, value in model.state_dict().items():
        if key.endswith("running_mean"):
            value.normal_(std=0.1, generator=draws)
        elif key.endswith("running_var"):
            value.uniform_(0.5, 1.5, generator=draws)
        elif key.endswith("layer_scale"):
            value.uniform_(0.1, 0.5, generator=draws)  # 1e-6 would hide the blocks
        elif key == "heads.head.weight":
            value.normal_(std=0.1, generator=draws)  # zeros
    return model


SMALL = ("squeezenet1_1", "mobilenet_v3_small")
TORCHVISION = [name if name in SMALL else pytest.param(name, marks=pytest.mark.slow) for name in PUBLISHED]


@pytest.mark.parametrize("name", TORCHVISION)
def test_outputs_are_those_of_torchvision_with_its_weights(name: str) -> None:
    torch.manual_seed(1)
    theirs = of_torchvision(name).eval()
    plan = load_plan(str(FILES[name]), limits=ANY_SIZE)
    ours = build_network(plan.network).eval()
    mine = [value for key, value in ours.state_dict().items() if not key.endswith("num_batches_tracked")]
    given = in_our_order(name, theirs)
    assert [tuple(value.shape) for value in mine] == [tuple(value.shape) for value in given]
    with torch.inference_mode():
        for value, other in zip(mine, given, strict=True):
            value.copy_(other)
        x = torch.randn(2, *plan.facts.shape)
        out, expected = ours(x), theirs(x)
    assert expected.std() > 1e-3
    scale = max(1.0, float(expected.abs().max()))
    assert float((out - expected).abs().max()) <= 1e-5 * scale


# -- an epoch ----------------------------------------------------------------------------------------------------------

QUICK = ("tabm_like",)
LONG = [pytest.mark.slow, pytest.mark.timeout(1800)]  # EfficientNet, on a loaded machine
TRAINED = [name if name in QUICK else pytest.param(name, marks=LONG) for name in FILES]


@pytest.mark.parametrize("name", TRAINED)
def test_an_epoch_is_trained_and_repeats_bit_for_bit(name: str, tmp_path: Path, data_dir: Path) -> None:
    """On embedded data of its kind: digits as images of the spec's size, and the table of tumours."""
    images = load_plan(str(FILES[name]), limits=ANY_SIZE).facts
    size = list(images.shape[1:])
    small = ["data.limit=4", "data.validation=0.25", "train.batch_size=10", "train.device=cpu", "train.engine=torch"]
    if len(size) == 2:
        small.append(f"data.size={json.dumps(size)}")
    if name != "tabm_like":
        small.append("data.name=digits")
    plan = load_plan(str(FILES[name]), small, limits=ANY_SIZE)
    found = [run(plan, seed=0, runs_dir=tmp_path / part, data_dir=data_dir, limits=ANY_SIZE) for part in "ab"]
    assert [one.result.status for one in found] == ["completed"] * 2
    assert found[0].result.history[0].metrics == found[1].result.history[0].metrics
    weights = [(one.run_dir / "model.safetensors").read_bytes() for one in found]
    assert weights[0] == weights[1]
