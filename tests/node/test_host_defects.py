"""Defects of py-libp2p that are no attack, each shown on the stock package where that is quick, and absent from our host."""

import socket
import time
from contextlib import AsyncExitStack
from pathlib import Path

import multiaddr
import pytest
import trio
from libp2p import new_host
from libp2p.custom_types import TProtocol
from libp2p.peer.peerinfo import info_from_p2p_addr

from p2plearn.errors import ConnectionLost
from p2plearn.limits import FAULTS_TO_GRAYLIST
from p2plearn.node.net import libp2p_addresses
from p2plearn.node.net.libp2p_listen import Listeners
from p2plearn.node.net.network import Stream, Verdict
from tests.node.nodes import LOOPBACK, Remote, eventually, hears_gossip, pair, run_host, run_remote

pytestmark = pytest.mark.network
STOCK = Path(__file__).parent / "stock_node.py"
ECHO = "/test/echo"


async def arrivals(remote: Remote, count: int, seconds: float) -> int:
    """How many of `count` lines come before a silence of `seconds`."""
    for arrived in range(count):
        try:
            await remote.line(seconds)
        except trio.TooSlowError:
            return arrived
    return count


async def test_thirty_messages_a_second_all_arrive() -> None:
    async with run_remote() as (remote, address), run_host(1, []) as host:
        await host.connect(address)
        await hears_gossip(host)
        for number in range(30):
            await host.publish(b"%d" % number)
        assert await arrivals(remote, 30, 3.0) == 30


@pytest.mark.slow
async def test_of_thirty_messages_a_second_the_stock_package_delivers_ten() -> None:
    """It counts them per forwarder when it sends on, and drops the others unsaid; so our messages pass one stock node to another host."""
    async with run_remote(STOCK) as (_, address), run_host(1, []) as source, run_host(2, []) as end:
        heard = 0

        async def judge(_peer: str, _data: bytes) -> Verdict:
            nonlocal heard
            heard += 1
            return Verdict.ACCEPT

        end.validate(judge)
        for host in (source, end):
            await host.connect(address)
            await hears_gossip(host)
        await trio.sleep(1.5)  # one heartbeat, for the mesh
        for number in range(30):
            await source.publish(b"%d" % number)
        await trio.sleep(1.0)
        assert heard < 25


@pytest.mark.slow
async def test_a_burst_arrives_whole_at_its_pace() -> None:
    async with run_remote() as (remote, address), run_host(1, []) as host:
        await host.connect(address)
        await hears_gossip(host)

        async def publish() -> None:
            for number in range(400):
                await host.publish(b"%d %s" % (number, b"x" * 200))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(publish)
            assert await arrivals(remote, 400, 3.0) == 400


async def test_messages_after_a_restart_are_new_ones() -> None:
    async with run_remote() as (remote, address):
        for round_ in range(2):
            async with run_host(1, []) as host:
                await host.connect(address)
                await hears_gossip(host)
                for number in range(30):
                    await host.publish(b"%d %d" % (round_, number))
                assert await arrivals(remote, 30, 3.0) == 30


async def test_a_validator_that_takes_its_time_hears_each_message_once() -> None:
    heard: list[bytes] = []

    async def slow(_peer: str, data: bytes) -> Verdict:
        heard.append(data)
        await trio.sleep(0.2)
        return Verdict.ACCEPT

    async def quick(_peer: str, _data: bytes) -> Verdict:
        return Verdict.ACCEPT

    async with AsyncExitStack() as stack:
        source, left, right, end = [await stack.enter_async_context(run_host(number)) for number in range(1, 5)]
        for host in (left, right):
            host.validate(quick)
            await source.connect(host.addresses()[0])
            await end.connect(host.addresses()[0])
            await hears_gossip(host)
        end.validate(slow)
        await eventually(lambda: len(left.pubsub.router.mesh["p2plearn/news/1"]) == len(right.pubsub.router.mesh["p2plearn/news/1"]) == 2)
        await source.publish(b"news")
        await trio.sleep(0.8)
        assert heard == [b"news"]


async def test_a_validator_that_fails_is_not_the_forwarders_fault() -> None:
    async def broken(_peer: str, _data: bytes) -> Verdict:
        raise ZeroDivisionError

    async with pair() as (alice, bob):
        alice.validate(broken)
        await hears_gossip(bob)
        for number in range(2 * FAULTS_TO_GRAYLIST):
            await bob.publish(b"%d" % number)
        await eventually(lambda: len(alice.pubsub.seen_messages._ids) == 2 * FAULTS_TO_GRAYLIST)  # type: ignore[attr-defined]
        assert not alice.pubsub.router.is_graylisted(bob.libp2p.get_id())


