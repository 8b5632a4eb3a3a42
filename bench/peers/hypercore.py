"""Hypercore 11: a log for each author; what is new is on one side, since a log has one writer."""

import time
from collections.abc import Iterator

from bench.child import Child
from bench.meter import Line, Meter
from bench.peers.setting import Setting, live, started, taken
from bench.shelf import EXTRA

_BATCH = 100  # records to one signature
_NEWS = 300


def rows(setting: Setting) -> Iterator[Line]:
    """initial, live, start, diff."""
    ours, theirs = setting.directory / "a", setting.directory / "b"
    with _program(setting) as sender:
        keys = ",".join(sender.ask("open", ours)["keys"])
        sender.ask("load", 0, setting.n, _BATCH)
        port = sender.ask("serve")["port"]
        with _program(setting) as receiver:
            receiver.ask("open", theirs, keys)
            meter = Meter([sender.pid, receiver.pid])
            receiver.ask("connect", port)
            line = meter.line("initial", setting.n, setting.payload, authors=setting.authors, records_a_signature=_BATCH)
            line["info"]["disk"] = taken(theirs, setting.payload)
            yield line
            yield live(sender, receiver, _NEWS, setting.n)
        began = time.perf_counter()
        with _program(setting) as receiver:
            receiver.ask("open", theirs, keys)
            yield started(setting.n, began, receiver)
            sender.ask("load", setting.n, setting.n + 2 * EXTRA, 1)
            meter = Meter([sender.pid, receiver.pid])
            receiver.ask("connect", port)
            yield meter.line("diff", 2 * EXTRA, setting.payload_new, of=setting.n, authors=setting.authors, new="on one side")


def _program(setting: Setting) -> Child:
    return setting.node("hypercore_peer.js", "hypercore")
