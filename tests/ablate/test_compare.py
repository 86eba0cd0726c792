"""A CSV of numbers: what is read, what is stated, and what is refused with file:line."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsearch.ablate.columns import FileUnit
from archsearch.ablate.compare import Reading, compare, read_values
from archsearch.errors import SpecError, UsageError
from archsearch.stats.effect import Family

FOLDER = Path(tempfile.mkdtemp(prefix="compare"))


def csv(folder: Path, text: str) -> Path:
    path = folder / "runs.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_are_read_in_any_column_order_with_failed_runs_among_them(tmp_path: Path) -> None:
    text = '\ufeffSeed, value ,variant,note\n1,0.5,a,first\n\n02,,a,failed\nx,.25,"b, c",\n1.0,5e-1,b,\n'
    values = read_values(csv(tmp_path, text))
    assert values.runs == {"a": {1: 0.5, 2: None}, "b, c": {"x": 0.25}, "b": {1: 0.5}}


@pytest.mark.parametrize(
    ("rows", "unit"), [("a,1,0.97", "points"), ("a,1,970.5", "own"), ("a,1,-0.1", "own"), ("a,1,", "own")]
)
def test_unit_is_percentage_points_for_fractions_only(tmp_path: Path, rows: str, unit: str) -> None:
    assert read_values(csv(tmp_path, f"variant,seed,test_acc\n{rows}\n")).unit == unit


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"runs\.csv: is empty; its first line names the columns, such as variant,seed,value$"),
        ("variant,seed,value\n", r"runs\.csv: has no rows below the header$"),
        (
            "variant,seed\na,1\n",
            r"runs\.csv: no column is called value; there are: variant, seed; say which with --value NAME$",
        ),
        (
            "variant,seed,acc,f1\na,1,2,3\n",
            r"runs\.csv: several columns could hold the value: acc, f1; say which with --value NAME$",
        ),
        (
            "who,seed,value\na,1,2\n",
            r"runs\.csv: no column is called variant; .*--variant NAME, or --factor NAME for each of several",
        ),
        ("variant,seed,value\na,1\n", r"runs\.csv:2: 2 cells, the header has 3$"),
        ("variant,seed,value\na,1,0.5\na,1,0.6\n", r"runs\.csv:3: 'a' with seed 1 stands in line 2 already$"),
        ("variant,seed,value\na,1,0.5\na,01,0.6\n", r"runs\.csv:3: 'a' with seed 01 stands in line 2 already$"),
        ("variant,seed,value\na,1,good\n", r"runs\.csv:2: the value 'good' is not a number; leave it empty if"),
        (
            "variant,seed,value\n,1,0.5\na,,0.5\n",
            r"runs\.csv:2: the variant is empty\n.*runs\.csv:3: the seed is empty$",
        ),
        ("variant,seed,value\n" + "x" * 200_000 + ",1,2\n", r"runs\.csv:\d: not CSV: field larger than field limit"),
    ],
)
def test_file_that_is_wrong_is_refused_at_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_values(csv(tmp_path, text))


def test_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none\.csv: cannot be read: No such file or directory$"):
        read_values(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"variant,seed,value\n\xe9,1,2\n")
    with pytest.raises(SpecError, match=r"latin\.csv:2: is not UTF-8; save it as UTF-8$"):
        read_values(tmp_path / "latin.csv")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("base,1,0.5\nlevel,1,0.5", r"runs\.csv: unknown variant 'basis'; did you mean 'base'\?$"),
        ("basis,1,0.5", r"runs\.csv: holds 'basis' only; there is nothing to compare it with$"),
        ("basis,1,0.5\nlevel,2,0.5", r"runs\.csv: 'level' shares no seed with 'basis'; pairs have the same seed$"),
    ],
)
def test_values_that_cannot_be_paired_are_refused(tmp_path: Path, rows: str, message: str) -> None:
    values = read_values(csv(tmp_path, f"variant,seed,value\n{rows}\n"))
    with pytest.raises(SpecError, match=message):
        compare(values, "basis", Family())


@given(st.binary(max_size=120) | st.text(alphabet="variantsedlu,\n\"'0123456789.-einf ", max_size=120).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_whatever_the_bytes_are_there_are_values_or_a_spec_error(data: bytes) -> None:
    path = FOLDER / "fuzz.csv"
    for head in (b"", b"variant,seed,value\n"):
        path.write_bytes(head + data)
        with contextlib.suppress(SpecError, UsageError):  # the latter for PAR1 without its reader
            assert read_values(path).runs


def test_value_that_would_overflow_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"runs\.csv:2: the value 1e200 is too large to compute with$"):
        read_values(csv(tmp_path, "variant,seed,value\na,1,1e200\n"))


# -- what people have --------------------------------------------------------------------------------------------------

TWO = {"a": {0: 0.9741, 1: 0.965}, "b": {0: 0.9752, 1: 0.97}}


@pytest.mark.parametrize(
    "text",
    [
        "variant;seed;accuracy\na;0;0,9741\na;1;0,965\nb;0;0,9752\nb;1;0,97\n",
        "sep=;\nvariant;seed;valAccuracy\na;0;0.9741\na;1;0.965\nb;0;0.9752\nb;1;0.97;\n",
        "variant\tseed\tvalue\na\t0\t97.41 %\na\t1\t96.5%\nb\t0\t97,52 %\nb\t1\t97 %\n".replace("97,52", "97.52"),
        "variant|seed|acc\na|0|0,9741\na|1|0,965\nb|0|0,9752\nb|1|0,97\n",
        '# of Monday\nvariant,seed,f1\na,0,"0,9741"\n# again\na,1,"0,9650"\nb,0,"0,9752"\nb,1,"0,97"\n',
        "Model,RNG Seed,Test Acc (%)\na,0.0,97.41\na,1.0,96.5\nb,0.0,97.52\nb,1.0,97\n".replace("RNG Seed", "Run"),
        "model,seed 0,seed 1\na,97.41%,96.5%\nb,97.52%,97%\n",
        ",0,1\na,97.41 %,96.5 %\nb,97.52 %,97 %\n",
        "seed\ta\tb\n0\t97.41 %\t97.52 %\n1\t96.5 %\t97 %\n",
    ],
    ids=[
        "semicolons",
        "sep",
        "tabs-percent",
        "bars",
        "comments-quoted",
        "names-percent",
        "wide",
        "wide-unnamed",
        "wide-variants",
    ],
)
def test_the_same_numbers_are_read_however_they_are_written(tmp_path: Path, text: str) -> None:
    values = read_values(csv(tmp_path, text))
    assert values.runs == TWO  # per cent too: the very same floats
    assert values.unit == "points"


def test_json_lines_and_a_list_of_objects_are_read(tmp_path: Path) -> None:
    rows = [f'{{"model": "{v}", "seed": {s}, "acc": {x}}}' for v, of in TWO.items() for s, x in of.items()]
    for name, text in (("runs.jsonl", "\n".join(rows)), ("runs.json", f"[{', '.join(rows)}]")):
        (tmp_path / name).write_text(text)
        assert read_values(tmp_path / name).runs == TWO
    (tmp_path / "null.jsonl").write_text('{"variant": "a", "seed": 0, "value": null}\n{"variant": "a", "seed": 1}\n')
    assert read_values(tmp_path / "null.jsonl").runs == {"a": {0: None, 1: None}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"variant": "a"}\n{nothing}\n', r"runs\.jsonl:2: not JSON: "),
        ('{"variant": "a"}\n[1]\n', r"runs\.jsonl:2: is no object; a row is an object of texts and numbers$"),
        ('{"variant": ["a"], "seed": 0, "value": 1}', r"runs\.jsonl:1: 'variant' is neither text nor a number$"),
        ('{"variant": "a", "seed": 0, "value": NaN}', r"runs\.jsonl:1: the value 'NaN' is not a number"),
        ("[" * 100_000, r"runs\.jsonl: is nested too deeply|not JSON"),
    ],
)
def test_json_that_is_no_rows_is_refused_at_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "runs.jsonl").write_text(text)
    with pytest.raises(SpecError, match=message):
        read_values(tmp_path / "runs.jsonl")


def test_parquet_is_read_with_its_missing_values(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table(
        {
            "model": ["a", "a", "b"],
            "seed": [0, 1, 0],
            "acc": pyarrow.array([0.9741, None, 0.5], type=pyarrow.float32()),
        }
    )
    parquet.write_table(table, tmp_path / "runs.parquet")
    assert read_values(tmp_path / "runs.parquet").runs == {"a": {0: 0.9741, 1: None}, "b": {0: 0.5}}
    (tmp_path / "no.parquet").write_text("PAR0")
    with pytest.raises(SpecError, match=r"no\.parquet: is no Parquet file: "):
        read_values(tmp_path / "no.parquet")


def test_parquet_without_its_reader_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "runs.pq").write_bytes(b"PAR1")
    with pytest.raises(
        UsageError, match=r"needs pyarrow; install it with pip install 'archsearch\[parquet\]', or save"
    ):
        read_values(tmp_path / "runs.pq")


def test_columns_are_those_that_were_said_whatever_their_case(tmp_path: Path) -> None:
    text = "who,when,seed,Acc,loss\nx,1,7,0.5,2.5\ny,1,8,0.6,1.5\n"
    values = read_values(csv(tmp_path, text), Reading(variant="who", seed="WHEN", value="loss"))
    assert (values.runs, values.metric, values.unit) == ({"x": {1: 2.5}, "y": {1: 1.5}}, "loss", "own")
    with pytest.raises(SpecError, match=r"runs\.csv: --value: unknown column 'los'; did you mean 'loss'\?$"):
        read_values(csv(tmp_path, text), Reading(variant="who", value="los"))


@pytest.mark.parametrize(
    "value",
    ["1_000", "nan", "inf", "-Infinity", "0x10", "NA", "None", "1e5000x", "١", "0.9.7", "--1", "1e", "%", "1 000"],
)
def test_what_only_a_program_takes_for_a_number_is_refused_with_its_row(tmp_path: Path, value: str) -> None:
    with pytest.raises(
        SpecError, match=r"runs\.csv:3: the value .* is not a number; leave it empty if the run failed$"
    ):
        read_values(csv(tmp_path, f"variant,seed,value\na,0,0.5\na,1,{value}\n"))


@pytest.mark.parametrize(
    ("value", "number"), [("1", 1.0), ("+.5", 0.5), ("5.", 5.0), ("1e-3", 0.001), ("1E2", 100.0), ("\u22120.5", -0.5)]
)
def test_what_people_write_as_a_number_is_one(tmp_path: Path, value: str, number: float) -> None:
    assert read_values(csv(tmp_path, f"variant,seed,value\na,1,{value}\n")).runs == {"a": {1: number}}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a;0;0,5\na;1;0.5\n", r"runs\.csv:3: a decimal point, and line 2 has a decimal comma$"),
        ("a;0;1.234,5\n", r"runs\.csv:2: the value '1\.234,5' has signs between thousands; write it without them$"),
    ],
)
def test_two_decimal_signs_in_one_file_are_refused(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_values(csv(tmp_path, f"variant;seed;value\n{rows}"))


def test_comma_that_could_part_thousands_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"runs\.csv:2: the value '1,234' could be meant with a decimal comma or with"):
        read_values(csv(tmp_path, 'variant,seed,value\na,0,"1,234"\n'))


# -- units -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "values", "reading", "unit"),
    [
        ("value", "0.97", Reading(), ("own", 0.97)),
        ("value", "0.97", Reading(unit="fraction"), ("points", 0.97)),
        ("calibration", "0.97", Reading(), ("own", 0.97)),
        ("value", "97.4 %", Reading(unit="own"), ("own", 97.4)),
        ("value", "97.4 %", Reading(unit="percent"), ("points", 0.974)),
        ("value", "0.35", Reading(minimize=True), ("own", 0.35)),
        ("val_loss", "0.35", Reading(), ("own", 0.35)),
        ("seconds", "0.35", Reading(), ("own", 0.35)),
        ("value", "97.4", Reading(), ("own", 97.4)),
        ("value", "97.4", Reading(unit="percent"), ("points", 0.974)),
        ("value", "0.5", Reading(unit="percent"), ("points", 0.005)),
        ("value", "97.4 %", Reading(), ("points", 0.974)),
        ("accuracy", "97.4", Reading(), ("points", 0.974)),
        ("accuracy", "0.974", Reading(), ("points", 0.974)),
        ("error [%]", "2.6", Reading(minimize=True), ("points", 0.026)),
        ("value", "0.35", Reading(minimize=True, unit="fraction"), ("points", 0.35)),
        ("accuracy", "0.974", Reading(unit="own"), ("own", 0.974)),
        ("accuracy", "120", Reading(), ("own", 120.0)),
    ],
)
def test_unit_follows_from_signs_names_and_options(
    tmp_path: Path, column: str, values: str, reading: Reading, unit: tuple[str, float]
) -> None:
    found = read_values(csv(tmp_path, f"variant,seed,{column}\na,1,{values}\n"), reading)
    assert (found.unit, found.runs["a"][1]) == unit


@pytest.mark.parametrize(
    ("rows", "reading", "message"),
    [
        (
            "a,0,0.9741\na,1,0.965\nb,0,96.5\n",
            Reading(),
            r"^\S*runs\.csv:4: 96\.5 looks like per cent, 0\.9741 in line 2 like a fraction; write all values alike",
        ),
        (
            "a,0,97.41\na,1,96.5\nb,0,0.965\nb,1,0.97\nc,0,96\n",
            Reading(),
            r"^\S*runs\.csv:4: 0\.965 looks like a fraction, 97\.41 in line 2 like per cent; .*\n\S*runs\.csv:5: 0\.97",
        ),
        (
            "a,0,97.41 %\nb,0,96.5\nc,0,97 %\n",
            Reading(),
            r"^\S*runs\.csv:3: the value has no per cent sign, line 2 is with one; write all values alike$",
        ),
        ("a,0,97.4\n", Reading(unit="fraction"), r"runs\.csv:2: 97\.4 is not a fraction from 0 to 1, as --unit says$"),
        ("a,0,-1\n", Reading(unit="percent"), r"runs\.csv:2: -1 is not per cent from 0 to 100, as --unit says$"),
    ],
)
def test_units_that_are_mixed_or_wrong_are_refused_with_the_rows(
    tmp_path: Path, rows: str, reading: Reading, message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        read_values(csv(tmp_path, f"variant,seed,value\n{rows}"), reading)
    if reading.unit is None:
        assert read_values(csv(tmp_path, f"variant,seed,value\n{rows.replace(' %', '')}"), Reading(unit="own")).runs


def test_losses_around_one_are_no_mixture(tmp_path: Path) -> None:
    assert read_values(csv(tmp_path, "variant,seed,value\na,0,0.9\na,1,1.2\nb,0,3.4\n")).unit == "own"


def test_margin_is_in_the_unit_of_the_file_and_none_without_a_unit(tmp_path: Path) -> None:
    def margin(column: str, value: str, given: float | None, unit: FileUnit | None = None) -> float:
        values = read_values(csv(tmp_path, f"variant;seed;{column}\na;1;{value}\n"), Reading(unit=unit))
        return values.family(margin=given).margin

    assert [margin("acc", "0.97", None), margin("value", "97 %", None), margin("acc", "97", None)] == [0.001] * 3
    assert [margin("value", "97", None), margin("brier", "0.1", None)] == [0.0, 0.0]
    assert [margin("acc", "0.97", 0.002), margin("value", "97", 0.5)] == [0.002, 0.5]
    percents = [("value", "96,41 %"), ("value", "0.9 %"), ("acc", "97"), ("acc (%)", "0.9")]
    assert [margin(column, value, 0.2) for column, value in percents] == [0.002] * 4
    assert [margin("value", "0.9%", 0.2, "percent"), margin("value", "0.9%", 0.2, "own")] == [0.002, 0.2]


def test_a_name_that_says_nothing_is_stated_and_so_is_a_direction_against_the_name(tmp_path: Path) -> None:
    def notes(column: str, value: str) -> str:
        return "; ".join(
            read_values(csv(tmp_path, f"variant,seed,{column}\na,1,{value}\n"), Reading(value=column)).notes
        )

    assert notes("skill", "0.2").endswith("--unit fraction says that the values are fractions, as of accuracies")
    assert notes("skill", "20").endswith(
        "skill: the unit is not known; --unit percent says that the values are per cent"
    )
    larger = "larger values are taken as better; --minimize says that smaller ones are"
    for column, value in (
        ("brier", "0.2"),
        ("seconds", "12.1"),
        ("latency_ms", "3"),
        ("testLoss", "1"),
        ("error", "2%"),
    ):
        assert notes(column, value).endswith(f"{column}: {larger}")
    assert larger not in notes("steps", "100")


def test_the_only_column_of_numbers_left_is_the_value(tmp_path: Path) -> None:
    values = read_values(csv(tmp_path, "variant,seed,skill,host\na,1,0.2,x\nb,1,0.3,y\n"))
    assert (values.metric, values.runs) == ("skill", {"a": {1: 0.2}, "b": {1: 0.3}})
    assert values.notes[0] == "value is read from the column 'skill'"
    with pytest.raises(SpecError, match=r"no column is called value; there are: variant, seed, one, two; say which"):
        read_values(csv(tmp_path, "variant,seed,one,two\na,1,0.2,1\n"))


def test_a_column_for_each_variant_is_read_beside_the_seeds(tmp_path: Path) -> None:
    values = read_values(csv(tmp_path, "seed\tbase\tnew\n0\t0.1\t0.2\n1\t0.3\t\n"))
    assert values.runs == {"base": {0: 0.1, 1: 0.3}, "new": {0: 0.2, 1: None}}
    assert values.notes[0] == "a column for each of 2 variants; seed is read from the column 'seed'"
    with pytest.raises(SpecError, match="no column is called variant"):  # metrics are no variants
        read_values(csv(tmp_path, "seed,acc,calibration\n0,0.1,0.2\n"))


def test_standard_input_is_read_for_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("variant,seed,acc\na,1,0.5\n", '[{"variant": "a", "seed": 1, "acc": 0.5}]'):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert read_values(Path("-")).runs == {"a": {1: 0.5}}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"variant,seed,acc\na,1\n")))
    with pytest.raises(SpecError, match=r"^standard input:2: 2 cells, the header has 3$"):
        read_values(Path("-"))


def test_rows_that_a_further_column_tells_apart_are_refused_with_its_name(tmp_path: Path) -> None:
    rows = [
        f"{method},{data},{seed},0.{5 + seed}{place},{place}.{seed}1"
        for place, (method, data) in enumerate((m, d) for m in "ab" for d in ("iris", "wine"))
        for seed in range(3)
    ]
    path = csv(tmp_path, "method,dataset,seed,acc,loss\n" + "\n".join(rows) + "\n")
    words = (
        r"runs\.csv:5: 'a' with seed 0 stands in line 2 already, and so 5 more, with another dataset; "
        r"--factor method --factor dataset makes it a factor, or keep one of each$"
    )
    with pytest.raises(SpecError, match=words) as caught:
        read_values(path, Reading(value="acc"))
    assert len(caught.value.problems) == 1
    values = read_values(path, Reading(factors=("method", "dataset"), value="acc"))
    assert list(values.runs) == ["method=a+dataset=iris", "method=a+dataset=wine", *list(values.runs)[2:]]


# -- factors -----------------------------------------------------------------------------------------------------------


def test_factor_columns_give_main_effects_and_interactions_by_hand(tmp_path: Path) -> None:
    """2 x 2 cells: act +0.010 at width 16 and +0.014 at 32; width +0.002 at tanh and +0.006 at relu."""
    means = {("tanh", 16): 0.950, ("tanh", 32): 0.952, ("relu", 16): 0.960, ("relu", 32): 0.966}
    rows = [
        f"{act},{width},{seed},{mean + 0.0001 * (seed % 5):.4f}"
        for (act, width), mean in means.items()
        for seed in range(10)
    ]
    path = csv(tmp_path, "act,width,seed,acc\n" + "\n".join(rows) + "\n")
    values = read_values(path, Reading(factors=("act", "width")))
    for name in ("tanh,16", "act=tanh+width=16", "width=16, act=tanh"):
        assert values.baseline(name) == "act=tanh+width=16"
    found = compare(values, "tanh,16", values.family())
    effects = {effect.variant: effect for effect in found.effects}
    assert {name: effect.mean_difference for name, effect in effects.items()} == pytest.approx(
        {"act": 0.012, "width": 0.004, "act:width": 0.004}
    )
    assert [effect.verdict for effect in found.effects] == ["better"] * 3
    assert effects["act"].sentence.startswith("act=relu instead of tanh, averaged over the other factors: +1.20 points")
    assert effects["act:width"].sentence.startswith("act=relu and width=32 together, beyond their sum: +0.40 points")
    assert found.model is not None
    assert {term.name: term.estimate for term in found.model.terms} == pytest.approx(
        {"act": 0.012, "width": 0.004, "act:width": 0.004}
    )
    assert [one.n for one in found.spreads] == [10] * 4


def test_baseline_of_factors_that_is_not_there_and_a_factor_of_one_level_are_refused(tmp_path: Path) -> None:
    path = csv(tmp_path, "act,width,seed,acc\ntanh,16,0,0.5\nrelu,16,0,0.6\n")
    values = read_values(path, Reading(factors=("act", "width")))
    with pytest.raises(SpecError, match=r"runs\.csv: unknown variant 'tanh,64'"):
        compare(values, "tanh,64", values.family())
    with pytest.raises(SpecError, match=r"runs\.csv: the factor 'width' has one level only; leave it out$"):
        compare(values, "tanh,16", values.family())
