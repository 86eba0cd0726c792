"""20,000 files and lines of any bytes: read, or refused by our own errors, quickly and in little memory.

pytest -m faults tests/faults/test_fuzz.py                # the same inputs each time
ARCHSEARCH_FAULTS_SEED=7 pytest -m faults tests/faults/test_fuzz.py        # others
"""

from __future__ import annotations

import contextlib
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.compare import read_values
from archsearch.errors import ArchsearchError, SpecError
from archsearch.experiment_plan import load_plan
from archsearch.kinds import load_experiment
from archsearch.program.from_command import from_command
from archsearch.search.search_file import load_study
from archsearch.search.without_file import read_space
from archsearch.study.storage import open_storage
from tests.spec.test_fuzz import INPUTS, SEEDS, nasty, overrides
from tests.test_markup import commands

pytestmark = pytest.mark.faults
ROOT = Path(__file__).parents[2]
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz"))
SECONDS, MEBIBYTES = 1.0, 200.0
STUDIES = [path.read_bytes() for path in sorted((ROOT / "studies").glob("*.yaml"))]
PROGRAMS = [path.read_bytes() for path in sorted((ROOT / "examples").rglob("*.yaml"))]
SHEETS = [
    b"variant,seed,value\na,0,0.5\na,1,0.6\nb,0,0.7\nb,1,0.8\n",
    b"model;seed;acc\na;0;97,4\na;1;96,5\nb;0;97,5\nb;1;97\n",
    b"model,seed 0,seed 1\na,97.41%,96.5%\nb,97.52%,97%\n",
]


@st.composite
def changed(draw: st.DrawFn, seeds: list[bytes], between: bytes = b" ") -> bytes:
    """One of the files with words and lines exchanged, cut or doubled."""
    lines = draw(st.sampled_from(seeds)).split(b"\n")
    for _ in range(draw(st.integers(1, 4))):
        at, what = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, 5))
        if what == 0 and len(lines) > 1:
            del lines[at]
        elif what == 1:
            lines.insert(at, draw(st.sampled_from(lines)))
        elif what == 2:
            lines[at] = draw(st.sampled_from([b"  ", b"- ", b"\t", b"{", b"'"])) + lines[at]
        elif what == 3:
            lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
        else:
            words = lines[at].split(between)
            word = draw(nasty | st.text(max_size=8)).encode("utf-8", "surrogatepass")
            words[draw(st.integers(0, len(words) - 1))] = word
            lines[at] = between.join(words)
    return b"\n".join(lines)


def held() -> float:
    """Give the most memory that this process has ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def within_limits(work: Callable[[], Any], what: object) -> None:
    """Do something; only errors of ours may come of it, in at most a second, and no control character is said."""
    before, began = held(), time.process_time()
    said: list[str] = []
    try:
        work()
    except SpecError as error:
        said = [str(problem) for problem in error.problems]
    except ArchsearchError as error:
        said = [str(error)]
    assert [commands(one, "") for one in said] == [[]] * len(said), what
    assert time.process_time() - began <= SECONDS, what
    assert held() - before <= MEBIBYTES, what


def fuzzed(examples: int, given_: Any, work: Callable[[Any], Any]) -> None:
    """Try so many inputs; the first call, which imports what it needs, is not timed."""

    @seed(int(os.environ.get("ARCHSEARCH_FAULTS_SEED", "0")))
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(given_)
    def try_one(value: Any) -> None:
        within_limits(lambda: work(value), value)

    try_one()


def reading(read: Callable[[str], Any], name: str) -> Callable[[bytes], Any]:
    path = FOLDER / name

    def work(data: bytes) -> Any:
        path.write_bytes(data)
        return read(str(path))

    return work


@pytest.fixture(autouse=True, scope="module")
def everything_is_imported() -> None:
    """Import what is called late."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARCHSEARCH_STORAGE_SECONDS", "0")
        _import_everything()


def _import_everything() -> None:
    load_plan("lenet5")
    load_ablation("lenet5_factors")
    load_study("lenet")
    load_experiment("digits_quickstart")
    open_storage(f"sqlite:///{FOLDER / 'first.db'}")
    with contextlib.suppress(ArchsearchError):
        open_storage("postgresql+psycopg://nobody@127.0.0.1:1/none")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", list(INPUTS))
def test_specs(kind: str) -> None:
    fuzzed(2000, INPUTS[kind], reading(load_plan, "s.yaml"))


@pytest.mark.timeout(600)
def test_searches_and_ablations() -> None:
    work = reading(load_study, "search.yaml")
    fuzzed(1500, changed(STUDIES), work)
    fuzzed(1500, changed(STUDIES), reading(load_ablation, "ablation.yaml"))
    fuzzed(500, st.binary(max_size=200), work)


@pytest.mark.timeout(600)
def test_programs() -> None:
    fuzzed(1500, changed(PROGRAMS + SEEDS), reading(load_experiment, "program.yaml"))


@pytest.mark.timeout(600)
def test_files_of_numbers() -> None:
    work = reading(lambda path: read_values(Path(path)), "n.csv")
    for between in (b",", b";"):
        fuzzed(1000, changed(SHEETS, between), work)
    fuzzed(500, st.binary(max_size=300), work)


LINES = st.text(alphabet="abxyz=:.,0123456789{}[]'\"\\()*+?|^$- \n\x1b", max_size=40) | st.text(max_size=40) | nasty


@pytest.mark.timeout(600)
def test_lines_of_the_command_line() -> None:
    (FOLDER / "tiny.yaml").write_bytes(SEEDS[0])
    fuzzed(1000, overrides, lambda override: load_plan(str(FOLDER / "tiny.yaml"), [override]))
    fuzzed(500, LINES, read_space)
    fuzzed(500, LINES, lambda line: from_command(f"python train.py {line}", metrics=["acc:last:acc=(.*)"]))
    fuzzed(500, LINES, lambda line: from_command("python train.py --seed {seed}", metrics=[f"acc:{line}"]))


@pytest.mark.timeout(600)
def test_urls_of_storages() -> None:
    words = [
        "sqlite:///",
        "postgresql+psycopg://",
        "mysql://",
        "u:p@",
        "127.0.0.1",
        ":1",
        ":notaport",
        "/",
        "?a=b",
        "#",
    ]
    urls = st.lists(st.sampled_from(words) | st.text(max_size=6), max_size=6).map("".join)

    def work(url: str) -> None:
        storage = open_storage(url, reading=True)
        storage.engine.dispose()

    inside = FOLDER / "storages"
    inside.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(inside)
        patch.setenv("ARCHSEARCH_STORAGE_SECONDS", "0")  # nobody is waited for: there is no server
        patch.setenv("RES_OPTIONS", "timeout:1 attempts:1")  # nor one that knows names
        fuzzed(500, urls, work)
