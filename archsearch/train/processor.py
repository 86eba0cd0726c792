"""The processor's name. Imports no torch."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """Give the processor's name, as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
