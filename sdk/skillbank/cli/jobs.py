"""Commands about jobs that were submitted: `jobs`, `status`, `logs`, `wait`, `cancel`, ..."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.follow import end_of_job, follow_job
from skillbank.cli.options import INTERRUPTED, JobId, Options
from skillbank.cli.output import (
    DONE,
    JOB_FAILED,
    print_aside,
    print_event,
    print_facts,
    print_json,
    print_table,
    print_text,
    show_age,
    show_duration,
    show_moment,
)
from skillbank.cli.planning import read_assignments
from skillbank.result_documents import job_document, log_document, status_document

_DETAIL_SHOWN = 80

if TYPE_CHECKING:
    from skillbank.client import Client
    from skillbank.job import Job


@dataclass(frozen=True, kw_only=True)
class ListOptions(Options):
    """What `jobs` takes."""

    limit: Annotated[int, typer.Option(metavar="N", help="At most so many.")] = 20
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="Only those in this state, such as RUNNING.")
    ] = None
    skill: Annotated[
        str | None, typer.Option(metavar="SKILL", help="Only those of this skill.")
    ] = None
    search: Annotated[
        str | None,
        typer.Option(metavar="JOB", help="Trials of this search, which are listed nowhere else."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class JobOptions(Options):
    """What a command about one job takes."""

    job: JobId


@dataclass(frozen=True, kw_only=True)
class LogsOptions(JobOptions):
    """What `logs` takes."""

    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the job ends.")] = (
        False
    )
    tail: Annotated[int | None, typer.Option(metavar="N", help="Only the last N lines.")] = None


@dataclass(frozen=True, kw_only=True)
class WaitOptions(JobOptions):
    """What `wait` takes."""

    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Give up waiting after this time.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class ResumeOptions(JobOptions):
    """What `resume` takes."""

    pause_after: Annotated[
        int | None,
        typer.Option(metavar="EPOCHS", help="Pause when this many are trained in all."),
    ] = None
    platform: Annotated[
        str | None, typer.Option(metavar="NAME", help="Go on there, not where it ran before.")
    ] = None
    resources: Annotated[
        list[str] | None,
        typer.Option(
            "--resource",
            metavar="KEY=VALUE",
            help="Set anew, such as time_limit=4h; KEY=null takes one away; may be repeated.",
        ),
    ] = None
    detach: Annotated[
        bool, typer.Option("--detach", help="Start the attempt and return at once.")
    ] = False


def list_jobs(options: ListOptions) -> int:
    """List the newest jobs."""
    found = options.client().jobs(
        options.limit, options.state, options.skill, search=options.search
    )
    if options.as_json:
        print_json([job_document(job) for job in found])
        return DONE
    if not found:
        print("no jobs. Start one with 'skillbank run SKILL ACTION'.")
        return DONE
    rows = [
        (j.id, j.state.value, show_age(j.created_at), j.action, j.skill, _shortly(j.detail))
        for j in found
    ]
    print_table(("JOB", "STATE", "SUBMITTED", "ACTION", "SKILL", "DETAIL"), rows)
    if failed := next((job for job in found if job.state.is_failure), None):
        print_aside(
            f"next: 'skillbank status {failed.id}' tells all of why, 'skillbank resume "
            f"{failed.id}' tries it again."
        )
    return DONE


def status(options: JobOptions) -> int:
    """Show one job: its state, progress and folder."""
    from skillbank.moving import notes_of_attempt

    client = options.client()
    job = client.job(options.job)
    lines = client.events(job.id)
    if options.as_json:
        print_json(status_document(job, lines))
        return DONE
    facts = [
        ("job", f"{job.id}, attempt {job.attempt}"),
        ("does", f"{job.skill} {job.action}, {job.route}, on {job.platform}"),
        ("state", job.state.value),
        ("detail", job.detail),
        ("progress", lines[-1].get("message") if lines else ""),
        ("submitted", show_moment(job.created_at)),
        ("ran for", _time_run(job)),
        ("parent", job.parent_job_id),
        ("folder", job.folder),
    ]
    if job.folder.is_dir():
        plan = client.plan_of(job.id)
        facts.append(("results at", plan.results_uri))
        facts.extend(("note", note) for note in notes_of_attempt(plan, job.attempt))
    print_facts((name, value) for name, value in facts if value)
    return DONE


def logs(options: LogsOptions) -> int:
    """Show what a job printed; with -f, its newest attempt."""
    client = options.client()
    job = client.job(options.job)
    if options.follow:
        return _follow_log(client, job, options)
    text = client.logs(job.id, options.tail)
    if options.as_json:
        print_json(log_document(job.id, text))
    else:
        sys.stdout.write(text)
    return DONE


def wait(options: WaitOptions) -> int:
    """Wait for a job's end, showing its progress."""
    client = options.client()
    if options.timeout is None and not options.as_json:
        return follow_job(client, client.job(options.job), as_json=False)
    job = client.wait(options.job, options.timeout)
    if not options.as_json:
        return end_of_job(client, job, as_json=False)
    print_json(job_document(job))
    return JOB_FAILED if job.state.is_failure else DONE


def cancel(options: JobOptions) -> int:
    """Stop a job; what it wrote stays usable."""
    job = options.client().cancel(options.job)
    if options.as_json:
        print_json(job_document(job))
    else:
        print(f"job {job.id}: {job.state.value}")
    return DONE


def resume(options: ResumeOptions) -> int:
    """Try a job again, from its newest checkpoint."""
    from skillbank.moving import notes_of_attempt

    client = options.client()
    job = client.resume(
        options.job,
        options.pause_after,
        platform=options.platform,
        resources=read_assignments(options.resources or [], "--resource"),
    )
    if not options.as_json:
        print(f"job {job.id}: attempt {job.attempt} of {job.skill} {job.action} on {job.platform}")
        for note in notes_of_attempt(client.plan_of(job.id), job.attempt):
            print_text(f"note: {note}")
    if not options.detach:
        return follow_job(client, job, as_json=options.as_json)
    if options.as_json:
        print_json(job_document(job))
    return DONE


def sync(options: JobOptions) -> int:
    """Send to a job's results URI what it could not send itself."""
    sent = options.client().sync(options.job)
    if options.as_json:
        print_json({"sent": sent})
    else:
        print("\n".join(sent) if sent else "everything is there already.")
    return DONE


def _follow_log(client: Client, job: Job, options: LogsOptions) -> int:
    """Print the log as it grows, until the job has ended; Ctrl-C ends only the looking."""
    from skillbank.request import check_count

    tail = options.tail
    check_count("tail", tail, least=0)
    try:
        for news in client.follow(job.id):
            lines = news.log.splitlines(keepends=True)
            for line in lines if tail is None else lines[max(0, len(lines) - tail) :]:
                if options.as_json:
                    print_event("log", line=line.rstrip("\n"))
                else:
                    sys.stdout.write(line)
            sys.stdout.flush()
            tail = None if lines else tail
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE


def _shortly(detail: str) -> str:
    """The beginning of a detail, as much as stands in a line."""
    return shorten(detail, _DETAIL_SHOWN, placeholder=" ...")


def _time_run(job: Job) -> str:
    if job.started_at is None:
        return ""
    return show_duration((job.ended_at or time.time()) - job.started_at)
