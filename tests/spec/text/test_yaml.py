"""The YAML reader: what is read, what is refused and where, and how little it costs."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from archsearch.errors import LimitError, SpecError
from archsearch.spec.text.yaml import MAX_BYTES, MAX_DEPTH, Mark, Node, read_bytes, read_file, read_text

SPECS = sorted((Path(__file__).parents[3] / "specs").glob("*.yaml"))


def value(text: str) -> Any:
    node = read_text(f"key: {text}\n", "s.yaml").plain()
    assert isinstance(node, dict)
    return node["key"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-2.5e+3", -2500.0),
        ("1_000", "1_000"),
        ("12", 12),
        ("-7", -7),
        ("+7", 7),
        ("007", 7),
        ("0x1F", 31),
        ("0o17", 15),
        ("1:30", "1:30"),
        ("0b11", "0b11"),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("No", "No"),
        ("true", True),
        ("False", False),
        ("TRUE", True),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("'null'", "null"),
        ("'12'", "12"),
        ('"1e-3"', "1e-3"),
        ("! 12", "12"),
        ("2024-01-01", "2024-01-01"),
        ("1e", "1e"),
        ("e3", "e3"),
        ("=", "="),
        ("|\n  a\n  b\n", "a\nb\n"),
        (">-\n  a\n  b\n", "a b"),
        ("a b", "a b"),
        ("12 # twelve", 12),
        ("[1, 2.0, x]", [1, 2.0, "x"]),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
    ],
)
def test_scalar_is_read_as_yaml_1_2(text: str, expected: object) -> None:
    found = value(text)
    assert (found, type(found)) == (expected, type(expected))


def test_keys_are_words_however_they_look() -> None:
    assert read_text("1: a\nno: b\n1e-3: c\nnull: d\n'x y': e\n", "s").plain() == {
        "1": "a",
        "no": "b",
        "1e-3": "c",
        "null": "d",
        "x y": "e",
    }


@pytest.mark.parametrize("text", ["", "   \n", "# only a comment\n", "---\n", "\ufeff"])
def test_text_without_a_value_is_nothing(text: str) -> None:
    assert read_text(text, "s.yaml").plain() is None


REFUSED = {
    "duplicate key": ("a: 1\nb: 2\na: 3\n", "s.yaml:3:1: duplicate key 'a'; it stands in line 1 already"),
    "duplicate key, nested": ("t: {x: 1, x: 1}\n", "s.yaml:1:11: duplicate key 'x'; it stands in line 1 already"),
    "anchor": ("a: &x 1\n", "s.yaml:1:4: the anchor &x is not read; write the value out where it is used"),
    "anchor and alias": (
        "a: &x 1\nb: *x\n",
        "s.yaml:1:4: the anchor &x is not read; write the value out where it is used\n"
        "s.yaml:2:4: the alias *x is not read; write the value out",
    ),
    "long anchor": (
        f"a: &{'x' * 500} 1\n",
        f"s.yaml:1:4: the anchor &{'x' * 57}... is not read; write the value out where it is used",
    ),
    "merge key": ("a:\n  <<: {b: 1}\n", "s.yaml:2:3: merge keys are not read; use `extends`, or write it out"),
    "own tag": ("a: !thing 1\n", "s.yaml:1:4: the tag !thing is not read; a spec is plain data"),
    "standard tag": ("a: !!str 1\n", "s.yaml:1:4: the tag tag:yaml.org,2002:str is not read; a spec is plain data"),
    "python object": (
        "a: !!python/object/apply:os.system [touch x]\n",
        "s.yaml:1:4: the tag tag:yaml.org,2002:python/object/apply:os.system is not read; a spec is plain data",
    ),
    "second document": ("a: 1\n---\nb: 2\n", "s.yaml:2:1: a second document begins here; one file holds one"),
    "version directive": (
        "%YAML 1.2\n---\na: 1\n",
        "s.yaml:1:1: directives (%YAML, %TAG) are not read; take the line out",
    ),
    "list as key": ("? [a]\n: 1\n", "s.yaml:1:3: a key must be a word"),
    "long number": (f"a: {'1' * 5000}\n", "s.yaml:1:4: a number of 5,000 digits; at most 40 are read"),
    "long fraction": (f"a: 0.{'1' * 50}\n", "s.yaml:1:4: a number of 52 digits; at most 40 are read"),
    "huge exponent": ("a: 1e999\n", "s.yaml:1:4: 1e999 is too large for a number"),
    "infinity": ("a: -.inf\n", "s.yaml:1:4: -.inf is not a number that a spec can use"),
    "not a number": ("a: .NaN\n", "s.yaml:1:4: .NaN is not a number that a spec can use"),
    "NUL": ("a: 1\nb: x\0y\n", "s.yaml:2:5: the character U+0000 cannot stand in YAML; take it out"),
    "escape": ("a: \x1b[31m\n", "s.yaml:1:4: the character U+001B cannot stand in YAML; take it out"),
    "lone surrogate": ("a: \udcff\n", "s.yaml:1:4: the character U+DCFF cannot stand in YAML; take it out"),
    "tab": (
        "a: 1\n\tb: 2\n",
        "s.yaml:2:1: not YAML: found a tab character that violates indentation (while scanning a plain scalar)",
    ),
    "open list": (
        "a: [1, 2\n",
        "s.yaml:2:1: not YAML: did not find expected ',' or ']' (while parsing a flow sequence)",
    ),
    "open quote": ("a: 'x\n", "s.yaml:2:1: not YAML: found unexpected end of stream (while scanning a quoted scalar)"),
}


@pytest.mark.parametrize("case", list(REFUSED))
def test_reader_refuses_with_line_and_column(case: str) -> None:
    text, message = REFUSED[case]
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$") as caught:
        read_text(text, "s.yaml")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("case", [case for case in REFUSED if case not in ("tab", "open list", "open quote")])
def test_reader_without_libyaml_refuses_the_same(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML's own parser words its complaints differently, and only those."""
    monkeypatch.delattr(yaml, "CSafeLoader")
    test_reader_refuses_with_line_and_column(case)


