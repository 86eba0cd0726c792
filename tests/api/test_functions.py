"""The Python interface as a notebook uses it: functions, files, frames; results that show themselves."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import archsearch
from archsearch.api.functions import ablate, compare, plan, run, study
from archsearch.api.results import AblationResult
from archsearch.errors import UsageError

CALLS: list[tuple[int, str]] = []


def score(seed: int, how: str = "plain", size: int = 1) -> dict[str, float]:
    """Give 0.9 with noise of the seed, 0.02 more for `big`."""
    CALLS.append((seed, how))
    noise = random.Random(seed).gauss(0, 0.01) + random.Random(f"{how} {seed}").gauss(0, 0.001)
    return {"accuracy": 0.9 + noise + (0.02 if how == "big" else 0) - 0.001 * abs(size - 5)}


def ignores(seed: int, how: str = "plain") -> float:
    """Give the same for every seed."""
    return {"plain": 1.0, "big": 2.0}[how]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARCHSEARCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("ARCHSEARCH_TRUST", raising=False)
    CALLS.clear()
    return tmp_path


def judged(**keys) -> AblationResult:
    return ablate(
        score, baseline={"how": "plain"}, factors={"how": ["big", "same"]}, metric="accuracy", progress=False, **keys
    )


def test_function_is_ablated_and_goes_on_from_what_is_kept(here: Path) -> None:
    result = judged(seeds=10)
    assert result.complete
    assert result.verdicts == {"how=big": "better", "how=same": "inconclusive"}
    assert len(CALLS) == 31  # 3 cells of 10 seeds, and the first run again
    low, high = result.effects[0].ci95
    assert low < 0.02 < high
    assert judged(seeds=10).effects == result.effects
    assert len(CALLS) == 31
    assert "big instead of plain" in result.sentences[1]


def test_result_shows_itself_and_goes_to_a_frame_and_a_report(here: Path) -> None:
    pytest.importorskip("pandas")
    result = judged(seeds=10)
    html = result._repr_html_()
    assert html.count("<tr>") == 3
    assert "<svg role='img'" in html
    assert "&lt;" not in html
    assert "how=big" in repr(result)
    frame = result.to_frame()
    assert list(frame["verdict"]) == ["better", "inconclusive"]
    assert frame["ci95_low"][0] == result.effects[0].ci95[0]
    values = result.values()
    assert len(values) == 30
    assert values.groupby("cell")["accuracy"].mean()["how=big"] == pytest.approx(result.effects[0].mean)
    assert result.report().read_text().startswith("<!doctype html>")
    assert "how=big" in result.report("mine.md").read_text()


def test_names_of_levels_are_escaped_in_html(here: Path) -> None:
    found = compare({"<b>a</b>": [0.5, 0.6, 0.7], "b & c": [0.1, 0.2, 0.31]}, baseline="<b>a</b>", unit="own")
    assert "<b>a</b>" not in found._repr_html_()
    assert "b &amp; c" in found._repr_html_()


def test_plan_runs_nothing_and_says_what_it_takes(here: Path) -> None:
    found = plan(score, baseline={"how": "plain"}, factors={"how": ["big"]}, seeds=10, metric="accuracy")
    assert (found.runs, found.cached, found.seconds, CALLS) == (20, 0, None, [])
    assert "20 runs, 0 of them cached, time not known" in found.sentence
    assert "<table>" in found._repr_html_()


def test_function_that_ignores_its_seed_is_refused(here: Path) -> None:
    with pytest.raises(archsearch.SpecError, match="ignores ignores its seed: the seeds 0, 1, 2 gave"):
        ablate(ignores, baseline={"how": "plain"}, factors={"how": ["big"]}, direction="maximize", progress=False)


def test_search_over_a_function_finds_its_optimum(here: Path) -> None:
    found = study(
        score, space={"size": {"int": [1, 9]}}, baseline={"how": "plain", "size": 1}, metric="accuracy", trials=9,
        confirm=1, confirm_seeds=3, progress=False,
    )  # fmt: skip
    assert found.best == {"size": 5}
    assert found.found.completed == 9
    assert found.sentence in found._repr_html_().replace("&#x27;", "'")
    pytest.importorskip("pandas")
    frame = found.to_frame()
    assert sorted(frame["size"]) == list(range(1, 10))
    assert frame.loc[frame["accuracy"].idxmax(), "size"] == 5


def test_run_gives_a_program_and_a_network_alike(here: Path) -> None:
    one = run(score, seed=3, values={"how": "big"}, metric="accuracy")
    assert one.result.metrics == {"accuracy": score(3, "big")["accuracy"]}
    network = run("digits_quickstart", seed=0)
    assert network.result.status == "completed"
    assert run("digits_quickstart", seed=0).cached


def test_file_of_a_program_asks_to_be_allowed(here: Path) -> None:
    Path("go.py").write_text("import sys; print(f'loss={float(sys.argv[1]) / 7}')\n")
    Path("go.yaml").write_text("program: {command: 'python3 go.py {seed}'}\nmetrics: {loss: {last: 'loss=(\\S+)'}}\n")
    with pytest.raises(archsearch.ArchsearchError, match=r"archsearch trust go\.yaml"):
        run("go.yaml")
    assert run("go.yaml", seed=7, trust=True).result.metrics == {"loss": 1.0}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ablate(3), "expected a function, a spec, or the file or name of one, got int"),
        (lambda: ablate(score, baseline={"how": "plain"}, metric="accuracy"), "say what to compare: factors="),
        (lambda: ablate(score, baseline={"nope": 1}, factors={"nope": [2]}), "which does not fit"),
        (lambda: ablate("lenet5", factors={"act": ["relu"]}), "the levels of a network are edits"),
        (lambda: ablate(score, factors={"how": ["big"]}), "say which way is better, direction: maximize or minimize"),
        (lambda: run(score, sed=2, metric="loss"), "unknown argument 'sed'; did you mean 'seed'"),
        (lambda: study(score), "say what is open: space="),
        (lambda: compare(3), "takes a dict of variants, a pandas frame or the path of a file, got int"),
        (lambda: compare({"a": 3}), "a: expected values by seed or a list of values, got int"),
    ],
)
def test_what_is_not_right_is_said(call, message) -> None:
    with pytest.raises(UsageError, match=message):
        call()


def test_verdicts_on_a_dict_and_a_frame_are_those_on_a_file(here: Path) -> None:
    pd = pytest.importorskip("pandas")
    values = {"a": [0.50, 0.52, 0.51, 0.53, 0.50, 0.52], "b": [0.56, 0.57, 0.58, 0.58, 0.57, 0.56]}
    rows = [(name, seed, value) for name, of in values.items() for seed, value in enumerate(of)]
    frame = pd.DataFrame(rows, columns=["model", "seed", "accuracy"])
    frame.to_csv("numbers.csv", index=False)
    by_file = compare("numbers.csv", baseline="a")
    assert compare(frame, baseline="a").effects == by_file.effects
    # hand arithmetic: six pairs of one sign, two-sided 2 / 2**6
    assert by_file.effects[0].p == pytest.approx(2 / 64)
    plain = compare(values, baseline="a", unit="fraction")
    assert plain.effects[0].differences == pytest.approx(by_file.effects[0].differences)
    assert by_file.report("numbers.html").exists()


def test_package_and_function_share_their_name(here: Path) -> None:
    import archsearch.ablate.planned  # the import machinery sets the attribute to the package

    assert archsearch.ablate(score, baseline={"how": "plain"}, factors={"how": ["big"]}, seeds=10, metric="accuracy",
                             progress=False).complete  # fmt: skip
