"""From what a person typed to what it names: ids and authors by unique prefix, authors by unique name, topics otherwise.

Who goes by which name, and who declares what, is folded once and kept (`kept`).

Raises NotFound, AmbiguousPrefix; must not know what is done with what is found.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from p2plearn import limits
from p2plearn.errors import AmbiguousPrefix, NotFound, UsageError
from p2plearn.learning.declared import Declared, declared, orientations
from p2plearn.learning.notation import Names
from p2plearn.learning.people import Person, named, names_of, people
from p2plearn.node.keeper import Keeper
from p2plearn.node.service.kept import Kept
from p2plearn.node.store.local import Target
from p2plearn.node.store.store import Stored
from p2plearn.protocol.kinds import ORIGINALS, ROOT, Compass, Learn, Profile, Teach
from p2plearn.protocol.records import KEY_SIZE, Record
from p2plearn.protocol.wording import normalise_topic

_HEX = re.compile(rf"[0-9a-f]{{{limits.MIN_PREFIX},64}}")
_SHOWN = 10  # candidates listed


class Lookup:
    """Finds things in one keeper's store."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._people = Kept(keeper, [Profile.kind], limits.MAX_PEOPLE, _with_names)
        self._declared = Kept(keeper, [Teach.kind, Learn.kind], limits.MAX_DECLARED, declared)
        self._orientations = Kept(keeper, [Compass.kind], limits.MAX_DECLARED, orientations)

    async def names(self) -> Names:
        """Author key → name, of everybody who gave one."""
        return (await self._people.get())[1]

    async def people(self) -> Mapping[bytes, Person]:
        """Author key → who they say they are, of everybody with a profile."""
        return (await self._people.get())[0]

    async def declared(self) -> Mapping[bytes, Declared]:
        """Author key → what they teach and learn, of everybody who says so."""
        return await self._declared.get()

    async def orientations(self) -> Mapping[bytes, Mapping[int, Record]]:
        """Author key → question → the answer to the compass that they share."""
        return await self._orientations.get()

    async def record(self, given: str) -> Stored:
        """The record meant by an id or a unique prefix of one."""
        ids = await self._by_prefix(given, "records")
        found = await self._keeper.in_thread(self._keeper.store.get, [_only(given, ids)])
        if not found:  # forgotten this very moment
            raise NotFound(given=given[:80])
        return found[0]

    async def root(self, given: str) -> tuple[Stored, Record]:
        """(the root of the conversation that the record meant belongs to, that record)."""
        found = await self.record(given)
        root_id = found.record.target(ROOT)
        if root_id is None or found.record.kind in ORIGINALS:  # an original is its own root, whatever else it claims
            return found, found.record
        held = await self._keeper.in_thread(self._keeper.store.get, [root_id])
        if not held:
            raise NotFound(given=root_id.hex())
        return held[0], found.record

    async def author(self, given: str) -> bytes:
        """The author meant by a key, a unique prefix of one, or a name that is unique here."""
        return _only(given, await self._authors(given))

    async def target(self, given: str) -> Target:
        """The author meant, if one is; else the topic of that name ("#name" is always a topic)."""
        if not given.startswith("#") and (keys := await self._authors(given)):
            return Target("author", _only(given, keys))
        if len(given.strip()) == 2 * KEY_SIZE and _HEX.fullmatch(given.strip().lower()):
            raise NotFound(given=given)  # the key of somebody who is not known here, and no topic
        topic = normalise_topic(given.removeprefix("#"))
        if not topic or len(topic.encode()) > limits.MAX_TOPIC:
            raise UsageError(reason=f"“{given[:80]}” is neither a topic nor anybody known here")
        return Target("topic", topic.encode())

    async def record_or_author(self, given: str) -> tuple[bytes | None, bytes | None]:
        """(record id, None) or (None, author key)."""
        ids = await self._by_prefix(given, "records")
        keys = await self._authors(given)
        found = _only(given, [*ids, *keys])
        return (found, None) if found in ids else (None, found)

    async def _authors(self, given: str) -> Sequence[bytes]:
        return await self._by_prefix(given, "authors") or named(await self.names(), given)

    async def _by_prefix(self, given: str, what: str) -> list[bytes]:
        text = given.strip().lower()
        if not _HEX.fullmatch(text):
            return []
        store = self._keeper.store
        search = store.starting_with if what == "records" else store.authors_starting_with
        even = len(text) // 2 * 2
        return await self._keeper.in_thread(search, bytes.fromhex(text[:even]), text[even:], _SHOWN)


def _with_names(records: Iterable[Record]) -> tuple[Mapping[bytes, Person], Names]:
    found = people(records)
    return found, names_of(found)


def _only(given: str, found: Sequence[bytes]) -> bytes:
    if not found:
        raise NotFound(given=given[:80])
    if len(found) > 1:
        raise AmbiguousPrefix(given=given[:80], candidates=[one.hex() for one in found])
    return found[0]
