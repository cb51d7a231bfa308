"""The files of one workflow: `<root>/workflows/<id>/`.

`plan.json` never changes. `steps/<i>.json` is the plan of a step's job, written before the job is
submitted: whoever advances the workflow next finds the same job under it, or submits it as it is.
`attempts/<n>/` is an attempt's as platforms keep it, with `taken_up` once it has resumed what had
failed before, `refused-<i>.json` for a step that could not be started in it and `outcome.json` for
why it ended.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from skillbank.errors import JobConflict, WorkflowNotFound, did_you_mean
from skillbank.locks import is_locked, take_lock
from skillbank.plan import JobPlan
from skillbank.platforms.attempt import AttemptFolder
from skillbank.workflows.workflow_plan import WorkflowPlan

_SUBMISSION_LOCK = "submission.lock"


class WorkflowFolder:
    """The files of one workflow.

    Args:
        path: `<root>/workflows/<id>`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def root(self) -> Path:
        """The folder of jobs and workflows."""
        return self.path.parents[1]

    def plan(self) -> WorkflowPlan:
        """What was planned.

        Raises:
            WorkflowNotFound: The folder holds no plan.
            PlanInvalid: The plan was changed after it was made.
        """
        return WorkflowPlan.from_json(self._read_plan())

    def created_at(self) -> float:
        """When it was submitted, in seconds since the epoch, UTC."""
        return float(json.loads((self.path / "created.json").read_bytes())["created_at"])

    def last_attempt(self) -> int:
        """Number of the newest attempt; 0 when none was ever started."""
        folder = self.path / "attempts"
        numbers = [int(p.name) for p in folder.iterdir()] if folder.is_dir() else []
        return max(numbers, default=0)

    def attempt(self, number: int) -> AttemptFolder:
        """The files of one attempt."""
        return AttemptFolder(self.path, number)

    def is_being_submitted(self) -> bool:
        """Tell whether somebody is between writing the folder and starting an attempt."""
        return is_locked(self.path / _SUBMISSION_LOCK)

    def step_plan(self, index: int) -> JobPlan | None:
        """The plan of a step's job, as it was planned when its parent was complete."""
        try:
            text = self._step_path(index).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return JobPlan.from_json(text)

    def write_step_plan(self, index: int, plan: JobPlan) -> None:
        """Settle the job of a step, before it is submitted."""
        self._step_path(index).parent.mkdir(exist_ok=True)
        _write(self._step_path(index), plan.to_json())

    def refusal(self, attempt: int, index: int) -> str:
        """Why a step could not be started in an attempt; empty when it was not refused."""
        return _read_text(self._refusal_path(attempt, index))

    def write_refusal(self, attempt: int, index: int, message: str) -> None:
        """Tell why a step cannot be started in an attempt."""
        _write(self._refusal_path(attempt, index), json.dumps({"message": message}))

    def is_taken_up(self, attempt: int) -> bool:
        """Tell whether an attempt has resumed what failed in those before."""
        return attempt == 1 or (self.attempt(attempt).path / "taken_up").exists()

    def tell_taken_up(self, attempt: int) -> None:
        """Tell that an attempt has resumed what failed in those before."""
        (self.attempt(attempt).path / "taken_up").touch()

    def outcome(self, attempt: int) -> str:
        """Why an attempt ended other than complete; empty when it did not say so."""
        return _read_text(self.attempt(attempt).path / "outcome.json")

    def write_outcome(self, attempt: int, message: str) -> None:
        """Tell why an attempt ends."""
        _write(self.attempt(attempt).path / "outcome.json", json.dumps({"message": message}))

    @contextmanager
    def hold(self, what: str) -> Iterator[None]:
        """Hold the submission lock of an existing folder.

        Args:
            what: What the caller is about to do, for the message: "resumed".

        Raises:
            JobConflict: Somebody else holds it.
        """
        lock = take_lock(self.path / _SUBMISSION_LOCK)
        if lock is None:
            raise JobConflict(
                f"workflow {self.path.name} cannot be {what}: another process submits or resumes "
                f"it right now; see it with 'skillbank workflow status {self.path.name}'."
            )
        try:
            yield
        finally:
            os.close(lock)

    def _read_plan(self) -> str:
        try:
            return (self.path / "plan.json").read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise WorkflowNotFound(
                f"workflow {self.path.name} has no {self.path / 'plan.json'}: its folder was moved "
                "or deleted. Put it back, or create a new workflow."
            ) from error

    def _step_path(self, index: int) -> Path:
        return self.path / "steps" / f"{index}.json"

    def _refusal_path(self, attempt: int, index: int) -> Path:
        return self.attempt(attempt).path / f"refused-{index}.json"


@contextmanager
def create_folder(plan: WorkflowPlan) -> Iterator[tuple[WorkflowFolder, bool]]:
    """Write the folder of a plan and hold its submission lock while the caller starts it.

    Yields:
        The folder, and whether it is new: one that is there already stays as it is.

    Raises:
        JobConflict: Somebody else submits it right now.
    """
    plan.folder.parent.mkdir(parents=True, exist_ok=True)
    # The dot keeps an unfinished folder out of every listing.
    draft = Path(mkdtemp(dir=plan.folder.parent, prefix=f".{plan.workflow_id}."))
    lock = take_lock(draft / _SUBMISSION_LOCK)
    try:
        _write(draft / "plan.json", plan.to_json())
        _write(draft / "created.json", json.dumps({"created_at": time.time()}))
        draft.chmod(0o755)
        try:
            draft.rename(plan.folder)
        except OSError:
            shutil.rmtree(draft)
            if not plan.folder.exists():
                raise
            there = WorkflowFolder(plan.folder)
            with there.hold("submitted"):
                yield there, False
            return
        yield WorkflowFolder(plan.folder), True
    finally:
        if lock is not None:
            os.close(lock)


def find_folder(root: Path, workflow_id: str) -> WorkflowFolder:
    """The folder of an id, or of the beginning of one that no other workflow shares.

    Raises:
        WorkflowNotFound: No workflow, or more than one, has an id that begins so.
    """
    names = [folder.path.name for folder in list_folders(root)]
    begin = [name for name in names if name.startswith(workflow_id)] if workflow_id else []
    if workflow_id in names or len(begin) == 1:
        return WorkflowFolder(root / "workflows" / (begin[0] if len(begin) == 1 else workflow_id))
    if begin:
        raise WorkflowNotFound(
            f"more than one workflow begins with {workflow_id!r}: {', '.join(sorted(begin)[:6])}; "
            "give more of it."
        )
    raise WorkflowNotFound(
        f"no workflow {workflow_id!r} below {root}; {did_you_mean(workflow_id, names[:200])} "
        "'skillbank workflow list' lists them."
    )


def list_folders(root: Path) -> list[WorkflowFolder]:
    """Every workflow below a root, newest first."""
    folder = root / "workflows"
    if not folder.is_dir():
        return []
    found = [WorkflowFolder(p) for p in folder.iterdir() if not p.name.startswith(".")]
    whole = [each for each in found if (each.path / "created.json").is_file()]
    return sorted(whole, key=WorkflowFolder.created_at, reverse=True)


def _read_text(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["message"])
    except FileNotFoundError:
        return ""


def _write(path: Path, text: str) -> None:
    """Replace a file at one stroke, so that it is whole after a power cut too."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
