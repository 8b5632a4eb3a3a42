"""The façade's matches: who could meet me over what, and the open requests that I am offered because I have shown the like.

Looks at the newest of each kind in each of my topics, so the work does not grow with the store. Pairing itself is `learning.matching`.
"""

from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest
from itertools import islice
from typing import TypeAlias

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
from p2plearn.node.store.store import Stored
from p2plearn.protocol.kinds import ROOT, Learn, Offer, Proof, Request, Teach, Wanted

_Sought: TypeAlias = Mapping[str, set[str]]  # topic → kinds


class Pairing(Part):
    """Says whom to meet; meeting is up to people."""

    async def matches(self, limit: int = limits.DEFAULT_FEED) -> Answer:
        """Who could meet you over what: wishes, requests and offers of others that go with what you give, look for, or have shown."""
        count = limit_of(limit)
        me = self._keeper.author
        mine = [*await self._own_sides(), *_shown_sides(await self._shown(), me)]
        wanted = sought(mine)
        found = await self._newest_of(wanted)
        first = [one for one in (first_said(stored.record) for stored in found) if one is not None]
        declared = await self._declared_sides(wanted)
        order = matches(mine, [*first, *declared], me)
        standing = {one.root.id: side(one) for one in await self._standing(order, found, count)}
        now = {one: one for one in declared} | {one: standing.get(one.id) for one in first}
        current = [match._replace(theirs=one) for match in order if (one := now[match.theirs]) is not None]
        names = await self._lookup.names()
        return {"matches": [match_json(match, names) for match in current[:count]]}

    async def _back_offers(self) -> list[BackOffer]:
        """Open requests of others about what I have shown, for the inbox: a few, each with the day on which I showed it."""
        me = self._keeper.author
        shown = await self._shown()
        mine = _shown_sides(shown, me)
        found = await self._newest_of(sought(mine))
        others = [one for one in (first_said(stored.record) for stored in found) if one is not None and one.to != me]
        standing = await self._standing(matches(mine, others, me), found, limits.MAX_BACK_OFFERS)
        return back_offers(me, shown, standing, await self._lookup.names())

    # --- mine ---

    async def _own_sides(self) -> list[Side]:
        """What I give and look for, the newest first."""
        own = (await self._lookup.declared()).get(self._keeper.author, NOTHING)
        words = [declared_side(record, topic) for said in (own.teaches, own.learns) for topic, record in said.items()]
        said = await self._conversations(await self._newest_own(Offer.kind, Wanted.kind))
        found = [*words, *filter(None, (side(conversation) for _, conversation in said))]
        return sorted(found, key=lambda one: (-one.at, one.id))

    async def _shown(self) -> list[Conversation]:
        """My requests in which I gave a proof, the latest first."""
        roots = dict.fromkeys(stored.record.target(ROOT) for stored in await self._newest_own(Proof.kind))
        requests = await self._keeper.in_thread(self._keeper.store.get, [root for root in roots if root])
        return [conversation for _, conversation in await self._conversations(requests)]

    async def _newest_own(self, *kinds: str) -> list[Stored]:
        ids = await self._keeper.read(store_authored.newest_by, self._keeper.author, kinds, limits.NEWEST_OWN)
        return await self._keeper.in_thread(self._keeper.store.get, ids)

    # --- theirs ---

    async def _declared_sides(self, wanted: _Sought) -> list[Side]:
        """Who teaches or learns what, the newest of each, in NEWEST_TOPICS topics."""
        muted = await self._muted()
        found: list[Side] = []
        for topic, kinds in islice(wanted.items(), limits.NEWEST_TOPICS):
            for kind in sorted(kinds & {Teach.kind, Learn.kind}):
                said = [
                    record
                    for one in (await self._lookup.declared()).values()
                    if (record := (one.teaches if kind == Teach.kind else one.learns).get(topic)) is not None and record not in muted
                ]
                newest = nlargest(limits.NEWEST_OF_TOPIC, said, key=lambda record: (record.time, record.id))
                found += [declared_side(record, topic) for record in newest]
        return found

    async def _newest_of(self, wanted: _Sought) -> list[Stored]:
        """The newest of others' of these kinds in NEWEST_TOPICS topics, of requests those that are open."""
        await self._keeper.index_closed()
        muted = await self._muted()
        me = self._keeper.author
        store = self._keeper.store

        def find() -> list[Stored]:
            found = {
                stored.record.id: stored
                for topic, kinds in islice(wanted.items(), limits.NEWEST_TOPICS)
                for kind in sorted(kinds & {Offer.kind, Wanted.kind, Request.kind})
                for stored in store.of_kinds([kind], topic, limit=limits.NEWEST_OF_TOPIC, only_open=kind == Request.kind)
            }
            return [stored for stored in found.values() if stored.record.author != me and stored.record not in muted]

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


def _shown_sides(conversations: Iterable[Conversation], me: bytes) -> list[Side]:
    return [one for one in (shown_side(conversation, me) for conversation in conversations) if one is not None]
