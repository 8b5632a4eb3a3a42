"""As much of protobuf's wire format as the formats of IPFS need: varints and length-delimited fields. Source: protobuf.dev, “Encoding”."""

from collections.abc import Iterator

from p2plearn.errors import PeerFault

LONGEST = 10  # bytes of a 64-bit varint


def varint(value: int) -> bytes:
    """A whole number ≥ 0, seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """The varint at `at` and the place behind it; it need not be minimal. Raises PeerFault("encoding") when it does not end."""
    value = 0
    for place, byte in enumerate(data[at : at + LONGEST]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise PeerFault("encoding", "a number without an end")


def length_prefix(data: bytes | bytearray) -> tuple[int, int] | None:
    """The varint that `data` begins with and the place behind it, None while it is not all there. Raises PeerFault("encoding")."""
    if len(data) < LONGEST and all(byte > 0x7F for byte in data):
        return None
    return read_varint(data, 0)


def field(number: int, value: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def number_field(number: int, value: int) -> bytes:
    """A varint field."""
    return varint(number << 3) + varint(value)


class Fields:
    """Reads a message and those within it, at most `most` fields in all: a field of two bytes costs us a hundred."""

    def __init__(self, most: int) -> None:
        self._left = most

    def of(self, data: bytes) -> Iterator[tuple[int, int | bytes]]:
        """Number and value of each field. Raises PeerFault("encoding" | "limit"); IPFS has no fields of fixed width."""
        at = 0
        while at < len(data):
            self._left -= 1
            if self._left < 0:
                raise PeerFault("limit", "too many fields")
            tag, at = read_varint(data, at)
            value, at = read_varint(data, at)
            if tag & 7 == 0:
                yield tag >> 3, value
            elif tag & 7 == 2 and at + value <= len(data):
                yield tag >> 3, data[at : at + value]
                at += value
            else:
                raise PeerFault("encoding", "no field of such a message")
