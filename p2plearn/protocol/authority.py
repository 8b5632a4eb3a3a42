"""Who may do what, said once: the folds drop what breaks it, and the façade refuses it with the sentence given here.

A received record that breaks a rule is kept and has no effect. The rules look only at the records themselves, never at a state:
solving needs no check, and replies stay possible for ever.
"""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import (
    BY,
    ORIGINALS,
    RE,
    RETRACTS,
    ROOT,
    WITH,
    Adopt,
    Body,
    Check,
    Correction,
    Decline,
    Encouragement,
    Proof,
    Reaction,
    Reply,
    Request,
    Retract,
    Revision,
    Snippet,
    Solve,
    Thanks,
    Verdict,
    Withdraw,
)
from p2plearn.protocol.records import Record

_NOTHING: Mapping[bytes, Record] = MappingProxyType({})


class Denial(NamedTuple):
    """Why something is not allowed, and what to do instead: the two halves of `errors.Refused`."""

    reason: str
    remedy: str


_NOT_AN_ORIGINAL = Denial(
    "This can be done only with a snippet, a request, an offer or a wish, or what was said about one", "See `p2plearn feed` for them."
)
_FINAL = Denial("A retraction is final and cannot be taken back", "Share or say the thing again instead.")
_NOT_YOURS_TO_RETRACT = Denial("Only its author may take this back", "To delete it on this node, use `p2plearn forget`.")
_NOT_REVISABLE = Denial("Only an original can be revised", "Take it back with `p2plearn retract` and say it anew.")
_NOT_YOURS_TO_REVISE = Denial(
    "Only its author may revise this", "Say what is wrong with `p2plearn correct`, or make a version of your own with `p2plearn fork`."
)
_NOT_A_REQUEST = Denial("This can be done only with a request", "See `p2plearn requests` for the open ones.")
_NOT_THE_ASKER = Denial("Only the person who asked may do this", "Use `p2plearn reply` to help or to say something.")
_THE_ASKER = Denial("This is for the helpers, not for the person who asked", "Show your work with `p2plearn attempt`.")
_NOT_ANOTHERS_REPLY = Denial(
    "What solved it must be another person's reply in this request", "Leave out --by, or name such a reply; see `p2plearn show`."
)
_REPLY_RETRACTED = Denial("That reply was taken back by its author", "Leave out --by, or name another reply.")
_TAKEN_BACK = Denial("This was taken back by its author", "Say or share something new instead; see `p2plearn feed`.")
_TAKEN_BACK_ALREADY = Denial("This has been taken back already", "Nothing more is needed: others learn of it as they meet you.")
_NOT_A_SNIPPET = Denial("Only a snippet can be forked, adapted, translated or adopted", "See `p2plearn feed --kind snippet`.")
_NOT_A_CHECK = Denial("A proof answers a check in your own request", "See `p2plearn show` for the checks that were set you.")
_NOT_YOUR_CHECK = Denial(
    "Only the person who set the check gives the verdict on its proof", "Set a check of your own with `p2plearn check`, or reply."
)
_NOT_TO_BE_JUDGED = Denial("A verdict is about a proof or an attempt in a request", "Use `p2plearn reply` for anything else.")
_A_QUESTION = Denial(
    "Reactions are to snippets, answers and corrections: nobody votes on a question", "Say with `p2plearn reply` what you think of it."
)
_YOUR_OWN = Denial("One corrects what others said; this is your own", "Give it a new wording with `p2plearn revise`.")
_ONESELF = Denial("Thanks go to another person", "See `p2plearn show` for who helped.")
_NOT_A_CORRECTION = Denial(
    "What a revision takes up must be another person's correction of this", "Leave out --with, or name such a correction."
)

_ASSERTING = {"answer", "hint", "step", "comment"}  # replies that say how something is


class _Deed(NamedTuple):
    """What `author` would do with `body` in the conversation of `root`; the rest as in `why_not`."""

    body: Body
    author: bytes
    root: Record
    target: Record | None
    retracted: Collection[bytes]
    held: Mapping[bytes, Record]

    @property
    def thing(self) -> Record:
        """What it is done to."""
        return self.target or self.root


def why_not(
    body: Body,
    author: bytes,
    root: Record,
    target: Record | None = None,
    retracted: Collection[bytes] = (),
    *,
    held: Mapping[bytes, Record] = _NOTHING,
) -> Denial | None:
    """Why `author` may not say `body` in the conversation of `root`; None when they may.

    `target` is what it is about: the record retracted, revised, forked, judged, corrected or thanked for (left out, the root), or the
    reply that a solve names. `held`: the records known, by id, of which the verdict on a proof needs the check.
    `retracted` are ids taken back: a person is told that something is gone, but the folds leave it out, since a helper who
    takes back a reply must not reopen somebody else's request, and what was said in time may come later than the retraction.
    """
    deed = _Deed(body, author, root, target, retracted, held)
    return _why_never(deed) or _why_no_more(deed)


