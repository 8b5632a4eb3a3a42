"""The port's promises over real sockets, between two hosts here and with one in another process."""

import signal
import socket
import time

import pytest
import trio

from p2plearn.errors import BadAddress, CannotListen, ConnectionLost, TooLarge, Unreachable
from p2plearn.limits import MAX_GOSSIP, PING_INTERVAL, PING_TIMEOUT, SHUTDOWN_TIMEOUT
from p2plearn.node.net.network import Stream, Verdict
from tests.node.nodes import eventually, hears_gossip, pair, run_host, run_remote

pytestmark = pytest.mark.network
ECHO = "/test/echo"


async def echo(stream: Stream) -> None:
    while data := await stream.receive():
        await stream.send(data)


async def test_two_processes_talk_and_gossip() -> None:
    async with run_remote() as (remote, address), run_host(1) as host:
        peer = await host.connect(address)
        assert [info.peer for info in host.peers()] == [peer]
        stream = await host.open(peer, ECHO)
        await stream.send(b"hello")
        assert await stream.receive() == b"hello"
        await stream.close()
        assert await stream.receive() == b""
        await hears_gossip(host)
        await host.publish(b"news")
        assert await remote.line() == "news"


async def test_a_wildcard_becomes_every_address_with_one_port() -> None:
    async with run_host(1, ["/ip4/0.0.0.0/tcp/0"]) as host:
        addresses = host.addresses()
        assert addresses[0].startswith("/ip4/127.0.0.1/tcp/")
        assert not any("0.0.0.0" in address or "/tcp/0/" in address for address in addresses)
        assert all(address.endswith(f"/p2p/{host.peer_id}") for address in addresses)
        assert len({address.split("/")[4] for address in addresses}) == 1
        async with run_host(2, []) as other:
            assert other.addresses() == []
            for address in addresses:
                assert await other.connect(address) == host.peer_id
                await other.disconnect(host.peer_id)


async def test_a_port_in_use_is_refused_with_a_reason() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match="another program uses this port"):
            async with run_host(1, [f"/ip4/127.0.0.1/tcp/{port}"]):
                pass
    async with run_host(1, [f"/ip4/127.0.0.1/tcp/{port}"]) as first:
        with pytest.raises(CannotListen):
            async with run_host(2, [f"/ip4/127.0.0.1/tcp/{port}"]):
                pass
        assert first.addresses() == [f"/ip4/127.0.0.1/tcp/{port}/p2p/{first.peer_id}"]
    with pytest.raises(CannotListen, match="does not have this address"):
        async with run_host(1, ["/ip4/192.0.2.77/tcp/0"]):
            pass


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nonsense",
        "/ip4/127.0.0.1/tcp/4001",
        "/ip4/127.0.0.1/udp/4001/quic-v1/p2p/{peer}",
        "/dns4/example.org/tcp/4001/p2p/{peer}",
        "/ip4/0.0.0.0/tcp/4001/p2p/{peer}",
        "/ip4/127.0.0.1/tcp/0/p2p/{peer}",
        "/ip4/127.0.0.1/tcp/4001/ws/p2p/{peer}",
        "/ip4/127.0.0.1/tcp/4001/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
        "/ip4/127.0.0.1/tcp/4001/p2p/{peer}/p2p-circuit/p2p/{peer}",
        "/ip4/127.0.0.1/tcp/4001/p2p/" + "1" * 5000,
    ],
)
async def test_an_address_that_is_none_is_refused(address: str) -> None:
    async with run_host(1, []) as host:
        with pytest.raises(BadAddress):
            await host.connect(address.format(peer=host.peer_id))


async def test_nobody_and_somebody_else_are_unreachable() -> None:
    async with run_host(1) as alice, run_host(2, []) as bob, run_host(3, []) as carol:
        nobody = f"/ip4/127.0.0.1/tcp/1/p2p/{alice.peer_id}"
        with pytest.raises(Unreachable):
            await bob.connect(nobody)
        carols = alice.addresses()[0].replace(alice.peer_id, carol.peer_id)
        with pytest.raises(Unreachable, match="somebody else"):
            await bob.connect(carols)
        with pytest.raises(Unreachable):
            await alice.connect(alice.addresses()[0])
        assert alice.peers() == bob.peers() == []


async def test_lan_only_neither_dials_nor_announces_the_world() -> None:
    async with run_host(1, lan_only=True) as host, run_host(2) as other:
        for public in ("/ip4/8.8.8.8/tcp/4001", "/ip6/2001:4860:4860::8888/tcp/4001", "/ip6/::ffff:8.8.8.8/tcp/4001"):
            with pytest.raises(BadAddress, match="outside the local network"):
                await host.connect(f"{public}/p2p/{other.peer_id}")
        assert await host.connect(other.addresses()[0]) == other.peer_id
    with pytest.raises(CannotListen):
        async with run_host(1, ["/ip4/8.8.8.8/tcp/0"], lan_only=True):
            pass


async def test_callbacks_fire_on_the_first_and_last_connection_only() -> None:
    events: list[str] = []
    async with run_host(1) as alice, run_host(2) as bob:
        alice.on_connected(lambda peer: events.append(f"+{peer}"))
        alice.on_disconnected(lambda peer: events.append(f"-{peer}"))
        async with trio.open_nursery() as nursery:  # both dial at once
            nursery.start_soon(alice.connect, bob.addresses()[0])
            nursery.start_soon(bob.connect, alice.addresses()[0])
        await trio.sleep(0.3)
        assert len(alice.peers()) == len(bob.peers()) == 1
        await bob.disconnect(alice.peer_id)
        await eventually(lambda: not alice.peers())
        assert events == [f"+{bob.peer_id}", f"-{bob.peer_id}"]


