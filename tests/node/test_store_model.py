"""The store against a model: records come in any order, with holes and forks; some are turned away, forgotten, wanted again.

It is closed, killed and opened again. Whatever happens, what is derived is what a look through all records from scratch gives.
"""

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from p2plearn import limits
from p2plearn.identity import Identity
from p2plearn.learning.conversation import CLOSED, converse
from p2plearn.node.evicting import make_room
from p2plearn.node.keeper import Keeper
from p2plearn.node.store import quota as store_quota
from p2plearn.node.store.blocks import BlockStore
from p2plearn.node.store.store import Store
from p2plearn.protocol.admission import Usage
from p2plearn.protocol.kinds import ORIGINALS, ROOT, Request
from p2plearn.protocol.records import NO_PREV, Draft, Record
from p2plearn.protocol.replica import Head
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import FakeClock
from p2plearn.testing.strategies import record_sets
from tests.node.rebuilt import assert_like_rebuilt, closed_in

ME = Author("me")
SMALL = {"MAX_DECLINED": 3, "INDEX_BATCH": 4, "INDEX_SLICE": 3, "FORGET_BATCH": 2}  # so that a few records reach every bound


class StoreModel(RuleBasedStateMachine):
    """`held` are the records that should be here, in the order they came; `forgotten`, ids and authors not wanted any more."""

    def __init__(self) -> None:
        super().__init__()
        self._limits = {name: getattr(limits, name) for name in SMALL}
        for name, value in SMALL.items():
            setattr(limits, name, value)
        self.directory = Path(tempfile.mkdtemp())
        self.clock = FakeClock()
        self.pool: list[Record] = []
        self.held: dict[bytes, Record] = {}
        self.own: list[Record] = []
        self.forgotten: list[bytes] = []
        self.forgotten_authors: set[bytes] = set()
        self.quota = limits.DEFAULT_QUOTA
        self.open()

    def open(self) -> None:
        self.store = Store(self.directory)
        self.keeper = Keeper(self.store, Identity(ME.private_key, ME.private_key), self.clock, self.quota)
        self.run(self.keeper.load_replica)

    def run(self, function: Any, *arguments: Any) -> Any:
        return trio.run(function, *arguments)

    def teardown(self) -> None:
        self.rebuild_gives_the_same()
        self.store.close()
        shutil.rmtree(self.directory)
        for name, value in self._limits.items():
            setattr(limits, name, value)

    # --- what happens ---

    @initialize(pool=record_sets())
    def people_have_said_something(self, pool: list[Record]) -> None:
        self.pool = list({record.id: record for record in [*pool, *forks()]}.values())

    @rule(data=st.data())
    def a_batch_comes(self, data: st.DataObject) -> None:
        batch = data.draw(st.lists(st.sampled_from(self.pool), max_size=8))
        taken = self.run(self.keeper.take, [record.raw for record in batch], "peer")
        assert len(batch) == len(taken.new) + taken.known + sum(taken.ignored.values())
        for record in batch:
            unwanted = record.author in self.forgotten_authors or record.id in self.forgotten
            if record.id not in self.held and not unwanted:
                assert (record in taken.new) == (self.quota > 0)
        self.held.update((record.id, record) for record in taken.new)

    @rule()
    def i_say_something(self) -> None:
        record = self.run(self.keeper.append, Draft("reply", ("comment", f"word{len(self.own)}", 0)))
        assert record.seq == 1 + max((old.seq for old in self.own), default=0)  # however many of them were forgotten
        self.held[record.id] = record
        self.own.append(record)

    @rule(data=st.data())
    def some_are_forgotten(self, data: st.DataObject) -> None:
        if self.held:
            self.forget(data.draw(st.lists(st.sampled_from(list(self.held)), min_size=1, max_size=5, unique=True)))

    @rule(data=st.data())
    def a_person_is_forgotten(self, data: st.DataObject) -> None:
        others = sorted({record.author for record in self.pool})
        author = data.draw(st.sampled_from(others))
        self.forgotten_authors.add(author)
        self.forget([record.id for record in self.held.values() if record.author == author], author)

    def forget(self, ids: list[bytes], author: bytes | None = None) -> None:
        change = self.run(self.keeper.forget, ids, author)
        assert set(change.removed) == set(ids)
        for gone in ids:
            del self.held[gone]
        self.forgotten = [*self.forgotten, *ids][-limits.MAX_DECLINED :]

    @rule(none=st.booleans())
    def the_quota_changes(self, none: bool) -> None:
        self.quota = 0 if none else limits.DEFAULT_QUOTA
        self.run(self.keeper.set_quota, self.quota)

    @rule()
    def who_counts_for_least_makes_room(self) -> None:
        self.run(make_room, self.keeper, BlockStore(self.directory / "blocks"))
        if not self.quota:
            self.held = {record.id: record for record in self.own if record.id in self.held}

    @rule()
    def the_indexes_catch_up(self) -> None:
        self.run(self.keeper.index_all)

    @rule(killed=st.booleans())
    def it_starts_again(self, killed: bool) -> None:
        if killed:
            left = self.directory.with_name(self.directory.name + "-left")
            shutil.copytree(self.directory, left)
            self.store.close()
            shutil.rmtree(self.directory)
            left.rename(self.directory)
        else:
            self.store.close()
        self.open()

    # --- what always holds ---

    @invariant()
    def what_peers_compare_is_what_is_held(self) -> None:
        replica, scratch = self.keeper.replica, self.store.replica()
        assert set(replica._held) == set(self.held) == set(scratch._held)
        assert set(replica._declined) == set(scratch._declined)
        assert set(self.forgotten) <= set(replica._declined)
        assert replica.fingerprint() == scratch.fingerprint()
        assert self.store.count() == len(self.held)
        assert replica.heads == scratch.heads == heads_of(list(self.held.values()))

    @invariant()
    def the_quota_counts_what_is_held(self) -> None:
        with self.store.reading() as db:
            usage = store_quota.usage(db, self.quota, {ME.key})
        by_author: Counter[bytes] = Counter()
        for record in self.held.values():
            by_author[record.author] += len(record.raw)
        assert usage == Usage(self.quota, frozenset({ME.key}), by_author.total(), dict(by_author))
        if self.keeper.wishes.usage is not None:
            assert self.keeper.wishes.usage == usage

    def rebuild_gives_the_same(self) -> None:
        self.run(self.keeper.index_all)
        assert_like_rebuilt(self.store)
        assert closed_in(self.store) == closed_by_folding(list(self.held.values()))
        assert set(feed_of(self.store)) == {record.id for record in self.held.values() if record.kind in ORIGINALS}
        assert not self.store.problem()


