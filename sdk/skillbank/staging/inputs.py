"""Bring a job's inputs to the disk of the machine that runs it.

Every `s3://` value of a spec, at any depth, becomes a local path, and so does every `file://` one.
A folder stays a folder. An archive (`.tar.gz`, `.tgz`; `.tar` and `.zip` where a folder is
expected) becomes the folder that it holds; `s3://bucket/set.tar.gz/train` means `train` in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from glob import has_magic
from pathlib import Path
from typing import Any

from skillbank.errors import FileMissing, FilesError, RequestInvalid
from skillbank.files.archive import is_archive
from skillbank.files.cache import Cache, Fetched
from skillbank.files.cache_names import plain_path
from skillbank.skill import Spec
from skillbank.skill_info import Input, InputType
from skillbank.staging.annotations import listed_files
from skillbank.staging.telling import Meter, size_text

References = Callable[[str], Input | None]
"""From a dotted spec key to what the skill says of it: `info.actions[action].inputs.get`."""

_SINGLE = frozenset({InputType.CHECKPOINT, InputType.ONNX, InputType.ENGINE})
_ALWAYS_FOLDERS = (".tar.gz", ".tgz")


@dataclass(frozen=True)
class InputRecord:
    """Where an input came from, and what it was.

    Attributes:
        key: Dotted spec key.
        uri: What the spec named.
        version: Of the object; empty for a folder.
        sha256: Digest of the file or archive; of a folder, that of its names and digests.
        size_bytes: Of all its files, as they came.
        num_files: How many came.
        path: Where it lies now.
    """

    key: str
    uri: str
    version: str
    sha256: str
    size_bytes: int
    num_files: int
    path: str


@dataclass(frozen=True)
class _Wanted:
    """A value of the spec that is to become a local path."""

    key: str
    value: str
    says: Input | None

    @property
    def is_folder(self) -> bool:
        return self.value.endswith("/") or (
            self.says is not None and self.says.type is InputType.FOLDER
        )

    @property
    def is_unpacked(self) -> bool:
        """Whether an archive stands for the folder in it."""
        if self.says is not None and self.says.type in _SINGLE:
            return False
        name = self.value.lower()
        return name.endswith(_ALWAYS_FOLDERS) or (self.is_folder and is_archive(name))


class Inputs:
    """Makes specs local.

    Args:
        cache: Where files are kept.
        tell: Told lines for people.
    """

    def __init__(self, cache: Cache, tell: Callable[[str], None] | None = None) -> None:
        self._cache = cache
        self._tell = tell or (lambda _: None)
        self._done: dict[tuple[str, bool], Fetched] = {}

    def localise(
        self, spec: Mapping[str, Any], references: References | None = None
    ) -> tuple[Spec, list[InputRecord]]:
        """Bring what a spec names.

        Args:
            spec: The spec; it is not changed.
            references: What the skill says of its keys; None: it is not known.

        Returns:
            The spec with local paths, and what was brought for which key.

        Raises:
            RequestInvalid: Something is not there, or is no such thing; all problems are told.
            FilesError: A place failed, and may not fail later or elsewhere.
        """
        look = references or (lambda _: None)
        values = {key: value for key, value in _texts(spec) if _is_ours(value)}
        paths: dict[str, str] = {}
        records: list[InputRecord] = []
        problems: list[tuple[str, FilesError | RequestInvalid]] = []
        for key in sorted(values, key=lambda key: bool(_lister(look, key))):  # lists come first
            wanted = _Wanted(key, values[key], _said(look, key))
            try:
                found = self._bring(wanted, self._wanted_names(look, key, spec, paths))
            except (FilesError, RequestInvalid) as error:
                problems.append((key, error))
                continue
            paths[key] = str(found.path)
            if str(found.path) != wanted.value:
                records.append(_record(key, wanted.value, found))
        if problems:
            raise _together(problems)
        return _with(spec, paths), sorted(records, key=lambda record: record.key)

    def _bring(self, wanted: _Wanted, names: frozenset[str] | None) -> Fetched:
        known = (wanted.value, wanted.is_unpacked)
        if names is None and known in self._done:
            return self._done[known]
        began = time.monotonic()
        with Meter(self._cache, wanted.key, self._tell):
            found = self._fetch(wanted, names)
        if names is None:
            self._done[known] = found
        if found.num_files:
            self._tell(
                f"input {wanted.key}: {wanted.value}: {found.num_files:,} file"
                f"{'s' * (found.num_files != 1)}, {size_text(found.size_bytes)}, here after "
                f"{time.monotonic() - began:.1f} s"
            )
        return found

    def _fetch(self, wanted: _Wanted, names: frozenset[str] | None) -> Fetched:
        value = plain_path(wanted.value)
        archive, inner = _split_archive(value)
        if inner and self._is_file(archive):
            return _inside(self._unpack(archive), archive, inner)
        if wanted.is_unpacked and self._is_file(value):
            return self._unpack(value)
        if not value.startswith("s3://"):
            return _local(wanted, value)
        if wanted.is_folder:
            return self._fetch_folder(wanted, value, names)
        try:
            return self._cache.get_file(value)
        except FileMissing:
            if has_magic(value):
                return self._fetch_matches(value)
            return self._fetch_folder(wanted, value, names)

    def _fetch_folder(self, wanted: _Wanted, value: str, names: frozenset[str] | None) -> Fetched:
        try:
            if names is None:
                return self._cache.get_folder(value)
            try:
                return self._cache.get_folder(value, lambda name: _is_listed(name, names))
            except FileMissing:
                self._tell(
                    f"input {wanted.key}: {_lister_of(wanted)} lists no file of {value}; all of "
                    "them are brought"
                )
                return self._cache.get_folder(value)
        except FileMissing as error:
            raise FileMissing(
                f"{value}: neither a file nor a folder lies there; check the name, and that the "
                "bucket is the right one."
            ) from error

    def _fetch_matches(self, value: str) -> Fetched:
        """Files that fit a pattern such as `poses/*.json`; the value stays a pattern."""
        parts = value.split("/")
        first = next(index for index, part in enumerate(parts) if has_magic(part))
        folder, pattern = "/".join(parts[:first]), parts[first:]

        def fits(name: str) -> bool:
            given = name.split("/")
            return len(given) == len(pattern) and all(map(fnmatchcase, given, pattern))

        found = self._cache.get_folder(folder, fits)
        return replace(found, path=found.path.joinpath(*pattern), uri=value)

    def _unpack(self, archive: str) -> Fetched:
        if archive.startswith("s3://"):
            return self._cache.get_unpacked(archive)
        return self._cache.unpack_file(Path(archive))

    def _is_file(self, value: str) -> bool:
        return self._cache.has_file(value) if value.startswith("s3://") else Path(value).is_file()

    def _wanted_names(
        self, look: References, key: str, spec: Mapping[str, Any], paths: Mapping[str, str]
    ) -> frozenset[str] | None:
        """Names that the file lists which says what is used of a folder; None: all are used."""
        lister = _lister(look, key)
        if not lister:
            return None
        value = paths.get(lister) or dict(_texts(spec)).get(lister, "")
        if not value or not Path(value).is_file():
            return None
        names = listed_files(Path(value))
        if names is None:
            self._tell(f"input {key}: {value} cannot be read as a list; all files are brought")
        return names


def _is_ours(value: str) -> bool:
    if value.startswith(("s3://", "file://")):
        return True
    archive, _ = _split_archive(value)
    return value.startswith("/") and is_archive(archive) and Path(archive).is_file()


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any spec
    """Dotted key and value of every text, at any depth: `a.b[0].c`."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, child in value.items():
            yield from _texts(child, f"{key}.{name}" if key else str(name))
    elif isinstance(value, (list, tuple)):
        for index, child in enumerate(value):
            yield from _texts(child, f"{key}[{index}]")


