"""card and report --format pr as their users meet them."""

from __future__ import annotations

from PIL import Image


def test_card_writes_a_picture_and_pr_markdown_of_runs(cli, tiny, tmp_path):
    cli("run", "tiny.yaml", "--seeds", "2")
    done = cli("card", "tiny.yaml", "-o", "card.png")
    assert (done.code, done.out, done.err) == (0, "card.png\n", "")
    with Image.open(tmp_path / "card.png") as picture:
        assert picture.format == "PNG"
    again = cli("card", "tiny.yaml", "--json", "--stamp", "2026-01-31T12:00:00+00:00").json
    assert again["file"] == "runs/card-tiny.png"
    assert again["answer"][0].startswith("tiny: mean test accuracy")
    written = cli("report", "tiny.yaml", "--format", "pr").out.strip()
    assert written == "runs/report-tiny.pr.md"
    text = (tmp_path / written).read_text()
    assert text.startswith("### tiny\n\n**tiny: mean test accuracy ")
    assert "<details><summary>Every seed's value</summary>" in text


def test_card_refuses_other_formats_and_unknown_names(cli, tiny, tmp_path):
    cli("run", "tiny.yaml")
    done = cli("card", "tiny.yaml", "-o", "card.gif")
    assert (done.code, done.out) == (2, "")
    assert "a card is written as svg, pdf, png" in done.err
    assert not (tmp_path / "card.gif").exists()
    assert "nothing is no study, run or spec here" in cli("card", "nothing").err
