"""My own facts: what I asked, gave, showed, received and passed on, each with the ids that can be looked at. There is no score.

Must not know how what concerns me is found, nor what is made of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from statistics import median

from p2plearn.learning.conversation import Conversation
from p2plearn.learning.notation import Json
from p2plearn.learning.opinions import adoptions, gratitude
from p2plearn.learning.progress import is_helping, latest_verdicts
from p2plearn.protocol.kinds import FROM, Request, Snippet


@dataclass(frozen=True, slots=True)
class Facts:
    """Ids of records unless said otherwise, in the order of claimed times of the conversations they stand in; none twice.

    `asked`: my requests · `answered`: others' requests in which I helped · `taught`: checks I set and found shown · `shown`: checks in my
    requests that I was found to have shown · `received`: my requests that are solved or shown · `adopted`: snippets of others that I took
    up · `passed_on`: snippets of mine made from my requests · `adopted_by_others`: adoptions of my snippets · `learned_from_me`: keys of
    those who name me as whom they learned something from · `thanked`: thanks I said · `thanks`: thanks said to me.
    `first_help_ms`: of each request in `answered`, the time (claimed) from the question to my first help.
    """

    asked: list[bytes] = field(default_factory=list)
    answered: list[bytes] = field(default_factory=list)
    taught: list[bytes] = field(default_factory=list)
    shown: list[bytes] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    adopted: list[bytes] = field(default_factory=list)
    passed_on: list[bytes] = field(default_factory=list)
    adopted_by_others: list[bytes] = field(default_factory=list)
    learned_from_me: list[bytes] = field(default_factory=list)
    thanked: list[bytes] = field(default_factory=list)
    thanks: list[bytes] = field(default_factory=list)
    first_help_ms: list[int] = field(default_factory=list)


def facts(me: bytes, conversations: Iterable[Conversation]) -> Facts:
    """The facts of `me` in these conversations. What was taken back, or adopted and dropped, is none."""
    known = {conversation.root.id: conversation for conversation in conversations}
    order = sorted(known.values(), key=lambda conversation: (conversation.root.time, conversation.root.id))
    mine = {conversation.root.id for conversation in order if conversation.root.author == me and isinstance(conversation.body, Request)}
    found = Facts()
    for conversation in order:
        if conversation.root.id in mine:
            _asked(found, conversation)
        elif isinstance(conversation.body, Request):
            _helped(found, me, conversation)
        if isinstance(conversation.body, Snippet):
            _shared(found, me, conversation, mine)
        for entry, receiver in gratitude(conversation):
            found.thanked.extend([entry.record.id] if entry.author == me else [])
            found.thanks.extend([entry.record.id] if receiver == me else [])
    return replace(found, learned_from_me=list(dict.fromkeys(found.learned_from_me)))


def facts_json(found: Facts) -> Json:
    """{name: {"count", "ids"}} of each list of ids, and "first_help_s": the median delay of my first help in seconds, null without any."""
    lists = {item.name: getattr(found, item.name) for item in fields(found) if item.name != "first_help_ms"}
    counted: Json = {name: {"count": len(ids), "ids": [one.hex() for one in ids]} for name, ids in lists.items()}
    return counted | {"first_help_s": median(found.first_help_ms) / 1000 if found.first_help_ms else None}


def _asked(found: Facts, request: Conversation) -> None:
    if request.reason is not None:
        return
    shown = [check for check, entry in latest_verdicts(request.thread).items() if entry.type == "shown"]
    found.asked.append(request.root.id)
    found.shown.extend(shown)
    found.received.extend([request.root.id] if shown or request.state == "solved" else [])


def _helped(found: Facts, me: bytes, request: Conversation) -> None:
    asker = request.root.author
    times = [entry.record.time for entry in request.standing if entry.author == me and is_helping(entry, asker)]
    if times:
        found.answered.append(request.root.id)
        found.first_help_ms.append(max(0, min(times) - request.root.time))
    verdicts = latest_verdicts(request.thread).items()
    found.taught.extend(check for check, entry in verdicts if entry.type == "shown" and entry.author == me)


def _shared(found: Facts, me: bytes, snippet: Conversation, requests: set[bytes]) -> None:
    own = snippet.root.author == me
    if own and snippet.reason is None and not requests.isdisjoint(snippet.root.targets(FROM)):
        found.passed_on.append(snippet.root.id)
    for author, adoption in sorted(adoptions(snippet.standing).items()):
        if adoption.stage == "dropped":
            continue
        if author == me:
            found.adopted.extend([] if own else [snippet.root.id])
            continue
        found.adopted_by_others.extend([adoption.entry.record.id] if own else [])
        found.learned_from_me.extend([author] if adoption.learned_from == me else [])
