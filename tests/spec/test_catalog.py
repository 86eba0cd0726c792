"""Specs by name and by path, and what `extends` may reach."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archsearch.errors import SpecError
from archsearch.spec.catalog import catalog, find, read_spec, shipped, summary_of
from tests.spec.trees import TINY, read, words

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def child(extends: str, edits: str = "[drop: 'tanh[1]']", name: str = "child") -> str:
    return f"name: {name}\nextends: {extends}\nedits: {edits}\n"


def refused(path: Path | str, message: str) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$"):
        read_spec(str(path))


def test_shipped_specs_are_the_files_of_the_checkout() -> None:
    assert shipped("specs") == ROOT / "specs"
    zoo = sorted((ROOT / "specs" / "zoo").glob("*.yaml"))
    assert list(catalog("specs").values()) == [*sorted((ROOT / "specs").glob("*.yaml")), *zoo]
    assert [name for name in catalog("specs") if "/" in name] == [f"zoo/{path.stem}" for path in zoo]


def test_local_spec_comes_before_the_shipped_one_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/lenet5.yaml").write_text(TINY)
    assert find("lenet5", "specs") == Path("specs/lenet5.yaml")
    assert read_spec("lenet5").spec.name == "tiny"
    assert find("lenet_best", "specs") == ROOT / "specs/lenet_best.yaml"


def test_published_network_is_called_by_its_name_in_the_zoo_and_extended_by_it(tmp_path: Path) -> None:
    assert find("zoo/lenet1", "specs") == ROOT / "specs/zoo/lenet1.yaml"
    assert read_spec("zoo/lenet1").spec.name == "lenet1"
    assert read(tmp_path, child("zoo/lenet1", "[set: {train.epochs: 3}]")).spec.train.epochs == 3
    refused("lenet1", "unknown spec 'lenet1'; did you mean 'zoo/lenet1'? (`archsearch list` shows them all)")
    refused("zoo/lenet2", "unknown spec 'zoo/lenet2'; did you mean 'zoo/lenet1'? (`archsearch list` shows them all)")
    refused(
        "zoo/../lenet5", "zoo/../lenet5: no such file; `archsearch list` shows what can be run by name "
        "(lenet5 is one of them)"
    )  # fmt: skip
    (tmp_path / "specs/zoo").mkdir(parents=True)
    (tmp_path / "specs/zoo/lenet1.yaml").write_text(TINY)
    assert read_spec("zoo/lenet1").spec.name == "tiny"


def test_unknown_names_and_paths_are_refused_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    refused("lenet6", "unknown spec 'lenet6'; did you mean 'lenet5'? (`archsearch list` shows them all)")
    known = ", ".join(sorted(path.stem for path in (ROOT / "specs").glob("*.yaml")))
    refused("zzz", f"unknown spec 'zzz'; allowed: {known} (`archsearch list` shows them all)")
    refused(
        "a/lenet5.yaml",
        "a/lenet5.yaml: no such file; `archsearch list` shows what can be run by name (lenet5 is one of them)",
    )
    refused("x.yml", "x.yml: no such file; `archsearch list` shows what can be run by name")
    refused("x" * 5000 + ".yaml", "x" * 57 + "...: no such file; `archsearch list` shows what can be run by name")
    refused("a\0/b", "a\\x00/b: no such file; `archsearch list` shows what can be run by name")
    refused("specs/", "specs: is a folder, not a YAML file")


def test_name_of_a_spec_without_one_is_its_file_name(tmp_path: Path) -> None:
    assert read(tmp_path, TINY.replace("name: tiny\n", ""), name="mine.yaml").spec.name == "mine"


def test_extends_by_name_beside_by_relative_path_and_by_shipped_name(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "base.yaml").write_text(TINY)
    (tmp_path / "sub/base2.yaml").write_text(TINY)
    for extends in ("base", "base.yaml", "./base.yaml", "sub/base2.yaml", "sub/../base.yaml"):
        assert words(read(tmp_path, child(extends)).spec)[:2] == ["conv2d 4", "max_pool2d"]
    assert words(read(tmp_path, child("lenet5")).spec)[:2] == ["conv2d 6", "avg_pool2d"]


def test_extends_means_a_path_from_the_folder_of_the_file_that_says_it(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/base.yaml").write_text(TINY)
    (tmp_path / "sub/middle.yaml").write_text(child("base", "[drop: tanh]"))
    (tmp_path / "base.yaml").write_text("this: is not it\n")
    text = child("sub/middle.yaml", "[drop: pool1]")
    assert words(read(tmp_path, text).spec)[:2] == ["conv2d 4", "conv2d 8"]
    assert words(read_spec("sub/middle.yaml").spec)[:2] == ["conv2d 4", "max_pool2d"]


def test_chain_of_three_applies_the_edits_from_the_oldest_to_the_youngest(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(TINY + "summary: old\ndocumented: {test_accuracy: 0.5}\nsource: A book.\n")
    (tmp_path / "b.yaml").write_text(child("a", "[set: {conv1.out_channels: 6}, set: {train.epochs: 9}]"))
    (tmp_path / "c.yaml").write_text(child("b", "[set: {conv1.out_channels: 7}]") + "summary: new\n")
    loaded = read(tmp_path, child("c", "[drop: conv2]", "last"))
    assert words(loaded.spec)[:4] == ["conv2d 7", "tanh", "max_pool2d", "tanh"]
    assert (loaded.spec.train.epochs, loaded.spec.name, loaded.spec.summary) == (9, "last", "")
    assert (loaded.spec.documented, loaded.spec.source) == (None, None)  # what was said of the parent is not true of it
    places = [loaded.locate(("network", 0, "conv2d", field)) for field in ("out_channels", "kernel_size")]
    assert places == [f"{tmp_path}/c.yaml:3:35", f"{tmp_path}/a.yaml:4:44"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a": "a"}, "a.yaml:2:10: `extends` goes in a circle: a -> a"),
        ({"a": "b", "b": "a"}, "b.yaml:2:10: `extends` goes in a circle: a -> b -> a"),
        ({"a": "b.yaml", "b": "./c.yaml", "c": "b"}, "c.yaml:2:10: `extends` goes in a circle: a -> b -> c -> b"),
    ],
    ids=["itself", "two", "a later one"],
)
def test_extends_in_a_circle_is_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, extends in files.items():
        (tmp_path / f"{name}.yaml").write_text(child(extends))
    with pytest.raises(SpecError, match=f"{re.escape(message)}$"):
        read_spec("a.yaml")


def test_extends_through_too_many_parents_is_refused(tmp_path: Path) -> None:
    for n in range(30):
        (tmp_path / f"s{n}.yaml").write_text(child(f"s{n + 1}"))
    with pytest.raises(SpecError, match=r"s20\.yaml:2:10: more than 20 specs extend one another$"):
        read_spec("s0.yaml")


@pytest.mark.parametrize("extends", ["../secret.yaml", "/etc/passwd/x.yaml", "sub/../../secret.yaml"])
def test_extends_that_leaves_the_root_is_refused_whether_the_file_is_there_or_not(tmp_path: Path, extends: str) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "secret.yaml").write_text(TINY)
    (root / "c.yaml").write_text(child(extends))
    refused(
        root / "c.yaml",
        f"{root}/c.yaml:2:10: extends: {extends!r} leaves the folder {root}; a parent stands in it or below it",
    )


@pytest.mark.parametrize("extends", ["link", "link.yaml", "folder/secret.yaml"])
def test_extends_that_leaves_the_root_through_a_symbolic_link_is_refused(tmp_path: Path, extends: str) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "secret.yaml").write_text(TINY)
    (root / "link.yaml").symlink_to(outside / "secret.yaml")
    (root / "folder").symlink_to(outside)
    (root / "c.yaml").write_text(child(extends))
    refused(
        root / "c.yaml",
        f"{root}/c.yaml:2:10: extends: {extends!r} leaves the folder {root}; a parent stands in it or below it",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: lenet55\n", "1:10: unknown spec 'lenet55'; did you mean 'lenet5'?"),
        ("extends: no.yaml\n", "1:10: extends: no such file 'no.yaml' in {folder}"),
        ("extends:\n", "1:9: extends: expected the name of one spec, got nothing"),
        ("extends: [lenet5]\n", "1:10: extends: expected the name of one spec, got ['lenet5']"),
        (
            "extends: lenet5\ntrain: {epochs: 3}\n",
            "2:1: a variant changes its parent with `edits`, such as set: {{train. ...}}",
        ),
        ("extends: lenet5\nedit: []\n", "2:1: unknown key 'edit'; did you mean 'edits'?"),
        (TINY + "edits: [drop: tanh]\n", "16:1: edits need `extends`: the spec that they change"),
        ("- a\n", "1:1: a spec is keys with values, got ['a']"),
        ("", "1:1: a spec is keys with values, got nothing"),
    ],
)
def test_variant_that_is_wrong_is_refused_at_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "v.yaml"
    path.write_text(text)
    refused(path, f"{path}:{message.format(folder=tmp_path)}")


def test_variant_reports_all_keys_that_do_not_belong(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="foo") as caught:
        read(tmp_path, "extends: lenet5\ndata: {}\nnetwork: []\nfoo: 1\n")
    assert [p.where.rpartition("/")[2] for p in caught.value.problems] == ["s.yaml:2:1", "s.yaml:3:1", "s.yaml:4:1"]


def test_override_takes_back_what_the_file_claims_of_its_own_experiment() -> None:
    claims = lambda *overrides: [  # noqa: E731
        value is not None
        for value in (read_spec("lenet5", overrides).spec.expect, read_spec("lenet5", overrides).spec.documented)
    ]
    assert claims() == claims("train.device=cpu") == claims("train.epochs=6") == [True, True]
    assert claims("train.epochs=2") == [True, False]
    assert claims("conv1.out_channels=7") == claims("data.size=36") == [False, False]
    assert claims("conv1.out_channels=7", "expect.parameters=3") == [True, False]


def test_summary_of_a_file_is_its_first_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("summary: |\n  One.\n  Two.\nnetwork: nonsense\n")
    (tmp_path / "b.yaml").write_text("summary: 3\n")
    assert [summary_of(tmp_path / "a.yaml"), summary_of(tmp_path / "b.yaml")] == ["One.", ""]
