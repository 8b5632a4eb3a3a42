"""The keeper: what is taken from others and what is not, and that replica, quota and listeners always know what is on the disk."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from p2plearn import limits
from p2plearn.identity import Identity
from p2plearn.node.keeper import Keeper
from p2plearn.node.store import local as store_local
from p2plearn.node.store import quota as store_quota
from p2plearn.node.store.local import Target
from p2plearn.node.store.store import Change, Store
from p2plearn.protocol.records import Attachment, Draft, Record
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import FakeClock

ME = Author("me")
NOTE = Draft("snippet", ("note", "title", "text"))
FILE = Attachment(b"\x01\x55\x12\x20" + bytes(32), 1000, "image/png", "tyre.png", "a tyre")


@asynccontextmanager
async def keeping(directory: Path, quota: int = limits.DEFAULT_QUOTA) -> AsyncIterator[Keeper]:
    store = Store(directory)
    keeper = Keeper(store, Identity(ME.private_key, ME.private_key), FakeClock(), quota)
    await keeper.load_replica()
    yield keeper
    store.close()


def raws(*records: Record) -> list[bytes]:
    return [record.raw for record in records]


async def test_what_comes_is_judged_one_by_one(tmp_path: Path) -> None:
    ada = Author("ada")
    good, forged = ada.share("one"), ada.share("two")
    secret = ada.record(Draft("snippet", ("note", "", ""), space="elsewhere"))
    async with keeping(tmp_path) as keeper:
        taken = await keeper.take([good.raw, good.raw, forged.raw[:64][::-1] + forged.raw[64:], secret.raw, b"noise"], "peer")
        assert taken.new == [good]
        assert taken.known == 1
        assert taken.ignored == {"space": 1}
        assert taken.rejected.keys() <= {"signature", "encoding", "limit"}
        assert sum(taken.rejected.values()) == 2
        assert not keeper.replica.knows(secret.id)  # another space is no business of the commons
        assert keeper.counts == taken.ignored | taken.rejected


async def test_what_two_peers_send_at_once_is_stored_and_counted_once(tmp_path: Path) -> None:
    ada = Author("ada")
    batch = raws(*(ada.share(f"{n}") for n in range(50)))
    async with keeping(tmp_path) as keeper:
        heard: list[tuple[int, str | None]] = []
        keeper.listen(lambda change, source: heard.append((len(change.added), source)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keeper.take, batch, "ben")
            nursery.start_soon(keeper.take, batch, "eve")
        assert [added for added, _ in heard if added] == [50]
        assert len(keeper.replica) == 50
        assert keeper.wishes.usage == await keeper.read(store_quota.usage, limits.DEFAULT_QUOTA, {ME.key})


async def test_listeners_hear_of_a_change_when_it_is_on_the_disk(tmp_path: Path) -> None:
    async with keeping(tmp_path) as keeper:
        held: list[bool] = []

        def look(change: Change, _source: str | None) -> None:
            ids = [record.id for record in change.added]
            held.append(len(keeper.store.get(ids)) == len(ids) and all(one in keeper.replica for one in ids))

        keeper.listen(look)
        await keeper.append(NOTE)
        await keeper.take(raws(Author("ada").share("one")), "peer")
        assert held == [True, True]


async def test_who_is_cancelled_while_something_is_written_leaves_replica_and_disk_in_step(tmp_path: Path) -> None:
    async with keeping(tmp_path) as keeper:
        with trio.move_on_after(0.001):
            while True:
                await keeper.append(NOTE)
        assert len(keeper.replica) == keeper.store.count() > 0
        await keeper.append(NOTE)
        assert len(keeper.replica) == keeper.store.count()


async def test_what_was_forgotten_is_declined_and_nobody_is_blamed(tmp_path: Path) -> None:
    ada = Author("ada")
    one, two = ada.share("one"), ada.share("two")
    async with keeping(tmp_path) as keeper:
        await keeper.take(raws(one, two), "peer")
        assert (await keeper.forget([one.id])).removed == [one.id]
        taken = await keeper.take(raws(one, two), "peer")
        assert (taken.new, taken.known, taken.ignored, taken.rejected) == ([], 1, {"declined": 1}, {})
        assert keeper.replica.knows(one.id)
        await keeper.forget([two.id], ada.key)
        assert (await keeper.take(raws(ada.share("three")), "peer")).ignored == {"declined": 1}
    async with keeping(tmp_path) as keeper:  # and so it is after a restart
        assert (await keeper.take(raws(one, ada.share("four")), "peer")).ignored == {"declined": 2}


async def test_over_the_quota_strangers_wait_and_friends_do_not(tmp_path: Path) -> None:
    ada, eve = Author("ada"), Author("eve")
    theirs, strange = ada.share("a friend", "text " * 300), eve.share("a stranger", "text " * 300)
    async with keeping(tmp_path, quota=100) as keeper:
        assert (await keeper.take(raws(strange, theirs), "peer")).ignored == {"quota": 2}
        assert keeper.replica.knows(theirs.id)
        await keeper.write(store_local.set_attitude, "follow", Target("author", ada.key), on=True)
        await keeper.forget_friends()
        assert not keeper.replica.knows(theirs.id)  # peers may send it again
        assert (await keeper.take(raws(strange, theirs), "peer")).new == [theirs]


async def test_a_higher_quota_lets_come_what_was_turned_away_and_a_lower_one_deletes_nothing(tmp_path: Path) -> None:
    ada = Author("ada")
    one, two = ada.share("one"), ada.share("two")
    async with keeping(tmp_path, quota=0) as keeper:
        assert (await keeper.take(raws(one), "peer")).ignored == {"quota": 1}
        await keeper.set_quota(limits.DEFAULT_QUOTA)
        assert not keeper.replica.knows(one.id)
        assert (await keeper.take(raws(one), "peer")).new == [one]
        await keeper.set_quota(10)
        assert one.id in keeper.replica
        assert (await keeper.take(raws(two), "peer")).ignored == {"quota": 1}
    async with keeping(tmp_path) as keeper:  # the next start had more room
        assert not keeper.replica.knows(two.id)


async def test_a_file_counts_for_everybody_who_names_it_and_once_in_all(tmp_path: Path) -> None:
    ada, ben = Author("ada"), Author("ben")
    records = [ada.share("one", attachments=(FILE,)), ada.share("two", attachments=(FILE,)), ben.share("three", attachments=(FILE,))]
    text = sum(len(record.raw) for record in records)
    async with keeping(tmp_path) as keeper:
        await keeper.take(raws(*records), "peer")
        before = await keeper.wishes.counted()
        assert before.total == text  # it is not here yet
        assert await keeper.reserve(FILE.cid, FILE.size, asked=False)
        await keeper.count_file(FILE.cid, FILE.size)
        after = await keeper.wishes.counted()
        assert after.total == text + 1000
        assert {author: after.by_author[author] - before.by_author[author] for author in (ada.key, ben.key)} == {
            ada.key: 1000,
            ben.key: 1000,
        }
        assert (await keeper.forget([records[2].id])).files == {}
        assert (await keeper.forget([record.id for record in records[:2]])).files == {FILE.cid: 1000}
        assert (await keeper.wishes.counted()).total == 0


async def test_unasked_a_file_comes_only_if_somebody_who_names_it_has_room(tmp_path: Path) -> None:
    ada, ben = Author("ada"), Author("ben")
    async with keeping(tmp_path, quota=2500) as keeper:
        await keeper.take(raws(ada.share("one", "text " * 350, attachments=(FILE,))), "peer")
        assert not await keeper.reserve(FILE.cid, FILE.size, asked=False)
        assert await keeper.reserve(FILE.cid, FILE.size, asked=True)  # somebody looks
        await keeper.uncount_file(FILE.cid)
        await keeper.write(store_local.set_attitude, "follow", Target("author", ben.key), on=True)
        await keeper.forget_friends()
        await keeper.take(raws(ben.share("two", attachments=(FILE,))), "peer")
        assert await keeper.reserve(FILE.cid, FILE.size, asked=False)


async def test_of_several_claims_about_a_file_the_first_is_tried_first_and_the_file_decides(tmp_path: Path) -> None:
    ada, eve = Author("ada"), Author("eve")
    honest, lie = ada.share("one", attachments=(FILE,)), eve.share("two", attachments=(FILE._replace(size=7),))
    async with keeping(tmp_path) as keeper:
        await keeper.take(raws(lie), "peer")
        await keeper.take(raws(honest), "peer")
        assert await keeper.read(store_quota.sizes, FILE.cid) == [7, 1000]
        await keeper.count_file(FILE.cid, 1000)
        assert await keeper.read(store_quota.sizes, FILE.cid) == [1000]
        assert await keeper.read(store_quota.attachments) == [(FILE.cid, 1000)]


async def test_without_a_replica_it_still_knows_what_is_held(tmp_path: Path) -> None:
    one = Author("ada").share("one")
    store = Store(tmp_path)
    keeper = Keeper(store, Identity(ME.private_key, ME.private_key), FakeClock(), quota=limits.DEFAULT_QUOTA)
    assert (await keeper.take(raws(one), None)).new == [one]
    await keeper.set_quota(1)
    assert (await keeper.take(raws(one), None)).known == 1  # not “over the quota”
    with pytest.raises(AssertionError):
        _ = keeper.replica
    store.close()
