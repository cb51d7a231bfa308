"""Runs of recipes become a table."""

import json

from bench import recipe_table


def show(tmp_path, capsys, runs):
    path = tmp_path / "runs.jsonl"
    keys = ("recipe", "fold", "seed", "narrower", "accuracy")
    path.write_text("\n".join(json.dumps(dict(zip(keys, run, strict=True))) for run in runs))
    recipe_table.main(["--reference", "a", "--results", str(path)])
    return capsys.readouterr().out.splitlines()[2:]


def test_a_gain_compares_the_same_subjects_seeds_and_width_only(tmp_path, capsys):
    runs = [
        ("a", 3, 0, 2, 0.8),
        ("a", 7, 0, 2, 0.9),
        ("a", 3, 0, 4, 0.1),
        ("b", 3, 0, 2, 0.85),
        ("b", 5, 0, 2, 0.2),
        ("b", 7, 1, 2, 0.2),
    ]
    assert show(tmp_path, capsys, runs) == [
        "| `a` |  | 80.0 |  | 90.0 |  |",
        "| `b` |  | 85.0 | 20.0 | 20.0 | +5.0 over 1 |",
    ]


def test_seeds_of_a_subject_stand_side_by_side(tmp_path, capsys):
    runs = [("a", 1, seed, 2, 0.7 + seed / 10) for seed in (0, 1)]
    assert show(tmp_path, capsys, runs) == ["| `a` | 70.0, 80.0 |  |  |  |  |"]
