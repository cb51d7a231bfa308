"""Arguments of the launcher and of TAO's commands, and the overrides that they carry."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from skillbank_runners.errors import RunnerError
from skillbank_runners.spec_reading import SpecInvalid

Table = dict[str, Any]  # a spec, or a section of one, as YAML holds it

_KEY = re.compile(r"(\+{0,2})([A-Za-z_][\w.]*)=(.*)", re.DOTALL)
_FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")  # YAML 1.1 reads 1e-3 as text


@dataclass(frozen=True)
class Launch:
    """One request: which action of which network, on which spec.

    Attributes:
        network_arch: Package of the network.
        action: Its action.
        spec_path: The spec file.
        results: Folder of the results; None: as the spec says.
        overrides: `key=value`, as given.
        settings: Dotted key -> value, from options such as --gpus.
        pause_after: Epochs after which a training pauses; None: never.
    """

    network_arch: str
    action: str
    spec_path: Path
    results: Path | None = None
    overrides: tuple[str, ...] = ()
    settings: dict[str, object] = field(default_factory=dict)
    pause_after: int | None = None


def parse_runner_arguments(arguments: Sequence[str] | None) -> Launch:
    """Arguments of `skillbank-run`, the process of every job."""
    parser = argparse.ArgumentParser(
        prog="skillbank-run", description="Run one action of one network in this process."
    )
    parser.add_argument("network_arch", help="network, such as pose_classification")
    parser.add_argument("action", help="action, such as train")
    parser.add_argument("-e", "--experiment-spec", type=Path, required=True, metavar="SPEC")
    parser.add_argument("--results", type=Path, metavar="DIR", help="folder of the results")
    parser.add_argument("--pause-after", type=_read_epochs, metavar="EPOCHS",
                        help="epochs after which a training pauses (exit status 75); the same "
                        "command goes on")  # fmt: skip
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="spec keys to change")
    options = parser.parse_intermixed_args(arguments)
    return Launch(
        options.network_arch,
        options.action,
        options.experiment_spec,
        options.results,
        tuple(options.overrides),
        pause_after=options.pause_after,
    )


def parse_tao_arguments(
    network_arch: str, actions: Sequence[str], arguments: Sequence[str] | None
) -> Launch:
    """Arguments of TAO's command of a network: `pose_classification train -e spec.yaml ...`."""
    parser = argparse.ArgumentParser(
        prog=network_arch, description=f"Run an action of {network_arch}."
    )
    parser.add_argument("action", choices=actions, help="what to do: %(choices)s", metavar="ACTION")
    parser.add_argument("-e", "--experiment_spec_file", "--experiment_spec", "--experiment-spec",
                        dest="spec_path", type=Path, required=True, metavar="SPEC",
                        help="spec file (YAML)")  # fmt: skip
    parser.add_argument("-r", "--results_dir", metavar="DIR", help="sets results_dir")
    parser.add_argument("-k", "--key", metavar="KEY", help="sets encryption_key")
    parser.add_argument("--gpus", "--num_gpus", dest="num_gpus", type=int, metavar="N",
                        help="sets <action>.num_gpus")  # fmt: skip
    parser.add_argument("--gpu_index", "--gpu_ids", dest="gpu_ids", type=_read_ids, metavar="IDS",
                        help="sets <action>.gpu_ids, such as 0,1")  # fmt: skip
    parser.add_argument("--num_nodes", type=int, metavar="N", help="sets <action>.num_nodes")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="spec keys to change")
    options = parser.parse_intermixed_args(arguments)
    return Launch(
        network_arch,
        options.action,
        options.spec_path,
        None,
        tuple(options.overrides),
        _settings(options),
    )


def _settings(options: argparse.Namespace) -> dict[str, object]:
    """Dotted keys that the options stand for."""
    action = options.action
    settings: dict[str, object] = {
        "results_dir": options.results_dir,
        "encryption_key": options.key,
    }
    if action in ("train", "evaluate", "inference"):
        settings |= {
            f"{action}.{name}": getattr(options, name)
            for name in ("num_gpus", "gpu_ids", "num_nodes")
        }
    elif action == "export" and options.gpu_ids:
        settings["export.gpu_id"] = options.gpu_ids[0]
    return {key: value for key, value in settings.items() if value is not None}


def _read_epochs(text: str) -> int:
    """A number of epochs, 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected 1 epoch or more")
    return int(text)


def _read_ids(text: str) -> list[int]:
    """GPU indices out of 0,1 or [0,1] or "0 1"."""
    return [int(part) for part in re.split(r"[,\s]+", text.strip("[] "))]


def read_content(launch: Launch) -> Table:
    """The spec file's content under the options and overrides of a request.

    Raises:
        SpecInvalid: No such file, no YAML mapping, or an override that cannot be read.
    """
    path = launch.spec_path
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecInvalid([f"{str(path)!r}: {error.strerror}; give a spec file with -e"]) from error
    except UnicodeDecodeError as error:
        raise SpecInvalid([f"{str(path)!r} is no text, expected a YAML file"]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        said = getattr(error, "problem", None) or error
        raise SpecInvalid([f"{str(path)!r}{line} is no YAML: {said}"]) from error
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise SpecInvalid([f"{str(path)!r}: found {content!r}, expected a mapping of sections"])
    problems = []
    for key, value in launch.settings.items():
        _set(content, key, value)
    for text in launch.overrides:
        try:
            _set(content, *read_override(text))
        except RunnerError as error:
            problems.append(str(error))
    if problems:
        raise SpecInvalid(problems)
    return content


def read_override(text: str) -> tuple[str, object]:
    """Dotted key and value of `key=value`; a leading + or ++ changes nothing.

    Raises:
        RunnerError: Something else.
    """
    match = _KEY.fullmatch(text)
    if match is None:
        advice = (
            "keys cannot be removed; give it the value that it shall have"
            if (text.startswith("~"))
            else "expected key=value, such as train.num_epochs=30"
        )
        raise RunnerError(f"override {text!r}: {advice}")
    _, key, value = match.groups()
    try:
        return key, float(value) if _FLOAT.fullmatch(value) else yaml.safe_load(value)
    except yaml.YAMLError as error:
        problem = str(error).splitlines()[0]
        raise RunnerError(f"override {text!r}: cannot read the value ({problem})") from error


def _set(table: Table, key: str, value: object) -> None:
    """Set a dotted key, making the sections above it."""
    *sections, name = key.split(".")
    for depth, section in enumerate(sections, start=1):
        below = table.get(section)
        if below is None:
            below = table[section] = {}
        if not isinstance(below, dict):
            above = ".".join(sections[:depth])
            raise RunnerError(f"override {key}: {above} holds {below!r}, which has no keys")
        table = below
    table[name] = value
