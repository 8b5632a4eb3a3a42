"""Laptops in a café, in one process: what is said on one reaches the others, whoever comes late, goes away or was cut off."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import pytest
import trio

from p2plearn import limits
from p2plearn.errors import NotFound
from p2plearn.node.net.memory_host import MemoryHost, MemoryHub
from p2plearn.node.node import Node
from p2plearn.node.store import local as store_local
from p2plearn.testing.cafe import in_step, meet, open_laptop, until


async def test_a_question_is_answered_on_another_laptop_and_seen_on_a_third(tmp_path: Path) -> None:
    async with cafe(tmp_path, "ada", "ben", "eve") as (ada, ben, eve):
        await meet(ada, ben)
        await meet(ben, eve)
        asked = (await ada.ask(title="Why is the sky blue?", text="I wonder.", topics=["physics"]))["id"]
        await in_step(ada, ben, eve)
        await ben.reply(asked, "hint", "Think of short waves.")
        await in_step(ada, ben, eve)
        seen = await eve.show(asked)
        assert seen["state"] == "working"
        assert [entry["text"] for entry in seen["thread"]] == ["Think of short waves."]
        assert seen["author"]["name"] == "ada"


async def test_a_laptop_that_joins_late_has_everything(tmp_path: Path) -> None:
    async with cafe(tmp_path, "ada", "late") as (ada, late):
        for number in range(700):
            await ada.share(title=f"Note {number}", text="text " * 50, topics=["notes"])
        await meet(late, ada)
        await in_step(ada, late)
        assert (await late.status())["records"] == 702
        assert len((await late.feed(topic="notes", limit=1000))["items"]) == 700


async def test_both_sides_of_a_partition_catch_up_when_it_heals(tmp_path: Path) -> None:
    hub = MemoryHub(seed=7)
    async with cafe(tmp_path, "ada", "ben", hub=hub) as (ada, ben):
        await meet(ada, ben)
        await in_step(ada, ben)
        hub.partition([(await ada.status())["peer"]], [(await ben.status())["peer"]])
        for number in range(30):
            await ada.share(title=f"A{number}", text="from one side", topics=["x"])
            await ben.share(title=f"B{number}", text="from the other", topics=["x"])
        assert (await ada.status())["fingerprint"] != (await ben.status())["fingerprint"]
        hub.heal()
        await in_step(ada, ben, within=40)
        assert (await ada.status())["records"] == 62


async def test_lossy_air_loses_no_record(tmp_path: Path) -> None:
    hub = MemoryHub(seed=11, loss=0.3, cut=0.02, latency=(0.001, 0.02))
    async with cafe(tmp_path, "ada", "ben", "eve", hub=hub) as nodes:
        for one, other in pairwise(nodes):
            await meet(one, other)
        for number in range(40):
            await nodes[number % 3].share(title=f"N{number}", text="something", topics=["x"])
        await in_step(*nodes, within=60)
        assert (await nodes[0].status())["records"] == 43


async def test_a_small_attachment_comes_along_and_a_large_one_when_somebody_looks(tmp_path: Path) -> None:
    async with cafe(tmp_path, "ada", "ben") as (ada, ben):
        await meet(ada, ben)
        small = await ada.put_attachment(_bytes(b"s" * 5000), "small.txt")
        large = await ada.put_attachment(_bytes(*(bytes([i]) * 300_000 for i in range(10))), "large.bin")
        files = [{"cid": small["cid"], "name": "small.txt"}, {"cid": large["cid"], "name": "large.bin"}]
        shared = (await ada.share(title="Files", text="see here", topics=["x"], attachments=files))["id"]
        await in_step(ada, ben)

        async def small_is_here() -> bool:
            return bool((await ben.show(shared))["attachments"][0]["here"])

        await until(small_is_here)
        assert [file["here"] for file in (await ben.show(shared))["attachments"]] == [True, False]
        size, pieces = await ben.open_attachment(large["cid"])
        assert size == 3_000_000 == sum([len(piece) async for piece in pieces])


async def test_after_a_restart_they_find_each_other_by_themselves(tmp_path: Path) -> None:
    hub = MemoryHub(seed=3)
    async with cafe(tmp_path, "ada", hub=hub) as (ada,):
        async with cafe(tmp_path, "ben", hub=hub) as (ben,):
            await meet(ada, ben)
            await in_step(ada, ben)

            async def remembered() -> bool:
                return bool(await ben._keeper.read(store_local.addresses))  # what is remembered is not shown to people

            await until(remembered)
        await ada.share(title="Meanwhile", text="while ben was away", topics=["x"])
        async with open_laptop(hub, tmp_path / "ben") as ben:
            await in_step(ada, ben, within=40)
            assert (await ben.peers())["peers"][0]["name"] == "ada"


async def test_friends_of_a_friend_are_introduced(tmp_path: Path) -> None:
    async with cafe(tmp_path, "ada", "ben", "eve") as (ada, ben, eve):
        await meet(ada, ben)
        await meet(eve, ben)

        async def introduced() -> bool:
            return len((await ada.peers())["peers"]) == 2

        await until(introduced, within=40)


async def test_what_was_forgotten_stays_away(tmp_path: Path) -> None:
    async with cafe(tmp_path, "ada", "ben") as (ada, ben):
        await meet(ada, ben)
        shared = (await ada.share(title="Oops", text="not for ben", topics=["x"]))["id"]
        await in_step(ada, ben)
        await ben.forget(shared)
        await ada.share(title="Next", text="something new", topics=["x"])
        link = next(iter(ben._syncing.links.values()))  # rounds are not shown to people
        before = link.rounds
        link.nudge()

        async def compared() -> bool:
            return link.rounds > before

        await until(compared, within=30)
        with pytest.raises(NotFound):
            await ben.show(shared)
        assert (await ben.status())["records"] == (await ada.status())["records"] - 1


async def test_a_laptop_told_to_hold_what_it_follows_is_sent_just_that_and_the_rest_when_told_so(tmp_path: Path) -> None:
    async with cafe(tmp_path, "ada", "ben") as (ada, ben):
        await ben.config_set("hold", "followed")
        await ben.follow("bread")
        await ada.share(title="Rye", text="Sour.", topics=["bread"])
        cars = (await ada.share(title="Engines", text="Loud.", topics=["cars"]))["id"]
        await meet(ada, ben)

        async def ben_has(count: int) -> bool:
            return bool((await ben.status())["records"] == count)

        async def is_settled(node: Node) -> bool:
            return any(link.rounds for link in node._syncing.links.values())

        await until(lambda: ben_has(3))  # two profiles and the bread
        await until(lambda: is_settled(ben))
        assert [link.received for link in ben._syncing.links.values()] == [2]
        assert not ben._keeper.counts  # nothing came that had to be turned away
        with pytest.raises(NotFound):
            await ben.show(cars)
        await ada.share(title="Spelt", text="Nutty.", topics=["bread"])
        await until(lambda: ben_has(4))
        await ben.follow("cars")
        await until(lambda: ben_has(5))
        await ada.share(title="Tea", text="Hot.", topics=["tea"])
        await ben.config_set("hold", "all")
        await in_step(ada, ben)


async def test_laptops_that_hold_different_topics_serve_each_other_what_both_hold(tmp_path: Path) -> None:
    async with cafe(tmp_path, "ada", "ben") as (ada, ben):
        for node, topics in ((ada, ("bread", "cars")), (ben, ("bread", "tea"))):
            await node.config_set("hold", "followed")
            for topic in topics:
                await node.follow(topic)
        for topic in ("bread", "cars", "tea"):
            await ada.share(title=f"About {topic}", text="…", topics=[topic])
        await meet(ada, ben)

        async def ben_has(count: int) -> bool:
            return bool((await ben.status())["records"] == count)

        await until(lambda: ben_has(4))  # two profiles, bread, and tea, which its author holds as their own


async def test_no_more_scopes_are_served_than_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SCOPES", 1)
    async with cafe(tmp_path, "ada", "ben", "eve") as (ada, ben, eve):
        await ada.share(title="Rye", text="Sour.", topics=["bread"])
        for node, topic in ((ben, "bread"), (eve, "cars")):
            await node.config_set("hold", "followed")
            await node.follow(topic)

        async def has_met(node: Node) -> bool:
            return bool((await node.status())["records"] > 1)

        await meet(ada, ben)
        await until(lambda: has_met(ben))
        await meet(ada, eve)
        await trio.sleep(0.3)
        assert not await has_met(eve)
        monkeypatch.undo()
        await until(lambda: has_met(eve), within=30)
        assert isinstance(ada._network, MemoryHost)
        assert not ada._network.faults


class cafe:  # noqa: N801  # used like a function
    """Laptops that are up, with the names of their people."""

    def __init__(self, path: Path, *names: str, hub: MemoryHub | None = None) -> None:
        self._path = path
        self._names = names
        self._hub = hub or MemoryHub(seed=1)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> list[Node]:
        nodes = [await self._stack.enter_async_context(open_laptop(self._hub, self._path / name)) for name in self._names]
        for node, name in zip(nodes, self._names, strict=True):
            await node.profile(name=name)
        return nodes

    async def __aexit__(self, *details: object) -> None:
        await self._stack.aclose()


async def _bytes(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
