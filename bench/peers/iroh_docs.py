"""iroh-docs 0.35: an entry for each text, signed by its author and by the document; the texts are blobs, fetched one by one."""

import time
from collections.abc import Iterator

from bench.child import Child
from bench.meter import Line, Meter
from bench.peers.setting import Setting, live, started, taken
from bench.shelf import EXTRA

_NEWS = 200
_WRITTEN = 6.0  # seconds until its store has written everything


def rows(setting: Setting) -> Iterator[Line]:
    """initial, live, start, diff."""
    n, ours, theirs = setting.n, setting.directory / "a", setting.directory / "b"
    ours.mkdir()
    theirs.mkdir()
    with _program(setting) as sender:
        opened = sender.ask("open", ours)
        ticket = sender.ask("create")["ticket"]
        sender.ask("load", 0, n)
        with _program(setting) as receiver:
            receiver.ask("open", theirs)
            meter = Meter([sender.pid, receiver.pid])
            receiver.ask("join", ticket, n)
            line = meter.line("initial", n, setting.payload, authors=setting.authors)
            time.sleep(_WRITTEN)
            line["info"]["disk"] = taken(theirs, setting.payload)
            yield line
            yield live(sender, receiver, _NEWS, n)
        began = time.perf_counter()
        with _program(setting) as receiver:
            receiver.ask("open", theirs)
            receiver.ask("reopen")
            yield started(n, began, receiver)
            sender.ask("reset")
            sender.ask("load", n, n + EXTRA)
            receiver.ask("load", n + EXTRA, n + 2 * EXTRA)
            meter = Meter([sender.pid, receiver.pid])
            receiver.ask("sync", opened["id"], opened["addresses"][0], EXTRA)
            sender.ask("wait", EXTRA)
            yield meter.line("diff", 2 * EXTRA, setting.payload_new, of=n, authors=setting.authors)


def _program(setting: Setting) -> Child:
    return setting.python("iroh_peer.py", "iroh-venv")
