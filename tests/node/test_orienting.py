"""The compass: answered for oneself, shared when one says so, and turned into a wish, an offer or a change."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from p2plearn import limits
from p2plearn.errors import TooLarge, UsageError
from p2plearn.node.service.service import Service
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import FakeClock


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service.open(tmp_path, FakeClock()) as opened:
        yield opened


async def records(service: Service) -> int:
    return int((await service.status())["records"])


def texts(answer: dict[str, Any], number: int) -> list[str]:
    return [one["text"] for one in answer["questions"][number - 1]["answers"]]


async def test_answers_stay_here_dated_and_the_newest_first(tmp_path: Path) -> None:
    clock = FakeClock()
    async with Service.open(tmp_path, clock) as service:
        assert [one["answers"] for one in (await service.compass())["questions"]] == [[], [], []]
        await service.compass(answer=1, text="Bread")
        clock.advance(60)
        await service.compass(answer=3, text="Answer sooner")
        found = await service.compass(answer=1, text="Rye")
        assert texts(found, 1) == ["Rye", "Bread"]
        assert await records(service) == 0  # nothing left the machine: there is nothing that could
        assert (await service.feed())["items"] == []
    async with Service.open(tmp_path, clock) as service:
        again = await service.compass()
        assert again == found
        assert [one["at"] for one in again["questions"][0]["answers"]] == ["2026-01-01T00:01:00.000Z", "2026-01-01T00:00:00.000Z"]
        assert [one["action"] and one["action"]["kind"] for one in again["questions"]] == ["wanted", None, "change"]


async def test_what_is_shared_shows_beside_the_name_until_it_is_taken_back(service: Service) -> None:
    ada = Author("ada")
    shared = (await service.compass(answer=2, text="I mend bicycles", share=True))["questions"][1]["answers"][0]["shared"]
    assert await records(service) == 1
    await service._keeper.take([ada.profile().raw, ada.compass(1, "Bread").raw], "peer")
    listed = {person["author"]: person["compass"] for person in (await service.people())["people"]}
    assert [(one["question"], one["text"]) for one in listed[ada.key.hex()]] == [("What brings me here?", "Bread")]
    me = str((await service.status())["author"])
    assert [one["text"] for one in listed[me]] == ["I mend bicycles"]
    await service.retract(shared)
    assert {person["author"]: person["compass"] for person in (await service.people())["people"]}[me] == []
    assert (await service.compass())["questions"][1]["answers"][0]["shared"] is None


async def test_with_a_topic_an_answer_becomes_a_wish_or_an_offer_at_once(service: Service) -> None:
    wish = (await service.compass(answer=1, text="Learn to bake", topics=["Bread"]))["questions"][0]["action"]
    offer = (await service.compass(answer=2, text="I mend bicycles", topics=["bikes"], share=True))["questions"][1]["action"]
    items = {item["id"]: (item["kind"], item["title"], item["topics"]) for item in (await service.feed())["items"]}
    assert items == {
        wish["id"]: ("wanted", "Learn to bake", ["bread"]),
        offer["id"]: ("offer", "I mend bicycles", ["bikes"]),
    }
    assert await records(service) == 3


async def test_after_a_change_one_sees_what_one_has_done_since(service: Service) -> None:
    ada = Author("ada")
    first, second = ada.ask("Why?", topics=("x",)), ada.ask("And why?", topics=("x",))
    await service._keeper.take([first.raw, second.raw], "peer")
    await service.reply(first.id.hex(), "hint", "Heat.")
    assert set((await service.compass())["facts"]) == {"now"}
    await service.compass(answer=3, text="Answer every question")
    await service.reply(second.id.hex(), "hint", "Light.")
    facts = (await service.compass())["facts"]
    assert (facts["before"]["answered"], facts["since"]["answered"], facts["now"]["answered"]["count"]) == (1, 1, 2)


async def test_an_answer_says_something_to_one_of_the_three(service: Service) -> None:
    for wrong in (
        service.compass(text="?"),
        service.compass(share=True),
        service.compass(topics=["x"]),
        service.compass(attachments=[{"cid": "x"}]),
        service.compass(answer=1, text="Bread", attachments=[{"cid": "x"}]),
        service.compass(answer=0, text="?"),
        service.compass(answer=4, text="?"),
        service.compass(answer=1, text=" "),
        service.compass(answer=3, text="?", topics=["x"]),
        service.compass(answer=1, text="?", topics=[" "]),
    ):
        with pytest.raises(UsageError):
            await wrong
    with pytest.raises(TooLarge):
        await service.compass(answer=1, text="x" * (limits.MAX_RECORD + 1))
    assert await records(service) == 0
    assert texts(await service.compass(), 1) == []


async def test_the_oldest_answers_make_room(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ANSWERS", 2)
    for text in ("Bread", "Rye", "Spelt"):
        await service.compass(answer=1, text=text)
    assert texts(await service.compass(), 1) == ["Spelt", "Rye"]