def test_reader_reports_all_problems_of_a_file() -> None:
    with pytest.raises(SpecError, match="duplicate key 'a'") as caught:
        read_text("a: &x 1\na: 2\nb: !t 3\n", "s")
    assert [p.where for p in caught.value.problems] == ["s:1:4", "s:2:1", "s:3:4"]


TOO_MUCH = {
    "brackets": ("[" * 100_000, "s.yaml:1:41: nested more than 40 deep"),
    "braces": ("{a: " * 100_000, "s.yaml:1:158: nested more than 40 deep"),
    "dashes": ("- " * 50_000, "s.yaml:1:81: nested more than 40 deep"),
    "values": ("[" + "1," * 60_000 + "]", "s.yaml:1:100000: more than 50,000 values; a spec has far fewer"),
    "characters": ("# " + "x" * MAX_BYTES, "s.yaml: has more than 1,000,000 characters"),
}


@pytest.mark.parametrize("case", list(TOO_MUCH))
def test_reader_stops_at_a_limit_at_once(case: str) -> None:
    text, message = TOO_MUCH[case]
    start = time.process_time()
    with pytest.raises(LimitError, match=f"^{re.escape(message)}$") as caught:
        read_text(text, "s.yaml")
    assert caught.value.exit_code == 6
    assert time.process_time() - start < 2  # 0.3 on a quiet machine


@pytest.mark.parametrize("case", ["brackets", "braces", "dashes"])
def test_reader_without_libyaml_stops_at_a_limit_at_once(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader")
    test_reader_stops_at_a_limit_at_once(case)


class Shallow(yaml.SafeLoader):
    """A parser that has a limit of its own and looks ahead, so that it complains before it gives an event."""

    def deeper(self) -> None:
        if max(self.flow_level, len(self.indents)) > 60:
            raise yaml.scanner.ScannerError("while going in", None, "too deep for me", self.get_mark())

    def fetch_flow_collection_start(self, token: Any) -> None:
        self.deeper()
        super().fetch_flow_collection_start(token)

    def fetch_block_entry(self) -> None:
        self.deeper()
        super().fetch_block_entry()


@pytest.mark.parametrize("before", ["", "\ufeff", "ä: ü  # é\r\nb: "])
@pytest.mark.parametrize("case", ["brackets", "braces", "dashes"])
def test_limit_holds_whatever_the_limit_of_the_parser(case: str, before: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "CSafeLoader", Shallow)
    text = before + ("\n" if before and case == "dashes" else "") + TOO_MUCH[case][0]
    with pytest.raises(yaml.scanner.ScannerError, match="too deep for me"):
        list(yaml.parse(text, Loader=Shallow))
    with pytest.raises(LimitError, match=r"^s\.yaml:\d+:\d+: nested more than 40 deep$"):
        read_text(text, "s.yaml")


def test_complaint_of_the_parser_below_the_limit_stays_a_complaint() -> None:
    with pytest.raises(SpecError, match=r"^s\.yaml:2:1: not YAML: did not find expected node content") as caught:
        read_text("[" * MAX_DEPTH + "\n", "s.yaml")
    assert caught.value.exit_code == 3


def test_read_file_refuses_100_mb_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "big.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)

    def opened(*_: object, **__: object) -> None:
        raise AssertionError("the file was opened")

    monkeypatch.setattr(Path, "open", opened)
    monkeypatch.setattr(Path, "read_bytes", opened)
    message = f"{path}: the file has 100,000,000 bytes, the limit is 1,000,000"
    with pytest.raises(LimitError, match=f"^{re.escape(message)}$"):
        read_file(path)


def test_read_file_of_an_endless_device_stops_at_the_limit() -> None:
    with pytest.raises(LimitError, match=r"^/dev/zero: has more than 1,000,000 bytes$"):
        read_file(Path("/dev/zero"))


def test_read_file_of_a_pipe_is_read(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"a: 1\n")
    os.close(write_end)
    assert read_file(Path(f"/dev/fd/{read_end}")).plain() == {"a": 1}
    os.close(read_end)


def test_read_file_of_a_missing_file_a_folder_and_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(str(tmp_path / 'no.yaml'))}: no such file$"):
        read_file(tmp_path / "no.yaml")
    with pytest.raises(SpecError, match=f"^{re.escape(str(tmp_path))}: is a folder, not a YAML file$"):
        read_file(tmp_path)
    (tmp_path / "empty.yaml").touch()
    assert read_file(tmp_path / "empty.yaml") == Node(None, Mark(str(tmp_path / "empty.yaml"), 1, 1))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_read_bytes_refuses_utf_16_and_32(encoding: str) -> None:
    with pytest.raises(SpecError, match=r"^s: is UTF-16 or UTF-32; save it as UTF-8$"):
        read_bytes("name: x\n".encode(encoding), "s")


