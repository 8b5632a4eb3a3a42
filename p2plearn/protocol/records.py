"""The record: the one signed thing that people make and nodes copy. `raw = signature(64) ‖ payload`, `id = SHA-256(raw)`.

The envelope is frozen for all versions (docs/PROTOCOL.md, “Record”): an unknown version or kind is still read here, stored and passed on,
and merely not shown. What the elements of `body` mean is the business of `kinds`; whether the signature holds, of `signing`.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

from p2plearn import limits
from p2plearn.errors import PeerFault
from p2plearn.protocol.encoding import Value, check, encode, read

VERSION = 1
COMMONS = "commons"
DEFAULT_LICENCE = "CC-BY-SA-4.0"
SIGNATURE_SIZE = 64
ID_SIZE = 32
KEY_SIZE = 32
NO_PREV = b""

_ELEMENTS = 13
_REFS = 7  # the place of refs among them


class Ref(NamedTuple):
    """That this record stands in `relation` to another: `target` is a record id (32 bytes)."""

    relation: str
    target: bytes


class Attachment(NamedTuple):
    """A file beside the record: CIDv1 bytes, size in bytes, media type, file name, and words for who cannot see it."""

    cid: bytes
    size: int
    media_type: str
    name: str
    alt: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What an author wants to say, before it has a place in their chain. `body` holds encoding values only."""

    kind: str
    body: tuple[Any, ...]
    refs: tuple[Ref, ...] = ()
    topics: tuple[str, ...] = ()
    language: str = ""
    licence: str = DEFAULT_LICENCE
    attachments: tuple[Attachment, ...] = ()
    space: str = COMMONS


class Record(NamedTuple):
    """A record as read from its bytes. `time` is what the author claims, ms since 1970; `prev` is empty at seq 1.

    A tuple because a frozen dataclass takes 2 µs longer to make, and a first sync makes a hundred thousand.
    """

    raw: bytes
    id: bytes
    version: int
    kind: str
    space: str
    author: bytes
    seq: int
    prev: bytes
    time: int
    refs: tuple[Ref, ...]
    topics: tuple[str, ...]
    language: str
    licence: str
    body: tuple[Value, ...]
    attachments: tuple[Attachment, ...]

    def __hash__(self) -> int:
        return hash(self.id)  # a body may hold lists

    def __repr__(self) -> str:
        return f"<Record {self.kind!r} {self.id.hex()[:8]} by {self.author.hex()[:8]}, seq {self.seq}>"

    def targets(self, relation: str) -> list[bytes]:
        """The ids this record names in `relation`, in the order written."""
        return [ref.target for ref in self.refs if ref.relation == relation]

    def target(self, relation: str) -> bytes | None:
        """The first id this record names in `relation`, or None."""
        return next(iter(self.targets(relation)), None)

    @property
    def order(self) -> tuple[int, bytes]:
        """Where one author's record replaces an earlier one of theirs, the greater (seq, id) holds; never the time."""
        return (self.seq, self.id)


def record_id(raw: bytes) -> bytes:
    """The id covers the signature too, so that nobody on the way can swap it for another valid one."""
    return hashlib.sha256(raw).digest()


class RecordTooLong(ValueError):
    """A draft would make a record of `size` bytes, more than MAX_RECORD."""

    def __init__(self, size: int) -> None:
        super().__init__(f"a record of {size} bytes")
        self.size = size


def encode_payload(draft: Draft, author: bytes, seq: int, prev: bytes, time: int) -> bytes:
    """The bytes an author signs. Raises ValueError when the draft breaks a limit: check input before."""
    payload = encode(
        [
            VERSION,
            draft.kind,
            draft.space,
            author,
            seq,
            prev,
            time,
            [list(ref) for ref in draft.refs],
            list(draft.topics),
            draft.language,
            draft.licence,
            list(draft.body),
            [list(attachment) for attachment in draft.attachments],
        ]
    )
    if (size := SIGNATURE_SIZE + len(payload)) > limits.MAX_RECORD:
        raise RecordTooLong(size)
    try:
        parse(bytes(SIGNATURE_SIZE) + payload)
    except PeerFault as fault:
        raise ValueError(str(fault)) from None
    return payload


