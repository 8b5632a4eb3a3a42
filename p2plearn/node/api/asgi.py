"""Hypercorn under trio, each connection for itself: what goes wrong on one ends that one, never the node.

Hypercorn's own `serve` lets an exception of one connection end all of them, and an upload that breaks off at the wrong moment is enough
(`BusyResourceError` in 0.18). So the listening is done here, and only the talking left to Hypercorn. Knows no application.
"""

from typing import Any

import structlog
import trio
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app

from p2plearn import limits

_log = structlog.get_logger(__name__)


async def serve(app: Any, listeners: list[trio.SocketListener], *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
    """Serve an ASGI application on `listeners` until cancelled; it is started when connections are taken.

    Requests under way when it is cancelled still get their answer, within `limits.API_GRACE`: the one that asked for the end is among them.
    """
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_serve_until, stop, app, listeners)
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            stop.set()


async def _serve_until(stop: trio.Event, app: Any, listeners: list[trio.SocketListener], *, task_status: Any) -> None:
    config = Config()
    config.include_server_header = False
    config.accesslog = config.errorlog = None
    context = WorkerContext(None)
    wrapped = wrap_app(app, config.wsgi_max_body_size, "asgi")

    async def talk(stream: Any) -> None:
        try:
            await TCPServer(wrapped, config, context, ConnectionState({}), stream).run()
        except* Exception as group:  # noqa: BLE001 - see above
            _log.info("a connection to the local API ended badly", error=repr(group.exceptions[0]))

    with trio.CancelScope(shield=True):
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as listening:
                for listener in listeners:
                    listening.start_soon(_accept, listener, talk, connections)
                task_status.started()
                await stop.wait()
                listening.cancel_scope.cancel()
            await context.terminated.set()
            connections.cancel_scope.deadline = trio.current_time() + limits.API_GRACE


async def _accept(listener: trio.SocketListener, talk: Any, connections: trio.Nursery) -> None:
    await trio.serve_listeners(talk, [listener], handler_nursery=connections)
