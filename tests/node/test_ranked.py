"""Who helps, as a home sees it: ranks and why, from records that peers bring, with and without a running node."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from p2plearn import limits
from p2plearn.errors import StoreBroken, UsageError
from p2plearn.node.service.service import Service
from p2plearn.node.store import receipts as store_receipts
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.cafe import until
from p2plearn.testing.clock import FakeClock

NOW = 1_800_000_000_000


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
async def service(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Service]:
    async with Service.open(tmp_path, clock) as opened:
        yield opened


async def hear(service: Service, *records: Record) -> None:
    """A peer brings records."""
    await service._keeper.take([record.raw for record in records], "peer")


async def asked_and_answered(service: Service, helper: Author, topic: str = "bread") -> str:
    """I ask, somebody answers, and it is solved by that; the id of the solve."""
    request = await service.ask("Why does it not rise?", "It is flat.", [topic])
    (stored,) = await service._keeper.in_thread(service._keeper.store.get, [bytes.fromhex(request["id"])])
    answer = helper.reply(stored.record, "answer", "Let it rest.")
    await hear(service, answer)
    return str((await service.solve(request["id"], by=answer.id.hex()))["id"])


async def names(service: Service, topic: str | None = None) -> list[str]:
    return [one["name"] for one in (await service.rank(topic))["ranking"]]


async def test_without_evidence_it_says_so_and_shows_who_was_here_last(service: Service, clock: FakeClock) -> None:
    ada, ben = Author("ada", FakeClock(NOW)), Author("ben", FakeClock(NOW))
    assert (await service.rank())["ranking"] == []
    await hear(service, ada.profile("Ada"))
    clock.advance(1)
    await hear(service, ben.profile("Ben"))
    answer = await service.rank()
    assert [(one["name"], one["score"], one["rank"]) for one in answer["ranking"]] == [("Ben", 0.0, 1), ("Ada", 0.0, 2)]
    assert not answer["evidence"]
    assert await names(service, "bread") == []
    await hear(service, ada.share("Sourdough", "Feed it daily.", topics=("bread",)), ben.teach("bread"))
    assert sorted(await names(service, "bread")) == ["Ada", "Ben"]


async def test_whoever_helped_me_is_ranked_and_the_record_says_why(service: Service) -> None:
    ada = Author("ada", FakeClock(NOW))
    await hear(service, ada.profile("Ada"))
    solve = await asked_and_answered(service, ada)
    answer = await service.rank()
    assert answer["evidence"]
    assert answer["ranking"] == [{"author": ada.key.hex(), "name": "Ada", "score": 1.0, "rank": 1}]
    why = await service.why("Ada")
    (part,) = why["parts"]
    assert (why["score"], why["rank"], why["discounts"], why["records"]) == (1.0, 1, [], [solve])
    assert part["from"] == service._keeper.author.hex()
    assert [record["kind"] for record in part["records"]] == ["solve"]


async def test_whom_i_know_through_one_person_counts_less_and_it_is_said_through_whom(service: Service) -> None:
    ada, ben = Author("ada", FakeClock(NOW)), Author("ben", FakeClock(NOW))
    howto = ben.share("Sourdough", "Feed it daily.", topics=("bread",))
    await hear(service, ada.profile("Ada"), ben.profile("Ben"), howto, ada.adopt(howto, "using"))
    await asked_and_answered(service, ada)
    assert await names(service) == ["Ada", "Ben"]
    why = await service.why(ben.key.hex())
    assert sum(part["score"] for part in why["parts"]) == pytest.approx(why["score"], abs=1e-9)
    assert why["discounts"] == [{"name": "one-source", "factor": 0.25, "through": ada.key.hex(), "through_name": "Ada"}]
    assert [part["name"] for part in why["parts"]] == ["Ada"]


async def test_what_stands_behind_a_word_is_named_unless_it_is_hidden(service: Service) -> None:
    ada, ben = Author("ada", FakeClock(NOW)), Author("ben", FakeClock(NOW))
    howto, other = ben.share("Sourdough", "Feed it.", topics=("bread",)), ben.share("Knives", "Wet the stone.", topics=("knives",))
    await hear(service, ada.profile("Ada"), ben.profile("Ben"), howto, other, ada.adopt(howto, "using"), ada.adopt(other, "tried"))
    await asked_and_answered(service, ada)

    async def titles() -> set[str]:
        return {record["title"] for part in (await service.why("Ben"))["parts"] for record in part["records"]}

    assert await titles() == {"Sourdough", "Knives"}
    await service.mute("#knives")
    assert await titles() == {"Sourdough", ""}


async def test_what_of_mine_is_no_record_is_said_too(service: Service) -> None:
    ada = Author("ada", FakeClock(NOW))
    await hear(service, ada.profile("Ada"))

    async def also() -> list[str]:
        return [reason for part in (await service.why("Ada"))["parts"] for reason in part["also"]]

    await service._keeper.write(store_receipts.note_brought, {ada.key: 1 << 20})
    assert await also() == []  # of bytes alone nobody is ranked
    await service.follow("Ada")
    assert await also() == ["follow", "bytes"]


async def test_equals_have_the_same_places_in_rank_and_in_why(service: Service) -> None:
    people = [Author(name, FakeClock(NOW)) for name in ("ada", "ben", "cleo")]
    for one in people:
        await asked_and_answered(service, one)
    ranking = (await service.rank())["ranking"]
    assert ranking[0]["score"] == ranking[2]["score"]
    assert [one["rank"] for one in ranking] == [1, 2, 3]
    assert [(await service.why(one["author"]))["rank"] for one in ranking] == [1, 2, 3]


async def test_a_topic_has_a_ranking_of_its_own(service: Service) -> None:
    ada, ben = Author("ada", FakeClock(NOW)), Author("ben", FakeClock(NOW))
    await hear(service, ada.profile("Ada"), ben.profile("Ben"))
    await asked_and_answered(service, ada, "bread")
    await asked_and_answered(service, ben, "chess")
    assert sorted(await names(service)) == ["Ada", "Ben"]
    assert await names(service, "#Chess") == ["Ben"]
    await service.mute("Ben")
    assert await names(service, "chess") == []
    await service.unmute("Ben")
    assert (await service.why("Ada", "chess"))["parts"] == []
    assert (await service.why("Ben", "chess"))["score"] == (await service.rank("chess"))["ranking"][0]["score"]


async def test_what_is_taken_back_and_whom_i_follow_no_longer_count_no_more(service: Service) -> None:
    ada, ben = Author("ada", FakeClock(NOW)), Author("ben", FakeClock(NOW))
    await hear(service, ada.profile("Ada"), ben.profile("Ben"))
    solve = await asked_and_answered(service, ada)
    await service.follow("Ben")
    assert await names(service) == ["Ada", "Ben"]
    assert (await service.why("Ben"))["records"] == []
    await service.unfollow("Ben")
    assert await names(service) == ["Ada"]
    await service.retract(solve)
    assert not (await service.rank())["evidence"]
    assert (await service.why("Ada"))["score"] == 0


async def test_i_am_not_in_my_own_ranking(service: Service) -> None:
    ada = Author("ada", FakeClock(NOW))
    await asked_and_answered(service, ada)
    mine = await service.share("Bread", "Flour and time.", ["bread"])
    (stored,) = await service._keeper.in_thread(service._keeper.store.get, [bytes.fromhex(mine["id"])])
    await hear(service, ada.adopt(stored.record, "using"))
    assert [one["author"] for one in (await service.rank())["ranking"]] == [ada.key.hex()]
    with pytest.raises(UsageError):
        await service.why(service._keeper.author.hex())


async def test_nobody_waits_for_ever_for_what_is_not_indexed_yet(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = Author("ada", FakeClock(NOW))
    await asked_and_answered(service, ada)
    monkeypatch.setattr(limits, "INDEX_WAIT", 0)
    assert not (await service.rank())["evidence"]
    assert (await service.why(ada.key.hex()))["parts"] == []
    assert (await service.ask("And why so sour?", "It is.", ["bread"]))["id"]
    await service.stand()  # but whoever has to make room waits
    assert service._keeper.standing.is_ranked(ada.key)
    assert (await service.rank())["evidence"]


async def test_a_running_node_follows_what_comes_by_itself(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RANK_PAUSE", 0.01)
    ada, ben = Author("ada", FakeClock(NOW)), Author("ben", FakeClock(NOW))
    keeper = service._keeper

    async def stands(author: Author, above: float) -> bool:
        return keeper.standing.scores.get(author.key, 0.0) > above

    async with trio.open_nursery() as nursery:
        nursery.start_soon(service.keep_ranks)
        await asked_and_answered(service, ada)
        await keeper.index_receipts()
        await until(lambda: stands(ada, 0.9))
        howto = ben.share("Sourdough", "Feed it daily.", topics=("bread",))
        await hear(service, howto, ada.adopt(howto, "using"))
        await keeper.index_receipts()
        await until(lambda: stands(ben, 0.0))  # pushed: what others say need not wait for a full ranking
        assert not await stands(ben, 0.2)
        await service.follow(ben.key.hex())
        await until(lambda: stands(ben, 0.2))
        nursery.cancel_scope.cancel()


async def test_books_that_could_not_be_brought_up_are_begun_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = Author("ada", FakeClock(NOW))
    await asked_and_answered(service, ada)

    def broken(_db: object) -> None:
        raise StoreBroken(path="p2plearn.db", reason="the disk is damaged")

    with monkeypatch.context() as damaged:
        damaged.setattr(store_receipts, "brought", broken)
        with pytest.raises(StoreBroken):
            await service.rank()
    assert [one["author"] for one in (await service.rank())["ranking"]] == [ada.key.hex()]


async def test_when_too_much_has_just_come_it_says_that_some_is_not_counted(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = Author("ada", FakeClock(NOW))
    await asked_and_answered(service, ada)
    with monkeypatch.context() as hasty:
        hasty.setattr(limits, "INDEX_WAIT", 0.0)
        (note,) = (await service.rank())["notes"]
        assert "not counted yet" in note
        assert "notes" in await service.why(ada.key.hex())
    assert "notes" not in await service.rank()
