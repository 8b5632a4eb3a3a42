"""The events of `up` on stdout. A pipe that nobody reads fills up; the node must run on, so a thread does the waiting."""

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias

from p2plearn import limits

Writer: TypeAlias = Callable[[dict[str, Any]], str]

_LAST_WORDS = 0.5  # seconds that the end of `up` waits for lines to leave


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Let SIGTERM, SIGHUP and Ctrl-C end the program until the node listens for them itself: what needs an orderly end begins later."""
    before = {number: signal.signal(number, lambda *_: os._exit(0)) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def printer(line: Writer) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Gives `announce(event)`, which prints `line(event)` and never waits; what does not fit into the waiting line is dropped."""
    waiting: queue.Queue[str | None] = queue.Queue(limits.MAX_EVENTS_WAITING)
    thread = threading.Thread(target=_write, args=(waiting,), name="events on stdout", daemon=True)
    thread.start()

    def announce(event: dict[str, Any]) -> None:
        with suppress(queue.Full):
            waiting.put_nowait(line(event))

    try:
        yield announce
    finally:
        with suppress(queue.Full):
            waiting.put_nowait(None)
            thread.join(_LAST_WORDS)


def _write(waiting: "queue.Queue[str | None]") -> None:
    """Write with `os.write`: a daemon thread that hangs inside `sys.stdout` would hold its lock when the interpreter ends."""
    try:
        descriptor = sys.stdout.fileno()
    except OSError:
        descriptor = -1  # a test that captures the output in memory
    while (text := waiting.get()) is not None:
        data = f"{text}\n".encode(errors="backslashreplace")
        if descriptor < 0:
            sys.stdout.write(data.decode())
            continue
        with suppress(OSError):
            while data:
                data = data[os.write(descriptor, data) :]
