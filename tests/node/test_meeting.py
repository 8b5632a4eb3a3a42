"""The address book: what is remembered, what is hearsay, and whom a node dials."""

from itertools import pairwise
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from p2plearn import limits
from p2plearn.errors import BadAddress
from p2plearn.node.net.memory_host import MemoryHost, MemoryHub, open_memory_host
from p2plearn.node.peers.meeting import PROTOCOL, peer_in
from p2plearn.node.store import local as store_local
from p2plearn.protocol import addresses
from p2plearn.testing.authors import Author
from p2plearn.testing.cafe import meet, open_laptop, until

PEER = "12D3KooWAKb9mysJ6yqRDyewZ15EeevBdxpsU4WxxjhexzLhNqAp"


async def test_what_a_peer_says_of_itself_is_remembered_and_hearsay_is_not(tmp_path: Path) -> None:
    hub = MemoryHub(seed=1)
    async with open_laptop(hub, tmp_path / "ada") as ada, open_memory_host(hub, Author("ben").private_key) as ben:
        await ben.connect((await ada.status())["addresses"][0])
        stream = await ben.open((await ada.status())["peer"], PROTOCOL)
        await stream.send(addresses.write({ben.peer_id: ["/ip4/10.9.9.9/tcp/7"], PEER: ["/ip4/10.8.8.8/tcp/8"]}))
        await stream.close()

        async def noted() -> bool:
            return bool(await ada._keeper.read(store_local.addresses))

        await until(noted)
        assert await ada._keeper.read(store_local.addresses) == {ben.peer_id: ["/ip4/10.9.9.9/tcp/7"]}
        assert PEER in ada._meeting._known


async def test_a_book_that_is_none_is_blamed(tmp_path: Path) -> None:
    hub = MemoryHub(seed=1)
    async with open_laptop(hub, tmp_path / "ada") as ada, open_memory_host(hub, Author("ben").private_key) as ben:
        await ben.connect((await ada.status())["addresses"][0])
        for message in (b"garbage", bytes(limits.MAX_ADDRESS_MESSAGE + 1)):
            stream = await ben.open((await ada.status())["peer"], PROTOCOL)
            for at in range(0, len(message), limits.MAX_FRAME):
                await stream.send(message[at : at + limits.MAX_FRAME])
            await stream.close()

        network = ada._network
        assert isinstance(network, MemoryHost)

        async def blamed() -> bool:
            return network.faults[ben.peer_id] >= 1

        await until(blamed)
        assert (await ada.status())["running"]


async def test_somebody_who_is_away_is_dialled_again_ever_more_patiently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    del autojump_clock
    hub = MemoryHub(seed=1)
    async with open_laptop(hub, tmp_path / "ada") as ada:
        dialled: list[float] = []
        connect = ada._network.connect

        async def watched(address: str) -> str:
            dialled.append(trio.current_time())
            return await connect(address)

        monkeypatch.setattr(ada._network, "connect", watched)
        ada._meeting.hear(PEER, ["/ip4/10.0.0.99/tcp/1"])
        await trio.sleep(200)
        pauses = [after - before for before, after in pairwise(dialled)]
        assert pauses[:5] == pytest.approx([1, 2, 4, 8, 16], abs=0.5)
        assert max(pauses) <= limits.REDIAL_MAX + 0.5


async def test_hearsay_is_bounded_and_one_does_not_dial_oneself(tmp_path: Path) -> None:
    hub = MemoryHub(seed=1)
    async with open_laptop(hub, tmp_path / "ada") as ada:
        meeting = ada._meeting
        meeting.hear((await ada.status())["peer"], ["/ip4/10.0.0.1/tcp/1"])
        assert not meeting._known
        for number in range(limits.MAX_REMEMBERED_PEERS + 50):
            meeting.hear(f"peer{number}", [f"/ip4/10.0.0.1/tcp/{i}" for i in range(1, 30)])
        assert len(meeting._known) == limits.MAX_REMEMBERED_PEERS
        assert all(len(known.addresses) <= limits.MAX_ADDRESSES_PER_PEER for known in meeting._known.values())
        for number in range(limits.MAX_REMEMBERED_PEERS):
            meeting.hear(f"friend{number}", ["/ip4/10.0.0.1/tcp/1"], met=True)
        meeting.hear("invented", ["/ip4/10.0.0.1/tcp/1"])
        assert all(known.met for known in meeting._known.values()), "hearsay must not displace anybody we met"
        meeting.hear("a new friend", ["/ip4/10.0.0.1/tcp/1"], met=True)
        assert "a new friend" in meeting._known
        assert len(meeting._known) == limits.MAX_REMEMBERED_PEERS


async def test_addresses_are_kept_across_restarts(tmp_path: Path) -> None:
    hub = MemoryHub(seed=1)
    async with open_laptop(hub, tmp_path / "ben") as ben:
        async with open_laptop(hub, tmp_path / "ada") as ada:
            await meet(ada, ben)
        async with open_laptop(hub, tmp_path / "ada") as ada:

            async def connected() -> bool:
                return bool((await ada.peers())["peers"])

            await until(connected)


@pytest.mark.parametrize("address", ["", "nonsense", "/ip4/127.0.0.1/tcp/1", f"/p2p/{PEER}/tcp/1"])
def test_an_address_without_a_peer_is_refused(address: str) -> None:
    with pytest.raises(BadAddress):
        peer_in(address)
