"""Search among made-up records: two words of every kind, and what is asked to do harm; in the service, and through a node's socket.

What a query costs is told by how many records have its words, so there are words of every frequency (`bench.prose`) in one store.
"""

import hashlib
import random
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from itertools import islice
from pathlib import Path

import trio

from bench.meter import Line, quantiles, show
from bench.prose import Prose
from bench.shelf import Shelf, empty_home
from p2plearn import limits
from p2plearn.client import Client
from p2plearn.clock import SystemClock
from p2plearn.errors import P2plearnError
from p2plearn.learning.folding import folded
from p2plearn.node.service.service import Service, open_keeper
from p2plearn.node.store import words as store_words
from p2plearn.node.store.store import Store
from p2plearn.paths import Home
from p2plearn.protocol.kinds import RE, ROOT, Body, Reply, Request, Snippet
from p2plearn.protocol.records import ID_SIZE, SIGNATURE_SIZE, Draft, Record, Ref, encode_payload, parse
from p2plearn.testing.laptops import laptops

_SEED = 7
_AUTHORS = 1_000
_TOPICS = [f"topic-{number}" for number in range(200)]
_BATCH = 2_000
_SAMPLE = 3_000  # texts in which words are counted
_EACH = 60  # queries of a kind


def run(shelf: Shelf, directory: Path) -> None:
    """Search among `shelf.n` records, unsigned and made here: nobody's signature is looked at."""
    with laptops(directory, "searcher") as (laptop,):
        payload = _fill(empty_home(laptop.home), shelf.n)
        queries = Queries(random.Random(_SEED))
        trio.run(_index, laptop.home, shelf.n, payload)
        trio.run(_search, laptop.home, queries)
        laptop.up()
        _ask(Client(laptop.home), queries)


def _fill(home: Home, n: int) -> int:
    """Commit `n` records; their bytes."""
    size = 0
    records = _records(n)
    with closing(Store(home.root)) as store:
        while batch := list(islice(records, _BATCH)):
            store.commit(batch, SystemClock().now_ms())
            size += sum(len(record.raw) for record in batch)
    return size


def _records(n: int) -> Iterator[Record]:
    """Half snippets, the rest requests and what is said about either."""
    chance = random.Random(_SEED)
    authors = [hashlib.sha256(number.to_bytes(4)).digest() for number in range(_AUTHORS)]
    seqs = [0] * _AUTHORS
    roots: list[bytes] = []
    for number, (title, text) in enumerate(Prose(_SEED).texts(n)):
        who = int(_AUTHORS * chance.random() ** 2)
        seqs[who] += 1
        topics = tuple({_TOPICS[int(len(_TOPICS) * chance.random() ** 3)] for _ in range(2)})
        refs: tuple[Ref, ...] = ()
        body: Body = Snippet("note", title, text) if number % 10 < 5 else Request(title, text)
        if number % 10 >= 8:
            about = roots[int(len(roots) * chance.random())]
            refs, body = (Ref(ROOT, about), Ref(RE, about)), Reply("comment", text)
        draft = Draft(body.kind, body.to_body(), refs, topics)
        prev = bytes(ID_SIZE) if seqs[who] > 1 else b""
        record = parse(bytes(SIGNATURE_SIZE) + encode_payload(draft, authors[who], seqs[who], prev, number * 1000))
        if not refs:
            roots.append(record.id)
        yield record


