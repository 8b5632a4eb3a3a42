"""The ends of authors' unbroken runs as both sides of a round list them, and what follows from them: which runs to ask for, or to give.

A listed end claims no record; it only saves bytes. Must not know when heads are listed, nor how records travel.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.events import Load, Run
from p2plearn.protocol.messages import MAX_SEQ, SHORT_KEY, Heads
from p2plearn.protocol.replica import Head

# Times what seems to differ that runs may hold: beyond that chains have holes here or there, and much would be sent in vain. The guess of
# what differs is some 13 per cent off.
_SLACK = 1.4


class Ends:
    """Both sides' lists in one round; `differing`: about how many ids differ."""

    def __init__(self, heads: Mapping[bytes, Head], differing: int) -> None:
        by_key = {author[:SHORT_KEY]: (author, min(head.seq, MAX_SEQ)) for author, head in heads.items()}
        self._listed = dict(sorted(by_key.items())[: limits.MAX_HEADS_TOTAL])
        self._differing = differing
        self.ours = {key: seq for key, (_, seq) in self._listed.items()}
        self.theirs: dict[bytes, int] = {}

    def __repr__(self) -> str:
        return f"<Ends of {len(self.ours)} runs here and {len(self.theirs)} there>"

    def messages(self) -> Iterator[Heads]:
        """Our list, in as many messages as it takes."""
        listed = list(self.ours.items())
        for at in range(0, max(1, len(listed)), limits.MAX_HEADS):
            end = at + limits.MAX_HEADS
            yield Heads(tuple(listed[at:end]), last=end >= len(listed))

    def receive(self, heads: Heads) -> bool:
        """Take a part of their list; whether it was the last. Raises PeerFault("order" | "limit")."""
        keys = [next(reversed(self.theirs), b""), *(key for key, _ in heads.heads)]
        if any(key >= after for key, after in pairwise(keys)) or not (heads.heads or heads.last):
            raise PeerFault("order", "heads that are not sorted")
        self.theirs.update(heads.heads)
        if len(self.theirs) > limits.MAX_HEADS_TOTAL:
            raise PeerFault("limit", "heads without end")
        return heads.last

    @property
    def pays(self) -> bool:
        """Whether what lies beyond the ends, both ways together, is no more than differs: both sides find the same."""
        beyond = sum(abs(self.ours.get(key, 0) - self.theirs.get(key, 0)) for key in self.ours.keys() | self.theirs.keys())
        return beyond <= _SLACK * self._differing

    def load(self, runs: tuple[tuple[bytes, int, int], ...]) -> Load:
        """The records of runs that the other side asks for by short keys, as far as their authors were listed."""
        return Load(tuple(Run(self._listed[key][0], first, last) for key, first, last in runs if key in self._listed))
