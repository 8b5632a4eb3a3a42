"""A full disk: who counts for least makes room, nothing that one relies on goes, and what had to go does not come back at once."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from p2plearn import limits
from p2plearn.errors import DiskFull
from p2plearn.identity import Identity
from p2plearn.ledger.standing import Standing
from p2plearn.node import upkeep
from p2plearn.node.evicting import make_room
from p2plearn.node.keeper import Keeper
from p2plearn.node.net.memory_host import MemoryHub
from p2plearn.node.store import local as store_local
from p2plearn.node.store import quota as store_quota
from p2plearn.node.store.blocks import BlockStore, drop_files
from p2plearn.node.store.evicting import Search
from p2plearn.node.store.local import Target
from p2plearn.node.store.store import Store
from p2plearn.protocol import dag
from p2plearn.protocol.records import Attachment, Record, parse
from p2plearn.testing.authors import Author
from p2plearn.testing.cafe import in_step, meet, open_laptop, until
from p2plearn.testing.clock import FakeClock

ME = Author("me")
QUOTA = 200_000
PAGE = "word " * 360  # a record of some 2,000 bytes: the whole share of one stranger


class Home:
    """A keeper with its blocks."""

    def __init__(self, directory: Path, quota: int = QUOTA) -> None:
        self.store = Store(directory)
        self.blocks = BlockStore(directory / "blocks")
        self.keeper = Keeper(self.store, Identity(ME.private_key, ME.private_key), FakeClock(), quota)

    def stand(self, **scores: float) -> None:
        """How people stand, by name."""
        self.keeper.standing = Standing({Author(name).key: score for name, score in scores.items()})

    def introduce(self, crowd: Sequence[Author], *known: str) -> None:
        """Everybody stands alike, and of the crowd I know through one person only, who is known."""
        made_up = [author.key for author in crowd]
        gate, *_ = others = [Author(name).key for name in known]
        self.keeper.standing = Standing(dict.fromkeys([*others, *made_up], 1.0), through=dict.fromkeys(made_up, gate))

    async def take(self, *records: Record) -> list[Record]:
        """Those of the records that were let in."""
        return (await self.keeper.take([record.raw for record in records], "peer")).new

    async def follow(self, *authors: Author) -> None:
        for author in authors:
            await self.keeper.write(store_local.set_attitude, "follow", Target("author", author.key), on=True)
        await self.keeper.forget_friends()

    async def keep(self, file: Attachment, data: bytes) -> None:
        """A file comes, as if somebody had fetched it."""
        assert await self.keeper.reserve(file.cid, file.size, asked=False)
        self.blocks.put(file.cid, data)
        await self.keeper.count_file(file.cid, file.size)

    async def lower(self, quota: int) -> bool:
        await self.keeper.set_quota(quota)
        return await make_room(self.keeper, self.blocks)

    async def used(self) -> int:
        return (await self.keeper.wishes.counted()).total

    def parsed(self) -> list[Record]:
        return [parse(raw) for raw in self.store.everything()]

    def held(self, records: Sequence[Record]) -> list[Record]:
        here = {record.id for record in self.parsed()}
        return [record for record in records if record.id in here]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses, and portions so small that there are several."""
    monkeypatch.setattr(limits, "EVICT_PAUSE", 0.0)
    monkeypatch.setattr(limits, "EVICT_BATCH", 7)
    monkeypatch.setattr(limits, "EVICT_LOOK", 5)


@asynccontextmanager
async def home(directory: Path, quota: int = QUOTA) -> AsyncIterator[Home]:
    opened = Home(directory, quota)
    await opened.keeper.load_replica()
    try:
        yield opened
    finally:
        opened.store.close()


def made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def file(data: bytes) -> Attachment:
    builder = dag.Builder()
    builder.add(data)
    builder.finish()
    return Attachment(builder.root.cid, len(data), "text/plain", "", "")


def pages(author: Author, count: int) -> list[Record]:
    return [author.share(f"{author.name} {n}", PAGE) for n in range(count)]


