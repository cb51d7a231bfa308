"""Read label files without running code that they may carry.

A label file is a pickle of the pair (clip names, class ids), or a .npy file of class ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from skillbank_runners.errors import RunnerError
from skillbank_runners.safe_pickle import PickleBroken, PickleRefused, load_pickle

Ints = npt.NDArray[np.int64]

_EXPECTED = "expected a pickle of the pair [[clip names], [class ids]]"
_ADVICE = "save it again with plain lists, str and int: pickle.dump([names, ids], file)"


@dataclass(frozen=True)
class Labels:
    """Names and classes of the clips of one data file.

    Attributes:
        names: One per clip; None where the file holds only class ids.
        ids_N: Class of each clip.
    """

    names: tuple[str, ...] | None
    ids_N: Ints


def read_labels(path: Path) -> Labels:
    """Labels of a .pkl or .npy file.

    Raises:
        RunnerError: Not such a file, or one that asks for more than lists, text and numbers.
    """
    if path.suffix == ".npy":
        return Labels(None, _ids(_load_array(path), path))
    try:
        content = load_pickle(path)
    except PickleRefused as refusal:
        raise RunnerError(
            f"{str(path)!r} asks for {str(refusal)!r}, which could run foreign code; it was not "
            f"loaded. {_EXPECTED}; {_ADVICE}"
        ) from None
    except PickleBroken as error:
        raise RunnerError(f"{str(path)!r} is no readable pickle ({error}); {_EXPECTED}") from error
    return _parse(content, path)


def _parse(content: object, path: Path) -> Labels:
    if not isinstance(content, (list, tuple)) or len(content) != 2:
        raise RunnerError(f"{str(path)!r} holds {_describe(content)}, {_EXPECTED}")
    names, ids = content
    for part, what in ((names, "clip names"), (ids, "class ids")):
        if not isinstance(part, (list, tuple)):
            raise RunnerError(f"{str(path)!r}: {what} are {_describe(part)}, {_EXPECTED}")
    if len(names) != len(ids):
        raise RunnerError(f"{str(path)!r} holds {len(names)} clip names and {len(ids)} class ids")
    return Labels(tuple(str(name) for name in names), _ids(ids, path))


def _ids(ids: object, path: Path) -> Ints:
    if isinstance(ids, np.ndarray):
        if ids.ndim != 1 or ids.dtype.kind not in "iu":
            raise RunnerError(
                f"{str(path)!r} holds an array of shape {ids.shape} and type {ids.dtype}, expected "
                "one integer class id per clip"
            )
        return ids.astype(np.int64)
    assert isinstance(ids, (list, tuple))
    for index, value in enumerate(ids):
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
            raise RunnerError(
                f"{str(path)!r}: class id {index} is {value!r}, expected an integer; {_ADVICE}"
            )
    try:
        return np.array(ids, dtype=np.int64)
    except OverflowError:
        raise RunnerError(f"{str(path)!r}: a class id does not fit into 64 bits") from None


def _load_array(path: Path) -> npt.NDArray[np.generic]:
    try:
        array: npt.NDArray[np.generic] = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise RunnerError(f"{str(path)!r} is no .npy file of numbers ({error})") from error
    return array


def _describe(value: object) -> str:
    length = f" of {len(value)} entries" if isinstance(value, (list, tuple, dict, set)) else ""
    return f"a {type(value).__name__}{length}"
