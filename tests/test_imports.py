"""The rooms import one way, the heavy libraries stay where the design allows them, and quick commands load none."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "archsearch"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Each room with the rooms before it; search and ablate do not know each other.
ROOMS: dict[str, set[str]] = {"markup": set(), "errors": {"markup"}}
BELOW = (
    "crash", "files", "trust", "wording", "metrics", "plain", "stats", "experiment", "spec", "task", "data",
    "experiment_plan", "native", "train", "program", "study", "kinds",
)  # fmt: skip
for room in BELOW:
    ROOMS[room] = set(ROOMS) | {room}
for room in ("search", "ablate"):
    ROOMS[room] = {*ROOMS["kinds"], room}
ROOMS["cluster"] = {*ROOMS, "cluster"}
for room in ("report", "export", "api", "init", "cli"):
    ROOMS[room] = {*ROOMS, room}

# Where a library may be imported, and where so at the top of a module; elsewhere not at all.
ANYWHERE_IN = {
    "torch": (
        *("spec/layers/", "spec/network.py", "spec/modules.py", "spec/map_modules.py", "spec/sequence_modules.py"),
        *(
            "spec/optimizers.py",
            "spec/eager_optimizer.py",
            "spec/losses.py",
            "spec/loss_base.py",
            "spec/loss_functions.py",
            "spec/augmentations.py",
        ),  # what each is made of, lazily
        *("task/", "data/", "train/", "native/", "study/", "export/"),
    ),
    "torchvision": ("data/", "train/doctor.py", "train/environment.py", "export/import_source.py"),
    "optuna": ("study/", "kinds/", "search/", "ablate/", "cluster/", "train/doctor.py"),
    "plotly": ("report/figures",),
    "matplotlib": ("report/figures",),
    "rich": ("cli/console/",),
}
OUR_MODULES = ("spec/modules.py", "spec/map_modules.py", "spec/sequence_modules.py")
AT_THE_TOP_OF = ANYWHERE_IN | {"torch": (*OUR_MODULES, "data/", "train/", "native/", "export/"), "matplotlib": ()}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imports(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield each imported module, and whether importing this one imports it (not in a function, not for typing)."""

    def walk(node: ast.AST, top: bool) -> Iterator[tuple[str, bool]]:
        for child in ast.iter_child_nodes(node):
            inside = top and not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                inside = False
            if isinstance(child, ast.Import):
                yield from ((alias.name, inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, "relative imports hide the room"
                assert child.module is not None
                yield child.module, inside
                if child.module in ("archsearch", "torch"):
                    yield from ((f"{child.module}.{alias.name}", inside) for alias in child.names)
            yield from walk(child, inside)

    yield from walk(tree, True)


def imports_of(path: Path) -> list[tuple[str, bool]]:
    return list(imports(ast.parse(path.read_text(encoding="utf-8"))))


def test_imports_tells_the_top_of_a_module_from_functions_and_typing() -> None:
    code = "import a\nif TYPE_CHECKING:\n    import b\ndef f():\n    from c.d import e\nclass C:\n    import g\n"
    assert list(imports(ast.parse(code))) == [("a", True), ("b", False), ("c.d", False), ("g", True)]


def test_every_folder_and_module_of_the_package_is_a_known_room() -> None:
    found = {name_of(path).split("/")[0].removesuffix(".py") for path in MODULES}
    assert found - {"__init__"} <= set(ROOMS)


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.name != "__init__.py" or path.parent != PACKAGE], ids=name_of
)
def test_module_imports_its_own_room_and_earlier_ones_only(path: Path) -> None:
    room = name_of(path).split("/")[0].removesuffix(".py")
    ours = {name.split(".")[1] for name, _ in imports_of(path) if name.startswith("archsearch.")}
    assert ours - {"__version__"} - ROOMS[room] == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_module_imports_a_heavy_library_only_where_it_may(path: Path) -> None:
    wrong = []
    for name, top in imports_of(path):
        library = name.split(".")[0]
        allowed = (AT_THE_TOP_OF if top else ANYWHERE_IN).get(library)
        if allowed is not None and not name_of(path).startswith(allowed):
            wrong.append(name)
    assert wrong == []


HEAVY = ("torch", "torchvision", "optuna", "plotly", "matplotlib", "sklearn", "scipy", "numpy")
SCRIPT = """
import sys
sys.argv = ["archsearch", *{arguments!r}]
from archsearch.cli import main
code = 0
try:
    main()
except SystemExit as stop:
    code = stop.code or 0
print("HEAVY", code, sorted(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["list"],
        ["show", "lenet5"],
        ["show", "resnet_tiny", "--json"],
        ["check", "lenet_best"],
        ["schema"],
    ],
    ids=" ".join,
)
def test_quick_command_leaves_heavy_libraries_alone(arguments: list[str], tmp_path: Path) -> None:
    code = SCRIPT.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stderr.splitlines()[-1] == "HEAVY 0 []"
    assert done.stdout


def test_wrong_spec_is_refused_before_torch_is_imported(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(
        "data: {name: mnist}\nnetwork: [linear: {out_features: 5}]\ntrain: {epochs: 1}\n"
    )
    code = SCRIPT.format(arguments=["run", "wrong.yaml"], heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stderr.splitlines()[-1] == "HEAVY 3 []"


@pytest.mark.parametrize(
    "module", ["study.pool", "study.program_runner", "search.search", "ablate.ablation", "cluster.visits"]
)
def test_worker_of_programs_needs_no_torch(module: str) -> None:
    code = f"import sys, archsearch.{module}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
