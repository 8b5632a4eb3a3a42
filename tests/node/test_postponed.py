"""Checks that are postponed: what a run vouches for is kept, checked when there is time, and never passed on alone before."""

import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from p2plearn import limits
from p2plearn.identity import Identity
from p2plearn.node import upkeep
from p2plearn.node.keeper import Keeper
from p2plearn.node.service.service import Service
from p2plearn.node.store.store import Change, Store
from p2plearn.protocol.admission import is_signed
from p2plearn.protocol.events import Load, Run
from p2plearn.protocol.records import Attachment, Record, parse, record_id
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import FakeClock
from tests.node.formats import make_format_2

ME = Author("me")
FILE = Attachment(b"\x01\x55\x12\x20" + bytes(32), 1000, "image/png", "tyre.png", "a tyre")


@asynccontextmanager
async def keeping(directory: Path, *, check_each: bool = False) -> AsyncIterator[Keeper]:
    store = Store(directory)
    keeper = Keeper(store, Identity(ME.private_key, ME.private_key), FakeClock(), limits.DEFAULT_QUOTA, check_each=check_each)
    await keeper.load_replica()
    yield keeper
    store.close()


def broken(author: Author, record: Record) -> Record:
    """The author's last record with a signature that does not hold; what they say next names these very bytes."""
    changed = parse(bytes([record.raw[0] ^ 1]) + record.raw[1:])
    author.prev = changed.id
    return changed


def raws(*records: Record) -> list[bytes]:
    return [record.raw for record in records]


async def settle(keeper: Keeper) -> None:
    while await keeper.check_some():
        pass


# --- stories ---


async def test_of_a_run_the_last_is_checked_at_once_and_the_others_later(tmp_path: Path) -> None:
    ada = Author("ada")
    run = [ada.share(f"{n}") for n in range(40)]
    async with keeping(tmp_path) as keeper:
        assert (await keeper.take(raws(*run), "peer")).new == run
        assert keeper.store.unverified_among(record.id for record in run) == {record.id for record in run[:-1]}
        assert keeper.store.contents() == [(40, len(run[-1].raw))]  # what an export would hold
        shutil.copytree(tmp_path, tmp_path.with_name("killed"))
        await settle(keeper)
        assert keeper.store.unverified() == 0
        assert len(keeper.store.contents()) == 40
    async with keeping(tmp_path.with_name("killed")) as keeper:  # at any moment the note is on the disk with the record
        assert keeper.store.unverified() == 39


async def test_what_an_author_vouched_for_and_did_not_sign_goes_with_all_that_came_of_it(tmp_path: Path) -> None:
    ada = Author("ada")
    one = ada.share("one")
    forged = broken(ada, ada.share("two", "unheard-of words", topics=("x",), attachments=(FILE,)))
    three, four = ada.share("three"), ada.share("four")
    async with keeping(tmp_path) as keeper:
        changes: list[Change] = []
        keeper.listen(lambda change, _source: changes.append(change))
        taken = await keeper.take(raws(one, forged, three, four), "peer")
        assert (taken.new, taken.rejected) == ([one, forged, three, four], {})
        await keeper.index_all()
        await settle(keeper)
        assert changes[-1].removed == [forged.id]
        assert changes[-1].files == {FILE.cid: 1000}
        assert {parse(raw) for raw in keeper.store.everything()} == {one, three, four}
        assert keeper.replica.heads[ada.key].seq == 1
        assert keeper.store.replica().fingerprint() == keeper.replica.fingerprint()
        assert keeper.store.of_kinds([forged.kind], "x", limit=1) == []
        assert (await keeper.wishes.counted()).by_author[ada.key] == sum(len(record.raw) for record in (one, three, four))
        # it does not come back, nobody is blamed for having it, and nothing of hers waits for a check any more
        five, six = ada.share("five"), ada.share("six")
        taken = await keeper.take(raws(forged, three, four, five, six), "another")
        assert (taken.new, taken.known, taken.ignored, taken.rejected) == ([five, six], 2, {"signature": 1}, {})
        assert keeper.store.unverified() == 0
    async with keeping(tmp_path) as keeper:  # so it is after a restart
        await keeper.take(raws(ada.share("seven"), ada.share("eight")), "peer")
        assert keeper.store.unverified() == 0


