"""What `FILE.py:NAME` means, and whether the file may be executed; without torch, so that the answer is quick.

path, name = file_and_name("net.py:Net")           # UntrustedError until `archsearch trust net.py`
"""

from __future__ import annotations

from pathlib import Path

from archsearch.errors import UsageError
from archsearch.trust import must_be_trusted, python_file


def file_and_name(reference: str, *, trusted: bool = False) -> tuple[Path, str]:
    """Give the file and the name in it ("" if none is said); raise `UsageError` where there is no such file.

    Raises `UntrustedError` unless the file was allowed, or `trusted` allows it this once.
    """
    file, _, name = (reference, "", "") if reference.endswith(".py") else reference.rpartition(":")
    if not file.endswith(".py"):
        raise UsageError(f"{reference} is no Python file; give FILE.py:NAME, or --torchvision NAME")
    path = Path(file)
    if not path.is_file():
        raise UsageError(f"{file}: no such file; give FILE.py:NAME, or --torchvision NAME")
    must_be_trusted(python_file(path), trusted)
    return path, name
