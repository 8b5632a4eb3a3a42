"""Sync between two real nodes: a fresh one takes everything from a full one, every signature checked."""

import tempfile
import time
from pathlib import Path

from bench.meter import Meter
from p2plearn.client import Client
from p2plearn.testing.laptops import Laptop, laptops
from p2plearn.testing.texts import texts

_POLL = 0.05


def run(n: int) -> None:
    """Share `n` real texts on one node, connect a fresh one, measure until it holds them all."""
    with tempfile.TemporaryDirectory(prefix="p2plearn-bench-") as directory, laptops(Path(directory), "full", "fresh") as (full, fresh):
        full.up()
        payload = fill(full, n)
        fresh.up()
        meter = Meter([full.pid, fresh.pid])
        fresh.cli("connect", full.address)
        wait_until_equal(full, fresh)
        meter.line("p2plearn initial signatures", n, payload)


def fill(laptop: Laptop, n: int) -> int:
    """Share `n` real texts through the local API; their bytes, titles included."""
    client = Client(laptop.home)
    size = 0
    for title, text in texts(n):
        client.call("share", title=title, text=text, topics=["texts"])
        size += len(title.encode()) + len(text.encode())
    return size


def wait_until_equal(one: Laptop, other: Laptop, within: float = 600.0) -> None:
    """Until both hold the same set. Raises AssertionError."""
    wanted = Client(one.home).call("status")["fingerprint"]
    deadline = time.monotonic() + within
    while Client(other.home).call("status")["fingerprint"] != wanted:
        assert time.monotonic() < deadline, f"not the same set within {within} s"
        time.sleep(_POLL)
