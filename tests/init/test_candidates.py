"""What a folder holds: one thing to begin with, several, none; and what init does not read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archsearch.errors import SpecError, UsageError
from archsearch.init.begin import Asked, begin, write_begun
from archsearch.init.candidates import candidates, what_is
from archsearch.init.help_options import help_options, run_help
from tests.init import scripts


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_with_one_script_and_its_modules(here: Path) -> None:
    (here / "fit.py").write_text(scripts.ENVIRONMENT + "model.fit(x, y)\n")
    (here / "nets.py").write_text("class Net:\n    def forward(self, x):\n        return x\n")
    (here / "test_nets.py").write_text(scripts.MNIST)
    (here / "setup.py").write_text("import argparse\nargparse.ArgumentParser()\n")
    assert [(one.path.name, one.kind, one.why) for one in candidates(here)] == [
        ("fit.py", "script", "a script that trains")
    ]
    assert begin(Path(), Path()).files[0][0] == Path("fit.yaml")


def test_several_are_listed_and_none_is_chosen(here: Path) -> None:
    (here / "main.py").write_text(scripts.CLICK)
    (here / "train.py").write_text(scripts.MNIST)
    np.savez(here / "signals.npz", x=np.zeros(1))
    for name in "ab":
        (here / "pictures" / name).mkdir(parents=True)
        Image.new("L", (4, 4)).save(here / "pictures" / name / "0.png")
    with pytest.raises(UsageError, match=r"holds several things to begin with; say which one:") as caught:
        begin(Path(), Path())
    assert str(caught.value).splitlines()[1:] == [
        "  archsearch init train.py    a script (argparse.ArgumentParser)",
        "  archsearch init main.py    a script (click.command)",
        "  archsearch init pictures    images in 2 class folders",
        "  archsearch init signals.npz    arrays",
    ]
    assert list(here.glob("*.yaml")) == []


def test_nothing_to_begin_with(here: Path) -> None:
    (here / "notes.txt").write_text("x")
    with pytest.raises(UsageError, match=r"holds nothing that init reads: a Python script"):
        begin(Path(), Path())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("absent.py", "absent.py does not exist"),
        ("spec.yaml", "is written already; look at it with `archsearch check spec.yaml`"),
        ("notebook.ipynb", "is a notebook; make a script of it: jupyter nbconvert --to script notebook.ipynb"),
        ("x.npy", "is one array; put x_train, y_train, x_test and y_test into one file"),
        ("notes.txt", "is none of what init reads: a Python script"),
    ],
)
def test_near_misses_have_a_way_out(here: Path, name: str, said: str) -> None:
    if name != "absent.py":
        (here / name).write_text("")
    with pytest.raises(UsageError, match=said):
        what_is(Path(name))


def test_a_program_that_is_no_python_leaves_its_arguments_to_the_person(here: Path) -> None:
    (here / "solve").write_text("#!/bin/sh\necho loss=$1\n")
    (here / "solve").chmod(0o755)
    begun = begin(Path("solve"), Path())
    text = begun.files[0][1]
    assert "  command: ./solve\n" in text
    assert "# NO SEED: solve takes none" in text
    assert len(begun.open) == 2
    with pytest.raises(UsageError, match="solve is no Python script; --help of other programs is not read"):
        begin(Path("solve"), Path(), Asked(run_help=True))


def test_a_table_of_results_needs_no_file_and_one_of_samples_is_refused(here: Path) -> None:
    (here / "runs.csv").write_text("variant,seed,accuracy\na,0,0.9\na,1,0.91\nb,0,0.92\nb,1,0.95\n")
    begun = begin(Path("runs.csv"), Path())
    assert (begun.files, begun.next) == ((), ("archsearch compare runs.csv --baseline a",))
    (here / "iris.csv").write_text("length,width,species\n5.1,3.5,setosa\n4.9,3.0,virginica\n")
    pytest.importorskip("polars", reason="polars is not installed: pip install -e '.[tables]'")
    with pytest.raises(SpecError, match=r"iris\.csv has 2 rows: every fifth is for testing; say the parts by a column"):
        begin(Path("iris.csv"), Path())


def test_nothing_is_overwritten_unless_it_is_forced(here: Path) -> None:
    (here / "train.py").write_text(scripts.MNIST)
    (here / "train_ablation.yaml").write_text("mine\n")
    begun = begin(Path("train.py"), Path())
    with pytest.raises(
        UsageError, match=r"^train_ablation\.yaml is there already and not overwritten; --force writes it"
    ):
        write_begun(begun)
    assert not (here / "train.yaml").exists()
    write_begun(begun, force=True)
    assert "baseline: train.yaml" in (here / "train_ablation.yaml").read_text()
    with pytest.raises(UsageError, match=r"--output first\.txt: what is written is a YAML file"):
        begin(Path("train.py"), Path(), Asked(output=Path("first.txt")))


def test_names_that_are_odd(here: Path) -> None:
    """Spaces and braces in a script's name are quoted; a name that no file of ours may have is refused."""
    from archsearch.program.experiment import plan_program, resolve
    from archsearch.program.read import load_program

    (here / "my {best} train.py").write_text(scripts.ENVIRONMENT)
    begun = begin(Path("my {best} train.py"), Path())
    write_begun(begun)
    assert begun.files[0][0] == Path("my_best_train.yaml")
    spec = load_program("my_best_train.yaml")
    assert resolve(plan_program(spec), 0, here).argv[1:] == ("my {best} train.py",)
    with pytest.raises(UsageError, match=r"--output my file\.yaml: a name is letters, digits and _ \. -"):
        begin(Path("my {best} train.py"), Path(), Asked(output=Path("my file.yaml")))


