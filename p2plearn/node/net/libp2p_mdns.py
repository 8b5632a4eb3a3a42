"""mDNS: being found on the local network, and finding. The libp2p specification's records (discovery/mdns.md), on concrete addresses.

py-libp2p's own announces 0.0.0.0, blocks the event loop while it registers, and calls back on a foreign thread. Knows
zeroconf, and nothing of libp2p's host.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import structlog
import trio
from zeroconf import ServiceBrowser, ServiceInfo, ServiceStateChange, Zeroconf

from p2plearn.limits import MAX_ADDRESS, MAX_ADDRESSES_PER_PEER, MDNS_LOOKUPS, MDNS_TIMEOUT

log = structlog.get_logger(__name__)
SERVICE = "_p2p._udp.local."


@asynccontextmanager
async def announced(peer: str, addresses: Sequence[str], on_found: Callable[[list[str]], None]) -> AsyncIterator[None]:
    """Announce `addresses` of `peer` while the block runs; `on_found` is called in the event loop with the addresses of each other node.

    Names in the announcement say nothing but the peer id. Raises OSError, or what zeroconf raises, where multicast does not work.
    """
    hosts = sorted({address.split("/")[2] for address in addresses if address.startswith("/ip4/")})
    if not hosts:
        raise OSError("there is no IPv4 address to announce on")
    zeroconf = await trio.to_thread.run_sync(partial(Zeroconf, interfaces=hosts))
    send, receive = trio.open_memory_channel[str](MDNS_LOOKUPS)
    token = trio.lowlevel.current_trio_token()

    def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        """On zeroconf's thread."""
        del zeroconf, service_type
        if state_change is not ServiceStateChange.Removed and not name.startswith(f"{label}."):
            with contextlib.suppress(trio.RunFinishedError):
                token.run_sync_soon(note, name)

    def note(name: str) -> None:
        with contextlib.suppress(trio.WouldBlock, trio.ClosedResourceError, trio.BrokenResourceError):
            send.send_nowait(name)  # a flood of names is dropped; nodes announce themselves again

    label = peer[-32:]
    try:
        async with trio.open_nursery() as nursery:
            await trio.to_thread.run_sync(partial(zeroconf.register_service, _info(label, addresses), cooperating_responders=True))
            browser = await trio.to_thread.run_sync(partial(ServiceBrowser, zeroconf, SERVICE, handlers=[changed]))
            nursery.start_soon(_look_up, zeroconf, receive, on_found)
            yield
            nursery.cancel_scope.cancel()
            del browser
    finally:
        with trio.CancelScope(deadline=trio.current_time() + MDNS_TIMEOUT, shield=True):
            await trio.to_thread.run_sync(zeroconf.close, abandon_on_cancel=True)  # type: ignore[call-arg]


async def _look_up(zeroconf: Zeroconf, names: trio.MemoryReceiveChannel[str], on_found: Callable[[list[str]], None]) -> None:
    async for name in names:
        info = ServiceInfo(SERVICE, name)
        request = partial(info.request, zeroconf, MDNS_TIMEOUT * 1000)
        await trio.to_thread.run_sync(request, abandon_on_cancel=True)  # type: ignore[call-arg]
        if addresses := _addresses_in(info.text or b""):
            on_found(addresses)


def _info(label: str, addresses: Sequence[str]) -> ServiceInfo:
    """What is announced: the service, and a TXT entry `dnsaddr=…` for each address."""
    port = int(addresses[0].split("/")[4])
    nearest_last = sorted(addresses, key=lambda address: "/127." in address or "/::1/" in address)
    entries = [b"dnsaddr=" + address.encode() for address in nearest_last[:MAX_ADDRESSES_PER_PEER]]
    text = b"".join(bytes([len(entry)]) + entry for entry in entries if len(entry) < 256)
    hosts = list(dict.fromkeys(address.split("/")[2] for address in addresses))
    return ServiceInfo(SERVICE, f"{label}.{SERVICE}", port=port, properties=text, server=f"{label}.local.", parsed_addresses=hosts)


def _addresses_in(text: bytes) -> list[str]:
    """The addresses in a TXT record: a list of `dnsaddr=…`, which zeroconf's own mapping would reduce to one."""
    addresses, rest = [], text
    while rest:
        entry, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
        key, _, value = entry.partition(b"=")
        if key.startswith(b"dnsaddr") and len(value) <= MAX_ADDRESS:
            addresses.append(value.decode(errors="replace"))
    return addresses[:MAX_ADDRESSES_PER_PEER]