async def test_a_dial_does_not_wait_for_a_quarter_of_a_second() -> None:
    async with run_host(1) as alice, run_host(2, []) as bob:
        trips = []
        for _ in range(4):
            began = time.perf_counter()
            await bob.connect(alice.addresses()[0])
            trips.append(time.perf_counter() - began)
            await bob.disconnect(alice.peer_id)
            await eventually(lambda: not alice.peers())
        assert min(trips) < 0.2
        stock = new_host()
        async with stock.run([]):
            began = time.perf_counter()
            await stock.connect(info_from_p2p_addr(multiaddr.Multiaddr(alice.addresses()[0])))
            assert time.perf_counter() - began > 0.25
            await stock.disconnect(alice.libp2p.get_id())


async def test_two_stock_hosts_share_a_port_unnoticed_and_ours_do_not() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = multiaddr.Multiaddr(f"/ip4/127.0.0.1/tcp/{free.getsockname()[1]}")
    one, other = new_host(), new_host()
    async with one.run([address]), other.run([address]):
        assert [str(known).split("/p2p/")[0] for known in other.get_addrs()] == [str(address)]
    # ours: test_a_port_in_use_is_refused_with_a_reason


async def test_a_cancelled_send_leaves_the_connection_whole() -> None:
    async def sink(stream: Stream) -> None:
        while await stream.receive():  # noqa: ASYNC110 - a slow reader
            await trio.sleep(0.001)

    async def echo(stream: Stream) -> None:
        while data := await stream.receive():
            await stream.send(data)

    async with pair() as (alice, bob):
        alice.handle("/test/sink", sink)
        alice.handle(ECHO, echo)
        other = await bob.open(alice.peer_id, ECHO)
        for number in range(60):
            stream = await bob.open(alice.peer_id, "/test/sink")
            with trio.move_on_after(0.001 * (number % 7)):
                await stream.send(bytes(300_000))
            await stream.reset()
            await other.send(b"still one connection")
            assert await other.receive() == b"still one connection"


@pytest.mark.slow
async def test_a_reader_may_pause_longer_than_five_seconds() -> None:
    """Stock writers give up after five seconds without credit; a laptop with a slow disk needs more."""
    taken = 0

    async def late(stream: Stream) -> None:
        nonlocal taken
        await trio.sleep(7)
        while data := await stream.receive():
            taken += len(data)

    async with pair() as (alice, bob):
        alice.handle("/test/late", late)
        stream = await bob.open(alice.peer_id, "/test/late")
        for _ in range(40):
            await stream.send(bytes(50_000))
        await stream.close()
        await eventually(lambda: taken == 2_000_000)


@pytest.mark.slow
async def test_a_reader_that_never_comes_is_given_up() -> None:
    async def never(_stream: Stream) -> None:
        await trio.sleep_forever()

    async with pair() as (alice, bob):
        alice.handle("/test/never", never)
        stream = await bob.open(alice.peer_id, "/test/never")
        with pytest.raises(ConnectionLost):
            await stream.send(bytes(2_000_000))
        assert bob.peers(), "the connection itself is well"


async def test_listening_follows_the_interfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = ["127.0.0.1"]
    monkeypatch.setattr(libp2p_addresses, "interface_hosts", lambda: hosts)

    async def greet(stream: trio.SocketStream) -> None:
        await stream.send_all(b"hello")
        await stream.aclose()

    async def answer(host: str, port: int) -> bytes:
        async with await trio.open_tcp_stream(host, port) as stream:
            return bytes(await stream.receive_some())

    async with trio.open_nursery() as nursery:
        listeners = Listeners(["/ip4/0.0.0.0/tcp/0"], lan_only=False)
        await listeners.bind()
        listeners.serve(nursery, greet)
        port = listeners.endpoints()[0].port
        assert await answer("127.0.0.1", port) == b"hello"
        hosts.append("127.0.0.2")
        assert await listeners.follow()
        assert not await listeners.follow()
        assert [(known.host, known.port) for known in listeners.endpoints()] == [("127.0.0.1", port), ("127.0.0.2", port)]
        assert await answer("127.0.0.2", port) == b"hello"
        hosts.remove("127.0.0.1")
        assert await listeners.follow()
        with pytest.raises(OSError, match="connect"):
            await answer("127.0.0.1", port)
        assert await answer("127.0.0.2", port) == b"hello"
        listeners.close()
        nursery.cancel_scope.cancel()


async def test_stock_peers_and_ours_understand_each_other() -> None:
    """Another implementation's identify, ping and streams work: what is guarded is still libp2p."""
    async with run_host(1) as ours:

        async def echo(stream: Stream) -> None:
            while data := await stream.receive():
                await stream.send(data)

        ours.handle(ECHO, echo)
        stock = new_host()
        async with stock.run([multiaddr.Multiaddr(LOOPBACK[0])]):
            await stock.connect(info_from_p2p_addr(multiaddr.Multiaddr(ours.addresses()[0])))
            stream = await stock.new_stream(ours.libp2p.get_id(), [TProtocol(ECHO)])
            await stream.write(b"from another house")
            assert await stream.read(100) == b"from another house"
            await eventually(lambda: ECHO in stock.get_peerstore().get_protocols(ours.libp2p.get_id()))
            await stock.disconnect(ours.libp2p.get_id())
