"""Which versions and which machine a result comes from."""

from __future__ import annotations

import os
import platform
from typing import Any

import torch

from archsearch import __version__
from archsearch.train.processor import processor


def environment(device: str) -> dict[str, Any]:
    """Give versions, device and threads as JSON values."""
    return {
        "archsearch": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "device": device,
        "device_name": torch.cuda.get_device_name() if device == "cuda" else processor(),
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }
