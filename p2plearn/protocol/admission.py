"""Whether a record from outside is taken: Accept, Ignore or Reject, with a reason.

Reject means the peer that sent it is to blame (size, canonical form, signature). Everything an honest peer may send in good faith and
this node still does not want (declined before, over quota, another space) is Ignored and blamed on nobody. Unknown versions and kinds
are accepted: newer programs must be able to talk through older ones.

Pure: what the node knows comes in as a `Policy`.
"""

from collections.abc import Collection, Container
from dataclasses import dataclass, field
from typing import TypeAlias

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.records import COMMONS, SIGNATURE_SIZE, Record, parse
from p2plearn.protocol.signing import RECORD_DOMAIN, verify


@dataclass(frozen=True, slots=True)
class Accept:
    """A good record that this node wants."""

    record: Record


@dataclass(frozen=True, slots=True)
class Ignore:
    """A good record that this node does not want: keep it on the declined list."""

    reason: str
    record: Record


@dataclass(frozen=True, slots=True)
class Reject:
    """Not a record. `reason` is PeerFault's word for it."""

    reason: str


Verdict: TypeAlias = Accept | Ignore | Reject


def examine(raw: bytes) -> Record | Reject:
    """Size, canonical form, signature: what is true of a record everywhere and for ever. The costly part; needs no policy."""
    try:
        record = parse(raw)
    except PeerFault as fault:
        return Reject(fault.reason)
    if not verify(record.author, raw[:SIGNATURE_SIZE], RECORD_DOMAIN, raw[SIGNATURE_SIZE:]):
        return Reject("signature")
    return record


@dataclass(slots=True)
class Usage:
    """Bytes stored by author, for the quota. `friends` (oneself, followed and pinned authors) are never bound by it."""

    quota: int
    friends: Collection[bytes] = ()
    total: int = 0
    by_author: dict[bytes, int] = field(default_factory=dict)

    def add(self, author: bytes, size: int) -> None:
        """Count `size` bytes more (or less, when negative)."""
        self.total += size
        self.by_author[author] = self.by_author.get(author, 0) + size

    def has_room(self, author: bytes, size: int) -> bool:
        """Whether another `size` bytes of this author fit. Shares bind only once the quota is nearly used up."""
        if author in self.friends or self.total + size <= self.quota * limits.QUOTA_BINDS_AT:
            return True
        if self.total + size > self.quota or self.by_author.get(author, 0) + size > self.quota * limits.QUOTA_ONE_KEY:
            return False
        strangers = self.total - sum(self.by_author.get(friend, 0) for friend in self.friends)
        return strangers + size <= self.quota * limits.QUOTA_STRANGERS


@dataclass(frozen=True, slots=True)
class Interests:
    """All that a node holds when it does not hold everything: what these people say, and what is about these topics."""

    authors: Collection[bytes]
    topics: Collection[str]

    def cover(self, record: Record) -> bool:
        """Whether the record is held. One without topics (who somebody is) says little, is small, and makes the rest readable."""
        return not record.topics or record.author in self.authors or any(topic in self.topics for topic in record.topics)


@dataclass(slots=True)
class Policy:
    """What this node wants of what is good. Without `interests`, everything."""

    usage: Usage
    interests: Interests | None = None
    declined: Container[bytes] = ()
    forgotten: Container[bytes] = ()
    spaces: Container[str] = (COMMONS,)

    def judge(self, record: Record) -> Accept | Ignore:
        """Decide about one examined record, as if those accepted before it were stored already."""
        if record.space not in self.spaces:
            return Ignore("space", record)
        if record.id in self.declined or record.author in self.forgotten:
            return Ignore("declined", record)
        if self.interests is not None and not self.interests.cover(record):
            return Ignore("interest", record)
        if not self.usage.has_room(record.author, len(record.raw)):
            return Ignore("quota", record)
        return Accept(record)
