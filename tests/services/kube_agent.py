"""A machine of a real cluster: it takes its pods from the API server and runs them as processes."""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import urllib3
from tests.services.kube_pods import PodProcess

_ROUND_S = 0.1
_BEAT_S = 1.0
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


class KubeClient:
    """Plain requests to an API server.

    Args:
        address: Of the server.
        token: Of the user.
        trusted: File of the certificate that it shows.
    """

    def __init__(self, address: str, token: str, trusted: str) -> None:
        self._address = address
        self._headers = {"Authorization": f"Bearer {token}"}
        self._pool = urllib3.PoolManager(ca_certs=trusted, retries=False, maxsize=8)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of an answer; an AssertionError says what was refused."""
        answer = self._send(method, path, body)
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.data!r}"
        return json.loads(answer.data)

    def status_of(self, path: str) -> int:
        """HTTP status of an answer."""
        return int(self._send("GET", path, None).status)

    def try_to(self, method: str, path: str, body: object = None) -> int:
        """Send a request that may fail; its status, 0 when there was no answer."""
        try:
            return int(self._send(method, path, body).status)
        except (urllib3.exceptions.HTTPError, OSError):
            return 0

    def _send(self, method: str, path: str, body: object) -> Any:
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        return self._pool.request(
            method,
            f"{self._address}{path}",
            body=None if body is None else json.dumps(body),
            headers={**self._headers, "Content-Type": kind},
            timeout=10,
        )


class KubeAgent:
    """One machine.

    Args:
        name: Of the machine.
        held: What it holds: `cpu`, `memory`, `nvidia.com/gpu`.
        client: How it reaches the API server.
        folder: Where pods keep their logs and volumes.
        certificate: Files that it shows who asks for logs, without `.crt` and `.key`.
    """

    def __init__(
        self,
        name: str,
        held: Mapping[str, str],
        client: KubeClient,
        folder: Path,
        certificate: Path,
    ) -> None:
        self.name = name
        self._held = {"pods": "110", "ephemeral-storage": "1Ti", **held}
        self._client = client
        self._folder = folder
        self._processes: dict[str, PodProcess] = {}
        self._logs: dict[str, Path] = {}
        self._told: dict[str, str] = {}
        self._is_silent = threading.Event()
        self._is_over = threading.Event()
        self._server = _log_server(self._logs, certificate)

    def start(self) -> None:
        """Register the machine, and begin to take pods."""
        labels = {"kubernetes.io/hostname": self.name, "kubernetes.io/os": "linux"}
        node = {"metadata": {"name": self.name, "labels": labels}}
        self._client.try_to("POST", "/api/v1/nodes", node)
        self._client.try_to("POST", _LEASES, self._lease())
        self._beat()
        for act in (self._server.serve_forever, self._run):
            threading.Thread(target=act, daemon=True).start()

    def fall_silent(self) -> None:
        """Talk to the API server no more; pods run on."""
        self._is_silent.set()

    def stop(self) -> None:
        """End the machine and its pods."""
        self._is_over.set()
        self._server.shutdown()
        self._server.server_close()
        for process in self._processes.values():
            process.kill()

    def num_running(self) -> int:
        """Pods of it whose processes live."""
        return sum(process.exit_code() is None for process in self._processes.values())

    # ------------------------------------------------------------------ its life

    def _run(self) -> None:
        last_beat = 0.0
        while not self._is_over.wait(_ROUND_S):
            if self._is_silent.is_set():
                continue
            if time.monotonic() - last_beat > _BEAT_S:
                last_beat = time.monotonic()
                self._beat()
            self._round()

    def _beat(self) -> None:
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "message": "ready",
            "lastHeartbeatTime": _now(),
            "lastTransitionTime": _now(),
        }
        status = {
            "capacity": self._held,
            "allocatable": self._held,
            "conditions": [ready],
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._server.server_address[1]}},
        }
        path = f"/api/v1/nodes/{self.name}/status"
        self._client.try_to("PATCH", path, {"status": status})
        self._client.try_to("PATCH", f"{_LEASES}/{self.name}", self._lease())

    def _lease(self) -> dict[str, Any]:
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": self.name, "leaseDurationSeconds": 4, "renewTime": moment}
        return {"metadata": {"name": self.name}, "spec": spec}

    def _round(self) -> None:
        path = f"/api/v1/pods?fieldSelector=spec.nodeName%3D{self.name}"
        try:
            pods = self._client.ask("GET", path)["items"]
        except (urllib3.exceptions.HTTPError, OSError):
            return  # the API server is away: pods run on
        for pod in pods:
            self._keep(pod)
        known = {pod["metadata"]["uid"] for pod in pods}
        for uid in self._processes.keys() - known:  # deleted by force
            self._processes[uid].kill()

    def _keep(self, pod: dict[str, Any]) -> None:
        uid = pod["metadata"]["uid"]
        process = self._processes.get(uid)
        is_leaving = "deletionTimestamp" in pod["metadata"]
        if process is None:
            if is_leaving:
                self._bury(pod)
            elif pod["status"].get("phase") == "Pending":
                self._start(pod)
            return
        if is_leaving:
            process.stop(pod["metadata"].get("deletionGracePeriodSeconds", 30))
        code = process.exit_code()
        if code is not None:
            self._tell_end(pod, code)
            if is_leaving:
                self._bury(pod)

    def _start(self, pod: dict[str, Any]) -> None:
        uid, name = pod["metadata"]["uid"], pod["metadata"]["name"]
        namespace = pod["metadata"]["namespace"]
        try:
            process = PodProcess(
                pod, self._folder / uid, lambda s, k: self._secret(namespace, s, k)
            )
        except KeyError as error:
            waiting = {"reason": "CreateContainerConfigError", "message": str(error.args[0])}
            self._tell(pod, "Pending", {"waiting": waiting})
            return
        self._processes[uid] = process
        self._logs[f"{namespace}/{name}"] = process.log
        self._tell(pod, "Running", {"running": {"startedAt": _now()}})

    def _tell_end(self, pod: dict[str, Any], code: int) -> None:
        if self._told.get(pod["metadata"]["uid"]) in {"Failed", "Succeeded"}:
            return
        states = pod["status"].get("containerStatuses") or [{}]
        began = states[0].get("state", {}).get("running", {}).get("startedAt") or _now()
        ended = {
            "exitCode": code,
            "reason": "Error" if code else "Completed",
            "startedAt": began,
            "finishedAt": _now(),
        }
        self._tell(pod, "Failed" if code else "Succeeded", {"terminated": ended})

    def _tell(self, pod: dict[str, Any], phase: str, state: dict[str, Any]) -> None:
        container = pod["spec"]["containers"][0]
        is_running = "running" in state
        status = {
            "name": container["name"],
            "image": container["image"],
            "imageID": "",
            "ready": is_running,
            "restartCount": 0,
            "state": state,
        }
        ready = {
            "type": "Ready",
            "status": "True" if is_running else "False",
            "lastTransitionTime": _now(),
        }
        scheduled = {**ready, "type": "PodScheduled", "status": "True"}
        content = {
            "phase": phase,
            "startTime": _now(),
            "hostIP": "127.0.0.1",
            "containerStatuses": [status],
            "conditions": [scheduled, ready],
        }
        path = f"{_path_of(pod)}/status"
        if self._client.try_to("PATCH", path, {"status": content}) == 200:
            self._told[pod["metadata"]["uid"]] = phase

    def _bury(self, pod: dict[str, Any]) -> None:
        now = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        self._client.try_to("DELETE", _path_of(pod), now)

    def _secret(self, namespace: str, name: str, key: str) -> str:
        path = f"/api/v1/namespaces/{namespace}/secrets/{name}"
        if self._client.status_of(path) == 404:
            raise KeyError(f'secret "{name}" not found')
        data = self._client.ask("GET", path).get("data") or {}
        if key not in data:
            raise KeyError(f"couldn't find key {key} in Secret {namespace}/{name}")
        return base64.b64decode(data[key]).decode()


class _LogHandler(BaseHTTPRequestHandler):
    logs: ClassVar[dict[str, Path]]

    def do_GET(self) -> None:
        match = re.match(r"/containerLogs/([^/]+)/([^/]+)/[^/?]+(?:\?(.*))?", self.path)
        path = self.logs.get(f"{match[1]}/{match[2]}") if match else None
        if match is None or path is None:
            self.send_error(404)
            return
        lines = path.read_bytes().splitlines(keepends=True)
        tail = re.search(r"tailLines=(\d+)", match[3] or "")
        data = b"".join(lines[-int(tail[1]) :] if tail else lines)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def _log_server(logs: dict[str, Path], certificate: Path) -> ThreadingHTTPServer:
    """Serves what pods printed, over TLS, as the API server asks kubelets for it."""

    class Handler(_LogHandler):
        pass

    Handler.logs = logs
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{certificate}.crt", f"{certificate}.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


def _path_of(pod: Mapping[str, Any]) -> str:
    metadata = pod["metadata"]
    return f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
