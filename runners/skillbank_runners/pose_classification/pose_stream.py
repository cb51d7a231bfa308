"""Name what people do while their poses come: a filter from JSON lines to JSON lines.

    python -m skillbank_runners.pose_classification.pose_stream --checkpoint model.pth < poses.jsonl

A line in is a frame, or a batch of frames, of DeepStream's JSON (see `continual.frames`); a line
out is written for every frame at once. Exit codes: 0 all read (or nobody reads on), 1 a line could
not be used, 2 the model or the options could not, 130 and 143 stopped by SIGINT and SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import yaml

from skillbank_runners.errors import Cancelled, RunnerError
from skillbank_runners.signals import signals_stop

if TYPE_CHECKING:
    from skillbank_runners.pose_classification.continual.model import StreamSettings
    from skillbank_runners.pose_classification.continual.stream import (
        ActionStream,
        FrameActions,
        PersonAction,
    )

_MAX_LINE_BYTES = 64 * 2**20  # more than a thousand people; whatever sends more sends no lines
_STANDARD = "-"
_WRONG_LINE, _WRONG_REQUEST = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the filter; its exit code."""
    options = _parser().parse_args(arguments)
    with signals_stop() as stop, ExitStack() as stack:
        try:
            stream = _open_stream(options)
            source = stack.enter_context(_opened(options.input, "rb"))
            target = stack.enter_context(_opened(options.output, "wb"))
            return _Filter(stream, target, options).run(source)
        except BrokenPipeError:
            # Python writes out what is left when it ends: give it a place to.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except Cancelled:
            return stop.exit_code
        except RunnerError as error:
            _complain(f"error: {error}")
            return _WRONG_REQUEST


class _Filter:
    """Passes lines through a stream."""

    def __init__(
        self, stream: ActionStream, target: IO[bytes], options: argparse.Namespace
    ) -> None:
        self._stream = stream
        self._target = target
        self._skips_bad: bool = options.skip_bad
        self._with_top: bool = options.top_k > 1

    def run(self, source: IO[bytes]) -> int:
        """Until the lines end; the exit code."""
        from skillbank_runners.pose_classification.continual.frames import FrameInvalid

        for number, line in enumerate(_lines(source), start=1):
            try:
                self._pass(line)
            except FrameInvalid as error:
                _complain(f"{'skipped' if self._skips_bad else 'error'}: line {number}: {error}")
                if not self._skips_bad:
                    return _WRONG_LINE
        for actions in self._stream.end():
            self._write(actions)
        return 0

    def _pass(self, line: bytes) -> None:
        from skillbank_runners.pose_classification.continual.frames import FrameInvalid, parse_line

        if not line.strip():
            return
        if len(line) > _MAX_LINE_BYTES:
            raise FrameInvalid(f"longer than {_MAX_LINE_BYTES} bytes, expected a frame per line")
        for frame in parse_line(line, self._stream.pose):
            self._write(self._stream.take(frame))

    def _write(self, actions: FrameActions) -> None:
        document = {
            "batch_id": actions.camera,
            "frame": actions.frame,
            "objects": [_object(person, self._with_top) for person in actions.people],
            **({"end": True} if actions.is_end else {}),
        }
        self._target.write(json.dumps(document, ensure_ascii=False).encode() + b"\n")
        self._target.flush()


def _object(person: PersonAction, with_top: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "object_id": person.object_id,
        "action": person.action,
        "score": None if person.score is None else round(person.score, 4),
        "since_frame": person.since_frame,
        "for_frame": person.for_frame,
    }
    if with_top:
        document["top"] = [
            {"action": one.action, "score": round(one.score, 4)} for one in person.top
        ]
    return document | ({"last": True} if person.is_last else {})


def _lines(source: IO[bytes]) -> Iterator[bytes]:
    """Lines as they come; of one that is too long what shows it, then the rest is passed over."""
    while line := source.readline(_MAX_LINE_BYTES + 1):
        yield line
        while len(line) > _MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = source.readline(_MAX_LINE_BYTES + 1)


def _open_stream(options: argparse.Namespace) -> ActionStream:
    """The model, ready; what the user should know of it is said."""
    settings = _settings(options)
    import torch

    from skillbank_runners.pose_classification.continual.model import load_stream_model
    from skillbank_runners.pose_classification.continual.stream import ActionStream

    # A frame is some sixty small products: with two threads and one busy neighbour it took 13 ms
    # instead of 2.3, and on an idle machine 1.7.
    torch.set_num_threads(1)
    model = load_stream_model(options.checkpoint.expanduser(), settings)
    for note in model.notes:
        _complain(f"note: {note}")
    return ActionStream(model)


def _settings(options: argparse.Namespace) -> StreamSettings:
    from skillbank_runners.pose_classification.continual.model import StreamSettings
    from skillbank_runners.pose_classification.continual.people import Smoothing

    return StreamSettings(
        window_frames=options.window,
        top_k=options.top_k,
        max_age=options.max_age,
        smoothing=Smoothing(options.average, options.hysteresis, options.min_duration),
        frame_rate=options.frame_rate,
        conversion=dict(_assignment(text) for text in options.set),
    )


def _assignment(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise RunnerError(f"--set: found {text!r}, expected KEY=VALUE, such as pose_type=3dbp")
    try:
        return key.removeprefix("dataset_convert."), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise RunnerError(f"--set: the value of {text!r} cannot be read: {error}") from error


@contextmanager
def _opened(name: str, mode: str) -> Iterator[IO[bytes]]:
    if name == _STANDARD:
        yield sys.stdin.buffer if mode == "rb" else sys.stdout.buffer
        return
    try:
        file = Path(name).expanduser().open(mode)
    except OSError as error:
        option = "--input" if mode == "rb" else "--output"
        raise RunnerError(f"{option}: {name!r}: {error.strerror}") from error
    with file:
        yield file


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pose-stream",
        description="Name what people do while their poses come, JSON lines in and out.",
    )
    add = parser.add_argument
    add("--checkpoint", type=Path, required=True, metavar="FILE", help="trained model (.pth)")
    add("--input", default=_STANDARD, metavar="FILE", help="frames, one per line; -: stdin")
    add("--output", default=_STANDARD, metavar="FILE", help="actions; -: stdout")
    add("--top-k", type=_count, default=1, metavar="K", help="also tell the K likeliest actions")
    add("--skip-bad", action="store_true", help="tell lines that cannot be used, and go on")
    add("--window", type=_count, metavar="FRAMES",
        help="frames that an answer is about [as the sequences of training]")  # fmt: skip
    add("--max-age", type=_count, default=30, metavar="FRAMES",
        help="forget who is not seen for so long [30]")  # fmt: skip
    add("--average", type=_count, default=1, metavar="FRAMES",
        help="mean of the scores of so many frames [1]")  # fmt: skip
    add("--hysteresis", type=_share, default=0.1, metavar="SHARE",
        help="by how much the score of a new action must be higher [0.1]")  # fmt: skip
    add("--min-duration", type=_count, default=10, metavar="FRAMES",
        help="for how many frames it must be so [10]")  # fmt: skip
    add("--frame-rate", type=_rate, metavar="FPS", help="of the stream [as the training data]")
    add("--set", action="append", default=[], metavar="KEY=VALUE",
        help="setting of dataset_convert that made the training data, for checkpoints that do "
        "not carry it; or input_width, input_height")  # fmt: skip
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1:
        raise ValueError
    return number


def _rate(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1000:
        raise ValueError
    return number


_count.__name__, _share.__name__, _rate.__name__ = "count of 1 or more", "share", "frame rate"

if __name__ == "__main__":
    sys.exit(main())
