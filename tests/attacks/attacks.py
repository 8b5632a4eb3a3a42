"""What a hostile peer can do over the network, each as one coroutine against a node at `address`. docs/attacks.md explains them.

`times` says how often; an attack ends when it has done that, or when the node will have no more of it.
"""

import contextlib
import random
import struct
from collections.abc import Awaitable, Callable

import trio
from libp2p.network.swarm import Swarm
from libp2p.peer.id import ID
from libp2p.pubsub.pb import rpc_pb2
from libp2p.utils import encode_varint_prefixed

from p2plearn.errors import ConnectionLost, Unreachable
from p2plearn.node.net.host import Host
from p2plearn.node.net.libp2p_addresses import parse_dialable
from p2plearn.node.net.libp2p_mesh import TOPIC
from p2plearn.node.net.libp2p_streams import HostStream
from p2plearn.node.net.libp2p_yamux import BoundedYamux
from tests.node.nodes import run_host

Attack = Callable[[str, int], Awaitable[None]]
MESHSUB = "/meshsub/1.1.0"
GONE = (ConnectionLost, Unreachable, OSError)  # the node had enough of us


async def gossip(host: Host, peer: str, *frames: bytes) -> None:
    """Send frames as they are on a gossip stream of our own."""
    stream = await host.open(peer, MESHSUB)
    for frame in frames:
        await stream.send(encode_varint_prefixed(frame))
    await trio.sleep(0.02)
    await stream.reset()


async def as_somebody_new(address: str, number: int, work: Callable[[Host, str], Awaitable[None]]) -> None:
    """Do one thing under a fresh key, so that being known for bad does not stand in the way."""
    async with run_host(1000 + number, []) as host:
        with contextlib.suppress(Exception):  # whatever our own end says when it is cut off
            await work(host, await host.connect(address))


async def garbage_gossip(address: str, times: int) -> None:
    """51 random bytes where a gossip frame should be."""
    dice = random.Random(51)

    async def work(host: Host, peer: str) -> None:
        for _ in range(5):
            await gossip(host, peer, dice.randbytes(51))

    for number in range(times):
        await as_somebody_new(address, number, work)


async def mutated_gossip(address: str, times: int) -> None:
    """Valid gossip frames with some bytes changed."""
    dice = random.Random(52)
    control = rpc_pb2.ControlMessage(
        ihave=[rpc_pb2.ControlIHave(topicID=TOPIC, messageIDs=[b"a" * 46])],
        iwant=[rpc_pb2.ControlIWant(messageIDs=[b"b" * 46])],
        graft=[rpc_pb2.ControlGraft(topicID=TOPIC)],
        prune=[rpc_pb2.ControlPrune(topicID=TOPIC, backoff=1, peers=[rpc_pb2.PeerInfo(peerID=b"c" * 38)])],
        idontwant=[rpc_pb2.ControlIDontWant(messageIDs=[b"d" * 46])],
    )
    message = rpc_pb2.Message(from_id=b"e" * 38, data=b"f" * 30, seqno=b"g" * 8, topicIDs=[TOPIC], signature=b"h" * 64, key=b"i" * 36)
    subscription = rpc_pb2.RPC.SubOpts(subscribe=True, topicid=TOPIC)
    whole = rpc_pb2.RPC(subscriptions=[subscription], publish=[message], control=control, senderRecord=b"j" * 50).SerializeToString()

    def mutated() -> bytes:
        frame = bytearray(whole)
        for _ in range(dice.randrange(6)):
            frame[dice.randrange(len(frame))] = dice.randrange(256)
        return bytes(frame[: dice.randrange(1, len(frame) + 1)])

    async def work(host: Host, peer: str) -> None:
        for _ in range(10):
            await gossip(host, peer, *(mutated() for _ in range(4)))

    for number in range(times):
        await as_somebody_new(address, number, work)


async def undecodable_key(address: str, times: int) -> None:
    """One message whose author is a hash, so that its key field must be read, and cannot be."""
    message = rpc_pb2.Message(
        from_id=b"\x12\x20" + bytes(32), data=b"x", seqno=bytes(8), topicIDs=[TOPIC], signature=bytes(64), key=b"\xff\xfe\xfd"
    )

    async def work(host: Host, peer: str) -> None:
        await gossip(host, peer, rpc_pb2.RPC(publish=[message]).SerializeToString())

    for number in range(times):
        await as_somebody_new(address, number, work)


async def failing_handler(address: str, times: int) -> None:
    """Make a handler raise."""
    async with run_host(999, []) as host:
        peer = await host.connect(address)
        for _ in range(times):
            with contextlib.suppress(*GONE):
                stream = await host.open(peer, "/test/fail")
                await stream.receive()


async def nonsense_protocols(address: str, times: int) -> None:
    """Names of protocols that are no text, too long, or never end."""
    dice = random.Random(53)
    async with run_host(999, []) as host:
        peer = await host.connect(address)
        for number in range(times):
            raw = HostStream(await host.swarm.new_stream(ID.from_string(peer)))
            with contextlib.suppress(*GONE):
                await raw.send(
                    [
                        dice.randbytes(100),
                        encode_varint_prefixed(b"/multistream/1.0.0\n") + encode_varint_prefixed(b"\xff\xfe\xfd\n"),
                        encode_varint_prefixed(b"/multistream/1.0.0\n") + b"\xff\xff\xff\xff\x7f" + bytes(20_000),
                        encode_varint_prefixed(b"/multistream/1.0.0\n") + encode_varint_prefixed(b"ls\n") * 2_000,
                    ][number % 4]
                )
            await raw.reset()


