"""Attachments between nodes: small ones are fetched as their records come, larger ones when somebody looks; peers we sync with get ours."""

import contextlib

import structlog
import trio

from p2plearn import limits
from p2plearn.errors import AttachmentAway, AttachmentBroken, DiskFull
from p2plearn.node.keeper import Keeper
from p2plearn.node.net.network import Network
from p2plearn.node.peers.fetching import fetch_attachment
from p2plearn.node.peers.syncing import Syncing
from p2plearn.node.store import quota as store_quota
from p2plearn.node.store.blocks import BlockStore, drop_file, is_whole
from p2plearn.node.store.store import Change
from p2plearn.protocol import cid as cids

_log = structlog.get_logger(__name__)


class Attaching:
    """What this node fetches unasked, and what it gives."""

    def __init__(self, keeper: Keeper, blocks: BlockStore, network: Network, syncing: Syncing) -> None:
        self._keeper = keeper
        self._blocks = blocks
        self._network = network
        self._syncing = syncing
        self._wanted: dict[bytes, int] = {}
        self._unnamed: dict[bytes, int] = {}  # files whose last record was removed
        self._changed = trio.Event()
        keeper.listen(self._on_change)
        network.on_connected(lambda _peer: self._wake())
        network.serve_blocks(self._give, syncing.serving.turn)

    async def fetch(self, cid: bytes, size: int) -> None:
        """Have a file here, from whoever is connected. Raises AttachmentAway, AttachmentBroken, DiskFull."""
        await self._keeper.reserve(cid, size, asked=True)
        await self._fetch(cid, size)

    async def _fetch(self, cid: bytes, size: int) -> None:
        """Fetch a file that counts already. One that turns out to be none counts no longer, and what came of it is dropped."""
        try:
            with trio.move_on_after(limits.FETCH_TIMEOUT):
                is_here = False
                while not is_here:  # blocks that were here as the fetch began may have made room meanwhile
                    await fetch_attachment(self._network, self._blocks, cid, size, list(self._syncing.links), brought=self._syncing.brought)
                    await self._keeper.count_file(cid, size)
                    is_here = await self._keeper.in_thread(is_whole, self._blocks, cid, size)
                return
        except AttachmentBroken:
            await self._keeper.uncount_file(cid)
            left = await self._keeper.read(store_quota.attachments)
            await self._keeper.in_thread(drop_file, self._blocks, cid, size, [file for file in left if file[0] != cid])
            raise
        raise AttachmentAway(cid=cids.to_text(cid))

    async def fetch_unasked(self) -> None:
        """For ever: get the small attachments that records here name."""
        for cid, size in await self._keeper.read(store_quota.attachments):
            self._want(cid, size)
        while True:
            self._changed = trio.Event()
            await self._drop_unnamed()
            for cid, size in list(self._wanted.items()):
                if not self._syncing.links or not await self._keeper.in_thread(self._keeper.store.has_room_for_peers):
                    break
                await self._try(cid, size)
            with trio.move_on_after(limits.ATTACHMENT_RETRY):
                await self._changed.wait()
            await trio.sleep(limits.ROUND_GAP)  # a peer that just connected has its hello before it

    async def _drop_unnamed(self) -> None:
        """A record may go by itself, when a check that was put off fails; what was fetched for it goes too."""
        unnamed, self._unnamed = self._unnamed, {}
        left = await self._keeper.read(store_quota.attachments) if unnamed else []
        for cid, size in unnamed.items():
            await self._keeper.in_thread(drop_file, self._blocks, cid, size, left)

    async def _try(self, cid: bytes, size: int) -> None:
        """Fetch a file unasked, if it fits the quota of somebody who names it. Where records differ about its size, try what each says."""
        try:
            for claimed in await self._keeper.read(store_quota.sizes, cid) or [size]:
                if claimed <= limits.UNASKED_ATTACHMENT and await self._keeper.reserve(cid, claimed, asked=False):
                    with contextlib.suppress(AttachmentBroken):
                        await self._fetch(cid, claimed)
                        break
        except AttachmentAway:
            return
        except DiskFull as error:
            _log.info("an attachment is left out", reason=str(error))
        self._wanted.pop(cid, None)

    def _on_change(self, change: Change, source: str | None) -> None:
        if change.files:
            self._unnamed |= change.files
            for cid in change.files:
                self._wanted.pop(cid, None)
            self._wake()
        if source is not None:
            for record in change.added:
                for item in record.attachments:
                    self._want(item.cid, item.size)

    def _want(self, cid: bytes, size: int) -> None:
        if size <= limits.UNASKED_ATTACHMENT and len(self._wanted) < limits.MAX_WANTED_ATTACHMENTS:
            self._wanted[cid] = size
            self._wake()

    async def _give(self, peer: str, cid: bytes) -> bytes | None:
        """A block for a peer whose session covers the commons, which all blocks here belong to."""
        if peer not in self._syncing.links:
            return None
        return await self._keeper.in_thread(self._blocks.get, cid)

    def _wake(self) -> None:
        self._changed.set()
