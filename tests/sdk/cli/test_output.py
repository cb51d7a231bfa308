"""How text meets terminals of different widths, pipes and strange names."""

from __future__ import annotations

import io
import re
import sys

import pytest

from skillbank.cli.output import print_error, print_facts, print_table, print_text

LONG = "/somewhere/below/the/root/of/all/jobs/train-7kzm4wpc/results/report.html"
ROWS = [("train-7kzm4wpc", "COMPLETE", "words that are long enough to be folded somewhere")]


class Screen(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def on_screen(monkeypatch, columns, show):
    """Lines that a terminal of so many columns gets."""
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    show()
    return re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()).splitlines()


def test_prose_is_wrapped_at_words_on_a_terminal(monkeypatch):
    lines = on_screen(monkeypatch, 20, lambda: print_text("one two three four five six", "  "))

    assert lines == ["  one two three four", "  five six"]


def test_prose_in_a_pipe_is_one_line(capsys):
    print_text("one two three four five six" * 9)

    assert capsys.readouterr().out.count("\n") == 1


def test_a_path_in_prose_is_never_broken(monkeypatch):
    assert LONG in on_screen(monkeypatch, 30, lambda: print_text(f"the report is {LONG}"))


def test_a_table_folds_its_last_column_only(monkeypatch):
    lines = on_screen(monkeypatch, 60, lambda: print_table(("JOB", "STATE", "DETAIL"), ROWS))

    assert lines[1].startswith("train-7kzm4wpc  COMPLETE  words that")
    assert all(len(line) <= 60 for line in lines)
    assert len(lines) > 2


@pytest.mark.parametrize("columns", [10, 30])
def test_a_table_that_has_no_room_is_not_cropped(monkeypatch, columns):
    lines = on_screen(monkeypatch, columns, lambda: print_table(("JOB", "STATE", "DETAIL"), ROWS))

    assert lines[1] == "  ".join(ROWS[0])


def test_a_table_in_a_pipe_has_aligned_columns_without_trailing_spaces(capsys):
    print_table(("JOB", "N"), [("a", 1), ("longer", None)])

    assert capsys.readouterr().out == "JOB     N\na       1\nlonger\n"


def test_square_brackets_are_text_and_no_markup(monkeypatch):
    lines = on_screen(monkeypatch, 80, lambda: print_table(("A",), [("[red] [0, 6)",)]))

    assert lines[1].rstrip() == "[red] [0, 6)"


def test_further_lines_of_a_fact_stand_below_its_first(capsys):
    print_facts([("state", "ERROR"), ("detail", "one\ntwo")])

    assert capsys.readouterr().out == "state   ERROR\ndetail  one\n        two\n"


def test_errors_go_to_stderr_as_plain_text(capfd):
    print_error("found 'x', expected 'y'")

    assert capfd.readouterr().err == "error: found 'x', expected 'y'\n"
