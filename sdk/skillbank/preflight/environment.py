"""Whether jobs find what their runner imports, in versions that do."""

from __future__ import annotations

from collections.abc import Iterator

from skillbank.bank import shipped
from skillbank.documents import read_json, read_yaml
from skillbank.platforms.inspection import Check, CheckState
from skillbank.preflight.imports import runner_file
from skillbank.preflight.packages import install_command, names_of_action, packages_of
from skillbank.preflight.subject import Subject

NAME = "environment"
_GRAVE = ("skill_format",)  # a folder of another layout is read wrongly; the rest only differs


def check_environment(subject: Subject) -> Iterator[Check]:
    """The runner, its packages, and the versions that the skill was made against."""
    info = subject.skill.info
    runner = f"skillbank_runners.{info.network_arch}.{subject.action}"
    if runner_file(info.network_arch, subject.action) is None:
        expected = f"a module {runner} on the import path"
        yield Check(NAME, CheckState.FAIL, f"{runner} is not installed", expected, "", "runner")
    else:
        yield _check_packages(subject)
    yield from _check_versions(subject)


def _check_packages(subject: Subject) -> Check:
    arch = subject.skill.info.network_arch
    names = names_of_action(arch, subject.action, is_searched=subject.is_searched)
    versions = subject.platform.installed(names) if subject.platform else None
    if versions is None:
        return Check(NAME, CheckState.SKIPPED, "the platform does not tell what is installed")
    packages = packages_of(names, versions)
    lacking = [p for p in packages if p.is_missing and not p.is_optional]
    further = [p for p in packages if p.is_missing and p.is_optional and p.extras]
    about = "packages"
    if lacking:
        found = ", ".join(map(str, lacking))
        return Check(
            NAME,
            CheckState.FAIL,
            found,
            f"what {subject.action} imports",
            install_command(lacking),
            about,
        )
    used = ", ".join(
        str(package) for package in packages if package.found and not package.is_missing
    )
    if further:
        lacks = ", ".join(map(str, further))
        found = f"{used}; some settings also need {lacks}"
        return Check(NAME, CheckState.WARN, found, "", install_command(further), about)
    return Check(NAME, CheckState.PASS, used, about=about)


def _check_versions(subject: Subject) -> Iterator[Check]:
    """Versions of the skill's manifest against references/versions.yaml."""
    path = subject.skill.folder / "schemas" / "manifest.json"
    if not path.is_file():
        yield Check(
            NAME, CheckState.SKIPPED, "the skill states no versions (manifest.json)", about="skill"
        )
        return
    stated = read_json(path).get("versions", {})
    ours = read_yaml(shipped("references") / "versions.yaml")
    differing = {k: v for k, v in ours.items() if k in stated and stated[k] != v}
    if not differing:
        told = ", ".join(f"{name} {stated[name]}" for name in ours if name in stated)
        yield Check(NAME, CheckState.PASS, told or "nothing is stated", about="skill")
        return
    is_grave = any(name in _GRAVE for name in differing)
    yield Check(
        NAME,
        CheckState.FAIL if is_grave else CheckState.WARN,
        ", ".join(f"{name} {stated[name]}" for name in differing),
        ", ".join(f"{name} {value}" for name, value in differing.items()),
        f"skillbank check {subject.skill.folder}",
        "skill",
    )
