"""Sockets to listen on: concrete addresses, followed as the machine's interfaces change.

py-libp2p listens on 0.0.0.0 and announces just that, and lets a second process bind the same port unnoticed. Knows no protocol.
"""

import contextlib
import errno
import os
from collections.abc import Awaitable, Callable, Sequence

import structlog
import trio

from p2plearn.errors import CannotListen
from p2plearn.node.net.libp2p_addresses import Endpoint, expand

log = structlog.get_logger(__name__)
_BACKLOG = 128


class Listeners:
    """Open sockets by endpoint. `accepted` serves each inbound connection, in a nursery given to `serve`."""

    def __init__(self, listen: Sequence[str], *, lan_only: bool) -> None:
        self._listen = listen
        self._lan_only = lan_only
        self._open: dict[Endpoint, tuple[Endpoint, trio.SocketListener]] = {}  # by what was asked for
        self._accepted: Callable[[trio.SocketStream], Awaitable[None]] | None = None
        self._nursery: trio.Nursery | None = None

    def __repr__(self) -> str:
        return f"<Listeners {', '.join(map(str, self.endpoints()))}>"

    def endpoints(self) -> list[Endpoint]:
        """Where connections are accepted now, with the real ports."""
        return [bound for bound, _ in self._open.values()]

    async def bind(self) -> None:
        """Take every address that was asked for. Raises CannotListen or BadAddress, and holds none then."""
        wanted = expand(self._listen, lan_only=self._lan_only)
        if self._listen and not wanted:
            raise CannotListen(address=", ".join(self._listen), reason="this machine has no such address to listen on")
        for endpoint in wanted:
            try:
                await self._add(endpoint)
            except OSError as error:
                self.close()
                raise CannotListen(address=str(endpoint), reason=_reason(error)) from error

    def serve(self, nursery: trio.Nursery, accepted: Callable[[trio.SocketStream], Awaitable[None]]) -> None:
        """Begin to accept connections."""
        self._nursery, self._accepted = nursery, accepted
        for _, listener in self._open.values():
            nursery.start_soon(self._serve, listener)

    async def follow(self) -> bool:
        """Listen on addresses that came and leave those that went. True if anything changed."""
        wanted = expand(self._listen, lan_only=self._lan_only)
        gone = [endpoint for endpoint in self._open if endpoint not in wanted]
        for endpoint in gone:
            self._open.pop(endpoint)[1].socket.close()
        came = False
        for endpoint in wanted:
            if endpoint not in self._open:
                try:
                    await self._add(endpoint)
                    came = True
                except OSError as error:
                    log.debug("cannot listen on a new address", address=str(endpoint), reason=_reason(error))
        return came or bool(gone)

    def close(self) -> None:
        """Accept nothing more; at once."""
        for _, listener in self._open.values():
            listener.socket.close()
        self._open.clear()

    async def _add(self, wanted: Endpoint) -> None:
        listener = await self._take(wanted)
        self._open[wanted] = (Endpoint(wanted.host, listener.socket.getsockname()[1]), listener)
        if self._nursery:
            self._nursery.start_soon(self._serve, listener)

    async def _take(self, wanted: Endpoint) -> trio.SocketListener:
        """A socket on `wanted`; for a free port, if possible, the one our other sockets have."""
        if wanted.port == 0:
            shared = next((bound.port for asked, (bound, _) in self._open.items() if asked.port == 0), 0)
            with contextlib.suppress(OSError):
                return await _bind(wanted.host, shared)
        return await _bind(wanted.host, wanted.port)

    async def _serve(self, listener: trio.SocketListener) -> None:
        assert self._accepted
        while listener.socket.fileno() >= 0:
            try:
                await trio.serve_listeners(self._accepted, [listener], handler_nursery=self._nursery)
            except Exception:
                if listener.socket.fileno() >= 0:  # not our closing of it
                    log.exception("accepting connections failed")
                    await trio.sleep(1.0)


async def _bind(host: str, port: int) -> trio.SocketListener:
    ip6 = ":" in host
    socket = trio.socket.socket(trio.socket.AF_INET6 if ip6 else trio.socket.AF_INET)
    try:
        if os.name == "posix":  # a restart need not wait for old connections; elsewhere this would share the port
            socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_REUSEADDR, 1)
        if ip6:
            socket.setsockopt(trio.socket.IPPROTO_IPV6, trio.socket.IPV6_V6ONLY, 1)
        await socket.bind((host, port))
        socket.listen(_BACKLOG)
        return trio.SocketListener(socket)
    except BaseException:
        socket.close()
        raise


def _reason(error: OSError) -> str:
    known = {
        errno.EADDRINUSE: "another program uses this port",
        errno.EACCES: "this port is reserved for the system",
        errno.EADDRNOTAVAIL: "this machine does not have this address",
    }
    return known.get(error.errno or 0, (error.strerror or str(error)).lower())
