"""Copying others' words makes nobody rank higher, however many take the copies up: from records to the ranks of a home."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from p2plearn.node.service.service import Service
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author
from p2plearn.testing.clock import FakeClock

NOW = 1_800_000_000_000
SNIPPETS, ADOPTERS = 6, 4


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service.open(tmp_path, FakeClock(NOW)) as opened:
        yield opened


async def hear(service: Service, *records: Record) -> None:
    """A peer brings records."""
    await service._keeper.take([record.raw for record in records], "peer")


async def scores(service: Service) -> dict[str, float]:
    return {one["author"]: one["score"] for one in (await service.rank())["ranking"]}


def words(number: int) -> list[str]:
    chance = random.Random(number)
    return ["".join(chance.choices("abcdefghij", k=6)) for _ in range(60)]


def person(name: str) -> Author:
    return Author(name, FakeClock(NOW))


async def adopted_from(service: Service, copier: Author, texts: list[str]) -> dict[str, float]:
    """The scores when `copier` says these texts and people whom I know, and I, take them up."""
    shared = [copier.share(f"My own {number}", text) for number, text in enumerate(texts)]
    friends = [person(f"friend {number}") for number in range(ADOPTERS)]
    hellos = [
        friend.share("Hello", f"I am {number} of us, and this is what I have to say about it.") for number, friend in enumerate(friends)
    ]
    await hear(service, *shared, *hellos)
    await hear(service, *(friend.adopt(snippet, "passed-on") for friend in friends for snippet in shared))
    for record in (*shared[:2], *hellos):
        await service.adopt(record.id.hex(), "using")
    return await scores(service)


async def test_who_copies_everything_of_the_best_has_nothing_of_it(service: Service) -> None:
    """One word in twenty is changed, and the order of the copies is another."""
    ben, eve = person("ben"), person("eve")
    originals = [words(number) for number in range(SNIPPETS)]
    await hear(service, *(ben.share(f"Number {number}", " ".join(text)) for number, text in enumerate(originals)))
    copies = [" ".join(["other", *text[1:20], "other", *text[21:40], "other", *text[41:]]) for text in reversed(originals)]
    found = await adopted_from(service, eve, copies)
    assert found[ben.key.hex()] > 0.1
    assert eve.key.hex() not in found


async def test_who_says_the_same_number_of_things_of_their_own_has_it_all(service: Service) -> None:
    eve = person("eve")
    found = await adopted_from(service, eve, [" ".join(words(number)) for number in range(SNIPPETS)])
    assert found[eve.key.hex()] == max(found.values())
