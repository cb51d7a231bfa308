"""The few calls of the Kubernetes API that jobs need, through the official client.

Answers are the JSON of the API. An answer that says no becomes `KubernetesRefused`, none at all a
`PlatformError`; what passes by itself is asked again first.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from skillbank.errors import PlatformError
from skillbank.settings import kube_config_paths

_TIMEOUTS_S = (5.0, 30.0)  # to connect, to answer
_PAUSES_S = (0.2, 1.0)
_PASSING = (429, 500, 502, 503, 504)
_NAMESPACE_FILE = "namespace"
_MOST_LOG_BYTES = 16 * 2**20

Answer = dict[str, Any]
_Call = Callable[..., Any]


class Cluster(NamedTuple):
    """By what a cluster, and a place in it, is known here.

    Attributes:
        kubeconfig: File that names it; None: the usual ones.
        context: Context of that file; None: its current one.
        namespace: Namespace; None: the context's, else `default`.
    """

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None


class KubernetesRefused(PlatformError):
    """The API server answered, and said no.

    Attributes:
        status: HTTP status of its answer.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class KubernetesApi:
    """One namespace of a cluster.

    Args:
        cluster: Which.

    Raises:
        PlatformError: No cluster is configured, or not this one.
    """

    def __init__(self, cluster: Cluster) -> None:
        from kubernetes import client

        configuration, namespace = _configure(cluster)
        # What passes is asked again here, with pauses, and told in words.
        configuration.retries = False
        connection = client.ApiClient(configuration)
        self.namespace = namespace
        self.address = str(configuration.host)
        # Plain JSON goes in and comes out: the client's models differ from version to version.
        self._batch: Any = client.BatchV1Api(connection)
        self._core: Any = client.CoreV1Api(connection)
        self._reviews: Any = client.AuthorizationV1Api(connection)
        self._version: Any = client.VersionApi(connection)
        self._clock_ahead_s = 0.0

    def now_s(self) -> float:
        """Time of the API server, as of its last answer, in seconds since the epoch."""
        return time.time() + self._clock_ahead_s

    def version(self) -> tuple[int, int]:
        """Version of the API server: (1, 31)."""
        told = self._ask("tell its version", self._version.get_code)
        return int(told["major"]), int("".join(filter(str.isdigit, told["minor"])))

    def create_job(self, manifest: Mapping[str, Any]) -> Answer:
        """Make a Job."""
        create = partial(self._batch.create_namespaced_job, self.namespace, dict(manifest))
        return self._ask(f"make the Job {manifest['metadata']['name']}", create)

    def job(self, name: str) -> Answer | None:
        """A Job; None where there is none."""
        read = partial(self._batch.read_namespaced_job, name, self.namespace)
        return self._find(f"show the Job {name}", read)

    def delete_job(self, name: str, *, waits_for_pods: bool) -> None:
        """Have a Job deleted with its pods, gently; the Job goes last if it waits for them."""
        policy = "Foreground" if waits_for_pods else "Background"
        delete = self._batch.delete_namespaced_job
        call = partial(delete, name, self.namespace, propagation_policy=policy)
        self._find(f"delete the Job {name}", call)

    def pods(self, job: str) -> list[Answer]:
        """Pods of a Job."""
        selector = f"job-name={job}"
        call = partial(self._core.list_namespaced_pod, self.namespace, label_selector=selector)
        return list(self._ask(f"list the pods of the Job {job}", call)["items"])

    def forget_pod(self, name: str) -> None:
        """Have a pod's object deleted at once, whether or not its machine ever answers."""
        delete = self._core.delete_namespaced_pod
        call = partial(delete, name, self.namespace, grace_period_seconds=0)
        self._find(f"delete the pod {name}", call)

    def log(self, pod: str, lines: int) -> str:
        """The last lines that a pod printed; empty where none are kept."""
        read = self._core.read_namespaced_pod_log
        place = (pod, self.namespace)
        call = partial(read, *place, tail_lines=lines, limit_bytes=_MOST_LOG_BYTES)
        try:
            return self._call(f"show the log of the pod {pod}", call).decode("utf-8", "replace")
        except KubernetesRefused:  # the pod is gone, never started, or its machine is away
            return ""

    def events(self, uid: str) -> list[Answer]:
        """Events of an object; none where they may not be read."""
        selector = f"involvedObject.uid={uid}"
        call = partial(self._core.list_namespaced_event, self.namespace, field_selector=selector)
        listed = self._find("list events", call, missing=(403, 404))
        return [] if listed is None else list(listed["items"])

    def nodes(self) -> list[Answer]:
        """Machines of the cluster."""
        return list(self._ask("list its machines", self._core.list_node)["items"])

    def has_namespace(self) -> bool:
        """Whether the namespace is there."""
        read = partial(self._core.read_namespace, self.namespace)
        return self._find("show the namespace", read) is not None

    def claim(self, name: str) -> Answer | None:
        """A PersistentVolumeClaim; None where there is none."""
        read = self._core.read_namespaced_persistent_volume_claim
        return self._find(f"show the claim {name}", partial(read, name, self.namespace))

    def secret_keys(self, name: str) -> set[str] | None:
        """Names of what a Secret holds, and nothing of it; None where there is none."""
        read = partial(self._core.read_namespaced_secret, name, self.namespace)
        found = self._find(f"show the Secret {name}", read)
        return None if found is None else set(found.get("data") or ())

    def may(self, verb: str, resource: str) -> bool:
        """Whether something is allowed here.

        Args:
            verb: `create`, `get`, ...
            resource: `pods`, `pods/log`, `jobs.batch`.
        """
        plural, _, group = resource.partition(".")
        plural, _, part = plural.partition("/")
        wanted = {
            "namespace": self.namespace,
            "verb": verb,
            "group": group,
            "resource": plural,
            "subresource": part,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in wanted.items() if value}},
        }
        ask = partial(self._reviews.create_self_subject_access_review, review)
        return bool(self._ask("tell what is allowed", ask)["status"]["allowed"])

    def _find(self, what: str, call: _Call, missing: tuple[int, ...] = (404,)) -> Answer | None:
        try:
            return self._ask(what, call)
        except KubernetesRefused as refused:
            if refused.status in missing:
                return None
            raise

    def _ask(self, what: str, call: _Call) -> Answer:
        answer: Answer = json.loads(self._call(what, call))
        return answer

    def _call(self, what: str, call: _Call) -> bytes:
        """The body of an answer, asked for again where it may come by itself."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        pauses = iter(_PAUSES_S)
        while True:
            try:
                answer = call(_preload_content=False, _request_timeout=_TIMEOUTS_S)
                body: bytes = answer.data
                self._note_time(answer.headers)
            except ApiException as error:
                pause_s = next(pauses, None) if error.status in _PASSING else None
                if pause_s is None:
                    raise self._refuse(what, error.status or 0, error.body) from error
            except (HTTPError, OSError) as error:
                pause_s = next(pauses, None)
                if pause_s is None:
                    raise PlatformError(
                        f"the Kubernetes API server {self.address} cannot be reached, so it cannot "
                        f"{what}: {_name_cause(error)}. Check the network, or which cluster is "
                        "meant, with 'kubectl cluster-info'; jobs there run on meanwhile."
                    ) from error
            else:
                return body
            time.sleep(pause_s)

    def _note_time(self, headers: Mapping[str, str]) -> None:
        with suppress(KeyError, ValueError):
            self._clock_ahead_s = parsedate_to_datetime(headers["Date"]).timestamp() - time.time()

    def _refuse(self, what: str, status: int, body: object) -> KubernetesRefused:
        said = _read_message(body) or f"HTTP status {status}"
        advice = {
            401: "log in to the cluster again; 'kubectl auth whoami' tells whether it worked",
            403: "ask for the Role that 'docs/kubernetes.md' lists",
            404: f"check the namespace {self.namespace!r} with 'kubectl get namespaces'",
            422: "change that setting of the platform in config.yaml, or of the job",
        }.get(status, "'kubectl get --raw /readyz?verbose' tells how the cluster is")
        return KubernetesRefused(
            f"Kubernetes at {self.address} does not {what}: {said.rstrip('.')}; {advice}.", status
        )


def _configure(cluster: Cluster) -> tuple[Any, str]:
    """The client's configuration, and the namespace."""
    from kubernetes import client, config
    from kubernetes.config.config_exception import ConfigException
    from yaml import YAMLError

    loader: Any = config  # which has no type hints
    configuration = client.Configuration()
    *files, token = kube_config_paths()
    given = str(Path(cluster.kubeconfig).expanduser()) if cluster.kubeconfig else None
    try:
        if given is None and not any(path.exists() for path in files) and token.exists():
            loader.load_incluster_config(client_configuration=configuration)
            own = token.with_name(_NAMESPACE_FILE)
            return configuration, cluster.namespace or own.read_text(encoding="utf-8").strip()
        loader.load_kube_config(given, context=cluster.context, client_configuration=configuration)
        contexts, active = loader.list_kube_config_contexts(given)
    except (ConfigException, YAMLError, OSError, KeyError, TypeError) as error:
        where = given or ", ".join(map(str, files))
        raise PlatformError(
            f"no Kubernetes cluster can be reached by {where}: {str(error).rstrip('.')}. Name the "
            "file and its context in config.yaml with 'kubeconfig' and 'context'; 'kubectl config "
            "get-contexts' lists them."
        ) from error
    named = next((one for one in contexts if one["name"] == cluster.context), active)
    return configuration, cluster.namespace or named["context"].get("namespace") or "default"


def _read_message(body: object) -> str:
    if not isinstance(body, (str, bytes)):
        return ""
    try:
        return str(json.loads(body).get("message", ""))
    except (ValueError, AttributeError):
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
        return text.strip()[:500]


def _name_cause(error: BaseException) -> str:
    """The plain cause of a failed request, without the client's wrapping."""
    told = str(error).rpartition(": ")[2] or type(error).__name__
    return told.rstrip(".')\"")
