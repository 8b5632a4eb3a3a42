"""What connected peers tell each other about where nodes are: one message, [[peer id, [multiaddr…]]…], the sender itself first.

Hearsay: whoever is dialled proves who they are in the handshake. Must not know how an address is dialled.
"""

import re

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.encoding import Value, decode, encode

_PEER = re.compile(r"[1-9A-HJ-NP-Za-km-z]{32,64}")
_ADDRESS = re.compile(r"/[!-~]+")

Book = dict[str, list[str]]


def write(book: Book) -> bytes:
    """The message for peer id → multiaddrs, cut to what a message may hold."""
    entries = list(book.items())[: limits.MAX_EXCHANGED_PEERS]
    return encode([[peer, addresses[: limits.MAX_ADDRESSES_PER_PEER]] for peer, addresses in entries])


def read(data: bytes) -> Book:
    """Peer id → multiaddrs. Raises PeerFault."""
    entries = decode(data)
    if len(entries) > limits.MAX_EXCHANGED_PEERS:
        raise PeerFault("limit", f"addresses of {len(entries)} peers")
    book: Book = {}
    for entry in entries:
        match entry:
            case [str(peer), list(addresses)] if _PEER.fullmatch(peer) and len(addresses) <= limits.MAX_ADDRESSES_PER_PEER:
                book[peer] = [_address(address) for address in addresses]
            case _:
                raise PeerFault("message", "not an entry of addresses")
    return book


def _address(value: Value) -> str:
    if not isinstance(value, str) or len(value) > limits.MAX_ADDRESS or not _ADDRESS.fullmatch(value):
        raise PeerFault("message", "not an address")
    return value
