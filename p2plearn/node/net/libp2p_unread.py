"""What all connections of a node hold unread, together: a bound on each stream alone would let many peers fill the memory.

Knows nothing of frames.
"""

from typing import Protocol

import structlog

from p2plearn.limits import MAX_UNREAD_BYTES

_log = structlog.get_logger(__name__)


class Connection(Protocol):
    """Something that holds unread bytes."""

    def abort(self) -> None:
        """End it, and so forget the bytes, at once."""


class Unread:
    """Bytes that came and were not read, by connection. Beyond MAX_UNREAD_BYTES the one that holds most is ended."""

    def __init__(self) -> None:
        self._bytes: dict[Connection, int] = {}
        self._total = 0

    def __repr__(self) -> str:
        return f"<Unread {self._total} B of {len(self._bytes)} connections>"

    def of(self, conn: Connection) -> int:
        return self._bytes.get(conn, 0)

    def add(self, conn: Connection, size: int) -> None:
        """So many bytes more lie unread on `conn`."""
        self._total += size
        self._bytes[conn] = self.of(conn) + size
        if self._total > MAX_UNREAD_BYTES:
            heaviest = max(self._bytes, key=self._bytes.__getitem__)
            _log.info("too much lies unread: the connection with most of it is ended", connection=repr(heaviest))
            heaviest.abort()

    def remove(self, conn: Connection, size: int) -> None:
        """So many were read, or are lost."""
        self._total -= size
        left = self._bytes.pop(conn, 0) - size
        if left:
            self._bytes[conn] = left
