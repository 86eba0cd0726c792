"""Files of runs that were made elsewhere: fetched from a place that is named, never because a storage says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsearch.ablate.ablation import ablate
from archsearch.ablate.ablation_file import load_ablation
from archsearch.ablate.planned import plan_ablation
from archsearch.report.fetched import bring_files, bring_run
from archsearch.study.lifecycle import Settings, existing_ablation
from archsearch.study.storage import open_storage
from tests.cluster.conftest import folder, url  # noqa: F401  # fixtures

pytest.importorskip("fsspec", reason="fsspec is not installed: pip install -e '.[artifacts]'")


@pytest.fixture
def study(folder: Path, url: str):  # noqa: F811
    """An ablation whose runs were put to a place, and which is asked about from another folder."""
    settings = Settings(storage=url, runs_dir=folder / "there", artifacts=str(folder / "shared"))
    ablate(plan_ablation(load_ablation(str(folder / "norm.yaml"))), settings)
    storage = open_storage(url, reading=True)
    return existing_ablation("norm", storage), storage


def test_files_come_from_the_place_that_is_named_only(study, folder):  # noqa: F811
    here = folder / "here"
    (note,) = bring_files(*study, here, None)
    assert note == f"the files of 4 runs are in {folder / 'shared'}; --artifacts fetches from a place"
    assert not here.exists()
    (note,) = bring_files(*study, here, str(folder / "another"))
    assert note == "the files of 4 runs could not be fetched: not there"
    (note,) = bring_files(*study, here, str(folder / "shared"))
    assert note == "fetched the files of 4 runs"
    assert {path.name for path in here.iterdir()} == {path.name for path in (folder / "shared").iterdir()}
    assert bring_files(*study, here, None) == ()


def test_what_was_altered_is_said_and_the_report_goes_on(study, folder):  # noqa: F811
    first = sorted((folder / "shared").iterdir())[0]
    (first / "predictions.npz").write_bytes(b"another")
    (note,) = bring_files(*study, folder / "here", str(folder / "shared"))
    why = f"the files in {first} were truncated or altered, or are another run's"
    assert note == f"the files of 1 run could not be fetched: {why}"


def test_a_run_is_fetched_by_its_whole_id_with_its_weights(study, folder):  # noqa: F811
    id_ = sorted(path.name for path in (folder / "shared").iterdir())[0]
    for name, place in ((id_, None), (id_[:8], str(folder / "shared")), ("../" + id_, str(folder / "shared"))):
        bring_run(name, folder / "here", place)
    assert not (folder / "here").exists()
    bring_run(id_, folder / "here", str(folder / "shared"))
    assert (folder / "here" / id_ / "model.safetensors").is_file()


def test_the_weights_of_a_run_that_a_report_fetched_come_too(study, folder):  # noqa: F811
    place = folder / "shared"
    bring_files(*study, folder / "here", str(place))
    id_ = sorted(path.name for path in place.iterdir())[0]
    assert not (folder / "here" / id_ / "model.safetensors").exists()
    bring_run(id_, folder / "here", str(place))
    files = {path.name: path.read_bytes() for path in (folder / "here" / id_).iterdir() if path.name != ".lock"}
    assert files == {path.name: path.read_bytes() for path in (place / id_).iterdir()}
    assert [path.name for path in (folder / "here").iterdir() if path.name.startswith(".")] == []
