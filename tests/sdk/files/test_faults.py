"""What stores do while the network or the endpoint fails."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from tests.sdk.files.conftest import SMALL_PARTS, once_after
from tests.services.netns import Namespace, namespace, why_no_namespace
from tests.services.s3 import S3Server, require
from tests.services.tcp_proxy import Faults, TcpProxy, Way, proxied

from skillbank.errors import FilesError, FilesUnavailable
from skillbank.files import s3_client
from skillbank.files.api import ABSENT, FileStore
from skillbank.files.parallel import Parts
from skillbank.files.s3 import S3Store
from skillbank.testing import wait_until
from skillbank.testing.files_transfers import make_content

PART = SMALL_PARTS.size_bytes
SIZE = 4 * PART + 1


@pytest.fixture(scope="session")
def proxy_of_session(seaweedfs: S3Server) -> Iterator[TcpProxy]:
    with proxied(seaweedfs.port) as proxy:
        yield proxy


@pytest.fixture
def proxy(proxy_of_session: TcpProxy) -> Iterator[TcpProxy]:
    proxy_of_session.moved = dict.fromkeys(Way, 0)
    proxy_of_session.num_broken = 0
    yield proxy_of_session
    proxy_of_session.faults = Faults()
    proxy_of_session.start()


@pytest.fixture(scope="session")
def store(seaweedfs: S3Server, proxy_of_session: TcpProxy) -> S3Store:
    """It goes through the proxy, and waits 8 s for what fails."""
    settings = seaweedfs.settings(endpoint_url=proxy_of_session.endpoint, patience_s=8.0)
    return S3Store(settings, SMALL_PARTS)


@pytest.fixture(scope="session")
def hasty_store(seaweedfs: S3Server, proxy_of_session: TcpProxy) -> S3Store:
    """It waits 0.3 s, and sends one part after the other."""
    settings = seaweedfs.settings(endpoint_url=proxy_of_session.endpoint, patience_s=0.3)
    made = S3Store(settings, Parts(PART, threads=1))
    with pytest.MonkeyPatch.context() as patch:  # a busy server is no silent one
        patch.setattr(s3_client, "_LEAST_READ_TIMEOUT_S", 20.0)
        made._s3._current("s3://files")
    return made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(make_content(SIZE))
    return path


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("end", ["reset", "cut"])
def test_a_download_goes_on_where_its_connections_break(
    store: S3Store, weed_store: S3Store, proxy: TcpProxy, s3_folder: str, source: Path, end: str
) -> None:
    weed_store.upload(source, f"{s3_folder}/file")
    after = {Way.DOWN: 3 << 20}
    proxy.faults = Faults(reset_after=after) if end == "reset" else Faults(cut_after=after)

    fetched = store.download(f"{s3_folder}/file", source.with_name("here"))

    assert fetched.sha256 == digest_of(source) == digest_of(source.with_name("here"))
    assert proxy.num_broken >= 3


def test_parts_that_went_up_do_not_go_again_after_a_reset(
    store: S3Store, weed_store: S3Store, proxy: TcpProxy, s3_folder: str, source: Path
) -> None:
    proxy.faults = Faults(reset_after={Way.UP: PART // 2}, num_faults=3)

    store.upload(source, f"{s3_folder}/file")

    assert weed_store.stat(f"{s3_folder}/file").sha256 == digest_of(source)
    assert proxy.num_broken == 3
    assert SIZE < proxy.moved[Way.UP] < SIZE + 3 * PART
    weed_store.download(f"{s3_folder}/file", source.with_name("here"))


def test_an_upload_outlives_its_endpoint(
    store: S3Store, weed_store: S3Store, proxy: TcpProxy, s3_folder: str, source: Path
) -> None:
    def vanish_for_a_second() -> None:
        proxy.vanish()
        threading.Timer(1.0, proxy.start).start()

    store.upload(source, f"{s3_folder}/file", progress=once_after(2 * PART, vanish_for_a_second))

    assert weed_store.read(f"{s3_folder}/file") == source.read_bytes()


def test_a_later_upload_sends_only_what_an_earlier_one_did_not(
    hasty_store: S3Store, weed_store: S3Store, proxy: TcpProxy, s3_folder: str, source: Path
) -> None:
    """The endpoint stayed away for longer than the patience; whoever mirrors comes again."""
    with pytest.raises(FilesUnavailable, match=r"file: the store failed for 0\.3 s"):
        hasty_store.upload(
            source, f"{s3_folder}/file", progress=once_after(3 * PART + 1, proxy.vanish)
        )
    went_up = proxy.moved[Way.UP]
    proxy.start()

    hasty_store.upload(source, f"{s3_folder}/file")

    assert weed_store.read(f"{s3_folder}/file") == source.read_bytes()
    assert proxy.moved[Way.UP] - went_up < 2 * PART


def test_a_later_download_fetches_only_what_an_earlier_one_did_not(
    hasty_store: S3Store, weed_store: S3Store, proxy: TcpProxy, s3_folder: str, source: Path
) -> None:
    weed_store.upload(source, f"{s3_folder}/file")
    target = source.with_name("here")
    with pytest.raises(FilesUnavailable, match="file"):
        hasty_store.download(f"{s3_folder}/file", target, once_after(2 * PART + 1, proxy.vanish))
    assert not target.exists()
    came = proxy.moved[Way.DOWN]
    proxy.start()

    hasty_store.download(f"{s3_folder}/file", target)

    assert digest_of(target) == digest_of(source)
    assert proxy.moved[Way.DOWN] - came < 3 * PART


def test_a_connection_that_stalls_is_given_up_for_another(
    store: S3Store, weed_store: S3Store, proxy: TcpProxy, s3_folder: str, source: Path
) -> None:
    """It takes the 2 s after which a silent connection counts as broken."""
    weed_store.upload(source, f"{s3_folder}/file")

    def stall() -> None:
        proxy.faults = Faults(is_stalled=frozenset({Way.DOWN}))
        threading.Timer(1.0, proxy.reset_connections).start()
        threading.Timer(1.0, lambda: setattr(proxy, "faults", Faults())).start()

    store.download(f"{s3_folder}/file", source.with_name("here"), once_after(PART, stall))

    assert digest_of(source.with_name("here")) == digest_of(source)


def test_a_vanished_endpoint_is_asked_until_the_patience_ends(
    hasty_store: S3Store, proxy: TcpProxy, s3_folder: str
) -> None:
    proxy.vanish()
    began = time.monotonic()

    with pytest.raises(FilesUnavailable, match=r"0\.3 s, last with EndpointConnectionError"):
        hasty_store.read(f"{s3_folder}/file")

    assert 0.3 <= time.monotonic() - began < 60


def test_an_endpoint_that_is_silent_for_long_is_told_once_until_it_answers(
    hasty_store: S3Store,
    proxy: TcpProxy,
    s3_folder: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def answers() -> bool:
        with suppress(FilesUnavailable):
            hasty_store.write(f"{s3_folder}/file", b"here")
            return True
        return False

    monkeypatch.setattr(s3_client, "_TELL_AFTER_S", 0.0)
    for is_new in (False, False, True):
        if is_new:
            proxy.start()
            wait_until(answers, "the endpoint answers")
            caplog.clear()
        proxy.vanish()
        with pytest.raises(FilesUnavailable):
            hasty_store.read(f"{s3_folder}/file")
        assert len(caplog.messages) == 1
    assert "/file: the store does not answer (EndpointConnectionError" in caplog.messages[0]
    assert "it is asked again for up to 0.3 s" in caplog.messages[0]


def test_a_conditional_write_whose_answer_is_lost_has_won(
    store: S3Store, weed_store: S3Store, proxy: TcpProxy, s3_folder: str
) -> None:
    """Asked again, the server says that something lies there: it is the writer's own."""
    proxy.reset_connections()
    proxy.faults = Faults(reset_after={Way.DOWN: 60}, num_faults=1)

    written = store.write(f"{s3_folder}/lease", b"mine", if_version=ABSENT)

    assert proxy.num_broken == 1
    assert weed_store.stat(f"{s3_folder}/lease").version == written.version
    assert weed_store.read(f"{s3_folder}/lease") == b"mine"


