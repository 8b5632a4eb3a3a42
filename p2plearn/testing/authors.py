"""People for tests: each with a key made from the name, and a method for everything they can say.

    ada, ben = Author("ada"), Author("ben")
    question = ada.ask("Why is the sky blue?")
    hint = ben.reply(question, "hint", "Think of short waves.")
    ada.solve(question, by=hint)

Every call gives a signed record, the next of that author's chain. Nothing is checked here: tests also need records that break the rules.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from p2plearn.protocol import kinds
from p2plearn.protocol.authoring import compose
from p2plearn.protocol.kinds import (
    BY,
    FROM,
    OF,
    RE,
    RETRACTS,
    ROOT,
    WITH,
    Body,
    Fix,
    Profile,
    Reply,
    Request,
    Retract,
    Revision,
    Snippet,
    Solve,
    Withdraw,
)
from p2plearn.protocol.records import NO_PREV, Draft, Record, Ref
from p2plearn.testing.clock import FakeClock


class Author:
    """A person with a deterministic key, a chain, and a clock that moves on a second with each record.

    `seq` and `prev` may be set, as a restored backup would; people who share a clock speak one after another.
    """

    def __init__(self, name: str, clock: FakeClock | None = None) -> None:
        self.name = name
        self.private_key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        self.key = self.private_key.public_key().public_bytes_raw()
        self.clock = clock or FakeClock()
        self.seq = 0
        self.prev = NO_PREV

    def __repr__(self) -> str:
        return f"Author({self.name!r})"

    def record(self, draft: Draft) -> Record:
        """Sign any draft at the next place of the chain."""
        self.clock.advance(1)
        self.seq += 1
        record = compose(draft, self.private_key, self.seq, self.prev, self.clock.now_ms())
        self.prev = record.id
        return record

    def say(self, body: Body, *refs: Ref, **envelope: Any) -> Record:
        """Sign a typed body; `envelope` as in Draft (topics, language, licence, attachments, space)."""
        return self.record(Draft(body.kind, body.to_body(), refs, **envelope))

    def profile(self, name: str = "", about: str = "", open_to: tuple[str, ...] = ()) -> Record:
        return self.say(Profile(name or self.name, about, open_to))

    def share(self, title: str, text: str = "", type: str = "note", **envelope: Any) -> Record:  # noqa: A002
        return self.say(Snippet(type, title, text), **envelope)

    def fork(self, source: Record, text: str, relation: str = "fork", title: str = "", **envelope: Any) -> Record:
        return self.say(Snippet("note", title, text), Ref(relation, source.id), **envelope)

    def ask(self, title: str, text: str = "", *refs: Ref, topics: tuple[str, ...] = (), **fields: Any) -> Record:
        return self.say(Request(title, text, **fields), *refs, topics=topics)

    def revise(self, about: Record, text: str, title: str = "", taking_up: Record | None = None, **envelope: Any) -> Record:
        return self.say(Revision(text, title), Ref(ROOT, root_of(about)), *([Ref(WITH, taking_up.id)] if taking_up else []), **envelope)

    def retract(self, target: Record, reason: str = "") -> Record:
        return self.say(Retract(reason), Ref(ROOT, root_of(target)), Ref(RETRACTS, target.id))

    def reply(self, parent: Record, type: str, text: str = "", step: int = 0, **envelope: Any) -> Record:  # noqa: A002
        return self.say(Reply(type, text, step), Ref(ROOT, root_of(parent)), Ref(RE, parent.id), **envelope)

    def attempt(self, request: Record, text: str = "", **envelope: Any) -> Record:
        return self.reply(request, "attempt", text, **envelope)

    def solve(self, request: Record, by: Record | None = None, text: str = "") -> Record:
        return self.say(Solve(text), Ref(ROOT, root_of(request)), *([Ref(BY, by.id)] if by else []))

    def withdraw(self, request: Record, text: str = "") -> Record:
        return self.say(Withdraw(text), Ref(ROOT, root_of(request)))

    def pass_on(self, request: Record, title: str, text: str = "", **envelope: Any) -> Record:
        return self.say(Snippet("note", title, text), Ref(FROM, root_of(request)), **envelope)

    def check(self, request: Record, text: str = "") -> Record:
        return self.say(kinds.Check(text), Ref(ROOT, root_of(request)))

    def prove(self, check: Record, text: str = "", **envelope: Any) -> Record:
        return self.about(check, kinds.Proof(text), **envelope)

    def judge(self, work: Record, result: str, text: str = "", fixes: Sequence[tuple[int, str]] = ()) -> Record:
        return self.about(work, kinds.Verdict(result, text, tuple(Fix(*fix) for fix in fixes)))

    def adopt(
        self,
        snippet: Record,
        stage: str = "using",
        outcome: str = "",
        learned_from: bytes = b"",
        *,
        text: str = "",
        of: Record | None = None,
    ) -> Record:
        refs = (Ref(ROOT, root_of(snippet)), Ref(OF, (of or snippet).id))
        return self.say(kinds.Adopt(stage, outcome, learned_from, text), *refs, topics=snippet.topics)

    def correct(self, thing: Record, text: str = "") -> Record:
        return self.about(thing, kinds.Correction(text))

    def react(self, thing: Record, word: str, text: str = "") -> Record:
        return self.about(thing, kinds.Reaction(word, text))

    def thank(self, thing: Record, text: str = "", sealed: bytes = b"") -> Record:
        return self.about(thing, kinds.Thanks(text, sealed))

    def encourage(self, thing: Record, text: str = "") -> Record:
        return self.about(thing, kinds.Encouragement(text))

    def decline(self, request: Record, text: str = "") -> Record:
        return self.say(kinds.Decline(text), Ref(ROOT, root_of(request)), topics=request.topics)

    def teach(self, topic: str, capacity: int = 0) -> Record:
        return self.say(kinds.Teach(capacity), topics=(topic,))

    def learn(self, topic: str) -> Record:
        return self.say(kinds.Learn(), topics=(topic,))

    def offer(self, text: str, topics: tuple[str, ...] = ()) -> Record:
        return self.say(kinds.Offer(text), topics=topics)

    def want(self, text: str, topics: tuple[str, ...] = ()) -> Record:
        return self.say(kinds.Wanted(text), topics=topics)

    def compass(self, question: int, text: str) -> Record:
        return self.say(kinds.Compass(question, text))

    def about(self, thing: Record, body: Body, **envelope: Any) -> Record:
        """Say something about a thing, in the conversation it stands in."""
        return self.say(body, Ref(ROOT, root_of(thing)), Ref(RE, thing.id), topics=thing.topics, **envelope)


def root_of(record: Record) -> bytes:
    """The id of the conversation's root that `record` hangs on: itself, unless it names another."""
    return record.target(ROOT) or record.id
