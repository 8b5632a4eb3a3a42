"""Whom to ask first: three people by what they count for in the topic, how willing they are, and whether they are here; and one newcomer.

Strangers fill what places are left, in the order of `learning.asking`, so that it is of use from the first day. Must not know how scores
come about, nor what is asked.
"""

from collections.abc import Iterable
from typing import NamedTuple

from p2plearn.learning.asking import Helper, whom_to_ask

KNOWN = 3  # more would be asking everybody, so that nobody feels asked
_DAY_MS = 24 * 3600 * 1000

# How likely somebody is to take a question up, by what they say of themselves and have done.
_READY, _HELPED, _WROTE, _BUSY, _SILENT = 1.0, 0.7, 0.4, 0.25, 0.2
# And how soon they will see it: connected, or seen within a day, two weeks, longer ago.
_HERE, _TODAY, _LATELY, _AWAY = 1.0, 0.5, 0.25, 0.1


class Suggestion(NamedTuple):
    """Somebody to ask, and in what topic; `is_new`: in the place of a newcomer."""

    helper: Helper
    topic: str
    is_new: bool


def ask_first(found: Iterable[tuple[str, Iterable[Helper]]], me: bytes, now: int) -> list[Suggestion]:
    """At most KNOWN and a newcomer, of whom anything says that they know about one of these topics. `now`: ms since 1970.

    `found`: topic → who has to do with it. The newcomer teaches or offers it, is unranked in it, and was not among the first.
    """
    order = [
        (topic, helper) for topic, helpers in found for helper in whom_to_ask(helpers, me, now) if helper.author != me and helper.can_help
    ]
    best: dict[bytes, Suggestion] = {}
    for topic, helper in sorted(order, key=lambda pair: -value(pair[1], now)):  # equals stay in their order
        best.setdefault(helper.author, Suggestion(helper, topic, is_new=False))
    first = list(best.values())[:KNOWN]
    others = (one for one in best.values() if one not in first and one.helper.score == 0)
    new = (one._replace(is_new=True) for one in others if one.helper.capacity is not None or one.helper.offers)
    return [*first, *([one] if (one := next(new, None)) else [])]


def value(helper: Helper, now: int) -> float:
    """What somebody counts for in the topic × how willing × how soon they see it; 0 of a stranger."""
    return helper.score * willingness(helper) * presence(helper, now)


def willingness(helper: Helper) -> float:
    """0 to 1: ready for one more, has helped, wrote about it, is helping as many as they can, or says nothing."""
    if helper.capacity is not None and not helper.has_room:
        return _BUSY
    if helper.capacity is not None or helper.offers:
        return _READY
    return _HELPED if helper.helped.ever else _WROTE if helper.wrote else _SILENT


def presence(helper: Helper, now: int) -> float:
    """0 to 1: connected now, or when they were seen last."""
    if helper.near is not None:
        return _HERE
    away = now - helper.seen
    return _TODAY if away < _DAY_MS else _LATELY if away < 14 * _DAY_MS else _AWAY
