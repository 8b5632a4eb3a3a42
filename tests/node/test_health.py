"""Health as one home tells it, without a node running: read once, kept, and brought up to date with what comes and goes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from p2plearn.errors import UsageError
from p2plearn.node.service.service import Service
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import START_MS, FakeClock

KEYS = {
    "verdict",
    "seeders",
    "learners",
    "quiet",
    "withholding",
    "capable",
    "share",
    "interval",
    "answered",
    "first_help_s",
    "snowball",
    "bus_factor",
    "gini",
    "topics",
    "next",
    "alarms",
    "me",
}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service.open(tmp_path, FakeClock(START_MS + 3_600_000)) as opened:
        yield opened


async def hear(service: Service, *records: Record) -> None:
    await service._keeper.take([record.raw for record in records], "peer")


async def said(service: Service, answer: dict[str, str]) -> Record:
    """What was just said here, as others see it."""
    (stored,) = await service._keeper.in_thread(service._keeper.store.get, [bytes.fromhex(answer["id"])])
    return stored.record


async def helped_by(service: Service, helper: Author) -> Record:
    """I ask, they help, and I say so: from now on their word counts here."""
    request = await said(service, await service.ask("Why?", "Why?", ["sky"]))
    hint = helper.reply(request, "hint")
    await hear(service, hint)
    await service.solve(request.id.hex(), by=hint.id.hex())
    return request


async def test_an_empty_home_has_too_few_to_tell_and_a_next_step(service: Service) -> None:
    health = await service.health()
    assert health.keys() >= KEYS
    assert (health["verdict"], health["share"], health["interval"], health["topics"], health["me"]) == (
        "too few to tell",
        None,
        None,
        [],
        None,
    )
    assert health["next"]


async def test_it_follows_what_comes_and_what_goes(service: Service) -> None:
    ada = Author("ada")
    await helped_by(service, ada)
    assert (await service.health("sky"))["me"] == "learner"
    note = ada.share("Skies", topics=("sky",))
    await hear(service, note)
    assert (await service.health("#sky"))["capable"] == 0
    adopted = await service.adopt(note.id.hex(), "using")
    health = await service.health("sky")
    assert (health["seeders"], health["capable"], health["me"], health["quiet"]) == (1, 2, "quiet", None)
    await service.share("My skies", "Blue.", ["sky"])
    health = await service.health()
    assert (health["seeders"], health["me"], [topic["topic"] for topic in health["topics"]]) == (2, "seeder", ["sky"])
    assert (health["answered"], health["requests"], health["bus_factor"]) == (1.0, 1, 1)
    await service.retract(adopted["id"])
    assert (await service.health())["capable"] == 0
    await service.forget(note.id.hex())
    assert (await service.health())["seeders"] == 0
    assert (await service.health("tea"))["me"] is None


async def test_whose_word_counts_is_who_is_ranked(service: Service) -> None:
    ada, ben, eve = Author("ada"), Author("ben"), Author("eve")
    request = eve.ask("How?", topics=("sky",))
    attempt = eve.attempt(request)
    await hear(service, request, attempt, ben.judge(attempt, "shown"), ada.teach("tea"))
    health = await service.health()
    assert (health["capable"], health["requests"]) == (0, 0)
    await helped_by(service, ada)
    await helped_by(service, ben)
    assert (await service.health("sky"))["capable"] == 1
    assert (await service.health("tea"))["capable"] == 1
    thanks = eve.reply(request, "comment")
    await hear(service, thanks)
    await service.follow(eve.key.hex())
    assert (await service.health("sky"))["requests"] == 3


async def test_while_nothing_comes_nothing_is_measured_anew_for_a_minute(service: Service) -> None:
    await service.share("Skies", "Blue.", ["sky"])
    await service.health()
    kept = service._caring._kept
    await service.health("sky")
    assert service._caring._kept is kept
    clock = service._keeper.clock
    assert isinstance(clock, FakeClock)
    clock.advance(61)
    await service.health()
    assert service._caring._kept is not kept


async def test_what_is_too_long_ago_is_dropped_also_by_a_home_that_stays_open(service: Service) -> None:
    ben, eve = Author("ben"), Author("eve")
    await helped_by(service, ben)
    request = eve.ask("How?", topics=("sky",))
    attempt = eve.attempt(request)
    await hear(service, request, attempt, ben.judge(attempt, "shown"))
    assert (await service.health("sky"))["capable"] == 1
    clock = service._keeper.clock
    assert isinstance(clock, FakeClock)
    clock.advance(366 * 24 * 3600)
    assert (await service.health("sky"))["capable"] == 0
    assert not service._caring._marks
    assert not service._caring._seen


async def test_a_topic_is_one(service: Service) -> None:
    with pytest.raises(UsageError):
        await service.health("#")
