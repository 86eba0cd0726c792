"""What people look for in a repository is there and true: how to cite, to install, what runs code, what is checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from archsearch import __version__

ROOT = Path(__file__).parents[1]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_citation_has_the_keys_that_its_format_requires_and_our_version():
    """Citation File Format 1.2.0: cff-version, message, title and authors are required."""
    found = yaml.safe_load(read("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors"} <= set(found)
    assert found["cff-version"] == "1.2.0"
    assert found["type"] == "software"
    assert found["version"] == __version__
    assert all(author.keys() & {"name", "family-names", "given-names"} for author in found["authors"])
    assert found["license"] == "Apache-2.0"
    assert f'license = "{found["license"]}"' in read("pyproject.toml")


def test_workflow_runs_what_anyone_can_run():
    found = yaml.safe_load(read(".github/workflows/ci.yml"))
    [job] = found["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands == ["bash .ci/run"]
    assert (ROOT / ".ci" / "run").is_file()
    assert found["permissions"] == {"contents": "read"}
    [python] = [step["with"]["python-version"] for step in job["steps"] if "setup-python" in step.get("uses", "")]
    assert f'python_version = "{python}"' in read("pyproject.toml")  # the one that types are checked for


def test_container_file_installs_this_folder_and_starts_the_command():
    lines = [line for line in read("Containerfile").splitlines() if line and not line.startswith("#")]
    assert lines[-2:] == ['ENTRYPOINT ["archsearch"]', 'CMD ["--help"]']
    assert any(line.startswith("USER ") and line != "USER root" for line in lines)
    assert "COPY . /source" in lines
    ignored = set(read(".dockerignore").split())
    assert {".git", ".venv", "runs", "archsearch/native/binaries"} <= ignored
    assert 'archsearch = "archsearch.cli:main"' in read("pyproject.toml")


def test_install_names_every_extra_and_the_python_that_is_asked_for():
    page = read("docs/install.md")
    extras = re.search(r"\[project\.optional-dependencies\]\n(.*?)\n\n\[", read("pyproject.toml"), re.DOTALL)
    assert extras
    names = set(re.findall(r"^([a-z]+) = ", extras[1], re.MULTILINE))
    assert names <= set(re.findall(r"`([a-z]+)`", page))
    [least] = re.findall(r'requires-python = ">=([\d.]+)"', read("pyproject.toml"))
    assert f"Python {least} or newer" in page
    for tool in ("pip install .", "pipx install .", "uv tool install .", "uv pip install ."):
        assert tool in page


def test_security_note_says_the_limits_that_are_in_force():
    from archsearch.export.archive import MOST_BUNDLE_BYTES, MOST_BUNDLE_FILES, MOST_TIMES_SMALLER

    page = " ".join(read("SECURITY.md").split())
    assert f"more than {MOST_BUNDLE_BYTES // 2**30} GiB or {MOST_BUNDLE_FILES:,} files" in page
    assert f"more than {MOST_TIMES_SMALLER} times larger" in page


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/install.md", "docs/reproduce.md"])
def test_links_lead_to_files(page):
    for link in re.findall(r"\]\(([^)#]+)\)", read(page)):
        assert (ROOT / page).parent.joinpath(link).resolve().is_file(), link


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/install.md", "docs/reproduce.md"])
def test_commands_and_options_that_are_named_exist(page):
    from typer.main import get_command

    from archsearch.cli import app

    commands = get_command(app).commands
    for command, rest in re.findall(r"archsearch ([a-z]+)((?: [^`\n]*)?)[`\n]", read(page)):
        assert command in commands, command
        options = {name for parameter in commands[command].params for name in parameter.opts}
        assert set(re.findall(r"(?<= )--?[a-z][a-z-]*", rest)) <= options, (command, rest)
