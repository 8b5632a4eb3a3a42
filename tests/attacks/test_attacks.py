"""One node in its own process bears every attack, one after the other, and serves honest peers in between; py-libp2p alone does not.

A tenth of it in `make test`; in full with P2PLEARN_FULL=1 (`make attack`). The seeds are in the attacks.
"""

import os
import statistics
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from libp2p import new_host
from libp2p.crypto.secp256k1 import create_new_key_pair
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.pubsub.pb import rpc_pb2
from multiaddr import Multiaddr

from p2plearn.errors import ConnectionLost, Unreachable
from p2plearn.limits import MAX_GOSSIP, MAX_GOSSIP_REPLAY, MAX_STREAMS_PER_PEER, KiB, MiB
from p2plearn.node.net import libp2p_yamux
from p2plearn.node.net.host import Host
from p2plearn.node.net.libp2p_addresses import parse_dialable
from p2plearn.node.net.libp2p_mesh import TOPIC
from p2plearn.node.net.network import Stream
from tests.attacks import attacks
from tests.node.nodes import Remote, eventually, hears_gossip, run_host, run_remote

pytestmark = [pytest.mark.network, pytest.mark.processes]
FULL = bool(os.environ.get("P2PLEARN_FULL"))
STOCK = Path(__file__).parents[1] / "node" / "stock_node.py"
ECHO = "/test/echo"


async def serves(target: Remote, address: str, word: str) -> None:
    """An honest stranger gets an answer within five seconds, and its news arrives."""
    assert target.alive, "the node is dead"
    with trio.fail_after(15):
        async with run_host(7, []) as honest:
            peer = await honest.connect(address)
            stream = await honest.open(peer, ECHO)
            await stream.send(b"hello")
            assert await stream.receive() == b"hello"
            await hears_gossip(honest)
            await honest.publish(word.encode())
            while await target.line() != word:
                pass


@pytest.mark.slow
@pytest.mark.timeout(3600 if FULL else 240)
async def test_the_node_lives_and_serves_through_every_attack() -> None:
    async with run_remote() as (target, address):
        await serves(target, address, "before")
        calm = target.peak()
        for attack, times in attacks.ATTACKS.items():
            await attack(address, times * 10 if FULL else times)
            await serves(target, address, attack.__name__)
            grown = target.peak() - calm
            print(f"{attack.__name__}: {grown / MiB:+.1f} MiB")
            assert grown < 64 * MiB, attack.__name__
        for stream in attacks.SILENT:
            await stream.aclose()
        attacks.SILENT.clear()


@pytest.mark.slow
@pytest.mark.parametrize("attack", [attacks.garbage_gossip, attacks.undecodable_key, attacks.failing_handler])
async def test_the_stock_package_dies(attack: attacks.Attack) -> None:
    async with run_remote(STOCK) as (target, address):
        await attack(address, 3)
        await eventually(lambda: not target.alive, 10)


@pytest.mark.slow
async def test_the_stock_package_keeps_whatever_it_is_sent() -> None:
    async with run_remote(STOCK) as (target, address):
        calm = target.peak()
        await attacks.ignored_window(address, 40)
        await eventually(lambda: target.peak() - calm > 30 * MiB, 20)


async def accepted_without_a_key(address: str) -> list[str]:
    """Which transports a stranger may use, of all that py-libp2p knows."""
    endpoint, _ = parse_dialable(address, lan_only=False)
    accepted = []
    for name in ("/noise", "/plaintext/2.0.0", "/secio/1.0.0", "/tls/1.0.0"):
        async with await trio.open_tcp_stream(endpoint.host, endpoint.port) as stream:
            greeting, wanted = b"\x13/multistream/1.0.0\n", f"{name}\n".encode()
            await stream.send_all(greeting + bytes([len(wanted)]) + wanted)
            heard = b""
            with trio.move_on_after(5):
                while len(heard) < len(greeting) + 4:
                    heard += await stream.receive_some()
            if name.encode()[:3] in heard[len(greeting) :]:
                accepted.append(name)
    return accepted


async def test_nobody_gets_in_but_by_noise() -> None:
    async with run_host(1) as host:
        assert await accepted_without_a_key(host.addresses()[0]) == ["/noise"]


@pytest.mark.slow
async def test_the_stock_package_lets_everybody_in_by_plaintext() -> None:
    async with run_remote(STOCK) as (_, address):
        assert "/plaintext/2.0.0" in await accepted_without_a_key(address)


async def latency(host: Host, peer: str) -> float:
    """Median seconds of a round trip."""
    stream = await host.open(peer, ECHO)
    trips = []
    for _ in range(60):
        asked = trio.current_time()
        await stream.send(b"honest")
        await stream.receive()
        trips.append(trio.current_time() - asked)
        await trio.sleep(0.02)
    await stream.reset()
    return statistics.median(trips)


@pytest.mark.slow
async def test_a_flood_of_gossip_leaves_honest_peers_their_time() -> None:
    async with run_remote() as (target, address), run_host(7, []) as honest, run_host(999, []) as flooder:
        peer = await honest.connect(address)
        await flooder.connect(address)
        await hears_gossip(flooder)
        calm, memory = await latency(honest, peer), target.peak()

        async def drain() -> None:
            while True:
                await target.line(60)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drain)
            nursery.start_soon(attacks.flood, flooder, peer, 1000, 4.0)
            await trio.sleep(0.8)  # while it makes them
            stormy = await latency(honest, peer)
            nursery.cancel_scope.cancel()
        grown = target.peak() - memory
        print(f"1,000 messages/s: round trip {calm * 1000:.2f} -> {stormy * 1000:.2f} ms, {grown / MiB:+.1f} MiB")
        assert grown < 64 * MiB
        assert stormy < (2 if FULL else 10) * calm + 0.005, "full runs are for a quiet machine"


