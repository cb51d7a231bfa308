"""Archives of strangers become folders, or are refused whole with the member that is wrong."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillbank.errors import FileDamaged, FilesError, RequestInvalid
from skillbank.files.archive import Limits, is_archive, stem_of, unpack

TarEdit = Callable[[tarfile.TarFile], None]


def add(tar: tarfile.TarFile, name: str, content: bytes = b"x", **fields: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(content))


def tar_of(path: Path, *edits: TarEdit) -> Path:
    with tarfile.open(path, "w" if path.suffix == ".tar" else "w:gz") as tar:
        for edit in edits:
            edit(tar)
    return path


def zip_of(path: Path, members: dict[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            file.writestr(info, content)
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("ending", [".tar.gz", ".tgz", ".tar", ".zip"])
def test_each_format_is_unpacked(tmp_path: Path, ending: str) -> None:
    members = {"images/a.png": b"a" * 3000, "labels.csv": b"1"}
    path = tmp_path / f"train{ending}"
    if ending == ".zip":
        zip_of(path, members)
    else:
        tar_of(path, lambda tar: [add(tar, *one) for one in members.items()])  # type: ignore[func-returns-value]

    assert is_archive(str(path))
    assert tree(unpack(path, tmp_path / "out")) == members


def test_one_top_folder_of_the_archives_own_name_is_the_folder(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "train.tar.gz", lambda tar: add(tar, "./train/images/a.png"))

    assert unpack(path, tmp_path / "out") == tmp_path / "out" / "train"


def test_one_top_folder_of_another_name_belongs_to_the_data(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "train.tar.gz", lambda tar: add(tar, "images/a.png"))

    assert unpack(path, tmp_path / "out") == tmp_path / "out"


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda tar: add(tar, "/etc/passwd"), "'/etc/passwd'"),
        (lambda tar: add(tar, "a/../../b"), r"'a/\.\./\.\./b'"),
        (lambda tar: add(tar, "pipe", b"", type=tarfile.FIFOTYPE), "'pipe'.*a device or a pipe"),
        (lambda tar: add(tar, "dev", b"", type=tarfile.CHRTYPE), "'dev'.*a device or a pipe"),
        (lambda tar: add(tar, "out", b"", type=tarfile.SYMTYPE, linkname="/etc"), "'out'.*'/etc'"),
        (lambda tar: add(tar, "a/out", b"", type=tarfile.SYMTYPE, linkname="../../x"), "'a/out'"),
        (lambda tar: add(tar, "hard", b"", type=tarfile.LNKTYPE, linkname="/etc/passwd"), "'hard'"),
        (
            lambda tar: add(tar, "hard", b"", type=tarfile.LNKTYPE, linkname="later"),
            "not before it",
        ),
        (lambda tar: (add(tar, "a"), add(tar, "a/b")), "'a/b'.*below one that is no folder"),
        (lambda tar: (add(tar, "a/b"), add(tar, "a")), "'a'"),
        (lambda tar: add(tar, "x" * 300), "too long"),
    ],
)
def test_a_member_that_may_not_be_is_named_and_nothing_is_left(
    tmp_path: Path, edit: TarEdit, told: str
) -> None:
    path = tar_of(tmp_path / "bad.tar", lambda tar: add(tar, "good"), edit)

    with pytest.raises((RequestInvalid, FilesError), match=told):
        unpack(path, tmp_path / "out")

    assert names_in(tmp_path) == ["bad.tar"]


def test_a_link_through_a_link_cannot_leave(tmp_path: Path) -> None:
    """b looks as if it stayed inside; by way of a, it would not."""
    path = tar_of(
        tmp_path / "bad.tar",
        lambda tar: add(tar, "deep/er/file"),
        lambda tar: add(tar, "deep/er/a", b"", type=tarfile.SYMTYPE, linkname="../.."),
        lambda tar: add(tar, "deep/er/b", b"", type=tarfile.SYMTYPE, linkname="a/../x"),
    )

    with pytest.raises(RequestInvalid, match=r"'deep/er/b' is a link out"):
        unpack(path, tmp_path / "out")


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    path = tar_of(
        tmp_path / "bad.tar",
        lambda tar: add(tar, "way", b"", type=tarfile.SYMTYPE, linkname="../outside"),
        lambda tar: add(tar, "way/file"),
    )

    with pytest.raises(RequestInvalid):
        unpack(path, tmp_path / "out")
    assert list(outside.iterdir()) == []


def test_links_that_stay_inside_are_kept(tmp_path: Path) -> None:
    path = tar_of(
        tmp_path / "good.tar",
        lambda tar: add(tar, "a/file", b"one"),
        lambda tar: add(tar, "b/soft", b"", type=tarfile.SYMTYPE, linkname="../a/file"),
        lambda tar: add(tar, "b/hard", b"", type=tarfile.LNKTYPE, linkname="a/file"),
    )

    folder = unpack(path, tmp_path / "out")
    assert (folder / "b" / "soft").is_symlink()
    assert (folder / "b" / "soft").read_bytes() == (folder / "b" / "hard").read_bytes() == b"one"


def test_a_link_in_a_zip_is_held_to_the_same(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "bad.zip", {"out": b"../../etc"}, stat.S_IFLNK | 0o777)

    with pytest.raises(RequestInvalid, match="'out'"):
        unpack(path, tmp_path / "out")


def test_a_name_that_comes_twice_means_its_last_member(tmp_path: Path) -> None:
    path = tar_of(
        tmp_path / "a.tar", lambda tar: add(tar, "x", b"old"), lambda tar: add(tar, "x", b"new")
    )

    assert tree(unpack(path, tmp_path / "out")) == {"x": b"new"}


def test_names_in_any_script_are_kept_as_they_are(tmp_path: Path) -> None:
    names = ["Ünïcode/数据.png", "u\u0308.png", "\u00fc.png", "A.png", "a.png"]
    path = tar_of(tmp_path / "a.tar.gz", *[lambda tar, n=name: add(tar, n) for name in names])

    assert set(tree(unpack(path, tmp_path / "out"))) == set(names)


def test_a_bomb_is_stopped_when_it_has_unpacked_too_much(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "bomb.tar.gz", lambda tar: add(tar, "zeros", bytes(3 << 20)))

    with pytest.raises(RequestInvalid, match=r"'zeros'.*more than 1,048,576 bytes"):
        unpack(path, tmp_path / "out", Limits(ratio=10, free_bytes=1 << 20))
    assert names_in(tmp_path) == ["bomb.tar.gz"]


def test_a_header_that_wants_gigabytes_of_memory_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("long")
    info.type = tarfile.GNUTYPE_LONGNAME
    info.size = 8 << 30
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(4096)))

    with pytest.raises(FileDamaged, match=r"a header of 8,589,934,592 bytes"):
        unpack(path, tmp_path / "out")


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "many.tar", lambda tar: [add(tar, f"{i}") for i in range(12)])  # type: ignore[func-returns-value]

    with pytest.raises(RequestInvalid, match="more than 10 members"):
        unpack(path, tmp_path / "out", Limits(num_members=10))


@pytest.mark.parametrize("ending", [".tar.gz", ".tar", ".zip"])
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.6, 0.97])
def test_an_archive_that_was_not_copied_whole_is_refused(
    tmp_path: Path, ending: str, kept: float
) -> None:
    path = tmp_path / f"cut{ending}"
    members = {f"{index}.bin": os.urandom(700) for index in range(40)}
    if ending == ".zip":
        zip_of(path, members)
    else:
        tar_of(path, lambda tar: [add(tar, *one) for one in members.items()])  # type: ignore[func-returns-value]
    content = path.read_bytes().rstrip(b"\0")
    path.write_bytes(content[: int(len(content) * kept)])

    with pytest.raises(FileDamaged, match=r"cannot be unpacked|ends after"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_tar_that_is_cut_between_two_members_is_refused(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "cut.tar", lambda tar: [add(tar, f"{i}") for i in range(4)])  # type: ignore[func-returns-value]
    path.write_bytes(path.read_bytes()[: 2 * 1024])

    with pytest.raises(FileDamaged, match="ends too early"):
        unpack(path, tmp_path / "out")


def test_an_encrypted_zip_is_told(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "locked.zip", {"a": b"x"})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(bytes(content))

    with pytest.raises(FileDamaged, match="not encrypted"):
        unpack(path, tmp_path / "out")


def test_a_folder_that_is_there_is_not_unpacked_again(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "a.tar", lambda tar: add(tar, "x"))
    unpack(path, tmp_path / "out")
    path.write_bytes(b"no archive any more")

    assert unpack(path, tmp_path / "out") == tmp_path / "out"


def test_stems() -> None:
    assert [stem_of(n) for n in ("a.tar.gz", "b.TGZ", "c.zip", ".tar")] == ["a", "b", "c", ".tar"]


@given(st.binary(max_size=3000), st.sampled_from([".tar", ".tar.gz", ".zip"]))
def test_no_bytes_make_it_fail_otherwise(content: bytes, ending: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x{ending}"
        path.write_bytes(gzip.compress(content) if ending == ".tar.gz" else content)
        try:
            unpack(path, Path(folder) / "out")
        except (FilesError, RequestInvalid):
            assert names_in(Path(folder)) == [path.name]


@given(st.data())
def test_a_flipped_byte_never_lets_anything_out(data: st.DataObject) -> None:
    """Whatever is changed in an honest archive: it is refused, or unpacks inside its folder."""
    with tempfile.TemporaryDirectory() as folder:
        path = tar_of(
            Path(folder) / "x.tar",
            lambda tar: add(tar, "a/b", b"one"),
            lambda tar: add(tar, "c", b"", type=tarfile.SYMTYPE, linkname="a/b"),
        )
        content = bytearray(path.read_bytes()[:4096])
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, 2048))] = data.draw(st.integers(0, 255))
        path.write_bytes(bytes(content))
        with suppress(FilesError, RequestInvalid):
            unpack(path, Path(folder) / "out")
        assert set(names_in(Path(folder))) <= {"x.tar", "out"}
