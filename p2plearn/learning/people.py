"""Who is here, as their own records say it. Must not know ranks, connections, or whom the viewer follows."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from p2plearn.learning.notation import Json, Names, iso_time
from p2plearn.protocol.authority import retractions
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import Profile
from p2plearn.protocol.records import Record

_UNKNOWN = Profile("")


@dataclass(frozen=True, slots=True)
class Person:
    """An author by their profile that holds: the one of greatest (seq, id) that was not taken back. Empty without one."""

    author: bytes
    profile: Profile = _UNKNOWN


def people(records: Iterable[Record]) -> dict[bytes, Person]:
    """Author key → Person, for each author with a profile among `records`: profiles and the retractions of them; others are harmless."""
    known = {record.id: record for record in records}
    gone = retractions(known.values())
    found = {}
    for record in sorted(known.values(), key=lambda record: record.order):
        profile = body_of(record)
        if isinstance(profile, Profile) and record.id not in gone:
            found[record.author] = Person(record.author, profile)
    return found


def names_of(known: Mapping[bytes, Person]) -> Names:
    """Author key → name, of those who gave one."""
    return {author: person.profile.name for author, person in known.items() if person.profile.name}


def named(names: Names, given: str) -> list[bytes]:
    """The authors who go by the name `given`, whatever its case, sorted by key. One: it is unique here. More: ambiguous."""
    wanted = _folded(given)
    return sorted(author for author, name in names.items() if _folded(name) == wanted) if wanted else []


def person_json(person: Person, last_seen: int | None, teaches: Iterable[str] = (), learns: Iterable[str] = ()) -> Json:
    """The contract's shape, with "about" and "open_to" beside it. `last_seen`: ms since 1970 of the newest sign of them, None for none."""
    return {
        "author": person.author.hex(),
        "name": person.profile.name,
        "teaches": sorted(teaches),
        "learns": sorted(learns),
        "last_seen": None if last_seen is None else iso_time(last_seen),
        "about": person.profile.about,
        "open_to": list(person.profile.open_to),
    }


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", " ".join(name.split()).casefold())
