"""Answers that are too large are shortened where they are largest, and say so."""

from __future__ import annotations

import json
from pathlib import Path

from skillbank.mcp.bounds import fit

MORE = "ask for less"


def size(document: object) -> int:
    return len(json.dumps(document, ensure_ascii=False).encode())


def test_a_small_answer_stays_as_it_is_in_json_types() -> None:
    assert fit({"path": Path("/a"), "list": (1, 2)}, MORE) == {"path": "/a", "list": [1, 2]}


def test_of_a_log_the_end_is_kept() -> None:
    log = "".join(f"line {number}\n" for number in range(1000))

    found = fit({"job": "x", "log": log}, MORE, most_bytes=2000)

    assert log.endswith(found["log"])
    assert found["job"] == "x"
    assert found["cut"]["more"] == MORE
    assert found["cut"]["parts"] == {"log": {"of": len(log), "kept": len(found["log"])}}


def test_a_long_list_keeps_its_beginning_and_becomes_part_of_a_document() -> None:
    found = fit([{"id": number, "text": "x" * 50} for number in range(500)], MORE, most_bytes=3000)

    assert found["result"][0]["id"] == 0
    assert found["cut"]["parts"]["result"] == {"of": 500, "kept": len(found["result"])}


def test_one_large_value_deep_inside_is_shortened_rather_than_its_neighbours() -> None:
    document = {"head": {"a": 1}, "rows": [{"note": "short"}, {"note": "y" * 100_000}]}

    found = fit(document, MORE, most_bytes=2000)

    assert found["head"] == {"a": 1}
    assert found["rows"][0] == {"note": "short"}
    assert len(found["rows"][1]["note"]) < 2000
    assert found["cut"]["parts"]["... note"]["of"] == 100_000


def test_whatever_is_large_fits_in_the_end() -> None:
    many_keys = {"map": {f"key{number}": number for number in range(5000)}, "text": "ü" * 9000}

    assert size({**fit(many_keys, MORE, most_bytes=4000), "cut": {}}) <= 4000
