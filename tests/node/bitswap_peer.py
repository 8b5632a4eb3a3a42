"""One side of a Bitswap conversation as a program: ours, libp2p's own, or an attacker. Prints JSON lines.

bitswap_peer.py serve (ours | stock) SIZE            serves a file until its standard input ends; a line on it asks for the state
bitswap_peer.py fetch (ours | stock) ADDRESS CID SIZE
bitswap_peer.py attack KIND ADDRESS CID SIZE
"""

import hashlib
import json
import os
import random
import resource
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
import trio
from libp2p import new_host
from libp2p.abc import IHost, INetStream
from libp2p.bitswap import BitswapClient
from libp2p.bitswap.dag import MerkleDag
from libp2p.bitswap.messages import create_message, create_wantlist_entry
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_noise_key
from libp2p.custom_types import TProtocol
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as Noise
from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX
from libp2p.stream_muxer.yamux.yamux import Yamux
from multiaddr import Multiaddr

from p2plearn import limits
from p2plearn.node.net.libp2p_bitswap import BlockExchange
from p2plearn.node.peers.fetching import fetch_attachment
from p2plearn.node.store.blocks import BlockStore, read_file
from p2plearn.protocol import bitswap, cid, dag
from p2plearn.protocol.protobuf import varint

PROTOCOL = TProtocol(bitswap.PROTOCOL)
CHUNK = 64 * 1024


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def plain_host() -> IHost:
    """libp2p's host over TCP, Noise and Yamux, with nothing of ours."""
    keys = create_new_key_pair()
    noise = Noise(keys, noise_privkey=create_noise_key().private_key)
    return new_host(key_pair=keys, sec_opt={NOISE: noise}, muxer_opt={TProtocol(YAMUX): Yamux})


def content(size: int) -> bytes:
    return random.Random(size).randbytes(size)


class Adapter:
    """As much of the network port as fetching needs, over an exchange."""

    def __init__(self, exchange: BlockExchange) -> None:
        self.fetch_block = exchange.fetch
        self.blamed: list[str] = []

    def blame(self, peer: str, reason: str) -> None:
        self.blamed.append(f"{peer} {reason}")


async def serve(kind: str, size: str) -> None:
    host = plain_host()
    data = content(int(size))
    blamed: list[str] = []
    with tempfile.TemporaryDirectory() as home:
        blocks = BlockStore(Path(home))
        async with host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]), trio.open_nursery() as nursery:
            builder = dag.Builder()
            exchange: BlockExchange | None = None
            if kind == "ours":
                for block in builder.add(data) + builder.finish():
                    blocks.put(*block)
                exchange = BlockExchange(host, nursery, lambda peer, reason: blamed.append(f"{peer} {reason}"))

                async def source(_peer: str, wanted: bytes) -> bytes | None:
                    return await trio.to_thread.run_sync(blocks.get, wanted)

                slots = trio.Semaphore(limits.SERVING_SLOTS)
                exchange.serve(source, lambda _peer: slots)
            else:
                client = BitswapClient(host)
                client.set_nursery(nursery)
                await client.start()
                for block in builder.add(data) + builder.finish():
                    await client.add_block(*block)
            say(address=str(host.get_addrs()[0]), cid=cid.to_text(builder.root.cid))
            async for _ in trio.wrap_file(sys.stdin):
                say(memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, blamed=blamed, state=repr(exchange))
            nursery.cancel_scope.cancel()
            say(ended=True)


async def fetch(kind: str, address: str, text: str, size: str) -> None:
    host = plain_host()
    info = info_from_p2p_addr(Multiaddr(address))
    with tempfile.TemporaryDirectory() as home:
        async with host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]), trio.open_nursery() as nursery:
            await host.connect(info)
            started = time.perf_counter()
            blamed: list[str] = []
            if kind == "ours":
                blocks = BlockStore(Path(home))
                adapter = Adapter(BlockExchange(host, nursery))
                with trio.fail_after(40):
                    await fetch_attachment(adapter, blocks, cid.from_text(text), int(size), [str(info.peer_id)])  # type: ignore[arg-type]
                elapsed = time.perf_counter() - started
                data = b"".join(read_file(blocks, cid.from_text(text), int(size)))
                blamed = adapter.blamed
            else:
                client = BitswapClient(host)
                client.set_nursery(nursery)
                await client.start()
                with trio.fail_after(40):
                    got = await MerkleDag(client).fetch_file(cid.from_text(text), peer_id=info.peer_id)
                data = got[0]
                elapsed = time.perf_counter() - started
            say(same=data == content(int(size)), sha256=hashlib.sha256(data).hexdigest(), seconds=elapsed, blamed=blamed)
            nursery.cancel_scope.cancel()


async def attack(address: str, text: str, size: str) -> None:
    host = plain_host()
    info = info_from_p2p_addr(Multiaddr(address))
    name = cid.from_text(text)
    chance = random.Random(1)
    host.set_stream_handler(PROTOCOL, deaf)

    async def send(*messages: bytes) -> None:
        """Until it is cut off, which is what is expected."""
        with trio.move_on_after(5), suppress(Exception):
            stream = await host.new_stream(info.peer_id, [PROTOCOL])
            for message in messages:
                await stream.write(message)

    async def garbage() -> None:
        for _ in range(60):
            await send(chance.randbytes(chance.randrange(1, 2000)))

    async def unasked_blocks() -> None:
        for _ in range(10):
            data = os.urandom(50_000)
            await send(*[bitswap.give(cid.name(cid.RAW, data), data)] * 200)

    async def presences() -> None:
        await send(*[framed(create_message(block_presences=[(name, True)] * 1000))] * 200)

    async def long_messages() -> None:
        for _ in range(10):
            await send(varint(4 * 1024 * 1024 - 1) + bytes(60_000), *[bytes(60_000)] * 60)

    async def many_streams() -> None:
        for _ in range(40):
            with suppress(Exception):  # some are reset at once
                await host.new_stream(info.peer_id, [PROTOCOL])

    async def wants_without_reading() -> None:
        leaves = dag.Builder().add(content(int(size)))
        wants = framed(create_message([create_wantlist_entry(leaf.cid, 1) for leaf in leaves * 100]))
        async with trio.open_nursery() as nursery:
            for _ in range(12):
                nursery.start_soon(send, *[wants] * 10)

    async with host.run([Multiaddr("/ip4/127.0.0.1/tcp/0")]):
        for one in (garbage, unasked_blocks, presences, long_messages, wants_without_reading, many_streams):
            await host.connect(info)
            await one()
            await host.disconnect(info.peer_id)  # or streams left open would use up what one peer may have
            say(done=one.__name__)


async def deaf(_: INetStream) -> None:
    await trio.sleep_forever()


def framed(message: Any) -> bytes:
    raw: bytes = message.SerializeToString()
    return varint(len(raw)) + raw


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    commands: dict[str, Any] = {"serve": serve, "fetch": fetch, "attack": attack}
    trio.run(commands[sys.argv[1]], *sys.argv[2:])
