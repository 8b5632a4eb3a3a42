"""“Still using it?”: a week and a month after somebody took up a snippet, unless they have said something about it since.

Days are counted by the adopter's own claimed times. Must not know what was read, nor whose clock says what time it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from p2plearn.learning.conversation import Conversation
from p2plearn.learning.opinions import adoptions
from p2plearn.protocol.authority import retractions
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import ROOT, Adopt
from p2plearn.protocol.records import Record

DAYS = (7, 30)
_DAY_MS = 24 * 3600 * 1000
_STAGES = {"tried", "using"}


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question to an adopter. `adopt`: their latest word about it; `at`: when it was due, ms since 1970; `day`: which of DAYS."""

    adopt: Record
    about: bytes
    title: str
    at: int
    day: int

    @property
    def text(self) -> str:
        return f"Still using “{self.title}”?"


class Due(NamedTuple):
    """That a question may be due about the snippet `root`; the rest as in FollowUp."""

    root: bytes
    adopt: bytes
    at: int
    day: int


def may_be_due(records: Iterable[Record], now: int) -> list[Due]:
    """Every question that is due as far as one author's adopt records and the retractions of them tell, the latest first.

    For who would not fold each conversation: `follow_up` knows whether they have said something else. `now`: ms since 1970.
    """
    held = {record.id: record for record in records}
    gone = retractions(held.values())
    said: dict[bytes, list[Record]] = {}
    for record in sorted(held.values(), key=lambda record: record.order):
        if isinstance(body_of(record), Adopt) and record.id not in gone:
            said.setdefault(record.target(ROOT) or b"", []).append(record)
    found = [(root, words[-1], _due(words[0], words[-1], now)) for root, words in said.items()]
    return sorted((Due(root, latest.id, *due) for root, latest, due in found if due is not None), key=lambda one: (-one.at, one.adopt))


def follow_up(me: bytes, conversation: Conversation, now: int) -> FollowUp | None:
    """The question that is due about my adoption of this snippet; None when there is none. `now`: ms since 1970."""
    said = [entry for entry in conversation.standing if entry.author == me]
    adoption = adoptions(said).get(me)
    due = _due(adoption.first.record, adoption.entry.record, now) if adoption is not None else None
    if adoption is None or due is None or conversation.reason is not None:
        return None
    at, day = due
    if any(entry.record.time >= at for entry in said):
        return None
    return FollowUp(adoption.entry.record, conversation.root.id, conversation.title, at, day)


def _due(first: Record, latest: Record, now: int) -> tuple[int, int] | None:
    """(when, which day) for an adoption with these first and latest words."""
    body = body_of(latest)
    passed = [day for day in DAYS if first.time + day * _DAY_MS <= now]
    if not passed or not isinstance(body, Adopt) or body.stage not in _STAGES:
        return None
    at = first.time + passed[-1] * _DAY_MS
    return (at, passed[-1]) if latest.time < at else None
