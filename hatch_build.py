"""Compile the native engine while archsearch is installed, where there is a C++ compiler; else say so and go on.

Both `pip install .` (the binaries go into the wheel, which then is for this platform only) and `pip install -e .` (they
stay beside the sources). ARCHSEARCH_BUILD_NATIVE=0 leaves the engine out: everything runs on torch then.
"""

from __future__ import annotations

import os
import runpy
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface[Any]):
    """Runs archsearch/native/build.py by its path: archsearch is not importable while it is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; on success mark the wheel as one for this platform and put the binaries into it."""
        if self.target_name != "wheel":
            return
        if os.environ.get("ARCHSEARCH_BUILD_NATIVE") == "0":
            self.app.display_info("native engine: left out (ARCHSEARCH_BUILD_NATIVE=0)")
            return
        build = runpy.run_path(str(Path(self.root) / "archsearch" / "native" / "build.py"))["build"]
        try:
            built: list[Path] = build()
        except (RuntimeError, OSError) as reason:
            self.app.display_warning(f"native engine: not built, everything runs on torch. {reason}")
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"  # called through ctypes: any Python will do
        build_data["pure_python"] = False
        build_data["artifacts"] += [path.relative_to(self.root).as_posix() for path in built]
        self.app.display_info(f"native engine: {', '.join(path.name for path in built)}")
