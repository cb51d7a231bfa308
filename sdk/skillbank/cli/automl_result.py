"""`automl result`: what a search has found, so far or in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skillbank.cli.options import JobId, Options
from skillbank.cli.output import DONE, print_facts, print_json, print_table
from skillbank.result_documents import search_document

if TYPE_CHECKING:
    from skillbank.automl.result import SearchResult
    from skillbank.client import Client
    from skillbank.job import Job


@dataclass(frozen=True, kw_only=True)
class ResultOptions(Options):
    """What `automl result` takes."""

    job: JobId


def result(options: ResultOptions) -> int:
    """Show what a search has found, also while it runs."""
    client = options.client()
    job = client.job(options.job)
    found = client.search_result(job.id)
    if options.as_json:
        print_json(search_document(job, found))
    else:
        _show(job, found)
        for command in _next_commands(client, job):
            print(f"next: {command}")
    return DONE


COMMANDS = (result,)


def _show(job: Job, found: SearchResult) -> None:
    from skillbank.automl.result import SearchState
    from skillbank.cli.search_words import COLUMNS, best_specs, search_facts, trial_row
    from skillbank.search.report_marks import show

    best = None if found.best is None else found.best.trial
    facts = dict(search_facts(found))
    if job.state.is_final and found.state is SearchState.RUNNING:
        facts["state"] = f"interrupted: {job.detail}" if job.detail else "interrupted"
    print_facts([("job", f"{job.id}, {job.state.value}"), *facts.items()])
    print()
    columns = [found.metric if column == "METRIC" else column for column in COLUMNS]
    print_table(columns, (trial_row(record, best) for record in found.history))
    if found.best is not None and best != 0:
        print(f"\nsettings of trial {best}:")
        print_facts((f"  {key}", show(value)) for key, value in best_specs(found))
    if found.importance:
        shares = (f"{key} {100 * share:.0f} %" for key, share in found.importance.items())
        print(f"\nimportance: {', '.join(shares)}")
    print()


def _next_commands(client: Client, job: Job) -> list[str]:
    from skillbank.cli.follow import next_commands
    from skillbank.job import JobState

    if job.state is JobState.COMPLETE:
        return next_commands(client, job)
    return [f"skillbank {'resume' if job.state.is_final else 'wait'} {job.id}"]
