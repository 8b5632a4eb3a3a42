"""The façade's ranking: who helps, as seen from here, and why, line by line. Worked out on this machine, for this machine.

Must not know how scores come about.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from p2plearn import config, limits
from p2plearn.errors import NotFound, UsageError
from p2plearn.learning.notation import Names, iso_time
from p2plearn.ledger.receipts import Receipt
from p2plearn.node.service.parts import Answer, Part, limit_of, topic_of
from p2plearn.node.store import authored as store_authored
from p2plearn.node.store import local as store_local
from p2plearn.node.store import receipts as store_receipts
from p2plearn.node.store.store import Store, Stored

if TYPE_CHECKING:
    from p2plearn.ledger.explaining import Explanation

_LEFT_OUT = "A great many records have just come; the last of them are not counted yet."


class Ranked(Part):
    """Says who helps."""

    async def rank(self, topic: str | None = None, limit: int = limits.MAX_LIMIT) -> Answer:
        """Who helps, best first, overall or in a topic; nobody muted. Where nothing speaks for anybody: who is here, last seen first."""
        count, about = limit_of(limit), None if topic is None else topic_of(topic)
        scores = await self._ranks.scores(about)
        order = sorted(scores, key=lambda author: (-scores[author], author)) or await self._by_freshness(about)
        muted = (await self._muted()).authors
        order = [author for author in order if author not in muted]
        names = await self._lookup.names()
        ranking = [
            {"author": author.hex(), "name": names.get(author, ""), "score": scores.get(author, 0.0), "rank": place}
            for place, author in enumerate(order[:count], 1)
        ]
        answer = {"ranking": ranking, "evidence": bool(scores), "topic": about, "view": config.get(self._home, "view")}
        return answer | self._lagging()

    async def why(self, author: str, topic: str | None = None) -> Answer:
        """Why somebody has their score: whose word it comes from, what is taken off, and the records behind it. The parts add up to it.

        "title" of a record: of what it is about; empty where that is hidden, null of those far down. "also", where the word is mine: what
        counts beside records, "follow" and "bytes".
        """
        about, key = None if topic is None else topic_of(topic), await self._lookup.author(author)
        if key == self._keeper.author:
            raise UsageError(reason="You are not in your own ranking: it says who helped you, and those you trust")
        names = await self._lookup.names()
        found = await self._ranks.explain(key, about)
        person: Answer = {"author": key.hex(), "name": names.get(key, ""), "topic": about} | self._lagging()
        if found is None or not found.parts:
            return person | {"score": 0.0, "rank": None, "parts": [], "discounts": [], "records": []}
        receipts = await self._keeper.in_thread(_behind, self._keeper.store, found, key, about)
        titles = await self._titles(receipt.record for issuer in receipts for receipt in receipts[issuer])
        parts: list[Answer] = [
            {"from": part.issuer.hex(), "name": names.get(part.issuer, ""), "score": part.score, "share": part.score / found.score}
            | {"records": [_receipt_json(receipt, titles) for receipt in receipts.get(part.issuer, [])]}
            for part in found.parts
        ]
        for part in parts:
            if part["from"] == self._keeper.author.hex() and about is None:
                part["also"] = await self._keeper.in_thread(_beside_records, self._keeper.store, key, bool(part["records"]))
        records = dict.fromkeys(record["id"] for part in parts for record in part["records"])
        person |= {"score": found.score, "rank": found.rank, "parts": parts}
        discounts = [_discount_json(*discount, names) for discount in found.discounts]
        return person | {"discounts": discounts, "records": list(records)}

    def _lagging(self) -> Answer:
        return {} if self._ranks.is_whole else {"notes": [_LEFT_OUT]}

    async def _titles(self, records: Iterable[bytes]) -> dict[bytes, str]:
        """Record → title of what it is about, of the first MAX_TITLED; empty of what was taken back or is muted."""
        roots: dict[bytes, Stored] = {}
        for record in islice(dict.fromkeys(records), limits.MAX_TITLED):
            with suppress(NotFound):  # it has just gone
                roots[record], _ = await self._lookup.root(record.hex())
        found, muted = await self._conversations(list({root.record.id: root for root in roots.values()}.values())), await self._muted()
        titles = {root.record.id: "" if root.record in muted else conversation.title for root, conversation in found}
        return {record: titles.get(root.record.id, "") for record, root in roots.items()}

    async def _by_freshness(self, topic: str | None) -> list[bytes]:
        """Who is here, the last seen first; with a topic, those who wrote about it or teach it."""
        seen = await self._keeper.read(store_local.last_seen)
        known = seen.keys() - {self._keeper.author}
        if topic is not None:
            teachers = {author for author, said in (await self._lookup.declared()).items() if topic in said.teaches}
            known &= teachers | await self._keeper.read(store_authored.writers, topic)
        return sorted(known, key=lambda author: (-seen[author], author))


def _behind(store: Store, found: "Explanation", helper: bytes, topic: str | None) -> dict[bytes, list[Receipt]]:
    """Issuer → their receipts for the helper, of the MAX_EXPLAINED greatest parts; with a topic, those about it."""
    issuers = [part.issuer for part in found.parts[: limits.MAX_EXPLAINED]]
    with store.reading() as db:
        every = {issuer: store_receipts.between(db, issuer, helper) for issuer in issuers}
    return {issuer: [one for one in receipts if topic is None or topic in one.topics] for issuer, receipts in every.items()}


def _beside_records(store: Store, helper: bytes, has_records: bool) -> list[str]:
    """What else of mine counts for somebody: that I follow them, and, little, what their laptop gave mine."""
    with store.reading() as db:
        follows = helper in store_local.followed(db)
        brought = store_receipts.brought(db).get(helper, 0) if has_records or follows else 0
    return ["follow"] * follows + ["bytes"] * (brought > 0)


def _receipt_json(receipt: Receipt, titles: Mapping[bytes, str]) -> Answer:
    one = {"id": receipt.record.hex(), "kind": receipt.kind, "at": iso_time(receipt.at), "units": receipt.units}
    return one | {"title": titles.get(receipt.record)}


def _discount_json(name: str, factor: float, through: bytes | None, names: Names) -> Answer:
    """`factor`: what is left; `through`: the one person, if it is for that."""
    one = {"name": name, "factor": factor, "through": None}
    return one if through is None else one | {"through": through.hex(), "through_name": names.get(through, "")}
