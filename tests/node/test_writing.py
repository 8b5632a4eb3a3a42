"""Writing: what a person may say and what is refused, each time with a sentence that says why."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from p2plearn import limits
from p2plearn.errors import NotFound, P2plearnError, Refused, TooLarge, UsageError
from p2plearn.node.service.service import Service
from p2plearn.protocol.records import Record, parse
from p2plearn.testing.authors import Author


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service.open(tmp_path) as opened:
        yield opened


async def hear(service: Service, *records: Record) -> None:
    await service._keeper.take([record.raw for record in records], "peer")


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


async def held(service: Service) -> int:
    return int((await service.status())["records"])


async def test_a_request_from_the_question_to_the_solution(service: Service) -> None:
    asked = await service.ask(title="Why is the sky blue?", text="I wonder.", topics=["Physics"], want="hint", show_work_first=True)
    assert asked["similar"] == []
    request = parse(next(service._keeper.store.everything()))
    hint = Author("ben").reply(request, "hint", "Short waves.", topics=("physics",))
    await hear(service, hint)
    await service.attempt(asked["id"], "Because of the sea?")
    assert (await service.show(asked["id"]))["state"] == "working"
    await service.reply(hint.id.hex(), "question", "How short?", step=2)
    await service.solve(asked["id"][:8], by=hint.id.hex()[:8], text="thanks")
    shown = await service.show(asked["id"])
    assert shown["state"] == "solved"
    assert [entry["type"] for entry in shown["thread"]].count("solve") == 1
    assert all(parse(raw).topics == ("physics",) for raw in service._keeper.store.everything())  # a conversation travels whole
    again = await service.ask(title="Why is the sky so blue?", text="At noon.", topics=["physics"])
    assert [item["id"] for item in again["similar"]] == [asked["id"]]


async def test_a_snippet_is_revised_forked_and_taken_back(service: Service) -> None:
    shared = (await service.share(title="Patches", text="Old.", topics=["bikes"], type="howto", licence="CC0-1.0"))["id"]
    await service.revise(shared, "New.", title="Patching")
    fork = (await service.fork(shared, "Neu.", relation="translation", language="de"))["id"]
    shown = await service.show(shared)
    assert (shown["title"], shown["text"], len(shown["history"])) == ("Patching", "New.", 2)
    assert [(variant["id"], variant["relation"], variant["language"]) for variant in shown["variants"]] == [(fork, "translation", "de")]
    copy = await service.show(fork)
    assert (copy["title"], copy["type"], copy["licence"], copy["topics"]) == ("Patching", "howto", "CC0-1.0", ["bikes"])
    await service.retract(shared, "outdated")
    gone = await service.show(shared)
    assert (gone["state"], gone["reason"], gone["text"]) == ("retracted", "outdated", "")


async def test_a_profile_changes_only_where_something_is_given(service: Service) -> None:
    await service.profile(name="Ada", about="I count.", open_to=["maths"])
    await service.profile(about="")
    (me,) = (await service.people())["people"]
    assert (me["name"], me["about"], me["open_to"]) == ("Ada", "", ["maths"])


REFUSALS: list[tuple[str, dict[str, Any], type[P2plearnError], str]] = [
    ("share", {"title": " ", "text": "t", "topics": ["x"]}, UsageError, "The title is empty"),
    ("share", {"title": "t", "text": "\n", "topics": ["x"]}, UsageError, "The text is empty"),
    ("share", {"title": "t", "text": "t", "topics": []}, UsageError, "It needs 1 to 16 topics"),
    ("share", {"title": "t", "text": "t", "topics": [str(n) for n in range(17)]}, UsageError, "It needs 1 to 16 topics"),
    ("share", {"title": "t", "text": "t", "topics": ["x" * 65]}, UsageError, "cannot be a topic: it needs 1 to 64 bytes"),
    ("share", {"title": "t" * 301, "text": "t", "topics": ["x"]}, TooLarge, "The title is 301 bytes, more than the 300"),
    ("share", {"title": "t", "text": "t" * 16_385, "topics": ["x"]}, TooLarge, "The text is 16385 bytes, more than the 16384"),
    ("share", {"title": "t", "text": "t" * 16_300, "topics": ["x"]}, TooLarge, "The whole of it is .* bytes, more than the 16384"),
    ("share", {"title": "t", "text": "t", "topics": ["x"], "type": "y" * 33}, TooLarge, "The type is 33 bytes"),
    ("share", {"title": "t", "text": "t", "topics": ["x"], "language": "l" * 33}, TooLarge, "The language is 33 bytes, more than the 32"),
    ("share", {"title": "t", "text": "t", "topics": ["x"], "licence": "l" * 65}, TooLarge, "The licence is 65 bytes, more than the 64"),
    ("share", {"title": "t", "text": "t", "topics": ["x"], "attachments": [{"name": "no cid"}]}, NotFound, "Nothing here is called"),
    ("ask", {"title": "t", "text": "t", "topics": ["x"], "want": "money"}, UsageError, "“money” is none of hint, walkthrough"),
    ("ask", {"title": "t", "text": "t", "topics": ["x"], "to": "nobody"}, NotFound, "Nothing here is called “nobody”"),
    ("ask", {"title": "t", "text": "t", "topics": ["x"], "tried": "t" * 16_385}, TooLarge, "The tried is 16385 bytes"),
    ("profile", {"name": " "}, UsageError, "The name is empty"),
    ("profile", {"name": "n" * 81}, TooLarge, "The name is 81 bytes"),
    ("profile", {"open_to": ["w"] * 17}, TooLarge, "The list “open to”"),
    ("reply", {"id": "REQUEST", "type": "song", "text": "t"}, UsageError, "“song” is none of hint, step"),
    ("reply", {"id": "REQUEST", "type": "attempt", "text": "t"}, UsageError, "“attempt” is none of hint, step"),
    ("reply", {"id": "REQUEST", "type": "step", "text": "t", "step": 0}, UsageError, "A step is a number from 1 to 10000"),
    ("reply", {"id": "REQUEST", "type": "hint", "text": ""}, UsageError, "The text is empty"),
    ("reply", {"id": "ffffff", "type": "hint", "text": "t"}, NotFound, "Nothing here is called “ffffff”"),
    ("reply", {"id": "PROFILE", "type": "hint", "text": "t"}, Refused, "only with a snippet, a request, an offer"),
    ("attempt", {"request": "REQUEST", "text": "t"}, Refused, "Only the person who asked may do this"),
    ("attempt", {"request": "SNIPPET", "text": "t"}, Refused, "only with a request"),
    ("solve", {"request": "REQUEST"}, Refused, "Only the person who asked may do this"),
    ("withdraw", {"request": "REQUEST"}, Refused, "Only the person who asked may do this"),
    ("solve", {"request": "OWN", "by": "HINT"}, Refused, "must be another person's reply in this request"),
    ("solve", {"request": "OWN", "by": "ffffff"}, NotFound, "Nothing here is called “ffffff”"),
    ("revise", {"id": "SNIPPET", "text": "t"}, Refused, "Only its author may revise this"),
    ("revise", {"id": "PROFILE", "text": "t"}, Refused, "Only an original can be revised"),
    ("retract", {"id": "SNIPPET"}, Refused, "Only its author may take this back"),
    ("fork", {"id": "REQUEST", "text": "t"}, Refused, "Only a snippet can be forked"),
    ("fork", {"id": "SNIPPET", "text": "t", "relation": "theft"}, UsageError, "“theft” is none of fork, adaptation, translation"),
]


@pytest.mark.parametrize("method,arguments,error,message", REFUSALS, ids=lambda value: value if isinstance(value, str) else "")
async def test_what_is_refused_is_refused_with_a_reason_and_a_remedy_and_changes_nothing(
    service: Service, method: str, arguments: dict[str, Any], error: type[P2plearnError], message: str
) -> None:
    ben = Author("ben")
    request, snippet, profile = ben.ask("Why?"), ben.share("note"), ben.profile("ben")
    hint = Author("eve").reply(request, "hint", "so")
    await hear(service, request, snippet, profile, hint)
    own = (await service.ask(title="Mine", text="mine", topics=["x"]))["id"]
    known = {"REQUEST": request.id.hex(), "SNIPPET": snippet.id.hex(), "PROFILE": profile.id.hex(), "HINT": hint.id.hex(), "OWN": own}
    before = await held(service)
    given = {name: known.get(value, value) if isinstance(value, str) else value for name, value in arguments.items()}
    with pytest.raises(error, match=message) as refused:
        await getattr(service, method)(**given)
    assert refused.value.hint
    assert await held(service) == before


async def test_names_of_files_and_words_about_them_have_their_length(service: Service) -> None:
    file = (await service.put_attachment(pieces(b"x"), "x.txt"))["cid"]
    for item, message in (
        ({"name": "n" * 256}, "The name of the file is 256 bytes"),
        ({"alt": "a" * 1001}, "The description of the file is 1001 bytes"),
    ):
        with pytest.raises(TooLarge, match=message):
            await service.share(title="t", text="t", topics=["x"], attachments=[{"cid": file, **item}])
    with pytest.raises(UsageError, match="at most 16 attachments"):
        await service.share(title="t", text="t", topics=["x"], attachments=[{"cid": file}] * 17)
    assert await held(service) == 0


async def test_what_was_taken_back_cannot_be_what_solved_it(service: Service) -> None:
    own = (await service.ask(title="Mine", text="mine", topics=["x"]))["id"]
    ben = Author("ben")
    hint = ben.reply(parse(next(service._keeper.store.everything())), "hint", "so")
    await hear(service, hint, ben.retract(hint))
    with pytest.raises(Refused, match="That reply was taken back by its author"):
        await service.solve(own, by=hint.id.hex())


async def test_the_longest_words_that_fit_are_taken(service: Service) -> None:
    room = limits.MAX_RECORD - 300
    shared = (await service.share(title="t", text="é" * (room // 2), topics=["x"]))["id"]
    assert len((await service.show(shared))["text"]) == room // 2


async def test_what_is_too_long_as_a_whole_is_told_with_its_true_size(service: Service) -> None:
    with pytest.raises(TooLarge) as refused:
        await service.share(title="t", text="t" * 16_300, topics=["x"])
    assert 16_384 < refused.value.details["size"] < 16_384 + 300


TOO_LATE = [("revise", {"text": "t"}), ("reply", {"type": "comment", "text": "t"}), ("fork", {"text": "t"}), ("retract", {})]


@pytest.mark.parametrize("method,arguments", TOO_LATE, ids=lambda value: value if isinstance(value, str) else "")
async def test_what_its_author_took_back_is_left_alone(service: Service, method: str, arguments: dict[str, Any]) -> None:
    mine = (await service.share(title="Mine", text="wrong", topics=["x"]))["id"]
    await service.retract(mine, text="It was wrong")
    before = await held(service)
    with pytest.raises(Refused, match="taken back") as refused:
        await getattr(service, method)(id=mine, **arguments)
    assert (refused.value.exit_code, bool(refused.value.hint)) == (6, True)
    assert await held(service) == before


async def test_a_reply_taken_back_gets_no_answer_and_the_conversation_goes_on(service: Service) -> None:
    mine = (await service.ask(title="Mine", text="mine", topics=["x"]))["id"]
    ben = Author("ben")
    hint = ben.reply(parse(next(service._keeper.store.everything())), "hint", "so")
    await hear(service, hint, ben.retract(hint))
    with pytest.raises(Refused, match="taken back by its author"):
        await service.reply(hint.id.hex(), type="comment", text="what?")
    await service.reply(mine, type="comment", text="Anybody else?")


async def test_what_somebody_else_claims_to_take_back_binds_nobody(service: Service) -> None:
    note = Author("ada").share("note")
    await hear(service, note, Author("eve").retract(note))
    await service.reply(note.id.hex(), type="comment", text="Thanks")


async def test_a_retraction_may_bring_a_file_along(service: Service) -> None:
    mine = (await service.share(title="Mine", text="wrong", topics=["x"]))["id"]
    file = await service.put_attachment(pieces(b"proof"), "proof.txt")
    taken_back = await service.retract(mine, text="See", attachments=[{"cid": file["cid"], "name": "proof.txt"}])
    (record,) = (stored.record for stored in service._keeper.store.get([bytes.fromhex(taken_back["id"])]))
    assert [(item.name, item.size) for item in record.attachments] == [("proof.txt", 5)]
