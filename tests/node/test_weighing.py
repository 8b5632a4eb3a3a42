"""What I received and passed on, what was recognised, and who needs what I learned."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from p2plearn import limits
from p2plearn.node.service.service import Service
from p2plearn.node.store import receipts as store_receipts
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import FakeClock


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service.open(tmp_path, FakeClock()) as opened:
        yield opened


async def hear(service: Service, *records: Record) -> None:
    """A peer brings records."""
    await service._keeper.take([record.raw for record in records], "peer")


async def said(service: Service, record_id: str) -> Record:
    """What I have said."""
    return (await service._lookup.record(record_id)).record


def counts(answer: dict[str, Any], what: str) -> dict[str, int]:
    return {name: one["count"] for name, one in answer[what].items() if isinstance(one, dict)}


async def test_at_the_beginning_there_is_nothing_to_weigh(service: Service) -> None:
    found = await service.balance()
    assert (found["view"], found["received"]["count"], found["passed_on"]["count"]) == ("balance", 0, 0)
    assert counts(found, "recognition") == {"adopted_by_others": 0, "learned_from_me": 0, "thanks": 0, "shown_with_my_help": 0}
    assert (found["bytes"], found["needed_by"]) == ({"received": 0, "from": []}, [])


async def test_what_came_and_what_went_on_is_counted_with_where_to_look(service: Service) -> None:
    ada, ben, cat = Author("ada"), Author("ben"), Author("cat")
    mine = (await service.ask(title="Why does dough rise?", text="It just does.", topics=["bread"]))["id"]
    answer = ada.reply(await said(service, mine), "answer", "Yeast.")
    note, theirs = ben.share("Feta", topics=("cheese",)), ben.ask("And salt?", topics=("bread",))
    await hear(service, answer, note, theirs)
    await service.solve(mine, by=answer.id.hex())
    adoption = (await service.adopt(note.id.hex(), "using"))["id"]
    check = (await service.check(theirs.id.hex(), "And without?"))["id"]
    passed_on = (await service.share(title="Dough", text="Yeast makes it rise.", topics=["bread"], request=mine))["id"]
    proof = ben.prove(await said(service, check), "It stays flat.")
    shared = await said(service, passed_on)
    me = bytes.fromhex((await service.me())["author"])
    await hear(service, proof)
    await service.verdict(proof.id.hex(), "shown")
    learner = ben.adopt(shared, "tried", learned_from=me)
    await hear(service, ada.adopt(shared), learner, cat.adopt(shared, "dropped"), ben.thank(shared, "Good!"))
    found = await service.balance()
    assert found["received"] == {
        "count": 2,
        "requests": {"count": 1, "ids": [mine]},
        "adopted": {"count": 1, "ids": [note.id.hex()]},
    }
    assert found["passed_on"] == {
        "count": 2,
        "answered": {"count": 1, "ids": [theirs.id.hex()]},
        "snippets": {"count": 1, "ids": [passed_on]},
    }
    assert counts(found, "recognition") == {"adopted_by_others": 2, "learned_from_me": 1, "thanks": 1, "shown_with_my_help": 1}
    assert found["recognition"]["learned_from_me"]["ids"] == [ben.key.hex()]
    await service.adopt(note.id.hex(), "dropped")
    await service.retract(passed_on)
    left = await service.balance()
    assert (left["received"]["count"], left["passed_on"]["count"]) == (1, 1)
    assert adoption not in str(left)


async def test_who_needs_what_i_learned_is_named_once_and_not_after_i_answered(service: Service) -> None:
    ada, ben, cat, dan = (Author(name) for name in ("ada", "ben", "cat", "dan"))
    note = dan.share("Feta from goat milk", topics=("cheese",))
    asking = [ada.ask("My feta crumbles", topics=("cheese",)), ada.ask("Which milk for feta?", topics=("cheese",))]
    wish = ben.want("How to make feta", ("cheese",))
    elsewhere, to_other = cat.ask("Feta?", topics=("tea",)), cat.ask("Feta?", topics=("cheese",), to=dan.key)
    await hear(service, note, *asking, wish, elsewhere, to_other, ada.profile("Ada"))
    assert (await service.balance())["needed_by"] == []  # I have not learned it yet
    await service.adopt(note.id.hex(), "using")
    needed = (await service.balance())["needed_by"]
    assert {one["author"] for one in needed} == {ada.key.hex(), ben.key.hex()}
    assert len(needed) == 2
    (hers,) = (one for one in needed if one["author"] == ada.key.hex())
    assert (hers["mine"], hers["topic"]) == (note.id.hex(), "cheese")
    assert hers["why"] == f"Others helped you with “Feta from goat milk”. Ada asks “{hers['title']}”."
    for request in asking:
        await service.reply(request.id.hex(), "hint", "Colder.")
    assert [one["theirs"] for one in (await service.balance())["needed_by"]] == [wish.id.hex()]
    await service.mute(ben.key.hex())
    assert (await service.balance())["needed_by"] == []


async def test_no_more_than_a_few_are_named(service: Service) -> None:
    note = Author("dan").share("Feta", topics=("cheese",))
    await hear(service, note, *(Author(f"asker {n}").ask("Feta?", topics=("cheese",)) for n in range(limits.MAX_NEEDED_BY + 3)))
    await service.adopt(note.id.hex(), "using")
    assert len((await service.balance())["needed_by"]) == limits.MAX_NEEDED_BY


async def test_bytes_are_those_this_machine_has_counted(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    await hear(service, ada.profile("Ada"))
    await service._keeper.write(store_receipts.note_brought, {ada.key: 10, ben.key: 300})
    assert (await service.balance())["bytes"] == {
        "received": 310,
        "from": [{"author": ben.key.hex(), "name": "", "bytes": 300}, {"author": ada.key.hex(), "name": "Ada", "bytes": 10}],
    }


@pytest.mark.parametrize("view", ["balance", "recognition", "off"])
async def test_each_chooses_what_to_see_of_it_and_loses_none_of_it(service: Service, view: str) -> None:
    before = await service.balance()
    await service.config_set("view", view)
    assert await service.balance() == before | {"view": view}
