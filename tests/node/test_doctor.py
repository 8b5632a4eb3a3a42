"""The doctor: nothing to complain of in a new home, and each thing that is wrong is found, with what to do about it."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from p2plearn.node.service.service import Service
from p2plearn.node.store.store import Store
from p2plearn.paths import Home


async def complaints(service: Service) -> dict[str, Any]:
    """Name → message of the checks that failed; each of them says what to do, the others have nothing to say."""
    checks = (await service.doctor())["checks"]
    assert [bool(check["remedy"]) for check in checks] == [not check["ok"] for check in checks]
    return {check["name"]: check["message"] for check in checks if not check["ok"]}


def open_up(path: Path) -> None:
    path.chmod(0o755)


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


async def test_a_new_home_is_well(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        await service.put_attachment(pieces(b"a picture"), "picture.png")
        assert await complaints(service) == {}


async def test_a_home_and_keys_that_others_can_read(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        open_up(tmp_path)
        open_up(Home(tmp_path).author_key)
        found = await complaints(service)
    assert found == {"home": f"Only you should be able to, but others can, enter {tmp_path}.", "keys": "Others can read your author.key."}


async def test_a_key_that_was_deleted_while_the_node_runs(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        Home(tmp_path).peer_key.unlink()
        assert await complaints(service) == {"keys": "Your peer.key is no longer there."}


async def test_settings_that_cannot_be_read(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        (tmp_path / "config.toml").write_text('quota = "much"\n')
        found = await complaints(service)
    assert found.keys() == {"settings"}
    assert "quota" in found["settings"]


async def test_a_record_that_the_disk_has_spoiled(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        await service.share(title="One", text="text", topics=["x"])
        with service._keeper.store.writing() as db:
            db.execute("UPDATE records SET raw = zeroblob(length(raw))")
        assert await complaints(service) == {"store": "The store is damaged: 1 of the records are not what was stored."}


async def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: Any) -> None:
    async with Service.open(tmp_path) as service:
        monkeypatch.setattr(Store, "free_space", lambda _: 100 * 2**20)
        assert await complaints(service) == {"disk": "100 MiB are free on the disk."}


async def test_a_quota_that_is_used_up(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        await service.share(title="One", text="text " * 1000, topics=["x"])
        await service.config_set("quota", "5kb")
        assert await complaints(service) == {"quota": "What is here takes 0 of the 0 MiB that the quota allows."}


async def test_an_attachment_that_the_disk_has_spoiled(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        await service.put_attachment(pieces(b"a picture"), "picture.png")
        (block,) = (tmp_path / "blocks").glob("??/*")
        block.write_bytes(b"a pixture")
        assert await complaints(service) == {"attachments": "1 blocks of attachments were spoiled."}
        assert await complaints(service) == {}  # it is as if it had never come


async def test_a_clock_that_stands_in_the_past(tmp_path: Path, monkeypatch: Any) -> None:
    async with Service.open(tmp_path) as service:
        monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
        assert (await complaints(service)).keys() == {"clock"}
