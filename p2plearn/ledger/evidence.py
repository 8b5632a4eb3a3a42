"""What records say of who has knowledge, who shares it, and who was asked: for the measure of health, and for nothing else.

Records become marks, a mark for each that matters, and marks evidence: the same in any order, with any of them missing. What was taken
back counts as never said, and so does what its author had no right to say. Must not know what any of it is worth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from p2plearn.learning.progress import HELPFUL
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import (
    RE,
    RETRACTS,
    ROOT,
    Check,
    Decline,
    Offer,
    Proof,
    Reply,
    Request,
    Retract,
    Revision,
    Snippet,
    Solve,
    Verdict,
    Withdraw,
)
from p2plearn.protocol.records import Record

LASTING = (Request.kind, Check.kind, Proof.kind, Verdict.kind, Retract.kind)
"""Kinds by which somebody was found to have understood something; it stays true for longer than that they shared something."""
MARKED = (*LASTING, Reply.kind, Solve.kind, Withdraw.kind, Decline.kind, Snippet.kind, Revision.kind, Offer.kind)


class Mark(NamedTuple):
    """What is kept of a record. `type`: a reply's type or a verdict's result; `about`: what it answers or takes back; `to`: of a request.

    `at`: when it was said, as claimed, but not after it came; `came`: when it came here (both ms since 1970).
    """

    id: bytes
    author: bytes
    seq: int
    kind: str
    type: str
    at: int
    came: int
    root: bytes
    about: bytes
    topics: tuple[str, ...]
    to: bytes


def mark_of(record: Record, at: int, came: int) -> Mark | None:
    """The mark of a record of the kinds MARKED; None where it cannot be read."""
    body = body_of(record)
    if body is None:
        return None
    said = body.type if isinstance(body, Reply) else body.result if isinstance(body, Verdict) else ""
    about = record.target(RETRACTS if isinstance(body, Retract) else RE) or b""
    to = body.to if isinstance(body, Request) else b""
    return Mark(record.id, record.author, record.seq, record.kind, said, at, came, record.target(ROOT) or b"", about, record.topics, to)


@dataclass(slots=True)
class Call:
    """A request that stands. `helped`: when somebody else did, and who; `declined`: by whom; `ended`: when its asker closed it."""

    id: bytes
    asker: bytes
    topics: tuple[str, ...]
    at: int
    came: int
    to: bytes
    helped: list[tuple[int, bytes]] = field(default_factory=list)
    declined: set[bytes] = field(default_factory=set)
    ended: int | None = None


class Deed(NamedTuple):
    """That somebody shared something."""

    at: int
    topics: tuple[str, ...]


class Shown(NamedTuple):
    """That `judge` found `author` to have understood something."""

    author: bytes
    judge: bytes
    at: int
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of it: the requests that stand, in the order they came; each person's deeds; what was shown."""

    calls: list[Call]
    deeds: Mapping[bytes, list[Deed]]
    shown: list[Shown]


def gather(marks: Mapping[bytes, Mark]) -> Evidence:
    """What the marks (id → Mark) say."""
    gone = {mark.about for mark in marks.values() if mark.kind == Retract.kind and _is_own(mark, marks)}
    standing = [mark for mark in marks.values() if mark.id not in gone]
    calls = {mark.id: _call(mark) for mark in standing if mark.kind == Request.kind}
    deeds: dict[bytes, list[Deed]] = {}
    verdicts: dict[tuple[bytes, bytes], Mark] = {}
    for mark in standing:
        call = calls.get(mark.root)
        if call is not None:
            _hear(call, mark)
        if topics := _shares(mark, call, marks):
            deeds.setdefault(mark.author, []).append(Deed(mark.at, topics))
        if mark.kind == Verdict.kind and call is not None and (work := _judged(mark, call, marks)):
            verdicts[work, mark.author] = max(verdicts.get((work, mark.author), mark), mark, key=lambda one: (one.seq, one.id))
    shown = [
        Shown(calls[mark.root].asker, mark.author, mark.at, calls[mark.root].topics) for mark in verdicts.values() if mark.type == "shown"
    ]
    return Evidence(sorted(calls.values(), key=lambda call: (call.came, call.id)), deeds, shown)


def _is_own(mark: Mark, marks: Mapping[bytes, Mark]) -> bool:
    """Whether a retraction is by the author of what it takes back."""
    target = marks.get(mark.about)
    return target is not None and target.author == mark.author


def _call(mark: Mark) -> Call:
    return Call(mark.id, mark.author, mark.topics, mark.at, mark.came, mark.to)


def _hear(call: Call, mark: Mark) -> None:
    """Note what was said in a request."""
    if mark.author == call.asker:
        if mark.kind in {Solve.kind, Withdraw.kind}:
            call.ended = mark.at if call.ended is None else min(call.ended, mark.at)
    elif mark.kind == Decline.kind:
        call.declined.add(mark.author)
    elif _helps(mark):
        call.helped.append((mark.at, mark.author))


def _helps(mark: Mark) -> bool:
    return mark.kind in {Check.kind, Verdict.kind} or (mark.kind == Reply.kind and mark.type in HELPFUL)


def _shares(mark: Mark, call: Call | None, marks: Mapping[bytes, Mark]) -> tuple[str, ...]:
    """The topics in which somebody shares something by this; none where they do not."""
    if mark.kind in {Snippet.kind, Offer.kind}:
        return mark.topics
    if mark.kind == Revision.kind:
        root = marks.get(mark.root)  # longer ago than is looked at, perhaps: then the revision speaks for itself
        valid = root is None or (root.author == mark.author and root.kind in {Snippet.kind, Offer.kind})
        return () if not valid else mark.topics if root is None else root.topics
    return call.topics if call is not None and _helps(mark) and mark.author != call.asker else ()


def _judged(mark: Mark, call: Call, marks: Mapping[bytes, Mark]) -> bytes:
    """What a verdict is about, where its author may judge that: the check a proof is of, or an attempt. Empty for nothing."""
    work = marks.get(mark.about)
    if work is None or work.root != call.id or work.author != call.asker or mark.author == call.asker:
        return b""
    if work.kind == Proof.kind:
        check = marks.get(work.about)
        valid = check is not None and check.kind == Check.kind and check.root == call.id and check.author == mark.author
        return work.about if valid else b""
    return work.id if work.type == "attempt" else b""
