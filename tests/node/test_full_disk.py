"""A disk that fills up: first nothing more is taken from others, then nothing more is said, and all the time one can read and delete."""

import contextlib
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2plearn import limits
from p2plearn.errors import DiskFull
from p2plearn.node.keeper import Keeper
from p2plearn.node.service.service import Service
from p2plearn.node.store import quota as store_quota
from p2plearn.node.store.store import Store
from p2plearn.testing.authors import Author

CHANCE = random.Random(1)


def talk(size: int) -> str:
    """So many characters, which take nearly as many bytes on the disk."""
    return "".join(CHANCE.choices([chr(n) for n in range(33, 127)], k=size))


ADA = Author("ada")
RAWS = [ADA.share(f"Note {n}", talk(1000), topics=("x",)).raw for n in range(200)]


async def test_below_the_first_reserve_others_wait_and_own_words_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Service.open(tmp_path) as service:
        monkeypatch.setattr(Store, "free_space", lambda _: limits.MIN_FREE_FOR_PEERS - 1)
        taken = await service._keeper.take(RAWS[:3], "peer")
        assert (taken.new, taken.ignored, taken.rejected) == ([], {"disk": 3}, {})
        mine = (await service.share(title="Mine", text="still here", topics=["x"]))["id"]
        assert (await service.search("still"))["items"][0]["id"] == mine
        monkeypatch.setattr(Store, "free_space", lambda _: limits.MIN_FREE_FOR_PEERS)
        assert len((await service._keeper.take(RAWS[:3], "peer")).new) == 3


async def test_below_the_last_reserve_one_can_only_read_and_delete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Service.open(tmp_path) as service:
        mine = (await service.share(title="Mine", text="from before", topics=["x"]))["id"]
        monkeypatch.setattr(Store, "free_space", lambda _: limits.MIN_FREE_FOR_OWN - 1)
        with pytest.raises(DiskFull, match=r"bytes are free on the disk, so nothing new can be stored") as refused:
            await service.share(title="More", text="too much", topics=["x"])
        assert refused.value.exit_code == 6
        assert (await service.show(mine))["text"] == "from before"
        assert (await service.search("anything"))["items"] == []
        assert (await service.forget(mine))["forgotten"] == 1


async def test_a_setting_cannot_spend_the_last_reserve_on_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P2PLEARN_MIN_FREE", "0")
    monkeypatch.setattr(Store, "free_space", lambda _: limits.MIN_FREE_FOR_OWN - 1)
    async with Service.open(tmp_path) as service:
        assert (await service._keeper.take(RAWS[:1], "peer")).ignored == {"disk": 1}


async def test_a_disk_that_fills_in_the_middle_of_a_batch_keeps_nothing_of_it_and_everything_before(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        keeper = service._keeper
        await keeper.load_replica()
        assert len((await keeper.take(RAWS[:5], "peer")).new) == 5
        with full(keeper):
            assert (await keeper.take(RAWS[5:], "peer")).ignored == {"disk": 195}
            with pytest.raises(DiskFull):
                await talk_without_end(service)
            await keeper.note(store_quota.forget_author, b"x" * 32)  # would be good to know; no reason to stop
            mine = len((await service.feed())["items"]) - 5
        assert len(keeper.replica) == 5 + mine
        assert not keeper.store.problem()
        assert len((await keeper.take(RAWS, "peer")).new) == 195
        assert (await service.status())["fingerprint"] == keeper.store.replica().fingerprint().hex()


async def test_a_full_disk_serves_what_it_has_and_forgetting_makes_room(small_disk: Path) -> None:
    async with Service.open(small_disk / "home") as service:
        for start in range(4):
            author = Author(f"talker {start}")
            await service._keeper.take([author.share(f"{n}", talk(10_000)).raw for n in range(250)], "peer")
        free = service._keeper.store.free_space()
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(free - 3 * limits.MiB))
        with pytest.raises(DiskFull):
            await service.share(title="More", text="too much", topics=["x"])
        assert len((await service.feed(limit=1000))["items"]) == 1000
        for start in range(4):
            assert (await service.forget(Author(f"talker {start}").key.hex()))["forgotten"] == 250
        ballast.unlink()
        assert service._keeper.store.free_space() > free + 8 * limits.MiB  # what was forgotten is the disk's again
        await service.share(title="More", text="room again", topics=["x"])


async def test_a_disk_without_a_single_free_byte_can_be_read_and_forgotten_from(small_disk: Path) -> None:
    home = small_disk / "home"
    async with Service.open(home) as service:
        mine = (await service.share(title="Mine", text="from before", topics=["x"]))["id"]
        await service.search("before")
        await service._keeper.take([Author("talker").share(f"{n}", talk(10_000)).raw for n in range(600)], "peer")
        before = await service.status()
    fill(small_disk)
    async with Service.open(home) as service:
        assert await service.status() == before
        assert (await service.show(mine))["text"] == "from before"
        assert len((await service.feed(limit=1000))["items"]) == 601
        assert [item["id"] for item in (await service.search("from"))["items"]] == [mine]
        with pytest.raises(DiskFull):
            await service.share(title="More", text="too much", topics=["x"])
        counts, stream = await service.export_bundle()
        assert sum([len(piece) async for piece in stream]) == counts["bytes"] > 600 * 10_000
        assert (await service.doctor())["checks"][4]["message"] == "0 MiB are free on the disk."
        assert (await service.forget(mine))["forgotten"] == 1
    async with Service.open(home) as service:
        assert (await service.forget(Author("talker").key.hex()))["forgotten"] == 600
        assert (await service.feed())["items"] == []
        assert service._keeper.store.free_space() > 4 * limits.MiB
        assert not service._keeper.store.problem()


def fill(disk: Path) -> None:
    """Write until not a byte more goes."""
    with (disk / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(limits.MiB)):
            pass
    assert os.statvfs(disk).f_bavail == 0


async def talk_without_end(service: Service) -> None:
    while True:
        await service.share(title="Long", text=talk(8000), topics=["x"])


class full:  # noqa: N801  # used like a function
    """While it lasts, the store's file cannot grow."""

    def __init__(self, keeper: Keeper) -> None:
        self._writer = keeper.store._writer

    def __enter__(self) -> None:
        (pages,) = self._writer.execute("PRAGMA page_count").fetchone()
        self._writer.execute(f"PRAGMA max_page_count = {pages}")

    def __exit__(self, *_: object) -> None:
        self._writer.execute("PRAGMA max_page_count = 1000000")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 MiB in memory, which only root can make."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=300m", "p2plearn", str(tmp_path)]
    if os.getuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs to mount a small disk")
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)
