"""Whether a record from outside is accepted, ignored or rejected, with a reason; and whose signature may be checked later.

Reject means the peer that sent it is to blame (size, canonical form, signature). Everything an honest peer may send in good faith and
this node still does not want (declined before, over quota, another space) is Ignored and blamed on nobody. Unknown versions and kinds
are accepted: newer programs must be able to talk through older ones.

Pure: what the node knows comes in as a `Policy`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from types import MappingProxyType
from typing import Protocol

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.records import COMMONS, SIGNATURE_SIZE, Record, parse
from p2plearn.protocol.scope import NO_FILTER, Filter
from p2plearn.protocol.signing import RECORD_DOMAIN, verify


@dataclass(frozen=True, slots=True)
class Ignore:
    """A good record that this node does not want: keep it on the declined list."""

    reason: str
    record: Record


@dataclass(frozen=True, slots=True)
class Reject:
    """Not a record. `reason` is PeerFault's word for it."""

    reason: str


def examine(raw: bytes) -> Record | Reject:
    """Size, canonical form, signature: what is true of a record everywhere and for ever. The costly part; needs no policy."""
    record = read(raw)
    return record if isinstance(record, Reject) or is_signed(record) else Reject("signature")


def read(raw: bytes, known_id: bytes | None = None) -> Record | Reject:
    """Size and canonical form; not the signature. `known_id`: the id, where it has been computed."""
    try:
        return parse(raw, known_id)
    except PeerFault as fault:
        return Reject(fault.reason)


def is_signed(record: Record) -> bool:
    """Whether the author signed the record. Costs five times all the rest."""
    return verify(record.author, record.raw[:SIGNATURE_SIZE], RECORD_DOMAIN, record.raw[SIGNATURE_SIZE:])


@dataclass(frozen=True, slots=True)
class Sifted:
    """What a batch is worth: the good ones in their order, ids of those among them whose own signature is yet to be checked, and the bad.

    `disowned`: the signature is broken, and yet the author signed that these bytes are theirs, by naming them as `prev`: no fault of who
    passes them on. `refused`: the signature is broken.
    """

    good: list[Record]
    postponed: set[bytes]
    disowned: list[Record]
    refused: list[Record]


def sift(records: Sequence[Record], at_once: Callable[[bytes], bool], check: Callable[[Record], bool]) -> Sifted:
    """Sort a batch of different records by their signatures, of which `check` looks at as few as it must.

    An id covers the signature, so a record that names another of the same author and space as its `prev`, one seq before, vouches for
    those bytes to the last; its own signature, or that of one which vouches for it in turn, is checked. The check of what is vouched for
    may wait, unless `at_once(author)`.
    """
    vouched: set[tuple[bytes, bytes, str, int]] = set()
    postponed: set[bytes] = set()
    disowned: list[Record] = []
    refused: list[Record] = []
    for record in sorted(records, key=_seq, reverse=True):
        author, space, seq = record.author, record.space, record.seq
        is_vouched = (record.id, author, space, seq) in vouched
        if is_vouched and not at_once(author):
            postponed.add(record.id)
        elif not check(record):
            (disowned if is_vouched else refused).append(record)
            if not is_vouched:
                continue
        vouched.add((record.prev, author, space, seq - 1))
    bad = {record.id for record in (*disowned, *refused)}
    return Sifted([record for record in records if record.id not in bad] if bad else list(records), postponed, disowned, refused)


def _seq(record: Record) -> int:
    return record.seq


class Standing(Protocol):
    """How people stand here: `ledger.standing` has it. A score is > 0; an author without one is a stranger."""

    @property
    def scores(self) -> Mapping[bytes, float]:
        """Author key → score, of everybody who has one."""

    @property
    def through(self) -> Mapping[bytes, bytes]:
        """Of those among them who are known through one person only, that person."""

    def is_ranked(self, author: bytes | None, /) -> bool:
        """Whether an author has a score."""

    def multiplier(self, author: bytes | None, /) -> float:
        """How many times the weight of a stranger an author has: 1 to 10."""


class _Nobody:
    """Where nobody has a score."""

    scores: Mapping[bytes, float] = MappingProxyType({})
    through: Mapping[bytes, bytes] = MappingProxyType({})

    def is_ranked(self, _author: bytes | None) -> bool:
        return False

    def multiplier(self, _author: bytes | None) -> float:
        return 1.0


_NOBODY = _Nobody()


