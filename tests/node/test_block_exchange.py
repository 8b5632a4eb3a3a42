"""The exchange of blocks between hosts that are only imagined: who answers what, who is blamed, what is forgotten."""

import hashlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
import trio.testing
from libp2p.abc import IHost
from libp2p.bitswap.messages import create_message, create_wantlist_entry
from libp2p.network.stream.exceptions import StreamEOF, StreamReset
from libp2p.peer.id import ID

from p2plearn import limits
from p2plearn.errors import ConnectionLost, PeerFault
from p2plearn.ledger.standing import NOBODY
from p2plearn.node.keeper import Keeper
from p2plearn.node.net.libp2p_bitswap import BlockExchange
from p2plearn.node.net.network import Network, TakeTurn
from p2plearn.node.peers.serving import Serving
from p2plearn.protocol import bitswap, cid
from p2plearn.protocol.protobuf import varint

DATA = b"a block"
NAME = cid.name(cid.RAW, DATA)
OTHER = cid.name(cid.RAW, b"another")


def peer_id(name: str) -> ID:
    return ID(b"\x12\x20" + hashlib.sha256(name.encode()).digest())


def peer(name: str) -> str:
    return str(peer_id(name))


class FakeStream:
    """One end of a stream in memory, with as much of libp2p's behaviour as is used."""

    def __init__(self, remote: str, room: float = math.inf) -> None:
        self.muxed_conn = SimpleNamespace(peer_id=peer_id(remote))
        self._into, self._incoming = trio.open_memory_channel[bytes](room)
        self.other: FakeStream
        self.was_reset = False

    async def read(self, _: int) -> bytes:
        try:
            return await self._incoming.receive()
        except trio.EndOfChannel:
            if self.was_reset:
                raise StreamReset from None
            raise StreamEOF from None

    async def write(self, data: bytes) -> None:
        try:
            await self.other._into.send(data)
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            raise StreamReset from None

    async def close(self) -> None:
        self.other._into.close()

    async def reset(self) -> None:
        for end in (self, self.other):
            end.was_reset = True
            end._into.close()


Handler = Callable[[Any], Awaitable[None]]


class FakeHost:
    """A host that opens streams to the others of its world."""

    def __init__(self, world: "World", name: str) -> None:
        self._world = world
        self._name = name
        self.handler: Handler | None = None
        self.opened = 0

    def set_stream_handler(self, _: str, handler: Handler) -> None:
        self.handler = handler

    async def new_stream(self, to: ID, _: list[str]) -> FakeStream:
        await trio.lowlevel.checkpoint()
        self.opened += 1
        name, other = next((name, host) for name, host in self._world.hosts.items() if peer_id(name) == to)
        if other.handler is None:
            raise OSError("gone")
        ours, theirs = FakeStream(name, self._world.room), FakeStream(self._name, self._world.room)
        ours.other, theirs.other = theirs, ours
        self._world.nursery.start_soon(other.handler, theirs)
        return ours


class World:
    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.hosts: dict[str, FakeHost] = {}
        self.blamed: list[tuple[str, str]] = []
        self.room = math.inf

    def host(self, name: str) -> FakeHost:
        self.hosts[name] = FakeHost(self, name)
        return self.hosts[name]

    def exchange(self, name: str, *blocks: bytes, turn: TakeTurn = lambda _peer: nullcontext()) -> BlockExchange:
        """A node of ours that holds `blocks` and gives them to everybody."""
        exchange = BlockExchange(cast(IHost, self.host(name)), self.nursery, lambda who, reason: self.blamed.append((who, reason)))
        held = {cid.name(cid.RAW, data): data for data in blocks}

        async def source(_: str, name: bytes) -> bytes | None:
            return held.get(name)

        exchange.serve(source, turn)
        return exchange

    def script(self, name: str, handler: Handler) -> FakeHost:
        """A peer that does what the test says with every stream."""
        host = self.host(name)
        host.handler = handler
        return host


@pytest.fixture
def world(nursery: trio.Nursery) -> World:
    return World(nursery)


