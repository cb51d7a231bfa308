"""Demonstrations: `demo video` goes the whole way from a video to labelled actions."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.follow import follow_job
from skillbank.cli.options import Options
from skillbank.cli.output import DONE, print_aside
from skillbank.errors import RequestInvalid
from skillbank.job import JobState

if TYPE_CHECKING:
    from skillbank.client import Client
    from skillbank.job import Job

SKILL = "tao-train-pose-classification"
DATA = "examples/cmu_mocap"
SPEC = f"{DATA}/video.yaml"
OUTCOME = {
    "video": "annotated.mp4",
    "timeline": "timeline.png",
    "as a table": "timeline.csv",
    "poses": "poses_with_actions.json",
    "report": "report.html",
}


@dataclass(frozen=True, kw_only=True)
class VideoOptions(Options):
    """What `demo video` takes."""

    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="Video file with people in it.")]
    parent: Annotated[
        str | None,
        typer.Option(metavar="JOB", help="Training job to use instead of the demo's own."),
    ] = None


def video(options: VideoOptions) -> int:
    """Name what people do in a video, and draw it: a video, a timeline, the poses as JSON."""
    client = options.client()
    if not options.video.is_file():
        raise RequestInvalid(f"VIDEO: {str(options.video)!r} is no file; expected a video.")
    parent = client.job(options.parent) if options.parent else _training(client)
    if not parent.state.is_final:
        _say(options, f"Train a small model on {DATA}, once; job {parent.id}:")
        if status := _follow(client, parent, options):
            return status
    words = {"inference.video": str(options.video), "inference.annotated_video": True}
    _say(options, "Find the people, name what they do, and draw it:")
    sets = ("--set", f"inference.video={options.video}", "--set", "inference.annotated_video=true")
    line = shlex.join(("run", SKILL, "inference", "--parent", parent.id, *sets))
    _say(options, f"  $ skillbank {line}\n")
    job = client.create_job(SKILL, "inference", parent_job_id=parent.id, overrides=words)
    if status := _follow(client, job, options):
        return status
    for what, file in OUTCOME.items():
        if (job.results / file).is_file():
            _say(options, f"{what:<11} {job.results / file}")
    return DONE


COMMANDS = (video,)


def _training(client: Client) -> Job:
    """The demo's model: trained once per root, on motion capture of six actions."""
    from skillbank.bank import shipped
    from skillbank.spec_file import read_spec_file

    data = shipped("examples") / Path(DATA).name
    if not data.is_dir():
        raise RequestInvalid(
            f"demo video: this installation has no {DATA}, which is part of the repository only; "
            "pass --parent JOB of a pose classification training."
        )
    job = client.create_job(  # the second time it is there already
        SKILL,
        "train",
        spec=read_spec_file(data / Path(SPEC).name),
        data={"all": str(data)},
        automl_policy="off",
        idempotency_key="demo-video",
    )
    return client.resume(job.id) if job.state.is_failure or job.state is JobState.PAUSED else job


def _follow(client: Client, job: Job, options: VideoOptions) -> int:
    return follow_job(client, job, as_json=options.as_json)


def _say(options: VideoOptions, text: str) -> None:
    if options.as_json:
        print_aside(text)
    else:
        print(text, flush=True)
