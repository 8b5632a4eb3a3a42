"""What one node holds of one scope, as far as peers need to compare it: ids, their fingerprint, their sketch, and heads of chains.

An index over the store, kept in memory beside it (some 75 bytes a record) and rebuilt from it at any time.
`held` is what fingerprints cover; sketches cover held ∪ declined, so that nobody is asked twice for what was refused.

Must not know records' contents, peers or messages.
"""

import hashlib
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from p2plearn import limits
from p2plearn.protocol.claims import Claims
from p2plearn.protocol.scope import Scope
from p2plearn.protocol.sketch import U64, Sketch, checks

_BUCKETS = 4096  # the first 12 bits of an id
_PORTION = 65_536  # ids put into a sketch at once: bounds what numpy holds in between to some 5 MiB
_LOG = 512  # changes gathered before they are folded into the sketch, so that numpy's overhead is shared
_FINGERPRINT_DOMAIN = b"p2plearn fingerprint v1\x00"


class Head(NamedTuple):
    """The end of an author's unbroken run from seq 1."""

    seq: int
    id: bytes


def short_id(record_id: bytes) -> int:
    """The unsalted short id: the first 8 bytes, big-endian."""
    return int.from_bytes(record_id[:8], "big")


class IdSet:
    """Record ids in 4,096 sorted buckets. Ids are uniform (SHA-256), so buckets are even unless somebody grinds them."""

    def __init__(self) -> None:
        self._buckets: list[list[bytes]] = [[] for _ in range(_BUCKETS)]
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        for bucket in self._buckets:
            yield from bucket

    def __contains__(self, record_id: bytes) -> bool:
        bucket = self._buckets[_bucket(record_id)]
        at = bisect_left(bucket, record_id)
        return at < len(bucket) and bucket[at] == record_id

    def fill(self, ids: Sequence[bytes]) -> None:
        """Take all of these, which are sorted; nothing is here yet."""
        first = 0
        for number in range(_BUCKETS):
            end = bisect_left(ids, (number + 1 << 4).to_bytes(2, "big"), first) if number + 1 < _BUCKETS else len(ids)
            self._buckets[number] = list(ids[first:end])
            first = end
        self._size = len(ids)

    def add(self, record_id: bytes) -> bool:
        """Whether it was new."""
        bucket = self._buckets[_bucket(record_id)]
        at = bisect_left(bucket, record_id)
        if at < len(bucket) and bucket[at] == record_id:
            return False
        bucket.insert(at, record_id)
        self._size += 1
        return True

    def discard(self, record_id: bytes) -> bool:
        """Whether it was there."""
        bucket = self._buckets[_bucket(record_id)]
        at = bisect_left(bucket, record_id)
        if at == len(bucket) or bucket[at] != record_id:
            return False
        del bucket[at]
        self._size -= 1
        return True

    def starting_with(self, prefix: bytes) -> list[bytes]:
        """The ids that begin with `prefix` (≥ 2 bytes)."""
        bucket = self._buckets[_bucket(prefix)]
        at = bisect_left(bucket, prefix)
        found = []
        while at < len(bucket) and bucket[at].startswith(prefix):
            found.append(bucket[at])
            at += 1
        return found

    def bucket(self, number: int) -> list[bytes]:
        """The sorted ids of one bucket."""
        return self._buckets[number]


def _bucket(record_id: bytes) -> int:
    return record_id[0] << 4 | record_id[1] >> 4


