"""The front door: jobs, searches, workflows, plain words and what this machine can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from skillbank.job_client import JobClient

if TYPE_CHECKING:
    from skillbank.automl.result import SearchResult
    from skillbank.automl.space import SearchSpace


class Client(JobClient):
    """Everything that the command line, the MCP server and programs can ask for.

    Args:
        root: Folder of the jobs and their records; `$SKILLBANK_HOME`, else `~/.skillbank`.
        bank: Skills to choose from; the shipped ones by default.
        platforms: Name -> where jobs can run; by default `local`, this machine.
    """

    def search_space(
        self,
        skill: str,
        *,
        spec: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        automl: Mapping[str, Any] | None = None,
    ) -> SearchSpace:
        """What a search of a skill's training varies, and what not and why.

        Raises:
            SpecInvalid: Spec or settings cannot be used, or nothing is left to search.
        """
        from skillbank.automl.settings import read_search_settings
        from skillbank.automl.space_reading import search_space

        settings = read_search_settings(automl or {})
        return search_space(self.bank[skill], spec=spec, overrides=overrides, settings=settings)

    def search_result(self, job_id: str) -> SearchResult:
        """What an AutoML job has found, so far or in the end.

        Raises:
            CheckpointNotFound: The job is no search, or has not begun.
        """
        from skillbank.automl.result import read_result

        return read_result(self.job(job_id).results)