async def test_a_peer_is_blamed_for_what_nobody_vouches_for(tmp_path: Path) -> None:
    ada, eve = Author("ada"), Author("eve")
    one = ada.share("one")
    last = broken(ada, ada.share("two"))
    eve.seq, eve.prev = last.seq, last.id
    stranger = eve.share("I name what ada is to have said")
    async with keeping(tmp_path) as keeper:
        taken = await keeper.take(raws(one, last, stranger), "peer")
        assert taken.new == [one, stranger]
        assert taken.rejected == {"signature": 1}
        assert keeper.store.unverified() == 0


async def test_nobody_is_blamed_for_what_is_vouched_for_by_something_held_here(tmp_path: Path) -> None:
    ada = Author("ada")
    one = ada.share("one")
    forged = broken(ada, ada.share("two"))
    three = ada.share("three")
    async with keeping(tmp_path, check_each=True) as keeper:
        await keeper.take(raws(one, three), "peer")
        taken = await keeper.take(raws(one, forged, three), "another")
        assert (taken.new, taken.known, taken.ignored, taken.rejected) == ([], 2, {"signature": 1}, {})
        assert keeper.replica.knows(forged.id)
        alone = await keeper.take(raws(forged), "a third")
        assert alone.rejected == {"signature": 1}


@pytest.mark.parametrize("many", [3, 60])
async def test_where_each_is_checked_nothing_waits(tmp_path: Path, many: int) -> None:
    ada = Author("ada")
    run = [broken(ada, ada.share(f"{n}")) if n == 1 else ada.share(f"{n}") for n in range(many)]
    async with keeping(tmp_path, check_each=True) as keeper:
        taken = await keeper.take(raws(*run), "peer")
        assert taken.new == [run[0], *run[2:]]
        assert (taken.ignored, taken.rejected) == ({"signature": 1}, {})
        assert keeper.store.unverified() == 0


async def test_batches_that_wait_are_committed_together(tmp_path: Path) -> None:
    ada, ben = Author("ada"), Author("ben")
    run = [ada.share(f"{n}") for n in range(20)]
    forged = broken(ben, ben.share("one"))
    last = broken(ben, ben.share("two"))
    async with keeping(tmp_path) as keeper:
        changes: list[Change] = []
        keeper.listen(lambda change, _source: changes.append(change))
        first = await keeper.examine(raws(*run[:10], forged))
        first.join(await keeper.examine(raws(*run[8:], last)))
        taken = await keeper.commit(first, "peer")
        assert taken.new == run
        assert (taken.known, taken.rejected) == (2, {"signature": 2})
        assert [len(change.added) for change in changes] == [20]
        assert keeper.store.unverified() == 19  # what one batch puts off is put off


async def test_what_comes_from_no_peer_is_checked_at_once(tmp_path: Path) -> None:
    ada = Author("ada")
    async with keeping(tmp_path) as keeper:
        await keeper.take(raws(*(ada.share(f"{n}") for n in range(30))), None)
        assert keeper.store.unverified() == 0


async def test_what_is_served_alone_was_checked(tmp_path: Path) -> None:
    ada = Author("ada")
    run = [ada.share(f"{n}") for n in range(4)]
    forged = broken(ada, ada.share("forged"))
    rest = [ada.share(f"{n}") for n in range(3)]
    async with keeping(tmp_path) as keeper:
        await keeper.take(raws(*run, forged, *rest), "peer")
        assert (await keeper.load(Load((Run(ada.key, 1, 8),))))[0] == raws(*run, forged, *rest)  # the last one was checked
        assert (await keeper.load(Load(ids=(run[1].id,))))[0] == raws(run[1])
        assert (await keeper.load(Load((Run(ada.key, 1, 5),))))[0] == raws(*run)  # nothing vouches for what would be the last
        assert forged.id not in keeper.replica
        assert (await keeper.load(Load(ids=(forged.id,), live=True)))[0] == []


