"""What can be done here, read off the bank, the packages and the platforms that are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from skillbank.errors import SkillbankError, SkillInvalid
from skillbank.platforms.inspection import Check, CheckState, Needs, Resources
from skillbank.platforms.machine import installed_versions, machine_resources
from skillbank.preflight.imports import runner_file
from skillbank.preflight.packages import (
    Package,
    declared_names,
    extra_names,
    install_command,
    names_of_action,
    packages_of,
    packages_of_extra,
)
from skillbank.route import SEARCHED_ACTION

if TYPE_CHECKING:
    from skillbank.bank import SkillBank
    from skillbank.platforms.api import Platform
    from skillbank.skill import Skill

_FORMAT = "format"  # a key of this name with a list of options says which formats are read


@dataclass(frozen=True)
class Need:
    """One file or folder that an action reads.

    Attributes:
        key: Spec key that takes it.
        type: `file`, `folder`, `checkpoint`, ...
        is_required: Whether the action cannot run without it.
        unless: Keys of other inputs that stand for it.
        file: Its path in a dataset root that is given with --data; empty where none holds it.
        parents: Actions whose job may give it; empty where no parent does.
    """

    key: str
    type: str
    is_required: bool
    unless: tuple[str, ...] = ()
    file: str = ""
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class ActionFacts:
    """One thing that a skill can do.

    Attributes:
        name: Of the action.
        purpose: What it does, one sentence.
        is_built: Whether a runner does it; else there are only its schema and template.
        needs: What it reads.
        leaves: Files in the results folder, each with what it is.
        formats: Spec key -> formats of data that it reads.
        missing: Packages that it needs and that are not there, or too old.
        install: The line that installs them.
    """

    name: str
    purpose: str
    is_built: bool
    needs: tuple[Need, ...]
    leaves: Mapping[str, str]
    formats: Mapping[str, tuple[str, ...]]
    missing: tuple[str, ...] = ()
    install: str = ""

    @property
    def can_run(self) -> bool:
        """Tell whether it can run here now."""
        return self.is_built and not self.missing


@dataclass(frozen=True)
class SkillFacts:
    """One skill of the bank.

    Attributes:
        name: Of the skill.
        purpose: What it is for, as its page says.
        actions: What it can do; empty for a skill that guides its reader.
        has_automl: Whether its training is searched unless told otherwise.
        metric: What the best checkpoint is chosen by, such as `val_loss, minimize`.
        problem: Why the folder cannot be read; empty for one that can.
    """

    name: str
    purpose: str
    actions: tuple[ActionFacts, ...] = ()
    has_automl: bool = False
    metric: str = ""
    problem: str = ""


@dataclass(frozen=True)
class ExtraFacts:
    """Packages that are installed together.

    Attributes:
        name: Of the extra.
        packages: What it brings, with the versions that are there.
        missing: Those that are not there, or too old.
        install: The line that installs them; empty where nothing is missing.
    """

    name: str
    packages: tuple[str, ...]
    missing: tuple[str, ...]
    install: str


@dataclass(frozen=True)
class PlatformFacts:
    """One place where jobs can run.

    Attributes:
        name: As `--platform` takes it.
        state: The worst of its own checks.
        checks: What it says of itself.
        resources: What one job can get; None where it does not tell.
    """

    name: str
    state: CheckState
    checks: tuple[Check, ...]
    resources: Resources | None = None

    @property
    def fix(self) -> str:
        """What mends the first of its checks that is not right; empty where all are."""
        wrong = [c for c in self.checks if c.state in (CheckState.FAIL, CheckState.WARN)]
        return next((check.fix for check in wrong if check.fix), "")


@dataclass(frozen=True)
class Capabilities:
    """What can be done here, now.

    Attributes:
        skills: The bank.
        extras: Optional packages.
        platforms: Where jobs can run.
        machine: This machine.
    """

    skills: tuple[SkillFacts, ...]
    extras: tuple[ExtraFacts, ...]
    platforms: tuple[PlatformFacts, ...]
    machine: Resources

    def to_mapping(self) -> dict[str, Any]:
        """All of it as JSON shows it, with what is worked out from it."""
        content = asdict(self)
        for skill, facts in zip(content["skills"], self.skills, strict=True):
            for action, known in zip(skill["actions"], facts.actions, strict=True):
                action["can_run"] = known.can_run
        for platform, place in zip(content["platforms"], self.platforms, strict=True):
            platform["fix"] = place.fix
        return content


def find_capabilities(
    bank: SkillBank,
    platforms: Mapping[str, Platform],
    names: Iterable[str],
    skill: str | None = None,
) -> Capabilities:
    """What the skills, packages and platforms that are there can do.

    Args:
        bank: The skills.
        platforms: Name -> where jobs can run.
        names: Those of them that are set up here.
        skill: Only this skill.

    Raises:
        SkillNotFound: No skill has the name.
    """
    skills = bank if skill is None else [bank[skill]]
    versions = installed_versions(declared_names())
    extras = (_describe_extra(name, versions) for name in extra_names())
    places = tuple(look_at_platform(name, platforms) for name in names)
    here = next((place.resources for place in places if place.resources), None)
    return Capabilities(
        tuple(_describe_skill(one) for one in skills),
        tuple(extras),
        places,
        here or machine_resources(()),
    )


def look_at_platform(name: str, platforms: Mapping[str, Platform]) -> PlatformFacts:
    """A platform as it is now, also one that cannot even be asked; nothing is started there.

    Args:
        name: Its name.
        platforms: Name -> where jobs can run.
    """
    try:
        return describe_platform(name, platforms[name])
    except SkillbankError as error:
        told, _, fix = str(error).partition("; install it with: ")
        return PlatformFacts(
            name, CheckState.FAIL, (Check("platform", CheckState.FAIL, told, fix=fix),)
        )


def describe_platform(name: str, platform: Platform) -> PlatformFacts:
    """A platform as it is now; nothing is started there."""
    checks = platform.inspect(Needs())
    state = CheckState.worst(check.state for check in checks)
    return PlatformFacts(name, state, tuple(checks), platform.resources())


def _describe_skill(skill: Skill) -> SkillFacts:
    try:
        purpose = " ".join(skill.description.split())
        if not skill.has_info:
            return SkillFacts(skill.name, purpose)
        info = skill.info
        actions = tuple(_describe_action(skill, name) for name in info.actions)
    except SkillInvalid as error:
        return SkillFacts(skill.name, "", problem=str(error))
    metric = f"{info.metric.name}, {info.metric.direction.value}"
    return SkillFacts(skill.name, purpose, actions, skill.can_automl(), metric)


def _describe_action(skill: Skill, name: str) -> ActionFacts:
    action = skill.info.actions[name]
    lacking = tuple(_lacking(skill, name)) if action.built else ()
    return ActionFacts(
        name=name,
        purpose=" ".join(action.description.split()),
        is_built=action.built and runner_file(skill.info.network_arch, name) is not None,
        needs=tuple(_needs(skill, name)),
        leaves={output.file: output.kind.value for output in action.outputs.values()},
        formats=dict(_formats(skill.schema(name))) if skill.has_schema(name) else {},
        missing=tuple(map(str, lacking)),
        install=install_command(lacking),
    )


def _needs(skill: Skill, name: str) -> Iterator[Need]:
    action = skill.info.actions[name]
    sources = skill.info.data_sources.get(name, {})
    filled = skill.info.spec_params.get(name, {})
    for key, wanted in action.inputs.items():
        by_parent = str(filled.get(key, "")).startswith("parent_model")
        yield Need(
            key=key,
            type=wanted.type.value,
            is_required=not wanted.optional,
            unless=wanted.unless,
            file=sources[key].file if key in sources else "",
            parents=(action.parents or ()) if by_parent else (),
        )


def _formats(schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    for key, node in schema.get("properties", {}).items():
        if node.get("properties"):
            yield from _formats(node, f"{prefix}{key}.")
        elif key == _FORMAT and "enum" in node:
            yield f"{prefix}{key}", tuple(map(str, node["enum"]))


def _lacking(skill: Skill, name: str) -> Iterator[Package]:
    is_searched = name == SEARCHED_ACTION and skill.can_automl()
    names = names_of_action(skill.info.network_arch, name, is_searched=is_searched)
    needed = {package: False for package, is_optional in names.items() if not is_optional}
    for package in packages_of(needed, installed_versions(needed)):
        if package.is_missing:
            yield package


def _describe_extra(name: str, versions: Mapping[str, str]) -> ExtraFacts:
    packages = packages_of_extra(name, versions)
    lacking = [package for package in packages if package.is_missing]
    # By name: another extra may bring the same packages.
    install = f"pip install 'skillbank[{name}]'" if lacking else ""
    return ExtraFacts(name, tuple(map(str, packages)), tuple(map(str, lacking)), install)
