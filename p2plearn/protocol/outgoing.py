"""What one side of a session has yet to send: news first, then what was asked for, at most WINDOW batches under way unacknowledged.

Must not know why something is sent, nor how.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import compress

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.events import Load


class Outgoing:
    """Loads in, loads out when there is room. `served` counts the asks that are answered in full.

    One load of news and one of what was asked for are being fetched at a time: the one may have to wait for its turn, the other never.
    """

    def __init__(self) -> None:
        self.served = 0
        self._queue: deque[Load] = deque()  # what was asked for; what is left of one ask is served when it is empty
        self._offers: deque[tuple[bytes, ...]] = deque()  # that the other side has yet to pick from
        self._news: dict[bytes, None] = {}  # ids, in order
        self._loading: Load | None = None  # of what was asked for
        self._is_telling = False  # news is being fetched
        self._sent = self._acked = 0

    def __repr__(self) -> str:
        return f"<Outgoing {self._sent - self._acked} batches under way, {self.unserved} asks and {len(self._news)} news to go>"

    @property
    def unserved(self) -> int:
        """How many asks wait."""
        return len(self._queue) + (self._loading is not None)

    def ask(self, load: Load) -> None:
        """The other side asked for these; perhaps there is nothing of it here. Raises PeerFault("window")."""
        if self.unserved >= limits.MAX_ASKS:
            raise PeerFault("window", "more asks than may wait")
        self._queue.append(load)

    def offer(self, ids: tuple[bytes, ...]) -> Iterator[tuple[bytes, ...]]:
        """The other side may want these: the portions to tell it of."""
        for at in range(0, len(ids), limits.ASK_RECORDS):
            self._offers.append(ids[at : at + limits.ASK_RECORDS])
            yield self._offers[-1]

    def pick(self, marks: tuple[bool, ...]) -> None:
        """It wants those marked of the oldest offer. Raises PeerFault("order" | "window")."""
        if not self._offers or len(marks) != len(self._offers[0]):
            raise PeerFault("order", "picked from nothing")
        self.ask(Load(ids=tuple(compress(self._offers.popleft(), marks))))

    def drop_offers(self) -> None:
        """The round is over."""
        self._offers.clear()

    def push(self, ids: Iterable[bytes]) -> None:
        """News. What is beyond the bound is left to the next round."""
        for record_id in ids:
            if len(self._news) < limits.MAX_NEWS:
                self._news[record_id] = None

    def drop_news(self) -> None:
        """The next round will find what is new."""
        self._news = {}

    def next(self) -> Iterator[Load]:
        """What to fetch now, if anything: `supplied` is to follow for each."""
        while self._loading is None and self._queue and not self._queue[0]:
            self._queue.popleft()
            self.served += 1
        if self._news and not self._is_telling and self._has_room:
            self._is_telling = True
            news, self._news = self._news, {}
            yield Load(ids=tuple(news), live=True)
        if self._queue and self._loading is None and self._has_room:
            self._loading = self._queue.popleft()
            yield self._loading

    @property
    def _has_room(self) -> bool:
        return self._sent - self._acked + (self._loading is not None) + self._is_telling < limits.WINDOW

    def supplied(self, rest: Load, *, sent: bool) -> None:
        """What was to be fetched is, up to `rest`, and `sent` unless there was nothing."""
        self._sent += sent
        if rest.live:
            self._is_telling = False
            self._news = dict.fromkeys([*rest.ids, *self._news])
        else:
            self._loading = None
            self._queue.appendleft(rest)

    def acknowledge(self, batches: int) -> None:
        """The other side has committed so many in all. Raises PeerFault("order")."""
        if not self._acked < batches <= self._sent:
            raise PeerFault("order", "an acknowledgement of nothing")
        self._acked = batches