async def test_an_export_holds_nothing_unchecked(tmp_path: Path) -> None:
    ada = Author("ada")
    one = ada.share("one")
    forged = broken(ada, ada.share("two"))
    three = ada.share("three")
    async with Service.open(tmp_path) as service:
        await service._keeper.take(raws(one, forged, three), "peer")
        assert (await service.status())["unverified"] == 2
        checks = {check["name"]: check["message"] for check in (await service.doctor())["checks"]}
        assert checks["signatures"].startswith("2 records wait")
        assert not (await service.show(forged.id.hex()))["verified"]
        assert (await service.show(three.id.hex()))["verified"]
        counts, stream = await service.export_bundle()
        assert counts["records"] == 2
        async for _ in stream:
            pass
        assert (await service.status())["unverified"] == 0
        assert (await service.show(one.id.hex()))["verified"]


async def test_a_running_node_checks_when_nothing_comes(tmp_path: Path, autojump_clock: MockClock) -> None:
    ada = Author("ada")
    async with keeping(tmp_path) as keeper, trio.open_nursery() as nursery:
        nursery.start_soon(upkeep.check_signatures, keeper)
        await keeper.take(raws(*(ada.share(f"{n}") for n in range(1200))), "peer")
        await trio.sleep(limits.CHECK_IDLE / 2)
        assert keeper.store.unverified() == 1199
        await trio.sleep(limits.CHECK_IDLE)
        with trio.fail_after(60):
            while keeper.store.unverified():  # noqa: ASYNC110  # what is waited for is on the disk; it has no event
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()


async def test_a_stream_of_news_puts_checks_off_for_a_while_only(tmp_path: Path, autojump_clock: MockClock) -> None:
    ada, ben = Author("ada"), Author("ben")
    async with keeping(tmp_path) as keeper, trio.open_nursery() as nursery:
        await keeper.take(raws(*(ada.share(f"{n}") for n in range(30))), "peer")
        nursery.start_soon(upkeep.check_signatures, keeper)
        for _ in range(int(limits.CHECK_AT_LEAST / 0.25) + 4):
            await keeper.take(raws(ben.share("news")), "peer")
            await trio.sleep(0.25)
        assert keeper.store.unverified() == 0
        nursery.cancel_scope.cancel()


