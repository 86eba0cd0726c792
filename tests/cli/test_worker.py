"""`archsearch worker` and `--on` from the outside; and the files of what a worker has run, where they are wanted."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import yaml

from archsearch.cli.elsewhere import Elsewhere
from archsearch.errors import UsageError
from tests.cluster.conftest import ABLATION, TINY


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(TINY)
    (tmp_path / "norm.yaml").write_text(ABLATION)
    return tmp_path


def test_a_worker_does_what_the_studys_command_judges_and_its_files_are_fetched(process, cli, here):
    storage = {"ARCHSEARCH_STORAGE": f"sqlite:///{here}/a%20b.db"}
    done = []
    command = ("worker", "norm", "--idle-exit", 90, "--max-trials", 4, "--runs-dir", "there", "--artifacts", "shared")
    worker = threading.Thread(target=lambda: done.append(process(*command, env=storage)))
    worker.start()
    judged = cli("ablate", "norm.yaml", "--on", "workers", env=storage)
    worker.join(100)
    assert judged.code == 0, judged.err
    waiting = f"waiting for workers: archsearch worker norm --storage {storage['ARCHSEARCH_STORAGE']} on this machine"
    assert waiting in judged.err
    assert "4 of 4 runs completed" in judged.out
    assert (done[0].code, done[0].out) == (0, "4 trials of norm\n"), done[0].err
    assert (here / "a b.db").is_file()
    assert not list((here / "runs").glob("*/result.json"))

    ids = sorted(path.parent.name for path in (here / "there").glob("*/result.json"))
    assert len(ids) == 4
    for id_ in ids:
        assert not (here / "runs" / id_).exists()
    without = cli("report", "norm", env=storage)
    assert "the files of 4 runs are in shared; --artifacts fetches from a place" in without.err
    fetched = cli("report", "norm", "--artifacts", "shared", "--format", "json", env=storage)
    assert "fetched the files of 4 runs" in fetched.err
    assert sorted(path.parent.name for path in (here / "runs").glob("*/predictions.npz")) == ids
    assert not list((here / "runs").glob("*/model.safetensors"))

    np.savez(here / "x.npz", x=np.zeros((2, 1, 8, 8), dtype="float32"))
    more = ("--artifacts", "shared", "--runs-dir", "elsewhere", "--json")
    predicted = cli("predict", ids[0], "x.npz", *more)
    assert predicted.code == 0, predicted.err
    assert predicted.json["run_id"] == ids[0]
    assert len(predicted.json["predictions"]) == 2


def test_a_worker_without_a_storage_and_with_nothing_to_do(cli, here):
    told = cli("worker")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith(
        "error: a worker needs the storage that its studies are in: --storage URL, or the variable"
    )
    told = cli("worker", "--storage", "sqlite:///none.db")
    assert (told.code, told.err) == (2, "error: there is no storage none.db yet; --idle-exit waits for a study in it\n")
    told = cli("worker", "--storage", "sqlite:///none.db", "--idle-exit", 0, "--json")
    assert (told.code, told.json) == (0, {"trials": {}, "left": {}})


def test_a_password_is_in_no_output(cli, here):
    url = "postgresql+psycopg://me:hunter2@127.0.0.1:notaport/x?password=hunter2"
    for command in (("worker",), ("status",), ("report", "x"), ("ablate", "norm.yaml", "--on", "workers")):
        told = cli(*command, env={"ARCHSEARCH_STORAGE": url})
        assert told.code == 2
        assert "hunter2" not in told.out + told.err
        assert "what follows the last : is no port" in told.err


def test_the_job_of_kubernetes_is_printed_and_nothing_is_made(cli, here):
    told = cli("ablate", "norm.yaml", "--on", "kubernetes", "--workers", 3)
    assert (told.code, yaml.safe_load(told.out)["spec"]["parallelism"]) == (0, 3)
    assert "nothing was started" in told.err
    assert "--on workers and with --storage URL" in " ".join(told.err.split())
    assert sorted(path.name for path in here.iterdir()) == ["norm.yaml", "tiny.yaml"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--on", "kubernetes"), "--on kubernetes: --workers N says how many; auto is for this machine's cores"),
        (("--on", "dusk", "--workers", 1), "--on: unknown way 'dusk'; did you mean 'dask'?"),
        (("--on", "workers", "--on-option", "x"), "--on-option: 'x' is not KEY=VALUE"),
        (("--address", "tcp://x:1"), "--address and --on-option go with --on slurm, dask or kubernetes"),
    ],
)
def test_what_does_not_go_together_is_a_sentence(cli, here, options, sentence):
    told = cli("ablate", "norm.yaml", *options)
    assert (told.code, told.err.splitlines()[-1]) == (2, f"error: {sentence}")


def test_a_way_that_does_not_exist_is_named_before_how_many_workers_it_takes():
    assert Elsewhere("kubernets").count() >= 1
    with pytest.raises(UsageError, match=r"^--on slurm: --workers N says how many"):
        Elsewhere("slurm").count()
