"""Bringing an attachment here from peers that hold it: the root, then what is missing under it, several blocks at once from several peers.

Nothing is trusted but hashes. The size that the record gives decides how many blocks there may be and how long each is, so a peer cannot
make this node fetch more. Each block is kept as it comes: a fetch that was cut off goes on where it stopped. A peer that sends bytes
under a wrong name is blamed; one that is slow or gone is only left out.

Must not know how blocks travel, nor who may have which.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import trio

from p2plearn import limits
from p2plearn.errors import AttachmentAway, ConnectionLost, P2plearnError, PeerFault
from p2plearn.node.net.network import Network
from p2plearn.node.store.blocks import BlockStore, broken_if_faulty, walk
from p2plearn.protocol import cid as cids
from p2plearn.protocol import dag

Progress = Callable[[int, int], None]
Brought = Callable[[str, int], None]


async def fetch_attachment(
    network: Network,
    blocks: BlockStore,
    cid: bytes,
    size: int,
    peers: Iterable[str],
    *,
    progress: Progress | None = None,
    brought: Brought = lambda _peer, _size: None,
) -> None:
    """Have the file `cid` of `size` bytes whole in `blocks`. `progress(done, total)` is called in bytes, from what is here already on.

    `brought(peer, size)` is called for each block that came.
    Raises AttachmentAway when some of it is with none of `peers`, AttachmentBroken when it is not such a file, DiskFull. What came
    until then is kept. Two fetches of one file at a time are harmless and wasteful.
    """
    fetch = _Fetch(network, blocks, cid, size, progress=progress or (lambda _done, _total: None), brought=brought)
    with broken_if_faulty(cid):
        await fetch.learn([dag.root(cid, size)])
    async with trio.open_nursery() as nursery:
        for peer in dict.fromkeys(peers):
            for _ in range(limits.FETCH_PER_PEER):
                nursery.start_soon(fetch.ask, peer, nursery.cancel_scope)
    if fetch.failure is not None:
        raise fetch.failure
    if fetch.missing:
        raise AttachmentAway(cid=cids.to_text(cid))


class _Want(NamedTuple):
    piece: dag.Piece
    refused: set[str]  # peers that do not have it


class _Fetch:
    """One file under way. A block that stands in several places of the file is wanted once."""

    def __init__(self, network: Network, blocks: BlockStore, cid: bytes, size: int, *, progress: Progress, brought: Brought) -> None:
        self._network = network
        self._blocks = blocks
        self._cid = cid
        self._size = size
        self._progress = progress
        self._brought = brought
        self._done = 0
        self._places: dict[bytes, int] = {}  # bytes of the file that a wanted block stands for
        self._waiting: dict[bytes, _Want] = {}
        self._asked = 0
        self._change = trio.Event()
        self._slots = trio.Semaphore(limits.FETCH_AT_ONCE)
        self._out: set[str] = set()  # peers not asked any more
        self.failure: P2plearnError | None = None

    @property
    def missing(self) -> bool:
        return bool(self._waiting)

    async def learn(self, pieces: Iterable[dag.Piece]) -> None:
        """Count what is here of `pieces` and want the rest."""
        for each, held in await trio.to_thread.run_sync(lambda: [known for piece in pieces for known in walk(self._blocks, piece)]):
            share = 0 if each.depth else each.size
            if held:
                self._done += share
            elif each.cid in self._places:
                self._places[each.cid] += share
            else:
                self._places[each.cid] = share
                self._waiting[each.cid] = _Want(each, set())
        self._progress(self._done, self._size)

    async def ask(self, peer: str, whole: trio.CancelScope) -> None:
        """Ask one peer for one block after the other, as long as there is any that it may have.

        Several of these run for each peer. One whose block did not come in time ends, so that a slow peer is asked for less at once.
        """
        try:
            while peer not in self._out and (self._waiting or self._asked):
                want = next((want for want in self._waiting.values() if peer not in want.refused), None)
                if want is not None:
                    await self._bring(peer, want)
                elif self._asked:
                    await self._change.wait()
                else:
                    return
        except trio.TooSlowError:
            return
        except P2plearnError as error:
            self.failure = error
            whole.cancel()

    async def _bring(self, peer: str, want: _Want) -> None:
        """Try to get one block from one peer; it waits again if that fails."""
        del self._waiting[want.piece.cid]
        self._asked += 1
        arrived = False
        try:
            async with self._slots:
                with trio.fail_after(limits.BLOCK_TIMEOUT):
                    block = await self._network.fetch_block(peer, want.piece.cid)
                if block is None:
                    want.refused.add(peer)
                else:
                    await self._keep(want.piece, block)
                    arrived = True
                    self._brought(peer, len(block))
        except ConnectionLost:
            self._out.add(peer)
        except PeerFault as fault:
            if peer not in self._out:  # one lie ends all that the peer was asked for
                self._network.blame(peer, fault.reason)
            self._out.add(peer)
        finally:
            self._asked -= 1
            if not arrived:
                self._waiting[want.piece.cid] = want
            self._change.set()
            self._change = trio.Event()

    async def _keep(self, piece: dag.Piece, block: bytes) -> None:
        """Store what arrived and go on below it. Raises PeerFault when it has not the CID, AttachmentBroken when it has and is wrong."""
        await trio.to_thread.run_sync(self._blocks.put, piece.cid, block)
        share = self._places.pop(piece.cid)
        self._done += share
        with broken_if_faulty(self._cid):
            try:
                await self.learn(dag.children(piece, block))
            except PeerFault:
                await trio.to_thread.run_sync(self._blocks.delete, piece.cid)
                raise
