"""Whether the measure of health is right: villages in which it is known who would share, looked at by one of those who live there.

Everybody there has topics they know and topics they ask about, days on which they are there and weeks in which they have no time. Who is
willing answers some of what they see and writes now and then; of the others half never do, half now and then. Nothing is signed here:
the simulation says what the marks of records would say, and the measure is the one that `health` gives.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from bench.meter import Line, show
from bench.shelf import Shelf
from p2plearn.ledger.evidence import Call, Mark, gather
from p2plearn.ledger.having import DAY_MS, WITHHOLDING, World, counted_calls, people, unanswered
from p2plearn.ledger.health import Health, Healths
from p2plearn.ledger.receipts import Receipt

_RUNS = 5  # villages of each sort
_START = 20_000 * DAY_MS
_TOPICS = 40
_JUNK_DAYS = range(10, 20)


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of village.

    `willing`: the part of people who would share; `asks`: how often, on a day there; `answers`: how probably the willing answer what they
    see, `a_day` at the most; `here`: on what part of days people are there, and `willing_here` the willing.

    `junk`: requests by as many keys that nobody knows; `capable`: the part that knows something at first; `seldom`: how much of what
    the willing share those others do who share at all.
    """

    willing: float
    asks: float = 0.2
    answers: float = 0.6
    a_day: int = 2
    here: float = 0.5
    willing_here: float = 0.5
    junk: int = 0
    capable: float = 0.6
    seldom: float = 0.06


SORTS: Mapping[str, Sort] = {
    "healthy": Sort(0.75),
    "strained": Sort(0.6),
    "half": Sort(0.5),
    "sick .4": Sort(0.4, asks=0.3, answers=0.1, a_day=1),
    "sick .3": Sort(0.3, asks=0.3, answers=0.15, a_day=1),
    "sick .2": Sort(0.2, asks=0.3, answers=0.15, a_day=1),
    "few questions": Sort(0.7, asks=0.06),
    "2,000 junk requests": Sort(0.7, junk=2_000),
    "sick .3, 2,000 junk requests": Sort(0.3, asks=0.3, answers=0.15, a_day=1, junk=2_000),
    "the willing are seldom there": Sort(0.7, willing_here=0.2),
    "sick .3, the others not quite silent": Sort(0.3, asks=0.3, answers=0.15, a_day=1, seldom=0.12),
    "sick .3, the willing seldom there": Sort(0.3, asks=0.3, answers=0.2, a_day=1, willing_here=0.2),
}


def run(shelf: Shelf, _directory: Path) -> None:
    """A row for each sort of village, of as many people as records are asked for."""
    for name, sort in SORTS.items():
        seen = [(village, look(village)) for village in (Village(sort, shelf.n, seed) for seed in range(_RUNS))]
        found = [judged(village, health) for village, health in seen if health.share is not None]
        row = _row(name, found) if found else {"name": f"p2plearn health {name}", "skipped": "too few to tell"}
        show(row | {"people": shelf.n, "villages": len(found), "days": 30})


def _row(name: str, found: Sequence["Judged"]) -> Line:
    errors = [one.share - one.proven for one in found]
    return {
        "name": f"p2plearn health {name}",
        "true": round(fmean(one.proven for one in found), 3),
        "share": round(fmean(one.share for one in found), 3),
        "error_mean": round(fmean(errors), 3),
        "error_max": round(max(map(abs, errors)), 3),
        "in_interval": sum(one.is_inside for one in found),
        "true_of_all": round(fmean(one.everybody for one in found), 3),
        "error_of_all_max": round(max(abs(one.share - one.everybody) for one in found), 3),
        "sample": round(fmean(one.sample for one in found)),
        "answered": round(fmean(one.answered for one in found), 2),
        "learners_flagged": sum(one.learners_flagged for one in found),
        "seeders_flagged": round(fmean(one.seeders_flagged for one in found), 4),
        "seeders_flagged_by_number_alone": round(fmean(one.by_number for one in found), 4),
        "withholding_found": round(fmean(one.withholding_found for one in found), 3),
    }


# --- the village ---


@dataclass(slots=True)
class Villager:
    """`often`: the part of days on which they are there; `active`: how much they do on one, 1 for most; `busy`: weeks without time."""

    key: bytes
    rate: float  # 1 for the willing, little or nothing for others
    knows: set[str]
    asks_about: list[str]
    often: float
    active: float
    busy: list[bool]
    seq: int = 0
    open: list[Call] = field(default_factory=list)


