"""The façade's reading half: show, feed, requests, search, similar, people. Changes nothing but the full-text index.

Every answer includes every record committed before it was asked for.
"""

import re

from p2plearn import limits
from p2plearn.errors import PeerFault, UsageError
from p2plearn.learning.conversation import CLOSED, Conversation
from p2plearn.learning.people import Person, people, person_json
from p2plearn.learning.similar import Candidate, similar
from p2plearn.learning.views import show_json
from p2plearn.node import store_local, store_words
from p2plearn.node.blocks import BlockStore, walk
from p2plearn.node.parts import Answer, Part, limit_of, topic_of
from p2plearn.node.store import Stored
from p2plearn.protocol import cid, dag
from p2plearn.protocol.authority import ORIGINALS
from p2plearn.protocol.kinds import RETRACTS, ROOT, VARIANTS, Profile, Request
from p2plearn.protocol.records import parse

_WORD = re.compile(r"\w+")


class Reading(Part):
    """Answers from what is here."""

    async def show(self, id: str) -> Answer:  # noqa: A002  # the contract's name
        """One conversation whole: the snippet or request that ID names, or that the reply ID is about."""
        root, meant = await self._lookup.root(id)
        found = await self._conversations([root])
        if not found:
            raise UsageError(reason=f"This is a {meant.kind}, which stands for itself and has nothing more to show")
        store = self._keeper.store
        forks = [stored for relation in VARIANTS for stored in await self._keeper.in_thread(store.about, [root.record.id], relation)]
        variants = [variant for _, variant in await self._conversations(forks) if variant.reason is None]
        shown = show_json(found[0][1], await self._lookup.names(), variants)
        for attachment in shown["attachments"]:
            attachment["here"] = await self._keeper.in_thread(_is_here, self._blocks, attachment["cid"], attachment["size"])
        return shown

    async def feed(self, topic: str | None = None, kind: str | None = None, limit: int = limits.DEFAULT_FEED) -> Answer:
        """Snippets and requests, newest first."""
        if kind is not None and kind not in ORIGINALS:
            raise UsageError(reason=f"There is no kind “{kind[:40]}” in the feed; there are {' and '.join(ORIGINALS)}")
        return {"items": await self._newest([kind] if kind else list(ORIGINALS), topic, limit)}

    async def requests(self, topic: str | None = None, open: bool = False, limit: int = limits.DEFAULT_FEED) -> Answer:  # noqa: A002  # the contract's name
        """Requests, newest first; with `open`, those still waiting for help or an end."""
        return {"items": await self._newest([Request.kind], topic, limit, only_open=open)}

    async def search(self, query: str, topic: str | None = None, limit: int = limits.DEFAULT_FEED) -> Answer:
        """Snippets and requests that contain every word of the query, in themselves or in what was said about them, best first."""
        words = _words(query)
        wanted = topic_of(topic) if topic is not None else None
        muted = await self._is_muted()
        items = []
        matches = await self._matches(words, every=True)
        found = await self._conversations([root for root, _ in matches if root.record not in muted])
        excerpts = {root.record.id: excerpt for root, excerpt in matches}
        shown = [(root, conversation) for root, conversation in found if conversation.reason is None]
        if wanted is not None:
            shown = [(root, conversation) for root, conversation in shown if wanted in root.record.topics]
        shown = shown[: limit_of(limit)]
        for item, (root, _) in zip(await self._items(shown), shown, strict=True):
            items.append(item | {"snippet": _excerpt(excerpts[root.record.id], words)})
        return {"items": items}

    async def similar(self, text: str) -> Answer:
        """What is here already that resembles a text: to be looked at before asking."""
        matches = await self._matches(_words(text, strict=False), every=False)
        found = await self._conversations([root for root, _ in matches])
        held = {root.record.id: (root, conversation) for root, conversation in found if conversation.reason is None}
        candidates = [Candidate(record_id, c.title, c.text) for record_id, (_, c) in held.items()]
        best = similar(text[: limits.MAX_RECORD], candidates)
        items = await self._items(held[match.candidate.id] for match in best)
        return {"similar": [item | {"score": round(match.score, 3)} for item, match in zip(items, best, strict=True)]}

    async def people(self, topic: str | None = None) -> Answer:
        """Everybody of whom something is here; with a topic, those who wrote about it."""
        store = self._keeper.store
        seen = await self._keeper.read(store_local.last_seen)
        profiles = await self._keeper.in_thread(lambda: store.of_kinds([Profile.kind], limit=limits.MAX_PEOPLE))
        retractions = await self._keeper.in_thread(store.about, [stored.record.id for stored in profiles], RETRACTS)
        known = people(stored.record for stored in [*profiles, *retractions])
        wanted = set(seen) | set(known)
        if topic is not None:
            wanted &= await self._keeper.in_thread(store.authors_of_topic, topic_of(topic))
        order = sorted(wanted, key=lambda author: (-seen.get(author, 0), author))
        return {"people": [person_json(known.get(author, Person(author)), seen.get(author)) for author in order]}

    async def name_of(self, author: str) -> Answer:
        """The name that an author goes by, empty when none is known."""
        return {"name": (await self._lookup.names()).get(bytes.fromhex(author), "")}

    async def _newest(self, kinds: list[str], topic: str | None, limit: int, *, only_open: bool = False) -> list[Answer]:
        wanted = topic_of(topic) if topic is not None else None
        count = limit_of(limit)
        muted = await self._is_muted()
        store = self._keeper.store
        found: list[tuple[Stored, Conversation]] = []
        after: tuple[int, int] | None = None
        while len(found) < count:
            page = await self._keeper.in_thread(lambda after=after: store.of_kinds(kinds, wanted, after=after, limit=count))
            if not page:
                break
            after = await self._keeper.in_thread(store.position, page[-1].record.id)
            for stored, conversation in await self._conversations([root for root in page if root.record not in muted]):
                closed = conversation.state in CLOSED if only_open else conversation.reason is not None
                if not closed:
                    found.append((stored, conversation))
        return await self._items(found[:count])

    async def _matches(self, words: list[str], *, every: bool) -> list[tuple[Stored, str]]:
        """Roots whose conversation has the words, best first, with the text that had them."""
        await self._keeper.index_all()
        rows = await self._keeper.read(lambda db: store_words.match(db, words, every=every, limit=limits.MAX_MATCHES))
        texts: dict[bytes, str] = {}
        for raw, _ in rows:
            record = parse(raw)
            title_and_text = store_words.words_of(record) or ("", "")
            texts.setdefault(record.target(ROOT) or record.id, title_and_text[1])
        roots = await self._keeper.in_thread(self._keeper.store.get, list(texts))
        return [(root, texts[root.record.id]) for root in roots]


