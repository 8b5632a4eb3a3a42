"""The façade's word on whom to ask first: `ledger.routing` decides. It is a suggestion: a request is for everybody all the same."""

from collections.abc import Collection, Sequence
from functools import partial

from p2plearn import limits
from p2plearn.learning.asking import helper_json
from p2plearn.ledger.routing import ask_first
from p2plearn.node.service.parts import Answer
from p2plearn.node.service.willing import Willing
from p2plearn.node.store import local as store_local


class Routing(Willing):
    """Finds the few who are most likely to help."""

    async def _ask_first(self, topics: Sequence[str], without: Collection[bytes]) -> list[Answer]:
        """[{"author", "name", "topic", "near", "teaching", "why", "new"}], at most four: whom to ask about the first ASK_TOPICS topics.

        "new": in the place kept for a newcomer; "near" and "teaching" as in `people`. Nobody of those in `without`.
        """
        me, seen, names = self._keeper.author, await self._keeper.read(store_local.last_seen), await self._lookup.names()
        found = [(topic, await self._helpers(topic, seen)) for topic in topics[: limits.ASK_TOPICS]]
        others = [(topic, [helper for helper in helpers if helper.author not in without]) for topic, helpers in found]
        order = await self._keeper.in_thread(partial(ask_first, others, me, self._keeper.clock.now_ms()))
        return [
            {"author": one.helper.author.hex(), "name": names.get(one.helper.author, ""), "topic": one.topic}
            | helper_json(one.helper, me)
            | {"new": one.is_new}
            for one in order
        ]
