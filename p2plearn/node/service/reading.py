"""The façade's reading half: feed, requests, search, similar. Changes nothing but the full-text index.

Every answer includes every record committed before it was asked for.
"""

import re
import unicodedata
from collections.abc import AsyncIterator
from functools import partial
from typing import NamedTuple

import trio

from p2plearn import limits
from p2plearn.errors import UsageError
from p2plearn.learning.conversation import CLOSED, Conversation
from p2plearn.learning.similar import Candidate, similar
from p2plearn.ledger.finding import boost, lacks_newcomer, with_newcomer
from p2plearn.node.keeper import Keeper
from p2plearn.node.service.parts import Answer, Part, limit_of, topic_of
from p2plearn.node.store import words as store_words
from p2plearn.node.store.blocks import BlockStore
from p2plearn.node.store.store import Stored
from p2plearn.paths import Home
from p2plearn.protocol.kinds import ORIGINALS, ROOT, Request
from p2plearn.protocol.records import Record
from p2plearn.protocol.wording import one_line

_FOLDED = 50  # conversations folded at a time
_LEFT_OUT = "A great many records have just come; the last of them are not searched yet."
_WHOLE_WORDS_ONLY = "So much here begins like these words that only whole words were looked for. Write them out to find more."


class Reading(Part):
    """Answers from what is here."""

    def __init__(self, home: Home, keeper: Keeper, blocks: BlockStore) -> None:
        super().__init__(home, keeper, blocks)
        self._searching = trio.CapacityLimiter(1)  # so that others have a connection to read with, however many search

    async def feed(self, topic: str | None = None, kind: str | None = None, limit: int = limits.DEFAULT_FEED) -> Answer:
        """Originals, newest first: snippets, requests, offers and wanteds."""
        if kind is not None and kind not in ORIGINALS:
            raise UsageError(reason=f"There is no kind “{kind[:40]}” in the feed; there are {', '.join(ORIGINALS)}")
        return {"items": await self._newest([kind] if kind else list(ORIGINALS), topic, limit)}

    async def requests(self, topic: str | None = None, open: bool = False, limit: int = limits.DEFAULT_FEED) -> Answer:  # noqa: A002  # the contract's name
        """Requests, newest first; with `open`, those still waiting for help or an end."""
        return {"items": await self._newest([Request.kind], topic, limit, only_open=open)}

    async def search(self, query: str, topic: str | None = None, limit: int = limits.DEFAULT_FEED) -> Answer:
        """Snippets and requests that contain every word of the query, in themselves or in what was said about them, best first.

        Whose words they are counts a little; one of the first places is for somebody who counts for nothing yet (`ledger.finding`).
        """
        words = _words(query)
        count = limit_of(limit)
        wanted = topic_of(topic) if topic is not None else None
        most = min(limits.MAX_MATCHES, max(limits.RANKED, count))
        async with self._searching:
            whole = await self._indexed()
            standing = self._keeper.standing
            find = partial(store_words.match, words=words, topic=wanted, limit=most, boost=lambda record: boost(standing, record.author))
            found = await self._keeper.read(find)
            hits = await self._with_newcomer([hit async for hit in self._visible(found.records, count)], found.records)
            items = await self._items((hit.root, hit.conversation) for hit in hits)
        answer: Answer = {"items": [item | {"snippet": _excerpt(_text(hit.found), words)} for item, hit in zip(items, hits, strict=True)]}
        notes = [*([] if whole else [_LEFT_OUT]), *([_WHOLE_WORDS_ONLY] if found.whole_words_only else [])]
        return answer | {"notes": notes} if notes else answer

    async def similar(self, text: str) -> Answer:
        """What is here already that resembles a text: to be looked at before asking."""
        words = sorted(_split(text[: limits.MAX_RECORD]), key=len, reverse=True)[: limits.MAX_WORDS]
        async with self._searching:
            await self._indexed()
            matches = await self._keeper.read(lambda db: store_words.match_any(db, words, limit=limits.MAX_CANDIDATES))
            held = {hit.root.record.id: hit async for hit in self._visible(matches, limits.MAX_CANDIDATES)}
        candidates = [Candidate(record_id, hit.conversation.title, hit.conversation.text) for record_id, hit in held.items()]
        best = similar(text[: limits.MAX_RECORD], candidates)
        items = await self._items((held[match.candidate.id].root, held[match.candidate.id].conversation) for match in best)
        return {"similar": [item | {"score": round(match.score, 3)} for item, match in zip(items, best, strict=True)]}

    async def _with_newcomer(self, hits: list["_Hit"], found: list[Record]) -> list["_Hit"]:
        """The hits, with the best of somebody unranked among the first if there is any, and none there yet."""
        standing, me = self._keeper.standing, self._keeper.author
        if not lacks_newcomer(hits, lambda hit: hit.found.author != me and not standing.is_ranked(hit.found.author)):
            return hits
        theirs = [record for record in found if record.author != me and not standing.is_ranked(record.author)]
        for best in [hit async for hit in self._visible(theirs, 1)]:
            hits = with_newcomer([hit for hit in hits if hit.root != best.root], best, len(hits))
        return hits

    async def _indexed(self) -> bool:
        """Let the index catch up, as long as a person would wait; whether it has."""
        with trio.move_on_after(limits.INDEX_WAIT) as waiting:
            await self._keeper.index_words()
        return not waiting.cancelled_caught

    async def name_of(self, author: str) -> Answer:
        """The name that an author goes by, empty when none is known."""
        return {"name": (await self._lookup.names()).get(bytes.fromhex(author), "")}

    async def _newest(self, kinds: list[str], topic: str | None, limit: int, *, only_open: bool = False) -> list[Answer]:
        wanted = topic_of(topic) if topic is not None else None
        count = limit_of(limit)
        muted = await self._muted()
        if only_open:
            await self._keeper.index_closed()
        read = partial(self._keeper.store.of_kinds, kinds, wanted, limit=count, only_open=only_open)
        found: list[tuple[Stored, Conversation]] = []
        page = await self._keeper.in_thread(read)
        while page:
            for stored, conversation in await self._conversations([root for root in page if root.record not in muted]):
                hidden = conversation.state in CLOSED if only_open else conversation.reason is not None
                if not hidden:
                    found.append((stored, conversation))
            if len(found) >= count or len(page) < count:
                break
            page = await self._keeper.in_thread(partial(read, after=page[-1].place))
        return await self._items(found[:count])

    async def _visible(self, matches: list[Record], count: int) -> AsyncIterator["_Hit"]:
        """At most `count` conversations in which one of these records is to be seen, in their order; some are folded at a time.

        What was taken back, has no effect or comes from somebody muted is found by nobody.
        """
        muted = await self._muted()
        by_root: dict[bytes, list[Record]] = {}
        for record in matches:
            if record.author not in muted.authors:
                by_root.setdefault(record.target(ROOT) or record.id, []).append(record)
        ids = list(by_root)
        for at in range(0, len(ids), _FOLDED):
            roots = await self._keeper.in_thread(self._keeper.store.get, ids[at : at + _FOLDED])
            for root, conversation in await self._conversations([root for root in roots if root.record not in muted]):
                seen = _seen(conversation)
                first = next((record for record in by_root[root.record.id] if record.id in seen), None)
                if first is not None and conversation.reason is None and count > 0:
                    count -= 1
                    yield _Hit(root, conversation, first)
            if count <= 0:
                return