def test_read_bytes_refuses_latin_1_with_its_line() -> None:
    with pytest.raises(SpecError, match=r"^s:2: byte 8 is not UTF-8; save it as UTF-8$"):
        read_bytes("a: 1\nb: ä\n".encode("latin-1"), "s")


def test_read_bytes_takes_a_utf_8_byte_order_mark_and_windows_line_ends() -> None:
    node = read_bytes("a: ä\r\nb: 2\r\n".encode("utf-8-sig"), "s")
    assert (node.plain(), str(node.locate(("b",)))) == ({"a": "ä", "b": 2}, "s:2:4")


def test_locate_gives_values_keys_and_the_nearest_place_around() -> None:
    node = read_text("train:\n  epochs: 6\n  list: [1, {x: 2}]\n", "s")
    places = [node.locate(loc) for loc in [(), ("train", "epochs"), ("train", "list", 1, "x"), ("train", "no", "way")]]
    assert [str(place) for place in places] == ["s:1:1", "s:2:11", "s:3:17", "s:2:3"]
    assert str(node.locate(("train", "epochs"), key=True)) == "s:2:3"
    assert str(Mark("override 'x=1'")) == "override 'x=1'"


def test_with_item_sets_and_takes_out_without_changing_the_original() -> None:
    node = read_text("a: 1\nb: [1, 2]\n", "s")
    assert node.with_item("a", None).plain() == {"b": [1, 2]}
    assert node.with_item("c", Node(3, Mark("o"))).plain() == {"a": 1, "b": [1, 2], "c": 3}
    assert node.value["b"].with_item(0, None).plain() == [2]  # type: ignore[index]
    assert node.plain() == {"a": 1, "b": [1, 2]}


# -- against PyYAML ----------------------------------------------------------------------------------------------------

# Words that YAML 1.1 and 1.2 read alike: no booleans, no numbers with signs of 1.1, no dates.
words = st.from_regex(r"[a-df-mp-x][a-z]{2,8}", fullmatch=True).filter(
    lambda w: w not in ("null", "true", "false", "off")
)
# PyYAML loses what it writes of YAML 1.1's own line breaks
own_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029"), max_size=12).filter(
    lambda text: not text.startswith(tuple("+-.0123456789"))  # 08 is a number in 1.2 and text in 1.1
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    words,
    own_text,
    st.floats(allow_nan=False, allow_infinity=False).map(lambda x: round(x, 3) if abs(x) < 1e6 else 1.5),
)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=4)),
    max_leaves=15,
)


@given(trees, st.sampled_from([None, True, False]))
@settings(max_examples=200, deadline=None)
def test_reader_agrees_with_pyyaml_on_what_pyyaml_writes(tree: Any, flow: bool | None) -> None:
    """Strings are quoted by PyYAML wherever YAML 1.1 needs it, so 1.2 reads them alike."""

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    text = yaml.dump(tree, Dumper=Dumper, default_flow_style=flow, allow_unicode=True)
    assert read_text(text, "s").plain() == yaml.safe_load(text) == tree


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_spec_reads_the_same_with_and_without_libyaml(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert yaml.__with_libyaml__, "these tests want PyYAML with libyaml"
    fast = read_file(path)
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert read_file(path) == fast  # values, marks and the marks of keys
