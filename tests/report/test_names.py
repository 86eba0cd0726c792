"""What a name on the command line means."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from archsearch.errors import DamagedFileError, UsageError
from archsearch.report.names import find_named


@pytest.fixture
def ids(workshop):
    return {run.result.seed: run.result.run_id for run in find_named([spec(workshop)], workshop.runs_dir, None).runs}


def spec(workshop, name="wider") -> str:
    return str(workshop.folder / f"{name}.yaml")


def test_study_is_found_by_name(workshop):
    found = find_named(["small"], workshop.runs_dir, None)
    assert (found.study, found.runs, found.notes) == ("small", (), ())


def test_study_comes_before_a_spec_of_its_name_and_says_so(workshop, tmp_path, monkeypatch):
    (tmp_path / "specs").mkdir()
    shutil.copy(spec(workshop, "tiny"), tmp_path / "specs" / "small.yaml")
    monkeypatch.chdir(tmp_path)
    found = find_named(["small"], workshop.runs_dir, None)
    assert found.study == "small"
    assert found.notes == ("small is a study and a spec; this is the study (the spec's runs: specs/small.yaml)",)


def test_run_is_found_by_id_by_its_beginning_and_by_folder(workshop, ids):
    id_ = ids[0]
    for name in (id_, id_[:10], str(workshop.runs_dir / id_)):
        (run,) = find_named([name], workshop.runs_dir, None).runs
        assert (run.result.run_id, run.directory) == (id_, workshop.runs_dir / id_)


def test_spec_means_its_runs_whatever_the_seed(workshop):
    runs = find_named([spec(workshop)], workshop.runs_dir, None).runs
    assert sorted(run.result.seed for run in runs) == [0, 1]
    assert {run.result.name for run in runs} == {"wider"}


def test_begun_run_is_named_as_not_finished(workshop, ids, tmp_path):
    runs_dir = tmp_path / "runs"
    for id_ in ids.values():
        shutil.copytree(workshop.runs_dir / id_, runs_dir / id_)
    (runs_dir / ids[1] / "result.json").unlink()
    found = find_named([spec(workshop)], runs_dir, None)
    assert [run.result.seed for run in found.runs] == [0]
    assert [(one.name, one.seed, one.directory) for one in found.unfinished] == [("wider", 1, runs_dir / ids[1])]
    with pytest.raises(UsageError, match="is not finished; archsearch run goes on with it"):
        find_named([ids[1]], runs_dir, None)


def test_beginning_of_several_runs_is_refused(workshop, ids, tmp_path):
    for end in ("11", "22"):
        shutil.copytree(workshop.runs_dir / ids[0], tmp_path / f"aaaa{end}")
    with pytest.raises(UsageError, match=r"aaaa is the beginning of several runs \(aaaa11, aaaa22\)"):
        find_named(["aaaa"], tmp_path, None)


def test_altered_run_is_not_used(workshop, ids, tmp_path):
    shutil.copytree(workshop.runs_dir / ids[0], tmp_path / ids[0])
    path = tmp_path / ids[0] / "result.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 7'))
    with pytest.raises(DamagedFileError, match="was truncated or altered"):
        find_named([ids[0]], tmp_path, None)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["nosuch"], r"nosuch is no study, run or spec here. Studies: small. Runs in .*: [0-9a-f]{16}"),
        (["small", "lenet5"], "a report is on one study or on runs; small is a study, so name it alone"),
        (["lenet5"], "lenet5 has no finished run in .*; archsearch run lenet5 makes one"),
    ],
)
def test_unknown_name_says_what_there_is(workshop, names, message):
    with pytest.raises(UsageError, match=message):
        find_named(names, workshop.runs_dir, None)


def test_folder_that_is_no_run_is_refused(workshop, tmp_path):
    with pytest.raises(UsageError, match=r"is no run directory: it has no run\.json"):
        find_named([str(tmp_path)], workshop.runs_dir, None)


def test_nothing_at_all_says_so(tmp_path):
    with pytest.raises(UsageError, match=r"x1 is no study, run or spec here\. Studies: none\. Runs in .*: none\."):
        find_named(["x1"], Path(tmp_path), None)
