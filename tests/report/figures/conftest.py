"""A real search to draw: small, screened, confirmed, its run directories deleted; and synthetic ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from archsearch.experiment_plan import load_spec
from archsearch.search.record import SearchRecord, search_record
from archsearch.search.search import SearchSettings, search
from archsearch.search.search_file import stored_study
from archsearch.study.lifecycle import existing_study
from archsearch.study.storage import default_url, open_storage
from tests.report.figures.records import ACCURACY, MACS, confirmation, long_record, record
from tests.search.conftest import HEAD, SMALL


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> SearchRecord:
    """A search of 24 trials on the digits, of whose runs nothing is left but the storage."""
    runs = tmp_path_factory.mktemp("real") / "runs"
    base = load_spec("digits_quickstart", ["data.limit=20", "data.validation=40", "train.device=cpu"])
    head = HEAD + "pruner: {screen: {epochs: 1, keep: 0.4, startup_trials: 4}}\nlimits: {macs: 1M}\n"
    study = stored_study(head + SMALL, "small", base.model_dump(mode="json"))
    search(
        study, SearchSettings(trials=24, confirm=2, confirm_seeds=2, sampler="random", runs_dir=runs, data_dir=data_dir)
    )
    for path in runs.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    storage = open_storage(default_url(runs))
    return search_record(existing_study("small", storage), storage)


@pytest.fixture(scope="session")
def records(real: SearchRecord) -> dict[str, SearchRecord]:
    """Searches of every shape a figure may meet."""
    middle = long_record(60)
    confirmed = middle.report.model_copy(update={"confirmed": confirmation()})
    return {
        "real": real,
        "confirmed": middle.model_copy(update={"report": confirmed}),
        "two objectives": long_record(60, metrics=(ACCURACY, MACS)),
        "three trials": long_record(3),
        "nothing yet": record(()),
    }
