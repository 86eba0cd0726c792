"""`archsearch init`: from a script or data to files that the other commands take."""

from __future__ import annotations

from tests.init import scripts


def test_init_of_a_script_says_what_was_found_and_what_comes_next(cli, tmp_path):
    (tmp_path / "train.py").write_text(scripts.MNIST)
    done = cli("init")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "found  arguments (argparse): 8",
        "found  seed: --seed (train.py:31)",
        "found  metrics: test_accuracy (train.py:18), test_loss (train.py:18), train_loss (train.py:11)",
        "wrote  train.yaml  how train.py is run",
        "wrote  train_ablation.yaml  an example: 3 factors, 1 more as a comment",
        "next   archsearch trust train.yaml",
        "       archsearch run train.yaml --seeds 2",
        "       archsearch ablate train_ablation.yaml",
    ]
    again = cli("init", "train.py")
    assert (again.code, again.out) == (2, "")
    assert "train.yaml and train_ablation.yaml are there already and not overwritten" in again.err
    forced = cli("init", "train.py", "--force", "-o", "other.yaml", "--json")
    assert forced.json["wrote"] == ["other.yaml", "other_ablation.yaml"]
    assert forced.json["next"][0] == "archsearch trust other.yaml"


def test_init_of_what_is_not_there_is_a_sentence(cli):
    done = cli("init", "absent.py")
    assert (done.code, done.out, done.err) == (2, "", "error: absent.py does not exist\n")