def test_a_conditional_upload_whose_answer_is_lost_has_won(
    store: S3Store, weed_store: S3Store, proxy: TcpProxy, s3_folder: str, source: Path
) -> None:
    """The store has forgotten the parts by then, and knows only the object."""

    def lose_the_last_answer() -> None:
        proxy.faults = Faults(cut_after={Way.DOWN: 900}, num_faults=4)

    store.upload(
        source, f"{s3_folder}/file", ABSENT, progress=once_after(SIZE, lose_the_last_answer)
    )

    assert weed_store.read(f"{s3_folder}/file") == source.read_bytes()


_offsets = (0, 1, 12, 16, 25, 40, 80, 120, 160, 200, 240, 280, 320, 400, 500, 600)
_numbers = count()


@pytest.mark.parametrize(
    "act",
    [
        lambda store, uri: store.stat(uri),
        lambda store, uri: store.read(uri),
        lambda store, uri: store.read(uri, 3, 4),
        lambda store, uri: list(store.list(uri.rpartition("/")[0])),
        lambda store, uri: store.write(f"{uri}-{next(_numbers)}", b"1", ABSENT).sha256,
        lambda store, uri: store.write(uri, b"0123456789").version,
    ],
    ids=["stat", "read", "read a part", "list", "write where nothing lies", "write"],
)
def test_an_answer_that_is_cut_anywhere_is_asked_for_again(
    store: S3Store,
    proxy: TcpProxy,
    s3_folder: str,
    act: Callable[[FileStore, str], object],
) -> None:
    """boto3 makes bare errors of Python of some, and takes others for whole."""
    uri = f"{s3_folder}/sub/file"
    store.write(uri, b"0123456789")
    expected = act(store, uri)
    if isinstance(expected, list):
        expected = act(store, uri)

    for offset in _offsets:
        proxy.reset_connections()
        proxy.faults = Faults(cut_after={Way.DOWN: offset}, num_faults=1)
        assert act(store, uri) == expected, f"cut after {offset} bytes"


