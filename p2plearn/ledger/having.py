"""Who has knowledge, who shares it and who was asked, of all that is known: each with a status, overall and in each topic.

Words count from people who are ranked, or from oneself: `Counted` says so of each. Must not know how people come to be ranked.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from p2plearn.ledger.entries import UNITS
from p2plearn.ledger.evidence import Call, Deed, Evidence
from p2plearn.ledger.receipts import Receipt

DAY_MS = 24 * 3600 * 1000
SHARING_MS = 90 * DAY_MS  # for so long somebody who shared is a seeder, and a request that reached them was put to them
LASTING_MS = 365 * DAY_MS  # for so long what somebody was found to have understood counts
MOST_CALLS = 3  # of one asker that count, in CALLS_MS
CALLS_MS = 30 * DAY_MS
OPEN_MS = 14 * DAY_MS  # after which whoever asked waits no longer
ENOUGH_HELP = 3  # people, after whom nobody else is expected to help with a request
ASKED = 2  # requests that reached somebody, from which they were asked; one that was put to them alone is enough
IDLE_DAY = 1 / 3  # what a day counts on which nothing was asked that somebody knows, of one on which something was
MOST_FOUND_OUT = 30  # people of whom one person found it that count in a sample, or twice as many as of any other: they may be made up
PATIENT = 0.01  # how probable the silence of somebody willing may be at the most before it is called withholding

SEEDER, LEARNER, QUIET, WITHHOLDING = "seeder", "learner", "quiet", "withholding"

Counts = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class World:
    """What is known of everybody. `seen`: when each said anything (ms since 1970), in order; `teaches`, `learns`: topics, as declared.

    `through`: of whom I know through one person only, that person.
    """

    evidence: Evidence
    receipts: Sequence[Receipt]
    seen: Mapping[bytes, Sequence[int]]
    teaches: Mapping[bytes, frozenset[str]]
    learns: Mapping[bytes, frozenset[str]]
    through: Mapping[bytes, bytes] = field(default_factory=dict)


class Has(NamedTuple):
    """Since when somebody is known to have understood something; `weak`: because they say so themselves, and for no other reason."""

    since: int
    weak: bool


@dataclass(slots=True)
class Person:
    """One person. `has`: by topic; `proven`: those topics of them that others found out by no deed of theirs; `deeds`: what they shared."""

    has: dict[str, Has] = field(default_factory=dict)
    proven: set[str] = field(default_factory=set)
    deeds: list[Deed] = field(default_factory=list)
    wants: set[str] = field(default_factory=set)  # topics they asked about, took something up in or want to learn

    def shares(self, topic: str) -> bool:
        return any(topic in deed.topics for deed in self.deeds)

    def note(self, topics: Iterable[str], at: int, *, weak: bool = False) -> None:
        """That they have understood these."""
        for topic in topics:
            before = self.has.get(topic)
            if before is None or (before.weak, before.since) > (weak, at):
                self.has[topic] = Has(at, weak)


def counted_calls(calls: Iterable[Call], counts: Counts) -> list[Call]:
    """Those that count, of calls in the order they came: of askers who count, and of each no more than MOST_CALLS in CALLS_MS."""
    taken: dict[bytes, list[int]] = {}
    found = []
    for call in calls:
        before = taken.setdefault(call.asker, [])
        if counts(call.asker) and sum(at > call.came - CALLS_MS for at in before[-MOST_CALLS:]) < MOST_CALLS:
            before.append(call.came)
            found.append(call)
    return found


def people(world: World, counts: Counts, now: int) -> dict[bytes, Person]:
    """Everybody who has something, shares something or wants something."""
    found: dict[bytes, Person] = {}

    def of(author: bytes) -> Person:
        return found.setdefault(author, Person())

    for author, deeds in world.evidence.deeds.items():
        if lately := [deed for deed in deeds if deed.at > now - SHARING_MS]:
            of(author).deeds = lately
    vouching = _vouching(world.receipts, counts)
    found_out: dict[bytes, dict[bytes, set[str]]] = {}  # by whom, or through whom I know them; who; in which topics
    for author, judge, at, topics in world.evidence.shown:
        if counts(judge):
            of(author).note(topics, at)
            if vouching.get(judge, {b""}) - {author}:
                found_out.setdefault(world.through.get(judge, judge), {}).setdefault(author, set()).update(topics)
    _, *others = sorted(map(len, found_out.values()), reverse=True) or [0]
    most = max(MOST_FOUND_OUT, 2 * others[0]) if others else None  # where there is but one, whom else to believe
    for theirs in found_out.values():
        for author in sorted(theirs)[:most]:
            of(author).proven.update(theirs[author])
    for receipt in world.receipts:
        if receipt.kind == "adopt":
            of(receipt.issuer).wants.update(receipt.topics)
            if counts(receipt.issuer):
                of(receipt.helper).note(receipt.topics, receipt.at)
                if receipt.units >= UNITS["using"]:
                    of(receipt.issuer).note(receipt.topics, receipt.at)
    for author, taught in world.teaches.items():
        if counts(author):
            of(author).note(taught, now, weak=True)
    for author, wanted in world.learns.items():
        of(author).wants.update(wanted)
    for call in world.evidence.calls:
        of(call.asker).wants.update(call.topics)
    return found


def _vouching(receipts: Iterable[Receipt], counts: Counts) -> dict[bytes, set[bytes]]:
    """Helper → those who count and were helped by them: why the helper's own word counts. Of whom I follow there may be none."""
    found: dict[bytes, set[bytes]] = {}
    for receipt in receipts:
        if counts(receipt.issuer):
            found.setdefault(receipt.helper, set()).add(receipt.issuer)
    return found


