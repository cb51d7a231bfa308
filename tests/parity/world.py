"""What the requests are about: data, files, and jobs and workflows in every state, made once.

Names of the world in capitals stand in requests as `$NAME`. What begins with OWN_ there is once for
every door, since asking changes it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import pytest
from tests.parity.row import BOWL, TOY
from tests.sdk.search.conftest import BOWL as BOWL_RUNNER
from tests.sdk.search.conftest import wait_until
from tests.sdk.toy import FIXTURES as TOY_RUNNER

from skillbank.client import Client
from skillbank.job import Job, JobState

DOORS = ("python", "command line", "tool")
ENDLESS = {"num_epochs": 1, "train.step_s": 0.05, "train.steps_per_epoch": 10_000}
_GOING = {"PENDING", "QUEUED", "WAITING"}
_PATIENCE_S = 120.0
_AT_ONCE = 8

_TRAIN = {"skill": BOWL, "action": "train", "automl_policy": "off"}
_STEPS = {
    "STEPS": [_TRAIN, {"skill": BOWL, "action": "evaluate", "parent": 0}],
    "ENDLESS": [{"skill": TOY, "action": "train", "automl_policy": "off", "overrides": ENDLESS}],
    "NO_STEPS": [],
    "WRONG_STEPS": [{"skill": BOWL, "acton": "train"}, "evaluate", {"action": "train"}],
    "LATER_PARENT": [{**_TRAIN, "parent": 1}, {"skill": BOWL, "action": "evaluate"}],
    "LATER_BREACH": [
        {**_TRAIN, "overrides": {"num_epochs": 0}},
        {"skill": BOWL, "action": "evaluate", "parent": 0, "overrides": {"dat": "x"}},
    ],
}


@dataclass
class World:
    """What there is.

    Attributes:
        client: Python's door.
        folder: Where everything lies.
        shared: Name -> what it stands for through every door.
        own: Door -> names that stand for something of its own there.
    """

    client: Client
    folder: Path
    shared: dict[str, Any] = field(default_factory=dict)
    own: dict[str, dict[str, Any]] = field(default_factory=lambda: {door: {} for door in DOORS})

    def fill_in(self, value: Any, door: str) -> Any:
        """A request, or its words, with what its names stand for."""
        names = {**self.shared, **self.own[door]}
        if isinstance(value, Mapping):
            return {key: self.fill_in(part, door) for key, part in value.items()}
        if not isinstance(value, str):
            return value
        return names[value[1:]] if value[1:] in names else Template(value).substitute(names)

    def settle(self) -> None:
        """Wait until whatever was started runs, so that it looks the same from now on."""
        wait_until(lambda: not self._is_changing(), "the jobs to run")

    def _is_changing(self) -> bool:
        states = [job.state for job in self.client.jobs(limit=1000)]
        for flow in self.client.workflows(limit=1000):
            states += [flow.state] if flow.state.is_final else [s.state for s in flow.steps]
        return any(state in _GOING for state in states)


@contextmanager
def make_world(folder: Path) -> Iterator[World]:
    """A world below a folder; what still runs in the end is stopped."""
    with pytest.MonkeyPatch.context() as patch:
        roots = [str(BOWL_RUNNER), str(TOY_RUNNER)]
        for root in roots:
            patch.setenv("PYTHONPATH", root, prepend=os.pathsep)  # jobs find their runner
            patch.syspath_prepend(root)  # and so does the launch gate, in this process
        patch.setenv("SKILLBANK_SKILLS", os.pathsep.join(f"{root}/skills" for root in roots))
        patch.setenv("SKILLBANK_LOCAL_SLOTS", "64")
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        patch.chdir(folder)
        world = World(Client(folder / "root"), folder)
        _write_files(world)
        try:
            _start_all(world)
            world.settle()
            yield world
        finally:
            _stop_all(world.client)


def _write_files(world: World) -> None:
    folder, names = world.folder, world.shared
    data = folder / "data"
    data.mkdir()
    for name in ("train_data.npy", "train_label.pkl", "val_data.npy", "val_label.pkl"):
        (data / name).touch()
    texts = {
        "SPEC": ("spec.yaml", "train: {num_epochs: 4}\nmodel: {graph_layout: coco}\n"),
        "NO_YAML": ("wrong.yaml", "train: {num_epochs: 4\n"),
        "BASE": ("model_epoch_003_step_00040.pth", "weights"),
        **{name: (f"{name}.json", json.dumps({"steps": s})) for name, s in _STEPS.items()},
    }
    for name, (file, text) in texts.items():
        (folder / file).write_text(text, encoding="utf-8")
        names[name] = str(folder / file)
    names |= {f"IN_{name}": {"steps": steps} for name, steps in _STEPS.items()}
    names |= {"DATA": str(data), "ABSENT": str(folder / "absent")}


def _train(client: Client, **changes: Any) -> Job:
    return client.create_job(TOY, "train", automl_policy="off", **changes)


def _start_all(world: World) -> None:
    """All jobs at once; then wait for those that have to end."""
    client, names = world.client, world.shared
    endless = {"overrides": ENDLESS}
    ending = {
        "COMPLETE": _train(
            client, overrides={"num_epochs": 2}, results=str(client.root.parent / "results")
        ),
        "FAILED": _train(client, overrides={"train.failure": "the toy is broken"}),
        "TRAINED": client.create_job(BOWL, "train", automl_policy="off"),
        "SEARCH": client.create_job(
            BOWL, "train", overrides={"num_epochs": 1}, automl={"max_recommendations": 1}
        ),
    }
    flow = client.create_workflow(names["IN_STEPS"])
    names["RUNNING"] = _train(client, **endless, idempotency_key="taken").id
    names["RUNNING_FLOW"] = client.create_workflow(names["IN_ENDLESS"], idempotency_key="taken").id
    for door in DOORS:
        world.own[door] |= {
            "OWN_RUNNING": _train(client, **endless).id,
            "OWN_STOPPED": client.cancel(_train(client, **endless).id).id,
            "OWN_STOPPED_TOO": client.cancel(_train(client, **endless).id).id,
            "OWN_FLOW": client.create_workflow(names["IN_ENDLESS"]).id,
            "OWN_STOPPED_FLOW": client.create_workflow(names["IN_ENDLESS"]).id,
        }
    world.settle()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        stopped = [world.own[door]["OWN_STOPPED_FLOW"] for door in DOORS]
        list(pool.map(client.cancel_workflow, stopped))
    names["FLOW"] = client.wait_workflow(flow.id, _PATIENCE_S).id
    for name, job in ending.items():
        ended = client.wait(job.id, _PATIENCE_S)
        assert (ended.state is JobState.ERROR) == (name == "FAILED"), ended.detail
        names |= {name: job.id, f"{name}_BEGINNING": job.id[:-2]}
    client.sync(ending["COMPLETE"].id)  # so that whoever asks next has nothing left to send


def _stop_all(client: Client) -> None:
    flows = [flow.id for flow in client.workflows(limit=1000) if not flow.state.is_final]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(client.cancel_workflow, flows))
        jobs = [job.id for job in client.jobs(limit=1000) if not job.state.is_final]
        list(pool.map(client.cancel, jobs))
    client.close()
