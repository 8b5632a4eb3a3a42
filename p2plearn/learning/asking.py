"""Whom to ask about a topic: who is near first, in classes, since a millisecond on one LAN says nothing; then who is most willing.

Willing is who teaches it and has room, counts for something in it, offers it, has helped others to show it or has answered, wrote about it,
was seen lately. Who only asked about it or wants to learn it is nobody to ask, and comes last. Of those whom one has helped only those
count who asked, each once; what somebody counts for comes from whoever ranks. Must not know how latencies are measured, nor scores.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from p2plearn import limits
from p2plearn.learning.conversation import Conversation
from p2plearn.learning.matching import WAITING
from p2plearn.learning.notation import Json
from p2plearn.learning.progress import is_helping, latest_verdicts
from p2plearn.protocol.kinds import Decline

_DAY_MS = 24 * 3600 * 1000
_PLACES = ("in this room", "near", "connected", "not here now")


@dataclass(frozen=True, slots=True)
class Near:
    """Where somebody's node is: the way there and back in ms, None until measured."""

    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Helped:
    """Whom somebody helped in a topic, by author key: those waiting for more of it, those who showed it, and all of them."""

    now: set[bytes] = field(default_factory=set)
    shown: set[bytes] = field(default_factory=set)
    ever: set[bytes] = field(default_factory=set)


_NOBODY = Helped()
_NEVER = (0, b"")  # before every place in a chain


@dataclass(frozen=True, slots=True)
class Helper:
    """What is known of one person with regard to a topic.

    `near`: None when not connected; `capacity`: as declared, 0 for no number, None when they do not teach it; `wrote`: what they shared
    about it stands; `seen`: ms since 1970; `score`: what they count for in it, as seen from here, 0 of a stranger.
    """

    author: bytes
    near: Near | None = None
    capacity: int | None = None
    helped: Helped = _NOBODY
    offers: bool = False
    wrote: bool = False
    learns: bool = False
    asked: bool = False
    seen: int = 0
    score: float = 0.0

    @property
    def has_room(self) -> bool:
        """Whether they teach it and are not yet helping as many as they said they can."""
        return self.capacity is not None and (self.capacity == 0 or len(self.helped.now) < self.capacity)

    @property
    def can_help(self) -> bool:
        """Whether anything says that they know about it."""
        return self.capacity is not None or self.offers or self.wrote or bool(self.helped.ever) or self.score > 0


def helped_in(requests: Iterable[Conversation], now: int) -> dict[bytes, Helped]:
    """Author key → whom they helped in these requests.

    Nobody waits for more who was last helped HELPING_DAYS before `now` (ms since 1970), nor of whoever has declined since.
    """
    found: dict[bytes, Helped] = {}
    for request in {one.root.id: one for one in requests}.values():
        asker = request.root.author
        declined = _declined(request)
        showing = {entry.record.id for entry in latest_verdicts(request.thread).values() if entry.type == "shown"}
        for entry in request.thread:
            if request.reason is None and is_helping(entry, asker):
                helped = found.setdefault(entry.author, Helped())
                helped.ever.add(asker)
                if entry.record.id in showing:
                    helped.shown.add(asker)
                is_recent = entry.record.time > now - limits.HELPING_DAYS * _DAY_MS
                if request.state in WAITING and is_recent and entry.record.order > declined.get(entry.author, _NEVER):
                    helped.now.add(asker)
    return found


def _declined(request: Conversation) -> dict[bytes, tuple[int, bytes]]:
    """Author key → the place of their last word that they will not help, or no longer."""
    said = (entry.record for entry in request.standing if isinstance(entry.body, Decline))
    return {record.author: record.order for record in sorted(said, key=lambda record: record.order)}


def whom_to_ask(helpers: Iterable[Helper], me: bytes, now: int) -> list[Helper]:
    """Whom to ask first; who is nobody to ask and oneself last. `now`: ms since 1970."""
    return sorted(helpers, key=lambda helper: (helper.author == me, not helper.can_help, *_rank(helper, now)))


def _rank(helper: Helper, now: int) -> tuple[object, ...]:
    latency = helper.near.latency_ms if helper.near else None
    return (
        _place(helper.near),
        not helper.has_room,
        -helper.score,
        not helper.offers,
        -len(helper.helped.shown),
        -len(helper.helped.ever),
        helper.capacity is None,
        not helper.wrote,
        max(0, now - helper.seen) // _DAY_MS,
        math.inf if latency is None else latency,
        helper.author,
    )


def _place(near: Near | None) -> int:
    """Of _PLACES."""
    if near is None:
        return 3
    latency = math.inf if near.latency_ms is None else near.latency_ms
    return 0 if latency < limits.SAME_ROOM_MS else 1 if latency < limits.NEAR_MS else 2


def helper_json(helper: Helper, me: bytes) -> Json:
    """{"near": ms or null, "teaching": {"capacity": n or null, "busy": n} or null, "why": short words}."""
    latency = helper.near.latency_ms if helper.near else None
    teaching = None if helper.capacity is None else {"capacity": helper.capacity or None, "busy": len(helper.helped.now)}
    return {"near": None if latency is None else round(latency, 1), "teaching": teaching, "why": _why(helper, me)}


def _why(helper: Helper, me: bytes) -> str:
    if helper.author == me:
        return "this is you"
    said = [
        _PLACES[_place(helper.near)],
        _teaching(helper),
        "known to help" if helper.score > 0 else "",
        "offers it" if helper.offers else "",
        f"{_people(helper.helped.shown)} showed it with their help" if helper.helped.shown else "",
        f"helped {_people(helper.helped.ever)}" if helper.helped.ever else "",
        "wrote about it" if helper.wrote else "",
        "learns it" if helper.learns else "",
        "asked about it" if helper.asked else "",
    ]
    return ", ".join(filter(None, said))


def _teaching(helper: Helper) -> str:
    if not helper.capacity:
        return "" if helper.capacity is None else "teaches it"
    free = max(0, helper.capacity - len(helper.helped.now))
    return f"teaches it ({free} of {helper.capacity} places free)"


def _people(those: set[bytes]) -> str:
    return "1 person" if len(those) == 1 else f"{len(those)} people"
