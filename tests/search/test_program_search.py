"""A search of a program: values left open by their paths, sampled, run, confirmed on fresh seeds, written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archsearch.errors import SpecError
from archsearch.files import write_whole
from archsearch.program.read import load_program
from archsearch.report.make import Where, make
from archsearch.search.evidence import search_evidence
from archsearch.search.record import search_record
from archsearch.search.search import SearchSettings, StudyReport, all_reports, search
from archsearch.search.search_file import SearchFile, load_study
from archsearch.search.space.by_kind import spaces_of
from archsearch.search.space.count import count_space, each_feasible
from archsearch.search.space.nothing_fits import refuse_where_nothing_fits
from archsearch.study.lifecycle import existing_study
from archsearch.study.storage import open_storage

# gives norm's part - |lr - 3| + seed / 10^9, and one line a run in `count`; the seeds of a confirmation are below 2^31
LINE = """\
echo {seed} {lr} {norm} >> count
case {norm} in batch) part=9;; layer) part=8;; *) part=5;; esac
awk -v p=$part -v l={lr} -v s={seed} 'BEGIN {{ d = l - 3; if (d < 0) d = -d; printf "acc=%.12f\\n", p - d + s / 1e9 }}'
"""
PROGRAM = """\
name: mine
program: {{command: {command}, files: [data.txt]}}
values: {{lr: 1, norm: none, extra: []}}
metrics:
  acc: {{last: 'acc=(\\S+)', direction: maximize}}
  seconds: measured
