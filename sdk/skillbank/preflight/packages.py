"""Which packages an action needs, of which extra each is, and which are there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from skillbank.preflight.imports import imported_packages
from skillbank.route import SEARCHED_ACTION

SEARCH_EXTRA = "automl"
_PROJECT = "skillbank"
_DEVELOPERS = "dev"  # their extra is no requirement of a job
_EXTRA = re.compile(r"""extra == ['"]([\w-]+)['"]""")
# Modules whose distribution has another name; a test compares it with the runners' imports.
_DISTRIBUTIONS = {"PIL": "pillow", "simdjson": "pysimdjson", "yaml": "pyyaml"}


@dataclass(frozen=True)
class Package:
    """One package from outside.

    Attributes:
        name: Of the distribution; of the module where no requirement names a distribution.
        wanted: Versions that do, such as `>=2.4`; empty for any.
        found: Version that is there; None: it is not there. Of a module without one: "".
        extras: Extras of skillbank that bring it; empty for what every installation has.
        is_optional: Whether only some settings need it.
    """

    name: str
    wanted: str
    found: str | None
    extras: tuple[str, ...]
    is_optional: bool = False

    @property
    def is_missing(self) -> bool:
        """Tell whether it is not there, or in a version that does not do."""
        return self.found is None or not _fits(self.found, self.wanted)

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.name} (not installed)"
        if self.is_missing:
            return f"{self.name} {self.found} (expected {self.wanted})"
        return f"{self.name} {self.found}".rstrip()


@dataclass(frozen=True)
class _Wanted:
    """A requirement of skillbank: a distribution, its versions, and the extras that bring it."""

    name: str
    versions: str
    extras: tuple[str, ...]


def names_needed(network_arch: str, action: str) -> dict[str, bool]:
    """Packages that an action imports, and whether only some of its settings need each.

    Those of the extra that most of its imports are of are always needed, as are those that it
    imports as soon as it works; what lies deeper and in another extra is for some settings.
    """
    distances = imported_packages(network_arch, action)
    wanted = {module: _wanted(module) for module in distances}
    counts: dict[str, int] = {}
    for one in wanted.values():
        for extra in one.extras:
            counts[extra] = counts.get(extra, 0) + 1
    main = max(counts, key=lambda extra: counts[extra], default="")
    declared = {module for module, one in wanted.items() if one.name in _requirements()}
    return {
        one.name: module not in declared or (distances[module] > 1 and main not in one.extras)
        for module, one in wanted.items()
    }


def packages_of(names: Mapping[str, bool], versions: Mapping[str, str]) -> tuple[Package, ...]:
    """The named packages as they are installed.

    Args:
        names: Package -> whether only some settings need it, from `names_needed`.
        versions: What is there, from `Platform.installed`.
    """
    known = _requirements()
    return tuple(
        Package(
            name,
            known[name].versions if name in known else "",
            versions.get(name),
            known[name].extras if name in known else (),
            is_optional,
        )
        for name, is_optional in sorted(names.items())
    )


def names_of_search() -> dict[str, bool]:
    """Packages that a search needs besides those of the training."""
    return {name: False for name, one in _requirements().items() if SEARCH_EXTRA in one.extras}


def names_of_action(network_arch: str, action: str, *, is_searched: bool) -> dict[str, bool]:
    """Packages of an action, with those of the search where it is searched."""
    own = names_needed(network_arch, action)
    return {**names_of_search(), **own} if is_searched and action == SEARCHED_ACTION else own


def install_command(packages: Iterable[Package]) -> str:
    """The line that installs what is missing: by extra where extras have it."""
    lacking = [package for package in packages if package.is_missing]
    if not lacking:
        return ""
    extras = _covering_extras([p.extras for p in lacking if p.extras])
    loose = [f"{p.name}{p.wanted}" for p in lacking if not p.extras]
    wanted = [f"'{_PROJECT}[{','.join(extras)}]'"] if extras else []
    return " ".join(["pip install", *wanted, *(f"'{name}'" for name in loose)])


def extra_names() -> tuple[str, ...]:
    """Extras of skillbank, less those for its own developers."""
    return tuple(sorted({extra for one in _requirements().values() for extra in one.extras}))


def packages_of_extra(extra: str, versions: Mapping[str, str]) -> tuple[Package, ...]:
    """What an extra brings, as it is installed."""
    names = {name: False for name, one in _requirements().items() if extra in one.extras}
    return packages_of(names, versions)


def declared_names() -> Collection[str]:
    """Every distribution that skillbank or one of its extras names."""
    return _requirements().keys()


def _covering_extras(choices: list[tuple[str, ...]]) -> list[str]:
    """Few extras such that each choice has one of them: the most asked for first."""
    left, chosen = choices, list[str]()
    while left:
        options = sorted({extra for choice in left for extra in choice})
        best = max(options, key=lambda extra: sum(extra in choice for choice in left))
        chosen.append(best)
        left = [choice for choice in left if best not in choice]
    return sorted(chosen)


def _wanted(module: str) -> _Wanted:
    """The requirement that brings a module; of a module that none names, the module itself."""
    name = canonicalize_name(_DISTRIBUTIONS.get(module, module))
    return _requirements().get(name, _Wanted(module, "", ()))


@cache
def _requirements() -> dict[str, _Wanted]:
    """What the installed metadata of skillbank asks for, by distribution."""
    try:
        lines = requires(_PROJECT) or []
    except PackageNotFoundError:
        lines = []
    found: dict[str, _Wanted] = {}
    for line in lines:
        requirement = Requirement(line)
        extra = _EXTRA.search(str(requirement.marker or ""))
        if extra and extra[1] == _DEVELOPERS:
            continue
        name = canonicalize_name(requirement.name)
        earlier = found.get(name, _Wanted(name, "", ()))
        extras = (*earlier.extras, *([extra[1]] if extra else []))
        found[name] = _Wanted(name, str(requirement.specifier) or earlier.versions, extras)
    return found


def _fits(found: str, wanted: str) -> bool:
    return not (found and wanted) or Requirement(f"x{wanted}").specifier.contains(
        found, prereleases=True
    )
