"""A village that has used the whole of the learning loop for most of a year: records of all kinds, in plausible proportions.

Residents ask, help, share, correct and thank; visitors come once and take up what everybody speaks of. Threads run side by side, as
conversations do, so that what belongs together is spread over the whole store. One of the residents is the person who looks on.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TypeAlias

from bench import corpus
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import START_MS, FakeClock

Story: TypeAlias = Iterator[Record]

ME = "me"
TOPICS = tuple(f"topic-{number}" for number in range(60))

_SEED = 4
_RESIDENTS = 150
_MINE = 0.03  # of all that residents do
_VIRAL = 3  # snippets that everybody takes up
_TOLD = 400  # stories under way at a time
_TEXTS = 2_000
_SPAN_MS = 280 * 24 * 3600 * 1000
_BEGIN_MS = START_MS - _SPAN_MS - 24 * 3600 * 1000  # all of it in the past of whoever measures

_REPLIES = ("hint", "step", "answer", "question", "comment")
_WORDS = ("works", "works", "works", "doesnt", "outdated", "dangerous")


class Village:
    """The people, and what they say. Village(n) says the same on every machine."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._chance = random.Random(_SEED)
        clock = FakeClock(_BEGIN_MS)
        self._pause = _SPAN_MS / n / 1000 - 1  # seconds between two records, of which the clock itself goes on by one
        self._clock = clock
        self.me = Author(ME, clock)
        self._residents = [Author(f"resident {number}", clock) for number in range(_RESIDENTS)]
        self._visitors = [Author(f"visitor {number}", clock) for number in range(max(10, n // 40))]
        self._texts = [corpus.text(number) for number in range(min(n, _TEXTS))]

    def records(self) -> Iterator[Record]:
        """What is said, each record after those it names; as many as the village was made for."""
        for record in islice(self._told(), self._n):
            self._clock.advance(max(0.0, self._pause))
            yield record

    def _told(self) -> Iterator[Record]:
        """A step of one story, a step of another: some are told from the first day to the last."""
        lasting = [self._viral(number) for number in range(_VIRAL)] + [self._long(), self._long(), self._living()]
        current = [self._any() for _ in range(_TOLD)]
        while True:
            stories = lasting if lasting and self._chance.random() < 0.12 else current
            at = self._chance.randrange(len(stories))
            record = next(stories[at], None)
            if record is not None:
                yield record
            elif stories is current:
                current[at] = self._any()
            else:
                del lasting[at]

    def _any(self) -> Story:
        return self._chance.choices((self._question, self._knowledge, self._standing), (40, 30, 30))[0]()

    # --- stories ---

    def _question(self) -> Story:
        """From a question as far as it gets, which is seldom the whole way."""
        asker, helper = self._people(2)
        request = asker.ask(self._title(), self._text(), topics=self._topics(), want="hint", show_work_first=self._luck(0.3))
        yield request
        if self._luck(0.05):
            yield helper.decline(request, self._text(80))
            return
        if self._luck(0.5):
            yield asker.attempt(request, self._text(), topics=request.topics)
        said = request
        for _ in range(self._chance.randrange(1, 6)):
            said = self._one().reply(said, self._chance.choice(_REPLIES), self._text(), topics=request.topics)
            yield said
        if self._luck(0.3):
            yield asker.reply(said, "stuck", self._text(200), 2, topics=request.topics)
            said = helper.reply(said, "answer", self._text(), topics=request.topics)
            yield said
        yield from self._proving(request, asker, helper) if self._luck(0.4) else ()
        if self._luck(0.1):
            yield asker.withdraw(request)
        elif self._luck(0.8):
            yield asker.solve(request, said if said.author != asker.key and said is not request else None)
            yield from self._afterwards(request, asker, said)

    def _proving(self, request: Record, asker: Author, helper: Author) -> Story:
        check = helper.check(request, self._text(200))
        yield check
        while True:
            proof = asker.prove(check, self._text())
            yield proof
            if self._luck(0.6):
                yield helper.judge(proof, "shown", self._text(100))
                return
            yield helper.judge(proof, "not-yet", self._text(100), [(2, self._text(60))])

    def _afterwards(self, request: Record, asker: Author, said: Record) -> Story:
        if said.author != asker.key:
            yield asker.thank(said, self._text(120))
        if self._luck(0.3):
            yield self._one().encourage(request, self._text(80))
        if self._luck(0.15):
            snippet = asker.pass_on(request, self._title(), self._text(), topics=request.topics)
            yield snippet
            yield from self._life_of(snippet, asker)
        if self._luck(0.05):
            yield asker.retract(request, self._text(60))

    def _knowledge(self) -> Story:
        author = self._one()
        snippet = author.share(self._title(), self._text(900), self._chance.choice(("note", "howto")), topics=self._topics())
        yield snippet
        yield from self._life_of(snippet, author)

    def _life_of(self, snippet: Record, author: Author) -> Story:
        """What others make of a snippet, and what becomes of that."""
        adopters = [author]
        for _ in range(min(60, int(self._chance.lognormvariate(1.2, 1.0)))):
            yield from self._taken_up(snippet, self._one(), adopters)
            if self._luck(0.15):
                yield from self._opinion(snippet, author)
            if self._luck(0.08):
                forker = self._one()
                fork = forker.fork(snippet, self._text(900), title=self._title(), topics=snippet.topics)
                yield fork
                for _ in range(self._chance.randrange(4)):
                    yield self._one().adopt(fork, "using", learned_from=forker.key)
        if self._luck(0.03):
            yield author.retract(snippet, self._text(60))

    def _taken_up(self, snippet: Record, adopter: Author, adopters: list[Author]) -> Story:
        source = self._chance.choice(adopters)
        named = source.key if source is not adopter else b""
        yield adopter.adopt(snippet, self._chance.choice(("tried", "using")), learned_from=named, text=self._text(80))
        if self._luck(0.3):
            yield adopter.adopt(snippet, self._chance.choice(("using", "passed-on", "dropped")), "works", named)
        adopters.append(adopter)

    def _opinion(self, snippet: Record, author: Author) -> Story:
        critic = self._one()
        if self._luck(0.5):
            yield critic.react(snippet, self._chance.choice(_WORDS), self._text(100))
        elif self._luck(0.5):
            yield critic.reply(snippet, "comment", self._text(), topics=snippet.topics)
        else:
            correction = critic.correct(snippet, self._text(200))
            yield correction
            if self._luck(0.6):
                yield author.revise(snippet, self._text(900), taking_up=correction, topics=snippet.topics)
                yield author.thank(correction, self._text(80))

    def _standing(self) -> Story:
        """What people say of themselves: offers, wishes, and what they answer to the three questions."""
        person = self._one()
        say: Callable[[], Record] = self._chance.choice(
            (
                lambda: person.offer(self._text(200), topics=self._topics()),
                lambda: person.want(self._text(200), topics=self._topics()),
                lambda: person.compass(self._chance.randrange(1, 4), self._text(200)),
                lambda: person.teach(self._chance.choice(TOPICS), self._chance.randrange(4)),
                lambda: person.learn(self._chance.choice(TOPICS)),
            )
        )
        said = say()
        yield said
        if self._luck(0.2):
            yield person.retract(said, "Done.")

    # --- stories that last ---

    def _living(self) -> Story:
        """Who everybody is, at the start of it."""
        for person in [self.me, *self._residents, *self._visitors[::2]]:
            yield person.profile(person.name, self._text(150), ("beginners",))
        for person in [self.me, *self._residents] * 3:
            yield person.teach(self._chance.choice(TOPICS), 2)
            yield person.learn(self._chance.choice(TOPICS))

    def _viral(self, number: int) -> Story:
        """A snippet that every visitor takes up from somebody who had it before, and that has forks of forks. The first is mine."""
        author = self._residents[number] if number else self.me
        snippet = author.share(f"What everybody does {number}", self._text(900), "howto", topics=self._topics())
        yield snippet
        adopters, forks = [author], [snippet]
        for visitor in self._visitors:
            thing = snippet if self._luck(0.95) else self._chance.choice(forks)
            yield from self._taken_up(thing, visitor, adopters)
            if self._luck(0.01):
                fork = visitor.fork(self._chance.choice(forks), self._text(900), topics=snippet.topics)
                forks.append(fork)
                yield fork
            if self._luck(0.02):
                yield from self._opinion(snippet, author)

    def _long(self) -> Story:
        """A question that everybody has something to say about."""
        request = self._one().ask("What everybody talks about", self._text(), topics=self._topics())
        yield request
        said = [request]
        for _ in range(self._n // 100):
            parent = said[-1] if self._luck(0.5) else self._chance.choice(said)
            said.append(self._one().reply(parent, self._chance.choice(_REPLIES), self._text(), topics=request.topics))
            yield said[-1]

    # --- chance ---

    def _luck(self, part: float) -> bool:
        return self._chance.random() < part

    def _one(self) -> Author:
        """Some do much, many little; I do my part."""
        return self.me if self._luck(_MINE) else self._residents[int(len(self._residents) * self._chance.random() ** 2)]

    def _people(self, count: int) -> Sequence[Author]:
        found: list[Author] = []
        while len(found) < count:
            person = self._one()
            if person not in found:
                found.append(person)
        return found

    def _topics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(TOPICS[int(len(TOPICS) * self._chance.random() ** 2)] for _ in range(2)))

    def _title(self) -> str:
        return self._text(40)

    def _text(self, most: int = 500) -> str:
        text = self._chance.choice(self._texts)
        start = self._chance.randrange(max(1, len(text) - most))
        return text[start : start + self._chance.randint(most // 3, most)].strip() or "so"