def forks() -> list[Record]:
    """A person with three devices that know nothing of each other: each goes on from each."""
    author, heads, said = Author("forker"), [NO_PREV], list[Record]()
    for seq in range(2):
        for prev in heads:
            for device in range(3):
                author.seq, author.prev = seq, prev
                said.append(author.share(f"{device}"))
        heads = [record.id for record in said if record.seq == seq + 1][:2]
    return said


def heads_of(records: list[Record]) -> dict[bytes, Head]:
    """By the rule alone: from seq 1 on, the record that came first and names the one before."""
    heads: dict[bytes, Head] = {}
    for author in {record.author for record in records}:
        head = Head(0, NO_PREV)
        while step := next((r for r in records if r.author == author and r.seq == head.seq + 1 and r.prev == head.id), None):
            head = Head(step.seq, step.id)
        if head.seq:
            heads[author] = head
    return heads


def closed_by_folding(records: list[Record]) -> set[bytes]:
    closed = set()
    for root in (record for record in records if record.kind == Request.kind):
        named = {target for record in records if record.target(ROOT) == root.id for target in record.targets("by")}
        conversation = converse(root, [record for record in records if root.id in record.targets(ROOT) or record.id in named])
        if conversation is not None and conversation.state in CLOSED:
            closed.add(root.id)
    return closed


def feed_of(store: Store) -> list[bytes]:
    """The feed by pages of two, which must neither repeat nor skip where many records have the same moment."""
    found: list[bytes] = []
    page = store.of_kinds(ORIGINALS, limit=2)
    while page:
        found += [stored.record.id for stored in page]
        page = store.of_kinds(ORIGINALS, after=page[-1].place, limit=2)
    assert found == [stored.record.id for stored in store.of_kinds(ORIGINALS, limit=1000)]
    return found


TestStoreModel = pytest.mark.timeout(900)(StoreModel.TestCase)  # when it fails, the smallest story of the failure takes a while to find
StoreModel.TestCase.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
