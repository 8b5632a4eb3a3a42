"""How anything is said here: checked by who may, given its files, and appended as one record. Others say what.

What may be said is decided by `protocol.authority`; own commands that break its rules are refused with its words.
"""

import mimetypes
from collections.abc import Mapping
from typing import Any

from p2plearn import limits
from p2plearn.errors import TOO_LONG, NotFound, PeerFault, Refused, TooLarge, UsageError
from p2plearn.node.service.parts import Answer, topic_of
from p2plearn.node.service.reading import Reading
from p2plearn.node.store.store import Stored
from p2plearn.protocol import cid, dag
from p2plearn.protocol.authority import Denial, retractions, why_not
from p2plearn.protocol.bodies import check_lengths
from p2plearn.protocol.kinds import RE, RETRACTS, ROOT, Body
from p2plearn.protocol.records import Attachment, Draft, Record, RecordTooLong, Ref
from p2plearn.protocol.wording import one_line

Attach = list[dict[str, str]]
"""What a person gives with a text: for each file {"cid", "name", "alt"}."""


class Saying(Reading):
    """Says things as this home's author; asking looks first at what is here, hence the reading half. Each gives its record's {"id"}."""

    async def _owed(self, root: Stored) -> Answer:
        """What a helper is told of a request whose asker promised work that has not come; nothing else."""
        found = await self._conversations([root])
        owed = root.record.author != self._keeper.author and any(conversation.attempt_owed for _, conversation in found)
        return {"attempt_owed": True} if owed else {}

    async def _say_about(self, given: str, body: Body, attachments: Attach) -> Answer:
        """Say `body` about the thing that is meant, in the conversation it stands in."""
        root, meant = await self._lookup.root(given)
        refs = (Ref(ROOT, root.record.id), Ref(RE, meant.id))
        return await self._say(body, *refs, root=root.record, target=meant, attachments=attachments)

    async def _say(
        self,
        body: Body,
        *refs: Ref,
        root: Record | None = None,
        target: Record | None = None,
        held: Mapping[bytes, Record] | None = None,
        topics: tuple[str, ...] = (),
        attachments: Attach | None = None,
        **envelope: Any,
    ) -> Answer:
        """Append one record, if its author may. Dependents carry the root's topics, so that a conversation travels whole."""
        if root is not None:
            gone = await self._taken_back(root, target or root)
            allow(why_not(body, self._keeper.author, root, target, gone, held=held or {}))
            topics = topics or root.topics
        check_lengths(body)
        fits("The language", envelope.get("language", ""), limits.MAX_WORD)
        fits("The licence", envelope.get("licence", ""), limits.MAX_LICENCE)
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
        fits("The name of the file", file_name, limits.MAX_FILE_NAME)
        fits("The description of the file", alt, limits.MAX_ALT)
        media_type = mimetypes.guess_type(file_name)[0] or "application/octet-stream"
        return Attachment(name, size, media_type, file_name, alt)


def allow(denial: Denial | None) -> None:
    """Raises Refused where something is denied."""
    if denial is not None:
        raise Refused(reason=denial.reason, remedy=denial.remedy)


def required(what: str, text: str) -> str:
    """`text`, which must say something. Raises UsageError."""
    if not text.strip():
        raise UsageError(reason=f"The {what} is empty")
    return text


def one_of(given: str, words: tuple[str, ...]) -> str:
    """`given`, which must be one of `words`. Raises UsageError."""
    if given not in words:
        raise UsageError(reason=f"“{given[:40]}” is none of {', '.join(filter(None, words))}")
    return given


def step_of(given: int | None) -> int:
    """The label of a step, 0 for none. Raises UsageError."""
    if given is not None and not 1 <= given <= limits.MAX_STEP:
        raise UsageError(reason=f"A step is a number from 1 to {limits.MAX_STEP}")
    return given or 0


def fits(what: str, text: str, most: int) -> None:
    """Raises TooLarge where a text has more than `most` bytes."""
    size = len(text.encode())
    if size > most:
        raise TooLarge(what=what, size=size, limit=most)


def topics_of(given: list[str]) -> tuple[str, ...]:
    """The topics a person means. Raises UsageError for none, too many, or what cannot be one."""
    topics = tuple(dict.fromkeys(topic_of(topic) for topic in given))
    if not 1 <= len(topics) <= limits.MAX_TOPICS:
        raise UsageError(reason=f"It needs 1 to {limits.MAX_TOPICS} topics")
    return topics
