"""Whose records this node asks for first: those of people it follows, then those of who counts for it, the most before all.

With a twentieth of all records chosen so, one sees nearly who would count with all of them. Must not know how anybody came to count.
"""

from p2plearn.ledger.standing import NOBODY
from p2plearn.node.keeper import Keeper
from p2plearn.node.store import local as store_local
from p2plearn.protocol.messages import SHORT_KEY

_FOLLOWED = 1.0  # scores are parts of one: whom a person chose comes before whom a formula found


class Frontier:
    """`prefer` is what sessions ask, by short author keys. Two authors whose keys begin alike are preferred alike."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._followed: list[bytes] = []
        self._standing = NOBODY
        self._wanted: dict[bytes, float] = {}

    async def look(self) -> None:
        """See whom this node follows by now."""
        followed = await self._keeper.read(store_local.attitudes, "follow")
        self._followed = [target.name for target in followed if target.kind == "author"]
        self._weigh()

    def prefer(self, key: bytes) -> float:
        """How much sooner than others' this author's records are wanted."""
        if self._standing is not self._keeper.standing:
            self._weigh()
        return self._wanted.get(key, 0.0)

    def _weigh(self) -> None:
        self._standing = self._keeper.standing
        self._wanted = {author[:SHORT_KEY]: score for author, score in self._standing.scores.items()}
        for author in self._followed:
            self._wanted[author[:SHORT_KEY]] = self._wanted.get(author[:SHORT_KEY], 0.0) + _FOLLOWED