class Chances:
    """On how many days each could have shared something. `calls`: those that count; a day without a question counts IDLE_DAY."""

    def __init__(self, calls: Iterable[Call], seen: Mapping[bytes, Sequence[int]], now: int) -> None:
        self._seen = seen
        self._since = now - SHARING_MS
        waiting: dict[str, list[tuple[int, int]]] = {}
        for call in calls:
            until = waits_until(call)
            for topic in call.topics if until > self._since else ():
                waiting.setdefault(topic, []).append((call.came, until))
        self._waiting = {topic: np.array(spans) for topic, spans in waiting.items()}
        self._known: dict[tuple[bytes, int], float] = {}

    def days(self, author: bytes, person: Person, since: int = 0) -> float:
        """Of what they know, or have shared about: what they shared without having learned it here they know as well."""
        if (author, since) not in self._known:
            self._known[author, since] = self._days(author, person, max(since, self._since))
        return self._known[author, since]

    def _days(self, author: bytes, person: Person, since: int) -> float:
        seen = self._seen.get(author, ())
        times = np.array(seen[bisect_right(seen, since) :], np.int64)
        here = {*(times // DAY_MS).tolist(), *(deed.at // DAY_MS for deed in person.deeds)}
        topics = {*person.has, *(topic for deed in person.deeds for topic in deed.topics)} & self._waiting.keys()
        if not topics or not here:
            return len(here) * IDLE_DAY
        spans = np.concatenate([self._waiting[topic] for topic in topics])
        began, ended = (np.bincount(np.searchsorted(times, edge, "right"), minlength=len(times) + 1) for edge in spans.T)
        asked = len(set((times[np.cumsum(began - ended)[:-1] > 0] // DAY_MS).tolist()))
        return asked + (len(here) - asked) * IDLE_DAY


class Asked(NamedTuple):
    """The requests that reached somebody and that they did not answer, in one topic; `direct`: put to them alone."""

    calls: list[Call]

    @property
    def enough(self) -> bool:
        return len(self.calls) >= ASKED or any(call.to for call in self.calls)


def unanswered(author: bytes, calls: Iterable[Call], seen: Sequence[int], since: int) -> Asked:
    """What was asked of somebody since then. `calls`: those that count, about what they know; `seen`: when they said anything."""
    return Asked([call for call in calls if call.came > since and _reached(author, call, seen)])


def _reached(author: bytes, call: Call, seen: Sequence[int]) -> bool:
    """Whether somebody said something while a request still waited, and neither helped with it nor declined."""
    if call.asker == author or call.to not in {b"", author}:
        return False
    if author in call.declined or any(helper == author for _, helper in call.helped):
        return False
    place = bisect_right(seen, call.came)
    return place < len(seen) and seen[place] <= waits_until(call)


def waits_until(call: Call) -> int:
    """When a request is no longer put to anybody: closed, helped with by enough people, or too long ago."""
    helpers: dict[bytes, int] = {}
    for at, helper in sorted(call.helped):
        helpers.setdefault(helper, at)
    enough = sorted(helpers.values())[ENOUGH_HELP - 1 : ENOUGH_HELP]
    return min([call.came + OPEN_MS, *enough, *([call.ended] if call.ended is not None else [])])
