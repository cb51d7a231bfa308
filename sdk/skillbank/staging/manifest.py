"""What lies at a job's results URI: one small document that is replaced only under its lease.

A file counts as there once the manifest names it, so a reader never sees half of what belongs
together, and what a fenced writer still brings up is seen by nobody. Paths are those of the job's
folder: `plan.json`, `spec.yaml`, `log.txt`, `attempts/1/exit.json`, `results/status.json`, ...
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, field_validator

MANIFEST_NAME = "manifest.json"


class ManifestEntry(BaseModel):
    """One file of the job.

    Attributes:
        size_bytes: Its size.
        sha256: Its digest.
        version: Of the object that holds it.
        key: Path of that object below the results URI; empty: the file's own path.
        link: Where it points, for a symbolic link, which has no object; else empty.
        fence: Number of the lease under which the object was made; 0: somebody else made it.
        is_frozen: Its object is never written over: a changed file gets another object.
    """

    model_config = ConfigDict(frozen=True)

    size_bytes: int = 0
    sha256: str = ""
    version: str = ""
    key: str = ""
    link: str = ""
    fence: int = 0
    is_frozen: bool = False

    @field_validator("key")
    @classmethod
    def _stay_below(cls, key: str) -> str:
        if ".." in key.split("/"):
            raise ValueError("leads out of the job's results")
        return key


class Manifest(BaseModel):
    """Every file of a job at its results URI.

    Attributes:
        job_id: Id of the job.
        fence: Number of the lease under which it was written; it only grows.
        attempt: Newest attempt that has begun.
        updated_at: When it was written, in seconds since the epoch, UTC, by the writer's clock.
        files: Path below the job's folder -> file.
        trash: Keys of objects that nothing names any more and that may not be deleted yet.
    """

    job_id: str
    fence: int = 0
    attempt: int = 1
    updated_at: float = 0.0
    files: dict[str, ManifestEntry] = {}
    trash: list[str] = []

    def key_of(self, path: str) -> str:
        """Path, below the results URI, of the object that holds a file."""
        return self.files[path].key or path
