"""Make the README's pictures from real commands: each is run here and its output drawn as SVG.

    python docs/pictures.py

Run it after a change of what the commands print, and look at the result.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURES = {
    "show.svg": ["show", "lenet_best"],
    "run.svg": ["run", "digits_quickstart", "train.epochs=6", "--seeds", "3"],
}
WIDTH = 112


def main() -> None:
    """Run each command in an empty folder and draw what it printed."""
    folder = Path(__file__).parent / "images"
    folder.mkdir(exist_ok=True)
    for name, arguments in PICTURES.items():
        with tempfile.TemporaryDirectory() as work:
            program = [sys.executable, "-c", "from archsearch.cli import main; main()", *arguments]
            # a run is drawn as a pipe sees it: one line per epoch instead of a moving bar
            colour = {} if arguments[0] == "run" else {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
            settings = {**os.environ, "COLUMNS": str(WIDTH), **colour}
            done = subprocess.run(
                program, cwd=work, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
            )
        console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
        console.print(Text.assemble(("$ ", "bold green"), ("archsearch " + " ".join(arguments), "bold")))
        console.print(Text.from_ansi(done.stdout))
        console.save_svg(str(folder / name), title="archsearch")
        print(folder / name)


if __name__ == "__main__":
    main()
