"""What the parts of the façade share: the keeper, the lookup, the blocks, and folding conversations out of the store."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from p2plearn import limits
from p2plearn.errors import UsageError
from p2plearn.learning.conversation import Conversation
from p2plearn.learning.entries import Entry
from p2plearn.learning.items import item_json
from p2plearn.learning.upstream import made_from, upstream
from p2plearn.node.keeper import Keeper
from p2plearn.node.ranks import Ranks
from p2plearn.node.service.lookup import Lookup
from p2plearn.node.store import local as store_local
from p2plearn.node.store.blocks import BlockStore
from p2plearn.node.store.folds import Folds
from p2plearn.node.store.store import Stored
from p2plearn.paths import Home
from p2plearn.protocol.kinds import RE
from p2plearn.protocol.records import Record
from p2plearn.protocol.sealing import unseal
from p2plearn.protocol.wording import normalise_topic

Answer: TypeAlias = dict[str, Any]


class Part:
    """One part of the façade; all of them stand on the same keeper."""

    def __init__(self, home: Home, keeper: Keeper, blocks: BlockStore) -> None:
        self._home = home
        self._keeper = keeper
        self._blocks = blocks
        self._lookup = Lookup(keeper)
        self._folds = Folds(keeper.store)
        self._ranks = Ranks(keeper)

    async def _conversations(self, roots: Sequence[Stored]) -> list[tuple[Stored, Conversation]]:
        """Each readable root with its conversation, in the same order."""
        folded = await self._keeper.in_thread(self._folds.of, [root.record for root in roots])
        return [(root, conversation) for root, conversation in zip(roots, folded, strict=True) if conversation is not None]

    async def _upstream(self, root: Stored) -> list[Conversation]:
        """The conversation of a root, then that of what it was made from, and so on, as far as they are here."""
        held: dict[bytes, Conversation] = {}
        waiting = [root]
        while waiting and len(held) < limits.MAX_UPSTREAM:
            folded = [conversation for _, conversation in await self._conversations(waiting)]
            held.update((conversation.root.id, conversation) for conversation in folded)
            named = {source for conversation in folded for source in made_from(conversation)} - held.keys()
            waiting = await self._keeper.in_thread(self._keeper.store.get, sorted(named))
        return upstream(held[root.record.id], held) if root.record.id in held else []

    async def _items(self, found: Iterable[tuple[Stored, Conversation]]) -> list[Answer]:
        names = await self._lookup.names()
        return [item_json(conversation, names, stored.arrived) for stored, conversation in found]

    def _opened(self, entry: Entry) -> str:
        """The words of an entry; private ones if they are for this home's author, else none."""
        target = entry.record.target(RE) or b""
        return entry.text or unseal(entry.sealed, self._keeper.identity.author, entry.author, target) or ""

    async def keep_ranks(self) -> None:
        """For ever."""
        await self._ranks.run()

    async def stand(self) -> None:
        """Work out how people stand, by all that is here now."""
        await self._ranks.stand()

    async def _topic_scores(self, topic: str) -> Mapping[bytes, float]:
        """Author key → score in a topic, of everybody who has one."""
        return await self._ranks.scores(topic)

    async def _muted(self) -> "Muted":
        return Muted(await self._keeper.read(store_local.attitudes, "mute"))


class Muted:
    """What a person does not want to see: conversations of muted authors or about muted topics, and what muted authors say in others."""

    def __init__(self, targets: Iterable[store_local.Target]) -> None:
        muted = list(targets)
        self.authors = {target.name for target in muted if target.kind == "author"}
        self._topics = {target.name.decode() for target in muted if target.kind == "topic"}

    def __contains__(self, root: Record) -> bool:
        return root.author in self.authors or not self._topics.isdisjoint(root.topics)


def topic_of(given: str) -> str:
    """The topic a person means, with or without a “#” before it. Raises UsageError."""
    topic = normalise_topic(given.strip().removeprefix("#"))
    if not topic or len(topic.encode()) > limits.MAX_TOPIC:
        raise UsageError(reason=f"“{given[:80]}” cannot be a topic: it needs 1 to {limits.MAX_TOPIC} bytes")
    return topic


def limit_of(given: int) -> int:
    """A number of items within bounds. Raises UsageError."""
    if not 1 <= given <= limits.MAX_LIMIT:
        raise UsageError(reason=f"The limit is a number from 1 to {limits.MAX_LIMIT}")
    return given
