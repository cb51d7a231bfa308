"""Which files, addresses and secrets a request of an agent may name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from glob import has_magic, iglob
from itertools import islice
from pathlib import Path
from typing import Any

from skillbank.automl.settings import PREFIX
from skillbank.checkpoints import is_rule
from skillbank.data_sources import is_remote
from skillbank.errors import AccessRefused, RequestInvalid
from skillbank.interpolation import resolve_references
from skillbank.plan import JobPlan
from skillbank.request import PORTABLE, JobRequest
from skillbank.settings import SECRET_REFERENCES
from skillbank.spec import SpecDraft
from skillbank.spec_keys import get_value, is_empty

_CODE_SETTINGS = ("metric_extractor", "eval_fn", "final_eval_fn")
"""Settings of a search that name Python code, which an agent must not choose."""

_OF_THE_OWNER = "inference key"
"""Origin of a reference to a secret that the server's own environment names, not the request."""

_PLACE_KEY = re.compile(r"(file|path|dir|folder|video|poses|checkpoint|engine)(\[\d+\])?$")
"""Last words of keys whose values are places, also without a slash in them."""

_MOST_MATCHES = 10_000  # files of one pattern that are looked at


@dataclass(frozen=True)
class Places:
    """Folders, and beginnings of addresses, that requests may name.

    Attributes:
        root: Folder of jobs: results of jobs may be named, records may not.
        folders: Further folders, with everything below, symlinks resolved.
        prefixes: URLs (`s3://bucket/part`) with everything below, and references to secrets
            (`env:NAME`) as they are.
    """

    root: Path
    folders: tuple[Path, ...] = ()
    prefixes: tuple[str, ...] = ()

    def check_request(self, request: JobRequest) -> None:
        """Refuse a request that names what it may not, before any of it is looked at.

        Raises:
            AccessRefused: It does; everything refused is listed.
        """
        named = {f"data.{role}": folder for role, folder in request.data.items()}
        if _is_file_of_its_own(request.checkpoint):
            named["checkpoint"] = str(request.checkpoint)
        if request.base_checkpoint is not None:
            named["base_checkpoint"] = request.base_checkpoint
        if request.results is not None:
            named["results"] = request.results
        if request.parent_job_id is not None and is_remote(request.parent_job_id):
            named["parent_job_id"] = request.parent_job_id
        problems = [self._problem(key, value) for key, value in named.items()]
        self._refuse([*problems, *self._setting_problems(request)])
        # Of folders that may be used, and only of those, it may be told what they hold.
        self._refuse(self._problem(key, str(link)) for key, link in _links_of_data(request))

    def check_settings(
        self,
        spec: Mapping[str, Any] | None,
        overrides: Mapping[str, Any] | None,
        automl: Mapping[str, Any] | None,
    ) -> None:
        """Refuse settings that name what they may not; like `check_request`."""
        request = JobRequest(
            "", "", spec=spec or {}, overrides=overrides or {}, automl=automl or {}
        )
        self._refuse(self._setting_problems(request))

    def check_resources(self, resources: Mapping[str, Any]) -> None:
        """Refuse resources that agents may not set; like `check_request`."""
        self._refuse(self._setting_problems(JobRequest("", "", resources=resources)))

    def check_draft(self, draft: SpecDraft) -> None:
        """Refuse a spec whose values name what they may not once those they refer to are put in.

        Args:
            draft: The caller's values; references in them are replaced.

        Raises:
            AccessRefused: It does; everything refused is listed.
        """
        resolve_references(draft)
        self._refuse(self._value_problems("", {key: draft.value(key) for key in draft.given}))

    def check_checkpoint(self, selection: str | None) -> None:
        """Refuse a choice of checkpoint that is a file which an agent may not name.

        Raises:
            AccessRefused: It lies elsewhere.
        """
        self.check_file("checkpoint", selection if _is_file_of_its_own(selection) else None)

    def check_file(self, key: str, value: object) -> None:
        """Refuse a file that an agent may not name; what is no text names none.

        Raises:
            AccessRefused: It lies elsewhere.
        """
        self._refuse([self._problem(key, value)] if isinstance(value, str) else [])

    def check_plan(self, plan: JobPlan) -> None:
        """Refuse a plan that uses what it may not, however it came to that.

        Folders of data may hold links, and values may refer to one another.

        Raises:
            AccessRefused: It does; everything refused is listed.
        """
        chosen = {
            key: get_value(plan.spec, key)
            for key, origin in plan.origins.items()
            if origin != _OF_THE_OWNER
        }
        settings = {"automl": plan.search.get("settings", {})}
        self._refuse([*self._value_problems("", chosen), *self._value_problems("", settings)])

    def _setting_problems(self, request: JobRequest) -> Iterator[str]:
        for name in ("spec", "overrides", "automl"):
            yield from self._value_problems(name, getattr(request, name))
        for key in request.resources:
            # What a platform lets a job mount, run as or reach is for its owner to say.
            if key not in PORTABLE:
                yield (
                    f"resources.{key}: only the owner of this server sets it, in config.yaml; "
                    f"agents may set: {', '.join(PORTABLE)}."
                )
        for written, value in request.automl.items():
            if str(written).removeprefix(PREFIX) in _CODE_SETTINGS and value is not None:
                yield (
                    f"automl.{written}: names Python code, {value!r}, which no agent may choose; "
                    "leave it out, or start the search with 'skillbank run'."
                )

    def _value_problems(self, name: str, value: object) -> Iterator[str]:
        """Problems of every text in a value that may be a place."""
        if isinstance(value, Mapping):
            for key, child in value.items():
                yield from self._value_problems(f"{name}.{key}" if name else str(key), child)
        elif isinstance(value, (list, tuple)):
            for index, child in enumerate(value):
                yield from self._value_problems(f"{name}[{index}]", child)
        elif isinstance(value, str) and (_may_be_place(value) or _names_place(name, value)):
            yield self._problem(name, value)

    def _problem(self, key: str, value: str) -> str:
        """Why a place may not be named; empty when it may."""
        if value.startswith(SECRET_REFERENCES):
            how = f"use none, or let the server's owner restart it with '--allow {value}'"
            return "" if value in self.prefixes else f"{key}: {value!r} refers to a secret; {how}."
        if is_remote(value):
            return self._problem_of_url(key, value)
        path = Path(os.path.expanduser(value))  # noqa: PTH111 - leaves an unknown user as it is
        if "\0" in value or (value.startswith("~") and str(path) == value):
            return f"{key}: {value!r} is no path; expected one without '~' and zero bytes."
        if not path.is_absolute() and ".." in path.parts:
            return f"{key}: {value!r} leads upwards; name the file by its whole path."
        elsewhere = next((file for file in _files(path) if not self._holds(file)), None)
        if elsewhere is None:
            return ""
        real = f" (really {elsewhere})" if str(elsewhere) != value else ""
        return (
            f"{key}: {value!r}{real} is outside the folders that this server lets agents use: "
            f"{self._told()}. Use a file there, or let the server's owner restart it with "
            f"'--allow {elsewhere}'."
        )

    def _problem_of_url(self, key: str, value: str) -> str:
        beginnings = [prefix.rstrip("/") for prefix in self.prefixes]
        known = any(value == one or value.startswith(f"{one}/") for one in beginnings)
        if known and ".." not in value.split("/"):
            return ""
        told = ", ".join(one for one in self.prefixes if is_remote(one)) or "none"
        return (
            f"{key}: {value!r} is no address that this server lets agents use: {told}. Use a "
            f"folder, or let the server's owner restart it with '--allow {value}'."
        )

    def _holds(self, file: Path) -> bool:
        """Tell whether a resolved path may be used; records and locks of the root never are."""
        if file.is_relative_to(self.root):
            return file.is_relative_to(self.root / "jobs")
        return any(file.is_relative_to(folder) for folder in self.folders)

    def _told(self) -> str:
        return ", ".join(str(folder) for folder in (*self.folders, self.root / "jobs"))

    @staticmethod
    def _refuse(problems: Iterable[str]) -> None:
        found = [problem for problem in problems if problem]
        if found:
            raise AccessRefused("\n".join(dict.fromkeys(found)))


