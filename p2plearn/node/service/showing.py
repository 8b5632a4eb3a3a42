"""The façade's reading half: one thing whole, with all that was said about it and what it came from. Changes nothing."""

from collections.abc import Iterable, Sequence

from p2plearn import limits
from p2plearn.errors import PeerFault, UsageError
from p2plearn.learning.alone import alone_json
from p2plearn.learning.conversation import Conversation
from p2plearn.learning.notation import Names
from p2plearn.learning.views import Around, show_json
from p2plearn.node.service.parts import Answer, Muted, Part
from p2plearn.node.store import local as store_local
from p2plearn.node.store.blocks import BlockStore, walk
from p2plearn.node.store.store import Stored
from p2plearn.protocol import cid, dag
from p2plearn.protocol.kinds import FROM, RETRACTS, SIMILAR, VARIANTS
from p2plearn.protocol.records import Record


class Showing(Part):
    """`show`, from what is here."""

    async def show(self, id: str) -> Answer:  # noqa: A002  # the contract's name
        """One conversation whole: the original that ID names, or that what ID names is about; or what stands for itself."""
        root, meant = await self._lookup.root(id)
        found = await self._conversations([root])
        if not found:
            return await self._alone(root, meant)
        conversation = found[0][1]
        names, around, muted = await self._lookup.names(), await self._around(root), await self._muted()
        return await self._keeper.in_thread(lambda: self._everything_said(conversation, names, around, muted))

    async def _alone(self, root: Stored, meant: Record) -> Answer:
        """What no conversation hangs on. Raises UsageError for what this program cannot read."""
        said = await self._naming(root.record, RETRACTS)
        held_by = await self._keeper.read(store_local.held_by, root.record.id)
        shown = alone_json(root.record, (stored.record for stored in said), await self._lookup.names(), held_by)
        if shown is None:
            raise UsageError(reason=f"This is a {meant.kind} that cannot be read here: a newer program may have written it")
        _hide(shown, await self._muted())
        return shown | {"verified": not await self._keeper.in_thread(self._keeper.store.unverified_among, [root.record.id])}

    def _everything_said(self, conversation: Conversation, names: Names, around: Around, muted: Muted) -> Answer:
        """All of it, off the event loop: thousands may have said something, or sealed it."""
        shown = show_json(conversation, names, around)
        for part, entry in zip(shown["thread"], (e for e in conversation.thread if not e.is_opinion), strict=True):
            part["text"] = self._opened(entry)
        _hide(shown, muted)
        ids = [conversation.root.id, *(bytes.fromhex(part["id"]) for part in [*shown["thread"], *shown["history"]])]
        shown["verified"] = not self._keeper.store.unverified_among(ids)
        files = [file for part in (shown, *shown["thread"], *shown["corrections"]) for file in part["attachments"]]
        here = {file: _is_here(self._blocks, *file) for file in {(file["cid"], file["size"]) for file in files}}
        for file in files:
            file["here"] = here[file["cid"], file["size"]]
        return shown

    async def _around(self, root: Stored) -> Around:
        """What stands around a root here; what was taken back of it does not."""
        record = root.record
        forks = [stored for relation in VARIANTS for stored in await self._naming(record, relation)]
        alike = [*await self._held(record.targets(SIMILAR)), *await self._naming(record, SIMILAR)]
        return Around(
            variants=_standing(await self._folded(forks)),
            sources=(await self._upstream(root))[1:],
            similar=_standing(await self._folded(alike[: limits.MAX_AROUND])),
            passed_on=_standing(await self._folded(await self._naming(record, FROM))),
            held_by=await self._keeper.read(store_local.held_by, record.id),
        )

    async def _held(self, ids: Sequence[bytes]) -> list[Stored]:
        return await self._keeper.in_thread(self._keeper.store.get, ids)

    async def _naming(self, record: Record, relation: str) -> list[Stored]:
        return await self._keeper.in_thread(self._keeper.store.about, [record.id], relation, limits.MAX_AROUND)

    async def _folded(self, roots: Sequence[Stored]) -> list[Conversation]:
        return [conversation for _, conversation in await self._conversations(roots)]


def _standing(conversations: Iterable[Conversation]) -> list[Conversation]:
    return [conversation for conversation in conversations if conversation.reason is None]


def _hide(shown: Answer, muted: Muted) -> None:
    """What muted authors say in another's conversation keeps its place, without words: so answers to it stay where they belong."""
    for part in ("thread", "corrections", "reactions", "adoptions", "upstream"):
        for entry in shown[part]:
            if bytes.fromhex(entry["author"]["key"]) in muted.authors:
                entry.update({"text": "", "muted": True} | ({"attachments": []} if "attachments" in entry else {}))


def _is_here(blocks: BlockStore, name: str, size: int) -> bool:
    """Whether a file can be read here without a peer."""
    try:
        return all(here for _, here in walk(blocks, dag.root(cid.from_text(name), size)))
    except PeerFault:
        return False
