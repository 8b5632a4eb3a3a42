"""The network without a socket keeps the port's promises, and breaks what it is told to break."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from p2plearn.errors import BadAddress, ConnectionLost, TooLarge, Unreachable
from p2plearn.limits import FAULTS_TO_GRAYLIST, MAX_GOSSIP, MEMORY_PIPE
from p2plearn.node.net.memory_host import MemoryHost, MemoryHub, open_memory_host
from p2plearn.node.net.network import Network, Stream, Verdict

ECHO = "/test/echo"


def key_number(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"%d" % number).digest())


@asynccontextmanager
async def hosts(hub: MemoryHub, count: int) -> AsyncIterator[list[MemoryHost]]:
    """`count` hosts, each connected to the one before."""
    async with AsyncExitStack() as stack:
        made = [await stack.enter_async_context(open_memory_host(hub, key_number(n))) for n in range(count)]
        for one, other in zip(made[1:], made, strict=False):
            await one.connect(other.addresses()[0])
        yield made


async def echo(stream: Stream) -> None:
    while data := await stream.receive():
        await stream.send(data)
    await stream.close()


def as_network(host: Network) -> Network:
    """The type checker proves that a memory host is a `Network`."""
    return host


async def accept(_peer: str, _data: bytes) -> Verdict:
    return Verdict.ACCEPT


async def test_a_stream_carries_bytes_both_ways_and_ends_in_peace(autojump_clock: trio.abc.Clock) -> None:
    async with hosts(MemoryHub(latency=(0.01, 0.05)), 2) as (alice, bob):
        as_network(alice).handle(ECHO, echo)
        stream = await bob.open(alice.peer_id, ECHO)
        assert stream.peer == alice.peer_id
        for word in (b"one", b"two", b"three"):
            await stream.send(word)
        await stream.close()
        heard = b""
        while data := await stream.receive():
            heard += data
        assert heard == b"onetwothree"


async def test_a_writer_waits_for_a_reader(autojump_clock: trio.abc.Clock) -> None:
    async def never_read(_stream: Stream) -> None:
        await trio.sleep_forever()

    async with hosts(MemoryHub(), 2) as (alice, bob):
        alice.handle(ECHO, never_read)
        stream = await bob.open(alice.peer_id, ECHO)
        await stream.send(bytes(MEMORY_PIPE))
        with pytest.raises(ConnectionLost):
            await stream.send(b"one more")


async def test_what_a_handler_raises_resets_its_stream_and_harms_nobody() -> None:
    async def broken(_stream: Stream) -> None:
        raise ZeroDivisionError

    async with hosts(MemoryHub(), 2) as (alice, bob):
        alice.handle("/test/broken", broken)
        alice.handle(ECHO, echo)
        with pytest.raises(ConnectionLost):
            await (await bob.open(alice.peer_id, "/test/broken")).receive()
        stream = await bob.open(alice.peer_id, ECHO)
        await stream.send(b"still here")
        assert await stream.receive() == b"still here"


async def test_callbacks_fire_once_for_first_and_last_connection() -> None:
    events: list[str] = []
    async with hosts(MemoryHub(), 1) as (alice,), open_memory_host(alice_hub(alice), key_number(9)) as bob:
        alice.on_connected(lambda peer: events.append(f"+{peer}"))
        alice.on_disconnected(lambda peer: events.append(f"-{peer}"))
        await bob.connect(alice.addresses()[0])
        await bob.connect(alice.addresses()[0])
        await alice.disconnect(bob.peer_id)
        await alice.disconnect(bob.peer_id)
        assert events == [f"+{bob.peer_id}", f"-{bob.peer_id}"]


def alice_hub(host: MemoryHost) -> MemoryHub:
    return host._hub


async def test_gossip_reaches_everybody_once_and_only_what_was_accepted(autojump_clock: trio.abc.Clock) -> None:
    heard: list[tuple[int, bytes]] = []
    async with hosts(MemoryHub(latency=(0.01, 0.02)), 4) as made:
        for number, host in enumerate(made):

            async def judge(_peer: str, data: bytes, number: int = number) -> Verdict:
                heard.append((number, data))
                return Verdict.ACCEPT if data == b"news" else Verdict.IGNORE

            host.validate(judge)
        await made[3].connect(made[0].addresses()[0])  # a ring, so that everything comes twice
        await made[0].publish(b"news")
        await made[0].publish(b"noise")
        await trio.sleep(1)
    assert sorted(heard) == [(1, b"news"), (1, b"noise"), (2, b"news"), (3, b"news"), (3, b"noise")]


async def test_rejects_and_blame_graylist_and_ignoring_does_not(autojump_clock: trio.abc.Clock) -> None:
    verdict = Verdict.IGNORE
    heard = 0

    async def judge(_peer: str, _data: bytes) -> Verdict:
        nonlocal heard
        heard += 1
        return verdict

    async with hosts(MemoryHub(), 2) as (alice, bob):
        alice.validate(judge)
        for _ in range(3 * FAULTS_TO_GRAYLIST):
            await bob.publish(b"old")
        await trio.sleep(1)
        assert heard == 3 * FAULTS_TO_GRAYLIST
        assert not alice.graylisted(bob.peer_id)
        verdict = Verdict.REJECT
        for _ in range(3 * FAULTS_TO_GRAYLIST):
            await bob.publish(b"bad")
            await trio.sleep(0.1)
        assert alice.graylisted(bob.peer_id)
        assert heard == 4 * FAULTS_TO_GRAYLIST


async def test_a_seeded_loss_repeats(autojump_clock: trio.abc.Clock) -> None:
    async def arrivals(seed: int) -> list[bytes]:
        heard: list[bytes] = []

        async def judge(_peer: str, data: bytes) -> Verdict:
            heard.append(data)
            return Verdict.ACCEPT

        async with hosts(MemoryHub(seed, loss=0.5), 2) as (alice, bob):
            alice.validate(judge)
            for number in range(50):
                await bob.publish(b"%d" % number)
            await trio.sleep(1)
        return sorted(heard)

    first = await arrivals(1)
    assert 5 < len(first) < 45
    assert await arrivals(1) == first
    assert await arrivals(2) != first


async def test_a_partition_cuts_and_heals(autojump_clock: trio.abc.Clock) -> None:
    hub = MemoryHub()
    async with hosts(hub, 2) as (alice, bob):
        alice.handle(ECHO, echo)
        stream = await bob.open(alice.peer_id, ECHO)
        hub.partition([alice.peer_id], [bob.peer_id])
        assert "islands=2" in repr(hub)
        with pytest.raises(ConnectionLost):
            await stream.send(b"hello?")
        assert bob.peers() == []
        with pytest.raises(Unreachable):
            await bob.connect(alice.addresses()[0])
        hub.heal()
        assert await bob.connect(alice.addresses()[0]) == alice.peer_id
        assert "peers=1" in repr(bob)


async def test_streams_are_cut_as_often_as_told(autojump_clock: trio.abc.Clock) -> None:
    async with hosts(MemoryHub(7, cut=0.2), 2) as (alice, bob):
        alice.handle(ECHO, echo)
        lost = 0
        for _ in range(100):
            stream = await bob.open(alice.peer_id, ECHO)
            try:
                await stream.send(b"word")
                await stream.receive()
            except ConnectionLost:
                lost += 1
        assert 20 < lost < 60  # of a cut on the way there or back: 36 expected


async def test_blocks_are_checked_against_their_name() -> None:
    block = b"leaf"
    cid = bytes.fromhex("01551220") + hashlib.sha256(block).digest()

    async def source(_peer: str, wanted: bytes) -> bytes | None:
        return block if wanted == cid else b"something else"

    async with hosts(MemoryHub(), 2) as (alice, bob):
        assert await bob.fetch_block(alice.peer_id, cid) is None
        alice.serve_blocks(source, lambda _peer: nullcontext())
        assert await bob.fetch_block(alice.peer_id, cid) == block
        assert await bob.fetch_block(alice.peer_id, cid[:-1] + b"\0") is None


async def test_bad_addresses_and_oversized_gossip_are_refused() -> None:
    async with hosts(MemoryHub(), 1) as (alice,):
        for address in ("", "/ip4/10.0.0.9/tcp/1", alice.addresses()[0]):
            with pytest.raises(BadAddress):
                await alice.connect(address)
        with pytest.raises(TooLarge):
            await alice.publish(bytes(MAX_GOSSIP + 1))