def read_places(root: Path, allowed: list[str]) -> Places:
    """Places from what the owner of a server allowed, by default the current folder.

    Args:
        root: Folder of jobs.
        allowed: Folders, beginnings of URLs, and references to secrets.

    Raises:
        RequestInvalid: One is a folder that does not exist.
    """
    folders, prefixes = [], []
    for one in allowed:
        if is_remote(one) or one.startswith(SECRET_REFERENCES):
            prefixes.append(one)
            continue
        folder = Path(one).expanduser()
        if not folder.is_dir():
            raise RequestInvalid(f"--allow {one}: there is no such folder; expected a folder.")
        folders.append(folder.resolve())
    if not folders and not is_whole_home(Path.cwd()):
        folders = [Path.cwd().resolve()]
    return Places(root.resolve(), tuple(folders), tuple(prefixes))


def is_whole_home(folder: Path) -> bool:
    """Tell whether a folder holds all of a user's or machine's files: too much by default."""
    home = Path.home().resolve()
    return home.is_relative_to(folder.resolve())


def _is_file_of_its_own(selection: str | None) -> bool:
    """Tell whether a choice of checkpoint may be a file outside the results of its job."""
    if selection is None or is_rule(selection):
        return False
    return "/" in selection or selection.startswith("~") or os.path.lexists(selection)


def _may_be_place(value: str) -> bool:
    looks_so = "/" in value or value.startswith(("~", *SECRET_REFERENCES)) or is_remote(value)
    return looks_so or (value != "" and os.path.lexists(value))


def _names_place(key: str, value: str) -> bool:
    """Tell whether a key takes a file or folder, such as one to write that is not there yet."""
    return not is_empty(value) and _PLACE_KEY.search(key) is not None


def _links_of_data(request: JobRequest) -> Iterator[tuple[str, Path]]:
    """Links among the files of the data folders: each must lead to where its folder may lie."""
    for role, folder in request.data.items():
        path = Path(folder).expanduser()
        if not is_remote(folder) and path.is_dir():
            entries = islice(path.iterdir(), _MOST_MATCHES)
            yield from ((f"data.{role}", entry) for entry in entries if entry.is_symlink())


def _files(path: Path) -> Iterator[Path]:
    """What a path or pattern leads to, links resolved: first the place where it begins."""
    yield Path(os.path.realpath(path))
    if has_magic(str(path)) and not path.exists():
        matches = islice(iglob(str(path), recursive=True), _MOST_MATCHES)  # noqa: PTH207 - lazily
        yield from (Path(os.path.realpath(match)) for match in matches)
