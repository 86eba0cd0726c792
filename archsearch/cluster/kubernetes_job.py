"""Workers as a Job of Kubernetes, written out: kubectl applies it, nothing is started from here.

    print(job_yaml("lenet", workers=8, options={"image": "registry.example/archsearch:1"}))

The storage's URL comes from a Secret, so that no password stands in the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from archsearch import __version__
from archsearch.cluster.placing import WAIT_FOR_MORE_SECONDS, refuse_options
from archsearch.errors import UsageError

OPTIONS: dict[str, str] = {
    "image": f"the image with archsearch in it; usual archsearch:{__version__}",
    "namespace": "where the Job lives",
    "secret": "the Secret whose key `url` is the storage's URL; usual archsearch-storage",
    "cpu": "cores of each worker; usual 1",
    "memory": "of each worker; usual 2Gi",
    "gpus": "nvidia.com/gpu of each worker",
    "claim": "a PersistentVolumeClaim for runs and data, at /work",
    "env_secret": "a Secret whose keys are variables of each worker, such as those for s3://",
}
_GRACE_SECONDS = 60  # to give a slot back
_GROUP = 1000  # that of the Containerfile's user
_TRIES = 6  # of each worker: a node that goes away is no reason to give up


def job_yaml(
    study: str, workers: int, options: Mapping[str, str], *, artifacts: str | None = None, gpus: int | None = None
) -> str:
    """Write the Job of a study's workers as YAML; raise `UsageError` for an option that there is not."""
    refuse_options(options, OPTIONS, "kubernetes")
    if (count := options.get("gpus")) is not None and not count.isdigit():
        raise UsageError(f"--on-option: gpus is a whole number, got {count!r}")
    name = job_name(study)
    labels = {"app.kubernetes.io/name": "archsearch", "app.kubernetes.io/component": "worker"}
    metadata: dict[str, Any] = {"name": name, "labels": labels, "annotations": {"archsearch/study": study}}
    if "namespace" in options:
        metadata["namespace"] = options["namespace"]
    more = (["--artifacts", artifacts] if artifacts else []) + (["--gpus", str(gpus)] if gpus else [])
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "parallelism": workers,
            "completions": workers,
            "backoffLimit": _TRIES * workers,
            "ttlSecondsAfterFinished": 86400,
            "template": {"metadata": {"labels": dict(labels)}, "spec": _pod(study, options, more)},
        },
    }
    command = f"# Workers of the study {study}: kubectl apply -f FILE; archsearch study|ablate ... --on workers\n"
    return command + yaml.safe_dump(job, sort_keys=False, allow_unicode=True)


def _pod(study: str, options: Mapping[str, str], more: Sequence[str]) -> dict[str, Any]:
    wanted = {"cpu": options.get("cpu", "1"), "memory": options.get("memory", "2Gi")}
    limits = {"memory": wanted["memory"]} | ({"nvidia.com/gpu": options["gpus"]} if "gpus" in options else {})
    secret = {"name": options.get("secret", "archsearch-storage"), "key": "url"}
    place = "/work" if "claim" in options else "/tmp/archsearch"
    container: dict[str, Any] = {
        "name": "worker",
        "image": options.get("image", f"archsearch:{__version__}"),
        "command": ["archsearch"],
        "args": ["worker", study, "--idle-exit", f"{WAIT_FOR_MORE_SECONDS:g}", *more],
        "env": [
            {"name": "ARCHSEARCH_STORAGE", "valueFrom": {"secretKeyRef": secret}},
            {"name": "ARCHSEARCH_RUNS", "value": f"{place}/runs"},
            {"name": "ARCHSEARCH_DATA", "value": f"{place}/data"},
        ],
        "resources": {"requests": wanted, "limits": limits},
        "volumeMounts": [{"name": "work", "mountPath": place}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    if "env_secret" in options:
        container["envFrom"] = [{"secretRef": {"name": options["env_secret"]}}]
    volume: dict[str, Any] = {"name": "work", "emptyDir": {}}
    more_of_pod: dict[str, Any] = {}
    if "claim" in options:
        volume = {"name": "work", "persistentVolumeClaim": {"claimName": options["claim"]}}
        # most claims are root's, and the image's user is another
        more_of_pod = {"securityContext": {"fsGroup": _GROUP, "fsGroupChangePolicy": "OnRootMismatch"}}
    return {
        **more_of_pod,
        "restartPolicy": "OnFailure",
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "automountServiceAccountToken": False,
        "containers": [container],
        "volumes": [volume],
    }


def job_name(study: str) -> str:
    """Give the name of a study's Job: letters, digits and hyphens, at most 63 (RFC 1123).

    >>> job_name("My_study.v2")
    'archsearch-my-study-v2'
    """
    return f"archsearch-{re.sub('[^a-z0-9]+', '-', study.lower())}"[:63].strip("-")
