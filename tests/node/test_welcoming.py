"""The first screen: of use to one person alone, and to one among others."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from p2plearn import limits
from p2plearn.node.net.memory_host import MemoryHub
from p2plearn.node.service.service import Service
from p2plearn.node.store.store import Stored
from p2plearn.testing.authors import Author
from p2plearn.testing.cafe import in_step, meet, open_laptop


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service.open(tmp_path) as opened:
        yield opened


async def test_alone_it_asks_the_three_questions_and_says_where_to_begin(service: Service) -> None:
    found = await service.home()
    assert [len(found[name]) for name in ("inbox", "matches", "requests", "notes", "questions")] == [0, 0, 0, 0, 3]
    assert (found["name"], found["peers"], found["running"], found["unread"]) == ("", 0, False, 0)
    offered = " ".join(found["next"])
    for command in ("profile --name", "up", "import FILE", "share", "ask"):
        assert f"p2plearn {command}" in offered


async def test_it_keeps_my_notes_and_drops_what_is_done(service: Service) -> None:
    await service.profile(name="Ada")
    note = (await service.share(title="Yeast", text="Lukewarm.", topics=["bread"]))["id"]
    gone = (await service.share(title="Wrong", text="Hot.", topics=["bread"]))["id"]
    await service.retract(gone)
    await service.compass(answer=1, text="Bread.")
    found = await service.home()
    assert [item["id"] for item in found["notes"]] == [note]
    assert found["name"] == "Ada"
    assert len(found["questions"]) == 2
    assert not [step for step in found["next"] if "profile" in step or "share" in step]


async def test_others_questions_and_what_concerns_me_come_first(service: Service) -> None:
    ada = Author("ada")
    theirs = ada.ask("Why is it flat?", topics=("bread",))
    mine = (await service.ask(title="Which flour?", text="?", topics=["bread"]))["id"]
    request = (await service._lookup.record(mine)).record
    answer = ada.reply(request, "answer", "Strong flour.")
    await service._keeper.take([theirs.raw, answer.raw], "peer")
    found = await service.home()
    assert [item["id"] for item in found["requests"]] == [theirs.id.hex()]
    assert [item["id"] for item in found["inbox"]] == [answer.id.hex()]
    assert (found["unread"], found["more"]) == (1, False)


async def test_what_fits_comes_to_me_the_newest_first_of_each_person_one(service: Service) -> None:
    ada, ben, eve = Author("ada"), Author("ben"), Author("eve")
    wish, knots = (await service.wanted(["bread"], "How to make rye"))["id"], (await service.learn("knots"))["id"]
    await service.teach("tea")
    mine = bytes.fromhex((await service.status())["author"])
    teach, older, newer = ben.teach("knots"), ada.offer("Wheat", ("bread",)), ada.offer("Rye in a tin", ("bread",))
    to_me, to_ada = eve.ask("Which tea?", topics=("tea",), to=mine), Author("fay").ask("Tea?", topics=("tea",), to=ada.key)
    await service._keeper.take([record.raw for record in (teach, older, newer, to_me, to_ada)], "peer")
    found = await service.home()
    assert [(match["mine"], match["theirs"]) for match in found["matches"]] == [(wish, newer.id.hex()), (knots, teach.id.hex())]
    assert [item["id"] for item in found["inbox"]] == [to_me.id.hex()]  # which is said there, and not twice
    await service._keeper.take([ada.retract(newer).raw], "peer")
    assert (wish, older.id.hex()) in [(match["mine"], match["theirs"]) for match in (await service.home())["matches"]]
    await service.mute(ada.key.hex())
    assert [match["theirs"] for match in (await service.home())["matches"]] == [teach.id.hex()]


async def test_a_flood_costs_the_first_screen_no_more_than_a_look(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, eve = Author("ada"), Author("eve")
    await service.learn("bread")
    honest, flood = ada.offer("Rye", ("bread",)), [eve.offer(f"Buy {number}", ("bread",)) for number in range(100)]
    await service._keeper.take([record.raw for record in (honest, *flood)], "peer")
    read = service._keeper.store.of_kinds
    looked: list[int] = []

    def counted(kinds: Sequence[str], *arguments: Any, **options: Any) -> list[Stored]:
        found = read(kinds, *arguments, **options)
        looked.append(len(found) if "offer" in kinds else 0)
        return found

    monkeypatch.setattr(service._keeper.store, "of_kinds", counted)
    (match,) = (await service.home())["matches"]
    assert match["theirs"] == flood[-1].id.hex()
    assert sum(looked) == limits.NEWEST_AT_HOME + limits.NEWEST_OF_TOPIC
    assert honest.id.hex() in [match["theirs"] for match in (await service.matches())["matches"]]


async def test_what_the_inbox_offers_is_not_said_twice(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    await service.teach("bread")
    mine = (await service.ask(title="Why does dough rise?", text="It just does.", topics=["bread"]))["id"]
    check = ben.check((await service._lookup.record(mine)).record, "And without yeast?")
    await service._keeper.take([check.raw], "peer")
    proof = (await service.proof(check.id.hex(), "It stays flat."))["id"]
    like = ada.ask("My dough does not rise", topics=("bread",))
    await service._keeper.take([ben.judge((await service._lookup.record(proof)).record, "shown").raw, like.raw], "peer")
    found = await service.home()
    assert like.id.hex() in [item["id"] for item in found["inbox"] if item["kind"] == "match"]
    assert found["matches"] == []


async def test_among_others_it_says_how_many(tmp_path: Path) -> None:
    hub = MemoryHub()
    async with open_laptop(hub, tmp_path / "ada") as ada, open_laptop(hub, tmp_path / "ben") as ben:
        alone = await ada.home()
        assert (alone["running"], alone["peers"]) == (True, 0)
        assert any("p2plearn connect" in step for step in alone["next"])
        await meet(ada, ben)
        await in_step(ada, ben)
        found = await ada.home()
        assert found["peers"] == 1
        assert not [step for step in found["next"] if "connect" in step or "import" in step]
