"""Secure Scuttlebutt (ssb-db2 8, ssb-ebt 9): a feed for each author, every signature checked."""

import time
from collections.abc import Iterator

from bench.child import Child, ChildFailed
from bench.meter import Line, Meter, quantiles
from bench.peers.setting import Setting, free_port, started, taken
from bench.shelf import EXTRA

_NEWS = 40
_GAP = 0.02
_STALLED = 5.0  # seconds without a message that was said
_INDEXED = 3.0  # seconds until what follows on receiving is on the disk


def rows(setting: Setting) -> Iterator[Line]:
    """initial, live, start, diff."""
    n, theirs = setting.n, setting.directory / "b"
    with _program(setting) as sender:
        address = sender.ask("open", setting.directory / "a", "A", free_port())["address"]
        sender.ask("load", 0, n, 0, 1)
        sender.ask("want")
        with _program(setting) as receiver:
            receiver.ask("open", theirs, "B", free_port())
            receiver.ask("want")
            meter = Meter([sender.pid, receiver.pid])
            receiver.ask("connect", address, n)
            line = meter.line("initial", n, setting.payload, authors=setting.authors)
            receiver.ask("drain")
            time.sleep(_INDEXED)
            line["info"]["disk"] = taken(theirs, setting.payload)
            yield line
            took = _live(sender, receiver, n)
            yield quantiles("live", took, of=n, polled_ms=5, stalled=len(took) < _NEWS)
            receiver.ask("drain")
            published = min(len(took) + 1, _NEWS)
        began = time.perf_counter()
        with _program(setting) as receiver:
            receiver.ask("open", theirs, "B", free_port())
            yield started(n, began, receiver)
            sender.ask("load", n, n + EXTRA, 0, 2)
            receiver.ask("load", n + EXTRA, n + 2 * EXTRA, 1, 2)
            receiver.ask("want")
            wanted = n + published + 2 * EXTRA
            meter = Meter([sender.pid, receiver.pid])
            receiver.ask("connect", address, wanted)
            sender.ask("wait", wanted)
            yield meter.line("diff", 2 * EXTRA, setting.payload_new, of=n, authors=setting.authors)


def _program(setting: Setting) -> Child:
    return setting.node("ssb_peer.js", "ssb-db2")


def _live(sender: Child, receiver: Child, n: int) -> list[float]:
    """Seconds from publishing to held; at times it stalls until the next connection, and then that is all."""
    took = list[float]()
    for i in range(_NEWS):
        time.sleep(_GAP)
        said = sender.ask("publish", i)["at"]
        try:
            took.append(receiver.ask("wait", n + 1 + i, _STALLED)["at"] - said)
        except ChildFailed:
            break
    return took
