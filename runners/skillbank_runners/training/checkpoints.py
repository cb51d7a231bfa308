"""Checkpoint files: their names, how they are written and how strangers' files are read.

Equal training states give files with equal bytes: nothing in a file depends on the time, the
folder, or on how often training was interrupted.
"""

from __future__ import annotations

import io
import os
import pickle
import re
import sys
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from skillbank_runners.api import ArtefactKind, Run, describe_file, placed_whole, write_atomically
from skillbank_runners.errors import RunnerError

State = dict[str, Any]  # a checkpoint as torch.save holds it

_NAME = re.compile(r"model_epoch_(\d+)(?:_step_(\d+))?\.pth")


def checkpoint_name(epoch: int, step: int) -> str:
    """File name of the state after `step` optimizer steps, in or after zero-indexed `epoch`."""
    return f"model_epoch_{epoch:03d}_step_{step:05d}.pth"


def write_checkpoint(
    run: Run, path: Path, state: Mapping[str, Any], metrics: Mapping[str, float]
) -> None:
    """Write a checkpoint so that it is whole or absent, and record it with its metrics."""
    buffer = io.BytesIO()
    torch.save(_canonical(state), buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())
    entry = describe_file(path, run.results, ArtefactKind.CHECKPOINT)
    run.record(replace(entry, epoch=state["epoch"], step=state["global_step"], metrics=metrics))


def remove_checkpoint(run: Run, path: Path) -> None:
    """Delete a checkpoint, then its record, by which one that is interrupted is done again."""
    path.unlink(missing_ok=True)
    run.forget(Path(os.path.relpath(path, run.results)).as_posix())


def point_latest(link: Path, target: Path) -> None:
    """Make `link` name `target` from one moment to the next; relative, so that folders can move."""
    relative = os.path.relpath(target, link.parent)
    with placed_whole(link) as temporary:
        temporary.symlink_to(relative)


def newest_checkpoint(results: Path, latest_name: str) -> Path | None:
    """What the latest link names, or else the newest of the periodic checkpoints."""
    link = results / latest_name
    if link.is_file():
        return link.resolve()
    found = [
        (int(match[1]), int(match[2] or 0), path)
        for path in results.glob("model_epoch_*.pth")
        if (match := _NAME.fullmatch(path.name))
    ]
    return max(found)[2] if found else None


def periodic_before(run: Run, path: Path) -> Path | None:
    """The recorded periodic checkpoint before another recorded one; None: there is none."""
    known = {
        entry.path: (entry.epoch, entry.step)
        for entry in run.artefacts()
        if _NAME.fullmatch(entry.path)
    }
    earlier = [name for name in known if path.name in known and known[name] < known[path.name]]
    return run.results / max(earlier, key=known.__getitem__) if earlier else None


def metrics_after(run: Run, epochs: int) -> Mapping[str, float]:
    """What was measured after so many epochs, as the checkpoints of that moment are recorded."""
    known = [entry.metrics for entry in run.artefacts() if entry.epoch == epochs - 1]
    return max(known, key=len, default={})


def read_checkpoint(path: Path, key: str) -> State:
    """Load a checkpoint without running any code that a file may carry.

    Args:
        path: A file written here, by TAO, or any `torch.save` of a state dict.
        key: Dotted key of the spec that names the file, for messages.

    Returns:
        The checkpoint; a bare state dict is wrapped as `{"state_dict": ...}`.

    Raises:
        RunnerError: No such file, or nothing that can be read as a checkpoint.
    """
    if not path.is_file():
        raise RunnerError(f"{key}: no file {str(path)!r}{_neighbours(path)}")
    try:
        with warnings.catch_warnings():
            # What PyTorch remarks on foreign pickles; what matters of it is said below.
            warnings.simplefilter("ignore", UserWarning)
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise RunnerError(_refused(path, key, error)) from error
    except (RuntimeError, EOFError, ValueError, KeyError, UnicodeDecodeError) as error:
        raise RunnerError(
            f"{key}: {str(path)!r} is no checkpoint that PyTorch can read ({_first_line(error)}); "
            "a file cut short must be replaced, an encrypted one decrypted with TAO first"
        ) from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        return content
    if isinstance(content, dict) and any(isinstance(v, Tensor) for v in content.values()):
        return {"state_dict": content}
    raise RunnerError(
        f"{key}: {str(path)!r} holds {type(content).__name__} without weights, expected a "
        "checkpoint with a state_dict"
    )


def _refused(path: Path, key: str, error: Exception) -> str:
    with path.open("rb") as file:
        is_archive = file.read(2) == b"PK"
    if not is_archive:
        return (
            f"{key}: {str(path)!r} is no plain PyTorch checkpoint: encrypted, or of an old pickle "
            "format; decrypt it with TAO, or save its state_dict with torch.save"
        )
    asked = re.search(r"GLOBAL (\S+)", str(error))
    what = f"asks for {asked[1].rstrip('.')}" if asked else "holds more than tensors"
    return (
        f"{key}: {str(path)!r} {what}; loading it could run foreign code, so it is refused; "
        "save only its state_dict where the file was made"
    )


def _neighbours(path: Path) -> str:
    if not path.parent.is_dir():
        return ", and no such folder either"
    names = sorted(file.name for file in path.parent.glob("*.pth"))
    return f"; that folder has: {', '.join(names[-5:]) or 'no .pth file'}"


def _first_line(error: Exception) -> str:
    """What PyTorch found, without the long advice that follows in the same line."""
    line = (str(error).splitlines() or [type(error).__name__])[0]
    return line.partition(". ")[0][:200]


def _canonical(value: object) -> object:
    """The same value built afresh: sorted keys, own storages, one object per equal string.

    torch.save writes object identities and key order into the file; both differ between a state
    that was trained and one that was loaded.
    """
    match value:
        case Tensor():
            return value.detach().cpu().clone(memory_format=torch.contiguous_format)
        case Mapping():
            items = sorted(value.items(), key=lambda item: (str(type(item[0])), item[0]))
            return {_canonical(key): _canonical(content) for key, content in items}
        case list():
            return [_canonical(item) for item in value]
        case tuple():
            return tuple(_canonical(item) for item in value)
        case str():
            return sys.intern(str(value))
    return value
