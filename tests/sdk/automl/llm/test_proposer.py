"""A model proposes; what it gets wrong is asked again, and another proposer takes over openly."""

from __future__ import annotations

import json
import logging
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sdk.automl.llm.fake_endpoint import FakeEndpoint, Reply, proposes, says
from tests.sdk.automl.tuned import BASELINE, GOAL, SPACE, Draws, trial

from skillbank.automl.history import History, Proposal, Start, TrialState
from skillbank.automl.llm import check_endpoint, make_llm_proposer
from skillbank.automl.llm.client import Answer, ChatClient, Message, Patience
from skillbank.automl.llm.endpoint import endpoint_of
from skillbank.automl.llm.prompt import Search
from skillbank.automl.llm.proposer import LlmProposer, Turns
from skillbank.automl.llm.task import Task
from skillbank.automl.proposers import make_proposer
from skillbank.automl.settings import Algorithm, SearchSettings
from skillbank.errors import RequestInvalid

KEY = "sk-very-secret-123"
HISTORY: History = (BASELINE, trial(1, 0.7, origin="llm", values={"optim.lr": 0.05}))
GOOD = {"optim.lr": 0.02, "data.batch": 32}


def settings(
    endpoint: FakeEndpoint, algorithm: Algorithm = Algorithm.LLM, **given: Any
) -> SearchSettings:
    return SearchSettings(
        algorithm=algorithm, llm_endpoint=endpoint.url, llm_model="small", **given
    )


def propose(
    endpoint: FakeEndpoint,
    history: History = HISTORY,
    algorithm: Algorithm = Algorithm.LLM,
    **given: Any,
) -> Proposal:
    made = make_llm_proposer(settings(endpoint, algorithm, **given), SPACE, (GOAL,), Draws())
    return made.propose(len(history), Start(epochs=3), history)


def hasty(endpoint: FakeEndpoint, **given: Any) -> LlmProposer:
    """The same proposer, but it does not pause between tries."""
    asked = settings(endpoint, **given)
    patience = Patience(answer_s=0.2, pauses_s=(0, 0), sleep=lambda _: None)
    client = ChatClient(endpoint_of(asked), patience)
    return LlmProposer(client, Search(SPACE, (GOAL,), Task(), 20), Draws(), Turns(), asked.seed)


def test_a_good_answer_becomes_a_proposal_with_its_reason(endpoint: FakeEndpoint) -> None:
    endpoint.script = [proposes("smaller steps", values=GOOD)]

    proposal = propose(endpoint, llm_temperature=0.1, llm_max_tokens=77, seed=5)

    assert SPACE.values(proposal.params).items() >= GOOD.items()
    assert (proposal.origin, proposal.reason) == ("llm", "smaller steps")
    (request,) = endpoint.requests
    assert (request["temperature"], request["max_tokens"], request["seed"]) == (0.1, 77, 7)


def test_what_is_known_of_the_search_is_told_to_the_model(endpoint: FakeEndpoint) -> None:
    endpoint.script = [proposes(values=GOOD)]
    task = Task("tao-train-pose", "Classifies poses.", {"optim.lr": "Length of a step."})
    made = make_llm_proposer(settings(endpoint), SPACE, (GOAL,), Draws(), task)

    made.propose(2, Start(epochs=9), HISTORY)

    told = endpoint.told()
    for part in ("tao-train-pose", "Length of a step.", "Minimize val_loss", '"trial": 1', "0.05"):
        assert part in told


def test_an_answer_in_a_fence_with_prose_around_is_used(endpoint: FakeEndpoint) -> None:
    endpoint.script = [says('Let me see.\n```json\n{"values": {"optim.lr": 0.02}}\n```\nDone.')]

    proposal = propose(endpoint)

    assert SPACE.values(proposal.params)["optim.lr"] == pytest.approx(0.02)
    assert proposal.reason == "the model gave no reason"


