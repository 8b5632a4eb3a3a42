"""`python -m bench.node HOME [--pipe FD]`: a real node in a process of its own that notes when records are committed.

It is what `p2plearn up` runs, without the local API: over libp2p on loopback, or over one end of a socket pair. Commands:

    call METHOD JSON   a method of the façade → its answer
    say N GAP          share N texts, GAP seconds apart → {}
    stamps             → {"began": {id: t}, "committed": {id: t}}, seconds of the machine's monotonic clock
    sent               → {"wire": [bytes, writes]}, of a pipe
    quit
"""

import argparse
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from bench import corpus
from bench.pipe_host import PipeHost, open_pipe_host
from p2plearn import limits
from p2plearn.clock import SystemClock
from p2plearn.node.keeper import Keeper
from p2plearn.node.net.network import Network
from p2plearn.node.node import Node
from p2plearn.node.runtime import open_node
from p2plearn.node.service.service import open_keeper
from p2plearn.paths import Home

_LOOPBACK = "/ip4/127.0.0.1/tcp/0"


class Driven:
    """A node, and the moments at which its records were begun and committed."""

    def __init__(self, node: Node, keeper: Keeper, network: Network) -> None:
        self._node = node
        self._network = network
        self._began: dict[str, float] = {}
        self._committed: dict[str, float] = {}
        keeper.listen(lambda change, _source: self._committed.update((record.id.hex(), time.monotonic()) for record in change.added))

    async def do(self, line: str) -> dict[str, Any]:
        """What a command answers."""
        match line.split(maxsplit=2):
            case "call", method, arguments:
                return dict(await getattr(self._node, method)(**json.loads(arguments)))
            case "say", count, gap:
                await self._say(int(count), float(gap))
                return {}
            case ["stamps"]:
                return {"began": self._began, "committed": self._committed}
            case ["sent"] if isinstance(self._network, PipeHost):
                return {"wire": self._network.sent}
        raise ValueError(f"what is {line}?")

    async def _say(self, count: int, gap: float) -> None:
        due = trio.current_time()
        for i in range(count):
            await trio.sleep_until(due)
            due += gap
            began = time.monotonic()
            said = await self._node.share(title=f"News {i}", text=corpus.text(i), topics=["news"])
            self._began[said["id"]] = began


@asynccontextmanager
async def _open_network(keeper: Keeper, pipe: int | None) -> AsyncIterator[Network]:
    if pipe is not None:
        async with open_pipe_host(keeper.identity.peer, pipe) as host:
            yield host
        return
    from p2plearn.node.net.host import open_host

    async with open_host(keeper.identity.peer, [_LOOPBACK], mdns=False, lan_only=False, clock=SystemClock()) as network:
        yield network


async def _main(home: Home, pipe: int | None) -> None:
    async with open_keeper(home, SystemClock()) as (keeper, blocks):
        await keeper.load_replica()
        async with _open_network(keeper, pipe) as network, open_node(home, keeper, blocks, network, stop=lambda: None) as node:
            limits.MAX_DIALLED = 0  # it connects to whom it is told to, and to nobody it hears of
            driven = Driven(node, keeper, network)
            print(json.dumps({"address": network.addresses()[0]}), flush=True)
            async for line in trio.wrap_file(sys.stdin):
                if line.strip() == "quit":
                    return
                print(json.dumps(await driven.do(line)), flush=True)


def main() -> None:
    """Be a node until told to quit."""
    parser = argparse.ArgumentParser(prog="python -m bench.node", description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--pipe", type=int)
    options = parser.parse_args()
    trio.run(_main, Home(options.home), options.pipe)


if __name__ == "__main__":
    main()
