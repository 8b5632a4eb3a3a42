"""What is a person's own business: following, muting, forgetting, settings, and what this node is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from p2plearn.errors import AmbiguousPrefix, BadConfig, NotFound
from p2plearn.node.service.service import Service
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with Service.open(tmp_path) as opened:
        yield opened


async def hear(service: Service, *records: Record) -> None:
    await service._keeper.take([record.raw for record in records], "peer")


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


async def test_the_status_is_that_of_what_is_held(service: Service) -> None:
    empty = await service.status()
    assert (empty["running"], empty["records"], empty["addresses"]) == (False, 0, [])
    await hear(service, Author("ada").share("note"), Author("ben").share("note"))
    status = await service.status()
    assert status["records"] == status["spaces"][0]["records"] == 2
    assert status["fingerprint"] == status["spaces"][0]["fingerprint"] != empty["fingerprint"]


async def test_following_and_muting_last_and_are_undone(service: Service, tmp_path: Path) -> None:
    ada = Author("ada")
    await hear(service, ada.profile("ada"))
    await service.follow("ada")
    await service.mute("Noise  Pollution")
    both = {"following": [ada.key.hex()], "muted": ["noise-pollution"]}
    assert await service.follow("ada") == both  # twice is once
    assert await service.unfollow("ada") == {"following": [], "muted": ["noise-pollution"]}
    assert await service.unmute("noise pollution") == {"following": [], "muted": []}
    with pytest.raises(NotFound):
        await service.follow("0" * 64)


async def test_forgetting_one_thing_takes_its_file_along_unless_others_name_it(service: Service) -> None:
    file = await service.put_attachment(pieces(b"x" * 300_000), "x.bin")
    attached = [{"cid": file["cid"], "name": "x.bin"}]
    first, second = [(await service.share(title=t, text="t", topics=["x"], attachments=attached))["id"] for t in ("one", "two")]
    assert (await service.forget(first[:10]))["forgotten"] == 1
    assert (await service.open_attachment(file["cid"]))[0] == 300_000
    assert (await service.forget(second))["forgotten"] == 1
    with pytest.raises(NotFound):
        await service.open_attachment(file["cid"])
    assert service._blocks.total() == 0
    with pytest.raises(NotFound):
        await service.forget(second)


async def test_forgetting_somebody_takes_everything_of_theirs_and_all_that_may_come(service: Service) -> None:
    ada = Author("ada")
    said = [ada.profile("ada"), *(ada.share(f"{n}") for n in range(1200))]  # more than is deleted at a time
    mine = (await service.share(title="mine", text="t", topics=["x"]))["id"]
    await hear(service, *said)
    assert (await service.forget("ada"))["forgotten"] == 1201
    await hear(service, *said[:3], ada.share("more"))
    assert [item["id"] for item in (await service.feed())["items"]] == [mine]
    assert (await service.forget(ada.key.hex()))["forgotten"] == 0


async def test_a_prefix_that_may_be_a_record_or_somebody_is_not_guessed(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = Author("ada")
    note = ada.share("note")
    await hear(service, note)
    monkeypatch.setattr(service._keeper.store, "starting_with", lambda *_: [note.id])
    with pytest.raises(AmbiguousPrefix):
        await service.forget(ada.key.hex()[:8])
    assert (await service.status())["records"] == 1


async def test_the_quota_holds_at_once_and_what_the_environment_says_stands_above(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await service.config_set("quota", "1kb") == {"key": "quota", "value": 1000}
    note = Author("ada").share("note", "text " * 500)
    assert (await service._keeper.take([note.raw], "peer")).ignored == {"quota": 1}
    await service.config_set("quota", "1GiB")
    assert (await service._keeper.take([note.raw], "peer")).new == [note]
    monkeypatch.setenv("P2PLEARN_QUOTA", "1kb")
    await service.config_set("quota", "1GiB")
    assert (await service._keeper.take([Author("ben").share("b").raw, Author("eve").share("e").raw], "peer")).ignored == {"quota": 2}
    assert await service.config_get("quota") == {"key": "quota", "value": 1000}
    with pytest.raises(BadConfig):
        await service.config_set("quota", "plenty")
