"""What people say for the things that every skill shares; one phrase per `|`.

A skill's own words come from its folder (`bank_words`); nothing here names a skill.
"""

from __future__ import annotations

from skillbank.words.phrasebook import phrases, tables, words

ACTIONS = tables("shared", "actions")
"""Action -> what asks for it. An action of a skill that is not here is asked for by its name."""

CLASSIFY = phrases("shared", "classify")
"""Verbs that say what a model does: a task to train for, or a thing to do with a model that is there."""

BUILD = phrases("shared", "build")

MODEL_NOUNS = phrases("shared", "model_nouns")

FIELD_NAMES = tables("shared", "field_names")
"""Last part of a spec key, the same in many skills -> what people call it."""


CONNECTORS = words("shared", "connectors")
"""Words between the name of a setting and its value."""

THEN = phrases("shared", "then")

CORRECTIONS = phrases("shared", "corrections")

NOT_ACTION = phrases("shared", "not_action")

COMMON = phrases("shared", "common")
