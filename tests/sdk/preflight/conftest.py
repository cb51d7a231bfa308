"""A data set, clients, and platforms that answer as a test wants."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from skillbank.client import Client
from skillbank.platforms.inspection import Check, CheckState, Gpu, Resources
from skillbank.platforms.local import LocalPlatform
from skillbank.preflight.verdict import Preflight
from skillbank.request import JobRequest

SKILL = "tao-train-pose-classification"


class Machine(LocalPlatform):
    """This machine, with GPUs, memory and packages as a test says."""

    missing: Collection[str] = ()
    version = ""  # of every package; empty: the true one
    gpu_memory_bytes = 80 * 10**9
    memory_bytes = 64 * 10**9

    def installed(self, names: Collection[str]) -> Mapping[str, str]:
        found = dict.fromkeys(names, self.version) if self.version else super().installed(names)
        return {name: version for name, version in found.items() if name not in self.missing}

    def resources(self) -> Resources:
        gpus = tuple(Gpu("H100", self.gpu_memory_bytes) for _ in range(self.gpus()))
        return Resources(16, self.memory_bytes, self.memory_bytes, gpus)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A small data set of 6 sequences for training and 4 for validation."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name, count in (("train", 6), ("val", 4)):
        np.save(folder / f"{name}_data.npy", np.zeros((count, 3, 30, 34, 1), np.float32))
        labels = [[f"s{i}" for i in range(count)], [i % 6 for i in range(count)]]
        (folder / f"{name}_label.pkl").write_bytes(pickle.dumps(labels))
    return folder


@pytest.fixture
def machine(root: Path) -> Machine:
    return Machine(root, gpus=(), num_slots=2)


@pytest.fixture
def client(root: Path, machine: Machine) -> Iterator[Client]:
    client = Client(root, platforms={"local": machine})
    yield client
    client.close()


@pytest.fixture
def train(client: Client, data: Path) -> Callable[..., Preflight]:
    """The verdict on a training of the data set, with what a test changes in the request."""

    def check(**changes: object) -> Preflight:
        wanted = {"data": {"all": str(data)}, "automl_policy": "off", **changes}
        return client.preflight(JobRequest(SKILL, "train", **wanted))

    return check


def named(found: Preflight, name: str, about: str | None = None) -> list[Check]:
    """Checks of a name, and about one thing if it is given."""
    return [c for c in found.checks if c.name == name and about in (None, c.about)]


def states(found: Preflight) -> dict[str, CheckState]:
    """The gravest state of the checks of each name."""
    return {c.name: CheckState.worst(o.state for o in named(found, c.name)) for c in found.checks}


def failed(found: Preflight) -> set[str]:
    """Names of the checks that fail."""
    return {check.name for check in found.checks if check.state is CheckState.FAIL}
