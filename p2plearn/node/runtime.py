"""Start and stop: everything a node is made of, in one nursery, in the order that loses nothing.

Up: lock, store, host, links, local API, and only then the word that it is ready. Down: the API answers what it has begun, links and
connections close, the last commit is seen through, the store closes. A kill −9 instead loses nothing acknowledged.
"""

import gc
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import trio

from p2plearn import config, limits
from p2plearn.clock import Clock, SystemClock
from p2plearn.errors import AlreadyRunning, HomeLocked, P2plearnError, Unreachable
from p2plearn.lock import Patience
from p2plearn.node import upkeep
from p2plearn.node.api import control
from p2plearn.node.keeper import Keeper
from p2plearn.node.net.network import Network
from p2plearn.node.node import Node, Works
from p2plearn.node.peers.attaching import Attaching
from p2plearn.node.peers.gossiping import Gossiping
from p2plearn.node.peers.link import Link
from p2plearn.node.peers.meeting import Meeting, peer_in
from p2plearn.node.peers.syncing import Syncing
from p2plearn.node.service.service import open_keeper
from p2plearn.node.store import local as store_local
from p2plearn.node.store.blocks import BlockStore
from p2plearn.paths import Home

Announce = Callable[[dict[str, Any]], None]

_ANYWHERE = "/ip4/0.0.0.0/tcp/0"  # every address of this machine, on a free port

_log = structlog.get_logger(__name__)


def run(
    home: Path,
    *,
    listen: list[str],
    connect: list[str],
    mdns: bool,
    lan_only: bool,
    web: int | bool | None,
    announce: Announce,
) -> None:
    """Be the node of `home` until SIGTERM, SIGHUP, Ctrl-C or `down`. `announce` is given the events of the command-line contract.

    Raises AlreadyRunning, HomeLocked, CannotListen, BadAddress and what opening the home raises. `web` is for the page, when there is one.
    """
    del web
    _log_to_stderr()
    settings = config.load(Home(home), flags={"listen": listen or None, "mdns": None if mdns else False, "lan_only": lan_only or None})
    for address in connect:
        peer_in(address)
    sys.setswitchinterval(limits.SWITCH_INTERVAL)
    try:
        trio.run(partial(_main, Home(home), settings, connect, announce))
    except BaseExceptionGroup as group:
        known, others = group.split(P2plearnError)
        if known is None or others is not None:
            raise
        raise _only(known) from None


async def _main(home: Home, settings: dict[str, config.Value], connect: list[str], announce: Announce) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_on_signal, nursery.cancel_scope)
        await _be_a_node(home, settings, connect, announce, nursery)
        nursery.cancel_scope.cancel()


async def _be_a_node(home: Home, settings: dict[str, config.Value], connect: list[str], announce: Announce, nursery: trio.Nursery) -> None:
    gc.disable()  # what is imported stays: looking through it again and again while it comes costs 0.2 s
    from p2plearn.node.net.host import open_host  # libp2p: 0.8 s that only a node pays

    gc.enable()
    clock = SystemClock()
    async with _home(home, clock) as (keeper, blocks):
        await keeper.load_replica()
        listen = settings["listen"] if isinstance(settings["listen"], list) and settings["listen"] else [_ANYWHERE]
        mdns, lan_only = bool(settings["mdns"]), bool(settings["lan_only"])
        usual = await trio.to_thread.run_sync(_where_it_was, home, listen)
        async with open_host(keeper.identity.peer, usual, mdns=mdns, lan_only=lan_only, clock=clock) as network:
            await trio.to_thread.run_sync(_note_port, home, network.addresses())
            async with open_node(home, keeper, blocks, network, nursery.cancel_scope.cancel) as node, trio.open_nursery() as tasks:
                for address in connect:
                    tasks.start_soon(_connect, node, address)
                await tasks.start(control.serve, node, home)
                about = {"peer": network.peer_id, "author": keeper.author.hex(), "addresses": network.addresses()}
                announce({"event": "ready", **about, "web": None})
                gc.collect()
                gc.freeze()  # a look through all that was imported would hold everything up for 50 ms, now and then


@asynccontextmanager
async def _home(home: Home, clock: Clock) -> AsyncIterator[tuple[Keeper, BlockStore]]:
    """The home's keeper, waiting a little for a command that is just using it."""
    patience = Patience(home)
    while True:
        try:
            async with open_keeper(home, clock) as opened:
                yield opened
            return
        except HomeLocked:
            if await _answers(home):
                raise AlreadyRunning from None
            if patience.over:
                raise
        await trio.sleep(patience.PAUSE)


def _where_it_was(home: Home, listen: list[str]) -> list[str]:
    """`listen` with the port of the last time in place of a free one, if it is free: others look for this node there first."""
    try:
        port = int(home.port.read_text(encoding="ascii"))
        with socket.create_server(("", port)):
            return [f"{address.removesuffix('/tcp/0')}/tcp/{port}" if address.endswith("/tcp/0") else address for address in listen]
    except (OSError, ValueError, OverflowError):
        return listen


def _note_port(home: Home, addresses: list[str]) -> None:
    found = next((word for address in addresses for word in address.split("/tcp/")[1:]), "").split("/")[0]
    home.port.write_text(found, encoding="ascii")


async def _answers(home: Home) -> bool:
    """Whether a node listens at the home's socket."""
    try:
        stream = await trio.open_unix_socket(str(home.answering_at))
    except OSError:
        return False
    await stream.aclose()
    return True


@asynccontextmanager
async def open_node(home: Home, keeper: Keeper, blocks: BlockStore, network: Network, stop: Callable[[], None]) -> AsyncIterator[Node]:
    """A node at work over any network; `keeper` has its replica loaded. `stop` is what `down` calls."""
    async with trio.open_nursery() as nursery:
        syncing = Syncing(keeper, network, nursery)
        meeting = Meeting(keeper, network, nursery)
        gossiping = Gossiping(keeper, network, syncing.nudge)
        attaching = Attaching(keeper, blocks, network, syncing)

        def on_met(link: Link) -> None:
            nursery.start_soon(keeper.note, store_local.note_seen, link.author, keeper.clock.now_ms())

        syncing.on_met = on_met
        await meeting.recall()
        for task in (keeper.replicas.sketch, keeper.checking.run, meeting.keep_dialling, gossiping.publish_own, attaching.fetch_unasked):
            nursery.start_soon(task)
        for chore in (upkeep.check_signatures, upkeep.index, upkeep.fold_log, upkeep.watch_disk):
            nursery.start_soon(chore, keeper)
        node = Node(home, keeper, blocks, Works(network, syncing, meeting, attaching), stop)
        nursery.start_soon(node.keep_ranks)
        nursery.start_soon(upkeep.keep_quota, keeper, blocks, node.stand)
        yield node
        nursery.cancel_scope.cancel()


async def _connect(node: Node, address: str) -> None:
    """Reach an address given at the start, trying as long as it takes."""
    pause = limits.REDIAL_FIRST
    while True:
        try:
            await node.connect(address)
        except Unreachable as error:
            _log.info("not reached yet", address=address, reason=str(error.details.get("reason")))
        else:
            return
        await trio.sleep(pause)
        pause = min(pause * 2, limits.REDIAL_MAX)


async def _stop_on_signal(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for _ in signals:
            scope.cancel()


def _log_to_stderr() -> None:
    """One line an event, and plain tracebacks: records' texts and keys that frames hold are nobody's business."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _only(error: BaseException) -> BaseException:
    """The first error in a group of nurseries' groups: one is enough for a person to act on."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