async def read(stream: FakeStream) -> list[bitswap.Event]:
    """The events of the next message on a stream."""
    splitter = bitswap.Splitter()
    while not (messages := splitter.receive(await stream.read(0), limits.MAX_BITSWAP_MESSAGE)):
        pass
    return [event for message in messages for event in bitswap.read(message)]


async def silence(_: FakeStream) -> None:
    await trio.sleep_forever()


async def test_a_block_is_given_and_what_is_not_here_is_said_so(world: World) -> None:
    maria, _ = world.exchange("maria"), world.exchange("jonas", DATA)
    assert await maria.fetch(peer("jonas"), NAME) == DATA
    assert await maria.fetch(peer("jonas"), OTHER) is None
    assert world.blamed == []


async def test_one_stream_each_way_serves_many_questions(world: World) -> None:
    maria, _ = world.exchange("maria"), world.exchange("jonas", *(bytes([n]) for n in range(50)))
    async with trio.open_nursery() as nursery:
        for n in range(50):
            nursery.start_soon(maria.fetch, peer("jonas"), cid.name(cid.RAW, bytes([n])))
    assert world.hosts["maria"].opened == world.hosts["jonas"].opened == 1


async def test_who_asks_for_what_is_for_the_source_to_judge(world: World) -> None:
    maria, eve = world.exchange("maria"), world.exchange("eve")
    asked = []

    async def source(who: str, name: bytes) -> bytes | None:
        asked.append((who, name))
        return DATA if who == peer("maria") else None

    world.exchange("jonas").serve(source, lambda _peer: nullcontext())
    assert await maria.fetch(peer("jonas"), NAME) == DATA
    assert await eve.fetch(peer("jonas"), NAME) is None
    assert asked == [(peer("maria"), NAME), (peer("eve"), NAME)]


async def test_a_node_that_serves_nothing_has_nothing(world: World) -> None:
    maria = world.exchange("maria")
    BlockExchange(cast(IHost, world.host("jonas")), world.nursery)
    assert await maria.fetch(peer("jonas"), NAME) is None


async def test_other_ipfs_nodes_get_the_answers_they_ask_for(world: World) -> None:
    answers, receive = trio.open_memory_channel[bitswap.Event](10)

    async def collect(stream: FakeStream) -> None:
        while True:
            for event in await read(stream):
                await answers.send(event)

    kubo = world.script("kubo", collect)
    world.exchange("jonas", DATA)
    stream = await kubo.new_stream(peer_id("jonas"), [])
    foreign = b"\x12\x20" + bytes(32)  # CIDv0
    entries = [
        create_wantlist_entry(NAME, cancel=True),
        create_wantlist_entry(NAME, want_type=1),  # wants to know; the answer is no event here, see below
        create_wantlist_entry(OTHER),  # wants no answer when it is not here
        create_wantlist_entry(bytes([1, 0x71]) + NAME[2:], send_dont_have=True),  # dag-cbor
    ]
    message = create_message(entries, full_wantlist=True)
    foreign_entry = message.wantlist.entries.add()
    foreign_entry.block, foreign_entry.sendDontHave = foreign, True
    last = message.wantlist.entries.add()
    last.block = cid.name(cid.RAW, DATA)
    raw = message.SerializeToString()
    await stream.write(varint(len(raw)) + raw)
    assert [await receive.receive() for _ in range(3)] == [
        bitswap.Given(NAME, DATA),
        bitswap.Absent(bytes([1, 0x71]) + NAME[2:]),
        bitswap.Absent(foreign),
    ]


async def test_a_want_to_know_is_answered_without_the_block(world: World) -> None:
    told = trio.Event()

    async def expect(stream: FakeStream) -> None:
        assert await stream.read(0) == bitswap.tell(NAME, here=True)
        told.set()

    kubo = world.script("kubo", expect)
    world.exchange("jonas", DATA)
    stream = await kubo.new_stream(peer_id("jonas"), [])
    raw = create_message([create_wantlist_entry(OTHER, want_type=1), create_wantlist_entry(NAME, want_type=1)]).SerializeToString()
    await stream.write(varint(len(raw)) + raw)
    with trio.fail_after(5):
        await told.wait()


