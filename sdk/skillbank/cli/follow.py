"""Follow a job to its end: a live bar on a terminal, plain lines in a pipe, events as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Protocol

from skillbank.cli.options import INTERRUPTED
from skillbank.cli.output import (
    DONE,
    JOB_FAILED,
    console,
    print_aside,
    print_event,
    show_duration,
    show_figures,
)
from skillbank.errors import CheckpointNotFound, SkillNotFound
from skillbank.job import JobState
from skillbank.plan import Route
from skillbank.result_documents import job_document

if TYPE_CHECKING:
    from rich.progress import Progress

    from skillbank.client import Client
    from skillbank.following import StatusLine
    from skillbank.job import Job

_IN_LINE = ("train_loss", "val_loss", "val_acc", "val_3DIoU")
_IN_BAR = ("train_loss", "val_acc", "val_3DIoU")


class View(Protocol):
    """Where the progress of a job is shown."""

    def show_state(self, job: Job) -> None:
        """Show that the job came into another state."""

    def show(self, line: StatusLine) -> None:
        """Show one status line."""


def follow_job(client: Client, job: Job, *, as_json: bool, every_s: float = 0.25) -> int:
    """Show a job's progress until it ends; return the exit status that its end means.

    Ctrl-C stops the following, never the job.
    """
    state = None
    try:
        with choose_view(job, as_json=as_json) as view:
            for news in client.follow(job.id, every_s):
                job = news.job
                if job.state is not state and not job.state.is_final:
                    view.show_state(job)
                state = job.state
                for line in news.lines:
                    if as_json or not is_told_by_the_end(line):
                        view.show(line)
    except KeyboardInterrupt:
        print_aside(
            f"\njob {job.id} goes on. Follow it with 'skillbank wait {job.id}', "
            f"stop it with 'skillbank cancel {job.id}'."
        )
        return INTERRUPTED
    return end_of_job(client, job, as_json=as_json)


def end_of_job(client: Client, job: Job, *, as_json: bool, tells_next: bool = True) -> int:
    """Tell how a job ended, what came of it and, if wanted, what to try next."""
    if as_json:
        print_event("end", job=job_document(job))
    elif job.state is JobState.COMPLETE:
        _show_success(client, job)
        for command in next_commands(client, job) if tells_next else ():
            print(f"next: {command}")
    elif job.state.is_failure:
        print_aside(f"{job.state.value} after {_duration(job)}: {job.detail}")
        if tells_next:
            _show_ways_on(job)
    else:
        print(f"{job.state.value} after {_duration(job)}: {job.detail}")
    return JOB_FAILED if job.state.is_failure else DONE


def choose_view(job: Job, *, as_json: bool) -> AbstractContextManager[View]:
    """The view that fits the job and where the output goes."""
    if job.route == Route.AUTOML:
        from skillbank.cli.search_view import choose_search_view

        return choose_search_view(job, as_json=as_json)
    if as_json:
        return nullcontext(JsonView())
    return _one_bar(job.action) if sys.stdout.isatty() else nullcontext(PlainView())


@contextmanager
def _one_bar(title: str) -> Iterator[View]:
    with make_bars() as bars:
        yield LiveView(title, bars)


class JsonView:
    """One JSON object per state and status line."""

    def show_state(self, job: Job) -> None:
        """Print the job with its new state."""
        print_event("job", job=job_document(job))

    def show(self, line: StatusLine) -> None:
        """Print the line as it is."""
        print_event("status", **line)


class PlainView:
    """One line of text per epoch or message, for logs and pipes."""

    def show_state(self, job: Job) -> None:
        """Print that the job waits; that it runs is told by its own lines."""
        if job.state is JobState.QUEUED:
            print(f"queued {job.detail}".rstrip(), flush=True)

    def show(self, line: StatusLine) -> None:
        """Print an epoch's figures, or a message; steps within an epoch are left out."""
        if _is_step(line):
            return
        print(_describe(line), flush=True)


def make_bars() -> Progress:
    """Bars within one line of 80 columns each: place, figures and time left."""
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[figures]}", markup=False),
        console=console(),
    )


