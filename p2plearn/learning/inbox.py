"""What concerns one person among what others say, and why: the asker, the helper, whoever adopted a thing or made one out of it.

A correction, a warning or a retraction reaches everybody who relies on the thing, through forks too. What was taken back or has no effect
concerns nobody. Equal sets of records give equal answers; whoever asks says which conversations a record may belong to.

Must not know what was read or muted, nor what to do about an item (`next_steps`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from p2plearn.learning.conversation import Conversation
from p2plearn.learning.entries import Entry
from p2plearn.learning.opinions import WARNINGS, Adoption, adoptions, reactions
from p2plearn.protocol.authority import takes_up
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import (
    FROM,
    OF,
    ORIGINALS,
    RETRACTS,
    ROOT,
    VARIANTS,
    Adopt,
    Correction,
    Decline,
    Reaction,
    Reply,
    Request,
    Retract,
    Revision,
    Snippet,
)
from p2plearn.protocol.records import Record

OWNER = "owner"  # it is said about an original of mine
ANSWERED = "answered"  # it answers something I said
HELPER = "helper"  # the asker says it where I take part
ADOPTER = "adopter"  # I took up the thing, or one made out of it
MAKER = "maker"  # I made something out of the thing
SOURCE = "source"  # somebody learned from me
ASKED = "asked"  # the request is put to me
TAKEN_ON = "taken on"  # somebody made something out of mine, or passed on what came of my request

_ASKER_SAYS = {"attempt", "stuck", "question", "proof", "solve", "withdraw", "thanks"}


class Hearing:
    """One conversation as one person hears it."""

    def __init__(self, me: bytes, conversation: Conversation) -> None:
        self.me = me
        self.conversation = conversation

    @property
    def is_mine(self) -> bool:
        """Whether the root is."""
        return self.conversation.root.author == self.me

    @cached_property
    def entries(self) -> dict[bytes, Entry]:
        """Id → what stands; of one author's reactions to one thing the latest."""
        holding = {entry.record.id for entry in reactions(self.conversation)}
        standing = (entry for entry in self.conversation.standing if not isinstance(entry.body, Reaction) or entry.record.id in holding)
        return {entry.record.id: entry for entry in standing}

    @cached_property
    def adoption(self) -> Adoption | None:
        """How far I took it up, also when I have dropped it."""
        return adoptions(self.own).get(self.me)

    @cached_property
    def own(self) -> list[Entry]:
        """What I said here that stands."""
        return [entry for entry in self.conversation.standing if entry.author == self.me]

    @property
    def takes_part(self) -> bool:
        """Whether I said something in a request, other than that I will not."""
        return isinstance(self.conversation.body, Request) and any(not isinstance(entry.body, Decline) for entry in self.own)


HearingOf = Callable[[bytes], Hearing | None]
"""Root id → the conversation, None where it is not here or cannot be read."""


@dataclass(frozen=True, slots=True)
class Item:
    """A record that concerns me. `about`: the thing of mine, or adopted by me; `hearing`: the conversation in which it was said."""

    record: Record
    about: bytes
    role: str
    hearing: Hearing

    @property
    def entry(self) -> Entry | None:
        """What was said; None for an original, a revision and a retraction."""
        return self.hearing.entries.get(self.record.id)

    @property
    def type(self) -> str:
        return self.entry.type if self.entry is not None else self.record.kind

    @property
    def text(self) -> str:
        """The words to show in a line or two; empty where there are none, or only sealed ones."""
        body = body_of(self.record)
        if self.entry is not None:
            fixes = (f"Step {fix.step}: {fix.text}" if fix.step else fix.text for fix in self.entry.fixes)
            return "\n".join(filter(None, (self.entry.text, *fixes)))
        if isinstance(body, Retract):
            return body.reason
        return body.text if isinstance(body, Revision) else self.hearing.conversation.text


def item_of(me: bytes, record: Record, hearing_of: HearingOf, things: Iterable[bytes] = ()) -> Item | None:
    """Why a record concerns me; None when it does not.

    `things`: originals by which its root may concern me, since they were made out of it, or out of what was made out of it.
    """
    is_original = record.kind in ORIGINALS
    hearing = hearing_of(record.id if is_original else record.target(ROOT) or b"")
    if record.author == me or hearing is None:
        return None
    found = _named(record, hearing, hearing_of) if is_original else _said(record, hearing)
    if found is None and not (is_original or hearing.is_mine) and _is_warning(record, hearing):
        found = _relied_on(record, hearing, hearing_of, things)
    return Item(record, *found, hearing) if found is not None else None


