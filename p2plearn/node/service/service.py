"""The façade: everything a person can do, for the command line, the page and tests alike. With or without a running node.

Must not know libp2p, HTTP or how things are printed.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

from p2plearn import config, identity
from p2plearn.clock import Clock, SystemClock
from p2plearn.lock import locked
from p2plearn.node.keeper import Keeper
from p2plearn.node.service import doctor
from p2plearn.node.service.files import Files
from p2plearn.node.service.health import Caring
from p2plearn.node.service.helping import Helping
from p2plearn.node.service.parts import Answer
from p2plearn.node.service.ranked import Ranked
from p2plearn.node.service.showing import Showing
from p2plearn.node.service.tracing import Tracing
from p2plearn.node.service.weighing import Weighing
from p2plearn.node.service.welcoming import Welcoming
from p2plearn.node.service.writing import Writing
from p2plearn.node.store.blocks import BlockStore
from p2plearn.node.store.store import Store
from p2plearn.paths import Home


class Service(Writing, Helping, Welcoming, Weighing, Tracing, Ranked, Caring, Showing, Files):
    """What a home can do by itself; `node.Node` adds what needs a network."""

    @classmethod
    @asynccontextmanager
    async def open(cls, home: Path, clock: Clock | None = None, *, holding: bool = False) -> AsyncIterator["Service"]:
        """The service of a home without a node, under its lock; `holding`: the caller has that already.

        Raises HomeLocked at once and what its parts raise.
        """
        async with open_keeper(Home(home), clock or SystemClock(), holding=holding) as (keeper, blocks):
            yield cls(Home(home), keeper, blocks)

    @staticmethod
    def look_over(home: Path) -> Answer:
        """What `doctor` can say of a home that cannot be opened. Raises HomeLocked."""
        return {"checks": doctor.look_over(Home(home))}


@asynccontextmanager
async def open_keeper(home: Home, clock: Clock, *, holding: bool = False) -> AsyncIterator[tuple[Keeper, BlockStore]]:
    """The keeper and the blocks of a home, under its lock; `holding`: the caller has that already."""
    with nullcontext() if holding else locked(home):
        settings = config.load(home)
        keys = identity.load_or_create(home)
        store = Store(home.root, int(str(settings["min_free"])))
        try:
            quota, holds, checks = int(str(settings["quota"])), settings["hold"], settings["signatures"]
            keeper = Keeper(store, keys, clock, quota, hold_all=holds == "all", check_each=checks == "each")
            yield keeper, BlockStore(home.root / "blocks")
        finally:
            store.close()
