from __future__ import annotations

import pytest
import torch

from archsearch.errors import UsageError
from archsearch.experiment_plan import load_plan
from archsearch.train.device import memory_format, numerics, resolve_device


def test_resolve_device_auto_takes_the_best_there_is():
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert resolve_device("auto") == best
    assert resolve_device("cpu") == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_resolve_device_names_what_is_usable_instead():
    with pytest.raises(UsageError, match=r"^train\.device: cuda is not usable here \(usable: cpu, or auto\)$"):
        resolve_device("cuda")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lenet5", torch.contiguous_format),  # its convolutions read 1, 6 and 16 channels
        ("lenet_best", torch.channels_last),  # 1, 10, 20 and 50 channels, most of the work at 20 and 50
        ("resnet_tiny", torch.contiguous_format),  # a 1x1 projection with stride 2: oneDNN issue 6035
    ],
)
def test_memory_format_follows_from_the_shapes(name, expected):
    assert memory_format(load_plan(name).network, "cpu") == expected


def test_numerics_puts_the_callers_settings_back():
    before = torch.get_float32_matmul_precision()
    with numerics("cpu", "tf32"):
        assert torch.get_float32_matmul_precision() == "high"
    assert torch.get_float32_matmul_precision() == before
