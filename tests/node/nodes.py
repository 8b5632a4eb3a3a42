"""For the tests of the network adapter: hosts in this process, and hosts in processes of their own."""

import hashlib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from p2plearn.clock import SystemClock
from p2plearn.node.net.host import Host, open_host

LOOPBACK = ["/ip4/127.0.0.1/tcp/0"]


class Remote:
    """A host in another process: `echo_node.py`."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self._lines = b""

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def peak(self) -> int:
        """The most bytes it ever had resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    async def line(self, seconds: float = 10.0) -> str:
        with trio.fail_after(seconds):
            while b"\n" not in self._lines:
                assert self.process.stdout is not None
                data = await self.process.stdout.receive_some()
                assert data, "the other process ended"
                self._lines += data
        line, _, self._lines = self._lines.partition(b"\n")
        return line.decode()


@asynccontextmanager
async def run_host(number: int, listen: list[str] | None = None, *, lan_only: bool = False) -> AsyncIterator[Host]:
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"%d" % number).digest())
    async with open_host(key, LOOPBACK if listen is None else listen, mdns=False, lan_only=lan_only, clock=SystemClock()) as host:
        assert isinstance(host, Host)
        yield host


@asynccontextmanager
async def run_remote(program: Path = Path(__file__).parent / "echo_node.py") -> AsyncIterator[tuple[Remote, str]]:
    """Another process with its address. Killed at the end if it has not ended itself."""
    command = [sys.executable, str(program)]
    async with trio.open_nursery() as nursery:
        process = await nursery.start(partial(trio.run_process, command, stdin=-1, stdout=-1, stderr=-3, check=False))
        remote = Remote(process)
        try:
            yield remote, await remote.line(20.0)
        finally:
            process.kill()


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Host, Host]]:
    """Two hosts in this process; the second has dialled the first."""
    async with AsyncExitStack() as stack:
        alice = await stack.enter_async_context(run_host(1))
        bob = await stack.enter_async_context(run_host(2))
        await bob.connect(alice.addresses()[0])
        yield alice, bob


async def eventually(holds: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait until `holds()` is true; fail after `seconds`."""
    with trio.fail_after(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await trio.sleep(0.01)


async def hears_gossip(host: Host) -> None:
    """Wait until gossip streams stand both ways: what is published before that gets lost, as gossip may."""
    await eventually(lambda: host.pubsub.peers and host.pubsub.peer_topics, 15.0)
