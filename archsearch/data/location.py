"""Which folder the data lies in: `--data-dir`, else the variable ARCHSEARCH_DATA, else the user's cache.

    data_dir()                   # ~/.cache/archsearch
    data_dir(Path("~/data"))     # /home/ada/data

Knows no data set; creates nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from archsearch.files import expanded


def data_dir(override: Path | None = None) -> Path:
    """Find the data folder; it need not exist yet."""
    if override is not None:
        return expanded(override).absolute()
    variable = os.environ.get("ARCHSEARCH_DATA")
    if variable:
        return expanded(variable).absolute()
    return _user_cache().absolute() / "archsearch"


def _user_cache() -> Path:
    home = expanded("~")
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
