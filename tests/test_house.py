"""The house is in order: no circle between files, one meaning for a name, short modules, examples that are true."""

from __future__ import annotations

import ast
import builtins
import importlib
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_imports import MODULES, PACKAGE, name_of

ROOT = PACKAGE.parent
TESTS = ROOT / "tests"
MOST_LINES = 350

COMMAND = "a command is called as the function of the library that it calls"
OF_EACH_STUDY = "the same of a search and of an ablation"
OF_EACH_SOURCE = "the same of each kind of data, called by its module: `npz.parts`"
ALONE = "native/build.py runs by its path while a wheel is built, when archsearch cannot be imported"
# Public names that several modules define, and why they may.
THE_SAME = {
    **dict.fromkeys(
        (
            "ablate",
            "compare",
            "get",
            "lint",
            "list_",
            "plan",
            "predict",
            "run",
            "study",
            "status",
            "trust",
            "verify",
            "app",
        ),
        COMMAND,
    ),
    "export": COMMAND,
    **dict.fromkeys(("Look", "Settings", "all_reports", "progress_of", "report_on", "exclusions"), OF_EACH_STUDY),
    **dict.fromkeys(("contents", "examine", "parts", "unused"), OF_EACH_SOURCE),
    **dict.fromkeys(("SUFFIX", "VARIANTS", "build"), ALONE),
    "BASELINE": "the baseline: the cell of an ablation's design, the name among a search's finalists",
    "Interval": "an interval: as Pydantic reads it, as the statistics give it",
    "T": "a type variable has a meaning within its module only",
    "answer": "the first sentences of a report, of each kind of report",
    "read_values": "values as people write them: in a column of a file, in options of the command line",
    "resolve": "fills what is open: the values of a template, the braces of a program",
    "Values": "the values of a sample; of variants, by seed",
}


def module_of(path: Path) -> str:
    """The name that a module is imported by."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


TREES = {module_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}


def imported_by(tree: ast.AST) -> set[str]:
    """The modules of ours that a module imports, in functions too, but not for typing alone."""
    found: set[str] = set()

    def walk(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.ImportFrom) and child.module:
                for alias in child.names:
                    inner = f"{child.module}.{alias.name}"
                    found.add(inner if inner in TREES else child.module)
            walk(child)

    walk(tree)
    return found & set(TREES) - {"archsearch"}


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Files that import each other, by taking away, again and again, files that import nothing that is left."""
    left = {name: set(others) for name, others in edges.items()}
    while free := [name for name, others in left.items() if not others & set(left)]:
        for name in free:
            del left[name]
    return [sorted(left)] if left else []


def test_circles_are_found_where_there_are_some() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circles({"a": {"b"}, "b": {"a"}, "c": set()}) == [["a", "b"]]


def test_no_file_imports_itself_by_way_of_others() -> None:
    assert circles({name: imported_by(tree) for name, tree in TREES.items()}) == []


def test_no_module_is_longer_than_a_person_reads() -> None:
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def public_names(tree: ast.Module) -> Iterator[str]:
    """The names without an underscore that a module defines at its top."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names = [node.name]
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
        else:
            continue
        yield from (name for name in dict.fromkeys(names) if not name.startswith("_"))


def test_a_public_name_means_one_thing() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for module, tree in TREES.items():
        for name in dict.fromkeys(public_names(tree)):
            homes[name].append(module)
    several = {name: where for name, where in homes.items() if len(where) > 1}
    assert {name: where for name, where in several.items() if name not in THE_SAME} == {}


# -- examples ----------------------------------------------------------------------------------------------------------


def example_of(tree: ast.Module) -> ast.Module | None:
    """The indented lines of a module's docstring, where they are Python."""
    doc = ast.get_docstring(tree) or ""
    lines = [line.removeprefix("    ") for line in doc.splitlines() if line.startswith("    ")]
    try:
        return ast.parse("\n".join(line.replace(" ...", " pass") if line.strip() == "..." else line for line in lines))
    except SyntaxError:
        return None


EXAMPLES = {module: example for module, tree in TREES.items() if (example := example_of(tree)) and example.body}


