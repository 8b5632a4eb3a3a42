"""What one side of a session has yet to send: news first, then what the round calls for, at most WINDOW batches under way unacknowledged.

Must not know why something is sent, nor how.
"""

from collections import deque
from collections.abc import Iterable

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.events import Load


class Outgoing:
    """Loads in, loads out when there is room; one is being fetched at a time."""

    def __init__(self) -> None:
        self._queue: deque[Load] = deque()  # this round's
        self._news: dict[bytes, None] = {}  # ids, in order
        self._loading: Load | None = None
        self._sent = self._acked = 0

    def __repr__(self) -> str:
        return f"<Outgoing {self._sent - self._acked} batches under way, {len(self._queue)} loads and {len(self._news)} news to go>"

    @property
    def is_round_sent(self) -> bool:
        """Whether everything that the round called for is sent; news is no part of it."""
        return not self._queue and (self._loading is None or self._loading.live)

    def add(self, load: Load) -> None:
        """The round calls for these."""
        if load:
            self._queue.append(load)

    def push(self, ids: Iterable[bytes]) -> None:
        """News. What is beyond the bound is left to the next round."""
        for record_id in ids:
            if len(self._news) < limits.MAX_NEWS:
                self._news[record_id] = None

    def next(self) -> Load | None:
        """What to fetch now, if anything: `supplied` is to follow."""
        if self._loading is not None or self._sent - self._acked >= limits.WINDOW:
            return None
        if self._news:
            self._loading = Load(ids=tuple(self._news), live=True)
            self._news = {}
        elif self._queue:
            self._loading = self._queue.popleft()
        return self._loading

    def supplied(self, rest: Load, *, sent: bool) -> None:
        """What was to be fetched is, up to `rest`, and `sent` unless there was nothing."""
        live = self._loading is not None and self._loading.live
        self._loading = None
        self._sent += sent
        if live:
            self._news = dict.fromkeys([*rest.ids, *self._news])
        elif rest:
            self._queue.appendleft(rest)

    def acknowledge(self, batches: int) -> None:
        """The other side has committed so many in all. Raises PeerFault."""
        if not self._acked < batches <= self._sent:
            raise PeerFault("order", "an acknowledgement of nothing")
        self._acked = batches
