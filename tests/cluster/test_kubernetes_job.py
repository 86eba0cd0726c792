"""The Job of Kubernetes: what is printed is a Job of its API, and runs what a person would type."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from archsearch.cluster.kubernetes_job import job_name, job_yaml
from archsearch.errors import UsageError

# Fields of the API's reference (batch/v1 Job, core/v1 PodSpec, Container, v1.32), those that are a map by what a value
# is; a name that the API does not have is refused by its server, which no test here can ask.
META = {"name": str, "namespace": str, "labels": {str: str}, "annotations": {str: str}}
KEY_REF = {"name": str, "key": str, "optional": bool}
CONTAINER = {
    "name": str,
    "image": str,
    "imagePullPolicy": str,
    "command": [str],
    "args": [str],
    "workingDir": str,
    "env": [{"name": str, "value": str, "valueFrom": {"secretKeyRef": KEY_REF, "configMapKeyRef": KEY_REF}}],
    "envFrom": [{"prefix": str, "secretRef": {"name": str, "optional": bool}}],
    "resources": {"requests": {str: str}, "limits": {str: str}},
    "volumeMounts": [{"name": str, "mountPath": str, "readOnly": bool, "subPath": str}],
    "securityContext": {
        "allowPrivilegeEscalation": bool,
        "capabilities": {"add": [str], "drop": [str]},
        "runAsNonRoot": bool,
        "runAsUser": int,
    },
}
POD = {
    "restartPolicy": str,
    "terminationGracePeriodSeconds": int,
    "automountServiceAccountToken": bool,
    "serviceAccountName": str,
    "nodeSelector": {str: str},
    "securityContext": {"fsGroup": int, "fsGroupChangePolicy": str, "runAsUser": int, "runAsNonRoot": bool},
    "containers": [CONTAINER],
    "volumes": [{"name": str, "emptyDir": {"sizeLimit": str}, "persistentVolumeClaim": {"claimName": str}}],
}
JOB = {
    "apiVersion": str,
    "kind": str,
    "metadata": META,
    "spec": {
        "parallelism": int,
        "completions": int,
        "backoffLimit": int,
        "activeDeadlineSeconds": int,
        "ttlSecondsAfterFinished": int,
        "completionMode": str,
        "suspend": bool,
        "template": {"metadata": META, "spec": POD},
    },
}
ROOT = Path(__file__).parents[2]
LABEL = r"([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)"  # RFC 1123


def faults(value: Any, allowed: Any, where: str = "job") -> list[str]:
    """Say what is no field of the API, or has another type."""
    if isinstance(allowed, type):
        return [] if type(value) is allowed else [f"{where}: {type(value).__name__}, not {allowed.__name__}"]
    if isinstance(allowed, list):
        if not isinstance(value, list):
            return [f"{where}: no list"]
        return [fault for at, one in enumerate(value) for fault in faults(one, allowed[0], f"{where}[{at}]")]
    if not isinstance(value, dict):
        return [f"{where}: no map"]
    if set(allowed) == {str}:
        return [fault for key, one in value.items() for fault in faults(one, allowed[str], f"{where}.{key}")]
    found = [f"{where}.{key}: no such field" for key in value if key not in allowed]
    for key in value.keys() & allowed.keys():
        found += faults(value[key], allowed[key], f"{where}.{key}")
    return found


def checked(text: str) -> dict[str, Any]:
    """Read a Job, and check what the API's server would."""
    job = yaml.safe_load(text)
    assert faults(job, JOB) == []
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert re.fullmatch(LABEL, job["metadata"]["name"])
    pod = job["spec"]["template"]["spec"]
    assert pod["restartPolicy"] in ("Never", "OnFailure")  # a Job takes no other
    volumes = {volume["name"] for volume in pod["volumes"]}
    for container in pod["containers"]:
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        for one in container["env"]:
            assert ("value" in one) != ("valueFrom" in one)
    return job


def test_the_check_finds_what_is_no_job():
    job = yaml.safe_load(job_yaml("lenet", 2, {}))
    job["spec"]["paralelism"] = 2
    job["spec"]["template"]["spec"]["containers"][0]["args"] = [1]
    assert sorted(faults(job, JOB)) == [
        "job.spec.paralelism: no such field",
        "job.spec.template.spec.containers[0].args[0]: int, not str",
    ]


def test_a_job_runs_workers_of_the_study_with_the_url_of_a_secret():
    text = job_yaml("lenet", 8, {"image": "registry.example/a:1", "namespace": "lab"}, artifacts="s3://b/x", gpus=2)
    job = checked(text)
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert (job["spec"]["parallelism"], job["spec"]["completions"]) == (8, 8)
    assert job["metadata"]["namespace"] == "lab"
    assert container["image"] == "registry.example/a:1"
    assert [*container["command"], *container["args"]] == [
        *("archsearch", "worker", "lenet", "--idle-exit", "300"),
        *("--artifacts", "s3://b/x", "--gpus", "2"),
    ]
    assert container["env"][0] == {
        "name": "ARCHSEARCH_STORAGE",
        "valueFrom": {"secretKeyRef": {"name": "archsearch-storage", "key": "url"}},
    }
    assert "&" not in text.split("\n", 1)[1]  # no anchors: people read and edit it


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"gpus": "1", "memory": "8Gi", "cpu": "4"},
        {"claim": "work", "secret": "studies", "env_secret": "s3-keys"},
    ],
)
def test_every_option_gives_a_job_of_the_api(options):
    job = checked(job_yaml("x", 1, options))
    text = str(job)
    assert all(value in text for value in options.values())


def test_what_is_claimed_can_be_written_by_the_user_of_the_image():
    user = re.search(r"useradd .*--uid (\d+) --user-group searcher", (ROOT / "Containerfile").read_text())
    assert user is not None
    pod = checked(job_yaml("x", 1, {"claim": "work"}))["spec"]["template"]["spec"]
    assert pod["securityContext"]["fsGroup"] == int(user[1])  # a group that is made with its user has its number
    assert "securityContext" not in checked(job_yaml("x", 1, {}))["spec"]["template"]["spec"]  # emptyDir is everybody's


@pytest.mark.parametrize(
    ("study", "name"),
    [
        ("lenet", "archsearch-lenet"),
        ("My_study.v2", "archsearch-my-study-v2"),
        ("x" * 100, "archsearch-" + "x" * 52),
        ("a" * 51 + "-b", "archsearch-" + "a" * 51),
    ],
)
def test_the_name_of_a_job_is_a_label(study, name):
    assert job_name(study) == name
    assert re.fullmatch(LABEL, name)


def test_an_option_that_there_is_not_is_named():
    with pytest.raises(UsageError, match=r"^--on-option: unknown option of kubernetes 'imag'; did you mean 'image'\?$"):
        job_yaml("x", 1, {"imag": "y"})
    with pytest.raises(UsageError, match=r"^--on-option: gpus is a whole number, got 'two'$"):
        job_yaml("x", 1, {"gpus": "two"})
