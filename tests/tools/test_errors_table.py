"""Every wrong request of docs/errors.md, really asked. All of them together take some 20 s: one
starts a real job, and the runner's load PyTorch.
"""

from __future__ import annotations

import pytest

import errors_table
from errors_table import PAGE, Answer
from wrong_request import WrongRequest
from wrong_requests import SECTIONS

REQUESTS = [request for section in SECTIONS.values() for request in section]


@pytest.fixture(scope="module")
def answers() -> dict[WrongRequest, Answer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")  # put back afterwards what collect() sets
        return {answer.request: answer for answer in errors_table.collect()}


def test_there_are_at_least_forty_wrong_requests_and_none_twice():
    assert len(REQUESTS) >= 40
    assert len({request.command for request in REQUESTS}) == len(REQUESTS)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.what)
def test_a_wrong_request_is_refused_by_name_and_without_a_traceback(request_, answers):
    answer = answers[request_]

    assert answer.status == request_.status
    assert "Traceback" not in answer.message + answer.out
    assert "internal error" not in answer.message + answer.out
    assert [name for name in request_.names if name not in answer.message] == []


def test_no_message_is_longer_than_a_screen(answers):
    long = [r.what for r, answer in answers.items() if len(answer.message.splitlines()) > 15]

    assert long == []


def test_the_page_shows_what_is_said_now(answers):
    page = errors_table.render(list(answers.values()))

    assert PAGE.read_text(encoding="utf-8") == page, "run 'make errors'"