def could_concern(record: Record, root: bytes, *, mine: bool) -> bool:
    """Whether what is said about a root could make an item for its owner (`mine`), or else for whoever relies on it or helps there.

    By its own body, whatever became of it: for an index of what `item_of` has to look at. What answers me, or names me, is another matter.
    Whatever could concern others could concern the owner, who may not be known until the root arrives.
    """
    body = body_of(record)
    match body:
        case None:
            return False
        case Retract():
            return record.target(RETRACTS) == root
        case Revision():
            return True
        case Reaction():
            return mine or body.word in WARNINGS
        case Reply():
            return mine or body.type in _ASKER_SAYS
    return mine or isinstance(body, Correction) or body.kind in _ASKER_SAYS


_Why = tuple[bytes, str]  # what of mine it is about, and my role


def _named(record: Record, hearing: Hearing, hearing_of: HearingOf) -> _Why | None:
    """An original of another's: a request that is put to me, or what was made out of a thing of mine."""
    conversation = hearing.conversation
    if conversation.reason is not None:
        return None
    if isinstance(conversation.body, Request) and conversation.body.to == hearing.me:
        return record.id, ASKED
    for ref in record.refs if isinstance(conversation.body, Snippet) else ():
        source = hearing_of(ref.target) if ref.relation in {FROM, *VARIANTS} else None
        kind = Request if ref.relation == FROM else Snippet
        if source is not None and source.is_mine and isinstance(source.conversation.body, kind):
            return ref.target, TAKEN_ON
    return None


def _said(record: Record, hearing: Hearing) -> _Why | None:
    """What is said about an original of mine, in answer to me, or where I take part."""
    conversation, entry = hearing.conversation, hearing.entries.get(record.id)
    if entry is None:
        taken_up = [own.record.id for own in hearing.own if _is_standing_version(record, conversation) and takes_up(record, own.record)]
        return (taken_up[0], ANSWERED) if taken_up else None
    if hearing.is_mine:
        return conversation.root.id, OWNER
    if conversation.authors[entry.parent] == hearing.me:
        return entry.parent, ANSWERED
    if hearing.takes_part and entry.author == conversation.root.author and entry.type in _ASKER_SAYS:
        return conversation.root.id, HELPER
    learned = isinstance(entry.body, Adopt) and entry.body.learned_from == hearing.me
    return (conversation.root.id, SOURCE) if learned else None


def _relied_on(record: Record, hearing: Hearing, hearing_of: HearingOf, things: Iterable[bytes]) -> _Why | None:
    """What I rely on by this thing: itself, if I adopted it; else something of mine, or adopted by me, that was made out of it."""
    root = hearing.conversation.root
    if hearing.adoption is not None:
        return (root.id, ADOPTER) if _is_news_of(record, hearing, hearing.adoption) else None
    if not isinstance(hearing.conversation.body, Snippet):
        return None
    found: list[tuple[bool, bytes]] = []
    for thing in things:
        below = hearing_of(thing) if thing != root.id else None
        since = _relies_since(below) if below is not None else None
        if below is not None and since is not None and (record.kind != Revision.kind or record.time > since.time):
            found.append((not below.is_mine, thing))
    adopted, about = min(found, default=(False, b""))
    return (about, ADOPTER if adopted else MAKER) if about else None


def _relies_since(hearing: Hearing) -> Record | None:
    """The record by which I rely on a thing that was not taken back: the thing itself, or my adoption of it."""
    if hearing.conversation.reason is not None:
        return None
    if hearing.is_mine:
        return hearing.conversation.root
    return hearing.adoption.entry.record if hearing.adoption is not None else None


def _is_warning(record: Record, hearing: Hearing) -> bool:
    """Whether everybody who relies on the root should hear of it: a correction or warning, its retraction, a new wording."""
    conversation, entry = hearing.conversation, hearing.entries.get(record.id)
    if entry is not None:
        return entry.parent == conversation.root.id and (isinstance(entry.body, Correction) or entry.type in WARNINGS)
    if record.kind == Retract.kind:
        of_root = record.target(RETRACTS) == conversation.root.id and record.author == conversation.root.author
        return of_root and body_of(record) is not None
    return _is_standing_version(record, conversation)


def _is_news_of(record: Record, hearing: Hearing, adoption: Adoption) -> bool:
    """Of a new wording, whether it is newer than the one that I adopted."""
    adopted = adoption.entry.record.target(OF)
    orders = [version.record.order for version in hearing.conversation.versions if version.record.id == adopted]
    return record.kind != Revision.kind or all(record.order > order for order in orders)


def _is_standing_version(record: Record, conversation: Conversation) -> bool:
    return any(version.record.id == record.id and version.reason is None for version in conversation.versions)
