"""What the suites of a platform share: the hooks by which a platform fits them to itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from skillbank.job import Observation
from skillbank.platforms.api import Platform
from skillbank.testing.jobs import PATIENCE_S, ScriptPlan, make_script_plan, wait_for_end
from skillbank.testing.jobs import wait_until as wait_until_so


class PlatformSuite:
    """Fixtures, patience and hooks; a subclass overrides what is otherwise on its platform."""

    patience_s: float = PATIENCE_S
    """Longest time in seconds that a job may take to start, or to end, when nothing else runs."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """Root folder of the jobs; override it where jobs cannot see the tests' own folder."""
        return tmp_path

    def make_plan(
        self, root: Path, script: str, *, job_id: str = "job-1", **changes: object
    ) -> ScriptPlan:
        """A plan of a script; override it to add resources or a results URI to every plan."""
        return make_script_plan(root, script, job_id=job_id, **changes)

    def has_left(
        self,
        platform: Platform,  # noqa: ARG002 - a subclass may have to ask it
        plan: ScriptPlan,
        name: str,
    ) -> bool:
        """Tell whether a job has left a file in its results; override where they come here late."""
        return (plan.results / name).exists()

    def restart(self, platform: Platform, root: Path) -> Platform:
        """A platform as the next process makes it, which knows nothing of the one before."""
        return type(platform)(root)  # type: ignore[call-arg]

    def make_patient(
        self,
        platform: Platform,
        root: Path,  # noqa: ARG002 - a subclass may need it
    ) -> Platform:
        """The same platform, whose jobs have 30 s or so to stop by themselves.

        Override it where those of the fixture `platform` have little, which is quick for jobs that
        never do: a polite one needs a moment, of which a busy machine makes seconds.
        """
        return platform

    def lose_node(
        self,
        platform: Platform,  # noqa: ARG002 - a subclass may have to ask it
        plan: ScriptPlan,
    ) -> None:
        """Do to a running job what the end of its machine does: all of it is gone at once.

        Here, SIGKILL to every process that carries the job's mark or was given its folder: the job
        and whoever watches it.
        """
        for process in psutil.process_iter():
            try:
                marks = {*process.cmdline(), process.environ().get("SKILLBANK_JOB_FOLDER")}
                if str(plan.folder) in marks:
                    process.kill()
            except (psutil.Error, OSError):
                continue  # gone meanwhile, or another user's

    def wait_until(self, is_so: Callable[[], bool], what: str) -> None:
        """Return as soon as something is so; fail the test when it never is."""
        wait_until_so(is_so, what, self.patience_s)

    def wait_for_end(self, platform: Platform, plan: ScriptPlan, attempt: int = 1) -> Observation:
        """The final observation of an attempt."""
        return wait_for_end(platform, plan, attempt, self.patience_s)

    def wait_for_file(self, platform: Platform, plan: ScriptPlan, name: str) -> None:
        """Return as soon as a job has left a file in its results."""
        self.wait_until(
            lambda: self.has_left(platform, plan, name), f"{plan.job_id} has left {name!r}"
        )

    def start(self, platform: Platform, plan: ScriptPlan, attempt: int = 1) -> None:
        """Submit a script that touches `running`, and return when it has."""
        platform.submit(plan, attempt)
        self.wait_for_file(platform, plan, "running")
