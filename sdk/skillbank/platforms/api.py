"""What every platform must do; skillbank.testing.PlatformContract holds each one to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence

from skillbank.errors import PlatformError
from skillbank.job import JobState, Observation
from skillbank.plan import JobPlan
from skillbank.platforms.inspection import Check, CheckState, FileFacts, Needs, Resources

__all__ = ["Check", "CheckState", "JobState", "Needs", "Observation", "Platform"]


class Platform(ABC):
    """Runs the command of a plan somewhere and tells how it goes.

    A platform keeps no state in memory that a later process would miss: whatever it needs to find
    an attempt again, it writes below `plan.folder / "attempts"`. It never touches the job records.
    """

    is_shared: bool = True
    """Whether its machines see the root folder, and the disk that data are named on."""

    can_span_machines: bool = False
    """Whether one job can run on several machines: it starts a process on each of them."""

    @abstractmethod
    def submit(self, plan: JobPlan, attempt: int) -> None:
        """Start an attempt and return at once.

        The folder of the plan is complete. When this returns, `poll` knows the attempt; a caller
        who dies in the middle leaves an attempt that `poll` calls LOST.

        Raises:
            PlatformError: It cannot be started here.
        """

    @abstractmethod
    def poll(self, plan: JobPlan, attempt: int) -> Observation:
        """What is known of an attempt now; LOST when nobody can account for it any more.

        Nothing of a LOST attempt runs on: leftover processes are ended first.
        """

    @abstractmethod
    def cancel(self, plan: JobPlan, attempt: int) -> None:
        """Stop an attempt, gently first, and return when nothing of it runs any more.

        One that has ended stays as it is.
        """

    @abstractmethod
    def logs(self, plan: JobPlan) -> str:
        """Everything that the job has printed so far, all attempts together."""

    @abstractmethod
    def gpus(self) -> int:
        """How many GPUs one job can get."""

    def capacity(self, plan: JobPlan) -> int:
        """How many jobs with a plan's needs can run at once; of a search, how many of its trials.

        Here, as many as there are GPUs for, and one on the CPU: override it where more is known.
        """
        return self.gpus() // plan.num_gpus if plan.num_gpus else 1

    def job_settings(self) -> Mapping[str, object] | None:
        """What `resources` of a job may name here, with the type of each; None: it is not told."""
        return None

    def check(self, plan: JobPlan) -> None:
        """Refuse a plan that can never run here; called before anything is written.

        Raises:
            PlatformError: It asks for more than there is.
        """
        there = self.gpus()
        if plan.num_gpus > there:
            raise PlatformError(
                f"the plan asks for {plan.num_gpus} GPUs; platform {plan.platform!r} has {there}. "
                f"Ask for at most {there} (spec key '{plan.action}.num_gpus')."
            )

    def inspect(self, needs: Needs) -> tuple[Check, ...]:  # noqa: ARG002 - others look at it
        """Whether jobs could start here now; starts nothing, and leaves nothing behind.

        What is wrong is told by a check, never raised. Here: that the platform answers.

        Args:
            needs: What the jobs of a launch need; `Needs()` when none is meant.
        """
        try:
            found = f"answers; one job can get {self.gpus()} GPUs"
        except PlatformError as error:
            return (Check("platform", CheckState.FAIL, str(error), "a platform that answers"),)
        return (Check("platform", CheckState.PASS, found),)

    def look_at(self, paths: Sequence[str]) -> tuple[FileFacts, ...] | None:  # noqa: ARG002
        """What jobs would find under absolute paths, in their order; None: it cannot be told."""
        return None

    def installed(self, names: Collection[str]) -> Mapping[str, str] | None:  # noqa: ARG002
        """Versions of packages in the environment that jobs get; None: it cannot be told.

        Args:
            names: Distributions, or modules where no distribution is known. What is not there
                is left out of the answer; of a module without a distribution the version is "".
        """
        return None

    def resources(self) -> Resources | None:
        """What one job can get; None: it cannot be told."""
        return None
