"""What becomes of gossiped records: carried on, ignored, or charged to who forwarded them."""

from pathlib import Path

import pytest
import trio
import trio.testing

from p2plearn import limits
from p2plearn.node.keeper import Keeper
from p2plearn.node.net.memory_host import MemoryHub, open_memory_host
from p2plearn.node.net.network import Verdict
from p2plearn.node.peers.gossiping import Gossiping
from p2plearn.node.service.service import open_keeper
from p2plearn.paths import Home
from p2plearn.protocol.records import record_id
from p2plearn.testing.authors import Author
from p2plearn.testing.cafe import in_step, meet, open_laptop
from p2plearn.testing.clock import FakeClock


class Scene:
    """A keeper, its gossip, and who was asked because of a gap."""

    def __init__(self, keeper: Keeper, gossiping: Gossiping, gaps: list[str], clock: FakeClock) -> None:
        self.keeper, self.gossiping, self.gaps, self.clock = keeper, gossiping, gaps, clock


@pytest.fixture
async def scene(tmp_path: Path):
    clock = FakeClock()
    hub = MemoryHub(seed=2)
    async with open_keeper(Home(tmp_path / "home"), clock) as (keeper, _):
        await keeper.load_replica()
        async with open_memory_host(hub, keeper.identity.peer) as network:
            gaps: list[str] = []
            yield Scene(keeper, Gossiping(keeper, network, gaps.append), gaps, clock)


async def test_a_new_record_is_kept_and_carried_on(scene: Scene) -> None:
    record = Author("ben").share("News")
    assert await scene.gossiping.judge("peer", record.raw) is Verdict.ACCEPT
    assert record.id in scene.keeper.replica
    assert scene.gaps == []


async def test_a_record_that_sync_brought_first_is_still_carried_on_while_it_is_fresh(scene: Scene) -> None:
    record = Author("ben").share("News")
    await scene.keeper.take([record.raw], "somebody")
    assert await scene.gossiping.judge("peer", record.raw) is Verdict.ACCEPT
    scene.clock.advance(limits.GOSSIP_FRESH_S + 1)
    assert await scene.gossiping.judge("peer", record.raw) is Verdict.IGNORE


@pytest.mark.parametrize(
    "spoil", [lambda raw: bytes(64) + raw[64:], lambda raw: raw + b"\0", lambda raw: raw[:40], lambda _: b"x" * 20_000]
)
async def test_what_is_no_record_is_charged_to_the_forwarder(scene: Scene, spoil) -> None:
    assert await scene.gossiping.judge("peer", spoil(Author("ben").share("News").raw)) is Verdict.REJECT


async def test_what_is_only_over_quota_or_forgotten_is_ignored(scene: Scene) -> None:
    ben = Author("ben")
    await scene.keeper.set_quota(1)
    assert await scene.gossiping.judge("peer", ben.share("Too much").raw) is Verdict.IGNORE
    await scene.keeper.set_quota(limits.DEFAULT_QUOTA)
    await scene.keeper.forget([], ben.key)
    assert await scene.gossiping.judge("peer", ben.share("From somebody forgotten").raw) is Verdict.IGNORE


async def test_what_comes_during_a_commit_goes_together_into_the_next_and_is_judged_one_by_one(scene: Scene) -> None:
    said = [Author(f"author {number}").share(f"News {number}").raw for number in range(12)]
    said[5] = bytes(64) + said[5][64:]
    verdicts: dict[int, Verdict] = {}
    commits: list[int] = []
    scene.keeper.listen(lambda change, _source: commits.append(len(change.added)))

    async def judge(number: int) -> None:
        verdicts[number] = await scene.gossiping.judge("peer", said[number])

    async with trio.open_nursery() as nursery:
        for number in range(12):
            nursery.start_soon(judge, number)
    assert verdicts == {number: Verdict.REJECT if number == 5 else Verdict.ACCEPT for number in range(12)}
    assert sum(commits) == 11
    assert max(commits) >= 10


async def test_records_of_one_author_that_come_together_are_each_checked_at_once(scene: Scene) -> None:
    """What is carried on alone has to hold alone, also where a later record vouches for it."""
    ben = Author("ben")
    raws = [ben.share(f"{number}").raw for number in range(4)]
    raws[1] = bytes(64) + raws[1][64:]
    verdicts: list[Verdict] = []

    async def judge(raw: bytes) -> None:
        verdicts.append(await scene.gossiping.judge("peer", raw))

    async with trio.open_nursery() as nursery:
        for raw in raws:
            nursery.start_soon(judge, raw)
    assert sorted(verdict.value for verdict in verdicts) == ["accept", "accept", "accept", "reject"]


