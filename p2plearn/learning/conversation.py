"""A conversation: a snippet or a request, with everything that hangs on it, folded from records in any order with any of them missing.

The same set of records always gives the same conversation: an author's later word is the one of greater (seq, id), a child stands after
what it answers, and claimed times only order what nothing else orders. What an author took back is hidden here, so that no view can show
it by mistake.

Must not know arrival times, names, or who is looking.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from p2plearn import limits
from p2plearn.learning.entries import Entry
from p2plearn.learning.progress import CLOSED, request_state
from p2plearn.protocol.authority import has_effect, retractions
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import BY, RE, ROOT, Body, Offer, Original, Request, Revision, Said, Snippet, Solve, Wanted
from p2plearn.protocol.records import Attachment, Record

__all__ = ["CLOSED", "Conversation", "Entry", "Version", "converse"]


@dataclass(frozen=True, slots=True)
class Version:
    """One wording of the root: `body` as it was said, `title` as it was then. `reason` is why it was taken back, None while it stands."""

    record: Record
    body: Original | Revision
    title: str
    reason: str | None

    @property
    def text(self) -> str:
        return self.body.text if self.reason is None else ""


@dataclass(frozen=True)
class Conversation:
    """What became of `root`. `versions` begin with the root, oldest first; `thread` is all that was said, flat, a child after its parent.

    `reason` is why the root was taken back, None while it stands; `attachments` are those of the versions that stand.
    """

    root: Record
    body: Original
    state: str
    reason: str | None
    versions: tuple[Version, ...]
    thread: tuple[Entry, ...]
    attachments: tuple[Attachment, ...]

    @property
    def title(self) -> str:
        return self.current.title

    @property
    def text(self) -> str:
        return self.current.text

    @property
    def current(self) -> Version:
        """The wording that holds."""
        return next((version for version in reversed(self.versions) if version.reason is None), self.versions[0])

    @cached_property
    def standing(self) -> tuple[Entry, ...]:
        """What was said and not taken back, in the order of the thread."""
        return tuple(entry for entry in self.thread if entry.reason is None)

    @cached_property
    def authors(self) -> Mapping[bytes, bytes]:
        """Id → author, of the root, its other wordings and all that was said."""
        versions = {version.record.id: version.record.author for version in self.versions}
        return versions | {entry.record.id: entry.author for entry in self.thread}

    @property
    def retracted(self) -> frozenset[bytes]:
        """The ids in this conversation that their authors took back."""
        versions = (version.record.id for version in self.versions if version.reason is not None)
        return frozenset(versions) | {entry.record.id for entry in self.thread if entry.reason is not None}

    @property
    def attempt_owed(self) -> bool:
        """Whether helpers were promised a look at the asker's own work that has not come yet."""
        owed = isinstance(self.body, Request) and self.body.show_work_first and self.state not in CLOSED
        return owed and not any(entry.type == "attempt" for entry in self.standing)


def converse(root: Record, records: Iterable[Record]) -> Conversation | None:
    """Fold `records`, all that carry the ref (ROOT, root.id); duplicates and other records are harmless.

    Others serve to judge what a solve names: hand in the records its BY refs name, where held.
    None when the root is not a readable original.
    """
    body = body_of(root)
    if not isinstance(body, Original):
        return None
    held = {root.id: root} | {record.id: record for record in records}
    inside = [record for record in held.values() if record.target(ROOT) == root.id]
    reasons = retractions([root, *inside])
    valid = [(record, said) for record in inside if (said := body_of(record)) is not None and has_effect(record, said, root, held)]
    versions = _versions(root, body, valid, reasons)
    thread = _thread(root, valid, reasons)
    return Conversation(
        root=root,
        body=body,
        state="retracted" if root.id in reasons else _state(root, body, thread),
        reason=reasons.get(root.id),
        versions=versions,
        thread=thread,
        attachments=_attachments(versions),
    )


def _state(root: Record, body: Original, thread: Iterable[Entry]) -> str:
    if isinstance(body, Request):
        return request_state(root, thread)
    return "shared" if isinstance(body, Snippet) else "open"


def _versions(root: Record, body: Original, valid: Iterable[tuple[Record, Body]], reasons: Mapping[bytes, str]) -> tuple[Version, ...]:
    """The wordings in the author's own order; taking back the root hides them all."""
    revisions = sorted(((record, said) for record, said in valid if isinstance(said, Revision)), key=lambda pair: pair[0].order)
    wordings: list[tuple[Record, Original | Revision]] = [(root, body), *revisions]
    title = ""
    versions = []
    for record, said in wordings:
        reason = reasons.get(root.id, reasons.get(record.id))
        if reason is None:
            title = (said.title if isinstance(said, Snippet | Request | Revision) else "") or title
            title = _first_line(said.text) if isinstance(body, Offer | Wanted) else title
        versions.append(Version(record, said, title if reason is None else "", reason))
    return tuple(versions)


def _first_line(text: str) -> str:
    """What stands for the title of an offer or a wish, which has none of its own."""
    line = " ".join(text.split("\n", 1)[0].split())
    return line if len(line) <= limits.MAX_HEADING else line[: limits.MAX_HEADING - 1] + "…"


def _attachments(versions: Iterable[Version]) -> tuple[Attachment, ...]:
    """Each file once, with the newest words about it."""
    standing = (version.record for version in versions if version.reason is None)
    return tuple({attachment.cid: attachment for record in standing for attachment in record.attachments}.values())


def _thread(root: Record, valid: Iterable[tuple[Record, Body]], reasons: Mapping[bytes, str]) -> tuple[Entry, ...]:
    """What was said, each answer after what it answers. What names a parent that is not here hangs on the root.

    Ids are hashes over the refs, so no record can be its own ancestor.
    """
    said = {record.id: (record, body) for record, body in valid if isinstance(body, Said)}
    children: dict[bytes, list[Record]] = {}
    for record, body in said.values():
        parent = record.target(BY if isinstance(body, Solve) else RE)
        children.setdefault(parent if parent in said else root.id, []).append(record)
    thread = []
    waiting = [(root, iter(_siblings(root, children)))]
    while waiting:
        above, siblings = waiting[-1]
        if (current := next(siblings, None)) is None:
            waiting.pop()
            continue
        thread.append(Entry(current, said[current.id][1], above.id, reasons.get(current.id)))
        waiting.append((current, iter(_siblings(current, children))))
    return tuple(thread)


def _siblings(parent: Record, children: Mapping[bytes, list[Record]]) -> list[Record]:
    """By claimed time. Who claims to have answered long before the question was put comes last and so gains nothing by it."""
    earliest = parent.time - limits.FUTURE_TOLERANCE_MS
    return sorted(children.get(parent.id, ()), key=lambda record: (record.time < earliest, record.time, record.id))
