"""How many trials train at once, and what stopping and going on does to them.

Gates hold trainings until so many stand there at once: with fewer places the test would wait in
vain. Three searches with a process per trial: some ten seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.sdk.search.conftest import Bowl, search_bowl

from skillbank.automl.history import TrialState
from skillbank.automl.result import SearchState
from skillbank.job import Job, JobState

USUAL: dict[str, Any] = {
    "algorithm": "random",
    "max_epochs": 3,
    "max_recommendations": 3,
    "final_evaluation": False,
}
HELD = tuple(f"t{number:03d}-e1" for number in range(4))


def most_at_once(jobs: list[Job]) -> int:
    """How many of some jobs, each of one attempt, ran at the same time."""
    edges = sorted(
        edge for job in jobs for edge in ((job.started_at or 0.0, 1), (job.ended_at or 0.0, -1))
    )
    running = most = 0
    for _, change in edges:
        running += change
        most = max(most, running)
    return most


@pytest.fixture
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bowl]:
    """Two places."""
    with search_bowl(tmp_path_factory.mktemp("root"), num_slots=2) as made:
        yield made


def test_with_room_for_four_four_trainings_run_at_once(bowl: Bowl) -> None:
    here = bowl.with_own_gates()
    here.gates.close(*HELD)

    search = here.start(holds=True, max_concurrent=4, **USUAL)
    for gate in HELD:
        here.gates.wait_for(gate)
    states = [job.state for job in here.trials(search)]
    here.gates.open(*HELD)

    assert states == [JobState.RUNNING] * 4
    assert here.end(search)[0].state is JobState.COMPLETE


def test_with_max_concurrent_1_no_two_trainings_run_at_once(bowl: Bowl) -> None:
    search, _ = bowl.run(max_concurrent=1, **USUAL)

    assert most_at_once(bowl.trials(search)) == 1


def test_a_search_fills_the_slots_and_no_more(narrow: Bowl) -> None:
    narrow.gates.close(*HELD[:2])

    search = narrow.start(holds=True, max_concurrent=4, **USUAL)
    for gate in HELD[:2]:
        narrow.gates.wait_for(gate)
    submitted = len(narrow.trials(search))
    narrow.gates.open(*HELD[:2])
    narrow.end(search)

    assert submitted == 2
    assert most_at_once(narrow.trials(search)) == 2


def test_a_cancelled_search_stops_its_trials_and_a_resumed_one_goes_on_with_them(
    bowl: Bowl,
) -> None:
    # Six seconds: a search that is stopped in the middle of two trainings, and resumed.
    here = bowl.with_own_gates()
    here.gates.close("t001-e1", "t002-e2")
    search = here.start(holds=True, max_concurrent=2, **USUAL)
    here.gates.wait_for("t001-e1")
    here.gates.wait_for("t002-e2")

    cancelled = here.client.cancel(search.id)
    stopped = {job.id[-4:]: job.state for job in here.trials(search)}
    so_far = here.client.resolve(search.id)
    here.gates.open("t001-e1", "t002-e2")
    here.client.resume(search.id)
    job, result = here.end(search)

    assert (cancelled.state, cancelled.detail) == (JobState.CANCELED, "cancelled on request")
    assert stopped == {
        "t000": JobState.COMPLETE,
        "t001": JobState.CANCELED,
        "t002": JobState.CANCELED,
    }
    assert so_far.checkpoint.path.parent == cancelled.results
    assert (job.state, result.state) == (JobState.COMPLETE, SearchState.COMPLETE)
    assert [record.state for record in result.history] == [TrialState.COMPLETE] * 4
    assert [[at for at, _ in record.curve] for record in result.history] == [[1, 2, 3]] * 4
    attempts = {job.id[-4:]: job.attempt for job in here.trials(search)}
    assert attempts == {"t000": 1, "t001": 2, "t002": 2, "t003": 1}


def test_cancelling_a_search_that_was_lost_stops_the_trials_it_left(bowl: Bowl) -> None:
    # Two seconds: a search whose driver is killed in the middle of a training.
    here = bowl.with_own_gates()
    here.gates.close("t000-e1")
    search = here.start(holds=True, max_concurrent=1, **USUAL)
    here.gates.wait_for("t000-e1")
    here.kill(here.client.job(search.id))
    lost = here.client.wait(search.id)

    here.client.cancel(search.id)

    assert lost.state.is_failure
    assert [job.state for job in here.trials(search)] == [JobState.CANCELED]
