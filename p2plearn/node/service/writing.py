"""The façade's writing half: everything a person can say here. Checks the input and who may, then appends one record.

What may be said is decided by `protocol.authority`; own commands that break its rules are refused with its words.
"""

import mimetypes
from typing import Any

from p2plearn import limits
from p2plearn.errors import TOO_LONG, NotFound, PeerFault, Refused, TooLarge, UsageError
from p2plearn.node.service.parts import Answer, topic_of
from p2plearn.node.service.reading import Reading
from p2plearn.protocol import cid, dag
from p2plearn.protocol.authority import retractions, why_not
from p2plearn.protocol.bodies import body_of, check_lengths
from p2plearn.protocol.kinds import (
    BY,
    RE,
    REPLY_TYPES,
    RETRACTS,
    ROOT,
    VARIANTS,
    WANTS,
    Body,
    Profile,
    Reply,
    Request,
    Retract,
    Revision,
    Snippet,
    Solve,
    Withdraw,
)
from p2plearn.protocol.records import DEFAULT_LICENCE, Attachment, Draft, Record, RecordTooLong, Ref
from p2plearn.protocol.wording import one_line, prose

Attach = list[dict[str, str]]


class Writing(Reading):
    """Says things as this home's author; asking looks first at what is here, hence the reading half. Each gives its record's {"id"}."""

    async def profile(self, name: str | None = None, about: str | None = None, open_to: list[str] | None = None) -> Answer:
        """Say who you are; what is not given stays as it was."""
        person = (await self._lookup.people()).get(self._keeper.author)
        old = person.profile if person else Profile("")
        body = Profile(
            old.name if name is None else _required("name", one_line(name)),
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
        attachments: Attach = [],  # noqa: B006  # a default of the local API, never changed
    ) -> Answer:
        """Share something you know."""
        body = Snippet(_required("type", one_line(type)), _required("title", one_line(title)), _required("text", prose(text)))
        return await self._say(
            body, topics=_topics(topics), language=one_line(language), licence=one_line(licence or DEFAULT_LICENCE), attachments=attachments
        )

    async def revise(self, id: str, text: str, title: str = "", attachments: Attach = []) -> Answer:  # noqa: A002, B006
        """Give a snippet or request of your own a new text."""
        root, meant = await self._lookup.root(id)
        body = Revision(_required("text", prose(text)), one_line(title))
        return await self._say(body, Ref(ROOT, root.record.id), root=root.record, target=meant, attachments=attachments)

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
        attachments: Attach = [],  # noqa: B006
    ) -> Answer:
        """Make your own version of a snippet; its topics and licence come along."""
        if relation not in VARIANTS:
            raise UsageError(reason=f"“{relation[:40]}” is none of {', '.join(VARIANTS)}")
        root, meant = await self._lookup.root(id)
        found = await self._conversations([root])
        source = body_of(root.record)
        kind = source.type if isinstance(source, Snippet) else "note"
        body = Snippet(kind, one_line(title) or (found[0][1].title if found else ""), _required("text", prose(text)))
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
        """Ask for help; what is here already and resembles the question comes back with the id."""
        if want not in WANTS:
            raise UsageError(reason=f"“{want[:40]}” is none of {', '.join(filter(None, WANTS))}")
        body = Request(
            _required("title", one_line(title)),
            _required("text", prose(text)),
            prose(goal),
            prose(tried),
            one_line(level),
            want,
            show_work_first,
            await self._lookup.author(to) if to is not None else b"",
        )
        alike = await self.similar(f"{title} {text}")
        return await self._say(body, topics=_topics(topics), attachments=attachments) | alike

    async def reply(self, id: str, type: str, text: str, step: int | None = None, attachments: Attach = []) -> Answer:  # noqa: A002, B006
        """Say something to a snippet, a request or a reply."""
        if type not in REPLY_TYPES or type == "attempt":
            raise UsageError(reason=f"“{type[:40]}” is none of {', '.join(word for word in REPLY_TYPES if word != 'attempt')}")
        if step is not None and not 1 <= step <= limits.MAX_STEP:
            raise UsageError(reason=f"A step is a number from 1 to {limits.MAX_STEP}")
        return await self._reply(id, Reply(type, _required("text", prose(text)), step or 0), attachments)

    async def attempt(self, request: str, text: str, attachments: Attach = []) -> Answer:  # noqa: B006
        """Show what you have tried at your own request."""
        return await self._reply(request, Reply("attempt", _required("text", prose(text))), attachments)

    async def solve(self, request: str, by: str | None = None, text: str = "") -> Answer:
        """Call your request solved, by another person's reply if one did it."""
        root, _ = await self._lookup.root(request)
        refs = [Ref(ROOT, root.record.id)]
        target = None
        if by is not None:
            target = (await self._lookup.record(by)).record
            refs.append(Ref(BY, target.id))
        return await self._say(Solve(prose(text)), *refs, root=root.record, target=target)

    async def withdraw(self, request: str, text: str = "") -> Answer:
        """Say that you no longer need help with your request."""
        root, _ = await self._lookup.root(request)
        return await self._say(Withdraw(prose(text)), Ref(ROOT, root.record.id), root=root.record)

    async def _reply(self, given: str, body: Reply, attachments: Attach) -> Answer:
        root, meant = await self._lookup.root(given)
        parent = meant if isinstance(body_of(meant), Reply) else root.record
        refs = (Ref(ROOT, root.record.id), Ref(RE, parent.id))
        return await self._say(body, *refs, root=root.record, target=parent, attachments=attachments)

    async def _say(
        self,
        body: Body,
        *refs: Ref,
        root: Record | None = None,
        target: Record | None = None,
        topics: tuple[str, ...] = (),
        attachments: Attach | None = None,
        **envelope: Any,
    ) -> Answer:
        """Append one record, if its author may. Dependents carry the root's topics, so that a conversation travels whole."""
        if root is not None:
            denial = why_not(body, self._keeper.author, root, target, await self._taken_back(root, target or root))
            if denial is not None:
                raise Refused(reason=denial.reason, remedy=denial.remedy)
            topics = topics or root.topics
        check_lengths(body)
        _fits("The language", envelope.get("language", ""), limits.MAX_WORD)
        _fits("The licence", envelope.get("licence", ""), limits.MAX_LICENCE)
        if len(attachments or ()) > limits.MAX_ATTACHMENTS:
            raise UsageError(reason=f"It can have at most {limits.MAX_ATTACHMENTS} attachments")
        files = tuple([await self._attachment(given) for given in attachments or ()])
        draft = Draft(body.kind, body.to_body(), refs, topics, attachments=files, **envelope)
        try:
            record = await self._keeper.append(draft)
        except RecordTooLong as error:
            raise TooLarge(what="The whole of it", size=error.size, limit=limits.MAX_RECORD, remedy=TOO_LONG) from None
        except ValueError as error:
            raise UsageError(reason=f"This cannot be written as a record ({error})") from None
        return {"id": record.id.hex()}

    async def _taken_back(self, *records: Record) -> set[bytes]:
        """The ids of those among these records that their authors took back."""
        said = await self._keeper.in_thread(self._keeper.store.about, list({record.id for record in records}), RETRACTS)
        return set(retractions([*records, *(stored.record for stored in said)]))

    async def _attachment(self, given: dict[str, str]) -> Attachment:
        try:
            name = cid.from_text(given["cid"])
            block = await self._keeper.in_thread(self._blocks.get, name)
            if block is None:
                raise NotFound(given=given["cid"])
            size = dag.file_size(name, block)
        except (PeerFault, KeyError):
            raise NotFound(given=str(given.get("cid", ""))[:80]) from None
        file_name, alt = one_line(given.get("name", "")), one_line(given.get("alt", ""))
        _fits("The name of the file", file_name, limits.MAX_FILE_NAME)
        _fits("The description of the file", alt, limits.MAX_ALT)
        media_type = mimetypes.guess_type(file_name)[0] or "application/octet-stream"
        return Attachment(name, size, media_type, file_name, alt)


def _required(what: str, text: str) -> str:
    if not text.strip():
        raise UsageError(reason=f"The {what} is empty")
    return text


def _fits(what: str, text: str, most: int) -> None:
    size = len(text.encode())
    if size > most:
        raise TooLarge(what=what, size=size, limit=most)


def _topics(given: list[str]) -> tuple[str, ...]:
    topics = tuple(dict.fromkeys(topic_of(topic) for topic in given))
    if not 1 <= len(topics) <= limits.MAX_TOPICS:
        raise UsageError(reason=f"It needs 1 to {limits.MAX_TOPICS} topics")
    return topics
