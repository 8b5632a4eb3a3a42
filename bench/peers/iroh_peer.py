"""iroh-docs, by its Python bindings: entries signed by their authors, compared by ranges; the texts are blobs beside them. QUIC.

Runs in an environment of its own (setup.sh), not in ours. Commands come as lines on standard input, one answer of JSON for each: see
iroh_docs.py. Environment: CORPUS (the texts), AUTHORS (how many).
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import iroh

_BATCH = 1_000  # entries being written at once
_POLL = 0.002
_PATIENCE = 600.0


class Events(iroh.SubscribeCallback):  # type: ignore[misc]  # its library has no types
    """Counts the entries whose text has arrived. `live`: print when each did."""

    def __init__(self) -> None:
        self.ready = 0
        self.live = False

    async def event(self, event: Any) -> None:
        """Called by iroh."""
        if event.type() == iroh.LiveEventType.CONTENT_READY:
            self.ready += 1
            if self.live:
                _say({"at": time.monotonic()})


class Peer:
    """One node with one document."""

    def __init__(self) -> None:
        self._events = Events()
        self._node: Any = None
        self._doc: Any = None
        self._authors: list[Any] = []

    async def open(self, directory: str) -> dict[str, Any]:
        """Be a node on a free port."""
        iroh.iroh_ffi.uniffi_set_event_loop(asyncio.get_running_loop())
        options = iroh.NodeOptions(enable_docs=True, node_discovery=iroh.NodeDiscoveryConfig.NONE, ipv4_addr="127.0.0.1:0")
        self._node = await iroh.Iroh.persistent_with_options(directory, options)
        return {"id": await self._node.net().node_id(), "addresses": (await self._node.net().node_addr()).direct_addresses()}

    async def create(self) -> dict[str, Any]:
        """A new document; the ticket to it."""
        self._doc = await self._node.docs().create()
        await self._doc.subscribe(self._events)
        return {"ticket": str(await self._doc.share(iroh.ShareMode.WRITE, iroh.AddrInfoOptions.ADDRESSES))}

    async def load(self, first: str, last: str) -> dict[str, Any]:
        """Write these texts, by the authors in turn."""
        await self._make_authors()
        texts = list(enumerate(_corpus(int(first), int(last)), int(first)))
        for at in range(0, len(texts), _BATCH):
            puts = [self._doc.set_bytes(self._authors[i % len(self._authors)], b"r%08d" % i, text) for i, text in texts[at : at + _BATCH]]
            await asyncio.gather(*puts)
        return {}

    async def join(self, ticket: str, wanted: str) -> dict[str, Any]:
        """Take a document until so many texts are here."""
        self._doc = await self._node.docs().join_and_subscribe(iroh.DocTicket(ticket), self._events)
        return await self.wait(wanted)

    async def wait(self, wanted: str) -> dict[str, Any]:
        """Until so many texts have come since the last `reset`."""
        deadline = time.monotonic() + _PATIENCE
        while self._events.ready < int(wanted):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._events.ready} of {wanted} entries")
            await asyncio.sleep(_POLL)
        return {"at": time.monotonic(), "records": self._events.ready}

    async def reset(self) -> dict[str, Any]:
        """Count anew."""
        self._events.ready = 0
        return {}

    async def sync(self, node: str, address: str, wanted: str) -> dict[str, Any]:
        """Compare with another node, until so many texts have come."""
        await self._doc.start_sync([iroh.NodeAddr(iroh.PublicKey.from_string(node), None, [address])])
        return await self.wait(wanted)

    async def live(self) -> dict[str, Any]:
        """From now on a line for each text that comes."""
        self._events.live = True
        return {}

    async def publish(self, text: str) -> dict[str, Any]:
        """Write one text of 1,000 bytes."""
        await self._make_authors()
        at = time.monotonic()
        await self._doc.set_bytes(self._authors[0], b"live" + text.encode(), text.rjust(1000, "x").encode())
        return {"at": at}

    async def reopen(self) -> dict[str, Any]:
        """Take up the document of an earlier time."""
        (known,) = await self._node.docs().list()
        self._doc = await self._node.docs().open(known.namespace)
        await self._doc.subscribe(self._events)
        return {}

    async def quit(self) -> None:
        """Stop the node."""
        await self._node.node().shutdown()

    async def _make_authors(self) -> None:
        while len(self._authors) < int(os.environ["AUTHORS"]):
            self._authors.append(await self._node.authors().create())


def _corpus(first: int, last: int) -> list[bytes]:
    texts = []
    with Path(os.environ["CORPUS"]).open("rb") as file:
        for i in range(last):
            text = file.read(int.from_bytes(file.read(4), "little"))
            if i >= first:
                texts.append(text)
    return texts


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


async def main() -> None:
    """Answer one command after another."""
    peer = Peer()
    loop = asyncio.get_running_loop()
    while line := (await loop.run_in_executor(None, sys.stdin.readline)).split():
        command: Callable[..., Awaitable[dict[str, Any] | None]] = getattr(peer, line[0])
        try:
            answer = await command(*line[1:])
        except Exception as error:  # noqa: BLE001  # whatever its library raises is told to who asked
            answer = {"error": str(error)[:300]}
        if answer is None:
            return
        _say(answer)


if __name__ == "__main__":
    asyncio.run(main())