def _why_never(deed: _Deed) -> Denial | None:
    body, author, root, thing = deed.body, deed.author, deed.root, deed.thing
    match body:
        case Retract():
            return _why_not_retract(author, thing)
        case Revision():
            return _why_not_revise(author, root, thing)
        case Reply(type="attempt") | Solve() | Withdraw() | Proof():
            return _why_not_as_asker(deed)
        case Check() | Verdict() | Decline():
            return _why_not_as_helper(deed)
        case Adopt() if root.kind != Snippet.kind:
            return _NOT_A_SNIPPET
        case Reply() | Correction() | Reaction() | Thanks() | Encouragement() if root.kind not in ORIGINALS:
            return _NOT_AN_ORIGINAL
        case Reaction() if not _may_be_judged(thing):
            return _A_QUESTION
        case Correction() if root.author == author and thing.kind in {*ORIGINALS, Revision.kind}:
            return _YOUR_OWN
        case Thanks() if thing.author == author:
            return _ONESELF
        case Snippet() if thing.kind != Snippet.kind:
            return _NOT_A_SNIPPET
    return None


def _why_not_as_asker(deed: _Deed) -> Denial | None:
    if deed.root.kind != Request.kind:
        return _NOT_A_REQUEST
    if deed.root.author != deed.author:
        return _NOT_THE_ASKER
    if deed.target is None:
        return None
    if isinstance(deed.body, Solve):
        return _why_not_by(deed.author, deed.root, deed.target, deed.retracted)
    return _NOT_A_CHECK if isinstance(deed.body, Proof) and not _is_check(deed.target, deed.root) else None


def _why_not_as_helper(deed: _Deed) -> Denial | None:
    if deed.root.kind != Request.kind:
        return _NOT_A_REQUEST
    if deed.root.author == deed.author:
        return _THE_ASKER
    return _why_not_judge(deed.author, deed.root, deed.target, deed.held) if isinstance(deed.body, Verdict) and deed.target else None


def _why_no_more(deed: _Deed) -> Denial | None:
    gone = deed.thing.id in deed.retracted
    match deed.body:
        case Retract():
            return _TAKEN_BACK_ALREADY if gone else None
        case Solve() | Withdraw() | Thanks() | Encouragement():
            return None  # kindness and an end are never too late
        case Adopt(stage="dropped"):
            return None
    return _TAKEN_BACK if gone or deed.root.id in deed.retracted else None


def has_effect(record: Record, body: Body, root: Record, held: Mapping[bytes, Record]) -> bool:
    """Whether a received record may do what it tries in the conversation of `root`; `held` are the records known, by id.

    What names a record that has not arrived yet gets the benefit of the doubt, as far as its author's part in the request allows it.
    """
    relation = _NAMES.get(record.kind)
    target = held.get(record.target(relation) or b"") if relation else None
    if isinstance(body, Correction | Reaction | Thanks) and target is not None and target.target(ROOT) != root.id:
        target = None  # from elsewhere: it hangs on the root, as whatever names nothing here
    return why_not(body, record.author, root, target, held=held) is None


_NAMES = {Solve.kind: BY, Proof.kind: RE, Verdict.kind: RE, Correction.kind: RE, Reaction.kind: RE, Thanks.kind: RE}
"""The relation that tells what a record is about, where it decides who may."""


def takes_up(revision: Record, correction: Record) -> bool:
    """Whether a revision, valid in its conversation, takes up this correction: one of the same root, by somebody else."""
    same = correction.target(ROOT) == revision.target(ROOT)
    return same and correction.author != revision.author and correction.id in revision.targets(WITH) and _is_correction(correction)


def why_not_take_up(correction: Record, root: Record, author: bytes, retracted: Collection[bytes]) -> Denial | None:
    """Why a revision by `author` may not name this as what it takes up."""
    if not _is_correction(correction) or correction.target(ROOT) != root.id or correction.author == author:
        return _NOT_A_CORRECTION
    return _TAKEN_BACK if correction.id in retracted else None


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


def _why_not_judge(author: bytes, root: Record, target: Record, held: Mapping[bytes, Record]) -> Denial | None:
    """A proof is judged by whoever set its check, an attempt by anybody but the asker; both are the asker's."""
    said = body_of(target)
    if target.target(ROOT) != root.id or target.author != root.author:
        return _NOT_TO_BE_JUDGED
    if isinstance(said, Proof):
        check = held.get(target.target(RE) or b"")
        return _NOT_YOUR_CHECK if check is not None and not (check.author == author and _is_check(check, root)) else None
    return None if isinstance(said, Reply) and said.type == "attempt" else _NOT_TO_BE_JUDGED


def _is_check(target: Record, root: Record) -> bool:
    return isinstance(body_of(target), Check) and target.target(ROOT) == root.id and target.author != root.author


def _is_correction(record: Record) -> bool:
    return isinstance(body_of(record), Correction)


def _may_be_judged(target: Record) -> bool:
    said = body_of(target)
    return isinstance(said, Snippet | Revision | Correction) or (isinstance(said, Reply) and said.type in _ASSERTING)