def _is_here(blocks: BlockStore, name: str, size: int) -> bool:
    """Whether a file can be read here without a peer."""
    try:
        return all(here for _, here in walk(blocks, dag.root(cid.from_text(name), size)))
    except PeerFault:
        return False


def _words(query: str, *, strict: bool = True) -> list[str]:
    """The distinct words of a query. Raises UsageError for one that is too long or has none; not strict: takes what fits."""
    words = list(dict.fromkeys(_WORD.findall(query[: limits.MAX_RECORD].casefold())))
    if strict and (len(query) > limits.MAX_QUERY or len(words) > limits.MAX_WORDS):
        raise UsageError(reason=f"A search has at most {limits.MAX_WORDS} words and {limits.MAX_QUERY} characters")
    if strict and not words:
        raise UsageError(reason="There is no word to search for")
    return words if strict else sorted(words, key=len, reverse=True)[: limits.MAX_WORDS]


def _excerpt(text: str, words: list[str]) -> str:
    """A piece of the text around the first word found, on one line."""
    line = " ".join(text.split())
    folded = line.casefold()
    at = min((found for word in words if (found := folded.find(word)) >= 0), default=0)
    start = max(0, at - limits.EXCERPT // 4)
    piece = line[start : start + limits.EXCERPT]
    return ("…" if start else "") + piece + ("…" if start + limits.EXCERPT < len(line) else "")