async def test_a_store_from_before_is_opened_and_brought_up_to_date(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ada = Author("ada")
    run = [ada.share(f"{n}") for n in range(3)]
    store.commit(run, 0)
    store.close()
    as_it_was_before(tmp_path / "store.db", run)
    async with keeping(tmp_path) as keeper:
        assert [parse(raw) for raw in keeper.store.everything()] == run
        assert keeper.store.unverified() == 0
        await keeper.take(raws(ada.share("more"), ada.share("and more")), "peer")
        assert keeper.store.unverified() == 1
    async with keeping(tmp_path) as keeper:
        assert keeper.store.unverified() == 1


def as_it_was_before(path: Path, records: list[Record]) -> None:
    """Make a store of today one of format 1: no checks were postponed, and raw records lay there as they are."""
    database = sqlite3.connect(path)
    make_format_2(database)
    database.executescript("""
        DROP TABLE unverified; DROP TABLE doubted; DROP INDEX records_by_author; DROP INDEX records_by_kind; DROP INDEX records_elsewhere;
        ALTER TABLE records RENAME TO packed;
        CREATE TABLE records (
            n INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, author INTEGER NOT NULL, seq INTEGER NOT NULL,
            space TEXT NOT NULL, kind TEXT NOT NULL, arrived INTEGER NOT NULL, shown INTEGER NOT NULL, raw BLOB NOT NULL);
        INSERT INTO records SELECT n, id, author, seq, space, kind, arrived, shown, raw FROM packed;
        DROP TABLE packed;
        CREATE INDEX records_by_author ON records (author, seq);
        CREATE INDEX records_by_kind ON records (kind, shown) WHERE space = 'commons';
        CREATE INDEX records_elsewhere ON records (space) WHERE space != 'commons';
        PRAGMA user_version = 1;
    """)
    database.executemany("UPDATE records SET raw = ? WHERE id = ?", [(record.raw, record.id) for record in records])
    database.commit()
    database.close()


# --- whatever comes ---


@st.composite
def said(draw: st.DrawFn) -> list[Record]:
    """What two people say: some of it with broken signatures, forks, and records that name the other's as their own last one."""
    people = [Author("ada"), Author("ben")]
    pool: list[Record] = []
    for who, is_broken, behind in draw(
        st.lists(st.tuples(st.integers(0, 1), st.booleans(), st.integers(-24, 11)), min_size=1, max_size=12)
    ):
        author = people[who]
        if 0 <= behind < len(pool):
            author.seq, author.prev = pool[behind].seq, pool[behind].id
        record = author.share(f"{len(pool)}")
        pool.append(broken(author, record) if is_broken else record)
    return pool


def assert_vouched_for(served: Sequence[bytes]) -> None:
    """Each record is signed, or named as the one before by another of its author that is."""
    records = {record_id(raw): parse(raw) for raw in served}
    fine = {one for one, record in records.items() if is_signed(record)}
    for _ in records:
        for record in [records[one] for one in fine]:
            before = records.get(record.prev)
            if before and (before.author, before.space, before.seq + 1) == (record.author, record.space, record.seq):
                fine.add(before.id)
    assert fine == records.keys()


@settings(max_examples=60, deadline=None)
@given(data=st.data(), pool=said(), check_each=st.booleans())
def test_nothing_unchecked_is_ever_served_alone_and_in_the_end_all_that_is_signed_is_here(
    data: st.DataObject, pool: list[Record], check_each: bool
) -> None:
    batches = data.draw(st.lists(st.one_of(st.just(pool), st.lists(st.sampled_from(pool), max_size=30)), max_size=4))
    asked = data.draw(st.lists(st.lists(st.sampled_from(pool), min_size=1, max_size=4), max_size=3))
    authors = list({record.author for record in pool})

    async def live(keeper: Keeper) -> None:
        for batch in batches:
            taken = await keeper.take(raws(*batch), "peer")
            assert len(batch) == len(taken.new) + taken.known + sum(taken.ignored.values()) + sum(taken.rejected.values())
            if taken.rejected:
                with pytest.raises(AssertionError):
                    assert_vouched_for(raws(*batch))  # an honest peer would not have sent it
        for wanted in asked:
            assert_vouched_for((await keeper.load(Load(ids=tuple(record.id for record in wanted))))[0])
        first, last = sorted(data.draw(st.tuples(st.integers(1, 12), st.integers(1, 12))))
        assert_vouched_for((await keeper.load(Load(tuple(Run(author, first, last) for author in authors))))[0])
        contents = [n for n, _ in keeper.store.contents()]
        assert all(is_signed(parse(raw)) for raw in keeper.store.at(contents))
        await settle(keeper)
        assert {parse(raw) for raw in keeper.store.everything()} == {record for batch in batches for record in batch if is_signed(record)}
        assert keeper.store.replica().fingerprint() == keeper.replica.fingerprint()

    async def main() -> None:
        with tempfile.TemporaryDirectory() as directory:
            async with keeping(Path(directory), check_each=check_each) as keeper:
                await live(keeper)

    trio.run(main)
