"""A host in a process of its own, for tests: prints its address, then each gossip it accepts; echoes streams; ends with stdin."""

import sys
import warnings

import structlog
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from p2plearn.clock import SystemClock
from p2plearn.node.net.host import open_host
from p2plearn.node.net.network import Stream, Verdict

ECHO = "/test/echo"
SINK = "/test/sink"
STALL = "/test/stall"
FAIL = "/test/fail"


async def echo(stream: Stream) -> None:
    while data := await stream.receive():
        await stream.send(data)


async def sink(stream: Stream) -> None:
    """Take everything and answer with how much it was."""
    taken = 0
    while data := await stream.receive():
        taken += len(data)
    await stream.send(b"%d" % taken)


async def stall(stream: Stream) -> None:
    """A handler that is busy with something else and reads nothing."""
    await trio.sleep(3600)
    await stream.close()


async def fail(_stream: Stream) -> None:
    raise ZeroDivisionError


async def show(_peer: str, data: bytes) -> Verdict:
    sys.stdout.write(f"{data.decode()}\n")
    sys.stdout.flush()
    return Verdict.ACCEPT


async def main() -> None:
    warnings.simplefilter("ignore")
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    key = Ed25519PrivateKey.generate()
    async with open_host(key, ["/ip4/127.0.0.1/tcp/0"], mdns=False, lan_only=False, clock=SystemClock()) as host:
        host.handle(ECHO, echo)
        host.handle(SINK, sink)
        host.handle(STALL, stall)
        host.handle(FAIL, fail)
        host.validate(show)
        sys.stdout.write(f"{host.addresses()[0]}\n")
        sys.stdout.flush()
        await trio.to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    trio.run(main)
