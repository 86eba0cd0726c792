"""`ablate`, `plan`, `lint --price` and what other commands make of ablations, from the outside."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from statsmodels.stats.power import TTestPower

from tests.test_imports import HEAVY, SCRIPT

ABLATION = """\
summary: Around a tiny network.
baseline: tiny.yaml
factors:
  activation: {tanh: [replace: {relu: tanh}]}
  width: {x2: [set: {conv1.out_channels: 8}]}
"""
DOCUMENTED = [
    "variant", "n", "mean_difference", "ci95", "bca95", "p", "p_adjusted", "d_z", "wins", "verdict", "sentence",
]  # fmt: skip


@pytest.fixture
def mine(tiny: Path, tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(ABLATION, encoding="utf-8")
    return path


def test_ablate_prints_sentences_table_and_json_and_goes_on(cli, mine, tmp_path):
    done = cli("ablate", "mine.yaml", "--workers", "1", "--json")
    assert done.code == 0, done.err
    document = done.json
    assert [effect["variant"] for effect in document["effects"]] == ["activation=tanh", "width=x2"]
    assert all(set(DOCUMENTED) <= set(effect) for effect in document["effects"])
    assert {effect["verdict"] for effect in document["effects"]} <= {"better", "worse", "equivalent", "inconclusive"}
    assert (document["runs"]["completed"], document["test_reads"], document["complete"]) == (30, 30, True)
    assert "mine: one_at_a_time around tiny: 3 cells, 10 seeds, 30 runs, 2 comparisons in the family" in done.err

    text = cli("ablate", "mine.yaml", "--workers", "1").out
    lines = text.splitlines()
    sentences = [effect["sentence"] for effect in document["effects"]]
    assert [line for line in lines if line in sentences] == sentences
    assert "30 of 30 runs completed; the test set was read 30 times" in text
    assert "other question: do two trained models differ? McNemar" in text

    rows = list(csv.DictReader(io.StringIO(cli("ablate", "mine.yaml", "--workers", "1", "--format", "csv").out)))
    assert [row["variant"] for row in rows] == ["activation=tanh", "width=x2"]
    assert float(rows[1]["mean_difference"]) == document["effects"][1]["mean_difference"]
    assert float(rows[1]["ci95_low"]) == document["effects"][1]["ci95"][0]
    markdown = cli("ablate", "mine.yaml", "--workers", "1", "--format", "md").out.splitlines()
    assert markdown[0].startswith("| variant | n | mean ± SD (%) | difference (points) |")
    assert markdown[2].startswith("| tiny | 10 | ")
    assert markdown[-1] == f"- {sentences[-1]}"
    tex = cli("ablate", "mine.yaml", "--workers", "1", "--format", "tex").out
    assert tex.startswith("\\begin{tabular}{lrrrrrl}\nvariant & n & mean $\\pm$ SD (\\%) & difference (points) & ")
    assert cli("ablate", "mine.yaml", "--workers", "1", "--format", "json").json == document

    again = cli("ablate", "mine.yaml", "--metric", "f1_macro", "--json").json
    assert (again["family"]["metric"], again["complete"]) == ("test_f1_macro", True)
    assert again["chosen"].startswith("test macro F1 was chosen afterwards")
    said = cli("ablate", "mine", "--metric", "f1_macro").out
    assert [line for line in said.splitlines() if "chosen afterwards" in line]
    refused = cli("ablate", "mine", "--metric", "f1_macro", "--seeds", "12")
    assert (refused.code, refused.err) == (
        2,
        "error: --metric judges the runs of mine again, and --seeds is about runs to come: leave one out\n",
    )
    planned = cli("plan", "mine", "--metrics")
    assert planned.code == 0, planned.err
    assert re.search(r"test accuracy \(the study's\) +10 +[+-][0-9.]+ points +[+-][0-9.]+ +", planned.out)
    assert "train.average: 3" not in planned.out  # two epochs have no mean of three
    rows = cli("plan", "mine", "--metrics", "--json").json["rows"]
    assert {row["comparison"] for row in rows} == {"activation=tanh", "width=x2"}

    page = cli("report", "mine", "--metric", "f1_macro", "-o", "f1.html")
    assert page.code == 0, page.err
    html = (tmp_path / "f1.html").read_text(encoding="utf-8")
    assert "Test macro F1 was chosen afterwards" in html
    assert "archsearch report mine --metric f1_macro" in html


def test_status_and_best_know_ablations(cli, mine):
    document = cli("ablate", "mine.yaml", "--workers", "1", "--seeds", "3", "--screen", "--json").json
    status = cli("status", "--json").json
    assert status["studies"] == []
    (one,) = status["ablations"]
    unlike = ("models", "models_missing")
    assert {k: v for k, v in one.items() if k not in unlike} == {k: v for k, v in document.items() if k not in unlike}
    assert "mine       9/9" in cli("status").out
    done = cli("best", "mine")
    assert (done.code, done.err.splitlines()[-1]) == (
        2,
        "error: mine is an ablation, which has verdicts and no best; `archsearch ablate mine` shows them",
    )


def test_list_and_check_tell_ablations_from_searches(cli, mine, tmp_path):
    (tmp_path / "studies").mkdir()
    (tmp_path / "specs").mkdir()
    mine.rename(tmp_path / "studies" / "mine.yaml")
    (tmp_path / "tiny.yaml").rename(tmp_path / "studies" / "tiny.yaml")
    kinds = {row["name"]: row["kind"] for row in cli("list", "--json").json["studies"]}
    assert (kinds["mine"], kinds["documented"], kinds["lenet"]) == ("ablation", "ablation", "search")
    assert "ablations (archsearch ablate)" in cli("list").out
    done = cli("check", "documented", "studies/mine.yaml", "digits", "lenet5")
    assert done.code == 0, done.err
    assert done.out.splitlines()[:3] == [
        "ok documented: ablation, 8 cells, 59 runs",
        "ok studies/mine.yaml: ablation, 3 cells, 30 runs",
        "ok digits: search, 17 open values",
    ]
    (tmp_path / "studies" / "mine.yaml").write_text(ABLATION + "desing: path\n")
    done = cli("check", "mine", "--json")
    assert (done.code, done.json["specs"][0]["problems"]) == (
        3,
        [
            {
                "where": "studies/mine.yaml:6:1",
                "message": "top level: unknown key 'desing'; did you mean 'design'?",
            }
        ],
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ablate", "lenet"], 3, "lenet: this is a search, no ablation; use `archsearch study lenet`"),
        (["study", "documented"], 3, "documented: this is an ablation, no search; use `archsearch ablate documented`"),
        (["ablate", "documentd"], 3, "unknown study 'documentd'; did you mean 'documented'?"),
        (["ablate"], 2, "give an ablation (see `archsearch list`), or two specs with --from and --to"),
        (["ablate", "mine.yaml", "--from", "lenet5", "--to", "lenet_l1"], 2, "give an ablation (see"),
        (["ablate", "--from", "lenet5"], 2, "--from and --to go together: two specs, names or files"),
        (["ablate", "mine.yaml", "--design", "pth"], 2, "--design: unknown design 'pth'; did you mean 'path'?"),
        (["ablate", "mine.yaml", "--seeds", "5"], 3, "--seeds: 5 seeds cannot answer"),
        (["ablate", "mine.yaml", "--name", "a b"], 2, "--name: 'a b' may hold letters"),
        (["ablate", "--from", "lenet5", "--to", "lenet5"], 3, "there is nothing to ablate"),
        (["plan", "mine.yaml", "--effect", "0", "--no-calibrate"], 2, "--effect 0: give a difference other than 0"),
        (["plan", "mine.yaml", "--seeds", "3"], 3, "Use at least 10 seeds, or call it a screen."),
        (["lint", "--price", "digits_quickstart"], 3, "digits_quickstart: no finding has a fix"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence(cli, mine, arguments, code, message):
    done = cli(*arguments)
    assert (done.code, message in done.err) == (code, True), done.err
    assert done.out == ""


def test_plan_says_what_will_run_and_what_it_can_show(cli, mine, tmp_path):
    plan = cli("plan", "mine.yaml", "--no-calibrate", "--json").json
    assert (plan["runs"], plan["cached"], plan["to_run"], plan["seconds"]) == (30, 0, 30, None)
    assert plan["plan"]["smallest_p"] == 2 / 2**10
    assert plan["plan"]["smallest_p_adjusted"] == 4 / 2**10
    assert (plan["seed_sd"], plan["plan"]["seed_sd"], plan["plan"]["smallest_effect"]) == (None, None, None)
    assert not (tmp_path / "runs").exists()
    cli("run", "tiny.yaml", "--seeds", "4")
    plan = cli("plan", "mine.yaml", "--no-calibrate", "--effect", "0.5", "--json").json
    assert [(cell["name"], cell["cached"]) for cell in plan["cells"]] == [
        ("baseline", 4),
        ("activation=tanh", 0),
        ("width=x2", 0),
    ]
    base, tanh, wide = plan["cells"]
    assert base["seconds"] > 0
    # nothing but the baseline was run: the others by their work
    assert tanh["seconds"] == pytest.approx(base["seconds"])
    assert wide["seconds"] == pytest.approx(base["seconds"] * wide["macs"] / base["macs"])
    assert (base["seconds_from"], wide["seconds_from"]) == ("4 kept runs", "multiply-accumulates")
    assert plan["seed_sd_from"] == "measured on 4 kept seeds of tiny"
    assert (plan["plan"]["effect"], plan["plan"]["seed_sd"]) == (0.005, plan["seed_sd"])
    assert plan["plan"]["seeds_for_effect"] > 10
    done = cli("plan", "mine.yaml", "--workers", "1", "--effect", "0.5")
    assert "30 runs, 4 of them cached: 26 to run, about" in done.out
    assert (
        "smallest p of 10 pairs: 0.0020, with Holm over 2: 0.0039. With Holm over 2 comparisons at least 7 pairs can "
        "be significant, and a claim has at least 10." in done.out
    )
    few = ("--workers", "1", "--timeout", "0", "--json")
    begun = cli("ablate", "mine.yaml", *few)
    assert begun.code == 5  # nothing completed
    assert begun.json["plan"]["seed_sd"] == plan["seed_sd"]
    (tmp_path / "runs" / "archsearch.db").unlink()
    assert f"an effect of 0.50 points needs {plan['plan']['seeds_for_effect']} seeds" in done.out
    dry = cli("ablate", "mine.yaml", "--dry-run", "--workers", "1").out.splitlines()
    assert dry[-3:] == done.out.splitlines()[-4:-1]
    assert not (tmp_path / "runs" / "archsearch.db").exists()


def test_plan_without_a_measured_spread_says_what_follows_over_a_range_of_it(cli, mine):
    cli("run", "tiny.yaml", "--seeds", "2")
    said = cli("plan", "mine.yaml", "--no-calibrate", "--effect", "0.5").out
    assert "SD of one run over seeds not known: 2 of 3 runs of tiny are kept; --pilot trains them" in said
    rows = [line.split() for line in said.splitlines()[-6:]]
    assert [row[0] for row in rows] == ["0.05", "0.10", "0.20", "0.50", "1.00", "2.00"]
    in_sds = float(re.search(r"power 0\.8: ([0-9.]+) of these SDs", said)[1])
    # a paired t test of 10 differences at alpha .025, power .82 (80 % and two more): statsmodels' effect size
    d = TTestPower().solve_power(nobs=10, alpha=0.025, power=0.82)
    assert in_sds == pytest.approx(math.sqrt(2) * d, rel=0.05)
    assert [float(row[2]) for row in rows] == pytest.approx([in_sds * float(row[0]) for row in rows], abs=0.02)
    assert rows[0][4] == "10"
    assert int(rows[-1][4]) > 300


def test_pilot_trains_three_runs_of_the_baseline_that_the_ablation_finds(cli, mine, tmp_path):
    document = cli("plan", "mine.yaml", "--no-calibrate", "--pilot", "--json").json
    results = [json.loads(path.read_text())["result"] for path in (tmp_path / "runs").glob("*/result.json")]
    assert sorted(result["seed"] for result in results) == [0, 1, 2]
    sd = statistics.stdev(result["test_accuracy"] for result in results)
    assert document["seed_sd"] == pytest.approx(sd)
    low, high = document["seed_sd_ci95"]
    # chi-square of 2 degrees of freedom: 0.0506 and 7.378
    assert (low, high) == pytest.approx((sd * math.sqrt(2 / 7.378), sd * math.sqrt(2 / 0.0506)), rel=1e-3)
    assert document["cells"][0]["cached"] == 3
    again = cli("plan", "mine.yaml", "--no-calibrate", "--pilot", "--json")
    assert again.json["seed_sd"] == document["seed_sd"]
    assert "epoch 1/" not in again.err
    report = cli("ablate", "mine.yaml", "--workers", "1", "--json").json
    assert report["runs"]["cached"] == 3
    assert report["plan"]["seed_sd"] == document["seed_sd"]


def test_pilot_of_too_few_seeds_is_refused(cli, mine, tmp_path):
    done = cli("plan", "mine.yaml", "--pilot", "--screen", "--seeds", "2")
    assert (done.code, done.err.splitlines()[-1]) == (
        2,
        "error: --pilot measures a spread on 3 seeds, and mine has 2",
    )
    assert not (tmp_path / "runs").exists()


def test_plan_without_calibration_leaves_torch_and_optuna_alone(mine, tmp_path):
    arguments = ["plan", "mine.yaml", "--no-calibrate"]
    heavy = [name for name in HEAVY if name not in ("scipy", "numpy")]  # the arithmetic of power
    code = SCRIPT.format(arguments=arguments, heavy=heavy)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stderr.splitlines()[-1] == "HEAVY 0 []"
    assert "30 runs, 0 of them cached" in done.stdout


def test_difference_of_two_specs_is_named_before_anything_runs_and_can_be_written(cli, tiny, tmp_path):
    other = "extends: tiny\nedits: [{replace: {relu: tanh}}, {set: {conv1.out_channels: 8, train.epochs: 1}}]\n"
    (tmp_path / "other.yaml").write_text(other)
    arguments = ("ablate", "--from", "tiny.yaml", "--to", "other.yaml")
    done = cli(*arguments, "--write", "edit.yaml")
    assert done.err.splitlines() == [
        "training values: train.epochs: 2 -> 1",
        "activation: act1: relu -> tanh",
        "widths: conv1.out_channels: 4 -> 8",
        "wrote edit.yaml; edit it, then: archsearch ablate edit.yaml",
    ]
    cli(*arguments, "--write", "deeper/edit.yaml")
    assert cli("check", "deeper/edit.yaml").code == 0
    assert not (tmp_path / "runs").exists()
    text = (tmp_path / "edit.yaml").read_text()
    assert 'baseline: "tiny.yaml"\nfactors:\n  "training values":\n    new:\n      - set: {train.epochs: 1}\n' in text
    assert cli(*arguments, "--write", "edit.yaml").err.endswith("edit.yaml exists; choose another file\n")
    few = ("--workers", "1", "--seeds", "2", "--screen", "--json")
    done = cli(*arguments, *few)
    names = ["then training values", "then activation", "then widths"]
    taken_back = ["without training values", "without activation"]
    assert [effect["variant"] for effect in done.json["effects"]] == names + taken_back
    assert "factors: training values (new), activation (new), widths (new)" in done.err
    written = cli("ablate", "edit.yaml", "--name", "written", *few).json
    assert [e["differences"] for e in written["effects"]] == [e["differences"] for e in done.json["effects"]]
    assert written["runs"]["cached"] == written["runs"]["completed"]


def test_lint_price_says_what_a_flaw_costs(cli, tiny, tmp_path):
    text = tiny.read_text().replace("classes}\n", "classes}\n  - softmax\n").replace("name: tiny", "name: flaw")
    (tmp_path / "flaw.yaml").write_text(text)
    done = cli("lint", "--price", "flaw.yaml", "--workers", "1", "--seeds", "3", "--screen", "--json")
    assert done.code == 0, done.err
    (price,) = done.json["specs"][0]["prices"]
    assert (price["code"], price["edits"], price["effect"]["n"]) == ("A001", [{"drop": "act2"}], 3)
    assert price["sentence"].startswith("A001 (softmax or sigmoid before a loss of logits): mending it changes ")
    text = cli("lint", "--price", "flaw.yaml", "--workers", "1", "--seeds", "3", "--screen").out
    assert text.splitlines()[0] == price["sentence"]
    assert "     compared with: drop: act2" in text


def test_run_and_study_end_with_the_lint_line(cli, tiny, tmp_path):
    text = tiny.read_text().replace("classes}\n", "classes}\n  - softmax\n")
    tiny.write_text(text)
    done = cli("run", "tiny.yaml", "--json")
    assert done.err.splitlines()[-1] == (
        "lint: A001 softmax or sigmoid before a loss of logits (archsearch lint tiny.yaml)"
    )
    study = "base: tiny.yaml\ntrain: {batch_size: {int: [20, 40]}}\nobjective: {maximize: val_accuracy}\n"
    (tmp_path / "look.yaml").write_text(study)
    done = cli("study", "look.yaml", "--trials", "1", "--workers", "1", "--confirm", "0")
    assert done.err.splitlines()[-2:] == [
        "lint: A001 softmax or sigmoid before a loss of logits (archsearch lint runs/look/best.yaml)",
        "report: runs/look/report.html",
    ]


def test_ablate_over_folds_says_folds_and_reports_them(cli, tiny, tmp_path):
    text = "baseline: tiny.yaml\nfactors: {width: {x2: [set: {conv1.out_channels: 8}]}}\n"
    (tmp_path / "folds.yaml").write_text(f"{text}split: {{folds: 5, repeats: 2}}\n", encoding="utf-8")
    planned = cli("plan", "folds.yaml", "--no-calibrate")
    assert "corrected resampled t test of 10 folds, Holm over 1; n_test / n_train is 0.25" in planned.out
    done = cli("ablate", "folds.yaml", "--workers", "1", "--json")
    report = done.json
    assert (report["runs"]["completed"], report["split"]["folds"]) == (20, 5)
    assert "10 paired folds, Holm over 1" in report["effects"][0]["sentence"]
    d = report["effects"][0]["differences"]
    error = math.sqrt((1 / 10 + 1 / 4) * statistics.variance(d))
    low, high = report["effects"][0]["ci95"]
    assert (high - low) / 2 == pytest.approx(2.262157 * error, rel=1e-6)  # Student's t, 9 degrees of freedom
    page = (tmp_path / "runs" / "folds" / "report.html").read_text(encoding="utf-8")
    assert "5 folds, 2 times" in page
    assert cli("plan", "folds.yaml", "--seeds", "3").code == 2
