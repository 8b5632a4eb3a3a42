"""Who is known to hold what is here: noted when two nodes agree, told by `show`, and never more than was found."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest
import trio

from p2plearn import limits
from p2plearn.errors import DiskFull
from p2plearn.identity import Identity
from p2plearn.node.keeper import Keeper
from p2plearn.node.net.memory_host import MemoryHub
from p2plearn.node.node import Node
from p2plearn.node.peers.holders import Holders
from p2plearn.node.service.service import Service
from p2plearn.node.store import local as store_local
from p2plearn.node.store.store import Store
from p2plearn.protocol.records import Draft, Record
from p2plearn.testing.authors import Author
from p2plearn.testing.cafe import in_step, meet, open_laptop, until
from p2plearn.testing.clock import FakeClock
from tests.node.formats import make_format_2

ME = Author("me")


# --- in the café ---


async def test_whoever_agrees_with_us_is_counted_and_a_third_too(tmp_path: Path) -> None:
    hub = MemoryHub(seed=1)
    async with open_laptop(hub, tmp_path / "ada") as ada, open_laptop(hub, tmp_path / "ben") as ben:
        rye = (await ada.share(title="Rye", text="Sour.", topics=["bread"]))["id"]
        assert (await ada.show(rye))["held_by"] is None
        await meet(ada, ben)
        await in_step(ada, ben)
        await known_to_be_held_by(1, rye, ada, ben)
        async with open_laptop(hub, tmp_path / "eve") as eve:
            for other in (ada, ben):
                await meet(eve, other)
            await in_step(ada, ben, eve)
            await known_to_be_held_by(2, rye, ada, ben, eve)


async def test_what_is_said_after_two_agreed_is_held_by_nobody_until_they_agree_again(tmp_path: Path) -> None:
    hub = MemoryHub(seed=2)
    async with open_laptop(hub, tmp_path / "ada") as ada:
        rye = (await ada.share(title="Rye", text="Sour.", topics=["bread"]))["id"]
        async with open_laptop(hub, tmp_path / "ben") as ben:
            await meet(ada, ben)
            await in_step(ada, ben)
            await known_to_be_held_by(1, rye, ada, ben)
        spelt = (await ada.share(title="Spelt", text="Nutty.", topics=["bread"]))["id"]
        assert [(await ada.show(thing))["held_by"] for thing in (rye, spelt)] == [1, None]
        async with open_laptop(hub, tmp_path / "ben") as ben:
            await in_step(ada, ben, within=40)
            await known_to_be_held_by(1, spelt, ada, ben)
    async with Service.open(tmp_path / "ada") as alone:  # with no node running, and after a restart
        assert (await alone.show(spelt))["held_by"] == 1


async def test_who_holds_only_what_they_follow_is_not_counted(tmp_path: Path) -> None:
    hub = MemoryHub(seed=3)
    async with open_laptop(hub, tmp_path / "ada") as ada, open_laptop(hub, tmp_path / "ben") as ben:
        await ben.config_set("hold", "followed")
        await ben.follow("bread")
        rye = (await ada.share(title="Rye", text="Sour.", topics=["bread"]))["id"]
        await meet(ada, ben)
        await in_step(ada, ben)
        await rounds(2, ada, ben)
        assert [(await node.show(rye))["held_by"] for node in (ada, ben)] == [None, None]
        await ben.config_set("hold", "all")
        await known_to_be_held_by(1, rye, ada, ben)


async def test_rounds_that_find_nothing_new_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = MemoryHub(seed=4)
    async with open_laptop(hub, tmp_path / "ada") as ada, open_laptop(hub, tmp_path / "ben") as ben:
        rye = (await ada.share(title="Rye", text="Sour.", topics=["bread"]))["id"]
        await meet(ada, ben)
        await in_step(ada, ben)
        await known_to_be_held_by(1, rye, ada, ben)
        noted: list[int] = []
        monkeypatch.setattr(Holders, "note", lambda _holders, _author, row: noted.append(row))
        await rounds(2, ada, ben)
        assert not noted
        await ada.share(title="Spelt", text="Nutty.", topics=["bread"])
        await in_step(ada, ben)
        await rounds(2, ada, ben)
        assert len(noted) == 2  # each of the two, once


async def known_to_be_held_by(count: int, thing: str, *nodes: Node) -> None:
    """Wait until all know so many holders of a thing; they are made to compare, though a link that was dear rests first."""

    async def known() -> bool:
        for node in nodes:
            node._syncing.nudge()
        return [(await node.show(thing))["held_by"] for node in nodes] == [count] * len(nodes)

    await until(known, within=40)


async def rounds(count: int, *nodes: Node) -> None:
    """Let each link of these complete so many more rounds."""
    links = [link for node in nodes for link in node._syncing.links.values()]  # rounds are not shown to people
    before = [link.rounds for link in links]

    async def done() -> bool:
        nodes[0]._syncing.nudge()
        return all(link.rounds >= was + count for link, was in zip(links, before, strict=True))

    await until(done, within=40)


# --- how far a replica goes ---


async def test_the_mark_of_a_replica_is_the_last_row_that_it_shows(tmp_path: Path) -> None:
    ada = Author("ada")
    store = Store(tmp_path)
    keeper = keeper_of(store)
    assert (await keeper.load_replica()).mark == 0
    first = ada.share("first")
    await keeper.take([first.raw], "peer")
    assert keeper.replica.mark == row_of(store, first)
    own = await keeper.append(Draft("snippet", ("note", "title", "text")))
    await keeper.take([first.raw], "peer")  # here already
    assert keeper.replica.mark == store.replica().mark == row_of(store, own)
    await keeper.forget([own.id])
    assert store.replica().mark == row_of(store, first)
    assert keeper.replica.mark > row_of(store, first)
    last = ada.share("last")
    await keeper.take([last.raw], "peer")
    assert keeper.replica.mark == store.replica().mark == row_of(store, last)
    store.close()


def keeper_of(store: Store) -> Keeper:
    return Keeper(store, Identity(ME.private_key, ME.private_key), FakeClock(), limits.DEFAULT_QUOTA)


def row_of(store: Store, record: Record) -> int:
    with store.reading() as db:
        return int(db.execute("SELECT n FROM records WHERE id = ?", (record.id,)).fetchone()[0])


# --- what is noted ---


def test_holders_are_counted_by_how_far_they_agreed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ada = Author("ada")
    first, second, third = (ada.share(f"{n}") for n in range(3))
    elsewhere = ada.record(Draft("snippet", ("note", "", ""), space="elsewhere"))
    store.commit([elsewhere, first, second, third], 0)
    note(store, [(b"ben", row_of(store, first)), (b"eve", row_of(store, second))])
    note(store, [(b"eve", row_of(store, first))])  # agreed before, heard of later
    assert [held_by(store, record) for record in (first, second, third)] == [2, 1, None]
    assert held_by(store, elsewhere) is None  # of another space nobody compared anything
    assert held_by(store, ada.share("not here")) is None
    note(store, [(b"ben", row_of(store, third))])
    assert [held_by(store, record) for record in (first, second, third)] == [2, 2, 1]
    store.forget([first.id])
    assert [held_by(store, record) for record in (first, second, third)] == [None, 2, 1]


def test_those_with_whom_the_least_was_agreed_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_HOLDERS", 3)
    store = Store(tmp_path)
    records = [Author("ada").share("one"), *(Author(f"{n}").share("more") for n in range(4))]
    store.commit(records, 0)
    note(store, [(f"peer {n}".encode(), 1 + n) for n in range(5)])
    assert [held_by(store, record) for record in records] == [3, 3, 3, 2, 1]


async def test_another_node_of_our_own_is_nobody_else(tmp_path: Path) -> None:
    store, keeper, record = await home_with_a_record(tmp_path)
    holders = Holders(keeper)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(holders.write)
        holders.note(keeper.author, 1)
        holders.note(b"ben", 1)
        await until(lambda: is_known(store, record))
        assert held_by(store, record) == 1
        nursery.cancel_scope.cancel()
    store.close()


async def test_a_full_disk_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HOLDERS_INTERVAL", 0)
    store, keeper, record = await home_with_a_record(tmp_path)
    holders = Holders(keeper)
    turned_down = trio.Event()
    with monkeypatch.context() as full:

        def refuse(_db: sqlite3.Connection, _found: Iterable[tuple[bytes, int]]) -> None:
            trio.from_thread.run_sync(turned_down.set)
            raise DiskFull(free=0)

        full.setattr(store_local, "note_agreed", refuse)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(holders.write)
            holders.note(b"ben", 1)
            await turned_down.wait()
            full.undo()
            holders.note(b"eve", 1)
            await until(lambda: is_known(store, record))
            assert held_by(store, record) == 1
            nursery.cancel_scope.cancel()
    store.close()


async def home_with_a_record(home: Path) -> tuple[Store, Keeper, Record]:
    store = Store(home)
    keeper = keeper_of(store)
    record = Author("ada").share("one")
    store.commit([record], 0)
    return store, keeper, record


async def is_known(store: Store, record: Record) -> bool:
    return held_by(store, record) is not None


def note(store: Store, found: list[tuple[bytes, int]]) -> None:
    with store.writing() as db:
        store_local.note_agreed(db, found)


def held_by(store: Store, record: Record) -> int | None:
    with store.reading() as db:
        return store_local.held_by(db, record.id)


# --- stores from before ---


def test_a_store_of_format_2_is_brought_up_to_date_with_all_that_is_in_it(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    record = Author("ada").share("from before")
    for home in (old, new):
        home.mkdir()
        store = Store(home)
        store.commit([record], 0)
        store.close()
    database = sqlite3.connect(old / "store.db")
    make_format_2(database)
    database.close()
    assert tables(old) != tables(new)
    store = Store(old)
    assert list(store.everything()) == [record.raw]
    store.close()
    assert tables(old) == tables(new)


def tables(home: Path) -> list[tuple[str, str]]:
    """The format and the statements that make a store."""
    database = sqlite3.connect(home / "store.db")
    found = database.execute("SELECT 'format', user_version FROM pragma_user_version").fetchall()
    found += database.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    database.close()
    return found
