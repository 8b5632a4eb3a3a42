"""What the sessions of a node compare: the replica of all that is held, and those of narrower scopes for as long as a session needs them.

All of them show what is committed, no more and no less. Must not know peers, nor why something changes.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from p2plearn import limits
from p2plearn.errors import ConnectionLost
from p2plearn.node.access import Access
from p2plearn.node.store.store import Change
from p2plearn.protocol.replica import Replica
from p2plearn.protocol.scope import EVERYTHING, Scope


class Replicas:
    """`whole` is the replica of everything, None until it is loaded."""

    def __init__(self, access: Access) -> None:
        self.whole: Replica | None = None
        self._access = access
        self._scoped: dict[Scope, Replica] = {}
        self._users: Counter[Scope] = Counter()
        self._sketched = trio.Event()
        self._making = trio.Lock()
        self._missed: list[Change] = []  # what changed while a replica was being read

    def __repr__(self) -> str:
        return f"<Replicas, {self.whole!r} and {len(self._scoped)} narrower>"

    async def load(self) -> Replica:
        """Read the replica of everything, once; nothing may change meanwhile."""
        if self.whole is None:
            self.whole = await self._access.in_thread(self._access.store.replica, EVERYTHING)
        return self.whole

    async def sketch(self) -> None:
        """Make the sketch of everything, which takes a second for some 300,000 records; sessions wait for it."""
        if self.whole is not None:
            self.whole.finish_sketch(await self._access.in_thread(self.whole.begin_sketch(limits.MAX_SKETCH_CELL)))
        self._sketched.set()

    @asynccontextmanager
    async def of(self, scope: Scope) -> AsyncIterator[Replica]:
        """The replica of a scope, made if nobody has it yet. Raises ConnectionLost where too many are in use already.

        It ends with its last user: what a broken session leaves behind may wait long for the garbage collector.
        """
        if scope == EVERYTHING and self.whole is not None:
            await self._sketched.wait()
            yield self.whole
            return
        async with self._making:
            if scope not in self._scoped:
                if len(self._scoped) >= limits.MAX_SCOPES:
                    raise ConnectionLost("this node serves as many different scopes as it can")
                self._scoped[scope] = await self._make(scope)
            self._users[scope] += 1
        try:
            yield self._scoped[scope]
        finally:
            self._users[scope] -= 1
            if not self._users[scope]:
                del self._users[scope]
                self._scoped.pop(scope).empty()

    async def _make(self, scope: Scope) -> Replica:
        self._missed = []
        made = await self._access.in_thread(self._read, scope)
        for change in self._missed:
            _apply(made, change)
        return made

    def _read(self, scope: Scope) -> Replica:
        made = self._access.store.replica(scope)
        made.sketch(limits.MAX_SKETCH_CELL)
        return made

    def apply(self, change: Change) -> None:
        """This is committed."""
        for replica in (self.whole, *self._scoped.values()):
            if replica is not None:
                _apply(replica, change)
        if self._making.locked():
            self._missed.append(change)


def _apply(replica: Replica, change: Change) -> None:
    everything = not replica.scope.filters
    replica.remove(change.removed)
    replica.add(record.id for record in change.added if everything or replica.scope.covers(record.author, record.topics))
    replica.welcome(change.welcome)
    replica.decline(change.declined)
    if everything:  # a part of a chain has no unbroken run
        replica.mark = change.row or replica.mark
        for (_, author), head in change.heads.items():
            if head is None:
                replica.heads.pop(author, None)
            else:
                replica.heads[author] = head
