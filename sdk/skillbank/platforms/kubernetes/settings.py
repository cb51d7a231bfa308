"""What a user may say about jobs on Kubernetes, checked before the cluster is asked anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from skillbank.run_settings import Duration, RunSettings, Size

_GIB = 2**30
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LONGEST_NAME = 63
_SECRET_REFERENCE = re.compile(
    r"(?P<secret>[a-z0-9]([-.a-z0-9]*[a-z0-9])?)/(?P<key>[-._A-Za-z0-9]+)"
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SOUNDS_SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|ACCESS_KEY|API_KEY|CREDENTIAL", re.I)
_OWN_MOUNTS = ("/dev/shm", "/scratch")


def _check_name(value: str) -> str:
    if len(value) > _LONGEST_NAME or not _NAME.fullmatch(value):
        raise ValueError(
            f"{value!r} is no name of a Kubernetes object; expected lower-case letters, digits and "
            f"'-', at most {_LONGEST_NAME}"
        )
    return value


Name = Annotated[str, AfterValidator(_check_name)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Mount(_Section):
    """A folder that pods see: one source, and where it appears."""

    mount: str = Field(pattern="^/.", description="Folder in the pod, absolute.")
    claim: Name | None = Field(default=None, description="PersistentVolumeClaim.")
    nfs: str | None = Field(
        default=None, pattern="^[^:]+:/.*", description="NFS export, `server:/path`."
    )
    host_path: str | None = Field(default=None, pattern="^/", description="Folder of the nodes.")
    secret: str | None = Field(default=None, description="Secret, one file for each of its keys.")
    config_map: str | None = Field(default=None, description="ConfigMap, a file for each key.")
    sub_path: str | None = Field(default=None, description="Folder below the source.")
    read_only: bool = Field(default=False, description="Pods may not write there.")

    @model_validator(mode="after")
    def _name_one_source(self) -> Mount:
        sources = ("claim", "nfs", "host_path", "secret", "config_map")
        given = [name for name in sources if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"{self.mount} has {' and '.join(given) or 'no source'}; expected one of "
                f"{', '.join(sources)}"
            )
        if self.mount.rstrip("/") in _OWN_MOUNTS:
            raise ValueError(f"{self.mount} is made by 'shm' or 'scratch'; mount it elsewhere")
        return self


class Toleration(_Section):
    """Taints that pods may stand, as Kubernetes writes them."""

    key: str = Field(default="", description="Key of the taint; empty: all, with `Exists`.")
    operator: Literal["Exists", "Equal"] = Field(default="Exists", description="How it is met.")
    value: str | None = Field(default=None, description="Value of the taint, with `Equal`.")
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        default="", description="Effect of the taint; empty: any."
    )
    seconds: int | None = Field(
        default=None, ge=0, description="For how long `NoExecute` is stood; unset: for ever."
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Toleration:
        if (self.operator == "Equal") != (self.value is not None):
            raise ValueError("a value goes with operator 'Equal', and with no other")
        if not self.key and self.operator == "Equal":
            raise ValueError("operator 'Equal' needs a key")
        if self.seconds is not None and self.effect != "NoExecute":
            raise ValueError("seconds go with effect 'NoExecute', and with no other")
        return self


class KubernetesSettings(RunSettings):
    """Settings of a platform of kind `kubernetes`, and of one job on it."""

    kubeconfig: str | None = Field(
        default=None,
        description="File that names clusters; unset: KUBECONFIG, `~/.kube/config`, or, in a pod, "
        "its service account.",
    )
    context: str | None = Field(default=None, description="Context of the kubeconfig; its own.")
    namespace: Name | None = Field(default=None, description="Namespace; unset: the context's.")
    image: str | None = Field(default=None, min_length=1, description="Image of the jobs.")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        default=None, description="When it is pulled; unset: as Kubernetes does."
    )
    image_pull_secrets: tuple[str, ...] = Field(default=(), description="Secrets to pull it with.")
    python: str = Field(default="python", description="Python with skillbank in that image.")
    service_account: str | None = Field(default=None, description="Account that pods act as.")
    cpus: int | None = Field(default=2, ge=1, description="Processor cores kept for one job.")
    cpu_limit: int | None = Field(default=None, ge=1, description="Cores that it never exceeds.")
    memory_limit_bytes: Size | None = Field(
        default=None,
        alias="memory_limit",
        description="Memory at which it is killed; unset: `memory`.",
    )
    gpu_resource: str = Field(
        default="nvidia.com/gpu", pattern="/", description="Resource that counts GPUs."
    )
    max_gpus: int | None = Field(
        default=None,
        ge=0,
        description="Most GPUs of one job; unset: the machines are asked. For clusters that make "
        "machines when needed, or whose machines may not be listed.",
    )
    max_jobs: int | None = Field(
        default=None, ge=1, description="Most jobs at once, such as a quota allows."
    )
    node_selector: Mapping[str, str] = Field(default={}, description="Labels of its machines.")
    tolerations: tuple[Toleration, ...] = Field(default=(), description="Taints it may stand.")
    priority_class: str | None = Field(
        default=None, description="PriorityClass; Kubernetes takes no numbers of its own."
    )
    environment: Mapping[str, str] = Field(default={}, description="Variables of the job.")
    secrets: Mapping[str, str] = Field(
        default={}, description="Variable -> `SECRET/KEY` of a Secret of the namespace."
    )
    volume: Mount | None = Field(
        default=None,
        description="Holds the root folder of the jobs, under the same path as here; unset: jobs "
        "leave their results at an `s3://` URI.",
    )
    mounts: tuple[Mount, ...] = Field(default=(), description="Further folders: data, files.")
    shm_bytes: Size = Field(
        default=2 * _GIB, alias="shm", description="Most of /dev/shm, where workers pass batches."
    )
    scratch_bytes: Size | None = Field(
        default=None,
        alias="scratch",
        description="Most of /scratch, the job's own disk; unset: what the machine has.",
    )
    run_as_user: int = Field(default=1000, ge=0, description="User id that it runs as.")
    run_as_group: int = Field(default=1000, ge=0, description="Group id, also of its volumes.")
    labels: Mapping[str, str] = Field(default={}, description="Further labels of Job and pods.")
    annotations: Mapping[str, str] = Field(default={}, description="Further annotations.")
    grace_s: Duration = Field(
        default=30.0,
        alias="grace",
        description="Time to save and exit when it is stopped, moved or preempted.",
    )
    node_patience_s: Duration = Field(
        default=300.0,
        alias="node_patience",
        description="How long a machine may not answer before its job is given up.",
    )
    ttl_s: Duration = Field(
        default=86400.0, alias="ttl", description="How long Kubernetes keeps what has ended."
    )

    @field_validator("environment")
    @classmethod
    def _take_no_secrets(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name in value:
            _check_variable(name)
            if _SOUNDS_SECRET.search(name):
                raise ValueError(
                    f"{name} looks like a secret, which a manifest would show to everybody; put it "
                    f"into a Secret and say 'secrets: {{{name}: SECRET/KEY}}'"
                )
        return value

    @field_validator("secrets")
    @classmethod
    def _take_references(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, reference in value.items():
            _check_variable(name)
            if not _SECRET_REFERENCE.fullmatch(reference):  # which may be the secret itself
                raise ValueError(f"{name} is no reference; expected SECRET/KEY, 'keys/access-key'")
        return value

    @field_validator("volume")
    @classmethod
    def _can_be_written(cls, value: Mount | None) -> Mount | None:
        if value is not None and (value.read_only or value.secret or value.config_map):
            raise ValueError("jobs write their results there; it must be writable")
        return value

    @model_validator(mode="after")
    def _fit_together(self) -> KubernetesSettings:
        if self.priority and self.priority_class is None:
            raise ValueError(
                "priority: Kubernetes ranks pods by PriorityClass alone; name one with "
                "'priority_class' (kubectl get priorityclasses)"
            )
        if (
            self.memory_bytes
            and self.memory_limit_bytes
            and (self.memory_limit_bytes < self.memory_bytes)
        ):
            raise ValueError("memory_limit: it is less than memory")
        if self.cpus and self.cpu_limit and self.cpu_limit < self.cpus:
            raise ValueError("cpu_limit: it is less than cpus")
        places = [one.mount.rstrip("/") for one in self.all_mounts]
        if len(set(places)) < len(places):
            raise ValueError("mounts: two folders would appear under the same path")
        if twice := self.environment.keys() & self.secrets.keys():
            raise ValueError(f"secrets: {min(twice)} is set by 'environment' too")
        return self

    @property
    def all_mounts(self) -> tuple[Mount, ...]:
        """The volume of the root folder, then the further ones."""
        return (*((self.volume,) if self.volume else ()), *self.mounts)

    def secret_keys(self) -> Mapping[str, tuple[str, str]]:
        """Variable -> Secret and key in it."""
        pairs = {name: one.partition("/") for name, one in self.secrets.items()}
        return {name: (secret, key) for name, (secret, _, key) in pairs.items()}


def _check_variable(name: str) -> None:
    if not _VARIABLE.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a variable")
