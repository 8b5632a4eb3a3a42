"""What this node wants of what others have: quota, interests, whom it forgot and whom it doubts. Read from the store once, then kept.

Its keeper says when that no longer holds. Must not know how records come in.
"""

from collections.abc import Callable, Sequence

from p2plearn import limits
from p2plearn.ledger.standing import Standing
from p2plearn.node.access import Access
from p2plearn.node.store import local as store_local
from p2plearn.node.store import quota as store_quota
from p2plearn.protocol.admission import Policy, Usage
from p2plearn.protocol.records import COMMONS
from p2plearn.protocol.scope import EVERYTHING, NO_FILTER, Filter, Scope


class Wishes:
    """`usage`: what is stored by whom, None when it must be counted anew."""

    def __init__(self, access: Access, author: bytes, quota: int, standing: Callable[[], Standing], *, hold_all: bool) -> None:
        """`author`: our own key; `quota`: bytes; `standing`: how people stand now. Not `hold_all`: only what is followed is held."""
        self.quota = quota
        self.hold_all = hold_all
        self.usage: Usage | None = None
        self._access = access
        self._author = author
        self._standing = standing
        self._interests = NO_FILTER  # empty: everything
        self._forgotten: set[bytes] | None = None
        self._doubted: set[bytes] | None = None

    async def policy(self, ids: Sequence[bytes]) -> Policy:
        """What is wanted now. `ids`: of all records in question, those that may be declined."""
        usage = await self.counted()
        if self._forgotten is None:
            self._forgotten = await self._access.read(store_quota.forgotten_authors)
        declined = await self._access.read(store_quota.unwanted_among, ids) if ids else set()
        return Policy(usage, self._interests, declined=declined, forgotten=self._forgotten)

    async def counted(self) -> Usage:
        """What is stored by whom."""
        if self.usage is None:
            followed = await self._access.read(store_local.attitudes, "follow")
            friends = {self._author, *(target.name for target in followed if target.kind == "author")}
            topics = {target.name.decode() for target in followed if target.kind == "topic"}
            self._interests = NO_FILTER if self.hold_all else Filter(tuple(sorted(topics)), tuple(sorted(friends)))
            self.usage = await self._access.read(store_quota.usage, self.quota, friends)
        self.usage.standing = self._standing()
        return self.usage

    async def scope(self) -> Scope:
        """What this node tells others that it holds; everything, if what it follows is too much to tell."""
        await self.counted()
        can_tell = self._interests and max(map(len, self._interests)) <= limits.MAX_SCOPE
        return Scope(COMMONS, (self._interests,)) if can_tell else EVERYTHING

    def must_be_declined(self, reason: str) -> bool:
        """Whether others must be told not to send a record again that was ignored for this reason; what is out of scope they do not."""
        return reason != "interest" or max(map(len, self._interests)) > limits.MAX_SCOPE

    async def doubted(self) -> set[bytes]:
        """Authors of whom nothing is kept unchecked."""
        if self._doubted is None:
            self._doubted = await self._access.read(store_quota.doubted)
        return self._doubted

    def doubt(self) -> None:
        """The store knows of another whom to doubt."""
        self._doubted = None

    def forget(self, author: bytes) -> None:
        """The store is about to forget an author."""
        if self._forgotten is not None:
            self._forgotten.add(author)