def calls_of(module: str, example: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """The calls in an example of what its module has, or of what it names with a module of ours."""
    for node in ast.walk(example):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node


def test_most_modules_have_an_example() -> None:
    assert len(EXAMPLES) > 100


ANYWHERE = (
    {name for tree in TREES.values() for name in public_names(tree)}
    | set(dir(builtins))
    | {"Path", "RandomSampler", "IntDistribution"}
)


@pytest.mark.parametrize("module", EXAMPLES)
def test_what_an_example_calls_is_there_and_takes_what_it_is_given(module: str) -> None:
    """Names of the module itself are called as it defines them; others exist somewhere in the package."""
    defined = {node.name: node for node in TREES[module].body if isinstance(node, ast.FunctionDef)}
    example = EXAMPLES[module]
    imported = {alias.name for node in TREES[module].body if isinstance(node, ast.ImportFrom) for alias in node.names}
    given = {node.id for node in ast.walk(example) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for name, call in calls_of(module, example):
        there = imported | given | set(public_names(TREES[module]))
        assert name in there | ANYWHERE, f"the example calls {name}, which is nowhere"
        if name in defined and not any(isinstance(argument, ast.Starred) for argument in call.args):
            takes = defined[name].args
            positional = [*takes.posonlyargs, *takes.args]
            names = {argument.arg for argument in (*positional, *takes.kwonlyargs)}
            assert takes.vararg or len(call.args) <= len(positional), f"{name} takes {len(positional)} arguments"
            keywords = {keyword.arg for keyword in call.keywords if keyword.arg}
            assert takes.kwarg or keywords <= names, f"{name} has no {keywords - names}"
            needed = [one.arg for one in positional[: len(positional) - len(takes.defaults)]]
            filled = {*names & keywords, *(one.arg for one in positional[: len(call.args)])}
            assert set(needed) <= filled, f"{name} needs {set(needed) - filled}"


@pytest.mark.parametrize("module", EXAMPLES)
def test_what_an_example_imports_is_there(module: str) -> None:
    for node in ast.walk(EXAMPLES[module]):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                assert hasattr(importlib.import_module(node.module), alias.name)


# -- tests -------------------------------------------------------------------------------------------------------------


def test_every_module_is_imported_by_a_test_of_its_own_room() -> None:
    """Directly, or as what a module that such a test imports is made of: those of its own room."""
    missing = []
    for room in sorted({module.split(".")[1] for module in TREES if module.count(".")}):
        folder = TESTS / room if (PACKAGE / room).is_dir() else TESTS  # a module of its own is tested by those above it
        tests = [*folder.rglob("*.py"), *TESTS.glob("test_*.py")]
        reached: set[str] = set()
        todo = [name for path in tests for name in imported_by(ast.parse(path.read_text(encoding="utf-8")))]
        while todo:
            name = todo.pop()
            if name not in reached and name.split(".")[1] == room:
                reached.add(name)
                todo += imported_by(TREES[name])
        mine = [name for name in TREES if name.split(".")[1:2] == [room] and any(public_names(TREES[name]))]
        missing += [name for name in mine if name not in reached]
    assert missing == []


def test_every_raises_says_which_error_it_expects() -> None:
    without = []
    for path in sorted(TESTS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and re.fullmatch(r"pytest\.(raises|warns)", ast.unparse(node.func)):
                exits = "SystemExit" in ast.unparse(node.args[0])  # has a code and no text
                if not exits and not any(keyword.arg == "match" for keyword in node.keywords):
                    without.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert without == []


def test_files_that_the_design_and_contributing_name_are_there() -> None:
    here = {path.name for path in ROOT.rglob("*.py")} | {path.name for path in ROOT.rglob("*.md")}
    for page in ("docs/design.md", "CONTRIBUTING.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        ours = re.sub(r"\*\*Models to read\*\*.*?\n\n", "", text, flags=re.DOTALL)  # files of other projects
        named = {name.rpartition("/")[2] for name in re.findall(r"[\w/]+\.py\b", ours)}
        assert named - here == set(), page
