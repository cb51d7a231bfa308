"""Commands from a camera to actions: `pose` finds the people, `pose-stream` names what they do."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.follow import follow_job
from skillbank.cli.options import INTERRUPTED, Options
from skillbank.cli.output import DONE, print_json
from skillbank.cli.planning import read_assignments
from skillbank.errors import RequestInvalid
from skillbank.result_documents import job_document

if TYPE_CHECKING:
    from skillbank.client import Client
    from skillbank.skill import Skill

POSE = "pose"
POSES_FILE = "poses.json"


@dataclass(frozen=True, kw_only=True)
class PoseOptions(Options):
    """What `pose` takes."""

    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="Video file.")]
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Spec key to set; may be repeated."),
    ] = None
    detach: Annotated[bool, typer.Option("--detach", help="Start the job and return at once.")] = (
        False
    )


@dataclass(frozen=True, kw_only=True)
class StreamOptions(Options):
    """What `pose-stream` takes."""

    source: Annotated[
        str,
        typer.Argument(metavar="FILE", help="Poses of one frame per line, JSON; '-': stdin."),
    ] = "-"
    parent: Annotated[
        str | None, typer.Option(metavar="JOB", help="Training job whose checkpoint to use.")
    ] = None
    checkpoint: Annotated[
        str,
        typer.Option(metavar="WHICH", help="best, latest, epoch=N, step=N, or a file."),
    ] = "best"
    top_k: Annotated[
        int, typer.Option(min=1, metavar="K", help="Also tell the K most likely actions.")
    ] = 1
    window: Annotated[
        int | None,
        typer.Option(min=1, metavar="FRAMES", help="Frames that an answer is about; training's."),
    ] = None
    frame_rate: Annotated[
        float | None, typer.Option(metavar="HZ", help="Frames per second, where a model asks.")
    ] = None
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Spec key that the model does not carry."),
    ] = None
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Tell lines that cannot be read, and go on.")
    ] = False


def pose(options: PoseOptions) -> int:
    """Find people in a video, their joints and who is who."""
    client = options.client()
    overrides = read_assignments(options.overrides or [], "--set")
    job = client.create_job(
        _skill_with(client, POSE).name,
        POSE,
        overrides={**overrides, "pose.video": str(options.video)},
    )
    if options.detach:
        if options.as_json:
            print_json(job_document(job))
        else:
            print(f"job {job.id}\nnext: skillbank wait {job.id}")
        return DONE
    status = follow_job(client, job, as_json=options.as_json)
    if status == DONE and not options.as_json:
        poses = job.results / POSES_FILE
        run = f"next: skillbank run {job.skill}"
        print(f"poses: {poses}")
        print(f"{run} inference --parent TRAINING --set inference.poses={poses}")
        print(f"{run} dataset_convert --set dataset_convert.data={poses}")
    return status


def pose_stream(options: StreamOptions) -> int:
    """Name what people do, frame by frame, as poses come."""
    client = options.client()
    if options.parent is None:
        skill, checkpoint = _skill_with(client, POSE), Path(options.checkpoint).expanduser()
        if not checkpoint.is_file():
            raise RequestInvalid(
                f"--checkpoint: found {options.checkpoint!r}, expected a file, or --parent JOB of "
                "a training with best, latest, epoch=N or step=N. List jobs with 'skillbank jobs'."
            )
    else:
        job = client.job(options.parent)
        skill = client.bank[job.skill]
        checkpoint = client.resolve(job.id, options.checkpoint).checkpoint.path
    module = f"skillbank_runners.{skill.info.network_arch}.pose_stream"
    command = [sys.executable, "-m", module, "--checkpoint", str(checkpoint)]
    try:
        return subprocess.run([*command, *_stream_words(options)], check=False).returncode
    except KeyboardInterrupt:  # the stream has had it too, and ends by itself
        return INTERRUPTED


COMMANDS = (pose, pose_stream)


def _stream_words(options: StreamOptions) -> list[str]:
    """What the stream is told, in the words of its own command line."""
    words = ["--input", options.source, "--top-k", str(options.top_k)]
    words += ["--skip-bad"] if options.skip_bad else []
    for name, value in (("--window", options.window), ("--frame-rate", options.frame_rate)):
        words += [] if value is None else [name, str(value)]
    for pair in options.overrides or []:
        words += ["--set", pair]
    return words


def _skill_with(client: Client, action: str) -> Skill:
    """The skill that has an action."""
    for skill in client.bank:
        if skill.has_info and action in skill.info.actions:
            return skill
    raise RequestInvalid(f"no skill here has the action {action!r}. List them: 'skillbank skills'.")
