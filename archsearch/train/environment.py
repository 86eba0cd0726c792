"""Which versions and which machine a result comes from."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Any

from archsearch import __version__
from archsearch.train.processor import processor


def environment(device: str) -> dict[str, Any]:
    """Give versions, device and threads as JSON values."""
    import torch

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


def environment_line(environment: Mapping[str, Any]) -> str:
    """Write an environment in one line, as a caption below a table needs it."""
    engine = environment.get("engine", "torch")
    words = [str(environment.get(key, "?")) for key in ("device_name", "device")]
    versions = f"torch {environment.get('torch')}, Python {environment.get('python')}"
    count = environment.get("threads")
    threads = f"{count} thread{'' if count == 1 else 's'}"
    return f"{', '.join(words)}, {threads}, engine {engine}; {versions}, archsearch {environment.get('archsearch')}"
