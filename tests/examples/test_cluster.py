"""What lies in examples/cluster: scripts, a Job and a compose file, each as far as it can be tried here."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cluster.conftest import begun, folder, url  # noqa: F401  # fixtures
from tests.cluster.test_kubernetes_job import checked

FOLDER = Path(__file__).parents[2] / "examples" / "cluster"
SCRIPTS = sorted(FOLDER.glob("*.sh"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_read_by_its_shell(script):
    shell = script.read_text().split("\n")[0].removeprefix("#!")
    subprocess.run([shell, "-n", str(script)], check=True)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing_in_a_script(script):
    found = shutil.which("shellcheck") or shutil.which("shellcheck", path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip("shellcheck is not installed: pip install -e '.[dev]'")
    done = subprocess.run([found, str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_script_of_the_slurm_array_is_a_worker(folder, url, begun, data_dir, tmp_path):  # noqa: F811
    begun("norm")
    program = tmp_path / "bin" / "archsearch"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from archsearch.cli import main; main()' \"$@\"\n")
    program.chmod(0o755)
    settings = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "ARCHSEARCH_DATA": str(data_dir)}
    settings.pop("ARCHSEARCH_STORAGE", None)
    command = ["bash", str(FOLDER / "slurm_array.sh"), "norm", "--max-trials", "4"]
    told = {"cwd": folder, "capture_output": True, "text": True, "check": False, "timeout": 120}
    done = subprocess.run(command, env=settings, **told)
    assert (done.returncode, "export the URL of the storage before sbatch" in done.stderr) == (1, True)
    done = subprocess.run(command, env={**settings, "ARCHSEARCH_STORAGE": url}, **told)
    assert (done.returncode, done.stdout) == (0, "4 trials of norm\n"), done.stderr


def test_the_job_is_what_its_command_prints(capsys):
    from typer.testing import CliRunner

    from archsearch.cli import app

    text = (FOLDER / "kubernetes_job.yaml").read_text()
    job = checked(text)
    lines = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
    at = next(number for number, line in enumerate(lines) if "--on kubernetes" in line)
    command = shlex.split(lines[at].removesuffix("\\") + lines[at + 1])
    printed = CliRunner().invoke(app, command[1:])
    assert printed.exit_code == 0, printed.output
    assert yaml.safe_load(printed.stdout) == job


SERVICE = {
    "image",
    "command",
    "restart",
    "stop_grace_period",
    "environment",
    "volumes",
    "depends_on",
    "healthcheck",
    "profiles",
}


def test_the_compose_file_has_services_that_name_what_there_is():
    compose = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    assert set(compose) == {"services", "volumes"}
    services = compose["services"]
    assert set(services) == {"postgres", "worker", "study"}
    for service in services.values():
        assert set(service) <= SERVICE
        assert {volume.partition(":")[0] for volume in service["volumes"]} <= set(compose["volumes"])
        for name, wanted in service.get("depends_on", {}).items():
            assert wanted == {"condition": "service_healthy"}
            assert "healthcheck" in services[name]
    database = services["postgres"]["environment"]
    for name in ("worker", "study"):
        settings = services[name]["environment"]
        assert settings["PGPASSWORD"] == "${POSTGRES_PASSWORD}"
        found = re.fullmatch(r"postgresql\+psycopg://(\w+)@(\w+):5432/(\w+)", settings["ARCHSEARCH_STORAGE"])
        assert found is not None
        assert found.groups() == (database["POSTGRES_USER"], "postgres", database["POSTGRES_DB"])
    assert services["worker"]["command"][0] == "worker"
