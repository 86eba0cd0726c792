"""A worker as a process that an engine's task has started: it is told on stdin, and ends with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from archsearch.cluster.child import read_visit, written_visit
from archsearch.cluster.visits import Visit

CHILD = [sys.executable, "-c", "from archsearch.cluster.child import work_for_stdin; work_for_stdin()"]


def test_what_is_to_be_done_travels_as_json():
    asked = Visit("sqlite:///a.db", "norm", Path("runs"), None, most=3, idle_exit=2.5, artifacts="s3://x")
    assert read_visit(json.loads(json.dumps(written_visit(asked)))) == asked


@pytest.fixture
def child(data_dir):
    return {
        "env": {**os.environ, "ARCHSEARCH_DATA": str(data_dir)},
        "capture_output": True,
        "text": True,
        "timeout": 120,
    }


def test_an_error_is_a_line_of_json(tmp_path):
    asked = Visit(f"sqlite:///{tmp_path}/none.db", "norm")
    with subprocess.Popen(
        CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdin.write(json.dumps(written_visit(asked)) + "\n")
        process.stdin.flush()  # and left open
        line = process.stdout.readline()
        process.wait(60)
    assert process.returncode == 2
    assert json.loads(line) == {
        "error": f"there is no storage {tmp_path}/none.db yet; --idle-exit waits for a study in it"
    }


def test_the_end_of_stdin_ends_it(tmp_path, child):
    asked = Visit(f"sqlite:///{tmp_path}/studies.db", "norm", tmp_path, idle_exit=300.0)
    done = subprocess.run(CHILD, input=json.dumps(written_visit(asked)) + "\n", check=False, **child)
    assert (done.returncode, json.loads(done.stdout)) == (143, {"error": "stopped"})