async def test_a_request_for_one_message_a_thousand_times_brings_it_once() -> None:
    assert MAX_GOSSIP_REPLAY < 1000
    async with run_host(1) as target, run_host(2, []) as honest, run_host(999, []) as greedy:
        taken = 0

        async def count(stream: object) -> None:
            nonlocal taken
            with trio.move_on_after(20):
                while True:
                    taken += len(await stream.read(65_536))  # type: ignore[attr-defined]

        await honest.connect(target.addresses()[0])
        await hears_gossip(honest)
        await honest.publish(bytes(MAX_GOSSIP - KiB))
        message = next(iter(honest.pubsub.router.mcache.msgs))
        target.pubsub.router.mcache.put(honest.pubsub.router.mcache.msgs[message])
        greedy.libp2p.set_stream_handler(attacks.MESHSUB, count)  # type: ignore[arg-type]
        peer = await greedy.connect(target.addresses()[0])
        with trio.fail_after(10):  # whom it has no stream to it cannot answer
            while len(target.pubsub.peers) < 2:  # noqa: ASYNC110  # a peer of gossip has no event
                await trio.sleep(0.02)
        wanted = rpc_pb2.ControlIWant(messageIDs=[message.hex().encode()] * 1000)
        await attacks.gossip(greedy, peer, rpc_pb2.RPC(control=rpc_pb2.ControlMessage(iwant=[wanted])).SerializeToString())
        with trio.fail_after(10):
            while taken < MAX_GOSSIP - KiB:  # noqa: ASYNC110  # bytes that come have no event
                await trio.sleep(0.02)
        await trio.sleep(0.5)
        assert taken < 2 * MAX_GOSSIP


async def test_faults_stay_known_after_a_reconnect() -> None:
    async with run_host(1) as target, run_host(2) as peer:
        for _ in range(4):
            target.blame(peer.peer_id, "test")
        await peer.connect(target.addresses()[0])
        await peer.disconnect(target.peer_id)
        await eventually(lambda: not target.peers())
        await peer.connect(target.addresses()[0])
        assert target.pubsub.router.is_graylisted(peer.libp2p.get_id())
        assert not target.pubsub.router.scorer.allow_px_from(peer.libp2p.get_id(), [TOPIC])


async def test_places_are_kept_for_those_whom_we_dial(monkeypatch: pytest.MonkeyPatch) -> None:
    from p2plearn.node.net import libp2p_swarm

    monkeypatch.setattr(libp2p_swarm, "MAX_INBOUND", 3)
    monkeypatch.setattr(libp2p_swarm, "MAX_CONNECTIONS_PER_ADDRESS", 2)
    async with run_host(1) as target, run_host(2, []) as one, run_host(3, []) as two, run_host(4) as three:
        await one.connect(target.addresses()[0])
        await two.connect(target.addresses()[0])
        with pytest.raises(Unreachable, match="No p2plearn node answered"):
            await three.connect(target.addresses()[0])
        await target.connect(three.addresses()[0])
        assert len(target.peers()) == 3
        await one.disconnect(target.peer_id)
        await eventually(lambda: len(target.peers()) == 2)
        await one.connect(target.addresses()[0])


async def test_streams_beyond_a_peers_due_are_reset() -> None:
    async with run_host(1) as target, run_host(2, []) as peer:
        target.handle("/test/stall", _stall)
        await peer.connect(target.addresses()[0])
        opened = [await peer.open(target.peer_id, "/test/stall") for _ in range(MAX_STREAMS_PER_PEER - 1)]  # gossip has one
        with pytest.raises(ConnectionLost):
            await peer.open(target.peer_id, "/test/stall")
        await opened[0].reset()
        await trio.sleep(0.1)
        await peer.open(target.peer_id, "/test/stall")


async def _stall(stream: object) -> None:
    await trio.sleep_forever()


async def test_keys_of_another_kind_are_refused() -> None:
    async with run_host(1) as target:
        told: list[str] = []
        target.on_connected(told.append)
        stranger = new_host(key_pair=create_new_key_pair())
        async with stranger.run([]):
            with suppress(Exception):  # it may take itself for connected until it is cut off
                await stranger.connect(info_from_p2p_addr(Multiaddr(target.addresses()[0])))
            await trio.sleep(0.3)
            assert told == []
            assert target.peers() == []
            await stranger.close()


async def test_a_stream_left_half_open_is_reset_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libp2p_yamux, "LINGER", 0.6)
    async with run_host(1) as target, run_host(2, []) as peer:

        async def brief(stream: Stream) -> None:
            await stream.receive()

        target.handle("/test/brief", brief)
        await peer.connect(target.addresses()[0])
        stream = await peer.open(target.peer_id, "/test/brief")
        await stream.send(b"and now I keep my side open")
        assert await stream.receive() == b""
        await stream.send(b"still open")
        await trio.sleep(1.2)
        with pytest.raises(ConnectionLost):
            await stream.send(b"too late")
