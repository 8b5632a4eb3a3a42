"""The façade's measure of health: how the people around here do with each other, overall and in a topic. It judges nobody.

What it is made from is read once and kept, and only what has come since is read again. Must not know how the measure is made.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import trio

from p2plearn import limits
from p2plearn.learning.declared import Declared
from p2plearn.ledger.receipts import Receipt
from p2plearn.ledger.standing import Standing
from p2plearn.node.keeper import Keeper
from p2plearn.node.service.parts import Answer, Part, topic_of
from p2plearn.node.store import marks as store_marks
from p2plearn.node.store.store import Change

if TYPE_CHECKING:  # importing numpy takes time that whoever asks for something else need not wait
    from p2plearn.ledger.evidence import Mark
    from p2plearn.ledger.health import Healths

_HOLDS_MS = 60_000  # for so long what was measured is told again, while nothing comes
_ANEW_MS = 24 * 3600 * 1000  # after which all is read anew, without what is too long ago by then


class Caring(Part):
    """Says how the whole does."""

    @cached_property
    def _caring(self) -> "Read":
        """From the first question on."""
        return Read(self._keeper)

    async def health(self, topic: str | None = None) -> Answer:
        """How the people around here do with each other: who could share and does, whether who asks is helped, on how few it depends.

        {"topic": what was asked for, or null
         "verdict": "failing", "strained", "healthy" or "too few to tell" (fewer than 30 whom somebody ranked found to have understood)
         "seeders", "learners", "quiet", "withholding", "capable": people; "quiet" and "withholding" are null below 5 capable ones
         "share": which part of the capable is willing, 0 to 1, and "interval": [low, high], 95 %; null where there are too few to tell
         "requests": how many count, of the last 30 days; "answered": the part of them that was helped with; null without any
         "first_help_s": from a question to the first help, the median; null without any
         "snowball": for each who took something up, how many learned it from somebody who had it before; null when nobody did
         "bus_factor": how few people gave more than half of all help; null without any
         "gini": how unequally scores are spread, 0 to 1; null below two people
         "alarms": [{"kind", "text"}]; "next": [a command line with words on it], one at least; "me": one's own status, or null
         "topics": [the same, but "topics", "next" and "gini", of those most known and asked about]; empty when a topic is asked for}
        """
        about = None if topic is None else topic_of(topic)
        scores = await self._ranks.scores(about)
        declared = await self._lookup.declared()
        me, standing = self._keeper.author, self._keeper.standing

        def measure(healths: "Healths") -> Answer:
            from p2plearn.ledger.caring import health_json

            found: Answer = health_json(healths.of(about, scores), about, me)
            others = (
                [health_json(healths.of(one, {}), one, me) for one in healths.topics[: limits.TOPICS_OF_HEALTH]] if about is None else []
            )
            return found | {"topics": [{key: one[key] for key in one if key not in {"next", "gini"}} for one in others]}

        healths = await self._caring.healths(declared, standing)
        return await self._keeper.in_thread(measure, healths)


class _Kept(NamedTuple):
    """What was measured, and of what."""

    last: int
    declared: Mapping[bytes, Declared]
    standing: Standing
    at: int
    healths: "Healths"

    def holds(self, last: int, declared: Mapping[bytes, Declared], standing: Standing, now: int) -> bool:
        """Whether measuring anew would give the same, or nearly: days pass slowly."""
        return self.last == last and self.declared is declared and self.standing is standing and 0 <= now - self.at < _HOLDS_MS


class Read:
    """What was read of the store: the marks of records of so long as each says something, and when everybody said anything."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._last = 0
        self._marks: dict[bytes, Mark] = {}
        self._seen: dict[bytes, list[int]] = {}
        self._since = 0  # when it was read from the beginning
        self._was_deleted = False
        self._kept: _Kept | None = None
        self._reading = trio.Lock()
        keeper.listen(self._on_change)

    async def healths(self, declared: Mapping[bytes, Declared], standing: Standing) -> "Healths":
        """Of all that is here now."""
        async with self._reading:
            now = self._keeper.clock.now_ms()
            if self._was_deleted or now > self._since + _ANEW_MS:
                self._last, self._marks, self._seen = 0, {}, {}
                self._since, self._was_deleted, self._kept = now, False, None
            if self._kept is None or not self._kept.holds(await self._keeper.read(store_marks.last_row), declared, standing, now):
                receipts = await self._keeper.receipts()
                self._kept = await self._keeper.in_thread(self._measured, receipts, declared, standing, now)
            return self._kept.healths

    def _measured(self, receipts: list[Receipt], declared: Mapping[bytes, Declared], standing: Standing, now: int) -> "_Kept":
        from p2plearn.ledger.evidence import gather
        from p2plearn.ledger.having import World
        from p2plearn.ledger.health import Healths

        me = self._keeper.author
        self._read_on(now)
        teaches = {author: frozenset(said.teaches) for author, said in declared.items()}
        learns = {author: frozenset(said.learns) for author, said in declared.items()}
        world = World(gather(self._marks), receipts, self._seen, teaches, learns, standing.through)
        return _Kept(self._last, declared, standing, now, Healths(world, lambda author: author == me or standing.is_ranked(author), now))

    def _read_on(self, now: int) -> None:
        """What has come since."""
        from p2plearn.ledger.evidence import LASTING, MARKED
        from p2plearn.ledger.having import LASTING_MS, SHARING_MS

        with self._keeper.store.reading() as db:
            rows = self._last, store_marks.last_row(db)
            others = [kind for kind in MARKED if kind not in LASTING]
            for kinds, lasting in ((LASTING, LASTING_MS), (others, SHARING_MS)):
                self._marks.update((mark.id, mark) for mark in store_marks.marks(db, kinds, rows, now - lasting))
            for author, times in store_marks.seen(db, rows, now - SHARING_MS).items():
                self._seen[author] = sorted([*self._seen.get(author, ()), *times])
            self._last = rows[1]

    def _on_change(self, change: Change, _source: str | None) -> None:
        if change.removed:
            self._was_deleted = True