def test_values_out_of_range_and_unknown_keys_are_mended_and_told(endpoint: FakeEndpoint) -> None:
    endpoint.script = [proposes("be bold", values={"optim.lr": 7, "lr": 3, "data.batch": 32})]

    proposal = propose(endpoint)

    assert SPACE.values(proposal.params)["optim.lr"] == 1.0
    assert proposal.reason.startswith("be bold [adjusted: 'lr' was left out: not searched; ")
    assert "optim.lr: 7 became 1.0; expected number in [0.001, 1]" in proposal.reason
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (says("I cannot help with that."), "no JSON object with the key 'values'"),
        (says('{"values": 3}'), "'values' holds 3"),
        (proposes(values={"optim.type": "AdamW"}), "'AdamW' is no option; expected one of 'SGD'"),
        (proposes(values={"optim.lr": "small"}), "'small' is no number"),
        (proposes(values={"learning_rate": 0.1}), "no key of 'values' is one that is searched"),
        (proposes(values={"optim.lr": 0.1}), "those of trial 0; propose a point that was not"),
        (proposes(values={"optim.lr": 0.05}), "those of trial 1; propose a point that was not"),
        (says('{"values": {"opt', finish_reason="length"), "cut at automl.llm_max_tokens"),
    ],
)
def test_an_answer_that_cannot_be_used_is_asked_again_with_the_problem_named(
    endpoint: FakeEndpoint, bad: Reply, told: str
) -> None:
    endpoint.script = [bad, proposes("second thought", values=GOOD)]

    proposal = propose(endpoint)

    assert (proposal.origin, proposal.reason) == ("llm", "second thought")
    first, second = endpoint.requests
    assert [message["role"] for message in second["messages"]] == [
        *(message["role"] for message in first["messages"]),
        "assistant",
        "user",
    ]
    assert told in second["messages"][-1]["content"]


def test_the_same_as_a_trial_that_runs_or_failed_is_a_repetition_too(
    endpoint: FakeEndpoint,
) -> None:
    for state in (TrialState.RUNNING, TrialState.FAILED):
        endpoint.script = [proposes(values={"optim.lr": 0.3}), proposes(values=GOOD)]
        history = (BASELINE, trial(1, state=state, values={"optim.lr": 0.3}))

        propose(endpoint, history)

        assert "those of trial 1" in endpoint.told()


def test_after_three_unusable_answers_the_other_proposer_takes_over_and_says_why(
    endpoint: FakeEndpoint,
) -> None:
    endpoint.script = [says("no"), says("no\n"), proposes(values={"optim.lr": "x"})]

    proposal = propose(endpoint)

    assert len(endpoint.requests) == 3
    assert proposal.origin == "tpe"
    assert proposal.reason.startswith("the model gave no usable proposal in 3 answers: optim.lr: ")
    assert proposal.reason.endswith("best expected gain")


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply("broken", 500), "HTTP 500: 'broken'"),
        (Reply("busy", 429, {"Retry-After": "9999"}), "HTTP 429: 'busy'"),
        (Reply("{", parts=1, pause_s=30), "did not answer (ReadTimeout"),
    ],
)
@pytest.mark.parametrize("history", [HISTORY, (BASELINE,)])
def test_when_the_endpoint_fails_the_other_proposer_takes_over_and_says_why(
    endpoint: FakeEndpoint, reply: Reply, told: str, history: History
) -> None:
    endpoint.script = [reply]

    proposal = hasty(endpoint).propose(2, Start(3), history)

    assert proposal.origin == "tpe"
    assert proposal.reason.startswith("the model's endpoint failed: ")
    assert told in proposal.reason


def test_an_endpoint_that_comes_back_is_asked_again_for_the_next_trial(
    endpoint: FakeEndpoint,
) -> None:
    endpoint.script = [*[Reply("down", 503)] * 3, proposes(values=GOOD)]
    proposer = hasty(endpoint)

    origins = [proposer.propose(number, Start(3), HISTORY).origin for number in (2, 3)]

    assert origins == ["tpe", "llm"]


def test_the_proposer_of_a_search_falls_back_on_tpe(endpoint: FakeEndpoint) -> None:
    endpoint.script = [Reply("busy", 429, {"Retry-After": "9999"})]
    history = [BASELINE, *(trial(n, 0.5 + 0.1 * math.sin(n)) for n in range(1, 15))]

    proposal = make_proposer(settings(endpoint), SPACE, (GOAL,)).propose(15, Start(9), history)

    assert proposal.origin == "tpe"
    assert proposal.reason.startswith("the model's endpoint failed: HTTP 429: 'busy'")


