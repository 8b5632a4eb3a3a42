"""Receipts from a file: a line of JSON for each, about people and things that go by any names.

    {"issuer": "ann", "provider": "bob", "kind": "solve", "slot": "request 7", "topic": "bread", "at": 1763800000}

Must not know how anybody is ranked.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from p2plearn.ledger.entries import UNITS
from p2plearn.ledger.receipts import Receipt

_FAR = 1e13  # seconds: some 300,000 years, which records can tell just so
_TOLD = 300  # characters of what is wrong with a line
_SERVED = "served"
_SOLVED = "solve"
_ONE_OF = {"verdict": _SOLVED, "adopt-tried": "adopt", "adopt-using": "adopt", "adopt-passed-on": "adopt"}  # kinds that share their slots


class Unreadable(Exception):
    """The file does not say what it should; the message says where and why."""


class Edge(msgspec.Struct, frozen=True):
    """One line. `at`: seconds since 1970; `bytes` are those `served`. That alone may go without a time or a slot; then each line counts."""

    issuer: str
    provider: str
    kind: Literal["verdict", "solve", "adopt-tried", "adopt-using", "adopt-passed-on", "thanks", "served"]
    slot: str | None = None
    topic: str | None = None
    at: Annotated[float, msgspec.Meta(ge=-_FAR, le=_FAR)] | None = None
    bytes: Annotated[float, msgspec.Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        if self.kind != _SERVED and (self.slot is None or self.at is None):
            raise ValueError("what is receipted needs a `slot` and a time, `at`")

    @property
    def subject(self) -> tuple[str, ...]:
        """What it is about: of the lines about one thing the latest holds."""
        kind, slot = _ONE_OF.get(self.kind, self.kind), self.slot or ""
        return (kind, self.issuer, slot) if kind == _SOLVED else (kind, self.issuer, slot, self.provider)

    @property
    def order(self) -> tuple[float, str, str, str, float]:
        """Later ones count instead of earlier ones; at the same time, any fixed order will do."""
        return self.at or 0.0, self.kind, self.provider, self.topic or "", self.bytes

    def receipt(self) -> Receipt:
        """The same, as the ledger knows it."""
        kind, slot = _ONE_OF.get(self.kind, self.kind), (self.slot or "").encode()
        units, topics = UNITS[self.kind.removeprefix("adopt-")], (self.topic,) if self.topic else ()
        return Receipt(self.issuer.encode(), self.provider.encode(), kind, slot, units, int((self.at or 0.0) * 1000), topics, slot)


@dataclass(frozen=True)
class Edges:
    """The edges that hold, earliest first, and the time up to which they go."""

    held: list[Edge]
    now_ms: int

    def receipts(self) -> list[Receipt]:
        """All but those for bytes."""
        return [edge.receipt() for edge in self.held if edge.kind != _SERVED]

    def brought(self, me: str) -> dict[bytes, int]:
        """Whose node gave me how many bytes; what others say of that counts nothing."""
        found: dict[bytes, int] = defaultdict(int)
        for edge in self.held:
            if edge.kind == _SERVED and edge.issuer == me:
                found[edge.provider.encode()] += int(edge.bytes)
        return dict(found)


def read(path: Path) -> Edges:
    """The edges of a file. In each slot the latest holds; then whoever helped themselves is left out. Raises Unreadable."""
    latest: dict[tuple[str, ...], Edge] = {}
    now: float | None = None
    for number, edge in _lines(path):
        if edge.at is not None:
            now = edge.at if now is None else max(now, edge.at)
        subject = edge.subject if edge.slot is not None else (str(number),)
        known = latest.get(subject)
        if known is None or known.order < edge.order:
            latest[subject] = edge
    held = (edge for edge in latest.values() if edge.issuer != edge.provider)
    return Edges(sorted(held, key=lambda edge: (edge.order, edge.issuer, edge.slot or "")), int((now or 0.0) * 1000))


def _lines(path: Path) -> Iterator[tuple[int, Edge]]:
    """(number, edge) of each line that is not empty."""
    decoder = msgspec.json.Decoder(Edge)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        yield number, decoder.decode(line)
                    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                        raise Unreadable(f"{path}, line {number}: {str(error)[:_TOLD]}") from None
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from None
