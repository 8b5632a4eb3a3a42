"""Links with peers that are honest, late, broken or hostile: honest ones are served, the others cost a stream and a word in the log."""

import os
from pathlib import Path

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from p2plearn import limits
from p2plearn.errors import ConnectionLost
from p2plearn.node.net.memory_host import MemoryHost, MemoryHub, open_memory_host
from p2plearn.node.net.network import Stream
from p2plearn.node.node import Node
from p2plearn.node.peers.link import Link
from p2plearn.node.peers.syncing import PROTOCOL
from p2plearn.protocol import messages as m
from p2plearn.protocol.frames import to_frames
from p2plearn.protocol.replica import Replica
from p2plearn.protocol.scope import Scope
from p2plearn.protocol.signing import HELLO_DOMAIN, sign
from p2plearn.testing.authors import Author
from p2plearn.testing.cafe import in_step, meet, open_laptop, until


class Stranger:
    """A host that speaks whatever a test makes it say to one laptop. Its id is the smaller, so it opens the streams."""

    def __init__(self, host: MemoryHost, author: Author) -> None:
        self.host = host
        self.author = author

    async def greet(self, laptop: Node, **wrong: object) -> Stream:
        """A stream with a hello on it, right but for the fields given."""
        peer = (await laptop.status())["peer"]
        stream = await self.host.open(peer, PROTOCOL)
        proof = sign(self.author.private_key, HELLO_DOMAIN, self.host.peer_id.encode())
        replica = Replica(Scope("commons"))
        right = {
            "space": "commons",
            "topics": (),
            "people": (),
            "author": self.author.key,
            "proof": proof,
            "nonce": os.urandom(16),
            "fingerprint": replica.fingerprint(),
        }
        await say(stream, m.Hello(**right | wrong))  # type: ignore[arg-type]
        return stream


async def say(stream: Stream, message: m.Message) -> None:
    for frame in to_frames(m.write(message)):
        await stream.send(frame)


async def ends(stream: Stream) -> bool:
    """Read until the other side gives up."""
    with trio.fail_after(10):
        try:
            while await stream.receive():
                pass
        except ConnectionLost:
            pass
    return True


def smaller_key(than: str) -> Ed25519PrivateKey:
    """A peer key whose id sorts before `than`."""
    from p2plearn.identity import peer_id_of

    while peer_id_of(key := Ed25519PrivateKey.generate()) >= than:
        pass
    return key


class Scene:
    """A laptop, and a stranger connected to it."""

    def __init__(self, laptop: Node, stranger: Stranger) -> None:
        self.laptop = laptop
        self.stranger = stranger

    async def blamed_once(self) -> None:
        """The blame follows the end of the stream by a moment."""

        async def once() -> bool:
            return self.faults == 1

        await until(once)

    @property
    def faults(self) -> int:
        network = self.laptop._network
        assert isinstance(network, MemoryHost)
        return network.faults[self.stranger.host.peer_id]


@pytest.fixture
async def scene(tmp_path: Path):
    hub = MemoryHub(seed=5)
    async with open_laptop(hub, tmp_path / "ada") as laptop:
        status = await laptop.status()
        async with open_memory_host(hub, smaller_key(status["peer"])) as host:
            await host.connect(status["addresses"][0])
            yield Scene(laptop, Stranger(host, Author("mallory")))


async def test_a_forged_proof_is_blamed(scene: Scene) -> None:
    stream = await scene.stranger.greet(scene.laptop, author=Author("ada the famous").key)
    assert await ends(stream)
    await scene.blamed_once()


async def test_another_space_ends_in_peace(scene: Scene) -> None:
    assert await ends(await scene.stranger.greet(scene.laptop, space="elsewhere"))
    assert scene.faults == 0


async def test_a_record_with_a_bad_signature_is_blamed_and_nothing_of_it_is_kept(scene: Scene) -> None:
    stream = await scene.stranger.greet(scene.laptop)
    good = scene.stranger.author.share("true", topics=("x",))
    bad = scene.stranger.author.share("false", topics=("x",))
    await say(stream, m.Records((good.raw, bytes(64) + bad.raw[64:])))
    assert await ends(stream)
    await scene.blamed_once()
    assert bad.id not in scene.laptop._keeper.replica


async def test_garbage_is_blamed(scene: Scene) -> None:
    stream = await scene.stranger.greet(scene.laptop)
    await stream.send(b"\xff" * 1000)
    assert await ends(stream)
    await scene.blamed_once()


async def test_a_stream_opened_from_the_wrong_side_is_not_served(tmp_path: Path) -> None:
    hub = MemoryHub(seed=6)
    async with open_laptop(hub, tmp_path / "ada") as laptop:
        status = await laptop.status()
        key = Ed25519PrivateKey.generate()
        from p2plearn.identity import peer_id_of

        while peer_id_of(key) < status["peer"]:
            key = Ed25519PrivateKey.generate()
        async with open_memory_host(hub, key) as host:
            await host.connect(status["addresses"][0])
            stream = await host.open(status["peer"], PROTOCOL)
            assert await ends(stream)


