"""The inbox as a person meets it on their own laptop, and corrections that chase from laptop to laptop."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from p2plearn import limits
from p2plearn.errors import NotFound, UsageError
from p2plearn.node.net.memory_host import MemoryHub
from p2plearn.node.service.service import Service
from p2plearn.protocol.records import Record, parse
from p2plearn.protocol.sealing import seal
from p2plearn.testing.authors import Author
from p2plearn.testing.cafe import in_step, meet, open_laptop
from p2plearn.testing.clock import FakeClock

DAY = 24 * 3600
KEYS = {"id", "kind", "type", "about", "author", "name", "title", "text", "at", "unread", "next"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def service(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Service]:
    async with Service.open(tmp_path, clock) as opened:
        yield opened


async def hear(service: Service, *records: Record) -> None:
    """A peer brings records."""
    await service._keeper.take([record.raw for record in records], "peer")


async def said(service: Service, answer: dict[str, Any]) -> Record:
    """The record that was just made."""
    return next(record for record in map(parse, service._keeper.store.everything()) if record.id.hex() == answer["id"])


async def asked(service: Service, title: str = "Why?", **more: Any) -> Record:
    return await said(service, await service.ask(title=title, text="I wonder.", topics=["x"], **more))


async def shared(service: Service, title: str = "Puncture", **more: Any) -> Record:
    return await said(service, await service.share(title=title, text="Glue it.", topics=["x"], **more))


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["id"] for item in answer["items"]]


async def test_an_item_says_who_said_what_about_what_and_what_one_might_do(service: Service) -> None:
    ben = Author("ben")
    assert await service.inbox() == {"items": [], "unread": 0, "more": False}
    request = await asked(service)
    check = ben.check(request, "Show me.")
    await hear(service, ben.profile("Ben"), check)
    answer = await service.inbox()
    assert answer["unread"] == 1
    (item,) = answer["items"]
    assert set(item) == KEYS
    assert item | {"at": ""} == {
        "id": check.id.hex(),
        "kind": "check",
        "type": "check",
        "about": request.id.hex(),
        "author": ben.key.hex(),
        "name": "Ben",
        "title": "Why?",
        "text": "Show me.",
        "at": "",
        "unread": True,
        "next": f"p2plearn proof {check.id.hex()[:8]} TEXT",
    }


async def test_what_was_read_comes_behind_what_was_not_and_newest_first(service: Service, clock: FakeClock) -> None:
    ben = Author("ben")
    request = await asked(service)
    hints = []
    for text in ("one", "two", "three"):
        clock.advance(60)
        ben.clock.jump(clock.now_ms())
        hints.append(ben.reply(request, "hint", text))
        await hear(service, hints[-1])
    one, two, three = (hint.id.hex() for hint in hints)
    assert ids(await service.inbox()) == [three, two, one]
    answer = await service.inbox(read=three[:10])
    assert ids(answer) == [two, one, three]
    assert [item["unread"] for item in answer["items"]] == [True, True, False]
    assert answer["unread"] == 2
    assert (await service.inbox(limit=1))["more"] is True
    assert (await service.inbox(limit=2))["unread"] == 2
    assert (await service.inbox(limit=3))["more"] is False
    answer = await service.inbox(all=True, limit=1)
    assert (answer["unread"], ids(answer), answer["more"]) == (0, [three], True)
    assert (await service.inbox())["unread"] == 0
    await hear(service, new := ben.reply(request, "hint", "four"))
    assert (await service.inbox())["items"][0]["id"] == new.id.hex()


async def test_only_an_item_of_mine_can_be_read(service: Service) -> None:
    ben, eve = Author("ben"), Author("eve")
    request, other = await asked(service), eve.ask("And?")
    hint = ben.reply(request, "hint")
    await hear(service, hint, other, ben.reply(other, "hint"), ben.retract(hint))
    for given in (request.id.hex(), other.id.hex(), hint.id.hex(), "ab" * 32, "nothing"):
        with pytest.raises(NotFound):
            await service.inbox(read=given)
    with pytest.raises(UsageError):
        await service.inbox(limit=0)


async def test_pages_of_what_concerns_nobody_are_passed_over(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "INBOX_PAGE", 2)
    ben, eve = Author("ben"), Author("eve")
    request = await asked(service)
    hint = ben.reply(request, "hint")
    gone = [eve.reply(request, "hint", str(n)) for n in range(7)]
    await hear(service, hint, *gone, *map(eve.retract, gone))
    assert ids(await service.inbox(limit=1)) == [hint.id.hex()]


async def test_muted_people_and_topics_stay_out(service: Service) -> None:
    ben, eve = Author("ben"), Author("eve")
    request = await asked(service)
    put = eve.ask("Help me", to=service._keeper.author, topics=("maths",))
    await hear(service, ben.profile("Ben"), ben.reply(request, "hint"), put)
    await service.mute("Ben")
    assert ids(await service.inbox()) == [put.id.hex()]
    await service.mute("#maths")
    assert ids(await service.inbox()) == []
    await service.unmute("Ben")
    assert len(ids(await service.inbox())) == 1


async def test_private_thanks_can_be_read_by_whom_they_are_for(service: Service) -> None:
    ben = Author("ben")
    request = ben.ask("Why?")
    await hear(service, request)
    hint = (await service.reply(request.id.hex(), "hint", "Look."))["id"]
    words = seal(ben.key, bytes.fromhex(hint), "You saved my day.", service._keeper.author)
    await hear(service, ben.thank(await said(service, {"id": hint}), sealed=words))
    (item,) = (await service.inbox())["items"]
    assert (item["kind"], item["text"], item["about"]) == ("thanks", "You saved my day.", hint)


async def test_what_is_deleted_here_is_gone_from_the_inbox(service: Service) -> None:
    ben, eve = Author("ben"), Author("eve")
    snippet = ben.share("Puncture")
    correction = eve.correct(snippet, "It tears.")
    await hear(service, snippet, correction)
    adopt = await service.adopt(snippet.id.hex(), "using")
    assert ids(await service.inbox()) == [correction.id.hex()]
    await service.forget(correction.id.hex())
    assert ids(await service.inbox()) == []
    await hear(service, again := eve.correct(snippet, "It does."))
    assert ids(await service.inbox()) == [again.id.hex()]
    await service.forget(adopt["id"])
    assert ids(await service.inbox()) == []


# --- still using it? ---


async def test_after_a_week_and_a_month_one_is_asked_and_each_question_is_read_once(service: Service, clock: FakeClock) -> None:
    snippet = Author("ada").share("Puncture")
    await hear(service, snippet)
    adopt = (await service.adopt(snippet.id.hex(), "tried"))["id"]
    clock.advance(7 * DAY - 1)
    assert ids(await service.inbox()) == []
    clock.advance(1)
    (item,) = (await service.inbox())["items"]
    assert set(item) == KEYS
    assert (item["kind"], item["id"], item["about"], item["unread"]) == ("follow-up", adopt, snippet.id.hex(), True)
    assert item["text"] == "Still using “Puncture”?"
    assert item["author"] == service._keeper.author.hex()
    assert item["next"] == f"p2plearn adopt {snippet.id.hex()[:8]} --stage STAGE"
    assert (await service.inbox(read=adopt))["items"][0]["unread"] is False
    clock.advance(23 * DAY)
    (item,) = (await service.inbox())["items"]
    assert (item["id"], item["unread"]) == (adopt, True)
    assert (await service.inbox(all=True))["unread"] == 0
    await service.adopt(snippet.id.hex(), "using", outcome="works")
    assert ids(await service.inbox()) == []


async def test_no_more_questions_than_would_be_kind_and_unread_ones_first(
    service: Service, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_FOLLOW_UPS", 2)
    ada = Author("ada")
    snippets = [ada.share(f"{n}", topics=(f"t{n}",)) for n in range(4)]
    await hear(service, *snippets)
    for snippet in snippets:
        await service.adopt(snippet.id.hex(), "using")
        clock.advance(60)
    clock.advance(7 * DAY)
    await service.react(snippets[3].id.hex(), "works", "Well.")
    assert [item["title"] for item in (await service.inbox())["items"]] == ["2", "1"]
    later = await service.inbox(read=(await service.inbox())["items"][0]["id"])
    assert [item["title"] for item in later["items"]] == ["1", "0"]
    await service.mute("#t0")
    assert [item["title"] for item in (await service.inbox())["items"]] == ["1", "2"]
    await service.unmute("#t0")
    assert (await service.inbox(all=True))["unread"] == 0
    assert [item["title"] for item in (await service.inbox())["items"]] == ["2", "1"]


# --- what is owed, and what is gone ---


async def test_a_request_put_to_me_says_that_an_attempt_is_owed(service: Service) -> None:
    ben = Author("ben")
    request = ben.ask("Why?", to=service._keeper.author, show_work_first=True)
    await hear(service, request)
    (item,) = (await service.inbox())["items"]
    assert item["attempt_owed"] is True
    assert item["next"] == f"p2plearn reply {request.id.hex()[:8]} --type question TEXT"
    await hear(service, ben.attempt(request))
    item = next(one for one in (await service.inbox())["items"] if one["kind"] == "request")
    assert "attempt_owed" not in item
    await service.decline(request.id.hex(), "I leave tomorrow.")
    item = next(one for one in (await service.inbox())["items"] if one["kind"] == "request")
    assert item["next"] == f"p2plearn show {request.id.hex()[:8]}"


async def test_my_own_owed_attempt_is_no_matter_of_a_helper(service: Service) -> None:
    request = await asked(service, show_work_first=True)
    await hear(service, Author("ben").reply(request, "hint"))
    (item,) = (await service.inbox())["items"]
    assert "attempt_owed" not in item


async def test_what_is_said_where_the_root_was_taken_back_says_what_it_was(service: Service) -> None:
    ben = Author("ben")
    source = ben.share("Puncture", topics=("bikes",))
    await hear(service, ben.profile("Ben"), source)
    comment = await said(service, await service.reply(source.id.hex(), "comment", "Thank you."))
    answer = ben.reply(comment, "comment", "You are welcome.")
    await hear(service, answer, ben.retract(source, "It tears."))
    item = next(one for one in (await service.inbox())["items"] if one["id"] == answer.id.hex())
    assert (item["title"], item["about"]) == ("", comment.id.hex())
    assert item["taken_back"] == {"kind": "snippet", "author": ben.key.hex(), "name": "Ben", "topics": ["bikes"], "about_title": ""}


# --- offered back ---


async def test_who_has_shown_something_is_offered_the_like_kindly(service: Service) -> None:
    ben, eve = Author("ben"), Author("eve")
    request = await asked(service, "Derive the area of a circle")
    check = ben.check(request, "Show me.")
    await hear(service, check)
    proof = await said(service, await service.proof(check.id.hex(), "Rings."))
    await hear(service, ben.judge(proof, "shown"))
    like = eve.ask("The area of a circle, how to derive it?", topics=("x",))
    await hear(service, eve.profile("Eve"), like)
    item = next(item for item in (await service.inbox())["items"] if item["kind"] == "match")
    assert set(item) == KEYS
    assert (item["id"], item["about"], item["name"]) == (like.id.hex(), request.id.hex(), "Eve")
    assert item["next"] == f"p2plearn reply {like.id.hex()[:8]} --type hint TEXT"
    assert item["text"]
    owed = eve.ask("The area of a circle: how does one derive it?", topics=("x",), show_work_first=True)
    await hear(service, owed)
    second = next(item for item in (await service.inbox())["items"] if item["id"] == owed.id.hex())
    assert set(second) == KEYS | {"attempt_owed"}
    assert second["next"] == f"p2plearn reply {owed.id.hex()[:8]} --type question TEXT"
    await service.decline(owed.id.hex(), "I am away.")
    read = await service.inbox(read=like.id.hex())
    assert [item["unread"] for item in read["items"] if item["kind"] == "match"] == [False]
    await service.reply(like.id.hex(), "hint", "Cut it into rings.")
    assert all(item["kind"] != "match" for item in (await service.inbox())["items"])


# --- from laptop to laptop ---


async def test_a_correction_chases_through_forks_to_everybody_who_adopted(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        hub = MemoryHub()
        ada, ben, eve = [await stack.enter_async_context(open_laptop(hub, tmp_path / name)) for name in ("ada", "ben", "eve")]
        await meet(ada, ben)
        await meet(ben, eve)
        source = (await ada.share(title="Puncture", text="Glue it.", topics=["bikes"]))["id"]
        await in_step(ada, ben, eve)
        fork = (await ben.fork(source, "Sand it, glue it."))["id"]
        await in_step(ada, ben, eve)
        await eve.adopt(fork, "using")
        await ada.adopt(fork, "tried")
        correction = (await ben.correct(source, "Some glue eats the tube."))["id"]
        await in_step(ada, ben, eve)
        warning = (await eve.react(source, "dangerous", "It eats mine."))["id"]
        await in_step(ada, ben, eve)
        for node, about, expected in ((ada, source, {correction, warning}), (ben, fork, {warning}), (eve, fork, {correction})):
            items = (await node.inbox())["items"]
            assert {item["id"] for item in items if item["about"] == about and item["kind"] in {"correction", "reaction"}} == expected
        revised = (await ada.revise(source, "Use rubber cement.", taking_up=correction))["id"]
        await in_step(ada, ben, eve)
        assert next(item for item in (await ben.inbox())["items"] if item["id"] == revised)["about"] == correction
        assert next(item for item in (await eve.inbox())["items"] if item["id"] == revised)["about"] == fork
        await ada.retract(source, "Use the other one.")
        await in_step(ada, ben, eve)
        for node in (ben, eve):
            item = next(item for item in (await node.inbox())["items"] if item["kind"] == "retract")
            assert (item["about"], item["text"], item["next"]) == (fork, "Use the other one.", f"p2plearn show {source[:8]}")
            whose = {"kind": "snippet", "author": (await ada.me())["author"], "name": "", "topics": ["bikes"]}
            assert (item["title"], item["taken_back"]) == ("", whose | {"about_title": "Puncture"})
