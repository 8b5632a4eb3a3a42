"""py-libp2p as it comes, in a process of its own: what our layer is measured against. Same talk as `echo_node.py`."""

import sys
import warnings

import multiaddr
import trio
from libp2p import new_host
from libp2p.abc import INetStream
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.network.stream.exceptions import StreamEOF
from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11, GossipSub
from libp2p.pubsub.pubsub import Pubsub
from libp2p.tools.anyio_service import background_trio_service

TOPIC = "p2plearn/news/1"


async def echo(stream: INetStream) -> None:
    try:
        while True:
            await stream.write(await stream.read(65_536))
    except StreamEOF:
        await stream.close()


async def stall(stream: INetStream) -> None:
    await trio.sleep(3600)


async def fail(stream: INetStream) -> None:
    raise ZeroDivisionError


async def main() -> None:
    warnings.simplefilter("ignore")
    host = new_host(key_pair=create_new_key_pair())
    router = GossipSub([PROTOCOL_ID_V11], degree=6, degree_low=4, degree_high=12, heartbeat_interval=1)
    pubsub = Pubsub(host, router)
    for name, handler in (("echo", echo), ("stall", stall), ("fail", fail)):
        host.set_stream_handler(TProtocol(f"/test/{name}"), handler)
    address = multiaddr.Multiaddr("/ip4/127.0.0.1/tcp/0")
    async with host.run([address]), background_trio_service(pubsub), background_trio_service(router):
        await pubsub.wait_until_ready()
        news = await pubsub.subscribe(TOPIC)
        sys.stdout.write(f"{host.get_addrs()[0]}\n")
        sys.stdout.flush()
        while True:
            message = await news.get()
            sys.stdout.write(f"{message.data.decode()}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    trio.run(main)
