"""Where the blocks of attachments lie: one file for each, named by its CID, under the home's `blocks`.

A block is either there whole or not there: it is written beside, flushed and then renamed, so a crash or a power cut leaves at most a
leftover in `incoming`, which the next start removes. What is read is checked against its name again: a block that the disk has spoiled
is dropped and counts as not here, so that it is fetched anew instead of being passed on. Files that are here in part need no book-keeping
for the same reason. Every method blocks on the disk and may be called from any thread; one process at a time has the home.

Must not know records, quotas or peers.
"""

import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from p2plearn.errors import AttachmentAway, AttachmentBroken, DiskFull, PeerFault
from p2plearn.protocol import cid as cids
from p2plearn.protocol import dag

_INCOMING = "incoming"


class BlockStore:
    """The blocks under `directory`, which is made when it is not there. CIDs are bytes, as `protocol.cid` reads them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._incoming = directory / _INCOMING
        self._lock = threading.Lock()
        self._total: int | None = None
        self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        for leftover in self._incoming.iterdir():
            leftover.unlink()

    def put(self, cid: bytes, data: bytes) -> bool:
        """Keep a block; it is safe on the disk when this returns. False when it was here already.

        Raises PeerFault("block") when `data` is not the block called `cid`, DiskFull when there is no room.
        """
        if not cids.matches(cid, data):
            raise PeerFault("block", "its bytes do not have its CID")
        path = self._path(cid)
        if path.exists():
            return False
        try:
            temporary = self._write_beside(data)
            if not path.parent.exists():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                _flush_directory(self._directory)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            raise DiskFull(free=shutil.disk_usage(self._directory).free) from None
        with self._lock:
            new = not path.exists()
            temporary.replace(path)
            if new and self._total is not None:
                self._total += len(data)
        _flush_directory(path.parent)
        return new

    def get(self, cid: bytes) -> bytes | None:
        """The block, its hash checked; None when it is not here."""
        try:
            data = self._path(cid).read_bytes()
        except FileNotFoundError:
            return None
        if not cids.matches(cid, data):
            self.delete(cid)
            return None
        return data

    def has(self, cid: bytes) -> bool:
        """Whether the block is here, without reading it."""
        return self._path(cid).exists()

    def delete(self, cid: bytes) -> bool:
        """Drop a block. False when it was not here."""
        path = self._path(cid)
        with self._lock:
            try:
                size = path.stat().st_size
                path.unlink()
            except FileNotFoundError:
                return False
            if self._total is not None:
                self._total -= size
        return True

    def total(self) -> int:
        """The bytes of all blocks; looks at every file the first time."""
        with self._lock:
            if self._total is None:
                self._total = sum(path.stat().st_size for path in self._paths())
            return self._total

    def __iter__(self) -> Iterator[bytes]:
        """The CIDs of all blocks, in no order."""
        return (cids.from_text(path.name) for path in self._paths())

    def _path(self, cid: bytes) -> Path:
        """The last character of a CID holds three bits only and the first ones are always the same: the two before the last spread best."""
        cids.codec_of(cid)
        text = cids.to_text(cid)
        return self._directory / text[-3:-1] / text

    def _paths(self) -> Iterator[Path]:
        return self._directory.glob("??/baf*")  # whatever else a desktop may leave in a directory is not ours

    def _write_beside(self, data: bytes) -> Path:
        handle, name = tempfile.mkstemp(dir=self._incoming)
        try:
            with open(handle, "wb") as file:  # noqa: PTH123  a handle is no path
                file.write(data)
                file.flush()
                os.fsync(handle)
        except OSError:
            Path(name).unlink()
            raise
        return Path(name)


def walk(blocks: BlockStore, piece: dag.Piece) -> Iterator[tuple[dag.Piece, bool]]:
    """`piece` and every known piece under it, leaves in the order of the file, and whether its block is here.

    What lies under a node that is not here is not known. Raises PeerFault("attachment") where a block is not what its place asks for.
    """
    ahead = [piece]
    while ahead:
        piece = ahead.pop()
        block = blocks.get(piece.cid) if piece.depth else None
        yield piece, block is not None if piece.depth else blocks.has(piece.cid)
        if block is not None:
            ahead.extend(reversed(dag.children(piece, block)))


def is_whole(blocks: BlockStore, cid: bytes, size: int) -> bool:
    """Whether every block of a file is here."""
    with suppress(PeerFault):
        return all(held for _, held in walk(blocks, dag.root(cid, size)))
    return False


def read_file(blocks: BlockStore, cid: bytes, size: int) -> Iterator[bytes]:
    """The bytes of a file, leaf by leaf. Raises AttachmentAway where one is missing, AttachmentBroken when it is another file."""
    with broken_if_faulty(cid):
        for piece, _ in walk(blocks, dag.root(cid, size)):
            data = blocks.get(piece.cid)
            if data is None:
                raise AttachmentAway(cid=cids.to_text(cid))
            if piece.depth == 0:
                dag.children(piece, data)
                yield data


def drop_file(blocks: BlockStore, cid: bytes, size: int, kept: Iterable[tuple[bytes, int]]) -> None:
    """Drop the blocks of a file except those that a file in `kept` (CIDs and sizes) has too: equal bytes are one block."""
    drop_files(blocks, [(cid, size)], kept)


def drop_files(blocks: BlockStore, files: Iterable[tuple[bytes, int]], kept: Iterable[tuple[bytes, int]]) -> None:
    """The same of several files, looking only once at those that stay."""
    going = set().union(*(_known(blocks, *file) for file in files))
    for other in kept:
        going -= _known(blocks, *other)
    for name in going:
        blocks.delete(name)


@contextmanager
def broken_if_faulty(cid: bytes) -> Iterator[None]:
    """Blocks that have their CIDs and still make no such file are the fault of the record that names it: AttachmentBroken."""
    try:
        yield
    except PeerFault as fault:
        raise AttachmentBroken(cid=cids.to_text(cid), reason=fault.detail) from None


def _known(blocks: BlockStore, cid: bytes, size: int) -> set[bytes]:
    found = set()
    with suppress(PeerFault):
        for piece, _ in walk(blocks, dag.root(cid, size)):
            found.add(piece.cid)
    return found


def _flush_directory(path: Path) -> None:
    """A new name is on the disk only when its directory is."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
