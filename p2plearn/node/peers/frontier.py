"""Whose records this node asks for first (`ledger.frontier`): its own and those of people it follows, then those of whose word counts.

With a twentieth of all records chosen so, one sees nearly who would count with all of them. Must not know how anybody came to count.
"""

from p2plearn.ledger.frontier import prefer
from p2plearn.ledger.standing import NOBODY
from p2plearn.node.keeper import Keeper
from p2plearn.node.store import local as store_local
from p2plearn.protocol.messages import SHORT_KEY


class Frontier:
    """`prefer` is what sessions ask, by short author keys. Two authors whose keys begin alike are preferred alike."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._chosen: set[bytes] = set()
        self._standing = NOBODY
        self._visits: dict[bytes, float] = {}

    async def look(self) -> None:
        """See whom this node follows by now."""
        followed = await self._keeper.read(store_local.followed)
        self._chosen = {author[:SHORT_KEY] for author in (self._keeper.author, *followed)}

    def prefer(self, key: bytes, coming: int) -> float:
        """How much sooner than others' the `coming` records of this author are wanted."""
        if self._standing is not self._keeper.standing:
            self._standing = self._keeper.standing
            self._visits = {author[:SHORT_KEY]: visits for author, visits in self._standing.visits.items()}
        return prefer(self._visits.get(key, 0.0), coming, chosen=key in self._chosen)
