"""Run jobs as Jobs of a Kubernetes cluster, through the official client.

One attempt is one Job with one pod. The pod's process takes the lease of the job's results, so a
pod on a machine that is only out of sight never writes beside its successor.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from skillbank.config import read_config
from skillbank.errors import PlatformError, RequestInvalid
from skillbank.plan import JobPlan
from skillbank.platforms.inspection import Check, Needs, Resources
from skillbank.platforms.kubernetes.api import Cluster, KubernetesApi, KubernetesRefused
from skillbank.platforms.kubernetes.inspection import inspect_cluster
from skillbank.platforms.kubernetes.manifest import (
    PLAN_ANNOTATION,
    job_manifest,
    job_name,
    pod_grace_s,
)
from skillbank.platforms.kubernetes.nodes import (
    Node,
    count_places,
    describe_largest,
    fitting_nodes,
    most_gpus,
)
from skillbank.platforms.kubernetes.settings import KubernetesSettings
from skillbank.platforms.kubernetes.sight import (
    STUCK_S,
    is_stuck,
    needs_events,
    newest_pod,
    read_sight,
    worst_event,
)
from skillbank.platforms.kubernetes.variables import missing_variables
from skillbank.platforms.staged import Handle, Sight, SightKind, StagedPlatform
from skillbank.run_settings import read_run_settings
from skillbank.staging.fetching import storage_variable
from skillbank.staging.order import StagedOrder

_OUTPUT_LINES = 1000
_LOOK_EVERY_S = 0.1
_PATIENCE_S = 30.0
_CONFLICT = 409
_FORBIDDEN = 403


class KubernetesPlatform(StagedPlatform):
    """Jobs of one namespace of a cluster.

    Args:
        root: Root folder of the jobs; on a volume that pods see under the same path, or else jobs
            leave their results at an `s3://` URI.
        name: Name under which plans mean it.
        settings: What config.yaml says of it; see KubernetesSettings.
    """

    settings_class = KubernetesSettings

    def __init__(
        self, root: Path, *, name: str = "", settings: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(root, name=name, settings=settings)
        self.is_shared = self._given.get("volume") is not None
        self._apis: dict[Cluster, KubernetesApi] = {}

    # ------------------------------------------------------------------ what is asked for

    def settings_of(self, plan: JobPlan) -> KubernetesSettings:
        """Settings of one job: config.yaml's, with the job's own over them.

        Raises:
            RequestInvalid: One cannot be used.
        """
        return self._read({**self._given, **plan.resources})

    def check(self, plan: JobPlan) -> None:
        """Refuse a plan that can never run here.

        Raises:
            PlatformError: No image is named, its results would be lost, or there are too few GPUs.
            RequestInvalid: Its settings cannot be used.
        """
        settings = self.settings_of(plan)
        if settings.image is None:
            raise PlatformError(
                f"platform {self._name!r} has no image for its jobs; name one that holds skillbank "
                "with 'image: REGISTRY/NAME:TAG' in config.yaml; docs/kubernetes.md says how to "
                "build it."
            )
        self._check_volume(settings)
        self._check_storage(plan, settings)
        nodes = (plan.spec.get(plan.action) or {}).get("num_nodes", 1)
        if type(nodes) is int and nodes > 1:
            raise PlatformError(
                f"{plan.action}.num_nodes: {nodes} machines were asked for, but platform "
                f"{self._name!r} runs a job in one pod; use 1 with more GPUs "
                f"({plan.action}.num_gpus), or a platform of kind 'slurm'."
            )
        super().check(plan)

    def order_of(self, plan: JobPlan, attempt: int) -> StagedOrder:
        """The usual order; the pod's own log shows what the job prints, for `kubectl logs`."""
        grace_s = self.settings_of(plan).grace_s
        change = {"grace_s": grace_s, "echoes_log": True}
        return super().order_of(plan, attempt).model_copy(update=change)

    # ------------------------------------------------------------------ what there is

    def gpus(self) -> int:
        """Most GPUs that one job can get: `max_gpus`, or those of the largest machine that fits.

        Raises:
            PlatformError: The API server does not answer, or does not let its machines be listed.
        """
        settings = self._read(self._given)
        if settings.max_gpus is not None:
            return settings.max_gpus
        return most_gpus(self._nodes(settings), settings)

    def capacity(self, plan: JobPlan) -> int:
        """How many jobs like it fit on the machines at once, where nobody else uses them."""
        settings = self.settings_of(plan)
        if settings.max_jobs is not None:
            return settings.max_jobs
        if settings.max_gpus is not None:
            return settings.max_gpus // plan.num_gpus if plan.num_gpus else 1
        places = count_places(self._nodes(settings), settings, plan.num_gpus)
        return places if plan.num_gpus else max(places, 1)

    def resources(self) -> Resources | None:
        """What one job can get of the largest machine; None where machines cannot be told."""
        settings = self._read(self._given)
        if settings.max_gpus is not None:
            return None
        try:
            return describe_largest(self._nodes(settings), settings)
        except PlatformError:  # `inspect` tells it
            return None

    def inspect(self, needs: Needs) -> tuple[Check, ...]:
        """Whether the cluster answers, lets jobs be made, and has what they name."""
        return tuple(inspect_cluster(self._connect, self._given, self._root, needs))

    # ------------------------------------------------------------------ hooks

    def launch(self, plan: JobPlan, attempt: int, arguments: list[str]) -> Handle:
        """Make the Job; one of the same attempt that is there already is as good.

        Raises:
            PlatformError: Kubernetes does not take it, or does not answer.
        """
        settings = self.settings_of(plan)
        api = self._api(settings)
        storage = () if self.is_shared else read_config(self._root).storage
        variables = storage_variable(storage)
        manifest = job_manifest(plan, attempt, settings, arguments, variables)
        try:
            made = api.create_job(manifest)
        except KubernetesRefused as refused:
            if refused.status != _CONFLICT:
                raise
            made = self._adopt(api, plan, job_name(plan, attempt), refused)
        return _handle_of(made, settings, api)

    def find(self, plan: JobPlan, attempt: int) -> Handle | None:
        """The Job of an attempt, by its name."""
        settings = self.settings_of(plan)
        api = self._api(settings)
        job = api.job(job_name(plan, attempt))
        return None if job is None else _handle_of(job, settings, api)

    def look(self, handle: Handle) -> Sight:
        """What the Job, its newest pod and their events say.

        A job whose machine was given up is deleted, so that Kubernetes does not start it again
        beside the next attempt.

        Raises:
            PlatformError: The API server does not answer.
        """
        api = self._api_of(handle)
        job = api.job(handle["name"])
        if job is None or job["metadata"]["uid"] != handle["uid"]:
            return read_sight(None, (), api.now_s())
        pods = api.pods(handle["name"])
        sight = read_sight(job, pods, api.now_s())
        if sight.kind is SightKind.ENDED and sight.is_failure_of_machine:
            api.delete_job(handle["name"], waits_for_pods=False)
            _forget_stuck_pods(api, handle["name"])
        silent = needs_events(job, pods) if sight.kind is SightKind.WAITING else None
        if silent is None or not (told := worst_event(api.events(silent["metadata"]["uid"]))):
            return sight
        return replace(sight, detail=told)

    def stop(self, handle: Handle, grace_s: float) -> None:
        """Delete the Job and wait until it is gone with its pods.

        Raises:
            PlatformError: Kubernetes does not confirm it.
        """
        api, name = self._api_of(handle), handle["name"]
        job = api.job(name)
        if job is None or job["metadata"]["uid"] != handle["uid"]:
            return
        api.delete_job(name, waits_for_pods=True)
        if not self._await_end(api, name, pod_grace_s(grace_s) + STUCK_S + _PATIENCE_S):
            raise PlatformError(
                f"Kubernetes does not confirm that the Job {name} is gone; look at it with "
                f"'kubectl -n {api.namespace} describe job {name}', and cancel it again."
            )

    def output(self, handle: Handle) -> str:
        """The end of what the newest pod printed."""
        api = self._api_of(handle)
        pod = newest_pod(api.pods(handle["name"]))
        return "" if pod is None else api.log(pod["metadata"]["name"], _OUTPUT_LINES)

    # ------------------------------------------------------------------ what is behind them

    def _read(self, given: Mapping[str, Any]) -> KubernetesSettings:
        where = f"resources of platform {self._name!r}"
        return read_run_settings(KubernetesSettings, given, where)

    def _api(self, settings: KubernetesSettings) -> KubernetesApi:
        return self._connect(Cluster(settings.kubeconfig, settings.context, settings.namespace))

    def _api_of(self, handle: Handle) -> KubernetesApi:
        return self._connect(Cluster(handle["kubeconfig"], handle["context"], handle["namespace"]))

    def _connect(self, cluster: Cluster) -> KubernetesApi:
        if cluster not in self._apis:
            self._apis[cluster] = KubernetesApi(cluster)
        return self._apis[cluster]

    def _nodes(self, settings: KubernetesSettings) -> list[Node]:
        api = self._api(settings)
        try:
            return fitting_nodes(api.nodes(), settings)
        except KubernetesRefused as refused:
            if refused.status != _FORBIDDEN:
                raise
            raise PlatformError(
                f"Kubernetes at {api.address} does not let its machines be listed, so it is not "
                f"known how many GPUs a job can get; say it with 'max_gpus: N' (0: none) for "
                f"platform {self._name!r} in config.yaml."
            ) from refused

    def _check_volume(self, settings: KubernetesSettings) -> None:
        given = self._read(self._given).volume
        if settings.volume != given:
            raise RequestInvalid(
                f"volume: it holds the root folder of all jobs of platform {self._name!r}, so it "
                "is set in config.yaml and not for one job; further folders go into 'mounts'."
            )
        if given is not None and not self._root.is_relative_to(given.mount):
            raise PlatformError(
                f"platform {self._name!r} mounts its volume at {given.mount}, but jobs lie in "
                f"{self._root}; both must be the same path here and in pods. Mount the volume "
                f"here at {given.mount} and 'export SKILLBANK_HOME={given.mount}/skillbank', or "
                "leave 'volume' out and give jobs a results URI."
            )

    def _check_storage(self, plan: JobPlan, settings: KubernetesSettings) -> None:
        missing = missing_variables(plan, settings, read_config(self._root).storage)
        if missing:
            raise PlatformError(
                f"job {plan.job_id} needs the variable {missing[0]}, which a pod of platform "
                f"{self._name!r} would not have; put it into a Secret and say "
                f"'secrets: {{{missing[0]}: SECRET/KEY}}' in config.yaml."
            )

    def _adopt(
        self, api: KubernetesApi, plan: JobPlan, name: str, refused: KubernetesRefused
    ) -> dict[str, Any]:
        """The Job that has the name already, where it is this attempt's."""
        job = api.job(name)
        if job is None or job["metadata"].get("deletionTimestamp"):
            raise PlatformError(
                f"the Job {name} of an earlier try is just being deleted; submit the job again in "
                "a moment."
            ) from refused
        if job["metadata"].get("annotations", {}).get(PLAN_ANNOTATION) != plan.hash:
            raise PlatformError(
                f"the name {name} is taken by a Job that was made from another plan; look at it "
                f"with 'kubectl -n {api.namespace} describe job {name}', and delete it."
            ) from refused
        return job

    def _await_end(self, api: KubernetesApi, name: str, timeout_s: float) -> bool:
        """Whether a deleted Job and its pods were gone within a time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if not api.pods(name) and api.job(name) is None:
                return True
            _forget_stuck_pods(api, name)
            time.sleep(_LOOK_EVERY_S)
        return False


def _handle_of(job: Mapping[str, Any], settings: KubernetesSettings, api: KubernetesApi) -> Handle:
    return {
        "name": job["metadata"]["name"],
        "uid": job["metadata"]["uid"],
        "namespace": api.namespace,
        "context": settings.context,
        "kubeconfig": settings.kubeconfig,
    }


def _forget_stuck_pods(api: KubernetesApi, job: str) -> None:
    """Give up the pods of a deleted Job whose machines do not answer; the lease fences them."""
    for pod in api.pods(job):
        if is_stuck(pod, api.now_s()):
            api.forget_pod(pod["metadata"]["name"])
