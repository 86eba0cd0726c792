"""The right file with the wrong command: one sentence with the command that fits, exit 3, nothing begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsearch.cli.meant import name_of_study

ROOT = Path(__file__).parents[2]
DIGITS = "digits: this is a search and a data set, no {}; use `archsearch {} digits` for the search"

WRONG = {
    "run digits": (DIGITS, "spec", "study"),
    "show digits": (DIGITS, "spec", "space"),
    "lint digits": (DIGITS, "spec", "check"),
    "diff lenet5 digits": (DIGITS, "spec", "space"),
    "ablate digits": (DIGITS, "ablation", "study"),
    "plan digits": (DIGITS, "ablation", "space"),
    "plan --from digits --to lenet5": (DIGITS, "spec", "space"),
    "ablate --from lenet5 --to digits": (DIGITS, "spec", "study"),
    "run mnist": ("mnist: this is a data set, no spec; use `archsearch run lenet5`",),
    "check cifar10": ("cifar10: this is a data set, no spec or search or ablation; use `archsearch run resnet_tiny`",),
    "run documented": ("documented: this is an ablation, no spec; use `archsearch ablate documented`",),
    "study documented": ("documented: this is an ablation, no search; use `archsearch ablate documented`",),
    "space documented": ("documented: this is an ablation, no search; use `archsearch plan documented`",),
    "study lenet5": ("lenet5: this is a spec, no search; use `archsearch run lenet5`",),
    "space lenet5": ("lenet5: this is a spec, no search; use `archsearch show lenet5`",),
    "ablate lenet_best": ("lenet_best: this is a spec, no ablation; use `archsearch run lenet_best`",),
    "plan lenet5": ("lenet5: this is a spec, no ablation; use `archsearch show lenet5`",),
    "run ./search.yaml": ("./search.yaml: this is a search, no spec; use `archsearch study ./search.yaml`",),
    "show ablation.yaml": ("ablation.yaml: this is an ablation, no spec; use `archsearch plan ablation.yaml`",),
    "study tiny.yaml": ("tiny.yaml: this is a spec, no search; use `archsearch run tiny.yaml`",),
    "ablate variant.yaml": ("variant.yaml: this is a spec, no ablation; use `archsearch run variant.yaml`",),
    "ablate search.yaml": ("search.yaml: this is a search, no ablation; use `archsearch study search.yaml`",),
    "compare search.yaml --baseline a": (
        "search.yaml: this is a search, no table; use `archsearch study search.yaml`",
    ),
    "run results.csv": (
        "results.csv: this is a table of results, no spec; use `archsearch compare results.csv --baseline NAME`",
    ),
}


@pytest.fixture
def files(tmp_path, tiny):
    (tmp_path / "search.yaml").write_text((ROOT / "studies" / "digits.yaml").read_text())
    (tmp_path / "ablation.yaml").write_text((ROOT / "studies" / "lenet5_factors.yaml").read_text())
    (tmp_path / "variant.yaml").write_text("extends: lenet5\nedits: [drop: softmax]\n")
    (tmp_path / "results.csv").write_text("variant,seed,value\n")


def test_study_is_named_by_its_file_too(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [name_of_study(name) for name in ("search.yaml", "tiny.yaml", "none.yaml", "digits")] == [
        "digits", "tiny.yaml", "none.yaml", "digits",
    ]  # fmt: skip


@pytest.mark.parametrize("command", list(WRONG))
def test_wrong_command_names_the_one_that_fits(cli, files, tmp_path, command):
    sentence, *words = WRONG[command]
    done = cli(*command.split())
    assert done.code == 3
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert line.startswith("error: " + sentence.format(*words))
    assert not (tmp_path / "runs").exists()


# The command that a sentence names must take what it is given.
@pytest.mark.parametrize("fits", ["show digits_quickstart", "space digits", "check digits", "show resnet_tiny"])
def test_command_that_fits_fits(cli, fits):
    assert cli(*fits.split()).code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "network: [{linear: {out_features: {int: [2, 9]}}}]\n",
            "the key 'base' is missing",
        ),  # a search that forgot its base
        ("a: [1\n", "not YAML"),
        ("- 1\n", "keys with values"),
    ],
)
def test_file_of_no_kind_for_sure_is_left_to_its_reader(cli, tmp_path, text, message):
    (tmp_path / "odd.yaml").write_text(text)
    done = cli("study", "odd.yaml")
    assert done.code == 3
    assert done.err.startswith("error: odd.yaml:")
    assert message in done.err


def test_data_set_of_the_folders_own_name_stays_a_spec(cli, tmp_path, tiny):
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "mnist.yaml").write_text(tiny.read_text())
    assert cli("show", "mnist").code == 0
