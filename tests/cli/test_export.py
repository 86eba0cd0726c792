"""`archsearch export` from the outside."""

from __future__ import annotations


def test_export_prints_the_files_and_says_what_is_in_them(cli, tiny, tmp_path):
    done = cli("export", "tiny.yaml", "--to", "pytorch", "--train")
    assert (done.code, done.out) == (0, "tiny.py\ntiny_train.py\n"), done.err
    assert "python tiny_train.py trains it" in done.err
    assert "archsearch" not in (tmp_path / "tiny.py").read_text() + (tmp_path / "tiny_train.py").read_text()
    again = cli("export", "tiny.yaml", "--to", "pytorch", "--train")
    assert (again.code, again.out) == (2, "")
    assert "error: tiny.py is there already; --force overwrites it, -o names another file" in again.err


def test_export_prints_a_text_where_a_dash_is_asked_for(cli, tiny, tmp_path):
    done = cli("export", "tiny.yaml", "train.epochs=3", "--to", "spec", "-o", "-")
    assert done.code == 0
    (tmp_path / "again.yaml").write_text(done.out, encoding="utf-8")
    assert cli("diff", "tiny.yaml", "again.yaml").out.count("epochs") == 1
    assert "def build_model() -> nn.Sequential:" in cli("export", "tiny.yaml", "--to", "pytorch", "-o", "-").out
    refused = cli("export", "tiny.yaml", "--to", "onnx", "-o", "-")
    assert (refused.code, refused.out) == (2, "")
    assert "-o - prints one text: --to pytorch without --train, or --to spec" in refused.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.yaml", "tiny.yaml"]


def test_export_of_a_trained_network_measures_its_eight_bit_file(cli, tiny):
    assert cli("run", "tiny.yaml").code == 0
    done = cli("export", "tiny.yaml", "--to", "onnx", "--with-preparation", "--int8", "-o", "t.onnx", "--json")
    assert done.code == 0, done.err
    found = done.json
    assert (found["format"], found["name"], found["trained"], found["seed"]) == ("onnx", "tiny", True, 0)
    assert found["files"] == ["t.onnx", "t_int8.onnx"]
    assert found["largest_difference"] <= 1e-5
    assert found["test_samples"] == 200  # 20 of each of the 10 digits
    assert set(found["test"]) == {"float", "int8"}
    assert 0 <= found["test"]["int8"]["accuracy"] <= 1
    assert "int8: test accuracy" in done.err


def test_export_refuses_a_study_and_says_what_fits(cli, tiny):
    done = cli("export", "digits", "--to", "spec")
    assert (done.code, done.out) == (3, "")
    assert "digits: this is a search and a data set, no spec" in done.err
