"""One busy laptop and four that want much of it: whoever helped is served first, strangers have their slot, news waits for nobody."""

import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
import trio.testing
from libp2p.peer.id import ID

from p2plearn import limits
from p2plearn.ledger.standing import Standing
from p2plearn.limits import FAULTS_TO_GRAYLIST
from p2plearn.node.keeper import Keeper
from p2plearn.node.net.libp2p_mesh import TOPIC
from p2plearn.node.net.libp2p_scoring import Faults, Scorer
from p2plearn.node.net.memory_host import MemoryHost, MemoryHub
from p2plearn.node.net.network import Network, PeerInfo
from p2plearn.node.node import Node
from p2plearn.node.peers.meeting import Meeting
from p2plearn.node.peers.serving import Serving
from p2plearn.testing.authors import Author
from p2plearn.testing.cafe import in_step, meet, open_laptop, until

GUESTS = ("seeder one", "seeder two", "leecher", "newcomer")
PATIENCE = 1.0  # seconds that a turn takes at the most until everybody waits for another
TURNS = 120  # of all together: nobody has all they want before


@dataclass
class Evening:
    """A laptop, its guests, and how many turns each of these had since it is so busy that everybody waits, however slow they are."""

    laptop: Node
    guests: list[Node]
    turns: Counter[str] = field(default_factory=Counter)
    is_busy: bool = False

    async def work(self) -> None:
        """What a turn takes until it is written."""
        with trio.move_on_after(PATIENCE):
            while self.is_busy and self.turns.total() < TURNS and not self._all_wait():  # noqa: ASYNC110  # waiting has no event
                await trio.sleep(0.002)

    def _all_wait(self) -> bool:
        parties = self.laptop._syncing.serving._turns._parties.values()
        return sum(bool(party.waiting) for party in parties) == len(GUESTS)

    async def shares(self) -> dict[str, float]:
        """Of TURNS turns and a few, by guest."""

        async def enough() -> bool:
            return self.turns.total() >= TURNS

        await until(enough, within=40)
        return {name: self.turns[guest._network.peer_id] / self.turns.total() for name, guest in zip(GUESTS, self.guests, strict=True)}

    def rank(self) -> None:
        """The seeders helped the busy laptop's owner; from the one it learned more."""
        one, two, *_ = self.guests
        self.laptop._keeper.standing = Standing({one._keeper.author: 0.3, two._keeper.author: 0.2})


@pytest.fixture
async def evening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Evening]:
    """Nobody introduces anybody, so that all comes from the one laptop."""
    original = Serving.turn

    @asynccontextmanager
    async def slow(serving: Serving, peer: str) -> AsyncIterator[None]:
        async with original(serving, peer):
            made.turns[peer] += made.is_busy
            yield
            await made.work()

    async def nothing(*_: object) -> None:
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr(Serving, "turn", slow)
    monkeypatch.setattr(Meeting, "_tell", nothing)
    monkeypatch.setattr(limits, "RANK_PAUSE", 1000.0)  # the standing is what a test says
    monkeypatch.setattr(limits, "MAX_TURN", 60.0)
    hub = MemoryHub(seed=21)
    async with AsyncExitStack() as stack:
        busy, *guests = [await stack.enter_async_context(open_laptop(hub, tmp_path / name)) for name in ("busy", *GUESTS)]
        made = Evening(busy, guests)
        yield made


