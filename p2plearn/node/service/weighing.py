"""The façade's balance: what I received and what I passed on, what was recognised, and who needs what I learned. No score, and no debt.

All of it is counted from records here; only bytes come from this machine's own counters, and leave it no more than the rest.
"""

from p2plearn import config, limits
from p2plearn.learning.conversation import Conversation
from p2plearn.learning.facts import facts
from p2plearn.learning.matching import Match, learned_side, match_json, sought
from p2plearn.node.service.pairing import DEEP, Pairing
from p2plearn.node.service.parts import Answer
from p2plearn.node.service.tracing import Tracing
from p2plearn.node.store import receipts as store_receipts


class Weighing(Pairing, Tracing):
    """Tells what became of giving and taking."""

    async def balance(self) -> Answer:
        """What you received and passed on, what was recognised, and who needs what you learned; "view" says which of it you want to see.

        {"view", "received": {"count", "requests", "adopted"}, "passed_on": {"count", "answered", "snippets"}, "recognition":
        {"adopted_by_others", "learned_from_me", "thanks", "shown_with_my_help"}, "bytes": {"received", "from"}, "needed_by"}.

        What is counted is {"count", "ids"}: of requests, of snippets, of records that say so, and the keys of those who learned from you.
        "received" are your requests that were solved or shown, and what you took up; "passed_on" are others' requests in which you helped,
        and snippets you made of what you learned. "from": [{"author", "name", "bytes"}], whose node gave yours most first. "needed_by": who
        looks for it, in the shape of `matches`, each person once. The view is a setting: `balance` is for all but the recognition,
        `recognition` for that, `off` for nothing of it.
        """
        me = self._keeper.author
        around = {one.root.id: one for one in await self._conversations_of_mine(limits.MAX_FACTS)}
        found = await self._keeper.in_thread(facts, me, list(around.values()))
        learned = [around[one] for one in (*found.received, *found.adopted)]
        names = await self._lookup.names()
        brought = await self._keeper.read(store_receipts.brought)
        givers = sorted(brought, key=lambda author: (-brought[author], author))[: limits.DEFAULT_FEED]
        return {
            "view": config.get(self._home, "view"),
            "received": {
                "count": len(learned),
                "requests": _counted(found.received),
                "adopted": _counted(found.adopted),
            },
            "passed_on": {
                "count": len(found.answered) + len(found.passed_on),
                "answered": _counted(found.answered),
                "snippets": _counted(found.passed_on),
            },
            "recognition": {
                "adopted_by_others": _counted(found.adopted_by_others),
                "learned_from_me": _counted(found.learned_from_me),
                "thanks": _counted(found.thanks),
                "shown_with_my_help": _counted(found.taught),
            },
            "bytes": {
                "received": sum(brought.values()),
                "from": [{"author": one.hex(), "name": names.get(one, ""), "bytes": brought[one]} for one in givers],
            },
            "needed_by": [match_json(match, names) for match in await self._needed_by(learned)],
        }

    async def _needed_by(self, learned: list[Conversation]) -> list[Match]:
        """Open requests and wishes of others about what I learned last, of each person one."""
        latest = sorted(learned, key=lambda one: (-one.root.time, one.root.id))[: limits.NEWEST_OWN]
        mine = [learned_side(one, self._keeper.author) for one in latest]
        theirs, found = await self._others(sought(mine), DEEP)
        open_to_me = [one for one in theirs if one.to in (b"", self._keeper.author)]
        best: dict[bytes, Match] = {}
        for match in await self._matched(mine, open_to_me, found, limits.NEWEST_OF_AUTHOR * limits.MAX_NEEDED_BY):
            best.setdefault(match.theirs.author, match)
        return list(best.values())[: limits.MAX_NEEDED_BY]


def _counted(ids: list[bytes]) -> Answer:
    return {"count": len(ids), "ids": [one.hex() for one in ids]}
