"""The notebooks run from top to bottom: their cells in one namespace, and in a kernel where nbclient is installed."""

from __future__ import annotations

import ast
import json
import linecache
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "examples" / "notebooks"
Executed = dict[str, Any]


def cells_of(name: str) -> list[str]:
    cells = json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.fixture
def execute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Executed]:
    """Execute the code cells of a notebook in an empty folder; what a cell ends with is shown, as a kernel does."""
    monkeypatch.chdir(tmp_path)

    def run(name: str) -> Executed:
        # functions are told apart by their module's name, as in a kernel
        space: Executed = {"__name__": "__main__"}
        for place, source in enumerate(cells_of(name)):
            file = f"<{name} {place}>"
            linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
            tree = ast.parse(source)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, file, "exec"), space)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), file, "eval"), space)
                show = getattr(value, "_repr_html_", None)
                assert show is None or "<table" in show()
        return space

    return run


def test_function_of_scikit_learn_is_ablated(execute: Callable[[str], Executed], tmp_path: Path) -> None:
    space = execute("ablate_a_function.ipynb")
    result = space["result"]
    assert result.complete
    assert result.verdicts["scaled=False"] == "worse"  # wine has proline in the thousands beside hues around 1
    by_hand = [space["score"](seed, scaled=False)["accuracy"] - space["score"](seed)["accuracy"] for seed in range(10)]
    assert result.effects[0].mean == pytest.approx(sum(by_hand) / 10)
    assert (tmp_path / "ablate_a_function.html").is_file()


def test_network_is_searched_around_the_digits(execute: Callable[[str], Executed], tmp_path: Path) -> None:
    found = execute("search_around_digits.ipynb")["found"]
    assert found.found.completed + found.found.pruned + found.found.repeated == 6
    assert set(found.best) >= {"activation", "conv1.out_channels"}
    assert (tmp_path / "search_around_digits.html").is_file()


def test_csv_is_judged(execute: Callable[[str], Executed], tmp_path: Path) -> None:
    judged = execute("judge_a_csv.ipynb")["judged"]
    # ten pairs of one sign: 2 / 2**10, twice that by Holm
    assert judged.verdicts["mixup"] == "better"
    assert judged.effects[0].p == pytest.approx(2 / 1024)
    assert judged.verdicts["deeper"] != "better"
    assert (tmp_path / "judge_a_csv.html").is_file()


@pytest.mark.examples
@pytest.mark.parametrize("name", [path.name for path in sorted(NOTEBOOKS.glob("*.ipynb"))])
def test_notebook_runs_in_a_kernel(name: str, tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="pip install 'archsearch[examples]'")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, timeout=250, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("text/html" in output.get("data", {}) for output in shown)


@pytest.mark.parametrize("name", [path.name for path in sorted(NOTEBOOKS.glob("*.ipynb"))])
def test_notebook_is_kept_without_outputs(name: str) -> None:
    cells = json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))["cells"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells if cell["cell_type"] == "code")