def _with(value: Any, paths: Mapping[str, str], key: str = "") -> Any:  # noqa: ANN401 - any spec
    """A copy in which these values are others."""
    if isinstance(value, Mapping):
        return {
            name: _with(child, paths, f"{key}.{name}" if key else str(name))
            for name, child in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_with(child, paths, f"{key}[{index}]") for index, child in enumerate(value)]
    return paths.get(key, value)


def _said(look: References, key: str) -> Input | None:
    """What the skill says of a key, or of the list that it is in."""
    return look(key) or look(_without_numbers(key))


def _lister(look: References, key: str) -> str:
    """Key of the file that lists what is used of a folder, beside it in the same list; or none."""
    said = _said(look, key)
    if said is None or not said.listed_by:
        return ""
    plain, lister = key.split("."), said.listed_by.split(".")
    numbered = [
        given if _without_numbers(given) == own else own
        for given, own in zip(plain, lister, strict=False)
    ]
    return ".".join([*numbered, *lister[len(numbered) :]])


def _lister_of(wanted: _Wanted) -> str:
    return wanted.says.listed_by if wanted.says is not None else ""


def _without_numbers(key: str) -> str:
    return ".".join(part.partition("[")[0] for part in key.split("."))


def _split_archive(value: str) -> tuple[str, str]:
    """URI of the first archive on a way, and the path in it; without one, the value itself."""
    parts = value.split("/")
    for index, part in enumerate(parts[:-1], start=1):
        if is_archive(part) and any(parts[index:]):
            return "/".join(parts[:index]), "/".join(parts[index:]).strip("/")
    return value, ""


def _inside(found: Fetched, archive: str, inner: str) -> Fetched:
    """What lies in an archive, below the folder that it stands for, or that it was put into."""
    only = [one for one in found.path.iterdir() if one.is_dir()]
    roots = [found.path, found.path.parent, *(only if len(only) == 1 else [])]
    for root in roots:
        if (root / inner).exists() and ".." not in inner.split("/"):
            return replace(found, path=root / inner)
    names = sorted(one.name + "/" * one.is_dir() for one in found.path.iterdir())
    raise RequestInvalid(
        f"{archive}: the archive holds no {inner!r}; it holds {', '.join(names[:12]) or 'nothing'}."
    )


def _local(wanted: _Wanted, value: str) -> Fetched:
    path = Path(value)
    if not path.exists() and not has_magic(value):
        raise RequestInvalid(
            f"{wanted.value}: there is no such file or folder on this machine; a file:// URI means "
            "the disk of the machine that runs the job."
        )
    return Fetched(path, wanted.value, "", "", 0, 0)


def _is_listed(name: str, names: frozenset[str]) -> bool:
    """Whether a list names a file, by any end of its path, or by its name without the ending."""
    base = name.rpartition("/")[2]
    return name in names or base in names or base.partition(".")[0] in names


def _record(key: str, uri: str, found: Fetched) -> InputRecord:
    return InputRecord(
        key,
        uri,
        found.version,
        found.sha256,
        found.size_bytes,
        found.num_files,
        str(found.path),
    )


def _together(problems: list[tuple[str, FilesError | RequestInvalid]]) -> Exception:
    """One error of all problems; of the places' kind only where waiting may mend each."""
    told = "\n".join(f"  - {key}: {error}" for key, error in problems)
    message = f"{len(problems)} of the job's inputs cannot be brought:\n{told}"
    kinds = {type(error) for _, error in problems}
    if len(kinds) == 1 and kinds.isdisjoint({FileMissing, RequestInvalid}):
        return kinds.pop()(message)
    return RequestInvalid(message)