async def test_answers_on_the_stream_of_the_question_are_taken_too(world: World) -> None:
    async def answer_inline(stream: FakeStream) -> None:
        assert await read(stream) == [bitswap.Wanted(NAME, block=True, absence=True)]
        await stream.write(bitswap.give(NAME, DATA))

    world.script("libp2p", answer_inline)
    assert await world.exchange("maria").fetch(peer("libp2p"), NAME) == DATA


@pytest.mark.parametrize("wrong", [bitswap.give(OTHER, b"another"), b"\x02\xff\xff", varint(limits.MAX_BITSWAP_MESSAGE + 1)])
async def test_a_wrong_answer_is_the_peers_fault_at_once(world: World, wrong: bytes) -> None:
    async def lie(stream: FakeStream) -> None:
        await read(stream)
        await stream.write(wrong)

    world.script("mallory", lie)
    with trio.fail_after(1), pytest.raises(PeerFault):
        await world.exchange("maria").fetch(peer("mallory"), NAME)
    assert world.blamed == []  # whoever fetched will see to that


@pytest.mark.parametrize("wrong", [bitswap.give(OTHER, b"another"), b"\x02\xff\xff", varint(limits.MAX_BITSWAP_ASKING + 1)])
async def test_what_breaks_the_protocol_unasked_is_blamed(world: World, wrong: bytes) -> None:
    mallory = world.script("mallory", silence)
    world.exchange("maria")
    stream = await mallory.new_stream(peer_id("maria"), [])
    await stream.write(wrong)
    with pytest.raises(StreamReset):
        await stream.read(0)
    assert [who for who, _ in world.blamed] == [peer("mallory")]


async def test_a_silent_peer_is_given_up_and_told_so_with_the_next_question(world: World, autojump_clock: trio.abc.Clock) -> None:
    heard = []

    async def keep_silent_once(stream: FakeStream) -> None:
        heard.append(await read(stream))
        heard.append(await read(stream))
        await stream.write(bitswap.give(NAME, DATA) + bitswap.give(OTHER, b"another"))  # the first one late

    world.script("sleeper", keep_silent_once)
    maria = world.exchange("maria")
    with pytest.raises(trio.TooSlowError):
        await maria.fetch(peer("sleeper"), NAME)
    assert trio.current_time() >= limits.BLOCK_TIMEOUT
    assert await maria.fetch(peer("sleeper"), OTHER) == b"another"
    assert heard == [
        [bitswap.Wanted(NAME, block=True, absence=True)],
        [bitswap.Wanted(OTHER, block=True, absence=True), bitswap.Cancelled(NAME)],
    ]
    assert world.blamed == []


async def test_a_stream_the_peer_closed_while_it_was_idle_is_opened_again(world: World, autojump_clock: trio.abc.Clock) -> None:
    maria, _ = world.exchange("maria"), world.exchange("jonas", DATA, b"another")
    assert await maria.fetch(peer("jonas"), NAME) == DATA
    await trio.sleep(limits.IDLE_TIMEOUT + 1)
    assert "serving=0" in repr(maria)
    assert await maria.fetch(peer("jonas"), OTHER) == b"another"
    assert world.hosts["maria"].opened == 2


async def test_a_question_that_meets_the_closing_of_its_stream_is_asked_once_more(world: World) -> None:
    times = 0

    async def answer_once(stream: FakeStream) -> None:
        nonlocal times
        times += 1
        await read(stream)
        await stream.write(bitswap.give(NAME, DATA))
        if times == 1:
            await read(stream)
            await stream.reset()

    world.script("restless", answer_once)
    maria = world.exchange("maria")
    assert await maria.fetch(peer("restless"), NAME) == DATA
    assert await maria.fetch(peer("restless"), NAME) == DATA
    assert times == 2


async def test_a_peer_that_is_gone_is_lost(world: World) -> None:
    world.host("gone")
    maria = world.exchange("maria")
    with pytest.raises(ConnectionLost):
        await maria.fetch(peer("gone"), NAME)


