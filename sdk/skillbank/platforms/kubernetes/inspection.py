"""Checks of a cluster as a platform: access, permissions, image, volume, Secrets, GPUs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from skillbank.config import read_config
from skillbank.errors import PlatformError, RequestInvalid
from skillbank.platforms.inspection import Check, CheckState, Needs
from skillbank.platforms.kubernetes.api import Cluster, KubernetesApi, KubernetesRefused
from skillbank.platforms.kubernetes.nodes import fitting_nodes, most_gpus
from skillbank.platforms.kubernetes.settings import KubernetesSettings
from skillbank.run_settings import read_run_settings

_OLDEST = (1, 26)  # the first with rules about failed pods
_ROLE = "ask for the Role that docs/kubernetes.md lists"
_NEEDED = (
    ("create", "jobs.batch"),
    ("get", "jobs.batch"),
    ("delete", "jobs.batch"),
    ("list", "pods"),
    ("delete", "pods"),
    ("get", "pods/log"),
)
_CONFIG = "config.yaml"


def inspect_cluster(
    connect: Callable[[Cluster], KubernetesApi],
    given: Mapping[str, Any],
    root: Path,
    needs: Needs,
) -> Iterator[Check]:
    """Whether jobs could start on a cluster now.

    Args:
        connect: Opens a cluster.
        given: Settings of the platform, unread.
        root: Root folder of the jobs.
        needs: What they need.
    """
    try:
        settings = read_run_settings(KubernetesSettings, given, "settings of the platform")
    except RequestInvalid as error:
        yield Check("settings", CheckState.FAIL, str(error), "settings that exist", _CONFIG)
        return
    try:
        api = connect(Cluster(settings.kubeconfig, settings.context, settings.namespace))
        version = api.version()
    except PlatformError as error:
        yield Check("cluster", CheckState.FAIL, str(error), "a cluster that answers")
        return
    yield _check_version(api, version)
    yield _check_image(settings)
    yield _told("namespace", lambda: _check_namespace(api))
    yield _told("permissions", lambda: _check_permissions(api))
    yield _check_results(api, settings, root)
    for secret, keys in _secrets_of(settings).items():
        yield _told("secret", partial(_check_secret, api, secret, keys))
    yield _check_places(api, settings, needs)


def _told(name: str, look: Callable[[], Check]) -> Check:
    """A check; where what it looks at may not be seen, it says so."""
    try:
        return look()
    except KubernetesRefused as refused:
        return Check(name, CheckState.SKIPPED, str(refused))
    except PlatformError as error:
        return Check(name, CheckState.FAIL, str(error), "a cluster that answers")


def _check_version(api: KubernetesApi, version: tuple[int, int]) -> Check:
    found = f"Kubernetes {version[0]}.{version[1]} at {api.address} answers"
    if version < _OLDEST:
        return Check(
            "cluster",
            CheckState.WARN,
            found,
            f"at least {_OLDEST[0]}.{_OLDEST[1]}: older ones start a job anew whatever it failed "
            "of, where it has 'retries'",
            "leave 'retries' at 0",
        )
    return Check("cluster", CheckState.PASS, found)


def _check_image(settings: KubernetesSettings) -> Check:
    if settings.image is None:
        expected = "an image with skillbank and its runners"
        fix = f"image: REGISTRY/NAME:TAG in {_CONFIG}"
        return Check("image", CheckState.FAIL, "no image is named", expected, fix)
    return Check("image", CheckState.PASS, f"jobs run in {settings.image}")


def _check_namespace(api: KubernetesApi) -> Check:
    if not api.has_namespace():
        return Check(
            "namespace",
            CheckState.FAIL,
            f"there is no namespace {api.namespace!r}",
            "one that is there",
            f"kubectl create namespace {api.namespace}, or namespace: NAME in {_CONFIG}",
        )
    return Check("namespace", CheckState.PASS, f"jobs run in namespace {api.namespace}")


def _check_permissions(api: KubernetesApi) -> Check:
    refused = [f"{verb} {what}" for verb, what in _NEEDED if not api.may(verb, what)]
    if refused:
        found = f"in namespace {api.namespace} it is not allowed to {', '.join(refused)}"
        expected = ", ".join(f"{verb} {what}" for verb, what in _NEEDED)
        return Check("permissions", CheckState.FAIL, found, expected, _ROLE)
    return Check("permissions", CheckState.PASS, "jobs can be made, seen, read and deleted")


def _check_results(api: KubernetesApi, settings: KubernetesSettings, root: Path) -> Check:
    volume = settings.volume
    if volume is None:
        results = read_config(root).results or ""
        if "://" in results:
            return Check("results", CheckState.PASS, f"jobs leave their results below {results}")
        return Check(
            "results",
            CheckState.WARN,
            "pods do not see the root folder, and no place for results is set",
            "a results URI for each job: --results s3://BUCKET/PREFIX",
            f"results: s3://BUCKET/PREFIX in {_CONFIG}",
        )
    if not root.is_relative_to(volume.mount):
        found = f"the volume appears at {volume.mount}, the root folder is {root}"
        expected = "the same path here and in pods"
        fix = f"export SKILLBANK_HOME={volume.mount}/skillbank"
        return Check("volume", CheckState.FAIL, found, expected, fix)
    if volume.claim is None:
        return Check("volume", CheckState.PASS, f"pods see {root} by {volume.mount}")
    return _told("volume", partial(_check_claim, api, volume.claim))


def _check_claim(api: KubernetesApi, name: str) -> Check:
    claim = api.claim(name)
    if claim is None:
        found = f"there is no PersistentVolumeClaim {name!r} in namespace {api.namespace}"
        fix = f"kubectl -n {api.namespace} get pvc"
        return Check("volume", CheckState.FAIL, found, "one that is there", fix)
    modes = claim["spec"].get("accessModes") or []
    if "ReadWriteMany" not in modes:
        return Check(
            "volume",
            CheckState.WARN,
            f"the claim {name!r} allows {', '.join(modes) or 'nothing'}",
            "ReadWriteMany, so that jobs on several machines, and you, can use it",
            "a claim on shared storage (NFS, CephFS, EFS, Filestore)",
        )
    phase = (claim.get("status") or {}).get("phase")
    if phase != "Bound":
        found = f"the claim {name!r} is {phase}"
        fix = f"kubectl -n {api.namespace} describe pvc {name}"
        return Check("volume", CheckState.WARN, found, "Bound, before the first job", fix)
    return Check("volume", CheckState.PASS, f"the claim {name!r} is bound")


def _secrets_of(settings: KubernetesSettings) -> dict[str, set[str]]:
    """Secrets that jobs name -> keys that they need of it."""
    wanted: dict[str, set[str]] = {name: set() for name in settings.image_pull_secrets}
    for secret, key in settings.secret_keys().values():
        wanted.setdefault(secret, set()).add(key)
    return wanted


def _check_secret(api: KubernetesApi, name: str, keys: set[str]) -> Check:
    there = api.secret_keys(name)
    fix = f"kubectl -n {api.namespace} create secret generic {name} --from-literal=KEY=..."
    if there is None:
        found = f"there is no Secret {name!r} in namespace {api.namespace}"
        return Check("secret", CheckState.FAIL, found, "one that is there", fix, name)
    if missing := sorted(keys - there):
        found = f"the Secret {name!r} has no {', '.join(missing)}"
        return Check("secret", CheckState.FAIL, found, ", ".join(sorted(keys)), fix, name)
    return Check("secret", CheckState.PASS, f"the Secret {name!r} is there", about=name)


def _check_places(api: KubernetesApi, settings: KubernetesSettings, needs: Needs) -> Check:
    if settings.max_gpus is not None:
        there, found = settings.max_gpus, f"jobs may have {settings.max_gpus} GPUs ('max_gpus')"
    else:
        try:
            nodes = fitting_nodes(api.nodes(), settings)
        except PlatformError as error:
            fix = f"max_gpus: N in {_CONFIG}"
            return Check("places", CheckState.FAIL, str(error), "machines, or 'max_gpus'", fix)
        there = most_gpus(nodes, settings)
        found = f"{len(nodes)} machines take jobs; the largest has {there} {settings.gpu_resource}"
        if not nodes:
            fix = "kubectl get nodes; then node_selector and tolerations in config.yaml"
            return Check("places", CheckState.FAIL, found, "at least one", fix)
    if needs.num_gpus > there:
        fix = "ask for fewer: --set num_gpus=N"
        return Check("places", CheckState.FAIL, found, f"at least {needs.num_gpus} GPUs", fix)
    return Check("places", CheckState.PASS, found)
