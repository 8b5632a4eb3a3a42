"""The façade's people: who teaches and learns what, offers and wishes, and whom to ask.

Must not know the network: who is near comes from whoever has one.
"""

from collections.abc import Callable, Mapping
from functools import partial

from p2plearn import limits
from p2plearn.errors import UsageError
from p2plearn.learning.asking import Helped, Helper, Near, helped_in, helper_json, whom_to_ask
from p2plearn.learning.compass import shared_json
from p2plearn.learning.declared import NOTHING
from p2plearn.learning.people import Person, person_json
from p2plearn.node.service.orienting import Orienting
from p2plearn.node.service.pairing import Pairing
from p2plearn.node.service.parts import Answer, topic_of
from p2plearn.node.service.saying import Attach, required, topics_of
from p2plearn.node.store import authored as store_authored
from p2plearn.node.store import local as store_local
from p2plearn.node.store.store import Stored
from p2plearn.protocol.kinds import Learn, Offer, Request, Teach, Wanted
from p2plearn.protocol.wording import prose


class Willing(Pairing, Orienting):
    """Says who is willing, and finds who is."""

    async def teach(self, topic: str, capacity: int | None = None) -> Answer:
        """Say that you help with a topic, and how many people at a time. A later word of yours about it replaces it."""
        if capacity is not None and not 1 <= capacity <= limits.MAX_CAPACITY:
            raise UsageError(reason=f"The capacity is a number of people from 1 to {limits.MAX_CAPACITY}")
        return await self._say(Teach(capacity or 0), topics=topics_of([topic]))

    async def learn(self, topic: str) -> Answer:
        """Say that you want to learn about a topic."""
        return await self._say(Learn(), topics=topics_of([topic]))

    async def offer(self, topics: list[str], text: str, attachments: Attach = []) -> Answer:  # noqa: B006  # a default of the local API
        """Offer something that you would show or teach anybody."""
        return await self._say(Offer(required("text", prose(text))), topics=topics_of(topics), attachments=attachments)

    async def wanted(self, topics: list[str], text: str, attachments: Attach = []) -> Answer:  # noqa: B006
        """Say what you would like to be shown or taught."""
        return await self._say(Wanted(required("text", prose(text))), topics=topics_of(topics), attachments=attachments)

    async def people(self, topic: str | None = None) -> Answer:
        """Everybody of whom something is here, who was seen last first; with a topic, whom to ask about it first. Without whom you mute."""
        seen = await self._keeper.read(store_local.last_seen)
        if topic is not None:
            return {"people": await self._whom_to_ask(topic_of(topic), seen)}
        everybody = {*seen, *await self._lookup.people()} - (await self._muted()).authors
        order = sorted(everybody, key=lambda author: (-seen.get(author, 0), author))
        describe = await self._describing(seen)
        return {"people": await self._keeper.in_thread(lambda: list(map(describe, order)))}

    async def _describing(self, seen: Mapping[bytes, int]) -> Callable[[bytes], Answer]:
        """Gives the object of one person by the key."""
        people, declared, shared = await self._lookup.people(), await self._lookup.declared(), await self._lookup.orientations()

        def describe(author: bytes) -> Answer:
            said = declared.get(author, NOTHING)
            person = person_json(people.get(author, Person(author)), seen.get(author), said.teaches, said.learns)
            return person | {"compass": shared_json(shared.get(author, {}))}

        return describe

    async def _whom_to_ask(self, topic: str, seen: Mapping[bytes, int]) -> list[Answer]:
        """Those who teach it, offer it, helped with it or wrote about it; and, last, those who want to learn it or asked about it."""
        me, now = self._keeper.author, self._keeper.clock.now_ms()
        helpers, describe = await self._helpers(topic, seen), await self._describing(seen)

        def rank() -> list[Answer]:
            order = whom_to_ask(helpers, me, now)[: limits.MAX_LIMIT]
            return [describe(helper.author) | helper_json(helper, me) for helper in order]

        return await self._keeper.in_thread(rank)

    async def _helpers(self, topic: str, seen: Mapping[bytes, int]) -> list[Helper]:
        """Everybody who has to do with a topic, in no order."""
        now, near, scores = self._keeper.clock.now_ms(), self._near(), await self._topic_scores(topic)
        said = {author: one for author, one in (await self._lookup.declared()).items() if topic in one.teaches or topic in one.learns}
        wrote = await self._keeper.read(store_authored.writers, topic)
        offers, wants = [await self._saying(kind, topic) for kind in (Offer.kind, Wanted.kind)]
        requests = await self._conversations(await self._newest_in(Request.kind, topic))
        asked = {request.root.author for _, request in requests if request.reason is None}
        muted = (await self._muted()).authors

        def gather() -> list[Helper]:
            helped = helped_in((request for _, request in requests), now)
            return [
                Helper(
                    author=author,
                    near=Near(near[author]) if author in near else None,
                    capacity=said.get(author, NOTHING).capacity(topic),
                    helped=helped.get(author, Helped()),
                    offers=author in offers,
                    wrote=author in wrote,
                    learns=author in wants or topic in said.get(author, NOTHING).learns,
                    asked=author in asked,
                    seen=seen.get(author, 0),
                    score=scores.get(author, 0.0),
                )
                for author in {*said, *helped, *wrote, *offers, *wants, *asked, *scores} - muted
            ]

        return await self._keeper.in_thread(gather)

    async def _saying(self, kind: str, topic: str) -> set[bytes]:
        """Whose offers or wishes stand, among the newest of a topic."""
        newest = [stored.record for stored in await self._newest_in(kind, topic)]
        gone = await self._taken_back(*newest)
        return {record.author for record in newest if record.id not in gone}

    async def _newest_in(self, kind: str, topic: str) -> list[Stored]:
        return await self._keeper.in_thread(partial(self._keeper.store.of_kinds, [kind], topic, limit=limits.NEWEST_ASKED))

    def _near(self) -> Mapping[bytes, float | None]:
        """Author key → latency in ms, None until measured, of everybody connected: nobody without a network."""
        return {}
