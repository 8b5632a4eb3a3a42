"""The façade's files: attachments in and out, export and import. Everything is a stream; nothing is held whole in memory.

What comes in is checked as if a peer had sent it: records by their signatures, blocks by their names, and a block is kept only
when a record here has asked for it.
"""

import mimetypes
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress

import trio

from p2plearn import limits
from p2plearn.errors import AttachmentBroken, BadBundle, NotFound, P2plearnError, PeerFault
from p2plearn.node.keeper import Keeper
from p2plearn.node.service.parts import Answer, Part, topic_of
from p2plearn.node.store import quota as store_quota
from p2plearn.node.store.blocks import BlockStore, read_file, walk
from p2plearn.protocol import bundle, cid, dag


class Files(Part):
    """Streams of bytes in and out."""

    async def put_attachment(self, chunks: AsyncIterator[bytes], name: str) -> Answer:
        """Keep a file to be attached; {"cid", "size", "type"}. Raises TooLarge."""
        builder = dag.Builder()
        async for chunk in chunks:
            await self._keep(builder.add(chunk))
        await self._keep(builder.finish())
        await self._keeper.count_file(builder.root.cid, builder.size)
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return {"cid": cid.to_text(builder.root.cid), "size": builder.size, "type": media_type}

    async def _keep(self, blocks: Iterable[dag.Block]) -> None:
        for block in blocks:
            await self._keeper.in_thread(self._blocks.put, *block)

    async def open_attachment(self, cid: str) -> tuple[int, AsyncIterator[bytes]]:
        """(size, its bytes) of an attachment that a record here names. Raises NotFound, AttachmentAway."""
        name = _name(cid)
        sizes = await self._keeper.read(store_quota.sizes, name)
        if not sizes:
            raise NotFound(given=cid[:80])
        size = await self._fetch_any(name, await self._keeper.in_thread(self._told_by_file, name, sizes))
        return size, _in_threads(read_file(self._blocks, name, size))

    def _told_by_file(self, name: bytes, sizes: list[int]) -> list[int]:
        """The one size of a file whose root is here, whatever records say; else `sizes`."""
        block = self._blocks.get(name)
        with suppress(PeerFault):
            if block is not None and (size := dag.file_size(name, block)) in sizes:
                return [size]
        return sizes

    async def _fetch_any(self, name: bytes, sizes: list[int]) -> int:
        """Have the file here under the first size that is true of it: whoever lies about one keeps nobody from the file. The size."""
        for size in sizes[:-1]:
            with suppress(AttachmentBroken):
                await self._fetch(name, size)
                return size
        await self._fetch(name, sizes[-1])
        return sizes[-1]

    async def _fetch(self, name: bytes, size: int) -> None:
        """Get what is missing of a file; without a network there is nowhere to get it, and reading says so."""

    # --- export and import ---

    async def export_bundle(self, topic: str | None = None) -> tuple[Answer, AsyncIterator[bytes]]:
        """({"records", "attachments", "bytes"}, the file): all that is here, or what carries a topic, with attachments that are whole.

        Raises NotFound when nothing carries the topic.
        """
        wanted = topic_of(topic) if topic is not None else None
        while await self._keeper.check_some():  # nothing goes out unchecked
            pass
        return await self._keeper.in_thread(self._measure, wanted)

    def _measure(self, topic: str | None) -> tuple[Answer, AsyncIterator[bytes]]:
        """Look through everything first: the size must be known before the first byte is sent, and a full disk has no room for a copy."""
        records = self._keeper.store.contents(topic)
        if topic is not None and not records:
            raise NotFound(given=topic)
        with self._keeper.store.reading() as db:
            named = store_quota.attachments(db, topic)
        files = [pieces for name, size in named if (pieces := self._whole(name, size))]
        blocks = [(piece, len(self._blocks.get(piece) or b"")) for pieces in files for piece in pieces]
        size = bundle.size_of([size for _, size in records], [size for _, size in blocks])
        counts = {"records": len(records), "attachments": len(files), "bytes": size}
        return counts, _in_threads(self._write([n for n, _ in records], [piece for piece, _ in blocks]))

    def _write(self, records: list[int], blocks: list[bytes]) -> Iterator[bytes]:
        writer = bundle.BundleWriter()
        yield writer.start()
        for at in range(0, len(records), limits.MAX_BATCH_RECORDS):
            part = records[at : at + limits.MAX_BATCH_RECORDS]
            raws = self._keeper.store.at(part)
            if len(raws) < len(part):
                raise P2plearnError(reason="something was forgotten while it was being exported; export once more")
            yield b"".join(map(writer.record, raws))
        for name in blocks:
            data = self._blocks.get(name)
            if data is None:
                raise P2plearnError(reason="a file went away while it was being exported; export once more")
            yield writer.block(name, data)
        yield writer.finish()

    def _whole(self, name: bytes, size: int) -> list[bytes]:
        """The CIDs of all blocks of a file, none unless every one is here and readable."""
        try:
            pieces = [piece for piece, _ in walk(self._blocks, dag.root(name, size))]
            for piece in pieces:
                if (block := self._blocks.get(piece.cid)) is None:
                    return []
                dag.children(piece, block)
        except PeerFault:
            return []
        return list(dict.fromkeys(piece.cid for piece in pieces))

    async def import_bundle(self, chunks: AsyncIterator[bytes], name: str) -> Answer:
        """Take in an export; {"new", "known", "refused", "attachments"}. Damage costs only what it lies in. Raises BadBundle."""
        reader = bundle.BundleReader()
        intake = _Intake(self._keeper, self._blocks, self._whole)
        try:
            async for chunk in chunks:
                await intake.take(reader.receive(chunk))
            await intake.take(reader.finish())
        except PeerFault as fault:
            raise BadBundle(name=name, reason=fault.detail) from None
        return await intake.finish()