@pytest.fixture
def link() -> Iterator[Namespace]:
    require(why_no_namespace())
    with namespace() as made:
        yield made


def test_files_pass_a_link_that_loses_every_fifth_packet(
    link: Namespace, seaweedfs: S3Server, weed_store: S3Store, s3_folder: str, tmp_path: Path
) -> None:
    """It takes seconds, since TCP waits for what was lost."""
    (tmp_path / "source").write_bytes(make_content(1 << 18))
    link.lose(20)

    with proxied(seaweedfs.port, link.host) as door:
        store = S3Store(seaweedfs.settings(endpoint_url=door.endpoint))

        def there_and_back() -> None:
            store.upload(tmp_path / "source", f"{s3_folder}/file")
            store.download(f"{s3_folder}/file", tmp_path / "here")

        link.run(there_and_back)

    assert weed_store.read(f"{s3_folder}/file") == (tmp_path / "source").read_bytes()
    assert digest_of(tmp_path / "here") == digest_of(tmp_path / "source")


def test_a_slow_link_is_no_vanished_endpoint(
    link: Namespace, seaweedfs: S3Server, s3_folder: str, tmp_path: Path
) -> None:
    """Either way takes longer than the patience, which counts from the last byte."""
    (tmp_path / "source").write_bytes(make_content(PART + 1))
    link.slow_down(1200)

    with proxied(seaweedfs.port, link.host) as door:
        settings = seaweedfs.settings(endpoint_url=door.endpoint, patience_s=2.0)
        store = S3Store(settings, SMALL_PARTS)

        def there_and_back() -> tuple[float, float]:
            began = time.monotonic()
            store.upload(tmp_path / "source", f"{s3_folder}/file")
            between = time.monotonic()
            store.download(f"{s3_folder}/file", tmp_path / "here")
            return between - began, time.monotonic() - between

        assert min(link.run(there_and_back)) > settings.patience_s
        assert door.num_connections <= 4  # no connection was given up

    assert digest_of(tmp_path / "here") == digest_of(tmp_path / "source")


def test_nothing_but_errors_of_ours_leaves_a_store(
    hasty_store: S3Store, proxy: TcpProxy, s3_folder: str, source: Path
) -> None:
    """Whatever the other side says, and forever."""
    for faults in (
        Faults(cut_after={Way.DOWN: 100}),
        Faults(reset_after={Way.DOWN: 0}),
        Faults(reset_after={Way.UP: 100}),
    ):
        proxy.reset_connections()
        proxy.faults = faults
        with pytest.raises(FilesError):
            hasty_store.upload(source, f"{s3_folder}/file")
        with pytest.raises(FilesError):
            hasty_store.download(f"{s3_folder}/file", source.with_name("here"))
        with pytest.raises(FilesError):
            list(hasty_store.list(s3_folder))
