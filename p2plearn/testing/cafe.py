"""A café in one process: laptops with homes of their own around a `MemoryHub`. The node code is the real one, without sockets."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from p2plearn.clock import Clock, SystemClock
from p2plearn.node.net.memory_host import MemoryHub, open_memory_host
from p2plearn.node.node import Node
from p2plearn.node.runtime import open_node
from p2plearn.node.service.service import open_keeper
from p2plearn.paths import Home


@asynccontextmanager
async def open_laptop(hub: MemoryHub, home: Path, clock: Clock | None = None) -> AsyncIterator[Node]:
    """A node at work on `hub`, with its data in `home`, for as long as the block runs; `down` does nothing."""
    clock = clock or SystemClock()
    async with open_keeper(Home(home), clock) as (keeper, blocks):
        await keeper.load_replica()
        async with (
            open_memory_host(hub, keeper.identity.peer, clock=clock) as network,
            open_node(Home(home), keeper, blocks, network, stop=lambda: None) as node,
        ):
            yield node


async def meet(one: Node, other: Node) -> None:
    """Connect two laptops."""
    await one.connect((await other.status())["addresses"][0])


async def in_step(*nodes: Node, within: float = 10.0) -> str:
    """Wait until all hold the same set; its fingerprint. Raises trio.TooSlowError."""

    async def same() -> bool:
        return len({(await node.status())["fingerprint"] for node in nodes}) == 1

    await until(same, within)
    return str((await nodes[0].status())["fingerprint"])


async def until(condition: Callable[[], Awaitable[bool]], within: float = 10.0) -> None:
    """Wait for something to come true. Raises trio.TooSlowError."""
    with trio.fail_after(within):
        while not await condition():  # noqa: ASYNC110  # what is waited for is what a person would look at; it has no event
            await trio.sleep(0.02)
