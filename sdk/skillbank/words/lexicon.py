"""What people say for the things that every skill shares, and that several readers need.

A skill's own words come from its folder (`bank_words`); nothing here names a skill.
"""

from __future__ import annotations

from skillbank.words.phrasebook import phrases, tables, words

ACTIONS = tables("shared", "actions")
"""Action -> what asks for it. An action of a skill that is not here is asked for by its name."""

CLASSIFY = phrases("shared", "classify")
"""Verbs that say what a model does: what it is trained for, or what a trained one is used for."""

BUILD = phrases("shared", "build")
"""Verbs that ask for a model, when one of `MODEL_NOUNS` follows."""

MODEL_NOUNS = phrases("shared", "model_nouns")

FIELD_NAMES = tables("shared", "field_names")
"""Last part of a spec key, the same in many skills -> what people call it."""


CONNECTORS = words("shared", "connectors")
"""Words between the name of a setting and its value."""

THEN = phrases("shared", "then")
"""What begins the next step."""

CORRECTIONS = phrases("shared", "corrections")
"""What takes back the words before it."""

NOT_ACTION = phrases("shared", "not_action")
"""What, before an action, asks that it is not done."""

COMMON = phrases("shared", "common")
"""Words that say nothing of a skill or a setting by themselves."""
