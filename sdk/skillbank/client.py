"""The front door: jobs, searches, workflows, plain words and what this machine can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from skillbank.config import read_config
from skillbank.describing import describe_action, describe_skill, summarize_skill
from skillbank.errors import RequestInvalid, did_you_mean
from skillbank.job import JobId
from skillbank.workflows.workflow_client import WorkflowClient

if TYPE_CHECKING:
    from skillbank.automl.result import SearchResult
    from skillbank.automl.space import SearchSpace
    from skillbank.capabilities import Capabilities, PlatformFacts
    from skillbank.preflight.verdict import Preflight
    from skillbank.request import JobRequest
    from skillbank.words.answer import Answer
    from skillbank.words.reader import SentenceReader
    from skillbank.workflow_request import WorkflowRequest


class Client(WorkflowClient):
    """Everything that the command line, the MCP server and programs can ask for.

    Args:
        root: Folder of the jobs and their records; `$SKILLBANK_HOME`, else `~/.skillbank`.
        bank: Skills to choose from; the shipped ones by default.
        platforms: Name -> where jobs can run; by default `local`, this machine.
    """

    _sentence_reader: SentenceReader | None = None

    def skills(self) -> list[dict[str, object]]:
        """The skills of the bank and what each can do, as documents."""
        return [summarize_skill(skill) for skill in self.bank]

    def show(self, skill: str, action: str | None = None) -> dict[str, object]:
        """What a skill is and takes, or every input, output and spec key of one of its actions.

        Args:
            skill: Name of a skill.
            action: One of its actions, for its keys.

        Raises:
            SkillNotFound: There is no such skill or action.
        """
        found = self.bank[skill]
        return describe_skill(found) if action is None else describe_action(found, action)

    def ask(self, text: str) -> Answer:
        """Read plain words: a plan of steps, a command, or why neither; nothing is run.

        The same words give the same answer as long as the jobs that they mean are the same. What
        `workflow` of the answer holds can be given to `plan_workflow` and `create_workflow`.

        Args:
            text: What is wanted, such as "train a pose classifier on FOLDER for 30 epochs".
        """
        from skillbank.asking import JobFinder
        from skillbank.platforms.registry import set_up_names
        from skillbank.words.reader import SentenceReader

        if self._sentence_reader is None:
            self._sentence_reader = SentenceReader(self.bank, set_up_names(self.platforms))
        finder = JobFinder(self.job, self.jobs, self.resolve)
        return finder.settle(self._sentence_reader.read(text, finder.skill_of))

    def search_space(
        self,
        skill: str,
        *,
        spec: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Any] | None = None,
        automl: Mapping[str, Any] | None = None,
    ) -> SearchSpace:
        """What a search of a skill's training varies, and what not and why.

        Args:
            skill: Name of a skill.
            spec: Settings of a spec file of train, nested; may be partial.
            overrides: Dotted or shorthand spec key -> value; they win over `spec`.
            automl: Settings of the search.

        Raises:
            SpecInvalid: Spec or settings cannot be used, or nothing is left to search.
        """
        from skillbank.automl.settings import read_search_settings
        from skillbank.automl.space_reading import search_space

        settings = read_search_settings(automl or {})
        return search_space(self.bank[skill], spec=spec, overrides=overrides, settings=settings)

    def search_result(self, job_id: JobId) -> SearchResult:
        """What an AutoML job has found, so far or in the end.

        Raises:
            CheckpointNotFound: The job is no search, or has not begun.
        """
        from skillbank.automl.result import read_result

        return read_result(self.job(job_id).results)

    def capabilities(self, skill: str | None = None) -> Capabilities:
        """What can be done here: skills and their actions, packages, platforms, this machine.

        Args:
            skill: Only this skill.

        Raises:
            SkillNotFound: There is no such skill.
        """
        from skillbank.capabilities import find_capabilities
        from skillbank.platforms.registry import set_up_names

        names = set_up_names(self.platforms)
        return find_capabilities(self.bank, self.platforms, names, skill)

    def check_platforms(self, name: str | None = None) -> tuple[PlatformFacts, ...]:
        """Every platform that jobs can name, with what keeps it from being used and the fix.

        Args:
            name: Only this one.

        Raises:
            RequestInvalid: None has the name.
        """
        from skillbank.capabilities import look_at_platform

        if name is not None and name not in self.platforms:
            raise RequestInvalid(
                f"no platform is named {name!r}; {did_you_mean(name, self.platforms)} Others are "
                "described in config.yaml; see docs/platforms.md."
            )
        names = tuple(self.platforms) if name is None else (name,)
        return tuple(look_at_platform(one, self.platforms) for one in names)

    def sync(self, job_id: JobId) -> list[str]:
        """Send to a job's results URI what is in its folder here and not there.

        Args:
            job_id: The job, which has ended.

        Returns:
            Paths of the files that went.

        Raises:
            JobConflict: It has not ended, or has no results URI.
            FilesError: They cannot be sent.
        """
        from skillbank.syncing import sync_job

        job = self.job(job_id)
        return sync_job(job, self.plan_of(job.id), read_config(self.root).storage)

    def preflight(
        self, request: JobRequest | WorkflowRequest | None = None, *, platform: str = "local"
    ) -> Preflight:
        """Whether a job, or a workflow, could be launched now: the launch gate. Nothing is run.

        Args:
            request: What is wanted; None: only the platform is looked at.
            platform: The platform, where no request names one.
        """
        from skillbank.preflight.gate import check_launch, check_platform

        return check_platform(self, platform) if request is None else check_launch(self, request)
