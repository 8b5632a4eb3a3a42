"""What a person waits for the views of the learning loop, with a node running that goes on hearing news, through the local API's socket.

Each view is asked after some records have just come, so that what a node keeps folded is worth here only what it is worth in life.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any, TypeAlias

from bench.meter import Line, cpu_seconds, quantiles, show
from bench.shelf import Shelf, batches, empty_home, fill
from bench.sides import programs
from bench.village import ME, TOPICS, Village
from p2plearn.client import Client
from p2plearn.protocol.bundle import BundleWriter
from p2plearn.protocol.kinds import ROOT, Adopt, Reply, Request, Snippet
from p2plearn.protocol.records import Record, parse
from p2plearn.testing.authors import Author

_REPEATS = 40  # of each view
_FRESH = 2  # records that come before each
_NEWS = 1 / 10  # of all records, at most

_Asked: TypeAlias = tuple[str, dict[str, Any]]


def run(shelf: Shelf, directory: Path) -> None:
    """A row for each view, in ms.

    `first`: its first answer, for which nothing is folded yet unless another view did. `cpu`: of the node, on average; where others keep
    the machine busy, only this tells.
    """
    raws = shelf.kept(f"village-{shelf.n}", lambda: (record.raw for record in Village(shelf.n).records()))
    records = [parse(raw) for raw in raws]
    views = _views(records)
    news = min(len(views) * _REPEATS * _FRESH, int(shelf.n * _NEWS))
    home = empty_home(directory / "home")
    home.author_key.write_bytes(Author(ME).private_key.private_bytes_raw())
    fill(home, (record.raw for record in records[:-news]))
    coming = _bundles([record.raw for record in records[-news:]], directory / "news.p2plearn")
    with programs(home) as ((node,), _):
        client = Client(node.home.root)
        for name, asked in views.items():
            show(_measured(name, client, node.pid, asked, coming) | {"of": shelf.n})


def _views(records: Sequence[Record]) -> dict[str, list[_Asked]]:
    """The name of each measure, and what is asked in turn. A usual conversation is any, weighted by nothing."""
    chance = random.Random(0)
    old = records[: len(records) // 2]
    snippets, requests = ([record.id.hex() for record in old if record.kind == kind] for kind in (Snippet.kind, Request.kind))
    return {
        "inbox": [("inbox", {})],
        "requests": [("requests", {})],
        "requests open": [("requests", {"open": True})],
        "requests open of a topic": [("requests", {"open": True, "topic": topic}) for topic in TOPICS],
        "show a request": [("show", {"id": one}) for one in chance.sample(requests, _REPEATS)],
        "show a snippet": [("show", {"id": one}) for one in chance.sample(snippets, _REPEATS)],
        "show the longest thread": [("show", {"id": _busiest(old, Reply.kind)})],
        "show what everybody adopted": [("show", {"id": _busiest(old, Adopt.kind)})],
        "lineage": [("lineage", {"snippet": one}) for one in chance.sample(snippets, _REPEATS)],
        "lineage of what everybody adopted": [("lineage", {"snippet": _busiest(old, Adopt.kind)})],
        "glow": [("glow", {})],
        "matches": [("matches", {})],
        "people of a topic": [("people", {"topic": topic}) for topic in TOPICS],
        "feed": [("feed", {})],
        "home": [("home", {})],
    }


def _busiest(records: Sequence[Record], kind: str) -> str:
    """The root about which most was said in this way."""
    said = Counter(record.target(ROOT) or b"" for record in records if record.kind == kind)
    return max(said, key=lambda root: said[root]).hex()


def _bundles(raws: Sequence[bytes], path: Path) -> Iterator[Path]:
    """What comes in turn, a few records each time, in a file that is written anew."""
    for batch in batches(raws, _FRESH):
        writer = BundleWriter()
        path.write_bytes(b"".join([writer.start(), *map(writer.record, batch), writer.finish()]))
        yield path


def _measured(name: str, client: Client, pid: int, asked: Sequence[_Asked], coming: Iterator[Path]) -> Line:
    took = []
    cpu = 0.0
    for (method, arguments), _ in zip(cycle(asked), range(_REPEATS), strict=False):
        if path := next(coming, None):
            client.import_bundle(path, lambda _done, _all: None)
        began, used = time.perf_counter(), cpu_seconds(pid)
        client.call(method, **arguments)
        took.append(time.perf_counter() - began)
        cpu += cpu_seconds(pid) - used
    more = {"first": took[0], "max": max(took), "cpu": cpu / len(took)}
    return quantiles(f"p2plearn learning {name}", took, **{what: round(seconds * 1000, 2) for what, seconds in more.items()})
