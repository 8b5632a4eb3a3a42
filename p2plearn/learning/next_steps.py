"""What one might do next about an item of the inbox, as a command line to type: invitations, which nothing enforces.

Words in capitals stand for what a person puts there. A shell reads each line as it stands: nothing in it is a pipe or the like.
Must not know how it is printed.
"""

import shlex

from p2plearn.learning.entries import Entry
from p2plearn.learning.inbox import ADOPTER, ANSWERED, ASKED, MAKER, OWNER, TAKEN_ON, Item
from p2plearn.learning.opinions import WARNINGS, corrections
from p2plearn.learning.progress import CLOSED
from p2plearn.protocol.kinds import (
    Adopt,
    Check,
    Correction,
    Decline,
    Encouragement,
    Proof,
    Reaction,
    Reply,
    Request,
    Solve,
    Thanks,
    Verdict,
)

_SHORT = 8  # characters of an id: one in a hundred thousand ids of a store of that size would mean two things


def next_step(item: Item) -> str:
    """The command that answers an item best; what I have answered already can be looked at."""
    if item.role == ASKED:
        return _asked_of_me(item)
    if item.role == TAKEN_ON:
        return show(item.record.id)
    if item.role == MAKER:
        return f"p2plearn revise {short(item.about)} TEXT" if _is_wrong(item) else show(item.hearing.conversation.root.id)
    answered = any(own.parent == item.record.id for own in item.hearing.own)
    if item.entry is None or item.role == ADOPTER or answered:
        return show(item.hearing.conversation.root.id)
    return _answer(item, item.entry)


def follow_up_step(snippet: bytes) -> str:
    """The answer to “still using it?”."""
    return f"p2plearn adopt {short(snippet)} --stage STAGE"


def helping(request: bytes, *, attempt_owed: bool) -> str:
    """The help that leaves the asker something to find; as long as they owe an attempt, a question."""
    return f"p2plearn reply {short(request)} --type {'question' if attempt_owed else 'hint'} TEXT"


def show(thing: bytes) -> str:
    """A look at the whole of it."""
    return f"p2plearn show {short(thing)}"


def short(one: bytes) -> str:
    """The beginning of an id, enough to type."""
    return one.hex()[:_SHORT]


def _asked_of_me(item: Item) -> str:
    """Of a request that is put to me: whoever has answered or declined it is not urged any more."""
    conversation = item.hearing.conversation
    if conversation.state in CLOSED or item.hearing.own:
        return show(item.record.id)
    return helping(item.record.id, attempt_owed=conversation.attempt_owed)


def _answer(item: Item, entry: Entry) -> str:
    said, root = short(item.record.id), short(item.hearing.conversation.root.id)
    match entry.body:
        case Check():
            return f"p2plearn proof {said} TEXT"
        case Proof():
            return _judge(said) if item.role == ANSWERED else f"p2plearn encourage {said} TEXT"
        case Verdict():
            return _after_verdict(item, entry)
        case Correction():
            return _after_correction(item, root, said)
        case Reaction():
            return f"p2plearn revise {root} TEXT" if item.role == OWNER and _is_wrong(item) else show(item.hearing.conversation.root.id)
        case Adopt():
            return f"p2plearn lineage {root}"
        case Encouragement():
            return f"p2plearn thanks {said} TEXT"
        case Thanks() | Solve():
            return "p2plearn glow"
        case Decline():
            return _ask_elsewhere(item)
        case Reply():
            return _after_reply(item, entry, said, root)
    return show(item.hearing.conversation.root.id)


def _after_reply(item: Item, entry: Entry, said: str, root: str) -> str:
    conversation = item.hearing.conversation
    is_asker = item.role == OWNER and isinstance(conversation.body, Request)
    if entry.type == "attempt":
        return _judge(said)
    if entry.type in {"question", "stuck"}:
        return f"p2plearn reply {said} --type {'comment' if is_asker else 'hint'} TEXT"
    if entry.type == "comment" or not is_asker:
        return f"p2plearn reply {said} --type comment TEXT"
    if conversation.state in CLOSED:
        return f"p2plearn thanks {said} TEXT"
    if entry.type == "answer" and not conversation.attempt_owed:
        return f"p2plearn solve {root} --by {said}"
    return f"p2plearn attempt {root} TEXT"


def _after_verdict(item: Item, entry: Entry) -> str:
    conversation = item.hearing.conversation
    root, work = conversation.root.id, item.hearing.entries.get(entry.parent)
    if conversation.state in CLOSED:
        return show(conversation.root.id)  # which says what is left to do: thank, pass it on
    if entry.type != "shown":
        check = item.hearing.entries.get(work.parent) if work is not None else None
        was_set = check is not None and isinstance(check.body, Check)
        return f"p2plearn proof {short(work.parent)} TEXT" if work and was_set else f"p2plearn attempt {short(root)} TEXT"
    return f"p2plearn solve {short(root)}"


def _after_correction(item: Item, root: str, said: str) -> str:
    if item.role != OWNER:
        return f"p2plearn reply {short(item.about)} --type comment TEXT"
    taken_up = any(by for correction, by in corrections(item.hearing.conversation) if correction.record.id == item.record.id)
    return f"p2plearn revise {root} --with {said} TEXT" if not taken_up else show(item.hearing.conversation.root.id)


def _ask_elsewhere(item: Item) -> str:
    topics = item.hearing.conversation.root.topics
    return f"p2plearn people --topic {shlex.quote(topics[0])}" if topics else "p2plearn people"


def _judge(work: str) -> str:
    return f"p2plearn verdict {work} RESULT TEXT"


def _is_wrong(item: Item) -> bool:
    """Whether it is a correction or a warning."""
    return item.entry is not None and (isinstance(item.entry.body, Correction) or item.entry.type in WARNINGS)