class Replica:
    """One scope of one node. `heads` is public: the owner puts in what its store says. `claims`: what sessions fetch of it just now.

    `mark` is the owner's too: how far in its own count of records this goes, 0 where it does not say.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.claims = Claims()
        self.heads: dict[bytes, Head] = {}
        self.mark = 0
        self._held = IdSet()
        self._declined: OrderedDict[bytes, None] = OrderedDict()
        self._digests: list[bytes] = [hashlib.sha256(b"").digest()] * _BUCKETS
        self._dirty: set[int] = set()
        self._sketch = Sketch(0)
        self._added: list[int] = []
        self._removed: list[int] = []

    def __repr__(self) -> str:
        return f"<Replica of {self.scope.space}: {len(self._held)} held, {len(self._declined)} declined, {len(self.heads)} heads>"

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, record_id: bytes) -> bool:
        return record_id in self._held

    def knows(self, record_id: bytes) -> bool:
        """Whether it is held, or declined and so not wanted."""
        return record_id in self._held or record_id in self._declined

    def fill(self, ids: Sequence[bytes]) -> None:
        """These are held, sorted, in a replica that nothing was said about yet: many times faster than `add`."""
        self._held.fill(ids)
        self._dirty.update(range(_BUCKETS))

    def add(self, ids: Iterable[bytes]) -> None:
        """These are held now; what was declined among them no longer is."""
        for record_id in ids:
            if self._held.add(record_id):
                self._dirty.add(_bucket(record_id))
                if record_id in self._declined:
                    del self._declined[record_id]
                else:
                    self._note(self._added, record_id)

    def remove(self, ids: Iterable[bytes]) -> None:
        """These are no longer held."""
        for record_id in ids:
            if self._held.discard(record_id):
                self._dirty.add(_bucket(record_id))
                self._note(self._removed, record_id)

    def decline(self, ids: Iterable[bytes]) -> None:
        """These are not held and not wanted; the oldest of too many are dropped. The store keeps MAX_DECLINED of either sort."""
        for record_id in ids:
            if not self.knows(record_id):
                self._declined[record_id] = None
                self._note(self._added, record_id)
        while len(self._declined) > 2 * limits.MAX_DECLINED:
            self.welcome([next(iter(self._declined))])

    def welcome(self, ids: Iterable[bytes]) -> None:
        """These are no longer declined."""
        for record_id in ids:
            if record_id in self._declined:
                del self._declined[record_id]
                self._note(self._removed, record_id)

    def empty(self) -> None:
        """It is needed no more: give its memory back, whoever still has it in hand."""
        self._held, self._sketch = IdSet(), Sketch(0)
        self._declined.clear()

    def fingerprint(self) -> bytes:
        """32 bytes, equal on two nodes exactly when they hold the same ids of the same scope (docs/PROTOCOL.md, “Fingerprint”)."""
        for number in self._dirty:
            self._digests[number] = hashlib.sha256(b"".join(self._held.bucket(number))).digest()
        self._dirty.clear()
        return hashlib.sha256(_FINGERPRINT_DOMAIN + self.scope.encode() + b"".join(self._digests)).digest()

    def find(self, short: int) -> list[bytes]:
        """The held ids of an unsalted short id: none, one, or several if somebody ground a collision."""
        return self._held.starting_with(short.to_bytes(8, "big"))

    def sketch(self, size: int) -> Sketch:
        """The first `size` unsalted symbols, kept up to date: a change costs its own few symbols, not a pass over everything."""
        if len(self._sketch) < size:
            self.finish_sketch(self.begin_sketch(size)())
        self._fold()
        return self._sketch

    def begin_sketch(self, size: int) -> Callable[[], Sketch]:
        """A job that may run anywhere while ids come and go here; `finish_sketch` takes its result. Until then there is no sketch."""
        ids = self.ids()
        self._sketch, self._added, self._removed = Sketch(size), [], []
        return lambda: _sketch_of(ids, size)

    def finish_sketch(self, begun: Sketch) -> None:
        """What changed meanwhile was noted in the sketch that is here: the two are one."""
        self._sketch.merge(begun)

    @property
    def known(self) -> int:
        """How many ids sketches cover."""
        return len(self._held) + len(self._declined)

    def ids(self) -> list[bytes]:
        """All that sketches cover, as it is now."""
        return list(self._all())

    def _all(self) -> Iterator[bytes]:
        yield from self._held
        yield from self._declined

    def _note(self, log: list[int], record_id: bytes) -> None:
        if len(self._sketch):
            log.append(short_id(record_id))
            if len(log) >= _LOG:
                self._fold()

    def _fold(self) -> None:
        self._sketch.add(np.array(self._added, np.uint64))
        self._sketch.add(np.array(self._removed, np.uint64), sign=-1)
        self._added, self._removed = [], []


def _sketch_of(ids: Sequence[bytes], size: int) -> Sketch:
    sketch = Sketch(size)
    for at in range(0, len(ids), _PORTION):
        words = np.frombuffer(b"".join(ids[at : at + _PORTION]), ">u8")
        sketch.add(words[::4].astype(np.uint64))
    return sketch


class Salted:
    """Ids under 64-bit short ids that nobody could choose collisions for beforehand, sorted, so that a part (equal top bits) is a slice.

    The hash is multilinear over the id's four words with odd keys from SHA-256(salt), then mixed: without the salt nobody can grind
    collisions.
    """

    def __init__(self, ids: list[bytes], salt: bytes) -> None:
        words = np.frombuffer(b"".join(ids), ">u8").reshape(-1, 4).astype(np.uint64)
        keys = np.frombuffer(hashlib.sha256(salt).digest(), ">u8").astype(np.uint64) | np.uint64(1)
        shorts: U64 = checks((words * keys).sum(axis=1, dtype=np.uint64))
        order = np.argsort(shorts)
        self._shorts: U64 = shorts[order]
        self._ids = ids
        self._order = order

    def __len__(self) -> int:
        return len(self._ids)

    def part(self, bits: int, number: int) -> U64:
        """The short ids whose top `bits` bits (≥ 1) are `number`."""
        width = 64 - bits
        first = np.searchsorted(self._shorts, np.uint64(number << width))
        last = np.searchsorted(self._shorts, np.uint64(((number + 1) << width) - 1), side="right")
        return self._shorts[first:last]

    def find(self, short: int) -> list[bytes]:
        """The ids with this short id (declined ones among them)."""
        at = int(np.searchsorted(self._shorts, np.uint64(short)))
        found = []
        while at < len(self._shorts) and int(self._shorts[at]) == short:
            found.append(self._ids[int(self._order[at])])
            at += 1
        return found
