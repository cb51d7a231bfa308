"""Commands about what a job left: `resolve`, `report`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.options import JobId, Options
from skillbank.cli.output import DONE, print_json, print_table, show_figures
from skillbank.result_documents import report_document, resolution_document

if TYPE_CHECKING:
    from skillbank.checkpoints import Checkpoint


@dataclass(frozen=True, kw_only=True)
class ResolveOptions(Options):
    """What `resolve` takes."""

    job: JobId
    checkpoint: Annotated[
        str, typer.Option(metavar="WHICH", help="best, latest, epoch=N, step=N, or a file.")
    ] = "best"
    kind: Annotated[
        str,
        typer.Option(
            metavar="KIND", help="checkpoint, onnx, engine, predictions, metrics, report, dataset."
        ),
    ] = "checkpoint"
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why, and list what else there is.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class ReportOptions(Options):
    """What `report` takes."""

    job: JobId
    open_it: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False


def resolve(options: ResolveOptions) -> int:
    """Print the path of a job's checkpoint or other artefact."""
    found = options.client().resolve(options.job, options.checkpoint, options.kind)
    if options.as_json:
        print_json(resolution_document(found))
        return DONE
    print(found.checkpoint.location)
    if options.explain:
        print(f"\n{found.reason}\n")
        rows = [_row(one, chosen=found.checkpoint) for one in found.candidates]
        print_table(("", "FILE", "EPOCH", "STEP", "SIZE", "METRICS"), rows)
    return DONE


def _row(one: Checkpoint, *, chosen: Checkpoint) -> tuple[object, ...]:
    size = f"{one.size_bytes / 1e6:.1f} MB"
    mark = "chosen" if one == chosen else ""
    return (mark, one.path.name, one.epoch, one.step, size, show_figures(one.metrics))


def report(options: ReportOptions) -> int:
    """Print the path of a job's report."""
    client = options.client()
    job = client.job(options.job)
    path = client.report(job.id)
    if options.as_json:
        print_json(report_document(job.id, path))
    else:
        print(path)
    if options.open_it:
        import webbrowser

        webbrowser.open(path.as_uri())
    return DONE
