"""The program on a laptop with a slow line, to stand before a command: `slow_line.py PYTHON -m p2plearn_cli …` is that command.

Whatever is long takes the line for a moment, one after the other, as over a network that all peers share. Batches are small, so that there
are many of them. It introduces nobody, so that peers have what they have from here.
"""

import runpy
import sys

import trio

from p2plearn import limits
from p2plearn.node.net.libp2p_yamux_stream import BoundedStream
from p2plearn.node.peers.meeting import Meeting

LONG = 1024  # bytes
MOMENT = 0.025
BATCH = 20  # records

_write = BoundedStream.write


def slow_down() -> None:
    line = trio.Lock()  # whoever waits the longest is next

    async def write(stream: BoundedStream, data: bytes) -> None:
        if len(data) > LONG:
            async with line:
                await trio.sleep(MOMENT)
        await _write(stream, data)

    async def introduce_nobody(_meeting: Meeting, _peer: str, _news: object = None) -> None:
        await trio.lowlevel.checkpoint()

    BoundedStream.write = write  # type: ignore[assignment, method-assign]
    Meeting._tell = introduce_nobody  # type: ignore[assignment, method-assign]
    limits.MAX_BATCH_RECORDS = BATCH


if __name__ == "__main__":
    slow_down()
    sys.argv = sys.argv[3:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
