"""What others make of a thing, side by side: corrections, reactions, thanks, adoptions. All worded, dated, and its author's to take back.

Of one author the later word about the same thing holds, by (seq, id). Nothing here is added up to a score.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from p2plearn.learning.conversation import Conversation
from p2plearn.learning.entries import Entry
from p2plearn.protocol.authority import takes_up
from p2plearn.protocol.kinds import RE, Adopt, Correction, Reaction, Revision, Thanks

WARNINGS = {"doesnt", "outdated", "dangerous"}  # reactions that whoever relies on a thing should hear of


@dataclass(frozen=True, slots=True)
class Adoption:
    """How far one author took up a snippet. `entry` is their latest word, `first` the first that stands.

    `named`: whom they learned it from, each with when they first said so (claimed, ms since 1970), whom they named last at the end.
    """

    author: bytes
    entry: Entry
    first: Entry
    named: tuple[tuple[bytes, int], ...]

    @property
    def stage(self) -> str:
        return self.entry.type

    @property
    def outcome(self) -> str:
        return _adopt(self.entry).outcome

    @property
    def learned_from(self) -> bytes:
        """Whom they named last, in this word or one before; empty for nobody."""
        return self.named[-1][0] if self.named else b""


def corrections(conversation: Conversation) -> list[tuple[Entry, bytes | None]]:
    """(correction, the id of the first revision that took it up) of all that stand, in the order of the thread."""
    revisions = [version.record for version in conversation.versions if isinstance(version.body, Revision) and version.reason is None]
    found = []
    for entry in conversation.standing:
        if isinstance(entry.body, Correction):
            by = next((revision.id for revision in revisions if takes_up(revision, entry.record)), None)
            found.append((entry, by))
    return found


def reactions(conversation: Conversation) -> list[Entry]:
    """The latest of each author about each thing, in the order of the thread."""
    latest: dict[tuple[bytes, bytes], Entry] = {}
    said = [entry for entry in conversation.standing if isinstance(entry.body, Reaction)]
    for entry in sorted(said, key=lambda entry: entry.record.order):
        latest[entry.author, entry.parent] = entry
    holding = {entry.record.id for entry in latest.values()}
    return [entry for entry in said if entry.record.id in holding]


def gratitude(conversation: Conversation) -> list[tuple[Entry, bytes]]:
    """(thanks, the author of what they are for) of all that stand, in the order of the thread; not where that is not here."""
    authors = conversation.authors
    said = ((entry, entry.record.target(RE) or b"") for entry in conversation.standing if isinstance(entry.body, Thanks))
    return [(entry, authors[thing]) for entry, thing in said if thing in authors]


def adoptions(entries: Iterable[Entry]) -> dict[bytes, Adoption]:
    """Author → how far they took it up, of the adoptions among these entries that stand."""
    said: dict[bytes, list[Entry]] = {}
    for entry in entries:
        if isinstance(entry.body, Adopt) and entry.reason is None:
            said.setdefault(entry.author, []).append(entry)
    found = {}
    for author, words in said.items():
        if len(words) > 1:  # most people say it once, and thousands may
            words.sort(key=lambda entry: entry.record.order)
        named: dict[bytes, int] = {}
        for entry in words:
            if source := _adopt(entry).learned_from:
                named[source] = named.pop(source, entry.record.time)
        found[author] = Adoption(author, words[-1], words[0], tuple(named.items()))
    return found


def _adopt(entry: Entry) -> Adopt:
    assert isinstance(entry.body, Adopt)
    return entry.body
