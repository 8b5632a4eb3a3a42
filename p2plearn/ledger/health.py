"""How a network of people does: whether those who could share do, whether who asks is helped, and on how few it all depends.

From the words of people who count (whom I rank, and mine). Nobody is judged by what they took, and of others there are only numbers.
Must not know the store, nor how it is printed. docs/adr/0020-health.md: why it is measured so.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from p2plearn.ledger.evidence import Call
from p2plearn.ledger.having import (
    CALLS_MS,
    DAY_MS,
    LEARNER,
    PATIENT,
    QUIET,
    SEEDER,
    SHARING_MS,
    WITHHOLDING,
    Chances,
    Counts,
    Person,
    World,
    counted_calls,
    people,
    unanswered,
)
from p2plearn.ledger.receipts import Receipt
from p2plearn.ledger.willingness import Willing, willing

LEAST_CAPABLE = 30  # people, below which nothing is said about the share of those who are willing
LEAST_COUNTED = 5  # below which a number of quiet or withholding people would point at one of them
FAILING, STRAINED = 0.5, 0.67  # shares below which a network is called so
TOO_FEW = "too few to tell"


@dataclass(frozen=True, slots=True)
class Health:
    """Of a topic, or of everything. Parts are of 1, None where there is nothing to tell; `statuses`: of everybody, never to be shown."""

    verdict: str
    statuses: Mapping[bytes, str]
    share: Willing | None
    calls: Sequence[Call]
    snowball: float | None
    bus_factor: int | None
    gini: float | None

    @property
    def counts(self) -> Counter[str]:
        return Counter(self.statuses.values())

    @property
    def capable(self) -> int:
        return len(self.statuses) - self.counts[LEARNER]

    @property
    def answered(self) -> float | None:
        """The part of the requests that somebody else helped with."""
        return sum(bool(call.helped) for call in self.calls) / len(self.calls) if self.calls else None

    @property
    def first_help_s(self) -> float | None:
        """The median time from a question to the first help."""
        delays = [max(0, min(call.helped)[0] - call.at) / 1000 for call in self.calls if call.helped]
        return median(delays) if delays else None


class Healths:
    """The health of one world, overall and in topics: what they share is worked out once. `now`: ms since 1970."""

    def __init__(self, world: World, counts: Counts, now: int) -> None:
        self._world = world
        self._now = now
        self._counts = counts
        self._calls = counted_calls(world.evidence.calls, counts)
        self._lately = [call for call in self._calls if call.at > now - CALLS_MS]
        self._people = people(world, counts, now)
        self._chances = Chances(self._calls, world.seen, now)
        self._receipts = [receipt for receipt in world.receipts if counts(receipt.issuer)]
        self._share = self._willing(person for person in self._people.items() if person[1].proven)
        self._known: dict[str | None, Health] = {}
        self._by_topic: dict[str, list[Call]] = {}
        for call in self._calls:
            for topic in call.topics:
                self._by_topic.setdefault(topic, []).append(call)

    @property
    def topics(self) -> list[str]:
        """Those that people know about or ask about, the most first."""
        known = Counter(topic for person in self._people.values() for topic in person.has)
        asked = Counter({topic: len(calls) for topic, calls in self._by_topic.items()})
        return sorted(known | asked, key=lambda topic: (-known[topic] - asked[topic], topic))

    def of(self, topic: str | None, scores: Mapping[bytes, float]) -> Health:
        """Of a topic, or of everything. `scores`: of everybody who is ranked, in the topic."""
        if topic not in self._known:
            self._known[topic] = self._of(topic)
        return replace(self._known[topic], gini=gini(list(scores.values())))

    def _of(self, topic: str | None) -> Health:
        statuses = {
            author: status for author, person in self._people.items() if (status := self._status(author, person, topic)) is not None
        }
        proven = [(author, person) for author, person in self._people.items() if (topic in person.proven if topic else person.proven)]
        share = self._share if topic is None else self._willing(proven)
        calls = [call for call in self._lately if topic is None or topic in call.topics]
        receipts = [receipt for receipt in self._receipts if topic is None or topic in receipt.topics]
        return Health(
            verdict=_verdict(share),
            statuses=statuses,
            share=share,
            calls=calls,
            snowball=_snowball(receipts, self._now),
            bus_factor=_bus_factor(receipts, self._now),
            gini=None,
        )

    def _willing(self, proven: Iterable[tuple[bytes, Person]]) -> Willing | None:
        """Of those whom others found to have understood something: who is known by what they shared is willing, and so no sample."""
        known = [(len({deed.at // DAY_MS for deed in person.deeds}), self._chances.days(author, person)) for author, person in proven]
        if len(known) < LEAST_CAPABLE:
            return None
        return willing([shared for shared, _ in known], [days for _, days in known])

    def _status(self, author: bytes, person: Person, topic: str | None) -> str | None:
        """None for whom the topic is nothing."""
        if topic is None:
            if not person.has:
                return LEARNER if person.wants else None
            if person.deeds:
                return SEEDER
            return WITHHOLDING if any(self._withholds(author, person, about) for about in person.has) else QUIET
        if topic not in person.has:
            return LEARNER if topic in person.wants else None
        if person.shares(topic):
            return SEEDER
        return WITHHOLDING if self._withholds(author, person, topic) else QUIET

    def _withholds(self, author: bytes, person: Person, topic: str) -> bool:
        """Whether somebody who is known to have it was asked, and shared nothing anywhere for so long that nobody willing would have."""
        known = person.has[topic]
        if person.deeds or known.weak or self._share is None:
            return False
        if self._share.silence(self._chances.days(author, person, known.since)) > PATIENT:
            return False
        since = max(known.since, self._now - SHARING_MS)
        return unanswered(author, self._by_topic.get(topic, ()), self._world.seen.get(author, ()), since).enough


def _verdict(share: Willing | None) -> str:
    if share is None:
        return TOO_FEW
    return "failing" if share.share < FAILING else "strained" if share.share < STRAINED else "healthy"


def _snowball(receipts: Iterable[Receipt], now: int) -> float | None:
    """How many learned a thing from somebody who had taken it up before, for each who took one up."""
    lately = [receipt for receipt in receipts if receipt.at > now - SHARING_MS]
    adopted = {(receipt.issuer, receipt.slot) for receipt in lately if receipt.kind == "adopt"}
    passed_on = {(receipt.issuer, receipt.slot) for receipt in lately if receipt.kind == "learned-from"}
    return len(passed_on & adopted) / len(adopted) if adopted else None


def _bus_factor(receipts: Iterable[Receipt], now: int) -> int | None:
    """How few people gave more than half of all help."""
    given: dict[bytes, float] = {}
    for receipt in receipts:
        if receipt.at > now - SHARING_MS:
            given[receipt.helper] = given.get(receipt.helper, 0.0) + receipt.units
    left = sum(given.values()) / 2
    for few, units in enumerate(sorted(given.values(), reverse=True), 1):
        left -= units
        if left < 0:
            return few
    return None


def gini(values: Sequence[float]) -> float | None:
    """How unequal these are, from 0 to 1, corrected for how few there are: Σ(2i−n−1)x_i / (nΣx) · n/(n−1). None below two."""
    count, total = len(values), sum(values)
    if count < 2 or total <= 0:
        return None
    order = sorted(values)
    return sum((2 * place - count - 1) * value for place, value in enumerate(order, 1)) / (count * total) * count / (count - 1)
