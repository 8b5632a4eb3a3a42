"""`ingest`: what a record from outside costs without a network, in this one process: stage by stage, then whole, through the keeper.

Records come by author in chain order, as a session brings them. `us`: microseconds of CPU a record, of all threads.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import trio

from bench.meter import Line, peak_memory, show
from bench.shelf import Shelf, batches, empty_home, fill
from p2plearn import config, limits
from p2plearn.clock import SystemClock
from p2plearn.node.examining import Examined
from p2plearn.node.keeper import Keeper
from p2plearn.node.service.service import open_keeper
from p2plearn.node.store.store import Store
from p2plearn.paths import Home
from p2plearn.protocol.records import SIGNATURE_SIZE, Record, parse, record_id
from p2plearn.protocol.signing import RECORD_DOMAIN, verify

_SOURCE = "a peer"


def run(shelf: Shelf, directory: Path) -> None:
    """All rows."""
    raws = shelf.records()
    raws = [raw for author in range(shelf.authors) for raw in raws[author :: shelf.authors]]
    records = [parse(raw) for raw in raws]
    show(_measured("hash", shelf.n, lambda: [record_id(raw) for raw in raws]))
    show(_measured("decode, hash included", shelf.n, lambda: [parse(raw) for raw in raws]))
    show(_measured("verify", shelf.n, lambda: _verify(records)))
    home = empty_home(directory / "store")
    show(_measured("store", shelf.n, lambda: _store(home, records)))
    show(_measured("index", shelf.n, lambda: fill(home, [])))
    for mode, word in (("each", "signatures"), ("runs", "runs")):
        home = empty_home(directory / word)
        config.put(home, "signatures", mode)
        show(trio.run(_whole, word, home, raws))


def _measured(stage: str, n: int, work: Callable[[], object]) -> Line:
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return _line(stage, n, time.perf_counter() - began, time.process_time() - cpu)


def _line(stage: str, n: int, wall: float, cpu: float) -> Line:
    rates = {"wall": round(wall, 3), "rec_s": round(n / wall, 1), "cpu": [round(cpu, 2)], "us": round(cpu / n * 1e6, 2)}
    return {"name": f"p2plearn ingest {stage}", "n": n, **rates, "rss": [peak_memory("self")]}


def _verify(records: Sequence[Record]) -> None:
    for record in records:
        assert verify(record.author, record.raw[:SIGNATURE_SIZE], RECORD_DOMAIN, record.raw[SIGNATURE_SIZE:])


def _store(home: Home, records: Sequence[Record]) -> None:
    store = Store(home.root)
    for batch in batches(records, limits.MAX_BATCH_RECORDS):
        store.commit(batch, SystemClock().now_ms())
    store.close()


async def _whole(word: str, home: Home, raws: Sequence[bytes]) -> Line:
    """Everything from bytes to committed and shown by the replica, without indexing."""
    async with open_keeper(home, SystemClock()) as (keeper, _):
        await keeper.load_replica()
        began, cpu = time.perf_counter(), time.process_time()
        await _take(keeper, raws)
        line = _line(word, len(raws), time.perf_counter() - began, time.process_time() - cpu)
        assert len(keeper.replica) == len(raws)
    return line


async def _take(keeper: Keeper, raws: Sequence[bytes]) -> None:
    """One batch is examined while the one before is committed, as a link does it."""
    send, receive = trio.open_memory_channel[Examined](1)

    async def examine() -> None:
        async with send:
            for batch in batches(raws, limits.MAX_BATCH_RECORDS):
                await send.send(await keeper.examine(batch))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(examine)
        async for examined in receive:
            await keeper.commit(examined, _SOURCE)