def test_a_wrong_key_is_refused_before_anything_was_proposed(
    endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    endpoint.script = [Reply(f"no such key: {KEY}", 401)]

    with pytest.raises(RequestInvalid, match=r"check automl\.llm_api_key") as refused:
        propose(endpoint, (BASELINE,), llm_api_key="env:MY_KEY")

    assert KEY not in f"{refused.value!r} {caplog.text}"
    assert len(endpoint.requests) == 1


def test_a_key_that_expires_during_a_search_does_not_end_it(
    endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    endpoint.script = [Reply(f"expired: {KEY}", 401)]

    proposal = propose(endpoint, HISTORY, llm_api_key="env:MY_KEY")

    assert proposal.origin == "tpe"
    assert "HTTP 401: 'expired: (hidden)'" in proposal.reason


def test_what_a_model_writes_into_its_reason_is_kept_as_one_printable_line(
    endpoint: FakeEndpoint,
) -> None:
    endpoint.script = [proposes("a\n\x1b[31mb \ud800 " + "c" * 5000, values=GOOD)]

    reason = propose(endpoint).reason

    assert reason.startswith("a [31mb ccc")
    assert len(reason) <= 2000
    assert reason.encode()


def test_hybrid_lets_the_model_propose_the_first_batch_and_then_every_second_trial(
    endpoint: FakeEndpoint,
) -> None:
    endpoint.script = [proposes(values={"optim.lr": 0.0111 * n}) for n in range(1, 9)]
    draws = Draws()
    made = make_llm_proposer(
        settings(endpoint, Algorithm.HYBRID, max_concurrent=3), SPACE, (GOAL,), draws
    )

    proposals = [made.propose(number, Start(3), HISTORY) for number in range(1, 10)]

    origins = [proposal.origin for proposal in proposals]
    assert origins == ["llm", "llm", "llm", "tpe", "llm", "tpe", "llm", "tpe", "llm"]
    assert draws.numbers == [4, 6, 8]
    assert proposals[3].reason == "best expected gain"


def test_autoresearch_keeps_the_hypothesis_and_shows_the_model_how_the_last_one_ended(
    endpoint: FakeEndpoint,
) -> None:
    endpoint.script = [proposes("so", values=GOOD, hypothesis="it overfits.")]

    first = propose(endpoint, (BASELINE,), Algorithm.AUTORESEARCH, max_experiments=33)
    tried = trial(1, 0.7, params=first.params, origin=first.origin, reason=first.reason)
    endpoint.script = [proposes(values={"optim.lr": 0.3}, hypothesis="still")]
    propose(endpoint, (BASELINE, tried), Algorithm.AUTORESEARCH)

    assert first.reason == "Hypothesis: it overfits. so"
    assert "Propose trial 1 of 33." in endpoint.told(0)
    assert '"reason": "Hypothesis: it overfits. so"' in endpoint.told(1)
    assert '"outcome": "better than the best before it, 0.9"' in endpoint.told(1)


def test_autoresearch_asks_again_for_a_missing_hypothesis(endpoint: FakeEndpoint) -> None:
    endpoint.script = [proposes(values=GOOD), proposes(values=GOOD, hypothesis="noise")]

    proposal = propose(endpoint, algorithm=Algorithm.AUTORESEARCH)

    assert "the key 'hypothesis' is missing" in endpoint.told()
    assert proposal.reason == "Hypothesis: noise a guess"


def test_a_proposer_without_an_endpoint_is_not_made() -> None:
    with pytest.raises(RequestInvalid, match=r"automl\.llm_endpoint: none was given"):
        make_llm_proposer(SearchSettings(algorithm=Algorithm.LLM), SPACE, (GOAL,), Draws())


def test_an_endpoint_is_asked_one_word_before_a_search_starts(endpoint: FakeEndpoint) -> None:
    endpoint.script = [says("ready")]

    check_endpoint(settings(endpoint))

    assert "ready" in endpoint.told()


def test_an_endpoint_that_does_not_answer_is_refused_before_a_search_starts(
    endpoint: FakeEndpoint,
) -> None:
    endpoint.script = [Reply("starting", 503)]
    patience = Patience(pauses_s=(), sleep=lambda _: None)

    with pytest.raises(RequestInvalid, match=r"HTTP 503: 'starting'\. Algorithm 'llm' needs it"):
        check_endpoint(settings(endpoint), patience)


def test_an_algorithm_that_asks_no_model_contacts_nobody(endpoint: FakeEndpoint) -> None:
    check_endpoint(settings(endpoint, Algorithm.RANDOM))

    assert not endpoint.requests


class Says:
    """A model that always says the same."""

    def __init__(self, text: str) -> None:
        self._text = text

    def ask(self, messages: list[Message], seed: int) -> Answer:
        del messages, seed
        return Answer(self._text)


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
NAMES = st.sampled_from([parameter.name for parameter in SPACE.parameters]) | st.text()


@given(st.dictionaries(NAMES, VALUES | st.lists(VALUES, max_size=2)))
def test_whatever_a_model_says_the_proposal_lies_in_the_space(values: dict[str, object]) -> None:
    model = Says(json.dumps({"values": values}))
    search = Search(SPACE, (GOAL,), Task(), 20)
    proposer = LlmProposer(model, search, Draws(), Turns(), seed=1)

    proposal = proposer.propose(2, Start(3), HISTORY)

    assert SPACE.suggest(lambda name, _: proposal.params[name]) == proposal.params
    assert proposal.origin in {"llm", "tpe"}
    assert proposal.reason
