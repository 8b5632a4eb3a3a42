"""What became of my help: of each request in which I helped, and with each person who took up what I made or showed.

Must not know how what concerns me is found.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from p2plearn import limits
from p2plearn.learning.conversation import Conversation
from p2plearn.learning.entries import Entry
from p2plearn.learning.notation import Json, Names, iso_time
from p2plearn.learning.opinions import Adoption, adoptions, gratitude
from p2plearn.learning.progress import is_helping, latest_verdicts
from p2plearn.protocol.kinds import FROM, Adopt, Request, Snippet, Solve

PRIVATE = "(private)"  # stands for words that cannot be read here


@dataclass(frozen=True, slots=True)
class Gleam:
    """What became of one piece of help. Times are claims, in ms since 1970.

    `root`: the request, or the snippet; `state`: that of the request, or how far `learner` took the snippet up, with what `outcome`;
    `thanks`: the words said to me there; `adopted_by`: who took up what was passed on; `shown_at`: when the asker had first shown that
    they understood it, None as long as they have not; `at`: the newest of all this.
    """

    root: Conversation
    learner: bytes
    state: str
    outcome: str
    thanks: tuple[str, ...]
    adopted_by: tuple[bytes, ...]
    shown_at: int | None
    at: int


def glow(
    me: bytes,
    conversations: Iterable[Conversation],
    now: int,
    *,
    words: Callable[[Entry], str] = lambda entry: entry.text,
    hidden: Collection[bytes] = (),
) -> list[Gleam]:
    """The newest first. `conversations`: those in which I helped or adopted, my snippets, and what was passed on from these requests.

    `now` (ms since 1970): what claims to be from later than a day from then does not count as the newest; `words` gives those of thanks,
    empty for what cannot be read; of authors who are `hidden` nothing is told.
    """
    known = {conversation.root.id: conversation for conversation in conversations}
    passed_on: dict[bytes, list[Conversation]] = {}
    for conversation in known.values():
        for request in conversation.root.targets(FROM) if isinstance(conversation.body, Snippet) else ():
            passed_on.setdefault(request, []).append(conversation)
    look = _Look(me, now, words, frozenset(hidden))
    found: list[Gleam] = []
    for conversation in known.values():
        if conversation.root.author not in look.hidden and isinstance(conversation.body, Request):
            found += look.helped(conversation, passed_on.get(conversation.root.id, ()))
        if isinstance(conversation.body, Snippet):
            found += look.taken_up(conversation)
    return sorted(found, key=lambda gleam: (-gleam.at, gleam.root.root.id, gleam.learner))


def gleam_json(gleam: Gleam, names: Names) -> Json:
    """The contract's item. Beyond it: "kind", "title", "name" (the learner's), "snippet" (if it is no request), "outcome", "shown_at".

    Also "taken_back": whether the request or snippet was, which hides its title.
    """
    root = gleam.root.root
    about = root.id.hex()
    return {
        "request": about if root.kind == Request.kind else None,
        "snippet": about if root.kind == Snippet.kind else None,
        "kind": root.kind,
        "title": gleam.root.title,
        "taken_back": gleam.root.reason is not None,
        "learner": gleam.learner.hex(),
        "name": names.get(gleam.learner, ""),
        "state": gleam.state,
        "outcome": gleam.outcome or None,
        "thanks": list(gleam.thanks),
        "adopted_by": [author.hex() for author in gleam.adopted_by],
        "shown_at": None if gleam.shown_at is None else iso_time(gleam.shown_at),
        "at": iso_time(gleam.at),
    }


@dataclass(frozen=True, slots=True)
class _Look:
    """Who looks, when, and what they do not see."""

    me: bytes
    now: int
    words: Callable[[Entry], str]
    hidden: frozenset[bytes]

    def helped(self, request: Conversation, passed_on: Sequence[Conversation]) -> Iterator[Gleam]:
        """The gleam of a request, if it is another's and I helped there."""
        asker = request.root.author
        help_ = [entry for entry in request.standing if entry.author == self.me and is_helping(entry, asker)]
        if not help_:
            return
        thanks = self._thanks(request)
        shown = _shown_times(request)
        solved = [entry.record.time for entry in request.standing if isinstance(entry.body, Solve)]
        found = [one for snippet in passed_on if snippet.root.author in {asker, self.me} for one in self._others(snippet)]
        times = [*(entry.record.time for entry in (*help_, *thanks)), *shown, *solved, *(one.entry.record.time for one in found)]
        adopters = tuple(dict.fromkeys(one.author for one in sorted(found, key=_beginning)))
        words = self._words(thanks)
        yield Gleam(request, asker, request.state, "", words, adopters, shown[0] if shown else None, self._newest(times))

    def taken_up(self, snippet: Conversation) -> Iterator[Gleam]:
        """A gleam of each person who took up a snippet of mine, or whom I showed it."""
        mine = snippet.root.author == self.me
        if not mine and not any(isinstance(entry.body, Adopt) and entry.body.learned_from == self.me for entry in snippet.standing):
            return  # a quick look, for what I took up may be what thousands did
        taught: dict[bytes, list[Adoption]] = {}
        for adoption in sorted(self._others(snippet), key=_beginning):
            taught.setdefault(adoption.learned_from, []).append(adoption)
        thanked: dict[bytes, list[Entry]] = {}
        for entry in self._thanks(snippet):
            thanked.setdefault(entry.author, []).append(entry)
        for adoption in [one for adopters in taught.values() for one in adopters] if mine else taught.get(self.me, []):
            learner = adoption.author
            thanks = thanked.get(learner, [])
            learners = [one for one in taught.get(learner, ()) if one.author != learner]
            times = [entry.record.time for entry in (adoption.entry, *thanks, *(one.entry for one in learners))]
            adopters = (learner, *(one.author for one in learners))
            words = self._words(thanks)
            yield Gleam(snippet, learner, adoption.stage, adoption.outcome, words, adopters, None, self._newest(times))

    def _others(self, snippet: Conversation) -> list[Adoption]:
        """The adoptions by others than me and its author."""
        unseen = {self.me, snippet.root.author, *self.hidden}
        return [adoption for author, adoption in adoptions(snippet.standing).items() if author not in unseen]

    def _thanks(self, conversation: Conversation) -> list[Entry]:
        return [entry for entry, receiver in gratitude(conversation) if receiver == self.me and entry.author not in self.hidden]

    def _words(self, thanks: Iterable[Entry]) -> tuple[str, ...]:
        return tuple(self.words(entry) or PRIVATE for entry in thanks)

    def _newest(self, times: Sequence[int]) -> int:
        """The newest that is plausible, or the oldest of all."""
        return max((time for time in times if time <= self.now + limits.FUTURE_TOLERANCE_MS), default=min(times))


def _beginning(adoption: Adoption) -> tuple[int, bytes]:
    return (adoption.first.record.time, adoption.author)


def _shown_times(conversation: Conversation) -> list[int]:
    """When each check was judged shown that still counts as such (claimed, ms since 1970), the earliest first."""
    return sorted(entry.record.time for entry in latest_verdicts(conversation.thread).values() if entry.type == "shown")
