"""Records become edges, from the person helped to the helper. Each is signed by the one helped, so praise of oneself has no form.

An order-free fold: any order of the same records gives the same edges. Must not know ranks, weights over time, or who is looking.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from p2plearn.protocol.authority import has_effect, retractions
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import BY, ROOT, Request, Solve
from p2plearn.protocol.records import Record

UNITS = {"solve": 2.0}  # what a receipt of each kind is worth


@dataclass(frozen=True, slots=True)
class Edge:
    """That `beneficiary` was helped by `helper` (author keys) with `about`, a record id; `record` is the receipt itself."""

    beneficiary: bytes
    helper: bytes
    kind: str
    about: bytes
    record: Record

    @property
    def units(self) -> float:
        """What it counts before it ages."""
        return UNITS[self.kind]


def edges(records: Iterable[Record]) -> list[Edge]:
    """The edges that hold among `records`, by receipt id: one for each slot (issuer, request) at most.

    The latest (seq, id) of a slot holds, even where it names nobody or somebody whose reply is not here: the asker changed their mind.
    Retracted receipts and those without effect leave the slot first.
    Give the receipts, what they name, and the retractions; others are harmless.
    """
    held = {record.id: record for record in records}
    gone = retractions(held.values())
    slots: dict[tuple[bytes, bytes], Record] = {}
    for record in sorted(held.values(), key=lambda record: record.order):
        root = held.get(record.target(ROOT) or b"")
        body = body_of(record)
        if not isinstance(body, Solve) or record.id in gone or root is None or not isinstance(body_of(root), Request):
            continue
        if has_effect(record, body, root, held):
            slots[record.author, root.id] = record
    found = []
    for (issuer, request), record in slots.items():
        reply = held.get(record.target(BY) or b"")
        if reply is not None:
            found.append(Edge(issuer, reply.author, "solve", request, record))
    return sorted(found, key=lambda edge: edge.record.id)