"""
SPACE = "{values.lr: {int: [1, 2]}, values.norm: {choice: [batch, layer, none]}}"


def value(lr: int, norm: str, seed: int) -> float:
    """What the program computes, by hand."""
    return {"batch": 9, "layer": 8, "none": 5}[norm] - abs(lr - 3) + seed / 1e9


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("ARCHSEARCH_TRUST", "1")


def study_of(folder: Path, rest: str = f"space: {SPACE}", *, line: str = LINE, more: str = "") -> SearchFile:
    folder.mkdir(exist_ok=True)
    (folder / "data.txt").write_text("1\n")
    text = PROGRAM.format(command=json.dumps(["sh", "-c", line, "{norm}", "{extra}"])) + more
    (folder / "train.yaml").write_text(text)
    (folder / "widths.yaml").write_text(f"base: train.yaml\n{rest}\n")
    return load_study(str(folder / "widths.yaml"))


def run(study: SearchFile, folder: Path, **settings: int) -> StudyReport:
    return search(study, SearchSettings(runs_dir=folder / "runs", **settings))  # type: ignore[arg-type]


# -- the space ---------------------------------------------------------------------------------------------------------


def test_values_of_a_program_are_left_open_by_their_paths(tmp_path: Path) -> None:
    study = study_of(
        tmp_path,
        "space:\n"
        "  values.lr: {float: [1.0, 4.0], log: true}\n"
        "  values.extra: {choice: {plain: [], long: [--warmup, {int: [5, 6]}]}}",
    )
    assert {name: str(domain) for name, domain in study.space.parameters().items()} == {
        "lr": "1 to 4 log",
        "extra": "plain, long",
        "extra.long[2]": "5 to 6",
    }
    values = {"lr": 2.5, "extra": "long", "extra.long[2]": 6}
    written = study.space.with_values(values).written
    assert written["values"] == {"lr": 2.5, "norm": "none", "extra": ["--warmup", 6]}
    assert study.spec.objective == (("maximize", "acc"),), "the program's own"
    assert spaces_of(study.space).base_values(study.space) == {"lr": 1, "extra": "plain"}
    assert study.note == ""


def test_configurations_are_counted_and_listed(tmp_path: Path) -> None:
    study = study_of(
        tmp_path, "space: {values.lr: {int: [1, 4]}, values.norm: {choice: {a: batch, b: layer, c: batch}}}"
    )
    counted = count_space(study.space)
    assert (counted.total, counted.feasible, counted.distinct, counted.exact) == (12, 12, 8, True)
    assert len(list(each_feasible(study.space))) == 12
    refuse_where_nothing_fits(study, str(tmp_path / "widths.yaml"))


def test_baseline_outside_of_the_space_is_said(tmp_path: Path) -> None:
    study = study_of(tmp_path, "space: {values.lr: {int: [2, 4]}}")
    said = "the baseline mine does not lie in the space: lr is 1 for the baseline and 2 to 4 for the candidates"
    assert study.note == said


@pytest.mark.parametrize(
    ("rest", "where", "message"),
    [
        ("space: {values.lrr: {int: [1, 4]}}", "2:9", r"unknown value 'values.lrr'; did you mean 'values.lr'\?"),
        ("space: {lr: {int: [1, 4]}}", "2:9", "unknown value 'lr'"),
        ("space: {program.environment.A: {int: [1, 4]}}", "2:9", "cannot be open: what is started was allowed as it"),
        ("space: {values.lr: 3}", "2:20", "space.values.lr: expected choice, int or float, got 3"),
        ("space: {values.lr: {int: [4, 1]}}", "2:26", "the lowest value 4 is above the highest 1"),
        ("summary: none open", "1:1", "nothing is open: write choice, int or float for a value"),
        (f"space: {SPACE}\nnetwork: [relu]", "3:1", "network is of networks: a program has no layers"),
        (f"space: {SPACE}\nlimits: {{macs: 10k}}", "3:1", "limits is of networks"),
        (f"space: {SPACE}\nobjective: {{maximize: accc}}", "3:12", "with one of acc, seconds, got 'accc'"),
        (f"space: {SPACE}\npruner: screen", "3:9", "mine cannot be stopped early by acc: it has no history"),
        (f"space: {SPACE}\nproposals: 3", "3:1", "what a run of a program costs is known by running it only"),
    ],
)
def test_what_is_wrong_in_a_search_of_a_program_has_its_place(
    tmp_path: Path, rest: str, where: str, message: str
) -> None:
    with pytest.raises(SpecError, match=message) as refused:
        study_of(tmp_path, rest)
    assert refused.value.problems[0].where == f"{tmp_path / 'widths.yaml'}:{where}"


# -- the search --------------------------------------------------------------------------------------------------------


def test_program_is_searched_confirmed_on_fresh_seeds_and_written_down(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    report = run(study, tmp_path, trials=6, confirm=1, confirm_seeds=2)
    assert (report.kind, report.sampler, report.completed, report.baseline) == ("program", "brute_force", 6, 0)
    url = SearchSettings(runs_dir=tmp_path / "runs").url
    storage = open_storage(url, reading=True)
    opened = existing_study("widths", storage)
    record = search_record(opened, storage)
    assert {(t.params["lr"], t.params["norm"]): t.values for t in record.trials} == {
        (lr, norm): (pytest.approx(value(lr, norm, 0)),) for lr in (1, 2) for norm in ("batch", "layer", "none")
    }
    assert report.selected is not None
    assert (report.selected.params, report.selected.value) == ({"lr": 2, "norm": "batch"}, 8.0)
    confirmed = report.confirmed
    assert confirmed is not None
    assert (confirmed.family.metric, confirmed.family.direction, confirmed.family.unit) == ("acc", "maximize", "own")
    assert 0 not in confirmed.seeds
    best = confirmed.candidates[1]
    assert best.test_values == {str(s): pytest.approx(value(2, "batch", s)) for s in confirmed.seeds}
    assert best.gain == pytest.approx(5.0), "9 - |2 - 3| against the baseline's 5 - |1 - 3|"
    assert report.best is not None
    assert report.best.number == best.trial
    loaded = load_program(str(tmp_path / "runs" / "widths" / "best.yaml"))
    assert (dict(loaded.values), Path(loaded.program.folder)) == ({"lr": 2, "norm": "batch", "extra": ()}, tmp_path)

    runs = len((tmp_path / "count").read_text().splitlines())
    assert runs == 6 + 2 * 2 + 1, "every run once, and the baseline's first on fresh seeds once more"
    assert run(load_study(str(tmp_path / "widths.yaml")), tmp_path, trials=6, confirm=1, confirm_seeds=2) == report
    assert len((tmp_path / "count").read_text().splitlines()) == runs

    evidence = search_evidence(opened, storage)
    assert [run.metrics["acc"] for run in evidence.confirmed["baseline"]] == [
        pytest.approx(value(1, "none", seed)) for seed in sorted(confirmed.seeds)
    ]
    document = make(["widths"], Where(tmp_path / "runs", stamp="2026-01-31T12:00:00+00:00")).document
    assert [section.title for section in document.sections] == [
        "Confirmation",
        "Search",
        "Runs",
        "Values",
        "Provenance",
        "Checklist",
    ]
    assert "Reads of the test set" not in {number.label for number in document.numbers}


def test_program_that_ignores_its_seed_is_not_confirmed(tmp_path: Path) -> None:
    study = study_of(tmp_path, line=LINE.replace("-v s={seed}", "-v s=0"))
    with pytest.raises(SpecError, match=r"ignores its seed: the seeds .* gave the same numbers \(acc 3 and 3 and 3\)"):
        run(study, tmp_path, trials=6, confirm=2, confirm_seeds=5)
    lines = (tmp_path / "count").read_text().splitlines()
    assert len(lines) == 6 + 3 + 1, "no finalist was run: only the baseline, and its first run twice"
    reports, _ = all_reports(open_storage(SearchSettings(runs_dir=tmp_path / "runs").url, reading=True))
    assert "ignores its seed" in reports[0].headline


def test_deterministic_program_is_searched_and_not_confirmed(tmp_path: Path) -> None:
    line = LINE.replace("-v s={seed}", "-v s=0").replace("{seed}", "0")
    study = study_of(tmp_path, line=line)
    text = (tmp_path / "train.yaml").read_text().replace("program: {", "program: {deterministic: true, ")
    write_whole(tmp_path / "train.yaml", text.encode())
    report = run(load_study(str(tmp_path / "widths.yaml")), tmp_path, trials=6)
    assert (report.completed, report.confirmed, study.spec.confirm) == (6, None, 3)


def test_objective_that_the_search_names_goes_its_way(tmp_path: Path) -> None:
    study = study_of(tmp_path, f"space: {SPACE}\nobjective: {{minimize: acc}}")
    report = run(study, tmp_path, trials=6, confirm=1, confirm_seeds=2)
    assert report.selected is not None
    assert report.selected.params == {"lr": 1, "norm": "none"}, "5 - 2, the least of all: the baseline"
    assert report.confirmed is not None
    assert report.confirmed.family.direction == "minimize"


def test_changed_files_are_another_search(tmp_path: Path) -> None:
    run(study_of(tmp_path), tmp_path, trials=2, confirm=0)
    (tmp_path / "data.txt").write_text("2\n")
    with pytest.raises(SpecError, match=r"another space \(the files of its program have changed\)"):
        run(load_study(str(tmp_path / "widths.yaml")), tmp_path, trials=2, confirm=0)


SLOW = """\
echo step,acc > {run_dir}/log.csv
echo 1,{lr} >> {run_dir}/log.csv
test {lr} -gt 2 || sleep 20
echo 2,{lr}5 >> {run_dir}/log.csv
echo {seed} {norm} acc={lr}
"""


@pytest.mark.parametrize("pruner", ["halving", "hyperband"])
def test_what_goes_by_parts_of_a_run_is_refused_where_nobody_knows_its_length(tmp_path: Path, pruner: str) -> None:
    more = "history: {csv: log.csv, step: step, columns: [acc]}\n"
    with pytest.raises(SpecError, match=rf"{pruner} must know how many epochs a run has, which no program says"):
        study_of(tmp_path, f"space: {SPACE}\npruner: {pruner}", line=SLOW, more=more)


def test_weak_runs_are_stopped_by_their_history(tmp_path: Path) -> None:
    more = "history: {csv: log.csv, step: step, columns: [acc]}\n"
    rest = "space: {values.lr: {int: [1, 9]}}\npruner: {screen: {epochs: 1, keep: 0.1, startup_trials: 1}}"
    study_of(tmp_path, rest, line=SLOW, more=more)
    text = (tmp_path / "train.yaml").read_text().replace("lr: 1,", "lr: 9,")
    write_whole(tmp_path / "train.yaml", text.encode())
    study = load_study(str(tmp_path / "widths.yaml"))
    (tmp_path / "runs").mkdir()
    report = search(study, SearchSettings(runs_dir=tmp_path / "runs", trials=4, confirm=0, sampler="brute_force"))
    storage = open_storage(SearchSettings(runs_dir=tmp_path / "runs").url, reading=True)
    record = search_record(existing_study("widths", storage), storage)
    pruned = {trial.params["lr"]: trial.learned for trial in record.trials if trial.outcome == "pruned"}
    assert set(pruned) == {1, 2, 3}, "two of them would have slept for 20 seconds"
    assert (pruned[1], pruned[2]) == (((1, 1.0),), ((1, 2.0),))
    whole = next(trial for trial in record.trials if trial.params["lr"] == 9)
    assert whole.learned == ((1, 9.0), (2, 95.0))
    assert report.pruned == len(pruned)
