"""The façade's inbox: what concerns this home's author, unread first, each with the next step.

Folds no more conversations than those of the items it shows. Whom what concerns is said by `learning.inbox`, what to do by `next_steps`.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from p2plearn import limits
from p2plearn.errors import NotFound
from p2plearn.learning.followups import FollowUp, follow_up, may_be_due
from p2plearn.learning.inbox import Hearing, Item, item_of
from p2plearn.learning.matching import BackOffer
from p2plearn.learning.next_steps import follow_up_step, helping, next_step
from p2plearn.learning.notation import iso_time
from p2plearn.node.keeper import Keeper
from p2plearn.node.service.pairing import Pairing
from p2plearn.node.service.parts import Answer, Muted, limit_of
from p2plearn.node.store import concerns as store_concerns
from p2plearn.node.store.concerns import Mark
from p2plearn.node.store.folds import Folds
from p2plearn.node.store.store import Stored
from p2plearn.protocol.kinds import ROOT
from p2plearn.protocol.records import Record

FOLLOW_UP = "follow-up"
MATCH = "match"
_NEWEST = (limits.MAX_INT, 0)  # before every place


class _Line(NamedTuple):
    """An item of the inbox as an answer shows it, with its place in the order and what is noted when it is read."""

    place: tuple[int, int]
    mark: Mark
    answer: Answer


class Mine(Pairing):
    """What concerns me. Offers of requests like those in which I have shown something come from `Pairing`."""

    async def inbox(self, read: str | None = None, all: bool = False, limit: int = limits.DEFAULT_FEED) -> Answer:  # noqa: A002  # the contract's name
        """What concerns you, unread first, then the newest; `read` marks one item (by its id or the beginning of it), `all` every one.

        "unread" counts those of the answer; "more" says whether there are others. "attempt_owed" stands where the asker wants to try first,
        "taken_back" where what it is about has no title any more: {"kind", "author", "name", "topics", "about_title"}.
        """
        count = limit_of(limit)
        await self._keeper.index_inbox()
        desk = _Desk(self._keeper, self._folds, await self._muted())
        if read is not None:
            await self._keeper.write(store_concerns.mark_read, [await self._meant(desk, read)])
        if all:
            also = [line.mark for line in await self._asked(desk)]
            await self._keeper.write(store_concerns.mark_read, also + await self._keeper.in_thread(desk.unread))
        asked = await self._asked(desk)
        waiting = await self._newest_lines(desk, asked, count + 1, unread=True)
        seen = await self._newest_lines(desk, asked, count + 1 - len(waiting), unread=False)
        items = [line.answer | {"unread": True} for line in waiting] + [line.answer | {"unread": False} for line in seen]
        return {"items": items[:count], "unread": min(len(waiting), count), "more": len(items) > count}

    async def _newest_lines(self, desk: "_Desk", asked: list[_Line], count: int, *, unread: bool) -> list[_Line]:
        """The newest `count` lines of those that are unread, or read. `asked`: what is no record of another's."""
        read = await self._keeper.read(store_concerns.read_among, [line.mark for line in asked])
        lines = [line for line in asked if (line.mark in read) != unread]
        said: list[_Line] = []
        after: tuple[int, int] | None = _NEWEST
        while after is not None and len(said) < count:
            items, after = await self._keeper.in_thread(desk.page, after, unread)
            said += [await self._line(desk, stored, item) for stored, item in items]
        return sorted([*said, *lines], key=lambda line: line.place, reverse=True)[:count]

    async def _meant(self, desk: "_Desk", given: str) -> Mark:
        stored = await self._lookup.record(given)
        if await self._keeper.in_thread(desk.is_item, stored):
            return Mark(stored.record.id, 0)
        for line in await self._asked(desk):
            if line.mark.id == stored.record.id:
                return line.mark
        raise NotFound(given=given[:80])

    async def _line(self, desk: "_Desk", stored: Stored, item: Item) -> _Line:
        text = item.text or (self._opened(item.entry) if item.entry is not None else "")
        answer = await self._answer(item.record.id, item.record.kind, item.about, item.record.author, item.record.time)
        conversation = item.hearing.conversation
        answer |= {"type": item.type, "title": conversation.title, "text": text, "next": next_step(item)}
        if conversation.attempt_owed and not item.hearing.is_mine:
            answer["attempt_owed"] = True
        if conversation.reason is not None:
            mine = await self._keeper.in_thread(desk.title_of, item.about) if item.about != conversation.root.id else ""
            answer["taken_back"] = await self._taken_back_root(conversation.root) | {"about_title": mine}
        return _Line(stored.place, Mark(stored.record.id, 0), answer)

    async def _answer(self, item: bytes, kind: str, about: bytes, author: bytes, at: int) -> Answer:
        name = (await self._lookup.names()).get(author, "")
        return {"id": item.hex(), "kind": kind, "about": about.hex(), "author": author.hex(), "name": name, "at": iso_time(at)}

    async def _taken_back_root(self, root: Record) -> Answer:
        """What is left to say of a thing whose title is hidden."""
        name = (await self._lookup.names()).get(root.author, "")
        return {"kind": root.kind, "author": root.author.hex(), "name": name, "topics": list(root.topics)}

    # --- what is no record of another's ---

    async def _asked(self, desk: "_Desk") -> list[_Line]:
        """“Still using it?”, and a few requests like those in which I have shown something."""
        questions = [await self._follow_up_line(one) for one in await self._keeper.in_thread(desk.follow_ups)]
        return questions + [await self._match_line(one) for one in await self._back_offers()]

    async def _follow_up_line(self, one: FollowUp) -> _Line:
        answer = await self._answer(one.adopt.id, FOLLOW_UP, one.about, one.adopt.author, one.at)
        answer |= {"type": FOLLOW_UP, "title": one.title, "text": one.text, "next": follow_up_step(one.about)}
        return _Line((one.at, 0), Mark(one.adopt.id, one.day), answer)

    async def _match_line(self, one: BackOffer) -> _Line:
        root, owed = one.request.root, one.request.attempt_owed
        answer = await self._answer(root.id, MATCH, one.shown_in, root.author, root.time)
        answer |= {"type": MATCH, "title": one.request.title, "text": one.text, "next": helping(root.id, attempt_owed=owed)}
        answer |= {"attempt_owed": True} if owed else {}
        return _Line((min(root.time, self._keeper.clock.now_ms()), 0), Mark(root.id, 0), answer)


