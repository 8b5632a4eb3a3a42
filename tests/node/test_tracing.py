"""Looking back on one's own laptop: lineage, glow and facts, with what peers bring."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from p2plearn import limits
from p2plearn.errors import NotFound, UsageError
from p2plearn.learning.glow import PRIVATE
from p2plearn.node.service.service import Service
from p2plearn.protocol.kinds import Request
from p2plearn.protocol.records import Record
from p2plearn.protocol.sealing import seal
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import FakeClock


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service.open(tmp_path, FakeClock(1_800_000_000_000)) as opened:
        yield opened


async def hear(service: Service, *records: Record) -> None:
    """A peer brings records."""
    await service._keeper.take([record.raw for record in records], "peer")


async def record(service: Service, answer: dict[str, str]) -> Record:
    """What was just said here, as others see it."""
    (stored,) = await service._keeper.in_thread(service._keeper.store.get, [bytes.fromhex(answer["id"])])
    return stored.record


async def test_lineage_goes_through_versions_of_versions(service: Service) -> None:
    ada, ben, cleo = Author("ada"), Author("ben"), Author("cleo")
    snippet = await record(service, await service.share("Puncture", "Glue it.", ["bicycles"]))
    fork = ada.fork(snippet, "My way.", "translation")
    again = ben.fork(fork, "Ours.", "adaptation")
    request = ben.say(Request("Why?", ""), *fork.refs)
    await hear(service, ada.profile("Ada"), fork, again, request, cleo.adopt(again), ada.adopt(fork, learned_from=cleo.key))
    answer = await service.lineage(snippet.id.hex())
    assert (answer["id"], answer["reached"], answer["r"]) == (snippet.id.hex(), 2, 0.5)
    (first,) = answer["tree"]["children"]
    assert (first["author"], first["stage"]) == (ben.key.hex(), "adaptation")
    assert first["children"][0]["children"][0]["name"] == "Ada"
    assert (await service.lineage(fork.id.hex()[:12]))["tree"]["author"] == ada.key.hex()


async def test_a_lineage_is_a_snippets_and_may_be_asked_for_by_what_was_said_about_it(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    snippet, request, profile = ada.share("Puncture"), ada.ask("Why?"), ada.profile("Ada")
    adopted = ben.adopt(snippet)
    await hear(service, snippet, request, profile, adopted)
    assert (await service.lineage(adopted.id.hex()))["id"] == snippet.id.hex()
    for other in (request, profile):
        with pytest.raises(UsageError):
            await service.lineage(other.id.hex())
    with pytest.raises(NotFound):
        await service.lineage("ab" * 32)


async def test_a_flood_of_versions_is_cut(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_LINEAGE", 3)
    ada, ben = Author("ada"), Author("ben")
    snippet = ada.share("Puncture")
    forks = [Author(f"person {n}").fork(snippet, "noise") for n in range(5)]
    below = [ben.fork(fork, "more") for fork in forks]
    await hear(service, snippet, *forks, *below)
    tree = (await service.lineage(snippet.id.hex()))["tree"]
    expected = sorted(forks, key=lambda fork: fork.id)[:3]
    assert {child["author"] for child in tree["children"]} == {fork.author.hex() for fork in expected}
    assert not any(child["children"] for child in tree["children"])


async def test_what_became_of_my_help(service: Service) -> None:
    ada, ben, eve = Author("ada"), Author("ben"), Author("eve")
    request, other = ada.ask("Why?", topics=("sky",)), ada.ask("Not for me")
    await hear(service, ada.profile("Ada"), request, other)
    hint = await record(service, await service.reply(request.id.hex(), "hint", "Think of short waves."))
    note = ada.pass_on(request, "Skies")
    me = bytes.fromhex((await service.status())["author"])
    whisper = ada.thank(hint, sealed=seal(ada.key, hint.id, "Just for you.", me))
    unread = ada.thank(hint, sealed=b"not for anybody")
    thanks = ada.thank(hint, "Now I see.")
    await hear(service, whisper, unread, thanks, note, ben.adopt(note), eve.adopt(note, "dropped"), ada.solve(request, by=hint))
    (item,) = (await service.glow())["items"]
    assert (item["request"], item["learner"], item["name"], item["state"]) == (request.id.hex(), ada.key.hex(), "Ada", "solved")
    assert sorted(item["thanks"]) == sorted([PRIVATE, "Just for you.", "Now I see."])
    assert set(item["adopted_by"]) == {ben.key.hex(), eve.key.hex()}
    await service.mute(eve.key.hex())
    assert (await service.glow())["items"][0]["adopted_by"] == [ben.key.hex()]
    await service.mute("sky")
    assert (await service.glow())["items"] == []
    await service.unmute("sky")
    await service.mute("Ada")
    assert (await service.glow())["items"] == []
    with pytest.raises(UsageError):
        await service.glow(limit=0)


async def test_who_took_up_what_i_made_or_showed(service: Service) -> None:
    ada, ben = Author("ada"), Author("ben")
    me = bytes.fromhex((await service.status())["author"])
    theirs = ada.share("Chain")
    await hear(service, theirs)
    mine = await record(service, await service.share("Puncture", "Glue it.", ["bicycles"]))
    await service.adopt(theirs.id.hex(), "using")
    thanks = ben.thank(mine, "It holds!")
    await hear(service, ben.adopt(mine, "using", "works"), thanks, ben.adopt(theirs, "tried", learned_from=me))
    items = (await service.glow())["items"]
    assert [(item["request"], item["snippet"], item["learner"]) for item in items] == [
        (None, theirs.id.hex(), ben.key.hex()),
        (None, mine.id.hex(), ben.key.hex()),
    ]
    assert (items[1]["state"], items[1]["outcome"], items[1]["thanks"], items[1]["adopted_by"]) == (
        "using",
        "works",
        ["It holds!"],
        [ben.key.hex()],
    )
    assert len((await service.glow(limit=1))["items"]) == 1


async def test_my_facts(service: Service) -> None:
    ada = Author("ada")
    request = ada.ask("Why?")
    await hear(service, request)
    asked = await service.ask("How?", "How?", ["sky"])
    await service.reply(request.id.hex(), "hint", "So.")
    await service.share("Skies", "Blue.", ["sky"], request=asked["id"])
    thanked = await service.thanks(request.id.hex(), "Good question.")
    found = await service._facts()
    assert found["asked"] == {"count": 1, "ids": [asked["id"]]}
    assert found["answered"]["ids"] == [request.id.hex()]
    assert (found["passed_on"]["count"], found["thanked"]["ids"]) == (1, [thanked["id"]])
    assert found["first_help_s"] is not None


async def test_the_conversations_where_something_came_last_are_looked_at(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_TRACED", 1)
    ada = Author("ada")
    first, second = [await record(service, await service.share(title, "text", ["x"])) for title in ("first", "second")]
    early, late = ada.adopt(first), ada.adopt(second)
    await hear(service, late)
    await hear(service, early)
    assert [item["title"] for item in (await service.glow(limit=1))["items"]] == ["first"]
    assert [item["title"] for item in (await service.glow(limit=2))["items"]] == ["second", "first"]