async def nonsense_frames(address: str, times: int) -> None:
    """Yamux frames of every type, flag and length, inside a proper connection."""
    dice = random.Random(54)

    async def work(host: Host, peer: str) -> None:
        for muxed in connections(host, peer):
            for _ in range(20):
                length = dice.choice([0, 1, 12, 2**18, 2**24, 2**32 - 1])
                await muxed.write_frame(
                    struct.pack("!BBHII", dice.randrange(3), dice.randrange(6), dice.randrange(16), dice.randrange(8), length)
                )

    for number in range(times):
        await as_somebody_new(address, number, work)


async def ignored_window(address: str, times: int) -> None:
    """`times` MiB to a stream that nobody reads, past all flow control."""
    async with run_host(999, []) as host:
        peer = await host.connect(address)
        with contextlib.suppress(Exception):  # whatever our own end says when it is cut off
            muxed = (await host.open(peer, "/test/stall"))._muxed
            frame = struct.pack("!BBHII", 0, 0, 0, muxed.stream_id, 65_000) + bytes(65_000)
            for _ in range(times * 2**20 // 65_000):
                await muxed.conn.write_frame(frame)


async def streams_without_end(address: str, times: int) -> None:
    """Streams opened and left."""
    async with run_host(999, []) as host:
        peer = await host.connect(address)
        with contextlib.suppress(Exception):
            for _ in range(times):
                with trio.fail_after(2):
                    await host.swarm.new_stream(ID.from_string(peer))
        await trio.sleep(0.2)


async def silent_connections(address: str, times: int) -> None:
    """TCP connections that say nothing; still open when the attack ends."""
    endpoint, _ = parse_dialable(address, lan_only=False)
    SILENT.extend([await trio.open_tcp_stream(endpoint.host, endpoint.port) for _ in range(times)])
    await trio.sleep(0.2)


SILENT: list[trio.SocketStream] = []


async def endless_handshake(address: str, times: int) -> None:
    """A length of gigabytes before anybody is authenticated, and then `times` MiB of it."""
    endpoint, _ = parse_dialable(address, lan_only=False)
    stream = await trio.open_tcp_stream(endpoint.host, endpoint.port)
    async with stream:
        with contextlib.suppress(trio.BrokenResourceError):
            await stream.send_all(b"\xff\xff\xff\xff\x0f")
            for _ in range(times * 16):
                await stream.send_all(bytes(65_536))


async def many_connections(address: str, times: int) -> None:
    """One key, many connections."""
    endpoint, peer = parse_dialable(address, lan_only=False)
    async with run_host(999, []) as host:
        host.swarm.add_conn = lambda muxed, direction="unknown": Swarm.add_conn(host.swarm, muxed, direction)  # type: ignore[assignment]
        for _ in range(times):
            with contextlib.suppress(Exception), trio.fail_after(5):
                await host.swarm.dial(endpoint, peer)
        await trio.sleep(0.3)
        assert len(connections(host, str(peer))) <= 3, "more than its due were kept"


async def subscriptions(address: str, times: int) -> None:
    """Thousands of topics, on and off."""
    frame = rpc_pb2.RPC(
        subscriptions=[
            rpc_pb2.RPC.SubOpts(subscribe=bool(number % 2), topicid=TOPIC if number % 3 else f"topic {number}") for number in range(4_000)
        ]
    ).SerializeToString()
    async with run_host(999, []) as host:
        peer = await host.connect(address)
        for _ in range(times):
            with contextlib.suppress(*GONE):
                await gossip(host, peer, frame, frame)


async def flood(host: Host, peer: str, per_second: int, seconds: float) -> None:
    """New, properly signed messages, made beforehand so that making them slows down nobody."""
    made = [_signed(host, number) for number in range(int(per_second * seconds))]
    stream = await host.open(peer, MESHSUB)
    for start in range(0, len(made), 20):
        await stream.send(encode_varint_prefixed(rpc_pb2.RPC(publish=made[start : start + 20]).SerializeToString()))
        await trio.sleep(20 / per_second)
    await stream.reset()


def _signed(host: Host, number: int) -> rpc_pb2.Message:
    author = host.libp2p.get_id().to_bytes()
    message = rpc_pb2.Message(from_id=author, data=b"%d " % number + b"x" * 1000, seqno=number.to_bytes(8, "big"), topicIDs=[TOPIC])
    message.signature = host.libp2p.get_private_key().sign(b"libp2p-pubsub:" + message.SerializeToString())
    return message


def connections(host: Host, peer: str) -> list[BoundedYamux]:
    found = [known.muxed_conn for known in host.swarm.get_connections(ID.from_string(peer))]
    return [muxed for muxed in found if isinstance(muxed, BoundedYamux) and not muxed.event_shutting_down.is_set()]


# each with how often in a quick run; in full, ten times as often
ATTACKS: dict[Attack, int] = {
    garbage_gossip: 10,
    mutated_gossip: 10,
    undecodable_key: 5,
    failing_handler: 100,
    nonsense_protocols: 40,
    nonsense_frames: 20,
    ignored_window: 30,
    streams_without_end: 100,
    silent_connections: 100,
    endless_handshake: 10,
    many_connections: 20,
    subscriptions: 5,
}