async def test_what_only_a_run_vouches_for_is_not_carried_on_unchecked(scene: Scene) -> None:
    """Else an author of broken signatures would make us the forwarder of them."""
    ben = Author("ben")
    sound = ben.share("Nobody's")
    forged = bytes(64) + sound.raw[64:]
    ben.prev = record_id(forged)
    vouching = ben.share("It is mine").raw
    await scene.keeper.take([forged, vouching], "somebody")
    assert record_id(forged) in scene.keeper.replica
    assert await scene.gossiping.judge("peer", vouching) is Verdict.ACCEPT
    assert await scene.gossiping.judge("peer", forged) is Verdict.REJECT
    assert record_id(forged) not in scene.keeper.replica


async def test_somebody_elses_judgement_goes_on_when_one_is_given_up(scene: Scene) -> None:
    said = [Author(f"author {number}").share(f"News {number}").raw for number in range(6)]
    verdicts: list[Verdict] = []

    async def judge(raw: bytes, scope: trio.CancelScope) -> None:
        with scope:
            verdicts.append(await scene.gossiping.judge("peer", raw))

    async with trio.open_nursery() as nursery:
        scopes = [trio.CancelScope() for _ in said]
        for raw, scope in zip(said, scopes, strict=True):
            nursery.start_soon(judge, raw, scope)
        await trio.testing.wait_all_tasks_blocked()
        scopes[0].cancel()
        scopes[1].cancel()
    assert verdicts.count(Verdict.ACCEPT) >= 4


async def test_a_gap_before_a_record_makes_us_ask_who_forwarded_it(scene: Scene) -> None:
    ben = Author("ben")
    ben.share("Missed")
    assert await scene.gossiping.judge("peer", ben.share("Heard").raw) is Verdict.ACCEPT
    assert scene.gaps == ["peer"]


async def test_a_record_dated_far_ahead_or_back_is_kept(scene: Scene) -> None:
    ben = Author("ben")
    for years in (-10, 10):
        ben.clock.jump(scene.clock.now_ms() + years * 365 * 24 * 3600 * 1000)
        assert await scene.gossiping.judge("peer", ben.share(f"{years}").raw) is Verdict.ACCEPT


async def test_what_is_said_alone_is_not_gossiped_to_whoever_comes_later(tmp_path: Path) -> None:
    hub = MemoryHub(seed=3)
    published: list[bytes] = []
    async with open_laptop(hub, tmp_path / "ada") as ada, open_laptop(hub, tmp_path / "ben") as ben:
        publish = ada._network.publish

        async def watched(data: bytes) -> None:
            published.append(data)
            await publish(data)

        ada._network.publish = watched  # type: ignore[method-assign]
        for number in range(5):
            await ada.share(title=f"N{number}", text="to nobody yet", topics=["x"])
        await meet(ada, ben)
        await in_step(ada, ben)
        await trio.sleep(5 * limits.GOSSIP_AFTER)
        assert published == []
        await ada.share(title="Now", text="to somebody", topics=["x"])
        await in_step(ada, ben)
        await trio.sleep(5 * limits.GOSSIP_AFTER)
        assert len(published) == 1


async def test_a_push_goes_before_gossip(tmp_path: Path) -> None:
    """Signing and sending a message of gossip takes longer than the push, and would delay it half of the time."""
    hub = MemoryHub(seed=4)
    async with open_laptop(hub, tmp_path / "ada") as ada, open_laptop(hub, tmp_path / "ben") as ben:
        await meet(ada, ben)
        await in_step(ada, ben)
        publish = ada._network.publish
        published: list[float] = []

        async def watched(data: bytes) -> None:
            published.append(trio.current_time())
            await publish(data)

        ada._network.publish = watched  # type: ignore[method-assign]
        said = []
        for number in range(5):
            await ada.share(title=f"N{number}", text="to somebody", topics=["x"])
            said.append(trio.current_time())
        await in_step(ada, ben)
        with trio.fail_after(5):
            while len(published) < 5:  # noqa: ASYNC110 - what is waited for has no event
                await trio.sleep(0.01)
    assert all(gossiped > committed for committed, gossiped in zip(said, published, strict=True))
