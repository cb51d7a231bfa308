"""The protocol of the lease at a results URI, with a clock that the test turns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sdk.staging.memory_store import MemoryStore

from skillbank.errors import FileConflict, FilesUnavailable, LeaseLost
from skillbank.staging.claim import LEASE_NAME, LeaseRecord, StoreClaim

URI = "s3://bucket/job"
TTL_S = 10.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def claim_of(store: MemoryStore, clock: Clock, attempt: int = 1) -> StoreClaim:
    return StoreClaim(store, URI, TTL_S, attempt, clock)


def held(store: MemoryStore, clock: Clock, attempt: int = 1) -> StoreClaim:
    claim = claim_of(store, clock, attempt)
    clock.now += claim.claim()
    claim.confirm()
    return claim


def test_the_first_taker_holds_it_at_once() -> None:
    store, clock = MemoryStore(), Clock()
    claim = claim_of(store, clock)

    assert claim.claim() == 0
    claim.confirm()

    assert claim.is_sure
    assert claim.record.fence == claim.record.clean_since == 1


def test_a_taker_waits_for_one_time_to_live_and_the_old_holder_learns_it_by_its_renewal() -> None:
    store, clock = MemoryStore(), Clock()
    old = held(store, clock)
    new = claim_of(store, clock)

    assert new.claim() == TTL_S
    with pytest.raises(LeaseLost, match="has taken it over"):
        old.renew()

    assert not old.is_sure
    assert new.record.fence == new.record.clean_since == 2


def test_after_a_release_nobody_waits_and_what_was_made_before_is_inherited() -> None:
    store, clock = MemoryStore(), Clock()
    held(store, clock).release()
    new = claim_of(store, clock)

    assert new.claim() == 0
    assert (new.record.fence, new.record.clean_since) == (2, 1)


def test_what_an_overtaken_holder_made_is_never_inherited_again() -> None:
    store, clock = MemoryStore(), Clock()
    held(store, clock)  # dies
    second = held(store, clock)
    second.release()
    third = held(store, clock)

    assert (third.record.fence, third.record.clean_since) == (3, 2)


def test_a_holder_whose_place_does_not_answer_is_not_sure_for_its_whole_time() -> None:
    store, clock = MemoryStore(), Clock()
    claim = held(store, clock)
    store.cut()
    with pytest.raises(FilesUnavailable):
        claim.renew()

    clock.now += 0.7 * TTL_S
    assert claim.is_sure
    clock.now += 0.2 * TTL_S
    assert not claim.is_sure

    store.mend()
    claim.renew()
    assert claim.is_sure


def test_an_own_renewal_whose_answer_was_lost_counts() -> None:
    store, clock = MemoryStore(), Clock()
    claim = held(store, clock)

    def lose(method: str, uri: str) -> None:
        del uri
        if method == "write":
            raise FilesUnavailable("the answer was lost")

    store.after = lose
    with pytest.raises(FilesUnavailable):
        claim.renew()
    store.mend()
    claim.renew()

    assert claim.is_sure


def test_a_renewal_counts_from_when_it_was_sent() -> None:
    store, clock = MemoryStore(), Clock()
    claim = held(store, clock)

    def take_long(method: str, uri: str) -> None:
        del method, uri
        clock.now += TTL_S

    store.before = take_long
    claim.renew()

    assert not claim.is_sure


def test_an_older_attempt_never_takes_it_from_a_newer_one_even_after_its_end() -> None:
    store, clock = MemoryStore(), Clock()
    held(store, clock, attempt=2).release()

    with pytest.raises(LeaseLost, match=r"attempt 2 .*attempt 1 is over"):
        claim_of(store, clock, attempt=1).claim()


def test_a_taker_without_the_time_to_wait_leaves_the_holder_alone() -> None:
    store, clock = MemoryStore(), Clock()
    old = held(store, clock)

    with pytest.raises(LeaseLost, match="10 s more"):
        claim_of(store, clock).claim(patience_s=5)

    old.renew()
    assert old.is_sure


def test_of_two_who_claim_after_another_only_the_last_becomes_the_holder() -> None:
    store, clock = MemoryStore(), Clock()
    held(store, clock)
    second, third = claim_of(store, clock), claim_of(store, clock)
    second.claim()
    third.claim()
    clock.now += TTL_S

    with pytest.raises(LeaseLost):
        second.confirm()
    third.confirm()
    assert third.is_sure


def test_a_longer_time_to_live_of_the_old_holder_is_waited_for() -> None:
    store, clock = MemoryStore(), Clock()
    patient = StoreClaim(store, URI, 60.0, 1, clock)
    patient.claim()
    patient.confirm()
    second = claim_of(store, clock)
    assert second.claim() == 60
    third = claim_of(store, clock)

    assert third.claim() == 60


def test_something_else_under_its_name_is_told() -> None:
    store = MemoryStore()
    store.write(f"{URI}/{LEASE_NAME}", b"hello")

    with pytest.raises(LeaseLost, match="is no lease of a job"):
        claim_of(store, Clock()).claim()


def test_a_claim_that_lost_the_race_looks_again() -> None:
    store, clock = MemoryStore(), Clock()
    first, second = claim_of(store, clock), claim_of(store, clock)

    def race(method: str, uri: str) -> None:
        del uri
        if method == "write":
            store.before = None
            first.claim()

    store.before = race
    second.claim()

    assert second.record.fence == 2


class Machine:
    """One process that does one step of its life at a time, and may stand still for any time."""

    def __init__(self, store: MemoryStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self.claim: StoreClaim | None = None
        self._wait_until: float | None = None

    def step(self, *, leaves: bool) -> None:
        """Take it, wait, renew, or go; a lost lease starts anew."""
        try:
            self._step(leaves=leaves)
        except LeaseLost:
            self.claim = self._wait_until = None
        except FilesUnavailable:
            pass

    def _step(self, *, leaves: bool) -> None:
        if self.claim is None:
            claim = claim_of(self._store, self._clock)
            wait_s = claim.claim()
            self.claim, self._wait_until = claim, self._clock.now + wait_s
        elif self._wait_until is not None:
            if self._clock.now >= self._wait_until:
                self.claim.confirm()
                self._wait_until = None
        elif leaves:
            self.claim.release()
            self.claim = None
        else:
            self.claim.renew()

    @property
    def is_sure(self) -> bool:
        return self.claim is not None and self.claim.is_sure


steps = st.lists(
    st.tuples(
        st.integers(0, 2),  # which machine
        st.sampled_from([0.0, 0.5, 2.5, 7.0, 9.0, 11.0]),  # seconds that pass before
        st.booleans(),  # the machine leaves, where it can
        st.sampled_from(["", "", "", "before", "after"]),  # the call, or its answer, is lost
        st.sampled_from([0.0, 0.0, 3.0, 12.0]),  # seconds between the sending and the effect
    ),
    max_size=60,
)


@given(steps)
def test_two_holders_are_never_sure_at_one_time_and_the_fence_only_grows(
    script: list[tuple[int, float, bool, str, float]],
) -> None:
    store, clock = MemoryStore(), Clock()
    machines = [Machine(store, clock) for _ in range(3)]
    highest = 0
    for index, pause_s, leaves, fault, delay_s in script:
        clock.now += pause_s
        _arm(store, clock, fault, delay_s)
        machines[index].step(leaves=leaves)
        store.mend()
        assert sum(machine.is_sure for machine in machines) <= 1
        if (content := store.objects.get(f"{URI}/{LEASE_NAME}")) is not None:
            record = LeaseRecord.model_validate_json(content[0])
            assert highest <= record.fence
            highest = record.fence


def _arm(store: MemoryStore, clock: Clock, fault: str, delay_s: float) -> None:
    def before(method: str, uri: str) -> None:
        del uri
        if method == "write":
            clock.now += delay_s
            if fault == "before":
                raise FilesUnavailable("lost on the way there")

    def after(method: str, uri: str) -> None:
        del uri
        if method == "write":
            clock.now += delay_s
            if fault == "after":
                raise FilesUnavailable("lost on the way back")

    store.before, store.after = before, after


def test_the_store_of_the_tests_refuses_a_write_over_another_version() -> None:
    store = MemoryStore()
    version = store.write("x", b"1").version
    store.write("x", b"2", version)

    with pytest.raises(FileConflict):
        store.write("x", b"3", version)
