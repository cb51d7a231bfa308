"""Whether the data of a job are there, seen from the platform that reads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from skillbank.data_sources import archive_in, find_data, is_remote
from skillbank.errors import FilesError
from skillbank.inputs import absolute_file
from skillbank.platforms.inspection import Check, CheckState, FileFacts, FileKind
from skillbank.preflight.bucket import look_into_bucket
from skillbank.preflight.npy import HeaderCutOff, NotNpy, read_npy_header
from skillbank.preflight.subject import Subject
from skillbank.route import EVALUATION
from skillbank.skill_info import Input, InputType
from skillbank.spec_check import input_noun
from skillbank.spec_keys import get_value, is_empty

NAME = "data"
_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def check_data(subject: Subject) -> Iterator[Check]:
    """One check per file or folder that the job reads."""
    yield from _root_problems(subject)
    files = _files(subject)
    if subject.platform is None:
        yield Check(NAME, CheckState.SKIPPED, "there is no platform to look from")
        return
    for key, value in files.items():
        if is_remote(value):
            yield _judge_remote(key, value, subject.client.root)
    wanted = {
        key: str(archive_in(value) or value) for key, value in files.items() if not is_remote(value)
    }
    facts = subject.platform.look_at([*wanted.values()])
    if facts is None:
        yield Check(NAME, CheckState.SKIPPED, "the platform cannot tell what jobs find there")
        return
    inputs = subject.skill.info.actions[subject.action].inputs
    for key, fact in zip(wanted, facts, strict=True):
        yield judge_file(key, fact, inputs.get(key))


def _judge_remote(key: str, url: str, root: Path) -> Check:
    """A file that lies elsewhere: a bucket is asked for it from here, a link is not followed."""
    if not url.startswith(("s3://", "file://")):
        found = f"{url}: known by its name only, nothing was fetched"
        return Check(NAME, CheckState.WARN, found, "a file that the platform reads", "", key)
    fix = f"--set {key}=PATH, or --data; how buckets are reached stands in config.yaml"
    try:
        found = look_into_bucket(url, root)
    except FilesError as error:
        return Check(NAME, CheckState.FAIL, str(error), "a file or folder in a bucket", fix, key)
    if not found:
        told = f"{url}: nothing is there"
        return Check(NAME, CheckState.FAIL, told, "a file or folder in a bucket", fix, key)
    return Check(NAME, CheckState.PASS, f"{url}: {found}", "", "", key)


def data_bytes(subject: Subject) -> int:
    """Size of the data on a platform that can tell."""
    paths = [value for value in _files(subject).values() if not is_remote(value)]
    facts = subject.platform.look_at(paths) if subject.platform else None
    return sum(fact.size_bytes for fact in facts or ())


def judge_file(key: str, fact: FileFacts, wanted: Input | None) -> Check:
    """Whether one path holds what the key needs.

    Args:
        key: The spec key.
        fact: What lies there.
        wanted: What the skill says the key is; None: a file.
    """

    def told(state: CheckState, found: str, expected: str = "", fix: str = "") -> Check:
        return Check(NAME, state, f"{fact.path}: {found}", expected, fix, key)

    noun = input_noun(wanted) if wanted else "a file"
    if fact.kind is FileKind.MISSING:
        return told(CheckState.FAIL, "nothing is there", noun, f"--set {key}=PATH, or --data")
    if not fact.is_readable:
        return told(CheckState.FAIL, "it cannot be read", noun, f"chmod -R u+r {fact.path}")
    if wanted and wanted.type is InputType.FOLDER and fact.kind is not FileKind.FOLDER:
        return told(CheckState.FAIL, "it is a file", noun, f"--set {key}=FOLDER")
    if fact.kind is FileKind.FOLDER:
        state = CheckState.PASS if fact.num_files else CheckState.FAIL
        return told(state, f"a folder of {fact.num_files} entries", "" if fact.num_files else noun)
    size = show_bytes(fact.size_bytes)
    if fact.kind is FileKind.PATTERN:
        return told(CheckState.PASS, f"{fact.num_files} files, {size}")
    if not fact.size_bytes:
        return told(CheckState.FAIL, "it is empty", noun)
    if not fact.path.endswith(".npy"):
        return told(CheckState.PASS, size)
    return _judge_array(key, fact)


def show_bytes(size_bytes: int) -> str:
    """A size such as `1.2 MB`."""
    for unit, name in _UNITS:
        if size_bytes >= unit:
            return f"{size_bytes / unit:.1f} {name}"
    return f"{size_bytes} bytes"


def _judge_array(key: str, fact: FileFacts) -> Check:
    try:
        header = read_npy_header(fact.head)
    except HeaderCutOff as error:
        if fact.size_bytes > len(fact.head):  # a long header, of which only a part was read
            return Check(
                NAME, CheckState.PASS, f"{fact.path}: {show_bytes(fact.size_bytes)}", about=key
            )
        found = f"{fact.path}: {error}"
        return Check(NAME, CheckState.FAIL, found, "a whole file: copy it again", "", key)
    except NotNpy as error:
        found = f"{fact.path}: {error}"
        return Check(NAME, CheckState.FAIL, found, "an array as numpy.save writes it", "", key)
    found = f"{fact.path}: {header}, {show_bytes(fact.size_bytes)}"
    if header.holds_objects:
        expected = "numbers: an array of Python objects is never loaded"
        return Check(NAME, CheckState.FAIL, found, expected, "", key)
    whole = header.size_bytes
    if whole is not None and whole != fact.size_bytes:
        expected = f"{whole} bytes by its header, it has {fact.size_bytes}: copy it again"
        return Check(NAME, CheckState.FAIL, found, expected, "", key)
    return Check(NAME, CheckState.PASS, found, about=key)


def _root_problems(subject: Subject) -> Iterator[Check]:
    """What is wrong with the dataset roots, and with files that they should hold."""
    later = subject.roots_of_evaluation
    own = {role: root for role, root in subject.request.data.items() if role not in later}
    for action, roots in ((subject.action, own), (EVALUATION, later)):
        if not roots:
            continue
        files, problems = find_data(subject.skill, action, roots)
        for problem in [*problems, *(file.problem for file in files if file.problem)]:
            about, _, found = problem.partition(": ")
            yield Check(NAME, CheckState.FAIL, found, "", "--data [ROLE=]FOLDER", about)


def _files(subject: Subject) -> dict[str, str]:
    """Absolute paths and URLs by spec key, less those that an earlier step has yet to write."""
    inputs = subject.skill.info.actions[subject.action].inputs
    values = {key: get_value(subject.spec, key) for key in inputs}
    if later := subject.roots_of_evaluation:  # a skill may have no evaluation
        found, _ = find_data(subject.skill, EVALUATION, later)
        values |= {file.key: file.value for file in found}
    given = {k: v for k, v in values.items() if isinstance(v, str) and not is_empty(v)}
    downloads = subject.plan.downloads if subject.plan else {}
    given = {key: downloads.get(value, value) for key, value in given.items()}
    return {key: absolute_file(value) or "" for key, value in given.items()}