async def test_batches_of_records_are_shared_out_by_rank(evening: Evening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BATCH_RECORDS", 5)
    monkeypatch.setattr(limits, "ASK_RECORDS", 20)
    many = [author.share(f"{n}", "text").raw for author in map(Author, "abcd") for n in range(300)]
    await evening.laptop._keeper.take(many, None)
    evening.rank()
    evening.is_busy = True
    for guest in evening.guests:
        await meet(guest, evening.laptop)
    assert_it_follows_the_rank(await evening.shares())


async def test_blocks_of_attachments_are_shared_out_by_rank(evening: Evening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHUNK", 1024)
    monkeypatch.setattr(limits, "UNASKED_ATTACHMENT", 0)
    file = await evening.laptop.put_attachment(pieces(os.urandom(200 * 1024)), "film")
    await evening.laptop.share(title="See", text="there", topics=["x"], attachments=[{"cid": file["cid"], "name": "film"}])
    for guest in evening.guests:
        await meet(guest, evening.laptop)
    await in_step(evening.laptop, *evening.guests)
    evening.rank()
    evening.is_busy = True
    async with trio.open_nursery() as nursery:
        for guest in evening.guests:
            nursery.start_soon(guest.open_attachment, file["cid"])
        assert_it_follows_the_rank(await evening.shares())
        nursery.cancel_scope.cancel()


def assert_it_follows_the_rank(shares: dict[str, float]) -> None:
    one, two, leecher, newcomer = shares.values()
    assert min(one, two) > 1.5 * max(leecher, newcomer)  # four times as much, but for moments in which not everybody waits
    assert leecher + newcomer > 0.1


@pytest.mark.parametrize("at_hand", [limits.CHECK_FEW, 0], ids=["at hand", "from the store"])
async def test_news_waits_for_no_turn_and_what_was_asked_for_does(at_hand: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHECK_FEW", at_hand)
    hub = MemoryHub(seed=22, loss=1.0)  # gossip never arrives: the link alone carries it
    async with open_laptop(hub, tmp_path / "busy") as busy, open_laptop(hub, tmp_path / "guest") as guest:
        old = (await busy.share(title="Old", text="text", topics=["x"]))["id"]
        async with trio.open_nursery() as nursery:
            for n in range(limits.SERVING_SLOTS):
                await nursery.start(keep_a_slot, busy._syncing.serving, f"peer {n}")
            await meet(guest, busy)
            with trio.fail_after(limits.MAX_TURN * 0.9):
                await guest._syncing.met(busy._network.peer_id)
                news = (await busy.share(title="New", text="text", topics=["x"]))["id"]
                await until(lambda: holds(guest, news))
            assert not await holds(guest, old)
            await until(lambda: holds(guest, old), within=limits.MAX_TURN + 5)  # those who keep a slot too long lose it
            nursery.cancel_scope.cancel()


async def keep_a_slot(serving: Serving, peer: str, task_status: Any) -> None:
    async with serving.turn(peer):
        task_status.started()
        await trio.sleep_forever()


async def holds(node: Node, record_id: str) -> bool:
    return bytes.fromhex(record_id) in node._keeper.replica


class Library:
    """A full laptop, somebody who has heard of the last of six authors and no more yet, and whose records came to them, in order."""

    def __init__(self, full: Node, guest: Node, authors: list[Author], came: list[bytes]) -> None:
        self.full = full
        self.guest = guest
        self.authors = authors
        self.came = came

    async def fetch_all(self) -> list[bytes]:
        """The authors as they came first, with only their own records before the next one's."""
        await meet(self.guest, self.full)
        await in_step(self.guest, self.full)
        found = list(dict.fromkeys(self.came))
        assert self.came[:100] == [found[0]] * 50 + [found[1]] * 50
        return found


@pytest.fixture
async def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Library]:
    monkeypatch.setattr(limits, "MAX_BATCH_RECORDS", 10)
    monkeypatch.setattr(limits, "RANK_PAUSE", 1000.0)  # the standing is what a test says
    authors = sorted((Author(name) for name in "abcdef"), key=lambda author: author.key)
    hub = MemoryHub(seed=23)
    async with open_laptop(hub, tmp_path / "full") as full, open_laptop(hub, tmp_path / "guest") as guest:
        first = [author.share("First", "text").raw for author in authors]
        await full._keeper.take([*first, *(author.share(f"{n}", "text").raw for author in authors for n in range(50))], None)
        await guest._keeper.take(first, None)
        came: list[bytes] = []
        guest._keeper.listen(lambda change, _source: came.extend(record.author for record in change.added))
        yield Library(full, guest, authors, came)


async def test_whom_a_newcomer_follows_comes_first(library: Library) -> None:
    *_, last = library.authors  # without a preference they come in the order of their keys
    await library.guest.follow(last.key.hex())
    assert (await library.fetch_all())[0] == last.key


async def test_who_counts_here_comes_first_and_whoever_is_followed_before_them(library: Library) -> None:
    *_, known, liked, followed = library.authors
    await library.guest.follow(followed.key.hex())
    library.guest._keeper.standing = Standing({}, visits={known.key: 0.01, liked.key: 0.5})
    assert (await library.fetch_all())[:3] == [followed.key, liked.key, known.key]


async def test_who_says_it_in_fewer_records_comes_before_whoever_counts_little_more(library: Library) -> None:
    *_, known, liked = library.authors
    await library.full._keeper.take([known.share(f"more {n}", "text").raw for n in range(50)], None)
    library.guest._keeper.standing = Standing({}, visits={known.key: 0.5, liked.key: 0.4})
    assert (await library.fetch_all())[:2] == [liked.key, known.key]


async def test_gossip_thinks_the_better_of_who_counts_here(tmp_path: Path) -> None:
    hub = MemoryHub(seed=25)
    async with open_laptop(hub, tmp_path / "ada") as ada, open_laptop(hub, tmp_path / "ben") as ben:
        await meet(ada, ben)
        ada._keeper.standing = Standing({ben._keeper.author: 0.2})
        network = ada._network
        assert isinstance(network, MemoryHost)
        assert network.bonus(ben._network.peer_id) == 1.0
        assert network.bonus("somebody") == 0.0


def test_a_bonus_in_gossip_never_makes_up_for_a_fault() -> None:
    liked, other = ID(b"liked"), ID(b"other")
    faults = Faults(lambda: 0.0)
    scorer = Scorer(faults, lambda peer: 5.0 * (peer == liked))
    assert scorer.score(liked, [TOPIC]) == 5.0
    assert scorer.score(other, [TOPIC]) == 0.0
    for _ in range(100):
        scorer.on_first_delivery(liked, TOPIC)
    faults.add(liked)
    assert scorer.score(liked, [TOPIC]) < scorer.score(other, [TOPIC])
    for _ in range(FAULTS_TO_GRAYLIST - 1):
        faults.add(liked)
    assert scorer.is_graylisted(liked, [TOPIC])


class Desk:
    """Serving by itself, with peers who are whoever a test says."""

    def __init__(self, **authors: bytes) -> None:
        self.keeper = SimpleNamespace(author=b"me", standing=Standing({b"ruben": 1.0}))
        self.addresses = {peer: f"/ip4/10.0.{n}.1/tcp/1" for n, peer in enumerate(authors)}
        self.left: list[Callable[[str], None]] = []
        network = SimpleNamespace(peers=self.peers, on_disconnected=self.left.append)
        self.serving = Serving(cast(Keeper, self.keeper), cast(Network, network), authors.get)
        self.order: list[str] = []

    def peers(self) -> list[PeerInfo]:
        return [PeerInfo(peer, address, 0, None) for peer, address in self.addresses.items()]

    async def work(self, peer: str, seconds: float = 1.0) -> None:
        async with self.serving.turn(peer):
            self.order.append(peer)
            await trio.sleep(seconds)

    async def all_at_once(self, *peers: str) -> list[str]:
        """Everybody waits while every slot is taken by somebody else; in which order they are served one after the other."""
        async with trio.open_nursery() as nursery:
            for n in range(limits.SERVING_SLOTS):
                nursery.start_soon(self.work, f"earlier {n}", 1.0 + n / 100)
            await trio.testing.wait_all_tasks_blocked()
            for peer in peers:
                nursery.start_soon(self.work, peer)
                await trio.testing.wait_all_tasks_blocked()
                await trio.sleep(0.01)
        return self.order[limits.SERVING_SLOTS :]


async def test_another_device_of_ones_own_is_no_stranger(autojump_clock: trio.abc.Clock) -> None:
    desk = Desk(stranger=b"somebody", mine=b"me", helper=b"ruben")
    assert await desk.all_at_once("stranger", "helper", "mine") == ["mine", "helper", "stranger"]


async def test_two_devices_of_one_author_have_their_turns_together(autojump_clock: trio.abc.Clock) -> None:
    desk = Desk(phone=b"ruben", laptop=b"ruben", helper=b"ida")
    desk.keeper.standing = Standing({b"ruben": 1.0, b"ida": 1.0})
    assert await desk.all_at_once("phone", "laptop", "helper") == ["phone", "helper", "laptop"]


async def test_the_rank_is_looked_at_when_a_turn_is_given(autojump_clock: trio.abc.Clock) -> None:
    desk = Desk(one=b"ida", two=b"ruben")
    async with trio.open_nursery() as nursery:
        for n in range(limits.SERVING_SLOTS):
            nursery.start_soon(desk.work, f"earlier {n}", 1.0 + n)
        await trio.testing.wait_all_tasks_blocked()
        for peer in ("one", "two"):
            nursery.start_soon(desk.work, peer, 0.1)
        await trio.testing.wait_all_tasks_blocked()
        desk.keeper.standing = Standing({b"ida": 1.0})
    assert desk.order[limits.SERVING_SLOTS :] == ["one", "two"]


async def test_a_crowd_that_one_known_person_makes_up_is_served_like_one(autojump_clock: trio.abc.Clock) -> None:
    """Without that they would be no strangers any more, and have most of the turns."""
    helpers = [b"helper %d" % n for n in range(20)]
    crowd = [b"made up %d" % n for n in range(60)]
    desk = Desk(**{key.decode(): key for key in (*helpers, *crowd)})
    scores = dict.fromkeys(helpers, 1.0) | dict.fromkeys(crowd, 0.3)
    desk.keeper.standing = Standing(scores, through=dict.fromkeys(crowd, helpers[0]))

    async def greedy(peer: str) -> None:
        while True:
            await desk.work(peer)

    with trio.move_on_after(400):
        async with trio.open_nursery() as nursery:
            for peer in desk.addresses:
                nursery.start_soon(greedy, peer)
    assert sum(peer.startswith("made up") for peer in desk.order) < 0.15 * len(desk.order)


async def test_whoever_gives_up_waiting_leaves_nothing_behind(autojump_clock: trio.abc.Clock) -> None:
    desk = Desk(one=b"ida")
    with trio.move_on_after(0.5):
        await desk.all_at_once("one")
    assert repr(desk.serving) == "<Serving <Turns running=0 waiting=0 of=0>>"
    await desk.work("one")
    for told in desk.left:
        told("one")
    assert not desk.serving._buckets


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data
