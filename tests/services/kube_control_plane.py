"""A real control plane of Kubernetes on this machine: etcd, API server, controllers, scheduler.

Its programs are those that `tools/kube/build.sh` builds. Nothing listens beyond 127.0.0.1, and
everything lies in one folder.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
import yaml
from tests.services.kube_agent import KubeAgent, KubeClient
from tests.services.slurm import free_ports

PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
NAMESPACE = "skillbank"
USERS = {"admin": "system:masters", "trainer": "people"}
"""Users, whose tokens are `token-of-<name>`, and their groups."""

_PATIENCE_S = 60.0
_GRACE_OF_NODES_S = 4


def bin_folder() -> Path:
    """Where the programs lie: `SKILLBANK_TESTS_KUBE`, else where they are built by default."""
    usual = Path.home() / ".cache" / "skillbank-tests" / "kube"
    return Path(os.environ.get("SKILLBANK_TESTS_KUBE") or usual) / "bin"


def why_no_control_plane() -> str:
    """What keeps it from being started here; empty when nothing does."""
    missing = [name for name in PROGRAMS if not (bin_folder() / name).is_file()]
    if missing:
        return f"no {', '.join(missing)} in {bin_folder()}; build them with tools/kube/build.sh"
    needed = [name for name in ("etcd", "openssl") if shutil.which(name) is None]
    return f"{', '.join(needed)}: not installed (Debian: etcd-server, openssl)" if needed else ""


class ControlPlane:
    """One cluster with machines that run pods as processes.

    Args:
        folder: Where all its files lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._etcd, self._peer, self._api, *self._others = free_ports(6)
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.agents: dict[str, KubeAgent] = {}

    # ------------------------------------------------------------------ its life

    def start(self) -> None:
        """Start everything, and return when the API server is ready."""
        self._folder.mkdir(parents=True, exist_ok=True)
        _make_keys(self._folder)
        rows = [f"token-of-{n},{n},uid-of-{n},{group}" for n, group in USERS.items()]
        (self._folder / "tokens.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        self._start_etcd()
        self.start_api_server()
        for name in USERS:
            self._write_kubeconfig(name)
        self._start_controllers()
        self.client = self.client_of("admin")
        self.client.ask("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})

    def stop(self) -> None:
        """End everything, pods too."""
        for agent in self.agents.values():
            agent.stop()
        for daemon in reversed(self._daemons.values()):
            daemon.kill()
            daemon.wait()

    def start_api_server(self) -> None:
        """Start the API server, for the first time or again, and wait until it is ready."""
        own = self._folder
        self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd}",
            f"--secure-port={self._api}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--insecure-port=0",
            f"--cert-dir={own}/certificates",
            f"--service-account-key-file={own}/accounts.pub",
            f"--service-account-signing-key-file={own}/accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--token-auth-file={own}/tokens.csv",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=127.96.0.0/24",
            "--endpoint-reconciler-type=none",
            "--feature-gates=TTLAfterFinished=true",
            "--disable-admission-plugins=ServiceAccount",
            "--kubelet-preferred-address-types=InternalIP",
        )
        self._await(self._is_ready, "the API server is ready")

    def stop_api_server(self) -> None:
        """End the API server; pods and controllers live on."""
        daemon = self._daemons.pop("kube-apiserver")
        daemon.kill()
        daemon.wait()

    def add_node(self, name: str, held: Mapping[str, str]) -> KubeAgent:
        """Add a machine, and wait until the scheduler may use it."""
        certificate = self._folder / "certificates" / "apiserver"
        agent = KubeAgent(name, held, self.client, self._folder / name, certificate)
        agent.start()
        self.agents[name] = agent
        self._await(lambda: not self._taints(name), f"{name} is ready")
        return agent

    def remove_node(self, name: str) -> None:
        """Take a machine away for good, with what runs on it."""
        self.agents.pop(name).stop()
        self.client.ask("DELETE", f"/api/v1/nodes/{name}")

    def add_claim(self, name: str) -> None:
        """Add a claim with a volume of its own that every machine sees, and wait until it holds."""
        claims = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims"
        common = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
        volume = {
            **common,
            "capacity": {"storage": "1Ti"},
            "hostPath": {"path": str(self._folder)},
            "claimRef": {"namespace": NAMESPACE, "name": name},
        }
        wanted = {**common, "resources": {"requests": {"storage": "1Ti"}}}
        made = {"metadata": {"name": name}, "spec": volume}
        self.client.ask("POST", "/api/v1/persistentvolumes", made)
        self.client.ask("POST", claims, {"metadata": {"name": name}, "spec": wanted})
        self._await(
            lambda: self.client.ask("GET", f"{claims}/{name}")["status"]["phase"] == "Bound",
            f"{name} is bound",
        )

    # ------------------------------------------------------------------ its users

    def kubeconfig(self, user: str = "admin") -> Path:
        """File by which a user reaches it."""
        return self._folder / f"kubeconfig-{user}"

    def client_of(self, user: str) -> KubeClient:
        """Plain requests of a user."""
        trusted = str(self._folder / "certificates" / "apiserver.crt")
        return KubeClient(f"https://127.0.0.1:{self._api}", f"token-of-{user}", trusted)

    def _write_kubeconfig(self, user: str) -> None:
        cluster = {
            "server": f"https://127.0.0.1:{self._api}",
            "certificate-authority": str(self._folder / "certificates" / "apiserver.crt"),
        }
        context = {"cluster": "tests", "user": user, "namespace": NAMESPACE}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": f"token-of-{user}"}}],
            "contexts": [{"name": "tests", "context": context}],
            "current-context": "tests",
        }
        self.kubeconfig(user).write_text(yaml.safe_dump(content), encoding="utf-8")

    # ------------------------------------------------------------------ its parts

    def _start_etcd(self) -> None:
        here, peer = (f"http://127.0.0.1:{port}" for port in (self._etcd, self._peer))
        self._run(
            str(shutil.which("etcd")),
            f"--data-dir={self._folder}/etcd",
            f"--listen-client-urls={here}",
            f"--advertise-client-urls={here}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        )

    def _start_controllers(self) -> None:
        common = [
            f"--kubeconfig={self.kubeconfig()}",
            "--bind-address=127.0.0.1",
            "--port=0",
            f"--cert-dir={self._folder}/certificates",
            "--leader-elect=false",
        ]
        self._run(
            "kube-controller-manager",
            *common,
            f"--secure-port={self._others[0]}",
            f"--service-account-private-key-file={self._folder}/accounts.key",
            "--feature-gates=TTLAfterFinished=true",
            f"--node-monitor-grace-period={_GRACE_OF_NODES_S}s",
            "--node-monitor-period=500ms",
            "--controllers=*,-nodeipam,-route,-cloud-node-lifecycle,-service",
        )
        self._run("kube-scheduler", *common, f"--secure-port={self._others[1]}")

    def _run(self, program: str, *options: str) -> None:
        name = Path(program).name
        found = program if "/" in program else str(bin_folder() / program)
        with (self._folder / f"{name}.log").open("ab") as log:
            self._daemons[name] = subprocess.Popen(
                [found, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _is_ready(self) -> bool:
        if not (self._folder / "certificates" / "apiserver.crt").exists():
            return False
        try:
            return self.client_of("admin").status_of("/readyz") == 200
        except (urllib3.exceptions.HTTPError, OSError, ssl.SSLError):
            return False

    def _taints(self, node: str) -> list[Any]:
        found = self.client.ask("GET", f"/api/v1/nodes/{node}")
        return list(found["spec"].get("taints") or ())

    def _await(self, is_so: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not is_so():
            dead = [name for name, one in self._daemons.items() if one.poll() is not None]
            assert not dead, f"{dead} ended; see {self._folder}"
            assert time.monotonic() < deadline, f"{what}: not within {_PATIENCE_S:g} s"
            time.sleep(0.1)


def _make_keys(folder: Path) -> None:
    key = folder / "accounts.key"
    for command in (
        ["openssl", "genrsa", "-out", str(key), "2048"],
        ["openssl", "rsa", "-in", str(key), "-pubout", "-out", str(folder / "accounts.pub")],
    ):
        subprocess.run(command, check=True, capture_output=True)


@contextmanager
def running_control_plane(folder: Path) -> Iterator[ControlPlane]:
    """A cluster without machines that runs while the body does; nothing of it is left."""
    plane = ControlPlane(folder)
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()
