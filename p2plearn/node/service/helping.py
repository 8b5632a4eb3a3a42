"""The façade's writing half, second part: what helpers, learners and adopters say to each other.

Must not know how a record is appended (`saying`).
"""

from typing import Any

from p2plearn import limits
from p2plearn.errors import Refused, UsageError
from p2plearn.learning.opinions import adoptions
from p2plearn.ledger.credits import credits_json, credits_of
from p2plearn.node.service.parts import Answer
from p2plearn.node.service.saying import Attach, Saying, one_of, required, step_of
from p2plearn.node.store import receipts as store_receipts
from p2plearn.protocol.bodies import body_of
from p2plearn.protocol.kinds import (
    OF,
    OUTCOMES,
    RE,
    REACTIONS,
    RESULTS,
    ROOT,
    STAGES,
    Adopt,
    Check,
    Correction,
    Decline,
    Encouragement,
    Fix,
    Proof,
    Reaction,
    Revision,
    Thanks,
    Verdict,
)
from p2plearn.protocol.records import Ref
from p2plearn.protocol.sealing import seal
from p2plearn.protocol.wording import prose


class Helping(Saying):
    """The loop from a check to shown understanding, taking up, and what one thinks of a thing."""

    async def check(self, request: str, text: str, attachments: Attach = []) -> Answer:  # noqa: B006  # a default of the local API
        """Put a task to the asker: show me that you got it. Where they owe an attempt it is said with the id."""
        root, _ = await self._lookup.root(request)
        body = Check(required("text", prose(text)))
        return await self._say(body, Ref(ROOT, root.record.id), root=root.record, attachments=attachments) | await self._owed(root)

    async def proof(self, check: str, text: str, attachments: Attach = []) -> Answer:  # noqa: B006
        """Answer a check in a request of your own."""
        return await self._say_about(check, Proof(required("text", prose(text))), attachments)

    async def verdict(self, work: str, result: str, text: str = "", fixes: list[dict[str, Any]] = [], attachments: Attach = []) -> Answer:  # noqa: B006
        """Say what a proof of your check, or an attempt, has shown. `fixes`: [{"step", "text"}], what to mend where."""
        mended = tuple(Fix(step_of(_number(fix.get("step"))), required("fix", prose(str(fix.get("text", ""))))) for fix in fixes)
        if len(mended) > limits.MAX_FIXES:
            raise UsageError(reason=f"A verdict has at most {limits.MAX_FIXES} fixes")
        root, meant = await self._lookup.root(work)
        held = await self._keeper.in_thread(self._keeper.store.get, meant.targets(RE))
        refs = (Ref(ROOT, root.record.id), Ref(RE, meant.id))
        body = Verdict(one_of(result, RESULTS), prose(text), mended)
        known = {stored.record.id: stored.record for stored in held}
        return await self._say(body, *refs, root=root.record, target=meant, held=known, attachments=attachments)

    async def adopt(
        self,
        snippet: str,
        stage: str,
        *,
        outcome: str | None = None,
        learned_from: str | None = None,
        text: str = "",
        attachments: Attach = [],  # noqa: B006
    ) -> Answer:
        """Say how far you took up a snippet, and what came of it; whom it credits comes back with the id.

        Whom you learned it from, and the outcome, stay if not given.
        """
        root, meant = await self._lookup.root(snippet)
        found = await self._conversations([root])
        former = adoptions(found[0][1].thread).get(self._keeper.author) if found else None
        body = Adopt(
            one_of(stage, STAGES),
            one_of(outcome, OUTCOMES) if outcome is not None else former.outcome if former else "",
            await self._lookup.author(learned_from) if learned_from is not None else former.learned_from if former else b"",
            prose(text),
        )
        if body.learned_from == self._keeper.author:
            raise UsageError(reason="One learns from somebody else; leave out --learned-from")
        current = found[0][1].current.record if found else root.record
        wording = meant if isinstance(body_of(meant), Revision) else current
        refs = (Ref(ROOT, root.record.id), Ref(OF, wording.id))
        said = await self._say(body, *refs, root=root.record, attachments=attachments)
        (adoption,) = await self._keeper.in_thread(self._keeper.store.get, [bytes.fromhex(said["id"])])
        authors = await self._keeper.read(store_receipts.authors_of, root.record)
        credited = credits_of(adoption.record, found[0][1], authors) if found else []
        return said | {"credits": credits_json(credited, await self._lookup.names())}

    async def correct(self, id: str, text: str, attachments: Attach = []) -> Answer:  # noqa: A002, B006  # the contract's name
        """Say what is wrong with something; everybody who adopted it is told."""
        return await self._say_about(id, Correction(required("text", prose(text))), attachments)

    async def react(self, id: str, word: str, text: str, attachments: Attach = []) -> Answer:  # noqa: A002, B006
        """Say that something works, doesn't, is outdated or dangerous, and why. A later one of yours replaces it."""
        return await self._say_about(id, Reaction(one_of(word, REACTIONS), required("text", prose(text))), attachments)

    async def thanks(self, id: str, text: str, private: bool = False, attachments: Attach = []) -> Answer:  # noqa: A002, B006
        """Thank whoever said something; private words are sealed to them, and everybody sees that there were some."""
        words = required("text", prose(text))
        if not private:
            return await self._say_about(id, Thanks(words), attachments)
        if attachments:
            raise UsageError(reason="Files cannot be sealed: send private words without them")
        _, meant = await self._lookup.root(id)
        try:
            sealed = seal(self._keeper.author, meant.id, words, meant.author)
        except ValueError:
            raise Refused(reason="Nothing can be sealed to this author's key", remedy="Leave out --private.") from None
        return await self._say_about(meant.id.hex(), Thanks("", sealed), attachments)

    async def encourage(self, id: str, text: str, attachments: Attach = []) -> Answer:  # noqa: A002, B006
        """A kind word for whoever said something."""
        return await self._say_about(id, Encouragement(required("text", prose(text))), attachments)

    async def decline(self, id: str, text: str, attachments: Attach = []) -> Answer:  # noqa: A002, B006
        """Say that you will not help with a request, and why: so nobody waits for you."""
        root, _ = await self._lookup.root(id)
        body = Decline(required("text", prose(text)))
        return await self._say(body, Ref(ROOT, root.record.id), root=root.record, attachments=attachments)


def _number(given: Any) -> int | None:
    if given is not None and type(given) is not int:
        raise UsageError(reason="The step of a fix is a number")
    return given
