"""What goes to a job's results URI when: new files at once, growing ones now and then, in order.

`artefacts.json` goes up when every file that it names is there, as it was read then, and the ending
of an attempt goes up last: whoever sees one sees what belongs to it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from skillbank.errors import FilesError, LeaseLost
from skillbank.files.disk import TICK_S, is_young
from skillbank.staging.collecting import ENDINGS, RECORDS, RESULTS, Found, is_gone, named_by, shown
from skillbank.staging.lanes import Lane
from skillbank.staging.listing import Listing
from skillbank.staging.manifest import ManifestEntry
from skillbank.staging.pins import Pins
from skillbank.staging.shipping import LARGE_BYTES, Shipper

_SHARE = 0.05
"""Part of the time that may go into bringing one growing file again and again."""

_LONGEST_PACE_S = 60.0
"""Longest such pause, though none is shorter than the upload before it: that may have outlived an
outage."""

_SETTLED_S = 1.0
"""How long a large file that no record names must rest before it goes."""

_SMALL_LANES = 6
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
_ENDING_WAITS_FOR = 3
"""Failures of another file after which the ending of an attempt goes up without it."""

Stamp = tuple[int, int, int]


@dataclass
class _Sent:
    """What is known of the way of one file.

    Attributes:
        stamp: Of the file as it lies at the results URI; None: it does not.
        begun_at: When its last upload was asked for.
        pace_at: When it may go again because it grew.
        retry_at: When it may go again because it failed.
        failures: Uploads that failed since the last that did not.
        doubt_ends_at: When to look at its content once more, since it was so young when it was
            brought that it may have changed with its stamp staying as it was.
    """

    stamp: Stamp | None = None
    begun_at: float = float("-inf")
    pace_at: float = float("-inf")
    retry_at: float = float("-inf")
    failures: int = 0
    doubt_ends_at: float = float("inf")

    def begin(self, one: Found) -> None:
        """Note that its content is read now."""
        self.begun_at = time.monotonic()
        may_change = one.size_bytes < LARGE_BYTES and is_young(one.modified_at, time.time())
        self.doubt_ends_at = self.begun_at + TICK_S if may_change else float("inf")

    def is_other(self, one: Found, asked_at: float | None) -> bool:
        """Whether the file is another than the one that was brought, or may be."""
        has_doubt = self.doubt_ends_at < float("inf")
        is_to_look = asked_at is not None or time.monotonic() >= self.doubt_ends_at
        return self.stamp != one.stamp or (has_doubt and is_to_look)

    def fail(self) -> None:
        """Wait longer after each failure."""
        self.failures += 1
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (self.failures - 1))
        self.retry_at = time.monotonic() + pause_s

    def arrive(self, stamp: Stamp, took_s: float) -> None:
        """Note what lies there now."""
        self.stamp, self.failures = stamp, 0
        longest_s = max(_LONGEST_PACE_S, took_s)
        self.pace_at = time.monotonic() + min(longest_s, took_s * (1 / _SHARE - 1))


_Flight = tuple[Found, "Future[tuple[ManifestEntry, float]]"]


class Traffic:
    """Decides what goes, hands it to the lanes, and takes in what arrived.

    One thread uses it, but for `missing`, which any may ask.

    Args:
        folder: The job's folder.
        ship: Brings a file.
        listing: Names what arrived.
        on_landing: Called from a lane when something arrived or failed.
    """

    def __init__(
        self, folder: Path, ship: Shipper, listing: Listing, on_landing: Callable[[], None]
    ) -> None:
        self.trouble = ""
        self._folder = folder
        self._ship = ship
        self._listing = listing
        self._on_landing = on_landing
        self._sent: dict[str, _Sent] = {}
        self._flights: dict[str, _Flight] = {}
        self._records: tuple[Found, bytes] | None = None
        self._pins = Pins(folder)
        self._held: dict[str, ManifestEntry] = {}  # arrived; named together with the records
        self._reading = _Sent()
        self._named: set[str] = set()
        # An earlier run of the same attempt may have left them there.
        self._own_endings = {f"attempts/{listing.attempt}/{name}" for name in ENDINGS}
        self._large = Lane("outbox-large", 1)
        self._small = Lane("outbox-small", _SMALL_LANES)

    def note(self, found: Iterable[str]) -> None:
        """Know of files that lie here, so that it is seen when they go."""
        for path in found:
            self._sent.setdefault(path, _Sent())

    def compare_anew(self) -> None:
        """Look again at what the listing lacks, which was read anew."""
        for sent in self._sent.values():
            sent.stamp = None

    def land(self) -> None:
        """Take in what arrived, or did not.

        Raises:
            LeaseLost: The results are somebody else's.
        """
        for path, (found, future) in list(self._flights.items()):
            if not future.done():
                continue
            del self._flights[path]
            try:
                entry, took_s = future.result()
            except LeaseLost:
                raise
            except FileNotFoundError:  # pruned on its way
                if path in self._pins.files:  # its second name too: somebody cleared it away
                    self._forget_records()
                continue
            except (FilesError, OSError) as error:
                if path != RECORDS and not os.path.lexists(self._pins.source(path)):
                    continue  # pruned before it was opened
                self._sent[path].fail()
                self.trouble = str(error)
                continue
            self._sent[path].arrive(found.stamp, took_s)
            self._take_in(path, entry)
        if not any(sent.failures for sent in self._sent.values()):
            self.trouble = ""

    def _take_in(self, path: str, entry: ManifestEntry) -> None:
        """Name what arrived, unless the records that are there tell of another content of it."""
        if path == RECORDS and self._records is not None:
            self._listing.put(path, entry)
            for other, held in self._held.items():
                self._listing.put(other, held)
            self._named = named_by(self._records[1]) or set()
            self._forget_records()
        elif path in self._pins.files and path in self._named and path in self._listing.files:
            self._held[path] = entry
        else:
            self._listing.put(path, entry)
            if path not in {*self._named, *self._pins.files} and is_gone(self._folder / path):
                self._listing.drop(path)  # it was pruned on its way, and nobody knows of it

    def dispatch(self, found: Mapping[str, Found], asked_at: float | None) -> bool:
        """Send what is due.

        Args:
            found: The folder as it is.
            asked_at: When somebody asked for everything; None: nobody did.

        Returns:
            Whether all is there that was there when everything was asked for.
        """
        self._note_links(found)
        self._read_records(found, asked_at)
        found = {**found, **self._pins.files}
        named = set() if self._records is None else named_by(self._records[1]) or set()
        waiting = [one for one in found.values() if self._is_waiting(one, asked_at)]
        endings = [one for one in waiting if one.is_ending]
        others = sorted(
            (one for one in waiting if not one.is_ending), key=lambda one: one.modified_at
        )
        for one in others:
            if self._is_due(one, asked_at, is_named=one.path in named):
                self._send(one, self._bringing(one))
        self._send_records(found, others)
        if not self._records and not self._holds_up(others):
            for one in endings:
                if time.monotonic() >= self._sent[one.path].retry_at:
                    self._send(one, self._bringing(one))
        self._drop_gone(found)
        return not (waiting or self._flights or self._records)

    def is_exposed(self, found: Iterable[str]) -> bool:
        """Whether an overtaken holder might still change a file that lies here too."""
        files = self._listing.files
        return any(path in files and self._ship.is_exposed(files[path]) for path in found)

    def missing(self, found: Mapping[str, Found]) -> list[str]:
        """Paths of files that do not lie at the results URI as they are here."""
        # Asked by another thread than the one that forgets what was deleted.
        return sorted(
            shown(path)
            for path, one in found.items()
            if (sent := self._sent.get(path)) is None
            or sent.stamp != one.stamp
            or not self._listing.holds(path)
        )

    def close(self) -> list[Future[tuple[ManifestEntry, float]]]:
        """Let the lanes end; what was under way is returned."""
        self._large.close()
        self._small.close()
        self._pins.release()
        return [future for _, future in list(self._flights.values())]

    # ------------------------------------------------------------------ what is due

    def _is_waiting(self, one: Found, asked_at: float | None) -> bool:
        """Whether a file is to go, now or later; the records and what is under way are not."""
        sent = self._sent.setdefault(one.path, _Sent())
        if one.path == RECORDS or one.path in self._flights or not sent.is_other(one, asked_at):
            return False
        if one.link and one.has_plain_name:
            return False  # goes with what it leads to
        return asked_at is None or sent.begun_at < asked_at or sent.failures > 0

    def _is_due(self, one: Found, asked_at: float | None, *, is_named: bool) -> bool:
        sent, now = self._sent[one.path], time.monotonic()
        if asked_at is not None or is_named:
            return now >= sent.retry_at
        # A time to come means that a clock was set back, and says nothing.
        is_settled = (
            one.size_bytes < LARGE_BYTES or abs(time.time() - one.modified_at) >= _SETTLED_S
        )
        return is_settled and now >= max(sent.retry_at, sent.pace_at)

    def _holds_up(self, others: list[Found]) -> bool:
        """Whether the ending of an attempt waits for other files."""
        paths = [*(one.path for one in others), *self._flights]
        return any(self._sent[path].failures < _ENDING_WAITS_FOR for path in paths)

    def _send(self, one: Found, bring: Callable[[], ManifestEntry]) -> None:
        def work() -> tuple[ManifestEntry, float]:
            began = time.monotonic()
            return bring(), time.monotonic() - began

        self._sent[one.path].begin(one)
        if one.path in self._pins.files:  # it is as it was when the records were read
            self._sent[one.path].begun_at = self._reading.begun_at
        lane = self._large if one.size_bytes >= LARGE_BYTES else self._small
        future = lane.submit(work)
        self._flights[one.path] = (one, future)
        future.add_done_callback(lambda _: self._on_landing())

    def _bringing(self, one: Found) -> Callable[[], ManifestEntry]:
        entry = self._held.get(one.path) or self._listing.files.get(one.path)
        is_recorded = one.path in self._pins.files

        def bring() -> ManifestEntry:
            return self._ship.ship(one, entry, self._pins.source(one.path), is_recorded=is_recorded)

        return bring

    # ------------------------------------------------------------------ links, records, deletions

    def _note_links(self, found: Mapping[str, Found]) -> None:
        for one in found.values():
            sent = self._sent.setdefault(one.path, _Sent())
            is_new = one.link and one.has_plain_name and sent.stamp != one.stamp
            if is_new and self._leads_on(one, found):
                self._listing.put(one.path, ManifestEntry(link=one.link))
                sent.stamp = one.stamp

    def _leads_on(self, one: Found, found: Mapping[str, Found]) -> bool:
        """Whether a link would lead at the results URI where it leads here."""
        target = os.path.normpath(PurePosixPath(one.path).parent / one.link)
        return target not in found or target in self._listing.files

    def _read_records(self, found: Mapping[str, Found], asked_at: float | None) -> None:
        """Keep the records as they are at this moment, until all that they name is there."""
        one = found.get(RECORDS)
        if one is None or self._records is not None:
            return
        if self._is_record_new(one, asked_at):
            reading = _Sent()
            reading.begin(one)
            try:
                content = (self._folder / RECORDS).read_bytes()
            except FileNotFoundError:
                return
            named = named_by(content)
            if named is not None:
                self._records = (one, content)
                self._reading = reading
                known = [found[path] for path in sorted(named) if path in found]
                self._pins.pin(file for file in known if self._is_to_come(file))

    def _is_to_come(self, one: Found) -> bool:
        sent = self._sent.setdefault(one.path, _Sent())
        return one.path in self._flights or sent.stamp != one.stamp

    def _forget_records(self) -> None:
        for path, entry in self._held.items():
            self._listing.discard(path, entry)
        self._records, self._held = None, {}
        self._pins.release()

    def _is_record_new(self, one: Found, asked_at: float | None) -> bool:
        sent = self._sent.setdefault(RECORDS, _Sent())
        return sent.is_other(one, asked_at) and (asked_at is None or sent.begun_at < asked_at)

    def _send_records(self, found: Mapping[str, Found], others: list[Found]) -> None:
        if self._records is None or RECORDS in self._flights:
            return
        one, content = self._records
        named = named_by(content) or set()
        under_way = {*(other.path for other in others), *self._flights}
        now = found.get(RECORDS)
        is_old = now is None or now.stamp != one.stamp
        is_pruned = any(p not in found and p not in self._listing.files for p in named)
        if is_old and is_pruned:
            self._forget_records()  # the next look reads the newer ones
        elif not named & under_way and time.monotonic() >= self._sent[RECORDS].retry_at:
            entry = self._listing.files.get(RECORDS)
            self._send(one, lambda: self._ship.ship_bytes(RECORDS, content, entry))
            self._sent[RECORDS].begun_at = self._reading.begun_at
            self._sent[RECORDS].doubt_ends_at = self._reading.doubt_ends_at

    def _drop_gone(self, found: Mapping[str, Found]) -> None:
        """Follow deletions, but of what the records at the results URI still name."""
        for path in self._sent.keys() - found.keys() - self._listing.files.keys():
            if path not in self._flights and path != RECORDS:
                del self._sent[path]  # it went before it could be brought
        named = self._named
        if self._records is not None:
            if self._sent[RECORDS].stamp is None:
                return  # nobody knows yet what the records there name
            named = named | (named_by(self._records[1]) or set())
        for path in self._listing.files.keys() - found.keys() - named - self._flights.keys():
            if self._was_here(path) and is_gone(self._folder / path):
                self._listing.drop(path)
                self._sent.pop(path, None)

    def _was_here(self, path: str) -> bool:
        """Whether a file of the listing that is missing here is one that was deleted here.

        An earlier process of this folder may have ended before it could tell. Only where this
        folder's own records are at the results URI is that certain: an empty one says nothing.
        """
        is_known = path in self._sent or path in self._own_endings
        return is_known or (bool(self._named) and path.startswith(f"{RESULTS}/"))
