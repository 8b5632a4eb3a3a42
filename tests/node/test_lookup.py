"""What a person types and what it names: prefixes, names, topics."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from p2plearn.errors import AmbiguousPrefix, NotFound, UsageError
from p2plearn.node.service.lookup import Lookup
from p2plearn.node.service.service import Service
from p2plearn.node.store.local import Target
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author

ADA, BEN = Author("ada"), Author("ben")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service.open(tmp_path) as opened:
        yield opened


@pytest.fixture
def lookup(service: Service) -> Lookup:
    return service._lookup


async def hear(service: Service, *records: Record) -> None:
    await service._keeper.take([record.raw for record in records], "peer")


async def test_a_record_is_named_by_any_unique_prefix(service: Service, lookup: Lookup) -> None:
    note = Author("ada").share("note")
    await hear(service, note)
    for length in (6, 7, 8, 63, 64):
        assert (await lookup.record(f" {note.id.hex()[:length].upper()} ")).record == note
    for wrong in (note.id.hex()[:5], note.id.hex() + "0", "", "not hex", "0" * 64, "é" * 6):
        with pytest.raises(NotFound):
            await lookup.record(wrong)


async def test_a_prefix_of_several_lists_them(service: Service, lookup: Lookup, monkeypatch: pytest.MonkeyPatch) -> None:
    note = Author("ada").share("note")
    await hear(service, note)
    twins = [note.id, note.id[:4] + bytes(28)]
    monkeypatch.setattr(service._keeper.store, "starting_with", lambda *_: twins)
    with pytest.raises(AmbiguousPrefix) as error:
        await lookup.record(note.id.hex()[:8])
    assert error.value.to_json()["candidates"] == [one.hex() for one in twins]


async def test_an_author_is_named_by_key_prefix_or_unique_name(service: Service, lookup: Lookup) -> None:
    await hear(service, Author("ada").profile("Ada  Lovelace"), Author("ben").profile("ben"), Author("eve").profile("Ben"))
    assert await lookup.author(ADA.key.hex()[:6]) == ADA.key
    assert await lookup.author("ada lovelace") == ADA.key
    with pytest.raises(AmbiguousPrefix) as error:
        await lookup.author("BEN")
    assert error.value.details["candidates"] == sorted([BEN.key.hex(), Author("eve").key.hex()])
    with pytest.raises(NotFound):
        await lookup.author("nobody")


async def test_a_name_is_known_as_soon_as_it_is_given_and_no_longer_than_it_holds(service: Service, lookup: Lookup) -> None:
    ada = Author("ada")
    first = ada.profile("Ada")
    await hear(service, first)
    assert (await lookup.names())[ada.key] == "Ada"
    assert (await lookup.names()) is (await lookup.names())  # folded once
    second = ada.profile("Countess")
    await hear(service, second)
    assert (await lookup.names())[ada.key] == "Countess"
    await hear(service, ada.share("a note"))
    assert (await lookup.names())[ada.key] == "Countess"
    await hear(service, ada.retract(second))
    assert (await lookup.names())[ada.key] == "Ada"
    await service.forget(first.id.hex())
    assert ada.key not in await lookup.names()


async def test_a_target_is_somebody_known_here_or_else_a_topic(service: Service, lookup: Lookup) -> None:
    await hear(service, Author("ada").profile("physics"))
    assert await lookup.target("physics") == Target("author", ADA.key)
    assert await lookup.target("#physics") == Target("topic", b"physics")
    assert await lookup.target(" Quantum  Physics ") == Target("topic", b"quantum-physics")
    with pytest.raises(UsageError, match="neither a topic nor anybody known here"):
        await lookup.target("#")
    with pytest.raises(NotFound):  # somebody's key, but nobody known here: never the name of a topic
        await lookup.target(BEN.key.hex())