class Queries:
    """Two words of each kind, and hostile ones; made from how often words stand in the texts."""

    def __init__(self, chance: random.Random) -> None:
        texts = [folded(text).split() for _, text in Prose(_SEED).texts(_SAMPLE)]
        counts = Counter(word for text in texts for word in set(text) if len(word) > 2)
        ranked = [word for word, _ in counts.most_common()]
        common, usual, rare = ranked[:100], ranked[100:3_000], [word for word in ranked[3_000:] if counts[word] < 3]
        together = [[word for word in dict.fromkeys(text) if counts[word] < 3] for text in texts]
        pairs = [tuple(chance.sample(words, 2)) for words in together if len(words) > 1]
        starts = [word[:length] for word in usual for length in (3, 4, 5) if word[:length] not in counts]
        letters = "abcdefghijklmnopqrstuvwxyz"
        self.kinds: dict[str, list[tuple[str, str | None]]] = {
            kind: [(" ".join(make()), topic) for _ in range(_EACH)]
            for kind, topic, make in (
                ("rare rare", None, lambda: chance.choice(pairs)),
                ("rare rare elsewhere", None, lambda: chance.sample(rare, 2)),
                ("usual usual", None, lambda: chance.sample(usual, 2)),
                ("common rare", None, lambda: (chance.choice(common), chance.choice(rare))),
                ("common common", None, lambda: chance.sample(common, 2)),
                ("stop words", None, lambda: chance.sample(ranked[:12], 2)),
                ("beginnings", None, lambda: chance.sample(starts, 2)),
                ("letter", None, lambda: (chance.choice(letters), chance.choice(usual))),
                ("topic", _TOPICS[0], lambda: chance.sample(usual, 2)),
                ("rare topic", _TOPICS[-1], lambda: chance.sample(usual, 2)),
            )
        }
        many = Counter(word[:3] for word in ranked[:10_000])
        self.hostile = {
            "longest": "x".join(["a" * 30] * limits.MAX_WORDS)[: limits.MAX_QUERY],
            "all beginnings": " ".join(start for start, _ in many.most_common() if start not in counts)[: limits.MAX_WORDS * 4 - 1],
            "everywhere": " ".join(ranked[: limits.MAX_WORDS]),
            "letters": " ".join(letters[: limits.MAX_WORDS]),
        }


async def _index(home: Path, n: int, payload: int) -> None:
    """How long the index takes, how long each transaction of it keeps writers out, and its share of the records' bytes."""
    held = []
    began = time.perf_counter()
    async with open_keeper(Home(home), SystemClock()) as (keeper, _):
        while portion := await keeper.read(store_words.gather):
            before = time.perf_counter()
            await keeper.in_thread(keeper.put_in, portion)
            held.append(time.perf_counter() - before)
        took = time.perf_counter() - began
        await keeper.index_all()
    with closing(sqlite3.connect(Home(home).store)) as db:
        disk = None
        with suppress(sqlite3.OperationalError):  # an SQLite built without DBSTAT
            (disk,) = db.execute("SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'words%'").fetchone()
    share = disk and round(disk / payload, 3)
    show(_line("index slice", held, us_record=round(took / n * 1e6, 1), records=n, disk=disk, payload=payload, share=share))


async def _search(home: Path, queries: Queries) -> None:
    """Each query, in the service; and how long another call waits while a hostile one runs."""
    async with Service.open(home) as service:
        await service.search("warm")  # names are folded once
        every: list[tuple[float, float]] = []
        for kind, asked in queries.kinds.items():
            took = [await _timed(partial(service.search, query, topic)) for query, topic in asked]
            every += took
            show(_asked(kind, took))
        show(_asked("two words", every))
        for kind, query in queries.hostile.items():
            show(_asked(f"hostile {kind}", [await _timed(partial(service.search, query)) for _ in range(5)]))
            show(_asked(f"similar hostile {kind}", [await _timed(partial(service.similar, query)) for _ in range(5)]))
        async with _busy(service, queries.hostile["everywhere"]):
            waits = [(await _timed(partial(service.feed, limit=10)))[0] for _ in range(30)]
        show(_line("feed beside hostile searches", waits))


def _ask(client: Client, queries: Queries) -> None:
    """Two words through the socket of a running node."""
    took = []
    client.call("search", query="warm")
    for asked in queries.kinds.values():
        for query, topic in asked:
            began = time.perf_counter()
            client.call("search", query=query, topic=topic)
            took.append(time.perf_counter() - began)
    show(_line("two words, socket", took))


async def _timed(ask: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Seconds, and seconds of this process's CPU: where others keep the machine busy, only the second tells."""
    began, used = time.perf_counter(), time.process_time()
    with suppress(P2plearnError):  # cut off: the time counts
        await ask()
    return time.perf_counter() - began, time.process_time() - used


@asynccontextmanager
async def _busy(service: Service, query: str) -> AsyncIterator[None]:
    """Four who ask the same hostile query over and over."""

    async def ask() -> None:
        while True:
            await _timed(partial(service.search, query))

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(ask)
        yield
        nursery.cancel_scope.cancel()


def _asked(name: str, took: Sequence[tuple[float, float]]) -> Line:
    cpu = quantiles("", [used for _, used in took])
    return _line(name, [wall for wall, _ in took], cpu_p50=cpu["p50"], cpu_p99=cpu["p99"])


def _line(name: str, seconds: Sequence[float], **more: float | None) -> Line:
    return quantiles(f"p2plearn search {name}", seconds, max=round(max(seconds) * 1000, 2), **more)
