"""Which of the submitter's variables a container gets: those that something names, no others."""

from __future__ import annotations

from collections.abc import Iterator

from skillbank.config import StorageSettings
from skillbank.errors import PlatformError
from skillbank.plan import JobPlan
from skillbank.platforms.docker.mounts import variables_named
from skillbank.platforms.docker.settings import DockerSettings
from skillbank.settings import ENCRYPTION_KEY_NAMES, named_variables
from skillbank.staging.order import needs_staging

# What boto3 reads by itself, where config.yaml names no credentials.
_OF_S3 = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "SKILLBANK_CACHE",
    "SKILLBANK_CACHE_MAX",
)


def variables_of(
    plan: JobPlan, settings: DockerSettings, storage: tuple[StorageSettings, ...]
) -> dict[str, str]:
    """Variables of this process that a job needs, with their values.

    Raises:
        PlatformError: One that config.yaml names is not set.
    """
    own = named_variables(settings.environment)
    missing = [name for name in settings.environment if name not in own]
    if missing:
        raise PlatformError(
            f"{', '.join(missing)}: not set, and jobs in containers are to get it ('environment' "
            f"in config.yaml); set it with 'export {missing[0]}=...', or take it off that list."
        )
    wanted = {*settings.environment, *variables_named(plan.spec), *ENCRYPTION_KEY_NAMES}
    if needs_staging(plan):
        wanted |= {*_OF_S3, *_storage_variables(storage)}
    return named_variables(sorted(wanted))


def _storage_variables(storage: tuple[StorageSettings, ...]) -> Iterator[str]:
    for one in storage:
        for reference in (one.access_key, one.secret_key, one.session_token):
            if reference is not None and reference.startswith("env:"):
                yield reference.removeprefix("env:")
