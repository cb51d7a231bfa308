"""An API server of Kubernetes for tests: it answers what jobs ask, over HTTP, on this machine."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import yaml
from tests.services.kube_rules import find_faults, versions
from tests.services.kube_world import KubeWorld, Object

TOKEN = "token-of-the-tests"
NAMESPACE = "skillbank"
_NODES = {"node-1": {"cpu": "64", "memory": "256Gi", "nvidia.com/gpu": "2", "pods": "110"}}


class _Refusal(Exception):
    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "reason": reason,
            "message": message,
            "code": status,
        }


class FakeKube:
    """One cluster with its API server.

    Args:
        folder: Where its files lie.
        nodes: Name -> what the machine holds.

    Attributes:
        world: Its objects.
        forbidden: Verb and resource, such as `("list", "nodes")`, that nobody is allowed.
        requests: Method and path of every request so far.
        failures: Statuses with which the next requests are answered instead.
    """

    def __init__(self, folder: Path, nodes: Mapping[str, Mapping[str, str]] = _NODES) -> None:
        self.world = KubeWorld(folder / "pods", nodes)
        self.version = versions()[-1]
        self.forbidden: set[tuple[str, str]] = set()
        self.requests: list[tuple[str, str]] = []
        self.failures: list[int] = []
        self._folder = folder
        self._port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig that leads here."""
        return self._folder / "kubeconfig"

    def start(self) -> None:
        """Answer requests, at the port that was used before if there was one."""
        kube = self

        class Handler(_Handler):
            cluster = kube

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self._write_kubeconfig()

    def stop(self) -> None:
        """Answer no more; the cluster lives on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _write_kubeconfig(self) -> None:
        address = f"http://127.0.0.1:{self._port}"
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": {"server": address}}],
            "users": [{"name": "tests", "user": {"token": TOKEN}}],
            "contexts": [
                {
                    "name": "tests",
                    "context": {"cluster": "tests", "user": "tests", "namespace": NAMESPACE},
                }
            ],
            "current-context": "tests",
        }
        self.kubeconfig.write_text(yaml.safe_dump(content), encoding="utf-8")

    # ------------------------------------------------------------------ what it answers

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Object) -> Any:
        """The answer to a request: JSON, or the bytes of a log."""
        with self.world.lock:
            self.requests.append((method, path))
            for pattern, name in _ROUTES:
                if match := re.fullmatch(pattern, f"{method} {path}"):
                    verb, resource = name.split(" ", 1)
                    self._permit(verb, resource)
                    self._find_namespace(match.groupdict())
                    act = getattr(self, f"_{verb}_{resource.replace('/', '_').split('.')[0]}")
                    return act(match.groupdict().get("name", ""), query, body)
        raise _Refusal(404, "NotFound", "the server could not find the requested resource")

    def _permit(self, verb: str, resource: str) -> None:
        if (verb, resource) in self.forbidden:
            told = f'{resource} is forbidden: User "tests" cannot {verb} resource "{resource}"'
            raise _Refusal(403, "Forbidden", told)

    def _find_namespace(self, parts: Mapping[str, str]) -> None:
        namespace = parts.get("namespace", NAMESPACE)
        if namespace != NAMESPACE:
            raise _Refusal(404, "NotFound", f'namespaces "{namespace}" not found')

    def _get_version(self, *_: object) -> Object:
        major, minor = self.version.split(".")[:2]
        return {"major": major, "minor": minor, "gitVersion": f"v{self.version}"}

    def _get_namespaces(self, *_: object) -> Object:
        return {"kind": "Namespace", "metadata": {"name": NAMESPACE}}

    def _list_nodes(self, *_: object) -> Object:
        return {"kind": "NodeList", "items": list(self.world.nodes.values())}

    def _create_jobs(self, _: str, __: Mapping[str, str], body: Object) -> Object:
        name = body["metadata"]["name"]
        if faults := find_faults(body, self.version):
            told = f'Job.batch "{name}" is invalid: {"; ".join(faults)}'
            raise _Refusal(422, "Invalid", told)
        if name in self.world.jobs:
            raise _Refusal(409, "AlreadyExists", f'jobs.batch "{name}" already exists')
        return _shown(self.world.add_job(body))

    def _get_jobs(self, name: str, *_: object) -> Object:
        return _shown(_find(self.world.jobs, "jobs.batch", name))

    def _delete_jobs(self, name: str, query: Mapping[str, str], _: Object) -> Object:
        _find(self.world.jobs, "jobs.batch", name)
        self.world.delete_job(name, query.get("propagationPolicy", "Background"))
        return {"kind": "Status", "status": "Success"}

    def _list_pods(self, _: str, query: Mapping[str, str], __: Object) -> Object:
        _, _, job = query["labelSelector"].partition("job-name=")
        return {"kind": "PodList", "items": self.world.pods_of(job)}

    def _delete_pods(self, name: str, query: Mapping[str, str], _: Object) -> Object:
        _find(self.world.pods, "pods", name)
        given = query.get("gracePeriodSeconds")
        self.world.delete_pod(name, None if given is None else float(given))
        return {"kind": "Status", "status": "Success"}

    def _get_pods_log(self, name: str, query: Mapping[str, str], _: Object) -> bytes:
        _find(self.world.pods, "pods", name)
        lines = self.world.log_of(name).splitlines(keepends=True)
        return b"".join(lines[-int(query["tailLines"]) :])

    def _get_secrets(self, name: str, *_: object) -> Object:
        held = _find(self.world.secrets, "secrets", name)
        return {"kind": "Secret", "data": dict.fromkeys(held, "c2VjcmV0")}

    def _get_persistentvolumeclaims(self, name: str, *_: object) -> Object:
        return dict(_find(self.world.claims, "persistentvolumeclaims", name))

    def _list_events(self, _: str, query: Mapping[str, str], __: Object) -> Object:
        uid = query["fieldSelector"].removeprefix("involvedObject.uid=")
        found = [one for one in self.world.events if one["involvedObject"]["uid"] == uid]
        return {"kind": "EventList", "items": found}

    def _create_reviews(self, _: str, __: Mapping[str, str], body: Object) -> Object:
        asked = body["spec"]["resourceAttributes"]
        resource = asked["resource"]
        if part := asked.get("subresource"):
            resource = f"{resource}/{part}"
        if group := asked.get("group"):
            resource = f"{resource}.{group}"
        is_allowed = (asked["verb"], resource) not in self.forbidden
        return {"kind": "SelfSubjectAccessReview", "status": {"allowed": is_allowed}}


_CORE = "/api/v1/namespaces/(?P<namespace>[^/]+)"
_BATCH = "/apis/batch/v1/namespaces/(?P<namespace>[^/]+)/jobs"
_NAMED = "/(?P<name>[^/]+)"
_ROUTES = (
    ("GET /version/?", "get version"),
    (f"GET {_CORE}", "get namespaces"),
    ("GET /api/v1/nodes", "list nodes"),
    (f"POST {_BATCH}", "create jobs.batch"),
    (f"GET {_BATCH}{_NAMED}", "get jobs.batch"),
    (f"DELETE {_BATCH}{_NAMED}", "delete jobs.batch"),
    (f"GET {_CORE}/pods", "list pods"),
    (f"DELETE {_CORE}/pods{_NAMED}", "delete pods"),
    (f"GET {_CORE}/pods{_NAMED}/log", "get pods/log"),
    (f"GET {_CORE}/secrets{_NAMED}", "get secrets"),
    (f"GET {_CORE}/persistentvolumeclaims{_NAMED}", "get persistentvolumeclaims"),
    (f"GET {_CORE}/events", "list events"),
    ("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "create reviews"),
)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster: ClassVar[FakeKube]

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        pass

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(timestamp or self.cluster.world.now(), usegmt=True)

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        given = self.rfile.read(length)
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        try:
            self._admit()
            body = json.loads(given) if given else {}
            answer = self.cluster.answer(self.command, parts.path, query, body)
            self._send(200, answer)
        except _Refusal as refusal:
            self._send(refusal.status, refusal.body)

    def _admit(self) -> None:
        if self.cluster.failures:
            status = self.cluster.failures.pop(0)
            raise _Refusal(status, "InternalError", "an error on the server has prevented it")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise _Refusal(401, "Unauthorized", "Unauthorized")

    def _send(self, status: int, answer: object) -> None:
        with self.cluster.world.lock:
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _shown(job: Object) -> Object:
    """A Job without what its controller keeps for itself."""
    return {name: value for name, value in job.items() if name != "counted"}


def _find(objects: Mapping[str, Any], kind: str, name: str) -> Any:
    if name not in objects:
        raise _Refusal(404, "NotFound", f'{kind} "{name}" not found')
    return objects[name]


@contextmanager
def running_kube(
    folder: Path, nodes: Mapping[str, Mapping[str, str]] = _NODES
) -> Iterator[FakeKube]:
    """A cluster that runs while the body does; nothing of it is left."""
    folder.mkdir(parents=True, exist_ok=True)
    kube = FakeKube(folder, nodes)
    kube.world.start()
    kube.start()
    try:
        yield kube
    finally:
        kube.stop()
        kube.world.stop()
