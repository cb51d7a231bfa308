"""Which variables a job needs in its pod, and which of them nothing puts there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from skillbank.config import StorageSettings
from skillbank.plan import JobPlan
from skillbank.platforms.kubernetes.settings import KubernetesSettings
from skillbank.staging.order import remote_values

_REFERENCE = "env:"


def missing_variables(
    plan: JobPlan, settings: KubernetesSettings, storage: tuple[StorageSettings, ...]
) -> list[str]:
    """Variables that the spec or the used storage refers to and that no pod would have.

    A pod inherits nothing from whoever submits it.
    """
    used = _storage_of(plan, storage)
    wanted = {*_named(plan.spec), *(name for one in used for name in _keys(one))}
    return sorted(wanted - settings.secrets.keys() - settings.environment.keys())


def _storage_of(plan: JobPlan, storage: tuple[StorageSettings, ...]) -> list[StorageSettings]:
    """The storage settings that hold for what the job reads and writes."""
    uris = [*remote_values(plan.spec), *([plan.results_uri] if plan.results_uri else [])]
    used = []
    for uri in uris:
        fitting = [one for one in storage if uri.startswith(one.prefix)]
        used.extend(sorted(fitting, key=lambda one: len(one.prefix))[-1:])
    return used


def _keys(storage: StorageSettings) -> Iterator[str]:
    for reference in (storage.access_key, storage.secret_key, storage.session_token):
        if reference is not None and reference.startswith(_REFERENCE):
            yield reference.removeprefix(_REFERENCE)


def _named(value: object) -> Iterator[str]:
    """Variables that a spec refers to, at any depth."""
    if isinstance(value, str):
        if value.startswith(_REFERENCE):
            yield value.removeprefix(_REFERENCE)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _named(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _named(inner)