async def test_a_source_that_fails_ends_the_stream_and_nothing_else(world: World) -> None:
    maria, jonas = world.exchange("maria"), world.exchange("jonas")

    async def broken(_: str, name: bytes) -> bytes | None:
        if name == NAME:
            raise RuntimeError("a bug of ours")
        return b"another"

    jonas.serve(broken, lambda _peer: nullcontext())
    with pytest.raises(ConnectionLost):
        await maria.fetch(peer("jonas"), NAME)
    assert await maria.fetch(peer("jonas"), OTHER) == b"another"


async def test_each_answer_is_loaded_and_written_in_a_turn_of_whoever_asked(world: World) -> None:
    happened = []

    @asynccontextmanager
    async def turn(who: str) -> AsyncIterator[None]:
        happened.append(f"turn of {'maria' if who == peer('maria') else who}")
        yield
        happened.append("over")

    async def source(_who: str, _name: bytes) -> bytes:
        happened.append("loaded")
        return DATA

    maria, jonas = world.exchange("maria"), world.exchange("jonas")
    jonas.serve(source, turn)
    assert await maria.fetch(peer("jonas"), NAME) == DATA
    await trio.testing.wait_all_tasks_blocked()
    assert happened == ["turn of maria", "loaded", "over"]


async def test_peers_that_do_not_read_lose_their_turns(world: World, autojump_clock: trio.abc.Clock) -> None:
    world.room = 0
    network = SimpleNamespace(peers=list, on_disconnected=lambda _: None)
    serving = Serving(cast(Keeper, SimpleNamespace(standing=NOBODY)), cast(Network, network), lambda _peer: None)
    world.exchange("jonas", DATA, turn=serving.turn)
    for n in range(limits.SERVING_SLOTS):
        deaf = world.script(f"deaf{n}", silence)
        stream = await deaf.new_stream(peer_id("jonas"), [])
        await stream.write(bitswap.ask([NAME]))
    started = trio.current_time()
    assert await world.exchange("maria").fetch(peer("jonas"), NAME) == DATA
    assert trio.current_time() - started == pytest.approx(limits.MAX_TURN)
    await trio.sleep(limits.BLOCK_TIMEOUT)
    assert repr(serving) == "<Serving <Turns running=0 waiting=0 of=0>>"


async def test_one_peer_has_only_so_many_streams(world: World) -> None:
    greedy = world.script("greedy", silence)
    jonas = world.exchange("jonas", DATA)
    streams = [await greedy.new_stream(peer_id("jonas"), []) for _ in range(limits.MAX_BITSWAP_STREAMS + 2)]
    with pytest.raises(StreamReset):
        await streams[-1].read(0)
    assert f"serving={limits.MAX_BITSWAP_STREAMS}" in repr(jonas)
    for stream in streams[: limits.MAX_BITSWAP_STREAMS]:
        await stream.close()
    await trio.testing.wait_all_tasks_blocked()
    assert "serving=0" in repr(jonas)


async def test_who_was_asked_long_ago_is_forgotten(world: World) -> None:
    maria = world.exchange("maria")
    for n in range(limits.MAX_CONNECTIONS + 10):
        world.host(f"gone{n}")
        with pytest.raises(ConnectionLost):
            await maria.fetch(peer(f"gone{n}"), NAME)
    assert f"from={limits.MAX_CONNECTIONS} " in repr(maria)


async def test_half_a_question_is_the_end_of_its_stream(world: World, autojump_clock: trio.abc.Clock) -> None:
    world.room = 0
    streams: list[FakeStream] = []

    async def read_the_second(stream: FakeStream) -> None:
        streams.append(stream)
        if len(streams) == 1:
            await trio.sleep_forever()
        await read(stream)
        await stream.write(bitswap.give(NAME, DATA))

    world.script("slow", read_the_second)
    maria = world.exchange("maria")
    with pytest.raises(trio.TooSlowError):
        await maria.fetch(peer("slow"), NAME)
    assert streams[0].was_reset
    assert await maria.fetch(peer("slow"), NAME) == DATA
