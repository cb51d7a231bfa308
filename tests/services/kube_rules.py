"""What an API server refuses: objects that break their schema, and some rules beyond it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema
from kubernetes_validate.utils import all_versions, schema_contents
from referencing import Registry, Resource

_LABEL = re.compile(r"([A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?)?")
_KEY = re.compile(
    r"([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?"
)
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def versions() -> list[str]:
    """Versions of Kubernetes whose schemas are there, oldest first."""
    return list(dict.fromkeys(all_versions()))


@cache
def _validator(version: str, kind: str, group: str) -> jsonschema.Draft202012Validator:
    folder = f"kubernetes-json-schema/v{version}-local-strict"
    schema = schema_contents(f"{folder}/{kind}-{group}.json", version)
    definitions = Resource.from_contents(schema_contents(f"{folder}/_definitions.json", version))
    registry = definitions @ (Resource.from_contents(schema) @ Registry())
    return jsonschema.Draft202012Validator(schema, registry=registry)


def find_faults(manifest: Mapping[str, Any], version: str) -> list[str]:
    """What a server of a version would refuse a manifest for; nothing unknown is let pass."""
    group = manifest["apiVersion"].replace("/", "-")
    validator = _validator(version, manifest["kind"].lower(), group)
    return [
        *(f"{error.json_path}: {error.message}" for error in validator.iter_errors(manifest)),
        *_broken_rules(manifest),
    ]


def _broken_rules(job: Mapping[str, Any]) -> Iterator[str]:
    pod = job["spec"]["template"]["spec"]
    if not _NAME.fullmatch(job["metadata"]["name"]):
        yield f"metadata.name: {job['metadata']['name']!r} is no DNS label"
    yield from _faults_of_metadata(job["metadata"])
    yield from _faults_of_metadata(job["spec"]["template"]["metadata"])
    if "podFailurePolicy" in job["spec"] and pod.get("restartPolicy") != "Never":
        yield "spec.podFailurePolicy: only with restartPolicy Never"
    if pod["securityContext"].get("runAsNonRoot") and not pod["securityContext"].get("runAsUser"):
        yield "spec.securityContext: runAsNonRoot with user 0"
    for toleration in pod.get("tolerations") or ():
        yield from _faults_of_toleration(toleration)
    for container in pod["containers"]:
        yield from _faults_of_container(container, {one["name"] for one in pod["volumes"]})


def _faults_of_metadata(metadata: Mapping[str, Any]) -> Iterator[str]:
    for key, value in (metadata.get("labels") or {}).items():
        if not _KEY.fullmatch(key) or not _LABEL.fullmatch(value):
            yield f"metadata.labels: {key}={value!r}"
    for key in metadata.get("annotations") or {}:
        if not _KEY.fullmatch(key):
            yield f"metadata.annotations: {key!r}"


def _faults_of_toleration(toleration: Mapping[str, Any]) -> Iterator[str]:
    if "tolerationSeconds" in toleration and toleration.get("effect") != "NoExecute":
        yield f"spec.tolerations: tolerationSeconds without NoExecute: {toleration}"
    if "value" in toleration and toleration["operator"] == "Exists":
        yield f"spec.tolerations: a value with Exists: {toleration}"


def _faults_of_container(container: Mapping[str, Any], volumes: set[str]) -> Iterator[str]:
    mounts = container.get("volumeMounts") or []
    if len({mount["mountPath"] for mount in mounts}) < len(mounts):
        yield "volumeMounts: must be unique"
    if missing := {mount["name"] for mount in mounts} - volumes:
        yield f"volumeMounts: no volume {missing}"
    names = [variable["name"] for variable in container.get("env") or ()]
    if len(set(names)) < len(names):
        yield f"env: a variable twice: {names}"
    resources = container.get("resources") or {}
    for name, amount in (resources.get("requests") or {}).items():
        limit = (resources.get("limits") or {}).get(name)
        if limit is not None and read_amount(amount) > read_amount(limit):
            yield f"resources.requests.{name}: {amount} is more than the limit {limit}"
    for name, limit in (resources.get("limits") or {}).items():
        if "/" in name and (resources.get("requests") or {}).get(name, limit) != limit:
            yield f"resources.requests.{name}: must equal the limit {limit}"


def read_amount(text: str) -> float:
    """A quantity of the API as a number."""
    units = {"": 1, "m": 1e-3, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
    match = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", text)
    assert match, f"{text!r} is no quantity"
    return float(match[1]) * units[match[2]]