class _Desk:
    """Where one look at the inbox is worked out, off the event loop."""

    def __init__(self, keeper: Keeper, folds: Folds, muted: Muted) -> None:
        self._store = keeper.store
        self._me = keeper.author
        self._folds = folds
        self._muted = muted
        self._now = keeper.clock.now_ms()
        self._hearings: dict[bytes, Hearing | None] = {}

    def page(self, after: tuple[int, int], unread: bool) -> tuple[list[tuple[Stored, Item]], tuple[int, int] | None]:
        """The items among the next candidates behind a place, and the place of the last; None when there are no more."""
        with self._store.reading() as db:
            candidates = store_concerns.candidates(db, unread=unread, after=after, limit=limits.INBOX_PAGE)
        return self._items(candidates), candidates[-1].place if len(candidates) == limits.INBOX_PAGE else None

    def unread(self) -> list[Mark]:
        """What is noted when everything is read, also what is due and not asked yet."""
        marks = list(self.due())
        after: tuple[int, int] | None = _NEWEST
        while after is not None:
            items, after = self.page(after, unread=True)
            marks += [Mark(stored.record.id, 0) for stored, _ in items]
            self._hearings.clear()  # of thousands there is no need to keep what they were found in
        return marks

    def is_item(self, stored: Stored) -> bool:
        """Whether a record is an item of mine."""
        with self._store.reading() as db:
            is_candidate = store_concerns.is_candidate(db, stored.place)
        return is_candidate and bool(self._items([stored]))

    def _items(self, candidates: Sequence[Stored]) -> list[tuple[Stored, Item]]:
        """Those of them that concern me, without those of muted people and topics."""
        heard = [stored for stored in candidates if stored.record.author not in self._muted.authors]
        roots = {stored.record.target(ROOT) or stored.record.id for stored in heard}
        self._fold(roots)
        with self._store.reading() as db:
            things = store_concerns.things_of(db, roots)
        items = [
            (stored, item_of(self._me, stored.record, self._hearing, things.get(stored.record.target(ROOT) or b"", ()))) for stored in heard
        ]
        return [(stored, item) for stored, item in items if item is not None and item.hearing.conversation.root not in self._muted]

    def title_of(self, thing: bytes) -> str:
        """The title of an original; empty of anything else, and of what was taken back."""
        hearing = self._hearing(thing)
        return hearing.conversation.title if hearing is not None else ""

    def due(self) -> dict[Mark, bytes]:
        """What is noted when a question that may be due is read → the snippet it is about; the latest first."""
        with self._store.reading() as db:
            words = store_concerns.adoptions_of(db)
        return {Mark(one.adopt, one.day): one.root for one in may_be_due(words, self._now)}

    def follow_ups(self) -> list[FollowUp]:
        """The questions that are due, at most MAX_FOLLOW_UPS: those not read first, then the latest."""
        due = self.due()
        with self._store.reading() as db:
            read = store_concerns.read_among(db, list(due))
        found: list[FollowUp] = []
        for mark in sorted(due, key=read.__contains__):
            hearing = self._hearing(due[mark]) if len(found) < limits.MAX_FOLLOW_UPS else None
            if hearing is not None and hearing.conversation.root not in self._muted:
                question = follow_up(self._me, hearing.conversation, self._now)
                found += [question] if question is not None else []
        return found

    def _hearing(self, root: bytes) -> Hearing | None:
        self._fold([root])
        return self._hearings[root]

    def _fold(self, roots: Iterable[bytes]) -> None:
        missing = [root for root in roots if root not in self._hearings]
        held = [stored.record for stored in self._store.get(missing)]
        self._hearings |= dict.fromkeys(missing)
        for record, conversation in zip(held, self._folds.of(held), strict=True):
            self._hearings[record.id] = Hearing(self._me, conversation) if conversation is not None else None