def parse(raw: bytes, known_id: bytes | None = None) -> Record:
    """Read a record; its signature is not looked at. `known_id`: its id, where that has been computed.

    Raises PeerFault("limit" | "encoding").
    """
    if len(raw) > limits.MAX_RECORD:
        raise PeerFault("limit", f"a record of {len(raw)} bytes")
    items = read(raw[SIGNATURE_SIZE:])
    if len(items) != _ELEMENTS:
        raise PeerFault("encoding", f"{len(items)} elements in the envelope")
    version, kind, space, author, seq, prev, time, refs, topics, language, licence, body, attachments = items
    check(body, limits.MAX_NESTING - 1)  # every other element is of one type, and looked at below
    seq = _integer(seq, 1)
    return Record(
        raw,
        known_id or record_id(raw),
        _integer(version, 1),
        _text(kind, 1, limits.MAX_WORD),
        _text(space, 1, limits.MAX_WORD),
        _bytes(author, KEY_SIZE, KEY_SIZE),
        seq,
        _prev(prev, seq),
        _integer(time, 0),
        tuple([_ref(item) for item in _array(refs, limits.MAX_REFS)]),
        tuple([_text(item, 1, limits.MAX_TOPIC) for item in _array(topics, limits.MAX_TOPICS)]),
        _text(language, 0, limits.MAX_WORD),
        _text(licence, 0, limits.MAX_LICENCE),
        tuple(_array(body, limits.MAX_BODY_ITEMS)),
        tuple([_attachment(item) for item in _array(attachments, limits.MAX_ATTACHMENTS)]),
    )


def refs_of(raw: bytes) -> list[Ref]:
    """Those of a record that was parsed before: what costs less, where a great many are looked at for nothing else."""
    return [_ref(item) for item in _array(read(raw[SIGNATURE_SIZE:])[_REFS], limits.MAX_REFS)]


def _prev(value: Value, seq: int) -> bytes:
    size = ID_SIZE if seq > 1 else 0
    if type(value) is not bytes or len(value) != size:
        raise PeerFault("encoding", "prev does not fit seq")
    return value


def _ref(value: Value) -> Ref:
    relation, target = _fields(value, 2)
    return Ref(_text(relation, 1, limits.MAX_WORD), _bytes(target, ID_SIZE, ID_SIZE))


def _attachment(value: Value) -> Attachment:
    cid, size, media_type, name, alt = _fields(value, 5)
    return Attachment(
        _bytes(cid, 1, limits.MAX_CID),
        _integer(size, 0),
        _text(media_type, 0, limits.MAX_MEDIA_TYPE),
        _text(name, 0, limits.MAX_FILE_NAME),
        _text(alt, 0, limits.MAX_ALT),
    )


# Exact types: bool is an int to Python but not to the protocol, hence `type(...) is`.


def _integer(value: Value, least: int) -> int:
    if type(value) is not int or not least <= value <= limits.MAX_INT:
        raise PeerFault("encoding", "not an integer in range")
    return value


def _bytes(value: Value, least: int, most: int) -> bytes:
    if type(value) is not bytes:
        raise PeerFault("encoding", "not bytes")
    if not least <= len(value) <= most:
        raise PeerFault("limit", f"{len(value)} bytes where {least} to {most} may be")
    return value


def _text(value: Value, least: int, most: int) -> str:
    if type(value) is not str:
        raise PeerFault("encoding", "not text")
    if not least <= len(value) <= most or (not value.isascii() and len(value.encode()) > most):
        raise PeerFault("limit", f"a text of {len(value)} characters")
    return value


def _array(value: Value, most: int) -> list[Value]:
    if type(value) is not list:
        raise PeerFault("encoding", "not an array")
    if len(value) > most:
        raise PeerFault("limit", f"{len(value)} items where {most} may be")
    return value


def _fields(value: Value, count: int) -> list[Value]:
    if type(value) is not list or len(value) != count:
        raise PeerFault("encoding", f"not an array of {count}")
    return value
