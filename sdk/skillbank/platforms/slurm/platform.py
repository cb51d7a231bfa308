"""Run jobs on a SLURM cluster, through its own commands."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from skillbank.config import read_config
from skillbank.errors import PlatformError
from skillbank.plan import JobPlan
from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.inspection import Check, FileFacts, Gpu, Needs, Resources
from skillbank.platforms.machine import installed_versions, look_at_path, nearest_folder
from skillbank.platforms.slurm.commands import SlurmCommands, Unanswered, read_tail
from skillbank.platforms.slurm.inspection import inspect_cluster
from skillbank.platforms.slurm.jobs import SlurmJobs
from skillbank.platforms.slurm.nodes import (
    FORMAT,
    Node,
    Partition,
    Share,
    count_jobs,
    largest,
    read_nodes,
    read_partition,
)
from skillbank.platforms.slurm.script import (
    OUTPUT_NAME,
    job_name,
    launcher,
    num_nodes,
    tasks_per_node,
    write_script,
)
from skillbank.platforms.slurm.settings import (
    ONLY_IN_CONFIG,
    SlurmSettings,
    refuse_only_in_config,
)
from skillbank.platforms.slurm.states import JobRecord, describe, is_live
from skillbank.platforms.staged import Handle, Sight, SightKind, StagedPlatform
from skillbank.run_settings import read_run_settings
from skillbank.settings import ENCRYPTION_KEY_NAMES, named_variables
from skillbank.staging.fetching import storage_variable
from skillbank.staging.order import StagedOrder, needs_staging

_SCRIPT_NAME = "slurm.sbatch"
_OUTPUT_BYTES = 200_000
_MARGIN_S = 10.0  # beyond a job's own time to stop: SLURM tells its end a moment later
_LAST_BYTES_S = 120.0  # that a stopped job may take to send its results
_ENDS_WITHIN_S = 90.0
_LOOK_EVERY_S = 0.1

# What SLURM's commands and every job get of the submitter's environment. Its other variables stay
# here, SLURM's own too: they would be taken for options, where this is itself a job of SLURM.
_BASE_VARIABLES = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH"),
    *("SLURM_CONF", "MODULEPATH", "MODULESHOME", "BASH_ENV"),
)
_JOB_VARIABLES = (
    *("SKILLBANK_CONFIG", "SKILLBANK_SKILLS", "SKILLBANK_CACHE", "SKILLBANK_CACHE_MAX"),
    *ENCRYPTION_KEY_NAMES,
)
_S3_VARIABLES = (
    *("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
    *("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE"),
)


class SlurmPlatform(StagedPlatform):
    """Jobs of a SLURM cluster, submitted from a machine that has its commands.

    Args:
        root: Root folder of the jobs.
        name: Name under which plans mean it.
        settings: What config.yaml says of it: see SlurmSettings.
    """

    settings_class = SlurmSettings
    can_span_machines = True

    def __init__(
        self, root: Path, *, name: str = "", settings: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(root, name=name, settings=settings)
        self.is_shared = self._given.get("shared", True) is not False
        patience_s = self._read(self._given).patience_s
        self._commands = SlurmCommands(named_variables(_BASE_VARIABLES), patience_s)
        self._jobs = SlurmJobs(self._commands)

    # ------------------------------------------------------------------ hooks of the base

    def settings_of(self, plan: JobPlan) -> SlurmSettings:
        """Settings of one job: config.yaml's, with the job's own over them.

        Raises:
            RequestInvalid: One cannot be used, or is not the job's to choose.
        """
        refuse_only_in_config(plan.resources, f"resources of platform {self._name!r}")
        return self._read({**self._given, **plan.resources})

    def job_settings(self) -> Mapping[str, object]:
        """What is not kept to config.yaml."""
        known = super().job_settings()
        return {key: kind for key, kind in known.items() if key not in ONLY_IN_CONFIG}

    def check(self, plan: JobPlan) -> None:
        """Refuse a plan that can never run here.

        Raises:
            PlatformError: It asks for more GPUs or nodes than there are.
            RequestInvalid: Its settings cannot be used.
        """
        settings = self.settings_of(plan)
        here = self._with(plan.resources)
        super(SlurmPlatform, here).check(replace(plan, resources={}))
        wanted = num_nodes(plan)
        if wanted == 1:
            return
        there = sum(1 for node in here._nodes(settings) if node.is_usable)
        if wanted > there:
            raise PlatformError(
                f"the plan asks for {wanted} nodes; platform {plan.platform!r} has {there} that "
                f"are usable. Ask for at most {there} (spec key '{plan.action}.num_nodes')."
            )
        if not self.is_shared:
            raise PlatformError(
                f"the plan asks for {wanted} nodes, which have to see one folder; platform "
                f"{plan.platform!r} says 'shared: false'. Put the root folder on a disk that the "
                f"nodes share, or train on one node ('{plan.action}.num_nodes=1')."
            )

    def order_of(self, plan: JobPlan, attempt: int) -> StagedOrder:
        """What the node is told, among it how srun starts the command on several nodes."""
        settings = self.settings_of(plan)
        changes = {"launcher": launcher(plan, settings), "grace_s": settings.grace_s}
        return super().order_of(plan, attempt).model_copy(update=changes)

    def launch(self, plan: JobPlan, attempt: int, arguments: list[str]) -> Handle:
        """Write the batch script beside the order, and submit it."""
        settings = self.settings_of(plan)
        folder = AttemptFolder(plan.folder, attempt).path
        command = [_python_of(settings), *arguments]
        script = folder / _SCRIPT_NAME
        _write_durably(script, write_script(plan, attempt, settings, command))
        try:
            said = self._commands.tell(
                "sbatch", "--parsable", str(script), environment=self._variables(plan, settings)
            )
            job_id = said.strip().splitlines()[-1].partition(";")[0]
        except Unanswered:
            # It may have been taken all the same: a second one must not be submitted.
            found = self.find(plan, attempt)
            if found is None:
                raise
            job_id = str(found["id"])
        except PlatformError as error:
            raise PlatformError(
                f"{error} Its options come from 'platforms.{self._name}' of config.yaml and from "
                f"'--resource'; the script is {script}."
            ) from error
        return self._handle_of(plan, attempt, job_id)

    def find(self, plan: JobPlan, attempt: int) -> Handle | None:
        """The newest job with the attempt's name."""
        job_id = self._jobs.find(job_name(plan, attempt))
        return None if job_id is None else self._handle_of(plan, attempt, job_id)

    def look(self, handle: Handle) -> Sight:
        """What SLURM says; one listing serves many handles."""
        return self._describe(self._jobs.look(handle["id"], handle["name"]))

    def stop(self, handle: Handle, grace_s: float) -> None:
        """Tell the batch script, which passes it on; then SLURM ends what is left.

        Raises:
            PlatformError: Its processes cannot be ended: its node does not answer.
        """
        job_id, name = handle["id"], handle["name"]
        record = self._jobs.look(job_id, name, is_fresh=True)
        if record is not None and describe(record).kind is SightKind.RUNNING:
            self._jobs.forbid_requeue(job_id)
            self._jobs.cancel(job_id, "--batch", "--signal=TERM")
            if self._await_end(handle, grace_s + handle["patience_s"]):
                return
            self._jobs.cancel(job_id, "--full", "--signal=KILL")
        self._jobs.cancel(job_id)
        if not self._await_end(handle, _ENDS_WITHIN_S):
            raise PlatformError(
                f"SLURM's job {job_id} does not end: its node may not answer. See "
                f"'scontrol show job {job_id}', then cancel again."
            )

    def output(self, handle: Handle) -> str:
        """The end of what the batch script printed."""
        return read_tail(Path(handle["output"]), _OUTPUT_BYTES) if handle["output"] else ""

    # ------------------------------------------------------------------ what there is

    def gpus(self) -> int:
        """The most GPUs, of the type that is set, on one usable node of the partition."""
        settings = self._read(self._given)
        best = largest(self._nodes(settings), settings.gpu_type)
        return 0 if best is None else best.count_gpus(settings.gpu_type)

    def capacity(self, plan: JobPlan) -> int:
        """How many such jobs run at once when nobody else's do."""
        settings = self.settings_of(plan)
        partition, nodes = self._partition(settings), self._nodes(settings)
        tasks = tasks_per_node(plan)
        cpus = max(tasks, settings.cpus or tasks)
        share = Share(
            cpus=cpus,
            memory_bytes=partition.memory_of(settings.memory_bytes, cpus),
            gpus=plan.num_gpus,
            gpu_type=settings.gpu_type,
            takes_all=settings.exclusive or partition.is_exclusive,
        )
        return count_jobs(nodes, share, num_nodes(plan))

    def inspect(self, needs: Needs) -> tuple[Check, ...]:
        """Commands, controller, partition, account, places, and what cannot be seen from here."""
        return inspect_cluster(self._commands, self._read(self._given), self._root, needs)

    def resources(self) -> Resources | None:
        """What one job can get: the largest node."""
        settings = self._read(self._given)
        node = largest(self._nodes(settings), settings.gpu_type)
        if node is None:
            return None
        gpus = tuple(
            Gpu(kind or "gpu")
            for kind, number in node.gpus.items()
            if settings.gpu_type in {None, kind}
            for _ in range(number)
        )
        return Resources(node.cpus, node.memory_bytes, node.free_bytes, gpus)

    def look_at(self, paths: Sequence[str]) -> tuple[FileFacts, ...] | None:
        """Facts of paths on the disk that holds the root folder; None where one lies elsewhere."""
        if not self.is_shared or not all(map(self._is_beside_root, paths)):
            return None
        return tuple(look_at_path(path) for path in paths)

    def installed(self, names: Collection[str]) -> Mapping[str, str] | None:
        """What this Python has, where jobs use the very same; else it cannot be told."""
        settings = self._read(self._given)
        is_this = settings.container_image is None and _python_of(settings) == sys.executable
        return installed_versions(names) if is_this and self.is_shared else None

    # ------------------------------------------------------------------ what is behind them

    def _read(self, given: Mapping[str, Any]) -> SlurmSettings:
        return read_run_settings(SlurmSettings, given, f"resources of platform {self._name!r}")

    def _with(self, resources: Mapping[str, Any]) -> SlurmPlatform:
        """This platform, as one job's settings make it: another partition has other nodes."""
        if not resources:
            return self
        given = {**self._given, **resources}
        return SlurmPlatform(self._root, name=self._name, settings=given)

    def _handle_of(self, plan: JobPlan, attempt: int, job_id: str) -> Handle:
        folder = AttemptFolder(plan.folder, attempt).path
        return {
            "id": job_id,
            "name": job_name(plan, attempt),
            "output": str(folder / OUTPUT_NAME) if self.is_shared else "",
            "patience_s": _MARGIN_S + (_LAST_BYTES_S if plan.results_uri else 0.0),
        }

    def _variables(self, plan: JobPlan, settings: SlurmSettings) -> dict[str, str]:
        """What a job gets of this process's environment, through sbatch and no file of ours."""
        storage = read_config(self._root).storage
        references = [
            reference
            for one in storage
            for reference in (one.access_key, one.secret_key, one.session_token)
        ]
        names = [one.removeprefix("env:") for one in references if one and one.startswith("env:")]
        names += _S3_VARIABLES if needs_staging(plan) else ()
        variables = named_variables([*_JOB_VARIABLES, *names, *settings.environment])
        return variables if self.is_shared else {**variables, **storage_variable(storage)}

    def _describe(self, record: JobRecord | None) -> Sight:
        if record is None:
            return Sight(SightKind.GONE, "SLURM does not know it any more")
        return describe(record)

    def _await_end(self, handle: Handle, most_s: float) -> bool:
        deadline = time.monotonic() + most_s
        while time.monotonic() < deadline:
            record = self._jobs.look(handle["id"], handle["name"], is_fresh=True)
            if record is None or not is_live(record):
                return True
            time.sleep(_LOOK_EVERY_S)
        return False

    def _nodes(self, settings: SlurmSettings) -> list[Node]:
        only = [f"--nodes={settings.nodelist}"] if settings.nodelist else []
        partition = f"--partition={self._partition(settings).name}"
        said = self._commands.ask(
            "sinfo", "--Node", "--noheader", partition, *only, f"--format={FORMAT}"
        )
        return read_nodes(said)

    def _partition(self, settings: SlurmSettings) -> Partition:
        said = self._commands.ask("scontrol", "--oneliner", "show", "partition")
        return read_partition(said, settings.partition)

    def _is_beside_root(self, path: str) -> bool:
        folder = nearest_folder(Path(path).parent)
        return folder.stat().st_dev == nearest_folder(self._root).stat().st_dev


def _python_of(settings: SlurmSettings) -> str:
    if settings.venv:
        return f"{settings.venv.rstrip('/')}/bin/python"
    return settings.python or sys.executable


def _write_durably(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.tmp")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
