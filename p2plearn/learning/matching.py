"""Who could meet over what: what I give and what others look for, and the other way round; and what I have shown, offered back.

A match is a shared topic; the words that both sides share decide which comes first. Must not know who is near, nor who was muted.
"""

from collections.abc import Iterable
from typing import NamedTuple

from p2plearn import limits
from p2plearn.learning.conversation import Conversation
from p2plearn.learning.notation import Json, Names, iso_time
from p2plearn.learning.progress import latest_verdicts
from p2plearn.learning.similar import likeness, rarity, weigh, words
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import Check, Decline, Learn, Offer, Proof, Reply, Request, Teach, Verdict, Wanted
from p2plearn.protocol.records import Record

SHOWN = "shown"  # the side of mine that is a request in which I have shown that I understood
LEARNED = "learned"  # the side of mine that is a request in which I was helped, or a snippet that I took up

WAITING = {"open", "working", "checking"}  # states in which somebody still looks for a person

_GIVES = {Teach.kind, Offer.kind}
_SEEKS = {Learn.kind, Wanted.kind}
_MEETS = {
    Teach.kind: {*_SEEKS, Request.kind},
    Offer.kind: {*_SEEKS, Request.kind},
    Learn.kind: _GIVES,
    Wanted.kind: _GIVES,
    Request.kind: _GIVES,
    SHOWN: {Request.kind},
    LEARNED: {Request.kind, Wanted.kind},
}
_MINE = {
    Teach.kind: "You teach {topic}",
    Offer.kind: "You offer “{title}”",
    Learn.kind: "You want to learn {topic}",
    Wanted.kind: "You look for “{title}”",
    Request.kind: "You ask “{title}”",
    SHOWN: "You showed on {day} that you understood “{title}”",
    LEARNED: "Others helped you with “{title}”",
}
_THEIRS = {
    Teach.kind: "{name} teaches {topic}",
    Offer.kind: "{name} offers “{title}”",
    Learn.kind: "{name} wants to learn it",
    Wanted.kind: "{name} looks for “{title}”",
    Request.kind: "{name} asks “{title}”",
}


class Side(NamedTuple):
    """What one of two people has said: a kind of record, SHOWN or LEARNED; claimed at `at` (ms since 1970).

    Of a request, `to`: whom it is put to; `attempt_owed`: whether a look at the asker's own work was promised that has not come.
    """

    id: bytes
    author: bytes
    kind: str
    topics: tuple[str, ...]
    title: str
    text: str
    at: int
    to: bytes = b""
    attempt_owed: bool = False


class Match(NamedTuple):
    """Two sides that share `topic`, and how alike their words are, from 0 to 1."""

    mine: Side
    theirs: Side
    topic: str
    likeness: float


class BackOffer(NamedTuple):
    """An open request to somebody who has shown, at `shown_at` (ms since 1970) in the request `shown_in`, that they understood the like."""

    request: Conversation
    shown_in: bytes
    shown_at: int
    text: str


# --- sides ---


def declared_side(record: Record, topic: str) -> Side:
    """A word of who teaches or learns a topic."""
    title = f"teaches {topic}" if record.kind == Teach.kind else f"learns {topic}"
    return Side(record.id, record.author, record.kind, (topic,), title, "", record.time)


def side(conversation: Conversation) -> Side | None:
    """An offer, a wish, or a request that still waits for help; None for what holds no longer."""
    root, body = conversation.root, conversation.body
    if not isinstance(body, Offer | Wanted | Request) or conversation.state not in WAITING:
        return None
    to = body.to if isinstance(body, Request) else b""
    title, text = conversation.title, conversation.text
    return Side(root.id, root.author, root.kind, root.topics, title, text, root.time, to, conversation.attempt_owed)


def first_said(record: Record) -> Side | None:
    """The same of a record alone, whatever was said since: enough to tell where to look closely. An offer or a wish goes without title."""
    body = body_of(record)
    if not isinstance(body, Offer | Wanted | Request):
        return None
    title, to, owed = (body.title, body.to, body.show_work_first) if isinstance(body, Request) else ("", b"", False)
    return Side(record.id, record.author, record.kind, record.topics, title, body.text, record.time, to, owed)


def shown_side(conversation: Conversation, me: bytes) -> Side | None:
    """My own request with the day on which I last showed what I had understood; None unless I did, or once it is taken back."""
    root = conversation.root
    proofs = {entry.record.id: entry for entry in conversation.thread if isinstance(entry.body, Proof)}
    verdicts = latest_verdicts(conversation.thread).values()
    shown = [proofs[entry.parent].record.time for entry in verdicts if isinstance(entry.body, Verdict) and entry.type == "shown"]
    if root.author != me or not shown or conversation.state in {"withdrawn", "retracted"}:
        return None
    return Side(root.id, me, SHOWN, root.topics, conversation.title, conversation.text, max(shown))


