"""Nodes to measure, each in a process of its own and asked alike: the program a person runs, or `bench.node` over loopback or a pipe."""

import json
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from typing import Any, Protocol, TypeVar

from bench.child import Child
from bench.meter import Meter, Wire, loopback
from p2plearn.client import Client
from p2plearn.paths import Home
from p2plearn.testing.laptops import Laptop

_POLL = 0.002  # seconds between two looks into a store: 30 µs each, in the measuring process
_PATIENCE = 900.0


class Side(Protocol):
    """A node that is up."""

    home: Home

    @property
    def pid(self) -> int: ...

    @property
    def address(self) -> str: ...

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """One method of the façade."""

    def stop(self) -> None:
        """End it."""


S = TypeVar("S", bound=Side)


class Program:
    """`p2plearn up`, asked through its local API."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.laptop = Laptop(home.root)
        self.laptop.up()

    @property
    def pid(self) -> int:
        return self.laptop.pid

    @property
    def address(self) -> str:
        return self.laptop.address

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        return Client(self.home.root).call(method, **arguments)

    def stop(self) -> None:
        self.laptop.stop()


class Noting:
    """`bench.node`, which notes when records are committed. `pipe`: its end of a socket pair, instead of libp2p."""

    def __init__(self, home: Home, pipe: int | None = None) -> None:
        self.home = home
        options = [] if pipe is None else ["--pipe", str(pipe)]
        command = [sys.executable, "-m", "bench.node", str(home.root), *options]
        self.child = Child(command, home.root.with_suffix(".log"), keep=[] if pipe is None else [pipe])
        self.address = str(self.child.read()["address"])

    @property
    def pid(self) -> int:
        return self.child.pid

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        return self.child.ask("call", method, json.dumps(arguments))

    def stop(self) -> None:
        self.child.stop()


def programs(*homes: Home) -> AbstractContextManager[tuple[list[Program], Wire]]:
    """The real program for each home, and how to count what is on the wire."""
    return _side_by_side(Program, homes)


def over_loopback(*homes: Home) -> AbstractContextManager[tuple[list[Noting], Wire]]:
    """Noting nodes over libp2p."""
    return _side_by_side(Noting, homes)


@contextmanager
def _side_by_side(start: Callable[[Home], S], homes: Iterable[Home]) -> Iterator[tuple[list[S], Wire]]:
    found: list[S] = []
    with ExitStack() as stack:
        for home in homes:
            found.append(start(home))
            stack.callback(found[-1].stop)
        yield found, loopback


@contextmanager
def over_pipe(one: Home, other: Home) -> Iterator[tuple[list[Noting], Wire]]:
    """Two noting nodes, joined by a socket pair."""
    found: list[Noting] = []

    def wire() -> tuple[int, int]:
        sent = [side.child.ask("sent")["wire"] for side in found]
        return sum(size for size, _ in sent), sum(writes for _, writes in sent)

    with ExitStack() as stack:
        ends = socket.socketpair()
        for home, end in zip((one, other), ends, strict=True):
            with end:
                found.append(Noting(home, end.fileno()))
            stack.callback(found[-1].stop)
        yield found, wire


def connect(side: Side, other: Side, wanted: int, meter: Meter | None = None) -> None:
    """Connect two nodes; stop `meter` when each has `wanted` records on its disk. Raises AssertionError when that takes too long.

    Looks into the stores' files beside the nodes, so that being watched costs them nothing.
    """
    with ThreadPoolExecutor(1) as pool, closing(_look(side.home)) as one, closing(_look(other.home)) as two:
        began = time.perf_counter()
        connecting = pool.submit(side.call, "connect", address=other.address)
        while min(_held(one), _held(two)) < wanted:
            assert time.perf_counter() < began + _PATIENCE, f"{_held(one)} and {_held(two)} of {wanted} records after {_PATIENCE} s"
            time.sleep(_POLL)
        if meter is not None:
            meter.stop()
        connecting.result()


def news(speaker: Noting, listener: Noting, count: int) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """What both noted, once the listener has heard `count` records. Raises AssertionError when they do not come."""
    deadline = time.monotonic() + 60
    while len((heard := listener.child.ask("stamps"))["committed"]) < count:
        assert time.monotonic() < deadline, f"only {len(heard['committed'])} of {count} records came"
        time.sleep(0.2)
    return speaker.child.ask("stamps"), heard


def in_step(*sides: Side) -> bool:
    """Whether all hold the same set."""
    return len({side.call("status")["fingerprint"] for side in sides}) == 1


def _look(home: Home) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{home.store}?mode=ro", uri=True, check_same_thread=False)


def _held(db: sqlite3.Connection) -> int:
    """How many records were ever committed; nothing is deleted in a measure."""
    return int(db.execute("SELECT coalesce(max(n), 0) FROM records").fetchone()[0])
