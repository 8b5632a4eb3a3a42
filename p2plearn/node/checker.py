"""The program that checks signatures for a node, in a process of its own: `python -m p2plearn.node.checker`.

    request = how many (u32, big-endian) ‖ the size of each (u32 each) ‖ author's key (32) and raw record, one after another
    answer  = one byte each: 1 if the signature holds

It ends when nobody asks any more. Knows no store, network or event loop.
"""

import signal
import struct
import sys
from typing import BinaryIO

from p2plearn.protocol.records import KEY_SIZE, SIGNATURE_SIZE
from p2plearn.protocol.signing import RECORD_DOMAIN, verify

COUNT = struct.Struct(">I")


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the end of what is asked, or the middle of it when the node is gone."""
    while len(header := requests.read(COUNT.size)) == COUNT.size:
        sizes = [size for (size,) in COUNT.iter_unpack(requests.read(COUNT.size * COUNT.unpack(header)[0]))]
        asked = [requests.read(size) for size in sizes]
        answers.write(bytes(_holds(one) for one in asked))
        answers.flush()


def _holds(asked: bytes) -> bool:
    author, raw = asked[:KEY_SIZE], asked[KEY_SIZE:]
    return verify(author, raw[:SIGNATURE_SIZE], RECORD_DOMAIN, raw[SIGNATURE_SIZE:])


def main() -> None:
    """Serve the process that started this one. Ctrl-C in its terminal is meant for the node, which ends this one when it goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
