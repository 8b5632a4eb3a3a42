"""Nodes on one network find each other; what is announced is concrete; a flood of announcements is borne."""

import logging
from contextlib import AsyncExitStack

import pytest
import trio
import zeroconf
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from p2plearn.clock import SystemClock
from p2plearn.limits import MAX_ADDRESSES_PER_PEER, MDNS_LOOKUPS
from p2plearn.node.net.host import _silence_libraries, open_host
from p2plearn.node.net.libp2p_mdns import _addresses_in, _info, announced
from tests.node.nodes import eventually

pytestmark = pytest.mark.network
PEER = "12D3KooWGVYxTjhZAaqjSqgX5gq5QwG6paGtvKGbv7n8x9bSRu4f"


def test_loopback_is_announced_last_since_it_helps_only_on_this_machine() -> None:
    here, there = f"/ip4/127.0.0.1/tcp/4001/p2p/{PEER}", f"/ip4/192.168.1.7/tcp/4001/p2p/{PEER}"
    assert _addresses_in(_info("label", [here, there]).text or b"") == [there, here]


@pytest.mark.parametrize("text", [b"", b"\xff", b"\x05abcde", b"\x0adnsaddr=\xff\xfe", b"\x00" * 500, bytes(range(256)) * 20])
def test_any_text_record_is_read_without_harm(text: bytes) -> None:
    assert len(_addresses_in(text)) <= MAX_ADDRESSES_PER_PEER


async def test_two_hosts_find_each_other() -> None:
    async with AsyncExitStack() as stack:
        hosts = [
            await stack.enter_async_context(
                open_host(Ed25519PrivateKey.generate(), ["/ip4/0.0.0.0/tcp/0"], mdns=True, lan_only=True, clock=SystemClock())
            )
            for _ in range(2)
        ]
        one, other = hosts
        await eventually(lambda: other.peer_id in [info.peer for info in one.peers()], 15.0)


def test_zeroconf_keeps_to_itself_what_it_thinks_of_a_lost_network() -> None:
    _silence_libraries()
    assert not logging.getLogger("zeroconf").isEnabledFor(logging.CRITICAL)
    zeroconf._logger.set_logger_level_if_unset()  # as an instance does
    assert not logging.getLogger("zeroconf").isEnabledFor(logging.CRITICAL)


async def test_announcements_of_nonsense_are_ignored() -> None:
    found: list[list[str]] = []
    address = f"/ip4/127.0.0.1/tcp/4001/p2p/{PEER}"
    async with announced(PEER, [address], found.append):
        from zeroconf import ServiceInfo, Zeroconf

        def flood() -> None:
            liar = Zeroconf(interfaces=["127.0.0.1"])
            for number in range(8):
                service = ServiceInfo(
                    "_p2p._udp.local.", f"x{number}._p2p._udp.local.", port=1, properties=b"\x0cdnsaddr=junk", server="x.local."
                )
                liar.register_service(service, cooperating_responders=True)
            liar.close()

        await trio.to_thread.run_sync(flood)
        await trio.sleep(0.2)
    assert len(found) <= MDNS_LOOKUPS
    assert all(addresses == ["junk"] for addresses in found)