class _Intake:
    """One import under way: gathers records into batches, and keeps the blocks that records ask for."""

    def __init__(self, keeper: Keeper, blocks: BlockStore, whole: Callable[[bytes, int], list[bytes]]) -> None:
        self._keeper = keeper
        self._blocks = blocks
        self._whole = whole
        self._raws: list[bytes] = []
        self._size = 0
        self._inner: dict[bytes, dag.Piece] = {}  # what lies under the nodes kept so far
        self._touched: dict[bytes, int] = {}
        self.new = self.known = 0
        self.refused: Counter[str] = Counter()

    async def take(self, events: Iterable[bundle.Event]) -> None:
        for event in events:
            match event:
                case bundle.RecordFound(raw):
                    self._raws.append(raw)
                    self._size += len(raw)
                    if len(self._raws) >= limits.MAX_BATCH_RECORDS or self._size >= limits.MAX_BATCH_BYTES:
                        await self._commit()
                case bundle.BlockFound(name, data):
                    await self._commit()
                    await self._keep(name, data)
                case bundle.Damaged():
                    self.refused["damaged"] += 1
                case bundle.Missing(records, blocks):
                    self.refused["damaged"] = records + blocks
                case bundle.CutShort():
                    self.refused["cut short"] += 1

    async def finish(self) -> Answer:
        await self._commit()
        whole = 0
        for name, size in self._touched.items():
            if await self._keeper.in_thread(self._whole, name, size):
                await self._keeper.count_file(name, size)
                whole += 1
        refused = [{"reason": reason, "count": count} for reason, count in sorted(self.refused.items()) if count]
        return {"new": self.new, "known": self.known, "refused": refused, "attachments": whole}

    async def _commit(self) -> None:
        if not self._raws:
            return
        raws, self._raws, self._size = self._raws, [], 0
        taken = await self._keeper.take(raws, None)
        self.new += len(taken.new)
        self.known += taken.known
        self.refused.update(taken.ignored)
        self.refused.update(taken.rejected)

    async def _keep(self, name: bytes, data: bytes) -> None:
        """Keep a block that is the root of a file some record names, or lies under one."""
        try:
            if not cid.matches(name, data):
                self.refused["block"] += 1
                return
            piece = self._inner.get(name)
            sizes = await self._keeper.read(store_quota.sizes, name)
            if sizes and (size := dag.file_size(name, data)) in sizes:
                piece = dag.root(name, size)
                self._touched[name] = size
            if piece is None:
                self.refused["unasked"] += 1
                return
            self._inner.update((below.cid, below) for below in dag.children(piece, data))
            await self._keeper.in_thread(self._blocks.put, name, data)
        except PeerFault as fault:
            self.refused[fault.reason] += 1


def _name(text: str) -> bytes:
    try:
        return cid.from_text(text)
    except PeerFault:
        raise NotFound(given=text[:80]) from None


async def _in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces of an iterator that blocks on the disk."""
    while (piece := await trio.to_thread.run_sync(next, pieces, None)) is not None:
        yield piece
