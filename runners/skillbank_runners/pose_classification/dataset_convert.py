"""Convert files of tracked poses into arrays, labelled ones into a data set to train on.

Without labels: one object_<id>.npy per person, as TAO writes them. With labels: train_data.npy,
train_label.pkl, val_data.npy, val_label.pkl and dataset.yaml, the part of a train spec that goes
with them. Always: dataset.json, which train hands on to every later action.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import JsonValue

from skillbank_runners.api import Run
from skillbank_runners.errors import DataInvalid, RunnerError
from skillbank_runners.pose_classification.conversion import Tally, Window, convert
from skillbank_runners.pose_classification.conversion.labelled_files import LabelledFiles
from skillbank_runners.pose_classification.conversion.labels import LabelTable, read_label_table
from skillbank_runners.pose_classification.conversion.object_files import ObjectFiles
from skillbank_runners.pose_classification.conversion.reading_progress import ReadingProgress
from skillbank_runners.pose_classification.conversion.sources import find_sources, open_sources
from skillbank_runners.pose_classification.conversion.staging import publish, staging_folder
from skillbank_runners.pose_classification.dataset_facts import DATASET_FILE, DatasetFacts
from skillbank_runners.pose_classification.spec import DatasetConvertAction
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
from skillbank_runners.progress import counted
from skillbank_runners.skeletons.layout_files import layout_names
from skillbank_runners.skeletons.poses import Recording
from skillbank_runners.spec_reading import SpecInvalid
from skillbank_runners.training.run_info import describe, write_run_info

LAYOUT_FILE = "layout.yaml"
SNIPPET_FILE = "dataset.yaml"

_TOLD_OBJECTS = 1000
_DESCRIBED_FILES = 100
_DIGESTED_BYTES = 64 * 2**20
_END_BYTES = 2**20

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Job:
    """What is converted, and how.

    Attributes:
        run: Gets results and status lines.
        settings: Section dataset_convert of the spec.
        tally: What was met.
        folder: Where files grow.
    """

    run: Run
    settings: DatasetConvertSpec
    tally: Tally
    folder: Path


def main(spec: DatasetConvertAction, run: Run) -> None:
    """Convert everything that the spec names.

    Raises:
        RunnerError: Damaged or unfitting files; then no array is left in the results.
    """
    settings = spec.dataset_convert
    _check(settings)
    paths = find_sources(settings.data)
    labels = read_label_table(Path(settings.labels).expanduser()) if settings.labels else None
    tally = Tally(told=ReadingProgress(run, paths))
    with (
        ThreadPoolExecutor(1) as beside,
        staging_folder(run.results) as folder,
    ):
        recordings = open_sources(paths, settings)
        files = [path for path in paths if path.is_file()][:_DESCRIBED_FILES]
        digests = beside.map(_describe, files)  # hashing lets the other thread compute
        counts = _convert(_Job(run, settings, tally, folder), recordings, labels)
        inputs: list[JsonValue] = list(digests)
        values: dict[str, JsonValue] = {"inputs": inputs, "counts": dict(counts)}
        write_run_info(run, spec, device="cpu", data={}, values=values)
    run.conclude({name: float(count) for name, count in counts.items()})


def _describe(path: Path) -> JsonValue:
    """Path, size and digest of an input; of a large one, time of change and digest of its ends.

    To digest all of a file takes about as long as to convert it.
    """
    status = path.stat()
    if status.st_size <= _DIGESTED_BYTES:
        return describe(path)
    with path.open("rb") as file:
        ends = file.read(_END_BYTES)
        file.seek(-_END_BYTES, os.SEEK_END)
        digest = hashlib.sha256(ends + file.read()).hexdigest()
    return {
        "path": str(path),
        "size_bytes": status.st_size,
        "modified_ns": status.st_mtime_ns,
        "sha256_of_ends": digest,
    }


def _check(settings: DatasetConvertSpec) -> None:
    if settings.sequence_length > settings.sequence_length_max:
        raise SpecInvalid(
            [
                f"dataset_convert.sequence_length: found {settings.sequence_length}, expected at "
                f"most dataset_convert.sequence_length_max ({settings.sequence_length_max})"
            ]
        )


def _convert(
    job: _Job, recordings: Iterator[Recording], labels: LabelTable | None
) -> dict[str, int]:
    """Write the results; what was counted."""
    first = next(recordings, None)
    if first is None:
        raise RunnerError(f"{job.settings.data}: has no recordings, expected at least one")
    table = LabelTable.empty() if labels is None else labels
    windows = convert(
        itertools.chain([first], recordings), job.settings, labels=table, tally=job.tally
    )
    is_labelled = labels is not None or first.label is not None
    write = _write_labelled if is_labelled else _write_objects
    left_out = write(job, _checked(windows, job.tally))
    for number, file in itertools.islice(table.unused(), 10):
        log.warning("%s, row %d: no recording is called %r", table.path, number, file)
    tally = job.tally
    counts = {
        "recordings": tally.recordings,
        "frames": tally.frames,
        "sights": tally.people,
        "people": tally.tracks,
        "sequences": tally.windows - left_out,
        "untracked_sights": tally.untracked,
        "short_stretches": tally.short,
        "unlabelled_sequences": left_out,
    }
    job.run.report(_summary(counts, job.settings))
    return counts


def _checked(windows: Iterable[Window], tally: Tally) -> Iterator[Window]:
    """The same windows, all of one shape."""
    for window in windows:
        if len(tally.channels) > 1 or len(tally.layouts) > 1:
            break
        yield window
    if len(tally.channels) > 1 or len(tally.layouts) > 1:
        found = [", ".join(names) for names in tally.channels] + sorted(tally.layouts)
        raise DataInvalid(
            [
                f"recordings differ in channels or layout: {'; '.join(sorted(found))}; convert "
                "them in jobs of their own, or set dataset_convert.layout"
            ]
        )


def _summary(counts: dict[str, int], settings: DatasetConvertSpec) -> str:
    return (
        f"{counted(counts['sequences'], 'sequence', 'sequences')} of "
        f"{counted(counts['people'], 'person', 'people')} in "
        f"{counted(counts['frames'], 'frame', 'frames')} of "
        f"{counted(counts['recordings'], 'recording', 'recordings')}; left out: "
        f"{counted(counts['short_stretches'], 'stretch', 'stretches')} below "
        f"{settings.sequence_length_min} frames, "
        f"{counted(counts['unlabelled_sequences'], 'sequence', 'sequences')} without a label, "
        f"{counted(counts['untracked_sights'], 'sight', 'sights')} of people without a track"
    )


def _write_objects(job: _Job, windows: Iterator[Window]) -> int:
    objects = ObjectFiles(job.folder, job.settings.sequence_length_max)
    for window in windows:
        objects.add(window)
    if not len(objects):
        raise RunnerError(_nothing(job))
    files = objects.finish()
    layout = _write_layout(job, files)
    files[DATASET_FILE] = _write_facts(job, layout, ())
    publish(job.run, files)
    for index, (person, count) in enumerate(objects.counts().items()):
        if index == _TOLD_OBJECTS:
            job.run.report(f"and {len(objects) - index} more")
            break
        job.run.report(f"saved {count} sequences of {person}")
    return 0


def _write_labelled(job: _Job, windows: Iterator[Window]) -> int:
    with closing(LabelledFiles(job.folder, job.settings)) as labelled:
        for window in windows:
            labelled.add(window)
        if not job.tally.windows:
            raise RunnerError(_nothing(job))
        files, split = labelled.finish()
    layout = _write_layout(job, files)
    files[DATASET_FILE] = _write_facts(job, layout, labelled.class_names)
    files[SNIPPET_FILE] = _write_snippet(job, layout, labelled.class_names)
    publish(job.run, files)
    names = ", ".join(split.val_names)
    log.info("split by %s; for validation: %s", split.kind, names or "nothing")
    if labelled.num_left_out:
        said = "%d sequences are left out: their recordings are of neither side of the file's split"
        log.warning(said, labelled.num_left_out)
    for line in labelled.shares():
        log.info("%s", line)
    job.tally.windows -= labelled.num_left_out
    return labelled.num_unlabelled


def _nothing(job: _Job) -> str:
    tally, settings = job.tally, job.settings
    return (
        f"{settings.data}: nothing to write: {tally.people} sights of {tally.tracks} people in "
        f"{tally.frames} frames, in stretches below dataset_convert.sequence_length_min "
        f"({settings.sequence_length_min} frames)"
    )


def _write_layout(job: _Job, files: dict[str, Path]) -> str:
    """What model.graph_layout calls the layout: its name, or the path of a copy in the results."""
    [(name, layout)] = job.tally.layouts.items()
    if name in layout_names():
        return name
    files[LAYOUT_FILE] = job.folder / LAYOUT_FILE
    files[LAYOUT_FILE].write_text(layout.to_yaml(), encoding="utf-8")
    return str(job.run.results.resolve() / LAYOUT_FILE)


def _write_facts(job: _Job, layout: str, classes: tuple[str, ...]) -> Path:
    """dataset.json, which train reads and hands on."""
    tally = job.tally
    rates = tally.frame_rates
    facts = DatasetFacts(
        conversion=json.loads(job.settings.model_dump_json()),
        layout=layout,
        frame_rate=next(iter(rates)) if len(rates) == 1 else None,
        classes=classes,
        channels=next(iter(tally.channels)),
    )
    path = job.folder / DATASET_FILE
    path.write_text(facts.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return path


def _write_snippet(job: _Job, layout: str, classes: tuple[str, ...]) -> Path:
    """dataset.yaml: what a train spec needs to know of these data."""
    results = job.run.results.resolve()
    dataset: dict[str, JsonValue] = {
        f"{side}_dataset": {
            "data_path": str(results / f"{side}_data.npy"),
            "label_path": str(results / f"{side}_label.pkl"),
        }
        for side in ("train", "val")
    }
    dataset |= {
        "num_classes": len(classes),
        "label_map": {name: number for number, name in enumerate(classes)},
    }
    if job.settings.keep_confidence:
        dataset["preprocessing"] = {"has_confidence": True}
    model = {
        "graph_layout": layout,
        "input_channels": len(next(iter(job.tally.channels))),
    }
    path = job.folder / SNIPPET_FILE
    text = yaml.safe_dump({"dataset": dataset, "model": model}, sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8")
    return path
