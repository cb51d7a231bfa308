"""A spec with URIs becomes one with local paths, and what was brought is known."""

from __future__ import annotations

import json
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sdk.staging.memory_store import MemoryStore

from skillbank.errors import FilesUnavailable, RequestInvalid
from skillbank.files.cache import Cache
from skillbank.skill_info import Input, InputType
from skillbank.staging.annotations import listed_files
from skillbank.staging.inputs import InputRecord, Inputs, References


class Place:
    """A bucket, a cache and what was told."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        self.store = MemoryStore()
        self.told: list[str] = []
        cache = Cache(tmp_path / "cache", self.store)  # type: ignore[arg-type]
        self.inputs = Inputs(cache, self.told.append)

    def put(self, *names: str) -> None:
        for name in names:
            self.store.write(f"s3://b/{name}", name.encode())

    def put_archive(self, name: str, *members: str) -> Path:
        path = self.folder / Path(name).name
        (self.folder / "member").write_bytes(b"m")
        if name.endswith(".zip"):
            with zipfile.ZipFile(path, "w") as file:
                for member in members:
                    file.writestr(member, b"m")
        else:
            with tarfile.open(path, "w:gz") as tar:
                for member in members:
                    tar.add(self.folder / "member", member)
        self.store.write(f"s3://b/{name}", path.read_bytes())
        return path

    def localise(self, spec: dict[str, Any], says: References | None = None) -> dict[str, Any]:
        found, self.records = self.inputs.localise(spec, says)
        return found

    records: list[InputRecord]

    @property
    def downloads(self) -> list[str]:
        return sorted(uri for method, uri in self.store.calls if method == "download")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def files_of(folder: str) -> list[str]:
    found = Path(folder).rglob("*")
    return sorted(p.relative_to(folder).as_posix() for p in found if p.is_file())


FOLDER = Input(type=InputType.FOLDER)


def test_files_at_any_depth_become_local_and_the_rest_stays(place: Place) -> None:
    place.put("train.npy", "val.npy")
    spec = {
        "dataset": {"train": [{"data_path": "s3://b/train.npy"}], "classes": 3},
        "more": ["s3://b/val.npy", "https://example.org/x", "relative/path"],
        "name": "s3 is a word",
    }

    found = place.localise(spec)

    assert Path(found["dataset"]["train"][0]["data_path"]).read_bytes() == b"train.npy"
    assert Path(found["more"][0]).name == "val.npy"
    assert found["more"][1:] == spec["more"][1:]
    assert (found["name"], found["dataset"]["classes"]) == (spec["name"], 3)
    assert spec["more"][0] == "s3://b/val.npy"


def test_what_was_brought_is_recorded(place: Place) -> None:
    place.put("train.npy", "set/a.png", "set/b.png")

    place.localise({"a": {"path": "s3://b/train.npy"}, "dir": "s3://b/set/"})

    file, folder = place.records
    assert (file.key, file.uri, file.size_bytes, file.num_files) == (
        "a.path", "s3://b/train.npy", 9, 1,
    )  # fmt: skip
    assert file.version == place.store.objects["s3://b/train.npy"][1]
    assert len(file.sha256) == len(folder.sha256) == 64
    assert (folder.num_files, folder.size_bytes, folder.version) == (2, 18, "")
    assert Path(folder.path).is_dir()


@pytest.mark.parametrize("uri", ["s3://b/set/", "s3://b/set"])
def test_a_folder_is_a_folder_with_or_without_its_slash(place: Place, uri: str) -> None:
    place.put("set/walk/1.png", "set/run/2.png")

    found = place.localise({"data": uri})

    assert files_of(found["data"]) == ["run/2.png", "walk/1.png"]


def test_the_same_uri_comes_once_for_all_its_keys(place: Place) -> None:
    place.put("x.npy")

    found = place.localise({"a": "s3://b/x.npy", "b": "s3://b/x.npy"})

    assert found["a"] == found["b"]
    assert place.downloads == ["s3://b/x.npy"]
    assert [record.key for record in place.records] == ["a", "b"]


def test_an_archive_stands_for_its_folder(place: Place) -> None:
    place.put_archive("train.tar.gz", "images/a.png", "labels.csv")
    place.put_archive("val.zip", "images/a.png")

    found = place.localise(
        {"train": "s3://b/train.tar.gz", "val": "s3://b/val.zip"}, lambda _: FOLDER
    )

    assert files_of(found["train"]) == ["images/a.png", "labels.csv"]
    assert files_of(found["val"]) == ["images/a.png"]


def test_an_archive_stays_a_file_where_one_is_expected(place: Place) -> None:
    place.put_archive("poses.zip", "a.json")
    place.put_archive("model.tar.gz", "x")

    found = place.localise(
        {"poses": "s3://b/poses.zip", "model": "s3://b/model.tar.gz"},
        {"poses": Input(type=InputType.FILE), "model": Input(type=InputType.CHECKPOINT)}.get,
    )

    assert found["poses"].endswith("/poses.zip")
    assert found["model"].endswith("/model.tar.gz")


def test_a_path_into_an_archive_is_that_part_of_it(place: Place) -> None:
    """A data set's root may be an archive: the skill's own paths follow its name."""
    place.put_archive("set.tar.gz", "set/train/walk/1.png", "set/test/walk/2.png")
    place.put_archive("other.tar.gz", "hmdb51/train/1.png")

    found = place.localise(
        {
            "train": "s3://b/set.tar.gz/train",
            "test": "s3://b/set.tar.gz/test",
            "other": "s3://b/other.tar.gz/train",
        },
        lambda _: FOLDER,
    )

    assert files_of(found["train"]) == ["walk/1.png"]
    assert files_of(found["test"]) == ["walk/2.png"]
    assert files_of(found["other"]) == ["1.png"]
    assert place.downloads == ["s3://b/other.tar.gz", "s3://b/set.tar.gz"]


def test_what_an_archive_does_not_hold_is_told_with_what_it_holds(place: Place) -> None:
    place.put_archive("set.tar.gz", "images/1.png", "labels.csv")

    with pytest.raises(RequestInvalid, match=r"no 'train'; it holds images/, labels\.csv"):
        place.localise({"train": "s3://b/set.tar.gz/train"})


def test_a_local_archive_is_unpacked_too_and_other_local_paths_stay(place: Place) -> None:
    path = place.put_archive("set.tar.gz", "train/1.png")
    other = place.folder / "plain.npy"
    other.write_bytes(b"x")

    found = place.localise(
        {"a": str(path), "b": f"{path}/train", "c": str(other), "d": f"file://{other}"}
    )

    assert files_of(found["a"]) == ["train/1.png"]
    assert files_of(found["b"]) == ["1.png"]
    assert found["c"] == found["d"] == str(other)
    assert [record.key for record in place.records] == ["a", "b", "d"]


def test_a_pattern_stays_one_over_what_fits(place: Place) -> None:
    place.put("poses/1.json", "poses/2.json", "poses/3.txt", "poses/deep/4.json")

    found = place.localise({"data": "s3://b/poses/*.json"})

    pattern = Path(found["data"])
    assert pattern.name == "*.json"
    assert sorted(p.name for p in pattern.parent.glob("*.json")) == ["1.json", "2.json"]
    assert len(place.downloads) == 2


LISTED = {
    "annotations": Input(type=InputType.FILE),
    "images": Input(type=InputType.FOLDER, listed_by="annotations"),
}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", '{"images": [{"id": 1, "file_name": "images/1.png"}, {"file_name": "2.png"}]}'),
        ("a.jsonl", '{"image": "1.png"}\n{"image": "2.png"}\n'),
        ("a.csv", "file,label\n1.png,walk\n./images/2.png,run\n"),
        ("a.txt", "1.png 0\n2.png 4\n"),
        ("a.lst", "1\n2\n"),
    ],
)  # fmt: skip
def test_of_a_folder_that_a_file_lists_only_what_it_lists_comes(
    place: Place, name: str, content: str
) -> None:
    place.put("images/1.png", "images/sub/2.png", "images/3.png", "images/1.json")
    place.store.write(f"s3://b/{name}", content.encode())

    found = place.localise({"images": "s3://b/images", "annotations": f"s3://b/{name}"}, LISTED.get)

    assert files_of(found["images"]) == ["1.json", "1.png", "sub/2.png"]


def test_a_list_beside_its_folder_in_a_list_of_data_sets_counts_for_it(place: Place) -> None:
    place.put("one/1.png", "one/2.png", "two/1.png", "two/2.png")
    place.store.write("s3://b/one.txt", b"1.png")
    place.store.write("s3://b/two.txt", b"2.png")
    says = {
        "sets.list": Input(type=InputType.FILE),
        "sets.dir": Input(type=InputType.FOLDER, listed_by="sets.list"),
    }

    found = place.localise(
        {"sets": [{"dir": f"s3://b/{n}", "list": f"s3://b/{n}.txt"} for n in ("one", "two")]},
        says.get,
    )

    assert [files_of(one["dir"]) for one in found["sets"]] == [["1.png"], ["2.png"]]


def test_a_list_that_names_nothing_of_the_folder_leaves_nothing_out(place: Place) -> None:
    place.put("images/1.png", "images/2.png")
    place.store.write("s3://b/a.txt", b"walk\nrun\n")

    found = place.localise({"images": "s3://b/images", "annotations": "s3://b/a.txt"}, LISTED.get)

    assert files_of(found["images"]) == ["1.png", "2.png"]
    assert any("lists no file of s3://b/images" in line for line in place.told)


def test_every_problem_is_told_at_once(place: Place) -> None:
    place.put("there.npy")

    with pytest.raises(RequestInvalid) as caught:
        place.localise(
            {"a": {"b": "s3://b/none.npy"}, "c": "s3://b/there.npy", "d": ["file:///none"]}
        )

    assert "2 of the job's inputs" in str(caught.value)
    assert "a.b: s3://b/none.npy: neither a file nor a folder" in str(caught.value)
    assert "d[0]: file:///none" in str(caught.value)


def test_a_place_that_fails_may_be_asked_again(place: Place) -> None:
    place.store.cut()

    with pytest.raises(FilesUnavailable, match="a: "):
        place.localise({"a": "s3://b/x", "b": "s3://b/y"})


def test_people_see_what_comes(place: Place) -> None:
    place.put("set/1", "set/2")

    place.localise({"data": "s3://b/set/"})

    assert place.told == [place.told[0]]
    assert place.told[0].startswith("input data: s3://b/set/: 2 files, 10 bytes, here after ")


separators = "/\\,;\"'"
names = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters=separators), min_size=1
)


@given(st.lists(names, max_size=8))
def test_every_name_of_a_json_list_is_found(listed: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.json"
        path.write_text(json.dumps({"files": [f"deep/{name}" for name in listed]}))
        found = listed_files(path)

    assert found is not None
    assert {name for name in listed if name != "."} <= found


def test_a_file_that_is_no_text_lists_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\xff\xfe")

    assert listed_files(tmp_path / "a.npy") is None
