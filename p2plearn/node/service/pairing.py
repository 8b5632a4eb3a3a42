"""The façade's matches: who could meet me over what, and the open requests that I am offered because I have shown the like.

Looks at the newest of each kind in each of my topics, so the work does not grow with the store. Pairing itself is `learning.matching`.
"""

from collections.abc import Mapping, Sequence
from heapq import nlargest
from itertools import islice
from typing import TypeAlias

from p2plearn import limits
from p2plearn.learning.conversation import Conversation
from p2plearn.learning.declared import NOTHING
from p2plearn.learning.matching import (
    BackOffer,
    Side,
    back_offers,
    declared_side,
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
        mine = [*await self._own_sides(), *filter(None, (shown_side(one, me) for one in await self._shown()))]
        wanted = sought(mine)
        others = [one for one in await self._newest_of(wanted) if not is_answered(one, me)]
        theirs = [*filter(None, map(side, others)), *await self._declared_sides(wanted)]
        names = await self._lookup.names()
        return {"matches": [match_json(match, names) for match in matches(mine, theirs, me)[:count]]}

    async def _back_offers(self) -> list[BackOffer]:
        """Open requests of others about what I have shown, for the inbox: a few, each with the day on which I showed it."""
        me = self._keeper.author
        shown = await self._shown()
        wanted = sought(filter(None, (shown_side(one, me) for one in shown)))
        return back_offers(me, shown, await self._newest_of(wanted), await self._lookup.names())

    # --- mine ---

    async def _own_sides(self) -> list[Side]:
        """What I give and look for: the newest first, as I named it first in what I teach and learn."""
        own = (await self._lookup.declared()).get(self._keeper.author, NOTHING)
        words = [declared_side(record, topic) for said in (own.teaches, own.learns) for topic, record in said.items()]
        said = [*await self._own(Offer.kind), *await self._own(Wanted.kind)]
        found = [*filter(None, map(side, said)), *words]
        return sorted(found, key=lambda one: -one.at)

    async def _shown(self) -> list[Conversation]:
        """My requests in which I gave a proof, the latest first."""
        proofs = await self._newest_own(Proof.kind)
        return await self._conversations_of(list(dict.fromkeys(target for proof in proofs if (target := proof.record.target(ROOT)))))

    async def _own(self, kind: str) -> list[Conversation]:
        return await self._conversations_of([stored.record.id for stored in await self._newest_own(kind)])

    async def _newest_own(self, kind: str) -> list[Stored]:
        ids = await self._keeper.read(store_authored.newest_by, self._keeper.author, kind, limits.NEWEST_OWN)
        return await self._keeper.in_thread(self._keeper.store.get, ids)

    async def _conversations_of(self, ids: Sequence[bytes]) -> list[Conversation]:
        roots = await self._keeper.in_thread(self._keeper.store.get, ids)
        return [conversation for _, conversation in await self._conversations(roots)]

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

    async def _newest_of(self, wanted: _Sought) -> list[Conversation]:
        """The newest of others' of these kinds in NEWEST_TOPICS topics, of requests those that are open."""
        await self._keeper.index_closed()
        muted = await self._muted()
        me = self._keeper.author
        store = self._keeper.store

        def find() -> dict[bytes, Stored]:
            return {
                stored.record.id: stored
                for topic, kinds in islice(wanted.items(), limits.NEWEST_TOPICS)
                for kind in sorted(kinds & {Offer.kind, Wanted.kind, Request.kind})
                for stored in store.of_kinds([kind], topic, limit=limits.NEWEST_OF_TOPIC, only_open=kind == Request.kind)
                if stored.record.author != me and stored.record not in muted
            }

        found = await self._keeper.in_thread(find)
        newest = nlargest(limits.NEWEST_FOLDED, found.values(), key=lambda stored: stored.place)
        return [conversation for _, conversation in await self._conversations(newest)]
