"""The learning loop through the façade: from a question to shown understanding, taking up and passing on; and what is refused."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from p2plearn.errors import NotFound, P2plearnError, Refused, TooLarge, UsageError
from p2plearn.node.service.service import Service
from p2plearn.protocol.records import Record, parse
from p2plearn.protocol.sealing import seal, unseal
from p2plearn.testing.authors import Author


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service.open(tmp_path) as opened:
        yield opened


async def hear(service: Service, *records: Record) -> None:
    await service._keeper.take([record.raw for record in records], "peer")


def held(service: Service) -> dict[str, Record]:
    """Everything here, by id."""
    return {record.id.hex(): record for record in map(parse, service._keeper.store.everything())}


def record_of(service: Service, answer: dict[str, Any]) -> Record:
    """What was just said."""
    return held(service)[answer["id"]]


async def test_a_learner_shows_that_they_got_it(service: Service) -> None:
    ben = Author("ben")
    asked = (await service.ask(title="Derive the area", text="Of a circle.", topics=["maths"], show_work_first=True))["id"]
    request = held(service)[asked]
    attempt = record_of(service, await service.attempt(asked, "Cut it into rings."))
    await hear(service, ben.judge(attempt, "partly", fixes=[(1, "Thin ones.")]), check := ben.check(request, "And of an ellipse?"))
    assert (await service.show(asked))["state"] == "checking"
    proof = record_of(service, await service.proof(check.id.hex(), "$\\pi a b$"))
    await hear(service, ben.judge(proof, "not-yet", "Why?", fixes=[(2, "Say why it scales.")]))
    shown = await service.show(asked)
    assert shown["state"] == "checking"
    assert [entry["fixes"] for entry in shown["thread"] if entry["kind"] == "verdict"] == [
        [{"step": 1, "text": "Thin ones."}],
        [{"step": 2, "text": "Say why it scales."}],
    ]
    await hear(service, ben.judge(proof, "shown", "Now you have it."))
    assert (await service.show(asked))["state"] == "shown"
    await service.solve(asked)
    assert (await service.show(asked))["state"] == "solved"
    passed_on = await service.share(title="Rings", text="Cut it.", topics=["maths"], request=asked)
    assert (await service.show(passed_on["id"]))["refs"] == [{"relation": "from", "id": asked}]
    assert [item["id"] for item in (await service.show(asked))["passed_on"]] == [passed_on["id"]]


async def test_a_helper_is_told_that_an_attempt_is_owed_and_judges_it(service: Service) -> None:
    ada = Author("ada")
    request = ada.ask("Which glue?", show_work_first=True, topics=("bikes",))
    await hear(service, request)
    asked = request.id.hex()
    assert (await service.reply(asked, "hint", "Show me yours first."))["attempt_owed"] is True
    assert (await service.retract((early := await service.check(asked, "And now?"))["id"]))["id"]
    assert early["attempt_owed"] is True
    attempt = ada.attempt(request, "Rubber cement?")
    await hear(service, attempt)
    assert "attempt_owed" not in await service.reply(asked, "comment", "Good.")
    verdict = await service.verdict(attempt.id.hex(), "partly", fixes=[{"step": None, "text": "Let it dry."}])
    check = record_of(service, await service.check(asked, "Why must it dry?"))
    proof = ada.prove(check, "Solvent.")
    await hear(service, proof)
    await service.verdict(proof.id.hex()[:8], "shown", "Exactly.")
    shown = await service.show(asked)
    assert shown["state"] == "shown"
    assert [entry["parent"] for entry in shown["thread"] if entry["id"] == verdict["id"]] == [attempt.id.hex()]


async def test_a_howto_keeps_its_parts_when_its_text_is_revised(service: Service) -> None:
    said = await service.share(
        title="Patch",
        text="",
        topics=["bikes"],
        type="howto",
        steps=["Find it.", " ", "Glue it."],
        done_when="It holds.",
        pitfalls=["Haste."],
    )
    await service.revise(said["id"], "For any tyre.")
    await service.revise(said["id"], "", pitfalls=["Haste.", "Rain."])
    shown = await service.show(said["id"])
    assert shown["text"] == "For any tyre."
    assert shown["howto"] == {"steps": ["Find it.", "Glue it."], "done_when": "It holds.", "pitfalls": ["Haste.", "Rain."]}
    copy = await service.show((await service.fork(said["id"], "", relation="adaptation", steps=["Patch it."]))["id"])
    assert (copy["text"], copy["howto"]) == ("", {"steps": ["Patch it."], "done_when": "It holds.", "pitfalls": ["Haste.", "Rain."]})


async def test_what_one_has_taken_up_remembers_whom_from_and_how_it_went(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    snippet = ada.share("Patch", topics=("bikes",))
    revised = ada.revise(snippet, "Better.")
    await hear(service, snippet, ben.profile("Ben"), revised)
    await service.adopt(snippet.id.hex(), "tried", outcome="works", learned_from="ben", text="Once.")
    await service.adopt(snippet.id.hex(), "using")
    (adoption,) = (await service.show(snippet.id.hex()))["adoptions"]
    assert (adoption["type"], adoption["outcome"], adoption["of"]) == ("using", "works", revised.id.hex())
    assert adoption["learned_from"] == {"key": ben.key.hex(), "name": "Ben"}
    await service.adopt(revised.id.hex(), "dropped", outcome="no")
    (adoption,) = (await service.show(snippet.id.hex()))["adoptions"]
    assert (adoption["type"], adoption["outcome"]) == ("dropped", "no")


async def test_taking_up_credits_whoever_had_a_part_in_it(service: Service) -> None:
    ada, ben, eve = Author("ada"), Author("ben"), Author("eve")
    source = ada.share("Patch", topics=("bikes",))
    fork = ben.fork(source, "My way.", topics=("bikes",))
    correction = ada.correct(fork, "Dry it.")
    told = [source, fork, correction, ben.revise(fork, "Dry it first.", taking_up=correction), eve.adopt(fork), eve.profile("Eve")]
    await hear(service, *told)
    answer = await service.adopt(fork.id.hex(), "using", learned_from="Eve")
    assert [(credit["author"], credit["share"], credit["why"]) for credit in answer["credits"]] == [
        (ben.key.hex(), 1.0, "author"),
        (ada.key.hex(), 0.5, "earlier author"),
        (eve.key.hex(), 1.0, "learned from"),
        (ada.key.hex(), 1.0, "correction"),
    ]
    assert [credit["name"] for credit in answer["credits"]] == ["", "", "Eve", ""]
    assert (await service.adopt(fork.id.hex(), "dropped"))["credits"] == []


async def test_a_correction_is_taken_up_by_a_revision_and_a_reaction_taken_back(service: Service) -> None:
    ben = Author("ben")
    mine = (await service.share(title="Patch", text="Glue on wet rubber.", topics=["bikes"]))["id"]
    snippet = held(service)[mine]
    correction, mark = ben.correct(snippet, "Dry it first."), ben.react(snippet, "dangerous", "It comes off.")
    await hear(service, correction, mark)
    revision = await service.revise(mine, "Dry it, glue it.", taking_up=correction.id.hex())
    shown = await service.show(mine)
    assert [(one["text"], one["taken_up_by"]) for one in shown["corrections"]] == [("Dry it first.", revision["id"])]
    assert [(one["type"], one["text"]) for one in shown["reactions"]] == [("dangerous", "It comes off.")]
    await hear(service, ben.retract(mark, "It holds now."))
    assert (await service.show(mine))["reactions"] == []
    theirs = ben.share("Pump")
    await hear(service, theirs)
    own_mark = await service.react(theirs.id.hex(), "doesnt", "No valve.")
    own_words = await service.correct(theirs.id.hex(), "Say which valve.")
    assert [one["id"] for one in (await service.show(theirs.id.hex()))["reactions"]] == [own_mark["id"]]
    await service.retract(own_mark["id"])
    shown = await service.show(theirs.id.hex())
    assert (shown["reactions"], [one["id"] for one in shown["corrections"]]) == ([], [own_words["id"]])


async def test_private_thanks_say_their_words_to_one_person(service: Service) -> None:
    ben = Author("ben")
    asked = (await service.ask(title="Why?", text="Why?", topics=["x"]))["id"]
    hint = ben.reply(held(service)[asked], "hint", "Think.")
    await hear(service, hint)
    said = await service.thanks(hint.id.hex(), "You were patient with me.", private=True)
    record = held(service)[said["id"]]
    sealed = record.body[1]
    assert isinstance(sealed, bytes)
    assert record.body[0] == ""
    assert unseal(sealed, ben.private_key, service._keeper.author, hint.id) == "You were patient with me."
    (entry,) = [entry for entry in (await service.show(asked))["thread"] if entry["kind"] == "thanks"]
    assert (entry["private"], entry["text"]) == (True, "")
    question = ben.ask("And you?")
    reply = record_of(service, await self_reply(service, question))
    words = seal(ben.key, reply.id, "Thank you too.", service._keeper.author)
    copied = Author("eve").thank(reply, sealed=words)
    await hear(service, ben.thank(reply, sealed=words), copied)
    opened = {entry["author"]["key"]: entry["text"] for entry in (await service.show(question.id.hex()))["thread"] if entry["private"]}
    assert opened == {ben.key.hex(): "Thank you too.", Author("eve").key.hex(): ""}


async def self_reply(service: Service, question: Record) -> dict[str, Any]:
    await hear(service, question)
    return await service.reply(question.id.hex(), "hint", "Like this.")


async def test_one_may_drop_what_was_taken_back_and_nothing_else(service: Service) -> None:
    ada = Author("ada")
    snippet = ada.share("Patch")
    await hear(service, snippet)
    await service.adopt(snippet.id.hex(), "using")
    await hear(service, ada.retract(snippet, "It fails."))
    with pytest.raises(Refused, match="taken back"):
        await service.adopt(snippet.id.hex(), "passed-on")
    await service.adopt(snippet.id.hex(), "dropped", outcome="no")
    assert [one["type"] for one in (await service.show(snippet.id.hex()))["adoptions"]] == ["dropped"]


async def test_kindness_and_declining(service: Service) -> None:
    ada = Author("ada")
    request = ada.ask("Who can come on Monday?")
    await hear(service, request)
    await service.encourage(request.id.hex(), "You are great to work with.")
    await service.thanks(request.id.hex(), "A good question!")
    await service.decline(request.id.hex(), "I am away.")
    assert [entry["kind"] for entry in (await service.show(request.id.hex()))["thread"]] == ["encouragement", "thanks", "decline"]


REFUSED: list[tuple[str, dict[str, Any], type[P2plearnError], str]] = [
    ("check", {"request": "MINE", "text": "t"}, Refused, "for the helpers"),
    ("check", {"request": "SNIPPET", "text": "t"}, Refused, "only with a request"),
    ("check", {"request": "THEIRS", "text": " "}, UsageError, "The text is empty"),
    ("proof", {"check": "THEIRS", "text": "t"}, Refused, "Only the person who asked"),
    ("proof", {"check": "MINE", "text": "t"}, Refused, "A proof answers a check"),
    ("verdict", {"work": "PROOF", "result": "shown"}, Refused, "Only the person who set the check"),
    ("verdict", {"work": "THEIRS", "result": "shown"}, Refused, "about a proof or an attempt"),
    ("verdict", {"work": "PROOF", "result": "good"}, UsageError, "“good” is none of shown, partly, not-yet"),
    ("verdict", {"work": "PROOF", "result": "partly", "fixes": [{"step": 0, "text": "t"}]}, UsageError, "A step is a number"),
    ("verdict", {"work": "PROOF", "result": "partly", "fixes": [{"step": "1", "text": "t"}]}, UsageError, "step of a fix is a number"),
    ("verdict", {"work": "PROOF", "result": "partly", "fixes": [{"step": 1}]}, UsageError, "The fix is empty"),
    ("verdict", {"work": "PROOF", "result": "partly", "fixes": [{"step": 1, "text": "t"}] * 65}, UsageError, "at most 64 fixes"),
    ("adopt", {"snippet": "THEIRS", "stage": "using"}, Refused, "Only a snippet"),
    ("adopt", {"snippet": "SNIPPET", "stage": "loving"}, UsageError, "none of tried, using"),
    ("adopt", {"snippet": "SNIPPET", "stage": "using", "outcome": "bad"}, UsageError, "none of works, partly, no"),
    ("adopt", {"snippet": "SNIPPET", "stage": "using", "learned_from": "nobody"}, NotFound, "Nothing here is called"),
    ("adopt", {"snippet": "SNIPPET", "stage": "using", "learned_from": "ME"}, UsageError, "One learns from somebody else"),
    ("correct", {"id": "SNIPPET", "text": ""}, UsageError, "The text is empty"),
    ("correct", {"id": "ffffff", "text": "t"}, NotFound, "Nothing here is called"),
    ("correct", {"id": "MINE", "text": "t"}, Refused, "this is your own"),
    ("react", {"id": "THEIRS", "word": "doesnt", "text": "t"}, Refused, "nobody votes on a question"),
    ("react", {"id": "SNIPPET", "word": "like", "text": "t"}, UsageError, "none of works, doesnt"),
    ("react", {"id": "SNIPPET", "word": "works", "text": ""}, UsageError, "The text is empty"),
    ("thanks", {"id": "MINE", "text": "t"}, Refused, "Thanks go to another person"),
    ("thanks", {"id": "SNIPPET", "text": "t" * 16_000, "private": True}, TooLarge, "The whole of it"),
    ("thanks", {"id": "SNIPPET", "text": "t", "private": True, "attachments": [{}]}, UsageError, "cannot be sealed"),
    ("encourage", {"id": "SNIPPET", "text": " "}, UsageError, "The text is empty"),
    ("decline", {"id": "MINE", "text": "t"}, Refused, "for the helpers"),
    ("revise", {"id": "MINE", "text": "t", "taking_up": "SNIPPET"}, Refused, "another person's correction"),
    ("share", {"title": "t", "text": "t", "topics": ["x"], "request": "SNIPPET"}, UsageError, "comes from a request"),
    ("share", {"title": "t", "text": "t", "topics": ["x"], "steps": ["s"] * 65}, UsageError, "at most 64 steps"),
    ("share", {"title": "t", "text": "t", "topics": ["x"], "steps": ["s" * 17_000]}, TooLarge, "The list “steps”"),
]


@pytest.mark.parametrize("method, arguments, error, message", REFUSED)
async def test_what_is_refused_is_refused_with_a_reason(
    service: Service, method: str, arguments: dict[str, Any], error: type[P2plearnError], message: str
) -> None:
    ada, ben = Author("ada"), Author("ben")
    mine = (await service.ask(title="Why?", text="Why?", topics=["x"]))["id"]
    theirs, snippet = ada.ask("Why not?"), ada.share("Because")
    check = ben.check(theirs, "So?")
    proof = ada.prove(check, "So.")
    await hear(service, theirs, snippet, check, proof)
    known = {"MINE": mine, "ME": service._keeper.author.hex()} | {
        name: record.id.hex() for name, record in (("THEIRS", theirs), ("SNIPPET", snippet), ("PROOF", proof))
    }
    before = set(held(service))
    given = {name: known.get(value, value) if isinstance(value, str) else value for name, value in arguments.items()}
    with pytest.raises(error, match=message) as refused:
        await getattr(service, method)(**given)
    assert refused.value.hint
    assert set(held(service)) == before
