"""The façade's compass: the three questions, answered for oneself. Nothing of it leaves this machine but what is shared or has a topic."""

from p2plearn.errors import UsageError
from p2plearn.learning.compass import CHANGE, QUESTIONS, Answered, compass_json, counts
from p2plearn.node.service.parts import Answer
from p2plearn.node.service.saying import Attach, Saying, required, topics_of
from p2plearn.node.service.tracing import Tracing
from p2plearn.node.store import answers as store_answers
from p2plearn.protocol.bodies import check_lengths
from p2plearn.protocol.kinds import Compass, Offer, Wanted
from p2plearn.protocol.wording import prose


class Orienting(Tracing, Saying):
    """Where one stands, and where one wants to go."""

    async def compass(
        self,
        answer: int | None = None,
        text: str = "",
        share: bool = False,
        topics: list[str] = [],  # noqa: B006  # a default of the local API
        attachments: Attach = [],  # noqa: B006
    ) -> Answer:
        """The three questions with your answers, which stay here unless you share them; with topics, one becomes a wish or an offer.

        Files go with what others read; an answer that stays here is words alone.
        {"questions": [{"number", "question", "answers": [{"text", "at", "shared"}], "action": {"kind", "command", "id"}}], "facts"}.
        """
        facts = await self._facts()
        if answer is not None:
            if attachments and not (share or topics):
                raise UsageError(reason="An answer that stays on this machine has no files; they go with one that is shared or has a topic")
            await self._take(answer, text, topics, attachments, share=share, facts=counts(facts) if answer == CHANGE else None)
        elif text or share or topics or attachments:
            raise UsageError(reason="An answer needs the number of its question: 1, 2 or 3")
        said = await self._keeper.read(store_answers.answers)
        return compass_json(await self._without_taken_back(said), facts)

    async def _unanswered(self) -> list[str]:
        """The questions that were never answered."""
        answered = {one.question for one in await self._keeper.read(store_answers.answers)}
        return [question for number, question in QUESTIONS.items() if number not in answered]

    async def _take(self, question: int, text: str, topics: list[str], files: Attach, *, share: bool, facts: dict[str, int] | None) -> None:
        if question not in QUESTIONS:
            raise UsageError(reason=f"There are the questions 1, 2 and 3, and no {question}")
        if topics and question == CHANGE:
            raise UsageError(reason="A change is your own and has no topic")
        said = Compass(question, required("text", prose(text)))
        check_lengths(said)
        about = topics_of(topics) if topics else ()
        action = await self._say((Wanted if question == 1 else Offer)(said.text), topics=about, attachments=files) if about else None
        shared = await self._say(said, attachments=files) if share else None
        answered = Answered(question, said.text, self._keeper.clock.now_ms(), _id(shared), _id(action), facts)
        await self._keeper.write(store_answers.keep, answered)

    async def _without_taken_back(self, said: list[Answered]) -> list[Answered]:
        """What was shared and taken back again is one's own once more."""
        shared = await self._keeper.in_thread(self._keeper.store.get, [one.shared for one in said if one.shared])
        gone = await self._taken_back(*(stored.record for stored in shared))
        return [one._replace(shared=None) if one.shared in gone else one for one in said]


def _id(done: Answer | None) -> bytes | None:
    return bytes.fromhex(done["id"]) if done else None
