"""The façade's matches: who could meet me over what, and the open requests that I am offered because I have shown the like.

Looks at the newest of each kind in each of my topics, so the work does not grow with the store. Pairing itself is `learning.matching`.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from heapq import nsmallest
from itertools import islice
from typing import NamedTuple, TypeAlias

from p2plearn import limits
from p2plearn.learning.conversation import Conversation
from p2plearn.learning.declared import NOTHING
from p2plearn.learning.matching import (
    BackOffer,
    Match,
    Side,
    back_offers,
    declared_side,
    first_said,
    is_answered,
    match_json,
    matches,
    shown_side,
    side,
    sought,
)
from p2plearn.node.service.parts import Answer, Part, limit_of
from p2plearn.node.store import authored as store_authored
from p2plearn.node.store.store import Store, Stored
from p2plearn.protocol.kinds import ROOT, Learn, Offer, Proof, Request, Teach, Wanted
from p2plearn.protocol.records import Record

_Sought: TypeAlias = Mapping[str, set[str]]  # topic → kinds


class _Depth(NamedTuple):
    """How many things of each kind in each topic are wanted, and how many pages are looked through for them."""

    most: int
    pages: int


DEEP = _Depth(limits.NEWEST_OF_TOPIC, limits.NEWEST_PAGES)
_AT_HOME = _Depth(limits.NEWEST_AT_HOME, limits.PAGES_AT_HOME)


class Pairing(Part):
    """Says whom to meet; meeting is up to people."""

    async def matches(self, limit: int = limits.DEFAULT_FEED) -> Answer:
        """Who could meet you over what: wishes, requests and offers of others that go with what you give, look for, ask, or have shown."""
        count = limit_of(limit)
        mine = [*await self._own_sides(), *_shown_sides(await self._shown(), self._keeper.author)]
        theirs, found = await self._others(sought(mine), DEEP)
        names = await self._lookup.names()
        return {"matches": [match_json(match, names) for match in (await self._matched(mine, theirs, found, count))[:count]]}

    async def _newest_matches(self, count: int, known: Collection[bytes]) -> list[Match]:
        """The newest that others said to what I give, look for or ask, of each person one; not what is in `known`, nor put to another."""
        mine = await self._own_sides()
        theirs, found = await self._others(sought(mine), _AT_HOME)
        of: Counter[bytes] = Counter()
        new: list[Side] = []
        for one in sorted(theirs, key=self._newest_first):
            if one.id not in known and one.to in (b"", self._keeper.author):
                of[one.author] += 1
                new += [one] if of[one.author] <= limits.NEWEST_OF_AUTHOR else []
        chosen = new[: limits.NEWEST_OF_AUTHOR * count]
        order = sorted(await self._matched(mine, chosen, found, len(chosen)), key=lambda match: self._newest_first(match.theirs))
        newest: dict[bytes, Match] = {}
        for match in order:
            newest.setdefault(match.theirs.author, match)
        return list(newest.values())[:count]

    async def _matched(self, mine: list[Side], theirs: Iterable[Side], found: Iterable[Stored], count: int) -> list[Match]:
        """Those that hold, the best first; of those of theirs that are among `found` the `count` best, or a few more."""
        claimed = {self._plausible(one): one for one in theirs}
        order = await self._keeper.in_thread(matches, mine, list(claimed), self._keeper.author)
        held = {stored.record.id for stored in found}
        standing = {one.root.id: side(one) for one in await self._standing(order, found, count)} if count else {}
        now = {one: standing.get(said.id) if said.id in held else said for one, said in claimed.items()}
        return [match._replace(theirs=one) for match in order if (one := now[match.theirs]) is not None]

    async def _back_offers(self) -> list[BackOffer]:
        """Open requests of others about what I have shown, for the inbox: a few, each with the day on which I showed it."""
        me = self._keeper.author
        shown = await self._shown()
        mine = _shown_sides(shown, me)
        found = await self._newest_of(sought(mine), DEEP)
        others = [one for one in (first_said(stored.record) for stored in found) if one is not None and one.to != me]
        order = await self._keeper.in_thread(matches, mine, list(map(self._plausible, others)), me)
        standing = await self._standing(order, found, limits.MAX_BACK_OFFERS)
        return back_offers(me, shown, standing, await self._lookup.names())

    def _plausible(self, said: Side) -> Side:
        """The same, last in time where it claims to be from later than a day from now."""
        return said if said.at <= self._keeper.clock.now_ms() + limits.FUTURE_TOLERANCE_MS else said._replace(at=0)

    def _newest_first(self, said: Side) -> tuple[int, bytes]:
        return -self._plausible(said).at, said.id

    # --- mine ---

    async def _own_sides(self) -> list[Side]:
        """What I give, look for and ask: the newest of each kind, then the next of each, so that no kind has all of NEWEST_TOPICS."""
        own = (await self._lookup.declared()).get(self._keeper.author, NOTHING)
        words = [declared_side(record, topic) for said in (own.teaches, own.learns) for topic, record in said.items()]
        said = await self._conversations(await self._newest_own(Offer.kind, Wanted.kind, Request.kind))
        found = [*words, *filter(None, (side(conversation) for _, conversation in said))]
        of: Counter[str] = Counter()
        places = {}
        for one in sorted(found, key=lambda one: (-one.at, one.id)):
            of[one.kind] += 1
            places[one] = of[one.kind]
        return sorted(places, key=lambda one: places[one])

    async def _shown(self) -> list[Conversation]:
        """My requests in which I gave a proof, the latest first."""
        roots = dict.fromkeys(stored.record.target(ROOT) for stored in await self._newest_own(Proof.kind))
        requests = await self._keeper.in_thread(self._keeper.store.get, [root for root in roots if root])
        return [conversation for _, conversation in await self._conversations(requests)]

    async def _newest_own(self, *kinds: str) -> list[Stored]:
        ids = await self._keeper.read(store_authored.newest_by, self._keeper.author, kinds, limits.NEWEST_OWN)
        return await self._keeper.in_thread(self._keeper.store.get, ids)

    # --- theirs ---

    async def _others(self, wanted: _Sought, depth: _Depth) -> tuple[list[Side], list[Stored]]:
        """The newest of these kinds in each topic, as they were first said, and the records of those that may have changed."""
        found = await self._newest_of(wanted, depth)
        said = [one for one in (first_said(stored.record) for stored in found) if one is not None]
        return [*said, *await self._declared_sides(wanted, depth.most)], found

    async def _declared_sides(self, wanted: _Sought, most: int) -> list[Side]:
        """Who teaches or learns what, the `most` newest of each, in NEWEST_TOPICS topics."""
        muted = await self._muted()
        everybody = (await self._lookup.declared()).values()

        def find() -> Iterator[Side]:
            for topic, kinds in islice(wanted.items(), limits.NEWEST_TOPICS):
                for kind in sorted(kinds & {Teach.kind, Learn.kind}):
                    said = ((one.teaches if kind == Teach.kind else one.learns).get(topic) for one in everybody)
                    sides = (declared_side(record, topic) for record in said if record is not None and record not in muted)
                    yield from nsmallest(most, sides, key=self._newest_first)

        return await self._keeper.in_thread(lambda: list(find()))

    async def _newest_of(self, wanted: _Sought, depth: _Depth) -> list[Stored]:
        """The newest of others' of these kinds in NEWEST_TOPICS topics, of requests those that are open."""
        await self._keeper.index_closed()
        muted = await self._muted()
        me = self._keeper.author

        def find() -> list[Stored]:
            found = {
                stored.record.id: stored
                for topic, kinds in islice(wanted.items(), limits.NEWEST_TOPICS)
                for kind in sorted(kinds & {Offer.kind, Wanted.kind, Request.kind})
                for stored in _newest(self._keeper.store, kind, topic, depth, lambda record: record.author == me or record in muted)
            }
            return list(found.values())

        return await self._keeper.in_thread(find)

    async def _standing(self, order: Sequence[Match], found: Iterable[Stored], count: int) -> list[Conversation]:
        """The first `count`, or a few more, of what was found that stand and that I have not answered: only so many are folded."""
        by_id = {stored.record.id: stored for stored in found}
        ids = [one for one in dict.fromkeys(match.theirs.id for match in order) if one in by_id]
        standing: list[Conversation] = []
        for at in range(0, len(ids), count):
            if len(standing) >= count:
                break
            folded = await self._conversations([by_id[one] for one in ids[at : at + count]])
            standing += [one for _, one in folded if side(one) is not None and not is_answered(one, self._keeper.author)]
        return standing


def _newest(store: Store, kind: str, topic: str, depth: _Depth, passed_over: Callable[[Record], bool]) -> list[Stored]:
    """The newest; those of which an author has NEWEST_OF_AUTHOR already only where there is room for them.

    So one author can flood a topic with as many pages as are looked through before they push others out.
    """
    found: list[Stored] = []
    more: list[Stored] = []
    of: Counter[bytes] = Counter()
    after: tuple[int, int] | None = None
    size = depth.most
    for _ in range(depth.pages):
        page = store.of_kinds([kind], topic, after=after, limit=size, only_open=kind == Request.kind)
        for stored in page:
            if not passed_over(stored.record):
                of[stored.record.author] += 1
                (found if of[stored.record.author] <= limits.NEWEST_OF_AUTHOR else more).append(stored)
        if len(page) < size or len(found) >= depth.most:
            break
        after, size = page[-1].place, limits.NEWEST_OF_TOPIC
    return [*found, *more][: depth.most]


def _shown_sides(conversations: Iterable[Conversation], me: bytes) -> list[Side]:
    return [one for one in (shown_side(conversation, me) for conversation in conversations) if one is not None]
