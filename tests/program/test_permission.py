"""What is allowed with a program: its section, and values only where they say what is executed."""

from __future__ import annotations

import pytest

from archsearch.program.permission import program_subject
from archsearch.program.program_spec import ProgramSpec


def digest(command: list[str], **values: str) -> str:
    spec = ProgramSpec(program={"command": command}, values=values, metrics={"loss": {"last": "x=(.)"}}, name="mine")
    return program_subject(spec).digest


@pytest.mark.parametrize(
    ("command", "is_part"),
    [
        (["python", "train.py", "-e", "{x}"], False),  # an argument of the script: epochs, say
        (["python", "train.py", "--lr", "{x}"], False),
        (["{x}", "train.py"], True),
        (["sh", "-c", "{x}"], True),
        (["sh", "-c", "train --lr {x}"], True),
        (["python", "-u", "-c", "{x}"], True),
        (["python", "-m", "{x}"], True),
        (["python", "-m", "train", "-c", "{x}"], False),
    ],
)
def test_value_that_is_executed_is_allowed_by_itself(command, is_part) -> None:
    assert (digest(command, x="1") != digest(command, x="2")) == is_part
