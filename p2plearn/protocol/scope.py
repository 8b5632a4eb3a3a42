"""What two nodes compare and exchange: one space, and within it everything, or what is about certain topics or said by certain people.

Knows records only as author and topics.
"""

from collections.abc import Collection
from typing import NamedTuple

from p2plearn.protocol.encoding import encode
from p2plearn.protocol.records import COMMONS


class Filter(NamedTuple):
    """What a node holds that does not hold everything: what is about these topics, and what these people say. Both sorted, distinct."""

    topics: tuple[str, ...] = ()
    authors: tuple[bytes, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.topics or self.authors)

    def covers(self, author: bytes, topics: Collection[str]) -> bool:
        """Whether it holds a record. One without topics (who somebody is) says little, is small, and makes the rest readable."""
        return not topics or author in self.authors or any(topic in self.topics for topic in topics)


class Scope(NamedTuple):
    """The records of a space that every one of `filters` covers; they are sorted and distinct. None: everything."""

    space: str
    filters: tuple[Filter, ...] = ()

    def meet(self, other: "Scope") -> "Scope":
        """What both of two nodes hold by their own rules; `other` is of the same space."""
        return Scope(self.space, tuple(sorted({*self.filters, *other.filters})))

    def covers(self, author: bytes, topics: Collection[str]) -> bool:
        """Whether a record of this space is within the scope."""
        return all(one.covers(author, topics) for one in self.filters)

    def encode(self) -> bytes:
        """The canonical bytes, as the fingerprint covers them (docs/PROTOCOL.md, “Fingerprint”)."""
        return encode([self.space, [[list(one.topics), list(one.authors)] for one in self.filters]])


NO_FILTER = Filter()
EVERYTHING = Scope(COMMONS)
