"""`compare`, `diff`, `lint` and the lint line of `check`, from the outside."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from scipy import stats

BASE = [0.9726, 0.9766, 0.9740, 0.9751, 0.9733, 0.9748, 0.9739, 0.9760, 0.9744, 0.9753]
RELU = [0.9729, 0.9760, 0.9745, 0.9749, 0.9731, 0.9755, 0.9733, 0.9761, 0.9740, 0.9757]
HEAD = [0.9775, 0.9768, 0.9787, 0.9790, 0.9781, 0.9779, 0.9785, 0.9792, 0.9774, 0.9788]


@pytest.fixture
def csv(tmp_path):
    rows = [
        f"{name},{seed},{value}"
        for name, values in (("lenet5", BASE), ("lenet_relu", RELU), ("logits", HEAD))
        for seed, value in enumerate(values)
    ]
    (tmp_path / "runs.csv").write_text("variant,seed,accuracy\n" + "\n".join(rows) + "\n")
    return tmp_path / "runs.csv"


def test_compare_json_has_the_documented_fields_in_the_metrics_own_unit(cli, csv):
    done = cli("compare", "runs.csv", "--baseline", "lenet5", "--json")
    assert (done.code, done.err) == (0, "value is read from the column 'accuracy'\n")
    relu, logits = done.json["effects"]
    documented = {
        "variant", "n", "mean_difference", "ci95", "bca95", "p", "p_adjusted", "d_z", "wins", "verdict", "sentence",
    }  # fmt: skip
    assert documented <= set(relu)
    d = [b - a for a, b in zip(BASE, HEAD, strict=True)]
    assert (logits["variant"], logits["n"], logits["verdict"], logits["wins"]) == ("logits", 10, "better", 1.0)
    assert logits["mean_difference"] == pytest.approx(sum(d) / 10)
    assert logits["ci95"] == pytest.approx(tuple(stats.ttest_1samp(d, 0).confidence_interval(0.95)))
    assert (logits["p"], logits["p_adjusted"]) == (2 / 2**10, 4 / 2**10)
    assert relu["verdict"] == "equivalent"
    assert relu["sentence"] == (
        "lenet_relu instead of lenet5: +0.00 points (95 % CI -0.03 to +0.03), 10 paired seeds, Holm over 2: "
        "equivalent within 0.10 points."
    )


def test_compare_prints_sentences_and_a_table_in_points(cli, csv):
    done = cli("compare", "runs.csv", "--baseline", "lenet5")
    lines = done.out.splitlines()
    assert lines[1].startswith("  pairs correlate by +0.93 (95 % CI +0.71 to +0.98): 14 times fewer seeds than unp")
    assert lines[2].startswith("logits instead of lenet5: +0.36 points (95 % CI +0.26 to +0.46), 10 paired seeds")
    assert lines[5].split()[:2] == ["variant", "n"]
    assert lines[6].split() == ["lenet5", "10", "97.46", "±", "0.12"]
    assert lines[8].split()[:6] == ["logits", "10", "97.82", "±", "0.08", "+0.36"]
    assert lines[8].split()[-1] == "better"


def test_compare_with_more_baseline_runs_than_pairs_says_the_adjusted_estimate_too(cli, tmp_path):
    runs = [f"base,{seed},{0.97 + 0.001 * (seed * 7 % 5)}" for seed in range(20)]
    runs += [f"deep,{seed},{0.971 + 0.001 * (seed * 3 % 4)}" for seed in range(10)]
    (tmp_path / "runs.csv").write_text("\n".join(["variant,seed,accuracy", *runs]))
    done = cli("compare", "runs.csv", "--baseline", "base")
    said = " ".join(done.out.split())
    assert "by all 20 runs of base, adjusted by regression: +0.05 points (95 % CI -0.06 to +0.16), 1" in said
    assert json.loads(cli("compare", "runs.csv", "--baseline", "base", "--json").out)["effects"][0]["adjusted"][
        "baseline_runs"
    ] == 20  # fmt: skip


def test_compare_of_failed_runs_states_them_and_minimises_when_told(cli, csv):
    csv.write_text(csv.read_text() + "lenet_relu,10,\nlenet5,10,0.97\nlogits,11,0.98\n")
    done = cli("compare", "runs.csv", "--baseline", "lenet5", "--minimize", "--unit", "fraction", "--margin", "0.0001")
    assert done.code == 0
    assert "10 paired seeds (1 more failed)" in done.out
    assert "in no pair: lenet_relu seed 10: failed: it has no value" in done.err
    assert "in no pair: logits seed 11: the baseline has no value with this seed" in done.err
    assert done.out.splitlines()[-1].split()[-1] == "worse"
    assert "--margin" not in done.err


def test_compare_of_a_loss_has_no_points_and_asks_for_a_margin(cli, tmp_path):
    """The difference of these ten pairs by hand: -0.05 on average, five at -0.049 and five at -0.051."""
    rows = [f"base,{seed},{0.35 + 0.01 * seed:.4f}" for seed in range(10)]
    rows += [f"new,{seed},{0.30 + 0.01 * seed + 0.001 * (-1) ** seed:.4f}" for seed in range(10)]
    (tmp_path / "loss.csv").write_text("variant,seed,value\n" + "\n".join(rows) + "\n")
    done = cli("compare", "loss.csv", "--baseline", "base", "--minimize")
    assert done.out.startswith(
        "new instead of base: -0.0500 (95 % CI -0.0508 to -0.0492), 10 paired seeds, Holm over 1: b"
    )
    assert "points" not in done.out
    assert done.err.startswith("no margin was given: --margin says, in the unit of the file, which difference is too")


def test_compare_prints_tables_for_papers_and_for_programs(cli, csv):
    arguments = ("compare", "runs.csv", "--baseline", "lenet5")
    tex = cli(*arguments, "--format", "tex").out.splitlines()
    assert tex[1] == (  # seven columns
        r"variant & n & mean $\pm$ SD (\%) & difference (points) & 95 \% CI & p adjusted & verdict \\"
    )
    assert tex[3] == r"lenet5 & 10 & 97.46 $\pm$ 0.12 &  &  &  &  \\"
    assert tex[5] == r"logits & 10 & 97.82 $\pm$ 0.08 & +0.36 & +0.26 to +0.46 & 0.0039 & better \\"
    markdown = cli(*arguments, "--format", "md").out.splitlines()
    assert markdown[2].startswith("| lenet5 | 10 | 97.46 ± 0.12 |")
    rows = cli(*arguments, "--format", "csv").out.splitlines()
    assert rows[0].endswith(",runs,mean_of_runs,sd_of_runs")
    assert [row.split(",")[0] for row in rows[1:]] == ["lenet5", "lenet_relu", "logits"]
    assert cli(*arguments, "--format", "json").json == cli(*arguments, "--json").json


@pytest.mark.parametrize("columns", [80, 60, 40])
def test_compare_cuts_no_number_and_no_verdict_on_a_narrow_terminal(cli, csv, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    out = cli("compare", "runs.csv", "--baseline", "lenet5").out
    table = out.split("\n\n", 1)[1]
    assert "…" not in out
    for text in ("97.82 ± 0.08", "+0.26 to +0.46", "0.0039", "equivalent", "better"):
        assert text in table
    assert max(map(len, table.splitlines())) <= columns


def test_compare_as_a_screen_names_no_winner(cli, csv):
    effects = cli("compare", "runs.csv", "--baseline", "lenet5", "--screen", "--json").json["effects"]
    assert {(effect["verdict"], effect["p"]) for effect in effects} == {("inconclusive", None)}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["runs.csv", "--baseline", "lenet"], 3, "error: runs.csv: unknown variant 'lenet'; did you mean 'lenet5'?"),
        (["no.csv", "--baseline", "lenet5"], 3, "error: no.csv: cannot be read: No such file or directory"),
        (
            ["runs.csv", "--baseline", "lenet5", "--alpha", "2"],
            2,
            "error: --alpha 2: give a probability between 0 and 1",
        ),
        (["runs.csv", "--baseline", "lenet5", "--margin", "inf"], 2, "error: --margin inf: give a finite number"),
        (["runs.csv"], 2, "Missing option '--baseline'"),
    ],
)
def test_compare_of_what_cannot_be_compared_says_why(cli, csv, arguments, code, message):
    done = cli("compare", *arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.err


def test_diff_shows_both_networks_and_the_factors(cli):
    done = cli("diff", "lenet5", "lenet_best")
    assert done.code == 0
    assert "61,706 parameters, 417 k MACs" in done.out
    assert "518,870 parameters" in done.out
    assert "\npooling kind\n  pool1: avg_pool2d -> max_pool2d(kernel_size=2)\n" in done.out
    assert done.err == "5 factors differ: an effect of the whole difference cannot be attributed to one of them\n"


def test_diff_json_is_edits_that_can_be_written_into_a_file(cli, tmp_path):
    document = cli("diff", "lenet5", "lenet_fc4", "--json").json
    assert (document["a"]["parameters"], document["b"]["parameters"]) == (61706, 794450)
    variant = {"extends": "lenet5", "edits": document["edits"]}
    (tmp_path / "made.yaml").write_text(json.dumps(variant))  # JSON is YAML
    assert cli("diff", "made.yaml", "lenet_fc4", "--json").json["same"] is True


def test_diff_of_the_same_says_so(cli):
    assert cli("diff", "lenet5", "lenet5").out.splitlines()[-1] == "the same data, network and training"


def test_lint_names_the_finding_its_reason_and_its_fix(cli):
    lines = cli("lint", "lenet5", "lenet5_logits").out.splitlines()
    assert lines[0] == "A001 lenet5: act5 (softmax) stands before cross_entropy, which applies log-softmax itself"
    assert lines[2] == "     fix: drop: act5"
    assert lines[3] == "ok lenet5_logits: no finding"


def test_lint_json_has_fix_and_silenced(cli, tmp_path):
    (tmp_path / "mine.yaml").write_text("extends: lenet5\nlint: {A001: kept on purpose, A004: none}\n")
    first, mine = cli("lint", "lenet_l1", "mine.yaml", "--json").json["specs"]
    assert first["findings"][0]["fix"] == [{"set": {"train.loss": "cross_entropy"}}, {"drop": "act5"}]
    assert (mine["findings"], mine["silenced"][0]["silenced"], mine["unused"]) == ([], "kept on purpose", ["A004"])
    assert "lint silences A004, which finds nothing; take it out" in cli("lint", "mine.yaml").err


def test_check_ends_with_a_line_of_lint_where_there_is_something(cli, tmp_path):
    assert cli("check", "lenet5").out.splitlines() == [
        "ok lenet5: 61,706 parameters, 417 k MACs",
        "   lint lenet5: A001 softmax or sigmoid before a loss of logits",
    ]
    assert len(cli("check", "lenet5_logits").out.splitlines()) == 1
    assert cli("check", "lenet5", "--json").json["specs"][0]["lint"] == ["A001"]
    (tmp_path / "odd.yaml").write_text("extends: lenet5\nlint: {A512: x}\n")
    done = cli("check", "odd.yaml")
    assert (done.code, done.err) == (3, "error: odd.yaml: unknown lint rule 'A512'; did you mean 'A012'?\n")


@pytest.mark.parametrize("arguments", [["diff", "lenet5", "lenet_best"], ["lint", "lenet5"], ["compare", "--help"]])
def test_light_commands_import_nothing_heavy(tmp_path, arguments):
    program = (
        "import sys\nfrom archsearch.cli import main\ntry:\n    main()\n"
        "finally:\n    heavy = {'torch', 'optuna', 'plotly', 'scipy', 'numpy'}\n"
        "    print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_report_on_a_file_of_numbers_says_what_compare_says(cli, csv):
    sentences = [
        effect["sentence"] for effect in cli("compare", "runs.csv", "--baseline", "lenet5", "--json").json["effects"]
    ]
    done = cli("report", "runs.csv", "--format", "md")
    assert (done.code, done.out) == (0, "runs.md\n")
    assert "compared with lenet5; --baseline names another" in done.err
    text = (csv.parent / "runs.md").read_text()
    assert all(sentence.replace("_", "\\_") in text for sentence in sentences)
    assert "`archsearch report runs.csv --baseline lenet5`" in text
    refused = cli("report", "lenet5", "--baseline", "lenet5")
    assert (refused.code, refused.out) == (2, "")
    assert "error: --baseline is for a file of numbers (.csv, .tsv" in refused.err


def test_report_on_a_file_of_numbers_has_the_table_for_papers_and_counts_one_as_one(cli, csv):
    csv.write_text("\n".join(line for line in csv.read_text().splitlines() if "relu" not in line) + "\n")
    assert cli("report", "runs.csv", "--baseline", "lenet5", "--format", "md").code == 0
    text = (csv.parent / "runs.md").read_text()
    assert "Of 1 comparison with lenet5: 1 better." in text
    assert "10 pairs of seeds. 1 comparison: 1 better." in text
    results = text.partition("### Results\n")[2].partition("###")[0].strip().splitlines()
    head, _, base, logits = [[cell.strip() for cell in row.strip("|").split("|")] for row in results[2:]]
    assert head[1:4] == ["n", "accuracy ± SD", "difference (points)"]
    assert head[5:] == ["p (Holm)", "verdict"]
    assert base[:3] == ["lenet5 (baseline)", "10", "97.46 ± 0.12 %"]
    assert logits == ["logits", "10", "97.82 ± 0.08 %", "+0.36", "+0.26 to +0.46", "0.0020", "better"]
