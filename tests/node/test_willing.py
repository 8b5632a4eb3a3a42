"""Who teaches and learns what, whom to ask, and who could meet over what: alone, and among laptops in a café."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from p2plearn import limits
from p2plearn.errors import Refused, TooLarge, UsageError
from p2plearn.node.net.memory_host import MemoryHub
from p2plearn.node.service.service import Service
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.cafe import in_step, meet, open_laptop
from p2plearn.testing.clock import FakeClock


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service.open(tmp_path, FakeClock()) as opened:
        yield opened


async def hear(service: Service, *records: Record) -> None:
    """A peer brings records."""
    await service._keeper.take([record.raw for record in records], "peer")


async def me(service: Service) -> str:
    return str((await service.status())["author"])


async def whom(service: Service, topic: str) -> list[str]:
    return [person["author"] for person in (await service.people(topic=topic))["people"]]


def pairs(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(match["mine"], match["theirs"]) for match in answer["matches"]]


# --- teach, learn, people ---


async def test_what_i_teach_and_learn_stands_until_i_take_it_back(service: Service) -> None:
    first = (await service.teach("Bread "))["id"]
    await service.teach("bread", capacity=2)
    await service.learn("rye")
    last = (await service.learn("cheese"))["id"]
    (person,) = (await service.people())["people"]
    assert (person["teaches"], person["learns"]) == (["bread"], ["cheese", "rye"])
    (asked,) = (await service.people(topic="bread"))["people"]
    assert (asked["teaching"], asked["near"], asked["why"]) == ({"capacity": 2, "busy": 0}, None, "this is you")
    await service.retract(last)
    assert (await service.people())["people"][0]["learns"] == ["rye"]
    await service.forget(first)
    assert (await service.people())["people"][0]["teaches"] == ["bread"]


async def test_a_capacity_is_a_number_of_people(service: Service) -> None:
    for wrong in (0, -1, limits.MAX_CAPACITY + 1):
        with pytest.raises(UsageError, match="number of people"):
            await service.teach("bread", capacity=wrong)
    for call in (
        service.teach(" "),
        service.learn("x" * 65),
        service.offer([], "Rye"),
        service.offer(["bread"], " "),
        service.wanted(["x"], ""),
    ):
        with pytest.raises(UsageError):
            await call
    with pytest.raises(TooLarge):
        await service.offer(["bread"], "x" * limits.MAX_RECORD)


async def test_offers_and_wishes_are_read_replied_to_and_taken_back_like_all_else(service: Service) -> None:
    ben = Author("ben")
    offer = (await service.offer(["bread"], "Rye in a tin\nwith a starter"))["id"]
    wanted = (await service.wanted(["cheese"], "A goat"))["id"]
    assert [(item["id"], item["title"], item["state"]) for item in (await service.feed())["items"]] == [
        (wanted, "A goat", "open"),
        (offer, "Rye in a tin", "open"),
    ]
    await service.revise(offer, "Spelt in a tin")
    await service.retract(wanted)
    assert [item["title"] for item in (await service.feed())["items"]] == ["Spelt in a tin"]
    theirs = ben.offer("Wheat", ("bread",))
    await hear(service, theirs)
    await service.reply(theirs.id.hex(), "comment", "Gladly.")
    with pytest.raises(Refused):
        await service.retract(theirs.id.hex())


async def test_of_a_topic_those_are_listed_who_have_to_do_with_it(service: Service) -> None:
    ada, ben, cat, dan, eve = (Author(name) for name in ("ada", "ben", "cat", "dan", "eve"))
    await hear(
        service, ada.learn("bread"), ben.share("Rye", topics=("bread",)), cat.teach("bread"), dan.offer("Rye", ("bread",)), eve.teach("tea")
    )
    assert await whom(service, "Bread") == [author.key.hex() for author in (cat, dan, ben, ada)]
    assert await whom(service, "nothing") == []
    listed = {person["author"]: person for person in (await service.people())["people"]}
    assert len(listed) == 5
    assert "near" not in listed[eve.key.hex()]


async def test_who_helped_me_comes_first_and_whom_to_ask_comes_with_a_question(service: Service) -> None:
    ada, ben, new = Author("ada"), Author("ben"), Author("new")
    others = [Author(f"other {n}") for n in range(4)]
    snippets = {one: one.share("Rye", topics=("bread",)) for one in (ada, ben)}
    await hear(service, ada.profile("Ada"), *snippets.values(), *(one.teach("bread") for one in others), new.offer("Rye", ("bread",)))
    before = await service.ask(title="Why is it flat?", text="My loaf is.", topics=["bread"])
    assert [one["author"] for one in before["ask_first"]] == (await whom(service, "bread"))[:4]
    for helped, other in ((ada, ben), (ben, ada)):
        adoption = (await service.adopt(snippets[helped].id.hex(), "using"))["id"]
        order = await whom(service, "bread")
        assert order.index(helped.key.hex()) < order.index(new.key.hex()) < order.index(other.key.hex())
        first, *rest = (await service.ask(title="And now?", text="My loaf is.", topics=["rye", "bread"]))["ask_first"]
        assert (first["author"], first["topic"], first["new"]) == (helped.key.hex(), "bread", False)
        assert first["why"] == "not here now, known to help, wrote about it"
        assert [one["new"] for one in rest] == [False, False, True]
        assert other.key.hex() not in {one["author"] for one in rest}
        await service.retract(adoption)


async def test_whom_i_ask_and_whom_i_mute_is_not_named_again(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    await hear(service, ada.teach("bread"), ben.teach("bread"))
    asked = await service.ask(title="Why?", text="Why?", topics=["bread"], to=ada.key.hex())
    assert [one["author"] for one in asked["ask_first"]] == [ben.key.hex()]
    await service.mute(ben.key.hex())
    assert (await service.ask(title="Why?", text="Why?", topics=["bread"], to=ada.key.hex()))["ask_first"] == []


async def test_who_only_asked_or_took_back_all_they_wrote_is_nobody_to_ask(service: Service) -> None:
    ada, ben, cat, dan, eve = (Author(name) for name in ("ada", "ben", "cat", "dan", "eve"))
    request, gone, snippet = ada.ask("Which pipe?", topics=("pipe",)), ben.share("P", topics=("pipe",)), cat.share("P", topics=("pipe",))
    hint, answer = dan.reply(request, "hint", "Copper.", topics=("pipe",)), eve.reply(request, "answer", "Lead.", topics=("pipe",))
    comment = Author("fay").reply(snippet, "comment", "Thanks.", topics=("pipe",))
    await hear(service, request, gone, ben.retract(gone), snippet, hint, answer, eve.retract(answer), comment)
    found = (await service.people(topic="pipe"))["people"]
    assert [(person["author"], person["why"]) for person in found] == [
        (dan.key.hex(), "not here now, helped 1 person"),
        (cat.key.hex(), "not here now, wrote about it"),
        (ada.key.hex(), "not here now, asked about it"),
    ]
    await hear(service, ada.retract(request), cat.revise(snippet, "B", topics=("pipe",)), dan.retract(snippet))
    assert await whom(service, "pipe") == [cat.key.hex()]


async def test_who_declines_after_all_has_the_place_again(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    request = ada.ask("Why?", topics=("bread",))
    check, answer = ben.check(request), ben.reply(request, "answer", "Heat.")
    await hear(service, ben.teach("bread", 1), request, check, answer)
    assert (await service.people(topic="bread"))["people"][0]["teaching"] == {"capacity": 1, "busy": 1}
    await hear(service, ben.decline(request))
    assert (await service.people(topic="bread"))["people"][0]["teaching"] == {"capacity": 1, "busy": 0}


async def test_whom_i_mute_is_not_among_the_people(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    request = ben.ask("Why?", topics=("bread",))
    await hear(service, ada.profile("Ada"), ada.teach("bread"), ada.compass(1, "Bread."), request, ada.reply(request, "hint", "Heat."))
    everybody = {ada.key.hex(), ben.key.hex()}
    assert set(await whom(service, "bread")) == {person["author"] for person in (await service.people())["people"]} == everybody
    await service.mute("Ada")
    assert await whom(service, "bread") == [person["author"] for person in (await service.people())["people"]] == [ben.key.hex()]
    await service.unmute("Ada")
    assert set(await whom(service, "bread")) == everybody


async def test_who_helps_as_many_as_they_can_comes_behind_who_has_room(service: Service) -> None:
    ada, ben, cat, eve = (Author(name) for name in ("ada", "ben", "cat", "eve"))
    request = eve.ask("Why?", topics=("bread",))
    await hear(
        service, ben.teach("bread", 1), cat.teach("bread", 1), ada.offer("Rye", ("bread",)), request, ben.reply(request, "hint", "Heat.")
    )
    assert (await whom(service, "bread"))[:3] == [author.key.hex() for author in (cat, ada, ben)]
    busy = (await service.people(topic="bread"))["people"][2]
    assert busy["teaching"] == {"capacity": 1, "busy": 1}
    assert busy["why"] == "not here now, teaches it (0 of 1 places free), helped 1 person"
    await hear(service, eve.withdraw(request))
    assert (await service.people(topic="bread"))["people"][0]["author"] == ben.key.hex()


async def test_an_offer_taken_back_is_no_offer(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    offer = ada.offer("Rye", ("bread",))
    await hear(service, offer, ben.offer("Rye", ("bread",)))
    await hear(service, ada.retract(offer))
    assert (await whom(service, "bread"))[0] == ben.key.hex()


# --- matches ---


async def test_what_goes_together_is_matched_both_ways(service: Service) -> None:
    ada = Author("ada")
    teach, wish = (await service.teach("bread"))["id"], (await service.wanted(["cheese"], "How to make feta"))["id"]
    request, offer, learn = ada.ask("Why flat?", topics=("bread",)), ada.offer("Feta", ("cheese", "goats")), ada.learn("bread")
    await hear(service, ada.profile("Ada"), request, offer, learn, ada.offer("Tea", ("tea",)))
    found = await service.matches()
    assert set(pairs(found)) == {(teach, request.id.hex()), (teach, learn.id.hex()), (wish, offer.id.hex())}
    first = found["matches"][0]
    assert (first["topic"], first["name"], first["kind"], first["title"]) == ("cheese", "Ada", "offer", "Feta")
    assert first["why"] == "You look for “How to make feta”. Ada offers “Feta”."
    assert len((await service.matches(limit=1))["matches"]) == 1
    await hear(service, ada.revise(offer, "Ricotta"))
    assert (await service.matches(limit=1))["matches"][0]["title"] == "Ricotta"


async def test_my_open_question_is_matched_with_who_could_answer_it(service: Service) -> None:
    ben = Author("ben")
    request = (await service.ask(title="How is a bowline tied?", text="It slips.", topics=["knots"]))["id"]
    offer, teach = ben.offer("Knots for sailors", ("knots",)), ben.teach("knots")
    await hear(service, ben.profile("Ben"), offer, teach)
    found = await service.matches()
    assert set(pairs(found)) == {(request, offer.id.hex()), (request, teach.id.hex())}
    assert {match["why"] for match in found["matches"]} == {
        "You ask “How is a bowline tied?”. Ben offers “Knots for sailors”.",
        "You ask “How is a bowline tied?”. Ben teaches knots.",
    }
    await service.solve(request)
    assert pairs(await service.matches()) == []


async def test_many_questions_do_not_push_out_what_i_teach(service: Service) -> None:
    ada = Author("ada")
    await service.teach("bread")
    wish = (await service.wanted(["rye"], "A loaf"))["id"]
    assert isinstance(service._keeper.clock, FakeClock)
    service._keeper.clock.advance(1)
    for number in range(limits.NEWEST_TOPICS + 2):
        await service.ask(title=f"Why {number}?", text="?", topics=[f"topic {number}"])
    learn, offer = ada.learn("bread"), ada.offer("Rye", ("rye",))
    await hear(service, learn, offer)
    found = await service.matches()
    assert {match["theirs"] for match in found["matches"]} == {learn.id.hex(), offer.id.hex()}
    assert (wish, offer.id.hex()) in pairs(found)


async def test_a_match_says_what_is_owed_and_to_whom_it_is_put(service: Service) -> None:
    ada = Author("ada")
    await service.teach("bread")
    mine = bytes.fromhex(await me(service))
    owing, to_me = ada.ask("Why?", topics=("bread",), show_work_first=True), ada.ask("And?", topics=("bread",), to=mine)
    await hear(service, owing, to_me)
    said = {match["theirs"]: match for match in (await service.matches())["matches"]}
    assert (said[owing.id.hex()]["to"], said[owing.id.hex()]["attempt_owed"]) == (None, True)
    assert said[to_me.id.hex()]["to"] == mine.hex()
    assert "attempt_owed" not in said[to_me.id.hex()]
    await hear(service, ada.attempt(owing))
    assert not [match for match in (await service.matches())["matches"] if "attempt_owed" in match]


async def test_what_has_ended_on_either_side_is_matched_no_more(service: Service) -> None:
    ada = Author("ada")
    requests = [ada.ask(f"Why {n}?", topics=("bread",)) for n in range(3)]
    wish, learn = ada.want("Rye", ("bread",)), ada.learn("bread")
    await hear(service, *requests, wish, learn)
    offer = (await service.offer(["bread"], "Rye"))["id"]
    assert len(pairs(await service.matches())) == 5
    await service.decline(requests[0].id.hex(), "Not my oven.")
    await service.reply(requests[1].id.hex(), "hint", "Heat.")
    await hear(service, ada.solve(requests[2]), ada.retract(learn))
    assert pairs(await service.matches()) == [(offer, wish.id.hex())]
    await service.mute(ada.key.hex())
    assert pairs(await service.matches()) == []
    await service.unmute(ada.key.hex())
    await service.retract(offer)
    assert pairs(await service.matches()) == []


async def test_what_a_muted_author_declares_is_not_matched(service: Service) -> None:
    ada = Author("ada")
    await hear(service, ada.learn("bread"))
    await service.teach("bread")
    assert len(pairs(await service.matches())) == 1
    await service.mute(ada.key.hex())
    assert pairs(await service.matches()) == []


async def test_whoever_has_shown_is_offered_the_like(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    mine = (await service.ask(title="Why does dough rise?", text="It just does.", topics=["bread"]))["id"]
    asked = (await service._lookup.record(mine)).record
    check = ben.check(asked, "And without yeast?")
    await hear(service, check)
    proof = (await service.proof(check.id.hex(), "It stays flat."))["id"]
    theirs = ada.ask("My dough does not rise", topics=("bread",))
    await hear(service, ada.profile("Ada"), theirs)
    assert (await service.matches())["matches"] == await service._back_offers() == []
    await hear(service, ben.judge((await service._lookup.record(proof)).record, "shown"))
    (offer,) = await service._back_offers()
    assert (offer.request.root, offer.shown_in.hex(), offer.shown_at) == (theirs, mine, service._keeper.clock.now_ms())
    assert offer.text == "You showed on 2026-01-01 that you understood “Why does dough rise?”. Ada asks about the same."
    assert [(match["why"], match["mine"]) for match in (await service.matches())["matches"]] == [(offer.text, mine)]
    await service.solve(mine)
    assert len(await service._back_offers()) == 1
    await service.decline(theirs.id.hex(), "No time today.")
    assert await service._back_offers() == []


# --- in a café ---


async def test_in_a_cafe_the_nearest_are_asked_first_and_then_the_most_willing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = MemoryHub(seed=5)
    async with AsyncExitStack() as stack:
        ada, ben, eve = [await stack.enter_async_context(open_laptop(hub, tmp_path / name)) for name in ("ada", "ben", "eve")]
        await meet(ada, ben)
        await meet(ada, eve)
        away = Author("away")
        await hear(ada, away.teach("bread"))
        await ben.teach("bread", capacity=1)
        await eve.learn("bread")
        wish = (await eve.wanted(["bread"], "Rye"))["id"]
        await in_step(ada, ben, eve)
        ben_, eve_ = bytes.fromhex(await me(ben)), bytes.fromhex(await me(eve))
        assert set(ada._near()) == {ben_, eve_}
        assert (await ada.people(topic="bread"))["people"][1]["near"] is None

        async def order(near: Mapping[bytes, float | None]) -> list[bytes]:
            monkeypatch.setattr(ada, "_near", lambda: near)
            return [bytes.fromhex(author) for author in await whom(ada, "bread")]

        assert await order({ben_: 9.0, eve_: 0.5}) == [ben_, away.key, eve_]
        assert await order({away.key: 9.0, ben_: 50.0, eve_: 0.5}) == [away.key, ben_, eve_]
        assert await order({ben_: None, eve_: 99.0}) == [ben_, away.key, eve_]  # who only learns it is asked last, however near
        assert await order({}) == [*sorted([ben_, away.key]), eve_]
        assert wish in {theirs for _, theirs in pairs(await ben.matches())}
        assert (await me(ben)) in {match["author"] for match in (await eve.matches())["matches"]}
