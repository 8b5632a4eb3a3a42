"""Who teaches and who learns what, as people themselves declare it, and the answers to the compass they share.

Of an author's words about the same thing the latest that was not taken back holds, by (seq, id). Must not know who is near, nor who helped.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from p2plearn import limits
from p2plearn.protocol.authority import retractions
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import Body, Compass, Learn, Teach
from p2plearn.protocol.records import Record


@dataclass(frozen=True, slots=True)
class Declared:
    """What one author declares: topic → the record that says so."""

    teaches: Mapping[str, Record] = field(default_factory=dict)
    learns: Mapping[str, Record] = field(default_factory=dict)

    def capacity(self, topic: str) -> int | None:
        """How many people at a time they teach this: 0 where they gave no number that anybody means, None where they do not teach it."""
        said = body_of(self.teaches[topic]) if topic in self.teaches else None
        if not isinstance(said, Teach):
            return None
        return said.capacity if 0 < said.capacity <= limits.MAX_CAPACITY else 0


NOTHING = Declared()


def declared(records: Iterable[Record]) -> dict[bytes, Declared]:
    """Author key → Declared, of everybody with a word that stands among teach and learn records and the retractions of them."""
    found: dict[bytes, tuple[dict[str, Record], dict[str, Record]]] = {}
    for record, body in _standing(records):
        if isinstance(body, Teach | Learn):
            said = found.setdefault(record.author, ({}, {}))[isinstance(body, Learn)]
            said.update((topic, record) for topic in record.topics)
    return {author: Declared(*said) for author, said in found.items() if any(said)}


def orientations(records: Iterable[Record]) -> dict[bytes, dict[int, Record]]:
    """Author key → question → the answer they share (its record), of compass records and the retractions of them."""
    found: dict[bytes, dict[int, Record]] = {}
    for record, body in _standing(records):
        if isinstance(body, Compass):
            found.setdefault(record.author, {})[body.question] = record
    return found


def _standing(records: Iterable[Record]) -> Iterator[tuple[Record, Body | None]]:
    """What was not taken back, each author's in their own order."""
    known = {record.id: record for record in records}
    gone = retractions(known.values())
    for record in sorted(known.values(), key=lambda record: record.order):
        if record.id not in gone:
            yield record, body_of(record)