class LiveView:
    """A bar that moves: epoch, loss, accuracy and time left.

    Args:
        title: What stands beside the bar before the first step.
        bars: Where the bar is shown, beside others.
        label: What every line begins with.
    """

    def __init__(self, title: str, bars: Progress, label: str = "") -> None:
        self._bars = bars
        self._task = bars.add_task(f"{label}{title}", total=None, figures="")
        self._title = title
        self._label = label
        self._kpi: dict[str, float | None] = {}

    def close(self) -> None:
        """Take the bar away."""
        self._bars.remove_task(self._task)

    def show_state(self, job: Job) -> None:
        """Name the state before the first step."""
        told = f"{self._title} {job.state.value.lower()}".lstrip()
        self._bars.update(self._task, description=f"{self._label}{told}")

    def show(self, line: StatusLine) -> None:
        """Move the bar to where the line is; print a line that has no place on it above."""
        if line.get("max_epoch") is None and line.get("max_step") is None:
            self._bars.console.print(f"{self._label}{line.get('message', '')}")
            return
        self._kpi |= line.get("kpi") or {}
        done, total, where = _position(line)
        figures = show_figures({name: self._kpi[name] for name in _IN_BAR if name in self._kpi})
        self._bars.update(
            self._task,
            completed=done,
            total=total,
            description=f"{self._label}{where}",
            figures=figures + _eta(line),
        )


def is_told_by_the_end(line: StatusLine) -> bool:
    """Tell whether `end_of_job` says what a status line says."""
    return line.get("status") == "FAILURE" or bool(line.get("paused"))


def _is_step(line: StatusLine) -> bool:
    return line.get("step") is not None and "val_loss" not in (line.get("kpi") or {})


def _position(line: StatusLine) -> tuple[float, float, str]:
    """How much is done, of how much, and the same in words."""
    step, steps, epochs = line.get("step") or 0, line.get("max_step") or 1, line.get("max_epoch")
    if epochs is None:
        return step, steps, f"{step}/{steps}"
    epoch = line.get("epoch", 0) + 1  # counted from 0 in the status line
    done = epoch - 1 + step / steps if _is_step(line) else epoch
    return done, epochs, f"epoch {epoch}/{epochs}"


def _describe(line: StatusLine) -> str:
    """An epoch as one line of figures; anything else is its own message."""
    if line.get("max_epoch") is None or not line.get("kpi"):
        return str(line.get("message", ""))
    kpi = {name: line["kpi"][name] for name in _IN_LINE if name in line["kpi"]}
    return f"{_position(line)[2]}  {show_figures(kpi)}{_eta(line)}"


def _eta(line: StatusLine) -> str:
    return f"  eta {line['eta']}" if line.get("eta") else ""


def _show_success(client: Client, job: Job) -> None:
    print(f"{job.state.value} after {_duration(job)}")
    if not _show_search(job) and (figures := _last_figures(client.events(job.id))):
        print(show_figures(figures))
    with suppress(CheckpointNotFound, SkillNotFound):
        print(f"checkpoint: {client.resolve(job.id).reason}")
    with suppress(CheckpointNotFound):
        print(f"report: {client.report(job.id)}")


def _show_ways_on(job: Job) -> None:
    print_aside(
        f"next: 'skillbank logs {job.id}' shows more, 'skillbank resume {job.id}' tries again, "
        "from the newest checkpoint if there is one."
    )
    if job.route == Route.AUTOML:
        print_aside(f"next: 'skillbank automl result {job.id}' shows what its trials found.")


def _show_search(job: Job) -> bool:
    """Tell what a search has found; False for a job that is none."""
    if job.route != Route.AUTOML:
        return False
    from skillbank.cli.search_view import show_search_end

    return show_search_end(job.results)


def _duration(job: Job) -> str:
    if job.started_at is None or job.ended_at is None:
        return "no time"
    return show_duration(job.ended_at - job.started_at)


def _last_figures(lines: Sequence[StatusLine]) -> Mapping[str, float | None]:
    """The newest value of every metric: an epoch's, and what the end adds of the network."""
    return {name: value for line in lines for name, value in (line.get("kpi") or {}).items()}


def next_commands(client: Client, job: Job) -> list[str]:
    """Command lines that use what the job, or else its parent, left."""
    from skillbank.skill_info import OutputKind

    if job.skill not in client.bank:
        return []  # submitted by a program with skills of its own
    info = client.bank[job.skill].info
    lines = []
    for source in [job.id, *([job.parent_job_id] if job.parent_job_id else [])]:
        parent = client.job(source)
        made = info.actions.get(parent.action)
        kinds = [output.kind for output in made.outputs.values()] if made else []
        makes_data = OutputKind.DATASET in kinds
        for name, action in info.actions.items():
            if (
                not action.built
                or name == job.action
                or parent.action not in (action.parents or ())
            ):
                continue
            files = info.data_sources.get(name, {}).values()
            if makes_data and not all((parent.results / one.file).exists() for one in files):
                continue  # such as poses without labels, which nothing can be trained on
            data = " --data FOLDER" if files and not makes_data else ""
            lines.append(f"skillbank run {job.skill} {name} --parent {source}{data}")
    return lines
