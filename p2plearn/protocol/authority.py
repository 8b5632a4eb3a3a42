"""Who may do what, said once: the folds drop what breaks it, and the façade refuses it with the sentence given here.

A received record that breaks a rule is kept and has no effect. The rules look only at the records themselves, never at a state:
solving needs no check, and replies stay possible for ever.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from p2plearn.protocol.kinds import BY, RETRACTS, ROOT, Body, Reply, Request, Retract, Revision, Snippet, Solve, Withdraw, body_of
from p2plearn.protocol.records import Record

ORIGINALS = (Snippet.kind, Request.kind)


class Denial(NamedTuple):
    """Why something is not allowed, and what to do instead: the two halves of `errors.Refused`."""

    reason: str
    remedy: str


_NOT_AN_ORIGINAL = Denial("This can be done only with a snippet or a request, or what was said about one", "See `p2plearn feed` for both.")
_FINAL = Denial("A retraction is final and cannot be taken back", "Share or say the thing again instead.")
_NOT_YOURS_TO_RETRACT = Denial("Only its author may take this back", "To delete it on this node, use `p2plearn forget`.")
_NOT_REVISABLE = Denial("Only a snippet or a request can be revised", "Take it back with `p2plearn retract` and say it anew.")
_NOT_YOURS_TO_REVISE = Denial(
    "Only its author may revise this", "Say what should change with `p2plearn reply`, or make a version of your own with `p2plearn fork`."
)
_NOT_A_REQUEST = Denial("This can be done only with a request", "See `p2plearn requests` for the open ones.")
_NOT_THE_ASKER = Denial("Only the person who asked may do this", "Use `p2plearn reply` to help or to say something.")
_NOT_ANOTHERS_REPLY = Denial(
    "What solved it must be another person's reply in this request", "Leave out --by, or name such a reply; see `p2plearn show`."
)
_REPLY_RETRACTED = Denial("That reply was taken back by its author", "Leave out --by, or name another reply.")
_TAKEN_BACK = Denial("This was taken back by its author", "Say or share something new instead; see `p2plearn feed`.")
_TAKEN_BACK_ALREADY = Denial("This has been taken back already", "Nothing more is needed: others learn of it as they meet you.")
_NOT_A_SNIPPET = Denial("Only a snippet can be forked, adapted or translated", "See `p2plearn feed --kind snippet`.")


def why_not(body: Body, author: bytes, root: Record, target: Record | None = None, retracted: Collection[bytes] = ()) -> Denial | None:
    """Why `author` may not say `body` in the conversation of `root`; None when they may.

    `target` is what it is about: the record retracted, revised or forked (left out, the root), or the reply that a solve names.
    `retracted` are ids taken back: a person is told that something is gone, but the folds leave it out, since a helper who
    takes back a reply must not reopen somebody else's request, and what was said in time may come later than the retraction.
    """
    return _why_never(body, author, root, target, retracted) or _why_no_more(body, root, target or root, retracted)


def _why_never(body: Body, author: bytes, root: Record, target: Record | None, retracted: Collection[bytes]) -> Denial | None:
    match body:
        case Retract():
            return _why_not_retract(author, target or root)
        case Revision():
            return _why_not_revise(author, root, target or root)
        case Reply() if root.kind not in ORIGINALS:
            return _NOT_AN_ORIGINAL
        case Reply(type="attempt") | Solve() | Withdraw() if root.kind != Request.kind:
            return _NOT_A_REQUEST
        case Reply(type="attempt") | Solve() | Withdraw() if root.author != author:
            return _NOT_THE_ASKER
        case Solve() if target is not None:
            return _why_not_by(author, root, target, retracted)
        case Snippet() if (target or root).kind != Snippet.kind:
            return _NOT_A_SNIPPET
    return None


def _why_no_more(body: Body, root: Record, target: Record, retracted: Collection[bytes]) -> Denial | None:
    match body:
        case Retract() if target.id in retracted:
            return _TAKEN_BACK_ALREADY
        case Revision() | Reply() | Snippet() if root.id in retracted or target.id in retracted:
            return _TAKEN_BACK
    return None


def has_effect(record: Record, body: Body, root: Record, held: Mapping[bytes, Record]) -> bool:
    """Whether a received record may do what it tries in the conversation of `root`; `held` are the records known, by id.

    A solve that names a reply which has not arrived yet gets the benefit of the doubt: the asker may solve in any case.
    """
    named = held.get(record.target(BY) or b"") if isinstance(body, Solve) else None
    return why_not(body, record.author, root, named) is None


def retractions(records: Iterable[Record]) -> dict[bytes, str]:
    """What is taken back among `records`: id → reason. Of several reasons its author gave, the one of greatest (seq, id) holds."""
    held = {record.id: record for record in records}
    reasons: dict[bytes, str] = {}
    for record in sorted((record for record in held.values() if record.kind == Retract.kind), key=lambda record: record.order):
        body = body_of(record)
        target = held.get(record.target(RETRACTS) or b"")
        if isinstance(body, Retract) and target is not None and why_not(body, record.author, target) is None:
            reasons[target.id] = body.reason
    return reasons


def _why_not_retract(author: bytes, target: Record) -> Denial | None:
    if target.author != author:
        return _NOT_YOURS_TO_RETRACT
    return _FINAL if target.kind == Retract.kind else None


def _why_not_revise(author: bytes, root: Record, target: Record) -> Denial | None:
    if root.kind not in ORIGINALS or target.kind not in {*ORIGINALS, Revision.kind}:
        return _NOT_REVISABLE
    return None if root.author == author else _NOT_YOURS_TO_REVISE


def _why_not_by(author: bytes, root: Record, target: Record, retracted: Collection[bytes]) -> Denial | None:
    if not isinstance(body_of(target), Reply) or target.author == author or target.target(ROOT) != root.id:
        return _NOT_ANOTHERS_REPLY
    return _REPLY_RETRACTED if target.id in retracted else None