# -- --help ------------------------------------------------------------------------------------------------------------

ARGPARSE_HELP = """\
usage: train.py [-h] [--lr LR] [--norm {batch,layer}] [--amp] --seed SEED

options:
  -h, --help            show this help message and exit
  --lr LR               learning rate (default: 0.1)
  --norm {batch,layer}  which norm (default: batch)
  --amp                 half precision
  -s SEED, --seed SEED
"""
CLICK_HELP = """\
Usage: train.py [OPTIONS]

Options:
  --epochs INTEGER                How long.  [default: 5]
  --kind [a|b]                    Which.
  --shout / --no-shout
  --help                          Show this message and exit.
"""


def test_help_of_argparse_and_click_is_read() -> None:
    found = [(o.name, o.flag, o.how, o.default, o.choices, o.help) for o in help_options(ARGPARSE_HELP, "--help")]
    assert found == [
        ("lr", "--lr", "flag", 0.1, (), "learning rate"),
        ("norm", "--norm", "flag", "batch", ("batch", "layer"), "which norm"),
        ("amp", "--amp", "switch", None, (), "half precision"),
        ("seed", "--seed", "flag", None, (), ""),
    ]
    found = [(o.name, o.flag, o.how, o.default, o.choices, o.help) for o in help_options(CLICK_HELP, "--help")]
    assert found == [
        ("epochs", "--epochs", "flag", 5, (), "How long."),
        ("kind", "--kind", "flag", None, ("a", "b"), "Which."),
        ("shout", "--shout", "switch", None, (), ""),
    ]


def test_run_help_is_for_trusted_scripts_only_and_finds_names_made_at_run_time(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(here / "config"))
    monkeypatch.delenv("ARCHSEARCH_TRUST", raising=False)
    (here / "train.py").write_text(
        "import argparse\nopen('executed', 'w')\np = argparse.ArgumentParser()\n"
        "for name in ('lr', 'seed'):\n    p.add_argument(f'--{name}', help='a number (default: 3)')\np.parse_args()\n"
    )
    from archsearch.errors import UntrustedError

    with pytest.raises(UntrustedError, match=r"train\.py is a Python file, which is code"):
        begin(Path("train.py"), Path(), Asked(run_help=True))
    assert not (here / "executed").exists()
    text = begin(Path("train.py"), Path(), Asked(run_help=True, trusted=True)).files[0][1]
    assert "  command: " in text
    assert "train.py --lr {lr} --seed {seed} {extra}\n" in text
    assert "lr: 3 " in text


def test_help_that_fails_shows_its_last_lines(here: Path) -> None:
    (here / "broken.py").write_text("import no_such_module\n")
    with pytest.raises(
        UsageError, match=r"--help ended with 1 and names no option; its last lines:(.|\n)*no_such_module"
    ):
        run_help(Path("broken.py"), here)
