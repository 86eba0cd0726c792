"""Make the pictures of the README and the docs from real commands and real reports.

    python docs/pictures.py                                # commands: each is run here, its output drawn as SVG
    python docs/pictures.py zoo                            # the networks of docs/zoo.md, layer by layer
    python docs/pictures.py runs/lenet/report.html         # a report: photographed in Chromium, by playwright

Run it after a change of what they show, and look at the result.
"""

from __future__ import annotations

import os
import shutil
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


# What of a report is photographed, by its kind: file, width and height of the window, colours, the heading at its top.
PHOTOGRAPHS = {
    "search": (
        ("report.png", 1280, 1400, "light", None),
        ("report-importances.png", 1280, 1150, "light", "Which values matter?"),
        ("report-networks.png", 1280, 1000, "light", "Architectures"),
        ("report-phone.png", 390, 844, "dark", None),
    ),
    "ablation": (("ablation.png", 1280, 1640, "light", None),),
}


def photograph(report: Path, folder: Path) -> None:
    """Take the pictures of a report."""
    from playwright.sync_api import sync_playwright

    kind = next(kind for kind in PHOTOGRAPHS if f"archsearch report · {kind}" in report.read_text(encoding="utf-8"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, width, height, colours, heading in PHOTOGRAPHS[kind]:
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=colours)
            page.goto(report.resolve().as_uri())
            if heading is not None:
                page.get_by_role("heading", name=heading, exact=True).evaluate("h => h.scrollIntoView()")
            page.wait_for_timeout(1500)  # figures are drawn when they come into view
            page.screenshot(path=str(folder / name))
            print(folder / name)
        browser.close()


def draw_zoo(folder: Path) -> None:
    """Draw each network of the zoo."""
    from archsearch.experiment_plan import load_plan
    from archsearch.report.diagram import diagram, side
    from archsearch.spec.network import Limits

    any_size = Limits(parameters=10**12, activation_bytes=10**15, layers=10**6)
    for path in sorted((Path(__file__).parents[1] / "specs" / "zoo").glob("*.yaml")):
        plan = load_plan(str(path), limits=any_size)
        drawn = diagram((side(path.stem, plan.network),), path.stem, plan.spec.summary or path.stem)
        (folder / f"{path.stem}.svg").write_text(drawn, encoding="utf-8")
        print(folder / f"{path.stem}.svg")


def main() -> None:
    """Draw the zoo, or photograph the report that is named; without either, run each command and draw what it said."""
    folder = Path(__file__).parent / "images"
    folder.mkdir(exist_ok=True)
    if sys.argv[1:] == ["zoo"]:
        draw_zoo(folder / "zoo")
        return
    if sys.argv[1:]:
        photograph(Path(sys.argv[1]), folder)
        return
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