async def nothing() -> None:
    """Nobody stands anyhow."""


def pages_of(records: Sequence[Record], name: str) -> list[Record]:
    return [record for record in records if record.author == Author(name).key]


# --- who goes first ---


async def test_who_counts_for_least_makes_room_and_of_equals_what_came_first(tmp_path: Path) -> None:
    strangers, low, high = [Author(f"stranger {n}") for n in range(200)], Author("low"), Author("high")
    async with home(tmp_path) as here:
        here.stand(low=1.0, high=5.0)
        theirs, lows, highs = [one.share("a line") for one in strangers], pages(low, 4), pages(high, 4)
        await here.take(*highs[:2], *lows, *theirs, *highs[2:])
        size = await here.used()
        assert await here.lower(size * 4 // 5)
        left = here.held(theirs)
        assert 100 < len(left) < 160
        assert left == theirs[-len(left) :]
        assert here.held([*lows, *highs]) == [*lows, *highs]
        assert await here.lower(14_000)
        assert here.held(theirs) == []
        left = here.held(lows)
        assert 0 < len(left) < 4
        assert left == lows[-len(left) :]
        assert here.held(highs) == highs
        assert await here.lower(7_000)
        assert here.held(lows) == []
        assert here.held(highs) == highs[-len(here.held(highs)) :]


async def test_the_same_people_go_otherwise_when_they_stand_otherwise(tmp_path: Path) -> None:
    left = {}
    for first, second in (("ada", "ben"), ("ben", "ada")):
        async with home(await trio.to_thread.run_sync(made, tmp_path / first)) as here:
            here.stand(**{first: 5.0, second: 1.0})
            notes = [note for name in ("ada", "ben") for note in pages(Author(name), 10)]
            await here.take(*notes)
            assert await here.lower(await here.used() // 2)
            left[first] = {note.author for note in here.held(notes)}
    assert left == {"ada": {Author("ada").key}, "ben": {Author("ben").key}}


async def test_a_crowd_whom_one_person_made_up_goes_with_the_strangers_until_it_has_no_more_than_they_may(tmp_path: Path) -> None:
    crowd, strangers = [Author(f"made up {n}") for n in range(50)], [Author(f"stranger {n}") for n in range(30)]
    async with home(tmp_path) as here:
        here.introduce(crowd, "gate", "usual")
        theirs, lines = [page for one in crowd for page in pages(one, 1)], [one.share("a line") for one in strangers]
        usual = pages(Author("usual"), 2)
        await here.take(*theirs[:25], *usual, *lines, *theirs[25:])
        size = await here.used()
        assert await here.lower(size * 4 // 5)
        assert here.held(lines) == lines
        assert 30 < len(left := here.held(theirs)) < 40
        assert left == theirs[-len(left) :], "those that came first went"
        quota = size // 2
        await here.lower(quota)
        assert here.held(lines) == []
        left = here.held(theirs)
        assert left == theirs[-len(left) :]
        assert await here.lower(sum(len(one.raw) for one in usual) * 2)
        assert here.held(usual) == usual


async def test_a_crowd_with_no_more_than_its_share_stays_longer_than_strangers_and_so_do_its_files(tmp_path: Path) -> None:
    crowd, data = [Author(f"made up {n}") for n in range(6)], [bytes([n]) * 9_000 for n in range(6)]
    async with home(tmp_path) as here:
        here.introduce(crowd, "gate", "usual")
        theirs = [one.share("a file", attachments=(file(content),)) for one, content in zip(crowd, data, strict=True)]
        lines = [Author(f"stranger {n}").share("a line") for n in range(30)]
        await here.take(*theirs, *lines, *pages(ME, 40))
        for content in data:
            await here.keep(file(content), content)
        text = (await here.used()) - 54_000
        assert await here.lower(int((text + 16_000) / limits.QUOTA_MADE_ROOM))  # a fifth of it holds two files
        assert [here.blocks.has(file(content).cid) for content in data] == [False, False, False, False, True, True]
        assert here.held(theirs) == theirs
        left = here.held(lines)
        assert 0 < len(left) < 30, "strangers go before what is left of the crowd"


async def test_nobody_is_looked_at_again_in_the_next_portion_who_had_nothing_to_give_in_the_one_before(tmp_path: Path) -> None:
    many, last = [Author(f"helper {n}") for n in range(30)], Author("last")
    async with home(tmp_path) as here:
        here.keeper.standing = Standing({last.key: 2.0} | dict.fromkeys((one.key for one in many), 1.0))
        request = ME.ask("Why?")
        answers = [one.reply(request, "answer", "So.") for one in many]
        await here.take(request, *answers, *pages(last, 40))
        asked: list[str] = []
        with here.store.writing() as db:
            db.set_trace_callback(asked.append)
        assert await here.lower(await here.used() // 2)
        assert here.held(answers) == answers
        assert 0 < len(here.held(pages_of(here.parsed(), "last"))) < 20
        assert sum("records_by_author" in one for one in asked) == len(many) + 1


async def test_whoever_has_more_than_a_share_goes_before_other_strangers(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        early, flood = [Author(f"early {n}").share("a line") for n in range(5)], pages(Author("flood"), 60)
        await here.take(*early, *flood)
        assert await here.lower(await here.used() // 2)
        assert here.held(early) == early
        assert 0 < len(here.held(flood)) < 30


async def test_files_go_before_records_and_one_that_somebody_better_names_goes_later(tmp_path: Path) -> None:
    eve, low = Author("eve"), Author("low")
    data = [bytes([n]) * 9_000 for n in range(4)]
    files = [file(one) for one in data]
    async with home(tmp_path) as here:
        here.stand(low=1.0)
        said = [eve.share(f"file {n}", attachments=(one,)) for n, one in enumerate(files)]
        also = low.share("this one is good", attachments=(files[0],))
        await here.take(*said, also)
        for one, content in zip(files, data, strict=True):
            await here.keep(one, content)
        text = sum(len(record.raw) for record in [*said, also])

        async def left_of(quota: int) -> tuple[list[int], int]:
            assert await here.lower(quota)
            assert here.blocks.total() == 9_000 * sum(here.blocks.has(one.cid) for one in files)
            return [n for n, one in enumerate(files) if here.blocks.has(one.cid)], len(here.held([*said, also]))

        assert await left_of(34_000) == ([0, 2, 3], 5)
        assert await here.used() == 27_000 + text
        assert await left_of(12_000) == ([0], 5)
        assert await left_of(10_200) == ([0], 2)  # what strangers said goes before what is better
        assert await left_of(1_000) == ([], 1)
        assert here.held([also]) == [also]


# --- what stays ---


async def test_what_one_relies_on_stays_whatever_the_quota(tmp_path: Path) -> None:
    ada, ben, dan, eve = (Author(name) for name in ("ada", "ben", "dan", "eve"))
    picture, other = bytes(900), bytes([1]) * 900
    async with home(tmp_path) as here:
        mine, request = ME.share("mine"), ME.ask("Why?")
        followed = ada.share("of somebody I follow")
        taken_up, dropped = ben.share("taken up", attachments=(file(picture),)), ben.share("dropped", attachments=(file(other),))
        new_wording, comment = ben.revise(taken_up, "better"), eve.reply(taken_up, "comment", "hm")
        answer = dan.reply(request, "answer", "So.")
        elsewhere = dan.reply(dropped, "answer", "So.")
        adoptions = [ME.adopt(taken_up, "tried"), ME.adopt(taken_up, "using"), ME.adopt(dropped), ME.adopt(dropped, "dropped")]
        stuck, chat = dan.ask("How?"), eve.reply(taken_up, "comment", "so and so")
        said = ME.reply(stuck, "hint", "like this")
        taken_back = eve.share("adopted, and the word taken back")
        word = ME.adopt(taken_back)
        pinned = [stuck, said, mine, request, followed, taken_up, new_wording, answer, *adoptions, word, ME.retract(word)]
        await here.take(*pinned, dropped, comment, chat, elsewhere, taken_back)
        await here.keep(file(picture), picture)
        await here.keep(file(other), other)
        await here.follow(ada)
        own = pages(ME, 45)
        await here.take(*own, *(Author(f"stranger {n}").share("a line") for n in range(40)))
        assert not await here.lower(90_000)  # of which my own takes all
        assert sorted(here.held(everything := [*own, *pinned]), key=everything.index) == everything
        assert here.store.count() == len(everything)
        assert [here.blocks.has(file(one).cid) for one in (picture, other)] == [True, False]


async def test_nobody_pins_more_than_a_share_by_talking_in_my_request(tmp_path: Path) -> None:
    dan, eve = Author("dan"), Author("eve")
    async with home(tmp_path) as here:
        request = ME.ask("Why?")
        answer = dan.reply(request, "answer", "So.")
        flood = [eve.reply(request, "comment", f"{n} {PAGE}") for n in range(60)]
        crowd = [Author(f"crowd {n}").reply(request, "comment", "me too") for n in range(150)]
        await here.take(request, answer, *flood, *crowd, *pages(ME, 30))
        assert not await here.lower(70_000)
        assert here.held([request, answer]) == [request, answer]
        assert here.held(flood) == []  # not even one fits the share of a key
        left = here.held(crowd)
        assert left == crowd[: len(left)]
        assert 14_000 - 500 < sum(len(one.raw) for one in [answer, *left]) <= 14_000


async def test_nor_does_a_crowd_whom_one_person_made_up(tmp_path: Path) -> None:
    crowd = [Author(f"made up {n}") for n in range(20)]
    async with home(tmp_path) as here:
        here.introduce(crowd, "gate", "usual")
        request = ME.ask("Why?")
        said = [one.reply(request, "comment", PAGE) for one in crowd]
        await here.take(request, *said, *pages(ME, 30))
        assert not await here.lower(70_000)
        left = here.held(said)
        assert left == said[: len(left)]
        assert 14_000 - 2_500 < sum(len(one.raw) for one in left) <= 14_000


# --- what had to go does not come at once ---


async def test_what_had_to_go_is_declined_until_there_is_room_again(tmp_path: Path) -> None:
    async with home(tmp_path) as here:
        notes = [Author(f"stranger {n}").share("a line") for n in range(200)]
        await here.take(*notes)
        size = await here.used()
        assert await here.lower(size * 9 // 10)
        gone = [note for note in notes if note not in here.held(notes)]
        quota = here.keeper.wishes.quota
        assert limits.QUOTA_BINDS_AT * quota < await here.used() <= limits.QUOTA_MADE_ROOM * quota
        assert all(here.keeper.replica.knows(note.id) for note in gone)
    async with home(tmp_path, quota) as here:  # nor does it after a restart
        assert all(here.keeper.replica.knows(note.id) for note in gone)
        assert not set(here.held(notes)) & set(gone)
        await here.keeper.forget([note.id for note in here.held(notes)[:20]])
        assert await here.used() < limits.QUOTA_BINDS_AT * quota
        assert not any(here.keeper.replica.knows(note.id) for note in gone)


async def test_whatever_is_offered_again_and_again_it_comes_to_rest(tmp_path: Path) -> None:
    """Peers offer all they have in every round. Each round something may go and something come; the same does not twice."""
    async with home(tmp_path, 100_000) as here:
        here.stand(low=1.0, high=5.0)
        everything = [Author(f"stranger {n}").share("a line") for n in range(500)] + pages(Author("low"), 4) + pages(Author("high"), 9)
        before: list[Record] = []
        last: list[Record] = []
        for _ in range(20):
            for at in range(0, len(everything), 50):
                asked = [note for note in everything[at : at + 50] if not here.keeper.replica.knows(note.id)]
                await here.take(*asked)
                await make_room(here.keeper, here.blocks)
            before, last = last, here.held(everything)
        assert last == before
        share = (await here.keeper.wishes.counted()).share(Author("high").key)
        assert share - 3_000 < sum(len(page.raw) for page in here.held(pages_of(everything, "high"))) <= share
        assert await here.used() <= limits.QUOTA_FULL * 100_000


async def test_a_file_that_had_to_go_comes_when_somebody_looks_and_then_stays(tmp_path: Path) -> None:
    data = bytes(9_000)
    async with home(tmp_path) as here:
        await here.take(Author("ada").share("a file", attachments=(file(data),)), *pages(ME, 20))
        await here.keep(file(data), data)
        assert await here.lower(45_500)
        assert not here.blocks.has(file(data).cid)
        assert not await here.keeper.reserve(file(data).cid, 9_000, asked=False)
        assert await here.keeper.reserve(file(data).cid, 9_000, asked=True)
        here.blocks.put(file(data).cid, data)
        await here.keeper.count_file(file(data).cid, 9_000)
        await make_room(here.keeper, here.blocks)
        assert here.blocks.has(file(data).cid)


async def test_a_file_that_is_here_and_was_looked_at_stays_also_when_that_was_since_the_search_began(tmp_path: Path) -> None:
    early, late, other = (file(bytes([n]) * 9_000) for n in range(3))
    async with home(tmp_path) as here:
        for n, one in enumerate((early, late, other)):
            await here.take(Author(f"author {n}").share("a file", attachments=(one,)))
            await here.keep(one, bytes([n]) * 9_000)
        assert await here.keeper.reserve(early.cid, early.size, asked=True)
        search = Search(ME.key, here.keeper.looked_at)
        assert (await here.keeper.evict(search)).files == {}, "there is room"
        assert await here.keeper.reserve(late.cid, late.size, asked=True)
        await here.keeper.set_quota(5_000)
        assert (await here.keeper.evict(search)).files.keys() == {other.cid}


async def test_a_file_that_had_to_go_is_welcome_once_there_is_room(tmp_path: Path) -> None:
    data = bytes(9_000)
    async with home(tmp_path) as here:
        await here.take(Author("ada").share("a file", attachments=(file(data),)), *pages(ME, 20))
        await here.keep(file(data), data)
        assert await here.lower(45_500)
        await here.keeper.set_quota(QUOTA)
        assert await here.keeper.reserve(file(data).cid, 9_000, asked=False)


async def test_a_crash_while_files_go_leaves_none_that_counts_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(9_000)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    async with home(tmp_path) as here:
        note = Author("ada").share("a file", attachments=(file(data),))
        await here.take(note, *pages(ME, 20))
        await here.keep(file(data), data)
        await here.keeper.set_quota(45_500)
        with monkeypatch.context() as patch:
            patch.setattr("p2plearn.node.evicting.drop_files", crash)
            with pytest.raises(KeyboardInterrupt):
                await make_room(here.keeper, here.blocks)
    async with home(tmp_path, 45_500) as here:
        assert here.blocks.total() == 9_000
        assert await make_room(here.keeper, here.blocks)
        assert here.blocks.total() == 0
        assert here.held([note]) == [note]


@pytest.mark.parametrize("comes", ["before its blocks go", "after they went"])
async def test_a_file_fetched_while_it_goes_counts_only_if_it_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comes: str) -> None:
    data = bytes(9_000)
    is_early = comes == "before its blocks go"

    def fetched_meanwhile(blocks: BlockStore, *files: Any) -> None:
        if not is_early:
            drop_files(blocks, *files)
            blocks.put(file(data).cid, data)
        trio.from_thread.run(here.keeper.count_file, file(data).cid, 9_000)
        if is_early:
            drop_files(blocks, *files)

    async with home(tmp_path) as here:
        await here.take(Author("ada").share("a file", attachments=(file(data),)), *pages(ME, 20))
        await here.keep(file(data), data)
        before = await here.used()
        monkeypatch.setattr("p2plearn.node.evicting.drop_files", fetched_meanwhile)
        await here.lower(45_500)
        assert here.blocks.has(file(data).cid) != is_early
        assert await here.keeper.read(store_quota.made_room, file(data).cid) == is_early
        assert await here.used() == before - 9_000 * is_early


async def test_blocks_that_another_file_has_too_stay(tmp_path: Path) -> None:
    half, other = bytes(limits.CHUNK), bytes([1]) * limits.CHUNK
    async with home(tmp_path, 4 * limits.MiB) as here:

        async def keep(author: Author, data: bytes) -> None:
            builder = dag.Builder()
            for name, block in [*builder.add(data), *builder.finish()]:
                here.blocks.put(name, block)
            await here.take(author.share("a file", attachments=(Attachment(builder.root.cid, len(data), "", "", ""),)))
            await here.keeper.count_file(builder.root.cid, len(data))

        await keep(Author("ada"), half + other)
        await keep(ME, half)
        await here.lower(300_000)
        assert here.blocks.total() == limits.CHUNK


# --- in a running node ---


async def test_a_running_node_comes_down_to_a_lower_quota_and_stays_there_in_company(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "EVICT_INTERVAL", 0.1)
    monkeypatch.setattr(limits, "ROUND_GAP", 0.05)
    monkeypatch.setattr(limits, "SYNC_INTERVAL", 0.2)
    hub = MemoryHub(seed=1)
    notes = [Author(f"stranger {n}").share("a line") for n in range(200)]
    async with open_laptop(hub, tmp_path / "ada") as ada, open_laptop(hub, tmp_path / "ben") as ben:
        await ada._keeper.take([note.raw for note in notes], None)
        await meet(ada, ben)
        await in_step(ada, ben)
        quota = sum(len(note.raw) for note in notes) * 3 // 4
        await ben._keeper.set_quota(quota)

        async def has_made_room() -> bool:
            return (await ben._keeper.wishes.counted()).total <= quota * limits.QUOTA_MADE_ROOM

        await until(has_made_room)
        left = ben._keeper.store.count()
        more = Author("somebody I do not know").share("a line")
        await ada._keeper.take([more.raw], None)

        async def knows_more() -> bool:
            return ben._keeper.replica.knows(more.id)

        await until(knows_more)
        assert left <= ben._keeper.store.count() <= left + 1


async def test_a_disk_without_room_to_delete_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    async def full(_keeper: Keeper, _blocks: BlockStore) -> bool:
        tries.append(trio.current_time())
        raise DiskFull(free=0)

    monkeypatch.setattr(upkeep, "make_room", full)
    monkeypatch.setattr(limits, "EVICT_AGAIN", 0.001)
    async with home(tmp_path, quota=100) as here:
        await here.take(ME.share("mine", PAGE))
        with trio.move_on_after(5) as patience:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(upkeep.keep_quota, here.keeper, here.blocks, nothing)
                while len(tries) < 2:  # noqa: ASYNC110  # what is waited for has no event
                    await trio.sleep(0.001)
                nursery.cancel_scope.cancel()
        assert not patience.cancelled_caught


async def test_who_is_ranked_by_now_may_come_and_nobody_goes_before_it_is_known(tmp_path: Path) -> None:
    dear, mine = Author("dear"), pages(ME, 10)
    async with home(tmp_path) as here:
        kept = dear.share("a line")
        await here.take(*mine, kept, Author("early").share("a line"))
        await here.keeper.set_quota(await here.used() * 1_000 // 949)
        late = dear.share("another")
        strange = Author("somebody").share("a line")
        assert await here.take(late, strange) == []

        async def rank() -> None:
            here.stand(dear=1.0)

        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(upkeep.keep_quota, here.keeper, here.blocks, rank)
                while here.keeper.replica.knows(late.id):  # noqa: ASYNC110  # what is waited for has no event
                    await trio.sleep(0.001)
                nursery.cancel_scope.cancel()
        assert here.held([kept]) == [kept]
        assert await here.take(late, strange) == [late]
