"""The façade's writing half, first part: what people share and ask, and the end of it. Each method says one thing.

Must not know how a record is appended (`saying`), nor what helpers and adopters say (`helping`).
"""

from p2plearn import limits
from p2plearn.errors import UsageError
from p2plearn.learning.conversation import Conversation
from p2plearn.node.service.parts import Answer
from p2plearn.node.service.routing import Routing
from p2plearn.node.service.saying import Attach, allow, one_of, required, step_of, topics_of
from p2plearn.protocol.authority import why_not_take_up
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import (
    BY,
    FROM,
    RE,
    REPLY_TYPES,
    RETRACTS,
    ROOT,
    SIMILAR,
    VARIANTS,
    WANTS,
    WITH,
    Check,
    Correction,
    Profile,
    Proof,
    Reply,
    Request,
    Retract,
    Revision,
    Snippet,
    Solve,
    Verdict,
    Withdraw,
)
from p2plearn.protocol.records import DEFAULT_LICENCE, Ref
from p2plearn.protocol.wording import one_line, prose

_ANSWERED = Reply | Check | Proof | Verdict | Correction  # what a reply may be an answer to, besides the root


class Writing(Routing):
    """Says things as this home's author; asking looks first at what is here, hence the reading half. Each gives its record's {"id"}."""

    async def profile(self, name: str | None = None, about: str | None = None, open_to: list[str] | None = None) -> Answer:
        """Say who you are; what is not given stays as it was."""
        person = (await self._lookup.people()).get(self._keeper.author)
        old = person.profile if person else Profile("")
        body = Profile(
            old.name if name is None else required("name", one_line(name)),
            old.about if about is None else prose(about),
            old.open_to if open_to is None else tuple(one_line(word) for word in open_to),
        )
        return await self._say(body)

    async def share(
        self,
        title: str,
        text: str,
        topics: list[str],
        *,
        type: str = "note",  # noqa: A002  # the contract's name
        language: str = "",
        licence: str | None = None,
        steps: list[str] = [],  # noqa: B006  # a default of the local API, never changed
        done_when: str = "",
        pitfalls: list[str] = [],  # noqa: B006
        request: str | None = None,
        attachments: Attach = [],  # noqa: B006
    ) -> Answer:
        """Share something you know; `request`: what you learned there, passed on. With steps the text may be empty."""
        said = prose(text) if any(map(str.strip, steps)) else required("text", prose(text))
        body = Snippet(required("type", one_line(type)), required("title", one_line(title)), said, *_howto(steps, done_when, pitfalls))
        refs = []
        if request is not None:
            root, _ = await self._lookup.root(request)
            if root.record.kind != Request.kind:
                raise UsageError(reason="What is passed on comes from a request")
            refs.append(Ref(FROM, root.record.id))
        return await self._say(
            body,
            *refs,
            topics=topics_of(topics),
            language=one_line(language),
            licence=one_line(licence or DEFAULT_LICENCE),
            attachments=attachments,
        )

    async def revise(
        self,
        id: str,  # noqa: A002  # the contract's name
        text: str,
        title: str = "",
        *,
        steps: list[str] | None = None,
        done_when: str | None = None,
        pitfalls: list[str] | None = None,
        taking_up: str | None = None,
        attachments: Attach = [],  # noqa: B006
    ) -> Answer:
        """Give an original of your own a new wording; `taking_up`: another's correction that it heeds.

        Parts of a howto that are not given stay; of one that has steps the text too.
        """
        root, meant = await self._lookup.root(id)
        found = await self._conversations([root])
        now = found[0][1] if found else None
        howto = _howto(*_parts(now, steps, done_when, pitfalls))
        said = prose(text) or (now.text if now and howto[0] else required("text", ""))
        refs = [Ref(ROOT, root.record.id)]
        if taking_up is not None:
            correction = (await self._lookup.record(taking_up)).record
            allow(why_not_take_up(correction, root.record, self._keeper.author, await self._taken_back(correction)))
            refs.append(Ref(WITH, correction.id))
        return await self._say(Revision(said, one_line(title), *howto), *refs, root=root.record, target=meant, attachments=attachments)

    async def retract(self, id: str, text: str = "", attachments: Attach = []) -> Answer:  # noqa: A002, B006
        """Take back something of your own, with the reason."""
        target = (await self._lookup.record(id)).record
        root_id = target.target(ROOT) or target.id
        held = await self._keeper.in_thread(self._keeper.store.get, [root_id])
        root = held[0].record if held else target
        refs = (Ref(ROOT, root_id), Ref(RETRACTS, target.id))
        return await self._say(Retract(prose(text)), *refs, root=root, target=target, attachments=attachments)

    async def fork(
        self,
        id: str,  # noqa: A002
        text: str,
        *,
        relation: str = "fork",
        title: str = "",
        language: str = "",
        steps: list[str] | None = None,
        done_when: str | None = None,
        pitfalls: list[str] | None = None,
        attachments: Attach = [],  # noqa: B006
    ) -> Answer:
        """Make your own version of a snippet; its topics and licence come along."""
        if relation not in VARIANTS:
            raise UsageError(reason=f"“{relation[:40]}” is none of {', '.join(VARIANTS)}")
        root, meant = await self._lookup.root(id)
        found = await self._conversations([root])
        source = body_of(root.record)
        kind = source.type if isinstance(source, Snippet) else "note"
        howto = _howto(*_parts(found[0][1] if found else None, steps, done_when, pitfalls))
        said = prose(text) if howto[0] else required("text", prose(text))
        body = Snippet(kind, one_line(title) or (found[0][1].title if found else ""), said, *howto)
        target = meant if meant.target(ROOT) is None else root.record
        return await self._say(
            body,
            Ref(relation, root.record.id),
            root=root.record,
            target=target,
            topics=root.record.topics,
            language=one_line(language) or root.record.language,
            licence=root.record.licence,
            attachments=attachments,
        )

    async def ask(
        self,
        title: str,
        text: str,
        topics: list[str],
        *,
        goal: str = "",
        tried: str = "",
        level: str = "",
        want: str = "",
        show_work_first: bool = False,
        to: str | None = None,
        attachments: Attach = [],  # noqa: B006
    ) -> Answer:
        """Ask for help; what is here already and resembles the question comes back with the id, and whom to ask first.

        The request names what resembles it, and nobody of these people.
        """
        about = topics_of(topics)
        body = Request(
            required("title", one_line(title)),
            required("text", prose(text)),
            prose(goal),
            prose(tried),
            one_line(level),
            one_of(want, WANTS),
            show_work_first,
            await self._lookup.author(to) if to is not None else b"",
        )
        alike = await self.similar(f"{title} {text}")
        refs = [Ref(SIMILAR, bytes.fromhex(item["id"])) for item in alike["similar"]]
        first = await self._ask_first(about, [body.to])
        return await self._say(body, *refs, topics=about, attachments=attachments) | alike | {"ask_first": first}

    async def reply(self, id: str, type: str, text: str, step: int | None = None, attachments: Attach = []) -> Answer:  # noqa: A002, B006
        """Say something to an original or a reply; to a request whose asker owes an attempt it is said with the id."""
        types = tuple(word for word in REPLY_TYPES if word != "attempt")
        return await self._reply(id, Reply(one_of(type, types), required("text", prose(text)), step_of(step)), attachments)

    async def attempt(self, request: str, text: str, attachments: Attach = []) -> Answer:  # noqa: B006
        """Show what you have tried at your own request."""
        return await self._reply(request, Reply("attempt", required("text", prose(text))), attachments)

    async def solve(self, request: str, by: str | None = None, text: str = "", attachments: Attach = []) -> Answer:  # noqa: B006
        """Call your request solved, by another person's reply if one did it."""
        root, _ = await self._lookup.root(request)
        refs = [Ref(ROOT, root.record.id)]
        target = None
        if by is not None:
            target = (await self._lookup.record(by)).record
            refs.append(Ref(BY, target.id))
        return await self._say(Solve(prose(text)), *refs, root=root.record, target=target, attachments=attachments)

    async def withdraw(self, request: str, text: str = "", attachments: Attach = []) -> Answer:  # noqa: B006
        """Say that you no longer need help with your request."""
        root, _ = await self._lookup.root(request)
        return await self._say(Withdraw(prose(text)), Ref(ROOT, root.record.id), root=root.record, attachments=attachments)

    async def _reply(self, given: str, body: Reply, attachments: Attach) -> Answer:
        root, meant = await self._lookup.root(given)
        parent = meant if isinstance(body_of(meant), _ANSWERED) else root.record
        refs = (Ref(ROOT, root.record.id), Ref(RE, parent.id))
        return await self._say(body, *refs, root=root.record, target=parent, attachments=attachments) | await self._owed(root)


def _howto(steps: list[str], done_when: str, pitfalls: list[str]) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """The parts of a howto as they are written: steps and pitfalls that say something. Raises UsageError for too many."""
    kept = [tuple(prose(item) for item in items if item.strip()) for items in (steps, pitfalls)]
    if max(map(len, kept)) > limits.MAX_HOWTO_STEPS:
        raise UsageError(reason=f"A howto has at most {limits.MAX_HOWTO_STEPS} steps, and as many pitfalls")
    return kept[0], prose(done_when), kept[1]


def _parts(
    conversation: Conversation | None, steps: list[str] | None, done_when: str | None, pitfalls: list[str] | None
) -> tuple[list[str], str, list[str]]:
    """The parts of a howto that are given, and for the others those it has."""
    body = conversation.current.body if conversation is not None else None
    old = body if isinstance(body, Snippet | Revision) else Revision("")
    return (
        list(old.steps) if steps is None else steps,
        old.done_when if done_when is None else done_when,
        list(old.pitfalls) if pitfalls is None else pitfalls,
    )
