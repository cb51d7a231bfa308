"""Jobs of our own image in containers of Docker or Podman, whose Engine API both speak.

A container runs `skillbank.staging` as whoever submitted the job, with the root folder and the
job's data under their own paths, without a network and without any privilege. Its first process
waits for a CPU slot or for GPUs with the jobs of the local platform: see `container_entry`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from skillbank.errors import PlatformError, RequestInvalid
from skillbank.job import Observation
from skillbank.locks import is_locked
from skillbank.plan import JobPlan
from skillbank.platforms.attempt import AttemptFolder, Order, read_json
from skillbank.platforms.docker.container import (
    NO_NETWORK,
    Host,
    container_name,
    describe_container,
    request_gpus,
    root_label,
)
from skillbank.platforms.docker.daemon import Daemon, NoSuchContainer, daemon_address
from skillbank.platforms.docker.inspection import inspect_daemon
from skillbank.platforms.docker.launching import provide_image, run_container, sweep
from skillbank.platforms.docker.mounts import make_own_folders
from skillbank.platforms.docker.settings import DockerSettings
from skillbank.platforms.docker.sight import count_kills_anywhere, sight_of
from skillbank.platforms.docker.variables import variables_of
from skillbank.platforms.gpus import visible_gpus
from skillbank.platforms.inspection import Check, FileFacts, Needs, Resources
from skillbank.platforms.local_inspection import inspect_places, inspect_root
from skillbank.platforms.machine import look_at_path, machine_resources
from skillbank.platforms.staged import Handle, Sight, SightKind, StagedPlatform
from skillbank.run_settings import RunSettings, read_run_settings
from skillbank.settings import read_settings
from skillbank.staging.order import StagedOrder, needs_staging

_LINES_SHOWN = 200
_STAGING_TAKES_S = 5.0
_ASKED_EVERY_S = 0.2
_SWEPT_EVERY_S = 30.0
_ENDS_WITHIN_S = 1.0
"""A job has told how it ended a moment before its container has."""
# What one job may say for itself; all else decides what jobs can reach, and is config.yaml's.
_OF_ONE_JOB = {field.alias or name for name, field in RunSettings.model_fields.items()}
_OF_ONE_JOB |= {"shm_size", "grace", "max_parallel", "keep"}


class ContainerPlatform(StagedPlatform):
    """Containers of one daemon: Docker's, or Podman behind its Docker socket.

    Args:
        root: Root folder of the jobs; its CPU slots and GPUs are shared with the local platform.
        name: Name under which plans mean it.
        settings: What config.yaml says of it; see DockerSettings.
    """

    settings_class = DockerSettings

    def __init__(
        self, root: Path, *, name: str = "", settings: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(root, name=name, settings=settings)
        self._daemons: dict[str, Daemon] = {}
        self._sights: dict[str, tuple[float, Sight]] = {}
        self._swept_at = float("-inf")

    # ------------------------------------------------------------------ what a job may ask for

    def settings_of(self, plan: JobPlan) -> DockerSettings:
        """Settings of one job: config.yaml's, with the job's own over them.

        Raises:
            RequestInvalid: One cannot be used, or is not for a job to say.
        """
        where = f"resources of platform {self._name!r}"
        foreign = [key for key in plan.resources if key not in _OF_ONE_JOB]
        reserved = sorted({*foreign} & _reserved())
        if reserved:
            raise RequestInvalid(
                f"{where}: {', '.join(reserved)} decides what jobs can reach, and is not taken "
                f"from a request; set it in config.yaml under 'platforms.{self._name}'."
            )
        return read_run_settings(DockerSettings, {**self._given, **plan.resources}, where)

    def job_settings(self) -> Mapping[str, object]:
        """What does not decide what jobs can reach."""
        known = super().job_settings()
        return {key: kind for key, kind in known.items() if key in _OF_ONE_JOB}

    def check(self, plan: JobPlan) -> None:
        """Refuse a plan that can never run here.

        Raises:
            PlatformError: It asks for more than there is, or for what its network keeps from it.
            RequestInvalid: Its settings cannot be used.
        """
        if plan.num_gpus and not self._gpu_ids and self._machine_gpus:
            self._refuse_gpus()
        super().check(plan)
        settings = self.settings_of(plan)
        if settings.network == NO_NETWORK and needs_staging(plan):
            raise PlatformError(
                f"job {plan.job_id} reads or writes files in S3, and containers of platform "
                f"{self._name!r} have no network; set 'network: bridge' or 'network: host' in "
                f"config.yaml under 'platforms.{self._name}'."
            )
        if not self._own_daemon.is_here and not settings.shared:
            raise PlatformError(
                f"the daemon at {self._own_daemon.address} is on another machine, which may not "
                f"see {self._root}; run skillbank there, or, where both see it under this path, "
                f"set 'shared: true' in config.yaml under 'platforms.{self._name}'."
            )

    def gpus(self) -> int:
        """How many GPUs one container can get."""
        return len(self._gpu_ids)

    def capacity(self, plan: JobPlan) -> int:
        """How many jobs like it the GPUs, or the CPU slots, of this root hold at once."""
        places = self.gpus() // plan.num_gpus if plan.num_gpus else self._num_slots
        most = self.settings_of(plan).max_parallel
        return places if most is None else min(places, most)

    def order_of(self, plan: JobPlan, attempt: int) -> StagedOrder:
        """The order, with the time that this platform's jobs have to stop."""
        order = super().order_of(plan, attempt)
        return order.model_copy(update={"grace_s": self.settings_of(plan).grace_s})

    def poll(self, plan: JobPlan, attempt: int) -> Observation:
        """What is known now; the container of an attempt that left its traces is removed."""
        seen = super().poll(plan, attempt)
        if seen.state.is_final:
            self._clean_up(plan, attempt)
        return seen

    # ------------------------------------------------------------------ hooks

    def launch(self, plan: JobPlan, attempt: int, arguments: list[str]) -> Handle:
        """Make and start the container of an attempt; one that is there already is taken.

        Raises:
            PlatformError: The daemon does not answer, has no such image, or refuses it.
        """
        settings = self.settings_of(plan)
        daemon = self._own_daemon
        provide_image(daemon, settings)
        if time.monotonic() - self._swept_at > _SWEPT_EVERY_S:
            sweep(daemon, root_label(self._root))
            self._swept_at = time.monotonic()
        name = container_name(self._root, plan.job_id, attempt)
        content = self._describe(plan, attempt, arguments, settings)
        AttemptFolder(plan.folder, attempt).create(self._turn(plan, attempt, settings))
        make_own_folders(plan, self._root)
        variables = variables_of(plan, settings, self.order_of(plan, attempt).storage)
        variables = {**self._threads(plan, settings), **variables}
        handle = self._handle_of(plan, attempt)
        return {**handle, "id": run_container(daemon, name, content, variables)}

    def find(self, plan: JobPlan, attempt: int) -> Handle | None:
        """The handle of an attempt whose submitter died before it wrote it down, by its name."""
        handle = self._handle_of(plan, attempt)
        try:
            return {**handle, "id": self._own_daemon.inspect(handle["name"])["Id"]}
        except NoSuchContainer:
            return None

    def look(self, handle: Handle) -> Sight:
        """What the daemon says of an attempt; a container that was never started is removed.

        Raises:
            PlatformError: The daemon does not answer.
        """
        daemon = self._daemon_at(handle["daemon"])
        traces = AttemptFolder(Path(handle["folder"]), handle["attempt"])
        if daemon.is_here and traces.started_at() is not None and is_locked(traces.lock):
            # Whoever attends to the job in its container answers for it: no need to ask.
            return Sight(SightKind.RUNNING)
        sight = self._sights.get(handle["id"])
        if sight is None or time.monotonic() - sight[0] > _ASKED_EVERY_S:
            sight = (time.monotonic(), self._ask(daemon, handle))
        if sight[1].kind in {SightKind.WAITING, SightKind.RUNNING}:
            self._sights[handle["id"]] = sight
        else:
            self._sights.pop(handle["id"], None)
        return sight[1]

    def _ask(self, daemon: Daemon, handle: Handle) -> Sight:
        try:
            found = daemon.inspect(handle["id"])
        except NoSuchContainer:
            return Sight(
                SightKind.GONE, f"its container {handle['name']} was removed by somebody else"
            )
        sight = sight_of(found, handle)
        if sight.kind is SightKind.GONE:
            daemon.remove(handle["id"], is_running_too=True)
        return sight

    def stop(self, handle: Handle, grace_s: float) -> None:
        """SIGTERM, upon which the job has its grace and leaves its traces; then SIGKILL."""
        self._sights.pop(handle["id"], None)
        try:
            self._daemon_at(handle["daemon"]).stop(handle["id"], grace_s + _STAGING_TAKES_S)
        except NoSuchContainer:
            return

    def output(self, handle: Handle) -> str:
        """The end of what the container printed; empty where it is gone."""
        try:
            return self._daemon_at(handle["daemon"]).output(handle["id"], _LINES_SHOWN)
        except NoSuchContainer:
            return ""

    # ------------------------------------------------------------------ what can be told before

    def inspect(self, needs: Needs) -> tuple[Check, ...]:
        """Whether the daemon answers, has the image, sees the root and can hand out GPUs."""
        settings = self._own_settings
        checks = inspect_daemon(lambda: self._own_daemon, settings, self._root, needs)
        gpus = self._gpu_ids if needs.num_gpus else ()
        places = inspect_places(self._slots_folder, gpus, self._num_slots, needs.num_gpus)
        return (*checks, *inspect_root(self._root, needs), places)

    def look_at(self, paths: Sequence[str]) -> tuple[FileFacts, ...]:
        """What lies under the paths; what a spec names is mounted where it lies."""
        return tuple(look_at_path(path) for path in paths)

    def resources(self) -> Resources:
        """This machine, or the share of it that config.yaml gives to a job."""
        machine = machine_resources(self._gpu_ids)
        settings = self._own_settings
        memory = min(machine.memory_bytes, settings.memory_bytes or machine.memory_bytes)
        return Resources(
            cpus=min(machine.cpus, settings.cpus or machine.cpus),
            memory_bytes=memory,
            available_bytes=min(machine.available_bytes, memory),
            gpus=machine.gpus,
        )

    # ------------------------------------------------------------------ what is behind them

    @cached_property
    def _own_settings(self) -> DockerSettings:
        return read_run_settings(DockerSettings, self._given, f"settings of {self._name!r}")

    @cached_property
    def _own_daemon(self) -> Daemon:
        return self._daemon_at(daemon_address(self._own_settings.base_url))

    @cached_property
    def _machine_gpus(self) -> tuple[str, ...]:
        given = self._own_settings.gpu_ids
        return visible_gpus(read_settings().cuda_visible_devices) if given is None else given

    @property
    def _gpu_ids(self) -> tuple[str, ...]:
        """GPUs that this daemon can hand out; Podman's Docker socket ignores requests for them."""
        return () if self._machine_gpus and self._own_daemon.is_podman else self._machine_gpus

    @property
    def _num_slots(self) -> int:
        return read_settings().local_slots

    @property
    def _slots_folder(self) -> Path:
        return self._root / "slots"

    def _daemon_at(self, address: str) -> Daemon:
        return self._daemons.setdefault(address, Daemon(address))

    def _refuse_gpus(self) -> None:
        raise PlatformError(
            f"the daemon at {self._own_daemon.address} is Podman, whose Docker socket ignores "
            "requests for GPUs; use dockerd with the NVIDIA Container Toolkit, or run the job with "
            "'--platform local'."
        )

    def _describe(
        self, plan: JobPlan, attempt: int, arguments: list[str], settings: DockerSettings
    ) -> dict[str, Any]:
        entry = ["-m", "skillbank.platforms.docker.container_entry", *arguments[1:]]
        content = describe_container(plan, attempt, entry, settings, self._host())
        return request_gpus(content, self._gpu_ids) if plan.num_gpus else content

    def _turn(self, plan: JobPlan, attempt: int, settings: DockerSettings) -> Order:
        """What the job waits for in its container. Its memory the daemon sees to."""
        return Order(
            job_id=plan.job_id,
            attempt=attempt,
            command=[],
            slots_folder=str(self._slots_folder),
            num_slots=self._num_slots,
            gpus=list(self._gpu_ids),
            num_gpus=plan.num_gpus,
            grace_s=settings.grace_s,
            priority=settings.priority,
            max_parallel=settings.max_parallel,
        )

    def _threads(self, plan: JobPlan, settings: DockerSettings) -> dict[str, str]:
        """As many threads as a container has cores; jobs that share the CPU get their share.

        Libraries count the machine's cores, whatever a container is allowed of them.
        """
        if settings.cpus is None and (plan.num_gpus or self._num_slots == 1):
            return {}
        share = max(1, len(os.sched_getaffinity(0)) // self._num_slots)
        return dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(settings.cpus or share))

    def _handle_of(self, plan: JobPlan, attempt: int) -> Handle:
        return {
            "name": container_name(self._root, plan.job_id, attempt),
            "daemon": self._own_daemon.address,
            "folder": str(plan.folder),
            "attempt": attempt,
            "memory_kills": count_kills_anywhere(),
        }

    def _host(self) -> Host:
        daemon = self._own_daemon
        own_group = os.getgid()
        return Host(
            root=self._root,
            user=f"{os.getuid()}:{own_group}",
            groups=tuple(group for group in os.getgroups() if group != own_group),
            is_rootless=daemon.is_rootless,
            has_selinux=daemon.has_selinux,
        )

    def _clean_up(self, plan: JobPlan, attempt: int) -> None:
        """Remove the container of an attempt that has told how it ended, or was cancelled."""
        folder = AttemptFolder(plan.folder, attempt)
        handle = read_json(folder.path / "handle.json")
        if handle is None or handle.get("is_removed") or self.settings_of(plan).keep:
            return
        if folder.ending() is None and not folder.is_to_cancel():
            return  # what it printed is all that anybody knows
        daemon = self._daemon_at(handle["daemon"])
        try:
            if not daemon.remove(handle["id"]):
                daemon.await_end(handle["id"], _ENDS_WITHIN_S)
                daemon.remove(handle["id"])
        except PlatformError:
            return  # it has not ended yet, or the daemon is away: the next launch sweeps it up
        self._keep(plan, attempt, {**handle, "is_removed": True})


def _reserved() -> set[str]:
    known = {field.alias or name for name, field in DockerSettings.model_fields.items()}
    return known - _OF_ONE_JOB