async def test_a_bug_of_ours_costs_one_link_and_not_the_node(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(Link, "_load", broken)
        assert await ends(await scene.stranger.greet(scene.laptop))
    assert (await scene.laptop.share(title="Still", text="alive", topics=["x"]))["id"]
    assert scene.faults == 0


async def test_a_peer_that_asks_and_never_reads_makes_us_stop_reading_from_it(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_UNREAD", 100_000)
    for number in range(30):
        await scene.laptop.share(title=f"N{number}", text=os.urandom(6000).hex(), topics=["x"])
    await scene.stranger.greet(scene.laptop)
    link = None
    with trio.move_on_after(3):
        while link is None:
            link = scene.laptop._syncing.links.get(scene.stranger.host.peer_id)
            await trio.sleep(0.01)
    assert link is not None
    await trio.sleep(0.5)
    assert link._waiting < 100_000 + 2 * limits.MAX_MESSAGE


async def test_with_no_room_on_the_disk_others_are_served_and_what_they_have_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = MemoryHub(seed=13)
    monkeypatch.setattr(limits, "DISK_INTERVAL", 0.2)
    async with open_laptop(hub, tmp_path / "full") as full, open_laptop(hub, tmp_path / "roomy") as roomy:
        mine = (await full.share(title="Mine", text="text", topics=["x"]))["id"]
        await roomy.share(title="Theirs", text="text", topics=["x"])
        store = full._keeper.store
        monkeypatch.setattr(store, "has_room_for_peers", lambda: False)
        await meet(full, roomy)

        async def served() -> bool:
            return bool((await roomy.status())["records"] == 2)

        await until(served)
        assert (await roomy.show(mine))["title"] == "Mine"
        link = next(iter(full._syncing.links.values()))
        rounds, received = link.rounds, link._session._arrived
        link.nudge()

        async def compared() -> bool:
            return link.rounds > rounds

        await until(compared)
        assert link._session._arrived == received, "what has no room is not sent again and again"
        assert (await full.status())["records"] == 1
        monkeypatch.setattr(store, "has_room_for_peers", lambda: True)
        await trio.sleep(0.5)
        link.nudge()
        await in_step(full, roomy)


async def test_what_one_link_brings_reaches_the_others_soon(tmp_path: Path) -> None:
    hub = MemoryHub(seed=8, loss=1.0)  # gossip never arrives: sync alone must carry it
    async with open_laptop(hub, tmp_path / "a") as a, open_laptop(hub, tmp_path / "b") as b, open_laptop(hub, tmp_path / "c") as c:
        await meet(a, b)
        await in_step(a, b)
        await c.share(title="From afar", text="text", topics=["x"])
        await meet(b, c)
        await in_step(a, b, c, within=limits.SYNC_INTERVAL / 2)


async def test_two_full_laptops_share_the_work_of_filling_a_third(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ASK_RECORDS", 50)
    monkeypatch.setattr(limits, "MAX_BATCH_RECORDS", 25)
    hub = MemoryHub(seed=10, loss=1.0)
    texts = [Author(f"author {n}") for n in range(4)]
    raws = [author.share(f"{n}", "text " * 100).raw for author in texts for n in range(300)]
    async with open_laptop(hub, tmp_path / "a") as a, open_laptop(hub, tmp_path / "b") as b, open_laptop(hub, tmp_path / "c") as c:
        for full in (a, b):
            await full._keeper.take(raws, None)
        await meet(a, b)
        await in_step(a, b)
        await meet(c, a)
        await meet(c, b)
        await in_step(a, b, c)
        brought = [link.received for link in c._syncing.links.values()]
        assert sum(brought) >= len(raws)
        assert min(brought) > len(raws) / 10
        assert sum(link._wasted for link in c._syncing.links.values()) < len(raws) / 5


async def test_a_link_that_breaks_is_opened_again(tmp_path: Path) -> None:
    hub = MemoryHub(seed=9)
    async with open_laptop(hub, tmp_path / "a") as a, open_laptop(hub, tmp_path / "b") as b:
        await meet(a, b)
        await in_step(a, b)
        first = next(iter(a._syncing.links.values()))
        await first._stream.reset()

        async def another() -> bool:
            return any(link is not first for link in a._syncing.links.values())

        await until(another)
        await b.share(title="After", text="text", topics=["x"])
        await in_step(a, b)


async def test_a_peer_has_one_link_however_many_streams_it_opens(scene: Scene) -> None:
    first = await scene.stranger.greet(scene.laptop)
    await scene.stranger.greet(scene.laptop)
    assert await ends(first)

    async def one() -> bool:
        return len(scene.laptop._syncing.links) == 1

    await until(one)
    assert scene.faults == 0


async def test_a_nudge_during_a_round_is_not_lost(tmp_path: Path) -> None:
    hub = MemoryHub(seed=12)
    async with open_laptop(hub, tmp_path / "a") as a, open_laptop(hub, tmp_path / "b") as b:
        await meet(a, b)
        await in_step(a, b)
        link = next(iter(a._syncing.links.values()))
        link.nudge()
        link._collect(link._session.begin_round())
        rounds = link.rounds

        async def another_after_it() -> bool:
            return link.rounds >= rounds + 2

        await until(another_after_it, within=limits.SYNC_INTERVAL / 2)
