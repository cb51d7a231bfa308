"""One reader over the shipped skills; making it reads every skill's words and schemas."""

from __future__ import annotations

import pytest

from skillbank.bank import SkillBank
from skillbank.words.answer import Answer
from skillbank.words.reader import SentenceReader


@pytest.fixture(scope="session")
def reader() -> SentenceReader:
    return SentenceReader(SkillBank())


@pytest.fixture
def ask(reader: SentenceReader):
    """Reads a sentence over the shipped skills."""

    def read(text: str) -> Answer:
        return reader.read(text)

    return read