@dataclass(slots=True)
class Usage:
    """Bytes stored by author, for the quota. `friends` (oneself and followed authors) are never bound by it.

    Nobody else is until the quota is nearly used up. Then strangers have a share together, and each key one of its own, which grows with
    the weight its author has: ten of the heaviest could fill the quota, and no fewer. What is left above QUOTA_FULL is for who outranks
    somebody here: they are let in, and the least make room (`node.evicting`). A stranger outranks nobody, so no flood drives anything out.

    Those who are known through one and the same person may all be made up: together they have no more than strangers have. While a crowd
    has more, all of it count as strangers, and what it has more counts with what strangers have.
    """

    quota: int
    friends: Collection[bytes] = ()
    total: int = 0
    by_author: dict[bytes, int] = field(default_factory=dict)
    standing: Standing = field(default=_NOBODY, compare=False, repr=False)
    _sums: "_Sums | None" = field(default=None, init=False, compare=False, repr=False)

    def add(self, author: bytes, size: int) -> None:
        """Count `size` bytes more (or less, when negative)."""
        self.total += size
        self.by_author[author] = self.by_author.get(author, 0) + size
        if self._sums is not None:
            self._sum(self._sums, author, size)

    def has_room(self, author: bytes, size: int) -> bool:
        """Whether another `size` bytes of this author fit. Shares bind only once the quota is nearly used up."""
        if author in self.friends or self.total + size <= self.quota * limits.QUOTA_BINDS_AT:
            return True
        if self.by_author.get(author, 0) + size > self.share(author):
            return False
        sums = self._summed()
        is_stranger = self.is_stranger(author, size)
        outranks = not is_stranger and self.score(author) > (0.0 if sums.beyond else sums.least)
        if self.total + size > self.quota * (1.0 if outranks else limits.QUOTA_FULL):
            return False
        return not is_stranger or self.total - sums.known + sums.beyond + size <= self.together

    @property
    def together(self) -> int:
        """The bytes that all strangers may have, and those of each crowd, once the quota is nearly used up."""
        return int(self.quota * limits.QUOTA_STRANGERS)

    def company(self, author: bytes) -> bytes | None:
        """With whom an author has that share: strangers (empty), or who is known through the same person; None: they need none."""
        return self.standing.through.get(author) if self.standing.is_ranked(author) else b""

    def is_stranger(self, author: bytes, more: int = 0) -> bool:
        """Whether an author counts for nothing here: they have no score, or are of a crowd that has too much, with `more` bytes."""
        company = self.company(author)
        return company == b"" or (company is not None and self._summed().crowds[company] + more > self.together)

    def score(self, author: bytes) -> float:
        """How an author stands; 0 for a stranger."""
        return 0.0 if self.is_stranger(author) else self.standing.scores[author]

    def share(self, author: bytes) -> float:
        """The bytes that one key may have here once the quota is nearly used up."""
        return self.quota * limits.QUOTA_ONE_KEY * self.standing.multiplier(author)

    def _summed(self) -> "_Sums":
        """Made anew when people stand otherwise, once for each batch at the most: of a hundred thousand authors it takes 30 ms."""
        if self._sums is None or self._sums.standing is not self.standing:
            self._sums = _Sums(self.standing)
            for author, held in self.by_author.items():
                self._sum(self._sums, author, held)
        return self._sums

    def _sum(self, sums: "_Sums", author: bytes, size: int) -> None:
        if author in self.friends:
            sums.known += size
            return
        company = self.company(author)
        if company != b"":
            sums.known += size
        if company:
            before = sums.crowds[company]
            sums.crowds[company] = before + size
            sums.beyond += max(0, before + size - self.together) - max(0, before - self.together)
        if self.by_author[author] > 0:
            sums.least = min(sums.least, self.standing.scores.get(author, 0.0))


@dataclass(slots=True)
class _Sums:
    """What is stored, by how people stand: bytes of those who have a score, of each crowd, and what crowds have beyond their shares."""

    standing: Standing
    known: int = 0
    crowds: Counter[bytes] = field(default_factory=Counter)
    beyond: int = 0
    least: float = inf  # the lowest score of whoever has something here


@dataclass(slots=True)
class Policy:
    """What this node wants of what is good. Empty `interests`: everything."""

    usage: Usage
    interests: Filter = NO_FILTER
    declined: Container[bytes] = ()
    forgotten: Container[bytes] = ()
    spaces: Container[str] = (COMMONS,)

    def choose(self, records: Iterable[Record]) -> tuple[list[Record], list[Ignore]]:
        """Judge examined records one after another; what is accepted counts in `usage` from then on."""
        accepted: list[Record] = []
        ignored: list[Ignore] = []
        for record in records:
            reason = self.objection(record)
            if reason is None:
                self.usage.add(record.author, len(record.raw))
                accepted.append(record)
            else:
                ignored.append(Ignore(reason, record))
        return accepted, ignored

    def objection(self, record: Record) -> str | None:
        """Why an examined record is not wanted, None when it is, as if those accepted before it were stored already."""
        if record.space not in self.spaces:
            return "space"
        if record.id in self.declined or record.author in self.forgotten:
            return "declined"
        if self.interests and not self.interests.covers(record.author, record.topics):
            return "interest"
        return None if self.usage.has_room(record.author, len(record.raw)) else "quota"
