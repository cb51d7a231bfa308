"""Files and links that appear whole, or not at all."""

import pytest

from skillbank_runners.api import placed_whole, written_whole


def test_a_link_takes_the_name_of_another_at_once(tmp_path):
    link = tmp_path / "latest"
    link.symlink_to("old")

    with placed_whole(link) as place:
        place.symlink_to("new")
        assert str(link.readlink()) == "old"

    assert str(link.readlink()) == "new"
    assert list(tmp_path.iterdir()) == [link]


def test_a_failure_keeps_what_was_there_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a.onnx"
    path.write_text("old")

    def fail():
        with placed_whole(path) as place:
            place.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_of_the_same_number_left_is_no_part_of_the_file(tmp_path):
    path = tmp_path / "a.txt"
    with placed_whole(path) as place:
        left = place
        place.touch()
    left.symlink_to("elsewhere")

    with written_whole(path) as file:
        file.write(b"whole")

    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_bytes() == b"whole"