class _Hit(NamedTuple):
    """A conversation that was found, and the record in it that was."""

    root: Stored
    conversation: Conversation
    found: Record


def _seen(conversation: Conversation) -> set[bytes]:
    """The ids of the records whose words a reader of a conversation meets."""
    versions = {version.record.id for version in conversation.versions if version.reason is None}
    return versions | {entry.record.id for entry in conversation.thread if entry.reason is None}


def _text(record: Record) -> str:
    written = store_words.text_of(record)
    return written[1] if written else ""


def _words(query: str) -> list[str]:
    """The distinct words of a query. Raises UsageError for one that is too long or has none."""
    words = _split(query[: limits.MAX_RECORD])
    if len(query) > limits.MAX_QUERY or len(words) > limits.MAX_WORDS:
        raise UsageError(reason=f"A search has at most {limits.MAX_WORDS} words and {limits.MAX_QUERY} characters")
    if not words:
        raise UsageError(reason="There is no word to search for")
    return words


def _split(text: str) -> list[str]:
    """The distinct words of a text as they were typed: letters and digits with the marks that belong to them."""
    spaced = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in one_line(text))
    return list({word.casefold(): word for word in spaced.split() if any(map(str.isalnum, word))}.values())


def _excerpt(text: str, words: list[str]) -> str:
    """A piece of the text around the first word found, on one line; without one, its beginning."""
    line = " ".join(text.split())
    found = [match.start() for word in words if (match := re.search(rf"(?<!\w){re.escape(word)}", line, re.IGNORECASE))]
    start = max(0, min(found, default=0) - limits.EXCERPT // 4)
    piece = line[start : start + limits.EXCERPT]
    return ("…" if start else "") + piece + ("…" if start + limits.EXCERPT < len(line) else "")
