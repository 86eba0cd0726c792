"""`archsearch status` over a storage in which one study cannot be read; and counts in words."""

from __future__ import annotations

import optuna
import pytest

from archsearch.study.storage import default_url, open_storage
from archsearch.wording import count_of


@pytest.fixture
def storage(tmp_path):
    opened = open_storage(default_url(tmp_path / "runs"))
    whole = {"kind": "search", "trials": 3, "metrics": ["val_accuracy"], "sampler": "random", "seed": 0}
    for name, attrs in (
        ("alpha", whole),
        ("broken", {"kind": "search"}),
        ("cut", {"kind": "ablation"}),
        ("zeta", whole),
    ):
        study = optuna.create_study(study_name=name, storage=opened, direction="maximize")
        for key, value in attrs.items():
            study.set_user_attr(key, value)
    return opened


def test_status_shows_the_studies_that_can_be_read_and_names_the_others(cli, storage):
    done = cli("status")
    assert done.code == 4
    assert [line.split()[:2] for line in done.out.splitlines()[1:]] == [["alpha", "0/3"], ["zeta", "0/3"]]
    assert done.err.splitlines() == [
        "error: the study broken is not whole (text, stem, seed, sampler, identity, metrics missing): its making was "
        "interrupted, the call that began it completes it",
        "the study cut is not whole (ablation, metrics missing): its making was interrupted, the call that began it "
        "completes it",
    ]


@pytest.mark.parametrize("command", ["best", "report"])
def test_a_study_that_is_not_whole_is_named_by_every_command(cli, storage, command):
    done = cli(command, "broken")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("error: the study broken is not whole (text, stem, seed, sampler, identity, metrics mis")


def test_status_json_names_what_cannot_be_read(cli, storage):
    done = cli("status", "--json")
    assert [study["study"] for study in done.json["studies"]] == ["alpha", "zeta"]
    assert list(done.json["unreadable"]) == ["broken", "cut"]
    assert done.code == 4


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "trial", "0 trials"),
        (1, "trial", "1 trial"),
        (2, "trial", "2 trials"),
        (1, "class", "1 class"),
        (1000, "class", "1,000 classes"),
        (2, "open value", "2 open values"),
        (20, "epoch", "20 epochs"),
    ],
)
def test_counts_are_singular_and_plural(number, noun, text):
    assert count_of(number, noun) == text