def learned_side(conversation: Conversation, me: bytes) -> Side:
    """What others helped me with, whose request or snippet it ever is."""
    root = conversation.root
    return Side(root.id, me, LEARNED, root.topics, conversation.title, conversation.text, root.time)


def is_answered(conversation: Conversation, me: bytes) -> bool:
    """Whether I have helped, replied or declined there already."""
    return any(entry.author == me and isinstance(entry.body, Reply | Check | Verdict | Decline) for entry in conversation.standing)


# --- matching them ---


def sought(mine: Iterable[Side]) -> dict[str, set[str]]:
    """Topic → the kinds in which others could meet what is mine, in the order of `mine`."""
    found: dict[str, set[str]] = {}
    for one in mine:
        for topic in one.topics:
            found.setdefault(topic, set()).update(_MEETS[one.kind])
    return found


def matches(mine: Iterable[Side], theirs: Iterable[Side], me: bytes) -> list[Match]:
    """Each pair that shares a topic once, with the rarest topic: those most alike first, then the newest; what is put to others last."""
    own = {(one.id, one.topics): one for one in mine}.values()
    others = {(one.id, one.topics): one for one in theirs if one.author != me}.values()
    said = {one: _words(one) for one in (*own, *others)}
    weights = rarity(list(said.values()))
    weight = {one: weigh(text, weights) for one, text in said.items()}
    carrying: dict[str, list[Side]] = {}
    for one in others:
        for topic in one.topics:
            carrying.setdefault(topic, []).append(one)
    pairs: dict[tuple[bytes, bytes], Match] = {}
    for topic in sorted(carrying, key=lambda topic: (len(carrying[topic]), topic)):
        for one in own:
            for other in carrying[topic] if topic in one.topics else ():
                if other.kind in _MEETS[one.kind]:
                    shared = weigh(said[one] & said[other], weights)
                    pair = Match(one, other, topic, likeness(shared, weight[one], weight[other]))
                    pairs.setdefault((one.id, other.id), pair)
    return sorted(pairs.values(), key=lambda match: _rank(match, me))


def _words(one: Side) -> set[str]:
    return set() if one.kind in {Teach.kind, Learn.kind} else words(f"{one.title} {one.text}"[: limits.MAX_COMPARED])


def _rank(match: Match, me: bytes) -> tuple[object, ...]:
    theirs = match.theirs
    return (theirs.to not in (b"", me), -match.likeness, -theirs.at, -match.mine.at, theirs.id, match.mine.id)


def back_offers(me: bytes, shown: Iterable[Conversation], asked: Iterable[Conversation], names: Names) -> list[BackOffer]:
    """Those of the requests `asked` that I am offered because I have shown the like in one of `shown`, at most MAX_BACK_OFFERS.

    Not those that are mine or put to me, nor where I have answered or declined.
    """
    requests = {one.root.id: one for one in asked if not is_answered(one, me)}
    theirs = [one for one in map(side, requests.values()) if one is not None and one.kind == Request.kind and one.to != me]
    mine = [one for one in (shown_side(conversation, me) for conversation in shown) if one is not None]
    best: dict[bytes, Match] = {}
    for match in matches(mine, theirs, me):
        best.setdefault(match.theirs.id, match)
    chosen = list(best.values())[: limits.MAX_BACK_OFFERS]
    return [BackOffer(requests[match.theirs.id], match.mine.id, match.mine.at, why(match, names)) for match in chosen]


# --- in words ---


def why(match: Match, names: Names) -> str:
    """A sentence or two about both sides."""
    mine, theirs = match.mine, match.theirs
    name = names.get(theirs.author, "") or "Somebody"
    first = _MINE[mine.kind].format(topic=match.topic, title=mine.title, day=iso_time(mine.at)[:10])
    if mine.kind == SHOWN:
        return f"{first}. {name} asks about the same."
    return f"{first}. " + _THEIRS[theirs.kind].format(name=name, title=theirs.title, topic=match.topic) + "."


def match_json(match: Match, names: Names) -> Json:
    """The contract's shape, with what theirs is beside it; "attempt_owed" marks a request of which an attempt was promised first."""
    theirs = match.theirs
    found: Json = {
        "mine": match.mine.id.hex(),
        "theirs": theirs.id.hex(),
        "author": theirs.author.hex(),
        "topic": match.topic,
        "why": why(match, names),
        "kind": theirs.kind,
        "title": theirs.title,
        "name": names.get(theirs.author, ""),
        "at": iso_time(theirs.at),
        "to": theirs.to.hex() or None,
    }
    return found | {"attempt_owed": True} if theirs.attempt_owed else found
