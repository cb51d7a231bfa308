"""Run jobs in containers of Docker or Podman: in our own image, or in one with its own command.

Jobs of our own image are `container_platform`'s. What runs as a process of this machine, beside
what containers do, is handed to the local platform: a search, which only starts other jobs, and
the wrapper of an image that knows nothing of us.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

from skillbank.job import JobState, Observation
from skillbank.plan import JobPlan, Route
from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.docker.container import (
    container_name,
    describe_container,
    request_gpus,
)
from skillbank.platforms.docker.container_platform import ContainerPlatform
from skillbank.platforms.docker.foreign_images import (
    check_foreign,
    foreign_command,
    foreign_content,
    foreign_plan,
    local_resources,
    remove_containers,
    run_foreign,
)
from skillbank.platforms.docker.launching import provide_image
from skillbank.platforms.docker.mounts import make_own_folders
from skillbank.platforms.local import LocalPlatform

_WRAPPER_TAKES_S = 5.0


class DockerPlatform(ContainerPlatform):
    """Containers of one daemon: Docker's, or Podman behind its Docker socket.

    Args:
        root: Root folder of the jobs; its CPU slots and GPUs are shared with the local platform.
        name: Name under which plans mean it.
        settings: What config.yaml says of it; see DockerSettings.
    """

    def check(self, plan: JobPlan) -> None:
        """Refuse a plan that can never run here.

        Raises:
            PlatformError: It asks for more than there is, or for what its image cannot do.
            RequestInvalid: Its settings cannot be used.
        """
        if plan.route is Route.AUTOML:
            self._local.check(replace(plan, resources=local_resources(plan)))
            return
        if self._is_foreign:
            check_foreign(plan, self.settings_of(plan), self._name)
        super().check(plan)

    def submit(self, plan: JobPlan, attempt: int) -> None:
        """Start a container, or the process of this machine that a plan is.

        Raises:
            PlatformError: An earlier attempt still runs, or the daemon does not take it.
        """
        if plan.route is Route.AUTOML:
            self._local.submit(replace(plan, resources=local_resources(plan)), attempt)
        elif self._is_foreign:
            self.check(plan)
            foreign_command(self._own_settings.container_command or "", plan)
            self._local.submit(foreign_plan(plan, self._root, attempt), attempt)
        else:
            super().submit(plan, attempt)

    def poll(self, plan: JobPlan, attempt: int) -> Observation:
        """What is known now; nothing of a LOST attempt runs on, nor does its container."""
        if plan.route is not Route.AUTOML and not self._is_foreign:
            return super().poll(plan, attempt)
        seen = self._local.poll(plan, attempt)
        is_past = AttemptFolder(plan.folder, attempt).is_past
        if self._is_foreign and seen.state is JobState.LOST and not is_past:
            remove_containers(self._own_daemon, str(plan.folder))
        return seen

    def cancel(self, plan: JobPlan, attempt: int) -> None:
        """Stop an attempt, gently first; a search stops its trials."""
        if plan.route is Route.AUTOML or self._is_foreign:
            self._local.cancel(plan, attempt)
        else:
            super().cancel(plan, attempt)

    def run_foreign(self, plan: JobPlan, attempt: int, gpus: tuple[str, ...]) -> int:
        """Run the command of an image that is not ours to its end; its exit status.

        Args:
            plan: The job.
            attempt: Number of the attempt.
            gpus: Those that the job holds, by index or UUID.

        Raises:
            PlatformError: It cannot be started, or the daemon went away.
        """
        settings, daemon = self.settings_of(plan), self._own_daemon
        provide_image(daemon, settings)
        make_own_folders(plan, self._root)
        command = foreign_command(settings.container_command or "", plan)
        content = describe_container(plan, attempt, [], settings, self._host())
        content = request_gpus(content, gpus) if gpus else content
        name = container_name(self._root, plan.job_id, attempt)
        return run_foreign(daemon, name, foreign_content(content, command), settings.grace_s)

    @cached_property
    def _local(self) -> LocalPlatform:
        if not self._is_foreign:
            return LocalPlatform(self._root)
        grace_s = self._own_settings.grace_s + _WRAPPER_TAKES_S
        return LocalPlatform(self._root, gpus=self._gpu_ids, grace_s=grace_s)

    @property
    def _is_foreign(self) -> bool:
        """Whether the image is not ours and runs a command of its own."""
        return self._own_settings.container_command is not None
