"""The façade's looking back: where a snippet went, what became of one's help, and one's own facts.

What it looks at is bounded, so that it stays quick however much is here.
"""

from functools import partial

from p2plearn import limits
from p2plearn.errors import UsageError
from p2plearn.learning.conversation import Conversation
from p2plearn.learning.facts import facts, facts_json
from p2plearn.learning.glow import gleam_json, glow
from p2plearn.learning.lineage import lineage_json, trace
from p2plearn.node.service.parts import Answer, Part, limit_of
from p2plearn.node.store import traced as store_traced
from p2plearn.node.store.store import Store, Stored
from p2plearn.protocol.kinds import FROM, VARIANTS, Request, Snippet


class Tracing(Part):
    """Says what came of things."""

    async def lineage(self, snippet: str) -> Answer:
        """Who took up a snippet or a version of it, from whom they learned it, how many it reached, and how it grows."""
        root, meant = await self._lookup.root(snippet)
        found = await self._conversations([root])
        if not found or not isinstance(found[0][1].body, Snippet):
            raise UsageError(reason=f"Only a snippet has a lineage, and this is about a {root.record.kind}: {meant.id.hex()}")
        versions = await self._keeper.in_thread(_versions, self._keeper.store, root.record.id)
        made = [version for _, version in await self._conversations(versions)]
        names = await self._lookup.names()
        return await self._keeper.in_thread(lambda: lineage_json(trace(found[0][1], made), names))

    async def glow(self, limit: int = limits.DEFAULT_FEED) -> Answer:
        """What became of your help, newest first."""
        count = limit_of(limit)
        muted = await self._muted()
        around = [one for one in await self._conversations_of_mine(max(count, limits.MAX_TRACED)) if one.root not in muted]
        fold = partial(glow, self._keeper.author, around, self._keeper.clock.now_ms(), words=self._opened, hidden=muted.authors)
        found = await self._keeper.in_thread(fold)
        names = await self._lookup.names()
        return {"items": [gleam_json(gleam, names) for gleam in found[:count]]}

    async def _facts(self) -> Answer:
        """My own facts, as `learning.facts` counts them, in the MAX_FACTS conversations in which something came last."""
        around = await self._conversations_of_mine(limits.MAX_FACTS)
        return await self._keeper.in_thread(lambda: facts_json(facts(self._keeper.author, around)))

    async def _conversations_of_mine(self, most: int) -> list[Conversation]:
        """Those I have a part in, and what was passed on from requests among them."""
        await self._keeper.index_inbox()
        store = self._keeper.store
        roots = await self._keeper.in_thread(store.get, await self._keeper.read(store_traced.roots_of_mine, most))
        requests = [stored.record.id for stored in roots if stored.record.kind == Request.kind]
        passed_on = await self._keeper.in_thread(store.about, requests, FROM)
        held = {stored.record.id: stored for stored in [*roots, *passed_on]}
        return [conversation for _, conversation in await self._conversations(list(held.values()))]


def _versions(store: Store, original: bytes) -> list[Stored]:
    """What was made from a snippet, and from that, and so on: at most MAX_LINEAGE, the same on every node that has them."""
    found: dict[bytes, Stored] = {}
    wave = [original]
    while wave and len(found) < limits.MAX_LINEAGE:
        named = {stored.record.id: stored for relation in VARIANTS for stored in store.about(wave, relation, limits.MAX_LINEAGE)}
        new = [one for one in sorted(named) if one not in found and named[one].record.kind == Snippet.kind]
        wave = new[: limits.MAX_LINEAGE - len(found)]
        found |= {one: named[one] for one in wave}
    return list(found.values())