async def test_latency_is_measured() -> None:
    async with pair() as (alice, bob):
        await eventually(lambda: all(any(info.latency_ms for info in host.peers()) for host in (alice, bob)))
        for host in (alice, bob):
            latency = host.peers()[0].latency_ms
            assert latency is not None
            assert 0 < latency < 1000


async def test_a_stream_to_nobody_or_of_no_protocol_is_lost() -> None:
    async with pair() as (alice, bob):
        with pytest.raises(ConnectionLost):
            await bob.open(alice.peer_id, "/test/nothing")
        await bob.disconnect(alice.peer_id)
        with pytest.raises(ConnectionLost):
            await bob.open(alice.peer_id, ECHO)


async def test_losing_the_connection_ends_every_wait_on_it() -> None:
    async with pair() as (alice, bob):
        alice.handle(ECHO, echo)
        stream = await bob.open(alice.peer_id, ECHO)
        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                with pytest.raises(ConnectionLost):
                    await stream.receive()

            nursery.start_soon(wait)
            await trio.sleep(0.05)
            await alice.disconnect(bob.peer_id)
        with pytest.raises(ConnectionLost):
            await stream.send(b"anyone?")
        await stream.reset()


async def test_what_was_sent_before_the_end_arrives_with_the_end() -> None:
    async def give(stream: Stream) -> None:
        for _ in range(20):
            await stream.send(bytes(50_000))

    async with pair() as (alice, bob):
        alice.handle("/test/give", give)
        stream = await bob.open(alice.peer_id, "/test/give")
        taken = 0
        while data := await stream.receive():
            taken += len(data)
        assert taken == 1_000_000


async def test_a_cancelled_receive_loses_nothing() -> None:
    async with pair() as (alice, bob):
        alice.handle(ECHO, echo)
        stream = await bob.open(alice.peer_id, ECHO)
        sent = b"".join(b"%06d" % number for number in range(20_000))
        got = b""
        async with trio.open_nursery() as nursery:

            async def send() -> None:
                for start in range(0, len(sent), 997):
                    await stream.send(sent[start : start + 997])

            nursery.start_soon(send)
            with trio.fail_after(20):
                while len(got) < len(sent):
                    with trio.move_on_after(0.0005):
                        got += await stream.receive()
        assert got == sent


async def test_gossip_that_is_too_large_is_refused_here() -> None:
    async with run_host(1) as host:
        await host.publish(b"to nobody")
        with pytest.raises(TooLarge):
            await host.publish(bytes(MAX_GOSSIP + 1))


async def test_leaving_is_quick_and_leaves_no_socket() -> None:
    async with run_remote() as (_, address):
        async with run_host(1, ["/ip4/0.0.0.0/tcp/0"]) as host:
            await host.connect(address)
            stream = await host.open(host.peers()[0].peer, ECHO)
            await stream.send(b"under way")
            ports = {int(known.split("/")[4]) for known in host.addresses()}
            left = time.monotonic()
        assert time.monotonic() - left < SHUTDOWN_TIMEOUT
        for port in ports:
            with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=1):
                pass


async def test_a_killed_peer_is_noticed_at_once_and_a_frozen_one_soon() -> None:
    async with run_remote() as (killed, one), run_remote() as (frozen, other), run_host(1) as host:
        lost: list[str] = []
        host.on_disconnected(lost.append)
        first, second = await host.connect(one), await host.connect(other)
        killed.process.kill()
        await eventually(lambda: lost == [first], 1.0)
        frozen.process.send_signal(signal.SIGSTOP)
        await eventually(lambda: lost == [first, second], PING_INTERVAL + PING_TIMEOUT + 1.0)


async def test_a_handler_may_raise_what_it_likes() -> None:
    async def broken(_stream: Stream) -> None:
        raise ZeroDivisionError

    async with pair() as (alice, bob):
        alice.handle("/test/broken", broken)
        alice.handle(ECHO, echo)
        with pytest.raises(ConnectionLost):  # while it opens, or after, as it happens
            await (await bob.open(alice.peer_id, "/test/broken")).receive()
        again = await bob.open(alice.peer_id, ECHO)
        await again.send(b"still here")
        assert await again.receive() == b"still here"


async def test_verdicts_accept_passes_on_ignore_stops_reject_graylists() -> None:
    verdict = {b"good": Verdict.ACCEPT, b"old": Verdict.IGNORE}
    heard: dict[int, list[bytes]] = {2: [], 3: []}
    async with run_host(1) as source, run_host(2) as middle, run_host(3) as end:
        await source.connect(middle.addresses()[0])
        await end.connect(middle.addresses()[0])

        async def judge(_peer: str, data: bytes) -> Verdict:
            heard[2].append(data[:4].strip())
            return verdict.get(data[:4].strip(), Verdict.REJECT)

        async def take(_peer: str, data: bytes) -> Verdict:
            heard[3].append(data[:4].strip())
            return Verdict.ACCEPT

        middle.validate(judge)
        end.validate(take)
        await eventually(lambda: len(middle.pubsub.peer_topics.get("p2plearn/news/1", ())) == 2)
        await eventually(lambda: len(middle.pubsub.router.mesh["p2plearn/news/1"]) == 2)
        for number in range(20):
            await source.publish(b"old %d" % number)
        await source.publish(b"good 1")
        await eventually(lambda: heard[3] == [b"good"])
        assert len(heard[2]) == 21
        for number in range(20):
            await source.publish(b"bad %d" % number)
            await trio.sleep(0.02)
        await source.publish(b"good 2")
        await trio.sleep(0.2)
        assert heard[2].count(b"bad") == 4, "graylisted after four"
        assert heard[3] == [b"good"]
        assert heard[2][-1] == b"bad"
