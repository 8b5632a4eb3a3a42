"""Who wants which block of whom: the book-keeping of a block exchange, bounded on both sides.

Must not know libp2p, messages on the wire, or blocks on the disk.
"""

from collections import OrderedDict
from typing import Any

import trio

from p2plearn import limits
from p2plearn.protocol import bitswap


class Answer:
    """What a question comes to: a block, None, or an error."""

    def __init__(self) -> None:
        self.waiters = 0
        self._outcome: bytes | Exception | None = None
        self._settled = trio.Event()

    @property
    def settled(self) -> bool:
        """Whether it is known."""
        return self._settled.is_set()

    def settle(self, outcome: bytes | Exception | None) -> None:
        """It is this; the first outcome counts."""
        if self.settled:
            return
        self._outcome = outcome
        self._settled.set()

    async def wait(self) -> bytes | None:
        """The outcome; raises it if it is an error."""
        await self._settled.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


class Questions:
    """What one peer is asked. `asked` also remembers what is settled, so that a late answer is no fault."""

    def __init__(self) -> None:
        self.stream: Any = None  # where it is asked
        self.writing = trio.Lock()
        self.waiting: dict[bytes, Answer] = {}
        self.asked: OrderedDict[bytes, None] = OrderedDict()
        self._cancelled: set[bytes] = set()

    def expect(self, cid: bytes) -> Answer:
        """The answer to wait for; `leave` must follow."""
        self._cancelled.discard(cid)
        self.asked[cid] = None
        if len(self.asked) > limits.MAX_ASKED:
            self.asked.popitem(last=False)
        answer = self.waiting.get(cid)
        if answer is None or answer.settled:
            answer = self.waiting[cid] = Answer()
        answer.waiters += 1
        return answer

    def leave(self, cid: bytes, answer: Answer) -> None:
        """One less waits for it. What nobody waits for any longer is cancelled with the next question."""
        answer.waiters -= 1
        if not answer.waiters and self.waiting.get(cid) is answer:
            del self.waiting[cid]
            if not answer.settled:
                self._cancelled.add(cid)

    def take_cancelled(self) -> set[bytes]:
        """What the peer is to be told with the next question."""
        cancelled, self._cancelled = self._cancelled, set()
        return cancelled

    def answer(self, cid: bytes, block: bytes | None) -> None:
        """The peer gave the block, or has it not."""
        if cid in self.waiting:
            self.waiting[cid].settle(block)

    def fail(self, error: Exception) -> bool:
        """End all waiting with `error`. Whether anybody was waiting."""
        for answer in self.waiting.values():
            answer.settle(error)
        return bool(self.waiting)


class Wants:
    """What a peer wants on one stream, MAX_WANTLIST at most; while it is full the stream is not read."""

    def __init__(self) -> None:
        self._wants: OrderedDict[bytes, bitswap.Wanted] = OrderedDict()
        self._changed = trio.Event()
        self._finished = False

    async def take(self, event: bitswap.Wanted | bitswap.Cancelled | bitswap.Replaced) -> None:
        """Change the list as the peer says; waits while there is no room."""
        if isinstance(event, bitswap.Replaced):
            self._wants.clear()
        elif isinstance(event, bitswap.Cancelled):
            self._wants.pop(event.cid, None)
        else:
            while len(self._wants) >= limits.MAX_WANTLIST:
                await self._changed.wait()
            self._wants[event.cid] = event
        self._change()

    async def next(self) -> bitswap.Wanted | None:
        """The oldest want, None once the peer has finished and everything is answered."""
        while not self._wants:
            if self._finished:
                return None
            await self._changed.wait()
        _, want = self._wants.popitem(last=False)
        self._change()
        return want

    def finish(self) -> None:
        """The peer will want no more on this stream."""
        self._finished = True
        self._change()

    def _change(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