class Village:
    """Thirty days of it. Village(sort, people, seed) is the same on every machine."""

    def __init__(self, sort: Sort, count: int, seed: int, days: int = 30) -> None:
        self.sort = sort
        self.now = _START + days * DAY_MS
        self.marks: dict[bytes, Mark] = {}
        self.receipts: list[Receipt] = []
        self.seen: dict[bytes, list[int]] = defaultdict(list)
        self._chance = random.Random(seed)
        self._weights = [1 / (place + 1) for place in range(_TOPICS)]
        self._waiting: dict[str, list[Call]] = defaultdict(list)
        self._pieces: list[tuple[Villager, str, bytes]] = []
        self._known: dict[str, set[bytes]] = defaultdict(set)  # topic → who is known to know it
        self.villagers = [self._villager(number, days) for number in range(count)]
        for day in range(days):
            self._day(day)
        helped = {receipt.issuer for receipt in self.receipts}
        self.me = max(helped, key=lambda key: sum(receipt.issuer == key for receipt in self.receipts))
        self.ranked = self._reachable()

    def counts(self, author: bytes) -> bool:
        """Whether something speaks for somebody in the eyes of the one who looks: then the score is positive."""
        return author == self.me or author in self.ranked

    def _reachable(self) -> set[bytes]:
        helpers: dict[bytes, set[bytes]] = defaultdict(set)
        for receipt in self.receipts:
            helpers[receipt.issuer].add(receipt.helper)
        found, waiting = set[bytes](), [self.me]
        for person in waiting:
            new = helpers[person] - found
            found |= new
            waiting += sorted(new)
        return found

    def _villager(self, number: int, days: int) -> Villager:
        chance, sort = self._chance, self.sort
        is_willing = chance.random() < sort.willing
        rate = 1.0 if is_willing else sort.seldom if chance.random() < 0.5 else 0.0
        knows = {self._topic() for _ in range(chance.randint(1, 4))} if chance.random() < sort.capable else set()
        often = sort.willing_here if is_willing else sort.here
        here = min(0.98, max(0.05, chance.betavariate(often * 4, (1 - often) * 4)))
        busy = [chance.random() < 0.3 for _ in range(days // 7 + 1)]
        asks = [self._topic() for _ in range(4)]
        return Villager(number.to_bytes(32, "big"), rate, knows, asks, here, chance.gammavariate(2, 0.5), busy)

    def _topic(self) -> str:
        return f"topic-{self._chance.choices(range(_TOPICS), self._weights)[0]}"

    def _day(self, day: int) -> None:
        chance = self._chance
        if self.sort.junk and day in _JUNK_DAYS:
            for _ in range(self.sort.junk // len(_JUNK_DAYS)):
                self._ask(Villager(chance.randbytes(32), 0, set(), [], 0, 0, []), self._topic(), self._at(day, chance.random()))
        there = sorted(
            (self._at(day, 0.2 + 0.75 * chance.random()), place) for place, one in enumerate(self.villagers) if self._luck(one.often)
        )
        for at, place in there:
            self._visit(self.villagers[place], at, day)
        for calls in self._waiting.values():
            calls[:] = [call for call in calls if call.at > self._at(day - 14, 0)]

    def _at(self, day: float, part: float) -> int:
        return _START + int((day + part) * DAY_MS)

    def _luck(self, part: float) -> bool:
        return self._chance.random() < part

    def _visit(self, one: Villager, at: int, day: int) -> None:
        """What somebody does on a day there. Whoever says nothing was there too, but nobody knows."""
        spoke = self._luck(min(0.9, 0.3 * one.active))
        if self._luck(min(0.6, self.sort.asks * one.active)):
            topic = self._chance.choice(one.asks_about)
            if topic not in one.knows:
                one.open.append(self._ask(one, topic, at))
                spoke = True
        spoke |= self._close(one, at) | self._take_up(one, at)
        if one.knows and one.rate:
            spoke |= self._share(one, at, is_busy=one.busy[day // 7])
        if one.busy[day // 7] and one.rate == 1:
            for call in (call for topic in sorted(one.knows) for call in self._waiting[topic] if call.to == one.key and self._luck(0.3)):
                self._say(one, "decline", at, root=call.id)
                spoke = True
        if spoke:
            self.seen[one.key].append(at)

    def _ask(self, one: Villager, topic: str, at: int) -> Call:
        known = sorted(self._known[topic] - {one.key})
        to = self._chance.choice(known) if known and self._luck(0.08) else b""
        mark = self._say(one, "request", at, topics=(topic,), to=to)
        call = Call(mark.id, one.key, (topic,), at, at, to)
        self._waiting[topic].append(call)
        return call

    def _close(self, one: Villager, at: int) -> bool:
        """Some of one's own questions that somebody helped with are solved; in most cases so that it was shown."""
        closing = [call for call in one.open if call.helped and self._luck(0.5)]
        for call in closing:
            one.open.remove(call)
            (topic,) = call.topics
            if call in self._waiting[topic]:
                self._waiting[topic].remove(call)
            helper = self._chance.choice(call.helped)[1]
            if self._luck(0.6):
                work = self._say(one, "reply", at, type="attempt", root=call.id, about=call.id)
                judge = next(person for person in self.villagers if person.key == helper)
                self._say(judge, "verdict", at, type="shown", root=call.id, about=work.id)
                self._learn(one, topic)
            solve = self._say(one, "solve", at, root=call.id)
            self.receipts.append(Receipt(one.key, helper, "solve", call.id, 2.0, at, (topic,), solve.id))
        return bool(closing)

    def _take_up(self, one: Villager, at: int) -> bool:
        """Somebody adopts what somebody else wrote."""
        if not self._pieces or not self._luck(min(0.6, 0.25 * one.active)):
            return False
        author, topic, piece = self._chance.choice(self._pieces)
        if author is one:
            return False
        units = 2.0 if self._luck(0.4) else 1.0
        self.receipts.append(Receipt(one.key, author.key, "adopt", piece, units, at, (topic,), self._chance.randbytes(32)))
        self._known[topic].add(author.key)
        if units == 2.0:
            self._learn(one, topic)
        return True

    def _learn(self, one: Villager, topic: str) -> None:
        one.knows.add(topic)
        self._known[topic].add(one.key)

    def _share(self, one: Villager, at: int, *, is_busy: bool) -> bool:
        """Answers to some of the questions that wait, what was put to oneself first; and sometimes a note."""
        given = 0
        waiting = (
            [] if is_busy else [call for topic in sorted(one.knows) for call in self._waiting[topic] if self._may_answer(one, call, at)]
        )
        self._chance.shuffle(waiting)
        for call in sorted(waiting, key=lambda call: call.to != one.key)[:6]:
            chance = self.sort.answers * one.rate * (1.3 if call.to else 1) * (0.1 if call.asker not in self.seen else 1)
            if given < self.sort.a_day and self._luck(chance):
                given += 1
                self._say(one, "reply", at, type="answer", root=call.id, about=call.id)
                call.helped.append((at, one.key))
        writes = self._luck(0.04 * one.active * one.rate)
        if writes:
            topic = self._chance.choice(sorted(one.knows))
            self._pieces.append((one, topic, self._say(one, "snippet", at, topics=(topic,)).id))
        return writes or given > 0

    def _may_answer(self, one: Villager, call: Call, at: int) -> bool:
        mine = call.asker == one.key or any(helper == one.key for _, helper in call.helped)
        return not mine and call.at < at and (call.to == one.key or len(call.helped) < 3)

    def _say(
        self,
        one: Villager,
        kind: str,
        at: int,
        *,
        type: str = "",  # noqa: A002
        root: bytes = b"",
        about: bytes = b"",
        topics: tuple[str, ...] = (),
        to: bytes = b"",
    ) -> Mark:
        one.seq += 1
        mark = Mark(self._chance.randbytes(32), one.key, one.seq, kind, type, at, at, root, about, topics, to)
        self.marks[mark.id] = mark
        return mark


# --- what is made of it ---


@dataclass(frozen=True, slots=True)
class Judged:
    """How a measure compares with the truth. Parts of 1 but the numbers `sample` and `learners_flagged`.

    `proven`: the true share among those whom the measure is made from; `everybody`: among all who know something at the end.
    """

    share: float
    proven: float
    everybody: float
    is_inside: bool
    sample: int
    answered: float
    learners_flagged: int
    seeders_flagged: float
    by_number: float
    withholding_found: float


def look(village: Village) -> Health:
    """The health of a village as one of those who live there sees it."""
    return Healths(_world(village), village.counts, village.now).of(None, {})


def _world(village: Village) -> World:
    return World(gather(village.marks), village.receipts, village.seen, {}, {})


def judged(village: Village, health: Health) -> Judged:
    """Compare, where there are enough people to tell."""
    assert health.share is not None
    who = {one.key: one for one in village.villagers}
    known = people(_world(village), village.counts, village.now)
    proven = [who[key].rate == 1 for key, person in known.items() if person.proven]
    capable = [one for one in village.villagers if one.knows]
    flagged = {key for key, status in health.statuses.items() if status == WITHHOLDING}
    seeders = {one.key for one in capable if one.rate == 1}
    unwilling = {key for key, status in health.statuses.items() if key in who and who[key].rate < 1 and known[key].has}
    truth = fmean(proven)
    return Judged(
        share=health.share.share,
        proven=truth,
        everybody=fmean(one.rate == 1 for one in capable),
        is_inside=health.share.low <= truth <= health.share.high,
        sample=len(proven),
        answered=health.answered or 0.0,
        learners_flagged=sum(key not in who or not who[key].knows for key in flagged),
        seeders_flagged=len(flagged & seeders) / len(seeders),
        by_number=len(seeders & set(_flagged_by_number(village))) / len(seeders),
        withholding_found=len(flagged & unwilling) / max(1, len(unwilling)),
    )


def _flagged_by_number(village: Village) -> Iterator[bytes]:
    """Whom two unanswered questions in a topic would flag in which they shared nothing."""
    world = _world(village)
    calls = counted_calls(world.evidence.calls, village.counts)
    for key, person in people(world, village.counts, village.now).items():
        for topic, has in person.has.items():
            about = [call for call in calls if topic in call.topics]
            if not person.shares(topic) and unanswered(key, about, village.seen[key], has.since).enough:
                yield key
                break
