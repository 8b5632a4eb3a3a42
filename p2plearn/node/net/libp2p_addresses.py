"""Multiaddrs as this node uses them: /ip4 or /ip6, /tcp, and /p2p where a peer is meant; concrete, never a wildcard.

Knows addresses and the machine's interfaces; opens nothing.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

import ifaddr
from libp2p.peer.id import ID
from multiaddr import Multiaddr

from p2plearn.errors import BadAddress
from p2plearn.limits import MAX_ADDRESS

_ED25519_PEER_ID = bytes.fromhex("002408011220")  # identity multihash of a PublicKey message of type Ed25519
IP = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """An IP address and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"/ip{ipaddress.ip_address(self.host).version}/{self.host}/tcp/{self.port}"


def is_ed25519(peer: ID) -> bool:
    """The peer id holds an Ed25519 key: the only kind this network uses (peer-ids.md of the libp2p specification)."""
    raw = peer.to_bytes()
    return len(raw) == 38 and raw.startswith(_ED25519_PEER_ID)


def is_private(host: str) -> bool:
    """The address never leaves the local network: loopback, link-local, RFC 1918, unique local, carrier-grade NAT."""
    ip = ipaddress.ip_address(host)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return ip.is_loopback or ip.is_link_local or not ip.is_global


def parse(address: str) -> tuple[Endpoint, ID | None]:
    """The parts of /ip4|ip6/HOST/tcp/PORT[/p2p/PEER]. Raises BadAddress for anything else, names included."""
    if len(address) > MAX_ADDRESS:
        raise BadAddress(address=f"{address[:64]}…", reason=f"it is longer than {MAX_ADDRESS} characters")
    try:
        parts = [(protocol.name, value) for protocol, value in Multiaddr(address).items()]
    except Exception as error:  # the parser raises many kinds, none of them documented
        raise BadAddress(address=address, reason="it is no multiaddr") from error
    names = [name for name, _ in parts]
    if names not in (["ip4", "tcp"], ["ip6", "tcp"], ["ip4", "tcp", "p2p"], ["ip6", "tcp", "p2p"]):
        raise BadAddress(address=address, reason="it is not made of /ip4 or /ip6, /tcp and /p2p")
    endpoint = Endpoint(str(ipaddress.ip_address(str(parts[0][1]))), int(str(parts[1][1])))
    if len(parts) == 2:
        return endpoint, None
    peer = ID.from_string(str(parts[2][1]))
    if not is_ed25519(peer):
        raise BadAddress(address=address, reason="its peer id is not of an Ed25519 key")
    return endpoint, peer


def parse_dialable(address: str, *, lan_only: bool) -> tuple[Endpoint, ID]:
    """Where to dial whom. Raises BadAddress."""
    endpoint, peer = parse(address)
    if peer is None:
        raise BadAddress(address=address, reason="it does not end in /p2p/ and a peer id")
    ip = ipaddress.ip_address(endpoint.host)
    if endpoint.port == 0 or ip.is_unspecified or ip.is_multicast:
        raise BadAddress(address=address, reason="nobody can be dialled there")
    if lan_only and not is_private(endpoint.host):
        raise BadAddress(address=address, reason="it is outside the local network, where this node was told to stay")
    return endpoint, peer


def interface_hosts() -> list[str]:
    """Every usable address of this machine now, loopback included. IPv6 link-local ones need a zone and are left out."""
    found: set[IP] = set()
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            ip = ipaddress.ip_address(entry.ip if isinstance(entry.ip, str) else entry.ip[0])
            if ip.version == 4 or not ip.is_link_local:
                found.add(ip)
    return [str(ip) for ip in sorted(found, key=lambda ip: (not ip.is_loopback, ip.version, ip.packed))]


def expand(listen: Iterable[str], *, lan_only: bool) -> list[Endpoint]:
    """Concrete endpoints for `listen`: a wildcard becomes every interface address of its kind. Raises BadAddress."""
    endpoints: list[Endpoint] = []
    for address in listen:
        endpoint, _ = parse(address)
        ip = ipaddress.ip_address(endpoint.host)
        hosts = [endpoint.host]
        if ip.is_unspecified:
            hosts = [host for host in interface_hosts() if ipaddress.ip_address(host).version == ip.version]
        endpoints += [Endpoint(host, endpoint.port) for host in hosts if not lan_only or is_private(host)]
    return list(dict.fromkeys(endpoints))
