"""What one node holds of one scope, against a plain set; and finding ids under any kind of short id."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from p2plearn import limits
from p2plearn.protocol import replica as replica_module
from p2plearn.protocol.replica import IdSet, Replica, Salted, short_id
from p2plearn.protocol.scope import Filter, Scope
from p2plearn.protocol.sketch import Sketch

SCOPE = Scope("commons")
IDS = [hashlib.sha256(bytes([n])).digest() for n in range(40)]
TWINS = [IDS[0][:8] + bytes([n]) * 24 for n in range(3)]  # ground to have one unsalted short id
some_ids = st.lists(st.sampled_from(IDS + TWINS), max_size=6)


class ReplicaMachine(RuleBasedStateMachine):
    """Whatever happens to a replica, it says the same as one made anew from two plain sets."""

    def __init__(self) -> None:
        super().__init__()
        self.replica = Replica(SCOPE)
        self.held: set[bytes] = set()
        self.declined: dict[bytes, None] = {}

    @rule(ids=some_ids)
    def add(self, ids: list[bytes]) -> None:
        self.replica.add(ids)
        self.held.update(ids)
        self._forgive(ids)

    @rule(ids=some_ids)
    def remove(self, ids: list[bytes]) -> None:
        self.replica.remove(ids)
        self.held.difference_update(ids)

    @rule(ids=some_ids)
    def decline(self, ids: list[bytes]) -> None:
        self.replica.decline(ids)
        self.declined |= {record_id: None for record_id in ids if record_id not in self.held}

    @rule(ids=some_ids)
    def welcome(self, ids: list[bytes]) -> None:
        self.replica.welcome(ids)
        self._forgive(ids)

    def _forgive(self, ids: list[bytes]) -> None:
        self.declined = {record_id: None for record_id in self.declined if record_id not in ids}

    @rule(size=st.sampled_from([1, 8, 40]))
    def look_at_the_sketch(self, size: int) -> None:
        fresh = Sketch(size)
        fresh.add(np.array([short_id(record_id) for record_id in [*self.held, *self.declined]], np.uint64))
        kept = self.replica.sketch(size).copy()
        assert (kept.sums[:size] == fresh.sums).all()
        assert (kept.checks[:size] == fresh.checks).all()
        assert (kept.counts[:size] == fresh.counts).all()

    @rule(size=st.sampled_from([8, 40]), gone=some_ids, come=some_ids)
    def make_the_sketch_while_ids_come_and_go(self, size: int, gone: list[bytes], come: list[bytes]) -> None:
        job = self.replica.begin_sketch(size)
        self.remove(gone)
        begun = job()
        self.add(come)
        self.replica.finish_sketch(begun)
        self.look_at_the_sketch(size)

    @rule()
    def compare_with_another(self) -> None:
        other = Replica(SCOPE)
        other.fill(sorted(self.held))
        assert list(other.ids()) == sorted(self.held)
        assert self.replica.fingerprint() == other.fingerprint()
        other.remove(IDS[:1])
        other.add(IDS[:1])
        assert (self.replica.fingerprint() == other.fingerprint()) == (IDS[0] in self.held)

    @rule(record_id=st.sampled_from(IDS + TWINS))
    def find(self, record_id: bytes) -> None:
        assert self.replica.find(short_id(record_id)) == sorted(i for i in self.held if i[:8] == record_id[:8])
        salted = Salted(self.replica.ids(), b"salt")
        assert len(salted) == self.replica.known

    @invariant()
    def says_what_it_holds(self) -> None:
        assert len(self.replica) == len(self.held)
        assert self.replica.known == len(self.held | self.declined.keys())
        for record_id in IDS[:5] + TWINS:
            assert (record_id in self.replica) == (record_id in self.held)
            assert self.replica.knows(record_id) == (record_id in self.held or record_id in self.declined)
        assert repr(self.replica) == f"<Replica of commons: {len(self.held)} held, {len(self.declined)} declined, 0 heads>"


@pytest.fixture(autouse=True)
def fold_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_module, "_LOG", 5)


TestReplica = ReplicaMachine.TestCase
TestReplica.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(st.sets(st.sampled_from(IDS + TWINS)), st.sampled_from(IDS + TWINS))
def test_an_id_set_is_a_sorted_set(ids: set[bytes], one: bytes) -> None:
    found = IdSet()
    assert [found.add(record_id) for record_id in ids] == [True] * len(ids)
    assert list(found) == sorted(ids)
    assert found.add(one) == (one not in ids)
    assert one in found
    assert len(found) == len(ids | {one})
    assert found.starting_with(one[:2]) == sorted(i for i in ids | {one} if i[:2] == one[:2])
    assert found.bucket(one[0] << 4 | one[1] >> 4) == sorted(i for i in ids | {one} if (i[0], i[1] >> 4) == (one[0], one[1] >> 4))
    assert found.discard(one)
    assert not found.discard(one)
    assert one not in found


def test_fingerprints_are_of_one_scope() -> None:
    scopes = [SCOPE, Scope("another"), Scope("commons", (Filter(("maths",)),))]
    assert len({Replica(scope).fingerprint() for scope in scopes}) == 3


@given(st.sets(st.sampled_from(IDS + TWINS), min_size=1), st.integers(1, 6))
def test_parts_share_out_all_salted_ids_and_twins_part(ids: set[bytes], bits: int) -> None:
    salted = Salted(sorted(ids), b"salt")
    parts = [salted.part(bits, number).tolist() for number in range(1 << bits)]
    assert all(short >> (64 - bits) == number for number, part in enumerate(parts) for short in part)
    found = [salted.find(short) for part in parts for short in part]
    assert sorted(record_id for group in found for record_id in group) == sorted(ids)
    assert salted.find(12345) == []


def test_another_salt_gives_other_short_ids() -> None:
    one, other = (set(Salted(IDS, salt).part(1, 0).tolist()) | set(Salted(IDS, salt).part(1, 1).tolist()) for salt in (b"a", b"b"))
    assert len(one) == len(other) == len(IDS)
    assert not one & other


def test_of_too_many_declined_the_oldest_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_DECLINED", 5)
    replica = Replica(SCOPE)
    replica.decline(IDS[:8])
    replica.decline(IDS[:1])
    replica.decline(IDS[8:12])
    assert [replica.knows(record_id) for record_id in IDS[:12]] == [False] * 2 + [True] * 10
