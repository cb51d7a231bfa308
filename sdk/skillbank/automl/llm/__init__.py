"""Proposals from a language model behind any OpenAI-compatible endpoint."""

from skillbank.automl.llm.endpoint import check_llm_settings
from skillbank.automl.llm.proposer import check_endpoint, make_llm_proposer
from skillbank.automl.llm.task import Task, task_of

__all__ = ["Task", "check_endpoint", "check_llm_settings", "make_llm_proposer", "task_of"]
